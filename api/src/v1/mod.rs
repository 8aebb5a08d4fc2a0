//! `/api/v1`: one file a resource; each extracts, calls the engine and presents.

use axum::Router;

use crate::App;

pub fn routes() -> Router<App> {
    Router::new()
}
