//! Another system that cycles call: a server on loopback that keeps what it was asked and answers
//! what the test tells it to.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;

#[derive(Clone)]
pub struct Partner {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<VecDeque<String>>,
    /// Requests that are taken and not answered for now.
    silent: watch::Sender<Which>,
    /// What is answered to a request where no answer waits.
    usually: Mutex<Usually>,
    /// Requests that wait for their answer: now, and at most so far.
    waiting: Mutex<(usize, usize)>,
    /// How long an answer takes.
    takes: Mutex<Duration>,
}

type Which = Arc<dyn Fn(&Asked) -> bool + Send + Sync>;
type Usually = Arc<dyn Fn(&Asked) -> (u16, String) + Send + Sync>;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    }
}

impl Partner {
    pub async fn start() -> Self {
        Self::listening("http", None).await
    }

    /// The same under TLS, at `https://localhost:…`, with a certificate of the authority that
    /// [`Self::authority`] is the file of.
    pub async fn start_secured() -> Self {
        let read = |name: &str| std::fs::read(certificates().join(name)).expect("it is in the corpus");
        let certificate = CertificateDer::from_pem_slice(&read("partner.pem")).expect("a certificate");
        let key = PrivateKeyDer::from_pem_slice(&read("partner.key")).expect("its key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(vec![certificate], key))
            .expect("a certificate and its key");
        Self::listening("https", Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    /// In PEM.
    pub fn authority() -> PathBuf {
        certificates().join("authority.pem")
    }

    async fn listening(scheme: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let silent: Which = Arc::new(|_| false);
        let usually: Usually = Arc::new(|_| (200, "{\"ok\":true}".to_owned()));
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            answers: Mutex::default(),
            silent: watch::channel(silent).0,
            usually: Mutex::new(usually),
            waiting: Mutex::default(),
            takes: Mutex::default(),
        });
        let serving = shared.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, shared).await,
                        Some(tls) => {
                            // A caller that does not believe us ends here.
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, shared).await;
                            }
                        }
                    }
                });
            }
        });
        Self { scheme, address, shared }
    }

    pub fn url(&self) -> String {
        match self.scheme {
            // By the name in its certificate.
            "https" => format!("https://localhost:{}", self.address.port()),
            scheme => format!("{scheme}://{}", self.address),
        }
    }

    /// The next answer; without one it is `200` with `{"ok":true}`. `head`: further lines.
    pub fn answers(&self, status: u16, head: &str, body: &str) {
        self.shared.answers.lock().expect("not poisoned").push_back(written(status, head, body));
    }

    /// What is answered, by request, where [`Self::answers`] has none left.
    pub fn usually(&self, answer: impl Fn(&Asked) -> (u16, String) + Send + Sync + 'static) {
        *self.shared.usually.lock().expect("not poisoned") = Arc::new(answer);
    }

    /// Takes requests and answers none, until it is told otherwise.
    pub fn silent(&self, silent: bool) {
        self.silent_to(move |_| silent);
    }

    /// As [`Self::silent`], to some requests alone.
    pub fn silent_to(&self, which: impl Fn(&Asked) -> bool + Send + Sync + 'static) {
        self.shared.silent.send_replace(Arc::new(which));
    }

    /// The most requests that waited for their answer at the same time.
    pub fn at_once(&self) -> usize {
        self.shared.waiting.lock().expect("not poisoned").1
    }

    /// Each answer takes so long from now on.
    pub fn takes(&self, time: Duration) {
        *self.shared.takes.lock().expect("not poisoned") = time;
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().expect("not poisoned").clone()
    }
}

fn certificates() -> PathBuf {
    crate::cycles::root().join("tests/corpora/certificates")
}

fn written(status: u16, head: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{head}\r\n{body}")
}

/// A request that waits for its answer, until it is dropped.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let mut waiting = shared.waiting.lock().expect("not poisoned");
        waiting.0 += 1;
        waiting.1 = waiting.1.max(waiting.0);
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.lock().expect("not poisoned").0 -= 1;
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: Arc<Shared>) {
    let mut read = Vec::new();
    while let Some((asked, length)) = request(&mut stream, &mut read).await {
        read.drain(..length);
        shared.asked.lock().expect("not poisoned").push(asked.clone());
        let one = Waiting::begin(&shared);
        let mut silent = shared.silent.subscribe();
        if silent.wait_for(|silent| !silent(&asked)).await.is_err() {
            return;
        }
        let takes = *shared.takes.lock().expect("not poisoned");
        tokio::time::sleep(takes).await;
        let next = shared.answers.lock().expect("not poisoned").pop_front();
        let usually = shared.usually.lock().expect("not poisoned").clone();
        let answer = next.unwrap_or_else(|| {
            let (status, body) = usually(&asked);
            written(status, "", &body)
        });
        drop(one);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// A whole request and its length; none once the connection has ended.
async fn request(stream: &mut (impl AsyncRead + Unpin), read: &mut Vec<u8>) -> Option<(Asked, usize)> {
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let mut lines = head.lines();
            let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
            let headers: Vec<(String, String)> = lines
                .filter_map(|line| line.split_once(':'))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
                .collect();
            let length = headers.iter().find(|(name, _)| name == "content-length");
            let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0_usize);
            if read.len() >= end + 4 + length {
                let body = String::from_utf8_lossy(&read[end + 4..end + 4 + length]).into_owned();
                return Some((Asked { line, headers, body }, end + 4 + length));
            }
        }
        let mut chunk = [0; 4_096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => read.extend_from_slice(&chunk[..count]),
        }
    }
}
