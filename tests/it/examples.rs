//! The cycles that ship do what their first lines say.

use holdfast_tests::{Store, World, both_stores, example, payload};
use serde_json::json;

both_stores![
    a_deployment_is_held_until_its_status_says_success,
    a_deployment_that_fails,
    a_payment_whose_notice_comes_first,
    a_payment_noticed_three_times,
    a_payment_that_was_refused,
    an_approval_by_hand,
    an_approval_that_nobody_gives,
    a_small_expense_is_waved_through,
    an_order_is_resumed_again_and_again,
    a_look_up_that_finds_and_one_that_does_not,
    a_caller_who_waits_for_another_system,
    a_caller_whom_nobody_answers,
];

#[test]
fn each_is_clean_and_short() {
    let folder = holdfast_tests::root().join("definitions/cycles");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "yaml") || path.to_string_lossy().contains(".test.") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("its text");
        let checked = holdfast_definitions::check(&path.to_string_lossy(), &text);
        assert!(checked.diagnostics.is_empty(), "{}: {:#?}", path.display(), checked.diagnostics);
        assert!(text.lines().count() <= 50, "{} is longer than 50 lines", path.display());
        seen += 1;
    }
    assert!(seen >= 6, "{seen}");
}

async fn a_deployment_is_held_until_its_status_says_success(store: Store) {
    let world = World::start(store, &example("deployment")).await;
    let created = world.hit("created", payload("github/deployment.created")).await.transaction();
    assert_eq!(world.status(created).await, "held at status");
    world.advance("20d").await;
    let going = world.hit("status", payload("github/deployment_status.in_progress")).await;
    assert_eq!(going.transaction(), created);
    assert!(world.document(created).await.get("released").is_none());
    world.advance("10d").await;
    let done = world.hit("status", payload("github/deployment_status.success")).await;
    assert_eq!(done.transaction(), created);
    assert_eq!(world.document(created).await["released"]["commit"], "f95f852bd8fca8fcc58a9a2d6c842781e32a215e");
}

async fn a_deployment_that_fails(store: Store) {
    let world = World::start(store, &example("deployment")).await;
    let created = world.hit("created", payload("github/deployment.created")).await.transaction();
    let failed =
        payload("github/deployment_status.success").replace("\"state\": \"success\"", "\"state\": \"failure\"");
    world.hit("status", failed).await;
    assert_eq!(world.status(created).await, "failed at broken");
    assert!(world.error(created).await.contains("failure"));
}

async fn a_payment_whose_notice_comes_first(store: Store) {
    let world = World::start(store, &example("payment")).await;
    world.hit("paid", json!({ "event": "evt_1", "order": "A-17", "state": "paid" })).await;
    world.advance("9m").await;
    let checkout = world.hit("checkout", json!({ "order": "A-17", "amount": 1999 })).await.transaction();
    assert_eq!(world.document(checkout).await["ship"], json!({ "order": "A-17", "paid_by": "evt_1" }));
}

async fn a_payment_noticed_three_times(store: Store) {
    let world = World::start(store, &example("payment")).await;
    let checkout = world.hit("checkout", json!({ "order": "A-17", "amount": 1999 })).await.transaction();
    for _ in 0..3 {
        let notice = world.hit("paid", json!({ "event": "evt_1", "order": "A-17", "state": "PAID" })).await;
        assert_eq!(notice.transaction(), checkout);
    }
    assert_eq!(world.runs(checkout).await.len(), 2, "it ran once");
}

async fn a_payment_that_was_refused(store: Store) {
    let world = World::start(store, &example("payment")).await;
    let checkout = world.hit("checkout", json!({ "order": "A-17", "amount": 1999 })).await.transaction();
    world.hit("paid", json!({ "event": "evt_1", "order": "A-17" })).await;
    assert_eq!(world.status(checkout).await, "failed at refused");
    assert!(world.error(checkout).await.contains("order A-17 was not paid: no state"));
}

async fn an_approval_by_hand(store: Store) {
    let world = World::start(store, &example("approval")).await;
    for (expense, verdict, approved) in [(7, "yes", true), (8, "no", false)] {
        let asked = world.hit("asked", json!({ "expense": expense, "amount": 120, "by": "ann" })).await.transaction();
        world.advance("47h").await;
        world.hit("decided", json!({ "expense": expense, "verdict": verdict, "who": "bob" })).await;
        let document = world.document(asked).await;
        let outcome = if approved { &document["approved"] } else { &document["declined"] };
        assert_eq!(*outcome, json!({ "expense": expense, "approved": approved, "who": "bob" }));
    }
}

async fn an_approval_that_nobody_gives(store: Store) {
    let world = World::start(store, &example("approval")).await;
    let asked = world.hit("asked", json!({ "expense": 7, "amount": 120, "by": "ann" })).await.transaction();
    world.advance("48h").await;
    assert_eq!(world.document(asked).await["too_late"]["who"], "nobody");
}

async fn a_small_expense_is_waved_through(store: Store) {
    let world = World::start(store, &example("approval")).await;
    let asked = world.hit("asked", json!({ "expense": 7, "amount": 50, "by": "ann" })).await.transaction();
    assert_eq!(world.status(asked).await, "completed");
    assert_eq!(world.document(asked).await["waved_through"]["approved"], true);
}

async fn an_order_is_resumed_again_and_again(store: Store) {
    let world = World::start(store, &example("order-status")).await;
    let placed = world.hit("placed", json!({ "order_id": 42 })).await.transaction();
    for state in ["packed", "despatched", "DELIVERED"] {
        world.advance("5d").await;
        let notice = world.hit("status", json!({ "order": { "id": "42" }, "state": state })).await;
        assert_eq!(notice.transaction(), placed);
    }
    assert_eq!(world.document(placed).await["delivered"]["state"], "delivered");
    assert_eq!(world.runs(placed).await.len(), 4);
}

async fn a_look_up_that_finds_and_one_that_does_not(store: Store) {
    let world = World::start(store, &example("lookup")).await;
    let found = world.hit("asked", json!({ "sku": "a-100" })).await;
    assert_eq!(found.said(), r#"200 {"sku":"A-100","name":"chair","price":49.90}"#);
    let unknown = world.hit("asked", json!({})).await;
    assert_eq!(unknown.said(), r#"404 {"error":"no article without a SKU"}"#);
}

async fn a_caller_who_waits_for_another_system(store: Store) {
    let world = World::start(store, &example("ask-and-wait")).await;
    let caller = world.call("asked", json!({ "job": "j1" }));
    a_caller_waits(&world).await;
    world.hit("done", json!({ "job": "j1", "text": "Guten Tag" })).await;
    assert_eq!(caller.await.expect("no panic").said(), r#"200 {"job":"j1","text":"Guten Tag"}"#);
}

async fn a_caller_whom_nobody_answers(store: Store) {
    let world = World::start(store, &example("ask-and-wait")).await;
    let caller = world.call("asked", json!({ "job": "j2" }));
    a_caller_waits(&world).await;
    world.advance("10m").await;
    assert_eq!(caller.await.expect("no panic").said(), "504 nobody translated j2 in time");
}

async fn a_caller_waits(world: &World) {
    holdfast_tests::eventually("a caller waits", async || {
        (world.engine.gauges().await.expect("figures").waiting_callers > 0).then_some(())
    })
    .await;
}
