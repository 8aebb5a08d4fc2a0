//! Scripts: what they are given, what comes of what they return and throw, and their cycle's store
//! (contract, sections 2, 5 and 6).

use std::time::{Duration, Instant};

use holdfast_engine::{Engine, Error, Limits, MasterKeys, Options};
use holdfast_tests::{Home, Mode, Store, StoreHome, World, arrival, both_stores, eventually};
use serde_json::{Value, json};

both_stores![
    what_it_returns_is_used_by_a_later_step,
    it_is_given_the_document_and_its_context_and_nothing_else,
    what_it_throws_has_its_line_in_the_file,
    a_failed_script_goes_where_it_says,
    what_it_writes_to_the_console_is_in_the_trace,
    a_script_that_does_not_end_delays_no_other,
    limits_are_named,
    nothing_is_left_of_the_script_before,
    a_script_that_cannot_be_read_is_not_deployed,
    without_a_worker_the_step_fails,
    forty_at_once_lose_no_increment,
    what_fails_keeps_nothing,
    a_cancelled_run_keeps_nothing,
    the_store_is_the_cycles_and_goes_with_it,
    the_store_has_so_many_keys,
    a_script_whose_process_was_killed_is_seen_once,
];

const ACCOUNT: &str = "default";

/// A webhook, a script, and its output as the answer.
fn yaml(script: &str) -> String {
    let lines: String = script.lines().map(|line| format!("      {line}\n")).collect();
    format!(
        "cycle: scripted\nsteps:\n  asked: {{ webhook: , next: works }}\n  works:\n    script: |\n{lines}    \
         next: told\n  told: {{ respond: {{ body: \"${{$.works}}\" }} }}\n"
    )
}

async fn world(store: Store, script: &str) -> World {
    World::start(store, &yaml(script)).await
}

async fn told(world: &World, body: Value) -> Value {
    let said = world.hit("asked", body).await.said();
    let text = said.strip_prefix("200 ").unwrap_or_else(|| panic!("{said}"));
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

async fn what_it_returns_is_used_by_a_later_step(store: Store) {
    let script = "
        const step = async (document) => {
          const lines = document.asked.body.lines ?? []
          if (lines.length === 0) return
          return { total: lines.reduce((sum, line) => sum + line.price, 0), text: await Promise.resolve('\u{e4}') }
        }";
    let world = world(store, script).await;
    let lines = json!({ "lines": [{ "price": 1.5 }, { "price": 2 }] });
    assert_eq!(told(&world, lines).await, json!({ "total": 3.5, "text": "\u{e4}" }));
    let got = world.hit("asked", json!({})).await;
    assert_eq!(got.said(), "200 ", "nothing is null");
    assert_eq!(world.document(got.transaction()).await["works"], Value::Null);
    assert_eq!(world.ways(got.transaction()).await, ["asked works told"]);
}

async fn it_is_given_the_document_and_its_context_and_nothing_else(store: Store) {
    let script = "
        const names = Object.getOwnPropertyNames(globalThis)
        function step(document, context) {
          return { id: document.asked.body.id, context, date: new Date(), random: Math.random(),
            outside: ['process', 'require', 'fetch', 'std', 'os', 'secrets', 'Deno'].filter((n) => names.includes(n)) }
        }";
    let yaml = yaml(script).replace("steps:\n", "vars: { region: eu, limit: 3 }\nsteps:\n");
    let world = World::start(store, &yaml).await;
    let got = world.hit("asked", "{\"id\":99999999999999999999}".to_owned()).await;
    let id = got.transaction();
    let works = world.document(id).await["works"].clone();
    assert_eq!(works["id"], json!(1e20), "a JavaScript number");
    let now = world.engine.now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    let context = json!({
        "transaction": { "id": id.to_string() }, "cycle": { "name": "scripted", "version": 1 },
        "run": 1, "step": "works", "now": now, "vars": { "limit": 3, "region": "eu" },
    });
    assert_eq!(works["context"], context);
    assert_eq!(works["date"].as_str().expect("a date")[..23], now[..23]);
    assert_eq!(works["outside"], json!([]));
    // The same seed, where the same run does the step again; another, where another does.
    let other = told(&world, json!({})).await;
    assert_ne!(other["random"], works["random"]);
}

async fn what_it_throws_has_its_line_in_the_file(store: Store) {
    let world = world(store, "\nfunction step(document) {\n  return document.nothing.at.all\n}").await;
    let got = world.hit("asked", json!({})).await;
    assert_eq!(world.status(got.transaction()).await, "failed at works");
    let error = world.error(got.transaction()).await;
    assert!(error.contains("\"kind\":\"script\"") && error.contains("line 8: TypeError: "), "{error}");
    assert!(got.said().starts_with("500 works: line 8: TypeError: "), "{}", got.said());
}

async fn a_failed_script_goes_where_it_says(store: Store) {
    let yaml = "
cycle: scripted
steps:
  asked: { webhook: , next: works }
  works: { script: \"function step() { throw new Error('not today') }\", on_error: after }
  after: { respond: { status: 409, body: \"${$.works.error.message}\" } }
";
    let world = World::start(store, yaml).await;
    assert_eq!(world.hit("asked", json!({})).await.said(), "409 line 5: not today");
}

async fn what_it_writes_to_the_console_is_in_the_trace(store: Store) {
    let script = "function step(document) {
      console.log('seen', document.asked.body)
      console.error('twice')
      if (document.asked.body.fail) throw 'it'
    }";
    let world = world(store, script).await;
    for (body, last) in [(json!({ "a": 1 }), "completed"), (json!({ "fail": true }), "failed")] {
        let got = world.hit("asked", body.clone()).await;
        let step = world.runs(got.transaction()).await[0].steps[1].clone();
        assert_eq!(step.status, last);
        let console = step.console.expect("what it wrote").to_string();
        assert_eq!(console, json!([format!("seen {body}"), "twice"]).to_string());
        assert!(step.duration_us > 0 && step.attempts.is_none());
    }
}

async fn a_script_that_does_not_end_delays_no_other(store: Store) {
    let world = world(store, "function step() { while (true) {} }").await;
    let other =
        yaml("function step(document) { return document.asked.body }").replace("cycle: scripted", "cycle: other");
    world.deploy(&other).await;
    world.engine.start(ACCOUNT, "other").await.expect("started");
    let began = Instant::now();
    // More than there are workers: one is left to the other cycle.
    let endless: Vec<_> = (0..12).map(|_| world.call("asked", json!({}))).collect();
    for n in 0..20 {
        assert_eq!(world.hit("other/asked", json!({ "n": n })).await.said(), format!("200 {{\"n\":{n}}}"));
    }
    assert!(endless.iter().any(|caller| !caller.is_finished()));
    for caller in endless {
        let said = caller.await.expect("answered").said();
        assert!(said.starts_with("500 works: the script ran for longer than 250 ms"), "{said}");
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    // A native function does not hear that its time is up: its process is killed.
    world.deploy(&yaml("function step() { return new Array(300_000_000) + '' }")).await;
    let began = Instant::now();
    let got = world.hit("asked", json!({})).await;
    assert!(got.said().starts_with("500 works: the script ran "), "{}", got.said());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

async fn limits_are_named(store: Store) {
    let script = "function step(document) {
      // At once: on a busy machine the time for many small ones may run out first.
      if (document.asked.body.memory) return 'x'.repeat(40_000_000)
      return step(document)
    }";
    let world = world(store, script).await;
    let memory = world.hit("asked", json!({ "memory": true })).await.said();
    assert!(memory.contains("the script ran out of memory: it has 32 MiB"), "{memory}");
    let stack = world.hit("asked", json!({})).await.said();
    assert!(stack.contains("the script's calls went too deep: its stack has 256 KiB"), "{stack}");
}

async fn nothing_is_left_of_the_script_before(store: Store) {
    let script = "
        let count = 0
        function step() {
          count++
          globalThis.left = (globalThis.left ?? 0) + 1
          Object.prototype.polluted = (({}).polluted ?? 0) + 1
          Array.prototype.push = null
          return [count, globalThis.left, ({}).polluted]
        }";
    let world = world(store, script).await;
    for _ in 0..20 {
        assert_eq!(told(&world, json!({})).await, json!([1, 1, 1]));
    }
}

async fn a_script_that_cannot_be_read_is_not_deployed(store: Store) {
    let world = world(store, "function step() { return 1 }").await;
    let wrong = [
        ("function step(document) {\n  return document.\n}", "SyntaxError: "),
        ("let a = 1\nnothing.at.all\nfunction step() {}", "ReferenceError: "),
        ("// function step() {}\nlet a = 1", "no function step"),
    ];
    for (script, message) in wrong {
        let refused = world.engine.deploy(ACCOUNT, "x.yaml", &yaml(script)).await.expect_err("refused");
        let Error::Definition(found) = refused else { panic!("{refused}") };
        assert_eq!((found.len(), found[0].code), (1, "HF110"));
        assert!(
            found[0].message.starts_with("the script of works: ") && found[0].message.contains(message),
            "{found:?}"
        );
        assert!((6..=8).contains(&found[0].line), "{found:?}");
    }
    assert_eq!(told(&world, json!({})).await, 1, "the version before runs on");
    let reading = "let store_is_empty = store.get('a') === undefined\nfunction step() { return store_is_empty }";
    world.deploy(&yaml(reading)).await;
    assert_eq!(told(&world, json!({})).await, true, "a script may read the store where it is deployed");
}

async fn without_a_worker_the_step_fails(store: Store) {
    let home = StoreHome::new(store).await;
    let engine = Engine::open(Options {
        database: home.database(),
        manual_clock: true,
        node: "test".to_owned(),
        limits: Limits::default(),
        master_keys: MasterKeys::none(),
        egress: holdfast_engine::egress::Rules::default(),
        environment: std::collections::BTreeMap::new(),
        script_worker: None,
    });
    let engine = engine.await.expect("the engine opens");
    engine.deploy(ACCOUNT, "x.yaml", &yaml("function step() {}")).await.expect("deployed");
    engine.start(ACCOUNT, "scripted").await.expect("started");
    let hook = engine.identifier(ACCOUNT, "scripted", "asked").expect("a webhook");
    let got = engine.receive(arrival(hook, json!({}))).await.expect("accepted");
    let view = engine.transaction(ACCOUNT, got.transaction.expect("started")).await.expect("there");
    let error = view.error.map(|error| error.to_string()).unwrap_or_default();
    assert!(error.contains("scripts can't be run here"), "{error}");
}

const COUNTS: &str = "function step(document) {
  const by = document.asked.body.by ?? 1
  const count = store.increment('count', by)
  const seen = store.get('seen') ?? []
  store.set('seen', [...seen, document.asked.body.n].slice(-50))
  return { count, seen: seen.length }
}";

async fn forty_at_once_lose_no_increment(store: Store) {
    let world = world(store, COUNTS).await;
    let callers: Vec<_> = (0..40).map(|n| world.call("asked", json!({ "n": n }))).collect();
    let mut counts = Vec::new();
    for caller in callers {
        let said = caller.await.expect("answered").said();
        let told: Value = serde_json::from_str(said.trim_start_matches("200 ")).unwrap_or_else(|_| panic!("{said}"));
        counts.push(told["count"].as_u64().expect("a count"));
    }
    counts.sort_unstable();
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
    assert_eq!(told(&world, json!({ "by": 0 })).await, json!({ "count": 40, "seen": 40 }));
}

async fn what_fails_keeps_nothing(store: Store) {
    let script = "function step(document) {
      const how = document.asked.body.how
      const count = store.increment('count')
      if (how === 'throw') throw new Error('no')
      if (how === 'delete') store.delete('count')
      return how === 'large' ? 'x'.repeat(70_000) : count
    }";
    let limits = Limits { document_bytes: 1 << 16, ..Limits::default() };
    let world = World::start_within(store, &yaml(script), limits).await;
    assert_eq!(told(&world, json!({})).await, 1);
    assert_eq!(world.hit("asked", json!({ "how": "throw" })).await.said(), "500 works: line 9: no");
    let large = world.hit("asked", json!({ "how": "large" })).await.said();
    assert!(large.contains("(document)"), "{large}");
    assert_eq!(told(&world, json!({ "how": "delete" })).await, 2);
    assert_eq!(told(&world, json!({})).await, 1);
}

/// Counts, and takes most of its time about it.
const SLOW: &str = "function step() {
  const count = store.increment('count')
  for (let turns = 0; turns < TURNS; turns++) Math.sqrt(turns)
  return count
}";

async fn a_cancelled_run_keeps_nothing(store: Store) {
    let world = world(store, COUNTS).await;
    let endless = SLOW.replace("turns < TURNS", "true");
    world.deploy(&yaml(&endless).replace("cycle: scripted", "cycle: slow")).await;
    world.engine.start(ACCOUNT, "slow").await.expect("started");
    let caller = world.call("slow/asked", json!({}));
    let id = eventually("it runs", async || {
        let all = world.all().await;
        all.iter().find(|view| view.step.as_deref() == Some("works")).map(|view| view.id)
    })
    .await;
    world.engine.cancel(ACCOUNT, id).await.expect("cancelled");
    assert_eq!(caller.await.expect("answered").said(), "409 cancelled");
    // Its cycle runs the same script, quickly now.
    world.deploy(&yaml(&SLOW.replace("TURNS", "1")).replace("cycle: scripted", "cycle: slow")).await;
    assert_eq!(world.hit("slow/asked", json!({})).await.said(), "200 1");
    assert_eq!(world.status(id).await, "cancelled");
}

async fn the_store_is_the_cycles_and_goes_with_it(store: Store) {
    let mut world = world(store, COUNTS).await;
    world.deploy(&yaml(COUNTS).replace("cycle: scripted", "cycle: other")).await;
    world.engine.start(ACCOUNT, "other").await.expect("started");
    assert_eq!(told(&world, json!({})).await["count"], 1);
    assert_eq!(told(&world, json!({})).await["count"], 2);
    let other = world.hit("other/asked", json!({})).await;
    assert_eq!(other.said(), "200 {\"count\":1,\"seen\":0}");
    world.reopen().await;
    assert_eq!(told(&world, json!({})).await["count"], 3, "it outlives a version and a process");
    world.engine.stop(ACCOUNT, "scripted", false).await.expect("stopped");
    world.engine.delete(ACCOUNT, "scripted").await.expect("deleted");
    world.deploy(&yaml(COUNTS)).await;
    world.engine.start(ACCOUNT, "scripted").await.expect("started");
    assert_eq!(told(&world, json!({})).await["count"], 1);
    assert_eq!(world.hit("other/asked", json!({})).await.said(), "200 {\"count\":2,\"seen\":1}");
}

async fn the_store_has_so_many_keys(store: Store) {
    let script = "function step(document) {
      const from = document.asked.body.from
      for (let n = from; n < from + 100; n++) document.asked.body.gone ? store.delete('k' + n) : store.set('k' + n, n)
      return from
    }";
    let world = world(store, script).await;
    for from in 0..100 {
        assert_eq!(told(&world, json!({ "from": from * 100 })).await, from * 100);
    }
    assert_eq!(told(&world, json!({ "from": 0 })).await, 0, "those that are there may change");
    let full = world.hit("asked", json!({ "from": 9_901 })).await.said();
    assert_eq!(full, "500 works: store: a cycle has at most 10000 keys");
    assert_eq!(told(&world, json!({ "from": 500, "gone": true })).await, 500);
    assert_eq!(told(&world, json!({ "from": 9_901 })).await, 9_901);
}

async fn a_script_whose_process_was_killed_is_seen_once(store: Store) {
    let home = Home::new(store, "").await;
    let mut node = home.start(Mode::Serve).await;
    // Long enough to be killed amid it.
    let slow = yaml(&SLOW.replace("TURNS", "200_000"));
    node.deploy(&slow.replace("  told: { respond: { body: \"${$.works}\" } }\n", "").replace("    next: told\n", ""))
        .await;
    let hook = node.hook("scripted", "asked").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let sent = node.post(&hook, json!({})).await.expect(200);
        ids.push(sent.transaction().to_owned());
        node.kill().await;
        node.restart().await;
    }
    let mut counts = Vec::new();
    for id in &ids {
        let what = format!("{id} is completed");
        let done = eventually(&what, async || {
            let view = node.transaction(id).await;
            (view["status"] == "completed").then_some(view)
        })
        .await;
        counts.push(done["document"]["works"].as_u64().expect("a count"));
        assert_eq!(done["runs"].as_array().expect("its runs").len(), 1);
    }
    counts.sort_unstable();
    assert_eq!(counts, [1, 2, 3]);
}
