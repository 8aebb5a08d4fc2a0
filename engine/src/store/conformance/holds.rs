//! The correlation index, timers, and early hits.

use uuid::Uuid;

use super::{DAY, NOON, account, begin, hit, id, key, name_of, run, seek, transaction, write};
use crate::store::{EarlyRow, HitRow, KeyRow, RunRow, Store, TimerRow, TransactionRow, Writes};

/// Away from the ids of other nouns.
const BASE: u64 = 2_000;

pub async fn all(store: &dyn Store) {
    the_newest_two_and_the_newest_resumed(store).await;
    the_whole_key_is_compared(store).await;
    what_is_over_does_not_match(store).await;
    a_newer_hold_takes_the_older_ones_place(store).await;
    many_seeks_at_once(store).await;
    holds_and_keys_are_read(store).await;
    timers_are_in_order(store).await;
    early_hits_are_offered_oldest_first(store).await;
}

fn held(n: u64) -> TransactionRow {
    transaction(Uuid::from_u128(1), id(BASE + n))
}

/// Transactions held under one key, oldest first.
async fn hold(store: &dyn Store, webhook: &str, text: &str, numbers: &[u64]) {
    let writes = Writes {
        transactions: numbers.iter().map(|n| held(*n)).collect(),
        keys: numbers.iter().map(|n| key(webhook, text, id(BASE + n))).collect(),
        ..Writes::default()
    };
    write(store, writes).await;
}

/// (seek, resumed, number) of what a commit finds.
async fn found(store: &dyn Store, webhook: &str, keys: &[&str]) -> Vec<(i32, bool, u64)> {
    let seeks: Vec<_> = keys.iter().map(|text| seek(webhook, text)).collect();
    let mut commit = begin(store).await;
    let candidates = commit.seek(&seeks).await.expect("sought");
    let number = |id: Uuid| (id.as_u128() - super::id(BASE).as_u128()) as u64;
    candidates.iter().map(|one| (one.seek, one.resumed, number(one.transaction.transaction))).collect()
}

async fn the_newest_two_and_the_newest_resumed(store: &dyn Store) {
    hold(store, "newest", "k", &[5, 1, 3, 2, 4]).await;
    assert_eq!(found(store, "newest", &["k"]).await, [(0, false, 5), (0, false, 4)]);
    let resumed = |n| name_of(&key("newest", "k", id(BASE + n)));
    write(store, Writes { keys_resumed: vec![resumed(4), resumed(2)], ..Writes::default() }).await;
    assert_eq!(found(store, "newest", &["k"]).await, [(0, false, 5), (0, false, 3), (0, true, 4)]);

    let all = store.seek(account(), &seek("newest", "k"), NOON, 9).await.expect("sought");
    let all: Vec<_> = all.iter().map(|one| (one.resumed, one.transaction.clone())).collect();
    let want = [(false, 5), (false, 3), (false, 1), (true, 4), (true, 2)].map(|(resumed, n)| (resumed, held(n)));
    assert_eq!(all, want);
    let few = store.seek(account(), &seek("newest", "k"), NOON, 1).await.expect("sought");
    assert_eq!(few.iter().map(|one| one.transaction.transaction).collect::<Vec<_>>(), [id(BASE + 5), id(BASE + 4)]);
}

async fn the_whole_key_is_compared(store: &dyn Store) {
    hold(store, "whole", "k1", &[11]).await;
    hold(store, "whole", "k2", &[12, 13]).await;
    assert_eq!(found(store, "whole", &["k1"]).await, [(0, false, 11)]);
    assert_eq!(found(store, "whole", &["k3"]).await, []);
    assert_eq!(found(store, "whole elsewhere", &["k1"]).await, []);
    assert_eq!(store.seek(account(), &seek("whole", "k1"), NOON, 9).await.expect("sought").len(), 1);
}

async fn what_is_over_does_not_match(store: &dyn Store) {
    hold(store, "over", "k", &[21]).await;
    let writes = Writes {
        transactions: vec![
            TransactionRow { expires_at: NOON, ..held(22) },
            TransactionRow { status: "cancelled".into(), ..held(23) },
            held(24),
            TransactionRow { status: "completed".into(), ..held(25) },
            TransactionRow { expires_at: NOON + 1, ..held(26) },
        ],
        keys: vec![
            key("over", "k", id(BASE + 22)),
            key("over", "k", id(BASE + 23)),
            KeyRow { due_at: Some(NOON), ..key("over", "k", id(BASE + 24)) },
            KeyRow { due_at: Some(NOON + 1), run: 6, ..key("over", "k", id(BASE + 25)) },
            key("over", "k", id(BASE + 26)),
        ],
        ..Writes::default()
    };
    write(store, writes).await;
    assert_eq!(found(store, "over", &["k"]).await, [(0, false, 26), (0, false, 25)], "and a completed one does");
    let gone = vec![name_of(&key("over", "k", id(BASE + 26)))];
    let keys_resumed = vec![name_of(&key("over", "k", id(BASE + 24)))];
    write(store, Writes { keys_gone: gone, keys_resumed, ..Writes::default() }).await;
    assert_eq!(
        found(store, "over", &["k"]).await,
        [(0, false, 25), (0, false, 21), (0, true, 24)],
        "once resumed, its due instant is no longer in force"
    );
    let read = store.seek(account(), &seek("over", "k"), NOON, 9).await.expect("sought");
    let read: Vec<_> = read.iter().map(|one| (one.run, one.due_at)).collect();
    assert_eq!(read, [(6, Some(NOON + 1)), (1, None), (1, Some(NOON))]);
}

async fn a_newer_hold_takes_the_older_ones_place(store: &dyn Store) {
    hold(store, "again", "k", &[31]).await;
    let older = key("again", "k", id(BASE + 31));
    let newer = KeyRow { run: 2, ..older.clone() };
    let writes = Writes {
        keys_resumed: vec![name_of(&older)],
        keys_gone: vec![name_of(&older)],
        keys: vec![newer.clone()],
        ..Writes::default()
    };
    write(store, writes).await;
    let mut commit = begin(store).await;
    assert_eq!(commit.key_rows(&[name_of(&older)]).await.expect("read"), [(false, newer.clone())]);
    drop(commit);
    write(store, Writes { keys_resumed: vec![name_of(&older)], ..Writes::default() }).await;
    let mut commit = begin(store).await;
    assert_eq!(commit.key_rows(&[name_of(&older)]).await.expect("read"), [(true, newer)]);
    drop(commit);
    write(store, Writes { keys_gone: vec![name_of(&older)], ..Writes::default() }).await;
    assert_eq!(found(store, "again", &["k"]).await, []);
}

async fn many_seeks_at_once(store: &dyn Store) {
    hold(store, "many", "a", &[41, 42]).await;
    hold(store, "many", "b", &[43]).await;
    hold(store, "many", "c", &[44]).await;
    let want = [(0, false, 44), (2, false, 42), (2, false, 41), (3, false, 43), (4, false, 44)];
    assert_eq!(found(store, "many", &["c", "none", "a", "b", "c"]).await, want);
    assert_eq!(found(store, "many", &[]).await, []);
}

async fn holds_and_keys_are_read(store: &dyn Store) {
    hold(store, "near", "a", &[52]).await;
    hold(store, "near", "b", &[53]).await;
    let (first, second) = (id(BASE + 52), id(BASE + 53));
    let over = RunRow { status: "completed".into(), ..run(second, 2) };
    let runs = vec![run(second, 1), over, run(first, 1)];
    let resumed = name_of(&key("near", "a", first));
    write(store, Writes { runs, keys_resumed: vec![resumed.clone()], ..Writes::default() }).await;
    let holds = store.holds(account(), &[second, first, id(BASE + 54)]).await.expect("read");
    assert_eq!(holds, [run(first, 1), run(second, 1)]);
    let names = [resumed, name_of(&key("near", "b", second)), name_of(&key("near", "none", second))];
    let mut keys = store.key_rows(account(), &names).await.expect("read");
    keys.sort_by_key(|(_, row)| row.transaction);
    assert_eq!(keys, [(true, key("near", "a", first)), (false, key("near", "b", second))]);
}

async fn timers_are_in_order(store: &dyn Store) {
    assert_eq!(store.next_due(account()).await.expect("read"), None);
    let timer = |due_at, n| TimerRow { due_at, transaction: id(BASE + n), run: 1 };
    let timers = vec![timer(NOON + 2, 61), timer(NOON, 63), timer(NOON, 62), timer(NOON - 1, 64)];
    write(store, Writes { timers, ..Writes::default() }).await;
    assert_eq!(store.next_due(account()).await.expect("read"), Some(NOON - 1));
    let due = store.due(account(), NOON, 9).await.expect("read");
    assert_eq!(due, [timer(NOON - 1, 64), timer(NOON, 62), timer(NOON, 63)]);
    assert_eq!(store.due(account(), NOON, 1).await.expect("read"), [timer(NOON - 1, 64)]);
    write(store, Writes { timers_gone: due, ..Writes::default() }).await;
    assert_eq!(store.next_due(account()).await.expect("read"), Some(NOON + 2));
    write(store, Writes { timers_gone: vec![timer(NOON + 2, 61)], ..Writes::default() }).await;
    assert_eq!(store.next_due(account()).await.expect("read"), None);
}

async fn early_hits_are_offered_oldest_first(store: &dyn Store) {
    let early = |text: &str, n, until_at| {
        let seek = seek("early", text);
        EarlyRow { webhook: seek.webhook, key_hash: seek.key_hash, hit: id(BASE + n), key: seek.key, until_at }
    };
    let rows = vec![
        early("k", 72, NOON + DAY),
        early("k", 71, NOON + 1),
        early("k", 73, NOON),
        early("kk", 74, NOON + DAY),
        early("j", 71, NOON + DAY),
    ];
    let hits: Vec<HitRow> = (71..=74).map(|n| hit("early", id(BASE + n))).collect();
    write(store, Writes { hits: hits.clone(), early: rows.clone(), ..Writes::default() }).await;
    let mut commit = begin(store).await;
    let seeks = [seek("early", "x"), seek("early", "k"), seek("early", "j")];
    let found = commit.early(&seeks).await.expect("sought");
    assert_eq!(found, [(1, hits[0].clone()), (2, hits[0].clone()), (1, hits[1].clone())]);
    commit.write(&Writes { early_gone: vec![rows[1].clone()], ..Writes::default() }).await.expect("written");
    let found = commit.early(&seeks).await.expect("sought");
    assert_eq!(
        found.iter().map(|(seek, hit)| (*seek, hit.hit)).collect::<Vec<_>>(),
        [(2, id(BASE + 71)), (1, id(BASE + 72))]
    );
}
