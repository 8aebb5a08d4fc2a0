//! A partner on loopback, for the tests: it reads requests and answers them as told.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

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

    pub async fn at(
        address: IpAddr,
        port: u16,
        pause: Duration,
        answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((address, port)).await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (answer, noted): (Answer, _) = (Arc::new(answer), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                noted.lock().expect("whole").connections += 1;
                tokio::spawn(serve(stream, pause, answer.clone(), noted.clone()));
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

async fn serve(mut stream: TcpStream, pause: Duration, answer: Answer, seen: Arc<Mutex<Seen>>) {
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
