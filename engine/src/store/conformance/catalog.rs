//! Accounts, instants, cycles and their versions, API keys.

use uuid::Uuid;

use super::{NOON, SECOND, account, begin};
use crate::store::{CycleRow, Error, KeyRecord, Store, VersionRow, WebhookRow, Writes};

pub async fn all(store: &dyn Store) {
    instants_never_go_back(store).await;
    the_clock_is_kept(store).await;
    a_cycle_is_put_and_changed(store).await;
    a_version_is_put_once(store).await;
    keys_are_put_found_and_revoked(store).await;
    what_is_not_committed_leaves_nothing(store).await;
    what_failed_is_not_committed(store).await;
}

async fn instants_never_go_back(store: &dyn Store) {
    let commit = begin(store).await;
    assert_eq!(commit.head().now, NOON);
    commit.commit().await.expect("committed");

    let earlier = store.begin(account(), Some(NOON - SECOND)).await.expect("begun");
    assert_eq!(earlier.head().now, NOON, "a manual clock stands still rather than go back");
    drop(earlier);

    let system = store.begin(account(), None).await.expect("begun");
    assert!(system.head().now > NOON, "the database's clock is behind, so one microsecond on");
    drop(system);

    let unknown = store.begin("nobody", Some(NOON)).await.map(|commit| commit.head());
    assert!(matches!(unknown, Err(Error::Refused(_))), "{unknown:?}");
}

async fn the_clock_is_kept(store: &dyn Store) {
    assert_eq!(store.clock().await.expect("read"), None);
    for instant in [NOON, NOON + 1] {
        store.set_clock(instant).await.expect("set");
        assert_eq!(store.clock().await.expect("read"), Some(instant));
    }
}

async fn revision(store: &dyn Store) -> i64 {
    let revisions = store.revisions().await.expect("read");
    let own: Vec<i64> = revisions.iter().filter(|(name, _)| name == account()).map(|(_, n)| *n).collect();
    assert_eq!(own.len(), 1, "{revisions:?}");
    own[0]
}

pub fn cycle(cycle_id: Uuid, name: &str) -> CycleRow {
    CycleRow {
        account: account().into(),
        cycle_id,
        name: name.into(),
        state: "draft".into(),
        version: 1,
        created_at: NOON,
        started_at: None,
        stopped_at: None,
        deleted_at: None,
        backlog: false,
    }
}

pub fn version(cycle_id: Uuid, version: i32) -> VersionRow {
    VersionRow {
        account: account().into(),
        cycle_id,
        version,
        digest: vec![0, 1, 255],
        source: "cycle: a\n".into(),
        created_at: NOON,
        vars: r#"{"a":1}"#.into(),
    }
}

pub fn webhook(cycle_id: Uuid, webhook: &str) -> WebhookRow {
    WebhookRow {
        account: account().into(),
        webhook: webhook.into(),
        cycle_id,
        step: "placed".into(),
        created_at: NOON,
        queued: 0,
    }
}

async fn a_cycle_is_put_and_changed(store: &dyn Store) {
    let cycle_id = Uuid::new_v4();
    let before = revision(store).await;
    let mut commit = begin(store).await;
    assert_eq!(before, commit.head().revision);
    commit.put_cycle(&cycle(cycle_id, "catalog")).await.expect("put");
    commit.put_version(&version(cycle_id, 1)).await.expect("put");
    commit.put_webhook(&webhook(cycle_id, "catalog-hook")).await.expect("put");
    commit.bump_revision().await.expect("bumped");
    commit.commit().await.expect("committed");

    let running = CycleRow {
        state: "running".into(),
        version: 2,
        started_at: Some(NOON),
        stopped_at: Some(NOON + 1),
        backlog: true,
        ..cycle(cycle_id, "catalog")
    };
    let mut commit = begin(store).await;
    commit.put_cycle(&running).await.expect("put");
    commit.put_version(&version(cycle_id, 2)).await.expect("put");
    commit.write(&Writes { queued: vec![("catalog-hook".into(), 3)], ..Writes::default() }).await.expect("counted");
    commit.put_webhook(&webhook(cycle_id, "catalog-hook")).await.expect("put again, and its count stands");
    commit.commit().await.expect("committed");

    let catalog = store.catalog().await.expect("read");
    assert_eq!(revision(store).await, before + 1);
    assert_eq!(catalog.revisions, store.revisions().await.expect("read"));
    assert!(catalog.cycles.contains(&running), "{:?}", catalog.cycles);
    let versions: Vec<_> = catalog.versions.iter().filter(|row| row.cycle_id == cycle_id).collect();
    assert_eq!(versions.iter().map(|row| row.version).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((versions[0].digest.as_slice(), versions[0].source.as_str()), (&[0, 1, 255][..], "cycle: a\n"));
    let hook = catalog
        .webhooks
        .iter()
        .find(|row| row.account == account() && row.webhook == "catalog-hook")
        .expect("a webhook");
    assert_eq!((hook.cycle_id, hook.step.as_str(), hook.queued), (cycle_id, "placed", 3));
}

async fn a_version_is_put_once(store: &dyn Store) {
    let cycle_id = Uuid::new_v4();
    let mut commit = begin(store).await;
    commit.put_version(&version(cycle_id, 1)).await.expect("put");
    let again = commit.put_version(&version(cycle_id, 1)).await;
    assert!(matches!(again, Err(Error::Refused(_))), "{again:?}");
}

async fn keys_are_put_found_and_revoked(store: &dyn Store) {
    let record = KeyRecord {
        account: "*".into(),
        key_id: Uuid::new_v4(),
        hash: vec![7; 32],
        name: "operator".into(),
        scopes: "read deploy".into(),
        created_at: NOON,
        expires_at: Some(NOON + 1),
        revoked_at: None,
    };
    let mut commit = begin(store).await;
    commit.put_key(&record).await.expect("put");
    commit.commit().await.expect("committed");
    let found = store.key_by_hash(&[7; 32]).await.expect("read").expect("a key");
    assert_eq!((found.key_id, found.name, found.scopes), (record.key_id, record.name, record.scopes));
    assert_eq!((found.account.as_str(), found.expires_at, found.revoked_at), ("*", Some(NOON + 1), None));
    assert!(store.key_by_hash(&[8; 32]).await.expect("read").is_none());

    let mut commit = begin(store).await;
    assert!(!commit.revoke_key(account(), record.key_id).await.expect("asked"), "another account's");
    assert!(commit.revoke_key("*", record.key_id).await.expect("revoked"));
    assert!(!commit.revoke_key("*", record.key_id).await.expect("asked"), "revoked already");
    commit.commit().await.expect("committed");
    let keys = store.keys().await.expect("read");
    assert_eq!(keys.iter().map(|key| (key.key_id, key.revoked_at)).collect::<Vec<_>>(), [(record.key_id, Some(NOON))]);
}

async fn what_is_not_committed_leaves_nothing(store: &dyn Store) {
    let hit = super::hit("uncommitted", super::id(1));
    let before = revision(store).await;
    let mut commit = begin(store).await;
    commit.write(&Writes { hits: vec![hit.clone()], ..Writes::default() }).await.expect("written");
    commit.bump_revision().await.expect("bumped");
    drop(commit);
    let commit = begin(store).await;
    drop(commit);
    assert!(store.hit(account(), &["uncommitted".into()], hit.hit).await.expect("read").is_none());
    assert_eq!(revision(store).await, before);
}

/// Half a round must never be on disk.
async fn what_failed_is_not_committed(store: &dyn Store) {
    let hit = super::hit("half", super::id(1));
    let mut commit = begin(store).await;
    commit.write(&Writes { hits: vec![hit.clone()], ..Writes::default() }).await.expect("written");
    let twice = commit.write(&Writes { hits: vec![hit.clone()], ..Writes::default() }).await;
    assert!(matches!(twice, Err(Error::Refused(_))), "{twice:?}");
    assert!(commit.commit().await.is_err());
    assert!(store.hit(account(), &["half".into()], hit.hit).await.expect("read").is_none());
}
