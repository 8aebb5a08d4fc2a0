//! Who sent a request, as far as the webhook asks.
//!
//! Invariant: a sender learns nothing but that it was refused; the log says why.

use std::sync::Arc;

use axum::{http::request::Parts, response::Response};
use holdfast_definitions::{Challenge, Json};
use holdfast_engine::{Door, Error, SecretValues};

use super::{Refusal, Vouched};
use crate::{App, Problem, verify};

/// When a sender should come again who can't be verified for want of the master key.
const COME_AGAIN: std::time::Duration = std::time::Duration::from_secs(60);

pub struct Sender<'a> {
    app: &'a App,
    door: &'a Door,
    parts: &'a Parts,
    secrets: Arc<SecretValues>,
}

impl<'a> Sender<'a> {
    /// Reads the account's secrets where the webhook needs any.
    pub async fn new(app: &'a App, door: &'a Door, parts: &'a Parts) -> Result<Self, Refusal> {
        let webhook = door.webhook();
        let needed = webhook.verify.is_some()
            || webhook.challenge.as_ref().is_some_and(|challenge| !challenge.secrets.is_empty());
        let secrets = match needed {
            true => app.engine.secret_values(&door.account).await.map_err(without_secrets)?,
            false => Arc::default(),
        };
        Ok(Self { app, door, parts, secrets })
    }

    /// The headers that hold a secret itself: they are not kept.
    pub fn verified(&self, raw: &[u8]) -> Result<Vec<String>, Refusal> {
        let Some(form) = &self.door.webhook().verify else { return Ok(Vec::new()) };
        if self.parts.extensions.get::<Vouched>().is_some() {
            return Ok(Vec::new());
        }
        let target = self.parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let url = format!("{}{target}", self.app.public_url);
        let request =
            verify::Request { method: &self.parts.method, url: &url, headers: &self.parts.headers, body: raw };
        match verify::check(form, &request, &|name| self.lookup(name), self.app.engine.now()) {
            Ok(verified) => {
                let names: Vec<&str> = verified.secrets.iter().map(|(name, _)| name.as_str()).collect();
                self.app.engine.secrets_used(&self.door.account, &names);
                Ok(verified.masked)
            }
            Err(reason) => {
                let Door { identifier, cycle, step, .. } = self.door;
                tracing::warn!(webhook = identifier, cycle, step, %reason, "the sender is not verified");
                Err(verify::refusal().into())
            }
        }
    }

    /// The answer, where `asked` (`{ method, headers, query, body }`) is the provider's question.
    pub fn answer(&self, challenge: &Challenge, asked: &Json, verified: bool) -> Option<Response> {
        let answer = verify::respond(challenge, asked, verified, &|name| self.lookup(name))?;
        let names: Vec<&str> = challenge.secrets.iter().map(String::as_str).collect();
        self.app.engine.secrets_used(&self.door.account, &names);
        Some(answer)
    }

    fn lookup(&self, name: &str) -> Option<Vec<Vec<u8>>> {
        self.secrets.expose(name).map(|value| vec![value.as_bytes().to_vec()])
    }
}

/// Without the master key nobody can be told from anybody: the sender is asked to come again.
fn without_secrets(error: Error) -> Refusal {
    match error {
        Error::MasterKey(_) => {
            tracing::error!(error = %error.for_log(), "no sender can be verified");
            Problem::unavailable("The sender cannot be verified at the moment.", COME_AGAIN).into()
        }
        other => other.into(),
    }
}
