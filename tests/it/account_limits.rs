//! What an account may use at most: past it `429`, naming the limit; nobody else is touched (contract,
//! sections 10 and 13).

use holdfast_tests::{Call, Home, Mode, Node, Response, Store, both_stores, eventually};
use serde_json::{Value, json};

use crate::accounts::{about, deploy, hit, make, path_of, serve};

both_stores![
    hits_a_second_are_an_accounts_own,
    transactions_at_once_are_counted_by_what_has_not_ended,
    two_that_come_at_once_do_not_both_get_the_last_place,
    transactions_that_end_at_once_are_not_refused,
    stored_bytes_are_counted_as_they_are_stored,
];

const HELD: &str = "
cycle: held
steps:
  began:
    webhook:
    next: ended
  ended:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.began.body.id }]
";

const AT_ONCE: &str = "
cycle: quick
steps:
  began:
    webhook:
";

/// The name of the limit that refused it.
fn limit_of(refused: Response) -> String {
    let refused = refused.expect(429);
    assert!(refused.header("retry-after").is_some(), "{refused:?}");
    refused.json()["limit"].as_str().expect("a name").to_owned()
}

async fn set(node: &Node, account: &str, limits: Value) {
    let call = node.call("PUT", &format!("/api/v1/accounts/{account}")).json(json!({ "limits": limits }));
    node.send(call).await.expect("an answer").expect(200);
}

async fn hits_a_second_are_an_accounts_own(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({ "hits_per_second": 2 })).await;
    let acme = path_of(&deploy(&node, "acme", AT_ONCE).await, "quick/began");
    let default = path_of(&deploy(&node, "default", AT_ONCE).await, "quick/began");
    let mut refused = 0;
    for _ in 0..20 {
        let answer = hit(&node, &acme, json!({})).await;
        if answer.status != 200 {
            assert_eq!(limit_of(answer), "hits a second of the account");
            refused += 1;
        }
        hit(&node, &default, json!({})).await.expect(200);
    }
    assert!(refused > 0, "20 hits took less than a second or two");
    set(&node, "acme", json!({})).await;
    for _ in 0..20 {
        hit(&node, &acme, json!({})).await.expect(200);
    }
    let metrics = node.get("/metrics").await.text();
    assert!(metrics.contains("limit=\"hits a second of the account\""), "{metrics}");
    assert!(node.log().contains("hits a second of the account"), "the log says so too");
}

async fn transactions_at_once_are_counted_by_what_has_not_ended(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({ "transactions": 3 })).await;
    let hooks = deploy(&node, "acme", HELD).await;
    let (began, ended) = (path_of(&hooks, "held/began"), path_of(&hooks, "held/ended"));
    let default = path_of(&deploy(&node, "default", HELD).await, "held/began");
    for id in 0..3 {
        hit(&node, &began, json!({ "id": id })).await.expect(200);
    }
    let refused = hit(&node, &began, json!({ "id": 3 })).await;
    assert_eq!(refused.json()["max"], 3);
    assert_eq!(limit_of(refused), "transactions of the account");
    for id in 0..5 {
        hit(&node, &default, json!({ "id": id })).await.expect(200);
    }
    // What resumes one starts none; and the place that it leaves is free.
    hit(&node, &ended, json!({ "id": 1 })).await.expect(200);
    eventually("there is room again", async || {
        (hit(&node, &began, json!({ "id": 4 })).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(hit(&node, &began, json!({ "id": 5 })).await.status, 429);
    let all = about(&node, "acme", "GET", "/transactions", Value::Null).await.expect(200).json();
    assert_eq!(all["data"].as_array().expect("a list").len(), 4, "what was refused started nothing");
}

async fn two_that_come_at_once_do_not_both_get_the_last_place(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({ "transactions": 10 })).await;
    let began = path_of(&deploy(&node, "acme", HELD).await, "held/began");
    let mut calls = tokio::task::JoinSet::new();
    for id in 0..40 {
        calls.spawn(Call::new("POST", &began).json(json!({ "id": id })).send(node.address));
    }
    let answers = calls.join_all().await;
    let statuses: Vec<u16> = answers.into_iter().map(|answer| answer.expect("an answer").status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 10, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 30, "{statuses:?}");
}

async fn transactions_that_end_at_once_are_not_refused(store: Store) {
    let (_home, node) = serve(store).await;
    make(&node, "acme", json!({ "transactions": 5 })).await;
    let began = path_of(&deploy(&node, "acme", AT_ONCE).await, "quick/began");
    for id in 0..50 {
        hit(&node, &began, json!({ "id": id })).await.expect(200);
    }
}

async fn stored_bytes_are_counted_as_they_are_stored(store: Store) {
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    make(&node, "acme", json!({ "stored_bytes": 100_000 })).await;
    let began = path_of(&deploy(&node, "acme", HELD).await, "held/began");
    let default = path_of(&deploy(&node, "default", HELD).await, "held/began");
    let large = "x".repeat(40_000);
    for id in 0..2 {
        hit(&node, &began, json!({ "id": id, "text": large })).await.expect(200);
    }
    let refused = hit(&node, &began, json!({ "id": 3, "text": large })).await;
    assert_eq!(limit_of(refused), "stored bytes of the account");
    hit(&node, &default, json!({ "id": 3, "text": large })).await.expect(200);
    // Another process counts what is there.
    node.kill().await;
    node.restart().await;
    let refused = hit(&node, &began, json!({ "id": 3, "text": large })).await;
    assert_eq!(limit_of(refused), "stored bytes of the account");
    set(&node, "acme", json!({ "stored_bytes": 1_000_000 })).await;
    hit(&node, &began, json!({ "id": 3, "text": large })).await.expect(200);
    set(&node, "acme", json!({})).await;
    hit(&node, &began, json!({ "id": 4, "text": large })).await.expect(200);
}
