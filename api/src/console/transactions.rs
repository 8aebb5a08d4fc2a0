//! Transactions: found by what they are about, and several at once cancelled, run again or resumed.

use askama::Template;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use holdfast_engine::{
    Error, PageQuery, TransactionFilter, TransactionId, TransactionStatus, TransactionView, Underway,
};
use serde::{Deserialize, Serialize};

use super::{
    page::{Query, Shell, show},
    session::Looker,
    waits,
    words::When,
};
use crate::{App, Problem};

pub const PATH: &str = "/console/transactions";

/// What is looked for, as the address has it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Wanted {
    pub cycle: Option<String>,
    pub status: Option<String>,
    pub step: Option<String>,
    pub key: Option<String>,
    /// `hour`, `today`, `week`, or a time.
    pub since: Option<String>,
    /// A time as a browser's field has it, in UTC: taken before `since`.
    #[serde(skip_serializing)]
    pub from: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Listed {
    #[serde(flatten)]
    wanted: Wanted,
    after: Option<String>,
    done: Option<String>,
}

impl Wanted {
    /// The engine's filter, or what a person is told is wrong with it.
    pub fn filter(&self, now: DateTime<Utc>) -> Result<TransactionFilter, String> {
        let status = match self.status.as_deref() {
            None => None,
            Some(word) => {
                Some(TransactionStatus::from_word(word).ok_or_else(|| format!("There is no status {word}."))?)
            }
        };
        let trimmed = |text: &Option<String>| text.as_deref().map(str::trim).map(str::to_owned);
        Ok(TransactionFilter {
            cycle: trimmed(&self.cycle),
            status,
            step: trimmed(&self.step),
            key: trimmed(&self.key),
            since: self.since.as_deref().map(|since| instant(since, now)).transpose()?,
            until: None,
        })
    }

    fn settled(mut self) -> Self {
        self.since = self.from.take().map(|from| format!("{from}Z")).or(self.since);
        self
    }

    fn is_empty(&self) -> bool {
        self.fields().is_empty()
    }

    /// Those that are set: (name in the address, name for people, value).
    pub fn fields(&self) -> Vec<(&'static str, &'static str, &str)> {
        let all = [
            ("cycle", "cycle", &self.cycle),
            ("status", "status", &self.status),
            ("step", "step", &self.step),
            ("key", "value", &self.key),
            ("since", "started since", &self.since),
        ];
        all.into_iter().filter_map(|(name, said, value)| Some((name, said, value.as_deref()?))).collect()
    }

    /// The list's address with this filter, but for the field `without`.
    pub fn address(&self, without: &str, after: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let fields = self.fields().into_iter().filter(|(name, ..)| *name != without);
        query.extend_pairs(fields.map(|(name, _, value)| (name, value)));
        query.extend_pairs(after.map(|after| ("after", after)));
        let query = query.finish();
        if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
    }
}

fn instant(since: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, String> {
    let day = now.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
    match since {
        "hour" => Ok(now - TimeDelta::hours(1)),
        "today" => Ok(day),
        "week" => Ok(now - TimeDelta::days(7)),
        text => {
            let local = text.trim_end_matches('Z');
            let formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"];
            let written = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(local, format).ok());
            let found = written.map(|at| at.and_utc()).or_else(|| text.parse().ok());
            found.ok_or_else(|| format!("“{text}” is no time: write it as 2026-03-31T08:00:00Z."))
        }
    }
}

#[derive(Template)]
#[template(path = "transactions.html")]
struct Transactions {
    shell: Shell,
    done: Option<String>,
    wrong: Option<String>,
    wanted: Wanted,
    cycles: Vec<String>,
    statuses: Vec<&'static str>,
    /// (value, what it says)
    times: Vec<(String, String)>,
    rows: Vec<Row>,
    /// Of this very page.
    here: String,
    live: String,
    newest: bool,
    next: Option<String>,
    empty: Empty,
}

/// What to do where nothing is shown.
#[derive(Default)]
struct Empty {
    /// Each part of the filter, and the address without it.
    loosen: Vec<(String, String)>,
    /// The first hit, where some cycle could take one.
    curl: Option<String>,
}

pub struct Row {
    pub id: TransactionId,
    pub short: String,
    pub cycle: String,
    pub status: &'static str,
    pub step: String,
    pub waits: String,
    pub started: When,
    pub expires: When,
}

impl Row {
    pub fn of(view: TransactionView, underway: Option<&Underway>, now: DateTime<Utc>) -> Self {
        Self {
            short: short(view.id),
            waits: waits::in_a_word(&view, underway, now),
            id: view.id,
            cycle: view.cycle,
            status: view.status.word(),
            step: view.step.or_else(|| underway.map(|underway| underway.step.clone())).unwrap_or_default(),
            started: When { at: view.started_at, now },
            expires: When { at: view.expires_at, now },
        }
    }
}

/// An id's end: its begin is the time, and much the same in all of a list.
pub fn short(id: TransactionId) -> String {
    let id = id.to_string();
    id.rsplit('-').next().unwrap_or(&id).to_owned()
}

pub async fn list(State(app): State<App>, looker: Looker, Query(listed): Query<Listed>) -> Result<Response, Problem> {
    let account = looker.account();
    let Listed { wanted, after, done } = listed;
    let wanted = wanted.settled();
    let (rows, next, wrong) = match found(&app, account, &wanted, after.clone()).await? {
        Ok((rows, next)) => (rows, next, None),
        Err(wrong) => (Vec::new(), None, Some(wrong)),
    };
    if rows.is_empty()
        && let Some(id) = wanted.key.as_deref().and_then(|key| key.trim().parse::<TransactionId>().ok())
        && app.engine.transaction(account, id).await.is_ok()
    {
        return Ok(Redirect::to(&format!("{PATH}/{id}")).into_response());
    }
    let empty = if rows.is_empty() { nothing(&app, account, &wanted).await? } else { Empty::default() };
    let topic = wanted.cycle.as_deref().map(|cycle| ("cycle", cycle));
    let live = form_urlencoded::Serializer::new(String::new()).extend_pairs(topic).finish();
    let page = show(&Transactions {
        shell: Shell::new(&looker, "transactions", "Transactions"),
        done,
        wrong,
        cycles: app.engine.cycle_names(account).await?,
        statuses: TransactionStatus::ALL.iter().map(|status| status.word()).collect(),
        times: times(wanted.since.as_deref()),
        rows,
        here: wanted.address("", after.as_deref()),
        live: format!("/console/live?{live}"),
        newest: after.is_none(),
        next: next.map(|next| wanted.address("", Some(&next))),
        empty,
        wanted,
    })?;
    Ok(page.into_response())
}

type Found = (Vec<Row>, Option<String>);

/// A page of the list; the inner error is told in the page.
async fn found(
    app: &App,
    account: &str,
    wanted: &Wanted,
    after: Option<String>,
) -> Result<Result<Found, String>, Problem> {
    let now = app.engine.now();
    let filter = match wanted.filter(now) {
        Ok(filter) => filter,
        Err(wrong) => return Ok(Err(wrong)),
    };
    let page = match app.engine.transactions(account, filter, PageQuery { limit: None, after }).await {
        Ok(page) => page,
        Err(error @ (Error::Invalid(_) | Error::NotFound { .. })) => return Ok(Err(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let busy: Vec<_> = page.data.iter().filter(|view| waits::is_under_way(view.status)).map(|view| view.id).collect();
    let underway = app.engine.under_way(account, &busy).await?;
    let rows = page.data.into_iter().map(|view| {
        let underway = underway.get(&view.id);
        Row::of(view, underway, now)
    });
    Ok(Ok((rows.collect(), page.next)))
}

async fn nothing(app: &App, account: &str, wanted: &Wanted) -> Result<Empty, Problem> {
    let fields = wanted.fields();
    let loosen =
        fields.iter().map(|(name, said, value)| (format!("{said} “{value}”"), wanted.address(name, None))).collect();
    if !wanted.is_empty() {
        return Ok(Empty { loosen, curl: None });
    }
    let page = PageQuery { limit: Some(100), after: None };
    let webhooks = app.engine.webhooks(account, page).await?.data;
    let start = webhooks.into_iter().find(|webhook| webhook.start && !webhook.verified && webhook.shared.is_none());
    let curl = start.map(|webhook| waits::curl(&app.public_url, &webhook.identifier, "{\"order_id\": 42}"));
    Ok(Empty { loosen, curl })
}

fn times(since: Option<&str>) -> Vec<(String, String)> {
    let known = [("", "any time"), ("hour", "in the last hour"), ("today", "today"), ("week", "in the last 7 days")];
    let mut times: Vec<_> = known.iter().map(|(value, said)| ((*value).to_owned(), (*said).to_owned())).collect();
    if let Some(since) = since.filter(|since| known.iter().all(|(value, _)| value != since)) {
        times.push((since.to_owned(), format!("since {since}")));
    }
    times
}

#[cfg(test)]
#[path = "transactions_tests.rs"]
mod tests;
