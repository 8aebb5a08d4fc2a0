//! A transaction's document: as it is, and what a step changed of it.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use holdfast_engine::TransactionId;

use super::{
    page::{Shell, show},
    session::Looker,
    transactions::short,
    written::{Cut, Line, cut, difference, pretty, size},
};
use crate::{App, Problem, v1};

/// Bytes of a document that are shown.
pub const DOCUMENT_SHOWN: usize = 64 << 10;
/// Lines of a difference.
const LINES_SHOWN: usize = 1_000;

#[derive(Template)]
#[template(path = "document.html")]
struct Document {
    shell: Shell,
    id: TransactionId,
    short: String,
    public_url: String,
    document: Cut,
}

pub async fn whole(State(app): State<App>, looker: Looker, Path(id): Path<String>) -> Result<Html<String>, Problem> {
    let id: TransactionId = v1::id("transaction", &id)?;
    let view = app.engine.transaction(looker.account(), id).await?;
    let document = view.detail.map(|detail| detail.document).unwrap_or_default();
    show(&Document {
        shell: Shell::new(&looker, "transactions", format!("Document of {}", short(id))),
        id,
        short: short(id),
        public_url: app.public_url.to_string(),
        document: cut(pretty(&document), DOCUMENT_SHOWN),
    })
}

#[derive(Template)]
#[template(path = "difference.html")]
struct Difference {
    shell: Shell,
    id: TransactionId,
    short: String,
    public_url: String,
    run: u32,
    step: String,
    /// `added`, `changed` or `as it was`.
    became: &'static str,
    size: String,
    lines: Vec<Line>,
    left_out: usize,
    before: Cut,
}

/// What a step wrote: its own property of the document, before and after.
pub async fn of_step(
    State(app): State<App>,
    looker: Looker,
    Path((id, run, step)): Path<(String, u32, String)>,
) -> Result<Html<String>, Problem> {
    let id: TransactionId = v1::id("transaction", &id)?;
    let documents = app.engine.step_documents(looker.account(), id, run, &step).await?;
    let (old, new) = (documents.before.get(&step), documents.after.get(&step));
    let text = |value: Option<&_>| value.map(pretty).unwrap_or_default();
    let mut lines = difference(&text(old), &text(new));
    let left_out = lines.len().saturating_sub(LINES_SHOWN);
    lines.truncate(LINES_SHOWN);
    lines.iter_mut().for_each(|line| line.text = cut(std::mem::take(&mut line.text), DOCUMENT_SHOWN).shown);
    show(&Difference {
        shell: Shell::new(&looker, "transactions", format!("{step} in run {run} of {}", short(id))),
        id,
        short: short(id),
        public_url: app.public_url.to_string(),
        run,
        became: match (old, new) {
            (None, Some(_)) => "was added",
            (old, new) if old == new => "stayed as it was",
            _ => "was changed",
        },
        size: size(new.map_or(0, holdfast_definitions::Json::written_len)),
        lines,
        left_out,
        before: cut(pretty(&documents.before), DOCUMENT_SHOWN),
        step,
    })
}
