//! Tallies: added to what stands, each node's its own; read by hour; forgotten when old.

use super::{NOON, account, id};
use crate::store::{Store, TallyCounts, TallyRow};

const HOUR: i64 = 3_600_000_000;

pub async fn all(store: &dyn Store) {
    let hour = NOON - NOON % HOUR;
    let (one, other) = (id(81), id(82));
    let counted = |hits, failed| TallyCounts { hits, started: hits, completed: 1, passed: 2, failed };
    let row = |cycle_id, step: &str, hour, counts| TallyRow { cycle_id, step: step.into(), hour, counts };
    let rows = vec![
        row(one, "", hour, counted(3, 0)),
        row(one, "", hour - HOUR, counted(7, 1)),
        row(one, "a", hour, counted(0, 4)),
        row(one, "a", hour - HOUR, counted(0, 1)),
        row(one, "b", hour - 2 * HOUR, counted(0, 9)),
        row(other, "", hour, counted(5, 5)),
    ];
    for node in ["n1", "n1", "n2"] {
        store.add_tallies(node, &[(account().to_owned(), rows.clone())]).await.expect("added");
    }
    let mut read = store.tallies(account(), &[one, id(83)], hour - HOUR).await.expect("read");
    read.sort_by_key(|row| (row.hour, row.counts.hits));
    let hits: Vec<_> = read.iter().map(|row| (row.hour, row.counts.hits, row.counts.failed)).collect();
    assert_eq!(hits, [(hour - HOUR, 7, 1), (hour - HOUR, 14, 2), (hour, 3, 0), (hour, 6, 0)]);
    assert!(read.iter().all(|row| row.cycle_id == one && row.counts.started == row.counts.hits));

    let steps = store.step_tallies(account(), one, hour - HOUR).await.expect("read");
    assert_eq!(steps, [("a".to_owned(), 12, 15)]);
    assert_eq!(store.tallies("nobody", &[one], 0).await.expect("read"), []);

    assert!(store.forget_tallies(account(), hour, 2).await.expect("forgotten"), "more is left");
    while store.forget_tallies(account(), hour, 2).await.expect("forgotten") {}
    let read = store.tallies(account(), &[one, other], 0).await.expect("read");
    assert!(read.len() == 4 && read.iter().all(|row| row.hour == hour), "{read:?}");
    while store.forget_tallies(account(), i64::MAX >> 12, 100).await.expect("forgotten") {}
    assert_eq!(store.tallies(account(), &[one, other], 0).await.expect("read"), []);
}
