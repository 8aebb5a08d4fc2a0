//! What a synchronous caller gets. The stored answer, not the socket, is the truth.

use bytes::Bytes;

use crate::TransactionId;

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
