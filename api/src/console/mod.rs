//! The console: pages made on the server, for people who look.
//!
//! Invariants: every page is HTML from a template that escapes what it is given; nothing is loaded from
//! another host and no script or style stands in a page ([`rim::POLICY`]); every change carries its
//! session's token; what a key may not do is neither shown nor done; a page shows the session's
//! account and no other.

mod assets;
mod documents;
mod keys;
mod live;
mod page;
mod painted;
mod repair;
mod rim;
mod runs;
mod session;
mod several;
mod sign_in;
mod transaction;
mod transactions;
mod waits;
mod words;
mod written;

use axum::{
    Router, middleware,
    routing::{get, post},
};

use crate::App;

pub fn routes() -> Router<App> {
    Router::new()
        .route("/console", get(page::home))
        .route("/console/", get(page::home))
        .route("/console/assets/{name}", get(assets::asset))
        .route("/console/live", get(live::live))
        .route("/console/sign-in", get(sign_in::form).post(sign_in::enter))
        .route("/console/sign-out", post(sign_in::leave))
        .route("/console/account", post(sign_in::choose))
        .route("/console/transactions", get(transactions::list))
        .route("/console/transactions/ask", post(several::ask))
        .route("/console/transactions/do", post(several::act))
        .route("/console/transactions/{id}", get(transaction::page))
        .route("/console/transactions/{id}/document", get(documents::whole))
        .route("/console/transactions/{id}/runs/{run}/steps/{step}", get(documents::of_step))
        .route("/console/transactions/{id}/rerun", get(repair::rerun).post(repair::run_again))
        .route("/console/transactions/{id}/resume", get(repair::resume).post(repair::go_on))
        .route("/console/transactions/{id}/cancel", post(repair::cancel))
        .route("/console/keys", get(keys::list).post(keys::create))
        .route("/console/keys/{id}/revoke", post(keys::revoke))
        .layer(middleware::from_fn(rim::around))
}
