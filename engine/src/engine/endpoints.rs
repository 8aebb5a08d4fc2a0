//! Endpoints: made, validated, shown, and told again.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use holdfast_definitions::{Json, Members};
use secrecy::SecretString;
use uuid::Uuid;

use super::{Engine, Shared, instant, never};
use crate::{
    EndpointId, Error, MessageId, Page, PageQuery,
    admin::{Admin, Done, EndpointChange, Resend},
    clock::{micros, to_utc},
    history::parse,
    id::floor_of,
    notify::Told,
    notify::{Endpoint, Profile, Secrets, Settings, State, VALIDATE, attempt, check_secret, generate_secret},
    store::{DeliveryRow, LineRow, Which},
};

/// How long the secret before goes on signing, where nobody says.
pub const OVERLAP: Duration = Duration::from_secs(24 * 3600);
const OVERLAP_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// What people give for an endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointGiven {
    pub url: Option<String>,
    /// `Some(None)`: of all cycles.
    pub cycle: Option<Option<String>>,
    /// `Some(None)`: all.
    pub events: Option<Option<Vec<String>>>,
    pub profile: Option<String>,
    pub ids: Option<std::collections::BTreeMap<String, String>>,
    /// `Some(None)`: the profile's.
    pub schedule: Option<Option<Vec<Duration>>>,
}

#[derive(Clone, Debug)]
pub struct EndpointView {
    pub id: EndpointId,
    pub account: String,
    pub url: String,
    pub cycle: Option<String>,
    pub events: Option<Vec<String>>,
    pub profile: &'static str,
    pub ids: std::collections::BTreeMap<String, String>,
    pub schedule: Option<Vec<Duration>>,
    pub state: &'static str,
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub validated_at: Option<DateTime<Utc>>,
    pub last_success_at: Option<DateTime<Utc>>,
    pub failing_since: Option<DateTime<Utc>>,
    /// When its first delivery that waits is made.
    pub due_at: Option<DateTime<Utc>>,
}

#[derive(Clone, Debug)]
pub struct DeliveryView {
    pub message: MessageId,
    pub event: String,
    pub at: DateTime<Utc>,
    pub status: String,
    pub due_at: Option<DateTime<Utc>>,
    /// A list: the last attempts.
    pub attempts: Json,
}

/// What is to be sent again.
#[derive(Clone, Copy, Debug)]
pub enum ResendGiven {
    One(MessageId),
    Since(DateTime<Utc>),
    Missed,
}

impl Engine {
    /// Made, and validated at once. Its secret is returned once.
    pub async fn create_endpoint(
        &self,
        account: &str,
        given: EndpointGiven,
        secret: Option<SecretString>,
    ) -> Result<(EndpointView, SecretString), Error> {
        let Some(url) = given.url.clone() else { return Err(Error::Invalid("an endpoint needs a `url`".into())) };
        let fresh = Settings {
            url,
            cycle: None,
            events: None,
            profile: Profile::default(),
            ids: Default::default(),
            schedule: None,
        };
        let settings = merged(fresh, given)?;
        let secret = own_or_new(settings.profile, secret)?;
        let endpoint = Uuid::new_v4();
        self.change(account, EndpointChange::Create { endpoint, settings, secret: secret.clone() }).await?;
        let id = EndpointId(endpoint);
        // It is made: whatever becomes of the validation, its secret must be told.
        match self.validate_endpoint(account, id).await {
            Ok(view) => Ok((view, secret)),
            Err(error) => {
                tracing::warn!(endpoint = %id, error = %error.for_log(), "a new endpoint could not be validated yet");
                self.endpoint(account, id).await.map(|view| (view, secret))
            }
        }
    }

    /// By id.
    pub async fn endpoints(&self, account: &str, page: PageQuery) -> Result<Page<EndpointView>, Error> {
        self.shared.follow_catalog().await?;
        let catalog = self.shared.catalog();
        let all = catalog.watched().of(account);
        let shown = all.iter().map(|endpoint| (endpoint.id().to_string(), endpoint.clone())).collect();
        let Page { data, next } = page.cut::<Arc<Endpoint>>(shown)?;
        let ids: Vec<Uuid> = data.iter().map(|endpoint| endpoint.id()).collect();
        let lines = self.shared.store.lines(account, &ids).await?;
        let of = |endpoint: &Endpoint| lines.iter().find(|line| line.endpoint == endpoint.id());
        Ok(Page { data: data.iter().map(|endpoint| view(endpoint, of(endpoint))).collect(), next })
    }

    pub async fn endpoint(&self, account: &str, id: EndpointId) -> Result<EndpointView, Error> {
        let endpoint = self.known(account, id).await?;
        let lines = self.shared.store.lines(account, &[id.0]).await?;
        Ok(view(&endpoint, lines.first()))
    }

    /// What is given changes; another URL is validated at once.
    pub async fn set_endpoint(
        &self,
        account: &str,
        id: EndpointId,
        given: EndpointGiven,
    ) -> Result<EndpointView, Error> {
        let known = self.known(account, id).await?;
        let settings = merged(known.settings.clone(), given)?;
        let moved = settings.url != known.settings.url;
        if settings.profile != known.settings.profile {
            let secrets = self.secrets_of(account, &known)?;
            for one in secrets.live(self.shared.clock.now()) {
                check_secret(settings.profile, &one.value)?;
            }
        }
        self.change(account, EndpointChange::Set { endpoint: id.0, settings }).await?;
        match moved {
            true => self.validate_endpoint(account, id).await,
            false => self.endpoint(account, id).await,
        }
    }

    pub async fn delete_endpoint(&self, account: &str, id: EndpointId) -> Result<(), Error> {
        self.change(account, EndpointChange::Delete { endpoint: id.0 }).await.map(|_| ())
    }

    /// Sends `Webhook Validate` and waits for the answer: a success makes a pending endpoint active, and
    /// a disabled one too.
    pub async fn validate_endpoint(&self, account: &str, id: EndpointId) -> Result<EndpointView, Error> {
        let endpoint = self.known(account, id).await?;
        let secrets = self.secrets_of(account, &endpoint)?;
        let now = self.shared.clock.now();
        let message = self.shared.deliveries.ids().next(now);
        let data = Members::from_iter([
            ("account".to_owned(), Json::from(account)),
            ("endpoint".to_owned(), Json::from(id.to_string())),
        ]);
        let told = Told { id: message, kind: VALIDATE, at: now, account, data: &data };
        let body = endpoint.settings.profile.shape(&endpoint.settings.ids).body(&told);
        let outcome = attempt(&self.shared, &endpoint, &secrets.live(now), (message, VALIDATE, body), 1).await;
        let failure = match (outcome.status, outcome.error) {
            (Some(status), _) if endpoint.settings.profile.takes(status) => None,
            (Some(status), _) => Some(format!("the validation was answered with {status}")),
            (None, error) => Some(format!("the validation was not answered: {}", error.unwrap_or_default())),
        };
        let url = endpoint.settings.url.clone();
        self.change(account, EndpointChange::Validated { endpoint: id.0, url, failure }).await?;
        self.endpoint(account, id).await
    }

    /// A disabled endpoint is active again, as it is.
    pub async fn enable_endpoint(&self, account: &str, id: EndpointId) -> Result<EndpointView, Error> {
        self.change(account, EndpointChange::Enable { endpoint: id.0 }).await?;
        self.endpoint(account, id).await
    }

    /// A new secret, returned once; the one before signs beside it for a while.
    pub async fn rotate_endpoint(
        &self,
        account: &str,
        id: EndpointId,
        secret: Option<SecretString>,
        overlap: Option<Duration>,
    ) -> Result<(EndpointView, SecretString), Error> {
        let overlap = overlap.unwrap_or(OVERLAP);
        if overlap > OVERLAP_MAX {
            return Err(Error::Invalid("`overlap` is at most 7d".into()));
        }
        let endpoint = self.known(account, id).await?;
        let secret = own_or_new(endpoint.settings.profile, secret)?;
        let change = EndpointChange::Rotate { endpoint: id.0, secret: secret.clone(), overlap: micros(overlap) };
        self.change(account, change).await?;
        Ok((self.endpoint(account, id).await?, secret))
    }

    /// How many deliveries are due again.
    pub async fn resend(&self, account: &str, id: EndpointId, what: ResendGiven) -> Result<usize, Error> {
        let what = match what {
            ResendGiven::One(message) => Resend::One(message.0),
            ResendGiven::Since(at) => Resend::Since(floor_of(instant(at))),
            ResendGiven::Missed => Resend::Missed,
        };
        match self.change(account, EndpointChange::Resend { endpoint: id.0, what }).await? {
            Done::Resent(resent) => Ok(resent),
            _ => Err(Error::Internal("a resending that was none".into())),
        }
    }

    /// Newest first.
    pub async fn deliveries(
        &self,
        account: &str,
        id: EndpointId,
        missed: bool,
        page: PageQuery,
    ) -> Result<Page<DeliveryView>, Error> {
        self.known(account, id).await?;
        let size = page.size()?;
        let before = match &page.after {
            Some(after) => after.parse().map_err(|_| Error::Invalid("`after` is no cursor".into()))?,
            None => never(),
        };
        let which = if missed { Which::Missed } else { Which::All };
        let limit = size as i64 + 1;
        let mut rows = self.shared.store.deliveries(account, id.0, which, before, limit).await?;
        let more = rows.len() > size;
        rows.truncate(size);
        let next = rows.last().filter(|_| more).map(|row| row.message.to_string());
        Ok(Page { data: rows.into_iter().map(delivery).collect::<Result<_, _>>()?, next })
    }

    async fn change(&self, account: &str, change: EndpointChange) -> Result<Done, Error> {
        let done = self.shared.writer.admin(account, Admin::Endpoint(change)).await?;
        self.shared.deliveries.wake(account);
        Ok(done)
    }

    async fn known(&self, account: &str, id: EndpointId) -> Result<Arc<Endpoint>, Error> {
        self.shared.follow_catalog().await?;
        self.shared.endpoint(account, id)
    }

    fn secrets_of(&self, account: &str, endpoint: &Endpoint) -> Result<Secrets, Error> {
        Secrets::open(&self.shared.secrets.keys, account, endpoint.id(), &endpoint.row.sealed)
    }
}

impl Shared {
    fn endpoint(&self, account: &str, id: EndpointId) -> Result<Arc<Endpoint>, Error> {
        let found = self.catalog().watched().find(account, id.0).cloned();
        found.ok_or_else(|| Error::NotFound { what: "endpoint", id: id.to_string() })
    }
}

fn own_or_new(profile: Profile, secret: Option<SecretString>) -> Result<SecretString, Error> {
    match secret {
        Some(secret) => check_secret(profile, &secret).map(|()| secret),
        None => Ok(generate_secret()),
    }
}

fn merged(mut settings: Settings, given: EndpointGiven) -> Result<Settings, Error> {
    if let Some(profile) = given.profile {
        settings.profile = Profile::from_word(&profile).ok_or_else(|| {
            let words: Vec<_> = Profile::ALL.iter().map(|profile| profile.word()).collect();
            Error::Invalid(format!("unknown profile {profile}; known are {}", words.join(", ")))
        })?;
    }
    settings.url = given.url.unwrap_or(settings.url);
    settings.cycle = given.cycle.unwrap_or(settings.cycle);
    settings.events = given.events.unwrap_or(settings.events);
    settings.ids = given.ids.unwrap_or(settings.ids);
    if let Some(schedule) = given.schedule {
        let millis = |wait: &Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        settings.schedule = schedule.map(|waits| waits.iter().map(millis).collect());
    }
    settings.check()?;
    Ok(settings)
}

fn view(endpoint: &Endpoint, line: Option<&LineRow>) -> EndpointView {
    let (settings, row) = (&endpoint.settings, &endpoint.row);
    let waits = |waits: &Vec<u64>| waits.iter().map(|wait| Duration::from_millis(*wait)).collect();
    EndpointView {
        id: EndpointId(row.endpoint),
        account: row.account.clone(),
        url: settings.url.clone(),
        cycle: settings.cycle.clone(),
        events: settings.events.clone(),
        profile: settings.profile.word(),
        ids: settings.ids.clone(),
        schedule: settings.schedule.as_ref().map(waits),
        state: endpoint.state.word(),
        reason: row.reason.clone(),
        created_at: to_utc(row.created_at),
        validated_at: row.validated_at.map(to_utc),
        last_success_at: line.and_then(|line| line.last_success_at).map(to_utc),
        failing_since: line.and_then(|line| line.failing_since).map(to_utc),
        due_at: line.filter(|_| endpoint.state == State::Active).and_then(|line| line.due_at).map(to_utc),
    }
}

fn delivery(row: DeliveryRow) -> Result<DeliveryView, Error> {
    let message = MessageId(row.message);
    Ok(DeliveryView {
        message,
        at: to_utc(message.told_at()),
        event: row.kind,
        status: row.status,
        due_at: row.due_at.map(to_utc),
        attempts: parse(&row.attempts)?,
    })
}
