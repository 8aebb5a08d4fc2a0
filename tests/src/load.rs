//! Senders that keep a log of what they were told, for servers that are killed under them.
//!
//! Each sender has correlation values of its own and sends one request after another, so that its
//! log alone says which transaction every hit must have gone to.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::{Call, Dice, Lost, Node, Response};

/// Two cycles: transactions that are held and resumed by `key`, and callers who want their mark back.
pub const LOAD: &str = "
cycle: load
steps:
  begin:
    webhook:
    next: wait
  wait:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.key, transaction: $.begin.body.key }]
    next: noted
  noted:
    set: ${$.wait.body.mark}
---
cycle: ask
steps:
  asked:
    webhook:
    next: told
  told:
    respond: { body: { mark: \"${$.asked.body.mark}\" } }
";

const KEYS_PER_SENDER: u64 = 3;
/// How long a request that must be answered is sent again.
const RETRY_PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Start,
    Hit,
    Ask,
}

#[derive(Clone, Debug)]
pub enum Outcome {
    /// 200: on disk, whatever comes.
    Accepted { hit: String, transaction: Option<String> },
    /// An answer other than 200: it must not be there.
    Refused(u16),
    /// No answer: it may be there or not.
    Unknown,
}

#[derive(Clone, Debug)]
pub struct Entry {
    pub kind: Kind,
    pub key: String,
    pub mark: String,
    pub outcome: Outcome,
}

/// What all senders share.
pub struct Target {
    nodes: Mutex<Vec<SocketAddr>>,
    stop: AtomicBool,
    /// Requests accepted so far.
    pub accepted: AtomicU64,
    pub refused: AtomicU64,
    paths: [String; 3],
}

pub struct Load {
    pub target: Arc<Target>,
    senders: Vec<JoinHandle<Vec<Entry>>>,
}

impl Load {
    /// Begins to send, from so many connections, to the nodes in turn.
    pub async fn begin(node: &Node, senders: u32, dice: &mut Dice) -> Self {
        let paths =
            [node.hook("load", "begin").await, node.hook("load", "wait").await, node.hook("ask", "asked").await];
        let target = Arc::new(Target {
            nodes: Mutex::new(vec![node.address]),
            stop: AtomicBool::new(false),
            accepted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            paths,
        });
        let senders = (0..senders)
            .map(|name| {
                tokio::spawn(Sender { name, dice: dice.split(), target: target.clone(), log: Vec::new() }.run())
            })
            .collect();
        Self { target, senders }
    }

    /// Where the nodes are now.
    pub fn aim(&self, nodes: &[&Node]) {
        let addresses = nodes.iter().map(|node| node.address).collect();
        *self.target.nodes.lock().expect("no sender panics while it holds it") = addresses;
    }

    /// Returns once so many more requests were accepted.
    pub async fn accepts(&self, more: u64) {
        let wanted = self.target.accepted.load(Ordering::Relaxed) + more;
        crate::eventually_within(RETRY_PATIENCE, "requests are accepted again", async || {
            let broken = self.senders.iter().any(JoinHandle::is_finished);
            assert!(!broken, "a sender gave up");
            (self.target.accepted.load(Ordering::Relaxed) >= wanted).then_some(())
        })
        .await;
    }

    /// No more is sent; the senders' logs.
    pub async fn end(self) -> Vec<Vec<Entry>> {
        self.target.stop.store(true, Ordering::Relaxed);
        let mut logs = Vec::new();
        for sender in self.senders {
            logs.push(sender.await.expect("no sender found anything wrong"));
        }
        logs
    }
}

struct Sender {
    name: u32,
    dice: Dice,
    target: Arc<Target>,
    log: Vec<Entry>,
}

impl Sender {
    async fn run(mut self) -> Vec<Entry> {
        while !self.target.stop.load(Ordering::Relaxed) {
            let kind = match self.dice.below(20) {
                0..8 => Kind::Start,
                8..17 => Kind::Hit,
                _ => Kind::Ask,
            };
            let key = format!("{}-{}", self.name, self.dice.below(KEYS_PER_SENDER));
            let mark = format!("{}#{}", self.name, self.log.len());
            // Half of them can be sent again without harm, and are until there is an answer.
            let outcome = match self.dice.below(2) {
                0 => self.once(kind, &key, &mark, None).await,
                _ => self.until_answered(kind, &key, &mark).await,
            };
            self.log.push(Entry { kind, key, mark, outcome });
        }
        self.log
    }

    async fn until_answered(&mut self, kind: Kind, key: &str, mark: &str) -> Outcome {
        let deadline = Instant::now() + RETRY_PATIENCE;
        loop {
            let outcome = self.once(kind, key, mark, Some(mark)).await;
            if matches!(outcome, Outcome::Accepted { .. }) || Instant::now() > deadline {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn once(&mut self, kind: Kind, key: &str, mark: &str, repeat: Option<&str>) -> Outcome {
        let to = {
            let nodes = self.target.nodes.lock().expect("no sender panics while it holds it");
            nodes[self.dice.below(nodes.len() as u64) as usize]
        };
        let mut call = Call::new("POST", &self.target.paths[kind as usize]).json(json!({ "key": key, "mark": mark }));
        if let Some(repeat) = repeat {
            call = call.header("idempotency-key", repeat);
        }
        match call.send(to).await {
            Ok(response) if response.status == 200 => self.accepted(kind, mark, &response),
            Ok(response) if response.status == 500 => {
                assert_eq!(response.json()["type"], "urn:holdfast:problem:outcome-unknown", "{}", response.text());
                Outcome::Unknown
            }
            Ok(response) => {
                assert_eq!(response.status, 503, "{}", response.text());
                assert!(response.header("retry-after").is_some(), "{response:?}");
                self.target.refused.fetch_add(1, Ordering::Relaxed);
                // Not at once again: it was told to wait.
                tokio::time::sleep(Duration::from_millis(5)).await;
                Outcome::Refused(response.status)
            }
            Err(Lost(_)) => {
                tokio::time::sleep(Duration::from_millis(5)).await;
                Outcome::Unknown
            }
        }
    }

    fn accepted(&self, kind: Kind, mark: &str, response: &Response) -> Outcome {
        self.target.accepted.fetch_add(1, Ordering::Relaxed);
        if kind == Kind::Ask {
            assert_eq!(response.json(), json!({ "mark": mark }), "an answer reached another caller");
        } else {
            assert_eq!(response.text(), "Webhook accepted.");
        }
        let transaction = response.header("holdfast-transaction").map(str::to_owned);
        assert!(transaction.is_some() || kind == Kind::Hit, "{response:?}");
        Outcome::Accepted { hit: response.hit(), transaction }
    }
}
