//! An `http` step. No definition compiles to one yet.

use holdfast_definitions::Http;

use super::Call;
use crate::{Error, ongoing::Progress};

pub async fn attempt(call: &Call<'_>, _http: &Http) -> Result<Progress, Error> {
    Err(Error::Internal(format!("{}: no calls yet", call.idempotency_key()).into()))
}
