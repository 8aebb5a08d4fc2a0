//! Runs under way: put, changed, taken away, and found by what left them.

use super::{NOON, account, begin, id, write};
use crate::store::{Store, UnderwayRow, Writes};

/// Away from the ids of other nouns.
const BASE: u64 = 7_000;

pub async fn all(store: &dyn Store) {
    every_column_comes_back(store).await;
    what_is_put_again_takes_its_place(store).await;
    what_a_process_left_is_found(store).await;
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
