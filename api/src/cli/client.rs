//! The API of a running server, as the other verbs use it.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::{Context as _, bail};
use clap::Args;
use holdfast_definitions::Json;
use reqwest::{Method, StatusCode};
use serde_json::Value;

use super::{open::ADMIN_KEY_FILE, say, table};

const TIMEOUT: Duration = Duration::from_secs(30);
/// As deep as the server's answers are.
const ANSWER_DEPTH_MAX: usize = 520;
/// A page's rows, at most.
const PAGE_MAX: usize = 1_000;
const WATCH: Duration = Duration::from_secs(1);

/// Where a server is, and who asks.
#[derive(Debug, Args)]
pub struct Address {
    /// The server's address
    #[arg(long, env = "HOLDFAST_URL", default_value = "http://127.0.0.1:7400", global = true)]
    url: String,
    /// An API key [default: the one in admin.key of the data directory]
    #[arg(long, env = "HOLDFAST_KEY", hide_env_values = true, global = true)]
    key: Option<String>,
    /// The account, for a key of all accounts [default: default]
    #[arg(long, env = "HOLDFAST_ACCOUNT", global = true)]
    account: Option<String>,
    #[arg(long, env = "HOLDFAST_DATA_DIR", default_value = ".holdfast", global = true)]
    data_dir: PathBuf,
}

#[derive(Debug, Args)]
pub struct Server {
    #[command(flatten)]
    address: Address,
    /// The answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

/// A list's flags.
#[derive(Debug, Args)]
pub struct Listing {
    /// How many at most: 1 to 1,000
    #[arg(long, default_value_t = 50)]
    pub limit: u32,
    /// The `next` of the page before
    #[arg(long)]
    pub after: Option<String>,
    /// Shows the list again as it changes
    #[arg(long)]
    pub watch: bool,
}

impl Listing {
    /// With a list's filters, as query parameters.
    pub fn query(&self, filters: &[(&str, Option<&str>)]) -> Vec<(String, String)> {
        let mut query = vec![("limit".to_owned(), self.limit.to_string())];
        query.extend(self.after.iter().map(|after| ("after".to_owned(), after.clone())));
        query.extend(filters.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned()))));
        query
    }
}

impl Server {
    pub async fn get(&self, path: &str, query: &[(String, String)]) -> anyhow::Result<Value> {
        self.send(Method::GET, path, query, None).await
    }

    pub async fn post(&self, path: &str, body: Option<Value>) -> anyhow::Result<Value> {
        self.send(Method::POST, path, &[], body.map(|body| (body.to_string(), "application/json"))).await
    }

    pub async fn put(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        self.send(Method::PUT, path, &[], Some((body.to_string(), "application/json"))).await
    }

    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::DELETE, path, &[], None).await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        body: Option<(String, &'static str)>,
    ) -> anyhow::Result<Value> {
        let text = self.address.send(method, path, query, body).await?;
        if text.is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text).context("the answer is no JSON") }
    }

    /// One thing: as JSON, which people read as well.
    pub fn show(&self, value: &Value) -> anyhow::Result<ExitCode> {
        if !value.is_null() {
            say(serde_json::to_string_pretty(value)?);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// What was done, in a line, or the answer as JSON.
    pub fn done(&self, value: &Value, line: String) -> anyhow::Result<ExitCode> {
        if self.json {
            return self.show(value);
        }
        say(line);
        Ok(ExitCode::SUCCESS)
    }

    /// A list as a table that fits the terminal, or as JSON; again and again with `--watch`.
    pub async fn list(
        &self,
        path: &str,
        query: &[(String, String)],
        columns: &[table::Column],
        watch: bool,
    ) -> anyhow::Result<ExitCode> {
        let mut shown = None;
        loop {
            let page = self.get(path, query).await?;
            if shown.as_ref() != Some(&page) {
                if watch && !self.json {
                    // Clears the screen and goes to its top.
                    say("\u{1b}[2J\u{1b}[H");
                }
                self.print(&page, columns)?;
                shown = Some(page);
            }
            if !watch {
                return Ok(ExitCode::SUCCESS);
            }
            tokio::select! {
                () = tokio::time::sleep(WATCH) => {}
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            }
        }
    }

    fn print(&self, page: &Value, columns: &[table::Column]) -> anyhow::Result<()> {
        if self.json {
            say(serde_json::to_string(page)?);
            return Ok(());
        }
        let rows = page["data"].as_array().cloned().unwrap_or_default();
        say(table::render(&rows, columns, table::width()));
        if let Some(next) = page["next"].as_str() {
            say(format!("more: --after {next}"));
        }
        Ok(())
    }
}

impl Address {
    /// The answer with every number as it is written.
    pub async fn get(&self, path: &str, query: &[(String, String)]) -> anyhow::Result<Json> {
        let text = self.send(Method::GET, path, query, None).await?;
        Json::parse_within(text.as_bytes(), ANSWER_DEPTH_MAX).context("the answer is no JSON")
    }

    /// The data of a list's pages, at most so many.
    pub async fn list(&self, path: &str, query: &[(String, String)], most: usize) -> anyhow::Result<Vec<Json>> {
        let mut all = Vec::new();
        let mut after: Option<String> = None;
        while all.len() < most {
            let mut query = query.to_vec();
            query.push(("limit".to_owned(), (most - all.len()).min(PAGE_MAX).to_string()));
            query.extend(after.take().map(|after| ("after".to_owned(), after)));
            let page = self.get(path, &query).await?;
            if let Some(Json::Array(data)) = page.get("data") {
                all.extend(data.iter().cloned());
            }
            match page.get("next").and_then(Json::as_text) {
                Some(next) => after = Some(next.to_owned()),
                None => break,
            }
        }
        all.truncate(most);
        Ok(all)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        body: Option<(String, &'static str)>,
    ) -> anyhow::Result<String> {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let mut url = reqwest::Url::parse(self.url.trim_end_matches('/')).context("--url")?;
        url.path_segments_mut()
            .map_err(|()| anyhow::anyhow!("--url: it can't have a path"))?
            .pop_if_empty()
            .extend(["api", "v1"])
            .extend(path.split('/'));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = client.request(method, url);
        if let Some(key) = self.key()? {
            request = request.bearer_auth(key);
        }
        if let Some(account) = &self.account {
            request = request.header("holdfast-account", account);
        }
        if let Some((body, content_type)) = body {
            request = request.header("content-type", content_type).body(body);
        }
        let response = request.send().await.map_err(|error| match error.is_connect() {
            true => anyhow::anyhow!("no Holdfast at {}: start one with `holdfast dev`, or say --url", self.url),
            false => error.into(),
        })?;
        let (status, text) = (response.status(), response.text().await?);
        if !status.is_success() {
            bail!("{}", refusal(status, &text));
        }
        Ok(text)
    }

    fn key(&self) -> anyhow::Result<Option<String>> {
        if let Some(key) = &self.key {
            return Ok(Some(key.clone()));
        }
        let file = self.data_dir.join(ADMIN_KEY_FILE);
        match std::fs::read_to_string(&file) {
            Ok(key) => Ok(Some(key.trim().to_owned())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| file.display().to_string()),
        }
    }
}

/// A problem document as people read it.
fn refusal(status: StatusCode, text: &str) -> String {
    let Ok(problem) = serde_json::from_str::<Value>(text) else { return format!("{status}: {text}") };
    let mut said = problem["detail"].as_str().or(problem["title"].as_str()).unwrap_or("refused").to_owned();
    for one in problem["diagnostics"].as_array().into_iter().flatten() {
        said.push_str(&format!(
            "\n{}:{}:{}: {}[{}]: {}",
            one["file"].as_str().unwrap_or_default(),
            one["line"],
            one["column"],
            one["severity"].as_str().unwrap_or_default(),
            one["code"].as_str().unwrap_or_default(),
            one["message"].as_str().unwrap_or_default()
        ));
    }
    format!("{said} ({})", status.as_u16())
}
