//! Why a hit matched, or did not, as a page shows it: what the engine explains, with the differing
//! characters marked.

use chrono::{DateTime, Utc};
use holdfast_definitions::{Json, format_duration};
use holdfast_engine::{Explanation, ExtractedValue, NearMiss};

use super::{contents::short, words::When};

/// Longer values are compared by their ends alone.
const COMPARED_CHARS_MAX: usize = 120;
/// Of a value; the whole of it stands in the request.
const VALUE_CHARS_MAX: usize = 300;

#[derive(Debug)]
pub struct Why {
    /// None: it was not sent.
    pub hit: Option<String>,
    pub cycle: String,
    pub step: String,
    pub outcome: Outcome,
    pub summary: String,
    pub read: Vec<Read>,
    /// As it is compared.
    pub key: Option<String>,
    pub candidates: Vec<Candidate>,
    pub near: Vec<Near>,
    pub waiting: Vec<Waiting>,
    /// How long a hit that matches nothing waits for a transaction.
    pub early: Option<String>,
    /// How many that no hit has resumed wait for it.
    pub unresumed: usize,
}

#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// Id, and its end.
    Taken(String, String),
    /// A start webhook's.
    Starts,
    /// With a key that nothing waits for.
    Nothing,
    /// What was read can't be a key.
    NoKey,
    /// Decided by something else than a key.
    Other,
}

/// What a path of the mapping found.
#[derive(Debug)]
pub struct Read {
    pub path: String,
    pub kind: &'static str,
    /// As JSON, with what can't be seen made visible.
    pub value: Option<Vec<Piece>>,
    pub hint: Option<String>,
    /// It can be part of a key.
    pub usable: bool,
}

#[derive(Debug)]
pub struct Candidate {
    pub id: String,
    pub short: String,
    pub version: u32,
    pub started: When,
    pub expires: When,
    pub resumed: bool,
    pub won: bool,
    pub why: String,
}

#[derive(Debug)]
pub struct Near {
    pub id: String,
    pub short: String,
    /// Its sentence, with the id left to the link before it.
    pub text: String,
    pub differences: Vec<Difference>,
    /// It waits at this step: the hit can be given to it by hand.
    pub waits_here: bool,
}

#[derive(Debug)]
pub struct Difference {
    pub path: String,
    pub mine: Vec<Piece>,
    pub theirs: Vec<Piece>,
    pub words: String,
}

#[derive(Debug)]
pub struct Waiting {
    pub id: String,
    pub short: String,
    pub key: String,
}

/// Part of a value, marked where it is not the other's.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    pub text: String,
    pub differs: bool,
}

impl Why {
    pub fn of(told: Explanation, now: DateTime<Utc>) -> Self {
        let outcome = outcome(&told);
        let key = told.key.as_deref().map(shown_key);
        let unresumed = told.candidates.iter().filter(|one| !one.resumed).count();
        let candidate = |one: holdfast_engine::CandidateView| Candidate {
            id: one.transaction.to_string(),
            short: short(one.transaction),
            version: one.version,
            started: When { at: one.started_at, now },
            expires: When { at: one.expires_at, now },
            resumed: one.resumed,
            won: one.won,
            why: one.why,
        };
        let waiting = |one: holdfast_engine::Waiting| Waiting {
            id: one.transaction.to_string(),
            short: short(one.transaction),
            key: shown_key(&one.key),
        };
        Self {
            hit: told.hit.map(|hit| hit.to_string()),
            cycle: told.cycle,
            step: told.step,
            outcome,
            summary: told.summary,
            read: told.extracted.into_iter().map(Read::of).collect(),
            key,
            candidates: told.candidates.into_iter().map(candidate).collect(),
            near: told.near.into_iter().map(Near::of).collect(),
            waiting: told.waiting.into_iter().map(waiting).collect(),
            early: told.early.map(format_duration),
            unresumed,
        }
    }

    pub fn is_sent(&self) -> bool {
        self.hit.is_some()
    }

    /// None took it, or would.
    pub fn is_unmatched(&self) -> bool {
        matches!(self.outcome, Outcome::Nothing | Outcome::NoKey)
    }
}

fn outcome(told: &Explanation) -> Outcome {
    let is_start = told.extracted.is_empty() && told.key.is_none() && !told.step.is_empty();
    match (told.winner, told.outcome.as_str()) {
        (_, "applied") if is_start => Outcome::Starts,
        (Some(winner), _) => Outcome::Taken(winner.to_string(), short(winner)),
        (None, "unmatched") if is_start || told.step.is_empty() => Outcome::Other,
        (None, "unmatched") if told.key.is_none() => Outcome::NoKey,
        (None, "unmatched") => Outcome::Nothing,
        (None, _) => Outcome::Other,
    }
}

impl Read {
    fn of(value: ExtractedValue) -> Self {
        let usable = match &value.value {
            Some(Json::Text(text)) => !text.is_empty(),
            Some(Json::Number(_) | Json::Bool(_)) => true,
            _ => false,
        };
        let shown = value.value.as_ref().filter(|_| !matches!(value.kind, "null"));
        Self {
            usable,
            value: shown.map(|shown| edges(&shown.to_string())),
            path: value.path,
            kind: value.kind,
            hint: value.hint,
        }
    }
}

impl Near {
    fn of(miss: NearMiss) -> Self {
        let id = miss.transaction.to_string();
        let difference = |one: holdfast_engine::Difference| {
            let (mine, theirs) = compared(&one.hit.to_string(), &one.held.to_string());
            Difference { path: one.path, mine, theirs, words: one.words }
        };
        Self {
            text: miss.text.replace(&id, &short(&id)),
            short: short(&id),
            id,
            waits_here: !miss.differences.is_empty() || miss.found_at.is_some(),
            differences: miss.differences.into_iter().map(difference).collect(),
        }
    }
}

fn shown_key(parts: &[Json]) -> String {
    parts.iter().map(|part| clipped(&part.to_string())).collect::<Vec<_>>().join(" and ")
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(VALUE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A value by itself: what nobody would see at its ends is made visible.
fn edges(text: &str) -> Vec<Piece> {
    let inner = text.trim_matches('"');
    let trimmed = inner.trim();
    if trimmed.is_empty() || trimmed.len() == inner.len() {
        return vec![Piece { text: clipped(text), differs: false }];
    }
    let from = text.find(trimmed).unwrap_or_default();
    let (head, rest) = text.split_at(from);
    let (middle, tail) = rest.split_at(trimmed.len());
    vec![
        Piece { text: visible(head), differs: false },
        Piece { text: clipped(middle), differs: false },
        Piece { text: visible(tail), differs: false },
    ]
}

/// Two values side by side, each in pieces.
pub fn compared(mine: &str, theirs: &str) -> (Vec<Piece>, Vec<Piece>) {
    let (a, b): (Vec<char>, Vec<char>) = (mine.chars().collect(), theirs.chars().collect());
    let (mine_kept, theirs_kept) = kept(&a, &b);
    (pieces(&a, &mine_kept), pieces(&b, &theirs_kept))
}

/// Which characters of each belong to both: a longest common subsequence, or the equal ends.
fn kept(a: &[char], b: &[char]) -> (Vec<bool>, Vec<bool>) {
    let (mut mine, mut theirs) = (vec![false; a.len()], vec![false; b.len()]);
    let mut keep = |i: usize, j: usize| {
        if let (Some(mine), Some(theirs)) = (mine.get_mut(i), theirs.get_mut(j)) {
            (*mine, *theirs) = (true, true);
        }
    };
    let head = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    (0..head).for_each(|at| keep(at, at));
    let room = a.len().min(b.len()) - head;
    let tail = a.iter().rev().zip(b.iter().rev()).take(room).take_while(|(x, y)| x == y).count();
    (1..=tail).for_each(|back| keep(a.len() - back, b.len() - back));
    let (a_end, b_end) = (a.len() - tail, b.len() - tail);
    let (a_mid, b_mid) = (a.get(head..a_end).unwrap_or_default(), b.get(head..b_end).unwrap_or_default());
    if a_mid.len().max(b_mid.len()) <= COMPARED_CHARS_MAX {
        for (i, j) in common(a_mid, b_mid) {
            keep(head + i, head + j);
        }
    }
    (mine, theirs)
}

/// The positions of a longest common subsequence.
fn common(a: &[char], b: &[char]) -> Vec<(usize, usize)> {
    let width = b.len() + 1;
    let mut longest = vec![0_u16; (a.len() + 1) * width];
    let at = |longest: &[u16], i: usize, j: usize| longest.get(i * width + j).copied().unwrap_or_default();
    for (i, x) in a.iter().enumerate().rev() {
        for (j, y) in b.iter().enumerate().rev() {
            let length = match x == y {
                true => at(&longest, i + 1, j + 1) + 1,
                false => at(&longest, i + 1, j).max(at(&longest, i, j + 1)),
            };
            if let Some(cell) = longest.get_mut(i * width + j) {
                *cell = length;
            }
        }
    }
    let (mut i, mut j, mut found) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        if x == y {
            found.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if at(&longest, i + 1, j) >= at(&longest, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

fn pieces(chars: &[char], kept: &[bool]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (c, kept) in chars.iter().take(VALUE_CHARS_MAX).zip(kept) {
        match pieces.last_mut().filter(|last| last.differs != *kept) {
            Some(last) => last.text.push(*c),
            None => pieces.push(Piece { text: c.to_string(), differs: !kept }),
        }
    }
    for piece in pieces.iter_mut().filter(|piece| piece.differs) {
        piece.text = visible(&piece.text);
    }
    pieces
}

/// What has no ink gets a sign.
fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' ' => shown.push('·'),
            '\t' => shown.push('⇥'),
            '\n' | '\r' => shown.push('⏎'),
            '\u{a0}' | '\u{202f}' => shown.push('⍽'),
            c if c.is_whitespace()
                || c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}') =>
            {
                shown.push_str(&format!("[U+{:04X}]", u32::from(c)));
            }
            c => shown.push(c),
        }
    }
    shown
}

#[cfg(test)]
#[path = "why_tests.rs"]
mod tests;
