//! An account's secrets, opened: what steps read and what is masked.

use std::{collections::BTreeMap, sync::OnceLock};

use holdfast_definitions::{Json, Lookup};
use secrecy::{ExposeSecret as _, SecretString};

use super::{Mask, MasterKeys};
use crate::{Error, store::SecretRow};

/// The values of one account as of one revision of its catalog. `Debug` shows names only.
#[derive(Default)]
pub struct SecretValues {
    values: BTreeMap<String, SecretString>,
    /// Made when something is first masked.
    mask: OnceLock<Mask>,
}

impl SecretValues {
    /// The first that does not open fails all: to mask only some of them is to show the others.
    pub fn open(keys: &MasterKeys, rows: &[SecretRow]) -> Result<Self, Error> {
        let mut values = BTreeMap::new();
        for row in rows {
            values.insert(row.name.clone(), keys.open(&row.account, &row.name, &row.sealed)?);
        }
        Ok(Self { values, mask: OnceLock::new() })
    }

    pub fn expose(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.expose_secret())
    }

    pub fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    pub fn mask(&self) -> &Mask {
        self.mask.get_or_init(|| Mask::of(self.values.values().map(|value| value.expose_secret())))
    }

    /// Bytes of all values but this one.
    pub fn bytes_without(&self, name: &str) -> usize {
        self.values.iter().filter(|(known, _)| *known != name).map(|(_, value)| value.expose_secret().len()).sum()
    }
}

impl Lookup for SecretValues {
    fn get(&self, name: &str) -> Option<Json> {
        self.expose(name).map(Json::from)
    }
}

impl std::fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.values.keys().map(|name| (name, "***"))).finish()
    }
}
