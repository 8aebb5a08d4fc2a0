//! Tables that fit a terminal: the widest column gives way first, but never the first one, which is
//! what people copy. What goes into a file or a pipe is whole.

use serde_json::Value;

/// A title, and where its value stands in a row: names joined by dots.
#[derive(Clone, Copy, Debug)]
pub struct Column(pub &'static str, pub &'static str);

const GAP: usize = 2;
const COLUMN_MIN: usize = 6;

/// COLUMNS, or the terminal's width; without end where there is none.
pub fn width() -> usize {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let of_terminal = || terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| usize::from(width.0));
    told.or_else(of_terminal).unwrap_or(usize::MAX)
}

pub fn render(rows: &[Value], columns: &[Column], width: usize) -> String {
    if rows.is_empty() {
        return "nothing".to_owned();
    }
    let mut cells: Vec<Vec<String>> = vec![columns.iter().map(|column| column.0.to_owned()).collect()];
    cells.extend(rows.iter().map(|row| columns.iter().map(|column| cell(row, column.1)).collect()));
    let mut widths: Vec<usize> =
        (0..columns.len()).map(|at| cells.iter().map(|row| row[at].chars().count()).max().unwrap_or(0)).collect();
    let gaps = GAP * columns.len().saturating_sub(1);
    while widths.iter().sum::<usize>() + gaps > width {
        let Some(widest) = widths.iter_mut().skip(1).max().filter(|widest| **widest > COLUMN_MIN) else { break };
        *widest -= 1;
    }
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| fit(cell, *width));
        cells.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    };
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn cell(row: &Value, path: &str) -> String {
    let value = path.split('.').fold(row, |value, name| &value[name]);
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.replace(char::is_control, " "),
        Value::Array(items) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    }
}

fn fit(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return format!("{text:<width$}");
    }
    let kept: String = text.chars().take(width.saturating_sub(1)).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[Column("ID", "id"), Column("STATUS", "a.status")];

    #[test]
    fn a_table_lines_up() {
        let rows = [json!({"id": "1", "a": {"status": "held"}}), json!({"id": "long id", "a": {}})];
        assert_eq!(render(&rows, COLUMNS, 80), "ID       STATUS\n1        held\nlong id  -");
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let rows = [json!({"id": "0123456789", "a": {"status": "completed and more than that"}})];
        let table = render(&rows, COLUMNS, 24);
        assert!(table.contains("0123456789  "), "{table}");
        assert!(table.lines().all(|line| line.chars().count() <= 24), "{table}");
        assert!(table.contains('…'));
    }

    #[test]
    fn nothing_is_said_to_be_nothing() {
        assert_eq!(render(&[], COLUMNS, 80), "nothing");
    }
}
