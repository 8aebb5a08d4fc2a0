//! One action done to many, from the command line: counted, asked about, then done call by call.

use std::{
    io::{BufRead as _, IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::bail;
use serde_json::{Map, Value, json};

use super::{
    client::Server,
    say,
    table::{self, Column},
};

/// Reasons that are shown.
const REASONS_SHOWN: usize = 20;
/// A call that breaks off is sent again so many times, after so long.
const AGAIN: u32 = 5;
const AGAIN_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Bulk<'a> {
    /// `transactions` or `hits`
    pub of: &'static str,
    /// `cancelled`, as in "3 transactions are cancelled".
    pub done: &'static str,
    /// The request, but for what steers it.
    pub request: Value,
    pub columns: &'a [Column],
    /// Do not ask.
    pub yes: bool,
}

/// The filters that were given.
pub fn filter(given: &[(&str, Option<&str>)]) -> anyhow::Result<Value> {
    let given: Map<String, Value> =
        given.iter().filter_map(|(name, value)| Some(((*name).to_owned(), json!((*value)?)))).collect();
    if given.is_empty() {
        bail!("--all needs a filter: --status, --cycle, --since, …");
    }
    Ok(Value::Object(given))
}

impl Bulk<'_> {
    pub async fn run(&self, server: &Server) -> anyhow::Result<ExitCode> {
        let path = format!("{}/bulk", self.of);
        let preview = server.post(&path, Some(self.with(&[("preview", json!(true))]))).await?;
        let matching = preview["matching"].as_u64().unwrap_or_default();
        if matching == 0 {
            return server.done(&json!({ "done": 0, "unchanged": 0, "failed": [] }), "none match".to_owned());
        }
        if !self.yes && !self.agreed(&preview, matching)? {
            bail!("nothing was done");
        }
        let (mut done, mut unchanged, mut failed) = (0, 0, Vec::new());
        let mut place = ("mark", preview["mark"].clone());
        loop {
            let told = self.call(server, &path, &place).await?;
            done += told["done"].as_u64().unwrap_or_default();
            unchanged += told["unchanged"].as_u64().unwrap_or_default();
            failed.extend(told["failed"].as_array().cloned().unwrap_or_default());
            if told["next"].is_null() {
                break;
            }
            place = ("after", told["next"].clone());
        }
        let mut said = format!("{done} {} are {}", self.of, self.done);
        if unchanged > 0 {
            said.push_str(&format!("; {unchanged} were already"));
        }
        for one in failed.iter().take(REASONS_SHOWN) {
            let text = |name: &str| one[name].as_str().unwrap_or_default().to_owned();
            said.push_str(&format!("\n{}: {}", text("id"), text("reason")));
        }
        if failed.len() > REASONS_SHOWN {
            said.push_str(&format!("\n… and {} more that could not be", failed.len() - REASONS_SHOWN));
        }
        server.done(&json!({ "done": done, "unchanged": unchanged, "failed": failed }), said)?;
        Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The same call may be sent again: nothing is done twice.
    async fn call(&self, server: &Server, path: &str, (name, value): &(&str, Value)) -> anyhow::Result<Value> {
        let mut tries = 0;
        loop {
            match server.post(path, Some(self.with(&[(name, value.clone())]))).await {
                Err(error) if tries < AGAIN && is_passing(&error) => {
                    tries += 1;
                    tokio::time::sleep(AGAIN_AFTER).await;
                }
                told => return told,
            }
        }
    }

    fn with(&self, members: &[(&str, Value)]) -> Value {
        let mut request = self.request.clone();
        for (name, value) in members {
            request[*name] = value.clone();
        }
        request
    }

    /// Shows what would be done, and asks.
    fn agreed(&self, preview: &Value, matching: u64) -> anyhow::Result<bool> {
        let sample = preview["sample"].as_array().cloned().unwrap_or_default();
        let count = if preview["capped"] == true { format!("{matching} or more") } else { matching.to_string() };
        if !std::io::stdin().is_terminal() {
            bail!("{count} {} would be {}: say --yes, or answer at a terminal", self.of, self.done);
        }
        say(table::render(&sample, self.columns, table::width()));
        if matching > sample.len() as u64 {
            say("…");
        }
        let mut out = std::io::stdout();
        write!(out, "{count} {} will be {}. Go on? [y/N] ", self.of, self.done)?;
        out.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}

/// The server is away, or did not answer in time.
fn is_passing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<reqwest::Error>().is_some() || error.to_string().ends_with("(503)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_everything_is_not_meant() {
        let given = filter(&[("status", Some("failed")), ("cycle", None)]).unwrap();
        assert_eq!(given, json!({ "status": "failed" }));
        assert!(filter(&[("status", None)]).unwrap_err().to_string().contains("--all needs a filter"));
    }
}
