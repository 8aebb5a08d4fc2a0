//! CSV (RFC 4180) as rows of texts, or as objects named by the first row.
//!
//! Invariant: every cell is a text; nothing is guessed to be a number.

use holdfast_definitions::{Json, Members};

pub fn parse(text: &str, separator: char, header: bool) -> Result<Json, String> {
    let mut rows = rows(text.strip_prefix('\u{feff}').unwrap_or(text), separator)?.into_iter();
    if !header {
        let rows: Vec<Json> = rows.map(|row| Json::from(row.into_iter().map(Json::Text).collect::<Vec<_>>())).collect();
        return Ok(Json::from(rows));
    }
    let names = rows.next().unwrap_or_default();
    let mut objects = Vec::new();
    for row in rows {
        if row.len() != names.len() {
            return Err(format!("a row has {} cells, the first has {}", row.len(), names.len()));
        }
        objects.push(Json::from(names.iter().cloned().zip(row.into_iter().map(Json::Text)).collect::<Members>()));
    }
    Ok(Json::from(objects))
}

fn rows(text: &str, separator: char) -> Result<Vec<Vec<String>>, String> {
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (cell, after) = match rest.strip_prefix('"') {
            Some(inner) => quoted(inner)?,
            None => {
                let end = rest.find([separator, '\r', '\n']).unwrap_or(rest.len());
                (rest[..end].to_owned(), &rest[end..])
            }
        };
        row.push(cell);
        if let Some(next) = after.strip_prefix(separator) {
            // A separator at the very end has an empty cell behind it.
            if next.is_empty() {
                row.push(String::new());
            }
            rest = next;
            continue;
        }
        rest = match after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r'])) {
            Some(next) => next,
            None if after.is_empty() => after,
            None => return Err("there is text behind a closing quote".to_owned()),
        };
        rows.push(std::mem::take(&mut row));
    }
    if !row.is_empty() {
        rows.push(row);
    }
    Ok(rows)
}

/// A cell up to its closing quote, doubled quotes made single, and what follows it.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"').ok_or("a quote is not closed")?;
        cell.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => return Ok((cell, rest)),
        }
    }
}

/// Rows that are arrays, or objects: then the first row is the names of the first object.
pub fn format(rows: &Json, separator: char) -> Result<String, String> {
    let Json::Array(rows) = rows else { return Err("the rows are no array".to_owned()) };
    let mut out = String::new();
    if let Some(Json::Object(first)) = rows.first() {
        line(&mut out, first.keys().map(|name| Ok(name.clone())), separator)?;
        for row in rows.iter() {
            let cells = first.keys().map(|name| cell(row.get(name).unwrap_or(&Json::Null)));
            line(&mut out, cells, separator)?;
        }
        return Ok(out);
    }
    for row in rows.iter() {
        let Json::Array(cells) = row else { return Err("a row is no array".to_owned()) };
        line(&mut out, cells.iter().map(cell), separator)?;
    }
    Ok(out)
}

fn cell(value: &Json) -> Result<String, String> {
    match value {
        Json::Null => Ok(String::new()),
        Json::Text(text) => Ok(text.clone()),
        Json::Array(_) | Json::Object(_) => Err(format!("a cell is {}", value.kind())),
        Json::Bool(_) | Json::Number(_) => {
            let mut text = String::new();
            value.write_to(&mut text);
            Ok(text)
        }
    }
}

fn line(out: &mut String, cells: impl Iterator<Item = Result<String, String>>, separator: char) -> Result<(), String> {
    for (index, cell) in cells.enumerate() {
        let cell = cell?;
        if index > 0 {
            out.push(separator);
        }
        if cell.contains([separator, '"', '\r', '\n']) {
            out.push('"');
            out.push_str(&cell.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(&cell);
        }
    }
    out.push_str("\r\n");
    Ok(())
}
