//! A `script` step.
use super::Call;
use crate::{Error, ongoing::Progress};
use holdfast_definitions::Script;

pub async fn run(_call: &Call<'_>, _script: &Script) -> Result<Progress, Error> {
    Err(Error::Internal("no scripts yet".into()))
}
