//! Ten thousand endpoints, one of which hangs: the others' deliveries do not wait for it (contract,
//! section 12).

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use holdfast_engine::{
    Engine, Limits, MasterKeys, Options,
    egress::Network,
    store::{EndpointRow, Postgres, Sqlite, Store as _},
};
use holdfast_tests::{Partner, Store, StoreHome, both_stores, eventually_within};
use serde_json::json;

both_stores![one_that_hangs_among_ten_thousand_delays_no_other];

const ACCOUNT: &str = "default";
const ENDPOINTS: usize = 10_000;
/// Cycles, each with its share of the endpoints: an event is told to a hundred.
const CYCLES: usize = 100;
/// Events in a run of the test, a few at a time.
const EVENTS: usize = 60;
const PATIENCE: Duration = Duration::from_secs(60);

fn name(cycle: usize) -> String {
    format!("c{cycle}")
}

/// Endpoints as they stand once they were validated, in one commit.
async fn fill(store: &dyn holdfast_engine::store::Store, keys: &MasterKeys, url: &str) {
    let mut commit = store.begin(ACCOUNT, None).await.expect("begun");
    for n in 0..ENDPOINTS {
        let endpoint = sqlx::types::Uuid::from_u128(n as u128 + 1);
        let settings = json!({
            "url": format!("{url}/{n}"), "cycle": name(n % CYCLES), "events": ["transaction.completed"],
            "profile": "standard", "schedule": null,
        });
        let secret = secrecy::SecretString::from(r#"[["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",null]]"#);
        let (sealed, key_id) = keys.seal(ACCOUNT, &format!("endpoint/{endpoint}"), &secret).expect("sealed");
        let row = EndpointRow {
            account: ACCOUNT.into(),
            endpoint,
            settings: settings.to_string(),
            state: "active".into(),
            reason: None,
            sealed,
            key_id,
            created_at: 1,
            validated_at: Some(1),
        };
        commit.put_endpoint(&row).await.expect("put");
    }
    commit.bump_revision().await.expect("bumped");
    commit.commit().await.expect("committed");
}

async fn opened(store: Store, url: &str) -> (StoreHome, Engine) {
    let home = StoreHome::new(store).await;
    let text = MasterKeys::generate();
    let keys = MasterKeys::parse(&text).expect("a key");
    match home.database() {
        holdfast_engine::Database::Sqlite { path } => {
            let store = Sqlite::open(&path).await.expect("it opens");
            fill(&store, &keys, url).await;
            store.close().await;
        }
        holdfast_engine::Database::Postgres { url: database } => {
            let store = Postgres::open(&database).await.expect("it opens");
            fill(&store, &keys, url).await;
            store.close().await;
        }
    }
    let options = Options {
        database: home.database(),
        manual_clock: false,
        node: "test".into(),
        limits: Limits::default(),
        master_keys: keys,
        egress: Network::loopback().to_vec().into(),
        environment: BTreeMap::new(),
        script_worker: None,
    };
    let engine = Engine::open(options).await.expect("the engine opens");
    let yaml: Vec<String> =
        (0..CYCLES).map(|n| format!("cycle: {}\nsteps:\n  asked: {{ webhook: }}\n", name(n))).collect();
    engine.deploy(ACCOUNT, "test.yaml", &yaml.join("---\n")).await.expect("deployed");
    for n in 0..CYCLES {
        engine.start(ACCOUNT, &name(n)).await.expect("started");
    }
    (home, engine)
}

type Heard = Arc<Mutex<Vec<(Instant, usize)>>>;

/// How long after the hit each delivery came; those that came of all that should have.
async fn delays(engine: &Engine, heard: &Heard, wanted: usize) -> Vec<Duration> {
    heard.lock().expect("whole").clear();
    let mut sent: BTreeMap<usize, Instant> = BTreeMap::new();
    for n in 0..EVENTS {
        let cycle = n % CYCLES;
        let webhook = engine.identifier(ACCOUNT, &name(cycle), "asked").expect("a webhook");
        sent.insert(cycle, Instant::now());
        engine.receive(holdfast_tests::arrival(webhook, json!({}))).await.expect("received");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    eventually_within(PATIENCE, "the others are told", async || {
        (heard.lock().expect("whole").len() >= wanted).then_some(())
    })
    .await;
    let heard = heard.lock().expect("whole");
    let mut delays: Vec<Duration> =
        heard.iter().map(|(at, endpoint)| at.saturating_duration_since(sent[&(endpoint % CYCLES)])).collect();
    delays.sort_unstable();
    delays
}

fn p99(delays: &[Duration]) -> Duration {
    delays[delays.len() * 99 / 100]
}

async fn one_that_hangs_among_ten_thousand_delays_no_other(store: Store) {
    let partner = Partner::start().await;
    let heard = Heard::default();
    let noted = heard.clone();
    let number = |asked: &holdfast_tests::Asked| -> usize { asked.line[6..].parse().expect("a number") };
    partner.usually(move |asked| {
        noted.lock().expect("whole").push((Instant::now(), number(asked)));
        (204, String::new())
    });
    let (_home, engine) = opened(store, &partner.url()).await;
    let each = ENDPOINTS / CYCLES;
    let without = delays(&engine, &heard, EVENTS * each).await;
    // The endpoint of the first cycle's first: it never answers, and its line is taken all along.
    partner.silent_to(move |asked| number(asked) == 0);
    let with = delays(&engine, &heard, EVENTS * each - 1).await;
    let (without, with) = (p99(&without), p99(&with));
    assert!(with < without * 2 + Duration::from_millis(250), "{without:?} without, {with:?} with one that hangs");
    engine.close().await;
}
