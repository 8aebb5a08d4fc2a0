//! One process for one file: two nodes on it would each believe that they are alone.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use super::super::{Error, Result};
use super::error::unavailable;

/// An exclusive lock on a file beside the database. The system lets it go when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    pub fn take(database: &Path) -> Result<Self> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let file = File::options().create(true).append(true).open(&path);
        let file = file.map_err(|cause| unavailable(format!("{}: {cause}", path.display())))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(Error::Unavailable(format!(
                "{} is open in another process, which holds {}",
                database.display(),
                path.display()
            ))),
            Err(TryLockError::Error(cause)) => Err(unavailable(format!("{}: {cause}", path.display()))),
        }
    }

    pub fn release(&self) {
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "the store's lock was not let go in order");
        }
    }
}
