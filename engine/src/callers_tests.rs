use super::*;

fn caller(hit: u128, step: &str, hold: i32) -> Caller {
    Caller { hit: Uuid::from_u128(hit), step: step.into(), hold }
}

fn lineage(hits: &[(&str, u128)]) -> Vec<(String, Uuid)> {
    hits.iter().map(|(step, hit)| ((*step).to_owned(), Uuid::from_u128(*hit))).collect()
}

#[test]
fn a_run_that_is_over_answers_its_own_caller_and_those_of_the_hold_it_resumed() {
    let callers = vec![caller(1, "start", 1), caller(2, "ready", 2), caller(3, "other", 9)];
    let (waiting, over) = settle(callers, 2, Some(1), &lineage(&[("start", 1), ("ready", 2)]), &Ended::Over);
    assert_eq!(waiting, [caller(3, "other", 9)]);
    assert_eq!(over, [caller(1, "start", 1), caller(2, "ready", 2)]);
}

#[test]
fn a_hold_keeps_those_who_can_still_be_answered_from_there() {
    let callers = vec![caller(1, "start", 1), caller(2, "ready", 2)];
    let ended = Ended::Held { may_answer: &["start"], replaces: None };
    let (waiting, over) = settle(callers, 2, Some(1), &lineage(&[("start", 1), ("ready", 2)]), &ended);
    assert_eq!(waiting, [caller(1, "start", 2)]);
    assert_eq!(over, [caller(2, "ready", 2)]);
}

#[test]
fn whoever_waited_at_a_hold_that_another_replaced_is_not_forgotten() {
    // Hit 2 brought the transaction to the hold of run 2; hit 3 now brings it there again.
    let callers = vec![caller(2, "ready", 2), caller(3, "ready", 3)];
    let ended = Ended::Held { may_answer: &["ready"], replaces: Some(2) };
    let (waiting, over) = settle(callers, 3, Some(1), &lineage(&[("start", 1), ("ready", 3)]), &ended);
    assert_eq!(waiting, [caller(3, "ready", 3)]);
    assert_eq!(over, [caller(2, "ready", 2)]);
}

#[test]
fn callers_are_stored_and_read_again() {
    let callers = vec![caller(1, "start", 1), caller(2, "a_b", 10_000)];
    assert_eq!(from_text(to_text(&callers).as_deref()).unwrap(), callers);
    assert_eq!(to_text(&[]), None);
}
