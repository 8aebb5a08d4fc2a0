//! How a mid-cycle webhook's hits find their transaction.
//!
//! A mapping makes keys twice: from a document when a transaction is held, and from a hit when one
//! arrives. The two are equal exactly where every entry's values are.

use crate::{Exhausted, Json, Key, NotAKey, Path, key::scalar};

/// At most 8 entries; all of them form one composite key.
pub const ENTRIES_MAX: usize = 8;
/// At most 100 keys for one hold, in all.
pub const KEYS_MAX: usize = 100;

#[derive(Debug)]
pub struct Mapping {
    pub entries: Vec<Entry>,
}

#[derive(Debug)]
pub struct Entry {
    /// Singular; read from `{ method, headers, query, body }`.
    pub hit: Path,
    /// Read from the document; one key for each value where it is not singular.
    pub transaction: Path,
}

/// One value that a mapping read, for `explain`.
#[derive(Clone, Debug)]
pub struct Extracted {
    pub path: String,
    pub value: Option<Json>,
}

/// Why no key could be made, and from which path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The value at `path` can't be part of a key.
    NotAKey { path: String, why: NotAKey },
    /// More than [`KEYS_MAX`] keys for one hold.
    TooMany { keys: usize },
    /// The path looked at too much.
    Exhausted { path: String },
}

impl Mapping {
    /// The key of a hit, from `{ method, headers, query, body }`.
    pub fn hit_key(&self, hit: &Json) -> Result<Key, KeyError> {
        let mut parts = Vec::with_capacity(self.entries.len());
        for Entry { hit: path, .. } in &self.entries {
            parts.push(scalar(path.find(hit)).map_err(|why| not_a_key(path, why))?);
        }
        Ok(Key::from_parts(parts.iter().map(Vec::as_slice)))
    }

    /// The keys under which a transaction waits, distinct, in order; never empty. Values of a
    /// non-singular path that can't be keys are skipped, and fail only where none is left.
    pub fn hold_keys(&self, document: &Json) -> Result<Vec<Key>, KeyError> {
        let mut keys: Vec<Vec<Vec<u8>>> = vec![Vec::new()];
        for entry in &self.entries {
            let values = entry_values(&entry.transaction, document)?;
            let count = keys.len().saturating_mul(values.len());
            if count > KEYS_MAX {
                return Err(KeyError::TooMany { keys: count });
            }
            keys = keys
                .iter()
                .flat_map(|key| values.iter().map(|value| [key.as_slice(), std::slice::from_ref(value)].concat()))
                .collect();
        }
        Ok(keys.iter().map(|parts| Key::from_parts(parts.iter().map(Vec::as_slice))).collect())
    }

    /// The smallest hit that has this key, as `{ method, headers, query, body }` with what the key needs.
    /// None where two `hit` paths are in each other's way.
    pub fn hit_with(&self, key: &[Json]) -> Option<Json> {
        let mut hit = Json::Null;
        let put = self.entries.iter().zip(key).all(|(entry, value)| entry.hit.put(&mut hit, value.clone()));
        (put && self.entries.len() == key.len()).then_some(hit)
    }

    /// What a hit yields at each `hit` path.
    pub fn extract_hit(&self, hit: &Json) -> Vec<Extracted> {
        self.entries
            .iter()
            .map(|entry| Extracted { path: entry.hit.text().to_owned(), value: entry.hit.find(hit).cloned() })
            .collect()
    }
}

/// The distinct values of a path that can be part of a key.
fn entry_values(path: &Path, document: &Json) -> Result<Vec<Vec<u8>>, KeyError> {
    if path.is_singular() {
        return scalar(path.find(document)).map(|value| vec![value]).map_err(|why| not_a_key(path, why));
    }
    let found = path.all(document).map_err(|Exhausted| KeyError::Exhausted { path: path.text().to_owned() })?;
    let mut values: Vec<Vec<u8>> = Vec::new();
    let mut why = NotAKey::Missing;
    for value in found {
        match scalar(Some(value)) {
            Ok(value) if values.contains(&value) => {}
            Ok(_) if values.len() == KEYS_MAX => return Err(KeyError::TooMany { keys: KEYS_MAX + 1 }),
            Ok(value) => values.push(value),
            Err(skipped) => why = skipped,
        }
    }
    if values.is_empty() { Err(not_a_key(path, why)) } else { Ok(values) }
}

fn not_a_key(path: &Path, why: NotAKey) -> KeyError {
    KeyError::NotAKey { path: path.text().to_owned(), why }
}

#[cfg(test)]
mod tests;
