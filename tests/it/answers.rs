//! What the caller gets, however the run ends (contract, sections 4 and 17, "Answers").

use std::time::Duration;

use holdfast_engine::{AnswerLookup, Reply};
use holdfast_tests::{Got, Store, World, both_stores};
use serde_json::json;

both_stores![
    a_response,
    the_end_without_one,
    a_failure,
    a_step_that_fails,
    a_hold_past_which_no_response_can_come,
    a_later_hit_answers_the_starter_and_its_own_sender_is_accepted,
    a_later_failure,
    a_later_end_without_one,
    a_cancelled_transaction,
    an_expired_transaction,
    an_expired_hold,
    a_stopped_cycle,
    a_response_that_comes_too_late_waits_at_its_address,
    a_caller_waits_no_longer_than_it_asked_to,
    a_second_response_does_nothing,
    the_run_goes_on_after_the_response,
    each_webhook_answers_its_own_caller,
    no_answer_reaches_another_caller,
    a_closing_engine_leaves_nobody_hanging,
];

/// Every way to end, chosen by the body's `way`.
const ASK: &str = "
cycle: ask
steps:
  asked:
    webhook:
    next: way
  way:
    decision:
      - { when: { value: $.asked.body.way, equals: respond }, next: told }
      - { when: { value: $.asked.body.way, equals: fail }, next: broke }
      - { when: { value: $.asked.body.way, equals: nonsense }, next: nonsense }
      - { when: { value: $.asked.body.way, equals: mute }, next: mute }
      - { when: { value: $.asked.body.way, equals: hold }, next: later }
      - else: end
  told:
    respond: { status: 201, headers: { X-N: \"${$.asked.body.n}\" }, body: { n: \"${$.asked.body.n}\" } }
    next: told_again
  told_again:
    respond: { status: 202, body: again }
    next: after
  after:
    set: it went on
  broke:
    fail: { message: \"no luck with ${$.asked.body.n}\" }
  nonsense:
    respond: { status: \"${$.asked.body.status}\", body: nonsense }
  mute:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.n, transaction: $.asked.body.n }]
  later:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.n, transaction: $.asked.body.n }]
      expires: { after: 1h, next: late }
    next: later_way
  later_way:
    decision:
      - { when: { value: $.later.body.way, equals: fail }, next: broke }
      - { when: { value: $.later.body.way, equals: end }, next: end }
      - else: later_told
  later_told:
    respond: { to: asked, status: 200, body: { late: \"${$.later.body.n}\" } }
  late:
    respond: { status: 504, body: nobody came }
";

/// Both webhooks answer their own callers.
const BOTH: &str = "
cycle: both
steps:
  asked:
    webhook:
    next: later
  later:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.n, transaction: $.asked.body.n }]
    next: one
  one:
    respond: { to: asked, body: to the asker }
    next: two
  two:
    respond: { body: to the later one }
";

async fn a_response(store: Store) {
    let world = World::start(store, ASK).await;
    let got = world.hit("asked", json!({ "way": "respond", "n": 7 })).await;
    assert_eq!(got.said(), r#"201 {"n":7}"#);
    let Reply::Answer(holdfast_engine::Answer::Response { headers, .. }) = &got.0.reply else { panic!("{got:?}") };
    assert!(headers.contains(&("x-n".to_owned(), "7".to_owned())), "{headers:?}");
    assert!(headers.contains(&("content-type".to_owned(), "application/json".to_owned())), "{headers:?}");
}

async fn the_end_without_one(store: Store) {
    let world = World::start(store, ASK).await;
    let got = world.hit("asked", json!({ "way": "end" })).await;
    assert_eq!(got.said(), "200 Webhook accepted.");
    assert_eq!(world.status(got.transaction()).await, "completed");
}

async fn a_failure(store: Store) {
    let world = World::start(store, ASK).await;
    let got = world.hit("asked", json!({ "way": "fail", "n": 7 })).await;
    assert_eq!(got.said(), "500 broke: no luck with 7");
    assert_eq!(world.status(got.transaction()).await, "failed at broke");
}

async fn a_step_that_fails(store: Store) {
    let world = World::start(store, ASK).await;
    for status in [json!(99), json!(600), json!("no number"), json!(null), json!(200.5)] {
        let got = world.hit("asked", json!({ "way": "nonsense", "status": status })).await;
        assert!(got.said().starts_with("500 nonsense: "), "{status}: {}", got.said());
        assert_eq!(world.status(got.transaction()).await, "failed at nonsense");
    }
}

async fn a_hold_past_which_no_response_can_come(store: Store) {
    let world = World::start(store, ASK).await;
    let got = world.hit("asked", json!({ "way": "mute", "n": 7 })).await;
    assert_eq!(got.said(), "200 Webhook accepted.");
    assert_eq!(world.status(got.transaction()).await, "held at mute");
}

async fn a_later_hit_answers_the_starter_and_its_own_sender_is_accepted(store: Store) {
    let world = World::start(store, ASK).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    let asked = world.held_at("later").await;
    let sender = world.hit("later", json!({ "n": 7 })).await;
    assert_eq!((sender.said().as_str(), sender.transaction()), ("200 Webhook accepted.", asked));
    assert_eq!(asker.await.expect("no panic").said(), r#"200 {"late":7}"#);
}

async fn a_later_failure(store: Store) {
    let world = World::start(store, ASK).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    world.held_at("later").await;
    world.hit("later", json!({ "n": 7, "way": "fail" })).await;
    assert_eq!(asker.await.expect("no panic").said(), "500 broke: no luck with 7");
}

async fn a_later_end_without_one(store: Store) {
    let world = World::start(store, ASK).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    world.held_at("later").await;
    world.hit("later", json!({ "n": 7, "way": "end" })).await;
    assert_eq!(asker.await.expect("no panic").said(), "200 Webhook accepted.");
}

async fn a_cancelled_transaction(store: Store) {
    let world = World::start(store, ASK).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    let asked = world.held_at("later").await;
    world.engine.cancel("default", asked).await.expect("it is cancelled");
    assert_eq!(asker.await.expect("no panic").said(), "409 cancelled");
}

async fn an_expired_transaction(store: Store) {
    let yaml = ASK.replace("cycle: ask", "cycle: ask\nretention: 1h").replace("after: 1h", "after: 2h");
    let world = World::start(store, &yaml).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    world.held_at("later").await;
    world.advance("1h").await;
    assert_eq!(asker.await.expect("no panic").said(), "410 expired");
}

async fn an_expired_hold(store: Store) {
    let world = World::start(store, ASK).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    world.held_at("later").await;
    world.advance("1h").await;
    assert_eq!(asker.await.expect("no panic").said(), "504 nobody came", "behind expires the nearest is the earlier");
}

async fn a_stopped_cycle(store: Store) {
    let world = World::start(store, ASK).await;
    world.engine.stop("default", "ask", false).await.expect("it stops");
    let got = world.hit("asked", json!({ "way": "respond", "n": 7 })).await;
    assert_eq!((got.said().as_str(), got.0.transaction), ("200 Webhook accepted.", None));
    assert_eq!(world.hit_status(got.hit()).await, "queued");
}

async fn short(world: &World, n: u32) -> Got {
    let mut arrival = world.arrival("asked", json!({ "way": "hold", "n": n }));
    arrival.wait = Some(Duration::from_millis(50));
    world.send(arrival).await
}

async fn a_response_that_comes_too_late_waits_at_its_address(store: Store) {
    let mut world = World::start(store, ASK).await;
    let got = short(&world, 7).await;
    assert_eq!(got.said(), "202 held");
    let identifier = world.identifier("asked");
    let before = world.engine.answer(&identifier, got.hit()).await.expect("it is known");
    assert!(matches!(&before, AnswerLookup::Pending { transaction, .. } if *transaction == Some(got.transaction())));
    world.hit("later", json!({ "n": 7 })).await;
    for _ in 0..2 {
        let after = world.engine.answer(&identifier, got.hit()).await.expect("it is known");
        let AnswerLookup::Ready(reception) = after else { panic!("{after:?}") };
        assert_eq!(Got(reception).said(), r#"200 {"late":7}"#);
        world.reopen().await;
    }
    let elsewhere = world.identifier("later");
    assert!(world.engine.answer(&elsewhere, got.hit()).await.is_err(), "another webhook has no such answer");
}

async fn a_caller_waits_no_longer_than_it_asked_to(store: Store) {
    let world =
        World::start(store, &ASK.replace("asked:\n    webhook:\n", "asked:\n    webhook: { timeout: 1s }\n")).await;
    let began = std::time::Instant::now();
    assert_eq!(short(&world, 1).await.said(), "202 held");
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    // Asking for more than the webhook's own time-out gives no more.
    let mut arrival = world.arrival("asked", json!({ "way": "hold", "n": 2 }));
    arrival.wait = Some(Duration::from_secs(300));
    assert_eq!(world.send(arrival).await.said(), "202 held");
}

async fn a_second_response_does_nothing(store: Store) {
    let world = World::start(store, ASK).await;
    let got = world.hit("asked", json!({ "way": "respond", "n": 7 })).await;
    assert_eq!(got.said(), r#"201 {"n":7}"#);
    let steps = &world.runs(got.transaction()).await[0].steps;
    let again = steps.iter().find(|step| step.step == "told_again").expect("it is recorded");
    assert_eq!(again.status, "completed");
}

async fn the_run_goes_on_after_the_response(store: Store) {
    let world = World::start(store, ASK).await;
    let got = world.hit("asked", json!({ "way": "respond", "n": 7 })).await;
    assert_eq!(world.document(got.transaction()).await["after"], "it went on");
    assert_eq!(world.status(got.transaction()).await, "completed");
    let answer = world.runs(got.transaction()).await[0].answer.clone().map(|answer| answer.to_string());
    assert!(answer.as_deref().is_some_and(|answer| answer.contains("201") && answer.contains("told")), "{answer:?}");
}

async fn each_webhook_answers_its_own_caller(store: Store) {
    let world = World::start(store, BOTH).await;
    let asker = world.call("asked", json!({ "n": 1 }));
    world.held_at("later").await;
    assert_eq!(world.hit("later", json!({ "n": 1 })).await.said(), "200 to the later one");
    assert_eq!(asker.await.expect("no panic").said(), "200 to the asker");
    // The asker has its answer; the next sender still gets its own.
    assert_eq!(world.hit("later", json!({ "n": 1 })).await.said(), "200 to the later one");
}

async fn no_answer_reaches_another_caller(store: Store) {
    let world = World::start(store, ASK).await;
    let way = |n: u32| if n.is_multiple_of(2) { "respond" } else { "hold" };
    let askers: Vec<_> = (0..40).map(|n| (n, world.call("asked", json!({ "way": way(n), "n": n })))).collect();
    for n in (0..40).filter(|n| way(*n) == "hold") {
        holdfast_tests::eventually("it is held", async || world.hit("later", json!({ "n": n })).await.0.transaction)
            .await;
    }
    for (n, asker) in askers {
        let said = asker.await.expect("no panic").said();
        let wanted = if way(n) == "hold" { format!(r#"200 {{"late":{n}}}"#) } else { format!(r#"201 {{"n":{n}}}"#) };
        assert_eq!(said, wanted);
    }
}

async fn a_closing_engine_leaves_nobody_hanging(store: Store) {
    let mut world = World::start(store, ASK).await;
    let asker = world.call("asked", json!({ "way": "hold", "n": 7 }));
    world.held_at("later").await;
    world.reopen().await;
    let got = asker.await.expect("no panic");
    assert_eq!(got.said(), "202 held");
    world.hit("later", json!({ "n": 7 })).await;
    let after = world.engine.answer(&world.identifier("asked"), got.hit()).await.expect("it is known");
    assert!(matches!(after, AnswerLookup::Ready(_)), "{after:?}");
}
