//! The example cycles that take requests from providers, with what those providers send.

use std::time::Duration;

use holdfast_api::verify::mac;
use holdfast_definitions::Algorithm;
use holdfast_tests::{Call, Home, Mode, Node, Partner, Response, Store, both_stores, eventually, example, payload};
use serde_json::{Value, json};

both_stores![
    github_s_tag_is_taken_and_its_redelivery_does_nothing,
    slack_is_answered_at_once_and_told_the_rest_later,
    slack_hears_of_a_warehouse_that_is_away,
    stripe_sends_an_event_three_times,
    a_task_is_called_to_mind_in_the_evening_and_given_on_a_day_later,
    a_task_closed_before_the_evening,
    an_order_in_xml_with_one_line_or_several,
    the_lines_of_an_order_are_booked_side_by_side,
];

/// In hex.
fn hmac(secret: &str, message: &str) -> String {
    let code = mac(Algorithm::HmacSha256, secret.as_bytes(), message.as_bytes()).expect("a key");
    code.iter().map(|byte| format!("{byte:02x}")).collect()
}

async fn post(node: &Node, webhook: &str, content_type: &str, body: &str, headers: &[(&str, &str)]) -> Response {
    let (cycle, step) = webhook.split_once('/').expect("cycle/step");
    let mut call = Call::new("POST", &node.hook(cycle, step).await).body(content_type, body.to_owned());
    for (name, value) in headers {
        call = call.header(name, value);
    }
    node.send(call).await.expect("an answer")
}

/// Once it has ended.
async fn ended(node: &Node, id: &str) -> Value {
    eventually("the transaction ends", async || {
        let view = node.transaction(id).await;
        ["completed", "failed"].contains(&view["status"].as_str()?).then_some(view)
    })
    .await
}

async fn github_s_tag_is_taken_and_its_redelivery_does_nothing(store: Store) {
    let secret = "It's a Secret to Everybody";
    let (_home, node) = Home::with_secrets(store, Mode::DevManual, &[("GITHUB", secret)], &example("github-tag")).await;
    let hit = async |body: &str, event: &str, delivery: &str| {
        let signature = format!("sha256={}", hmac(secret, body));
        let headers =
            [("x-github-event", event), ("x-github-delivery", delivery), ("x-hub-signature-256", signature.as_str())];
        post(&node, "github-tag/pushed", "application/json", body, &headers).await
    };
    assert_eq!(hit("{\"zen\":\"Keep it logically awesome.\"}", "ping", "d1").await.expect(200).text(), "pong");
    let pushed = payload("github/push");
    let taken = hit(&pushed, "push", "d2").await.expect(202);
    assert_eq!(taken.json(), json!({ "building": "6113728f27ae82c7b1a177c8d03f9e96e0adf246" }));
    let release = node.transaction(&taken.transaction()).await["document"]["release"].clone();
    assert_eq!(release["repository"], "Codertocat/Hello-World");
    let again = hit(&pushed, "push", "d2").await.expect(202);
    assert_eq!((again.transaction(), again.header("idempotency-replayed")), (taken.transaction(), Some("true")));
    let branch = pushed.replace("refs/tags/simple-tag", "refs/heads/main");
    assert_eq!(hit(&branch, "push", "d3").await.expect(200).text(), "nothing to build");
    post(&node, "github-tag/pushed", "application/json", &pushed, &[("x-github-event", "push")]).await.expect(401);
}

/// The body of a command as Slack's documentation shows it.
async fn slack(node: &Node, secret: &str, partner: &Partner) -> Response {
    let back = format!("{}/commands/1234", partner.url()).replace(':', "%3A").replace('/', "%2F");
    let body = format!(
        "token=gIkuvaNzQIHg97ATvDxqgjtO&team_id=T0001&team_domain=example&channel_id=C2147483705&channel_name=test\
         &user_id=U2147483697&user_name=Steve&command=%2Fstock&text=A-100&response_url={back}\
         &trigger_id=13345224609.738474920.8088930838d88f008e0"
    );
    let at = chrono::Utc::now().timestamp().to_string();
    let signature = format!("v0={}", hmac(secret, &format!("v0:{at}:{body}")));
    let headers = [("x-slack-request-timestamp", at.as_str()), ("x-slack-signature", signature.as_str())];
    post(node, "slack-stock/asked", "application/x-www-form-urlencoded", &body, &headers).await
}

async fn stock(store: Store, partner: &Partner) -> (Home, Node) {
    let yaml = example("slack-stock").replace("https://warehouse.example", &partner.url());
    Home::with_secrets(store, Mode::Dev, &[("SLACK", "8f742231b10e8888abcd99yyyzzz85a5")], &yaml).await
}

async fn slack_is_answered_at_once_and_told_the_rest_later(store: Store) {
    let partner = Partner::start().await;
    partner.answers(200, "", r#"{"stock":17}"#);
    partner.silent(true);
    let (_home, node) = stock(store, &partner).await;
    let began = std::time::Instant::now();
    let told = slack(&node, "8f742231b10e8888abcd99yyyzzz85a5", &partner).await.expect(200);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(told.json(), json!({ "response_type": "ephemeral", "text": "looking for A-100 …" }));
    partner.silent(false);
    let view = ended(&node, &told.transaction()).await;
    assert_eq!(view["status"], "completed", "{view}");
    let asked = partner.asked();
    assert_eq!((asked[0].line.as_str(), asked[1].line.as_str()), ("GET /articles/A-100", "POST /commands/1234"));
    let told: Value = serde_json::from_str(&asked[1].body).expect("JSON");
    assert_eq!(told, json!({ "response_type": "in_channel", "text": "A-100: 17 in stock" }));
}

async fn slack_hears_of_a_warehouse_that_is_away(store: Store) {
    let partner = Partner::start().await;
    partner.answers(404, "", "{}");
    let (_home, node) = stock(store, &partner).await;
    let told = slack(&node, "8f742231b10e8888abcd99yyyzzz85a5", &partner).await.expect(200);
    assert_eq!(ended(&node, &told.transaction()).await["status"], "completed");
    assert!(partner.asked()[1].body.contains("the warehouse does not answer"), "{:?}", partner.asked()[1]);
    slack(&node, "another", &partner).await.expect(401);
}

async fn stripe_sends_an_event_three_times(store: Store) {
    let secret = "whsec_test";
    let (_home, node) = Home::with_secrets(store, Mode::Dev, &[("STRIPE", secret)], &example("stripe-payments")).await;
    let event = json!({
        "id": "evt_1NG8Du2eZvKYlo2CUI79vXWy", "object": "event", "api_version": "2025-03-31.basil", "created": 1686089970,
        "type": "payment_intent.succeeded", "livemode": false, "pending_webhooks": 0,
        "data": { "object": { "id": "pi_1Gszrs2eZvKYlo2C", "object": "payment_intent", "amount": 2000,
            "currency": "usd", "metadata": { "order_id": "A-17" }, "status": "succeeded" } },
    })
    .to_string();
    let send = async |event: &str, status: u16| {
        // Each delivery is signed anew.
        let at = chrono::Utc::now().timestamp();
        let signature = format!("t={at},v1={}", hmac(secret, &format!("{at}.{event}")));
        let headers = [("stripe-signature", signature.as_str())];
        post(&node, "stripe-payments/event", "application/json", event, &headers).await.expect(status)
    };
    let first = send(&event, 200).await;
    for _ in 0..2 {
        let again = send(&event, 200).await;
        assert_eq!((again.hit(), again.header("idempotency-replayed")), (first.hit(), Some("true")));
    }
    assert_eq!(node.api("/transactions").await["data"].as_array().map(Vec::len), Some(1));
    let ship = node.transaction(&first.transaction()).await["document"]["ship"].clone();
    let wanted = json!({ "payment": "pi_1Gszrs2eZvKYlo2C", "order": "A-17", "amount": 2000, "currency": "usd" });
    assert_eq!(ship, wanted);
    let other = event.replace("payment_intent.succeeded", "customer.created").replace("evt_1NG8Du", "evt_1NG8Dv");
    assert_eq!(ended(&node, &send(&other, 200).await.transaction()).await["status"], "completed");
}

async fn reminded(store: Store, task: u64) -> (Home, Node, String) {
    let home = Home::new(store, &example("nightly-reminder")).await;
    let node = home.dev().await;
    let opened = node.hit("nightly-reminder/opened", json!({ "task": task, "owner": "ann", "lead": "bob" })).await;
    let id = opened.expect(200).transaction();
    eventually("the evening is known", async || (node.transaction(&id).await["step"] == "day").then_some(())).await;
    (home, node, id)
}

fn steps(view: &Value) -> Vec<&str> {
    let runs = view["runs"].as_array().expect("runs");
    let steps = runs.iter().flat_map(|run| run["steps"].as_array().into_iter().flatten());
    steps.filter_map(|step| step["step"].as_str()).collect()
}

async fn a_task_is_called_to_mind_in_the_evening_and_given_on_a_day_later(store: Store) {
    let (_home, node, id) = reminded(store, 7).await;
    let at = node.transaction(&id).await["runs"][0]["steps"][1]["output"]["at"].clone();
    assert!(at.as_str().is_some_and(|at| at.ends_with("T20:00:00.000Z")), "{at}");
    node.advance("24h").await;
    let view = node.transaction(&id).await;
    assert_eq!((&view["status"], &view["step"]), (&json!("held"), &json!("closed")), "{view}");
    node.advance("24h").await;
    let view = node.transaction(&id).await;
    assert_eq!(view["status"], "completed");
    assert!(steps(&view).ends_with(&["escalate"]), "{:?}", steps(&view));
}

async fn a_task_closed_before_the_evening(store: Store) {
    let (_home, node, id) = reminded(store, 8).await;
    node.hit("nightly-reminder/closed", json!({ "task": 8 })).await.expect(200);
    node.advance("24h").await;
    let view = node.transaction(&id).await;
    assert_eq!(view["status"], "completed", "{view}");
    assert!(!steps(&view).contains(&"escalate"), "{:?}", steps(&view));
}

async fn an_order_in_xml_with_one_line_or_several(store: Store) {
    let home = Home::new(store, &example("xml-orders")).await;
    let node = home.dev().await;
    let order = async |lines: &str| {
        let body = format!("<order id=\"A-17\"><customer>Ann</customer>{lines}</order>");
        post(&node, "xml-orders/ordered", "application/xml", &body, &[]).await
    };
    let one = order("<line sku=\"chair\">2</line>").await.expect(200);
    assert_eq!(one.json(), json!({ "order": "A-17", "pieces": 2 }));
    let body = node.transaction(&one.transaction()).await["document"]["ordered"]["body"].clone();
    assert_eq!(body["lines"], json!([{ "sku": "chair", "quantity": 2 }]));
    let two = order("<line sku=\"chair\">2</line><line sku=\"table\">3</line>").await.expect(200);
    assert_eq!(two.json()["pieces"], 5);
    let refused = post(&node, "xml-orders/ordered", "application/xml", "<invoice/>", &[]).await.expect(422);
    assert!(refused.text().contains("the root element must be <order>"), "{}", refused.text());
}

async fn the_lines_of_an_order_are_booked_side_by_side(store: Store) {
    let partner = Partner::start().await;
    partner.usually(|asked| {
        let line: Value = serde_json::from_str(&asked.body).expect("JSON");
        match line["sku"].as_str() {
            Some("lamp") => (409, "{\"error\":\"none left\"}".to_owned()),
            sku => (200, json!({ "booking": format!("b-{}", sku.unwrap_or_default()) }).to_string()),
        }
    });
    let yaml = example("order-fanout").replace("https://warehouse.example", &partner.url());
    let home = Home::new(store, &yaml).await;
    let node = home.dev().await;
    partner.silent(true);
    let skus = ["chair", "table", "lamp", "desk", "shelf"];
    let lines: Vec<Value> = skus.iter().map(|sku| json!({ "sku": sku, "pieces": 2 })).collect();
    let hit = node.hit("order-fanout/placed", json!({ "order": "A-17", "lines": lines }));
    let at_once = async {
        eventually("four are asked for", async || (partner.asked().len() == 4).then_some(())).await;
        partner.silent(false);
    };
    let (told, ()) = tokio::join!(hit, at_once);
    let told = told.expect(200).json();
    let booked: Vec<&Value> = told["booked"].as_array().expect("a list").iter().map(|line| &line["booking"]).collect();
    assert_eq!(booked, ["b-chair", "b-table", "b-desk", "b-shelf"]);
    let missing = json!([{ "sku": "lamp", "why": "the answer's status is 409 (attempt 1 of 2)" }]);
    assert_eq!((&told["order"], &told["missing"]), (&json!("A-17"), &missing));
    assert_eq!((partner.at_once(), partner.asked().len()), (4, 5));
}
