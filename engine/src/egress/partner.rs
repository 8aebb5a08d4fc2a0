//! A partner on loopback, for the tests: it reads requests and answers them as told.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

const CERTIFICATE: &[u8] = include_bytes!("../../../tests/corpora/certificates/partner.pem");
const KEY: &[u8] = include_bytes!("../../../tests/corpora/certificates/partner.key");

#[derive(Clone)]
pub struct Partner {
    pub port: u16,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    requests: Vec<String>,
}

type Answer = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

impl Partner {
    /// Answers each request with bytes as they are; where there are none, it never answers.
    pub async fn answering(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into(), 0, Duration::ZERO, answer).await
    }

    /// The same under TLS, with the certificate of the tests' authority for `shop.example` and `localhost`.
    pub async fn secured(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        let certificate = CertificateDer::from_pem_slice(CERTIFICATE).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(KEY).expect("its key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
            .expect("a certificate and its key");
        let tls = Some(TlsAcceptor::from(Arc::new(config)));
        Self::listening((Ipv4Addr::LOCALHOST.into(), 0), tls, Duration::ZERO, Arc::new(answer)).await
    }

    pub async fn at(
        address: IpAddr,
        port: u16,
        pause: Duration,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        Self::listening((address, port), None, pause, Arc::new(answer)).await
    }

    async fn listening(at: (IpAddr, u16), tls: Option<TlsAcceptor>, pause: Duration, answer: Answer) -> Self {
        let listener = TcpListener::bind(at).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let noted = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                noted.lock().expect("whole").connections += 1;
                let (answer, noted, tls) = (answer.clone(), noted.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, pause, answer, noted).await,
                        Some(tls) => {
                            // A caller that does not believe us ends here.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, pause, answer, noted).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, seen }
    }

    pub fn connections(&self) -> usize {
        self.seen.lock().expect("whole").connections
    }

    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("whole").requests.clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    pause: Duration,
    answer: Answer,
    seen: Arc<Mutex<Seen>>,
) {
    let mut read = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some(end) = text.find("\r\n\r\n").filter(|end| read.len() >= end + 4 + length(&text)) else {
            if !matches!(stream.read_buf(&mut read).await, Ok(1..)) {
                return;
            }
            continue;
        };
        let rest = read.split_off(end + 4 + length(&text));
        let request = String::from_utf8_lossy(&std::mem::replace(&mut read, rest)).into_owned();
        seen.lock().expect("whole").requests.push(request.clone());
        tokio::time::sleep(pause).await;
        let Some(answer) = answer(&request) else { return std::future::pending().await };
        let close = answer.windows(17).any(|at| at == b"connection: close");
        if stream.write_all(&answer).await.is_err() || close {
            return;
        }
    }
}

fn length(request: &str) -> usize {
    let named = request.lines().find_map(|line| line.strip_prefix("content-length: "));
    named.map_or(0, |digits| digits.parse().expect("a length"))
}

/// A whole answer with that status, those header lines and that body.
pub fn answer(status: u16, lines: &str, body: &str) -> Option<Vec<u8>> {
    Some(format!("HTTP/1.1 {status} Some\r\ncontent-length: {}\r\n{lines}\r\n{body}", body.len()).into_bytes())
}
