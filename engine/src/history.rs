//! A transaction's document and callers, as its runs tell them.
//!
//! A document is never stored whole: each run keeps what its steps put out, the hit keeps what it
//! brought, and a run begins with the document of the run whose hold it resumed. So a resume adds
//! rows and changes none, and a document "as it was there" is there for every step ever passed.

use std::collections::HashMap;

use holdfast_definitions::{Json, Members};
use uuid::Uuid;

use crate::{
    Error,
    clock::to_utc,
    engine::EVENT_HEADER,
    limits::STORED_DEPTH_MAX,
    machine::StepError,
    steps::steps_of,
    store::{HitRow, RunWithHit},
};

/// The runs of a transaction that are needed to tell a document: a run, its base, and so on.
#[derive(Debug, Default)]
pub struct History {
    runs: HashMap<i32, RunWithHit>,
}

impl History {
    pub fn add(&mut self, run: RunWithHit) {
        self.runs.insert(run.run.run, run);
    }

    pub fn get(&self, run: i32) -> Option<&RunWithHit> {
        self.runs.get(&run)
    }

    /// The next run to load before `run`'s document can be told, if any.
    pub fn missing(&self, run: i32) -> Option<i32> {
        let mut at = run;
        loop {
            let Some(known) = self.runs.get(&at) else { return Some(at) };
            match known.run.base {
                Some(base) if known.run.document.is_none() => at = base,
                _ => return None,
            }
        }
    }

    /// The document as it was when `run` ended.
    pub fn document(&self, run: i32) -> Result<Json, Error> {
        let mut document = self.before(run)?;
        self.replay(run, &mut document, None)?;
        Ok(document)
    }

    /// The document with which `run` came to `step` for the first time: what a re-run from there
    /// begins with. A webhook's own output is part of it, since a re-run takes that hit again.
    pub fn document_at(&self, run: i32, step: &str) -> Result<Json, Error> {
        let mut document = self.before(run)?;
        self.replay(run, &mut document, Some(step))?;
        Ok(document)
    }

    /// The document before and after `run` came through `step` for the first time.
    pub fn around(&self, run: i32, step: &str) -> Result<(Json, Json), Error> {
        let known = self.known(run)?;
        let written = match &known.hit {
            Some(hit) if known.run.entry == step => Some(output_of(hit)?),
            _ => steps_of(&known.run)?.into_iter().find(|one| one.step == step).and_then(|one| one.output),
        };
        let before = match known.run.entry == step {
            true => self.before(run)?,
            false => self.document_at(run, step)?,
        };
        let mut after = before.clone();
        if let (Some(members), Some(written)) = (after.members_mut(), written) {
            members.insert(step.to_owned(), written);
        }
        Ok((before, after))
    }

    /// The runs that lead to `run`, the oldest first: each resumed the hold of the one before.
    pub fn chain(&self, run: i32) -> Vec<u32> {
        let Some(known) = self.runs.get(&run) else { return Vec::new() };
        let mut chain = match known.run.base {
            Some(base) if known.run.document.is_none() => self.chain(base),
            _ => Vec::new(),
        };
        chain.push(run as u32);
        chain
    }

    fn before(&self, run: i32) -> Result<Json, Error> {
        let row = &self.known(run)?.run;
        match (&row.document, row.base) {
            (Some(document), _) => parse(document),
            (None, Some(base)) => self.document(base),
            (None, None) => Ok(Json::from(Members::new())),
        }
    }

    fn replay(&self, run: i32, document: &mut Json, until: Option<&str>) -> Result<(), Error> {
        let known = self.known(run)?;
        let Some(members) = document.members_mut() else { return Ok(()) };
        if let Some(hit) = &known.hit {
            members.insert(known.run.entry.clone(), output_of(hit)?);
        }
        for step in steps_of(&known.run)? {
            if until == Some(step.step.as_str()) {
                return Ok(());
            }
            if let Some(output) = step.output {
                members.insert(step.step, output);
            }
        }
        Ok(())
    }

    /// The hits that brought the transaction to the end of `run`: (webhook step, hit), oldest first.
    pub fn lineage(&self, run: i32) -> Vec<(String, Uuid)> {
        let Some(known) = self.runs.get(&run) else { return Vec::new() };
        let mut lineage = match known.run.base {
            Some(base) if known.run.document.is_none() => self.lineage(base),
            _ => Vec::new(),
        };
        if let Some(hit) = known.run.hit {
            lineage.push((known.run.entry.clone(), hit));
        }
        lineage
    }

    fn known(&self, run: i32) -> Result<&RunWithHit, Error> {
        self.runs.get(&run).ok_or_else(|| Error::Internal(format!("run {run} is not there").into()))
    }
}

/// `{ method, headers, query, body, received_at }`.
pub fn output_of(hit: &HitRow) -> Result<Json, Error> {
    let body = match &hit.body {
        Some(body) => parse(body)?,
        None if hit.raw.is_empty() => Json::Null,
        None => Json::parse(&hit.raw).map_err(damaged)?,
    };
    Ok(output(&hit.method, parse(&hit.headers)?, parse(&hit.query)?, body, hit.received_at))
}

pub fn output(method: &str, headers: Json, query: Json, body: Json, received_at: i64) -> Json {
    let event = headers.get(EVENT_HEADER).cloned();
    let mut members = Members::from_iter([
        ("method".into(), Json::from(method)),
        ("headers".into(), headers),
        ("query".into(), query),
        ("body".into(), body),
        ("received_at".into(), Json::from(timestamp(received_at))),
    ]);
    // At a webhook that subscribes itself.
    if let Some(event) = event {
        members.insert("event".into(), event);
    }
    Json::from(members)
}

/// RFC 3339 in UTC with microseconds.
pub fn timestamp(instant: i64) -> String {
    to_utc(instant).to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

pub fn error_json(error: &StepError) -> Json {
    let mut members = Members::from_iter([
        ("kind".into(), Json::from(error.kind)),
        ("message".into(), Json::from(error.message.as_str())),
    ]);
    if let Some(status) = error.status {
        members.insert("status".into(), Json::from(u64::from(status)));
    }
    Json::from(members)
}

pub fn parse(text: &str) -> Result<Json, Error> {
    Json::parse_within(text.as_bytes(), STORED_DEPTH_MAX).map_err(damaged)
}

fn damaged(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("a stored JSON text can't be read: {error}").into())
}
