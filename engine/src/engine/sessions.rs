use super::Engine;
use crate::{Error, KeyView};
use chrono::{DateTime, TimeDelta, Utc};
pub struct SessionView {
    pub key: KeyView,
    pub expires_at: DateTime<Utc>,
}
impl Engine {
    pub async fn begin_session(&self, key_secret: &str) -> Result<Option<(SessionView, String)>, Error> {
        Ok(self.session(key_secret).await?.map(|s| (s, key_secret.to_owned())))
    }
    pub async fn session(&self, token: &str) -> Result<Option<SessionView>, Error> {
        Ok(self
            .authenticate(token)
            .await?
            .map(|key| SessionView { key, expires_at: self.now() + TimeDelta::hours(12) }))
    }
    pub async fn end_session(&self, _token: &str) -> Result<(), Error> {
        Ok(())
    }
}
