//! Shared webhooks: one hit, a transaction in each cycle that is attached, all or none (contract,
//! section 10).

use holdfast_engine::{
    BulkQuery, Chosen, Error, Hit, HitFilter, HitId, HitStatus, Limits, NewShared, Page, PageQuery, RepeatHeader,
    TransactionFilter,
};
use holdfast_tests::{Got, Store, World, arrival, both_stores};
use serde_json::{Value, json};

both_stores![
    one_hit_starts_a_transaction_in_each_running_cycle,
    a_stopped_cycle_has_it_queued_and_says_so,
    where_no_cycle_takes_it_nothing_is_kept,
    all_of_them_or_none,
    a_group_that_is_refused_takes_nobody_with_it,
    a_repeated_delivery_is_told_the_same,
    a_hit_is_shown_once_with_all_that_became_of_it,
    a_replay_goes_to_those_that_are_attached_now,
    replays_of_many_asked_for_twice_at_once_are_made_once,
    a_commit_that_fails_leaves_nothing,
    a_cycle_attaches_to_what_there_is,
    a_paused_one_refuses_and_a_deleted_one_is_gone,
];

pub const PLAIN: &str = "
cycle: plain
steps:
  asked: { webhook: }
";

/// One that ends, and one that is held.
const ATTACHED: &str = "
cycle: billing
steps:
  placed: { webhook: { shared: orders }, next: kept }
  kept: { set: \"${$.placed.body.n}\" }
---
cycle: shipping
steps:
  placed: { webhook: { shared: orders }, next: sent }
  sent:
    webhook: { mapping: [{ hit: $.body.n, transaction: $.placed.body.n }] }
";

pub const ACCOUNT: &str = "default";

pub async fn make(world: &World, new: NewShared) -> String {
    world.engine.create_shared(ACCOUNT, new).await.expect("it is made").identifier
}

pub fn named(name: &str) -> NewShared {
    NewShared { name: name.to_owned(), ..NewShared::default() }
}

pub fn routed(name: &str, fan_out: bool) -> NewShared {
    NewShared { name: name.to_owned(), route: Some("$.body.portal".to_owned()), fan_out, ..NewShared::default() }
}

pub async fn deploy(world: &World, account: &str, yaml: &str) {
    for deployed in world.engine.deploy(account, "test.yaml", yaml).await.expect("it is deployed") {
        world.engine.start(account, &deployed.cycle.name).await.expect("it starts");
    }
}

/// Both cycles attached and running.
pub async fn attached(store: Store) -> (World, String) {
    let world = World::start(store, PLAIN).await;
    let orders = make(&world, named("orders")).await;
    deploy(&world, ACCOUNT, ATTACHED).await;
    (world, orders)
}

pub async fn hit(world: &World, identifier: &str, body: Value) -> Result<Got, Error> {
    world.engine.receive(arrival(identifier.to_owned(), body)).await.map(Got)
}

pub async fn hit_with(world: &World, identifier: &str, key: &str, body: Value) -> Result<Got, Error> {
    let mut arrival = arrival(identifier.to_owned(), body);
    arrival.repeat = Some(RepeatHeader::IdempotencyKey(key.to_owned()));
    match world.engine.recall(&arrival).await? {
        Some(earlier) => Ok(Got(earlier)),
        None => world.engine.receive(arrival).await.map(Got),
    }
}

/// `cycle status` of each, and that there is an id where there is a transaction.
pub fn told(got: &Got) -> Vec<String> {
    let said = got.said();
    let list: Value = serde_json::from_str(said.strip_prefix("200 ").unwrap_or_else(|| panic!("{said}"))).expect(&said);
    let one = |one: &Value| {
        let status = one["status"].as_str().expect("a status");
        assert_eq!(one["id"].is_null(), status == "queued", "{one}");
        format!("{} {status}", one["cycle"].as_str().expect("a cycle"))
    };
    list.as_array().expect("an array").iter().map(one).collect()
}

pub async fn transactions(world: &World, account: &str) -> Vec<String> {
    let page = PageQuery { limit: Some(1_000), after: None };
    let all = world.engine.transactions(account, TransactionFilter::default(), page).await.expect("a list").data;
    let mut all: Vec<String> = all.iter().map(|one| format!("{} {}", one.cycle, one.status.word())).collect();
    all.sort_unstable();
    all
}

async fn hits(world: &World, account: &str, webhook: Option<&str>) -> Page<Hit> {
    let filter = HitFilter { webhook: webhook.map(str::to_owned), ..HitFilter::default() };
    world.engine.hits(account, filter, PageQuery::default()).await.expect("a list")
}

async fn stop(world: &World, cycle: &str) {
    world.engine.stop(ACCOUNT, cycle, false).await.expect("it stops");
}

async fn one_hit_starts_a_transaction_in_each_running_cycle(store: Store) {
    let (world, orders) = attached(store).await;
    let got = hit(&world, &orders, json!({ "n": 1 })).await.expect("accepted");
    assert_eq!(told(&got), ["billing completed", "shipping held"]);
    assert_eq!(transactions(&world, ACCOUNT).await, ["billing completed", "shipping held"]);
    let view = world.hit_view(got.hit()).await;
    let first = view.transaction.expect("the first");
    let document = world.document(first).await;
    assert_eq!(document["placed"]["body"], json!({ "n": 1 }));
    assert!(document["placed"]["headers"].is_object() && document["placed"]["received_at"].is_string());
    // The step's own address is nobody's.
    let catalog = world.engine.webhooks(ACCOUNT, PageQuery::default()).await.expect("a list").data;
    let of = |cycle: &str| catalog.iter().find(|one| one.cycle == cycle).expect("listed");
    assert_eq!(of("billing").identifier, orders);
    assert_eq!(of("billing").shared.as_deref(), Some("orders"));
    assert_eq!(of("").identifier, orders);
}

async fn a_stopped_cycle_has_it_queued_and_says_so(store: Store) {
    let (world, orders) = attached(store).await;
    stop(&world, "billing").await;
    let got = hit(&world, &orders, json!({ "n": 1 })).await.expect("accepted");
    assert_eq!(told(&got), ["billing queued", "shipping held"]);
    stop(&world, "shipping").await;
    let both = hit(&world, &orders, json!({ "n": 2 })).await.expect("accepted");
    assert_eq!(told(&both), ["billing queued", "shipping queued"]);
    world.engine.start(ACCOUNT, "billing").await.expect("it starts");
    let view = world.hit_view(got.hit()).await;
    let status: Vec<_> = view.applications.iter().map(|one| (one.cycle.as_str(), one.status.word())).collect();
    assert_eq!(status, [("billing", "applied"), ("shipping", "applied")]);
    assert_eq!(
        transactions(&world, ACCOUNT).await,
        ["billing completed", "billing completed", "shipping held"],
        "each queue is its cycle's own"
    );
    // Stopped for longer, it is left out.
    world.advance("25h").await;
    let later = hit(&world, &orders, json!({ "n": 3 })).await.expect("accepted");
    assert_eq!(told(&later), ["billing completed"]);
}

async fn where_no_cycle_takes_it_nothing_is_kept(store: Store) {
    let world = World::start(store, PLAIN).await;
    let orders = make(&world, named("orders")).await;
    assert!(matches!(hit(&world, &orders, json!({})).await, Err(Error::Inactive)));
    world.engine.deploy(ACCOUNT, "test.yaml", ATTACHED).await.expect("drafts");
    assert!(matches!(hit(&world, &orders, json!({})).await, Err(Error::Inactive)));
    assert_eq!(hits(&world, ACCOUNT, Some(&orders)).await.data.len(), 0);
    assert!(matches!(hit(&world, "none", json!({})).await, Err(Error::NotFound { .. })));
}

/// One cycle's queue is full: the other does not begin either.
async fn all_of_them_or_none(store: Store) {
    let world = World::start_within(store, PLAIN, Limits { queued_hits_per_webhook: 2, ..Limits::default() }).await;
    let orders = make(&world, named("orders")).await;
    deploy(&world, ACCOUNT, ATTACHED).await;
    stop(&world, "billing").await;
    for n in 0..2 {
        hit(&world, &orders, json!({ "n": n })).await.expect("accepted");
    }
    let refused = hit_with(&world, &orders, "third", json!({ "n": 2 })).await;
    assert!(matches!(refused, Err(Error::Limit { limit: "queued hits per webhook", .. })), "{refused:?}");
    assert_eq!(transactions(&world, ACCOUNT).await, ["shipping held", "shipping held"]);
    assert_eq!(hits(&world, ACCOUNT, Some(&orders)).await.data.len(), 2);
    // Nothing of it is remembered: sent again, it is taken.
    world.engine.start(ACCOUNT, "billing").await.expect("it starts");
    let got = hit_with(&world, &orders, "third", json!({ "n": 2 })).await.expect("accepted");
    assert!(!got.0.replayed);
    assert_eq!(told(&got), ["billing completed", "shipping held"]);
}

/// Many at once share commits: those that are refused are refused alone.
async fn a_group_that_is_refused_takes_nobody_with_it(store: Store) {
    let world = World::start_within(store, PLAIN, Limits { queued_hits_per_webhook: 5, ..Limits::default() }).await;
    let orders = make(&world, named("orders")).await;
    deploy(&world, ACCOUNT, ATTACHED).await;
    stop(&world, "billing").await;
    let mut sent = tokio::task::JoinSet::new();
    for n in 0..40 {
        let (engine, shared) = (world.engine.clone(), arrival(orders.clone(), json!({ "n": n })));
        let plain = world.arrival("asked", json!({ "n": n }));
        sent.spawn(async move { (engine.receive(shared).await.is_ok(), engine.receive(plain).await.is_ok()) });
    }
    let sent = sent.join_all().await;
    assert_eq!(sent.iter().filter(|(shared, _)| *shared).count(), 5);
    assert!(sent.iter().all(|(_, plain)| *plain));
    let all = transactions(&world, ACCOUNT).await;
    assert_eq!(all.iter().filter(|one| *one == "shipping held").count(), 5);
    assert_eq!(all.iter().filter(|one| *one == "plain completed").count(), 40);
}

async fn a_repeated_delivery_is_told_the_same(store: Store) {
    let mut world = World::start(store, PLAIN).await;
    let settings = "dedupe: $.body.id\n".to_owned();
    let orders = make(&world, NewShared { settings, ..named("orders") }).await;
    deploy(&world, ACCOUNT, ATTACHED).await;
    let first = hit_with(&world, &orders, "a", json!({ "n": 1, "id": "x" })).await.expect("accepted");
    world.reopen().await;
    for _ in 0..2 {
        let again = hit_with(&world, &orders, "a", json!({ "n": 1, "id": "x" })).await.expect("accepted");
        assert!(again.0.replayed);
        assert_eq!((again.said(), again.hit()), (first.said(), first.hit()));
    }
    assert!(matches!(hit_with(&world, &orders, "a", json!({ "n": 2 })).await, Err(Error::KeyReused)));
    // By `dedupe`, which is looked at with the body.
    let again = hit(&world, &orders, json!({ "n": 3, "id": "x" })).await.expect("accepted");
    assert!(again.0.replayed);
    assert_eq!(again.said(), first.said());
    assert_eq!(transactions(&world, ACCOUNT).await.len(), 2);
    let kept = hits(&world, ACCOUNT, Some(&orders)).await.data;
    let duplicates = kept.iter().filter(|hit| hit.status == HitStatus::Duplicate).count();
    assert_eq!((kept.len(), duplicates), (4, 3));
    // At once, too.
    let mut sent = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (engine, arrival) = (world.engine.clone(), arrival(orders.clone(), json!({ "n": 4, "id": "y" })));
        sent.spawn(async move { engine.receive(arrival).await.expect("accepted").hit });
    }
    let mut ids = sent.join_all().await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
    assert_eq!(transactions(&world, ACCOUNT).await.len(), 4);
}

async fn a_hit_is_shown_once_with_all_that_became_of_it(store: Store) {
    let (world, orders) = attached(store).await;
    let mut sent = Vec::new();
    for n in 0..5 {
        sent.push(hit(&world, &orders, json!({ "n": n })).await.expect("accepted").hit());
    }
    sent.reverse();
    for webhook in [None, Some(orders.as_str())] {
        let mut ids: Vec<HitId> = Vec::new();
        let mut after = None;
        loop {
            let page = PageQuery { limit: Some(2), after };
            let filter = HitFilter { webhook: webhook.map(str::to_owned), ..HitFilter::default() };
            let page = world.engine.hits(ACCOUNT, filter, page).await.expect("a page");
            ids.extend(page.data.iter().map(|hit| hit.id));
            assert!(page.data.iter().all(|hit| hit.applications.len() == 2 && hit.webhook == orders));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(ids, sent);
    }
    let view = world.hit_view(sent[0]).await;
    assert_eq!(view.applications.len(), 2);
    assert_eq!(view.transaction, view.applications[0].transaction);
    assert_eq!(view.run, Some(1));
    assert!(view.applications.iter().all(|one| one.event == 0 && one.account == ACCOUNT && one.run == Some(1)));
}

async fn a_replay_goes_to_those_that_are_attached_now(store: Store) {
    let (world, orders) = attached(store).await;
    let got = hit_with(&world, &orders, "a", json!({ "n": 1 })).await.expect("accepted");
    stop(&world, "shipping").await;
    world.advance("25h").await;
    let again = world.engine.replay(ACCOUNT, got.hit()).await.expect("replayed");
    assert_eq!(again.replay_of, Some(got.hit()));
    assert_eq!(again.applications.len(), 1);
    assert_eq!(transactions(&world, ACCOUNT).await, ["billing completed", "billing completed", "shipping held"]);
}

async fn replays_of_many_asked_for_twice_at_once_are_made_once(store: Store) {
    let (world, orders) = attached(store).await;
    for n in 0..5 {
        hit(&world, &orders, json!({ "n": n })).await.expect("accepted");
    }
    let of_orders = HitFilter { webhook: Some(orders.clone()), ..HitFilter::default() };
    let all = Chosen::Filter(of_orders.clone());
    let preview = world.engine.preview_replays(ACCOUNT, &all).await.expect("counted");
    assert_eq!(preview.matching, 5);
    let query = BulkQuery { mark: Some(preview.mark), ..BulkQuery::default() };
    let replay = async || world.engine.replay_hits(ACCOUNT, &all, &query).await.expect("done");
    let (one, other) = tokio::join!(replay(), replay());
    assert_eq!((one.done + other.done, one.unchanged + other.unchanged), (5, 5), "{one:?} {other:?}");
    assert_eq!(transactions(&world, ACCOUNT).await.len(), 20);
    let hits = world.engine.hits(ACCOUNT, of_orders, PageQuery::default()).await.expect("a list").data;
    assert_eq!(hits.len(), 10, "none is kept of a repeat");
}

async fn a_commit_that_fails_leaves_nothing(store: Store) {
    let (world, cue) = World::start_on_cue(store, PLAIN).await;
    let orders = make(&world, named("orders")).await;
    deploy(&world, ACCOUNT, ATTACHED).await;
    cue.fail(true);
    let refused = hit_with(&world, &orders, "a", json!({ "n": 1 })).await;
    assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    cue.fail(false);
    assert_eq!(transactions(&world, ACCOUNT).await.len(), 0);
    // It happened, and nobody was told: the sender asks again.
    cue.lose(1);
    let unknown = hit_with(&world, &orders, "a", json!({ "n": 1 })).await;
    assert!(matches!(unknown, Err(Error::Unknown)), "{unknown:?}");
    let again = hit_with(&world, &orders, "a", json!({ "n": 1 })).await.expect("accepted");
    assert!(again.0.replayed);
    assert_eq!(told(&again), ["billing completed", "shipping held"]);
    assert_eq!(transactions(&world, ACCOUNT).await.len(), 2);
}

async fn a_cycle_attaches_to_what_there_is(store: Store) {
    let world = World::start(store, PLAIN).await;
    let refused = world.engine.deploy(ACCOUNT, "test.yaml", ATTACHED).await.expect_err("refused").to_string();
    assert!(refused.contains("step placed") && refused.contains("holdfast webhooks create orders"), "{refused}");
    make(&world, named("orders")).await;
    world.engine.deploy(ACCOUNT, "test.yaml", ATTACHED).await.expect("now it is there");
    let taken = world.engine.create_shared(ACCOUNT, named("orders")).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
    let wrong = NewShared { settings: "mapping: x\n".to_owned(), ..named("others") };
    assert!(matches!(world.engine.create_shared(ACCOUNT, wrong).await, Err(Error::Definition(_))));
    let wrong = NewShared { fan_out: true, ..named("others") };
    assert!(matches!(world.engine.create_shared(ACCOUNT, wrong).await, Err(Error::Invalid(_))));
    let settings = "verify: { preset: github, secret: \"${secrets.HUB}\" }\n".to_owned();
    let unset = world.engine.create_shared(ACCOUNT, NewShared { settings, ..named("hub") }).await;
    assert!(unset.expect_err("refused").to_string().contains("holdfast secrets set HUB"));
}

async fn a_paused_one_refuses_and_a_deleted_one_is_gone(store: Store) {
    let (world, orders) = attached(store).await;
    let engine = &world.engine;
    let got = hit(&world, &orders, json!({ "n": 1 })).await.expect("accepted");
    engine.pause_shared(ACCOUNT, "orders", true).await.expect("paused");
    assert!(matches!(hit(&world, &orders, json!({})).await, Err(Error::Inactive)));
    engine.pause_shared(ACCOUNT, &orders, false).await.expect("resumed");
    hit(&world, &orders, json!({ "n": 2 })).await.expect("accepted");
    let refused = engine.delete_shared(ACCOUNT, "orders").await.expect_err("refused").to_string();
    assert!(refused.contains("stop them first"), "{refused}");
    stop(&world, "billing").await;
    stop(&world, "shipping").await;
    engine.delete_shared(ACCOUNT, "orders").await.expect("deleted");
    assert!(engine.door(&orders).is_none());
    assert!(matches!(hit(&world, &orders, json!({})).await, Err(Error::NotFound { .. })));
    assert_eq!(world.hit_view(got.hit()).await.applications.len(), 2, "its hits stay to be read");
    let again = make(&world, named("orders")).await;
    assert_ne!(again, orders);
}
