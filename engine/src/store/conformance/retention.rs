//! What has expired goes, to the microsecond, and nothing else does.

use uuid::Uuid;

use super::{DAY, NOON, SECOND, account, begin, hit, id, id_at, key, name_of, run, transaction, write};
use crate::clock::Micros;
use crate::store::{
    AnswerRow, CycleRow, EarlyRow, HitRow, QueueRow, RepeatRow, RunRow, Store, TimerRow, TransactionRow, VersionRow,
    Writes,
};

/// Away from the ids of other nouns.
const BASE: u64 = 3_000;

pub async fn all(store: &dyn Store) {
    sweep(store, NOON - DAY).await;
    a_transaction_goes_with_all_that_is_its(store).await;
    hits_answers_and_records_go_at_their_instants(store).await;
    a_sweep_is_bounded(store).await;
    versions_go_when_nothing_needs_them(store).await;
    deleted_cycles_go_last(store).await;
}

async fn sweep(store: &dyn Store, now: Micros) {
    for _ in 0..1_000 {
        if !store.sweep(account(), now, 7).await.expect("swept") {
            return;
        }
    }
    panic!("there is always more");
}

async fn cycle(store: &dyn Store, name: &str, webhook: &str) -> Uuid {
    let cycle_id = Uuid::new_v4();
    let mut commit = begin(store).await;
    commit.put_cycle(&super::catalog::cycle(cycle_id, name)).await.expect("put");
    commit.put_version(&super::catalog::version(cycle_id, 1)).await.expect("put");
    commit.put_webhook(&super::catalog::webhook(cycle_id, webhook)).await.expect("put");
    commit.commit().await.expect("committed");
    cycle_id
}

async fn a_transaction_goes_with_all_that_is_its(store: &dyn Store) {
    let cycle_id = cycle(store, "kept", "kept").await;
    let until = NOON + SECOND;
    let mut writes = Writes::default();
    let mut names = Vec::new();
    for (n, expires_at) in [(1, until), (2, until + 1)] {
        let transaction_id = id(BASE + n);
        let applied = HitRow {
            status: "applied".into(),
            transaction: Some(transaction_id),
            run: Some(1),
            ..hit("kept", id(BASE + 10 + n))
        };
        let started = RunRow { webhook: Some("kept".into()), hit: Some(applied.hit), ..run(transaction_id, 1) };
        let key = key("kept", "k", transaction_id);
        names.push(name_of(&key));
        writes.transactions.push(TransactionRow { expires_at, ..transaction(cycle_id, transaction_id) });
        writes.runs.extend([started, run(transaction_id, 2)]);
        writes.hits.push(applied);
        writes.keys.push(key);
        writes.timers.push(TimerRow { due_at: NOON + n as i64 * DAY, transaction: transaction_id, run: 1 });
    }
    writes.keys_resumed.clear();
    write(store, writes).await;
    write(store, Writes { keys_resumed: vec![names[0].clone()], ..Writes::default() }).await;

    sweep(store, until - 1).await;
    assert!(store.transaction(account(), id(BASE + 1)).await.expect("read").is_some());
    sweep(store, until).await;
    for (n, kept) in [(1, false), (2, true)] {
        let runs = if kept { 2 } else { 0 };
        assert_eq!(store.transaction(account(), id(BASE + n)).await.expect("read").is_some(), kept);
        assert_eq!(store.runs(account(), id(BASE + n), i32::MAX, 9).await.expect("read").len(), runs);
        let hit = store.hit(account(), &["kept".into()], id(BASE + 10 + n)).await.expect("read");
        assert_eq!(hit.is_some(), kept);
    }
    assert_eq!(store.next_due(account()).await.expect("read"), Some(NOON + 2 * DAY));
    let mut commit = begin(store).await;
    let left = commit.key_rows(&names).await.expect("read");
    assert_eq!(left, [(false, key("kept", "k", id(BASE + 2)))]);
    drop(commit);
    sweep(store, until + 1).await;
    assert_eq!(store.next_due(account()).await.expect("read"), None);
}

async fn hits_answers_and_records_go_at_their_instants(store: &dyn Store) {
    let cycle_id = cycle(store, "loose", "loose").await;
    let until = NOON + 2 * SECOND;
    let mut writes = Writes::default();
    for (n, expires_at) in [(21, until), (22, until + 1)] {
        writes.hits.push(HitRow { status: "queued".into(), expires_at, ..hit("loose", id(BASE + n)) });
        writes.queue.push(QueueRow { cycle_id, hit: id(BASE + n), webhook: "loose".into() });
        writes.early.push(EarlyRow {
            webhook: "loose".into(),
            key_hash: vec![1],
            hit: id(BASE + n),
            key: vec![1],
            until_at: expires_at,
        });
        writes.answers.push(AnswerRow {
            hit: id(BASE + n),
            transaction: None,
            kind: "accepted".into(),
            status: 200,
            step: None,
            headers: "[]".into(),
            body: Vec::new(),
            expires_at,
        });
        writes.repeats.push(RepeatRow {
            webhook: "loose".into(),
            key_hash: vec![n as u8],
            body_hash: vec![0],
            hit: id(BASE + n),
            at: expires_at - 3 * DAY,
        });
    }
    write(store, writes).await;
    sweep(store, until).await;
    let mut commit = begin(store).await;
    let queued: Vec<_> = commit.queued(cycle_id, 9).await.expect("read").iter().map(|row| row.hit).collect();
    drop(commit);
    assert_eq!(queued, [id(BASE + 22)]);
    for (n, kept) in [(21, false), (22, true)] {
        let hit = store.hit(account(), &["loose".into()], id(BASE + n)).await.expect("read");
        let answers = store.answers(account(), &[id(BASE + n)]).await.expect("read");
        let repeat = store.repeat(account(), "loose", &[n as u8]).await.expect("read");
        assert_eq!((hit.is_some(), answers.len() == 1, repeat.is_some()), (kept, kept, kept));
    }
}

async fn a_sweep_is_bounded(store: &dyn Store) {
    let transactions = (1..=20).map(|n| TransactionRow {
        expires_at: NOON + 3 * SECOND,
        ..transaction(Uuid::from_u128(2), id(BASE + 100 + n))
    });
    let runs = (1..=20).map(|n| run(id(BASE + 100 + n), 1));
    write(store, Writes { transactions: transactions.collect(), runs: runs.collect(), ..Writes::default() }).await;
    assert!(store.sweep(account(), NOON + 3 * SECOND, 7).await.expect("swept"), "more is left");
    sweep(store, NOON + 3 * SECOND).await;
    let ids: Vec<_> = (1..=20).map(|n| id(BASE + 100 + n)).collect();
    assert_eq!(store.transactions(account(), &ids).await.expect("read"), []);
}

async fn versions(store: &dyn Store, cycle_id: Uuid) -> Vec<i32> {
    let versions = store.catalog().await.expect("read").versions;
    versions.iter().filter(|row| row.cycle_id == cycle_id).map(|row| row.version).collect()
}

async fn versions_go_when_nothing_needs_them(store: &dyn Store) {
    let cycle_id = cycle(store, "versions", "versions").await;
    let mut commit = begin(store).await;
    let row =
        |n: i32| VersionRow { created_at: NOON + i64::from(n) * 60 * SECOND, ..super::catalog::version(cycle_id, n) };
    commit.put_version(&row(2)).await.expect("put");
    commit.put_version(&row(3)).await.expect("put");
    let newest = CycleRow { version: 3, ..super::catalog::cycle(cycle_id, "versions") };
    commit.put_cycle(&newest).await.expect("put");
    let started_at = row(2).created_at + 30 * SECOND;
    let needs = TransactionRow {
        version: 2,
        started_at,
        status: "completed".into(),
        expires_at: NOON + 3_600 * SECOND,
        ..transaction(cycle_id, id_at(started_at, 1))
    };
    commit.write(&Writes { transactions: vec![needs], ..Writes::default() }).await.expect("written");
    commit.commit().await.expect("committed");
    sweep(store, NOON + 3_600 * SECOND - 1).await;
    assert_eq!(versions(store, cycle_id).await, [2, 3]);
    sweep(store, NOON + 3_600 * SECOND).await;
    assert_eq!(versions(store, cycle_id).await, [3], "the newest stays");
}

async fn deleted_cycles_go_last(store: &dyn Store) {
    let cycle_id = cycle(store, "deleted", "deleted").await;
    let mut commit = begin(store).await;
    let deleted = CycleRow { deleted_at: Some(NOON), ..super::catalog::cycle(cycle_id, "deleted") };
    commit.put_cycle(&deleted).await.expect("put");
    let last = TransactionRow { expires_at: NOON + 2 * DAY, ..transaction(cycle_id, id(BASE + 200)) };
    let key = key("deleted", "k", last.transaction);
    let writes = Writes { transactions: vec![last.clone()], keys: vec![key.clone()], ..Writes::default() };
    commit.write(&writes).await.expect("written");
    commit.commit().await.expect("committed");
    // Its name is free at once.
    cycle(store, "deleted", "deleted-2").await;

    let stands = async || store.catalog().await.expect("read").cycles.iter().any(|row| row.cycle_id == cycle_id);
    sweep(store, NOON + 2 * DAY - 1).await;
    assert!(stands().await);
    sweep(store, NOON + 2 * DAY).await;
    assert!(!stands().await);
    assert!(versions(store, cycle_id).await.is_empty());
    let webhooks = store.catalog().await.expect("read").webhooks;
    assert!(!webhooks.iter().any(|row| row.webhook == "deleted"));
    let mut commit = begin(store).await;
    assert_eq!(commit.key_rows(&[name_of(&key)]).await.expect("read"), []);
}
