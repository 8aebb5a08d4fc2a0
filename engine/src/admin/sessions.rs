//! Sessions of the console, begun and ended under the lock of their key's account.

use super::{Applied, Change, Done};
use crate::{Error, store::SessionRow};

/// Sessions that a key may have; beyond it the oldest goes.
const SESSIONS_MAX: i64 = 1_000;

#[derive(Debug)]
pub enum SessionChange {
    /// `NotFound` where its key has been revoked.
    Begin(SessionRow),
    End {
        account: String,
        hash: Vec<u8>,
    },
}

impl Change<'_> {
    pub(super) async fn session(&mut self, change: SessionChange) -> Result<Applied, Error> {
        match change {
            SessionChange::Begin(row) => {
                if !self.commit.put_session(&row, SESSIONS_MAX).await? {
                    return Err(Error::NotFound { what: "key", id: row.key_id.to_string() });
                }
            }
            SessionChange::End { account, hash } => self.commit.drop_session(&account, &hash).await?,
        }
        Ok((Done::Ok, None))
    }
}
