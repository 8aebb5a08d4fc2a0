//! What every handler shares, and the router as a table of contents.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, middleware};
use holdfast_engine::Engine;

use crate::{Limits, Metrics, console, guard, hooks, hooks::Rates, problem, telemetry, v1};

/// Cheap to clone; all clones are one server.
#[derive(Clone)]
pub struct App {
    pub engine: Engine,
    pub limits: Arc<Limits>,
    /// Where callers find this server, without a trailing slash: webhook URLs begin with it.
    pub public_url: Arc<str>,
    /// A webhook also answers at `/hooks/{cycle}/{step}`.
    pub dev: bool,
    /// The API may be used from loopback without a key.
    pub keyless: bool,
    /// The name of this node in logs.
    pub node: Arc<str>,
    pub metrics: Metrics,
    pub rates: Arc<Rates>,
    /// Of the console of keyless `dev`: what its token is made from. Another one each start.
    pub console: Arc<str>,
    /// Set once, when the server was told to stop; nothing clears it.
    draining: Arc<AtomicBool>,
}

impl App {
    pub fn new(engine: Engine, limits: Limits, public_url: &str, metrics: Metrics) -> Self {
        engine.is_at(public_url);
        Self {
            engine,
            rates: Arc::new(Rates::new(limits.account_hits)),
            limits: Arc::new(limits),
            public_url: public_url.trim_end_matches('/').into(),
            dev: false,
            keyless: false,
            node: "".into(),
            metrics,
            console: uuid::Uuid::new_v4().to_string().into(),
            draining: Arc::default(),
        }
    }

    /// From now on `/readyz` says `503` and the engine takes no new work.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.engine.refuse_new_work();
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}

/// Every route of the server, and the guard around all of them.
pub fn router(app: App) -> Router {
    let limits = app.limits.clone();
    Router::new()
        .merge(hooks::routes())
        .merge(v1::routes())
        .merge(console::routes())
        .merge(telemetry::routes())
        .fallback(problem::no_such_page)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(middleware::from_fn_with_state(limits, guard::around))
        .with_state(app)
}
