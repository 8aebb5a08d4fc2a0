//! How two correlation values nearly agree, said so that a person sees it: a space too many, a letter O
//! for a zero, another case.
//!
//! Invariant: nothing here decides a match; equality is the key's alone.

use holdfast_definitions::Json;

/// Longer ones are not compared letter by letter.
const COMPARED_CHARS_MAX: usize = 200;
/// What one of the two has more of is a name's prefix or suffix only where the rest is at least this.
const SHARED_CHARS_MIN: usize = 2;

/// The distance of values that have nothing to do with each other.
pub const OTHER: usize = 4;

/// How far apart, and in what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearness {
    /// 1: nobody would see it; 2: a slip of the pen; 3: one digit, as in the next number; 4: other values.
    pub distance: usize,
    /// What of the first is otherwise than the second: `it has a space more at its end`.
    pub words: String,
}

impl Nearness {
    fn of(distance: usize, words: impl Into<String>) -> Self {
        Self { distance, words: words.into() }
    }
}

/// Of two that are not equal.
pub fn nearness(mine: &Json, theirs: &Json) -> Nearness {
    let (a, b) = (text(mine), text(theirs));
    if a == b {
        return Nearness::of(1, format!("it is {} and the other is {}", kind(mine), kind(theirs)));
    }
    if visible(&a) == visible(&b) {
        return Nearness::of(1, unseen(&a, &b));
    }
    let (a_folded, b_folded) = (visible(&a).to_lowercase(), visible(&b).to_lowercase());
    if a_folded == b_folded {
        return Nearness::of(1, "it differs in upper and lower case");
    }
    let (a_bare, b_bare) = (a_folded.trim_start_matches(['0', '#']), b_folded.trim_start_matches(['0', '#']));
    if a_bare == b_bare && !a_bare.is_empty() {
        return Nearness::of(2, leading(&a, &b));
    }
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    if letters(&a_folded) == letters(&b_folded) && !letters(&a_folded).is_empty() {
        return Nearness::of(2, "it differs in what stands between the letters and digits");
    }
    let (a_chars, b_chars): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a_chars.len().max(b_chars.len()) <= COMPARED_CHARS_MAX {
        if let Some(words) = affix(&a_chars, &b_chars) {
            return Nearness::of(2, words);
        }
        if let Some((distance, words)) = one_letter(&a_chars, &b_chars) {
            return Nearness::of(distance, words);
        }
    }
    Nearness::of(OTHER, "it is another value")
}

fn text(value: &Json) -> String {
    match value {
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    }
}

fn kind(value: &Json) -> String {
    match value.kind() {
        "text" => "text".to_owned(),
        other => format!("a {other}"),
    }
}

/// White space, and what has no width at all.
fn is_unseen(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' | '\u{ad}')
}

fn visible(text: &str) -> String {
    text.chars().filter(|c| !is_unseen(*c)).collect()
}

/// Two that look the same.
fn unseen(a: &str, b: &str) -> String {
    let edge = |text: &str, at_end: bool| -> Vec<char> {
        let take = |c: &char| is_unseen(*c);
        if at_end { text.chars().rev().take_while(take).collect() } else { text.chars().take_while(take).collect() }
    };
    let mut said = Vec::new();
    for (at_end, place) in [(false, "start"), (true, "end")] {
        let (mine, theirs) = (edge(a, at_end), edge(b, at_end));
        match mine.len().cmp(&theirs.len()) {
            std::cmp::Ordering::Greater => said.push(format!("it has {} more at its {place}", named(&mine))),
            std::cmp::Ordering::Less => said.push(format!("it lacks {} at its {place}", named(&theirs))),
            std::cmp::Ordering::Equal => {}
        }
    }
    match said.is_empty() {
        true => "it differs in the white space inside it".to_owned(),
        false => said.join(" and "),
    }
}

/// `a space`, `2 spaces`, `a tab`.
fn named(unseen: &[char]) -> String {
    let first = unseen.first().copied().unwrap_or(' ');
    let name = match first {
        ' ' => "space",
        '\t' => "tab",
        '\n' | '\r' => "line break",
        '\u{a0}' | '\u{202f}' => "no-break space",
        '\u{200b}'..='\u{200d}' | '\u{2060}' => "character without width",
        '\u{feff}' => "byte order mark",
        c if c.is_control() => "control character",
        _ => "invisible character",
    };
    match unseen.iter().filter(|c| **c == first).count() {
        1 if unseen.len() == 1 && name.starts_with(['i', 'o']) => format!("an {name}"),
        1 if unseen.len() == 1 => format!("a {name}"),
        count if count == unseen.len() => format!("{count} {name}s"),
        _ => format!("{} invisible characters", unseen.len()),
    }
}

fn leading(a: &str, b: &str) -> String {
    let begins = |text: &str| text.chars().take_while(|c| matches!(c, '0' | '#')).collect::<String>();
    let (mine, theirs) = (begins(a), begins(b));
    match mine.len() > theirs.len() {
        true => format!("it begins with `{mine}`, which the other {}", without(&theirs)),
        false => format!("the other begins with `{theirs}`, which it {}", without(&mine)),
    }
}

fn without(begins: &str) -> String {
    if begins.is_empty() { "lacks".to_owned() } else { format!("has as `{begins}`") }
}

/// One is the other with something before or behind it, up to a mark: `ORD-A42` and `A42`.
fn affix(a: &[char], b: &[char]) -> Option<String> {
    let (long, short, more) = if a.len() > b.len() { (a, b, true) } else { (b, a, false) };
    if short.len() < SHARED_CHARS_MIN || long.len() < short.len() + 2 {
        return None;
    }
    let is_mark = |c: Option<&char>| c.is_some_and(|c| !c.is_alphanumeric());
    let (rest, place) = if long.ends_with(short) && is_mark(long.get(long.len() - short.len() - 1)) {
        (long.get(..long.len() - short.len())?, "start")
    } else if long.starts_with(short) && is_mark(long.get(short.len())) {
        (long.get(short.len()..)?, "end")
    } else {
        return None;
    };
    let rest: String = rest.iter().collect();
    Some(match more {
        true => format!("it has `{rest}` more at its {place}"),
        false => format!("it lacks `{rest}` at its {place}"),
    })
}

/// One letter is another, too many or missing, or two have changed places.
fn one_letter(a: &[char], b: &[char]) -> Option<(usize, String)> {
    if a.len().min(b.len()) < 2 || a.len().max(b.len()) < 3 {
        return None;
    }
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let room = a.len().min(b.len()) - head;
    let tail = a.iter().rev().zip(b.iter().rev()).take(room).take_while(|(x, y)| x == y).count();
    let (mine, theirs) = (a.get(head..a.len() - tail)?, b.get(head..b.len() - tail)?);
    let words = match (mine, theirs) {
        ([x], [y]) => format!("it has {} in place of {}", letter(*x), letter(*y)),
        ([x], []) => format!("it has {} too many", letter(*x)),
        ([], [y]) => format!("it lacks {}", letter(*y)),
        ([x1, x2], [y1, y2]) if x1 == y2 && x2 == y1 => format!("`{y1}` and `{y2}` have changed places in it"),
        _ => return None,
    };
    let digits = |part: &[char]| part.iter().all(char::is_ascii_digit);
    let is_count = mine.len() + theirs.len() < 4 && digits(mine) && digits(theirs);
    Some((if is_count { 3 } else { 2 }, words))
}

/// With its kind, where it may be mistaken for another.
fn letter(c: char) -> String {
    match c {
        'O' | 'o' | 'l' | 'I' | 'S' | 'B' => format!("the letter `{c}`"),
        c if c.is_ascii_digit() => format!("the digit `{c}`"),
        c if c.is_ascii() => format!("`{c}`"),
        c => format!("`{c}` (U+{:04X})", u32::from(c)),
    }
}

#[cfg(test)]
#[path = "differ_tests.rs"]
mod tests;
