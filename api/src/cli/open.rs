//! What `dev` and `serve` do alike: the engine opened, the port taken, signals heard.

use std::{future::Future, net::SocketAddr, path::Path};

use anyhow::Context as _;
use holdfast_definitions::Json;
use holdfast_engine::{
    Database, Engine, Options, Scope, ScriptWorker,
    egress::{Authorities, Network, Rules},
};
use tokio::net::{TcpListener, TcpSocket};

use super::{
    master::master_keys,
    settings::{ClockKind, Settings},
};
use crate::{App, Metrics, start_logging};

/// SQLite's file in the data directory.
const DATABASE_FILE: &str = "holdfast.db";
/// The admin key that the first start of `serve` makes.
pub const ADMIN_KEY_FILE: &str = "admin.key";

/// A server that is ready to serve.
pub struct Opened {
    pub app: App,
    pub listener: TcpListener,
    /// Where it listens, as a URL.
    pub url: String,
}

/// `quiet`: the log level where none is given. `dev`: a master key is made where none is given, and calls
/// may go to loopback.
pub async fn open(settings: &Settings, quiet: &str, dev: bool) -> anyhow::Result<Opened> {
    let level = settings.log_level.as_deref().unwrap_or(quiet);
    start_logging(settings.log_format, level).map_err(|error| anyhow::anyhow!("--log-level: {error}"))?;
    let metrics = Metrics::install();
    tokio::spawn(metrics.clone().upkeep());
    make_private_directory(&settings.data_dir)?;
    let database = match &settings.database_url {
        Some(url) => Database::Postgres { url: url.clone() },
        None => Database::Sqlite { path: settings.data_dir.join(DATABASE_FILE) },
    };
    let node = settings.node.clone().unwrap_or_else(|| format!("node-{}", std::process::id()));
    let options = Options {
        database,
        manual_clock: settings.clock == ClockKind::Manual,
        node: node.clone(),
        limits: settings.limits.engine(),
        master_keys: master_keys(settings, dev)?,
        egress: rules(settings, dev)?,
        environment: environment(settings),
        script_worker: script_worker(),
    };
    let engine = Engine::open(options).await.map_err(|error| anyhow::anyhow!("{}", error.for_log()))?;
    let listener = listen(settings.listen);
    let listener = listener.with_context(|| format!("--listen {}: the port can't be taken", settings.listen))?;
    let url = format!("http://{}", listener.local_addr()?);
    let public_url = settings.public_url.clone().unwrap_or_else(|| url.clone());
    let mut app = App::new(engine, settings.limits.http(), &public_url, metrics);
    app.node = node.into();
    Ok(Opened { app, listener, url })
}

/// This very program. By the name that Linux has for it, which stays when the file is replaced by a newer one.
pub fn script_worker() -> Option<ScriptWorker> {
    let program = match cfg!(target_os = "linux") {
        true => "/proc/self/exe".into(),
        false => std::env::current_exe().ok()?,
    };
    Some(ScriptWorker { program, arguments: vec!["sandbox".to_owned()] })
}

/// One that is allowed and not set is null.
fn environment(settings: &Settings) -> std::collections::BTreeMap<String, Json> {
    let value = |name: &String| std::env::var(name).map_or(Json::Null, Json::Text);
    settings.allow_env.iter().map(|name| (name.clone(), value(name))).collect()
}

/// What leaves this process.
fn rules(settings: &Settings, dev: bool) -> anyhow::Result<Rules> {
    let mut networks = settings.allow_network.clone();
    if dev {
        networks.extend(Network::loopback());
    }
    let authorities = match &settings.ca_file {
        None => Authorities::default(),
        Some(path) => {
            let at = || format!("--ca-file {}", path.display());
            Authorities::parse(&std::fs::read(path).with_context(at)?).with_context(at)?
        }
    };
    Ok(Rules { networks, authorities, connections: settings.limits.outgoing_connections() })
}

/// Connections that may wait to be accepted. The usual 128 are fewer than a busy caller opens at once:
/// what is over them is tried again a second later, by the caller's kernel.
const BACKLOG: u32 = 4_096;

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As the standard library does: a port is free again as soon as its last owner is gone.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn make_private_directory(path: &Path) -> anyhow::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).with_context(|| format!("--data-dir {}: it can't be made", path.display()))
}

/// The first start makes an admin key, in a file that only its owner reads.
pub async fn make_admin_key(engine: &Engine, data_dir: &Path) -> anyhow::Result<()> {
    if engine.has_keys().await? {
        return Ok(());
    }
    let path = data_dir.join(ADMIN_KEY_FILE);
    let (_, secret) = engine.create_key(None, "admin", &[Scope::Admin], None).await?;
    write_private(&path, &secret).with_context(|| format!("{}: it can't be written", path.display()))?;
    tracing::info!(file = %path.display(), "made an admin key; the command line finds it there");
    Ok(())
}

/// Whole or not at all, and never readable by others in between.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let made = path.with_extension("key.new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&made)?;
    writeln!(file, "{text}")?;
    file.sync_all()?;
    std::fs::rename(made, path)
}

/// Ready at the first SIGTERM or SIGINT; a second one ends the process at once.
pub fn told_to_stop() -> anyhow::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
        tracing::info!("told to stop: new work is refused, what is in flight ends");
        tokio::spawn(async move {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            std::process::exit(1);
        });
    })
}
