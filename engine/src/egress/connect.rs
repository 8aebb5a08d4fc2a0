//! The one place where a socket is opened.
//!
//! Invariant: a name is looked up once a connection; if any of its addresses is refused, the name
//! is refused, and the connection goes to one of the very addresses that were judged. A literal
//! address in a URL takes the same way, so no spelling of it passes by.

use std::{
    fmt, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use http::Uri;
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{Authorities, Failure, Network, Rules, is_open};

/// From the look-up to the end of the TLS handshake, however long the caller would wait.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// One address that swallows packets leaves time for the next.
const ADDRESS_MAX: Duration = Duration::from_secs(3);
/// Judged are all addresses of a name; tried are the first few.
const ADDRESSES_TRIED: usize = 4;

/// Where names become addresses.
#[async_trait]
pub trait Resolve: Send + Sync + 'static {
    /// Every address of the name, the preferred first.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The names that this machine knows.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

#[derive(Clone)]
pub struct Connector(Arc<Inner>);

struct Inner {
    allowed: Vec<Network>,
    resolver: Arc<dyn Resolve>,
    tls: Result<TlsConnector, rustls::Error>,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("allowed", &self.0.allowed).finish_non_exhaustive()
    }
}

impl Connector {
    pub fn new(rules: Rules, resolver: Arc<dyn Resolve>) -> Self {
        let tls = tls(&rules.authorities);
        Self(Arc::new(Inner { allowed: rules.networks, resolver, tls }))
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let inner = self.0.clone();
        Box::pin(async move {
            let opened = timeout(CONNECT_MAX, inner.open(&to)).await;
            opened.unwrap_or_else(|_| {
                let host = to.host().unwrap_or_default();
                Err(Failure::unsent("timeout", format!("no connection to {host} in {} s", CONNECT_MAX.as_secs())))
            })
        })
    }
}

impl Inner {
    async fn open(&self, to: &Uri) -> Result<TokioIo<Box<dyn Stream>>, Failure> {
        let host = to.host().ok_or_else(|| Failure::unsent("url", "the URL names no host"))?;
        let secure = to.scheme_str() == Some("https");
        let port = to.port_u16().unwrap_or(if secure { 443 } else { 80 });
        let tcp = dial(host, &self.judged(host).await?, port).await?;
        if secure { self.secured(host, tcp).await } else { Ok(TokioIo::new(Box::new(tcp))) }
    }

    /// The addresses of the host, every one of them open.
    async fn judged(&self, host: &str) -> Result<Vec<IpAddr>, Failure> {
        let literal = host.trim_start_matches('[').trim_end_matches(']');
        let addresses = if let Ok(address) = literal.parse() {
            vec![address]
        } else if is_local(host) {
            vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
        } else {
            let found = self.resolver.resolve(host).await;
            found.map_err(|error| Failure::unsent("connect", format!("{host} could not be looked up: {error}")))?
        };
        if addresses.is_empty() {
            return Err(Failure::unsent("connect", format!("{host} has no address")));
        }
        match addresses.iter().find(|address| !is_open(**address, &self.allowed)) {
            Some(refused) => {
                let message = format!("{host}: {refused} is no public address, and no allowed network holds it");
                Err(Failure::unsent("address", message))
            }
            None => Ok(addresses),
        }
    }

    async fn secured(&self, host: &str, tcp: TcpStream) -> Result<TokioIo<Box<dyn Stream>>, Failure> {
        let refused = |why: &dyn fmt::Display| Failure::unsent("tls", format!("no TLS with {host}: {why}"));
        let tls = self.tls.as_ref().map_err(|error| refused(error))?;
        let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
        let name = ServerName::try_from(bare.to_owned()).map_err(|error| refused(&error))?;
        let stream = tls.connect(name, tcp).await.map_err(|error| refused(&error))?;
        Ok(TokioIo::new(Box::new(stream)))
    }
}

/// `localhost` and all under it are this machine, whatever a name server says (RFC 6761, 6.3).
fn is_local(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

async fn dial(host: &str, addresses: &[IpAddr], port: u16) -> Result<TcpStream, Failure> {
    let mut last = Failure::unsent("connect", format!("no connection to {host}"));
    for address in addresses.iter().take(ADDRESSES_TRIED) {
        match timeout(ADDRESS_MAX, TcpStream::connect(SocketAddr::new(*address, port))).await {
            Ok(Ok(stream)) => {
                // Without it a small request may wait for the acknowledgement of the one before.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => last.message = format!("no connection to {host} port {port}: {error}"),
            Err(_) => last.message = format!("no connection to {host} port {port} in {} s", ADDRESS_MAX.as_secs()),
        }
    }
    Err(last)
}

fn tls(authorities: &Authorities) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(authorities.roots()?)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A connection, plain or under TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

impl Connection for Box<dyn Stream> {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}
