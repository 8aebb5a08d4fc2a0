//! What a webhook does not take: a body that does not fit its schema, more than its rate (contract,
//! section 3, the order of the checks).

use std::time::Instant;

use holdfast_tests::{Call, Home, Store, both_stores, eventually};
use serde_json::json;

both_stores![a_body_must_fit_the_schema, a_webhook_takes_no_more_than_its_rate, an_account_takes_no_more_than_its_rate,];

const CYCLES: &str = r#"
cycle: shop
steps:
  placed:
    webhook:
      schema:
        type: object
        required: [id]
        properties:
          id: { type: integer, minimum: 1 }
          lines: { type: array, items: { type: object, required: [sku] } }
---
cycle: busy
steps:
  asked:
    webhook:
      rate: { hits: 3, per: 1m }
---
cycle: idle
steps:
  asked:
    webhook:
"#;

async fn a_body_must_fit_the_schema(store: Store) {
    let home = Home::new(store, CYCLES).await;
    let node = home.dev().await;
    node.hit("shop/placed", json!({ "id": 1, "lines": [{ "sku": "a" }] })).await.expect(200);
    let body = json!({ "id": "canary", "lines": [{ "sku": "a" }, {}] });
    let refused = node.hit("shop/placed", body).await.expect(422);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let problem = refused.json();
    assert_eq!(problem["errors"][0]["pointer"], "/id");
    assert_eq!(problem["errors"][1]["pointer"], "/lines/1");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.starts_with("/id: ")), "{problem}");
    assert!(!problem.to_string().contains("canary"), "{problem}");
    let empty = node.send(Call::new("POST", &node.hook("shop", "placed").await)).await.expect("an answer");
    assert_eq!(empty.expect(422).json()["errors"][0]["pointer"], "");
    node.send(Call::new("POST", &node.hook("shop", "placed").await).body("application/json", "{"))
        .await
        .expect("an answer")
        .expect(400);
    let hits = node.api("/hits").await;
    assert_eq!(hits["data"].as_array().map(Vec::len), Some(1), "what is refused is no hit: {hits}");
    // A key of a refused delivery is free: only accepted ones claim theirs.
    let call = |body: serde_json::Value| async {
        let call = Call::new("POST", &node.hook("shop", "placed").await).json(body);
        node.send(call.header("idempotency-key", "k")).await.expect("an answer")
    };
    call(json!({})).await.expect(422);
    call(json!({ "id": 2 })).await.expect(200);
}

async fn a_webhook_takes_no_more_than_its_rate(store: Store) {
    let home = Home::new(store, CYCLES).await;
    let node = home.dev().await;
    let began = Instant::now();
    let mut taken = 0;
    let refused = loop {
        let answer = node.hit("busy/asked", "{}").await;
        match answer.status {
            200 => taken += 1,
            _ => break answer.expect(429),
        }
    };
    // One more each 20 s.
    assert_eq!(taken, 3 + began.elapsed().as_secs() / 20);
    let wait: u64 = refused.header("retry-after").and_then(|wait| wait.parse().ok()).expect("a Retry-After");
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(refused.json()["limit"], json!("hits of the webhook"), "{}", refused.text());
    node.hit("idle/asked", "{}").await.expect(200);
    let found = node.send(Call::new("GET", &node.hook("busy", "asked").await)).await.expect("an answer");
    assert_eq!(found.expect(200).text(), "Webhook found.");
}

async fn an_account_takes_no_more_than_its_rate(store: Store) {
    let home = Home::new(store, CYCLES).await;
    let mut node = home.dev().await;
    node.kill().await;
    node.restart_with(&[("HOLDFAST_ACCOUNT_HITS", "2")]).await;
    // Whichever webhook they come to.
    let (mut taken, mut refused) = (0, None);
    let began = Instant::now();
    while refused.is_none() {
        for webhook in ["busy/asked", "idle/asked"] {
            let answer = node.hit(webhook, "{}").await;
            match (answer.status, &answer.json_or_null()["limit"]) {
                (200, _) => taken += 1,
                (429, limit) if limit == "hits a second of the account" => refused = Some(answer),
                _ => {}
            }
        }
    }
    assert!(taken <= 2 + 2 * (began.elapsed().as_secs() + 1), "{taken} in {:?}", began.elapsed());
    let refused = refused.expect("one is");
    assert_eq!((refused.header("retry-after"), &refused.json()["max"]), (Some("1"), &json!(2)));
    let metrics = node.get("/metrics").await.text();
    assert!(metrics.contains("hits a second of the account"), "{metrics}");
    eventually("a second later it takes more", async || {
        (node.hit("idle/asked", "{}").await.status == 200).then_some(())
    })
    .await;
}
