//! The processes of a run: the engine's nodes, the baseline, the driver. All of them are ours, all
//! on loopback, and all end with the run, by their own id.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::Connection as _;

use crate::drive::{Got, Load};

const START_PATIENCE: Duration = Duration::from_secs(60);
/// What a node logs: that it listens.
pub const QUIET: &str = "warn,holdfast_api=info";

/// A server that says where it listens.
pub struct Server {
    child: Child,
    pub host: String,
    /// From its start until it said that it listens.
    pub ready: Duration,
    log: PathBuf,
}

impl Server {
    fn start(mut command: Command, log: PathBuf) -> Result<Self> {
        let began = Instant::now();
        let file = File::create(&log)?;
        let child = command.stdout(file.try_clone()?).stderr(file).spawn().context("it does not start")?;
        let mut server = Self { child, host: String::new(), ready: Duration::ZERO, log };
        loop {
            let text = fs::read_to_string(&server.log)?;
            if let Some(host) = listening(&text) {
                server.host = host;
                server.ready = began.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("it ended with {status}:\n{text}");
            }
            ensure!(began.elapsed() < START_PATIENCE, "it does not listen:\n{text}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn pid(&self) -> Result<Pid> {
        Pid::from_raw(i32::try_from(self.child.id())?).context("no process")
    }

    pub fn signal(&self, signal: Signal) -> Result<()> {
        Ok(kill_process(self.pid()?, signal)?)
    }

    /// SIGTERM, and gone.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }

    /// Bytes that it has had written to disk.
    pub fn written(&self) -> Result<u64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id()))?;
        let bytes = io.lines().find_map(|line| line.strip_prefix("write_bytes: ")).context("no such line")?;
        Ok(bytes.trim().parse()?)
    }

    /// How often its log has a text in it.
    pub fn logged(&self, text: &str) -> Result<u64> {
        Ok(fs::read_to_string(&self.log)?.matches(text).count() as u64)
    }

    /// Processor time that it has had.
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in brackets, may hold anything; user and system time are fields 14 and 15 (proc(5)).
        let (_, rest) = stat.rsplit_once(')').context("no name")?;
        let ticks: u64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Resident memory in MiB: (now, at its highest).
    pub fn memory(&self) -> Result<(f64, f64)> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let mib = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).context("no such line")?;
            Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
        };
        Ok((mib("VmRSS:")?, mib("VmHWM:")?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listening(text: &str) -> Option<String> {
    let (_, rest) = text.rsplit_once("listening on http://")?;
    let host = rest.split(|c: char| c.is_whitespace() || c == '/' || c == '"').next()?;
    // The line may be half written.
    rest.contains('\n').then(|| host.to_owned())
}

/// Where this program lies, and so the engine beside it.
pub fn beside(name: &str) -> Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

pub fn engine() -> Result<PathBuf> {
    let path = beside("holdfast")?;
    ensure!(path.is_file(), "{} is not there: build it first, as tests/bench does", path.display());
    Ok(path)
}

/// A database of a run's own, and the files beside it, gone when dropped.
pub struct Place {
    directory: tempfile::TempDir,
    url: Option<String>,
    servers: std::cell::Cell<u32>,
}

impl Place {
    /// `cluster`: the URL of a superuser of PostgreSQL; none for SQLite.
    pub async fn new(scratch: &Path, cluster: Option<&str>) -> Result<Self> {
        let directory = tempfile::tempdir_in(scratch)?;
        let url = match cluster {
            None => None,
            Some(cluster) => {
                let name: String =
                    directory.path().to_string_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
                let name = format!("bench_{}", name.to_ascii_lowercase());
                execute(cluster, &format!("CREATE DATABASE {name}")).await?;
                let (server, _) = cluster.rsplit_once('/').context("a URL with a database")?;
                Some(format!("{server}/{name}"))
            }
        };
        Ok(Self { directory, url, servers: std::cell::Cell::new(0) })
    }

    /// Of PostgreSQL.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn log(&self) -> PathBuf {
        self.servers.set(self.servers.get() + 1);
        self.directory.path().join(format!("{}.log", self.servers.get()))
    }

    /// A node of the engine with the benchmark's cycles running.
    pub fn node(&self) -> Result<Server> {
        self.node_with(&[])
    }

    /// One of several on the same PostgreSQL.
    pub fn numbered(&self, number: u32) -> Result<Server> {
        self.start(&engine()?, &format!("data-{number}"), QUIET, &[])
    }

    pub fn node_with(&self, arguments: &[&str]) -> Result<Server> {
        self.start(&engine()?, "data", QUIET, arguments)
    }

    /// Of another build, or one that logs more.
    pub fn node_of(&self, binary: &Path, level: &str) -> Result<Server> {
        self.start(binary, "data", level, &[])
    }

    fn start(&self, binary: &Path, data: &str, level: &str, arguments: &[&str]) -> Result<Server> {
        let cycles = self.cycles()?;
        let mut command = Command::new(binary);
        command.arg("dev").arg(&cycles).args(["--listen", "127.0.0.1:0", "--log-level", level]);
        command.arg("--data-dir").arg(self.directory.path().join(data)).args(arguments);
        if let Some(url) = &self.url {
            command.args(["--database-url", url]);
        }
        Server::start(command, self.log())
    }

    /// The directory of the definitions, with the benchmark's own.
    fn cycles(&self) -> Result<PathBuf> {
        let cycles = self.directory.path().join("cycles");
        if !cycles.exists() {
            fs::create_dir(&cycles)?;
            for (name, text) in crate::CYCLES {
                fs::write(cycles.join(name), text)?;
            }
        }
        Ok(cycles)
    }

    /// One more, for the nodes that start from now on.
    pub fn put_cycle(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.cycles()?.join(format!("{name}.yaml")), text)?)
    }

    /// The least, in one of its modes.
    pub fn least(&self, mode: &str) -> Result<Server> {
        let mut command = Command::new(std::env::current_exe()?);
        let file = self.directory.path().join("least.db");
        let file = file.to_string_lossy();
        command.args(["least", mode, self.url.as_deref().unwrap_or(&file)]);
        Server::start(command, self.log())
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("data/holdfast.db")
    }

    async fn number(&self, statement: &'static str, name: &str) -> Result<u64> {
        let number: i64 = match &self.url {
            Some(url) => {
                let mut database = sqlx::PgConnection::connect(url).await?;
                sqlx::query_scalar(statement).bind(name).fetch_one(&mut database).await?
            }
            None => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file()).read_only(true);
                let mut database = sqlx::SqliteConnection::connect_with(&options).await?;
                sqlx::query_scalar(statement).bind(name).fetch_one(&mut database).await?
            }
        };
        Ok(number.unsigned_abs())
    }

    /// Rows of transactions of a cycle, kept or not.
    pub async fn count(&self, cycle: &str) -> Result<u64> {
        let count = "SELECT count(*) FROM cycles AS c JOIN transactions AS t ON t.account = c.account AND \
            t.cycle_id = c.cycle_id WHERE c.name = $1";
        self.number(count, cycle).await
    }

    /// Hits of a step that started more than one run.
    pub async fn twice(&self, step: &str) -> Result<u64> {
        let count = "SELECT count(*) FROM (SELECT 1 FROM runs WHERE entry = $1 GROUP BY account, webhook, hit HAVING \
            count(*) > 1) AS twice";
        self.number(count, step).await
    }

    /// Bytes of the database, its log of changes aside.
    pub async fn bytes(&self) -> Result<u64> {
        match &self.url {
            Some(url) => {
                let pool = sqlx::PgPool::connect(url).await?;
                sqlx::query("CHECKPOINT").execute(&pool).await?;
                let (bytes,): (i64,) =
                    sqlx::query_as("SELECT pg_database_size(current_database())").fetch_one(&pool).await?;
                pool.close().await;
                Ok(bytes.unsigned_abs())
            }
            None => Ok(fs::metadata(self.file())?.len()),
        }
    }

    pub async fn remove(self, cluster: Option<&str>) -> Result<()> {
        if let (Some(cluster), Some(url)) = (cluster, &self.url) {
            let (_, name) = url.rsplit_once('/').context("a URL with a database")?;
            execute(cluster, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
        }
        Ok(())
    }
}

pub async fn execute(url: &str, statement: &str) -> Result<()> {
    let pool = sqlx::PgPool::connect(url).await?;
    sqlx::query(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await?;
    pool.close().await;
    Ok(())
}

/// Runs a load in a process of its own.
pub fn drive(load: &Load) -> Result<Got> {
    Driver::start(load)?.finish()
}

/// A load under way.
pub struct Driver(Child);

impl Driver {
    pub fn start(load: &Load) -> Result<Self> {
        let load = serde_json::to_string(load)?;
        let mut command = Command::new(std::env::current_exe()?);
        Ok(Self(command.args(["drive", &load]).stdout(Stdio::piped()).spawn()?))
    }

    pub fn finish(self) -> Result<Got> {
        let output = self.0.wait_with_output()?;
        ensure!(output.status.success(), "the driver ended with {}", output.status);
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}
