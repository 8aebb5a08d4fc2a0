//! Shared webhooks: what they are, who claims a value, and hits on their way to several accounts.

use super::{NOON, account, begin, id};
use crate::store::{ClaimQuery, ClaimRow, Commit, FanOutRow, HitEventRow, SharedRow, Store};

pub async fn all(store: &dyn Store) {
    a_shared_webhook_is_made_and_changed(store).await;
    a_value_is_claimed_and_released(store).await;
    claims_are_listed_page_by_page(store).await;
    a_fan_out_is_kept_until_all_is_told(store).await;
    the_events_of_a_request_come_in_order(store).await;
}

async fn change(store: &dyn Store, what: impl AsyncFnOnce(&mut dyn Commit)) {
    let mut commit = begin(store).await;
    what(&mut *commit).await;
    commit.commit().await.expect("committed");
}

fn shared(webhook: &str) -> SharedRow {
    SharedRow {
        account: account().into(),
        webhook: webhook.into(),
        name: "orders".into(),
        settings: "dedupe: $.body.id".into(),
        route: None,
        fan_out: false,
        created_at: NOON,
        paused_at: None,
        deleted_at: None,
    }
}

async fn a_shared_webhook_is_made_and_changed(store: &dyn Store) {
    let stored = async || {
        let all = store.catalog().await.expect("read").shared;
        all.into_iter().filter(|row| row.account == account()).collect::<Vec<_>>()
    };
    let (a, b) = (shared("a"), SharedRow { route: Some("$.body.id".into()), fan_out: true, ..shared("b") });
    for row in [&a, &b] {
        change(store, async |commit| commit.put_shared(row).await.expect("put")).await;
    }
    assert_eq!(stored().await, [a.clone(), b.clone()]);
    let changed = SharedRow { paused_at: Some(NOON + 1), deleted_at: Some(NOON + 2), ..a };
    change(store, async |commit| commit.put_shared(&changed).await.expect("put")).await;
    assert_eq!(stored().await, [changed, b]);
}

fn claim(hash: u8, claimant: &str) -> ClaimRow {
    ClaimRow {
        webhook: "claims".into(),
        value_hash: vec![hash, 0, 255],
        claimant: claimant.into(),
        value: format!("{hash}"),
        created_at: NOON + i64::from(hash),
    }
}

async fn claimants(store: &dyn Store, hash: u8) -> Vec<ClaimRow> {
    store.claims_of(account(), "claims", &[hash, 0, 255], 10).await.expect("read")
}

async fn a_value_is_claimed_and_released(store: &dyn Store) {
    let (a, b) = (claim(1, "a"), claim(1, "b"));
    change(store, async |commit| {
        for row in [&b, &a] {
            commit.put_claim(row).await.expect("put");
        }
        let later = ClaimRow { created_at: 0, ..a.clone() };
        commit.put_claim(&later).await.expect("it stays as it is");
        assert_eq!(commit.claimants("claims", &[1, 0, 255], 10).await.expect("read"), [a.clone(), b.clone()]);
        assert_eq!(commit.claimants("claims", &[1, 0, 255], 1).await.expect("read"), [a.clone()]);
        assert_eq!(commit.claimants("others", &[1, 0, 255], 1).await.expect("read"), []);
    })
    .await;
    assert_eq!(claimants(store, 1).await, [a, b.clone()]);
    change(store, async |commit| {
        assert!(commit.drop_claim("claims", &[1, 0, 255], "a").await.expect("dropped"));
        assert!(!commit.drop_claim("claims", &[1, 0, 255], "a").await.expect("there is none"));
        assert!(!commit.drop_claim("claims", &[2, 0, 255], "b").await.expect("there is none"));
    })
    .await;
    assert_eq!(claimants(store, 1).await, [b]);
}

async fn claims_are_listed_page_by_page(store: &dyn Store) {
    change(store, async |commit| {
        for (hash, claimant) in [(3, "b"), (2, "a"), (2, "b"), (4, "a")] {
            commit.put_claim(&claim(hash, claimant)).await.expect("put");
        }
    })
    .await;
    let listed = async |claimant: Option<&str>| {
        let (mut all, mut after) = (Vec::new(), (Vec::new(), String::new()));
        loop {
            let claimant = claimant.map(str::to_owned);
            let by_value = claimant.is_some();
            let query = ClaimQuery { webhook: "claims".into(), claimant, after: after.clone(), limit: 2 };
            let page = store.claims(account(), &query).await.expect("read");
            let Some(last) = page.last() else { return all };
            let text = if by_value { &last.value } else { &last.claimant };
            after = (last.value_hash.clone(), text.clone());
            all.extend(page.iter().map(|row| format!("{}{}", row.value, row.claimant)));
        }
    };
    assert_eq!(listed(None).await, ["1b", "2a", "2b", "3b", "4a"]);
    assert_eq!(listed(Some("a")).await, ["2a", "4a"]);
    change(store, async |commit| commit.drop_claims("claims").await.expect("dropped")).await;
    assert_eq!(listed(None).await, Vec::<String>::new());
}

async fn a_fan_out_is_kept_until_all_is_told(store: &dyn Store) {
    let row = |hit: u64, claimant: &str| FanOutRow {
        hit: id(hit),
        claimant: claimant.into(),
        webhook: "fan".into(),
        told: None,
    };
    let (a, b, other) = (row(1, "a"), row(1, "b"), row(2, "a"));
    change(store, async |commit| {
        for row in [&other, &b, &a] {
            commit.put_fan_out(row).await.expect("put");
        }
    })
    .await;
    let left = async |after: u64, limit| store.fan_outs(account(), id(after), limit).await.expect("read");
    assert_eq!(left(0, 10).await, [a.clone(), b.clone(), other.clone()]);
    assert_eq!(left(0, 1).await, [a.clone()]);
    assert_eq!(left(1, 10).await, [other.clone()]);
    let told = FanOutRow { told: Some("[]".into()), ..b };
    change(store, async |commit| {
        commit.put_fan_out(&told).await.expect("put");
        assert_eq!(commit.fan_out(id(1)).await.expect("read"), [a, told.clone()]);
        commit.drop_fan_out(id(1)).await.expect("dropped");
    })
    .await;
    assert_eq!(left(0, 10).await, [other]);
}

async fn the_events_of_a_request_come_in_order(store: &dyn Store) {
    let event = |event: i32| HitEventRow {
        parent: id(7),
        event,
        webhook: "events".into(),
        hit: id(7 + event as u64),
        expires_at: NOON + 1,
    };
    change(store, async |commit| {
        for row in [event(2), event(1)] {
            commit.put_hit_event(&row).await.expect("put");
        }
    })
    .await;
    assert_eq!(store.hit_events(account(), id(7)).await.expect("read"), [event(1), event(2)]);
    assert_eq!(store.hit_events(account(), id(8)).await.expect("read"), []);
    while store.sweep(account(), NOON + 1, 10).await.expect("swept") {}
    assert_eq!(store.hit_events(account(), id(7)).await.expect("read"), []);
}
