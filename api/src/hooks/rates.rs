//! How many requests a webhook, and an account, takes.
//!
//! Invariant: what is over a rate is refused before its body is read. Rates are kept by each node
//! for itself and by real time, whatever the engine's clock says.

use std::{
    collections::HashMap,
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    DefaultDirectRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use holdfast_definitions::Rate;
use holdfast_engine::{Door, Error};

#[derive(Default)]
pub struct Rates {
    /// Hits a second of each account; none: as many as come.
    account: Option<NonZeroU32>,
    unkept: bool,
    clock: DefaultClock,
    /// By webhook, or by account: the rate that it was made for, and what is left of it.
    kept: Mutex<HashMap<String, (Rate, Arc<DefaultDirectRateLimiter>)>>,
}

impl Rates {
    /// `account`: hits a second of each account, 0 for as many as come.
    pub fn new(account: u32) -> Self {
        Self { account: NonZeroU32::new(account), ..Self::default() }
    }

    /// As many as come, whatever a webhook says: where time is not the real one.
    pub fn unkept() -> Self {
        Self { unkept: true, ..Self::default() }
    }

    /// `Limit` where the webhook or its account has had its share for now. `own`: hits a second of this
    /// account, in place of everybody's.
    pub fn admit(&self, door: &Door, own: Option<u32>) -> Result<(), Error> {
        if self.unkept {
            return Ok(());
        }
        if let Some(rate) = door.webhook().rate {
            self.take(&door.identifier, rate, "hits of the webhook")?;
        }
        if let Some(hits) = own.and_then(NonZeroU32::new).or(self.account) {
            // No identifier has a slash in it.
            let rate = Rate { hits, per: Duration::from_secs(1) };
            self.take(&format!("/{}", door.account), rate, "hits a second of the account")?;
        }
        Ok(())
    }

    fn take(&self, of: &str, rate: Rate, limit: &'static str) -> Result<(), Error> {
        match self.limiter(of, rate).check() {
            Ok(()) => Ok(()),
            Err(early) => {
                let retry_after = early.wait_time_from(self.clock.now());
                Err(Error::Limit { limit, max: u64::from(rate.hits.get()), retry_after })
            }
        }
    }

    fn limiter(&self, of: &str, rate: Rate) -> Arc<DefaultDirectRateLimiter> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.get(of) {
            Some((known, limiter)) if *known == rate => limiter.clone(),
            _ => {
                let limiter = Arc::new(RateLimiter::direct(quota(rate)));
                kept.insert(of.to_owned(), (rate, limiter.clone()));
                limiter
            }
        }
    }
}

fn quota(rate: Rate) -> Quota {
    let one = (rate.per / rate.hits.get()).max(Duration::from_nanos(1));
    let each = Quota::with_period(one).unwrap_or_else(|| Quota::per_second(rate.hits));
    each.allow_burst(rate.hits)
}
