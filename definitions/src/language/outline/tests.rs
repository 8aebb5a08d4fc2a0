use std::{fs, path::Path};

use super::*;
use crate::yaml;

/// The keys and scalars of a node, each with its place, in order.
fn ours(text: &str, node: &Node, into: &mut Vec<(usize, String)>) {
    let mut leaf = |range: &Range<usize>| into.push((range.start, text[range.clone()].to_owned()));
    match &node.value {
        Value::Nothing => {}
        Value::Scalar(scalar) => leaf(&scalar.range),
        Value::Map(entries) => {
            for entry in entries {
                into.push((entry.key.start, text[entry.key.clone()].to_owned()));
                ours(text, &entry.value, into);
            }
        }
        Value::List(items) => items.iter().for_each(|item| ours(text, item, into)),
    }
}

/// What the real reader has at those places.
fn theirs(text: &str, node: &yaml::Node, into: &mut Vec<usize>) {
    let lines = crate::Lines::new(text);
    let start = |node: &yaml::Node| {
        let at = lines.offset_of(node.span.line, node.span.column);
        at + usize::from(!node.block && text[at..].starts_with(['"', '\'']))
    };
    match &node.value {
        yaml::Value::Null if node.span.line == node.span.end_line && node.span.column == node.span.end_column => {}
        yaml::Value::Map(members) => {
            for (key, value) in members {
                into.push(start(key));
                theirs(text, value, into);
            }
        }
        yaml::Value::List(items) => items.iter().for_each(|item| theirs(text, item, into)),
        _ => into.push(start(node)),
    }
}

fn examples() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders =
        ["cycles", "../tests/corpora/definitions/good", "../tests/corpora/definitions/bad", "../bench/cycles"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let paths = files.map(|file| file.unwrap().path());
    let yaml = paths.filter(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    yaml.map(|path| fs::read_to_string(path).unwrap()).collect()
}

#[test]
fn what_the_real_reader_takes_is_the_same_here() {
    let mut compared = 0;
    for text in examples() {
        let (real, problems) = yaml::read(&text);
        // What is refused in its form, and what has no place of its own here: aliases.
        if !problems.is_empty() || text.contains("&value") {
            continue;
        }
        let (mut mine, mut wanted) = (Vec::new(), Vec::new());
        documents(&text).iter().for_each(|document| ours(&text, &document.root, &mut mine));
        real.iter().for_each(|document| theirs(&text, &document.root, &mut wanted));
        let places: Vec<usize> = mine.iter().map(|(start, _)| *start).collect();
        let first = places.iter().zip(&wanted).position(|(a, b)| a != b);
        assert_eq!(places, wanted, "{:?} in\n{text}", first.map(|at| &mine[at]));
        compared += 1;
    }
    assert!(compared > 100, "{compared}");
}

fn shown(text: &str) -> String {
    fn show(text: &str, node: &Node, into: &mut String) {
        match &node.value {
            Value::Nothing => into.push('~'),
            Value::Scalar(scalar) => into.push_str(&format!("`{}`", &text[scalar.range.clone()])),
            Value::Map(entries) => {
                into.push('{');
                for entry in entries {
                    into.push_str(&text[entry.key.clone()]);
                    into.push_str(if entry.colon { ":" } else { "?" });
                    show(text, &entry.value, into);
                    into.push(' ');
                }
                into.push('}');
            }
            Value::List(items) => {
                into.push('[');
                for item in items {
                    show(text, item, into);
                    into.push(' ');
                }
                into.push(']');
            }
        }
    }
    let mut into = String::new();
    documents(text).iter().for_each(|document| show(text, &document.root, &mut into));
    into
}

#[test]
fn what_is_being_written_is_read_as_what_it_becomes() {
    for (text, expected) in [
        // A key without its colon: among others, before the first, above a block, in an item, between braces.
        ("a: 1\nb", "{a:`1` b?~ }"),
        ("a:\n  b\n  c: 1", "{a:{b?~ c:`1` } }"),
        ("a:\n  b\n    c: 1\n  d: 2", "{a:{b?{c:`1` } d:`2` } }"),
        ("a:\n  - b: 1\n    c\n  - d", "{a:[{b:`1` c?~ } `d` ] }"),
        ("a: { b: 1, c }\nd: 2", "{a:{b:`1` c?~ } d:`2` }"),
        // Alone it may become one.
        ("a:\n  b", "{a:`b` }"),
        // Braces, brackets and quotes that are not closed end with what they belong to.
        ("a: { b: 1, c: \nd: 2", "{a:{b:`1` c:~ } d:`2` }"),
        ("a:\n  b: { c: [1, 2\n  d: 2", "{a:{b:{c:[`1` `2` ] } d:`2` } }"),
        ("a: { b: \"x ${$.\nc: 2", "{a:{b:`x ${$.` } c:`2` }"),
        ("a: \"x ${$.\n\nb: 'y'", "{a:`x ${$.` b:`y` }"),
        // Paths and templates without quotes.
        ("a: { b: $.c[0].d, e: ${$.f ?? 1}, g: 1 }", "{a:{b:`$.c[0].d` e:`${$.f ?? 1}` g:`1` } }"),
        // Wrong indentation.
        ("a:\n    b: 1\n  c: 2\nd: 3", "{a:{b:`1` c:`2` } d:`3` }"),
        ("a: 1\n  b: 2\nc: 3", "{a:`1` b:`2` c:`3` }"),
        ("- a: 1\n - b: 2\n- c", "[{a:`1` } `c` ]"),
        // Blocks, comments, several documents.
        ("a: | # why\n  b: 1\n\n  c\nd: >-\n", "{a:`b: 1\n\n  c` d:`` }"),
        ("# x\n---\na: b # c\n---\nd: e#f\n...\n", "{a:`b` }{d:`e#f` }"),
        ("a: &x 1\nb: !t { c: *x }", "{a:`1` b:{c:`*x` } }"),
        ("", ""),
    ] {
        assert_eq!(shown(text), expected, "{text}");
    }
}

#[test]
fn every_cut_and_every_gap_is_read_to_its_end() {
    for text in examples().iter().filter(|text| text.len() < 3_000) {
        for (at, _) in text.char_indices() {
            documents(&text[..at]);
            let rest = (at + 7..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            documents(&format!("{}{}", &text[..at], &text[rest..]));
        }
    }
}

#[test]
fn a_large_text_is_read_in_no_time() {
    let began = std::time::Instant::now();
    for piece in ["{", "[", "\"a\",", "${", "- ", "a: ", "a:\n", "'", "x[", " ", "a: |\n b\n", "# ", "a\n", ": "] {
        let text = piece.repeat((1 << 20) / piece.len());
        documents(&text);
        documents(&format!("a: {{ {text}"));
        documents(&format!("a: [{text}"));
    }
    assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", began.elapsed());
}
