//! What an endpoint was told, attempt by attempt.

use chrono::{DateTime, Utc};
use holdfast_definitions::Json;
use holdfast_engine::{DeliveryView, MessageId, ResendGiven};

use super::words::{When, lasted};
use crate::{Problem, v1};

pub struct Delivery {
    pub message: String,
    pub event: String,
    pub at: When,
    pub status: String,
    pub due: Option<When>,
    pub attempts: Vec<Attempt>,
}

pub struct Attempt {
    pub at: Option<When>,
    pub took: String,
    /// The status that it was answered with, or what went wrong.
    pub came: String,
}

impl Delivery {
    pub fn of(view: DeliveryView, now: DateTime<Utc>) -> Self {
        let attempts = match &view.attempts {
            Json::Array(attempts) => attempts.as_slice(),
            _ => &[],
        };
        Self {
            message: view.message.to_string(),
            event: view.event,
            at: When { at: view.at, now },
            status: view.status,
            due: view.due_at.map(|at| When { at, now }),
            attempts: attempts.iter().map(|attempt| Attempt::of(attempt, now)).collect(),
        }
    }
}

impl Attempt {
    fn of(attempt: &Json, now: DateTime<Utc>) -> Self {
        let at = attempt.get("at").and_then(Json::as_text).and_then(|at| at.parse().ok());
        let took = attempt.get("duration_us").and_then(|took| took.to_string().parse().ok()).unwrap_or(0);
        let error = attempt.get("error").and_then(Json::as_text).map(str::to_owned);
        let status = attempt.get("status").filter(|status| **status != Json::Null).map(ToString::to_string);
        Self {
            at: at.map(|at| When { at, now }),
            took: lasted(took),
            came: error.or(status).unwrap_or_else(|| "no answer".to_owned()),
        }
    }
}

/// One of them, or all that were missed.
pub fn again(message: Option<&str>) -> Result<ResendGiven, Problem> {
    match message {
        Some(message) => Ok(ResendGiven::One(v1::id::<MessageId>("delivery", message)?)),
        None => Ok(ResendGiven::Missed),
    }
}
