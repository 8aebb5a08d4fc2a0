//! The process's figures in Prometheus' text format. Labels are few and bounded: never a
//! transaction, a hit, a correlation value or an API key.

use std::{fmt::Write as _, sync::OnceLock, time::Duration};

use holdfast_engine::Gauges;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds; from a commit in memory to the longest wait of a synchronous caller.
const DURATION_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 300.0];
/// Commits together, at most some thousand.
const BATCH_BUCKETS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 512.0, 2048.0];
/// The recorder keeps every sample until it is told to gather them.
const UPKEEP: Duration = Duration::from_secs(5);

/// The recorder of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl Metrics {
    /// The one recorder of the process, installed by the first call.
    pub fn install() -> Self {
        static INSTALLED: OnceLock<PrometheusHandle> = OnceLock::new();
        Self(INSTALLED.get_or_init(install).clone())
    }

    /// A recorder that nothing is recorded in: of a server that is only played.
    pub fn idle() -> Self {
        static IDLE: OnceLock<PrometheusHandle> = OnceLock::new();
        Self(IDLE.get_or_init(|| PrometheusBuilder::new().build_recorder().handle()).clone())
    }

    /// Gathers samples now and then, for ever: one task a process.
    pub async fn upkeep(self) {
        loop {
            tokio::time::sleep(UPKEEP).await;
            self.0.run_upkeep();
        }
    }

    /// Everything counted here, and then what the store says.
    pub fn render(&self, gauges: Option<&Gauges>) -> String {
        let mut text = self.0.render();
        if let Some(gauges) = gauges {
            // Written by hand: a gauge in the recorder would outlive its cycle.
            gauge_lines(gauges, &mut text);
        }
        text
    }
}

fn install() -> PrometheusHandle {
    let suffix = |end: &str| Matcher::Suffix(end.to_owned());
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_seconds"), &DURATION_BUCKETS)
        .and_then(|builder| builder.set_buckets_for_metric(suffix("_batch_size"), &BATCH_BUCKETS))
        .unwrap_or_else(|_| PrometheusBuilder::new());
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    // Another recorder may be there already, in a process that embeds this one: then ours is idle.
    let _ = metrics::set_global_recorder(recorder);
    describe();
    handle
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("holdfast_hits_total", "Requests at webhooks, by what became of them.");
    describe_counter!("holdfast_refused_total", "Requests refused, by the kind of problem.");
    describe_counter!(
        "holdfast_limit_reached_total",
        "What was refused, ended or made to wait for a limit, by its name."
    );
    describe_counter!("holdfast_steps_total", "Attempts at steps that touch the world, by what came of them.");
    describe_gauge!("holdfast_requests_in_flight", "Requests being answered now.");
    describe_histogram!("holdfast_request_duration_seconds", "From a request's head to its answer's head.");
}

fn gauge_lines(gauges: &Gauges, text: &mut String) {
    let mut family = |name: &str, help: &str, rows: Vec<(String, u64)>| {
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (labels, value) in rows {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
        text.push('\n');
    };
    let held = gauges
        .held
        .iter()
        .map(|(account, cycle, step, held)| (labels(&[("account", account), ("cycle", cycle), ("step", step)]), *held));
    family("holdfast_held", "Transactions held now.", held.collect());
    let queued = gauges
        .queued
        .iter()
        .map(|(account, cycle, queued)| (labels(&[("account", account), ("cycle", cycle)]), *queued));
    family("holdfast_queued_hits", "Hits queued by a stop.", queued.collect());
    let waiting = vec![(String::new(), gauges.waiting_callers)];
    family("holdfast_waiting_callers", "Callers waiting for an answer at this node.", waiting);
    let commits = vec![(String::new(), gauges.commit_queue)];
    family("holdfast_commit_queue", "Requests waiting for a commit at this node.", commits);
}

fn labels(pairs: &[(&str, &str)]) -> String {
    let quoted = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
#[path = "metrics_tests.rs"]
mod tests;
