//! What outlives a process: the definitions, the data and the log of the nodes that a test starts.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::{Mode, Node, Store, StoreHome};

pub struct Home {
    pub home: StoreHome,
    /// A database elsewhere in place of the home's own.
    url: Option<String>,
    nodes: AtomicU32,
}

impl Home {
    /// With these definitions in its directory.
    pub async fn new(store: Store, yaml: &str) -> Self {
        let home = StoreHome::new(store).await;
        let this = Self { home, url: None, nodes: AtomicU32::new(0) };
        std::fs::create_dir(this.definitions()).expect("a directory for the definitions");
        std::fs::write(this.definitions().join("test.yaml"), yaml).expect("the definitions");
        this
    }

    /// With a node on which these secrets are stored and, after that, these definitions run: a cycle is
    /// not deployed before the secrets that it names are there.
    pub async fn with_secrets(store: Store, mode: Mode, secrets: &[(&str, &str)], yaml: &str) -> (Self, Node) {
        let home = Self::new(store, "cycle: first\nsteps:\n  one:\n    webhook:\n").await;
        let node = home.start(mode).await;
        for (name, value) in secrets {
            let secret = serde_json::json!({ "name": name, "value": value });
            node.post("/api/v1/secrets", secret).await.expect(200);
        }
        node.deploy(yaml).await;
        (home, node)
    }

    /// On a cluster of the test's own.
    pub async fn on_cluster(url: &str, yaml: &str) -> Self {
        let mut this = Self::new(Store::Sqlite, yaml).await;
        this.url = Some(url.to_owned());
        this
    }

    pub fn definitions(&self) -> PathBuf {
        self.home.path().join("definitions")
    }

    pub fn url(&self) -> Option<&str> {
        self.url.as_deref().or_else(|| self.home.url())
    }

    /// Another process; all of a home share its database. On SQLite it must be the only one alive.
    pub async fn start(&self, mode: Mode) -> Node {
        let number = self.nodes.fetch_add(1, Ordering::Relaxed);
        // On SQLite the data directory is the database; on PostgreSQL each node has its own.
        let data = match self.url() {
            None => self.home.path().join("data"),
            Some(_) => self.home.path().join(format!("data-{number}")),
        };
        Node::start(mode, number, data, self.definitions(), self.url().map(str::to_owned)).await
    }

    /// `dev` on the manual clock: the definitions deployed and running, no key needed.
    pub async fn dev(&self) -> Node {
        self.start(Mode::DevManual).await
    }
}
