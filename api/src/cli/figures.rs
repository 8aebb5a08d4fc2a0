//! `holdfast cycles figures`: what cycles did in the last 24 hours.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{
    client::{Listing, Server},
    table::{self, Column},
};

const CYCLES: &[Column] = &[
    Column("CYCLE", "cycle"),
    Column("HITS", "hits"),
    Column("STARTED", "started"),
    Column("COMPLETED", "completed"),
    Column("FAILED", "failed"),
    Column("FAILED BY HOUR", "chart"),
];
const STEPS: &[Column] =
    &[Column("STEP", "step"), Column("HELD", "held"), Column("PASSED", "passed"), Column("FAILED", "failed")];

/// Of every cycle in a line each; of one, with its steps.
pub async fn run(server: &Server, listing: &Listing, cycle: Option<&str>) -> anyhow::Result<ExitCode> {
    let path = cycle.map_or_else(|| "figures".to_owned(), |cycle| format!("cycles/{cycle}/figures"));
    let query = if cycle.is_some() { Vec::new() } else { listing.query(&[]) };
    let told = server.get(&path, &query).await?;
    let Some(cycle) = cycle else {
        let lines: Vec<Value> =
            told["data"].as_array().into_iter().flatten().map(|one| line(&one["cycle"], one)).collect();
        let mut text = table::render(&lines, CYCLES, table::width());
        if let Some(next) = told["next"].as_str() {
            text.push_str(&format!("\nmore: --after {next}"));
        }
        return server.done(&told, text);
    };
    let steps = told["steps"].as_array().cloned().unwrap_or_default();
    let whole = table::render(&[line(&json!(cycle), &told)], CYCLES, table::width());
    server.done(&told, format!("{whole}\n\n{}", table::render(&steps, STEPS, table::width())))
}

/// The sums of its hours, and a bar for each.
fn line(cycle: &Value, of: &Value) -> Value {
    let hours = of["hours"].as_array().cloned().unwrap_or_default();
    let each = |name: &str| -> Vec<u64> { hours.iter().map(|hour| hour[name].as_u64().unwrap_or_default()).collect() };
    let sum = |name: &str| each(name).iter().sum::<u64>();
    json!({
        "cycle": cycle, "hits": sum("hits"), "started": sum("started"), "completed": sum("completed"),
        "failed": sum("failed"), "chart": bars(&each("failed")),
    })
}

/// As high as they are among each other; a dot where there is nothing.
fn bars(counts: &[u64]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = counts.iter().copied().max().unwrap_or_default().max(1);
    let bar = |count: &u64| match count {
        0 => '·',
        count => BARS.get(((count * 8).div_ceil(most) - 1) as usize).copied().unwrap_or('█'),
    };
    counts.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::bars;

    #[test]
    fn a_chart_is_as_high_as_its_highest() {
        assert_eq!(bars(&[0, 1, 4, 8]), "·▁▄█");
        assert_eq!(bars(&[0, 0]), "··");
        assert_eq!(bars(&[3]), "█");
    }
}
