//! Secrets: given once, sealed at rest, never told again (contract, sections 10 and 17).

use holdfast_engine::{AccountLimits, Database, Engine, Error, Limits, MasterKeys, Options, PageQuery};
use holdfast_tests::{Home, Mode, Node, Store, StoreHome, both_stores};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

both_stores![
    a_value_is_nowhere_to_be_found,
    it_survives_a_restart_and_is_replaced_and_deleted,
    another_master_key_is_told_at_the_start,
    rotation_leaves_nothing_under_the_old_key,
    another_accounts_secret_is_not_there,
    without_a_master_key_none_is_stored,
    its_last_use_is_noted,
];

const CANARY: &str = "canary-7f3a-value-of-a-secret";
const SHOP: &str = "
cycle: shop
steps:
  placed:
    webhook:
";

async fn open(home: &StoreHome, keys: &[&str]) -> Result<Engine, Error> {
    let master_keys = match keys {
        [] => MasterKeys::none(),
        keys => MasterKeys::parse(&keys.join("\n")).expect("keys"),
    };
    let (node, limits) = ("test".to_owned(), Limits::default());
    Engine::open(Options {
        database: home.database(),
        manual_clock: true,
        node,
        limits,
        master_keys,
        egress: holdfast_engine::egress::Rules::default(),
        environment: std::collections::BTreeMap::new(),
        script_worker: None,
    })
    .await
}

async fn put(engine: &Engine, account: &str, name: &str, value: &str) -> Result<(), Error> {
    engine.put_secret(account, name, value.to_owned().into()).await.map(|_| ())
}

async fn names(engine: &Engine, account: &str) -> Vec<String> {
    let page = engine.secrets(account, PageQuery::default()).await.expect("a list");
    page.data.into_iter().map(|view| view.name).collect()
}

fn master_key_error<T>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::MasterKey(message)) => message,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it went well"),
    }
}

/// All that is stored of the secrets, and the whole of SQLite's files.
async fn at_rest(home: &StoreHome, data: Option<&std::path::Path>) -> Vec<u8> {
    match home.database() {
        Database::Sqlite { path } => {
            let path = data.map_or(path, |data| data.join("holdfast.db"));
            let wal = path.with_extension("db-wal");
            let mut bytes = std::fs::read(path).expect("the database");
            bytes.extend(std::fs::read(wal).unwrap_or_default());
            bytes
        }
        Database::Postgres { .. } => {
            let url = home.superuser().expect("a URL");
            let mut connection = PgConnection::connect(url).await.expect("a connection");
            let text =
                "SELECT string_agg(convert_to(account || name || key_id, 'UTF8') || sealed, ''::bytea) FROM secrets";
            let all: Option<Vec<u8>> =
                sqlx::query_scalar(AssertSqlSafe(text)).fetch_one(&mut connection).await.expect("the rows");
            all.unwrap_or_default()
        }
    }
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

async fn set(node: &Node, name: &str, value: &str) {
    node.post("/api/v1/secrets", json!({ "name": name, "value": value })).await.expect(200);
}

async fn a_value_is_nowhere_to_be_found(store: Store) {
    let home = Home::new(store, SHOP).await;
    let node = home.start(Mode::Dev).await;
    let made = node.post("/api/v1/secrets", json!({ "name": "TOKEN", "value": CANARY })).await.expect(200);
    let listed = node.get("/api/v1/secrets").await.expect(200);
    assert_eq!(listed.json()["data"][0]["name"], "TOKEN");
    assert!(listed.json()["data"][0]["last_used_at"].is_null());
    let wrong = node.post("/api/v1/secrets", json!({ "name": "no name", "value": CANARY })).await.expect(400);
    let unknown = node.post("/api/v1/secrets", json!({ "name": "A", "value": CANARY, "more": 1 })).await.expect(400);
    let empty = node.post("/api/v1/secrets", json!({ "name": "A", "value": "" })).await.expect(400);
    let table = node.command(&["secrets", "list"]).await;
    assert!(table.status.success(), "{table:?}");
    let bytes = at_rest(&home.home, Some(node.data())).await;
    assert!(holds(&bytes, "TOKEN") && !holds(&bytes, "canary"), "it is sealed at rest");
    for told in [made.text(), listed.text(), wrong.text(), unknown.text(), empty.text()] {
        assert!(!told.contains("canary"), "{told}");
    }
    assert!(!holds(&table.stdout, "canary") && holds(&table.stdout, "TOKEN"));
    assert!(!node.log().contains("canary"), "{}", node.log());
    let key = std::fs::metadata(node.data().join("master.key")).expect("dev made a key");
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
}

async fn it_survives_a_restart_and_is_replaced_and_deleted(store: Store) {
    let home = Home::new(store, SHOP).await;
    let mut node = home.start(Mode::Dev).await;
    set(&node, "TOKEN", CANARY).await;
    let before = node.api("/secrets").await;
    node.kill().await;
    node.restart().await;
    assert_eq!(node.api("/secrets").await, before);
    set(&node, "TOKEN", "another value").await;
    let after = node.api("/secrets").await;
    assert_eq!(after["data"][0]["created_at"], before["data"][0]["created_at"]);
    assert_ne!(after["data"][0]["updated_at"], before["data"][0]["updated_at"]);
    assert!(node.command(&["secrets", "delete", "TOKEN"]).await.status.success());
    node.send(node.call("DELETE", "/api/v1/secrets/TOKEN")).await.expect("an answer").expect(404);
    assert_eq!(node.api("/secrets").await["data"], json!([]));
}

async fn another_master_key_is_told_at_the_start(store: Store) {
    let home = StoreHome::new(store).await;
    let (right, wrong) = (MasterKeys::generate(), MasterKeys::generate());
    let engine = open(&home, &[&right]).await.expect("it opens");
    put(&engine, "default", "TOKEN", CANARY).await.expect("put");
    engine.close().await;
    let message = master_key_error(open(&home, &[&wrong]).await);
    assert!(
        message.contains("TOKEN") && message.contains("--master-key-file") && !message.contains("canary"),
        "{message}"
    );
    // Without any, it starts, so that a secret whose key is lost can be deleted.
    let engine = open(&home, &[]).await.expect("it opens");
    master_key_error(engine.secret_values("default").await);
    engine.delete_secret("default", "TOKEN").await.expect("deleted");
    engine.close().await;
    open(&home, &[&wrong]).await.expect("it opens").close().await;
}

async fn rotation_leaves_nothing_under_the_old_key(store: Store) {
    let home = StoreHome::new(store).await;
    let (old, new) = (MasterKeys::generate(), MasterKeys::generate());
    let engine = open(&home, &[&old]).await.expect("it opens");
    put(&engine, "default", "TOKEN", CANARY).await.expect("put");
    put(&engine, "default", "OTHER", "value").await.expect("put");
    engine.close().await;
    let engine = open(&home, &[&new, &old]).await.expect("it opens");
    assert_eq!(engine.secret_values("default").await.expect("opened").expose("TOKEN"), Some(CANARY));
    put(&engine, "default", "THIRD", "new already").await.expect("put");
    assert_eq!(engine.reseal().await.expect("sealed anew"), 2);
    assert_eq!(engine.reseal().await.expect("nothing to do"), 0);
    engine.close().await;
    let engine = open(&home, &[&new]).await.expect("the old key is needed no longer");
    let values = engine.secret_values("default").await.expect("opened");
    assert_eq!((values.expose("TOKEN"), values.expose("THIRD")), (Some(CANARY), Some("new already")));
    engine.close().await;
}

async fn another_accounts_secret_is_not_there(store: Store) {
    let home = StoreHome::new(store).await;
    let engine = open(&home, &[&MasterKeys::generate()]).await.expect("it opens");
    engine.create_account("other", AccountLimits::default()).await.expect("an account");
    put(&engine, "other", "TOKEN", CANARY).await.expect("put");
    assert_eq!(names(&engine, "other").await, ["TOKEN"]);
    assert!(names(&engine, "default").await.is_empty());
    assert!(!engine.secret_values("default").await.expect("none").has("TOKEN"));
    let gone = engine.delete_secret("default", "TOKEN").await;
    assert!(matches!(gone, Err(Error::NotFound { .. })), "{gone:?}");
    assert!(matches!(put(&engine, "nobody", "TOKEN", "v").await, Err(Error::NotFound { .. })));
    assert_eq!(names(&engine, "other").await, ["TOKEN"]);
    engine.close().await;
}

async fn without_a_master_key_none_is_stored(store: Store) {
    let home = Home::new(store, SHOP).await;
    let node = home.start(Mode::Serve).await;
    let refused = node.post("/api/v1/secrets", json!({ "name": "TOKEN", "value": CANARY })).await.expect(409);
    assert_eq!(refused.json()["type"], "urn:holdfast:problem:master-key");
    assert!(refused.text().contains("--master-key-file") && !refused.text().contains("canary"), "{}", refused.text());
    node.post("/api/v1/reseal", "{}").await.expect(409);
    assert_eq!(node.api("/secrets").await["data"], json!([]));
}

async fn its_last_use_is_noted(store: Store) {
    let home = StoreHome::new(store).await;
    let engine = open(&home, &[&MasterKeys::generate()]).await.expect("it opens");
    put(&engine, "default", "TOKEN", CANARY).await.expect("put");
    let last = async || engine.secrets("default", PageQuery::default()).await.expect("a list").data[0].last_used_at;
    engine.secrets_used("default", &["TOKEN"]);
    let first = holdfast_tests::eventually("it is noted", async || last().await).await;
    engine.advance(std::time::Duration::from_secs(59)).await.expect("later");
    engine.secrets_used("default", &["TOKEN"]);
    engine.advance(std::time::Duration::from_secs(1)).await.expect("later");
    engine.secrets_used("default", &["TOKEN"]);
    let next = holdfast_tests::eventually("it is noted again", async || last().await.filter(|at| *at != first)).await;
    assert_eq!((next - first).num_seconds(), 60, "what came within the minute is not noted");
    engine.close().await;
}
