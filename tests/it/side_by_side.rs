//! The same seeded list of operations on SQLite and on PostgreSQL: what callers are told and what
//! is then there must be the same, ids and the moment of the start aside.

use std::{collections::HashMap, fmt::Write as _};

use holdfast_engine::{HitFilter, HitId, PageQuery, RepeatHeader, TransactionId};
use holdfast_tests::{Dice, Store, World};
use serde_json::json;

const OPERATIONS: u32 = 300;
const VALUES: u64 = 4;

const SHOP: &str = "
cycle: shop
retention: { completed: 2d, failed: 5d }
steps:
  placed:
    webhook: { dedupe: $.body.nonce }
    next: sort
  sort:
    decision:
      - when: { value: $.placed.body.amount, greater_than: 7 }
        next: refuse
      - else: status
  refuse:
    fail: { message: too much }
  status:
    webhook:
      early: 10m
      on_ambiguous: reject
      mapping:
        - { hit: $.body.id, transaction: $.placed.body.id }
        - { hit: $.body.shop, transaction: $.placed.body.shop }
    next: which
  which:
    decision:
      - when: { value: $.status.body.state, equals: paid }
        next: review
      - else: end
  review:
    webhook:
      on_no_match: reject
      expires: { after: 2h, next: late }
      mapping: [{ hit: $.query.id, transaction: $.placed.body.id }]
    next: tell
  late:
    set: { late: true }
  tell:
    respond: { status: 201, body: \"${$.placed.body}\", to: review }
";

/// One of the two, and the ids that it gave, in order.
struct Side {
    world: World,
    names: HashMap<String, String>,
    transactions: Vec<TransactionId>,
    hits: Vec<HitId>,
}

impl Side {
    async fn new(store: Store) -> Self {
        let world = World::start(store, SHOP).await;
        Self { world, names: HashMap::new(), transactions: Vec::new(), hits: Vec::new() }
    }

    /// Text in which the ids are the same on both sides.
    fn plain(&self, text: &str) -> String {
        let mut plain = text.to_owned();
        for (id, name) in &self.names {
            if plain.contains(id.as_str()) {
                plain = plain.replace(id.as_str(), name);
            }
        }
        plain
    }

    fn transaction(&mut self, id: TransactionId) -> String {
        let next = format!("t{}", self.transactions.len());
        let known = self.names.entry(id.to_string()).or_insert(next.clone()).clone();
        if known == next {
            self.transactions.push(id);
        }
        known
    }

    fn hit(&mut self, id: HitId) -> String {
        let next = format!("h{}", self.hits.len());
        let known = self.names.entry(id.to_string()).or_insert(next.clone()).clone();
        if known == next {
            self.hits.push(id);
        }
        known
    }

    /// Does one thing, drawn from the dice, and tells what came of it.
    async fn step(&mut self, mut dice: Dice) -> String {
        let (id, shop) = (dice.below(VALUES), dice.below(2));
        match dice.below(100) {
            0..28 => {
                let body = json!({ "id": id, "shop": shop, "amount": dice.below(9), "nonce": dice.below(60) });
                self.send("placed", body, &mut dice).await
            }
            28..60 => {
                let state = ["paid", "sent"][dice.below(2) as usize];
                let body = json!({ "id": id.to_string(), "shop": shop, "state": state });
                self.send("status", body, &mut dice).await
            }
            60..72 => self.send(&format!("review?id={id}"), json!({}), &mut dice).await,
            72..84 => {
                // Moments, minutes, and now and then a day.
                let bound = [1_000_000, 900_000_000, 90_000_000_000][dice.below(3) as usize];
                let by = std::time::Duration::from_micros(dice.below(bound));
                self.world.engine.advance(by).await.expect("the clock is manual");
                format!("{by:?} later")
            }
            84..87 => {
                let stopped = self.world.engine.stop("default", "shop", dice.below(2) == 0).await;
                let started = self.send("placed", json!({ "id": id, "nonce": "queued" }), &mut dice).await;
                let again = self.world.engine.start("default", "shop").await;
                // What was queued is run before anything else happens.
                self.world.advance("1us").await;
                let word = |cycle: Result<holdfast_engine::CycleView, holdfast_engine::Error>| {
                    cycle.map(|cycle| cycle.state).map_err(|error| error.to_string())
                };
                format!("{:?} {started} {:?}", word(stopped), word(again))
            }
            87..89 => {
                self.world.reopen().await;
                "opened again".to_owned()
            }
            _ => self.by_hand(&mut dice).await,
        }
    }

    async fn send(&mut self, step: &str, body: serde_json::Value, dice: &mut Dice) -> String {
        let (step, id) = step.split_once("?id=").unwrap_or((step, ""));
        let mut arrival = self.world.arrival(step, body);
        if !id.is_empty() {
            arrival.query = holdfast_tests::object(&[("id", id)]);
        }
        if dice.below(6) == 0 {
            arrival.repeat = Some(RepeatHeader::IdempotencyKey(dice.below(9).to_string()));
        }
        arrival.wait = Some(std::time::Duration::from_millis(1));
        match self.world.engine.receive(arrival).await {
            Ok(told) => {
                let hit = self.hit(told.hit);
                let transaction = told.transaction.map(|id| self.transaction(id));
                format!("{step} {hit} {transaction:?} {}", holdfast_tests::Got(told).said())
            }
            Err(error) => format!("{step} refused: {}", self.plain(&error.to_string())),
        }
    }

    /// Something for a transaction or a hit that is known, or was.
    async fn by_hand(&mut self, dice: &mut Dice) -> String {
        let (which, at) = (dice.below(4), dice.draw());
        if which == 3 && !self.hits.is_empty() {
            let id = self.hits[(at % self.hits.len() as u64) as usize];
            return match self.world.engine.replay("default", id).await {
                Ok(hit) => format!("replayed as {}: {}", self.hit(hit.id), hit.status.word()),
                Err(error) => format!("not replayed: {}", self.plain(&error.to_string())),
            };
        }
        if self.transactions.is_empty() {
            return String::new();
        }
        let id = self.transactions[(at % self.transactions.len() as u64) as usize];
        let engine = &self.world.engine;
        let done = match which {
            0 => engine.cancel("default", id).await,
            1 => engine.rerun("default", id, "sort", None).await,
            _ => engine.resume("default", id, None, holdfast_definitions::Json::from("by hand")).await,
        };
        let told = match done {
            Ok(view) => format!("{} {:?}", view.status.word(), view.step),
            Err(error) => error.to_string(),
        };
        format!("{which} by hand: {}", self.plain(&told))
    }

    /// Everything that can be seen.
    async fn all(&mut self) -> String {
        let mut text = String::new();
        let engine = self.world.engine.clone();
        for view in self.world.all().await {
            let name = self.transaction(view.id);
            let _ =
                writeln!(text, "{name} {} {:?} {:?}", view.status.word(), view.step, view.error.map(|e| e.to_string()));
            let detail = self.world.detail(view.id).await;
            for run in detail.runs {
                let steps: Vec<_> = run.steps.iter().map(|step| format!("{} {}", step.step, step.status)).collect();
                let hit = run.hit.map(|hit| self.hit(hit));
                let _ = writeln!(
                    text,
                    "  {} {hit:?} {:?} {steps:?} {:?}",
                    run.number,
                    run.status,
                    run.answer.map(|a| a.to_string())
                );
            }
        }
        let mut after = None;
        loop {
            let page = engine
                .hits("default", HitFilter::default(), PageQuery { limit: Some(100), after })
                .await
                .expect("a page");
            for hit in page.data {
                let name = self.hit(hit.id);
                let of = hit.transaction.map(|id| self.transaction(id));
                let reason = hit.reason.map(|reason| self.plain(&reason));
                let _ = writeln!(
                    text,
                    "{name} {} {} {reason:?} {of:?} {:?} {}",
                    hit.step,
                    hit.status.word(),
                    hit.run,
                    hit.ambiguous
                );
            }
            after = page.next;
            if after.is_none() {
                return text;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_stores_do_the_same() {
    let mut dice = Dice::thrown("side by side");
    let (mut sqlite, mut postgres) = (Side::new(Store::Sqlite).await, Side::new(Store::Postgres).await);
    for at in 0..OPERATIONS {
        let thrown = dice.split();
        let one = sqlite.step(thrown.clone()).await;
        let other = postgres.step(thrown).await;
        assert_eq!(one, other, "operation {at}");
    }
    let (one, other) = (sqlite.all().await, postgres.all().await);
    assert!(one.lines().count() > 50, "too little happened:\n{one}");
    for (one, other) in one.lines().zip(other.lines()) {
        assert_eq!(one, other);
    }
    assert_eq!(one.lines().count(), other.lines().count());
}
