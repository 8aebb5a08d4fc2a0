//! Deliveries by real processes that die, several of them, and many endpoints (contract, section 12).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use holdfast_tests::{
    Asked, Dice, Home, Mode, Node, Partner, Signal, Store, both_stores, eventually, eventually_within,
};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet};

both_stores![what_a_killed_process_had_in_hand_is_told, killed_at_any_instant_every_event_is_told];

const WORK: &str = "
cycle: work
steps:
  asked: { webhook: , next: rest }
  rest: { delay: 1s, next: said }
  said: { notify: { event: work.done, data: \"${$.asked.body.n}\" } }
";

const HITS: u64 = 60;
const SENDERS: u64 = 4;
const KILLS: u32 = 6;
/// Longer than it takes to see that a node is gone, and to do what it left.
const TAKEN_OVER: Duration = Duration::from_secs(20);

async fn endpoint(node: &Node, url: &str, events: &[&str]) -> String {
    let made = node.post("/api/v1/endpoints", json!({ "url": url, "events": events })).await.expect(201).json();
    assert_eq!(made["state"], "active", "{made}");
    made["id"].as_str().expect("an id").to_owned()
}

/// (type, transaction) of what was told.
fn told(partner: &Partner) -> BTreeSet<(String, String)> {
    partner.asked().iter().filter_map(of).collect()
}

fn of(asked: &Asked) -> Option<(String, String)> {
    let body: Value = serde_json::from_str(&asked.body).expect("JSON");
    let transaction = body["data"]["transaction"].as_str()?;
    Some((body["type"].as_str()?.to_owned(), transaction.to_owned()))
}

async fn what_a_killed_process_had_in_hand_is_told(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, WORK).await;
    let mut node = home.start(Mode::Dev).await;
    endpoint(&node, &partner.url(), &["work.done"]).await;
    partner.silent(true);
    let id = node.hit("work/asked", json!({ "n": 1 })).await.expect(200).transaction();
    eventually("it is told", async || (partner.asked().len() >= 2).then_some(())).await;
    // It is out, and what comes of it reaches nobody.
    node.kill().await;
    partner.silent(false);
    node.restart().await;
    eventually_within(TAKEN_OVER, "it is told again", async || (partner.asked().len() >= 3).then_some(())).await;
    let all = partner.asked();
    assert_eq!(all[1].header("webhook-id"), all[2].header("webhook-id"));
    assert_eq!(all[1].body, all[2].body);
    assert_eq!(of(&all[2]), Some(("work.done".to_owned(), id)));
}

/// Sends until it is answered, to whichever address the server has then. The id of the transaction.
async fn sent(path: String, n: u64, mut address: watch::Receiver<std::net::SocketAddr>) -> String {
    loop {
        let to = *address.borrow_and_update();
        let call = holdfast_tests::Call::new("POST", &path).json(json!({ "n": n }));
        match call.header("idempotency-key", &format!("hit-{n}")).send(to).await {
            Ok(answer) if answer.status == 200 => return answer.transaction(),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn killed_at_any_instant_every_event_is_told(store: Store) {
    let mut dice = Dice::thrown("killed with events to tell");
    let partner = Partner::start().await;
    let home = Home::new(store, WORK).await;
    let mut node = home.start(Mode::Dev).await;
    endpoint(&node, &partner.url(), &["transaction.started", "work.done", "transaction.completed"]).await;
    let path = node.hook("work", "asked").await;
    let (tell, address) = watch::channel(node.address);
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (path, address) = (path.clone(), address.clone());
        senders.spawn(async move {
            let mut ids = Vec::new();
            for n in (sender..HITS).step_by(SENDERS as usize) {
                ids.push(sent(path.clone(), n, address.clone()).await);
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            ids
        });
    }
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(100 + dice.below(400))).await;
        node.kill().await;
        node.restart().await;
        tell.send_replace(node.address);
    }
    let ids: BTreeSet<String> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(ids.len() as u64, HITS);
    let mut wanted = BTreeSet::new();
    for id in &ids {
        wanted.extend(
            ["transaction.started", "work.done", "transaction.completed"].map(|kind| (kind.to_owned(), id.clone())),
        );
    }
    eventually_within(TAKEN_OVER, "all is told", async || told(&partner).is_superset(&wanted).then_some(())).await;
    // What is told twice is the same, and told of as the same.
    let mut bodies: BTreeMap<String, String> = BTreeMap::new();
    for asked in partner.asked() {
        let first = bodies.entry(asked.header("webhook-id").to_owned()).or_insert_with(|| asked.body.clone());
        assert_eq!(*first, asked.body);
    }
    assert_eq!(told(&partner), wanted);
    let events = bodies.values().filter(|body| !body.contains("Webhook Validate")).count();
    assert_eq!(events, wanted.len(), "no event was made twice");
}

async fn two(yaml: &str) -> (Home, Node, Node) {
    let home = Home::new(Store::Postgres, yaml).await;
    let first = home.start(Mode::Dev).await;
    // The same master key: both read the endpoints' secrets.
    let data = first.data().with_file_name("data-1");
    std::fs::create_dir_all(&data).expect("made");
    std::fs::copy(first.data().join("master.key"), data.join("master.key")).expect("copied");
    let second = home.start(Mode::Dev).await;
    (home, first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_tell_each_event_once() {
    let partner = Partner::start().await;
    let (_home, first, second) = two(WORK).await;
    endpoint(&first, &partner.url(), &["transaction.started", "work.done"]).await;
    let path = first.hook("work", "asked").await;
    let mut sending = JoinSet::new();
    for n in 0..100_u64 {
        let (path, to) = (path.clone(), if n % 2 == 0 { first.address } else { second.address });
        sending.spawn(async move {
            let call = holdfast_tests::Call::new("POST", &path).json(json!({ "n": n }));
            call.send(to).await.expect("an answer").expect(200).transaction()
        });
    }
    assert_eq!(sending.join_all().await.len(), 100);
    eventually_within(TAKEN_OVER, "all is told", async || (partner.asked().len() > 200).then_some(())).await;
    // A second telling would come when a claim of the first runs out, or at once: some turns are waited for.
    second.hit("work/asked", json!({ "n": 0 })).await.expect(200);
    eventually_within(TAKEN_OVER, "one more", async || (partner.asked().len() >= 203).then_some(())).await;
    let ids: BTreeSet<_> = partner.asked().iter().map(|asked| asked.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), partner.asked().len()), (203, 203));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_nodes_line_is_taken_by_the_other() {
    let partner = Partner::start().await;
    let (_home, mut first, second) = two(WORK).await;
    endpoint(&first, &partner.url(), &["work.done"]).await;
    partner.silent(true);
    first.hit("work/asked", json!({ "n": 1 })).await.expect(200);
    eventually("it is told", async || (partner.asked().len() >= 2).then_some(())).await;
    // Whichever has the line hangs with it; the other is left.
    first.signal(Signal::STOP);
    let told_again = async || (partner.asked().len() >= 3).then_some(());
    let by_second =
        tokio::time::timeout(Duration::from_secs(8), eventually_within(TAKEN_OVER, "told again", told_again));
    let by_second = by_second.await.is_ok();
    partner.silent(false);
    first.kill().await;
    if !by_second {
        // The second had it all along.
        assert_eq!(partner.asked().len(), 2);
    }
    second.hit("work/asked", json!({ "n": 2 })).await.expect(200);
    let more = if by_second { 4 } else { 3 };
    eventually_within(TAKEN_OVER, "the other goes on", async || (partner.asked().len() >= more).then_some(())).await;
    let ids: Vec<_> = partner.asked()[1..].iter().map(|asked| asked.header("webhook-id").to_owned()).collect();
    assert!(!by_second || ids[0] == ids[1], "{ids:?}");
}
