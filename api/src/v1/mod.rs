//! `/api/v1`: one file a resource; each extracts, calls the engine and presents. The OpenAPI
//! document is made of the same annotations that stand on the handlers.

mod accounts;
mod bulk;
mod clock;
mod connections;
mod cycles;
mod endpoints;
mod events;
mod explanation;
mod extract;
mod figures;
mod guarded;
mod hits;
mod keys;
mod secrets;
mod shapes;
mod shared;
mod told;
mod transactions;
mod webhooks;

use axum::{Router, http::header, routing::get};
use utoipa::OpenApi as _;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::App;

pub use extract::id;
pub use shapes::{HitShape, Run, Transaction};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Holdfast",
        description = "A workflow engine whose transactions wait for the outside world.\n\nA path that is not here is answered with `404`, a method that a path does not have with `405` and `Allow`; both with a problem document, as every error."
    ),
    components(schemas(shapes::ProblemDocument)),
    modifiers(&Keys),
    security(("key" = []), ("header" = []), ())
)]
struct Document;

/// How a key is sent.
struct Keys;

impl utoipa::Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
        let components = document.components.get_or_insert_with(Default::default);
        components.add_security_scheme("key", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        components.add_security_scheme("header", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Api-Key"))));
    }
}

pub fn routes() -> Router<App> {
    let (router, document) = described();
    let document = document.to_json().unwrap_or_default();
    let serve = move || async move { ([(header::CONTENT_TYPE, "application/json")], document) };
    router.route("/api/v1/openapi.json", get(serve))
}

fn described() -> (Router<App>, utoipa::openapi::OpenApi) {
    let (router, mut document) = OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::export))
        .routes(routes!(accounts::import))
        .routes(routes!(accounts::show, accounts::limit, accounts::delete))
        .routes(routes!(cycles::list, cycles::deploy))
        .routes(routes!(cycles::show, cycles::delete))
        .routes(routes!(cycles::versions))
        .routes(routes!(figures::show))
        .routes(routes!(figures::list))
        .routes(routes!(cycles::start))
        .routes(routes!(cycles::stop))
        .routes(routes!(cycles::check))
        .routes(routes!(webhooks::list, shared::create))
        .routes(routes!(shared::show, shared::delete))
        .routes(routes!(shared::pause))
        .routes(routes!(shared::resume))
        .routes(routes!(shared::claims, shared::claim, shared::release))
        .routes(routes!(connections::connectors))
        .routes(routes!(connections::list))
        .routes(routes!(connections::retry))
        .routes(routes!(webhooks::explain))
        .routes(routes!(transactions::list))
        .routes(routes!(bulk::transactions))
        .routes(routes!(bulk::hits))
        .routes(routes!(transactions::show))
        .routes(routes!(transactions::runs))
        .routes(routes!(transactions::rerun))
        .routes(routes!(transactions::cancel))
        .routes(routes!(transactions::resume))
        .routes(routes!(hits::list))
        .routes(routes!(hits::show))
        .routes(routes!(hits::replay))
        .routes(routes!(hits::explain))
        .routes(routes!(keys::list, keys::create))
        .routes(routes!(keys::revoke))
        .routes(routes!(secrets::list, secrets::put))
        .routes(routes!(secrets::delete))
        .routes(routes!(secrets::reseal))
        .routes(routes!(endpoints::list, endpoints::create))
        .routes(routes!(endpoints::show, endpoints::change, endpoints::delete))
        .routes(routes!(endpoints::validate))
        .routes(routes!(endpoints::enable))
        .routes(routes!(endpoints::rotate))
        .routes(routes!(endpoints::resend))
        .routes(routes!(endpoints::deliveries))
        .routes(routes!(clock::show))
        .routes(routes!(clock::advance))
        .routes(routes!(events::events))
        .split_for_parts();
    guarded::describe(&mut document);
    told::describe(&mut document);
    (router, document)
}

#[cfg(test)]
mod tests;
