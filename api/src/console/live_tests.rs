use super::{LiveEvent, Topic};

fn event(account: &str, cycle: &str) -> LiveEvent {
    LiveEvent {
        account: account.to_owned(),
        event: "transaction.started".into(),
        data: None,
        cycle: cycle.to_owned(),
        transaction: None,
        hit: None,
        step: None,
        hops: 0,
    }
}

#[test]
fn a_page_hears_of_what_it_shows_and_of_no_other_account() {
    let (all, orders) = (Topic::default(), Topic { cycle: Some("orders".to_owned()), transaction: None });
    assert!(all.has("shop", &event("shop", "orders")) && orders.has("shop", &event("shop", "orders")));
    assert!(all.has("shop", &event("shop", "other")) && !orders.has("shop", &event("shop", "other")));
    assert!(!all.has("shop", &event("acme", "orders")) && !orders.has("shop", &event("acme", "orders")));
    let one = Topic { cycle: None, transaction: Some("01a214de-f343-721b-963d-bd590a426dbf".to_owned()) };
    assert!(!one.has("shop", &event("shop", "orders")), "nothing is said of a transaction");
}
