//! Sessions of the console: begun with an API key, and over with it (contract, section 12).

use std::collections::BTreeMap;

use holdfast_engine::{AccountLimits, Engine, KeyView, Limits, MasterKeys, Options, Scope};
use holdfast_tests::{Store, StoreHome, both_stores, duration};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

both_stores![
    it_is_its_keys_until_it_is_ended,
    a_token_is_no_key_and_a_key_no_token,
    it_works_on_another_node_and_after_a_restart,
    it_ends_at_once_with_its_key,
    it_ends_at_once_with_its_account,
    it_lasts_12_hours,
    it_lasts_no_longer_than_its_key,
    a_thousand_of_a_key_are_kept,
];

async fn open(home: &StoreHome, node: &str) -> Engine {
    let options = Options {
        database: home.database(),
        manual_clock: true,
        node: node.to_owned(),
        limits: Limits::default(),
        master_keys: MasterKeys::none(),
        egress: holdfast_engine::egress::Network::loopback().to_vec().into(),
        environment: BTreeMap::new(),
        script_worker: None,
    };
    Engine::open(options).await.expect("the engine opens")
}

async fn start(store: Store) -> (StoreHome, Engine) {
    let home = StoreHome::new(store).await;
    let engine = open(&home, "first").await;
    (home, engine)
}

/// Another node on the same database; on SQLite, which has one, that one.
async fn another(home: &StoreHome, engine: &Engine) -> Engine {
    match home.store {
        Store::Sqlite => engine.clone(),
        Store::Postgres => open(home, "second").await,
    }
}

/// A key, of an account or for all, with its secret.
async fn key(engine: &Engine, account: Option<&str>) -> (KeyView, String) {
    engine.create_key(account, "mine", &[Scope::Read, Scope::Operate], None).await.expect("a key")
}

async fn begin(engine: &Engine, secret: &str) -> String {
    engine.begin_session(secret).await.expect("asked").expect("its key is live").1
}

async fn is_live(engine: &Engine, token: &str) -> bool {
    engine.session(token).await.expect("asked").is_some()
}

/// What may be kept of a token.
fn hash(token: &str) -> Vec<u8> {
    ring::digest::digest(&ring::digest::SHA256, token.as_bytes()).as_ref().to_vec()
}

/// The hashes that are kept.
async fn kept(home: &StoreHome) -> Vec<Vec<u8>> {
    let text = "SELECT hash FROM sessions ORDER BY created_at";
    let rows = match home.superuser() {
        Some(url) => {
            let mut connection = PgConnection::connect(url).await.expect("a connection");
            sqlx::query_scalar(text).fetch_all(&mut connection).await
        }
        None => {
            let url = format!("sqlite://{}", home.path().join("holdfast.db").display());
            let mut connection = SqliteConnection::connect(&url).await.expect("a connection");
            sqlx::query_scalar(text).fetch_all(&mut connection).await
        }
    };
    rows.expect("the rows")
}

async fn it_is_its_keys_until_it_is_ended(store: Store) {
    let (home, engine) = start(store).await;
    for account in [None, Some("default")] {
        let (key, secret) = key(&engine, account).await;
        let (begun, token) = engine.begin_session(&secret).await.expect("asked").expect("begun");
        let found = engine.session(&token).await.expect("asked").expect("a session");
        for view in [&begun, &found] {
            assert_eq!((view.key.id, &view.key.name, &view.key.account), (key.id, &key.name, &key.account));
            assert_eq!(view.key.scopes, [Scope::Read, Scope::Operate]);
            assert_eq!(view.expires_at, engine.now() + duration("12h"));
        }
        assert_eq!(kept(&home).await, [hash(&token)], "nothing but its hash");

        let other = begin(&engine, &secret).await;
        assert_ne!(token, other);
        for _ in 0..2 {
            engine.end_session(&token).await.expect("no change where there is none");
            assert_eq!((is_live(&engine, &token).await, is_live(&engine, &other).await), (false, true));
        }
        engine.end_session(&other).await.expect("ended");
        assert!(kept(&home).await.is_empty());
    }
}

async fn a_token_is_no_key_and_a_key_no_token(store: Store) {
    let (_home, engine) = start(store).await;
    let (_, secret) = key(&engine, None).await;
    let token = begin(&engine, &secret).await;
    assert!(engine.authenticate(&token).await.expect("asked").is_none());
    assert!(engine.begin_session(&token).await.expect("asked").is_none());
    let changed = format!("{}x", token.get(..token.len() - 1).expect("it is long"));
    for wrong in [secret.as_str(), changed.as_str(), "", "hfs_", token.trim_start_matches("hfs_")] {
        assert!(!is_live(&engine, wrong).await, "{wrong}");
        engine.end_session(wrong).await.expect("no change");
    }
    for wrong in ["", "hf_", "hf_nobodys"] {
        assert!(engine.begin_session(wrong).await.expect("asked").is_none(), "{wrong}");
    }
    assert!(token.starts_with("hfs_") && is_live(&engine, &token).await);
    assert!(engine.authenticate(&secret).await.expect("asked").is_some());
}

async fn it_works_on_another_node_and_after_a_restart(store: Store) {
    let (home, engine) = start(store).await;
    let second = another(&home, &engine).await;
    let (key, secret) = key(&engine, Some("default")).await;
    let (here, there) = (begin(&engine, &secret).await, begin(&second, &secret).await);
    for token in [&here, &there] {
        assert!(is_live(&engine, token).await && is_live(&second, token).await);
    }
    second.end_session(&here).await.expect("ended");
    assert_eq!((is_live(&engine, &here).await, is_live(&engine, &there).await), (false, true));

    second.close().await;
    engine.close().await;
    let engine = open(&home, "third").await;
    let found = engine.session(&there).await.expect("asked").expect("it holds through a restart");
    assert_eq!(found.key.id, key.id);
    assert!(!is_live(&engine, &here).await);
}

async fn it_ends_at_once_with_its_key(store: Store) {
    let (home, engine) = start(store).await;
    let second = another(&home, &engine).await;
    for account in [None, Some("default")] {
        let ((revoked, secret), (_, other)) = (key(&engine, account).await, key(&engine, account).await);
        let tokens = [begin(&engine, &secret).await, begin(&second, &secret).await];
        let stays = begin(&second, &other).await;
        engine.revoke_key("default", true, revoked.id).await.expect("revoked");
        for token in &tokens {
            assert!(!is_live(&second, token).await && !is_live(&engine, token).await);
        }
        assert!(engine.begin_session(&secret).await.expect("asked").is_none());
        assert!(is_live(&engine, &stays).await && is_live(&second, &stays).await);
        assert_eq!(kept(&home).await, [hash(&stays)]);
        engine.end_session(&stays).await.expect("ended");
    }
}

async fn it_ends_at_once_with_its_account(store: Store) {
    let (home, engine) = start(store).await;
    let second = another(&home, &engine).await;
    engine.create_account("acme", AccountLimits::default()).await.expect("made");
    let (_, secret) = key(&engine, Some("acme")).await;
    let tokens = [begin(&engine, &secret).await, begin(&second, &secret).await];
    assert!(is_live(&second, &tokens[0]).await);
    engine.delete_account("acme").await.expect("removed");
    for token in &tokens {
        assert!(!is_live(&second, token).await && !is_live(&engine, token).await);
        second.end_session(token).await.expect("no change");
    }
    for engine in [&second, &engine] {
        assert!(engine.begin_session(&secret).await.expect("asked").is_none());
    }
    engine.advance(duration("1s")).await.expect("the clock is manual");
    assert!(kept(&home).await.is_empty(), "they go with the account");
}

async fn it_lasts_12_hours(store: Store) {
    let (home, engine) = start(store).await;
    let mut tokens = Vec::new();
    for account in [None, Some("default")] {
        let (_, secret) = key(&engine, account).await;
        tokens.push(begin(&engine, &secret).await);
    }
    let (_, secret) = key(&engine, None).await;
    engine.advance(duration("1us")).await.expect("the clock is manual");
    let later = begin(&engine, &secret).await;
    engine.advance(duration("43199999998us")).await.expect("the clock is manual");
    assert!(is_live(&engine, &tokens[0]).await && is_live(&engine, &tokens[1]).await, "a microsecond too early");
    assert_eq!(kept(&home).await.len(), 3);
    engine.advance(duration("1us")).await.expect("the clock is manual");
    assert!(!is_live(&engine, &tokens[0]).await && !is_live(&engine, &tokens[1]).await, "a microsecond too late");
    assert!(is_live(&engine, &later).await, "that it is used does not extend it, nor does another end it");
    assert_eq!(kept(&home).await, [hash(&later)], "the others are swept");
}

async fn it_lasts_no_longer_than_its_key(store: Store) {
    let (home, engine) = start(store).await;
    let expires_at = engine.now() + duration("1h");
    let made = engine.create_key(None, "short", &[Scope::Read], Some(expires_at)).await;
    let (_, secret) = made.expect("a key");
    let (view, token) = engine.begin_session(&secret).await.expect("asked").expect("begun");
    assert_eq!(view.expires_at, expires_at);
    engine.advance(duration("3599999999us")).await.expect("the clock is manual");
    assert!(is_live(&engine, &token).await);
    engine.advance(duration("1us")).await.expect("the clock is manual");
    assert!(!is_live(&engine, &token).await);
    assert!(engine.begin_session(&secret).await.expect("asked").is_none());
    assert!(kept(&home).await.is_empty());
}

async fn a_thousand_of_a_key_are_kept(store: Store) {
    let (home, engine) = start(store).await;
    let ((_, secret), (_, other)) = (key(&engine, None).await, key(&engine, None).await);
    let others = begin(&engine, &other).await;
    let first = begin(&engine, &secret).await;
    engine.advance(duration("1us")).await.expect("the clock is manual");
    let second = begin(&engine, &secret).await;
    engine.advance(duration("1us")).await.expect("the clock is manual");
    for _ in 2..1_000 {
        begin(&engine, &secret).await;
    }
    assert!(is_live(&engine, &first).await);
    let last = begin(&engine, &secret).await;
    let live = [&first, &second, &last, &others];
    let mut lives = Vec::new();
    for token in live {
        lives.push(is_live(&engine, token).await);
    }
    assert_eq!(lives, [false, true, true, true]);
    assert_eq!(kept(&home).await.len(), 1_001);
}
