//! Hits: what came to the webhooks, and what became of it.

use askama::Template;
use axum::{extract::State, response::Html};
use chrono::{DateTime, NaiveTime, Utc};
use holdfast_definitions::parse_duration;
use holdfast_engine::{Hit, HitFilter, HitStatus, PageQuery};
use serde::{Deserialize, Serialize};

use super::{
    contents::{glance, short},
    page::{Query, Shell, show},
    session::Looker,
    words::When,
};
use crate::{App, Problem};

pub const PATH: &str = "/console/hits";
/// Webhooks offered to choose from; with more, the address says which.
pub const WEBHOOKS_MAX: u32 = 500;

/// Which hits are looked at; what is left out is all of them.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(default)]
pub struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycle: Option<String>,
    /// An identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `today`, a length of time before now, or an instant (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Set: those that more than one transaction waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ambiguous: Option<String>,
}

impl Filter {
    pub fn status(&self) -> Result<Option<HitStatus>, Problem> {
        let Some(word) = self.status.as_deref() else { return Ok(None) };
        let known = HitStatus::from_word(word);
        known.map(Some).ok_or_else(|| Problem::invalid(format!("{word} is no status of a hit")))
    }

    pub fn since(&self, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>, Problem> {
        let Some(text) = self.since.as_deref() else { return Ok(None) };
        if text == "today" {
            return Ok(Some(now.date_naive().and_time(NaiveTime::MIN).and_utc()));
        }
        if let Ok(at) = DateTime::parse_from_rfc3339(text) {
            return Ok(Some(at.to_utc()));
        }
        let before = parse_duration(text)
            .ok()
            .and_then(|length| now.checked_sub_signed(chrono::TimeDelta::from_std(length).ok()?));
        before.map(Some).ok_or_else(|| Problem::invalid("since is `today`, a length such as 24h, or a time (RFC 3339)"))
    }

    /// The engine's filter.
    pub fn wanted(&self, now: DateTime<Utc>) -> Result<HitFilter, Problem> {
        Ok(HitFilter {
            webhook: self.webhook.clone(),
            cycle: self.cycle.clone(),
            status: self.status()?,
            ambiguous: self.ambiguous.is_some(),
            since: self.since(now)?,
            until: None,
        })
    }

    /// The address of the hits that it lets through, with more behind.
    pub fn address(&self, more: &[(&str, &str)]) -> String {
        let mut query = serde_html_form::to_string(self).unwrap_or_default();
        if !more.is_empty() {
            let mut rest = form_urlencoded::Serializer::new(query);
            query = rest.extend_pairs(more).finish();
        }
        if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
    }

    pub fn newest(&self) -> String {
        self.address(&[])
    }

    /// As a form carries it.
    pub fn fields(&self) -> Vec<(&'static str, String)> {
        let Self { cycle, webhook, status, since, ambiguous } = self;
        let named =
            [("cycle", cycle), ("webhook", webhook), ("status", status), ("since", since), ("ambiguous", ambiguous)];
        named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect()
    }

    /// Since when, where it is none of those that are offered.
    fn other_since(&self) -> Option<&str> {
        self.since.as_deref().filter(|since| !["1h", "today", "24h", "7d"].contains(since))
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A hit as lists show it.
pub struct Row {
    pub id: String,
    pub short: String,
    pub received: When,
    pub place: Place,
    pub method: String,
    pub status: &'static str,
    pub ambiguous: bool,
    pub reason: String,
    pub early: Option<When>,
    pub transaction: Option<(String, String)>,
    pub body: String,
    pub replayed: bool,
}

/// The webhook that a hit came to.
#[derive(Clone, Debug)]
pub struct Place {
    pub cycle: String,
    pub step: String,
}

impl Place {
    pub fn of(hit: &Hit) -> Self {
        Self { cycle: hit.cycle.clone(), step: hit.step.clone() }
    }
}

impl Row {
    pub fn of(hit: Hit, now: DateTime<Utc>) -> Self {
        Self {
            id: hit.id.to_string(),
            short: short(hit.id),
            received: When { at: hit.received_at, now },
            place: Place::of(&hit),
            status: hit.status.word(),
            ambiguous: hit.ambiguous,
            reason: reason(&hit),
            early: early(&hit, now),
            transaction: hit.transaction.map(|id| (id.to_string(), short(id))),
            body: glance(&hit),
            replayed: hit.replay_of.is_some(),
            method: hit.method,
        }
    }
}

/// Until when a transaction that reaches the step still takes it.
pub fn early(hit: &Hit, now: DateTime<Utc>) -> Option<When> {
    let at = hit.early_until.filter(|at| *at > now && hit.status == HitStatus::Unmatched)?;
    Some(When { at, now })
}

/// What became of a hit, for people.
pub fn reason(hit: &Hit) -> String {
    if let Some(reason) = &hit.reason {
        return reason.clone();
    }
    let text = match (hit.status, hit.run) {
        (HitStatus::Applied, _) if hit.ambiguous => "several transactions waited for it: the newest took it",
        (HitStatus::Applied, Some(1)) => "it started a transaction",
        (HitStatus::Applied, Some(run)) => return format!("it resumed a transaction: run {run}"),
        (HitStatus::Applied, None) => "it was taken",
        (HitStatus::Queued, _) => "it waits for its turn: the cycle is stopped, or an earlier run is under way",
        (HitStatus::Unmatched, _) => "nothing took it",
        (HitStatus::Filtered, _) => "the webhook's script let nothing start",
        (HitStatus::Expired, _) => "it waited too long for its turn",
        (HitStatus::Duplicate, _) => "it repeats an earlier delivery",
        (HitStatus::Rejected, _) => "its sender was refused",
    };
    text.to_owned()
}

/// What people call a status, and its filter.
const TABS: [(&str, &str, &str); 9] = [
    ("All", "", ""),
    ("Accepted", "applied", ""),
    ("Queued", "queued", ""),
    ("Unmatched", "unmatched", ""),
    ("Ambiguous", "", "yes"),
    ("Filtered", "filtered", ""),
    ("Refused", "rejected", ""),
    ("Expired", "expired", ""),
    ("Repeated", "duplicate", ""),
];

struct Tab {
    name: &'static str,
    address: String,
    here: bool,
}

fn tabs(filter: &Filter) -> Vec<Tab> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let tab = |(name, status, ambiguous): &(&'static str, &str, &str)| {
        let other = Filter { status: some(status), ambiguous: some(ambiguous), ..filter.clone() };
        let here = other.status == filter.status && other.ambiguous.is_some() == filter.ambiguous.is_some();
        Tab { name, address: other.address(&[]), here }
    };
    TABS.iter().map(tab).collect()
}

/// A webhook to choose.
pub struct Choice {
    pub identifier: String,
    /// `cycle / step`, or a shared webhook's name.
    pub name: String,
    pub cycle: String,
    pub start: bool,
    pub url: String,
}

pub async fn choices(app: &App, account: &str) -> Result<Vec<Choice>, Problem> {
    let page = PageQuery { limit: Some(WEBHOOKS_MAX), after: None };
    let choice = |webhook: holdfast_engine::WebhookView| {
        let shared = webhook.cycle.is_empty();
        let name = match webhook.shared {
            Some(name) if shared => format!("{name} (shared)"),
            _ => format!("{} / {}", webhook.cycle, webhook.step),
        };
        let url = format!("{}/hooks/{}", app.public_url, webhook.identifier);
        Choice { identifier: webhook.identifier, name, cycle: webhook.cycle, start: webhook.start || shared, url }
    };
    Ok(app.engine.webhooks(account, page).await?.data.into_iter().map(choice).collect())
}

#[derive(Template)]
#[template(path = "hits.html")]
struct Hits {
    shell: Shell,
    done: Option<String>,
    filter: Filter,
    tabs: Vec<Tab>,
    cycles: Vec<String>,
    webhooks: Vec<Choice>,
    rows: Vec<Row>,
    /// The address of this page, and of the older ones.
    here: String,
    older: Option<String>,
    /// Not the newest ones.
    back: bool,
    /// Where a hit could be sent, for who has none.
    curl: Option<String>,
    /// The first instant that is looked at.
    since: Option<When>,
}

impl Hits {
    fn is(&self, field: &Option<String>, value: &str) -> bool {
        field.as_deref().unwrap_or_default() == value
    }
}

#[derive(Debug, Default, Deserialize)]
pub struct Listed {
    #[serde(flatten)]
    filter: Filter,
    after: Option<String>,
    done: Option<String>,
}

pub async fn list(
    State(app): State<App>,
    looker: Looker,
    Query(listed): Query<Listed>,
) -> Result<Html<String>, Problem> {
    let Listed { filter, after, done } = listed;
    let account = looker.account();
    let now = app.engine.now();
    let page = PageQuery { limit: None, after: after.clone() };
    let page = app.engine.hits(account, filter.wanted(now)?, page).await?;
    let webhooks = choices(&app, account).await?;
    let mut cycles: Vec<String> =
        webhooks.iter().map(|one| one.cycle.clone()).filter(|name| !name.is_empty()).collect();
    cycles.dedup();
    let first = webhooks.iter().find(|one| one.start);
    show(&Hits {
        shell: Shell::new(&looker, "hits", "Hits"),
        done,
        tabs: tabs(&filter),
        cycles,
        rows: page.data.into_iter().map(|hit| Row::of(hit, now)).collect(),
        here: filter.address(&after.as_deref().map(|after| ("after", after)).into_iter().collect::<Vec<_>>()),
        older: page.next.map(|next| filter.address(&[("after", &next)])),
        back: after.is_some(),
        curl: first.map(|one| format!("curl -i {} --json '{{\"order\": \"A-42\"}}'", one.url)),
        since: filter.since(now)?.map(|at| When { at, now }),
        webhooks,
        filter,
    })
}
