//! A page out of several lists that are each read from new to old: pure, so that it can be tested by the
//! thousand.
//!
//! Invariant: a page holds the newest there are, each once, in order; where it stopped looking, `next`
//! says from where to go on, and nothing in between is left out. It looks at a bounded number of rows.

use std::collections::BTreeSet;

use uuid::Uuid;

/// Rows of a lane that are read at once, at most.
const CHUNK_MAX: usize = 1_000;
/// Rows of a lane that are read at first, at least.
const CHUNK_MIN: usize = 4;

#[derive(Debug)]
pub struct Lanes<T> {
    lanes: Vec<Lane>,
    size: usize,
    /// Rows that may be looked at yet.
    left: usize,
    chunk: usize,
    ids: BTreeSet<Uuid>,
    found: Vec<(Uuid, T)>,
}

#[derive(Debug)]
struct Lane {
    /// All from here on has been looked at.
    before: Uuid,
    done: bool,
}

/// What was read of a lane.
#[derive(Debug)]
pub struct Seen<T> {
    pub lane: usize,
    pub id: Uuid,
    /// None: it is not wanted.
    pub row: Option<T>,
}

impl<T> Lanes<T> {
    /// A page of so many ids below `before`, for which about `most` rows are looked at.
    pub fn new(lanes: usize, before: Uuid, size: usize, most: usize) -> Self {
        let share = (4 * (size + 1)).div_ceil(lanes.max(1));
        Self {
            lanes: (0..lanes).map(|_| Lane { before, done: false }).collect(),
            size,
            left: most,
            chunk: share.max(CHUNK_MIN).min(size + 1).min(CHUNK_MAX),
            ids: BTreeSet::new(),
            found: Vec::new(),
        }
    }

    /// What to read next: (lane, only ids below), and how many of each. None: the page is there.
    pub fn next(&mut self) -> Option<(Vec<(usize, Uuid)>, usize)> {
        if self.left == 0 {
            return None;
        }
        let asked: Vec<(usize, Uuid)> = self.open().map(|(at, lane)| (at, lane.before)).collect();
        if asked.is_empty() {
            return None;
        }
        let limit = self.chunk.min(self.left.div_ceil(asked.len()));
        self.chunk = (self.chunk * 4).min(CHUNK_MAX);
        Some((asked, limit))
    }

    /// What was read of what was asked for, in whatever order.
    pub fn seen(&mut self, asked: &[(usize, Uuid)], limit: usize, rows: Vec<Seen<T>>) {
        let mut counts = vec![0_usize; self.lanes.len()];
        self.left = self.left.saturating_sub(rows.len().max(1));
        for Seen { lane, id, row } in rows {
            let (Some(of), Some(count)) = (self.lanes.get_mut(lane), counts.get_mut(lane)) else { continue };
            of.before = of.before.min(id);
            *count += 1;
            if let Some(row) = row {
                self.ids.insert(id);
                self.found.push((id, row));
            }
        }
        for (at, _) in asked {
            if let (Some(of), Some(count)) = (self.lanes.get_mut(*at), counts.get(*at)) {
                of.done |= *count < limit;
            }
        }
    }

    /// The page, and from where to go on; and whether the end was reached.
    pub fn page(mut self) -> (Vec<(Uuid, T)>, Option<Uuid>) {
        let stopped = self.open().map(|(_, lane)| lane.before).max();
        if let Some(stopped) = stopped {
            self.ids = self.ids.split_off(&stopped);
        }
        let last = self.ids.iter().rev().take(self.size).min().copied();
        let more = self.ids.len() > self.size;
        let next = if more { last } else { stopped };
        let from = match (more, stopped) {
            (true, _) => last.unwrap_or(Uuid::max()),
            (false, stopped) => stopped.unwrap_or(Uuid::nil()),
        };
        self.found.retain(|(id, _)| *id >= from);
        self.found.sort_by_key(|(id, _)| std::cmp::Reverse(*id));
        (self.found, next)
    }

    /// Lanes that may still have something for the page.
    fn open(&self) -> impl Iterator<Item = (usize, &Lane)> {
        let enough = self.ids.iter().rev().nth(self.size).copied();
        let open = move |(_, lane): &(usize, &Lane)| !lane.done && enough.is_none_or(|enough| lane.before > enough);
        self.lanes.iter().enumerate().filter(open)
    }
}

#[cfg(test)]
#[path = "lanes_tests.rs"]
mod tests;
