//! An account sees its own and nobody else's (contract, section 10): every route of the OpenAPI document
//! with another account's ids, and with each scope that it lacks. A new route is covered by being in the
//! document; one whose example ids are not known here fails the test.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_engine::AccountLimits;
use holdfast_tests::{Call, Dice, Home, Mode, Node, Response, Store, World, arrival, both_stores};
use serde_json::{Value, json};

use crate::accounts::{about, deploy, hit, key_of, make, path_of, with_key};

both_stores![
    another_accounts_ids_are_not_found_and_nothing_changes,
    a_scope_that_is_lacking_is_refused,
    events_and_lists_are_an_accounts_own,
    equal_keys_in_two_accounts_never_meet,
];

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];
/// 32 bytes in base64: what the nodes of this test seal secrets with.
const MASTER_KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// What stands in no answer to another account.
const MARK: &str = "acme-only";

const CYCLE: &str = "
cycle: acme-only-shop
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

const CONNECTED: &str = "
connector: acme-only-partner
events:
  changed:
    subscribe:
      http: { method: POST, url: https://acme-only.invalid/, retry: { attempts: 1 } }
---
cycle: acme-only-listener
steps:
  changed:
    webhook: { connector: acme-only-partner, event: changed }
";

/// Routes that a key of one account has no business with, whatever is named.
fn is_everybodys(path: &str) -> bool {
    path.starts_with("/api/v1/accounts") || path == "/api/v1/reseal"
}

/// Routes that change nothing though they are no GET, and take the scope `read`.
const ASKS: &[&str] = &["/api/v1/webhooks/{identifier}/explain"];

struct Acme {
    /// What a parameter of a path is filled with: by its name, or by the part of the path before it.
    ids: BTreeMap<&'static str, String>,
}

/// Every route: (method, path).
fn routes(document: &Value) -> Vec<(String, String)> {
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let has = |method: &&&str| item[**method].is_object();
        routes.extend(METHODS.iter().filter(has).map(|method| (method.to_uppercase(), path.clone())));
    }
    routes.retain(|(_, path)| path.starts_with("/api/v1/"));
    assert!(routes.len() >= 30, "{} routes", routes.len());
    routes
}

impl Acme {
    /// The address of a route with acme's ids; none where it has no parameter.
    fn address(&self, path: &str) -> Option<String> {
        let (mut filled, mut before, mut named) = (Vec::new(), "", false);
        for part in path.split('/') {
            if part.starts_with('{') {
                let id = self.ids.get(part).or_else(|| self.ids.get(before)).unwrap_or_else(|| {
                    panic!("{path}: this test knows no id of acme's to put for {part}: add one to Acme::of")
                });
                filled.push(id.as_str());
                named = true;
            } else {
                filled.push(part);
                before = part;
            }
        }
        named.then(|| filled.join("/"))
    }

    /// An account with one of everything.
    async fn of(node: &Node) -> Self {
        make(node, "acme", json!({ "transactions": 1000 })).await;
        make(node, "other", json!({})).await;
        let hooks = deploy(node, "acme", CYCLE).await;
        let placed = path_of(&hooks, "acme-only-shop/placed");
        let started = hit(node, &placed, json!({ "id": 1, "text": MARK })).await.expect(200);
        let secret = json!({ "name": "acme_only_TOKEN", "value": "v" });
        about(node, "acme", "POST", "/secrets", secret).await.expect(200);
        let key = about(node, "acme", "POST", "/keys", json!({ "name": MARK, "scopes": ["read"] })).await.expect(201);
        let shared = json!({ "name": "acme-only-orders" });
        about(node, "acme", "POST", "/webhooks", shared).await.expect(201);
        let endpoint = json!({ "url": "https://acme-only.invalid/" });
        let endpoint = about(node, "acme", "POST", "/endpoints", endpoint).await.expect(201).json();
        // It can't be made: nobody is at that address. It is there all the same.
        let call = node.call("POST", "/api/v1/cycles").header("holdfast-account", "acme");
        node.send(call.body("application/yaml", CONNECTED.to_owned())).await.expect("an answer").expect(200);
        about(node, "acme", "POST", "/cycles/acme-only-listener/start", json!({})).await.expect(502);
        let subscriptions = about(node, "acme", "GET", "/subscriptions", Value::Null).await.expect(200).json();
        let subscription = subscriptions["data"][0]["id"].as_str().expect("an id").to_owned();
        let ids = BTreeMap::from([
            ("{webhook}", "acme-only-orders".to_owned()),
            ("endpoints", endpoint["id"].as_str().expect("an id").to_owned()),
            ("cycles", "acme-only-shop".to_owned()),
            ("webhooks", placed.trim_start_matches("/hooks/").to_owned()),
            ("transactions", started.transaction()),
            ("hits", started.hit()),
            ("keys", key.json()["id"].as_str().expect("an id").to_owned()),
            ("secrets", "acme_only_TOKEN".to_owned()),
            ("accounts", "acme".to_owned()),
            ("subscriptions", subscription),
        ]);
        Self { ids }
    }

    /// All that there is of it. How many are held is counted now and then, and no part of this.
    async fn state(&self, node: &Node) -> String {
        let mut state = String::new();
        let one = format!("/transactions/{}", self.ids["transactions"]);
        let cycle = format!("/cycles/{}/versions", self.ids["cycles"]);
        let shared = format!("/webhooks/{}", self.ids["{webhook}"]);
        for path in [
            "/transactions",
            "/hits",
            "/keys",
            "/secrets",
            "/endpoints",
            "/connectors",
            "/subscriptions",
            &one,
            &cycle,
            &shared,
        ] {
            state += &about(node, "acme", "GET", path, Value::Null).await.expect(200).text();
        }
        let cycle = about(node, "acme", "GET", "/cycles/acme-only-shop", Value::Null).await.expect(200).json();
        let account = node.api("/accounts/acme").await;
        format!("{state}{}{}{}{account}", cycle["state"], cycle["started_at"], cycle["stopped_at"])
    }
}

fn body_for(path: &str) -> Value {
    match path.rsplit('/').next().unwrap_or_default() {
        "advance" => json!({ "by": "1s" }),
        "keys" => json!({ "name": "a key", "scopes": ["read"] }),
        "secrets" => json!({ "name": "TOKEN", "value": "a value" }),
        "rerun" => json!({ "step": "placed" }),
        "resume" | "explain" => json!({ "body": { "id": 1 } }),
        "endpoints" => json!({ "url": "https://other.invalid/" }),
        "webhooks" => json!({ "name": "mine" }),
        "claims" => json!({ "value": 1 }),
        "resend" => json!({ "missed": true }),
        "{account}" => json!({ "limits": { "hits_per_second": 1 } }),
        "accounts" => json!({ "name": "another" }),
        // All of the caller's own.
        "bulk" => {
            let action = if path.contains("/hits/") { "replay" } else { "cancel" };
            json!({ "action": action, "filter": { "since": "2020-01-01T00:00:00Z" } })
        }
        _ => json!({}),
    }
}

async fn ask(node: &Node, key: &Value, method: &str, path: &str, address: &str) -> Response {
    let body = if method == "GET" { Value::Null } else { body_for(path) };
    let query = if method == "DELETE" && path.ends_with("/claims") { "?value=1" } else { "" };
    with_key(node, key, method, &format!("{}{query}", address.trim_start_matches("/api/v1")), body).await
}

/// Streams do not end.
fn is_stream(path: &str) -> bool {
    path.ends_with("/events")
}

async fn start(store: Store) -> (Home, Node) {
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    node.kill().await;
    node.restart_with(&[("HOLDFAST_MASTER_KEY", MASTER_KEY)]).await;
    (home, node)
}

async fn another_accounts_ids_are_not_found_and_nothing_changes(store: Store) {
    let (_home, node) = start(store).await;
    let acme = Acme::of(&node).await;
    let other = key_of(&node, "other", &["admin"]).await;
    let before = acme.state(&node).await;
    let document = node.api("/openapi.json").await;
    let mut named = 0;
    for (method, path) in routes(&document) {
        if is_stream(&path) {
            continue;
        }
        let there = acme.address(&path);
        let address = there.as_deref().unwrap_or(&path);
        let answer = ask(&node, &other, &method, &path, address).await;
        if is_everybodys(&path) {
            assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
        } else if there.is_some() {
            named += 1;
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
            // As what was never there: but for the id, which the caller has sent.
            let id = address.rsplit('/').find(|part| acme.ids.values().any(|id| id == part)).expect("an id");
            let nobodys = address.replace(id, "nobody");
            let missing = ask(&node, &other, &method, &path, &nobodys).await;
            assert_eq!(answer.text(), missing.text().replace("nobody", id), "{method} {path}");
        } else {
            assert!(!answer.text().contains(MARK), "{method} {path}: {}", answer.text());
            for id in acme.ids.values().filter(|id| id.len() > 10) {
                assert!(!answer.text().contains(id.as_str()), "{method} {path}: {}", answer.text());
            }
        }
        assert_eq!(acme.state(&node).await, before, "{method} {path} changed something of acme's");
    }
    assert!(named > 15, "{named} routes name something");
    // The same with acme's own key is found: the ids are right.
    let own = key_of(&node, "acme", &["admin"]).await;
    for path in ["cycles", "transactions", "hits"] {
        let address = format!("/{path}/{}", acme.ids[path]);
        with_key(&node, &own, "GET", &address, Value::Null).await.expect(200);
    }
}

async fn a_scope_that_is_lacking_is_refused(store: Store) {
    let (_home, node) = start(store).await;
    let nobody = "nobody";
    let document = node.api("/openapi.json").await;
    let mut keys = BTreeMap::new();
    for scope in ["read", "deploy", "operate", "admin"] {
        keys.insert(scope, key_of(&node, "default", &[scope]).await);
    }
    for (method, path) in routes(&document) {
        if is_stream(&path) || path.ends_with("/openapi.json") {
            continue;
        }
        let address = path.split('/').map(|part| if part.starts_with('{') { nobody } else { part });
        let address = address.collect::<Vec<_>>().join("/");
        let unknown = Call::new(&method, &address).send(node.address).await.expect("an answer");
        assert_eq!(unknown.status, 401, "{method} {path}: {}", unknown.text());
        let mut needed = BTreeMap::new();
        for (scope, key) in &keys {
            let answer = ask(&node, key, &method, &path, &address).await;
            if answer.status == 403 {
                let named = answer.json()["scope"].as_str().expect("the scope that it needs").to_owned();
                needed.entry(named).or_insert_with(Vec::new).push(*scope);
            }
        }
        // One scope is needed, every other is refused and told so, and `admin` includes it.
        assert_eq!(needed.len(), 1, "{method} {path}: {needed:?}");
        let (scope, refused) = needed.pop_first().expect("one");
        let expected: Vec<&str> = match (is_everybodys(&path), scope.as_str()) {
            (true, _) => vec!["admin", "deploy", "operate", "read"],
            (false, "admin") => vec!["deploy", "operate", "read"],
            (false, scope) => ["deploy", "operate", "read"].into_iter().filter(|other| *other != scope).collect(),
        };
        assert_eq!(refused, expected, "{method} {path} needs {scope}");
        let changes = method != "GET" && !ASKS.contains(&path.as_str());
        assert!(!changes || scope != "read", "{method} {path} changes something with the scope read");
    }
}

async fn events_and_lists_are_an_accounts_own(store: Store) {
    let (_home, node) = start(store).await;
    make(&node, "acme", json!({})).await;
    make(&node, "other", json!({})).await;
    // The same in both: cycle, key and value.
    let yaml = CYCLE.replace("acme-only-", "");
    let acme = deploy(&node, "acme", &yaml).await;
    let other = deploy(&node, "other", &yaml).await;
    let first = hit(&node, &path_of(&acme, "shop/placed"), json!({ "id": 1 })).await.expect(200).transaction();
    let second = hit(&node, &path_of(&other, "shop/placed"), json!({ "id": 1 })).await.expect(200).transaction();
    assert_ne!(first, second);
    // The newest with that value is the other's; a hit at acme's webhook takes acme's.
    let resumed = hit(&node, &path_of(&acme, "shop/status"), json!({ "id": 1 })).await.expect(200);
    assert_eq!(resumed.transaction(), first);
    for (account, own) in [("acme", &first), ("other", &second), ("default", &String::new())] {
        let seen = about(&node, account, "GET", "/transactions", Value::Null).await.expect(200).json();
        let seen: Vec<&str> =
            seen["data"].as_array().expect("a list").iter().filter_map(|one| one["id"].as_str()).collect();
        let own: Vec<&str> = Some(own.as_str()).filter(|id| !id.is_empty()).into_iter().collect();
        assert_eq!(seen, own, "{account}");
    }
    // By a correlation value as well.
    let by_key = about(&node, "other", "GET", "/transactions?key=1", Value::Null).await;
    if by_key.status == 200 {
        assert!(!by_key.text().contains(&first), "{}", by_key.text());
    }
}

/// Random starts and resumes with the same few values in three accounts: each resume takes the newest of
/// its own account with that value, or none.
async fn equal_keys_in_two_accounts_never_meet(store: Store) {
    let world = World::start(store, &CYCLE.replace("acme-only-", "")).await;
    let accounts = ["default", "acme", "other"];
    for account in &accounts[1..] {
        world.engine.create_account(account, AccountLimits::default()).await.expect("an account");
        world.engine.deploy(account, "test.yaml", &CYCLE.replace("acme-only-", "")).await.expect("deployed");
        world.engine.start(account, "shop").await.expect("it starts");
    }
    let mut dice = Dice::thrown("equal_keys_in_two_accounts_never_meet");
    let mut newest = BTreeMap::new();
    let hook = |account: &str, step| world.engine.identifier(account, "shop", step).expect("a webhook");
    for round in 0..40 {
        // Several at once, of several accounts: no two of them with one key.
        let mut sent = tokio::task::JoinSet::new();
        let mut used = BTreeSet::new();
        for _ in 0..=dice.below(5) {
            let account = accounts[dice.below(3) as usize];
            let key = dice.below(4);
            if !used.insert((account, key)) {
                continue;
            }
            let starts = dice.below(3) == 0;
            let step = if starts { "placed" } else { "status" };
            let arrival = arrival(hook(account, step), json!({ "id": key }));
            let engine = world.engine.clone();
            sent.spawn(async move { (account, key, starts, engine.receive(arrival).await.expect("accepted")) });
        }
        for (account, key, starts, got) in sent.join_all().await {
            if starts {
                newest.insert((account, key), got.transaction.expect("started"));
            } else {
                assert_eq!(got.transaction, newest.get(&(account, key)).copied(), "{round}: {account} {key}");
            }
            if let Some(id) = got.transaction {
                for other in accounts {
                    assert_eq!(world.engine.transaction(other, id).await.is_ok(), other == account);
                }
            }
        }
    }
    assert!(newest.len() > 6, "{newest:?}");
}
