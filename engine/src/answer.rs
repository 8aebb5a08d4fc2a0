//! What a synchronous caller gets. The stored answer, not the socket, is the truth.

use bytes::Bytes;

use holdfast_definitions::Json;
use uuid::Uuid;

use crate::{Error, TransactionId, clock::Micros, history::parse, store::AnswerRow};

#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A `respond` step's response.
    Response {
        /// 200 to 599.
        status: u16,
        /// Names in lower case. `content-type` is always among them where there is a body.
        headers: Vec<(String, String)>,
        body: Bytes,
    },
    /// The run ended without one, or waits where none can come: `200 Webhook accepted.`
    Accepted,
    /// `500`: the run failed.
    Failed { transaction: TransactionId, step: String, message: String },
    /// `409`: an operator cancelled the transaction.
    Cancelled { transaction: TransactionId },
    /// `410`: its retention ran out.
    Expired { transaction: TransactionId },
}

impl Answer {
    /// As it is stored. A failure keeps its step and message; the problem document is made when it
    /// is given.
    pub(crate) fn to_row(
        &self,
        hit: Uuid,
        transaction: Option<Uuid>,
        by: Option<&str>,
        expires_at: Micros,
    ) -> AnswerRow {
        let (kind, status, step, headers, body) = match self {
            Self::Response { status, headers, body } => {
                let pairs = headers
                    .iter()
                    .map(|(name, value)| Json::from(vec![Json::from(name.as_str()), Json::from(value.as_str())]));
                ("response", *status, by.map(str::to_owned), pairs.collect::<Json>().to_string(), body.to_vec())
            }
            Self::Accepted => ("accepted", 200, None, "[]".into(), Vec::new()),
            Self::Failed { step, message, .. } => {
                ("failed", 500, Some(step.clone()), "[]".into(), message.clone().into_bytes())
            }
            Self::Cancelled { .. } => ("cancelled", 409, None, "[]".into(), Vec::new()),
            Self::Expired { .. } => ("expired", 410, None, "[]".into(), Vec::new()),
        };
        AnswerRow { hit, transaction, kind: kind.into(), status: i32::from(status), step, headers, body, expires_at }
    }

    pub(crate) fn from_row(row: AnswerRow) -> Result<Self, Error> {
        let transaction = TransactionId(row.transaction.unwrap_or_default());
        Ok(match row.kind.as_str() {
            "response" => {
                let Json::Array(pairs) = parse(&row.headers)? else {
                    return Err(Error::Internal("an answer's headers are no array".into()));
                };
                let text = |pair: &Json, at| pair.at(at).and_then(Json::as_text).unwrap_or_default().to_owned();
                let headers = pairs.iter().map(|pair| (text(pair, 0), text(pair, 1))).collect();
                Self::Response { status: row.status as u16, headers, body: row.body.into() }
            }
            "accepted" => Self::Accepted,
            "failed" => Self::Failed {
                transaction,
                step: row.step.unwrap_or_default(),
                message: String::from_utf8_lossy(&row.body).into_owned(),
            },
            "cancelled" => Self::Cancelled { transaction },
            _ => Self::Expired { transaction },
        })
    }
}
