use super::*;

fn counts(hits: i64, passed: i64) -> TallyCounts {
    TallyCounts { hits, passed, ..TallyCounts::default() }
}

#[test]
fn an_hour_begins_on_the_hour() {
    assert_eq!(hour_of(2 * HOUR + 1), 2 * HOUR);
    assert_eq!(hour_of(2 * HOUR), 2 * HOUR);
    assert_eq!(hour_of(-1), -HOUR);
}

#[test]
fn what_could_not_be_written_is_counted_with_what_came_since() {
    let tallies = Tallies::default();
    let cycle = Uuid::from_u128(1);
    let hit = |at| {
        let mut tally = Tally::at(at);
        tally.hit(cycle);
        tally
    };
    tallies.add("a", hit(5 * HOUR + 1));
    let row = TallyRow { cycle_id: cycle, step: String::new(), hour: 5 * HOUR, counts: counts(2, 0) };
    let step = TallyRow { step: "look".into(), counts: counts(0, 7), ..row.clone() };
    tallies.put_back(vec![("a".into(), vec![row.clone(), step.clone()])]);
    tallies.add("a", hit(6 * HOUR - 1));
    tallies.add("a", hit(6 * HOUR));
    tallies.add("b", hit(5 * HOUR));

    let mut found = tallies.unwritten("a", &[cycle], 5 * HOUR);
    found.sort_by(|one, other| (one.hour, &one.step).cmp(&(other.hour, &other.step)));
    let last = TallyRow { hour: 6 * HOUR, counts: counts(1, 0), ..row.clone() };
    assert_eq!(found, [TallyRow { counts: counts(4, 0), ..row }, step, last.clone()]);
    assert_eq!(tallies.unwritten("a", &[cycle], 6 * HOUR), [last]);
    assert_eq!(tallies.unwritten("a", &[Uuid::nil()], 0), []);
}
