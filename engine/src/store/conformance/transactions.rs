//! Transactions and their runs.

use uuid::Uuid;

use super::{DAY, NOON, SECOND, account, begin, hit, id, id_at, run, transaction, write};
use crate::store::{Error, HitRow, RunRow, Store, TransactionQuery, TransactionRow, Writes};

/// Away from the ids of other nouns.
const BASE: u64 = 1_000;

pub async fn all(store: &dyn Store) {
    every_column_comes_back(store).await;
    lists_go_from_new_to_old(store).await;
    those_that_failed_at_a_step_are_found(store).await;
    runs_come_with_their_hits(store).await;
    a_run_is_written_once(store).await;
    what_is_held_is_counted(store).await;
}

async fn every_column_comes_back(store: &dyn Store) {
    let full = TransactionRow {
        version: 7,
        status: "failed".into(),
        runs: 9,
        completed_at: Some(NOON + 1),
        failed_at: Some(NOON + 2),
        callers: Some(format!(r#"[["{}","reply"]]"#, id(1))),
        ..transaction(Uuid::new_v4(), id(BASE))
    };
    let spare = TransactionRow { step: None, ..transaction(full.cycle_id, id(BASE + 1)) };
    write(store, Writes { transactions: vec![full.clone(), spare.clone()], ..Writes::default() }).await;
    assert_eq!(store.transaction(account(), full.transaction).await.expect("read"), Some(full.clone()));
    assert_eq!(store.transaction(account(), Uuid::nil()).await.expect("read"), None);
    assert_eq!(store.transaction("another", full.transaction).await.expect("read"), None);
    let ids = [spare.transaction, full.transaction, Uuid::nil()];
    assert_eq!(store.transactions(account(), &ids).await.expect("read"), [full.clone(), spare.clone()]);

    let changed = TransactionRow {
        status: "completed".into(),
        step: None,
        runs: 10,
        expires_at: NOON + DAY,
        completed_at: Some(NOON + 3),
        failed_at: None,
        callers: None,
        ..full.clone()
    };
    let mut writes = Writes::default();
    writes.change(changed.clone(), full.expires_at);
    write(store, writes).await;
    let mut commit = begin(store).await;
    assert_eq!(commit.transactions(&ids).await.expect("read"), [changed, spare]);
}

async fn lists_go_from_new_to_old(store: &dyn Store) {
    let cycle_id = Uuid::new_v4();
    let row = |n: u64, status: &str| TransactionRow {
        status: status.into(),
        expires_at: NOON + n as i64 * SECOND,
        ..transaction(cycle_id, id_at(NOON + n as i64, BASE))
    };
    let rows = vec![row(1, "held"), row(2, "completed"), row(3, "held"), row(4, "held"), row(5, "held")];
    write(store, Writes { transactions: rows, ..Writes::default() }).await;
    let n = |row: &TransactionRow| (row.expires_at - NOON) / SECOND;
    let page = async |lanes: &[(&'static str, Uuid)], from: Uuid, limit| {
        let lanes = lanes.iter().map(|(status, before)| (cycle_id, *status, *before)).collect();
        let query = TransactionQuery { lanes, failed_at: None, from, limit };
        let mut rows = store.list_transactions(account(), &query).await.expect("read");
        rows.sort_by_key(|row| std::cmp::Reverse(row.transaction));
        rows.iter().map(n).collect::<Vec<_>>()
    };
    let all = Uuid::max();
    assert_eq!(page(&[("held", all)], Uuid::nil(), 2).await, [5, 4]);
    assert_eq!(page(&[("held", id_at(NOON + 4, BASE))], Uuid::nil(), 9).await, [3, 1]);
    assert_eq!(page(&[("held", all)], id_at(NOON + 3, BASE), 9).await, [5, 4, 3], "from here on");
    assert_eq!(page(&[("completed", all)], Uuid::nil(), 9).await, [2]);
    let two = [("held", id_at(NOON + 5, BASE)), ("completed", all), ("failed", all)];
    assert_eq!(page(&two, Uuid::nil(), 1).await, [4, 2], "each lane by itself");

    let newest = store.newest_transactions(account(), id_at(NOON + 5, BASE), id_at(NOON + 2, BASE), 2).await;
    assert_eq!(newest.expect("read").iter().map(n).collect::<Vec<_>>(), [4, 3]);
}

async fn those_that_failed_at_a_step_are_found(store: &dyn Store) {
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let row = |cycle_id: Uuid, n: u64, status: &str, step: &str| TransactionRow {
        status: status.into(),
        step: Some(step.into()),
        ..transaction(cycle_id, id_at(NOON + n as i64, BASE + 50))
    };
    let rows = vec![
        row(one, 1, "failed", "pay"),
        row(one, 2, "held", "pay"),
        row(one, 3, "failed", "send"),
        row(one, 4, "failed", "pay"),
        row(other, 5, "failed", "pay"),
    ];
    write(store, Writes { transactions: rows.clone(), ..Writes::default() }).await;
    let read = async |cycle: Uuid, before| {
        let lanes = vec![(cycle, "failed", before)];
        let query = TransactionQuery { lanes, failed_at: Some("pay".into()), from: Uuid::nil(), limit: 9 };
        let mut rows = store.list_transactions(account(), &query).await.expect("read");
        rows.sort_by_key(|row| row.transaction);
        rows
    };
    assert_eq!(read(one, Uuid::max()).await, [rows[0].clone(), rows[3].clone()]);
    assert_eq!(read(one, rows[3].transaction).await, rows[..1]);
    assert_eq!(read(other, Uuid::max()).await, rows[4..]);
}

async fn runs_come_with_their_hits(store: &dyn Store) {
    let transaction_id = id(BASE + 10);
    let first = HitRow { transaction: Some(transaction_id), run: Some(1), ..hit("runs", id(BASE + 11)) };
    let started = RunRow {
        webhook: Some("runs".into()),
        hit: Some(first.hit),
        steps: r#"[{"step":"placed","output":"\u0000 'ü'"}]"#.into(),
        hold_keys: Some(r#"["00ff"]"#.into()),
        ..run(transaction_id, 1)
    };
    let rerun = RunRow {
        base: Some(1),
        status: "failed".into(),
        step: None,
        document: Some(r#"{"placed":{}}"#.into()),
        error: Some(r#"{"kind":"mapping"}"#.into()),
        ..run(transaction_id, 2)
    };
    let writes = Writes {
        transactions: vec![transaction(Uuid::new_v4(), transaction_id)],
        hits: vec![first.clone()],
        runs: vec![started.clone(), rerun.clone(), run(id(BASE + 12), 1)],
        ..Writes::default()
    };
    write(store, writes).await;

    let found = store.runs(account(), transaction_id, i32::MAX, 9).await.expect("read");
    assert_eq!(found.iter().map(|one| &one.run).collect::<Vec<_>>(), [&rerun, &started]);
    assert_eq!(found.iter().map(|one| one.hit.as_ref()).collect::<Vec<_>>(), [None, Some(&first)]);
    let older = store.runs(account(), transaction_id, 2, 9).await.expect("read");
    assert_eq!(older.iter().map(|one| one.run.run).collect::<Vec<_>>(), [1]);
    assert_eq!(store.runs(account(), transaction_id, i32::MAX, 1).await.expect("read")[0].run.run, 2);
    assert_eq!(store.run(account(), transaction_id, 1).await.expect("read").expect("a run").run, started);
    assert!(store.run(account(), transaction_id, 3).await.expect("read").is_none());

    let mut commit = begin(store).await;
    let names = [(transaction_id, 2), (transaction_id, 1), (transaction_id, 3)];
    let found = commit.runs(&names).await.expect("read");
    assert_eq!(found.iter().map(|one| one.run.run).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(found[0].hit.as_ref(), Some(&first));
    assert_eq!(commit.holds(&[transaction_id]).await.expect("read"), [started], "the failed one is no hold");
}

/// Insert to win: the loser is refused, and the store is none the worse.
async fn a_run_is_written_once(store: &dyn Store) {
    let only = run(id(BASE + 20), 1);
    write(store, Writes { runs: vec![only.clone()], ..Writes::default() }).await;
    let mut commit = begin(store).await;
    let late = RunRow { status: "failed".into(), ..only.clone() };
    let neighbour = hit("neighbour", id(BASE + 21));
    let writes = Writes { hits: vec![neighbour.clone()], runs: vec![late], ..Writes::default() };
    let refused = commit.write(&writes).await;
    assert!(matches!(refused, Err(Error::Refused(_))), "{refused:?}");
    drop(commit);
    assert!(store.hit(account(), &["neighbour".into()], neighbour.hit).await.expect("read").is_none());

    write(store, Writes { hits: vec![neighbour.clone()], ..Writes::default() }).await;
    assert!(store.hit(account(), &["neighbour".into()], neighbour.hit).await.expect("read").is_some());
    assert_eq!(store.run(account(), only.transaction, 1).await.expect("read").expect("a run").run, only);
}

async fn what_is_held_is_counted(store: &dyn Store) {
    let cycle_id = Uuid::new_v4();
    let mut commit = begin(store).await;
    commit.put_cycle(&super::catalog::cycle(cycle_id, "counted")).await.expect("put");
    let row = |n, step: &str| TransactionRow { step: Some(step.into()), ..transaction(cycle_id, id(BASE + n)) };
    let transactions = vec![
        row(30, "a"),
        row(31, "b"),
        row(32, "a"),
        TransactionRow { expires_at: NOON, ..row(33, "a") },
        TransactionRow { status: "completed".into(), ..row(34, "a") },
    ];
    commit.write(&Writes { transactions, ..Writes::default() }).await.expect("written");
    commit.commit().await.expect("committed");
    let mut held = store.held(account(), NOON).await.expect("read");
    held.retain(|(cycle, ..)| *cycle == cycle_id);
    held.sort();
    assert_eq!(held, [(cycle_id, "a".into(), 2), (cycle_id, "b".into(), 1)]);
}
