//! The HTTP/1.1 server: connections accepted, bounded, timed and ended.
//!
//! Invariants: at most [`Limits::connections`] are open; a head that does not come within
//! [`Limits::header_read`] ends its connection (hyper keeps that time only because a timer is set
//! here); once told to stop, the server has left within [`Limits::stop`].

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tower::ServiceExt as _;

use crate::{App, Limits, Problem, app, problem};

/// Refusals under way at once, past the cap on connections; beyond them a connection is just closed.
const REFUSALS_MAX: usize = 256;
/// How long a refused caller has to take its answer.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// After a failed accept (no file descriptor left, say), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// The store's, the log's, the watched definitions'.
const FILES_BESIDE_CONNECTIONS: u64 = 512;
/// hyper reads into at least this much (its own floor).
const READ_BUFFER_MIN: usize = 8 << 10;

/// Serves the whole application until `stop` is ready, then leaves in order: new work is refused
/// with `503`, what is in flight ends, callers that still wait after [`Limits::stop_answers`] get
/// their `202` from the engine, and the engine is closed. Errors where the listener is unusable.
pub async fn run(listener: TcpListener, app: App, stop: impl Future<Output = ()>) -> io::Result<()> {
    let limits = app.limits.clone();
    allow_open_files(limits.connections);
    let (told, stopping) = watch::channel(None);
    let shutdown = {
        let app = app.clone();
        async move {
            stop.await;
            app.drain();
            let _ = told.send(Some(Instant::now()));
        }
    };
    let engine = app.engine.clone();
    let serving = serve(listener, app::router(app), limits.clone(), shutdown);
    let mut serving = std::pin::pin!(serving);
    let told_at = async |mut stopping: watch::Receiver<Option<Instant>>| {
        stopping.wait_for(Option::is_some).await.ok().and_then(|told| *told)
    };
    let patience = async {
        let told = told_at(stopping.clone()).await.unwrap_or_else(Instant::now);
        sleep_until(told + limits.stop_answers).await;
    };
    let served = tokio::select! {
        served = &mut serving => Some(served),
        () = patience => None,
    };
    let latest = stopping.borrow().unwrap_or_else(Instant::now) + limits.stop;
    let closing = tokio::spawn(async move { engine.close().await });
    let served = match served {
        Some(served) => served,
        None => serving.await,
    };
    // Answers that are out are out; a store that does not end must not hold the process.
    if timeout_at(latest, closing).await.is_err() {
        tracing::warn!("the engine did not close in time");
    }
    served
}

/// Raises the soft limit of open files as far as the hard one lets it: a shell's 1,024 would be
/// reached long before [`Limits::connections`].
fn allow_open_files(connections: usize) {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let wanted = connections as u64 + FILES_BESIDE_CONNECTIONS;
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|current| current >= wanted) {
        return;
    }
    limit.current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
    if limit.current < Some(wanted) || setrlimit(Resource::Nofile, limit).is_err() {
        tracing::warn!(wanted, "fewer files may be open than connections are allowed: see `ulimit -n`");
    }
}

/// Serves a router until `shutdown` is ready; then takes further connections for one request each
/// until those that were open have ended, at most [`Limits::stop`] long.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Arc<Limits>,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    listener.local_addr()?;
    let (ending, told) = watch::channel(false);
    let server = Server { router, limits, told, open: Arc::default(), refusing: Arc::default() };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => server.take(accepted).await,
        }
    }
    tracing::info!(open = server.open.count(), "stopping: no new work is taken");
    let _ = ending.send(true);
    let latest = Instant::now() + server.limits.stop;
    loop {
        tokio::select! {
            biased;
            () = server.open.none() => break,
            () = sleep_until(latest) => {
                tracing::warn!(open = server.open.count(), "stopped with connections open");
                break;
            }
            accepted = listener.accept() => server.take(accepted).await,
        }
    }
    Ok(())
}

struct Server {
    router: Router,
    limits: Arc<Limits>,
    /// Whether the server was told to stop.
    told: watch::Receiver<bool>,
    open: Arc<Count>,
    refusing: Arc<Count>,
}

impl Server {
    async fn take(&self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_of_the_connection(&error) => return,
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection");
                return sleep(ACCEPT_PAUSE).await;
            }
        };
        if let Some(place) = Count::enter(&self.open, self.limits.connections) {
            let connection =
                Connection { router: self.router.clone(), limits: self.limits.clone(), told: self.told.clone(), peer };
            tokio::spawn(async move {
                connection.serve(stream).await;
                drop(place);
            });
        } else {
            metrics::counter!("holdfast_limit_reached_total", "limit" => "connections").increment(1);
            tracing::warn!(max = self.limits.connections, "a connection is refused: limit connections");
            if let Some(place) = Count::enter(&self.refusing, REFUSALS_MAX) {
                let max = self.limits.connections;
                tokio::spawn(async move {
                    let _ = timeout(REFUSAL_TIME, refuse(stream, max)).await;
                    drop(place);
                });
            }
        }
    }
}

/// The peer went away before it was accepted; the listener is well.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

struct Connection {
    router: Router,
    limits: Arc<Limits>,
    told: watch::Receiver<bool>,
    peer: SocketAddr,
}

impl Connection {
    async fn serve(mut self, stream: TcpStream) {
        // Answers are small and whole: waiting to fill a packet only delays them.
        let _ = stream.set_nodelay(true);
        let (router, peer) = (self.router, self.peer);
        let service = service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request)
        });
        let late = *self.told.borrow();
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_read)
            // Twice the caps: what is a little over them is refused by `guard`, in full words.
            .max_headers(self.limits.head_fields * 2)
            .max_buf_size((self.limits.head_bytes * 2).max(READ_BUFFER_MIN))
            .keep_alive(!late);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            true = async { !late && self.told.wait_for(|told| *told).await.is_ok() } => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.peer, %error, "a connection ended badly");
        }
    }
}

/// A whole answer without reading the request, then the end: the peer may read it before it is cut off.
async fn refuse(mut stream: TcpStream, max: usize) -> io::Result<()> {
    let document = Problem::unavailable("Too many connections are open.", Duration::from_secs(1))
        .limit("connections", max as u64)
        .document()
        .to_string();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {}\r\ncontent-length: {}\r\nretry-after: 1\r\n\
         connection: close\r\n\r\n{document}",
        problem::MEDIA_TYPE,
        document.len(),
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

/// How many of something there are; each gives its place back when it is dropped.
#[derive(Default)]
struct Count {
    now: AtomicUsize,
    left: Notify,
}

struct Place(Arc<Count>);

impl Count {
    fn enter(this: &Arc<Self>, max: usize) -> Option<Place> {
        let more = |now| (now < max).then_some(now + 1);
        this.now.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Place(this.clone()))
    }

    fn count(&self) -> usize {
        self.now.load(Ordering::Acquire)
    }

    /// Ready once there is none.
    async fn none(&self) {
        loop {
            let left = self.left.notified();
            if self.count() == 0 {
                return;
            }
            left.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::AcqRel);
        self.0.left.notify_waiters();
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
