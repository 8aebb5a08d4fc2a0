//! Shared webhooks of several accounts: a value is claimed, and its hits go to whoever has it (contract,
//! section 10).

use holdfast_engine::{ClaimView, Error, HitFilter, HitStatus, PageQuery};
use holdfast_tests::{Store, World, both_stores, eventually};
use serde_json::{Value, json};

use crate::shared::{ACCOUNT, PLAIN, attached, deploy, hit, hit_with, make, named, routed, told, transactions};

both_stores![
    a_value_is_one_accounts,
    a_hit_goes_to_the_account_that_claims_its_value,
    an_unclaimed_hit_is_kept_and_replayed_once_claimed,
    a_claimed_hit_that_no_cycle_takes_is_kept,
    several_accounts_may_claim_a_value_where_it_says_so,
    a_hit_reaches_every_account_after_a_failure_at_any_commit,
    an_account_sees_its_own,
];

async fn claim(world: &World, account: &str, value: Value) -> Result<ClaimView, Error> {
    world
        .engine
        .claim(account, "crm", &holdfast_definitions::Json::parse(value.to_string().as_bytes()).expect("it is there"))
        .await
}

async fn release(world: &World, account: &str, value: &str) -> Result<(), Error> {
    world.engine.release(account, "crm", &holdfast_definitions::Json::Text(value.to_owned())).await
}

const CRM: &str = "
cycle: contacts
steps:
  changed: { webhook: { shared: crm } }
";

/// A routed webhook of `default`, and accounts `a` and `b` with a running cycle attached to it.
async fn two_accounts(store: Store, fan_out: bool) -> (World, String) {
    let world = World::start(store, PLAIN).await;
    let crm = make(&world, routed("crm", fan_out)).await;
    attach_accounts(&world).await;
    (world, crm)
}

async fn attach_accounts(world: &World) {
    for account in ["a", "b"] {
        world.account(account).await;
        // Found as any change of another node's is.
        world.engine.door_again("none").await.expect("looked");
        deploy(world, account, CRM).await;
    }
}

async fn a_value_is_one_accounts(store: Store) {
    let (world, _) = two_accounts(store, false).await;
    claim(&world, "a", json!(42)).await.expect("claimed");
    claim(&world, "a", json!("42")).await.expect("it is the same");
    let taken = claim(&world, "b", json!("42")).await.expect_err("refused").to_string();
    assert!(taken.contains("claimed already") && !taken.contains("account a"), "{taken}");
    claim(&world, "b", json!("042")).await.expect("another value");
    for wrong in [json!(null), json!(""), json!(true), json!([1]), json!({})] {
        let refused = claim(&world, "b", wrong).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    assert!(matches!(release(&world, "b", "42").await, Err(Error::NotFound { .. })));
    release(&world, "a", "42").await.expect("released");
    claim(&world, "b", json!(42)).await.expect("it is free");
    let of = async |account: &str| {
        let page = world.engine.claims(account, "crm", PageQuery::default()).await.expect("a list").data;
        let mut all: Vec<String> = page.iter().map(|one| format!("{} {}", one.account, one.value)).collect();
        all.sort_unstable();
        all
    };
    assert_eq!(of("a").await, Vec::<String>::new());
    assert_eq!(of("b").await, ["b \"042\"", "b 42"]);
    assert_eq!(of(ACCOUNT).await, of("b").await, "the owner sees everybody's");
    // Two at once: one has it.
    let (one, other) = tokio::join!(claim(&world, "a", json!("race")), claim(&world, "b", json!("race")));
    assert_ne!(one.is_ok(), other.is_ok());
    // Page by page.
    for n in 0..7 {
        claim(&world, "a", json!(1_000 + n)).await.expect("claimed");
    }
    for account in ["a", ACCOUNT] {
        let (mut count, mut after) = (0, None);
        loop {
            let page = world.engine.claims(account, "crm", PageQuery { limit: Some(2), after }).await.expect("a page");
            count += page.data.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let all = world
            .engine
            .claims(account, "crm", PageQuery { limit: Some(1_000), after: None })
            .await
            .expect("it is there");
        assert_eq!(count, all.data.len());
    }
}

async fn a_hit_goes_to_the_account_that_claims_its_value(store: Store) {
    let (world, crm) = two_accounts(store, false).await;
    claim(&world, "a", json!(1)).await.expect("claimed");
    claim(&world, "b", json!(2)).await.expect("claimed");
    for (portal, account) in [(json!(1), "a"), (json!("2"), "b"), (json!("1"), "a"), (json!(1.0), "a")] {
        let got = hit(&world, &crm, json!({ "portal": portal })).await.expect("accepted");
        assert_eq!(told(&got), ["contacts completed"]);
        let view = world.engine.hit(account, got.hit()).await.expect("it is there");
        assert_eq!(view.applications.len(), 1);
        assert_eq!(view.webhook, crm);
    }
    assert_eq!(transactions(&world, "a").await.len(), 3);
    assert_eq!(transactions(&world, "b").await.len(), 1);
    assert_eq!(transactions(&world, ACCOUNT).await.len(), 0);
    let first = hit_with(&world, &crm, "k", json!({ "portal": 1 })).await.expect("accepted");
    let again = hit_with(&world, &crm, "k", json!({ "portal": 1 })).await.expect("accepted");
    assert!(again.0.replayed);
    assert_eq!(again.said(), first.said());
    assert_eq!(transactions(&world, "a").await.len(), 4);
}

async fn an_unclaimed_hit_is_kept_and_replayed_once_claimed(store: Store) {
    let (world, crm) = two_accounts(store, false).await;
    for (body, why) in [
        (json!({ "portal": 7 }), "no account claims 7 ($.body.portal)"),
        (json!({ "portal": null }), "$.body.portal is no text or number that an account could claim"),
        (json!({}), "$.body.portal is no text or number that an account could claim"),
    ] {
        let got = hit_with(&world, &crm, &body.to_string(), body.clone()).await.expect("accepted");
        assert_eq!(got.said(), "200 []");
        assert_eq!(world.hit_status(got.hit()).await, format!("unmatched: {why}"));
    }
    let unmatched =
        HitFilter { webhook: Some(crm.clone()), status: Some(HitStatus::Unmatched), ..HitFilter::default() };
    let listed = world.engine.hits(ACCOUNT, unmatched, PageQuery::default()).await;
    let kept = listed.expect("a list").data.pop().expect("the first of them");
    let told = world.engine.explain(ACCOUNT, kept.id).await.expect("explained");
    assert!(told.summary.contains("no account claims 7") && told.extracted[0].path == "$.body.portal", "{told:?}");
    // Nobody claims it yet: another unmatched one.
    let again = world.engine.replay(ACCOUNT, kept.id).await.expect("replayed");
    assert_eq!((again.status, again.replay_of), (HitStatus::Unmatched, Some(kept.id)));
    claim(&world, "b", json!("7")).await.expect("claimed");
    let again = world.engine.replay(ACCOUNT, kept.id).await.expect("replayed");
    assert_eq!((again.status, again.replay_of), (HitStatus::Applied, Some(kept.id)));
    assert_eq!(again.applications.len(), 0, "what is another account's is not shown");
    assert_eq!(transactions(&world, "b").await, ["contacts completed"]);
    let theirs = world.engine.hit("b", again.id).await.expect("it is there");
    assert_eq!(theirs.applications.len(), 1);
}

async fn a_claimed_hit_that_no_cycle_takes_is_kept(store: Store) {
    let (world, crm) = two_accounts(store, false).await;
    claim(&world, "a", json!(1)).await.expect("claimed");
    world.engine.stop("a", "contacts", false).await.expect("it stops");
    let got = hit(&world, &crm, json!({ "portal": 1 })).await.expect("accepted");
    assert_eq!(told(&got), ["contacts queued"]);
    world.advance("25h").await;
    let got = hit(&world, &crm, json!({ "portal": 1 })).await.expect("accepted");
    assert_eq!(got.said(), "200 []");
    let status = world.hit_status(got.hit()).await;
    assert_eq!(status, "unmatched: the account that claims 1 has no running cycle attached");
    world.engine.start("a", "contacts").await.expect("it starts");
    world.engine.replay(ACCOUNT, got.hit()).await.expect("replayed");
    assert_eq!(transactions(&world, "a").await, ["contacts completed"]);
}

async fn several_accounts_may_claim_a_value_where_it_says_so(store: Store) {
    let (world, crm) = two_accounts(store, true).await;
    for account in ["a", "b"] {
        claim(&world, account, json!(1)).await.expect("claimed");
    }
    let first = hit_with(&world, &crm, "k", json!({ "portal": 1 })).await.expect("accepted");
    assert_eq!(told(&first), ["contacts completed", "contacts completed"]);
    let again = hit_with(&world, &crm, "k", json!({ "portal": 1 })).await.expect("accepted");
    assert!(again.0.replayed);
    assert_eq!(again.said(), first.said());
    for account in ["a", "b"] {
        assert_eq!(transactions(&world, account).await, ["contacts completed"]);
        assert_eq!(world.engine.hit(account, first.hit()).await.expect("it is there").applications.len(), 1);
    }
    let owners = world.hit_view(first.hit()).await;
    assert_eq!((owners.status, owners.applications.len()), (HitStatus::Applied, 0));
}

/// The process dies, as far as the store can tell, before each of the commits of a hit's way.
async fn a_hit_reaches_every_account_after_a_failure_at_any_commit(store: Store) {
    let (world, cue) = World::start_on_cue(store, PLAIN).await;
    let crm = make(&world, routed("crm", true)).await;
    attach_accounts(&world).await;
    for account in ["a", "b"] {
        claim(&world, account, json!(1)).await.expect("claimed");
    }
    // The record, and for each account its own commit and what it told.
    for commits in 0..=4 {
        cue.fail_after(commits);
        let sent = hit_with(&world, &crm, &format!("k{commits}"), json!({ "portal": 1 })).await;
        cue.fail(false);
        assert_eq!(sent.is_err(), commits == 0, "{commits}: {sent:?}");
        if let Ok(pending) = &sent {
            assert!(pending.said().starts_with("202"), "{commits}: {}", pending.said());
        }
        let all = eventually("it has come to every account", async || {
            let again = hit_with(&world, &crm, &format!("k{commits}"), json!({ "portal": 1 })).await.ok()?;
            again.said().starts_with("200").then_some(again)
        })
        .await;
        assert_eq!(told(&all), ["contacts completed", "contacts completed"]);
        for account in ["a", "b"] {
            assert_eq!(transactions(&world, account).await.len() as u64, commits + 1, "{account} has each once");
        }
    }
}

async fn an_account_sees_its_own(store: Store) {
    let (world, orders) = attached(store).await;
    let crm = make(&world, routed("crm", false)).await;
    world.account("a").await;
    world.engine.door_again("none").await.expect("looked");
    let hidden = async |webhook: &str| {
        let engine = &world.engine;
        let found = engine.shared_webhook("a", webhook).await;
        assert!(matches!(found, Err(Error::NotFound { .. })), "{found:?}");
        assert!(matches!(engine.pause_shared("a", webhook, true).await, Err(Error::NotFound { .. })));
        assert!(matches!(engine.delete_shared("a", webhook).await, Err(Error::NotFound { .. })));
    };
    hidden("orders").await;
    hidden(&orders).await;
    let seen = world.engine.shared_webhook("a", "crm").await.expect("a routed one serves every account");
    assert!(!seen.owned && seen.settings.is_none() && seen.attached.is_empty());
    for webhook in ["crm", &crm] {
        assert!(matches!(world.engine.pause_shared("a", webhook, true).await, Err(Error::NotFound { .. })));
        assert!(matches!(world.engine.delete_shared("a", webhook).await, Err(Error::NotFound { .. })));
    }
    let got = hit(&world, &orders, json!({ "n": 1 })).await.expect("accepted");
    assert!(matches!(world.engine.hit("a", got.hit()).await, Err(Error::NotFound { .. })));
    // Its own of the same name comes first.
    world.engine.create_shared("a", named("crm")).await.expect("a name of its own");
    assert!(world.engine.shared_webhook("a", "crm").await.expect("its own").owned);
    let unrouted = world.engine.claim("a", "crm", &holdfast_definitions::Json::from("1")).await;
    assert!(matches!(unrouted, Err(Error::Conflict(_))), "{unrouted:?}");
}
