//! The versions of a cycle, and the difference between any two.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use holdfast_engine::PageQuery;
use serde::Deserialize;

use super::{
    address::at,
    cycle::VersionRow,
    difference::Difference,
    page::{Query, Shell, show},
    session::Looker,
};
use crate::{App, Problem};

const PAGE: u32 = 50;
/// Of a version's text, in bytes: the whole of it is the API's to give.
const SHOWN_MAX: usize = 64 << 10;

#[derive(Template)]
#[template(path = "cycle_versions.html")]
struct Page {
    shell: Shell,
    cycle: String,
    here: String,
    versions: Vec<VersionRow>,
    later: bool,
    next: Option<String>,
    /// The numbers that can be chosen.
    from: u32,
    to: u32,
    /// None of one version alone.
    difference: Option<Difference>,
    source: String,
    /// The size of the whole, where it is cut.
    cut: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Shown {
    from: Option<u32>,
    to: Option<u32>,
    after: Option<String>,
}

pub async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    looker: Looker,
    Query(shown): Query<Shown>,
) -> Result<Html<String>, Problem> {
    let account = looker.account();
    let later = shown.after.is_some();
    let page = app.engine.versions(account, &name, PageQuery { limit: Some(PAGE), after: shown.after }).await?;
    let newest = page.data.first().map_or(1, |version| version.version);
    let to = shown.to.unwrap_or(newest);
    let before = page.data.iter().map(|version| version.version).find(|number| *number < to);
    let from = shown.from.or(before).unwrap_or(to);
    let new = app.engine.version(account, &name, to).await?;
    let difference = match from == to {
        true => None,
        false => Some(Difference::of(&app.engine.version(account, &name, from).await?.source, &new.source)),
    };
    let (source, cut) = shortened(new.source);
    show(&Page {
        shell: Shell::new(&looker, "cycles", format!("Versions of {name}")),
        here: at(&name, ""),
        versions: VersionRow::all(&page.data, &name, app.engine.now()),
        cycle: name,
        later,
        next: page.next,
        from,
        to,
        difference,
        source,
        cut,
    })
}

fn shortened(mut source: String) -> (String, Option<usize>) {
    let whole = source.len();
    if whole <= SHOWN_MAX {
        return (source, None);
    }
    source.truncate(source.floor_char_boundary(SHOWN_MAX));
    (source, Some(whole))
}
