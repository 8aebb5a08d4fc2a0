//! HTTP, and the `holdfast` command line. No SQL and no rule of the domain is here: a request is
//! read, checked and decoded, the engine is asked, and what it says is put into HTTP.

mod access;
mod app;
pub mod cli;
mod console;
mod decode;
mod guard;
mod hooks;
mod limits;
mod lsp;
mod problem;
pub mod scenario;
mod server;
mod telemetry;
mod v1;
pub mod verify;

pub use app::{App, router};
pub use limits::Limits;
pub use problem::Problem;
pub use server::{run, serve};
pub use telemetry::{LogFormat, Metrics, start_logging};
