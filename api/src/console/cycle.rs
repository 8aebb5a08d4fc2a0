//! One cycle: its picture with what is held, passed and failed at each step, its webhooks and versions.

use std::collections::HashMap;

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Html,
};
use chrono::{DateTime, Utc};
use holdfast_definitions::{Cycle, PictureFigure, PictureNote, PictureNotes, picture_with};
use holdfast_engine::{CycleState, CycleView, PageQuery, VersionView, WebhookView};
use serde::Deserialize;

use super::{
    address::{asked, at},
    cycles::failed,
    figures::{self, Chart, Counted},
    page::{Query, Shell, show},
    request::{Proof, curl},
    session::Looker,
    unmatched,
    words::{When, count},
};
use crate::{App, Problem};

/// A picture of more is none to look at.
pub const DRAWN_MAX: usize = 200;
/// The newest ones; the others have a page of their own.
const VERSIONS: u32 = 5;

#[derive(Template)]
#[template(path = "cycle.html")]
struct Page {
    shell: Shell,
    done: Option<String>,
    /// Just deployed: this version, and the one before it.
    deployed: Option<(u32, u32)>,
    /// Where unmatched hits that would match now are looked for.
    looks: Vec<String>,
    /// Without what was done.
    here: String,
    /// What the page listens to.
    live: String,
    cycle: CycleView,
    chart: Chart,
    held: String,
    last_hit: Option<When>,
    started: Option<When>,
    stopped: Option<When>,
    failed: Vec<(String, String)>,
    /// None where there are too many steps.
    picture: Option<String>,
    steps: Vec<StepRow>,
    webhooks: Vec<Webhook>,
    versions: Vec<VersionRow>,
    more_versions: bool,
}

struct StepRow {
    id: String,
    name: Option<String>,
    kind: &'static str,
    counted: Counted,
    link: String,
}

struct Webhook {
    step: String,
    url: String,
    curl: String,
    view: WebhookView,
    /// In words, where the cycle says it.
    proof: Option<String>,
    /// It subscribes itself with this connector.
    connector: Option<String>,
    /// Some version that is not the newest has it.
    old: bool,
    last_hit: Option<When>,
}

pub struct VersionRow {
    pub number: u32,
    pub made: When,
    pub digest: String,
    /// The address of what it changed.
    pub change: Option<String>,
}

impl VersionRow {
    pub fn of(version: &VersionView, cycle: &str, before: Option<u32>, now: DateTime<Utc>) -> Self {
        Self {
            number: version.version,
            made: When { at: version.created_at, now },
            digest: version.digest.chars().take(12).collect(),
            change: before.map(|before| at(cycle, &format!("/versions?from={before}&to={}", version.version))),
        }
    }

    /// Newest first, each with the one before it. The one before the last is on the next page.
    pub fn all(versions: &[VersionView], cycle: &str, now: DateTime<Utc>) -> Vec<Self> {
        let before = versions.iter().skip(1).map(|version| Some(version.version)).chain([None]);
        versions.iter().zip(before).map(|(version, before)| Self::of(version, cycle, before, now)).collect()
    }
}

#[derive(Debug, Default, Deserialize)]
pub struct Shown {
    done: Option<String>,
    deployed: Option<u32>,
    before: Option<u32>,
}

pub async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    looker: Looker,
    Query(shown): Query<Shown>,
) -> Result<Html<String>, Problem> {
    let account = looker.account();
    let cycle = app.engine.cycle(account, &name).await?;
    let compiled = app.engine.definition(account, &name, None).await?;
    let versions = PageQuery { limit: Some(VERSIONS), after: None };
    let versions = app.engine.versions(account, &name, versions).await?;
    let (chart, counted) = figures::of_cycle(&app, account, &name).await?;
    let now = app.engine.now();
    let when = |at| When { at, now };
    let steps = steps(&compiled, &counted);
    let runs = cycle.state == CycleState::Running;
    show(&Page {
        shell: Shell::new(&looker, "cycles", &name),
        looks: shown.done.iter().filter(|_| runs).map(|_| unmatched::address(&name)).collect(),
        done: shown.done,
        deployed: shown.deployed.zip(shown.before),
        here: at(&name, ""),
        live: asked("/console/live", &[("cycle", &name)]),
        chart,
        held: count(cycle.held.iter().map(|(_, held)| held).sum()),
        last_hit: cycle.webhooks.iter().filter_map(|webhook| webhook.last_hit_at).max().map(when),
        started: cycle.started_at.map(when),
        stopped: cycle.stopped_at.map(when),
        failed: failed(&cycle),
        picture: (compiled.steps.len() <= DRAWN_MAX).then(|| picture_with(&compiled, &notes(&steps))),
        steps,
        webhooks: cycle.webhooks.iter().map(|view| webhook(view, &compiled, &app.public_url, now)).collect(),
        versions: VersionRow::all(&versions.data, &name, now),
        more_versions: versions.next.is_some(),
        cycle,
    })
}

/// Those of the newest version in its order, and others at which something still is.
fn steps(cycle: &Cycle, counted: &HashMap<String, Counted>) -> Vec<StepRow> {
    let link = |step: &str| asked("/console/transactions", &[("cycle", &cycle.name), ("step", step)]);
    let mut rows: Vec<StepRow> = Vec::with_capacity(cycle.steps.len());
    for step in &cycle.steps {
        rows.push(StepRow {
            id: step.id.clone(),
            name: step.name.clone(),
            kind: step.kind.word(),
            counted: counted.get(&step.id).copied().unwrap_or_default(),
            link: link(&step.id),
        });
    }
    let mut others: Vec<_> = counted.iter().filter(|(step, _)| cycle.find(step).is_none()).collect();
    others.sort_by_key(|(step, _)| *step);
    for (step, counted) in others {
        let (id, link) = (step.clone(), link(step));
        rows.push(StepRow { id, name: None, kind: "of an older version", counted: *counted, link });
    }
    rows
}

fn notes(steps: &[StepRow]) -> PictureNotes {
    let note = |step: &StepRow| {
        let Counted { held, passed, failed } = step.counted;
        let of = [(held, "held"), (passed, "passed"), (failed, "failed")];
        let figures = of.into_iter().filter(|(number, _)| *number > 0);
        let figures = figures.map(|(number, kind)| PictureFigure { text: format!("{} {kind}", count(number)), kind });
        PictureNote {
            link: step.link.clone(),
            said: format!(
                "{}: {} held now, in 24 hours {} passed and {} failed",
                step.name.as_ref().unwrap_or(&step.id),
                count(held),
                count(passed),
                count(failed)
            ),
            figures: figures.collect(),
        }
    };
    steps.iter().map(|step| (step.id.clone(), note(step))).collect()
}

fn webhook(view: &WebhookView, cycle: &Cycle, public_url: &str, now: DateTime<Utc>) -> Webhook {
    let written = cycle.webhooks().find(|(_, step, _)| step.id == view.step).map(|(_, _, webhook)| webhook);
    let proof = written.and_then(|webhook| webhook.verify.as_ref()).map(Proof::of);
    let url = format!("{public_url}/hooks/{}", view.identifier);
    Webhook {
        step: view.step.clone(),
        curl: curl(&url, cycle, &view.step, proof.as_ref()),
        url,
        proof: proof.map(|proof| proof.said),
        connector: written.and_then(|webhook| webhook.connected.as_ref()).map(|it| it.connector.name.clone()),
        old: written.is_none(),
        last_hit: view.last_hit_at.map(|at| When { at, now }),
        view: view.clone(),
    }
}
