use std::{collections::BTreeMap, time::Duration};

use holdfast_definitions::{Json, Members};
use proptest::prelude::*;
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Profile, Secrets, Settings, health, hops_in, schedule,
    sign::{self, Signed},
};
use crate::store::LineRow;

fn settings(profile: Profile, schedule: Option<Vec<u64>>) -> Settings {
    let url = "https://a.example".to_owned();
    Settings { url, cycle: None, events: None, profile, ids: BTreeMap::new(), schedule }
}

proptest! {
    #[test]
    fn a_wait_is_within_a_fifth_and_never_under_what_is_asked(
        endpoint: u128, message: u128, tries in 0_u32..12, asked in 0_u64..200_000
    ) {
        let ids = (Uuid::from_u128(endpoint), Uuid::from_u128(message));
        let usual = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
        let asked = Duration::from_secs(asked);
        let wait = schedule::wait(&settings(Profile::Standard, None), tries, ids, None);
        match usual.get(tries.max(1) as usize - 1) {
            None => prop_assert_eq!(wait, None),
            Some(usual) => {
                let wait = wait.expect("a wait");
                prop_assert!(wait >= Duration::from_millis(usual * 800) && wait <= Duration::from_millis(usual * 1_200));
                let longer = schedule::wait(&settings(Profile::Standard, None), tries, ids, Some(asked));
                prop_assert_eq!(longer, Some(wait.max(asked)));
            }
        }
        let own = settings(Profile::Cycle, Some(vec![7]));
        prop_assert_eq!(schedule::wait(&own, 1, ids, None), Some(Duration::from_millis(7)));
    }
}

/// The vector of the scheme's own libraries.
#[test]
fn a_signature_is_that_of_the_scheme() {
    let secrets = Secrets::of(SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    let signed = Signed {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        kind: "test",
        at: 1_614_265_330_000_000,
        body: br#"{"test": 2432232314}"#,
    };
    let headers = sign::headers(Profile::Standard, &secrets.live(0), &signed);
    let signature = headers.iter().find(|(name, _)| name == "webhook-signature").map(|(_, value)| value.as_str());
    assert_eq!(signature, Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
}

#[test]
fn secrets_take_turns() {
    let one = |text: &str| SecretString::from(text.to_owned());
    let secrets = Secrets::of(one("a")).rotated(one("b"), 0, 10);
    assert_eq!((secrets.live(9).len(), secrets.live(10).len()), (2, 1));
    // One that was to end sooner does.
    let again = secrets.rotated(one("c"), 5, 100);
    assert_eq!((again.live(9).len(), again.live(10).len(), again.live(100).len()), (3, 2, 1));
}

fn line() -> LineRow {
    LineRow {
        endpoint: Uuid::nil(),
        due_at: None,
        node: None,
        claim: 0,
        last_success_at: None,
        failing_since: None,
        hour_at: None,
        made: 0,
        failed: 0,
    }
}

#[test]
fn an_hour_is_counted_by_itself() {
    const HOUR: i64 = 3_600_000_000;
    let mut line = line();
    for n in 0..19 {
        assert_eq!(health::count(&mut line, false, n), None);
    }
    assert_eq!(health::count(&mut line, false, HOUR), None, "another hour has begun");
    assert_eq!(line.made, 1);
    for n in 0..18 {
        assert_eq!(health::count(&mut line, false, HOUR + n), None);
    }
    assert!(health::count(&mut line, false, HOUR + 19).is_some());
}

#[test]
fn hops_are_the_most_of_all_hits() {
    let object = |members: Vec<(&str, Json)>| -> Json {
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Members>().into()
    };
    let hit = |hops: &str| object(vec![("headers", object(vec![("holdfast-hops", Json::from(hops))]))]);
    assert_eq!(hops_in(&object(vec![("a", hit("2")), ("b", hit("4")), ("c", hit("x")), ("d", Json::from("4"))])), 4);
    assert_eq!(hops_in(&Json::from("5")), 0);
}
