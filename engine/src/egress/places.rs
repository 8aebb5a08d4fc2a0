//! How many requests are out at once.
//!
//! Invariant: what is over the number waits and is not refused; and however slow one partner is, a
//! quarter of the places is never its own, so that it delays no other.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Clones share the places.
#[derive(Clone)]
pub struct Places(Arc<Inner>);

struct Inner {
    most: usize,
    all: Arc<Semaphore>,
    /// By host and port. Held only for the length of a look-up.
    partners: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// The log has been told, until there is room again.
    told: AtomicBool,
}

impl fmt::Debug for Places {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Places").field("most", &self.0.most).finish_non_exhaustive()
    }
}

/// One request's place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    _of_partner: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// At least one.
    pub fn new(most: usize) -> Self {
        let most = most.clamp(1, Semaphore::MAX_PERMITS);
        Self(Arc::new(Inner {
            most,
            all: Arc::new(Semaphore::new(most)),
            partners: Mutex::default(),
            told: AtomicBool::new(false),
        }))
    }

    /// What one partner may have of them.
    fn most_of_one(&self) -> usize {
        self.0.most - self.0.most / 4
    }

    /// First come, first served. Who waits for a partner's place takes none of the others.
    pub async fn take(&self, partner: &str) -> Place {
        let places = self.of(partner);
        let of_partner = self.one(places).await;
        let of_all = self.one(self.0.all.clone()).await;
        Place { _of_partner: of_partner, _of_all: of_all }
    }

    async fn one(&self, places: Arc<Semaphore>) -> OwnedSemaphorePermit {
        if let Ok(place) = places.clone().try_acquire_owned() {
            self.0.told.store(false, Ordering::Relaxed);
            return place;
        }
        metrics::counter!("holdfast_limit_reached_total", "limit" => "outgoing connections").increment(1);
        if !self.0.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(limit = "outgoing connections", max = self.0.most, "requests wait to go out");
        }
        match places.acquire_owned().await {
            Ok(place) => place,
            // Nobody closes them.
            Err(_) => unreachable!("places are never closed"),
        }
    }

    fn of(&self, partner: &str) -> Arc<Semaphore> {
        let mut partners = self.0.partners.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = partners.get(partner) {
            return places.clone();
        }
        // Those with nobody in them are made again when they are needed.
        partners.retain(|_, places| Arc::strong_count(places) > 1);
        let places = Arc::new(Semaphore::new(self.most_of_one()));
        partners.insert(partner.to_owned(), places.clone());
        places
    }
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;
