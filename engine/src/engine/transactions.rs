//! Transactions: listed and shown.

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
    lanes::{Lanes, Seen},
    round::is_busy,
    runner,
    steps::{answer_in, steps_of},
    store::{RunWithHit, TransactionQuery, TransactionRow, UnderwayRow},
};

/// Runs that a transaction shows.
const RUNS_SHOWN: i64 = 100;
/// Rows that one page of a filtered list looks at: some 7 ms.
const LOOKED_AT_MAX: usize = 1_000;
/// Runs that are read at once.
const RUNS_AT_ONCE: usize = 200;
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
        let most = (size, LOOKED_AT_MAX.max(2 * size));
        let (rows, next) = self.listed(account, &filter, before, most, TransactionStatus::ALL).await?;
        let data = self.transaction_views(account, rows).await?;
        Ok(Page { data, next: next.map(|next| next.to_string()) })
    }

    /// The newest `size` that the filter lets through and that are of these statuses. About `most` are
    /// looked at.
    pub(super) async fn listed(
        &self,
        account: &str,
        filter: &TransactionFilter,
        before: Uuid,
        (size, most): (usize, usize),
        of: &[TransactionStatus],
    ) -> Result<(Vec<TransactionRow>, Option<Uuid>), Error> {
        let before = filter.until.map_or(before, |until| before.min(floor_of(instant(until))));
        let from = filter.since.map_or(Uuid::nil(), |since| floor_of(instant(since)));
        let is_of = |row: &TransactionRow| of.iter().any(|status| row.status == status.word());
        if let Some(key) = &filter.key {
            let mut rows = self.by_key(account, filter, key, (from, before)).await?;
            rows.retain(is_of);
            let more = rows.len() > size;
            rows.truncate(size);
            let next = rows.last().filter(|_| more).map(|row| row.transaction);
            return Ok((rows, next));
        }
        let lanes = self.lanes(account, filter, of)?;
        let places: HashMap<(Uuid, &str), usize> =
            lanes.iter().enumerate().map(|(at, (cycle, status))| ((*cycle, *status), at)).collect();
        let now = self.shared.clock.now();
        let is_wanted = |row: &TransactionRow| {
            row.expires_at > now
                && is_of(row)
                && filter.step.as_ref().is_none_or(|step| row.step.as_ref() == Some(step))
        };
        let mut list = Lanes::new(lanes.len().max(1), before, size, most);
        while let Some((asked, limit)) = list.next() {
            let found = self.read_lanes(account, filter, &lanes, &asked, (from, limit as i64)).await?;
            let rows = found.into_iter().filter_map(|row| {
                let lane = match lanes.is_empty() {
                    true => 0,
                    false => *places.get(&(row.cycle_id, row.status.as_str()))?,
                };
                Some(Seen { lane, id: row.transaction, row: is_wanted(&row).then_some(row) })
            });
            list.seen(&asked, limit, rows.collect());
        }
        let (rows, next) = list.page();
        Ok((rows.into_iter().map(|(_, row)| row).collect(), next))
    }

    /// A list for each cycle and status; none: all of the account in one.
    fn lanes(
        &self,
        account: &str,
        filter: &TransactionFilter,
        of: &[TransactionStatus],
    ) -> Result<Vec<(Uuid, &'static str)>, Error> {
        let (step, status) = (filter.step.as_deref(), filter.status);
        if filter.cycle.is_none() && step.is_none() && status.is_none() && of.len() != 1 {
            return Ok(Vec::new());
        }
        let mut cycles = self.wanted_cycles(account, filter)?;
        if let Some(step) = step {
            cycles.retain(|cycle| cycle.versions.values().any(|version| version.cycle.find(step).is_some()));
        }
        let statuses = of.iter().filter(|known| status.is_none_or(|status| status == **known));
        let lanes_of = |cycle: &Arc<Deployment>| {
            let id = cycle.row.cycle_id;
            statuses.clone().map(move |status| (id, status.word()))
        };
        let mut lanes: Vec<(Uuid, &'static str)> = cycles.iter().flat_map(lanes_of).collect();
        if lanes.is_empty() {
            // Nothing is wanted: not all.
            lanes.push((Uuid::nil(), TransactionStatus::Held.word()));
        }
        Ok(lanes)
    }

    async fn read_lanes(
        &self,
        account: &str,
        filter: &TransactionFilter,
        lanes: &[(Uuid, &'static str)],
        asked: &[(usize, Uuid)],
        (from, limit): (Uuid, i64),
    ) -> Result<Vec<TransactionRow>, Error> {
        let store = &self.shared.store;
        if lanes.is_empty() {
            let before = asked.first().map_or(Uuid::nil(), |(_, before)| *before);
            return Ok(store.newest_transactions(account, before, from, limit).await?);
        }
        let of = |(at, before): &(usize, Uuid)| lanes.get(*at).map(|(cycle, status)| (*cycle, *status, *before));
        let asked = asked.iter().filter_map(of);
        let failed = TransactionStatus::Failed.word();
        // Those that failed at a step have an index of their own.
        let (at_step, others): (Vec<_>, Vec<_>) =
            asked.partition(|(_, status, _)| filter.step.is_some() && *status == failed);
        let mut rows = Vec::new();
        if !at_step.is_empty() {
            let query = TransactionQuery { lanes: at_step, failed_at: filter.step.clone(), from, limit };
            rows = store.list_transactions(account, &query).await?;
        }
        if !others.is_empty() {
            let query = TransactionQuery { lanes: others, failed_at: None, from, limit };
            rows.extend(store.list_transactions(account, &query).await?);
        }
        Ok(rows)
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

    /// Those that were held under a correlation value, by the same seek as a hit's.
    async fn by_key(
        &self,
        account: &str,
        filter: &TransactionFilter,
        key: &str,
        (from, before): (Uuid, Uuid),
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
        let mut rows: Vec<_> = rows
            .into_values()
            .filter(|row| row.transaction < before && row.transaction >= from)
            .filter(|row| filter.status.is_none_or(|status| row.status == status.word()))
            .filter(|row| filter.step.is_none() || row.step == filter.step)
            .collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.transaction));
        Ok(rows)
    }

    /// With its document and last 100 runs.
    pub async fn transaction(&self, account: &str, id: TransactionId) -> Result<TransactionView, Error> {
        let row = self.visible(account, id).await?;
        self.whole_view(account, &row).await
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

    /// Without their details, in this order.
    pub(super) async fn transaction_views(
        &self,
        account: &str,
        rows: Vec<TransactionRow>,
    ) -> Result<Vec<TransactionView>, Error> {
        let failed = TransactionStatus::Failed.word();
        let names = rows.iter().filter(|row| row.status == failed).map(|row| (row.transaction, row.runs));
        let names: Vec<(Uuid, i32)> = names.collect();
        let mut errors = HashMap::new();
        for chunk in names.chunks(RUNS_AT_ONCE) {
            for run in self.shared.store.runs_named(account, chunk).await? {
                errors.extend(run.run.error.map(|error| (run.run.transaction, error)));
            }
        }
        rows.iter().map(|row| self.view_of(account, row, errors.get(&row.transaction).map(String::as_str))).collect()
    }

    async fn whole_view(&self, account: &str, row: &TransactionRow) -> Result<TransactionView, Error> {
        let runs = self.shared.store.runs(account, row.transaction, i32::MAX, RUNS_SHOWN).await?;
        let underway = match is_busy(row) {
            true => self.shared.store.underway(account, &[row.transaction]).await?,
            false => Vec::new(),
        };
        let mut view = self.view_of(account, row, runs.first().and_then(|run| run.run.error.as_deref()))?;
        view.detail = Some(self.detail(account, row, runs, &underway).await?);
        Ok(view)
    }

    fn view_of(&self, account: &str, row: &TransactionRow, error: Option<&str>) -> Result<TransactionView, Error> {
        let cycle = self.shared.catalog().cycle_by_id(row.cycle_id).cloned();
        let failed = row.status == TransactionStatus::Failed.word();
        Ok(TransactionView {
            id: TransactionId(row.transaction),
            account: account.to_owned(),
            cycle: cycle.map(|cycle| cycle.row.name.clone()).unwrap_or_default(),
            version: row.version as u32,
            status: TransactionStatus::from_word(&row.status).unwrap_or(TransactionStatus::Held),
            step: row.step.clone(),
            started_at: to_utc(row.started_at),
            expires_at: to_utc(row.expires_at),
            error: error.filter(|_| failed).map(parse).transpose()?,
            detail: None,
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
