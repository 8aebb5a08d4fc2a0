//! Processes that die, or are stopped, with a step in hand (contract, section 5): pure steps are never
//! seen to run twice, and a call is made again with the same `Idempotency-Key`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use holdfast_tests::{
    Call, Dice, Home, Mode, Node, Partner, Signal, Store, both_stores, eventually, eventually_within,
};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

both_stores![a_call_whose_answer_nobody_wrote_down_is_made_again, killed_at_any_instant_nothing_is_lost_or_done_twice];

const HITS: u64 = 90;
const SENDERS: u64 = 6;
const KILLS: u32 = 6;
/// Longer than it takes to see that a node is gone, and to do what it left.
const TAKEN_OVER: Duration = Duration::from_secs(20);

/// Asks the partner, waits, and counts in the store of the cycle.
fn cycle(partner: &Partner) -> String {
    format!(
        r#"
cycle: work
steps:
  asked:
    webhook:
    next: call
  call:
    http:
      method: POST
      url: {}/work
      body: "${{$.asked.body.n}}"
      retry: {{ attempts: 5, backoff: 100ms }}
    next: rest
  rest:
    delay: 1s
    next: count
  count:
    script: |
      function step(document) {{ return store.increment('n-' + document.asked.body.n % 3, 1) }}
"#,
        partner.url()
    )
}

async fn asked(partner: &Partner, count: usize) {
    eventually("the partner is asked", async || (partner.asked().len() >= count).then_some(())).await;
}

async fn completed(node: &Node, id: &str) {
    eventually_within(TAKEN_OVER, "it completes", async || {
        (node.transaction(id).await["status"] == "completed").then_some(())
    })
    .await;
}

async fn a_call_whose_answer_nobody_wrote_down_is_made_again(store: Store) {
    let partner = Partner::start().await;
    let home = Home::new(store, &cycle(&partner)).await;
    let mut node = home.start(Mode::Dev).await;
    partner.silent(true);
    let id = node.hit("work/asked", json!({ "n": 1 })).await.expect(200).transaction();
    asked(&partner, 1).await;
    // The request is out, and what comes of it reaches nobody.
    node.kill().await;
    partner.silent(false);
    node.restart().await;
    asked(&partner, 2).await;
    completed(&node, &id).await;
    let keys: Vec<String> = partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, [format!("{id}.1.call"), format!("{id}.1.call")]);
}

/// Sends until it is answered, to whichever address the server has then. The id of the transaction.
async fn sent(path: String, n: u64, mut address: watch::Receiver<SocketAddr>) -> String {
    loop {
        let to = *address.borrow_and_update();
        let call = Call::new("POST", &path).json(json!({ "n": n })).header("idempotency-key", &format!("hit-{n}"));
        match call.send(to).await {
            Ok(answer) if answer.status == 200 => return answer.transaction(),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

async fn killed_at_any_instant_nothing_is_lost_or_done_twice(store: Store) {
    let mut dice = Dice::thrown("killed with a step in hand");
    let partner = Partner::start().await;
    let home = Home::new(store, &cycle(&partner)).await;
    let mut node = home.start(Mode::Dev).await;
    let path = node.hook("work", "asked").await;
    let (tell, address) = watch::channel(node.address);
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        let (path, address) = (path.clone(), address.clone());
        senders.spawn(async move {
            let mut ids = BTreeMap::new();
            for n in (sender..HITS).step_by(SENDERS as usize) {
                ids.insert(n, sent(path.clone(), n, address.clone()).await);
                tokio::time::sleep(Duration::from_millis(50)).await;
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
    let ids: BTreeMap<u64, String> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(ids.len() as u64, HITS);
    for id in ids.values() {
        completed(&node, id).await;
    }
    let keys: BTreeSet<String> =
        partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    let wanted: BTreeSet<String> = ids.values().map(|id| format!("{id}.1.call")).collect();
    assert_eq!(keys, wanted, "each has one key, whatever happened");
    // Each increment is there once: the counts that the runs were given are 1, 2, 3 … of each key.
    let mut counts: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    for (n, id) in &ids {
        let view = node.transaction(id).await;
        assert_eq!(view["runs"].as_array().map(Vec::len), Some(1), "{view}");
        let count = view["document"]["count"].as_u64().unwrap_or_else(|| panic!("{view}"));
        counts.entry(n % 3).or_default().push(count);
    }
    for counts in counts.values_mut() {
        counts.sort_unstable();
        assert_eq!(*counts, (1..=HITS / 3).collect::<Vec<_>>());
    }
}

async fn two(partner: &Partner) -> (Home, Node, Node) {
    let home = Home::new(Store::Postgres, &cycle(partner)).await;
    let first = home.start(Mode::Dev).await;
    let second = home.start(Mode::Dev).await;
    (home, first, second)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_node_was_doing_is_done_by_the_other() {
    let partner = Partner::start().await;
    let (_home, mut first, second) = two(&partner).await;
    partner.silent(true);
    let id = first.hit("work/asked", json!({ "n": 1 })).await.expect(200).transaction();
    asked(&partner, 1).await;
    first.kill().await;
    partner.silent(false);
    completed(&second, &id).await;
    let keys: BTreeSet<String> =
        partner.asked().iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
    assert_eq!(keys, BTreeSet::from([format!("{id}.1.call")]));
    assert_eq!(second.transaction(&id).await["document"]["count"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_wakes_with_a_step_in_hand_changes_nothing() {
    let partner = Partner::start().await;
    let (_home, first, second) = two(&partner).await;
    partner.answers(200, "", r#"{"by":"the first"}"#);
    partner.answers(200, "", r#"{"by":"the second"}"#);
    partner.silent(true);
    let id = first.hit("work/asked", json!({ "n": 1 })).await.expect(200).transaction();
    asked(&partner, 1).await;
    first.signal(Signal::STOP);
    // The second one sees that it is gone, and asks; the first one's answer waits in its socket.
    eventually_within(TAKEN_OVER, "the second asks", async || (partner.asked().len() >= 2).then_some(())).await;
    partner.silent(false);
    completed(&second, &id).await;
    let before = second.transaction(&id).await;
    first.signal(Signal::CONT);
    eventually("the first one is back", async || (first.get("/readyz").await.status == 200).then_some(())).await;
    let other = first.hit("work/asked", json!({ "n": 4 })).await.expect(200).transaction();
    completed(&first, &other).await;
    assert_eq!(second.transaction(&id).await, before);
    assert_eq!(second.transaction(&other).await["document"]["count"], 2, "nothing was counted twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_ends_in_order_leaves_its_steps_at_once() {
    let partner = Partner::start().await;
    let (_home, mut first, second) = two(&partner).await;
    partner.silent(true);
    let id = first.hit("work/asked", json!({ "n": 1 })).await.expect(200).transaction();
    asked(&partner, 1).await;
    first.signal(Signal::TERM);
    first.exit(Duration::from_secs(10)).await;
    // It was alive a moment ago; it has said that it is gone.
    let began = std::time::Instant::now();
    asked(&partner, 2).await;
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    partner.silent(false);
    completed(&second, &id).await;
}
