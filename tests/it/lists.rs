//! What operators look for: hits and transactions by what is known of them (contract, sections 8 and 15).

use chrono::{DateTime, TimeDelta, Utc};
use holdfast_engine::{
    Error, HitFilter, HitStatus, Page, PageQuery, TransactionFilter, TransactionId, TransactionStatus,
};
use holdfast_tests::{Store, World, both_stores};
use serde_json::json;

both_stores![
    hits_are_found_by_cycle_status_and_time,
    ambiguous_hits_are_found,
    rejected_hits_are_found,
    transactions_are_found_by_step_status_and_time,
    a_transaction_is_found_by_its_order_number_whatever_became_of_it,
    a_rare_one_is_found_page_by_page,
    what_has_expired_is_in_no_list,
    an_unknown_cycle_is_not_found,
];

const ORDERS: &str = "
cycle: orders
retention: { completed: 1h, failed: 31d }
steps:
  placed: { webhook: , next: big }
  big:
    decision:
      - when: { value: $.placed.body.total, greater_than: 100 }
        next: refused
      - else: status
  refused: { fail: { message: too much } }
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
    next: paid
  paid:
    webhook:
      early: 0s
      on_no_match: reject
      mapping: [{ hit: $.body.invoice, transaction: $.status.body.invoice }]
";

fn returns() -> String {
    format!("{ORDERS}---{}", ORDERS.replace("cycle: orders", "cycle: returns"))
}

async fn hits(world: &World, filter: HitFilter) -> Vec<String> {
    let page = world.engine.hits("default", filter, PageQuery::default()).await.expect("a list");
    page.data.iter().map(|hit| format!("{}/{} {}", hit.cycle, hit.step, hit.status.word())).collect()
}

async fn found(world: &World, filter: TransactionFilter) -> Vec<TransactionId> {
    let page = world.engine.transactions("default", filter, PageQuery::default()).await.expect("a list");
    assert_eq!(page.next, None);
    page.data.iter().map(|one| one.id).collect()
}

fn before(at: DateTime<Utc>) -> DateTime<Utc> {
    at - TimeDelta::microseconds(1)
}

async fn hits_are_found_by_cycle_status_and_time(store: Store) {
    let world = World::start(store, &returns()).await;
    world.hit("orders/placed", json!({ "id": 1, "total": 5 })).await;
    world.hit("orders/status", json!({ "id": "nobody" })).await;
    world.hit("returns/status", json!({ "id": "nobody" })).await;
    world.advance("1h").await;
    let noon = world.engine.now();
    world.hit("orders/status", json!({ "id": "nobody" })).await;
    world.hit("orders/status", json!({ "id": 1 })).await;

    let unmatched = || HitFilter { status: Some(HitStatus::Unmatched), ..HitFilter::default() };
    let orders = || HitFilter { cycle: Some("orders".into()), ..HitFilter::default() };
    assert_eq!(hits(&world, unmatched()).await.len(), 3);
    let since = HitFilter { since: Some(noon), ..unmatched() };
    assert_eq!(hits(&world, since).await, ["orders/status unmatched"], "since this morning");
    let until = HitFilter { until: Some(noon), ..unmatched() };
    assert_eq!(hits(&world, until).await, ["returns/status unmatched", "orders/status unmatched"]);
    let of_cycle = HitFilter { until: Some(noon), ..orders() };
    assert_eq!(hits(&world, of_cycle).await, ["orders/status unmatched", "orders/placed applied"]);
    let applied = HitFilter { status: Some(HitStatus::Applied), ..orders() };
    assert_eq!(hits(&world, applied).await, ["orders/status applied", "orders/placed applied"]);
    let never = HitFilter { since: Some(noon), until: Some(before(noon)), ..HitFilter::default() };
    assert_eq!(hits(&world, never).await, Vec::<String>::new());
}

async fn ambiguous_hits_are_found(store: Store) {
    let world = World::start(store, ORDERS).await;
    for _ in 0..2 {
        world.hit("placed", json!({ "id": 1, "total": 5 })).await;
    }
    world.hit("placed", json!({ "id": 2, "total": 5 })).await;
    let both = world.hit("status", json!({ "id": 1 })).await.hit();
    world.hit("status", json!({ "id": 2 })).await;
    let filter = HitFilter { ambiguous: true, ..HitFilter::default() };
    let page = world.engine.hits("default", filter.clone(), PageQuery::default()).await.expect("a list");
    assert_eq!(page.data.iter().map(|hit| (hit.id, hit.ambiguous)).collect::<Vec<_>>(), [(both, true)]);
    let unmatched = HitFilter { status: Some(HitStatus::Unmatched), ..filter };
    assert_eq!(hits(&world, unmatched).await.len(), 0);
}

async fn rejected_hits_are_found(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.hit("paid", json!({ "invoice": 7 })).await;
    let rejected = HitFilter { status: Some(HitStatus::Rejected), ..HitFilter::default() };
    assert_eq!(hits(&world, rejected).await, ["orders/paid rejected"]);
    assert_eq!(hits(&world, HitFilter::default()).await, ["orders/paid rejected"]);
}

async fn transactions_are_found_by_step_status_and_time(store: Store) {
    let world = World::start(store, &returns()).await;
    let first = world.hit("orders/placed", json!({ "id": 1, "total": 5 })).await.transaction();
    let big = world.hit("orders/placed", json!({ "id": 2, "total": 500 })).await.transaction();
    let back = world.hit("returns/placed", json!({ "id": 2, "total": 500 })).await.transaction();
    world.advance("10m").await;
    let noon = world.engine.now();
    let later = world.hit("orders/placed", json!({ "id": 3, "total": 5 })).await.transaction();
    world.hit("orders/status", json!({ "id": 3, "invoice": 9 })).await;

    let all = TransactionFilter::default;
    let at = |step: &str| TransactionFilter { step: Some(step.into()), ..all() };
    assert_eq!(found(&world, all()).await, [later, back, big, first]);
    assert_eq!(found(&world, at("refused")).await, [back, big]);
    let of_orders = TransactionFilter { cycle: Some("orders".into()), ..at("refused") };
    assert_eq!(found(&world, of_orders).await, [big]);
    assert_eq!(found(&world, at("status")).await, [first]);
    assert_eq!(found(&world, at("paid")).await, [later]);
    assert_eq!(found(&world, at("nowhere")).await, []);
    let failed = TransactionFilter { status: Some(TransactionStatus::Failed), ..all() };
    assert_eq!(found(&world, failed.clone()).await, [back, big]);
    assert_eq!(found(&world, TransactionFilter { since: Some(noon), ..all() }).await, [later]);
    assert_eq!(found(&world, TransactionFilter { until: Some(noon), ..all() }).await, [back, big, first]);
    assert_eq!(found(&world, TransactionFilter { since: Some(noon), ..failed.clone() }).await, []);
    // With what went wrong.
    let page = world.engine.transactions("default", failed, PageQuery::default()).await.expect("a list");
    assert!(page.data.iter().all(|one| one.error.as_ref().is_some_and(|error| error.to_string().contains("too much"))));
}

async fn a_transaction_is_found_by_its_order_number_whatever_became_of_it(store: Store) {
    let world = World::start(store, &returns()).await;
    let by = |key: &str| TransactionFilter { key: Some(key.into()), ..TransactionFilter::default() };
    let order = world.hit("orders/placed", json!({ "id": "A-17", "total": 5 })).await.transaction();
    assert_eq!(found(&world, by("A-17")).await, [order], "held");
    world.hit("orders/status", json!({ "id": "A-17", "invoice": 900 })).await;
    assert_eq!(found(&world, by("A-17")).await, [order], "held elsewhere by now");
    assert_eq!(found(&world, by("900")).await, [order], "by what another webhook waits for");
    world.hit("orders/paid", json!({ "invoice": 900 })).await;
    assert_eq!(world.status(order).await, "completed");
    assert_eq!(found(&world, by("A-17")).await, [order], "completed since");
    let other = world.hit("returns/placed", json!({ "id": "A-17", "total": 5 })).await.transaction();
    assert_eq!(found(&world, by("A-17")).await, [other, order], "in every cycle");
    let held = TransactionFilter { status: Some(TransactionStatus::Held), ..by("A-17") };
    assert_eq!(found(&world, held).await, [other]);
    let until = TransactionFilter { until: Some(before(world.engine.now())), ..by("A-17") };
    assert_eq!(found(&world, until).await, []);
    assert_eq!(found(&world, by("a-17")).await, []);
}

/// Every id of a list, and how many pages it took.
async fn through(page: impl AsyncFn(PageQuery) -> Page<TransactionId>) -> (Vec<TransactionId>, usize) {
    let (mut ids, mut pages, mut after) = (Vec::new(), 0, None);
    loop {
        let one = page(PageQuery { limit: Some(10), after }).await;
        ids.extend(one.data);
        pages += 1;
        after = one.next;
        if after.is_none() {
            return (ids, pages);
        }
    }
}

async fn a_rare_one_is_found_page_by_page(store: Store) {
    let world = World::start(store, ORDERS).await;
    let mut rare = Vec::new();
    for id in 0..60 {
        let placed = world.hit("placed", json!({ "id": id, "total": 5 })).await.transaction();
        if id % 20 == 0 {
            world.hit("status", json!({ "id": id, "invoice": id })).await;
            rare.insert(0, placed);
        }
    }
    let list = async |filter: TransactionFilter, page: PageQuery| {
        let page = world.engine.transactions("default", filter, page).await.expect("a list");
        Page { data: page.data.iter().map(|one| one.id).collect(), next: page.next }
    };
    let at_paid = TransactionFilter { step: Some("paid".into()), ..TransactionFilter::default() };
    let (ids, _) = through(async |page| list(at_paid.clone(), page).await).await;
    assert_eq!(ids, rare);
    let (ids, pages) = through(async |page| list(TransactionFilter::default(), page).await).await;
    assert_eq!((ids.len(), pages), (60, 6));
    assert!(ids.is_sorted_by(|one, next| one > next));
}

async fn what_has_expired_is_in_no_list(store: Store) {
    let world = World::start(store, ORDERS).await;
    let kept = world.hit("placed", json!({ "id": 1, "total": 500 })).await.transaction();
    let gone = world.hit("placed", json!({ "id": 2, "total": 5 })).await.transaction();
    world.hit("status", json!({ "id": 2, "invoice": 1 })).await;
    world.hit("paid", json!({ "invoice": 1 })).await;
    assert_eq!(found(&world, TransactionFilter::default()).await, [gone, kept]);
    world.advance("1h").await;
    assert_eq!(found(&world, TransactionFilter::default()).await, [kept]);
    let completed = TransactionFilter { status: Some(TransactionStatus::Completed), ..TransactionFilter::default() };
    assert_eq!(found(&world, completed).await, []);
    let by_key = TransactionFilter { key: Some("2".into()), ..TransactionFilter::default() };
    assert_eq!(found(&world, by_key).await, []);
}

async fn an_unknown_cycle_is_not_found(store: Store) {
    let world = World::start(store, ORDERS).await;
    let cycle = || Some("nobody".to_owned());
    let hits = HitFilter { cycle: cycle(), ..HitFilter::default() };
    let hits = world.engine.hits("default", hits, PageQuery::default()).await;
    assert!(matches!(hits, Err(Error::NotFound { what: "cycle", .. })), "{hits:?}");
    let filter = TransactionFilter { cycle: cycle(), ..TransactionFilter::default() };
    let listed = world.engine.transactions("default", filter, PageQuery::default()).await;
    assert!(matches!(listed, Err(Error::NotFound { what: "cycle", .. })), "{listed:?}");
}
