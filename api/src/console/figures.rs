//! Small charts of the last 24 hours, one bar an hour, and what is counted at each step.

use std::collections::HashMap;

use holdfast_engine::{HourFigures, PageQuery};

use super::words::count;
use crate::{App, Problem};

/// Of one bar, in the chart's own units.
const PITCH: u64 = 6;
const WIDTH: u64 = 5;
const HEIGHT: u64 = 28;

/// An SVG's bars, and the same in words.
#[derive(Debug)]
pub struct Chart {
    pub bars: Vec<Bar>,
    /// `312 hits`
    pub hits: String,
    pub failed: String,
    /// Nothing failed.
    pub calm: bool,
    pub said: String,
}

#[derive(Debug, PartialEq)]
pub struct Bar {
    pub kind: &'static str,
    pub x: u64,
    pub y: u64,
    pub width: u64,
    pub height: u64,
}

impl Chart {
    pub fn new(hours: &[HourFigures]) -> Self {
        let most = hours.iter().map(|hour| hour.hits.max(hour.failed)).max().unwrap_or_default();
        let mut bars = Vec::with_capacity(hours.len() * 2);
        for (at, hour) in hours.iter().enumerate() {
            let x = at as u64 * PITCH;
            let bar = |kind, height| Bar { kind, x, y: HEIGHT - height, width: WIDTH, height };
            if hour.hits == 0 && hour.failed == 0 {
                bars.push(bar("none", 1));
            }
            for (kind, amount) in [("all", hour.hits), ("wrong", hour.failed)] {
                if amount > 0 {
                    bars.push(bar(kind, high(amount, most)));
                }
            }
        }
        let hits: u64 = hours.iter().map(|hour| hour.hits).sum();
        let failed: u64 = hours.iter().map(|hour| hour.failed).sum();
        let peak = hours.iter().map(|hour| hour.hits).max().unwrap_or_default();
        let said = format!(
            "The last 24 hours: {} hits, {} at most in an hour; {} failed",
            count(hits),
            count(peak),
            count(failed)
        );
        let hits = if hits == 1 { "1 hit".to_owned() } else { format!("{} hits", count(hits)) };
        Self { bars, hits, failed: count(failed), calm: failed == 0, said }
    }
}

/// Anything is seen: two units at least.
fn high(amount: u64, most: u64) -> u64 {
    let part = u128::from(amount) * u128::from(HEIGHT) / u128::from(most.max(1));
    (part as u64).clamp(2, HEIGHT)
}

/// At a step: held now, passed and failed in the last 24 hours.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted {
    pub held: u64,
    pub passed: u64,
    pub failed: u64,
}

/// Of a cycle: its chart, and what is counted at its steps.
pub async fn of_cycle(app: &App, account: &str, cycle: &str) -> Result<(Chart, HashMap<String, Counted>), Problem> {
    let figures = app.engine.figures(account, cycle).await?;
    let steps = figures.steps.into_iter().map(|of| {
        let counted = Counted { held: of.held, passed: of.passed, failed: of.failed };
        (of.step, counted)
    });
    Ok((Chart::new(&figures.hours), steps.collect()))
}

/// Of a page of cycles, by name.
pub async fn of_page(app: &App, account: &str, page: PageQuery) -> Result<HashMap<String, Chart>, Problem> {
    let charts = app.engine.charts(account, page).await?.data;
    Ok(charts.into_iter().map(|of| (of.cycle, Chart::new(&of.hours))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(hits: u64, failed: u64) -> HourFigures {
        HourFigures { hits, failed, ..HourFigures::default() }
    }

    #[test]
    fn the_highest_bar_fills_the_chart_and_one_of_a_million_is_still_seen() {
        let hours = [hour(1_000_000, 1), hour(0, 0), hour(500_000, 0)];
        let chart = Chart::new(&hours);
        let seen: Vec<_> = chart.bars.iter().map(|bar| (bar.kind, bar.x, bar.y, bar.height)).collect();
        assert_eq!(seen, [("all", 0, 0, 28), ("wrong", 0, 26, 2), ("none", 6, 27, 1), ("all", 12, 14, 14)]);
        assert_eq!(chart.said, "The last 24 hours: 1,500,000 hits, 1,000,000 at most in an hour; 1 failed");
    }

    #[test]
    fn no_number_of_hits_is_too_large() {
        let chart = Chart::new(&[hour(u64::MAX, 0)]);
        assert_eq!(chart.bars.first().map(|bar| bar.height), Some(28));
    }
}
