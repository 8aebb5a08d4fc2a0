//! Counts of what is held, by account, cycle and step. Counting goes through all that is held, so it is
//! done seldom: a fiftieth of the time at most.
//!
//! Invariant: who asks waits for a count only where there is none yet, or where counting is quick. Else
//! it gets the last one, and another is made meanwhile; never two at once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use uuid::Uuid;

use crate::{
    clock::{Clock, Micros},
    store::{Error, Result, Store},
};

/// A count is good for so many times as long as it took.
const REST: u32 = 50;
/// Where there is an earlier one, a count is waited for so long.
const PATIENCE: Duration = Duration::from_millis(5);

/// (cycle, step, transactions held there)
pub type Held = Arc<Vec<(Uuid, String, u64)>>;

#[derive(Debug, Default)]
pub struct HeldCache {
    accounts: Mutex<HashMap<String, Arc<OfAccount>>>,
}

#[derive(Debug, Default)]
struct OfAccount {
    /// Held while somebody counts.
    counting: Arc<tokio::sync::Mutex<()>>,
    known: Mutex<Option<Counted>>,
}

#[derive(Clone, Debug)]
struct Counted {
    at: Instant,
    took: Duration,
    /// The clock then: a manual one may have been moved since.
    clock: Micros,
    held: Held,
}

impl Counted {
    fn is_fresh(&self, clock: &Clock) -> bool {
        self.at.elapsed() < self.took * REST && (!clock.is_manual() || self.clock == clock.now())
    }
}

impl HeldCache {
    pub async fn of(&self, store: &Arc<dyn Store>, clock: &Clock, account: &str) -> Result<Held> {
        let of = self.account(account);
        let known = of.known();
        if let Some(known) = known.as_ref().filter(|known| known.is_fresh(clock)) {
            return Ok(known.held.clone());
        }
        let known = known.filter(|_| !clock.is_manual());
        let one = match (of.counting.clone().try_lock_owned(), &known) {
            (Ok(one), _) => one,
            (Err(_), Some(known)) => return Ok(known.held.clone()),
            (Err(_), None) => of.counting.clone().lock_owned().await,
        };
        if let Some(known) = of.known().filter(|known| known.is_fresh(clock)) {
            // Somebody else has counted meanwhile.
            return Ok(known.held);
        }
        let (store, account, now) = (store.clone(), account.to_owned(), clock.now());
        // It goes on, whether or not it is waited for.
        let count = tokio::spawn(async move {
            let _one = one;
            of.count(&*store, &account, now).await
        });
        let ended = |_| Error::Unavailable("the count was broken off".into());
        match known {
            None => count.await.map_err(ended)?,
            Some(known) => match tokio::time::timeout(PATIENCE, count).await {
                Ok(counted) => counted.map_err(ended)?,
                Err(_) => Ok(known.held),
            },
        }
    }

    fn account(&self, account: &str) -> Arc<OfAccount> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        match accounts.get(account) {
            Some(of) => of.clone(),
            None => accounts.entry(account.to_owned()).or_default().clone(),
        }
    }
}

impl OfAccount {
    fn known(&self) -> Option<Counted> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn count(&self, store: &dyn Store, account: &str, now: Micros) -> Result<Held> {
        let began = Instant::now();
        let rows = store.held(account, now).await?;
        let held: Held =
            Arc::new(rows.into_iter().map(|(cycle, step, count)| (cycle, step, count.max(0) as u64)).collect());
        let counted = Counted { at: Instant::now(), took: began.elapsed(), clock: now, held: held.clone() };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(counted);
        Ok(held)
    }
}
