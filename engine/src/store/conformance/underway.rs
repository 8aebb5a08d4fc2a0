//! Runs under way: put, changed, taken away, and found by what left them.

use uuid::Uuid;

use super::{NOON, account, begin, id, transaction, write};
use crate::store::{BEHIND, HELD, LastTurn, READY, Store, TransactionRow, TurnsRow, UnderwayRow, Writes};

/// Away from the ids of other nouns.
const BASE: u64 = 7_000;

pub async fn all(store: &dyn Store) {
    every_column_comes_back(store).await;
    what_is_put_again_takes_its_place(store).await;
    what_a_process_left_is_found(store).await;
    turns_are_told_apart(store).await;
    what_has_not_begun_is_found(store).await;
    what_has_lapsed_in_a_line_is_found(store).await;
}

fn row(n: u64, run: i32) -> UnderwayRow {
    UnderwayRow {
        transaction: id(BASE + n),
        run,
        cycle_id: id(BASE),
        version: 3,
        base: Some(1),
        entry: "placed".into(),
        webhook: Some("w".into()),
        hit: Some(id(BASE + 500)),
        started_at: NOON,
        document: Some("{\"a\":\"ü\"}".into()),
        steps: "[{\"step\":\"placed\"}]".into(),
        status: "running".into(),
        step: Some("call".into()),
        attempts: "[1]".into(),
        claim: 7,
        node: Some("n1".into()),
        due_at: Some(NOON + 1),
        place: Some(HELD),
        turn: Some(1 << 40),
        turn_key: Some(vec![0, 255, 7]),
    }
}

async fn put(store: &dyn Store, rows: Vec<UnderwayRow>) {
    write(store, Writes { underway: rows, ..Writes::default() }).await;
}

async fn every_column_comes_back(store: &dyn Store) {
    let bare = UnderwayRow {
        base: None,
        webhook: None,
        hit: None,
        document: None,
        step: None,
        node: None,
        due_at: None,
        place: None,
        turn: None,
        turn_key: None,
        status: "queued".into(),
        ..row(1, 2)
    };
    put(store, vec![bare.clone(), row(1, 1)]).await;
    let found = store.underway(account(), &[id(BASE + 1), id(BASE + 9)]).await.expect("read");
    assert_eq!(found, [row(1, 1), bare.clone()]);
    let mut commit = begin(store).await;
    assert_eq!(commit.underway(&[id(BASE + 1)]).await.expect("read"), [row(1, 1), bare]);
    drop(commit);
    write(store, Writes { underway_gone: vec![(id(BASE + 1), 1), (id(BASE + 1), 2)], ..Writes::default() }).await;
    assert_eq!(store.underway(account(), &[id(BASE + 1)]).await.expect("read"), []);
}

async fn what_is_put_again_takes_its_place(store: &dyn Store) {
    put(store, vec![row(2, 1)]).await;
    let changed = UnderwayRow {
        steps: "[]".into(),
        step: Some("next".into()),
        attempts: "[]".into(),
        claim: 8,
        node: None,
        due_at: None,
        place: Some(READY),
        turn: Some(9),
        turn_key: Some(vec![0]),
        ..row(2, 1)
    };
    put(store, vec![changed.clone()]).await;
    assert_eq!(store.underway(account(), &[id(BASE + 2)]).await.expect("read"), [changed]);
    write(store, Writes { underway_gone: vec![(id(BASE + 2), 1)], ..Writes::default() }).await;
}

async fn what_a_process_left_is_found(store: &dyn Store) {
    let own = UnderwayRow { node: Some("own".into()), ..row(4, 1) };
    let nobodys = UnderwayRow { node: None, ..row(5, 1) };
    put(store, vec![row(3, 1), own, nobodys]).await;
    let left = store.left(account(), &["own".to_owned()], 10).await.expect("read");
    assert_eq!(left, [row(3, 1)]);
    let live = store.beat("own").await.expect("beaten");
    assert!(live.contains(&"own".to_owned()), "{live:?}");
    let gone = (3..=5).map(|n| (id(BASE + n), 1)).collect();
    write(store, Writes { underway_gone: gone, ..Writes::default() }).await;
}

/// Of one cycle, in order of turn; places are counted no further than asked for.
async fn turns_are_told_apart(store: &dyn Store) {
    let cycle = id(BASE + 900);
    let in_place = |n: u64, place: i32, turn: i64, key: u8| UnderwayRow {
        cycle_id: cycle,
        node: None,
        due_at: None,
        place: Some(place),
        turn: Some(turn),
        turn_key: Some(vec![key]),
        ..row(n, 1)
    };
    let elsewhere = UnderwayRow { node: None, ..row(15, 1) };
    let rows = [
        in_place(10, HELD, 3, 1),
        in_place(11, HELD, 5, 2),
        in_place(12, BEHIND, 7, 1),
        in_place(13, READY, 9, 3),
        in_place(14, READY, 8, 4),
    ];
    put(store, rows.to_vec()).await;
    put(store, vec![elsewhere]).await;
    let wanted = TurnsRow { held: 2, ready: Some(8), behind: Some(7), begun: Some(5) };
    assert_eq!(store.turns(account(), cycle, 10).await.expect("read"), wanted);
    let mut commit = begin(store).await;
    assert_eq!(commit.turns(cycle, 1).await.expect("read"), TurnsRow { held: 1, ..wanted });
    let next = commit.turns_next(cycle, READY, 10).await.expect("read");
    assert_eq!(next, [rows[4].clone(), rows[3].clone()]);
    assert_eq!(commit.turns_next(cycle, READY, 1).await.expect("read"), [rows[4].clone()]);
    assert_eq!(commit.turn_first(cycle, &[1]).await.expect("read"), Some(rows[0].clone()));
    let last = |cycle_id, key: u8, turn| LastTurn { cycle_id, turn_key: vec![key], turn: Some(turn) };
    let keys = [(cycle, vec![1]), (cycle, vec![9]), (id(BASE + 901), vec![1]), (cycle, vec![4])];
    let mut found = commit.turns_last(&keys).await.expect("read");
    found.sort_by_key(|last| last.turn);
    assert_eq!(found, [last(cycle, 1, 7), last(cycle, 4, 8)]);
    assert_eq!(commit.turns_last(&[]).await.expect("read"), []);
    assert_eq!(commit.turn_first(cycle, &[9]).await.expect("read"), None);
    assert_eq!(commit.turns(id(BASE + 901), 9).await.expect("read"), TurnsRow::default());
    drop(commit);
    let gone = (10..=15).map(|n| (id(BASE + n), 1)).collect();
    write(store, Writes { underway_gone: gone, ..Writes::default() }).await;
}

/// Each transaction once, in order, of one cycle.
async fn what_has_not_begun_is_found(store: &dyn Store) {
    let cycle = id(BASE + 910);
    let queued = |n: u64, run: i32, at: i64| UnderwayRow {
        cycle_id: cycle,
        status: "queued".into(),
        started_at: NOON + at,
        node: None,
        due_at: None,
        place: None,
        ..row(n, run)
    };
    let running = UnderwayRow { status: "running".into(), ..queued(24, 1, 0) };
    let elsewhere = UnderwayRow { cycle_id: id(BASE + 911), ..queued(25, 1, 0) };
    put(store, vec![queued(22, 2, 5), queued(22, 3, 6), queued(21, 2, 7), queued(23, 2, 9), running, elsewhere]).await;
    let waiting = async |after: Uuid, until: i64, limit: i64| {
        store.waiting(account(), cycle, after, NOON + until, limit).await.expect("read")
    };
    assert_eq!(waiting(Uuid::nil(), 9, 10).await, [id(BASE + 21), id(BASE + 22), id(BASE + 23)]);
    assert_eq!(waiting(Uuid::nil(), 9, 2).await, [id(BASE + 21), id(BASE + 22)]);
    assert_eq!(waiting(id(BASE + 22), 9, 2).await, [id(BASE + 23)]);
    assert_eq!(waiting(Uuid::nil(), 5, 10).await, [id(BASE + 22)]);
    let mut commit = begin(store).await;
    let now = commit.head().now;
    assert_eq!(commit.waiting(cycle, Uuid::nil(), 10).await.expect("read").len(), if now >= NOON + 9 { 3 } else { 0 });
    drop(commit);
    let gone = [(21, 2), (22, 2), (22, 3), (23, 2), (24, 1), (25, 1)];
    let gone = gone.into_iter().map(|(n, run)| (id(BASE + n), run)).collect();
    write(store, Writes { underway_gone: gone, ..Writes::default() }).await;
}

async fn what_has_lapsed_in_a_line_is_found(store: &dyn Store) {
    let cycle = id(BASE + 920);
    let transaction = |n: u64, expires_at: i64| TransactionRow {
        status: "queued".into(),
        expires_at: NOON + expires_at,
        ..transaction(cycle, id(BASE + n))
    };
    let placed =
        |n: u64, place: Option<i32>| UnderwayRow { cycle_id: cycle, node: None, due_at: None, place, ..row(n, 1) };
    let transactions = vec![transaction(31, 10), transaction(32, 11), transaction(33, 10), transaction(34, 10)];
    write(store, Writes { transactions, ..Writes::default() }).await;
    put(store, vec![placed(31, Some(BEHIND)), placed(32, Some(READY)), placed(33, Some(HELD)), placed(34, None)]).await;
    let mut lapsed = store.lapsed(account(), cycle, NOON + 10, 10).await.expect("read");
    lapsed.sort();
    assert_eq!(lapsed, [id(BASE + 31), id(BASE + 33)]);
    assert!(store.lapsed(account(), id(BASE + 921), NOON + 10, 10).await.expect("read").is_empty());
    assert_eq!(store.lapsed(account(), cycle, NOON + 11, 2).await.expect("read").len(), 2);
    let gone = (31..=34).map(|n| (id(BASE + n), 1)).collect();
    write(store, Writes { underway_gone: gone, ..Writes::default() }).await;
}
