//! Many hits replayed, oldest first: what their senders sent first comes first again.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    pin::Pin,
    task::Poll,
};

use uuid::Uuid;

use super::{
    Engine,
    bulk::{AT_ONCE, SAMPLE},
    never,
};
use crate::{
    BulkDone, BulkQuery, Chosen, Error, Hit, HitFilter, HitId, HitStatus, Preview,
    bulk::{COUNTED_MAX, LIMIT_MAX, count, next},
    round::RepeatName,
    store::{HitQuery, HitRow, ListedHit, WhichHits},
};

/// Hits that one action may choose.
const CHOSEN_MAX: usize = 100_000;
/// Hits since the mark that are looked at for replays of the chosen.
const SINCE_MAX: usize = 20_000;

type Hits = Chosen<HitFilter, HitId>;
type Replayed<'a> = Pin<Box<dyn Future<Output = Result<bool, Error>> + Send + 'a>>;

impl Engine {
    /// What would be replayed: nothing is.
    pub async fn preview_replays(&self, account: &str, chosen: &Hits) -> Result<Preview<Hit>, Error> {
        self.shared.follow_catalog().await?;
        let mark = self.newest_hit(account).await?;
        let (mut found, capped) = self.chosen_hits(account, chosen, mark, COUNTED_MAX, WhichHits::AllByStatus).await?;
        let (mut statuses, mut refused) = (BTreeMap::new(), BTreeMap::new());
        if let Chosen::Ids(_) = chosen {
            for one in found.values_mut() {
                one.status = match self.hit_row(account, HitId(one.hit)).await {
                    Ok(row) => Some(row.status),
                    Err(Error::NotFound { .. }) => None,
                    Err(error) => return Err(error),
                };
            }
        }
        found.retain(|_, one| match one.status.as_deref().map(|status| (status, refuses(status))) {
            Some((status, None)) => {
                count(&mut statuses, status.to_owned());
                true
            }
            Some((_, Some(why))) => {
                count(&mut refused, why.to_owned());
                false
            }
            None => {
                count(&mut refused, "it is not there, or no longer".to_owned());
                false
            }
        });
        let mut sample = Vec::new();
        for id in found.keys().take(SAMPLE) {
            match self.hit(account, HitId(*id)).await {
                Ok(hit) => sample.push(hit),
                Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Preview { matching: found.len() as u64, capped, statuses, refused, sample, mark: mark.to_string() })
    }

    /// Replays the next `limit` of them, oldest first. One that was replayed since the mark is not replayed
    /// again.
    pub async fn replay_hits(&self, account: &str, chosen: &Hits, query: &BulkQuery) -> Result<BulkDone, Error> {
        let size = query.size()?;
        self.shared.follow_catalog().await?;
        let (after, mark) = query.place::<Uuid>()?;
        let mark = match mark {
            Some(mark) => mark,
            None => self.newest_hit(account).await?,
        };
        let (chosen, capped) = self.chosen_hits(account, chosen, mark, CHOSEN_MAX, WhichHits::All).await?;
        if capped {
            let message = format!("more than {CHOSEN_MAX} hits match: narrow the filter, by since and until");
            return Err(Error::Invalid(message));
        }
        let mut come_to = after.unwrap_or(Uuid::nil());
        let mut left: Vec<(Uuid, String)> =
            chosen.into_iter().filter(|(id, _)| *id > come_to).map(|(id, one)| (id, one.webhook)).collect();
        let more = left.len() > size;
        left.truncate(size);
        let rest = left.last().filter(|_| more).map(|(last, _)| next(*last, mark));
        let mut done = BulkDone { next: rest, ..BulkDone::default() };
        let replayed = self.replayed_since(account, &left, mark).await?;
        for chunk in left.chunks(AT_ONCE) {
            if let Some(error) = self.replay_chunk(account, chunk, (&replayed, mark), &mut done).await? {
                if done.is_empty() {
                    return Err(error);
                }
                done.next = Some(next(come_to, mark));
                return Ok(done);
            }
            come_to = chunk.last().map_or(come_to, |(last, _)| *last);
        }
        Ok(done)
    }

    /// The newest hit that there is: what comes later is after the mark.
    async fn newest_hit(&self, account: &str) -> Result<Uuid, Error> {
        let newest = self.listed_hits(account, &HitFilter::default(), never(), (1, 1), WhichHits::All).await?.0;
        Ok(newest.first().map_or(Uuid::nil(), |one| one.hit))
    }

    /// Those that stood at the mark, each with a webhook where it is kept, oldest first; and whether there
    /// are more than `most`. `all` as of a list.
    async fn chosen_hits(
        &self,
        account: &str,
        chosen: &Hits,
        mark: Uuid,
        most: usize,
        all: WhichHits,
    ) -> Result<(BTreeMap<Uuid, ListedHit>, bool), Error> {
        let mut found = BTreeMap::new();
        let filter = match chosen {
            Chosen::Ids(ids) if ids.len() > LIMIT_MAX as usize => {
                return Err(Error::Invalid(format!("{} ids: {LIMIT_MAX} at most", ids.len())));
            }
            Chosen::Ids(ids) => {
                let named = |id: &HitId| ListedHit { webhook: String::new(), hit: id.0, status: None, replay_of: None };
                found.extend(ids.iter().map(|id| (id.0, named(id))));
                return Ok((found, false));
            }
            Chosen::Filter(filter) => filter,
        };
        if !filter.ambiguous
            && filter.webhook.is_none()
            && filter.cycle.is_none()
            && filter.status.is_none()
            && filter.since.is_none()
            && filter.until.is_none()
        {
            let message = "the filter names nothing: give one of webhook, cycle, status, ambiguous, since, until";
            return Err(Error::Invalid(message.into()));
        }
        let mut before = Uuid::from_u128(mark.as_u128().saturating_add(1));
        loop {
            let (rows, next) = self.listed_hits(account, filter, before, (COUNTED_MAX, 2 * COUNTED_MAX), all).await?;
            found.extend(rows.into_iter().map(|row| (row.hit, row)));
            match next {
                Some(_) if found.len() >= most => return Ok((found, true)),
                Some(next) => before = next,
                None => return Ok((found, false)),
            }
        }
    }

    /// Of these, those of which a replay has come since the mark.
    pub(super) async fn replayed_since(
        &self,
        account: &str,
        hits: &[(Uuid, String)],
        mark: Uuid,
    ) -> Result<HashSet<Uuid>, Error> {
        let mut webhooks: BTreeSet<String> = hits.iter().map(|(_, webhook)| webhook.clone()).collect();
        if webhooks.remove("") {
            for (id, _) in hits {
                match self.hit_row(account, HitId(*id)).await {
                    Ok(row) => drop(webhooks.insert(row.webhook)),
                    Err(Error::NotFound { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let from = Uuid::from_u128(mark.as_u128().saturating_add(1));
        let mut replayed = HashSet::new();
        for webhook in webhooks {
            let mut before = never();
            let mut seen = 0;
            while seen < SINCE_MAX {
                let lanes = vec![(webhook.clone(), before)];
                let query = HitQuery { lanes, which: WhichHits::AllByStatus, from, limit: 1_000 };
                let found = self.shared.store.list_hits(account, &query).await?;
                let Some(oldest) = found.iter().map(|one| one.hit).min() else { break };
                before = oldest;
                seen += found.len();
                replayed.extend(found.into_iter().filter_map(|one| one.replay_of));
            }
        }
        Ok(replayed)
    }

    /// In their order: each asks for its commit before the next does. An error comes back where the server,
    /// and not what was asked of one, is why it was not done.
    async fn replay_chunk(
        &self,
        account: &str,
        chunk: &[(Uuid, String)],
        (replayed, mark): (&HashSet<Uuid>, Uuid),
        done: &mut BulkDone,
    ) -> Result<Option<Error>, Error> {
        let mut asked: Vec<(Uuid, Replayed<'_>)> = Vec::new();
        let mut stopped = None;
        for (id, _) in chunk {
            if replayed.contains(id) {
                done.note(*id, Ok(false));
                continue;
            }
            match self.hit_row(account, HitId(*id)).await {
                // One of a shared webhook is several commits: those before it come first.
                Ok(row) if self.address_of(&row.webhook).is_some() => {
                    stopped = stopped.or(all(std::mem::take(&mut asked), done).await);
                    stopped = stopped.or(done.note(*id, self.replay_row(account, row, mark).await));
                }
                Ok(row) => asked.push((*id, Box::pin(self.replay_row(account, row, mark)))),
                Err(error) => stopped = stopped.or(done.note(*id, Err(error))),
            }
        }
        Ok(stopped.or(all(asked, done).await))
    }

    async fn replay_row(&self, account: &str, row: HitRow, mark: Uuid) -> Result<bool, Error> {
        if let Some(why) = refuses(&row.status) {
            return Err(Error::Conflict(why.into()));
        }
        let once = RepeatName::of_replay(row.hit, mark);
        self.replay_only(account, row, Some(once)).await.map(|(_, made)| made)
    }
}

/// Why a hit of such a status is not replayed.
fn refuses(status: &str) -> Option<&'static str> {
    (status == HitStatus::Queued.word()).then_some("it is queued by a stop: start the cycle, and it runs")
}

/// Waits for all of them, asking each in turn.
async fn all(mut asked: Vec<(Uuid, Replayed<'_>)>, done: &mut BulkDone) -> Option<Error> {
    let mut stopped = None;
    std::future::poll_fn(|context| {
        asked.retain_mut(|(id, replay)| match replay.as_mut().poll(context) {
            Poll::Ready(came) => {
                let error = done.note(*id, came);
                stopped = stopped.take().or(error);
                false
            }
            Poll::Pending => true,
        });
        if asked.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    stopped
}
