//! The console: pages made on the server, for people who look.
//!
//! Invariants: every page is HTML from a template that escapes what it is given; nothing is loaded from
//! another host and no script or style stands in a page ([`rim::POLICY`]); every change carries its
//! session's token; what a key may not do is neither shown nor done; a page shows the session's
//! account and no other.

mod accounts;
mod address;
mod assets;
mod contents;
mod cycle;
mod cycles;
mod deliveries;
mod difference;
mod documents;
mod editor;
mod endpoints;
mod figures;
mod hit;
mod hits;
mod keys;
mod live;
mod matching;
mod page;
mod painted;
mod presets;
mod progress;
mod repair;
mod replay;
mod request;
mod rim;
mod running;
mod runs;
mod scenario;
mod secrets;
mod session;
mod several;
mod sign_in;
mod subscriptions;
mod transaction;
mod transactions;
mod unmatched;
mod variables;
mod versions;
mod waits;
mod why;
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
        .route("/console/cycles", get(cycles::list))
        .route("/console/cycles/{cycle}", get(cycle::page))
        .route("/console/cycles/{cycle}/edit", get(editor::edit))
        .route("/console/cycles/{cycle}/versions", get(versions::page))
        .route("/console/cycles/{cycle}/unmatched", get(unmatched::look))
        .route("/console/cycles/{cycle}/start", post(running::start))
        .route("/console/cycles/{cycle}/stop", post(running::stop))
        .route("/console/cycles/{cycle}/delete", post(running::delete))
        .route("/console/deploy", get(editor::new).post(editor::deploy))
        .route("/console/check", post(editor::check))
        .route("/console/transactions", get(transactions::list))
        .route("/console/transactions/ask", post(several::ask))
        .route("/console/transactions/do", post(several::act))
        .route("/console/transactions/{transaction}", get(transaction::page))
        .route("/console/transactions/{transaction}/scenario", get(scenario::page))
        .route("/console/transactions/{transaction}/scenario/file", get(scenario::file))
        .route("/console/transactions/{transaction}/document", get(documents::whole))
        .route("/console/transactions/{transaction}/runs/{run}/steps/{step}", get(documents::of_step))
        .route("/console/transactions/{transaction}/rerun", get(repair::rerun).post(repair::run_again))
        .route("/console/transactions/{transaction}/resume", get(repair::resume).post(repair::go_on))
        .route("/console/transactions/{transaction}/cancel", post(repair::cancel))
        .route("/console/hits", get(hits::list))
        .route("/console/hits/replay", get(replay::preview).post(replay::replay))
        .route("/console/hits/{hit}", get(hit::one))
        .route("/console/hits/{hit}/replay", post(hit::replay))
        .route("/console/hits/{hit}/give", post(hit::give))
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
