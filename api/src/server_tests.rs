use axum::{
    extract::{Request, State},
    response::{IntoResponse as _, Response},
    routing::{any, get},
};
use tokio::{sync::oneshot, task::JoinHandle};

use super::*;
use crate::hooks;

/// A server with nothing but the wire's own checks, and the handle to stop it.
struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
    /// Lets the request at `/held` end.
    release: Arc<Notify>,
    /// Tells that a request came to `/held`.
    held: Arc<Notify>,
}

async fn take(State(limits): State<Arc<Limits>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match hooks::read_body(body, &parts.headers, &limits).await {
        Ok(raw) => format!("{} bytes", raw.len()).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn start(limits: Limits) -> Running {
    let limits = Arc::new(limits);
    let (held, release) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let wait = {
        let (held, release) = (held.clone(), release.clone());
        async move || {
            held.notify_one();
            release.notified().await;
            "released"
        }
    };
    let router = Router::new()
        .route("/body", any(take).with_state(limits.clone()))
        .route("/held", get(wait))
        .fallback(async || "here");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(serve(listener, router, limits, async {
        let _ = stopped.await;
    }));
    Running { address, stop, served, release, held }
}

fn brief(limits: Limits) -> Limits {
    Limits { header_read: Duration::from_millis(50), body_read: Duration::from_millis(50), ..limits }
}

async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.expect("a connection")
}

/// Everything until the server ends the connection.
async fn rest(mut stream: TcpStream) -> String {
    let mut read = Vec::new();
    let _ = stream.read_to_end(&mut read).await;
    String::from_utf8_lossy(&read).into_owned()
}

async fn exchange(server: &Running, request: &str) -> String {
    let mut stream = connect(server).await;
    stream.write_all(request.as_bytes()).await.expect("sent");
    rest(stream).await
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_its_connection() {
    let server = start(brief(Limits::default())).await;
    // Never the rest of it: only the server can end this.
    let said = exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: ").await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    assert_eq!(exchange(&server, "").await, "");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let server = start(brief(Limits::default())).await;
    let said = exchange(&server, "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n12").await;
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("body_read_ms"), "{said}");
}

#[tokio::test]
async fn a_body_over_the_cap_is_413_by_its_length_before_it_is_sent() {
    let server = start(Limits { body_bytes: 10, ..Limits::default() }).await;
    let said =
        exchange(&server, "POST /body HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 413") && said.contains("connection: close"), "{said}");
}

#[tokio::test]
async fn a_body_over_the_cap_is_cut_off_as_it_streams() {
    let server = start(Limits { body_bytes: 10, ..Limits::default() }).await;
    let mut stream = connect(&server).await;
    let head = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(b"8\r\n12345678\r\n8\r\n12345678\r\n").await.expect("sent");
    // The end of the body never comes, and the answer does.
    let mut said = vec![0; 12];
    stream.read_exact(&mut said).await.expect("an answer");
    assert_eq!(said, b"HTTP/1.1 413");
}

#[tokio::test]
async fn expect_100_continue_is_answered_where_the_body_is_wanted() {
    let server = start(Limits::default()).await;
    let mut stream = connect(&server).await;
    let head =
        "POST /body HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut said = vec![0; 25];
    stream.read_exact(&mut said).await.expect("an answer");
    assert_eq!(said, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").await.expect("sent");
    assert!(rest(stream).await.ends_with("3 bytes"));
}

#[tokio::test]
async fn a_body_that_ends_early_is_400() {
    let server = start(Limits::default()).await;
    let mut stream = connect(&server).await;
    let request = "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n";
    stream.write_all(request.as_bytes()).await.expect("sent");
    let said = rest(stream).await;
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
}

#[tokio::test]
async fn a_head_far_over_its_caps_is_refused_by_the_parser() {
    let server = start(Limits { head_bytes: 8 << 10, head_fields: 10, ..Limits::default() }).await;
    let large = format!("GET / HTTP/1.1\r\nHost: a\r\nX-Large: {}\r\n\r\n", "x".repeat(40 << 10));
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: 1\r\n".repeat(30));
    for request in [large, many] {
        let mut stream = connect(&server).await;
        let _ = stream.write_all(request.as_bytes()).await;
        let said = rest(stream).await;
        assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    }
}

#[tokio::test]
async fn past_the_cap_a_connection_is_told_503_and_a_place_that_is_free_again_is_taken() {
    let server = start(Limits { connections: 1, ..Limits::default() }).await;
    let mut first = connect(&server).await;
    first.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.expect("sent");
    server.held.notified().await;
    let said = rest(connect(&server).await).await;
    assert!(said.starts_with("HTTP/1.1 503") && said.contains("retry-after: 1"), "{said}");
    server.release.notify_one();
    assert!(rest(first).await.ends_with("released"));
    // The place is given back right after the end of the connection: until then, again 503.
    loop {
        let said = exchange(&server, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        if said.ends_with("here") {
            break;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn told_to_stop_it_ends_what_is_in_flight_and_leaves() {
    let server = start(Limits::default()).await;
    let mut waiting = connect(&server).await;
    waiting.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    server.held.notified().await;
    let _ = server.stop.send(());
    server.release.notify_one();
    // Without `Connection: close` of its own: the server ends it.
    assert!(rest(waiting).await.ends_with("released"));
    server.served.await.expect("no panic").expect("served");
}

#[tokio::test]
async fn it_leaves_in_time_whoever_stays() {
    let server = start(Limits { stop: Duration::from_millis(50), ..Limits::default() }).await;
    let mut waiting = connect(&server).await;
    waiting.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    server.held.notified().await;
    let _ = server.stop.send(());
    server.served.await.expect("no panic").expect("served");
}

#[tokio::test]
async fn while_it_stops_further_callers_are_still_answered() {
    let server = start(Limits::default()).await;
    let mut waiting = connect(&server).await;
    waiting.write_all(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    server.held.notified().await;
    let Running { address, stop, served, release, .. } = server;
    let _ = stop.send(());
    let mut late = TcpStream::connect(address).await.expect("a connection");
    late.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("sent");
    assert!(rest(late).await.ends_with("here"));
    release.notify_one();
    served.await.expect("no panic").expect("served");
}
