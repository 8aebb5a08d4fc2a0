//! The console: pages made on the server, for people who look.
//!
//! Invariants: every page is HTML from a template that escapes what it is given; nothing is loaded from
//! another host and no script or style stands in a page ([`rim::POLICY`]); every change carries its
//! session's token; what a key may not do is neither shown nor done; a page shows the session's
//! account and no other.

mod accounts;
mod assets;
mod contents;
mod deliveries;
mod endpoints;
mod hit;
mod hits;
mod keys;
mod live;
mod matching;
mod page;
mod replay;
mod rim;
mod secrets;
mod session;
mod sign_in;
mod subscriptions;
mod why;
mod words;

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
        .route("/console/hits", get(hits::list))
        .route("/console/hits/replay", get(replay::preview).post(replay::replay))
        .route("/console/hits/{id}", get(hit::one))
        .route("/console/hits/{id}/replay", post(hit::replay))
        .route("/console/hits/{id}/give", post(hit::give))
        .route("/console/match", get(matching::form).post(matching::try_it))
        .route("/console/endpoints", get(endpoints::list).post(endpoints::create))
        .route("/console/endpoints/{id}", get(endpoints::look))
        .route("/console/endpoints/{id}/validate", post(endpoints::validate))
        .route("/console/endpoints/{id}/enable", post(endpoints::enable))
        .route("/console/endpoints/{id}/rotate", post(endpoints::rotate))
        .route("/console/endpoints/{id}/resend", post(endpoints::resend))
        .route("/console/endpoints/{id}/delete", post(endpoints::delete))
        .route("/console/subscriptions", get(subscriptions::list))
        .route("/console/subscriptions/{id}/retry", post(subscriptions::retry))
        .route("/console/keys", get(keys::list).post(keys::create))
        .route("/console/keys/{id}/revoke", post(keys::revoke))
        .route("/console/secrets", get(secrets::list).post(secrets::put))
        .route("/console/secrets/{name}/delete", post(secrets::delete))
        .route("/console/accounts", get(accounts::list).post(accounts::create))
        .route("/console/accounts/{account}/limits", post(accounts::limit))
        .route("/console/accounts/{account}/delete", post(accounts::delete))
        .layer(middleware::from_fn(rim::around))
}
