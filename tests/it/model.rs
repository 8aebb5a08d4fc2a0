//! The rule said once more, as simply as can be, and a long seeded list of everything that may
//! happen held against it (contract, section 3, "Mapping and resuming").

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdfast_engine::{HitId, TransactionId};
use holdfast_tests::{Dice, Store, World, both_stores};
use serde_json::json;

both_stores![the_engine_agrees_with_the_model];

const OPERATIONS: u32 = 250;
const VALUES: u64 = 4;
const EARLY: chrono::Duration = chrono::Duration::minutes(10);
const RETENTION: chrono::Duration = chrono::Duration::days(7);

const ORDERS: &str = "
cycle: orders
retention: 7d
steps:
  placed:
    webhook:
    next: status
  status:
    webhook:
      early: 10m
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

struct Order {
    id: TransactionId,
    value: u64,
    started: DateTime<Utc>,
    cancelled: bool,
    /// The hits that it took, its start first.
    hits: Vec<HitId>,
}

struct Early {
    hit: HitId,
    value: u64,
    until: DateTime<Utc>,
}

/// What should be there.
#[derive(Default)]
struct Model {
    /// Oldest first.
    orders: Vec<Order>,
    early: Vec<Early>,
}

impl Model {
    fn placed(&mut self, id: TransactionId, hit: HitId, value: u64, now: DateTime<Utc>) {
        let mut hits = vec![hit];
        self.early.retain(|early| {
            let taken = early.value == value && now < early.until;
            if taken {
                hits.push(early.hit);
            }
            !taken
        });
        self.orders.push(Order { id, value, started: now, cancelled: false, hits });
    }

    /// Who takes it, and whether another waited as well.
    fn hit(&mut self, hit: HitId, value: u64, now: DateTime<Utc>) -> (Option<TransactionId>, bool) {
        let fits = |order: &&mut Order| order.value == value && !order.cancelled && now < order.started + RETENTION;
        let mut fitting: Vec<_> = self.orders.iter_mut().filter(fits).collect();
        let ambiguous = fitting.iter().filter(|order| order.hits.len() == 1).count() >= 2;
        let Some(newest) = fitting.pop() else {
            self.early.push(Early { hit, value, until: now + EARLY });
            return (None, false);
        };
        newest.hits.push(hit);
        (Some(newest.id), ambiguous)
    }
}

async fn step(world: &mut World, model: &mut Model, dice: &mut Dice) {
    let value = dice.below(VALUES);
    match dice.below(100) {
        0..30 => {
            let got = world.hit("placed", json!({ "id": value })).await;
            model.placed(got.transaction(), got.hit(), value, world.engine.now());
        }
        30..75 => {
            // The same value, written in one of three ways.
            let written = [format!("{value}"), format!("{value}.0"), format!("\"{value}\"")];
            let body = format!(r#"{{"id": {}}}"#, written[dice.below(3) as usize]);
            let got = world.hit("status", body).await;
            let (winner, ambiguous) = model.hit(got.hit(), value, world.engine.now());
            assert_eq!(got.0.transaction, winner);
            assert_eq!(world.hit_view(got.hit()).await.ambiguous, ambiguous);
        }
        75..93 => {
            // Mostly moments, now and then days: windows and retention close in between.
            let bound = [1_000_000, 400_000_000, 200_000_000_000][dice.below(3) as usize];
            let by = Duration::from_micros(dice.below(bound));
            world.engine.advance(by).await.expect("the clock is manual");
        }
        93..98 if !model.orders.is_empty() => {
            let chosen = dice.below(model.orders.len() as u64) as usize;
            let order = &mut model.orders[chosen];
            let cancelled = world.engine.cancel("default", order.id).await.is_ok();
            let gone = world.engine.now() >= order.started + RETENTION;
            assert_eq!(cancelled, !gone && !order.cancelled);
            order.cancelled |= cancelled;
        }
        98 => world.reopen().await,
        _ => {}
    }
}

async fn the_engine_agrees_with_the_model(store: Store) {
    let mut dice = Dice::thrown("model");
    let mut world = World::start(store, ORDERS).await;
    let mut model = Model::default();
    for _ in 0..OPERATIONS {
        step(&mut world, &mut model, &mut dice).await;
    }
    for order in &model.orders {
        if world.engine.now() >= order.started + RETENTION {
            assert_eq!(world.status(order.id).await, "gone");
            continue;
        }
        let runs = world.runs(order.id).await;
        let shown: Vec<_> = runs.iter().filter_map(|run| run.hit).collect();
        let expected = &order.hits[order.hits.len().saturating_sub(100)..];
        assert_eq!(shown, expected, "{} {}", order.id, order.value);
    }
}
