//! What scripts keep: put, replaced, dropped, forgotten with its cycle; each cycle's its own.

use uuid::Uuid;

use super::{account, begin, id};
use crate::store::{KeptRow, Store};

pub async fn all(store: &dyn Store) {
    what_is_put_is_read_and_replaced(store).await;
    it_goes_by_name_and_with_its_cycle(store).await;
}

fn kept(key: &str, value: &str, version: i64) -> KeptRow {
    KeptRow { key: key.into(), value: value.into(), version }
}

async fn put(store: &dyn Store, cycle: Uuid, rows: &[KeptRow]) {
    let mut commit = begin(store).await;
    commit.put_kept(cycle, rows).await.expect("put");
    commit.commit().await.expect("committed");
}

async fn read(store: &dyn Store, cycle: Uuid) -> Vec<KeptRow> {
    let keys = ["a", "A", "\u{e4} \"'", "none"].map(str::to_owned);
    let mut found = store.kept(account(), cycle, &keys).await.expect("read");
    found.sort_by(|one, other| one.key.cmp(&other.key));
    found
}

async fn what_is_put_is_read_and_replaced(store: &dyn Store) {
    let (one, other) = (id(71), id(72));
    let large = format!("\"{}\"", "x".repeat(60_000));
    let rows = [kept("A", "1", 1), kept("a", &large, i64::MAX), kept("\u{e4} \"'", "{\"a\":\"\\u0000\"}", 3)];
    put(store, one, &rows).await;
    put(store, other, &[kept("a", "null", 9)]).await;
    assert_eq!(read(store, one).await, rows);
    assert_eq!(read(store, other).await, [kept("a", "null", 9)]);
    assert_eq!(store.kept("nobody", one, &["a".to_owned()]).await.expect("read"), []);

    let mut commit = begin(store).await;
    commit.put_kept(one, &[kept("a", "2", 4), kept("none", "true", 5)]).await.expect("put");
    let seen = commit.kept(one, &["a".to_owned(), "none".to_owned(), "never".to_owned()]).await.expect("read");
    assert_eq!(seen.len(), 2, "a commit sees its own");
    assert_eq!(commit.kept_count(one).await.expect("counted"), 4);
    commit.commit().await.expect("committed");
    assert_eq!(read(store, one).await[1], kept("a", "2", 4));
}

async fn it_goes_by_name_and_with_its_cycle(store: &dyn Store) {
    let (one, other) = (id(71), id(72));
    let mut commit = begin(store).await;
    commit.drop_kept(one, &["a".to_owned(), "never".to_owned()]).await.expect("dropped");
    assert_eq!(commit.kept_count(one).await.expect("counted"), 3);
    commit.forget_kept(one).await.expect("forgotten");
    commit.commit().await.expect("committed");
    assert_eq!(read(store, one).await, []);
    assert_eq!(read(store, other).await.len(), 1);
    let mut commit = begin(store).await;
    commit.forget_kept(other).await.expect("forgotten");
    commit.commit().await.expect("committed");
}
