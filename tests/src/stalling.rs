//! A store whose commits a test counts, stalls and fails on cue.

mod endpoints;
mod lists;
mod sessions;
mod tallies;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use holdfast_engine::{AccountLimits, store::*};
use tokio::sync::Semaphore;

type Micros = i64;
type Uuid = sqlx::types::Uuid;

/// What the test holds.
#[derive(Debug)]
pub struct Cue {
    /// Commits that have happened.
    committed: AtomicU64,
    /// Look-ups of holds, in commits.
    looked_for_holds: AtomicU64,
    /// Commits that have come to their end and wait there.
    stalled: AtomicU64,
    stalling: AtomicBool,
    failing: AtomicBool,
    losing: AtomicU64,
    /// Commits until they fail; none where they do not.
    failing_after: std::sync::Mutex<Option<u64>>,
    let_go: Semaphore,
}

impl Cue {
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::SeqCst)
    }

    pub fn looked_for_holds(&self) -> u64 {
        self.looked_for_holds.load(Ordering::SeqCst)
    }

    /// From now on a commit waits, all of it written and none of it durable.
    pub fn stall(&self) {
        self.stalling.store(true, Ordering::SeqCst);
    }

    pub fn stalled(&self) -> u64 {
        self.stalled.load(Ordering::SeqCst)
    }

    /// Lets the stalled commit happen, and those after it.
    pub fn release(&self) {
        self.stalling.store(false, Ordering::SeqCst);
        self.let_go.add_permits(1);
    }

    /// From now on commits fail, as if the disk were gone; or no longer.
    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Ordering::SeqCst);
    }

    /// After so many more commits they fail, as if the disk were gone, until `fail(false)`.
    pub fn fail_after(&self, commits: u64) {
        *self.failing_after.lock().expect("no panic") = Some(commits);
    }

    fn count_down(&self) {
        let mut after = self.failing_after.lock().expect("no panic");
        *after = match *after {
            Some(0) => {
                self.fail(true);
                None
            }
            Some(left) => Some(left - 1),
            None => None,
        };
    }

    /// The next so many commits happen without anybody being told.
    pub fn lose(&self, commits: u64) {
        self.losing.store(commits, Ordering::SeqCst);
    }
}

pub struct Stalling {
    inner: Arc<dyn holdfast_engine::store::Store>,
    cue: Arc<Cue>,
}

impl Stalling {
    pub fn around(inner: Arc<dyn holdfast_engine::store::Store>) -> (Arc<Self>, Arc<Cue>) {
        let cue = Arc::new(Cue {
            committed: AtomicU64::new(0),
            looked_for_holds: AtomicU64::new(0),
            stalled: AtomicU64::new(0),
            stalling: AtomicBool::new(false),
            failing: AtomicBool::new(false),
            losing: AtomicU64::new(0),
            failing_after: std::sync::Mutex::new(None),
            let_go: Semaphore::new(0),
        });
        (Arc::new(Self { inner, cue: cue.clone() }), cue)
    }
}

struct StallingCommit {
    inner: Box<dyn Commit>,
    cue: Arc<Cue>,
}

#[async_trait]
impl holdfast_engine::store::Store for Stalling {
    async fn begin(&self, account: &str, manual: Option<Micros>) -> Result<Box<dyn Commit>> {
        let inner = self.inner.begin(account, manual).await?;
        Ok(Box::new(StallingCommit { inner, cue: self.cue.clone() }))
    }

    async fn prepare(&self, now: Micros) -> Result<()> {
        self.inner.prepare(now).await
    }

    async fn ping(&self) -> Result<()> {
        self.inner.ping().await
    }

    async fn clock(&self) -> Result<Option<Micros>> {
        self.inner.clock().await
    }

    async fn set_clock(&self, instant: Micros) -> Result<()> {
        self.inner.set_clock(instant).await
    }

    async fn revisions(&self) -> Result<Vec<(String, i64)>> {
        self.inner.revisions().await
    }

    async fn catalog(&self) -> Result<CatalogRows> {
        self.inner.catalog().await
    }

    async fn hit(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Option<HitRow>> {
        self.inner.hit(account, webhooks, hit).await
    }

    async fn transaction(&self, account: &str, id: Uuid) -> Result<Option<TransactionRow>> {
        self.inner.transaction(account, id).await
    }

    async fn transactions(&self, account: &str, ids: &[Uuid]) -> Result<Vec<TransactionRow>> {
        self.inner.transactions(account, ids).await
    }

    async fn runs(&self, account: &str, id: Uuid, before: i32, limit: i64) -> Result<Vec<RunWithHit>> {
        self.inner.runs(account, id, before, limit).await
    }

    async fn run(&self, account: &str, id: Uuid, run: i32) -> Result<Option<RunWithHit>> {
        self.inner.run(account, id, run).await
    }

    async fn answers(&self, account: &str, hits: &[Uuid]) -> Result<Vec<AnswerRow>> {
        self.inner.answers(account, hits).await
    }

    async fn repeat(&self, account: &str, webhook: &str, key_hash: &[u8]) -> Result<Option<RepeatRow>> {
        self.inner.repeat(account, webhook, key_hash).await
    }

    async fn seek(&self, account: &str, seek: &Seek, now: Micros, limit: i64) -> Result<Vec<Candidate>> {
        self.inner.seek(account, seek, now, limit).await
    }

    async fn holds(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<RunRow>> {
        self.inner.holds(account, transactions).await
    }

    async fn key_rows(&self, account: &str, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>> {
        self.inner.key_rows(account, names).await
    }

    async fn underway(&self, account: &str, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>> {
        self.inner.underway(account, transactions).await
    }

    async fn turns(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<TurnsRow> {
        self.inner.turns(account, cycle_id, limit).await
    }

    async fn waiting(
        &self,
        account: &str,
        cycle_id: Uuid,
        after: Uuid,
        until: Micros,
        limit: i64,
    ) -> Result<Vec<Uuid>> {
        self.inner.waiting(account, cycle_id, after, until, limit).await
    }

    async fn lapsed(&self, account: &str, cycle_id: Uuid, now: Micros, limit: i64) -> Result<Vec<Uuid>> {
        self.inner.lapsed(account, cycle_id, now, limit).await
    }

    async fn left(&self, account: &str, live: &[String], limit: i64) -> Result<Vec<UnderwayRow>> {
        self.inner.left(account, live, limit).await
    }

    async fn beat(&self, node: &str) -> Result<Vec<String>> {
        self.inner.beat(node).await
    }

    async fn leave(&self, node: &str) -> Result<()> {
        self.inner.leave(node).await
    }

    async fn next_due(&self, account: &str) -> Result<Option<Micros>> {
        self.inner.next_due(account).await
    }

    async fn due(&self, account: &str, now: Micros, limit: i64) -> Result<Vec<TimerRow>> {
        self.inner.due(account, now, limit).await
    }

    async fn held(&self, account: &str, now: Micros) -> Result<Vec<(Uuid, String, i64)>> {
        self.inner.held(account, now).await
    }

    async fn queued(&self, account: &str) -> Result<Vec<(String, i64)>> {
        self.inner.queued(account).await
    }

    async fn keys(&self) -> Result<Vec<KeyRecord>> {
        self.inner.keys().await
    }

    async fn key_by_hash(&self, hash: &[u8]) -> Result<Option<KeyRecord>> {
        self.inner.key_by_hash(hash).await
    }

    async fn secrets(&self, account: &str, limit: i64) -> Result<Vec<SecretRow>> {
        self.inner.secrets(account, limit).await
    }

    async fn kept(&self, account: &str, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>> {
        self.inner.kept(account, cycle_id, keys).await
    }

    async fn sweep(&self, account: &str, now: Micros, limit: i64) -> Result<bool> {
        self.inner.sweep(account, now, limit).await
    }

    async fn close(&self) {
        self.inner.close().await
    }
}

#[async_trait]
impl Connections for Stalling {
    async fn connectors(&self, account: &str, limit: i64) -> Result<Vec<ConnectorRow>> {
        self.inner.connectors(account, limit).await
    }

    async fn subscriptions(&self, account: &str, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.inner.subscriptions(account, limit).await
    }

    async fn subscriptions_at(&self, account: &str, webhook: &str) -> Result<Vec<SubscriptionRow>> {
        self.inner.subscriptions_at(account, webhook).await
    }

    async fn subscriptions_due(&self, account: &str, now: i64, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.inner.subscriptions_due(account, now, limit).await
    }

    async fn next_subscription(&self, account: &str) -> Result<Option<i64>> {
        self.inner.next_subscription(account).await
    }
}

#[async_trait]
impl ConnectionChanges for StallingCommit {
    async fn kept_connectors(&mut self, limit: i64) -> Result<Vec<ConnectorRow>> {
        self.inner.kept_connectors(limit).await
    }

    async fn put_connector(&mut self, row: &ConnectorRow) -> Result<()> {
        self.inner.put_connector(row).await
    }

    async fn all_subscriptions(&mut self, limit: i64) -> Result<Vec<SubscriptionRow>> {
        self.inner.all_subscriptions(limit).await
    }

    async fn webhook_subscriptions(&mut self, webhook: &str) -> Result<Vec<SubscriptionRow>> {
        self.inner.webhook_subscriptions(webhook).await
    }

    async fn put_subscription(&mut self, row: &SubscriptionRow) -> Result<()> {
        self.inner.put_subscription(row).await
    }

    async fn drop_subscription(&mut self, webhook: &str, subscription: Uuid) -> Result<()> {
        self.inner.drop_subscription(webhook, subscription).await
    }
}

#[async_trait]
impl Routes for Stalling {
    async fn claims_of(&self, owner: &str, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>> {
        self.inner.claims_of(owner, webhook, value_hash, limit).await
    }

    async fn claims(&self, owner: &str, query: &ClaimQuery) -> Result<Vec<ClaimRow>> {
        self.inner.claims(owner, query).await
    }

    async fn fan_outs(&self, owner: &str, after: Uuid, limit: i64) -> Result<Vec<FanOutRow>> {
        self.inner.fan_outs(owner, after, limit).await
    }

    async fn hit_rows(&self, account: &str, webhooks: &[String], hit: Uuid) -> Result<Vec<HitRow>> {
        self.inner.hit_rows(account, webhooks, hit).await
    }

    async fn hit_events(&self, account: &str, parent: Uuid) -> Result<Vec<HitEventRow>> {
        self.inner.hit_events(account, parent).await
    }
}

#[async_trait]
impl RouteChanges for StallingCommit {
    async fn put_shared(&mut self, row: &SharedRow) -> Result<()> {
        self.inner.put_shared(row).await
    }

    async fn claimants(&mut self, webhook: &str, value_hash: &[u8], limit: i64) -> Result<Vec<ClaimRow>> {
        self.inner.claimants(webhook, value_hash, limit).await
    }

    async fn put_claim(&mut self, row: &ClaimRow) -> Result<()> {
        self.inner.put_claim(row).await
    }

    async fn drop_claim(&mut self, webhook: &str, value_hash: &[u8], claimant: &str) -> Result<bool> {
        self.inner.drop_claim(webhook, value_hash, claimant).await
    }

    async fn drop_claims(&mut self, webhook: &str) -> Result<()> {
        self.inner.drop_claims(webhook).await
    }

    async fn fan_out(&mut self, hit: Uuid) -> Result<Vec<FanOutRow>> {
        self.inner.fan_out(hit).await
    }

    async fn put_fan_out(&mut self, row: &FanOutRow) -> Result<()> {
        self.inner.put_fan_out(row).await
    }

    async fn drop_fan_out(&mut self, hit: Uuid) -> Result<()> {
        self.inner.drop_fan_out(hit).await
    }

    async fn put_hit_event(&mut self, row: &HitEventRow) -> Result<()> {
        self.inner.put_hit_event(row).await
    }
}

#[async_trait]
impl Commit for StallingCommit {
    fn head(&self) -> Head {
        self.inner.head()
    }

    async fn repeats(&mut self, names: &[(String, Vec<u8>)]) -> Result<Vec<RepeatRow>> {
        self.inner.repeats(names).await
    }

    async fn seek(&mut self, seeks: &[Seek]) -> Result<Vec<Candidate>> {
        self.inner.seek(seeks).await
    }

    async fn transactions(&mut self, ids: &[Uuid]) -> Result<Vec<TransactionRow>> {
        self.inner.transactions(ids).await
    }

    async fn runs(&mut self, names: &[(Uuid, i32)]) -> Result<Vec<RunWithHit>> {
        self.inner.runs(names).await
    }

    async fn holds(&mut self, transactions: &[Uuid]) -> Result<Vec<RunRow>> {
        self.cue.looked_for_holds.fetch_add(1, Ordering::SeqCst);
        self.inner.holds(transactions).await
    }

    async fn turns(&mut self, cycle_id: Uuid, limit: i64) -> Result<TurnsRow> {
        self.inner.turns(cycle_id, limit).await
    }

    async fn turns_next(&mut self, cycle_id: Uuid, place: i32, limit: i64) -> Result<Vec<UnderwayRow>> {
        self.inner.turns_next(cycle_id, place, limit).await
    }

    async fn turn_first(&mut self, cycle_id: Uuid, key: &[u8]) -> Result<Option<UnderwayRow>> {
        self.inner.turn_first(cycle_id, key).await
    }

    async fn turns_last(&mut self, keys: &[(Uuid, Vec<u8>)]) -> Result<Vec<LastTurn>> {
        self.inner.turns_last(keys).await
    }

    async fn waiting(&mut self, cycle_id: Uuid, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
        self.inner.waiting(cycle_id, after, limit).await
    }

    async fn underway(&mut self, transactions: &[Uuid]) -> Result<Vec<UnderwayRow>> {
        self.inner.underway(transactions).await
    }

    async fn key_rows(&mut self, names: &[KeyName]) -> Result<Vec<(bool, KeyRow)>> {
        self.inner.key_rows(names).await
    }

    async fn early(&mut self, seeks: &[Seek]) -> Result<Vec<(i32, HitRow)>> {
        self.inner.early(seeks).await
    }

    async fn hits(&mut self, names: &[(String, Uuid)]) -> Result<Vec<HitRow>> {
        self.inner.hits(names).await
    }

    async fn queued(&mut self, cycle_id: Uuid, limit: i64) -> Result<Vec<HitRow>> {
        self.inner.queued(cycle_id, limit).await
    }

    async fn queued_counts(&mut self) -> Result<Vec<(String, i64)>> {
        self.inner.queued_counts().await
    }

    async fn write(&mut self, writes: &Writes) -> Result<()> {
        self.inner.write(writes).await
    }

    async fn put_cycle(&mut self, row: &CycleRow) -> Result<()> {
        self.inner.put_cycle(row).await
    }

    async fn put_version(&mut self, row: &VersionRow) -> Result<()> {
        self.inner.put_version(row).await
    }

    async fn put_webhook(&mut self, row: &WebhookRow) -> Result<()> {
        self.inner.put_webhook(row).await
    }

    async fn bump_revision(&mut self) -> Result<()> {
        self.inner.bump_revision().await
    }

    async fn put_key(&mut self, row: &KeyRecord) -> Result<()> {
        self.inner.put_key(row).await
    }

    async fn revoke_key(&mut self, account: &str, key_id: Uuid) -> Result<bool> {
        self.inner.revoke_key(account, key_id).await
    }

    async fn secrets(&mut self, limit: i64) -> Result<Vec<SecretRow>> {
        self.inner.secrets(limit).await
    }

    async fn put_secret(&mut self, row: &SecretRow) -> Result<()> {
        self.inner.put_secret(row).await
    }

    async fn reseal_secret(&mut self, name: &str, sealed: &[u8], key_id: &str) -> Result<bool> {
        self.inner.reseal_secret(name, sealed, key_id).await
    }

    async fn secret_used(&mut self, name: &str) -> Result<()> {
        self.inner.secret_used(name).await
    }

    async fn delete_secret(&mut self, name: &str) -> Result<bool> {
        self.inner.delete_secret(name).await
    }

    async fn kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<Vec<KeptRow>> {
        self.inner.kept(cycle_id, keys).await
    }

    async fn kept_count(&mut self, cycle_id: Uuid) -> Result<i64> {
        self.inner.kept_count(cycle_id).await
    }

    async fn put_kept(&mut self, cycle_id: Uuid, rows: &[KeptRow]) -> Result<()> {
        self.inner.put_kept(cycle_id, rows).await
    }

    async fn drop_kept(&mut self, cycle_id: Uuid, keys: &[String]) -> Result<()> {
        self.inner.drop_kept(cycle_id, keys).await
    }

    async fn forget_kept(&mut self, cycle_id: Uuid) -> Result<()> {
        self.inner.forget_kept(cycle_id).await
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        if self.cue.stalling.load(Ordering::SeqCst) {
            self.cue.stalled.fetch_add(1, Ordering::SeqCst);
            if let Ok(permit) = self.cue.let_go.acquire().await {
                permit.forget();
            }
        }
        self.cue.count_down();
        if self.cue.failing.load(Ordering::SeqCst) {
            return Err(Error::Unavailable("on cue".into()));
        }
        self.inner.commit().await?;
        self.cue.committed.fetch_add(1, Ordering::SeqCst);
        let left = |losing: u64| losing.checked_sub(1);
        if self.cue.losing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok() {
            return Err(Error::Unknown("lost on cue".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Accounts for Stalling {
    async fn instants(&self) -> Result<Vec<(String, Micros)>> {
        self.inner.instants().await
    }

    async fn accounts(&self) -> Result<Vec<AccountRow>> {
        self.inner.accounts().await
    }

    async fn add_account(&self, row: &AccountRow, revision: i64) -> Result<bool> {
        self.inner.add_account(row, revision).await
    }

    async fn forget(&self, account: &str, limit: i64) -> Result<bool> {
        self.inner.forget(account, limit).await
    }

    async fn open_transactions(
        &self,
        account: &str,
        cycle_id: Uuid,
        status: &str,
        now: Micros,
        limit: i64,
    ) -> Result<u64> {
        self.inner.open_transactions(account, cycle_id, status, now, limit).await
    }

    async fn all_kept(&self, account: &str, cycle_id: Uuid, limit: i64) -> Result<Vec<KeptRow>> {
        self.inner.all_kept(account, cycle_id, limit).await
    }

    async fn hits_bytes(&self, account: &str, after: &(String, Uuid), limit: i64) -> Result<Measured<(String, Uuid)>> {
        self.inner.hits_bytes(account, after, limit).await
    }

    async fn runs_bytes(&self, account: &str, after: (Uuid, i32), limit: i64) -> Result<Measured<(Uuid, i32)>> {
        self.inner.runs_bytes(account, after, limit).await
    }
}

#[async_trait]
impl AccountCommit for StallingCommit {
    async fn put_limits(&mut self, limits: &AccountLimits) -> Result<()> {
        self.inner.put_limits(limits).await
    }

    async fn leave_account(&mut self) -> Result<()> {
        self.inner.leave_account().await
    }
}
