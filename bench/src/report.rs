//! Lines with a bound and what was reached: on the terminal as they come, and as a table and a chart.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};

use crate::{Plan, print};

#[derive(Clone, Copy, Debug)]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// Shown, not judged.
    Told,
}

struct Line {
    store: String,
    what: String,
    bound: Bound,
    reached: f64,
    unit: &'static str,
    detail: String,
}

impl Line {
    fn holds(&self) -> bool {
        match self.bound {
            Bound::AtLeast(bound) => self.reached >= bound,
            Bound::AtMost(bound) => self.reached <= bound,
            Bound::Told => true,
        }
    }

    fn bound(&self) -> String {
        match self.bound {
            Bound::AtLeast(bound) => format!("≥ {}{}", short(bound), self.unit),
            Bound::AtMost(bound) => format!("≤ {}{}", short(bound), self.unit),
            Bound::Told => String::new(),
        }
    }
}

pub struct Report {
    lines: Vec<Line>,
    /// Bounds are this much wider.
    slack: f64,
}

impl Report {
    pub fn new(plan: &Plan) -> Self {
        Self { lines: Vec::new(), slack: if plan.quick { 2.0 } else { 1.0 } }
    }

    pub fn line(&mut self, store: &str, what: &str, bound: Bound, reached: f64, unit: &'static str, detail: String) {
        let bound = match bound {
            Bound::AtLeast(bound) => Bound::AtLeast(bound / self.slack),
            Bound::AtMost(bound) => Bound::AtMost(bound * self.slack),
            Bound::Told => Bound::Told,
        };
        let line = Line { store: store.to_owned(), what: what.to_owned(), bound, reached, unit, detail };
        let verdict = if line.holds() { "  " } else { "✗ " };
        print(&format!(
            "{verdict}{:<10} {:<58} {:>10} {:>10}  {}",
            line.store,
            line.what,
            format!("{}{unit}", short(reached)),
            line.bound(),
            line.detail
        ));
        self.lines.push(line);
    }

    /// Writes what was asked for; an error where a line did not hold.
    pub fn end(self, plan: &Plan) -> Result<()> {
        if let Some(out) = &plan.out {
            let text = std::fs::read_to_string(out).unwrap_or_default();
            let table = between(&text, &self.table()).context("no place for the table: see docs/performance.md")?;
            std::fs::write(out, table)?;
            std::fs::write(out.with_extension("svg"), self.chart())?;
        }
        let missed = self.lines.iter().filter(|line| !line.holds()).count();
        print(&format!("{} lines, {missed} out of bounds", self.lines.len()));
        ensure!(missed == 0, "{missed} of {} lines are out of their bounds", self.lines.len());
        Ok(())
    }

    fn table(&self) -> String {
        let mut text = String::from(
            "| database | what | reached | bound | holds | measured |\n| --- | --- | --- | --- | --- | --- |\n",
        );
        for line in &self.lines {
            let holds = match (line.bound, line.holds()) {
                (Bound::Told, _) => "",
                (_, true) => "yes",
                (_, false) => "**no**",
            };
            let (reached, bound) = (short(line.reached), line.bound());
            let _ = writeln!(
                text,
                "| {} | {} | {reached}{} | {bound} | {holds} | {} |",
                line.store, line.what, line.unit, line.detail
            );
        }
        text
    }

    /// The ratios to the grouped baseline as bars, their bounds as ticks.
    fn chart(&self) -> String {
        const ROW: usize = 22;
        let bars: Vec<&Line> =
            self.lines.iter().filter(|line| line.unit == "×" && matches!(line.bound, Bound::AtLeast(_))).collect();
        let height = bars.len() * ROW + 40;
        let scale = |ratio: f64| 300.0 + ratio.clamp(0.0, 2.0) * 200.0;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 {height}\" font-family=\"sans-serif\" \
             font-size=\"12\">\n<rect width=\"720\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"10\" y=\"20\" fill=\"#222\">Throughput, as the ratio to the grouped baseline of the same run</text>\n"
        );
        for (at, line) in bars.iter().enumerate() {
            let y = 32 + at * ROW;
            let colour = if line.holds() { "#2a7f62" } else { "#b3452c" };
            let _ = writeln!(
                svg,
                "<text x=\"290\" y=\"{}\" text-anchor=\"end\" fill=\"#222\">{} · {}</text>\
                 <rect x=\"300\" y=\"{y}\" width=\"{:.1}\" height=\"14\" fill=\"{colour}\"/>\
                 <text x=\"{:.1}\" y=\"{}\" fill=\"#222\">{}</text>",
                y + 11,
                escape(&line.store),
                escape(&line.what),
                scale(line.reached) - 300.0,
                scale(line.reached) + 6.0,
                y + 11,
                short(line.reached)
            );
            if let Bound::AtLeast(bound) = line.bound {
                let x = scale(bound);
                let _ = writeln!(
                    svg,
                    "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#222\"/>",
                    y - 2,
                    y + 16
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const BEGIN: &str = "<!-- table: tests/bench writes it -->\n";
const END: &str = "<!-- end of table -->";

fn between(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// Three figures, or whole numbers with their thousands apart.
pub fn short(value: f64) -> String {
    if value.abs() < 100.0 {
        let digits = if value.abs() < 10.0 { 2 } else { 1 };
        let text = format!("{value:.digits$}");
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 && digit.is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
