//! `holdfast verify`: why a captured request is, or is not, let in.
//!
//! Invariant: no secret is printed, and none is taken from the command line, where others could see
//! it.

use std::{collections::HashMap, fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use axum::http::{HeaderMap, HeaderName, Method};
use base64::Engine as _;
use chrono::{DateTime, Utc};
use clap::Args;
use holdfast_definitions::{StepKind, Verify as Form, check};
use serde::Deserialize;

use super::say;
use crate::verify::{self, Reason, Request};

#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holdfast verify orders.yaml placed --capture request.json --secret GITHUB=env:GITHUB_SECRET\n\n\
                        The capture is { \"method\", \"url\", \"headers\": { name: value or [values] }, \"body\" or \"body_base64\" }"
)]
pub struct Verify {
    /// The definition
    file: PathBuf,
    /// The webhook step
    step: String,
    /// The request, as JSON
    #[arg(long)]
    capture: PathBuf,
    /// The body's bytes, in place of the capture's
    #[arg(long)]
    body: Option<PathBuf>,
    /// Where a secret is: NAME=env:VARIABLE or NAME=file:PATH; again for another
    #[arg(long = "secret", value_name = "NAME=PLACE")]
    secrets: Vec<String>,
    /// When it came, in place of now (RFC 3339)
    #[arg(long)]
    at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Capture {
    #[serde(default = "post")]
    method: String,
    url: String,
    headers: HashMap<String, Lines>,
    body: Option<String>,
    body_base64: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Lines {
    One(String),
    Several(Vec<String>),
}

fn post() -> String {
    "POST".to_owned()
}

impl Verify {
    pub fn run(self) -> anyhow::Result<ExitCode> {
        let form = self.form()?;
        let secrets = secrets(&self.secrets)?;
        let capture = fs::read_to_string(&self.capture).with_context(|| self.capture.display().to_string())?;
        let capture: Capture = serde_json::from_str(&capture).context("the capture cannot be read")?;
        let headers = headers(&capture)?;
        let method: Method = capture.method.parse().context("the method")?;
        let body = match (&self.body, &capture.body_base64, &capture.body) {
            (Some(file), _, _) => fs::read(file).with_context(|| file.display().to_string())?,
            (None, Some(text), _) => base64::engine::general_purpose::STANDARD.decode(text).context("body_base64")?,
            (None, None, text) => text.clone().unwrap_or_default().into_bytes(),
        };
        let request = Request { method: &method, url: &capture.url, headers: &headers, body: &body };
        let lookup = |name: &str| secrets.get(name).cloned();
        let now = self.at.unwrap_or_else(Utc::now);
        let taken = verify::check(&form, &request, &lookup, now);
        match &taken {
            Ok(verified) => {
                let names: Vec<&str> = verified.secrets.iter().map(|(name, _)| name.as_str()).collect();
                say(format!("verified, with {}", names.join(", ")));
            }
            Err(reason) => say(format!("refused: {reason}")),
        }
        let mut others: Vec<String> = secrets.keys().cloned().collect();
        others.sort();
        explain(&form, &request, &lookup, &others, now);
        Ok(if taken.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn form(&self) -> anyhow::Result<Form> {
        let text = fs::read_to_string(&self.file).with_context(|| self.file.display().to_string())?;
        let checked = check(&self.file.display().to_string(), &text);
        for cycle in &checked.cycles {
            let Some(step) = cycle.find(&self.step) else { continue };
            let StepKind::Webhook(webhook) = &cycle.step(step).kind else { bail!("`{}` is no webhook", self.step) };
            return webhook.verify.clone().with_context(|| format!("`{}` has no `verify`", self.step));
        }
        bail!("the definition has no step `{}`, or is not right: see `holdfast check`", self.step)
    }
}

/// Each way on its own: the signed message, the secrets that were tried, the clock, the likely cause.
fn explain(form: &Form, request: &Request, lookup: verify::Lookup, others: &[String], now: DateTime<Utc>) {
    if let Form::Any(ways) | Form::All(ways) = form {
        for (at, way) in ways.iter().enumerate() {
            let held = verify::check(way, request, lookup, now);
            let came = held.map_or_else(|reason| format!("refused: {reason}"), |_| "holds".to_owned());
            say(format!("way {} of {}: {came}", at + 1, ways.len()));
            explain(way, request, lookup, others, now);
        }
        return;
    }
    say_secrets(form, lookup);
    let taken = verify::check(form, request, lookup, now);
    if let Some((seconds, tolerance)) = verify::skew(form, request, now) {
        let side = if seconds < 0 { "behind" } else { "ahead of" };
        let (apart, most) = (seconds.unsigned_abs(), tolerance.as_secs());
        say(format!("clock: the sender's is {apart} s {side} the time of the check, {most} s are allowed"));
    }
    match verify::messages(form, request) {
        Ok(messages) if messages.is_empty() => return,
        Ok(messages) => {
            for message in messages {
                say(format!("signed message ({} bytes): {}", message.len(), shown(&message)));
            }
        }
        Err(reason) => say(format!("no signed message: {reason}")),
    }
    if let Err(reason) = &taken {
        let causes = verify::likely(form, request, lookup, others, now);
        if causes.is_empty() && *reason == Reason::Mismatch {
            say("likely cause: not found; another secret, or another body than the one that was signed");
        }
        causes.iter().for_each(|cause| say(format!("likely cause: {cause}")));
    }
}

/// By name; those without a value cannot have been tried.
fn say_secrets(form: &Form, lookup: verify::Lookup) {
    let (tried, missing): (Vec<&str>, Vec<&str>) = form.secrets().into_iter().partition(|name| lookup(name).is_some());
    if !tried.is_empty() {
        say(format!("secrets tried: {}", tried.join(", ")));
    }
    for name in missing {
        say(format!("not tried: {name}, which has no value here (--secret {name}=env:VARIABLE or {name}=file:PATH)"));
    }
}

/// The beginning, with what cannot be seen written out.
fn shown(message: &[u8]) -> String {
    const SHOWN_BYTES: usize = 1_000;
    let end = message.len().min(SHOWN_BYTES);
    let more = if message.len() > end { "…" } else { "" };
    let Ok(text) = std::str::from_utf8(message) else { return format!("{}{more}", message[..end].escape_ascii()) };
    let mut shown = String::new();
    for c in text[..text.floor_char_boundary(end)].chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown + more
}

fn secrets(places: &[String]) -> anyhow::Result<HashMap<String, Vec<Vec<u8>>>> {
    let mut all: HashMap<String, Vec<Vec<u8>>> = HashMap::new();
    for place in places {
        // What stands there may be a secret by mistake: it is not repeated.
        let wrong = "--secret is NAME=env:VARIABLE or NAME=file:PATH";
        let (name, place) = place.split_once('=').context(wrong)?;
        let value = match place.split_once(':') {
            Some(("env", variable)) => {
                std::env::var(variable).with_context(|| format!("the variable for {name} is not there"))?
            }
            Some(("file", path)) => fs::read_to_string(path).with_context(|| format!("the file of {name}"))?,
            _ => bail!(wrong),
        };
        all.entry(name.to_owned()).or_default().push(value.trim_end_matches(['\r', '\n']).as_bytes().to_vec());
    }
    Ok(all)
}

fn headers(capture: &Capture) -> anyhow::Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, lines) in &capture.headers {
        let lines = match lines {
            Lines::One(one) => std::slice::from_ref(one),
            Lines::Several(several) => several.as_slice(),
        };
        for line in lines {
            let name: HeaderName = name.parse().with_context(|| format!("the header `{name}`"))?;
            headers.append(name, line.parse().context("a header's value")?);
        }
    }
    Ok(headers)
}
