use std::sync::Arc;

use chrono::DateTime;
use holdfast_definitions::{Members, check};

use super::*;
use crate::{
    Limits,
    machine::{Event, Setting, advance},
};

const CYCLE: &str = "
cycle: c
steps:
  asked:
    webhook:
    next: told
  told:
    respond:
      status: 201
      headers: { x-note: \"quoted 'é'\" }
      body: { got: \"${$.asked.body}\" }
    next: again
  again:
    respond: { to: asked, body: never sent }
";

fn run(body: Json) -> (Arc<Cycle>, Pass) {
    let checked = check("c.yaml", CYCLE);
    let cycle = checked.cycles.into_iter().next().expect("a cycle");
    let output = Json::from(Members::from_iter([("body".to_owned(), body)]));
    let now = DateTime::UNIX_EPOCH;
    let limits = Limits::default();
    let setting = Setting { now, transaction_id: "t", limits: &limits, env: &(), steps_before: 0 };
    let event = Event::Hit { step: cycle.find("asked").expect("a step"), output };
    let pass = advance(&cycle, &mut Json::from(Members::new()), event, &setting);
    (cycle, pass)
}

fn stored(steps: String, hit: Uuid) -> RunRow {
    RunRow {
        transaction: Uuid::nil(),
        run: 1,
        base: None,
        entry: "asked".into(),
        webhook: None,
        hit: Some(hit),
        status: "completed".into(),
        step: None,
        started_at: 0,
        steps,
        document: None,
        hold_keys: None,
        error: None,
    }
}

#[test]
fn an_answer_is_told_from_the_run_as_it_was_sent() {
    let hit = Uuid::from_u128(7);
    for body in
        [Json::from("plain"), Json::from("\u{0}\"\\\n\u{1f}é"), Json::Null, Json::parse(b"[1.0, {}]").expect("JSON")]
    {
        let (cycle, pass) = run(body);
        let by = cycle.find("told").expect("a step");
        let Some(Effect::Answer { answer: sent, .. }) = pass.effects.first() else { panic!("no answer: {pass:?}") };
        let row = stored(store_steps(&cycle, &pass, true, Some(by)), hit);
        let (step, told) = answer_in(&row, hit).expect("readable").expect("an answer");
        assert_eq!((step.as_str(), &told), ("told", sent));
        assert_eq!(answer_in(&row, Uuid::from_u128(8)).expect("readable"), None, "another hit's");
        let row = stored(store_steps(&cycle, &pass, true, None), hit);
        assert_eq!(answer_in(&row, hit).expect("readable"), None, "it stands elsewhere");
    }
}

#[test]
fn steps_are_kept_in_order_with_what_they_put_out() {
    let (cycle, pass) = run(Json::from("x"));
    let steps = store_steps(&cycle, &pass, true, None);
    let read = steps_of(&stored(steps.clone(), Uuid::nil())).expect("readable");
    let names: Vec<_> = read.iter().map(|step| (step.step.as_str(), step.status.as_str())).collect();
    assert_eq!(names, [("asked", "completed"), ("told", "completed"), ("again", "completed")]);
    assert!(read[0].output.is_none(), "the hit has it: {steps}");
    let body = read[2].result.as_ref().and_then(|result| result.get("body"));
    assert_eq!(body, Some(&Json::from("never sent")), "a second response is recorded");
    let (cycle, pass) = run(Json::from("x"));
    let whole = steps_of(&stored(store_steps(&cycle, &pass, false, None), Uuid::nil())).expect("readable");
    assert!(whole[0].output.is_some());
}
