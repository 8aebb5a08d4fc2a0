use super::*;

fn failed(message: &str) -> Ended {
    Ended::Failed(object([("message", Json::from(message))]))
}

#[test]
fn what_is_kept_is_read_as_it_was() {
    let mut progress = Progress { began: 7, steps: 3, stop: true, ..Progress::default() };
    progress.places.insert(0, Place { trace: vec![Json::from("a")], ..Place::default() });
    progress.end(0, Ended::Result(Json::Null));
    progress.end(2, failed("no"));
    let place = Place {
        step: "book".into(),
        due: Some(9),
        attempts: Json::from(vec![Json::from("tried")]),
        added: Members::from_iter([("b".to_owned(), Json::from("x")), ("a".to_owned(), Json::Null)]),
        last: Some("b".into()),
        trace: vec![Json::from("t")],
    };
    assert_eq!(place.last_output(), Json::from("x"));
    progress.places.insert(1, place);
    progress.places.insert(3, Place { step: "book".into(), attempts: no_attempts(), ..Place::default() });
    progress.raise(2, "late".into(), Json::from("data"));
    let read = Progress::read(&progress.write()).expect("readable").expect("there");
    assert_eq!(read, progress);
    assert_eq!(Progress::read("[]").expect("readable"), None);
}

#[test]
fn the_lowest_failure_is_told_and_events_go_by_element() {
    let mut progress = Progress::default();
    progress.raise(4, "b".into(), Json::Null);
    progress.raise(1, "a".into(), Json::Null);
    progress.raise(4, "c".into(), Json::Null);
    progress.end(4, failed("later"));
    progress.end(1, failed("first"));
    assert_eq!(progress.failed().map(|(index, _)| index), Some(1));
    let names: String = progress.take_raised().into_iter().map(|(event, _)| event).collect();
    assert_eq!(names, "abc");
}

#[test]
fn the_trace_says_what_it_leaves_out_and_keeps_room_for_failures() {
    let mut progress = Progress::default();
    (0..200).for_each(|index| progress.end(index, Ended::Result(Json::Null)));
    progress.end(200, failed("no"));
    let shown = progress.shown();
    let Json::Array(traces) = &shown.shown else { panic!("a list") };
    assert_eq!((traces.len(), shown.left_out), (91, 110));
    assert_eq!(traces[90].get("status"), Some(&Json::from("failed")));
    let mut progress = Progress::default();
    for index in 0..10 {
        let trace = vec![Json::from("x".repeat(100 << 10))];
        progress.places.insert(index, Place { trace, ..Place::default() });
        progress.end(index, Ended::Result(Json::Null));
    }
    assert_eq!(progress.shown().left_out, 8);
}

#[test]
fn what_came_of_a_script_is_told_as_it_was() {
    let shown = Shown { at: Some(5), duration_us: 7, console: Some(Json::from("said")), ..Shown::default() };
    let done_so = Done { output: Some(Json::from("out")), shown, ..Done::default() };
    let progress = Progress { save: 3, ..Progress::default() };
    assert_eq!(with_came(progress.write(), Vec::new()), progress.write());
    let written = with_came(progress.write(), vec![came(4, &done_so), full(9)]);
    let read = Progress::read(&written).expect("readable").expect("there");
    assert_eq!((read.save, read.came.len()), (3, 2));
    assert_eq!((became(&read.came[&4]), became(&read.came[&9])), (Kept::Written, Kept::Full));
    let told = done(&read.came[&4]);
    assert_eq!((told.output, told.error, told.shown), (done_so.output, None, done_so.shown));
    assert!(done(&read.came[&9]).error.is_some_and(|error| error.message.contains("keys")));
}
