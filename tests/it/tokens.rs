//! OAuth 2 client credentials: a token for many runs, replaced where it is refused, and what comes of
//! one that is not to be had (contract, section 2, `http`).

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use holdfast_engine::TransactionId;
use holdfast_tests::{Partner, Store, World, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    one_token_serves_many_runs,
    a_token_that_is_refused_is_replaced,
    a_partner_that_refuses_every_token_is_asked_twice,
    an_endpoint_that_is_busy_is_asked_again,
    an_endpoint_that_refuses_is_not,
];

const CYCLE: &str = "
cycle: call
steps:
  asked: { webhook: , next: told }
  told:
    http:
      url: URL/orders
      auth: { oauth2: { token_url: URL/token, client_id: shop, client_secret: hush } }
      retry: { attempts: 3, backoff: 10s }
";

/// Gives t1, t2, …; takes tokens from `good` on, at first from t1.
async fn world(store: Store) -> (World, Partner, Arc<AtomicU32>) {
    let partner = Partner::start().await;
    let (given, good) = (AtomicU32::new(0), Arc::new(AtomicU32::new(1)));
    let from = good.clone();
    partner.usually(move |asked| {
        if asked.line.ends_with("/token") {
            let number = given.fetch_add(1, Ordering::Relaxed) + 1;
            return (200, json!({ "access_token": format!("t{number}"), "token_type": "Bearer" }).to_string());
        }
        let number = asked.header("authorization").trim_start_matches("Bearer t").parse::<u32>();
        match number.is_ok_and(|number| number >= from.load(Ordering::Relaxed)) {
            true => (200, "{}".to_owned()),
            false => (401, "{}".to_owned()),
        }
    });
    (World::start(store, &CYCLE.replace("URL", &partner.url())).await, partner, good)
}

fn asked(partner: &Partner, what: &str) -> usize {
    partner.asked().iter().filter(|asked| asked.line.ends_with(what)).count()
}

/// The clock moves on until it is so.
async fn comes_to(world: &World, id: TransactionId, status: &str) {
    eventually(&format!("{id} is {status}"), async || {
        world.advance("20s").await;
        (world.status(id).await == status).then_some(())
    })
    .await;
}

/// Of each attempt: the status that came, or the kind of the error.
async fn attempts(world: &World, id: TransactionId) -> Vec<String> {
    let runs = world.runs(id).await;
    let told = runs[0].steps.iter().find(|step| step.step == "told").expect("the step");
    let all = told.attempts.as_ref().expect("its attempts").to_string();
    let all: Vec<Value> = serde_json::from_str(&all).expect("a list");
    assert!(all.iter().all(|one| one["request"]["url"].as_str().is_some_and(|url| url.ends_with("/orders"))));
    let word = |one: &Value| one["error"]["kind"].as_str().map_or(one["response"]["status"].to_string(), str::to_owned);
    all.iter().map(word).collect()
}

async fn one_token_serves_many_runs(store: Store) {
    let (world, partner, _) = world(store).await;
    for id in 0..20 {
        world.hit("asked", json!({ "id": id })).await;
    }
    eventually("all are done", async || (asked(&partner, "/orders") == 20).then_some(())).await;
    assert_eq!(asked(&partner, "/token"), 1);
}

async fn a_token_that_is_refused_is_replaced(store: Store) {
    let (world, partner, good) = world(store).await;
    let first = world.hit("asked", json!({ "id": 1 })).await.transaction();
    comes_to(&world, first, "completed").await;
    good.store(2, Ordering::Relaxed);
    let second = world.hit("asked", json!({ "id": 2 })).await.transaction();
    comes_to(&world, second, "completed").await;
    assert_eq!(attempts(&world, second).await, ["401", "200"]);
    assert_eq!((asked(&partner, "/orders"), asked(&partner, "/token")), (3, 2));
    let keys: Vec<_> = partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys.iter().filter(|key| **key == format!("{second}.1.told")).count(), 2);
}

async fn a_partner_that_refuses_every_token_is_asked_twice(store: Store) {
    let (world, _partner, good) = world(store).await;
    good.store(u32::MAX, Ordering::Relaxed);
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    comes_to(&world, id, "failed at told").await;
    assert_eq!(attempts(&world, id).await, ["401", "401"]);
}

async fn an_endpoint_that_is_busy_is_asked_again(store: Store) {
    let (world, partner, _) = world(store).await;
    partner.answers(503, "", "{}");
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    comes_to(&world, id, "completed").await;
    assert_eq!(attempts(&world, id).await, ["oauth2", "200"]);
    assert_eq!((asked(&partner, "/orders"), asked(&partner, "/token")), (1, 2));
}

async fn an_endpoint_that_refuses_is_not(store: Store) {
    let (world, partner, _) = world(store).await;
    partner.answers(400, "", r#"{"error":"invalid_client"}"#);
    let id = world.hit("asked", json!({ "id": 1 })).await.transaction();
    comes_to(&world, id, "failed at told").await;
    assert_eq!(attempts(&world, id).await, ["oauth2"]);
    assert!(world.error(id).await.contains("invalid_client"), "{}", world.error(id).await);
    assert_eq!((asked(&partner, "/orders"), asked(&partner, "/token")), (0, 1));
}
