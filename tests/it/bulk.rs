//! One action done to many, counted first (contract, section 15).

use std::collections::BTreeMap;

use holdfast_definitions::Json;
use holdfast_engine::{
    BulkDone, BulkQuery, Chosen, Error, HitFilter, HitId, HitStatus, PageQuery, TransactionAction, TransactionFilter,
    TransactionId, TransactionStatus,
};
use holdfast_tests::{Body, Store, World, both_stores};
use serde_json::json;

both_stores![
    many_are_counted_and_then_cancelled,
    a_call_does_so_many_and_says_where_to_go_on,
    what_comes_after_the_mark_is_left_alone,
    cancelling_twice_changes_nothing,
    failed_ones_are_run_again_once,
    held_ones_are_resumed_once,
    what_cannot_be_done_is_said_for_each,
    hits_are_replayed_oldest_first_and_once,
    two_calls_at_once_do_it_once,
    a_preview_says_what_would_be_left_as_it_is,
    a_call_that_breaks_off_is_gone_on_with,
    a_filter_that_names_nothing_is_refused,
    another_accounts_are_not_found,
];

/// One that fails where too much is ordered, and one that is held.
pub const ORDERS: &str = "
cycle: orders
steps:
  placed: { webhook: , next: big }
  big:
    decision:
      - when: { value: $.placed.body.total, greater_than: 100 }
        next: refused
      - else: status
  refused: { fail: { message: too much } }
  status:
    webhook:
      early: 0s
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
";

type Which = Chosen<TransactionFilter, TransactionId>;

fn of_orders() -> TransactionFilter {
    TransactionFilter { cycle: Some("orders".into()), ..TransactionFilter::default() }
}

fn with(status: TransactionStatus) -> Which {
    Chosen::Filter(TransactionFilter { status: Some(status), ..of_orders() })
}

async fn place(world: &World, count: u32, total: u32) -> Vec<TransactionId> {
    let mut placed = Vec::new();
    for id in 0..count {
        placed.push(world.hit("placed", json!({ "id": id, "total": total })).await.transaction());
    }
    // What is done is later than what it is done to.
    world.advance("1s").await;
    placed
}

async fn statuses(world: &World, ids: &[TransactionId]) -> Vec<String> {
    let mut all = Vec::new();
    for id in ids {
        all.push(world.status(*id).await);
    }
    all
}

async fn act(world: &World, which: &Which, action: &TransactionAction, query: &BulkQuery) -> BulkDone {
    world.engine.act_on_transactions("default", which, action, query).await.expect("done")
}

fn counts(done: &BulkDone) -> (u64, u64, usize, bool) {
    (done.done, done.unchanged, done.failed.len(), done.next.is_some())
}

fn marked(mark: &str) -> BulkQuery {
    BulkQuery { mark: Some(mark.to_owned()), ..BulkQuery::default() }
}

const CANCEL: TransactionAction = TransactionAction::Cancel;
const RERUN: TransactionAction = TransactionAction::Rerun { step: None };

async fn many_are_counted_and_then_cancelled(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = place(&world, 12, 5).await;
    let failed = place(&world, 3, 500).await;
    let which = with(TransactionStatus::Failed);
    let preview = world.engine.preview_transactions("default", &which, &CANCEL).await.expect("counted");
    assert_eq!((preview.matching, preview.capped), (3, false));
    assert_eq!(preview.sample.iter().map(|one| one.id).collect::<Vec<_>>(), [failed[2], failed[1], failed[0]]);
    assert_eq!(statuses(&world, &failed).await, ["failed at refused"; 3], "nothing is done");

    let done = act(&world, &which, &CANCEL, &marked(&preview.mark)).await;
    assert_eq!(counts(&done), (3, 0, 0, false));
    assert_eq!(statuses(&world, &failed).await, ["cancelled"; 3]);
    assert_eq!(statuses(&world, &held).await, ["held at status"; 12]);
    // Of all of the cycle, those that are cancelled already are none.
    let all = Chosen::Filter(of_orders());
    let preview = world.engine.preview_transactions("default", &all, &CANCEL).await.expect("counted");
    assert_eq!((preview.matching, preview.sample.len()), (12, 10));
}

async fn a_call_does_so_many_and_says_where_to_go_on(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = place(&world, 25, 5).await;
    let all = Chosen::Filter(of_orders());
    let (mut query, mut calls) = (BulkQuery { limit: Some(10), ..BulkQuery::default() }, Vec::new());
    loop {
        let done = act(&world, &all, &CANCEL, &query).await;
        calls.push(done.done);
        let Some(next) = done.next else { break };
        query.after = Some(next);
    }
    assert_eq!(calls.iter().sum::<u64>(), 25, "{calls:?}");
    assert_eq!(calls[..2], [10, 10]);
    assert_eq!(statuses(&world, &held).await, vec!["cancelled"; 25]);
    for wrong in [BulkQuery { limit: Some(0), ..query.clone() }, BulkQuery { after: Some("x".into()), ..query }] {
        let refused = world.engine.act_on_transactions("default", &all, &CANCEL, &wrong).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
}

async fn what_comes_after_the_mark_is_left_alone(store: Store) {
    let world = World::start(store, ORDERS).await;
    let before = place(&world, 2, 5).await;
    let all = Chosen::Filter(of_orders());
    let preview = world.engine.preview_transactions("default", &all, &CANCEL).await.expect("counted");
    world.advance("1s").await;
    let after = place(&world, 2, 5).await;
    let done = act(&world, &all, &CANCEL, &marked(&preview.mark)).await;
    assert_eq!(counts(&done), (2, 0, 0, false));
    assert_eq!(statuses(&world, &before).await, ["cancelled"; 2]);
    assert_eq!(statuses(&world, &after).await, ["held at status"; 2]);
}

async fn cancelling_twice_changes_nothing(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = place(&world, 3, 5).await;
    let these = Chosen::Ids(held.clone());
    assert_eq!(counts(&act(&world, &these, &CANCEL, &BulkQuery::default()).await), (3, 0, 0, false));
    assert_eq!(counts(&act(&world, &these, &CANCEL, &BulkQuery::default()).await), (0, 3, 0, false));
}

async fn failed_ones_are_run_again_once(store: Store) {
    let world = World::start(store, ORDERS).await;
    let failed = place(&world, 4, 500).await;
    let which = with(TransactionStatus::Failed);
    let preview = world.engine.preview_transactions("default", &which, &RERUN).await.expect("counted");
    world.advance("1s").await;
    assert_eq!(counts(&act(&world, &which, &RERUN, &marked(&preview.mark)).await), (4, 0, 0, false));
    // They fail again, and the same call again finds them so.
    assert_eq!(statuses(&world, &failed).await, ["failed at refused"; 4]);
    assert_eq!(counts(&act(&world, &which, &RERUN, &marked(&preview.mark)).await), (0, 4, 0, false));
    assert_eq!(world.runs(failed[0]).await.len(), 2);
    // From another step, which leads elsewhere for nobody here.
    let again = world.engine.preview_transactions("default", &which, &RERUN).await.expect("counted");
    world.advance("1s").await;
    let from_big = TransactionAction::Rerun { step: Some("big".into()) };
    assert_eq!(counts(&act(&world, &which, &from_big, &marked(&again.mark)).await), (4, 0, 0, false));
    assert_eq!(world.ways(failed[0]).await, ["placed big refused", "refused", "big refused"]);
}

async fn held_ones_are_resumed_once(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = place(&world, 3, 5).await;
    place(&world, 1, 500).await;
    let all = Chosen::Filter(of_orders());
    let body = Body::from(json!({ "note": "by hand" })).json();
    let resume = TransactionAction::Resume { step: None, body };
    let preview = world.engine.preview_transactions("default", &all, &resume).await.expect("counted");
    assert_eq!(preview.matching, 3, "those that are held");
    world.advance("1s").await;
    assert_eq!(counts(&act(&world, &all, &resume, &marked(&preview.mark)).await), (3, 0, 0, false));
    assert_eq!(statuses(&world, &held).await, ["completed"; 3]);
    assert_eq!(world.document(held[1]).await["status"]["body"]["note"], "by hand");
    let these = Chosen::Ids(held.clone());
    assert_eq!(counts(&act(&world, &these, &resume, &marked(&preview.mark)).await), (0, 3, 0, false));
    assert_eq!(world.runs(held[0]).await.len(), 2);
}

async fn what_cannot_be_done_is_said_for_each(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = place(&world, 2, 5).await;
    let nobody: TransactionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id");
    world.engine.cancel("default", held[0]).await.expect("cancelled");
    world.advance("1s").await;
    let these = Chosen::Ids(vec![held[0], held[1], nobody]);
    let done = act(&world, &these, &RERUN, &BulkQuery::default()).await;
    assert_eq!(counts(&done), (0, 0, 3, false));
    let why = |id: TransactionId| done.failed.iter().find(|one| one.0 == id.0).map(|one| one.1.clone()).expect("it");
    assert!(why(nobody).contains("no such transaction"), "{done:?}");
    assert!(why(held[0]).contains("cancelled"), "{done:?}");
    assert!(why(held[1]).contains("say from which step"), "{done:?}");
    let from_placed = TransactionAction::Rerun { step: Some("placed".into()) };
    let done = act(&world, &these, &from_placed, &BulkQuery::default()).await;
    assert_eq!(counts(&done), (1, 0, 2, false));
}

fn unmatched() -> Chosen<HitFilter, HitId> {
    Chosen::Filter(HitFilter { status: Some(HitStatus::Unmatched), ..HitFilter::default() })
}

async fn hits_are_replayed_oldest_first_and_once(store: Store) {
    let world = World::start(store, ORDERS).await;
    for n in 0..5 {
        world.hit("status", json!({ "id": 1, "n": n })).await;
    }
    let order = place(&world, 2, 5).await[1];
    let preview = world.engine.preview_replays("default", &unmatched()).await.expect("counted");
    assert_eq!((preview.matching, preview.capped, preview.sample.len()), (5, false, 5));
    // One that comes meanwhile is not of them.
    world.hit("status", json!({ "id": "nobody" })).await;

    let mut query = BulkQuery { limit: Some(3), ..marked(&preview.mark) };
    let replay =
        async |query: &BulkQuery| world.engine.replay_hits("default", &unmatched(), query).await.expect("done");
    let first = replay(&query).await;
    assert_eq!(counts(&first), (3, 0, 0, true));
    assert_eq!(counts(&replay(&query).await), (0, 3, 0, true), "the same call again");
    query.after = first.next;
    assert_eq!(counts(&replay(&query).await), (2, 0, 0, false));
    assert_eq!(counts(&replay(&query).await), (0, 2, 0, false));

    let runs = world.runs(order).await;
    let seen: Vec<Json> = runs.iter().skip(1).filter_map(|run| run.steps[0].output.clone()).collect();
    let seen: Vec<String> = seen.iter().filter_map(|out| Some(out.get("body")?.get("n")?.to_string())).collect();
    assert_eq!(seen, ["0", "1", "2", "3", "4"], "in the order in which they came");
}

/// A double click: both are under way before either has done anything.
async fn two_calls_at_once_do_it_once(store: Store) {
    const MANY: u32 = 70;
    let world = World::start(store, ORDERS).await;
    let failed = place(&world, MANY, 500).await;
    let held = place(&world, MANY, 5).await;
    for n in 0..MANY {
        world.hit("status", json!({ "id": "nobody", "n": n })).await;
    }
    let body = Body::from(json!({ "note": "by hand" })).json();
    let resume = TransactionAction::Resume { step: None, body };
    for (status, action, ids) in [(TransactionStatus::Failed, RERUN, &failed), (TransactionStatus::Held, resume, &held)]
    {
        let which = Chosen::Ids(ids.clone());
        let preview = world.engine.preview_transactions("default", &which, &action).await.expect("counted");
        assert_eq!(preview.statuses, BTreeMap::from([(status.word().to_owned(), u64::from(MANY))]));
        world.advance("1s").await;
        let query = BulkQuery { limit: Some(1_000), ..marked(&preview.mark) };
        let (one, other) = tokio::join!(act(&world, &which, &action, &query), act(&world, &which, &action, &query));
        assert_eq!((one.done + other.done, one.unchanged + other.unchanged), (u64::from(MANY), u64::from(MANY)));
        assert_eq!((one.failed, other.failed), (vec![], vec![]));
        for id in ids {
            assert_eq!(world.runs(*id).await.len(), 2);
        }
    }
    let preview = world.engine.preview_replays("default", &unmatched()).await.expect("counted");
    let which = unmatched();
    let query = BulkQuery { limit: Some(1_000), ..marked(&preview.mark) };
    let replay = async || world.engine.replay_hits("default", &which, &query).await.expect("done");
    let (one, other) = tokio::join!(replay(), replay());
    assert_eq!((one.done + other.done, one.unchanged + other.unchanged), (u64::from(MANY), u64::from(MANY)));
    let page = PageQuery { limit: Some(1_000), after: None };
    let at = HitFilter { webhook: Some(world.identifier("status")), ..HitFilter::default() };
    let hits = world.engine.hits("default", at, page).await.expect("a list").data;
    let by_hand = |hit: &&holdfast_engine::Hit| hit.status == HitStatus::Unmatched;
    assert_eq!(hits.iter().filter(by_hand).count(), 2 * MANY as usize);
    assert_eq!(hits.len(), 3 * MANY as usize, "those of the resumes, and none of a repeat");
}

async fn a_preview_says_what_would_be_left_as_it_is(store: Store) {
    let world = World::start(store, ORDERS).await;
    let held = place(&world, 3, 5).await;
    place(&world, 2, 500).await;
    world.engine.cancel("default", held[0]).await.expect("cancelled");
    let all = Chosen::Filter(of_orders());
    let nobody: TransactionId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().expect("an id");
    let these = Chosen::Ids(vec![held[0], held[1], nobody]);
    let counted = async |which: &Which, action: &TransactionAction| {
        let preview = world.engine.preview_transactions("default", which, action).await.expect("counted");
        let all = |counted: BTreeMap<String, u64>| counted.into_iter().map(|(what, n)| format!("{n} {what}"));
        (all(preview.statuses).collect::<Vec<_>>().join(", "), all(preview.refused).collect::<Vec<_>>().join(", "))
    };
    let cancelled = "1 it is cancelled already".to_owned();
    assert_eq!(counted(&all, &CANCEL).await, ("2 failed, 2 held".to_owned(), cancelled.clone()));
    assert_eq!(
        counted(&these, &CANCEL).await,
        ("1 held".to_owned(), format!("{cancelled}, 1 it is not there, or no longer"))
    );
    let finally = "1 it is cancelled, which is final, 2 it is held: say from which step it is to be run again";
    assert_eq!(counted(&all, &RERUN).await, ("2 failed".to_owned(), finally.to_owned()));
    let resume = TransactionAction::Resume { step: None, body: Json::Null };
    let finally = "1 it is cancelled, which is final, 2 it is failed and not held";
    assert_eq!(counted(&all, &resume).await, ("2 held".to_owned(), finally.to_owned()));

    world.engine.stop("default", "orders", false).await.expect("stopped");
    world.hit("status", json!({ "id": 1 })).await;
    let hits = Chosen::Filter(HitFilter { cycle: Some("orders".into()), ..HitFilter::default() });
    let preview = world.engine.preview_replays("default", &hits).await.expect("counted");
    assert_eq!(preview.statuses, BTreeMap::from([("applied".to_owned(), 5)]));
    let why = "it is queued by a stop: start the cycle, and it runs".to_owned();
    assert_eq!((preview.matching, preview.refused), (5, BTreeMap::from([(why, 1)])));
}

async fn a_call_that_breaks_off_is_gone_on_with(store: Store) {
    let (world, cue) = World::start_on_cue(store, ORDERS).await;
    let failed = place(&world, 6, 500).await;
    let which = with(TransactionStatus::Failed);
    let preview = world.engine.preview_transactions("default", &which, &RERUN).await.expect("counted");
    world.advance("1s").await;
    cue.fail(true);
    let broken = world.engine.act_on_transactions("default", &which, &RERUN, &marked(&preview.mark)).await;
    assert!(matches!(broken, Err(Error::Unavailable { .. })), "{broken:?}");
    cue.fail(false);
    // It is as if the process had died: some were done and nobody was told.
    cue.lose(1);
    let lost = world.engine.act_on_transactions("default", &which, &RERUN, &marked(&preview.mark)).await;
    drop(lost);
    let mut all = 0;
    let mut query = marked(&preview.mark);
    loop {
        let done = act(&world, &which, &RERUN, &query).await;
        all += done.done + done.unchanged;
        assert_eq!(done.failed, []);
        let Some(next) = done.next else { break };
        query.after = Some(next);
    }
    assert_eq!(all, 6);
    for id in failed {
        assert_eq!(world.ways(id).await, ["placed big refused", "refused"], "once each, and whole");
    }
}

async fn a_filter_that_names_nothing_is_refused(store: Store) {
    let world = World::start(store, ORDERS).await;
    place(&world, 1, 5).await;
    let all = Chosen::Filter(TransactionFilter::default());
    let refused = world.engine.preview_transactions("default", &all, &CANCEL).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let refused = world.engine.act_on_transactions("default", &all, &CANCEL, &BulkQuery::default()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let all = Chosen::Filter(HitFilter::default());
    let refused = world.engine.replay_hits("default", &all, &BulkQuery::default()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
}

async fn another_accounts_are_not_found(store: Store) {
    let world = World::start(store, ORDERS).await;
    world.account("acme").await;
    let held = place(&world, 2, 5).await;
    let hit =
        world.engine.hits("default", HitFilter::default(), PageQuery::default()).await.expect("a list").data[0].id;
    let (these, this, once) = (Chosen::Ids(held.clone()), Chosen::Ids(vec![hit]), BulkQuery::default());
    let done = world.engine.act_on_transactions("acme", &these, &CANCEL, &once).await.expect("done");
    assert_eq!(counts(&done), (0, 0, 2, false));
    let done = world.engine.replay_hits("acme", &this, &once).await.expect("done");
    assert_eq!(counts(&done), (0, 0, 1, false));
    assert_eq!(statuses(&world, &held).await, ["held at status"; 2]);
}
