//! Hits, repeats, answers, and the queue of a stop.

use uuid::Uuid;

use super::{DAY, NOON, account, begin, hit, id, write};
use crate::store::{AnswerRow, HitQuery, HitRow, HitUpdate, ListedHit, QueueRow, RepeatRow, Store, WhichHits, Writes};

pub async fn all(store: &dyn Store) {
    every_byte_comes_back(store).await;
    every_column_comes_back(store).await;
    pages_go_from_new_to_old(store).await;
    a_hit_is_changed(store).await;
    repeats_are_found(store).await;
    the_first_answer_stands(store).await;
    a_queue_is_in_order(store).await;
}

async fn read(store: &dyn Store, row: &HitRow) -> HitRow {
    let webhooks = ["another".to_owned(), row.webhook.clone()];
    store.hit(account(), &webhooks, row.hit).await.expect("read").expect("a hit")
}

async fn every_byte_comes_back(store: &dyn Store) {
    let all: Vec<u8> = (0..=255).collect();
    let megabyte = vec![b'"'; 1 << 20];
    let bodies: [&[u8]; 6] = [b"", b"\0", b"a\0b", &[0xff, 0xfe, 0xc0], &all, &megabyte];
    let rows: Vec<HitRow> =
        bodies.iter().zip(1..).map(|(body, n)| HitRow { raw: body.to_vec().into(), ..hit("bytes", id(n)) }).collect();
    write(store, Writes { hits: rows.clone(), ..Writes::default() }).await;
    for row in &rows {
        assert!(read(store, row).await == *row, "{} bytes", row.raw.len());
    }
}

async fn every_column_comes_back(store: &dyn Store) {
    let full = HitRow {
        method: "PUT".into(),
        headers: r#"{"x":"NUL \u0000, quote \" and ü"}"#.into(),
        query: r#"{"a":["\\","\u0000"]}"#.into(),
        body: Some("[1.10,\"\\u0000\\ud83d\\ude00\",\"'\n\"]".into()),
        status: "rejected".into(),
        reason: Some("it said \"no\"\\".into()),
        transaction: Some(id(7)),
        run: Some(3),
        ambiguous: true,
        replay_of: Some(id(8)),
        early_until: Some(NOON + 1),
        expires_at: NOON + 2,
        ..hit("columns", id(1))
    };
    let spare = hit("columns", id(2));
    write(store, Writes { hits: vec![full.clone(), spare.clone()], ..Writes::default() }).await;
    assert_eq!(read(store, &full).await, full);
    assert_eq!(read(store, &spare).await, spare);
    let mut commit = begin(store).await;
    let names = [("columns".to_owned(), spare.hit), ("columns".to_owned(), full.hit), ("other".to_owned(), full.hit)];
    assert_eq!(commit.hits(&names).await.expect("read"), [full, spare], "oldest first");
}

async fn pages_go_from_new_to_old(store: &dyn Store) {
    let statuses = ["applied", "unmatched", "queued", "applied", "unmatched"];
    let rows = statuses.iter().zip(1..).map(|(status, n)| HitRow {
        status: (*status).into(),
        ambiguous: n == 1 || n == 5,
        ..hit("pages", id(n))
    });
    let rows: Vec<HitRow> = rows.chain([hit("pages 2", id(3))]).collect();
    write(store, Writes { hits: rows.clone(), ..Writes::default() }).await;
    let page = async |which, before: Uuid, from: Uuid, limit| {
        let lanes = vec![("pages".to_owned(), before), ("pages 2".to_owned(), id(3)), ("no pages".to_owned(), before)];
        let query = HitQuery { lanes, which, from, limit };
        let mut listed = store.list_hits(account(), &query).await.expect("read");
        listed.sort_by_key(|row| std::cmp::Reverse(row.hit));
        let n = |row: &ListedHit| row.hit.as_u128() - id(0).as_u128();
        listed.iter().map(|row| (n(row), row.status.clone().unwrap_or_default())).collect::<Vec<_>>()
    };
    let numbers = |page: Vec<(u128, String)>| page.into_iter().map(|(n, _)| n).collect::<Vec<_>>();
    let all = Uuid::max();
    assert_eq!(numbers(page(WhichHits::All, all, Uuid::nil(), 3).await), [5, 4, 3]);
    assert_eq!(numbers(page(WhichHits::All, id(3), Uuid::nil(), 3).await), [2, 1]);
    assert_eq!(numbers(page(WhichHits::All, all, id(3), 9).await), [5, 4, 3], "from here on");
    let by_status = page(WhichHits::AllByStatus, all, id(4), 9).await;
    assert_eq!(by_status, [(5, "unmatched".to_owned()), (4, "applied".to_owned())]);
    assert_eq!(numbers(page(WhichHits::Status("unmatched"), all, Uuid::nil(), 9).await), [5, 2]);
    assert_eq!(numbers(page(WhichHits::Status("unmatched"), id(5), Uuid::nil(), 9).await), [2]);
    let ambiguous = page(WhichHits::Ambiguous, all, Uuid::nil(), 9).await;
    assert_eq!(ambiguous, [(5, "unmatched".to_owned()), (1, "applied".to_owned())]);

    let names = [("pages".to_owned(), id(2)), ("pages 2".to_owned(), id(3)), ("pages 2".to_owned(), id(4))];
    let mut named = store.hits_named(account(), &names).await.expect("read");
    named.sort_by_key(|row| row.hit);
    assert_eq!(named, [rows[1].clone(), rows[5].clone()]);
}

async fn a_hit_is_changed(store: &dyn Store) {
    let rows = [hit("changed", id(1)), hit("changed", id(2))];
    write(store, Writes { hits: rows.to_vec(), ..Writes::default() }).await;
    let update = HitUpdate {
        webhook: "changed".into(),
        hit: id(1),
        status: "applied".into(),
        reason: Some("early".into()),
        transaction: Some(id(9)),
        run: Some(2),
        ambiguous: true,
        early_until: Some(NOON),
    };
    write(store, Writes { hit_updates: vec![update], ..Writes::default() }).await;
    let changed = HitRow {
        status: "applied".into(),
        reason: Some("early".into()),
        transaction: Some(id(9)),
        run: Some(2),
        ambiguous: true,
        early_until: Some(NOON),
        ..rows[0].clone()
    };
    assert_eq!(read(store, &rows[0]).await, changed);
    assert_eq!(read(store, &rows[1]).await, rows[1]);
}

async fn repeats_are_found(store: &dyn Store) {
    let row = |hash: u8, hit: u64| RepeatRow {
        webhook: "repeats".into(),
        key_hash: vec![hash; 32],
        body_hash: vec![hit as u8; 32],
        hit: id(hit),
        at: NOON,
    };
    write(store, Writes { repeats: vec![row(1, 1), row(2, 2)], ..Writes::default() }).await;
    // Its record ran out, and was not swept.
    write(store, Writes { repeats: vec![row(2, 3)], ..Writes::default() }).await;
    let mut commit = begin(store).await;
    let names: Vec<_> = [1, 2, 3].map(|hash| ("repeats".to_owned(), vec![hash; 32])).into();
    let mut found: Vec<_> = commit.repeats(&names).await.expect("read");
    found.sort_by_key(|row| row.hit);
    let found: Vec<_> = found.iter().map(|row| (row.key_hash[0], row.body_hash[0], row.hit, row.at)).collect();
    assert_eq!(found, [(1, 1, id(1), NOON), (2, 3, id(3), NOON)]);
    drop(commit);
    let one = store.repeat(account(), "repeats", &[1; 32]).await.expect("read").expect("a record");
    assert_eq!(one.hit, id(1));
    assert!(store.repeat(account(), "elsewhere", &[1; 32]).await.expect("read").is_none());
}

async fn the_first_answer_stands(store: &dyn Store) {
    let answer = |hit: u64, status: i32, body: &[u8]| AnswerRow {
        hit: id(hit),
        transaction: (hit == 1).then(|| id(5)),
        kind: "respond".into(),
        status,
        step: (hit == 1).then(|| "reply".into()),
        headers: r#"[["content-type","text/plain"]]"#.into(),
        body: body.to_vec(),
        expires_at: NOON + DAY,
    };
    write(store, Writes { answers: vec![answer(1, 201, b"\xff\0"), answer(2, 200, b"")], ..Writes::default() }).await;
    write(store, Writes { answers: vec![answer(1, 500, b"late")], ..Writes::default() }).await;
    let found = store.answers(account(), &[id(2), id(1), id(3)]).await.expect("read");
    let texts: Vec<_> = found.iter().map(|row| (row.hit, row.status, row.body.as_slice())).collect();
    assert_eq!(texts, [(id(1), 201, &b"\xff\0"[..]), (id(2), 200, &b""[..])]);
    assert_eq!((found[0].transaction, found[0].step.as_deref()), (Some(id(5)), Some("reply")));
    assert_eq!((found[1].transaction, found[1].step.as_deref()), (None, None));
    assert_eq!((found[0].headers.as_str(), found[0].kind.as_str()), (r#"[["content-type","text/plain"]]"#, "respond"));
    assert_eq!(found[0].expires_at, NOON + DAY);
}

async fn a_queue_is_in_order(store: &dyn Store) {
    let cycle_id = Uuid::new_v4();
    let mut commit = begin(store).await;
    for webhook in ["queue-a", "queue-b"] {
        commit.put_webhook(&super::catalog::webhook(cycle_id, webhook)).await.expect("put");
    }
    let place = |webhook: &str, n| QueueRow { cycle_id, hit: id(n), webhook: webhook.into() };
    let hits = vec![hit("queue-a", id(2)), hit("queue-b", id(1)), hit("queue-a", id(3))];
    let queue = vec![place("queue-a", 3), place("queue-b", 1), place("queue-a", 2)];
    // The same webhook twice in one round adds up.
    let queued = vec![("queue-a".into(), 1), ("queue-b".into(), 1), ("queue-a".into(), 1)];
    commit.write(&Writes { hits, queue, queued, ..Writes::default() }).await.expect("written");
    commit.commit().await.expect("committed");
    let counts = store.queued(account()).await.expect("read");
    let count = |counts: &[(String, i64)], name| counts.iter().find(|(webhook, _)| webhook == name).map(|(_, n)| *n);
    assert_eq!((count(&counts, "queue-a"), count(&counts, "queue-b")), (Some(2), Some(1)));

    let mut commit = begin(store).await;
    let first: Vec<_> = commit.queued(cycle_id, 2).await.expect("read").iter().map(|row| row.hit).collect();
    assert_eq!(first, [id(1), id(2)]);
    let queue_gone = vec![place("queue-b", 1), place("queue-a", 2)];
    let queued = vec![("queue-b".into(), -1), ("queue-a".into(), -1)];
    commit.write(&Writes { queue_gone, queued, ..Writes::default() }).await.expect("written");
    let left: Vec<_> = commit.queued(cycle_id, 9).await.expect("read").iter().map(|row| row.hit).collect();
    assert_eq!(left, [id(3)]);
    commit.commit().await.expect("committed");
    let counts = store.queued(account()).await.expect("read");
    assert_eq!((count(&counts, "queue-a"), count(&counts, "queue-b")), (Some(1), None), "none where there are none");
}
