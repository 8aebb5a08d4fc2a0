use super::*;

#[test]
fn the_stores_figures_are_written_with_their_labels() {
    let gauges = Gauges {
        held: vec![("default".into(), "order\"s".into(), "status".into(), 7)],
        queued: vec![("default".into(), "orders".into(), 2)],
        waiting_callers: 3,
        commit_queue: 1,
    };
    let mut text = String::new();
    gauge_lines(&gauges, &mut text);
    for line in [
        r#"holdfast_held{account="default",cycle="order\"s",step="status"} 7"#,
        r#"holdfast_queued_hits{account="default",cycle="orders"} 2"#,
        "holdfast_waiting_callers 3",
        "holdfast_commit_queue 1",
        "# TYPE holdfast_held gauge",
    ] {
        assert!(text.lines().any(|found| found == line), "no line {line} in:\n{text}");
    }
}

#[test]
fn a_counter_shows_once_it_counted() {
    let metrics = Metrics::install();
    metrics::counter!("holdfast_hits_total", "outcome" => "accepted").increment(1);
    let text = metrics.render(None);
    assert!(text.contains("holdfast_hits_total{outcome=\"accepted\"} 1"), "{text}");
}
