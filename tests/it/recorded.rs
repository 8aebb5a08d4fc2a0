//! `holdfast test --record` and `holdfast diff`: what really happened, played again.

use std::process::Output;

use holdfast_tests::{
    Call, Home, Mode, Node, Partner, Response, Store, binary, both_stores, eventually, example, payload,
};
use serde_json::{Value, json};

both_stores![
    examples_are_recorded_and_pass,
    a_caller_who_waited_is_recorded,
    what_is_masked_stands_nowhere_and_still_matches,
    what_proves_the_sender_is_left_out,
    answers_of_other_systems_are_recorded,
    expiry_reruns_and_cancelling_are_recorded,
    a_new_version_that_goes_another_way_is_told,
    a_call_that_was_never_made_is_not_guessed,
];

/// Records, and plays what was recorded beside its cycle.
async fn recorded(node: &Node, cycle: &str, transaction: &str, arguments: &[&str]) -> String {
    let output = node.command(&[&["test", "--record", transaction], arguments].concat()).await;
    let text = String::from_utf8(output.stdout.clone()).expect("a text");
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    let folder = tempfile::Builder::new().prefix("holdfast-recorded-").tempdir().expect("a folder");
    std::fs::write(folder.path().join("cycle.yaml"), cycle).expect("written");
    std::fs::write(folder.path().join("recorded.test.yaml"), &text).expect("written");
    let played = tokio::process::Command::new(binary()).arg("test").arg(folder.path()).output().await.expect("it runs");
    let said = String::from_utf8_lossy(&played.stdout).into_owned();
    assert!(played.status.success() && said.contains("1 scenario passed"), "{said}\n{text}");
    text
}

fn of(response: &Response) -> String {
    response.transaction()
}

async fn ended(node: &Node, transaction: &str, status: &str) -> Value {
    eventually(&format!("it is {status}"), async || {
        let shown = node.transaction(transaction).await;
        (shown["status"] == status).then_some(shown)
    })
    .await
}

async fn examples_are_recorded_and_pass(store: Store) {
    let names = ["approval", "payment", "deployment", "order-status", "lookup", "nightly-reminder", "xml-orders"];
    let home = Home::new(store, &names.map(example).join("\n---\n")).await;
    let node = home.dev().await;
    let asked = node.hit("approval/asked", json!({ "expense": 7, "amount": 120, "by": "ann" })).await;
    let early = json!({ "event": "evt_1", "order": "A-17", "state": "paid" });
    node.hit("payment/paid", early.clone()).await;
    let created = node.hit("deployment/created", payload("github/deployment.created")).await;
    let placed = node.hit("order-status/placed", json!({ "order_id": 99999999999999999999_u128.to_string() })).await;
    node.advance("9m").await;
    let checkout = node.hit("payment/checkout", json!({ "order": "A-17", "amount": 1999 })).await;
    node.hit("payment/paid", early).await;
    let opened = node.hit("nightly-reminder/opened", json!({ "task": 5, "owner": "ann", "lead": "bob" })).await;
    node.advance("30h").await;
    node.hit("approval/decided", json!({ "expense": 7, "verdict": "yes", "who": "bob" })).await;
    node.hit("deployment/status", payload("github/deployment_status.success")).await;
    for state in ["packed", "lost"] {
        node.advance("25h").await;
        let order = json!({ "order": { "id": 99999999999999999999_u128.to_string() }, "state": state });
        node.hit("order-status/status", order).await;
    }
    let found = node.hit("lookup/asked", json!({ "sku": "a-100" })).await;
    let hook = node.hook("xml-orders", "ordered").await;
    let order = "<order id=\"A-17\"><line sku=\"chair\">2</line><note>größer &amp; \"schöner\"</note></order>";
    let ordered =
        node.send(Call::new("POST", &hook).body("application/xml", order.to_owned())).await.expect("an answer");
    for (cycle, response, wanted) in [
        ("approval", &asked, "status: completed, steps: [asked, small, decided"),
        ("payment", &checkout, "status: completed"),
        ("deployment", &created, "released"),
        ("order-status", &placed, "steps: [placed, status, which, on_its_way, status, which, broken]"),
        ("lookup", &found, "expect: { status: 200, body: { sku: A-100, name: chair, price: 49.90 } }"),
        ("nightly-reminder", &opened, "event: task.overdue"),
        ("xml-orders", &ordered, "content_type: application/xml"),
    ] {
        let text = recorded(&node, &example(cycle), &of(response), &[]).await;
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
}

async fn a_caller_who_waited_is_recorded(store: Store) {
    let home = Home::new(store, &example("ask-and-wait")).await;
    let node = home.dev().await;
    let call = Call::new("POST", &node.hook("ask-and-wait", "asked").await).json(json!({ "job": "j1" }));
    let waiting = tokio::spawn(call.send(node.address));
    eventually("it is held", async || {
        let listed = node.api("/transactions?status=held").await;
        listed["data"].as_array().is_some_and(|data| !data.is_empty()).then_some(())
    })
    .await;
    node.hit("ask-and-wait/done", json!({ "job": "j1", "text": "Guten Tag" })).await;
    let answered = waiting.await.expect("no panic").expect("an answer").expect(200);
    let text = recorded(&node, &example("ask-and-wait"), &of(&answered), &[]).await;
    assert!(text.contains("expect: { status: 200, body: { job: j1, text: Guten Tag } }"), "{text}");
}

const CARDS: &str = "
cycle: cards
steps:
  used:
    webhook:
    next: checked
  checked:
    webhook:
      mapping: [{ hit: $.query.card, transaction: $.used.body.card }, { hit: $.body.pin, transaction: $.used.body.pin }]
    next: told
  told:
    respond: { body: { text: \"${$.used.body.card} of ${$.used.body.name}\" } }
";

async fn what_is_masked_stands_nowhere_and_still_matches(store: Store) {
    let home = Home::new(store, CARDS).await;
    let node = home.dev().await;
    let used = json!({ "card": "4111 1111 & 1", "pin": 1234, "name": "Ann", "list": ["Ann", 7] });
    let used = node.hit("cards/used", used).await;
    let hook = format!("{}?card=4111+1111+%26+1", node.hook("cards", "checked").await);
    let call = Call::new("POST", &hook).header("x-name", "Ann").json(json!({ "pin": "1234" }));
    node.send(call).await.expect("an answer").expect(200);
    let masks = ["--mask", "$.body.card", "--mask", "$.body['pin','name']"];
    let text = recorded(&node, CARDS, &of(&used), &masks).await;
    for gone in ["4111", "1234", "Ann"] {
        assert!(!text.replace(&of(&used), "").contains(gone), "{gone} in {text}");
    }
    assert!(text.contains("masked-1") && text.contains("9000000"), "{text}");
    let refused = node.command(&["test", "--record", &of(&used), "--mask", "body.card"]).await;
    assert_eq!(refused.status.code(), Some(2));
}

const GUARDED: &str = "
cycle: guarded
steps:
  told:
    webhook:
      verify: { any: [{ preset: header, header: x-token, secret: \"${secrets.TOKEN}\" }] }
    next: which
  which:
    decision:
      - { when: { value: \"$.told.headers['x-kind']\", equals: good }, next: kept }
      - else: end
  kept:
    set: 1
";

async fn what_proves_the_sender_is_left_out(store: Store) {
    let (_home, node) = Home::with_secrets(store, Mode::DevManual, &[("TOKEN", "canary-token")], GUARDED).await;
    let call = Call::new("POST", &node.hook("guarded", "told").await).header("x-token", "canary-token");
    let call = call.header("authorization", "Bearer canary-key").header("cookie", "id=canary-cookie");
    let told = node.send(call.header("x-kind", "good").json(json!({ "a": 1 }))).await.expect("an answer").expect(200);
    let text = recorded(&node, GUARDED, &of(&told), &[]).await;
    assert!(text.contains("x-kind: good") && text.contains("kept"), "{text}");
    for gone in ["canary", "x-token", "authorization", "cookie", "***", "host"] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
}

fn calling(partner: &Partner) -> String {
    format!(
        "
cycle: calling
steps:
  placed:
    webhook:
    next: ask
  ask:
    http:
      method: POST
      url: {url}/parcels/${{$.placed.body.order}}?fast=yes
      body: {{ order: \"${{$.placed.body.order}}\", at: \"${{$.placed.received_at}}\" }}
      retry: {{ attempts: 2, backoff: 1s }}
    next: lines
  lines:
    each:
      in: $.placed.body.lines
      steps:
        book:
          http: {{ method: POST, url: {url}/lines, type: form, body: {{ sku: \"${{$.lines.item}}\" }} }}
      result: \"${{$.book.body.booking}}\"
    next: told
  told:
    notify: {{ event: parcel.made, data: {{ parcel: \"${{$.ask.body.parcel}}\", lines: \"${{$.lines}}\" }} }}
    next: gone
  gone:
    webhook:
      mapping: [{{ hit: $.body.parcel, transaction: $.ask.body.parcel }}]
",
        url = partner.url()
    )
}

async fn answers_of_other_systems_are_recorded(store: Store) {
    let partner = Partner::start().await;
    let cycle = calling(&partner);
    partner.answers(503, "", "later");
    let json_head = "content-type: application/json\r\n";
    partner.answers(200, json_head, r#"{"parcel":12345678901234567890}"#);
    partner.answers(200, json_head, r#"{"booking":"b1"}"#);
    partner.answers(200, json_head, r#"{"booking":"b2"}"#);
    let home = Home::new(store, &cycle).await;
    let node = home.dev().await;
    let placed = node.hit("calling/placed", json!({ "order": 7, "lines": ["chair", "table"] })).await;
    eventually("it was asked", async || (!partner.asked().is_empty()).then_some(())).await;
    eventually("it is tried again", async || {
        node.advance("2s").await;
        (node.transaction(&of(&placed)).await["status"] == "held").then_some(())
    })
    .await;
    node.hit("calling/gone", json!({ "parcel": "12345678901234567890" })).await;
    ended(&node, &of(&placed), "completed").await;
    let text = recorded(&node, &cycle, &of(&placed), &[]).await;
    for wanted in ["status: 503", "parcel: 12345678901234567890", "booking: b2", "event: parcel.made", "sku: table"] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let asked = partner.asked().len();
    assert_eq!(asked, 4, "playing asks nobody");
}

async fn expiry_reruns_and_cancelling_are_recorded(store: Store) {
    let home = Home::new(store, &example("approval")).await;
    let node = home.dev().await;
    let late = node.hit("approval/asked", json!({ "expense": 1, "amount": 120, "by": "ann" })).await;
    let given_up = node.hit("approval/asked", json!({ "expense": 2, "amount": 120, "by": "ann" })).await;
    node.advance("1h").await;
    node.post(&format!("/api/v1/transactions/{}/cancel", of(&given_up)), "{}").await.expect(200);
    node.advance("50h").await;
    node.post(&format!("/api/v1/transactions/{}/rerun", of(&late)), json!({ "step": "too_late" })).await.expect(200);
    let text = recorded(&node, &example("approval"), &of(&late), &[]).await;
    assert!(text.contains("rerun: too_late"), "{text}");
    let text = recorded(&node, &example("approval"), &of(&given_up), &[]).await;
    assert!(text.contains("- cancel:") && text.contains("status: cancelled"), "{text}");
}

/// `holdfast diff`, with the new version in a file.
async fn diff(node: &Node, old: &str, new: &str, arguments: &[&str]) -> Output {
    let folder = tempfile::Builder::new().prefix("holdfast-diff-").tempdir().expect("a folder");
    let file = folder.path().join("new.yaml");
    std::fs::write(&file, new).expect("written");
    node.command(&[&["diff", old, &file.display().to_string()], arguments].concat()).await
}

async fn a_new_version_that_goes_another_way_is_told(store: Store) {
    let home = Home::new(store, &example("approval")).await;
    let node = home.dev().await;
    for (expense, amount) in [(1, 50), (2, 120), (3, 900)] {
        node.hit("approval/asked", json!({ "expense": expense, "amount": amount, "by": "ann" })).await;
        node.hit("approval/decided", json!({ "expense": expense, "verdict": "yes", "who": "bob" })).await;
    }
    let same = diff(&node, "approval@1", &example("approval"), &["--replay", "10"]).await;
    let said = String::from_utf8_lossy(&same.stdout).into_owned();
    assert!(same.status.success() && said.contains("3 transactions of approval: 3 the same way"), "{said}");
    let old = example("approval");
    let new = old.replace("at_most: 50", "at_most: 200");
    assert_ne!(old, new);
    let other = diff(&node, "approval@1", &new, &["--replay", "10", "--json"]).await;
    assert_eq!(other.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&other.stdout).expect("JSON");
    let transactions = found["transactions"].as_array().expect("a list");
    let differ: Vec<&Value> = transactions.iter().filter(|one| one["same"] == false).collect();
    assert_eq!((transactions.len(), differ.len()), (3, 1), "{found:#}");
    assert_eq!(differ[0]["differences"][0]["what"], "transaction 1: steps", "{found:#}");
    let last = diff(&node, "approval@1", &new, &["--replay", "1"]).await;
    assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stdout));
    let missing = diff(&node, "approval@7", &new, &["--replay", "1"]).await;
    assert!(String::from_utf8_lossy(&missing.stderr).contains("approval has no version 7; it has 1"));
}

async fn a_call_that_was_never_made_is_not_guessed(store: Store) {
    let home = Home::new(store, &example("order-status")).await;
    let node = home.dev().await;
    node.hit("order-status/placed", json!({ "order_id": 42 })).await;
    node.hit("order-status/status", json!({ "order": { "id": 42 }, "state": "packed" })).await;
    let new = example("order-status").replace(
        "set: { order: \"${$.placed.body.order_id}\", state: \"${$.status.body.state}\" }",
        "http: { url: \"https://shop.example/orders\" }",
    );
    assert_ne!(new, example("order-status"));
    let told = diff(&node, "order-status@1", &new, &["--replay", "5"]).await;
    let said = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{said}");
    assert!(said.contains("calls another system at on_its_way") && said.contains("is not known"), "{said}");
    let told = diff(&node, "order-status@1", &new, &["--replay", "5", "--json"]).await;
    let found: Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!(found["transactions"][0]["unknown"], "on_its_way", "{found:#}");
}
