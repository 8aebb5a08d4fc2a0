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

    fn row(&self) -> Row {
        let holds = match (self.bound, self.holds()) {
            (Bound::Told, _) => "",
            (_, true) => "yes",
            (_, false) => "**no**",
        };
        let reached = format!("{}{}", short(self.reached), self.unit);
        [self.store.clone(), self.what.clone(), reached, self.bound(), holds.to_owned(), self.detail.clone()]
    }
}

pub struct Report {
    lines: Vec<Line>,
    /// What was reached when all was measured last; a quick look is held against it.
    before: Option<Vec<Row>>,
}

/// A quick look is short and may be disturbed: it notices a loss of half.
const SLACK: f64 = 2.0;

impl Report {
    pub fn new(plan: &Plan) -> Self {
        let before = plan.against.as_ref().and_then(|path| rows_of(&std::fs::read_to_string(path).ok()?));
        Self { lines: Vec::new(), before: plan.quick.then(|| before.unwrap_or_default()) }
    }

    /// The bound, or for a quick look half of what was reached: of the bound, where that was more.
    fn bound(&self, store: &str, what: &str, bound: Bound) -> Bound {
        let Some(rows) = &self.before else { return bound };
        let row = rows.iter().find(|row| row[0] == store && row[1] == what);
        let digits = |text: &str| text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect::<String>();
        let reached = row.and_then(|row| digits(&row[2]).parse::<f64>().ok());
        match bound {
            Bound::AtLeast(bound) => Bound::AtLeast(reached.map_or(bound, |reached| bound.min(reached)) / SLACK),
            Bound::AtMost(bound) => Bound::AtMost(reached.map_or(bound, |reached| bound.max(reached)) * SLACK),
            Bound::Told => Bound::Told,
        }
    }

    pub fn line(&mut self, store: &str, what: &str, bound: Bound, reached: f64, unit: &'static str, detail: String) {
        let bound = self.bound(store, what, bound);
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

    /// Writes what was asked for, so far. Lines of other parts, measured before, stay.
    pub fn save(&self, plan: &Plan) -> Result<()> {
        let Some(out) = &plan.out else { return Ok(()) };
        let text = std::fs::read_to_string(out).unwrap_or_default();
        let mut rows = rows_of(&text).context("no place for the table: see docs/performance.md")?;
        for line in &self.lines {
            let row = line.row();
            match rows.iter_mut().find(|old| old[..2] == row[..2]) {
                Some(old) => *old = row,
                None => rows.push(row),
            }
        }
        std::fs::write(out, with_rows(&text, &rows).unwrap_or(text))?;
        std::fs::write(out.with_extension("svg"), chart(&rows))?;
        Ok(())
    }

    /// An error where a line did not hold.
    pub fn end(self) -> Result<()> {
        let missed = self.lines.iter().filter(|line| !line.holds()).count();
        print(&format!("{} lines, {missed} out of bounds", self.lines.len()));
        ensure!(missed == 0, "{missed} of {} lines are out of their bounds", self.lines.len());
        Ok(())
    }
}

/// A line of the table: database, what, reached, bound, holds, measured.
type Row = [String; 6];

const HEAD: &str = "| database | what | reached | bound | holds | measured |\n| --- | --- | --- | --- | --- | --- |\n";

fn rows_of(text: &str) -> Option<Vec<Row>> {
    let (_, rest) = text.split_once(BEGIN)?;
    let (table, _) = rest.split_once(END)?;
    let cells = |line: &str| {
        let cells: Vec<String> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        Row::try_from(cells).ok()
    };
    Some(table.lines().skip(2).filter_map(cells).collect())
}

fn with_rows(text: &str, rows: &[Row]) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    let mut table = String::from(HEAD);
    for row in rows {
        let _ = writeln!(table, "| {} |", row.join(" | "));
    }
    Some(format!("{before}{BEGIN}{table}{END}{after}"))
}

/// The ratios to the grouped baseline as bars, their bounds as ticks.
fn chart(rows: &[Row]) -> String {
    const ROW: usize = 22;
    let number = |text: &str| -> Option<f64> { text.strip_suffix('×')?.trim_start_matches('≥').trim().parse().ok() };
    let bars: Vec<(&Row, f64, f64)> = rows
        .iter()
        .filter(|row| row[3].starts_with('≥'))
        .filter_map(|row| Some((row, number(&row[2])?, number(&row[3])?)))
        .collect();
    let height = bars.len() * ROW + 40;
    let scale = |ratio: f64| ratio.clamp(0.0, 2.0) * 150.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"760\" height=\"{height}\" fill=\"#fff\"/>\n\
         <text x=\"10\" y=\"20\" fill=\"#222\">Ratios that have a least, and that least as a tick</text>\n"
    );
    for (at, (row, reached, bound)) in bars.iter().enumerate() {
        let y = 32 + at * ROW;
        let colour = if reached >= bound { "#2a7f62" } else { "#b3452c" };
        let (width, tick) = (scale(*reached), 400.0 + scale(*bound));
        let _ = writeln!(
            svg,
            "<text x=\"390\" y=\"{0}\" text-anchor=\"end\" fill=\"#222\">{1} · {2}</text>\
             <rect x=\"400\" y=\"{y}\" width=\"{width:.1}\" height=\"14\" fill=\"{colour}\"/>\
             <text x=\"{3:.1}\" y=\"{0}\" fill=\"#222\">{4}</text>\
             <line x1=\"{tick:.1}\" x2=\"{tick:.1}\" y1=\"{5}\" y2=\"{6}\" stroke=\"#222\"/>",
            y + 11,
            escape(&row[0]),
            escape(&row[1]),
            406.0 + width,
            short(*reached),
            y - 2,
            y + 16
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

const BEGIN: &str = "<!-- table: tests/bench writes it -->\n";
const END: &str = "<!-- end of table -->";

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
