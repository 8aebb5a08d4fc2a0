//! Who may do what at the console: every route of it is asked, so that one that is added is asked too.

use std::{collections::BTreeMap, fs, path::Path};

use holdfast_tests::{Call, Home, Mode, Node, Response, Store, both_stores};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    sync::watch,
};

/// `GET` or `POST`, and the path, of every route that the console's router has.
fn routes() -> Vec<(&'static str, String)> {
    let router = Path::new(env!("CARGO_MANIFEST_DIR")).join("../api/src/console/mod.rs");
    let text = fs::read_to_string(router).expect("the router");
    let text = text.split_once(".route(").expect("routes").1;
    let mut routes = Vec::new();
    for route in text.split(".route(") {
        let path = route.split('"').nth(1).expect("a path").to_owned();
        let methods = route.split(".layer(").next().unwrap_or_default();
        for (method, word) in [("GET", "get("), ("POST", "post(")] {
            if methods.contains(word) {
                routes.push((method, path.clone()));
            }
        }
    }
    assert!(routes.len() > 20, "{routes:?}");
    routes
}

/// What is there without a session.
fn is_open(path: &str) -> bool {
    path == "/console/sign-in" || path.starts_with("/console/assets/") || matches!(path, "/console" | "/console/")
}

/// A person with a session.
pub struct Signed {
    cookie: String,
}

impl Signed {
    pub async fn in_with(node: &Node, key: &str) -> Self {
        let form = format!("key={key}&next=/console");
        let call = Call::new("POST", "/console/sign-in").body("application/x-www-form-urlencoded", form);
        let answer = node.send(call).await.expect("an answer").expect(303);
        let cookie = answer.header("set-cookie").expect("a cookie");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
        Self { cookie: cookie.split(';').next().expect("its value").to_owned() }
    }

    pub async fn get(&self, node: &Node, path: &str) -> Response {
        node.send(Call::new("GET", path).header("cookie", &self.cookie)).await.expect("an answer")
    }

    /// With the token of its own pages.
    pub async fn post(&self, node: &Node, path: &str, form: &str) -> Response {
        let page = self.get(node, "/console/endpoints").await.expect(200).text();
        let (_, rest) = page.split_once("x-holdfast-token\":\"").expect("a token");
        let token = rest.split('"').next().expect("its end");
        let call = Call::new("POST", path).header("cookie", &self.cookie);
        let call = call.body("application/x-www-form-urlencoded", format!("token={token}&{form}"));
        node.send(call).await.expect("an answer")
    }
}

async fn key(node: &Node, account: Option<&str>, scopes: &[&str]) -> String {
    let call = node.call("POST", "/api/v1/keys").json(json!({ "name": "one", "scopes": scopes }));
    let call = match account {
        Some(account) => call.header("holdfast-account", account),
        None => call,
    };
    let made: Value = node.send(call).await.expect("an answer").expect(201).json();
    made["key"].as_str().expect("a key").to_owned()
}

fn at(path: &str, ids: &BTreeMap<&str, String>) -> String {
    ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(&format!("{{{name}}}"), id))
}

const CYCLE: &str = "cycle: ours\nsteps:\n  asked: { webhook: , next: held }\n  held:\n    webhook:\n      mapping: [{ hit: $.body.n, transaction: $.asked.body.n }]\n";

async fn ids(node: &Node) -> BTreeMap<&'static str, String> {
    node.deploy(CYCLE).await;
    let hit = node.hit("ours/asked", json!({ "n": 1 })).await.expect(200);
    let id = |name: &str| hit.header(name).expect("an id").to_owned();
    let zero = "018f0000-0000-7000-8000-000000000000";
    BTreeMap::from([
        ("cycle", "ours".to_owned()),
        ("transaction", id("holdfast-transaction")),
        ("hit", id("holdfast-hit")),
        ("run", "1".to_owned()),
        ("step", "asked".to_owned()),
        ("id", zero.to_owned()),
        ("name", "SECRET".to_owned()),
        ("account", "acme".to_owned()),
    ])
}

async fn without_a_session_every_page_leads_to_signing_in_and_no_change_is_made(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let ids = ids(&node).await;
    for (method, path) in routes().into_iter().filter(|(_, path)| !is_open(path)) {
        let path = at(&path, &ids);
        for cookie in ["", "holdfast-session=hfs_made_up"] {
            let call = Call::new(method, &path).header("cookie", cookie);
            let answer = node.send(call.body("application/x-www-form-urlencoded", "a=b")).await.expect("an answer");
            assert_eq!(answer.status, 303, "{method} {path}");
            let to = answer.header("location").expect("a place");
            assert!(to.starts_with("/console/sign-in"), "{method} {path} leads to {to}");
        }
    }
}

async fn every_change_needs_the_token_and_the_scope(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let ids = ids(&node).await;
    let admin = Signed::in_with(&node, node.key().expect("a key")).await;
    let reader = Signed::in_with(&node, &key(&node, None, &["read"]).await).await;
    for (method, path) in routes() {
        if method != "POST" || is_open(&path) || is_a_question(&path) {
            continue;
        }
        let path = at(&path, &ids);
        for token in ["", "token=0000"] {
            let call = Call::new("POST", &path).header("cookie", &admin.cookie);
            let answer = node.send(call.body("application/x-www-form-urlencoded", token)).await.expect("an answer");
            assert_eq!(answer.status, 403, "{path} with no token");
            assert!(answer.text().contains("did not come from a page of your session"), "{path}: {}", answer.text());
        }
        if matches!(path.as_str(), "/console/sign-out" | "/console/account") {
            continue;
        }
        let answer = reader.post(&node, &path, "").await;
        // A form that is not understood is refused before anything else is.
        assert!(matches!(answer.status, 403 | 400), "{path} by a reader: {}", answer.status);
    }
}

/// What is posted only because it is long: it changes nothing.
fn is_a_question(path: &str) -> bool {
    ["/console/check", "/console/match", "/console/transactions/ask"].contains(&path)
}

async fn what_is_another_accounts_is_not_there(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let ids = ids(&node).await;
    node.post("/api/v1/accounts", json!({ "name": "acme" })).await.expect(201);
    let own = Signed::in_with(&node, node.key().expect("a key")).await;
    let other = Signed::in_with(&node, &key(&node, Some("acme"), &["admin"]).await).await;
    let mut seen = 0;
    for (method, path) in routes() {
        let named = ["{cycle}", "{transaction}", "{hit}"].into_iter().any(|name| path.contains(name));
        if method != "GET" || !named {
            continue;
        }
        let path = at(&path, &ids);
        assert_eq!(own.get(&node, &path).await.status, 200, "{path} by its own");
        assert_eq!(other.get(&node, &path).await.status, 404, "{path} by another account");
        seen += 1;
    }
    assert!(seen >= 4, "pages of cycles, transactions and hits: {seen}");
    for page in ["/console/cycles", "/console/transactions", "/console/hits", "/console/match"] {
        let text = other.get(&node, page).await.expect(200).text();
        assert!(!text.contains("ours"), "{page} shows another account's");
    }
}

/// How often a page was told that it may have changed.
async fn listens(node: &Node, signed: &Signed) -> watch::Receiver<usize> {
    let mut stream = TcpStream::connect(node.address).await.expect("a connection");
    let head = format!("GET /console/live HTTP/1.1\r\nhost: {}\r\ncookie: {}\r\n\r\n", node.address, signed.cookie);
    stream.write_all(head.as_bytes()).await.expect("it is sent");
    let (told, heard) = watch::channel(0);
    tokio::spawn(async move {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if line == "event: changed" {
                told.send_modify(|told| *told += 1);
            }
        }
    });
    heard
}

async fn a_page_hears_of_no_other_account(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    node.deploy(CYCLE).await;
    node.post("/api/v1/accounts", json!({ "name": "acme" })).await.expect(201);
    let own = Signed::in_with(&node, node.key().expect("a key")).await;
    let other = Signed::in_with(&node, &key(&node, Some("acme"), &["admin"]).await).await;
    let (mut own, mut other) = (listens(&node, &own).await, listens(&node, &other).await);
    // Each is told once a while after it came.
    own.wait_for(|told| *told >= 1).await.expect("it is told");
    other.wait_for(|told| *told >= 1).await.expect("it is told");
    node.hit("ours/asked", json!({ "n": 1 })).await.expect(200);
    // Of the hit, and once more a while after: whoever else heard of it was told by then.
    own.wait_for(|told| *told >= 3).await.expect("it is told");
    assert_eq!(*other.borrow(), 1, "another account was told");
}

async fn a_page_may_load_nothing_from_elsewhere_and_is_kept_by_nobody(store: Store) {
    let home = Home::new(store, "").await;
    let node = home.start(Mode::Serve).await;
    let ids = ids(&node).await;
    let admin = Signed::in_with(&node, node.key().expect("a key")).await;
    for (method, path) in routes() {
        if method != "GET" || path.contains("/assets/") || path.ends_with("/live") {
            continue;
        }
        let path = at(&path, &ids);
        let answer = admin.get(&node, &path).await;
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        let text = answer.text();
        for word in ["<style", " style=", " onclick=", "javascript:", "hx-on"] {
            assert!(!text.contains(word), "{path} has {word}");
        }
    }
}

both_stores!(
    without_a_session_every_page_leads_to_signing_in_and_no_change_is_made,
    every_change_needs_the_token_and_the_scope,
    what_is_another_accounts_is_not_there,
    a_page_hears_of_no_other_account,
    a_page_may_load_nothing_from_elsewhere_and_is_kept_by_nobody,
);
