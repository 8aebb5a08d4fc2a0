//! One action done to many transactions: cancelled, run again, resumed.
//!
//! Each is a commit of its own, or part of one with others: done or not, and never half. What breaks off
//! in the middle is gone on with by the same call: what was done since the mark is not done twice.

use std::collections::{BTreeMap, HashMap};

use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Engine, never};
use crate::{
    BulkDone, BulkQuery, Chosen, Error, Preview, TransactionAction, TransactionFilter, TransactionId,
    TransactionStatus, TransactionView,
    bulk::{COUNTED_MAX, LIMIT_MAX, count, next},
    clock::Micros,
    id::floor_of,
    round::is_busy,
    store::TransactionRow,
};

/// How many a preview looks at.
const COUNT_LOOKED_AT: usize = 20_000;
/// Of which a preview shows the first.
pub(super) const SAMPLE: usize = 10;
/// Rows that a call looks at for each that it is to do.
const LOOKED_AT_EACH: usize = 10;
/// Those that are on their way to a commit at once.
pub(super) const AT_ONCE: usize = 64;

type Transactions = Chosen<TransactionFilter, TransactionId>;

impl Engine {
    /// What an action would be done to: nothing is done.
    pub async fn preview_transactions(
        &self,
        account: &str,
        chosen: &Transactions,
        action: &TransactionAction,
    ) -> Result<Preview<TransactionView>, Error> {
        self.shared.follow_catalog().await?;
        let mark = self.shared.clock.now();
        let (mut statuses, mut refused) = (BTreeMap::new(), BTreeMap::new());
        let (rows, others, capped) = match chosen {
            Chosen::Filter(filter) => {
                let most = (COUNTED_MAX, COUNT_LOOKED_AT);
                let (able, unable) = statuses_of(action);
                let (rows, next) = self.chosen(account, filter, (never(), mark), most, &able).await?;
                let (others, _) = self.chosen(account, filter, (never(), mark), most, &unable).await?;
                (rows, others, next.is_some())
            }
            Chosen::Ids(ids) => {
                let (rows, missing) = self.by_ids(account, ids, never()).await?;
                for _ in missing {
                    count(&mut refused, "it is not there, or no longer".to_owned());
                }
                let (rows, others) = rows.into_iter().partition(|row| refuses(action, &row.status).is_none());
                (rows, others, false)
            }
        };
        for row in &rows {
            count(&mut statuses, row.status.clone());
        }
        for why in others.iter().filter_map(|row| refuses(action, &row.status)) {
            count(&mut refused, why);
        }
        let matching = rows.len() as u64;
        let sample = self.transaction_views(account, rows.into_iter().take(SAMPLE).collect()).await?;
        Ok(Preview { matching, capped, statuses, refused, sample, mark: mark.to_string() })
    }

    /// Does it to the next `limit` of them, newest first.
    pub async fn act_on_transactions(
        &self,
        account: &str,
        chosen: &Transactions,
        action: &TransactionAction,
        query: &BulkQuery,
    ) -> Result<BulkDone, Error> {
        let size = query.size()?;
        self.shared.follow_catalog().await?;
        let (after, mark) = query.place::<Micros>()?;
        let (after, mark) = (after.unwrap_or(never()), mark.unwrap_or_else(|| self.shared.clock.now()));
        let mut done = BulkDone::default();
        let (rows, rest) = match chosen {
            Chosen::Filter(filter) => {
                let most = (size, size * LOOKED_AT_EACH);
                self.chosen(account, filter, (after, mark), most, &statuses_of(action).0).await?
            }
            Chosen::Ids(ids) => {
                let (mut rows, missing) = self.by_ids(account, ids, after).await?;
                if after == never() {
                    let gone = |id: Uuid| (id, Error::NotFound { what: "transaction", id: id.to_string() }.to_string());
                    done.failed.extend(missing.into_iter().map(gone));
                }
                let more = rows.len() > size;
                rows.truncate(size);
                let last = rows.last().filter(|_| more).map(|row| row.transaction);
                (rows, last)
            }
        };
        done.next = rest.map(|rest| next(rest, mark));
        let mut come_to = after;
        for chunk in rows.chunks(AT_ONCE) {
            if let Some(error) = self.act_on(account, chunk, (action, mark), &mut done).await? {
                if done.is_empty() {
                    return Err(error);
                }
                done.next = Some(next(come_to, mark));
                return Ok(done);
            }
            come_to = chunk.last().map_or(come_to, |row| row.transaction);
        }
        Ok(done)
    }

    /// Those that the filter lets through, that stood at the mark, and that are of these statuses.
    async fn chosen(
        &self,
        account: &str,
        filter: &TransactionFilter,
        (before, mark): (Uuid, Micros),
        most: (usize, usize),
        of: &[TransactionStatus],
    ) -> Result<(Vec<TransactionRow>, Option<Uuid>), Error> {
        let TransactionFilter { cycle, status, step, key, since, until } = filter;
        if cycle.is_none() && status.is_none() && step.is_none() && key.is_none() && since.is_none() && until.is_none()
        {
            let message = "the filter names nothing: give one of cycle, status, step, key, since, until";
            return Err(Error::Invalid(message.into()));
        }
        let before = before.min(floor_of(mark.saturating_add(1)));
        self.listed(account, filter, before, most, of).await
    }

    /// Newest first, those below `before`; and the ids that are none of the account's.
    async fn by_ids(
        &self,
        account: &str,
        ids: &[TransactionId],
        before: Uuid,
    ) -> Result<(Vec<TransactionRow>, Vec<Uuid>), Error> {
        if ids.len() > LIMIT_MAX as usize {
            return Err(Error::Invalid(format!("{} ids: {LIMIT_MAX} at most", ids.len())));
        }
        let mut ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let mut rows = self.shared.store.transactions(account, &ids).await?;
        let now = self.shared.clock.now();
        rows.retain(|row| row.expires_at > now);
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.transaction));
        let missing = ids.into_iter().filter(|id| !rows.iter().any(|row| row.transaction == *id)).collect();
        rows.retain(|row| row.transaction < before);
        Ok((rows, missing))
    }

    /// An error comes back where the server, and not what was asked of one, is why it was not done.
    async fn act_on(
        &self,
        account: &str,
        rows: &[TransactionRow],
        (action, mark): (&TransactionAction, Micros),
        done: &mut BulkDone,
    ) -> Result<Option<Error>, Error> {
        let newest = match action {
            TransactionAction::Cancel => HashMap::new(),
            _ => self.newest_runs(account, rows).await?,
        };
        let mut asked = JoinSet::new();
        for row in rows {
            let id = row.transaction;
            let over = match action {
                TransactionAction::Cancel => row.status == TransactionStatus::Cancelled.word(),
                _ => newest.get(&id).is_some_and(|began| *began > mark),
            };
            if over {
                done.note(id, Ok(false));
                continue;
            }
            let (engine, account, action, row) = (self.clone(), account.to_owned(), action.clone(), row.clone());
            asked.spawn(async move { (id, engine.act(&account, row, action).await) });
        }
        let mut stopped = None;
        while let Some(one) = asked.join_next().await {
            let (id, came) = one.map_err(|error| Error::Internal(Box::new(error)))?;
            stopped = stopped.or(done.note(id, came));
        }
        Ok(stopped)
    }

    /// True where it was done, false where there was nothing to do.
    async fn act(&self, account: &str, row: TransactionRow, action: TransactionAction) -> Result<bool, Error> {
        let id = TransactionId(row.transaction);
        match action {
            TransactionAction::Cancel => match self.cancel_only(account, id).await {
                // Somebody else was quicker.
                Err(Error::Conflict(_)) => Ok(false),
                other => other.map(|()| true),
            },
            TransactionAction::Rerun { step } => {
                let failed_at = row.step.clone().filter(|_| row.status == TransactionStatus::Failed.word());
                let step = step.or(failed_at).ok_or_else(|| Error::Conflict(no_step(&row.status)))?;
                self.rerun_only(account, &row, (&step, None), Some(row.runs)).await
            }
            TransactionAction::Resume { step, body } => {
                self.resume_only(account, id, (step.as_deref(), body), Some(row.runs)).await
            }
        }
    }

    /// When the newest run of each began, those under way and those that wait included.
    async fn newest_runs(&self, account: &str, rows: &[TransactionRow]) -> Result<HashMap<Uuid, Micros>, Error> {
        let store = &self.shared.store;
        let (busy, idle): (Vec<&TransactionRow>, Vec<&TransactionRow>) = rows.iter().partition(|row| is_busy(row));
        let mut newest: HashMap<Uuid, Micros> = HashMap::new();
        let names: Vec<(Uuid, i32)> = idle.iter().map(|row| (row.transaction, row.runs)).collect();
        for run in store.runs_named(account, &names).await? {
            newest.insert(run.run.transaction, run.run.started_at);
        }
        let ids: Vec<Uuid> = busy.iter().map(|row| row.transaction).collect();
        if !ids.is_empty() {
            for row in store.underway(account, &ids).await? {
                let began = newest.entry(row.transaction).or_insert(row.started_at);
                *began = row.started_at.max(*began);
            }
        }
        Ok(newest)
    }
}

/// Those that an action is for where a filter chose them, and those that it leaves as they are.
fn statuses_of(action: &TransactionAction) -> (Vec<TransactionStatus>, Vec<TransactionStatus>) {
    TransactionStatus::ALL.iter().copied().partition(|status| refuses(action, status.word()).is_none())
}

/// Why one of this status is left as it is, where a filter chose it.
fn refuses(action: &TransactionAction, status: &str) -> Option<String> {
    let is = |known: TransactionStatus| status == known.word();
    match action {
        TransactionAction::Cancel if is(TransactionStatus::Cancelled) => Some("it is cancelled already".to_owned()),
        TransactionAction::Cancel => None,
        _ if is(TransactionStatus::Cancelled) => Some("it is cancelled, which is final".to_owned()),
        TransactionAction::Rerun { step: None } if !is(TransactionStatus::Failed) => Some(no_step(status)),
        TransactionAction::Resume { .. } if !is(TransactionStatus::Held) => {
            Some(format!("it is {status} and not held"))
        }
        TransactionAction::Rerun { .. } | TransactionAction::Resume { .. } => None,
    }
}

fn no_step(status: &str) -> String {
    format!("it is {status}: say from which step it is to be run again")
}
