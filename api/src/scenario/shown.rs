//! What was played, as the JSON that a scenario's expectations are held against.

use chrono::{DateTime, SecondsFormat, Utc};
use holdfast_definitions::{Json, Members};

use super::{Moment, PlayedAnswer, PlayedHit, PlayedRun, PlayedTransaction, Sent, SentWhat};

impl Moment {
    /// The hit of this name, or the latest.
    pub fn hit(&self, of: Option<&str>) -> Option<&PlayedHit> {
        match of {
            Some(name) => self.hits.iter().rev().find(|hit| hit.name.as_deref() == Some(name)),
            None => self.hits.last(),
        }
    }

    /// The transaction of that hit; where none is named and the latest has none, the one that began last.
    pub fn transaction(&self, of: Option<&str>) -> Option<&PlayedTransaction> {
        let found = self.hit(of).and_then(|hit| self.transactions.get(hit.transaction?));
        found.or_else(|| self.transactions.last().filter(|_| of.is_none()))
    }

    pub fn sent_json(&self) -> Json {
        self.sent.iter().map(Sent::json).collect()
    }
}

impl PlayedTransaction {
    /// The contract's word, or `gone`.
    pub fn word(&self) -> &'static str {
        if self.gone { "gone" } else { self.status.word() }
    }

    /// The steps that its runs passed, one after another. A webhook that it is held at is not passed.
    pub fn steps(&self) -> impl Iterator<Item = &str> {
        self.runs.iter().flat_map(PlayedRun::passed)
    }

    pub fn json(&self) -> Json {
        object([
            ("status", Json::from(self.word())),
            ("step", text(self.step.as_deref())),
            ("steps", self.steps().map(Json::from).collect()),
            ("document", self.document.clone()),
            ("error", self.error.clone().unwrap_or_default()),
            ("runs", self.runs.iter().map(PlayedRun::json).collect()),
        ])
    }
}

impl PlayedRun {
    fn passed(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter(|step| step.status != "held").map(|step| step.step.as_str())
    }

    fn json(&self) -> Json {
        object([
            ("number", Json::from(u64::from(self.number))),
            ("entry", Json::from(self.entry.as_str())),
            ("hit", position(self.hit)),
            ("status", Json::from(self.status.word())),
            ("steps", self.passed().map(Json::from).collect()),
            ("error", self.error.clone().unwrap_or_default()),
        ])
    }
}

impl PlayedHit {
    /// The contract's word, or `refused`.
    pub fn word(&self) -> &'static str {
        self.status.map_or("refused", holdfast_engine::HitStatus::word)
    }

    pub fn json(&self) -> Json {
        object([
            ("name", text(self.name.as_deref())),
            ("step", Json::from(self.step.as_str())),
            ("status", Json::from(self.word())),
            ("reason", text(self.reason.as_deref())),
            ("ambiguous", Json::from(self.ambiguous)),
            ("transaction", position(self.transaction)),
            ("run", self.run.map_or(Json::Null, |run| Json::from(u64::from(run)))),
            ("answer", self.answer.as_ref().map_or(Json::Null, PlayedAnswer::json)),
        ])
    }
}

impl PlayedAnswer {
    pub fn json(&self) -> Json {
        let status = Json::from(u64::from(self.status));
        object([("status", status), ("headers", self.headers.clone()), ("body", self.body.clone())])
    }
}

impl Sent {
    pub fn json(&self) -> Json {
        let mut members = vec![
            ("step", Json::from(self.step.as_str())),
            ("at", Json::from(written(self.at))),
            ("transaction", position(self.transaction)),
        ];
        match &self.what {
            SentWhat::Call { method, url, query, headers, body } => members.extend([
                ("method", Json::from(method.as_str())),
                ("url", Json::from(url.as_str())),
                ("query", query.clone()),
                ("headers", headers.clone()),
                ("body", body.clone()),
            ]),
            SentWhat::Event { event, data } => {
                members.extend([("event", Json::from(event.as_str())), ("data", data.clone())]);
            }
        }
        object(members)
    }
}

/// As a person writes it: `2026-01-01T00:00:00Z`, with a fraction where there is one.
fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Counted from 1.
fn position(at: Option<usize>) -> Json {
    at.map_or(Json::Null, |at| Json::from(at as u64 + 1))
}

fn text(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

fn object<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    Json::from(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>())
}
