//! A cycle's store as one call sees it: what it read, and what it wants written.
//!
//! Invariant: a key is read from the host once, so that a call sees one version of it; a write is
//! seen by the call alone until the host commits it.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Instant};

use crate::{Change, script::Deadline, serve::Line};

const KEY_BYTES_MAX: usize = 255;
const VALUE_BYTES_MAX: usize = 64 << 10;
const CHANGES_MAX: usize = 100;
/// Each is a question to the host, and time the script does not pay for.
const READS_MAX: usize = 100;

pub struct Store {
    line: Rc<RefCell<dyn Line>>,
    deadline: Rc<Deadline>,
    is_there: bool,
    read: BTreeMap<String, Option<(String, i64)>>,
    changed: BTreeMap<String, Option<String>>,
}

impl Store {
    pub fn new(line: Rc<RefCell<dyn Line>>, deadline: Rc<Deadline>, is_there: bool) -> Self {
        Self { line, deadline, is_there, read: BTreeMap::new(), changed: BTreeMap::new() }
    }

    pub fn get(&mut self, key: &str) -> Result<Option<String>, String> {
        self.admit(key)?;
        if let Some(value) = self.changed.get(key) {
            return Ok(value.clone());
        }
        if let Some(found) = self.read.get(key) {
            return Ok(found.as_ref().map(|(text, _)| text.clone()));
        }
        if self.read.len() == READS_MAX {
            return Err(format!("store: a call reads at most {READS_MAX} keys"));
        }
        let asked = Instant::now();
        let found = self.line.borrow_mut().get(key).map_err(|error| format!("store: {error}"))?;
        self.deadline.put_off(asked.elapsed());
        self.read.insert(key.to_owned(), found.clone());
        Ok(found.map(|(text, _)| text))
    }

    /// Sets a key to a JSON text, or deletes it.
    pub fn put(&mut self, key: &str, value: Option<String>) -> Result<(), String> {
        self.admit(key)?;
        if value.as_ref().is_some_and(|text| text.len() > VALUE_BYTES_MAX) {
            return Err(format!("store: a value has at most {VALUE_BYTES_MAX} bytes"));
        }
        if self.changed.len() == CHANGES_MAX && !self.changed.contains_key(key) {
            return Err(format!("store: a call changes at most {CHANGES_MAX} keys"));
        }
        self.changed.insert(key.to_owned(), value);
        Ok(())
    }

    /// Adds to the number under a key, which is 0 where there is none, and gives the sum.
    pub fn increment(&mut self, key: &str, by: f64) -> Result<f64, String> {
        let now = match self.get(key)? {
            Some(text) => text.parse::<f64>().map_err(|_| format!("store: {key:?} holds no number"))?,
            None => 0.0,
        };
        let sum = now + by;
        if !sum.is_finite() {
            return Err("store: the sum is no number".to_owned());
        }
        // `Display` writes a float in full, without an exponent, which is JSON.
        self.put(key, Some(sum.to_string()))?;
        Ok(sum)
    }

    pub fn take(&mut self) -> (Vec<Change>, Vec<(String, i64)>) {
        let changed = std::mem::take(&mut self.changed).into_iter().map(|(key, value)| Change { key, value });
        let read = std::mem::take(&mut self.read);
        let read = read.into_iter().map(|(key, found)| (key, found.map_or(0, |(_, version)| version)));
        (changed.collect(), read.collect())
    }

    fn admit(&self, key: &str) -> Result<(), String> {
        if !self.is_there {
            return Err("store: there is none here".to_owned());
        }
        if key.is_empty() || key.len() > KEY_BYTES_MAX {
            return Err(format!("store: a key has from 1 to {KEY_BYTES_MAX} bytes"));
        }
        // No text of PostgreSQL's holds one.
        if key.contains('\0') {
            return Err("store: a key has no U+0000".to_owned());
        }
        Ok(())
    }
}
