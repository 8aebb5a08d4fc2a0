//! Transactions: listed, shown, cancelled, run again, resumed by hand.

use std::{collections::HashMap, sync::Arc};

use holdfast_definitions::{Json, Key, Members};
use uuid::Uuid;

use super::{Engine, instant, never};
use crate::{
    Answer, Error, HitId, Page, PageQuery, RunStatus, RunView, StepTrace, TransactionDetail, TransactionFilter,
    TransactionId, TransactionStatus, TransactionView,
    catalog::Deployment,
    clock::to_utc,
    history::{History, output_of, parse},
    id::floor_of,
    round::is_busy,
    runner,
    steps::{answer_in, steps_of},
    store::{RunWithHit, TransactionQuery, TransactionRow, UnderwayRow},
    work::Work,
};

/// Runs that a transaction shows.
const RUNS_SHOWN: i64 = 100;
/// Rows that one page of a filtered list looks at.
const LOOKED_AT_MAX: usize = 5_000;
/// Transactions that a look-up by key finds.
const BY_KEY_MAX: i64 = 1_000;

impl Engine {
    pub async fn transactions(
        &self,
        account: &str,
        filter: TransactionFilter,
        page: PageQuery,
    ) -> Result<Page<TransactionView>, Error> {
        let size = page.size()?;
        self.shared.follow_catalog().await?;
        let before = cursor(page.after.as_deref())?;
        let (mut rows, looked_at) = match &filter.key {
            Some(key) => (self.by_key(account, &filter, key, before).await?, LookedAt { complete: true, last: None }),
            None => self.by_status(account, &filter, before, size).await?,
        };
        let mut next = None;
        if rows.len() > size {
            rows.truncate(size);
            next = rows.last().map(|row| row.transaction.to_string());
        } else if !looked_at.complete {
            next = looked_at.last.map(|last| last.to_string());
        }
        let mut data = Vec::with_capacity(rows.len());
        for row in rows {
            data.push(self.transaction_view(account, &row, false).await?);
        }
        Ok(Page { data, next })
    }

    /// One descending seek for each (cycle, status), merged.
    async fn by_status(
        &self,
        account: &str,
        filter: &TransactionFilter,
        before: Uuid,
        size: usize,
    ) -> Result<(Vec<TransactionRow>, LookedAt), Error> {
        let want = if filter.step.is_some() { LOOKED_AT_MAX } else { size + 1 };
        let statuses = match filter.status {
            Some(status) => vec![status],
            None => TransactionStatus::ALL.to_vec(),
        };
        let mut rows = Vec::new();
        for cycle in self.wanted_cycles(account, filter)? {
            for status in &statuses {
                let query = TransactionQuery {
                    cycle_id: cycle.row.cycle_id,
                    status: status.word(),
                    before,
                    from: filter.since.map_or(Uuid::nil(), |since| floor_of(instant(since))),
                    now: self.shared.clock.now(),
                    limit: want as i64,
                };
                rows.extend(self.shared.store.list(account, &query).await?);
            }
        }
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.transaction));
        let complete = rows.len() < want;
        rows.truncate(want);
        let looked_at = LookedAt { complete, last: rows.last().map(|row| row.transaction) };
        if let Some(step) = &filter.step {
            rows.retain(|row| row.step.as_ref() == Some(step));
        }
        Ok((rows, looked_at))
    }

    /// Deleted ones too: their transactions are read until their retention ends.
    fn wanted_cycles(&self, account: &str, filter: &TransactionFilter) -> Result<Vec<Arc<Deployment>>, Error> {
        let catalog = self.shared.catalog();
        let cycles: Vec<_> = catalog
            .cycles(account)
            .filter(|cycle| filter.cycle.as_ref().is_none_or(|name| cycle.row.name == *name))
            .cloned()
            .collect();
        match &filter.cycle {
            Some(name) if cycles.is_empty() => Err(Error::NotFound { what: "cycle", id: name.clone() }),
            _ => Ok(cycles),
        }
    }

    /// Those that wait under a correlation value, by the same seek as a hit's.
    async fn by_key(
        &self,
        account: &str,
        filter: &TransactionFilter,
        key: &str,
        before: Uuid,
    ) -> Result<Vec<TransactionRow>, Error> {
        let values = key_values(key);
        let made = Key::from_values(values.iter().map(Some)).map_err(|_| {
            Error::Invalid("key is no correlation value: a text, a number, or a JSON array of them".into())
        })?;
        let now = self.shared.clock.now();
        let mut rows: HashMap<Uuid, TransactionRow> = HashMap::new();
        for cycle in self.wanted_cycles(account, filter)? {
            for hook in &cycle.hooks {
                for keying in hook.mappings.iter().filter(|keying| keying.mapping().entries.len() == values.len()) {
                    let seek = keying.seek(&hook.identifier, &made);
                    let found = self.shared.store.seek(account, &seek, now, BY_KEY_MAX).await?;
                    rows.extend(found.into_iter().map(|one| (one.transaction.transaction, one.transaction)));
                }
            }
        }
        let since = filter.since.map_or(i64::MIN, instant);
        let mut rows: Vec<_> = rows
            .into_values()
            .filter(|row| row.transaction < before && row.started_at >= since)
            .filter(|row| filter.status.is_none_or(|status| row.status == status.word()))
            .filter(|row| filter.step.is_none() || row.step == filter.step)
            .collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.transaction));
        Ok(rows)
    }

    /// With its document and last 100 runs.
    pub async fn transaction(&self, account: &str, id: TransactionId) -> Result<TransactionView, Error> {
        let row = self.visible(account, id).await?;
        self.transaction_view(account, &row, true).await
    }

    /// Newest first.
    pub async fn runs(&self, account: &str, id: TransactionId, page: PageQuery) -> Result<Page<RunView>, Error> {
        let size = page.size()?;
        let row = self.visible(account, id).await?;
        let before = match page.after.as_deref() {
            None => i32::MAX,
            Some(after) => after.parse().map_err(|_| Error::Invalid("after is no cursor of this list".into()))?,
        };
        let mut runs = self.shared.store.runs(account, id.0, before, size as i64 + 1).await?;
        let more = runs.len() > size;
        runs.truncate(size);
        let next = runs.last().filter(|_| more).map(|run| run.run.run.to_string());
        Ok(Page { data: self.run_views(account, &row, runs).await?, next })
    }

    /// Final. `Conflict` where it is cancelled already.
    pub async fn cancel(&self, account: &str, id: TransactionId) -> Result<TransactionView, Error> {
        self.visible(account, id).await?;
        self.shared.writer.ask(account, Work::Cancel { transaction: id.0 }).await?;
        self.transaction(account, id).await
    }

    /// A run with no hit, from a step that it has passed, with the document as it was there or the
    /// one given.
    pub async fn rerun(
        &self,
        account: &str,
        id: TransactionId,
        step: &str,
        document: Option<Json>,
    ) -> Result<TransactionView, Error> {
        let row = self.visible(account, id).await?;
        let passed = self.passed(account, &row, step).await?;
        let document = match document {
            Some(document @ Json::Object(_)) => document,
            Some(_) => return Err(Error::Invalid("the document must be a JSON object".into())),
            None => passed,
        };
        let work = Work::Rerun { transaction: id.0, step: step.to_owned(), document: Arc::new(document) };
        self.shared.writer.ask(account, work).await?;
        self.transaction(account, id).await
    }

    /// The document with which the newest run that passed a step came there: what a re-run from it
    /// begins with.
    pub async fn document_at(&self, account: &str, id: TransactionId, step: &str) -> Result<Json, Error> {
        let row = self.visible(account, id).await?;
        self.passed(account, &row, step).await
    }

    async fn passed(&self, account: &str, row: &TransactionRow, step: &str) -> Result<Json, Error> {
        let mut before = i32::MAX;
        loop {
            let runs = self.shared.store.runs(account, row.transaction, before, RUNS_SHOWN).await?;
            let Some(last) = runs.last() else {
                let message = format!("the transaction has not passed a step {step}");
                return Err(Error::Conflict(message));
            };
            before = last.run.run;
            for run in runs {
                let number = run.run.run;
                if steps_of(&run.run)?.iter().any(|passed| passed.step == step && passed.status != "held") {
                    let history = self.history(account, row.transaction, run).await?;
                    return history.document_at(number, step);
                }
            }
        }
    }

    /// Resumes a hold by hand: a hit with this body is made for the transaction itself, whatever
    /// the mapping says. `step` may be left out where it is held at one step.
    pub async fn resume(
        &self,
        account: &str,
        id: TransactionId,
        step: Option<&str>,
        body: Json,
    ) -> Result<TransactionView, Error> {
        self.visible(account, id).await?;
        let work = Work::Resume { transaction: id.0, step: step.map(str::to_owned), body };
        self.shared.writer.ask(account, work).await?;
        self.transaction(account, id).await
    }

    pub(super) async fn visible(&self, account: &str, id: TransactionId) -> Result<TransactionRow, Error> {
        let row = self.shared.store.transaction(account, id.0).await?;
        row.filter(|row| self.shared.clock.now() < row.expires_at)
            .ok_or_else(|| Error::NotFound { what: "transaction", id: id.to_string() })
    }

    pub(super) async fn history(&self, account: &str, id: Uuid, run: RunWithHit) -> Result<History, Error> {
        let number = run.run.run;
        let mut history = History::default();
        history.add(run);
        while let Some(missing) = history.missing(number) {
            let run = self.shared.store.run(account, id, missing).await?;
            history.add(run.ok_or_else(|| Error::Internal(format!("run {missing} is not there").into()))?);
        }
        Ok(history)
    }

    async fn transaction_view(
        &self,
        account: &str,
        row: &TransactionRow,
        whole: bool,
    ) -> Result<TransactionView, Error> {
        let cycle = self.shared.catalog().cycle_by_id(row.cycle_id).cloned();
        let limit = if whole { RUNS_SHOWN } else { 1 };
        let failed = row.status == TransactionStatus::Failed.word();
        let runs = match whole || failed {
            true => self.shared.store.runs(account, row.transaction, i32::MAX, limit).await?,
            false => Vec::new(),
        };
        let underway = match whole && is_busy(row) {
            true => self.shared.store.underway(account, &[row.transaction]).await?,
            false => Vec::new(),
        };
        let error = runs.first().and_then(|run| run.run.error.as_deref()).map(parse).transpose()?;
        let detail = match whole {
            true => Some(self.detail(account, row, runs, &underway).await?),
            false => None,
        };
        Ok(TransactionView {
            id: TransactionId(row.transaction),
            account: account.to_owned(),
            cycle: cycle.map(|cycle| cycle.row.name.clone()).unwrap_or_default(),
            version: row.version as u32,
            status: TransactionStatus::from_word(&row.status).unwrap_or(TransactionStatus::Held),
            step: row.step.clone(),
            started_at: to_utc(row.started_at),
            expires_at: to_utc(row.expires_at),
            error: error.filter(|_| failed),
            detail,
        })
    }

    /// The document and runs, those under way and those that wait included.
    async fn detail(
        &self,
        account: &str,
        row: &TransactionRow,
        ended: Vec<RunWithHit>,
        underway: &[UnderwayRow],
    ) -> Result<TransactionDetail, Error> {
        let document = match (underway.first(), ended.first().cloned()) {
            (Some(now), _) if now.status == TransactionStatus::Running.word() => {
                runner::history(&self.shared, account, now).await?.document(now.run)?
            }
            (_, Some(newest)) => {
                let number = newest.run.run;
                self.history(account, row.transaction, newest).await?.document(number)?
            }
            _ => Json::from(Members::new()),
        };
        let mut runs = Vec::new();
        for now in underway.iter().rev().take(RUNS_SHOWN as usize) {
            let hit = match now.webhook.as_ref().zip(now.hit) {
                Some((webhook, hit)) => self.shared.store.hit(account, std::slice::from_ref(webhook), hit).await?,
                None => None,
            };
            runs.push(RunWithHit { run: now.as_shown(), hit });
        }
        runs.extend(ended);
        runs.truncate(RUNS_SHOWN as usize);
        let mut runs = self.run_views(account, row, runs).await?;
        runs.reverse();
        Ok(TransactionDetail { document, runs })
    }

    async fn run_views(
        &self,
        account: &str,
        row: &TransactionRow,
        runs: Vec<RunWithHit>,
    ) -> Result<Vec<RunView>, Error> {
        let hits: Vec<Uuid> = runs.iter().filter_map(|run| run.run.hit).collect();
        let mut answers: HashMap<Uuid, Json> = HashMap::new();
        for chunk in hits.chunks(500) {
            for answer in self.shared.store.answers(account, chunk).await? {
                let (hit, step) = (answer.hit, answer.step.clone());
                answers.insert(hit, answer_json(&Answer::from_row(answer)?, step));
            }
        }
        for run in &runs {
            if let Some(hit) = run.run.hit
                && let Some((step, answer)) = answer_in(&run.run, hit)?
            {
                answers.insert(hit, answer_json(&answer, Some(step)));
            }
        }
        let catalog = self.shared.catalog();
        let cycle = catalog.cycle_by_id(row.cycle_id).and_then(|cycle| cycle.versions.get(&row.version));
        runs.into_iter()
            .map(|run| {
                let kind_of = |step: &str| {
                    let found = cycle.and_then(|version| {
                        let index = version.cycle.find(step)?;
                        Some(version.cycle.step(index).kind.word())
                    });
                    found.unwrap_or_default().to_owned()
                };
                run_view(run, kind_of, &mut answers)
            })
            .collect()
    }
}

fn run_view(
    run: RunWithHit,
    kind_of: impl Fn(&str) -> String,
    answers: &mut HashMap<Uuid, Json>,
) -> Result<RunView, Error> {
    let mut steps = Vec::new();
    let mut ended = run.run.started_at;
    for (position, step) in steps_of(&run.run)?.into_iter().enumerate() {
        let entry = match &run.hit {
            Some(hit) if position == 0 => Some(output_of(hit)?),
            _ => None,
        };
        steps.push(StepTrace {
            kind: kind_of(&step.step),
            step: step.step,
            status: step.status,
            // Pure steps take no time on the engine's clock: they run inside one commit.
            started_at: to_utc(step.at.unwrap_or(ended)),
            duration_us: step.duration_us,
            output: step.output.or(entry).or(step.result),
            error: step.error,
            attempts: step.attempts,
            elements: step.elements,
            elements_left_out: step.left_out,
            console: step.console,
        });
        ended = ended.max(step.at.map_or(ended, |at| at.saturating_add_unsigned(step.duration_us)));
    }
    let status = RunStatus::from_word(&run.run.status).unwrap_or(RunStatus::Completed);
    Ok(RunView {
        number: run.run.run as u32,
        hit: run.run.hit.map(HitId),
        entry: run.run.entry,
        status,
        started_at: to_utc(run.run.started_at),
        ended_at: (!matches!(status, RunStatus::Running | RunStatus::Queued)).then(|| to_utc(ended)),
        steps,
        answer: run.run.hit.and_then(|hit| answers.remove(&hit)),
        error: run.run.error.as_deref().map(parse).transpose()?,
    })
}

/// How far a filtered page has looked.
struct LookedAt {
    complete: bool,
    last: Option<Uuid>,
}

fn answer_json(answer: &Answer, step: Option<String>) -> Json {
    let (status, headers, body) = match answer {
        Answer::Response { status, headers, body } => {
            (*status, headers.clone(), String::from_utf8_lossy(body).into_owned())
        }
        Answer::Accepted => (200, Vec::new(), "Webhook accepted.".to_owned()),
        Answer::Failed { message, .. } => (500, Vec::new(), message.clone()),
        Answer::Cancelled { .. } => (409, Vec::new(), "cancelled".to_owned()),
        Answer::Expired { .. } => (410, Vec::new(), "expired".to_owned()),
    };
    let headers: Members = headers.into_iter().map(|(name, value)| (name, Json::from(value))).collect();
    Json::from(Members::from_iter([
        ("status".to_owned(), Json::from(u64::from(status))),
        ("headers".to_owned(), Json::from(headers)),
        ("body".to_owned(), Json::from(body)),
        ("step".to_owned(), step.map_or(Json::Null, Json::from)),
    ]))
}

/// A JSON array is a composite key; anything else is one text. A number equals its text.
fn key_values(key: &str) -> Vec<Json> {
    match Json::parse(key.as_bytes()) {
        Ok(Json::Array(values)) if !values.is_empty() => Arc::unwrap_or_clone(values),
        Ok(Json::Bool(value)) => vec![Json::Bool(value)],
        _ => vec![Json::from(key)],
    }
}

pub(super) fn cursor(after: Option<&str>) -> Result<Uuid, Error> {
    match after {
        None => Ok(never()),
        Some(after) => after.parse().map_err(|_| Error::Invalid("after is no cursor of this list".into())),
    }
}
