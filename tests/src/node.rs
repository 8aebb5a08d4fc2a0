//! The real binary, on a free port, on data that outlives it.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{Body, Call, Lost, Response, eventually_within};

/// What the binary prints once it answers.
const READY: &str = "listening on http://";
const START_PATIENCE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `dev` on a clock that stands still until it is moved.
    DevManual,
    /// `dev` on the real clock.
    Dev,
    /// `serve` on the real clock, with a key.
    Serve,
}

pub struct Node {
    child: Child,
    pub address: SocketAddr,
    mode: Mode,
    data: PathBuf,
    definitions: PathBuf,
    url: Option<String>,
    log: PathBuf,
    /// The admin key of `serve`.
    key: Option<String>,
}

impl Node {
    pub(crate) async fn start(
        mode: Mode,
        number: u32,
        data: PathBuf,
        definitions: PathBuf,
        url: Option<String>,
    ) -> Self {
        let log = definitions.with_file_name(format!("node-{number}.log"));
        let child = spawn(mode, &data, &definitions, url.as_deref(), &log, &[]);
        let unknown = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut node = Self { child, address: unknown, mode, data, definitions, url, log, key: None };
        node.ready().await;
        node
    }

    /// Waits for the ready line of the newest start.
    async fn ready(&mut self) {
        let log = self.log.clone();
        let child = &mut self.child;
        self.address = eventually_within(START_PATIENCE, "the binary says where it listens", async || {
            let text = std::fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = child.try_wait().expect("its state is known") {
                panic!("the binary ended with {status}:\n{text}");
            }
            let (_, rest) = text.rsplit_once(READY)?;
            rest.split(|c: char| c.is_whitespace() || c == '/' || c == '"').next()?.parse().ok()
        })
        .await;
        if self.mode == Mode::Serve
            && let Some(key) = admin_key(&self.data)
        {
            self.key = Some(key);
        }
    }

    /// SIGKILL, and gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("it is killed");
    }

    /// The same data, another process, another port.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// As [`Self::restart`], with these in its environment.
    pub async fn restart_with(&mut self, environment: &[(&str, &str)]) {
        self.child = spawn(self.mode, &self.data, &self.definitions, self.url.as_deref(), &self.log, environment);
        self.ready().await;
    }

    pub fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)).expect("it runs");
        kill_process(pid, signal).expect("it is signalled");
    }

    /// How it ended, within `patience`.
    pub async fn exit(&mut self, patience: Duration) -> ExitStatus {
        tokio::time::timeout(patience, self.child.wait()).await.expect("it ends in time").expect("its end is known")
    }

    pub fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Takes another node's key: keys are in the database, the file only where the first was made.
    pub fn use_key_of(&mut self, other: &Self) {
        self.key.clone_from(&other.key);
    }

    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A call with the node's key, if it has one.
    pub fn call(&self, method: &str, path: &str) -> Call {
        let call = Call::new(method, path);
        match &self.key {
            Some(key) => call.header("authorization", &format!("Bearer {key}")),
            None => call,
        }
    }

    pub async fn send(&self, call: Call) -> Result<Response, Lost> {
        call.send(self.address).await
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(self.call("GET", path)).await.expect("an answer")
    }

    pub async fn post(&self, path: &str, body: impl Into<Body>) -> Response {
        self.send(self.call("POST", path).json(body)).await.expect("an answer")
    }

    /// `GET /api/v1…`, which must be 200.
    pub async fn api(&self, path: &str) -> Value {
        self.get(&format!("/api/v1{path}")).await.expect(200).json()
    }

    /// `holdfast ARGUMENTS…`, told where this node is.
    pub async fn command(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(binary());
        command.args(arguments).env("HOLDFAST_URL", format!("http://{}", self.address));
        command.env("HOLDFAST_DATA_DIR", &self.data).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).output().await.expect("the binary runs")
    }

    /// The path of a webhook's own address: `/hooks/{identifier}`.
    pub async fn hook(&self, cycle: &str, step: &str) -> String {
        let webhooks = self.api("/webhooks?limit=1000").await;
        let mine = |view: &&Value| view["cycle"] == cycle && view["step"] == step;
        let found = webhooks["data"].as_array().and_then(|all| all.iter().find(mine));
        let identifier = found.and_then(|view| view["identifier"].as_str());
        format!("/hooks/{}", identifier.unwrap_or_else(|| panic!("no {cycle}/{step} in {webhooks}")))
    }

    /// A POST at `cycle/step`'s own address.
    pub async fn hit(&self, webhook: &str, body: impl Into<Body>) -> Response {
        let (cycle, step) = webhook.split_once('/').expect("cycle/step");
        let path = self.hook(cycle, step).await;
        self.send(Call::new("POST", &path).json(body)).await.expect("an answer")
    }

    /// Moves the manual clock.
    pub async fn advance(&self, by: &str) {
        self.post("/api/v1/clock/advance", serde_json::json!({ "by": by })).await.expect(200);
    }

    /// Deploys a text and starts every cycle in it, by the API.
    pub async fn deploy(&self, yaml: &str) {
        let call = self.call("POST", "/api/v1/cycles").body("application/yaml", yaml.to_owned());
        let answer = self.send(call).await.expect("an answer");
        assert!((200..300).contains(&answer.status), "{}", answer.text());
        for cycle in self.api("/cycles").await["data"].as_array().expect("a list") {
            let name = cycle["name"].as_str().expect("a name");
            self.post(&format!("/api/v1/cycles/{name}/start"), "{}").await.expect(200);
        }
    }

    pub async fn transaction(&self, id: &str) -> Value {
        self.api(&format!("/transactions/{id}")).await
    }
}

fn admin_key(data: &Path) -> Option<String> {
    Some(std::fs::read_to_string(data.join("admin.key")).ok()?.trim().to_owned())
}

/// The binary that the build put beside the tests.
pub fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let directory = test.ancestors().nth(2).expect("tests are built into target/PROFILE/deps");
    let binary = directory.join("holdfast");
    assert!(binary.is_file(), "{} is not there: build the workspace first, as ./tests/run does", binary.display());
    binary
}

fn spawn(
    mode: Mode,
    data: &Path,
    definitions: &Path,
    url: Option<&str>,
    log: &Path,
    environment: &[(&str, &str)],
) -> Child {
    // A fresh log for each start: the ready line in it is this start's.
    let output = File::create(log).expect("a log");
    // A limit on the size of files, which a test may set, must be an error and not a signal.
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(binary());
    match mode {
        Mode::DevManual => command.arg("dev").arg(definitions).args(["--clock", "manual"]),
        Mode::Dev => command.arg("dev").arg(definitions),
        Mode::Serve => command.arg("serve"),
    };
    command.arg("--listen").arg("127.0.0.1:0").arg("--data-dir").arg(data);
    if let Some(url) = url {
        command.arg("--database-url").arg(url);
    }
    command
        .env_remove("HOLDFAST_TEST_POSTGRES")
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("the log"))
        .stderr(output)
        .kill_on_drop(true)
        .spawn()
        .expect("the binary starts")
}
