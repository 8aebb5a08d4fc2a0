//! A graceful stop: nothing new, everybody answered, gone within 10 s.

use std::time::Duration;

use holdfast_tests::{Audit, Call, Dice, Home, LOAD, Load, Mode, Signal, Store, both_stores, eventually};
use serde_json::json;

both_stores![a_waiting_caller_is_told_where_its_answer_will_be, what_was_accepted_on_the_way_out_is_there];

const IN_TIME: Duration = Duration::from_secs(10);

const ASK: &str = "
cycle: ask
steps:
  asked:
    webhook:
    next: later
  later:
    webhook:
      mapping: [{ hit: $.body.n, transaction: $.asked.body.n }]
    next: told
  told:
    respond: { to: asked, body: \"${$.later.body.answer}\" }
";

async fn a_waiting_caller_is_told_where_its_answer_will_be(store: Store) {
    let home = Home::new(store, ASK).await;
    let mut node = home.start(Mode::Dev).await;
    let (hook, to) = (node.hook("ask", "asked").await, node.address);
    let caller = tokio::spawn(Call::new("POST", &hook).json(json!({ "n": 1 })).send(to));
    eventually("the caller's transaction is held", async || {
        node.api("/transactions?status=held").await["data"].as_array()?.first().cloned()
    })
    .await;
    node.signal(Signal::TERM);
    let answer = caller.await.expect("no panic").expect("an answer").expect(202);
    let location = answer.header("location").expect("a Location").to_owned();
    assert_eq!(location, format!("{hook}/answers/{}", answer.hit()));
    assert!(answer.header("retry-after").is_some());
    assert!(node.exit(IN_TIME).await.success(), "{}", node.log());

    node.restart().await;
    node.get(&location).await.expect(202);
    node.hit("ask/later", json!({ "n": 1, "answer": "at last" })).await.expect(200);
    assert_eq!(node.get(&location).await.expect(200).text(), "at last");
}

async fn what_was_accepted_on_the_way_out_is_there(store: Store) {
    let mut dice = Dice::thrown("shutdown");
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    node.deploy(LOAD).await;
    let load = Load::begin(&node, 4, &mut dice).await;
    for _ in 0..3 {
        load.accepts(1 + dice.below(80)).await;
        node.signal(Signal::TERM);
        assert!(node.exit(IN_TIME).await.success(), "{}", node.log());
        node.restart().await;
        load.aim(&[&node]);
    }
    load.accepts(10).await;
    let logs = load.end().await;
    Audit::of(&node).await.check(&logs);
}
