//! The way in for webhooks.

use axum::Router;

use crate::App;

pub fn routes() -> Router<App> {
    Router::new()
}
