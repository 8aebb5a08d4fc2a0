use std::{collections::VecDeque, io, net::IpAddr, sync::Mutex, time::Instant};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::egress::{
    Authorities, Network, NoAuthorities,
    partner::{Partner, answer},
};

/// Gives each look-up its own addresses, and stands for a name server in the hands of another.
#[derive(Default)]
struct Turns(Mutex<VecDeque<Vec<&'static str>>>);

impl Turns {
    fn of(turns: impl IntoIterator<Item = Vec<&'static str>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(turns.into_iter().collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().expect("whole").len()
    }
}

#[async_trait]
impl Resolve for Turns {
    async fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let turn = self.0.lock().expect("whole").pop_front();
        let turn = turn.ok_or_else(|| io::Error::other("no such name"))?;
        Ok(turn.into_iter().map(|address| address.parse().expect("an address")).collect())
    }
}

fn get(url: impl Into<String>) -> Outgoing {
    Outgoing {
        method: "GET".to_owned(),
        url: url.into(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(5),
        body_max: 1_000,
    }
}

fn open() -> Egress {
    Egress::new(Network::loopback().to_vec())
}

async fn ok() -> Partner {
    Partner::answering(|_| answer(200, "X-Kind: Fine\r\n", "hello")).await
}

#[tokio::test]
async fn a_request_goes_out_and_its_answer_comes_back_on_a_kept_connection() {
    let partner = ok().await;
    let egress = open();
    for _ in 0..3 {
        let request = Outgoing {
            method: "POST".to_owned(),
            headers: vec![("X-Key".into(), "é".into()), ("x-key".into(), "b".into())],
            body: Bytes::from_static(b"{}"),
            ..get(format!("http://127.0.0.1:{}/a?b=c#d", partner.port))
        };
        let answered = egress.clone().send(request).await.expect("an answer");
        assert_eq!((answered.status, &*answered.body), (200, &b"hello"[..]));
        assert!(answered.headers.contains(&("x-kind".into(), "Fine".into())));
    }
    assert_eq!(partner.connections(), 1);
    let request = partner.requests().remove(0);
    assert!(request.starts_with("POST /a?b=c HTTP/1.1\r\n"), "{request}");
    for line in [&*format!("host: 127.0.0.1:{}", partner.port), "x-key: é", "x-key: b", "content-length: 2"] {
        assert!(request.contains(line), "{line} in {request}");
    }
}

#[tokio::test]
async fn no_spelling_of_this_machine_or_a_private_address_gets_through() {
    let partner = ok().await;
    let egress = Egress::resolving(Vec::new(), Turns::of([]));
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "017700000001",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.1",
        "0x7f.0x0.0x0.0x1",
        "127.0.0.1.",
        "127.00.0.01",
        "127%2E0.0.1",
        "%31%32%37.0.0.1",
        "127。0。0。1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "ｌocalhost",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b:1::7f00:1]",
        "[2002:7f00:1::]",
        "[2001:0:1::1]",
        "[fe80::1]",
        "[fd00::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "198.18.0.1",
        "192.0.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "255.255.255.255",
        "@127.0.0.1",
        "3232235521",
    ] {
        for scheme in ["http", "https"] {
            let failure = egress.send(get(format!("{scheme}://{host}:{}/", partner.port))).await.expect_err(host);
            assert_eq!((failure.kind, failure.sent), ("address", false), "{host}: {failure}");
        }
    }
    let failure = egress.send(get(format!("http://127.0.0.1:{}\\@example.com/", partner.port))).await;
    assert_eq!(failure.expect_err("loopback").kind, "address");
    assert_eq!(partner.connections(), 0);
}

#[tokio::test]
async fn a_name_of_which_any_address_is_refused_is_refused_whole() {
    let partner = ok().await;
    for turn in [vec!["127.0.0.1", "10.0.0.1"], vec!["10.0.0.1", "127.0.0.1"], vec!["127.0.0.1", "::1"]] {
        // Only 127.0.0.1 is open: it stands for the public address.
        let allowed = vec![Network::parse("127.0.0.1").expect("a network")];
        let egress = Egress::resolving(allowed, Turns::of([turn]));
        let failure = egress.send(get(format!("http://shop.example:{}/", partner.port))).await.expect_err("refused");
        assert_eq!((failure.kind, failure.sent), ("address", false), "{failure}");
    }
    let public_and_private = Egress::resolving(Vec::new(), Turns::of([vec!["8.8.8.8", "192.168.1.1"]]));
    let failure = public_and_private.send(get("http://shop.example/")).await.expect_err("refused");
    assert_eq!(failure.message, "shop.example: 192.168.1.1 is no public address, and no allowed network holds it");
    assert_eq!(partner.connections(), 0);
}

/// DNS rebinding: the name is looked up once a connection, and that look-up is the one judged.
#[tokio::test]
async fn a_name_that_changes_between_look_ups_is_judged_each_time() {
    let partner = Partner::answering(|_| answer(200, "connection: close\r\n", "")).await;
    let private = Partner::at([127, 0, 0, 2].into(), partner.port, Duration::ZERO, |_| answer(200, "", "")).await;
    let names = Turns::of([vec!["127.0.0.1"], vec!["127.0.0.2"], vec!["127.0.0.1"]]);
    let egress = Egress::resolving(vec![Network::parse("127.0.0.1").expect("a network")], names.clone());
    let url = format!("http://shop.example:{}/", partner.port);

    assert_eq!(egress.send(get(&*url)).await.expect("an answer").status, 200);
    assert_eq!(names.left(), 2, "one look-up for one connection");
    assert_eq!(egress.send(get(&*url)).await.expect_err("refused").kind, "address");
    assert_eq!(egress.send(get(&*url)).await.expect("an answer").status, 200);
    assert_eq!(egress.send(get(&*url)).await.expect_err("unknown").kind, "connect");
    assert_eq!((partner.connections(), private.connections()), (2, 0));
}

#[tokio::test]
async fn only_plain_http_and_https_urls_are_taken() {
    let long = format!("http://127.0.0.1/{}", "a".repeat(URL_BYTES_MAX));
    for url in [
        "",
        "/path",
        "shop.example",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
        "http://",
        "javascript:1",
        "data:,1",
        "http://u:p@127.0.0.1/",
        "http://u@127.0.0.1/",
        "http://shop.example@127.0.0.1/",
        "http://[::1%25eth0]/",
        "http://127.0.0.1:99999/",
        "http://256.0.0.1/",
        "http://127.0.0.1%00.example/",
        &long,
    ] {
        let failure = open().send(get(url)).await.expect_err(url);
        assert_eq!((failure.kind, failure.sent, failure.may_pass()), ("url", false, false), "{url}: {failure}");
    }
}

#[tokio::test]
async fn what_frames_a_message_is_not_the_callers_to_set() {
    let partner = ok().await;
    let url = format!("http://127.0.0.1:{}/", partner.port);
    for (name, value) in [
        ("Host", "internal"),
        ("Content-Length", "1"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("a b", "c"),
        ("a", "b\r\nc: d"),
        ("a\r\nb", "c"),
        ("", "a"),
    ] {
        let request = Outgoing { headers: vec![(name.into(), value.into())], ..get(&*url) };
        assert_eq!(open().send(request).await.expect_err(name).kind, "request", "{name}");
    }
    for method in ["CONNECT", "GET /", "G\r\nT", ""] {
        let request = Outgoing { method: method.to_owned(), ..get(&*url) };
        assert_eq!(open().send(request).await.expect_err(method).kind, "request", "{method}");
    }
    let many = vec![("a".to_owned(), "b".to_owned()); FIELDS_MAX + 1];
    assert_eq!(open().send(Outgoing { headers: many, ..get(&*url) }).await.expect_err("many").kind, "request");
    assert_eq!(partner.connections(), 0);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let inside = ok().await;
    let location = format!("location: http://127.0.0.1:{}/\r\n", inside.port);
    let partner = Partner::answering(move |_| answer(302, &location, "")).await;
    let answered = open().send(get(format!("http://127.0.0.1:{}/", partner.port))).await.expect("an answer");
    assert_eq!(answered.status, 302);
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn an_answer_over_its_cap_is_refused_however_it_is_framed() {
    let chunk = format!("3e8\r\n{}\r\n", "a".repeat(1_000));
    let fields = "a: b\r\n".repeat(FIELDS_MAX + 1);
    let field = format!("a: {}\r\n", "b".repeat(4 * HEAD_BYTES_MAX));
    let chunked = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunk}1\r\na\r\n0\r\n\r\n");
    let unframed = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{}", "a".repeat(1_001));
    let lying = "HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n".to_owned();
    let many = format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    let long = format!("HTTP/1.1 200 OK\r\n{field}\r\n");
    for told in [chunked, unframed, lying, many, long] {
        let head = told[..told.len().min(60)].to_owned();
        let partner = Partner::answering(move |_| Some(told.clone().into_bytes())).await;
        let failure = open().send(get(format!("http://127.0.0.1:{}/", partner.port))).await.expect_err(&head);
        assert_eq!((failure.kind, failure.sent), ("too_large", true), "{head}: {failure}");
    }
    let partner = Partner::answering(|_| answer(200, "content-encoding: gzip\r\n", &"a".repeat(1_000))).await;
    let answered = open().send(get(format!("http://127.0.0.1:{}/", partner.port))).await.expect("just fits");
    assert_eq!(answered.body.len(), 1_000, "and no coding is undone");
}

#[tokio::test]
async fn time_runs_out_before_the_head_and_in_the_middle_of_the_body() {
    for told in [None, Some(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf".to_vec())] {
        let once = Mutex::new(told);
        let partner = Partner::answering(move |_| once.lock().expect("whole").clone()).await;
        let request = Outgoing {
            timeout: Duration::from_millis(100),
            ..get(format!("http://127.0.0.1:{}/?key=secret", partner.port))
        };
        let failure = open().send(request).await.expect_err("late");
        assert_eq!((failure.kind, failure.sent, failure.may_pass()), ("timeout", true, true));
        assert!(!failure.message.contains("secret"), "{failure}");
    }
}

#[tokio::test]
async fn a_slow_partner_delays_no_other() {
    let slow = Partner::answering(|_| None).await;
    let quick = ok().await;
    let egress = open();
    let waiting: Vec<_> = (0..200)
        .map(|_| {
            tokio::spawn({
                let (egress, url) = (egress.clone(), format!("http://127.0.0.1:{}/", slow.port));
                async move { egress.send(get(url)).await }
            })
        })
        .collect();
    while slow.requests().len() < 200 {
        tokio::task::yield_now().await;
    }
    let began = Instant::now();
    egress.send(get(format!("http://127.0.0.1:{}/", quick.port))).await.expect("an answer");
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

const AUTHORITY: &str = include_str!("../../../tests/corpora/certificates/authority.pem");
const STRANGER: &str = include_str!("../../../tests/corpora/certificates/stranger.pem");

fn believing(pem: &str) -> Rules {
    let authorities = Authorities::parse(pem.as_bytes()).expect("a certificate");
    Rules { authorities, ..Rules::from(Network::loopback().to_vec()) }
}

#[tokio::test]
async fn a_partner_is_believed_where_an_authority_that_is_known_vouches_for_its_name() {
    let partner = Partner::secured(|_| answer(200, "", "hello")).await;
    let known = believing(AUTHORITY);
    let to = async |rules: Rules, name: &str| {
        let egress = Egress::resolving(rules, Turns::of([vec!["127.0.0.1"]]));
        egress.send(get(format!("https://{name}:{}/?key=secret", partner.port))).await
    };
    let answered = to(known.clone(), "shop.example").await.expect("an answer");
    assert_eq!((answered.status, &*answered.body), (200, &b"hello"[..]));
    for (rules, name) in [
        (known.clone(), "other.example"),
        (known.clone(), "127.0.0.1"),
        (Rules::from(Network::loopback().to_vec()), "shop.example"),
        (believing(STRANGER), "shop.example"),
    ] {
        let failure = to(rules, name).await.expect_err(name);
        assert_eq!((failure.kind, failure.sent), ("tls", false), "{failure}");
        assert!(failure.message.starts_with(&format!("no TLS with {name}: ")) && !failure.message.contains("secret"));
    }
    assert_eq!(partner.requests().len(), 1, "no other was asked");
    let both = believing(&format!("# ours, and another\n{STRANGER}{AUTHORITY}"));
    assert_eq!(to(both, "shop.example").await.expect("an answer").status, 200);
    // Whom to believe is one thing, where to go another.
    let closed = to(Rules { networks: Vec::new(), ..known }, "shop.example").await.expect_err("loopback is closed");
    assert_eq!(closed.kind, "address");
}

#[test]
fn authorities_are_certificates_that_can_be_read() {
    for text in ["", "hello", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        assert_eq!(Authorities::parse(text.as_bytes()).expect_err(text), NoAuthorities::None);
    }
    let text = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let failure = Authorities::parse(text.as_bytes()).expect_err("no certificate");
    assert!(failure.to_string().starts_with("certificate 1 can't be read: "), "{failure}");
}

#[tokio::test]
async fn what_is_over_the_connections_waits_and_is_answered() {
    let partner = Partner::at([127, 0, 0, 1].into(), 0, Duration::from_millis(20), |_| answer(200, "", "")).await;
    let egress = Egress::new(Rules { connections: 2, ..Rules::from(Network::loopback().to_vec()) });
    let asking: Vec<_> = (0..10)
        .map(|_| {
            let (egress, url) = (egress.clone(), format!("http://127.0.0.1:{}/", partner.port));
            // Ten in twos take longer than any one of them may: waiting is not of its time.
            tokio::spawn(async move { egress.send(Outgoing { timeout: Duration::from_millis(90), ..get(url) }).await })
        })
        .collect();
    for one in asking {
        assert_eq!(one.await.expect("no panic").expect("an answer").status, 200);
    }
    assert!(partner.connections() <= 4, "{}", partner.connections());
}

/// Speaks before it is spoken to, and no TLS.
async fn plain_at_once() -> u16 {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a connection");
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.expect("written");
        let _ = stream.read_to_end(&mut Vec::new()).await;
    });
    port
}

#[tokio::test]
async fn a_failure_tells_whether_the_request_was_sent() {
    let plain = plain_at_once().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let failure = open().send(get(format!("http://127.0.0.1:{closed}/"))).await.expect_err("nobody there");
    assert_eq!((failure.kind, failure.sent), ("connect", false), "{failure}");
    let failure = open().send(get(format!("https://127.0.0.1:{plain}/"))).await.expect_err("speaks no TLS");
    assert_eq!((failure.kind, failure.sent), ("tls", false), "{failure}");
    let partner = Partner::answering(|_| Some(b"connection: close".to_vec())).await;
    let failure = open().send(get(format!("http://127.0.0.1:{}/", partner.port))).await.expect_err("no HTTP");
    assert_eq!((failure.kind, failure.sent), ("network", true), "{failure}");
}

#[test]
fn nothing_secret_is_in_a_debug() {
    let request = Outgoing {
        headers: vec![("authorization".into(), "hush".into())],
        body: Bytes::from_static(b"hush"),
        ..get("http://127.0.0.1/?hush")
    };
    let answered =
        Answered { status: 200, headers: vec![("a".into(), "hush".into())], body: Bytes::from_static(b"hush") };
    let shown = format!("{request:?} {answered:?} {:?}", open());
    assert!(!shown.contains("hush"), "{shown}");
}
