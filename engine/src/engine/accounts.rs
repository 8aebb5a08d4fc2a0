//! Accounts: made, limited, listed and removed. An account that is not there has no commit, no
//! catalog and no key: whatever names it is not found.

use super::{Engine, Shared};
use crate::{
    AccountLimits, AccountView, DEFAULT_ACCOUNT, Error, Page, PageQuery, account::check_name, admin::Admin,
    clock::to_utc, store::AccountRow,
};

/// Rows of a removed account that go at once, so that writes go between.
const FORGET_CHUNK: i64 = 500;

impl Engine {
    /// `Conflict` where there is one of this name, or the rows of an earlier one are still going.
    pub async fn create_account(&self, name: &str, limits: AccountLimits) -> Result<AccountView, Error> {
        check_name(name)?;
        limits.check()?;
        let shared = &self.shared;
        let row = AccountRow { account: name.to_owned(), created_at: shared.clock.now(), limits, deleted_at: None };
        // By the system's clock also where the engine's is manual: that of an earlier account of this
        // name was less, so no node takes a catalog of that one for this one's.
        if !shared.store.add_account(&row, crate::clock::system_now()).await? {
            let known = shared.store.accounts().await?.into_iter().find(|known| known.account == name);
            let why = match known {
                Some(AccountRow { deleted_at: Some(_), .. }) => {
                    "is being removed: its name is free once all that it had is gone, a minute or so later"
                }
                _ => "is there already",
            };
            return Err(Error::Conflict(format!("the account {name} {why}")));
        }
        shared.refresh_catalog_or_warn().await;
        shared.hint_catalog();
        Ok(view(&row))
    }

    /// By name.
    pub async fn accounts(&self, page: PageQuery) -> Result<Page<AccountView>, Error> {
        let rows = self.shared.store.accounts().await?;
        let live = rows.iter().filter(|row| row.deleted_at.is_none());
        page.cut(live.map(|row| (row.account.clone(), view(row))).collect())
    }

    pub async fn account(&self, name: &str) -> Result<AccountView, Error> {
        let rows = self.shared.store.accounts().await?;
        let found = rows.iter().find(|row| row.account == name && row.deleted_at.is_none());
        found.map(view).ok_or_else(|| Error::NotFound { what: "account", id: name.to_owned() })
    }

    /// Whether there is one, as this node knows or, where it does not, as the store does.
    pub async fn has_account(&self, name: &str) -> Result<bool, Error> {
        if self.shared.catalog().revision(name) < 0 {
            self.shared.follow_catalog().await?;
        }
        Ok(self.shared.catalog().revision(name) >= 0)
    }

    /// All of them at once: what is not named has no limit from now on. In force on every node within
    /// a second.
    pub async fn set_limits(&self, name: &str, limits: AccountLimits) -> Result<AccountView, Error> {
        limits.check()?;
        self.shared.writer.admin(name, Admin::Limits { limits }).await?;
        self.account(name).await
    }

    /// `Conflict` while it has a cycle. From now on it is not found; its transactions, hits, secrets and
    /// keys are removed in the background, which takes up where it was after a crash.
    pub async fn delete_account(&self, name: &str) -> Result<(), Error> {
        if name == DEFAULT_ACCOUNT {
            return Err(Error::Conflict(format!(
                "the account {DEFAULT_ACCOUNT} is what a request that names none means: it can't be removed"
            )));
        }
        self.shared.writer.admin(name, Admin::LeaveAccount).await?;
        Ok(())
    }

    /// What an account may use, from memory.
    pub fn limits_of(&self, account: &str) -> AccountLimits {
        self.shared.catalog().limits(account)
    }
}

impl Shared {
    /// Removes what removed accounts leave.
    pub async fn forget_accounts(&self) {
        let leaving = match self.store.accounts().await {
            Ok(rows) => rows.into_iter().filter(|row| row.deleted_at.is_some()),
            Err(error) => {
                tracing::warn!(%error, "what removed accounts leave could not be looked for yet");
                return;
            }
        };
        for row in leaving {
            loop {
                match self.store.forget(&row.account, FORGET_CHUNK).await {
                    Ok(true) => tokio::task::yield_now().await,
                    Ok(false) => break,
                    Err(error) => {
                        tracing::warn!(account = %row.account, %error, "an account could not be removed yet");
                        break;
                    }
                }
            }
        }
    }
}

fn view(row: &AccountRow) -> AccountView {
    AccountView { name: row.account.clone(), created_at: to_utc(row.created_at), limits: row.limits }
}
