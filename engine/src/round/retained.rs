//! What endpoints are told of a hold's retention: that it is about to run out, and that it has.
//!
//! Invariant: such a timer has a run below 0, which no run has; it tells of the hold that its run left, as
//! long as the transaction is held there.

use super::Batch;
use crate::{
    LiveEvent, TransactionId, TransactionStatus,
    clock::{Micros, to_utc},
    store::{TimerRow, TransactionRow},
};
use holdfast_definitions::{Json, Members};

/// What is left when it is told; a tenth of the retention, where that is less.
const LEAD_MAX: Micros = 24 * 3_600 * 1_000_000;
const EXPIRING: &str = "hold.expiring";
const EXPIRED: &str = "transaction.expired";

/// Whether a timer is one of these.
pub fn tells(timer: &TimerRow) -> bool {
    timer.run < 0
}

impl Batch<'_> {
    /// The timers of a new hold; none where no endpoint asks for them.
    pub(super) fn tell_retention_of(&mut self, row: &TransactionRow, run: i32, cycle: &str) {
        let (account, watched) = (self.around.account, self.around.catalog.watched());
        let lead = ((row.expires_at - row.started_at) / 10).min(LEAD_MAX);
        let expiring = (row.expires_at - lead).max(self.head.now);
        for (event, due_at, run) in [(EXPIRING, expiring, -2 * run), (EXPIRED, row.expires_at, -2 * run - 1)] {
            if watched.is_wanted(account, cycle, event) {
                self.writes.timers.push(TimerRow { due_at, transaction: row.transaction, run });
            }
        }
    }

    /// Its time has come.
    pub(super) fn tell_retention(&mut self, timer: TimerRow, row: Option<&TransactionRow>) {
        let event = if timer.run % 2 == 0 { EXPIRING } else { EXPIRED };
        let hold = -timer.run / 2;
        self.writes.timers_gone.push(timer);
        let Some(row) = row.filter(|row| row.runs == hold && row.status == TransactionStatus::Held.word()) else {
            return;
        };
        let Some(deployment) = self.around.catalog.cycle_by_id(row.cycle_id) else { return };
        let at = to_utc(row.expires_at).to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        self.told.events.push(LiveEvent {
            account: self.around.account.to_owned(),
            event: event.into(),
            data: Some(Json::from(Members::from_iter([("expires_at".to_owned(), Json::from(at))]))),
            cycle: deployment.row.name.clone(),
            transaction: Some(TransactionId(row.transaction)),
            step: row.step.clone(),
            ..LiveEvent::default()
        });
    }
}
