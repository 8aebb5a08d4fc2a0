//! How each peer is started: on free ports of loopback, with nothing sent home, on settings that
//! keep what they accept.

use std::{fs, net::TcpListener, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use super::{npm, npm::Package, process::Process};
use crate::{BODY, drive::call};

/// Of one of n8n's commands.
const COMMAND_PATIENCE: Duration = Duration::from_secs(120);

pub const N8N: Package = Package {
    name: "n8n",
    main: "n8n",
    files: &[
        ("package.json", include_str!("../../peers/n8n/package.json")),
        ("workflow.json", include_str!("../../peers/n8n/workflow.json")),
    ],
    builds: &["sqlite3"],
};
pub const RESTATE: Package = Package {
    name: "restate",
    main: "@restatedev/restate-server",
    files: &[
        ("package.json", include_str!("../../peers/restate/package.json")),
        ("app.mjs", include_str!("../../peers/restate/app.mjs")),
    ],
    builds: &[],
};
pub const NODE_RED: Package = Package {
    name: "node-red",
    main: "node-red",
    files: &[
        ("package.json", include_str!("../../peers/node-red/package.json")),
        ("flows.json", include_str!("../../peers/node-red/flows.json")),
    ],
    builds: &[],
};
pub const DBOS: Package = Package {
    name: "dbos",
    main: "@dbos-inc/dbos-sdk",
    files: &[
        ("package.json", include_str!("../../peers/dbos/package.json")),
        ("app.mjs", include_str!("../../peers/dbos/app.mjs")),
    ],
    builds: &[],
};

/// A peer that has answered as it should.
pub struct Peer {
    pub host: String,
    /// Where a request is answered through a decision.
    pub path: &'static str,
    pub version: String,
    // Ended before their files go.
    _processes: Vec<Process>,
    _home: TempDir,
}

fn port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn host(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn node(at: &Path, program: &str) -> Command {
    let mut command = Command::new("node");
    command.current_dir(at).arg(program).env("NODE_ENV", "production").env("DO_NOT_TRACK", "1");
    command
}

/// One process, on its default of SQLite; every execution is recorded, as is its default.
pub async fn n8n(at: &Path, home: TempDir) -> Result<Peer> {
    let (port, broker) = (port()?.to_string(), port()?.to_string());
    let settings = [
        ("N8N_USER_FOLDER", home.path().to_str().context("a path that is no UTF-8")?),
        ("N8N_PORT", &port),
        ("N8N_RUNNERS_BROKER_PORT", &broker),
        ("N8N_RUNNERS_ENABLED", "false"),
        ("N8N_LISTEN_ADDRESS", "127.0.0.1"),
        ("N8N_HOST", "127.0.0.1"),
        ("N8N_DIAGNOSTICS_ENABLED", "false"),
        ("N8N_VERSION_NOTIFICATIONS_ENABLED", "false"),
        ("N8N_TEMPLATES_ENABLED", "false"),
        ("N8N_PERSONALIZATION_ENABLED", "false"),
        ("N8N_HIRING_BANNER_ENABLED", "false"),
        ("N8N_COMMUNITY_PACKAGES_ENABLED", "false"),
        ("N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS", "false"),
        ("N8N_DISABLE_UI", "true"),
        ("N8N_SECURE_COOKIE", "false"),
        ("N8N_LOG_LEVEL", "warn"),
        ("DB_SQLITE_POOL_SIZE", "3"),
    ];
    let n8n = |arguments: &[&str]| {
        let mut command = node(at, "node_modules/n8n/bin/n8n");
        command.args(arguments).envs(settings);
        command
    };
    for arguments in [["import:workflow", "--input=workflow.json"], ["publish:workflow", "--id=peerdecide000001"]] {
        npm::run(n8n(&arguments).into(), COMMAND_PATIENCE).await.context(arguments[0])?;
    }
    let host = format!("127.0.0.1:{port}");
    let mut process = Process::start(n8n(&["start"]), &home.path().join("n8n.log"))?;
    let path = "/webhook/decide";
    process.ready(&host, ("POST", path, BODY), "left").await?;
    Ok(Peer { host, path, version: N8N.version(at)?, _processes: vec![process], _home: home })
}

/// Its server on its own log, and a service of its SDK.
pub async fn restate(at: &Path, home: TempDir) -> Result<Peer> {
    let (ingress, admin, node_port, app) = (port()?, port()?, port()?, port()?);
    let data = home.path().canonicalize()?.join("data");
    let settings = home.path().join("restate.toml");
    let text = format!(
        "bind-ip = \"127.0.0.1\"\nbind-port = {node_port}\nadvertised-address = \"http://127.0.0.1:{node_port}/\"\n\
         node-name = \"n1\"\nbase-dir = {data:?}\ndisable-telemetry = true\nlog-filter = \"warn\"\n\
         [ingress]\nbind-address = \"127.0.0.1:{ingress}\"\n[admin]\nbind-address = \"127.0.0.1:{admin}\"\n"
    );
    fs::write(&settings, text)?;
    let mut app_command = node(at, "app.mjs");
    app_command.env("APP_PORT", app.to_string()).env("RESTATE_LOGGING", "ERROR");
    let app_process = Process::start(app_command, &home.path().join("app.log"))?;
    // npm has left the one that fits the machine.
    let packages = fs::read_dir(at.join("node_modules/@restatedev"))?;
    let binary =
        packages.flatten().map(|package| package.path().join("bin/restate-server")).find(|path| path.is_file());
    let mut command = Command::new(binary.context("no restate-server for this machine")?);
    command.current_dir(home.path()).arg("-c").arg(&settings);
    command.env("RESTATE_DISABLE_TELEMETRY", "true").env("DO_NOT_TRACK", "1");
    let mut server = Process::start(command, &home.path().join("server.log"))?;
    server.ready(&host(admin), ("GET", "/health", ""), "").await?;
    server.ready(&host(ingress), ("GET", "/restate/health", ""), "").await?;
    let deployment = format!(r#"{{"uri":"http://127.0.0.1:{app}","force":true}}"#);
    let (status, told) = call(&host(admin), "POST", "/deployments", &deployment).await?;
    ensure!((200..300).contains(&status), "the service was refused: {status} {told}");
    let path = "/cycle/decide";
    server.ready(&host(ingress), ("POST", path, BODY), "left").await?;
    let processes = vec![server, app_process];
    Ok(Peer { host: host(ingress), path, version: RESTATE.version(at)?, _processes: processes, _home: home })
}

/// Stores nothing.
pub async fn node_red(at: &Path, home: TempDir) -> Result<Peer> {
    let port = port()?;
    let user = home.path().canonicalize()?;
    fs::copy(at.join("flows.json"), user.join("flows.json"))?;
    let settings = format!(
        "module.exports = {{ uiPort: {port}, uiHost: '127.0.0.1', flowFile: 'flows.json', \
         telemetry: {{ enabled: false, updateNotification: false }}, logging: {{ console: {{ level: 'warn' }} }} }};\n"
    );
    fs::write(user.join("settings.js"), settings)?;
    let mut command = node(at, "node_modules/node-red/red.js");
    command.arg("-u").arg(&user);
    let mut process = Process::start(command, &home.path().join("node-red.log"))?;
    let path = "/decide";
    process.ready(&host(port), ("POST", path, BODY), "left").await?;
    Ok(Peer { host: host(port), path, version: NODE_RED.version(at)?, _processes: vec![process], _home: home })
}

/// On a database of its own of the cluster that ours is on too.
pub async fn dbos(at: &Path, home: TempDir, database: &str) -> Result<Peer> {
    let port = port()?;
    let mut command = node(at, "app.mjs");
    command.env("APP_PORT", port.to_string()).env("PG_URL", database);
    let mut process = Process::start(command, &home.path().join("dbos.log"))?;
    let path = "/decide";
    process.ready(&host(port), ("POST", path, BODY), "left").await?;
    Ok(Peer { host: host(port), path, version: DBOS.version(at)?, _processes: vec![process], _home: home })
}
