//! Many at once at the console: counted, then done call by call, each once, whoever sends a form again.

use std::sync::Arc;

use holdfast_tests::{Call, Home, Mode, Node, Store, both_stores};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{bulk::ORDERS, console_access::Signed};

both_stores![
    all_that_match_are_cancelled_in_two_calls,
    a_double_click_runs_each_again_once,
    a_double_click_resumes_each_once,
    what_cannot_be_done_is_listed,
    hits_are_replayed_in_two_calls,
];

const MANY: usize = 1_200;
const DO: &str = "/console/transactions/do";
const ASK: &str = "/console/transactions/ask";
const REPLAY: &str = "/console/hits/replay";

/// A node with the cycle, and a person who may do everything.
async fn start(store: Store) -> (Home, Node, Signed) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    node.deploy(ORDERS).await;
    let signed = Signed::in_with(&node, node.key().expect("a key")).await;
    (home, node, signed)
}

/// Hits at a step; their transactions' ids.
async fn send(node: &Node, step: &str, count: usize, total: u32) -> Vec<String> {
    let (path, address) = (node.hook("orders", step).await, node.address);
    let (mut sent, room) = (JoinSet::new(), Arc::new(Semaphore::new(32)));
    for id in 0..count {
        let (call, room) = (Call::new("POST", &path).json(json!({ "id": id, "total": total })), room.clone());
        sent.spawn(async move {
            let _turn = room.acquire().await.expect("it is open");
            call.send(address).await.expect("an answer").expect(200)
        });
    }
    let answers = sent.join_all().await;
    answers.iter().filter_map(|answer| answer.header("holdfast-transaction").map(str::to_owned)).collect()
}

struct Page(String);

impl Page {
    fn heading(&self) -> &str {
        let (_, rest) = self.0.split_once("<h1>").expect("a heading");
        rest.split("</h1>").next().unwrap_or_default()
    }

    /// What the form that goes there would send, but for the token; none without such a form.
    fn form(&self, action: &str) -> Option<String> {
        let (_, rest) = self.0.split_once(&format!("method=\"post\" action=\"{action}\""))?;
        let form = rest.split("</form>").next()?;
        let hidden = form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|input| {
            let (name, rest) = input.split_once("\" value=\"")?;
            Some((name, rest.split('"').next()?))
        });
        let fields = hidden.filter(|(name, _)| *name != "token");
        Some(fields.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&"))
    }

    fn says(&self, text: &str) {
        assert!(self.0.contains(text), "no “{text}” in {}", self.0);
    }
}

/// An attribute's value as a form sends it.
fn encoded(value: &str) -> String {
    let plain = value.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">");
    let plain = plain.replace("&#38;", "&");
    plain
        .bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { (byte as char).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

async fn post(signed: &Signed, node: &Node, path: &str, form: &str) -> Page {
    Page(signed.post(node, path, form).await.expect(200).text())
}

/// What all that match come to: the page comes first, and asks for it by its own form.
async fn counted(signed: &Signed, node: &Node, form: &str) -> Page {
    let page = post(signed, node, ASK, form).await;
    assert_eq!(page.heading(), "Counting transactions…");
    post(signed, node, ASK, &page.form(ASK).expect("a form")).await
}

/// All of a list.
async fn listed(node: &Node, path: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = node.api(&format!("{path}&limit=1000{after}")).await;
        all.extend(page["data"].as_array().expect("a list").iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        after = format!("&after={next}");
    }
}

async fn with(node: &Node, status: &str) -> usize {
    listed(node, &format!("/transactions?cycle=orders&status={status}")).await.len()
}

async fn all_that_match_are_cancelled_in_two_calls(store: Store) {
    let (_home, mut node, signed) = start(store).await;
    send(&node, "placed", MANY, 500).await;
    send(&node, "placed", 3, 5).await;
    let asked = counted(&signed, &node, "act=cancel&all=yes&cycle=orders&status=failed&since=hour").await;
    assert_eq!(asked.heading(), "Cancel 1,200 transactions?");
    asked.says("Status now: 1,200 failed.");
    assert_eq!(with(&node, "failed").await, MANY, "nothing was done yet");
    // One that comes while a person thinks is not meant.
    let later = send(&node, "placed", 1, 500).await;

    let form = asked.form(DO).expect("a form");
    let first = post(&signed, &node, DO, &form).await;
    assert_eq!(first.heading(), "1,000 of 1,200 done");
    assert_eq!(with(&node, "cancelled").await, 1_000);

    // The page stays where it is while the node comes anew.
    node.kill().await;
    node.restart().await;
    let form = first.form(DO).expect("a form that goes on");
    let rest = post(&signed, &node, DO, &form).await;
    assert_eq!(rest.heading(), "1,200 cancelled");
    assert_eq!(rest.form(DO), None, "all have had their turn");
    for again in [&form, &asked.form(DO).expect("a form")] {
        let again = post(&signed, &node, DO, again).await;
        assert_eq!(again.form(DO), None);
        again.says("no longer match: it was done to them already");
    }
    assert_eq!((with(&node, "cancelled").await, with(&node, "held").await), (MANY, 3));
    assert_eq!(node.transaction(&later[0]).await["status"], "failed");

    let asked = counted(&signed, &node, "act=cancel&all=yes&cycle=orders").await;
    assert_eq!(asked.heading(), "Cancel 4 transactions?");
    asked.says("1,200: it is cancelled already");
    signed.post(&node, ASK, "act=cancel&all=yes&counted=yes").await.expect(400);
}

async fn a_double_click_runs_each_again_once(store: Store) {
    let (_home, node, signed) = start(store).await;
    let failed = send(&node, "placed", 120, 500).await;
    send(&node, "placed", 2, 5).await;
    let asked = counted(&signed, &node, "act=rerun&all=yes&cycle=orders").await;
    assert_eq!(asked.heading(), "Run again 120 transactions?");
    asked.says("2: it is held: say from which step it is to be run again");
    let from_big = format!("{}&at=big", asked.form(ASK).expect("a form"));
    let from_big = counted(&signed, &node, &from_big).await;
    assert_eq!(from_big.heading(), "Run again 122 transactions?");

    let form = asked.form(DO).expect("a form");
    let (one, other) = tokio::join!(post(&signed, &node, DO, &form), post(&signed, &node, DO, &form));
    for page in [one, other] {
        assert_eq!(page.form(DO), None);
    }
    for id in &failed {
        assert_eq!(node.transaction(id).await["runs"].as_array().map(Vec::len), Some(2), "{id}");
    }
    assert_eq!(with(&node, "failed").await, 120, "they fail again");
    let done = post(&signed, &node, DO, &from_big.form(DO).expect("a form")).await;
    done.says("2 are run again. 120 were so already");
}

async fn a_double_click_resumes_each_once(store: Store) {
    let (_home, node, signed) = start(store).await;
    let held = send(&node, "placed", 120, 5).await;
    let asked = counted(&signed, &node, "act=resume&all=yes&status=held").await;
    assert_eq!(asked.heading(), "Resume 120 transactions?");
    let form = asked.form(DO).expect("a form");
    let broken = post(&signed, &node, DO, &format!("{form}&body=%7Bbroken")).await;
    broken.says("The body is no JSON");
    assert_eq!(with(&node, "held").await, 120);
    let form = format!("{form}&body={}", encoded("{\"note\": \"by hand\"}"));
    tokio::join!(post(&signed, &node, DO, &form), post(&signed, &node, DO, &form));
    for id in &held {
        let one = node.transaction(id).await;
        assert_eq!((&one["status"], one["runs"].as_array().map(Vec::len)), (&json!("completed"), Some(2)), "{id}");
        assert_eq!(one["document"]["status"]["body"]["note"], "by hand");
    }
}

async fn what_cannot_be_done_is_listed(store: Store) {
    let (_home, node, signed) = start(store).await;
    let held = send(&node, "placed", 3, 5).await;
    let ticked = format!("act=resume&id={}&id={}&id={}", held[0], held[1], held[2]);
    let asked = post(&signed, &node, ASK, &ticked).await;
    assert_eq!(asked.heading(), "Resume 3 transactions?");
    node.post(&format!("/api/v1/transactions/{}/cancel", held[1]), json!({})).await.expect(200);
    let done = post(&signed, &node, DO, &asked.form(DO).expect("a form")).await;
    assert_eq!(done.heading(), "2 resumed");
    done.says("1 could not be, and is left as it was.");
    done.says("the transaction is cancelled, which is final");
    done.says(&format!("/console/transactions/{}", held[1]));
    assert_eq!((with(&node, "completed").await, with(&node, "cancelled").await), (2, 1));
    signed.post(&node, DO, &format!("{ticked}&progress=made+up")).await.expect(400);
}

async fn hits_are_replayed_in_two_calls(store: Store) {
    let (_home, mut node, signed) = start(store).await;
    send(&node, "status", MANY, 0).await;
    let unmatched = "/console/hits/replay?all=yes&cycle=orders&status=unmatched&since=today";
    let page = Page(signed.get(&node, unmatched).await.expect(200).text());
    assert_eq!(page.heading(), "Counting hits…");
    let asked = Page(signed.get(&node, &format!("{unmatched}&counted=yes")).await.expect(200).text());
    assert_eq!(asked.heading(), "Replay 1,200 hits?");
    asked.says("The oldest 10 of them");
    let form = asked.form(REPLAY).expect("a form");
    let (one, other) = tokio::join!(post(&signed, &node, REPLAY, &form), post(&signed, &node, REPLAY, &form));
    assert_eq!((one.heading(), other.heading()), ("1,000 of 1,200 done", "1,000 of 1,200 done"));
    let hits = async |node: &Node| listed(node, "/hits?cycle=orders").await;
    assert_eq!(hits(&node).await.len(), MANY + 1_000, "each once");

    node.kill().await;
    node.restart().await;
    let form = one.form(REPLAY).expect("a form that goes on");
    let rest = post(&signed, &node, REPLAY, &form).await;
    assert_eq!((rest.heading(), rest.form(REPLAY)), ("1,200 replayed", None), "all have had their turn");
    assert_eq!(post(&signed, &node, REPLAY, &form).await.heading(), "1,200 replayed");
    let hits = hits(&node).await;
    let mut replayed: Vec<&str> = hits.iter().filter_map(|hit| hit["replay_of"].as_str()).collect();
    replayed.sort_unstable();
    replayed.dedup();
    assert_eq!((hits.len(), replayed.len()), (2 * MANY, MANY), "each once, and of no new one");
}
