//! Endpoints, the outbox and its lines: taken by one process each, let go in the commit that writes what
//! came of it.

use uuid::Uuid;

use super::{NOON, SECOND, account, begin};
use crate::store::{DeliveryRow, EndpointRow, LineRow, MessageRow, Store, TakenRow, Taker, Which};

pub async fn all(store: &dyn Store) {
    an_endpoint_is_put_and_replaced(store).await;
    a_line_is_one_process_s(store).await;
    what_came_of_it_lets_the_line_go(store).await;
    what_is_left_is_dropped_and_resent(store).await;
    what_is_old_is_forgotten(store).await;
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn row(endpoint: Uuid) -> EndpointRow {
    EndpointRow {
        account: account().into(),
        endpoint,
        settings: "{\"url\":\"ü\"}".into(),
        state: "active".into(),
        reason: None,
        sealed: vec![0, 255],
        key_id: "first".into(),
        created_at: NOON,
        validated_at: Some(NOON + 1),
    }
}

async fn put(store: &dyn Store, rows: &[EndpointRow]) {
    let mut commit = begin(store).await;
    for row in rows {
        commit.put_endpoint(row).await.expect("put");
    }
    commit.commit().await.expect("committed");
}

fn delivery(message: u128, endpoint: Uuid, due_at: Option<i64>) -> DeliveryRow {
    DeliveryRow {
        message: id(message),
        endpoint,
        kind: "order.late".into(),
        status: if due_at.is_some() { "pending" } else { "missed" }.into(),
        tries: 0,
        attempts: "[]".into(),
        due_at,
    }
}

async fn tell(store: &dyn Store, deliveries: &[DeliveryRow]) {
    let mut commit = begin(store).await;
    let mut messages: Vec<MessageRow> = deliveries
        .iter()
        .map(|one| MessageRow {
            message: one.message,
            kind: one.kind.clone(),
            at: NOON,
            hops: 2,
            body: format!("body of {}", one.message).into(),
        })
        .collect();
    messages.dedup();
    commit.put_messages(&messages).await.expect("put");
    commit.put_deliveries(deliveries).await.expect("put");
    let rings: Vec<_> = deliveries.iter().filter_map(|one| Some((one.endpoint, one.due_at?))).collect();
    for ring in rings {
        commit.ring_lines(&[ring]).await.expect("rung");
    }
    commit.commit().await.expect("committed");
}

async fn take(store: &dyn Store, node: &str, now: i64) -> Vec<TakenRow> {
    let taker = Taker { node, now, until_at: now + 60 * SECOND, failing: true };
    let mut taken = store.take_lines(account(), &taker, 10).await.expect("taken");
    taken.sort_by_key(|line| line.endpoint);
    taken
}

async fn line(store: &dyn Store, endpoint: Uuid) -> LineRow {
    store.lines(account(), &[endpoint]).await.expect("read").pop().expect("it is there")
}

async fn settle(store: &dyn Store, line: LineRow, active: bool, deliveries: &[DeliveryRow]) {
    let mut commit = begin(store).await;
    commit.settle_deliveries(deliveries).await.expect("settled");
    commit.settle_lines(&[(line, active)]).await.expect("settled");
    commit.commit().await.expect("committed");
}

async fn an_endpoint_is_put_and_replaced(store: &dyn Store) {
    put(store, &[row(id(1)), row(id(2))]).await;
    let changed = EndpointRow { state: "disabled".into(), reason: Some("gone".into()), ..row(id(2)) };
    put(store, std::slice::from_ref(&changed)).await;
    let mut stored = store.catalog().await.expect("read").endpoints;
    stored.retain(|row| row.account == account());
    assert_eq!(stored, [row(id(1)), changed]);
    let mut commit = begin(store).await;
    commit.delete_endpoint(id(2)).await.expect("deleted");
    commit.commit().await.expect("committed");
    assert_eq!(store.lines(account(), &[id(1), id(2)]).await.expect("read").len(), 1, "its line went with it");
}

async fn a_line_is_one_process_s(store: &dyn Store) {
    assert_eq!(store.next_line(account()).await.expect("read"), None);
    assert_eq!(take(store, "a", NOON).await, []);
    tell(store, &[delivery(10, id(1), Some(NOON + 1)), delivery(11, id(1), Some(NOON))]).await;
    assert_eq!(store.next_line(account()).await.expect("read"), Some(NOON), "the earlier rang");
    assert_eq!(take(store, "a", NOON - 1).await, [], "it is not due yet");
    let taken = take(store, "a", NOON).await;
    assert_eq!(taken, [TakenRow { endpoint: id(1), claim: 1, failing_since: None }]);
    assert_eq!(take(store, "b", NOON + SECOND).await, [], "another has it");
    assert_eq!(line(store, id(1)).await.node.as_deref(), Some("a"));
    let due = store.due_deliveries(account(), id(1), NOON + 1, 10).await.expect("read");
    assert_eq!(due.iter().map(|row| row.message).collect::<Vec<_>>(), [id(11), id(10)]);
    assert_eq!((due[0].hops, due[0].body.as_ref()), (2, format!("body of {}", id(11)).as_bytes()));
    // Its lease ends; and then its process.
    assert_eq!(take(store, "b", NOON + 60 * SECOND).await[0].claim, 2);
    store.free_lines(account(), &["b".into()]).await.expect("freed");
    assert_eq!(take(store, "c", NOON + 61 * SECOND).await, [], "b lives");
    store.free_lines(account(), &["c".into()]).await.expect("freed");
    assert_eq!(take(store, "c", NOON + 61 * SECOND).await[0].claim, 4, "what b brings is too late");
}

async fn what_came_of_it_lets_the_line_go(store: &dyn Store) {
    let (first, second) = (delivery(11, id(1), None), delivery(10, id(1), Some(NOON + 9)));
    let first = DeliveryRow { status: "delivered".into(), tries: 1, attempts: "[1]".into(), ..first };
    let known = line(store, id(1)).await;
    let failing = LineRow { failing_since: Some(NOON), hour_at: Some(NOON), made: 3, failed: 2, ..known };
    settle(store, failing, true, &[first.clone(), second.clone()]).await;
    let settled = line(store, id(1)).await;
    assert_eq!((settled.due_at, settled.node, settled.made, settled.failed), (Some(NOON + 9), None, 3, 2));
    let all = store.deliveries(account(), id(1), Which::All, Uuid::max(), 10).await.expect("read");
    assert_eq!(all, [first, second]);
    let taker = Taker { node: "a", now: NOON + 9, until_at: NOON + SECOND, failing: false };
    assert_eq!(store.take_lines(account(), &taker, 10).await.expect("read"), [], "it is failing");
    assert_eq!(take(store, "a", NOON + 9).await.len(), 1);
}

async fn what_is_left_is_dropped_and_resent(store: &dyn Store) {
    let mut commit = begin(store).await;
    assert!(commit.drop_deliveries(id(1), 1).await.expect("dropped"), "there may be more");
    assert!(!commit.drop_deliveries(id(1), 1).await.expect("dropped"));
    let known = commit.lines(&[id(1)]).await.expect("read").pop().expect("a line");
    commit.settle_lines(&[(known, false)]).await.expect("settled");
    commit.commit().await.expect("committed");
    assert_eq!(store.next_line(account()).await.expect("read"), None, "it is not active");
    let missed = store.deliveries(account(), id(1), Which::Missed, Uuid::max(), 10).await.expect("read");
    assert_eq!(missed.iter().map(|row| (row.message, row.status.as_str())).collect::<Vec<_>>(), [(id(10), "missed")]);

    let mut commit = begin(store).await;
    assert_eq!(commit.messages_of(id(1), Which::Missed, Uuid::nil(), 10).await.expect("read"), [id(10)]);
    assert_eq!(commit.messages_of(id(1), Which::All, id(11), 10).await.expect("read"), [id(11)]);
    commit.resend(id(1), &[id(10), id(11)], NOON + 20).await.expect("resent");
    commit.ring_lines(&[(id(1), NOON + 20)]).await.expect("rung");
    commit.commit().await.expect("committed");
    let due = store.due_deliveries(account(), id(1), NOON + 20, 10).await.expect("read");
    assert_eq!(due.iter().map(|row| (row.message, row.tries)).collect::<Vec<_>>(), [(id(10), 0), (id(11), 0)]);
    assert_eq!(take(store, "a", NOON + 20).await.len(), 1);
}

async fn what_is_old_is_forgotten(store: &dyn Store) {
    assert!(store.forget_deliveries(account(), id(11), 1).await.expect("forgotten"), "there may be more");
    assert!(!store.forget_deliveries(account(), id(11), 10).await.expect("forgotten"));
    let left = store.deliveries(account(), id(1), Which::All, Uuid::max(), 10).await.expect("read");
    assert_eq!(left.iter().map(|row| row.message).collect::<Vec<_>>(), [id(11)]);
    let due = store.due_deliveries(account(), id(1), NOON + 20, 10).await.expect("read");
    assert_eq!(due.len(), 1, "and its message");
}
