//! Notifications: webhooks that Holdfast sends (contract, section 12).
//!
//! An [`Endpoint`] is a URL that is told of events. What it is told is written in the commit that made
//! the event (`outbox`), and delivered from there, at least once, whatever dies in between (`deliver`).
//! What came of the attempts is written in a commit too (`settle`), which decides on what is next.
//!
//! Invariant: bytes are made once, in `outbox`; what is signed and sent are those bytes. No secret is
//! ever in a body, a log or an answer but the one that made or rotated it.

mod catalogue;
mod deliver;
mod endpoint;
mod health;
mod outbox;
mod profile;
mod schedule;
mod settings;
mod settle;
mod sign;

pub use catalogue::{EVENTS, EventType, example, own, reason, schema};
pub use deliver::{Deliveries, attempt, due, run};
pub use endpoint::{Endpoint, State, Watched};
pub use outbox::post;
pub use profile::{Profile, Told, profiles};
pub use settings::Settings;
pub use settle::{DROPPED_AT_ONCE, run as settle};
pub use sign::{OneSecret, Secrets, check as check_secret, generate as generate_secret};

/// What an endpoint must answer before it is told anything.
pub const VALIDATE: &str = "Webhook Validate";

/// What deliveries say of how many of ours led to them.
pub const HOPS_HEADER: &str = "holdfast-hops";

/// Of the longest chain: a delivery that a delivery led to, and so on.
pub const HOPS_MAX: u32 = 5;

/// How long what was not delivered can be sent again.
pub const KEPT: std::time::Duration = crate::limits::RETENTION_MAX;

/// The hops of a request, by its headers in lower case: 0 where it came from elsewhere.
pub fn hops_of(headers: &holdfast_definitions::Json) -> u32 {
    let text = headers.get(HOPS_HEADER).and_then(holdfast_definitions::Json::as_text);
    // What is no number was not written by us.
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// The hops of a hit, whatever a script made of it since.
pub fn hops_of_hit(hit: &crate::store::HitRow) -> u32 {
    match hit.headers.contains(HOPS_HEADER) {
        true => crate::history::parse(&hit.headers).map_or(0, |headers| hops_of(&headers)),
        false => 0,
    }
}

/// The hops of a transaction: the most that one of its hits came with.
pub fn hops_in(document: &holdfast_definitions::Json) -> u32 {
    let holdfast_definitions::Json::Object(members) = document else { return 0 };
    members.values().filter_map(|output| output.get("headers")).map(hops_of).max().unwrap_or(0)
}

#[cfg(test)]
mod tests;
