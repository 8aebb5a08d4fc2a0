//! The console in a real browser: Debian's Chromium, led by playwright-core. Each scene is a script of
//! `tests/clients/browser`; what holds of every page is checked there, wherever one is looked at.
//!
//! `HOLDFAST_PICTURES=docs/console` makes the pictures of the documents anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use holdfast_tests::{Home, Mode, Store, both_stores};

/// Where the scenes are, with what they need installed.
fn scenes() -> PathBuf {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/browser");
    let at = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm-browser");
    fs::create_dir_all(&at).expect("a folder");
    // Scenes run side by side: one of them installs.
    let lock = fs::File::create(at.join("lock")).expect("a lock");
    lock.lock().expect("locked");
    for file in fs::read_dir(&from).expect("the scenes") {
        let file = file.expect("a file").path();
        fs::copy(&file, at.join(file.file_name().expect("a name"))).expect("a copy");
    }
    let install = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    assert!(Command::new("npm").current_dir(&at).args(install).status().expect("npm").success());
    at
}

fn chromium() -> String {
    let found = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].into_iter().find(|path| Path::new(path).is_file());
    found.expect("Chromium, which tests/clients/install installs").to_owned()
}

const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// Plays a scene at a `serve` of its own.
async fn play(store: Store, scene: &str) {
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    node.kill().await;
    node.restart_with(&[("HOLDFAST_MASTER_KEY", MASTER_KEY), ("HOLDFAST_ALLOW_NETWORK", "127.0.0.0/8")]).await;
    let mut command = tokio::process::Command::new("node");
    command.arg(format!("{scene}.js")).current_dir(scenes()).kill_on_drop(true);
    command.env("HOLDFAST_URL", format!("http://{}", node.address)).env("HOLDFAST_KEY", node.key().expect("a key"));
    command.env("CHROMIUM", chromium()).env("HOME", home.home.path()).stdin(Stdio::null());
    if let Some(pictures) = std::env::var_os("HOLDFAST_PICTURES").filter(|_| store == Store::Sqlite) {
        let pictures = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(pictures);
        fs::create_dir_all(&pictures).expect("a folder");
        command.env("HOLDFAST_PICTURES", pictures.canonicalize().expect("it is there"));
    }
    let output = command.output().await.expect("node");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{scene}: {text}\nthe server said:\n{}", node.log());
}

async fn keys_are_made_and_revoked_and_sessions_end(store: Store) {
    play(store, "keys").await;
}

async fn endpoints_are_told_rotated_and_resent(store: Store) {
    play(store, "endpoints").await;
}

async fn accounts_are_made_limited_and_looked_at(store: Store) {
    play(store, "accounts").await;
}

async fn hits_are_seen_explained_and_replayed(store: Store) {
    play(store, "hits").await;
}

both_stores!(
    hits_are_seen_explained_and_replayed,
    keys_are_made_and_revoked_and_sessions_end,
    endpoints_are_told_rotated_and_resent,
    accounts_are_made_limited_and_looked_at,
);
