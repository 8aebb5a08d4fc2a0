//! The wire to PostgreSQL, which a test cuts in the midst of a commit: before the server hears of it,
//! or after it did and before it can say so.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(u8)]
pub enum Cut {
    Nowhere,
    BeforeCommit,
    AfterCommit,
}

/// A proxy on loopback.
pub struct Wire {
    pub url: String,
    next: Arc<AtomicU8>,
    cuts: Arc<AtomicUsize>,
    serving: tokio::task::JoinHandle<()>,
}

impl Wire {
    /// To the server of this URL, `postgres://USER@HOST:PORT/NAME`.
    pub async fn to(url: &str) -> Self {
        let (user, rest) = url.split_once('@').expect("a URL with a user");
        let (server, name) = rest.split_once('/').expect("a URL with a database");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (next, cuts) = (Arc::new(AtomicU8::new(Cut::Nowhere as u8)), Arc::<AtomicUsize>::default());
        let (server, its_next, its_cuts) = (server.to_owned(), next.clone(), cuts.clone());
        let serving = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(there) = TcpStream::connect(&server).await else { continue };
                let ((from, to_client), (answers, to_server)) = (client.into_split(), there.into_split());
                let forward = forward(from, to_server, its_next.clone(), its_cuts.clone());
                let back = tokio::spawn(back(answers, to_client));
                // Whichever way ends first, the client's end is closed.
                tokio::spawn(async move {
                    forward.await;
                    back.abort();
                });
            }
        });
        Self { url: format!("{user}@127.0.0.1:{port}/{name}"), next, cuts, serving }
    }

    /// The next commit that comes by is cut there; once.
    pub fn cut(&self, at: Cut) {
        self.next.store(at as u8, Ordering::SeqCst);
    }

    pub fn cuts(&self) -> usize {
        self.cuts.load(Ordering::SeqCst)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, next: Arc<AtomicU8>, cuts: Arc<AtomicUsize>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let sent = &buffer[..read];
        // A simple query (PostgreSQL, section 54.7); it comes alone, for its answer is waited for.
        let cut = if sent == b"Q\0\0\0\x0bCOMMIT\0" {
            next.swap(Cut::Nowhere as u8, Ordering::SeqCst)
        } else {
            Cut::Nowhere as u8
        };
        if cut == Cut::BeforeCommit as u8 {
            cuts.fetch_add(1, Ordering::SeqCst);
            return;
        }
        if to.write_all(sent).await.is_err() {
            return;
        }
        if cut == Cut::AfterCommit as u8 {
            cuts.fetch_add(1, Ordering::SeqCst);
            // The server reads to the end of what it was sent before it sees the end of the line.
            let _ = to.shutdown().await;
            return;
        }
    }
}

async fn back(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let _ = tokio::io::copy(&mut from, &mut to).await;
}
