//! One action done to many transactions, or many hits replayed: first counted, then done in steps.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use holdfast_engine::{
    BulkDone, BulkQuery, Chosen, HitFilter, HitId, Preview, TransactionAction, TransactionFilter, TransactionId,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    extract::Given,
    hits,
    shapes::{HitShape, ProblemDocument, Transaction},
    transactions,
};
use crate::{App, Problem, access};

/// As the parameters of the list of transactions.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhichTransactions {
    pub cycle: Option<String>,
    pub status: Option<String>,
    pub step: Option<String>,
    pub key: Option<String>,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// Which, and what is done to them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransactionsBulk {
    /// It must name something.
    pub filter: Option<WhichTransactions>,
    /// Instead of a filter: at most 1,000.
    pub ids: Option<Vec<String>>,
    /// `cancel`, `rerun` or `resume`
    pub action: String,
    /// Of `rerun`: from this step, or from where each failed. Of `resume`: where they are held.
    pub step: Option<String>,
    /// Of `resume`: the body of the hit that each gets.
    #[schema(value_type = Option<Object>)]
    pub body: Option<holdfast_definitions::Json>,
    /// Only count: nothing is done.
    #[serde(default)]
    pub preview: bool,
    /// How many this call does at most: 1 to 1,000.
    #[schema(minimum = 1, maximum = 1000, default = 200)]
    pub limit: Option<u32>,
    /// The `next` of the call before.
    pub after: Option<String>,
    /// A preview's.
    pub mark: Option<String>,
}

/// As the parameters of the list of hits.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WhichHits {
    pub webhook: Option<String>,
    pub cycle: Option<String>,
    pub status: Option<String>,
    pub ambiguous: bool,
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

/// Which are replayed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HitsBulk {
    /// It must name something.
    pub filter: Option<WhichHits>,
    /// Instead of a filter: at most 1,000.
    pub ids: Option<Vec<String>>,
    /// `replay`
    pub action: String,
    /// Only count: nothing is done.
    #[serde(default)]
    pub preview: bool,
    /// How many this call does at most: 1 to 1,000.
    #[schema(minimum = 1, maximum = 1000, default = 200)]
    pub limit: Option<u32>,
    /// The `next` of the call before.
    pub after: Option<String>,
    /// A preview's.
    pub mark: Option<String>,
}

/// What came of a call.
#[derive(Serialize, ToSchema)]
pub struct Done {
    pub done: u64,
    /// Those to which it was done already, since the mark.
    pub unchanged: u64,
    pub failed: Vec<Failed>,
    /// Handed back as `after`, with the same filter and action, to go on; null once all have had their turn.
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Failed {
    pub id: String,
    pub reason: String,
}

impl From<BulkDone> for Done {
    fn from(done: BulkDone) -> Self {
        let failed = done.failed.into_iter().map(|(id, reason)| Failed { id: id.to_string(), reason });
        Self { done: done.done, unchanged: done.unchanged, failed: failed.collect(), next: done.next }
    }
}

/// What an action would be done to.
#[derive(Serialize, ToSchema)]
pub struct Counted<T> {
    /// Counted up to 10,000.
    pub matching: u64,
    /// There may be more.
    pub capped: bool,
    /// How many of them are of which status.
    pub statuses: BTreeMap<String, u64>,
    /// Those that are meant and would be left as they are, counted up to 10,000 in all.
    pub refused: Vec<Refused>,
    /// The first few.
    pub sample: Vec<T>,
    /// For the calls that do it.
    pub mark: String,
}

/// Why so many would be left as they are.
#[derive(Serialize, ToSchema)]
pub struct Refused {
    pub reason: String,
    pub count: u64,
}

impl<T> Counted<T> {
    fn of<V>(preview: Preview<V>, show: impl Fn(V) -> T) -> Self {
        let Preview { matching, capped, statuses, refused, sample, mark } = preview;
        let refused = refused.into_iter().map(|(reason, count)| Refused { reason, count }).collect();
        Self { matching, capped, statuses, refused, sample: sample.into_iter().map(show).collect(), mark }
    }
}

/// Of a preview, or of a call.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum TransactionsTold {
    Counted(Counted<Transaction>),
    Done(Done),
}

/// Of a preview, or of a call.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum HitsTold {
    Counted(Counted<HitShape>),
    Done(Done),
}

/// Cancels, runs again or resumes many. With `preview` they are counted and nothing is done. A call does it
/// to at most `limit`, newest first, each whole or not at all, and says where to go on.
#[utoipa::path(post, path = "/api/v1/transactions/bulk", tag = "transactions", request_body(content = TransactionsBulk),
    responses((status = 200, body = TransactionsTold), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn transactions(
    State(app): State<App>,
    caller: access::Operator,
    Given(bulk): Given<TransactionsBulk>,
) -> Result<Json<TransactionsTold>, Problem> {
    let account = caller.0.account;
    let TransactionsBulk { filter, ids, action, step, body, preview, limit, after, mark } = bulk;
    let chosen: Chosen<_, TransactionId> = chosen(filter, ids, |filter| {
        let WhichTransactions { cycle, status, step, key, since, until } = filter;
        let status = transactions::status(status.as_deref())?;
        Ok(TransactionFilter { cycle, status, step, key, since, until })
    })?;
    let action = match (action.as_str(), &body) {
        ("cancel", None) if step.is_none() => TransactionAction::Cancel,
        ("rerun", None) => TransactionAction::Rerun { step },
        ("resume", _) => TransactionAction::Resume { step, body: body.unwrap_or(holdfast_definitions::Json::Null) },
        ("cancel" | "rerun", _) => {
            return Err(Problem::invalid(format!("{action} takes no body and, to cancel, no step")));
        }
        _ => return Err(Problem::invalid(format!("unknown action {action}; known are cancel, rerun and resume"))),
    };
    if preview {
        let counted = app.engine.preview_transactions(&account, &chosen, &action).await?;
        return Ok(Json(TransactionsTold::Counted(Counted::of(counted, Transaction::from))));
    }
    let query = BulkQuery { limit, after, mark };
    let done = app.engine.act_on_transactions(&account, &chosen, &action, &query).await?;
    Ok(Json(TransactionsTold::Done(done.into())))
}

/// Replays many, oldest first. With `preview` they are counted and nothing is done. A call replays at most
/// `limit`, each whole or not at all, and says where to go on.
#[utoipa::path(post, path = "/api/v1/hits/bulk", tag = "hits", request_body(content = HitsBulk),
    responses((status = 200, body = HitsTold), (status = 400, body = ProblemDocument), (status = 401, body = ProblemDocument), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument), (status = 413, body = ProblemDocument), (status = 503, body = ProblemDocument)))]
pub async fn hits(
    State(app): State<App>,
    caller: access::Operator,
    Given(bulk): Given<HitsBulk>,
) -> Result<Json<HitsTold>, Problem> {
    let account = caller.0.account;
    let HitsBulk { filter, ids, action, preview, limit, after, mark } = bulk;
    if action != "replay" {
        return Err(Problem::invalid(format!("unknown action {action}; known is replay")));
    }
    let chosen: Chosen<_, HitId> = chosen(filter, ids, |filter| {
        let WhichHits { webhook, cycle, status, ambiguous, since, until } = filter;
        let status = hits::status(status.as_deref())?;
        Ok(HitFilter { webhook, cycle, status, ambiguous, since, until })
    })?;
    if preview {
        let counted = app.engine.preview_replays(&account, &chosen).await?;
        return Ok(Json(HitsTold::Counted(Counted::of(counted, HitShape::new))));
    }
    let query = BulkQuery { limit, after, mark };
    Ok(Json(HitsTold::Done(app.engine.replay_hits(&account, &chosen, &query).await?.into())))
}

/// A filter or ids: one of the two.
fn chosen<G, F, I: std::str::FromStr>(
    filter: Option<G>,
    ids: Option<Vec<String>>,
    read: impl FnOnce(G) -> Result<F, Problem>,
) -> Result<Chosen<F, I>, Problem> {
    match (filter, ids) {
        (Some(filter), None) => Ok(Chosen::Filter(read(filter)?)),
        (None, Some(ids)) => {
            let id = |text: String| text.parse().map_err(|_| Problem::invalid(format!("ids: {text} is no id")));
            Ok(Chosen::Ids(ids.into_iter().map(id).collect::<Result<_, _>>()?))
        }
        _ => Err(Problem::invalid("give a filter or ids: one of the two")),
    }
}
