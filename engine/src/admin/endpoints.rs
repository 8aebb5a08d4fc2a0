//! Changes to endpoints. What an endpoint that is not active was still to get is missed: it is sent
//! again when somebody says so.

use secrecy::SecretString;
use uuid::Uuid;

use super::{Applied, Change, Done};
use crate::{
    Error,
    clock::Micros,
    notify::{DROPPED_AT_ONCE, Endpoint, Secrets, Settings, State},
    store::{EndpointRow, LineRow, Which},
};

/// Of an account.
const ENDPOINTS_MAX: usize = 20_000;
/// Deliveries that are made due at once.
const RESENT_AT_ONCE: i64 = 1_000;

#[derive(Debug)]
pub enum EndpointChange {
    Create {
        endpoint: Uuid,
        settings: Settings,
        secret: SecretString,
    },
    /// Another URL must be validated.
    Set {
        endpoint: Uuid,
        settings: Settings,
    },
    Delete {
        endpoint: Uuid,
    },
    /// What came of validating this URL: none, or why it is not active.
    Validated {
        endpoint: Uuid,
        url: String,
        failure: Option<String>,
    },
    Enable {
        endpoint: Uuid,
    },
    /// Those before it go on signing for so long.
    Rotate {
        endpoint: Uuid,
        secret: SecretString,
        overlap: Micros,
    },
    Resend {
        endpoint: Uuid,
        what: Resend,
    },
}

/// What is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resend {
    One(Uuid),
    /// All whose messages have ids from this one on.
    Since(Uuid),
    /// What failed for good, and what was not sent since the endpoint was not active.
    Missed,
}

impl Change<'_> {
    pub(super) async fn endpoint(&mut self, change: EndpointChange) -> Result<Applied, Error> {
        match change {
            EndpointChange::Create { endpoint, settings, secret } => self.create(endpoint, settings, secret).await,
            EndpointChange::Set { endpoint, settings } => self.set(endpoint, settings).await,
            EndpointChange::Delete { endpoint } => {
                self.known(endpoint)?;
                self.commit.delete_endpoint(endpoint).await?;
                self.changed = true;
                Ok((Done::Ok, None))
            }
            EndpointChange::Validated { endpoint, url, failure } => self.validated(endpoint, &url, failure).await,
            EndpointChange::Enable { endpoint } => self.enable(endpoint).await,
            EndpointChange::Rotate { endpoint, secret, overlap } => self.rotate(endpoint, secret, overlap).await,
            EndpointChange::Resend { endpoint, what } => self.resend(endpoint, what).await,
        }
    }

    fn known(&self, endpoint: Uuid) -> Result<Endpoint, Error> {
        let known = self.catalog.watched().find(self.account, endpoint);
        let known = known.ok_or_else(|| Error::NotFound { what: "endpoint", id: endpoint.to_string() })?;
        Ok(Endpoint::clone(known))
    }

    fn checked(&self, settings: &Settings) -> Result<String, Error> {
        settings.check()?;
        if let Some(cycle) = &settings.cycle
            && self.catalog.cycle(self.account, cycle).is_none()
        {
            return Err(Error::Invalid(format!("there is no cycle {cycle}")));
        }
        serde_json::to_string(settings).map_err(|error| Error::Internal(error.into()))
    }

    async fn put_endpoint(&mut self, row: &EndpointRow) -> Result<Applied, Error> {
        self.commit.put_endpoint(row).await?;
        self.changed = true;
        Ok((Done::Ok, None))
    }

    async fn create(&mut self, endpoint: Uuid, settings: Settings, secret: SecretString) -> Result<Applied, Error> {
        if self.catalog.watched().of(self.account).len() >= ENDPOINTS_MAX {
            return Err(Error::Conflict(format!("the account has {ENDPOINTS_MAX} endpoints: delete some first")));
        }
        let settings = self.checked(&settings)?;
        let (sealed, key_id) = Secrets::of(secret).seal(self.keys, self.account, endpoint)?;
        let row = EndpointRow {
            account: self.account.to_owned(),
            endpoint,
            settings,
            state: State::Pending.word().into(),
            reason: Some("it is to be validated".into()),
            sealed,
            key_id,
            created_at: self.commit.head().now,
            validated_at: None,
        };
        self.put_endpoint(&row).await
    }

    async fn set(&mut self, endpoint: Uuid, settings: Settings) -> Result<Applied, Error> {
        let known = self.known(endpoint)?;
        let mut row = EndpointRow { settings: self.checked(&settings)?, ..known.row };
        if settings.url != known.settings.url {
            row.state = State::Pending.word().into();
            row.reason = Some("its URL was changed and is to be validated".into());
            self.pause(endpoint).await?;
        }
        self.put_endpoint(&row).await
    }

    /// It is not delivered to any more: what it was still to get is missed.
    async fn pause(&mut self, endpoint: Uuid) -> Result<(), Error> {
        while self.commit.drop_deliveries(endpoint, DROPPED_AT_ONCE).await? {}
        self.begin_anew(endpoint, false).await
    }

    /// Nothing is known against it, and nobody has its line.
    async fn begin_anew(&mut self, endpoint: Uuid, active: bool) -> Result<(), Error> {
        let Some(line) = self.commit.lines(&[endpoint]).await?.pop() else { return Ok(()) };
        let line = LineRow { failing_since: None, hour_at: None, made: 0, failed: 0, ..line };
        Ok(self.commit.settle_lines(&[(line, active)]).await?)
    }

    async fn validated(&mut self, endpoint: Uuid, url: &str, failure: Option<String>) -> Result<Applied, Error> {
        let known = self.known(endpoint)?;
        if known.settings.url != url {
            return Err(Error::Conflict("its URL was changed meanwhile: validate it again".into()));
        }
        let mut row = known.row;
        match failure {
            Some(failure) if known.state == State::Pending => row.reason = Some(failure),
            // It stays as it is: only a success says something new.
            Some(_) => return Ok((Done::Ok, None)),
            None => {
                row.state = State::Active.word().into();
                row.reason = None;
                row.validated_at = Some(self.commit.head().now);
                if known.state != State::Active {
                    self.begin_anew(endpoint, true).await?;
                }
            }
        }
        self.put_endpoint(&row).await
    }

    async fn enable(&mut self, endpoint: Uuid) -> Result<Applied, Error> {
        let known = self.known(endpoint)?;
        match known.state {
            State::Active => Ok((Done::Ok, None)),
            State::Pending => Err(Error::Conflict("the endpoint is pending: validate it".into())),
            State::Disabled => {
                self.begin_anew(endpoint, true).await?;
                let row = EndpointRow { state: State::Active.word().into(), reason: None, ..known.row };
                self.put_endpoint(&row).await
            }
        }
    }

    async fn rotate(&mut self, endpoint: Uuid, secret: SecretString, overlap: Micros) -> Result<Applied, Error> {
        let known = self.known(endpoint)?;
        let now = self.commit.head().now;
        let secrets = Secrets::open(self.keys, self.account, endpoint, &known.row.sealed)?;
        let secrets = secrets.rotated(secret, now, now.saturating_add(overlap));
        let (sealed, key_id) = secrets.seal(self.keys, self.account, endpoint)?;
        self.put_endpoint(&EndpointRow { sealed, key_id, ..known.row }).await
    }

    async fn resend(&mut self, endpoint: Uuid, what: Resend) -> Result<Applied, Error> {
        let known = self.known(endpoint)?;
        if !known.is_active() {
            let message = format!("the endpoint is {}: it must be active first", known.state.word());
            return Err(Error::Conflict(message));
        }
        let now = self.commit.head().now;
        let (which, mut from, limit) = match what {
            Resend::One(message) => (Which::All, message, 1),
            Resend::Since(message) => (Which::All, message, RESENT_AT_ONCE),
            Resend::Missed => (Which::Missed, Uuid::nil(), RESENT_AT_ONCE),
        };
        let mut resent = 0;
        loop {
            let messages = self.commit.messages_of(endpoint, which, from, limit).await?;
            if let Resend::One(message) = what
                && messages != [message]
            {
                return Err(Error::NotFound { what: "delivery", id: message.to_string() });
            }
            self.commit.resend(endpoint, &messages, now).await?;
            resent += messages.len();
            match messages.last() {
                Some(last) if messages.len() as i64 == limit && limit > 1 => {
                    from = Uuid::from_u128(last.as_u128().saturating_add(1));
                }
                _ => break,
            }
        }
        if resent > 0 {
            self.commit.ring_lines(&[(endpoint, now)]).await?;
        }
        Ok((Done::Resent(resent), None))
    }

    /// Every endpoint's secrets with the current master key. How many were sealed with an older one.
    pub(super) async fn reseal_endpoints(&mut self) -> Result<usize, Error> {
        let current = self.keys.current();
        let mut resealed = 0;
        for endpoint in self.catalog.watched().of(self.account) {
            if Some(&endpoint.row.key_id) == current.as_ref() {
                continue;
            }
            let secrets = Secrets::open(self.keys, self.account, endpoint.id(), &endpoint.row.sealed)?;
            let (sealed, key_id) = secrets.seal(self.keys, self.account, endpoint.id())?;
            self.commit.put_endpoint(&EndpointRow { sealed, key_id, ..endpoint.row.clone() }).await?;
            self.changed = true;
            resealed += 1;
        }
        Ok(resealed)
    }
}
