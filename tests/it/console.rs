//! The console in a real browser: Debian's Chromium, led by playwright-core. Each scene is a script of
//! `tests/clients/browser`; what holds of every page is checked there, wherever one is looked at.
//!
//! `HOLDFAST_PICTURES=docs/console` makes the pictures of the documents anew.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use holdfast_tests::{Home, Mode, Node, Store, both_stores};

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
        let (text, copy) = (fs::read(&file).expect("a scene"), at.join(file.file_name().expect("a name")));
        // One that is played beside this is read from there: what is the same is left alone.
        if fs::read(&copy).ok().as_ref() != Some(&text) {
            fs::write(copy, text).expect("a copy");
        }
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
    play_at(&home, &node, store, scene).await;
}

async fn play_at(home: &Home, node: &Node, store: Store, scene: &str) {
    let mut command = tokio::process::Command::new("node");
    command.arg(format!("{scene}.js")).current_dir(scenes()).kill_on_drop(true);
    command.env("HOLDFAST_URL", format!("http://{}", node.address)).env("HOLDFAST_KEY", node.key().unwrap_or_default());
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

async fn cycles_are_listed_started_and_stopped(store: Store) {
    play(store, "cycles").await;
}

async fn a_cycle_is_looked_at_while_it_runs(store: Store) {
    play(store, "cycle").await;
}

async fn a_cycle_is_written_and_deployed(store: Store) {
    play(store, "cycle-edit").await;
}

async fn transactions_are_found_and_several_are_changed(store: Store) {
    play(store, "transactions").await;
}

async fn a_transaction_says_why_it_waits_and_is_repaired(store: Store) {
    play(store, "transaction").await;
}

async fn hits_are_seen_explained_and_replayed(store: Store) {
    play(store, "hits").await;
}

async fn endpoints_are_told_rotated_and_resent(store: Store) {
    play(store, "endpoints").await;
}

async fn accounts_are_made_limited_and_looked_at(store: Store) {
    play(store, "accounts").await;
}

async fn senders_prove_themselves_and_a_subscription_that_failed_is_made_after_all(store: Store) {
    play(store, "senders").await;
}

async fn dev_needs_no_key_and_goes_by_its_clock(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::DevManual).await;
    play_at(&home, &node, store, "dev").await;
}

both_stores!(
    keys_are_made_and_revoked_and_sessions_end,
    cycles_are_listed_started_and_stopped,
    a_cycle_is_looked_at_while_it_runs,
    a_cycle_is_written_and_deployed,
    transactions_are_found_and_several_are_changed,
    a_transaction_says_why_it_waits_and_is_repaired,
    hits_are_seen_explained_and_replayed,
    endpoints_are_told_rotated_and_resent,
    accounts_are_made_limited_and_looked_at,
    senders_prove_themselves_and_a_subscription_that_failed_is_made_after_all,
    dev_needs_no_key_and_goes_by_its_clock,
);
