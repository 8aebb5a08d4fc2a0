//! Webhooks that Holdfast sends (contract, section 12).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use holdfast_engine::{EndpointGiven, Engine, Error, Limits, MasterKeys, Options, egress::Network};
use holdfast_tests::{Asked, Home, Node, Partner, Store, StoreHome, both_stores};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

both_stores![
    an_endpoint_is_validated_before_it_is_told,
    what_happens_is_told_once_and_signed,
    an_event_is_told_to_whoever_asked_for_it,
    the_usual_schedule_to_the_second,
    the_profile_cycle_takes_only_200,
    an_endpoint_says_when_to_come_again,
    gone_disables_and_the_others_are_told,
    failing_for_an_hour_disables,
    failing_for_five_days_disables,
    what_was_missed_is_sent_again,
    both_secrets_sign_while_one_takes_over,
    a_hold_that_runs_out_is_told_before_and_after,
    a_loop_ends_after_five,
    a_loop_through_a_call_ends_too,
    secrets_are_sealed_anew_with_another_master_key,
    what_is_wrong_is_said,
    the_command_line_does_it_all,
    the_way_out_has_one_guard,
];

const ORDER: &str = "
cycle: order
retention: 31d
steps:
  placed: { webhook: , next: late }
  late: { notify: { event: order.late, data: { order: \"${$.placed.body.id}\" } }, next: status }
  status:
    webhook: { early: 0s, mapping: [{ hit: $.body.id, transaction: $.placed.body.id }] }
    next: which
  which:
    decision:
      - when: { value: $.status.body.bad, equals: true }
        next: broken
      - else: end
  broken: { fail: it is broken }
";

async fn started(store: Store) -> (Home, Node, Partner) {
    let home = Home::new(store, ORDER).await;
    let node = home.dev().await;
    (home, node, Partner::start().await)
}

async fn made(node: &Node, body: Value) -> Value {
    node.post("/api/v1/endpoints", body).await.expect(201).json()
}

async fn shown(node: &Node, endpoint: &Value) -> Value {
    node.api(&format!("/endpoints/{}", id(endpoint))).await
}

async fn deliveries(node: &Node, endpoint: &Value) -> Vec<Value> {
    let list = node.api(&format!("/endpoints/{}/deliveries?limit=1000", id(endpoint))).await;
    list["data"].as_array().expect("a list").clone()
}

fn id(endpoint: &Value) -> &str {
    endpoint["id"].as_str().expect("an id")
}

async fn posted(node: &Node, endpoint: &Value, verb: &str, body: Value) -> Value {
    node.post(&format!("/api/v1/endpoints/{}/{verb}", id(endpoint)), body).await.expect(200).json()
}

/// Everything that is due has been delivered: the clock is moved by nothing.
async fn settled(node: &Node) {
    node.advance("0s").await;
}

fn kind(asked: &Asked) -> String {
    let body: Value = serde_json::from_str(&asked.body).expect("JSON");
    body["type"].as_str().or(body["event"].as_str()).unwrap_or_default().to_owned()
}

/// The types of what came after the validations.
fn told(partner: &Partner) -> Vec<String> {
    let all = partner.asked();
    all.iter().map(kind).filter(|kind| kind != "Webhook Validate").collect()
}

async fn an_endpoint_is_validated_before_it_is_told(store: Store) {
    let (_home, node, partner) = started(store).await;
    partner.answers(404, "", "");
    let endpoint = made(&node, json!({ "url": format!("{}/in", partner.url()) })).await;
    assert_eq!(endpoint["state"], "pending");
    assert_eq!(endpoint["reason"], "the validation was answered with 404");
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    settled(&node).await;
    assert_eq!(partner.asked().len(), 1, "a pending endpoint is told nothing");
    assert_eq!(
        deliveries(&node, &endpoint).await,
        [json!(null); 0],
        "and nothing is kept for one that never was active"
    );

    assert_eq!(posted(&node, &endpoint, "validate", json!({})).await["state"], "active");
    node.hit("order/placed", json!({ "id": 2 })).await.expect(200);
    settled(&node).await;
    let mut kinds = told(&partner);
    kinds.sort_unstable();
    assert_eq!(kinds, ["order.late", "transaction.held", "transaction.started"]);

    // Another URL: pending, and what happens meanwhile is kept.
    let elsewhere = Partner::start().await;
    elsewhere.answers(500, "", "");
    let path = format!("/api/v1/endpoints/{}", id(&endpoint));
    let moved = node.send(node.call("PATCH", &path).json(json!({ "url": elsewhere.url() }))).await.expect("an answer");
    assert_eq!(moved.expect(200).json()["state"], "pending");
    node.hit("order/placed", json!({ "id": 3 })).await.expect(200);
    settled(&node).await;
    assert_eq!((told(&partner).len(), told(&elsewhere).len()), (3, 0));
    let missed = node.api(&format!("/endpoints/{}/deliveries?missed=true", id(&endpoint))).await;
    assert_eq!(missed["data"].as_array().map(Vec::len), Some(3));
    assert_eq!(posted(&node, &endpoint, "validate", json!({})).await["state"], "active");
    assert_eq!(posted(&node, &endpoint, "resend", json!({ "missed": true })).await, json!({ "resent": 3 }));
    settled(&node).await;
    assert_eq!(told(&elsewhere).len(), 3);
}

async fn what_happens_is_told_once_and_signed(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = made(&node, json!({ "url": partner.url() })).await;
    let secret = endpoint["secret"].as_str().expect("its secret, once").to_owned();
    assert!(shown(&node, &endpoint).await.get("secret").is_none());
    let first = node.hit("order/placed", json!({ "id": "A-1" })).await.expect(200);
    node.hit("order/status", json!({ "id": "A-1", "bad": true })).await.expect(200);
    node.hit("order/status", json!({ "id": "B-1" })).await.expect(200);
    settled(&node).await;
    let mut kinds = told(&partner);
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "hit.unmatched",
            "order.late",
            "step.failed",
            "transaction.failed",
            "transaction.held",
            "transaction.resumed",
            "transaction.started",
        ]
    );
    let all = partner.asked();
    let body = |name: &str| -> Value {
        let asked = all.iter().find(|asked| kind(asked) == name).unwrap_or_else(|| panic!("no {name}"));
        serde_json::from_str(&asked.body).expect("JSON")
    };
    let failed = body("transaction.failed");
    let data = &failed["data"];
    assert_eq!(
        (&data["cycle"], &data["step"], &data["account"]),
        (&json!("order"), &json!("broken"), &json!("default"))
    );
    assert_eq!(data["transaction"].as_str(), Some(first.transaction().as_str()));
    assert_eq!(data["error"], json!({ "kind": "fail", "message": "it is broken" }));
    assert!(failed["timestamp"].as_str().is_some_and(|at| at.ends_with('Z')), "{failed}");
    assert_eq!(body("order.late")["data"]["data"], json!({ "order": "A-1" }));
    assert_eq!(body("hit.unmatched")["data"]["reason"], "no transaction waits for this key");
    for asked in &all {
        assert!(crate::signed::standard(asked, &secret), "{asked:?}");
        assert!(!asked.body.contains(&secret) && asked.header("holdfast-hops") == "1");
    }
    let mut ids: Vec<_> = all.iter().map(|asked| asked.header("webhook-id").to_owned()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all.len(), "each has its own id");
    assert!(deliveries(&node, &endpoint).await.iter().all(|one| one["status"] == "delivered"));
    assert!(!node.log().contains(&secret));
    let listed = node.get("/api/v1/endpoints").await.text();
    assert!(!listed.contains(&secret) && listed.contains(id(&endpoint)));
}

async fn an_event_is_told_to_whoever_asked_for_it(store: Store) {
    let (_home, node, partner) = started(store).await;
    node.deploy("cycle: other\nsteps:\n  one: { webhook: }\n").await;
    let some = made(
        &node,
        json!({ "url": format!("{}/some", partner.url()), "events": ["transaction.completed", "order.late"] }),
    )
    .await;
    let other = made(&node, json!({ "url": format!("{}/other", partner.url()), "cycle": "other" })).await;
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    node.hit("other/one", json!({})).await.expect(200);
    settled(&node).await;
    let at = |path: &str| -> Vec<String> {
        let all = partner.asked();
        let mut kinds: Vec<_> = all.iter().filter(|asked| asked.line == format!("POST {path}")).map(kind).collect();
        kinds.retain(|kind| kind != "Webhook Validate");
        kinds.sort_unstable();
        kinds
    };
    assert_eq!(at("/some"), ["order.late", "transaction.completed"]);
    assert_eq!(at("/other"), ["transaction.completed", "transaction.started"]);
    // Both were told of the same completion: one message.
    let of =
        |all: Vec<Value>| all.iter().find(|one| one["event"] == "transaction.completed").expect("told")["id"].clone();
    assert_eq!(of(deliveries(&node, &some).await), of(deliveries(&node, &other).await));

    node.post("/api/v1/cycles/other/stop", "{}").await.expect(200);
    // Two cycles of one deploy, each told of.
    node.deploy("cycle: other\nsteps:\n  one: { webhook: }\n  two: { webhook: }\n---\ncycle: third\nsteps:\n  one: { webhook: }\n").await;
    settled(&node).await;
    let seen = ["cycle.deployed", "cycle.started", "cycle.stopped", "transaction.completed", "transaction.started"];
    assert_eq!(at("/other"), seen);
}

/// (from, to) of the waits between the attempts of a delivery, in seconds.
fn waits(delivery: &Value) -> Vec<f64> {
    let attempts = delivery["attempts"].as_array().expect("a list");
    let at = |one: &Value| one["at"].as_str().expect("a time").parse::<DateTime<Utc>>().expect("a time");
    let between = |pair: &[Value]| (at(&pair[1]) - at(&pair[0])).num_microseconds().expect("in range") as f64 / 1e6;
    attempts.windows(2).map(between).collect()
}

async fn one_event(node: &Node, partner: &Partner, more: Value) -> Value {
    let mut body = json!({ "url": partner.url(), "events": ["transaction.started"] });
    body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    let endpoint = made(node, body).await;
    assert_eq!(endpoint["state"], "active", "{endpoint}");
    endpoint
}

async fn the_usual_schedule_to_the_second(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = one_event(&node, &partner, json!({})).await;
    // Another is told that this one is failing in no way: it is not disabled by ten attempts.
    partner.usually(|_| (500, "{}".to_owned()));
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    node.advance("4d").await;
    let all = deliveries(&node, &endpoint).await;
    let [delivery] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&delivery["status"], &delivery["due_at"]), (&json!("failed"), &Value::Null));
    let waits = waits(delivery);
    let usual = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400].map(f64::from);
    assert_eq!(waits.len(), usual.len(), "{waits:?}");
    for (wait, usual) in waits.iter().zip(usual) {
        assert!((usual * 0.8..=usual * 1.2).contains(wait), "{wait} for {usual}");
    }
    assert!(waits.iter().zip(usual).any(|(wait, usual)| (wait - usual).abs() > usual / 1_000.0), "they are spread");
    assert_eq!(partner.asked().len(), 11);
    let ids: std::collections::BTreeSet<_> =
        partner.asked()[1..].iter().map(|asked| asked.header("webhook-id").to_owned()).collect();
    assert_eq!(ids.len(), 1, "every attempt has the message's id");
    assert_eq!(shown(&node, &endpoint).await["state"], "active");

    // An own list is kept to exactly.
    let own = one_event_answered(&node, &partner, json!({ "schedule": ["1s", "1m30s"] })).await;
    node.hit("order/placed", json!({ "id": 2 })).await.expect(200);
    node.advance("5m").await;
    let all = deliveries(&node, &own).await;
    assert_eq!((self::waits(&all[0]), &all[0]["status"]), (vec![1.0, 90.0], &json!("failed")));
}

/// As [`one_event`], where the partner fails all else.
async fn one_event_answered(node: &Node, partner: &Partner, more: Value) -> Value {
    partner.answers(200, "", "");
    one_event(node, partner, more).await
}

async fn the_profile_cycle_takes_only_200(store: Store) {
    let (_home, node, partner) = started(store).await;
    partner.answers(201, "", "");
    let given = json!({ "url": partner.url(), "profile": "cycle", "ids": { "productId": "p-7" }, "events": ["transaction.started"] });
    let endpoint = made(&node, given).await;
    assert_eq!(endpoint["reason"], "the validation was answered with 201");
    posted(&node, &endpoint, "validate", json!({})).await;
    partner.usually(|_| (201, "{}".to_owned()));
    let hit = node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    node.advance("1h").await;
    let all = deliveries(&node, &endpoint).await;
    assert_eq!(waits(&all[0]), [300.0, 600.0, 1_200.0]);
    assert_eq!(all[0]["status"], "failed");
    let asked = partner.asked().pop().expect("it was asked");
    let body: Value = serde_json::from_str(&asked.body).expect("JSON");
    let flat = json!({
        "type": "transaction.started", "id": all[0]["id"], "accountId": "default", "cycleId": "order",
        "stepId": "placed", "transactionId": hit.transaction(), "hitId": hit.hit(), "productId": "p-7",
    });
    assert_eq!(body, flat);
    let secret = endpoint["secret"].as_str().expect("a secret");
    assert_eq!(asked.header("cycle-signature"), crate::signed::hmac(secret.as_bytes(), asked.body.as_bytes()));
}

async fn an_endpoint_says_when_to_come_again(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = one_event(&node, &partner, json!({})).await;
    partner.answers(503, "retry-after: 900\r\n", "");
    partner.answers(302, "location: /elsewhere\r\n", "");
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    node.advance("1h").await;
    let all = deliveries(&node, &endpoint).await;
    let waits = waits(&all[0]);
    assert_eq!((waits.len(), waits[0]), (2, 900.0), "a redirect is no success, and not followed");
    assert_eq!(all[0]["attempts"][1]["status"], 302);
    assert_eq!(all[0]["status"], "delivered");
    assert!(partner.asked().iter().all(|asked| asked.line == "POST /"));
}

async fn gone_disables_and_the_others_are_told(store: Store) {
    let (_home, node, partner) = started(store).await;
    let other = Partner::start().await;
    let endpoint = one_event(&node, &partner, json!({})).await;
    made(&node, json!({ "url": other.url(), "events": ["endpoint.disabled"], "cycle": "order" })).await;
    partner.answers(410, "", "");
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    settled(&node).await;
    let gone = shown(&node, &endpoint).await;
    assert_eq!((&gone["state"], &gone["reason"]), (&json!("disabled"), &json!("it answered 410 Gone")));
    let body: Value = serde_json::from_str(&other.asked()[1].body).expect("JSON");
    assert_eq!(body["type"], "endpoint.disabled");
    assert_eq!((&body["data"]["endpoint"], &body["data"]["reason"]), (&gone["id"], &gone["reason"]));
    node.hit("order/placed", json!({ "id": 2 })).await.expect(200);
    node.advance("30d").await;
    assert_eq!(partner.asked().len(), 2, "it is left alone");
    let statuses: Vec<_> = deliveries(&node, &endpoint).await.iter().map(|one| one["status"].clone()).collect();
    assert_eq!(statuses, ["missed", "missed"]);
}

async fn failing_for_an_hour_disables(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = one_event(&node, &partner, json!({ "schedule": ["1h"] })).await;
    // 6 of 19, and then 14 of 20: 70 %.
    for n in 0..6 {
        partner.answers(200, "", "");
        node.hit("order/placed", json!({ "id": n })).await.expect(200);
        settled(&node).await;
    }
    partner.usually(|_| (500, "{}".to_owned()));
    for n in 0..13 {
        node.hit("order/placed", json!({ "id": n })).await.expect(200);
        settled(&node).await;
    }
    assert_eq!(shown(&node, &endpoint).await["state"], "active", "13 of 19");
    node.hit("order/placed", json!({ "id": 20 })).await.expect(200);
    settled(&node).await;
    let disabled = shown(&node, &endpoint).await;
    assert_eq!(disabled["reason"], "14 of 20 deliveries within an hour failed");
    assert_eq!(disabled["state"], "disabled");
}

async fn failing_for_five_days_disables(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = one_event(&node, &partner, json!({ "schedule": ["1h"] })).await;
    partner.usually(|_| (500, "{}".to_owned()));
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    node.advance("119h59m").await;
    node.hit("order/placed", json!({ "id": 2 })).await.expect(200);
    settled(&node).await;
    assert_eq!(shown(&node, &endpoint).await["state"], "active");
    node.advance("1m").await;
    node.hit("order/placed", json!({ "id": 3 })).await.expect(200);
    settled(&node).await;
    let disabled = shown(&node, &endpoint).await;
    assert_eq!(disabled["reason"], "5 days went by without a successful delivery");

    // A success in between begins the count anew.
    partner.usually(|_| (200, "{}".to_owned()));
    assert_eq!(posted(&node, &endpoint, "enable", json!({})).await["state"], "active");
    node.hit("order/placed", json!({ "id": 4 })).await.expect(200);
    settled(&node).await;
    let enabled = shown(&node, &endpoint).await;
    assert!(enabled["failing_since"].is_null() && !enabled["last_success_at"].is_null(), "{enabled}");
}

async fn what_was_missed_is_sent_again(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = one_event(&node, &partner, json!({ "schedule": ["1s"] })).await;
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    settled(&node).await;
    node.advance("1h").await;
    let since = node.api("/clock").await["now"].clone();
    partner.usually(|_| (500, "{}".to_owned()));
    node.hit("order/placed", json!({ "id": 2 })).await.expect(200);
    node.advance("1m").await;
    partner.usually(|_| (200, "{}".to_owned()));
    let all = deliveries(&node, &endpoint).await;
    assert_eq!((&all[0]["status"], &all[1]["status"]), (&json!("failed"), &json!("delivered")));
    let before = partner.asked().len();

    // One, all since a time, what was missed: and the very bytes of the first time.
    let one = posted(&node, &endpoint, "resend", json!({ "message": all[1]["id"] })).await;
    assert_eq!(one["resent"], 1);
    settled(&node).await;
    let again = partner.asked().pop().expect("sent");
    assert_eq!(again.header("webhook-id"), all[1]["id"].as_str().expect("an id"));
    assert_eq!(again.body, partner.asked()[1].body);
    assert_eq!(posted(&node, &endpoint, "resend", json!({ "since": since })).await["resent"], 1);
    settled(&node).await;
    assert_eq!(posted(&node, &endpoint, "resend", json!({ "missed": true })).await["resent"], 0, "it was delivered");
    assert_eq!(partner.asked().len(), before + 2);

    // Nothing is kept past the 31 days.
    node.advance("31d").await;
    assert_eq!(deliveries(&node, &endpoint).await.len(), 0);
    let path = format!("/api/v1/endpoints/{}/resend", id(&endpoint));
    node.post(&path, json!({ "message": all[1]["id"] })).await.expect(404);
    node.post(&path, json!({ "message": all[1]["id"], "missed": true })).await.expect(400);
}

async fn both_secrets_sign_while_one_takes_over(store: Store) {
    let (_home, node, partner) = started(store).await;
    let endpoint = one_event(&node, &partner, json!({})).await;
    let github = one_event(&node, &partner, json!({ "profile": "github" })).await;
    let secret = |endpoint: &Value| endpoint["secret"].as_str().expect("a secret").to_owned();
    let new = secret(&posted(&node, &endpoint, "rotate", json!({ "overlap": "1h" })).await);
    let new_github = secret(&posted(&node, &github, "rotate", json!({ "overlap": "1h" })).await);
    let sent = async || {
        let before = partner.asked().len();
        node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
        settled(&node).await;
        let asked = partner.asked().split_off(before);
        let of = |header: &str| asked.iter().find(|one| !one.header(header).is_empty()).expect("both").clone();
        (of("webhook-signature"), of("x-hub-signature-256"))
    };
    let (standard, hub) = sent().await;
    assert!(crate::signed::standard(&standard, &secret(&endpoint)) && crate::signed::standard(&standard, &new));
    let sign = |secret: &str, asked: &Asked| {
        format!("sha256={}", crate::signed::hmac(secret.as_bytes(), asked.body.as_bytes()))
    };
    assert_eq!(hub.header("x-hub-signature-256"), sign(&secret(&github), &hub));
    assert_eq!(hub.header("x-hub-signature-256-next"), sign(&new_github, &hub));
    node.advance("1h").await;
    let (standard, hub) = sent().await;
    assert!(!crate::signed::standard(&standard, &secret(&endpoint)) && crate::signed::standard(&standard, &new));
    assert_eq!(hub.header("x-hub-signature-256"), sign(&new_github, &hub));
    assert_eq!(hub.header("x-hub-signature-256-next"), "");
}

async fn a_hold_that_runs_out_is_told_before_and_after(store: Store) {
    let (_home, node, partner) = started(store).await;
    let given = json!({ "url": partner.url(), "events": ["hold.expiring", "transaction.expired"] });
    made(&node, given).await;
    let short = ORDER.replace("cycle: order", "cycle: short").replace("retention: 31d", "retention: 1h");
    node.deploy(&short).await;
    let mut held = Vec::new();
    for cycle in ["order", "short"] {
        held.push(node.hit(&format!("{cycle}/placed"), json!({ "id": 1 })).await.expect(200).transaction());
        // One that does not wait any more is not told of.
        node.hit(&format!("{cycle}/placed"), json!({ "id": 2 })).await.expect(200);
        node.hit(&format!("{cycle}/status"), json!({ "id": 2 })).await.expect(200);
    }
    node.advance("53m59s").await;
    assert_eq!(told(&partner).len(), 0);
    node.advance("1s").await;
    assert_eq!(told(&partner), ["hold.expiring"], "a tenth of an hour is left");
    node.advance("6m").await;
    assert_eq!(told(&partner), ["hold.expiring", "transaction.expired"]);
    node.advance("29d22h59m59s").await;
    assert_eq!(told(&partner).len(), 2);
    node.advance("1h1s").await;
    assert_eq!(told(&partner).len(), 3, "24 hours are left");
    node.advance("1d").await;
    let all = partner.asked();
    assert_eq!(told(&partner)[2..], ["hold.expiring", "transaction.expired"]);
    for (at, transaction) in [(1, &held[1]), (2, &held[1]), (3, &held[0]), (4, &held[0])] {
        let body: Value = serde_json::from_str(&all[at].body).expect("JSON");
        assert_eq!(body["data"]["transaction"].as_str(), Some(transaction.as_str()));
        assert_eq!(body["data"]["step"], "status");
        assert!(body["data"]["expires_at"].is_string());
    }
}

async fn a_loop_ends_after_five(store: Store) {
    let home = Home::new(store, "cycle: echo\nsteps:\n  heard: { webhook: }\n").await;
    let node = home.dev().await;
    let hook = node.hook("echo", "heard").await;
    let url = format!("http://{}{hook}", node.address);
    let endpoint = made(&node, json!({ "url": url, "events": ["transaction.started"] })).await;
    assert_eq!(endpoint["state"], "active");
    // The validation was a hit as well: it started a loop of its own, which ends too.
    settled(&node).await;
    let before = deliveries(&node, &endpoint).await.len();
    node.hit("echo/heard", json!({})).await.expect(200);
    settled(&node).await;
    let all = deliveries(&node, &endpoint).await;
    let mine = &all[..all.len() - before];
    assert_eq!(mine.len(), 6);
    assert!(mine[1..].iter().all(|one| one["status"] == "delivered"), "{mine:?}");
    assert_eq!(mine[0]["status"], "failed");
    let error = mine[0]["attempts"][0]["error"].as_str().expect("a reason");
    assert!(error.contains("an endpoint points back at a webhook of ours"), "{error}");
    assert_eq!(shown(&node, &endpoint).await["failing_since"], Value::Null, "it is not the endpoint's failure");
}

async fn a_loop_through_a_call_ends_too(store: Store) {
    let relay = "cycle: relay\nsteps:\n  heard: { webhook: , next: call }\n  call: { http: { method: POST, url: URL, body: {} } }\n";
    let home = Home::new(store, "cycle: echo\nsteps:\n  heard: { webhook: }\n").await;
    let node = home.dev().await;
    let url = async |cycle: &str| format!("http://{}{}", node.address, node.hook(cycle, "heard").await);
    node.deploy(&relay.replace("URL", &url("echo").await)).await;
    let given = json!({ "url": url("relay").await, "cycle": "echo", "events": ["transaction.completed"] });
    let endpoint = made(&node, given).await;
    assert_eq!(endpoint["state"], "active");
    settled(&node).await;
    let before = deliveries(&node, &endpoint).await.len();
    node.hit("echo/heard", json!({})).await.expect(200);
    settled(&node).await;
    // The call's own answer may come after what it led to.
    holdfast_tests::eventually("it ends", async || {
        settled(&node).await;
        let all = deliveries(&node, &endpoint).await;
        (all.len() == before + 6 && all.iter().all(|one| one["status"] != "pending")).then_some(())
    })
    .await;
    assert_eq!(deliveries(&node, &endpoint).await[0]["status"], "failed");
}

async fn opened(home: &StoreHome, keys: &[&str]) -> Result<Engine, Error> {
    let options = Options {
        database: home.database(),
        manual_clock: true,
        node: "test".into(),
        limits: Limits::default(),
        master_keys: MasterKeys::parse(&keys.join("\n")).expect("keys"),
        egress: Network::loopback().to_vec().into(),
        environment: BTreeMap::new(),
        script_worker: None,
    };
    Engine::open(options).await
}

async fn secrets_are_sealed_anew_with_another_master_key(store: Store) {
    let (home, partner) = (StoreHome::new(store).await, Partner::start().await);
    let (old, new) = (MasterKeys::generate(), MasterKeys::generate());
    let engine = opened(&home, &[&old]).await.expect("it opens");
    let given = EndpointGiven { url: Some(partner.url()), ..EndpointGiven::default() };
    let (endpoint, secret) = engine.create_endpoint("default", given, None).await.expect("made");
    engine.close().await;
    let refused = opened(&home, &[&new]).await.map(|_| ()).expect_err("it is sealed with another").to_string();
    assert!(
        refused.contains(&format!("endpoint/{}", endpoint.id)) && refused.contains("--master-key-file"),
        "{refused}"
    );

    let engine = opened(&home, &[&new, &old]).await.expect("both open");
    assert_eq!(engine.reseal().await.expect("resealed"), 1);
    engine.close().await;
    let engine = opened(&home, &[&new]).await.expect("it opens");
    engine.validate_endpoint("default", endpoint.id).await.expect("validated");
    let asked = partner.asked().pop().expect("it was asked");
    assert!(crate::signed::standard(&asked, secret.expose_secret()), "with the same secret");
    engine.close().await;
}

async fn what_is_wrong_is_said(store: Store) {
    let (_home, node, partner) = started(store).await;
    let url = partner.url();
    for (given, said) in [
        (json!({ "url": "ftp://a.example" }), "https://"),
        (json!({ "url": "https://a:b@a.example" }), "credentials"),
        (json!({ "url": url, "cycle": "nope" }), "no cycle nope"),
        (json!({ "url": url, "events": ["transaction.ended"] }), "transaction.completed"),
        (json!({ "url": url, "events": [] }), "1 to 100"),
        (json!({ "url": url, "profile": "svix" }), "standard, cycle, casesolved"),
        (json!({ "url": url, "ids": { "productId": "1" } }), "profile: cycle"),
        (json!({ "url": url, "schedule": ["soon"] }), "soon is no duration"),
        (json!({ "url": url, "schedule": ["10ms"] }), "1s to 31d"),
        (json!({ "url": url, "secret": "whsec_c2hvcnQ=" }), "24 to 64 bytes"),
        (json!({ "url": url, "profile": "github", "secret": "short" }), "16 to 256"),
        (json!({ "url": url, "colour": "blue" }), "colour"),
    ] {
        let refused = node.post("/api/v1/endpoints", given.clone()).await.expect(400).json();
        let detail = refused["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(said) && !detail.contains("c2hvcnQ"), "{given}: {detail}");
    }
    assert_eq!(partner.asked().len(), 0);
    node.get("/api/v1/endpoints/7d3f0c52-54a1-4a0e-9f7f-2b1f8f1d6c3e").await.expect(404);
    let path = "/api/v1/endpoints/7d3f0c52-54a1-4a0e-9f7f-2b1f8f1d6c3e/rotate";
    node.post(path, json!({})).await.expect(404);
}

async fn the_command_line_does_it_all(store: Store) {
    let (_home, node, partner) = started(store).await;
    let run = async |arguments: &[&str]| {
        let mut all = vec!["endpoints"];
        all.extend(arguments);
        let output = node.command(&all).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let made = run(&["create", &partner.url(), "--event", "transaction.started", "--json"]).await;
    let endpoint: Value = serde_json::from_str(&made).expect("JSON");
    let id = id(&endpoint);
    assert!(run(&["validate", id]).await.contains("is active"));
    node.hit("order/placed", json!({ "id": 1 })).await.expect(200);
    settled(&node).await;
    assert!(run(&["deliveries", id]).await.contains("delivered"));
    let since = run(&["resend", id, "--since", "2020-01-01T00:00:00Z"]).await;
    assert_eq!(since.trim(), "1 deliveries are sent again");
    assert!(run(&["rotate", id]).await.starts_with("whsec_"));
    assert!(run(&["set", id, "--event", "transaction.failed"]).await.contains("is active"));
    assert_eq!(shown(&node, &endpoint).await["events"], json!(["transaction.failed"]));
    assert!(run(&[]).await.contains(id));
    run(&["delete", id]).await;
    assert!(!run(&["list"]).await.contains(id));
}

/// `dev` opens loopback; private addresses stay shut.
async fn the_way_out_has_one_guard(store: Store) {
    let (_home, node, _partner) = started(store).await;
    let endpoint = made(&node, json!({ "url": "http://10.0.0.1/in" })).await;
    assert_eq!(endpoint["state"], "pending");
    let reason = endpoint["reason"].as_str().expect("a reason");
    assert!(reason.starts_with("the validation was not answered: ") && reason.contains("10.0.0.1"), "{reason}");
}
