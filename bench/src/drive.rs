//! Load over HTTP/1.1, from a process of its own: closed loop (each connection sends its next
//! request when its answer is there) or open loop (requests are due at a rate, whatever comes back).

use std::{
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Between one connection's opening and the next one's.
const OPENED_EVERY: Duration = Duration::from_micros(50);
/// A request unanswered for this long counts as failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Load {
    /// Host and port, on loopback; several are taken in turn by connection.
    pub hosts: Vec<String>,
    pub path: String,
    /// `{i}` is the request's number; `{p}` that number's place in a shuffle of 0..`shuffle`.
    pub body: String,
    pub connections: usize,
    pub first: u64,
    pub shuffle: u64,
    /// So many requests, or else for so long.
    pub count: Option<u64>,
    pub seconds: f64,
    /// Not counted, before.
    pub warm: f64,
    /// Requests a second of an open loop.
    pub rate: Option<f64>,
    /// The status of a success.
    pub expect: u16,
    /// What its answer has in it.
    pub holds: Option<String>,
}

/// What came of it. Latencies in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Got {
    /// Successes a second.
    pub rps: f64,
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
    pub ok: u64,
    /// `429` or `503` with `Retry-After`.
    pub refused: u64,
    pub refused_took_p99: f64,
    /// Anything else.
    pub failed: u64,
    pub first_failure: Option<String>,
    /// Requests, those before the measurement included.
    pub sent: u64,
    /// The number after the last request's.
    pub next: u64,
}

struct Shared {
    load: Load,
    began: Instant,
    next: AtomicU64,
    failure: Mutex<Option<String>>,
}

#[derive(Default)]
struct Tally {
    ok: Vec<u32>,
    refused: Vec<u32>,
    failed: u64,
}

pub async fn drive(load: Load) -> Got {
    let shared = Arc::new(Shared { load, began: Instant::now(), next: AtomicU64::new(0), failure: Mutex::new(None) });
    let connections: Vec<_> =
        (0..shared.load.connections).map(|at| tokio::spawn(connection(shared.clone(), at))).collect();
    let mut all = Tally::default();
    for connection in connections {
        if let Ok(tally) = connection.await {
            all.ok.extend(tally.ok);
            all.refused.extend(tally.refused);
            all.failed += tally.failed;
        }
    }
    let took = shared.began.elapsed().as_secs_f64() - shared.load.warm;
    all.ok.sort_unstable();
    all.refused.sort_unstable();
    let first_failure = shared.failure.lock().ok().and_then(|failure| failure.clone());
    Got {
        rps: all.ok.len() as f64 / took,
        p50: at(&all.ok, 0.5),
        p99: at(&all.ok, 0.99),
        max: at(&all.ok, 1.0),
        ok: all.ok.len() as u64,
        refused: all.refused.len() as u64,
        refused_took_p99: at(&all.refused, 0.99),
        failed: all.failed,
        first_failure,
        sent: shared.next.load(Relaxed),
        next: shared.load.first + shared.next.load(Relaxed),
    }
}

/// Of sorted microseconds, in milliseconds.
fn at(sorted: &[u32], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * part) as usize).copied().map_or(0.0, |micros| f64::from(micros) / 1000.0)
}

async fn connection(shared: Arc<Shared>, number: usize) -> Tally {
    let load = &shared.load;
    let host = &load.hosts[number % load.hosts.len()];
    let mut tally = Tally::default();
    let mut open: Option<TcpStream> = None;
    let mut read = Vec::with_capacity(16 << 10);
    let (over, warm) = (Duration::from_secs_f64(load.seconds + load.warm), Duration::from_secs_f64(load.warm));
    // Thousands at once are more than any listener lets wait.
    tokio::time::sleep(OPENED_EVERY * u32::try_from(number).unwrap_or(u32::MAX)).await;
    loop {
        if load.count.is_none() && shared.began.elapsed() >= over {
            return tally;
        }
        let turn = shared.next.fetch_add(1, Relaxed);
        if load.count.is_some_and(|count| turn >= count) {
            shared.next.fetch_sub(1, Relaxed);
            return tally;
        }
        // In an open loop a request's time counts from when it was due.
        let mut began = Instant::now();
        if let Some(rate) = load.rate {
            let due = shared.began + Duration::from_secs_f64(turn as f64 / rate);
            if due > began {
                tokio::time::sleep_until(due.into()).await;
            }
            began = due;
        }
        let request = request(load, host, load.first + turn);
        let sent = Instant::now();
        let answer = tokio::time::timeout(PATIENCE, exchange(&mut open, host, &request, &mut read)).await;
        let took = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
        let counts = shared.began.elapsed() >= warm;
        let failure = match answer {
            Ok(Ok(status)) if status == load.expect && holds(load, &read) => {
                if counts {
                    tally.ok.push(took);
                }
                continue;
            }
            Ok(Ok(429 | 503)) if has_retry_after(&read) => {
                // From when it was sent: how late that was is the driver's affair.
                tally.refused.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
                continue;
            }
            Ok(Ok(_)) => String::from_utf8_lossy(&read).chars().take(400).collect(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if !failure.starts_with("HTTP/") {
            open = None;
        }
        tally.failed += 1;
        if let Ok(mut first) = shared.failure.lock() {
            first.get_or_insert(failure);
        }
        if tally.failed > 1000 {
            return tally;
        }
    }
}

fn request(load: &Load, host: &str, number: u64) -> Vec<u8> {
    let mut body = load.body.replace("{i}", &number.to_string());
    if body.contains("{p}") {
        body = body.replace("{p}", &shuffled(number, load.shuffle).to_string());
    }
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        load.path,
        body.len()
    );
    head.into_bytes()
}

/// A number's place in a shuffle of 0..`of`: every place once, neighbours far apart.
pub fn shuffled(number: u64, of: u64) -> u64 {
    // A prime that divides no size that is used.
    const STEP: u64 = 611_953;
    if of == 0 { number } else { (number % of) * STEP % of }
}

/// One request and its answer; the answer's head and body are left in `read`.
async fn exchange(open: &mut Option<TcpStream>, host: &str, request: &[u8], read: &mut Vec<u8>) -> io::Result<u16> {
    let stream = match open {
        Some(stream) => stream,
        None => {
            let stream = TcpStream::connect(host).await?;
            stream.set_nodelay(true)?;
            open.insert(stream)
        }
    };
    stream.write_all(request).await?;
    read.clear();
    let head = loop {
        if let Some(end) = find(read, b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let text = String::from_utf8_lossy(&read[..head]).to_ascii_lowercase();
    let status = text.get(9..12).and_then(|status| status.parse().ok()).unwrap_or(0);
    let length = text.split("content-length:").nth(1).and_then(|rest| rest.split("\r\n").next()?.trim().parse().ok());
    let closes = text.contains("connection: close");
    // Nothing follows an answer that was not asked for, so its last chunk is the last that comes.
    let chunked = text.contains("transfer-encoding: chunked");
    while if chunked { !read.ends_with(b"\r\n0\r\n\r\n") } else { read.len() < head + length.unwrap_or(0) } {
        if stream.read_buf(read).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    if closes {
        *open = None;
    }
    Ok(status)
}

/// One request on a connection of its own: the status and the body.
pub async fn call(host: &str, method: &str, path: &str, body: &str) -> Result<(u16, String)> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut read = Vec::new();
    let mut open = None;
    let answer = exchange(&mut open, host, request.as_bytes(), &mut read);
    let status = tokio::time::timeout(PATIENCE, answer).await.context("no answer in time")??;
    let text = String::from_utf8_lossy(&read).into_owned();
    Ok((status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

fn holds(load: &Load, answer: &[u8]) -> bool {
    load.holds.as_ref().is_none_or(|part| find(answer, part.as_bytes()).is_some())
}

fn has_retry_after(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).to_ascii_lowercase().contains("\r\nretry-after:")
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}
