//! Holds a server to what the senders were told: every accepted hit is applied exactly once, to the
//! transaction that the rule names; nothing refused is there; what was never answered is there
//! once or not at all.

use std::collections::HashMap;

use serde_json::Value;

use crate::{
    Node,
    load::{Entry, Kind, Outcome},
};

/// Where a mark was found: as the hit of this run of this transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    transaction: String,
    run: u64,
    hit: String,
}

/// What the server says it has.
pub struct Audit {
    /// By mark: every run that it began.
    runs: HashMap<String, Vec<Place>>,
    /// By mark: every hit kept, matched or not.
    hits: HashMap<String, Vec<String>>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is text")).to_owned()
}

/// Every item of a list, page by page.
async fn pages(node: &Node, path: &str) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = node.api(&format!("{path}{separator}limit=500{after}")).await;
        all.extend(page["data"].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

impl Audit {
    pub async fn of(node: &Node) -> Self {
        let mut audit = Self { runs: HashMap::new(), hits: HashMap::new() };
        for cycle in ["load", "ask"] {
            for transaction in pages(node, &format!("/transactions?cycle={cycle}")).await {
                audit.read(&node.transaction(&text(&transaction["id"])).await);
            }
        }
        for webhook in [("load", "begin"), ("load", "wait"), ("ask", "asked")] {
            let path = node.hook(webhook.0, webhook.1).await;
            let identifier = path.trim_start_matches("/hooks/");
            for hit in pages(node, &format!("/hits?webhook={identifier}")).await {
                // A repeat was recognised before its body was read, and did nothing.
                if hit["status"] == "duplicate" {
                    continue;
                }
                audit.hits.entry(text(&hit["body"]["mark"])).or_default().push(text(&hit["id"]));
            }
        }
        audit
    }

    fn read(&mut self, transaction: &Value) {
        assert_ne!(transaction["status"], "running", "nothing is left half done: {transaction}");
        for run in transaction["runs"].as_array().expect("runs") {
            let mark = text(&run["steps"][0]["output"]["body"]["mark"]);
            let place = Place {
                transaction: text(&transaction["id"]),
                run: run["number"].as_u64().expect("a number"),
                hit: text(&run["hit"]),
            };
            self.runs.entry(mark).or_default().push(place);
        }
    }

    /// Panics at the first thing that is not as the senders were told. The number of accepted hits.
    pub fn check(&self, logs: &[Vec<Entry>]) -> usize {
        let mut accepted = 0;
        let mut known = 0;
        for log in logs {
            for entry in log {
                known += usize::from(self.runs.contains_key(&entry.mark));
                accepted += usize::from(self.entry(entry));
            }
            let mut keys: Vec<_> = log.iter().map(|entry| entry.key.as_str()).collect();
            keys.sort_unstable();
            keys.dedup();
            for key in keys {
                self.rule(log, key);
            }
        }
        assert_eq!(known, self.runs.len(), "there are runs of hits that nobody sent");
        accepted
    }

    fn runs_of(&self, mark: &str) -> &[Place] {
        self.runs.get(mark).map_or(&[], Vec::as_slice)
    }

    /// Whether it was accepted.
    fn entry(&self, entry: &Entry) -> bool {
        let runs = self.runs_of(&entry.mark);
        let hits = self.hits.get(&entry.mark).map_or(0, Vec::len);
        assert!(runs.len() <= 1 && hits <= 1, "twice: {entry:?} {runs:?}");
        match &entry.outcome {
            Outcome::Accepted { hit, transaction } => {
                assert_eq!(hits, 1, "lost: {entry:?}");
                assert_eq!(self.hits[&entry.mark][0], *hit);
                assert_eq!(runs.first().map(|place| &place.transaction), transaction.as_ref(), "{entry:?}");
                assert!(runs.first().is_none_or(|place| place.hit == *hit), "{entry:?} {runs:?}");
                true
            }
            Outcome::Refused(_) => {
                assert_eq!((runs.len(), hits), (0, 0), "refused, and there: {entry:?}");
                false
            }
            Outcome::Unknown => false,
        }
    }

    /// Every hit of this key went to the newest transaction that was there. A start that was never
    /// answered may have come into being at any time after it was sent.
    fn rule(&self, log: &[Entry], key: &str) {
        let mut newest: Option<&str> = None;
        let mut perhaps: Vec<&str> = Vec::new();
        let mut last_run: HashMap<&str, u64> = HashMap::new();
        for entry in log.iter().filter(|entry| entry.key == key) {
            match (entry.kind, &entry.outcome) {
                (Kind::Start, Outcome::Accepted { transaction: Some(started), .. }) => {
                    assert!(newest.is_none_or(|newest| newest < started.as_str()), "a later start is newer: {entry:?}");
                    newest = Some(started);
                }
                (Kind::Start, Outcome::Unknown) => {
                    perhaps.extend(self.runs_of(&entry.mark).first().map(|place| place.transaction.as_str()));
                }
                (Kind::Hit, Outcome::Accepted { transaction: Some(took), .. }) => {
                    let expected = newest == Some(took) || newest < Some(took) && perhaps.contains(&took.as_str());
                    assert!(expected, "{entry:?} should have gone to {newest:?} or a newer one of {perhaps:?}");
                    newest = Some(took);
                    let run = self.runs_of(&entry.mark)[0].run;
                    let before = last_run.insert(took, run);
                    assert!(before.is_none_or(|before| before < run), "out of order: {entry:?}");
                }
                (Kind::Hit, Outcome::Accepted { transaction: None, .. }) => {
                    assert_eq!(newest, None, "unmatched, though one waited: {entry:?}");
                }
                _ => {}
            }
        }
    }
}
