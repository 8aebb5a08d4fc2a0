//! What a page of the console reads, with a million transactions stored, through the API; and the pages
//! themselves. Each as a caller on loopback has it, connection and last byte included.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    Plan, Store,
    drive::{Load, call},
    process::{Place, Server, drive},
    ratios::{hold, load, sound},
    report::{Bound, Report, short},
};

/// A page's first byte comes within this, whatever is stored.
const BOUND_MS: f64 = 20.0;
/// Times that each is read.
const EACH: usize = 200;
/// The page that is read besides the first.
const DEEP: usize = 100;
/// Runs of the transaction that has many, and hits that match nothing.
const RUNS: u64 = 200;
const UNMATCHED: u64 = 10_000;
/// What was counted lately is written by then.
const WRITTEN_WITHIN: Duration = Duration::from_secs(3);

const LOOK: &str = "
cycle: look
steps:
  placed: { webhook: , next: status }
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.key, transaction: $.placed.body.key }]
    next: noted
  noted: { set: { at: \"${$.status.received_at}\" } }
";

pub async fn measure(plan: &Plan, store: Store<'_>, report: &mut Report) -> Result<()> {
    let place = Place::new(&plan.scratch, store.cluster).await?;
    place.put_cycle("look", LOOK)?;
    let node = place.node()?;
    hold(&node, "/hooks/hold/placed", 0, plan.held)?;
    hold(&node, "/hooks/look/placed", 0, 1)?;
    let none =
        Load { first: 1, count: Some(UNMATCHED), warm: 0.0, ..load(&node, "/hooks/look/status", KEYED, 64, 0.0) };
    sound(drive(&none)?)?;
    let again = Load { count: Some(RUNS), warm: 0.0, ..load(&node, "/hooks/look/status", SAME, 1, 0.0) };
    sound(drive(&again)?)?;
    tokio::time::sleep(WRITTEN_WITHIN).await;
    let many = short(plan.held as f64);
    let counts = counts().map(|(what, path, body)| (what, path.to_owned(), body, Bound::Told));
    let pages = pages(&node).await?.into_iter().map(|(what, path)| (what, path, "", Bound::AtMost(BOUND_MS)));
    for (what, path, body, bound) in pages.chain(counts) {
        let (p99, max, detail) = read(&node, &path, body).await?;
        let detail = format!("max {} ms; {detail}", short(max));
        report.line(store.name, &format!("{what}, {many} stored: p99"), bound, p99, " ms", detail);
    }
    node.stop()?;
    place.remove(store.cluster).await
}

const KEYED: &str = r#"{"key":"k-{i}"}"#;
const SAME: &str = r#"{"key":"k-0"}"#;

/// (what, its address)
async fn pages(node: &Server) -> Result<Vec<(&'static str, String)>> {
    let list = get(node, "/transactions?limit=1&cycle=hold").await?;
    let one = text(&list["data"][0]["id"])?;
    let list = get(node, "/transactions?limit=1&cycle=look").await?;
    let with_runs = text(&list["data"][0]["id"])?;
    let list = get(node, "/hits?limit=1&status=unmatched").await?;
    let unmatched = text(&list["data"][0]["id"])?;
    let mut pages: Vec<(&str, String)> = [
        ("cycles", "/cycles"),
        ("webhooks", "/webhooks"),
        ("charts of all cycles", "/figures"),
        ("figures of a cycle", "/cycles/hold/figures"),
        ("transactions", "/transactions"),
        ("transactions held in a cycle", "/transactions?cycle=hold&status=held"),
        ("transactions of a cycle", "/transactions?cycle=hold"),
        ("transactions, none failed", "/transactions?status=failed"),
        ("transactions, none failed at a step", "/transactions?step=status&status=failed"),
        ("transactions, none held at a step", "/transactions?cycle=hold&step=placed"),
        ("transactions by an order's number", "/transactions?key=k-4711"),
        ("transactions by a number that is none", "/transactions?key=nobody"),
        ("hits", "/hits"),
        ("hits of a cycle", "/hits?cycle=hold"),
        ("hits, unmatched", "/hits?status=unmatched"),
        ("hits, applied", "/hits?status=applied&cycle=look"),
        ("hits, none ambiguous", "/hits?ambiguous=true"),
        ("hits, none rejected", "/hits?status=rejected"),
    ]
    .map(|(what, path)| (what, path.to_owned()))
    .to_vec();
    pages.push(("transactions, page 100", deep(node, "/transactions?").await?));
    pages.push(("transactions held in a cycle, page 100", deep(node, "/transactions?cycle=hold&status=held&").await?));
    pages.push(("hits, page 100", deep(node, "/hits?").await?));
    pages.push(("hits, unmatched, page 100", deep(node, "/hits?status=unmatched&").await?));
    pages.push(("a transaction", format!("/transactions/{one}")));
    pages.push(("a transaction with 200 runs", format!("/transactions/{with_runs}")));
    pages.push(("an unmatched hit explained", format!("/hits/{unmatched}/explain")));
    pages.iter_mut().for_each(|(_, path)| *path = format!("/api/v1{path}"));
    let shown = [
        ("page Cycles", "/console/cycles".to_owned()),
        ("page Cycle", "/console/cycles/hold".to_owned()),
        ("page Transactions", "/console/transactions".to_owned()),
        ("page Transactions, of a cycle", "/console/transactions?cycle=hold".to_owned()),
        ("page Transactions, none failed", "/console/transactions?status=failed".to_owned()),
        ("page Transactions, none held at a step", "/console/transactions?cycle=hold&step=placed".to_owned()),
        ("page Transactions, by an order's number", "/console/transactions?key=k-4711".to_owned()),
        ("page Transaction", format!("/console/transactions/{one}")),
        ("page Transaction, 200 runs", format!("/console/transactions/{with_runs}")),
        ("page Hits", "/console/hits".to_owned()),
        ("page Hits, unmatched", "/console/hits?status=unmatched".to_owned()),
        ("page Replay, all unmatched", "/console/hits/replay?all=yes&status=unmatched".to_owned()),
        ("page Hit", format!("/console/hits/{unmatched}")),
        ("page Try a match", "/console/match".to_owned()),
        ("page Endpoints", "/console/endpoints".to_owned()),
        ("page Subscriptions", "/console/subscriptions".to_owned()),
        ("page Keys", "/console/keys".to_owned()),
        ("page Secrets", "/console/secrets".to_owned()),
    ];
    pages.extend(shown);
    Ok(pages)
}

/// What the page of an action on many asks for once it is there: (what, its address, its body). Ten thousand are
/// looked at.
fn counts() -> [(&'static str, &'static str, &'static str); 2] {
    [
        ("count of a replay, all unmatched", "/console/hits/replay?all=yes&status=unmatched&counted=yes", ""),
        (
            "count of a cancellation, all held",
            "/api/v1/transactions/bulk",
            r#"{"action":"cancel","filter":{"status":"held"},"preview":true}"#,
        ),
    ]
}

/// The address of the hundredth page.
async fn deep(node: &Server, list: &str) -> Result<String> {
    let mut path = list.trim_end_matches(['?', '&']).to_owned();
    for _ in 1..DEEP {
        let page = get(node, &path).await?;
        path = format!("{list}after={}", text(&page["next"]).context("there are fewer pages")?);
    }
    Ok(path)
}

/// Milliseconds at p99 and at most; and what it is.
async fn read(node: &Server, path: &str, body: &str) -> Result<(f64, f64, String)> {
    let method = if body.is_empty() { "GET" } else { "POST" };
    let (mut took, mut bytes) = (Vec::with_capacity(EACH), 0);
    for _ in 0..EACH {
        let began = Instant::now();
        let (status, told) = call(&node.host, method, path, body).await?;
        took.push(began.elapsed().as_secs_f64() * 1_000.0);
        ensure!(status == 200, "{path}: {status} {told}");
        bytes = told.len();
    }
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took.get((took.len() as f64 * part) as usize).copied().unwrap_or_default();
    let max = took.last().copied().unwrap_or_default();
    Ok((at(0.99), max, format!("p50 {} ms; {} kB", short(at(0.5)), short(bytes as f64 / 1_000.0))))
}

async fn get(node: &Server, path: &str) -> Result<Value> {
    let (status, told) = call(&node.host, "GET", &format!("/api/v1{path}"), "").await?;
    ensure!(status == 200, "{path}: {status} {told}");
    Ok(serde_json::from_str(&told)?)
}

fn text(value: &Value) -> Result<String> {
    value.as_str().map(str::to_owned).context("no text")
}
