use std::net::Ipv4Addr;

use super::*;
use crate::egress::{
    Network,
    partner::{Partner, answer},
};

fn egress() -> Egress {
    Egress::new(Network::loopback().to_vec())
}

fn grant(partner: &Partner) -> Grant {
    Grant {
        token_url: format!("http://127.0.0.1:{}/token", partner.port),
        client_id: "shop:1".to_owned(),
        client_secret: "hush hush".to_owned(),
        scope: Some("orders:read orders:write".to_owned()),
        audience: None,
    }
}

/// Issues t1, t2, …, each after a while and with those members beside it.
async fn issuer(members: &'static str) -> Partner {
    let count = Mutex::new(0);
    Partner::at(Ipv4Addr::LOCALHOST.into(), 0, Duration::from_millis(100), move |_| {
        let mut count = count.lock().expect("whole");
        *count += 1;
        answer(200, "", &format!(r#"{{"access_token":"t{count}","token_type":"Bearer"{members}}}"#))
    })
    .await
}

async fn fifty(tokens: &Tokens, egress: &Egress, grant: &Grant) -> Vec<Result<String, Failure>> {
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (tokens, egress, grant) = (tokens.clone(), egress.clone(), grant.clone());
            tokio::spawn(async move { tokens.bearer(&egress, &grant).await })
        })
        .collect();
    let mut outcomes = Vec::new();
    for caller in callers {
        outcomes.push(caller.await.expect("no panic"));
    }
    outcomes
}

#[tokio::test]
async fn fifty_callers_at_once_ask_for_one_token() {
    let partner = issuer(r#","expires_in":3600"#).await;
    let (tokens, egress, grant) = (Tokens::default(), egress(), grant(&partner));
    for outcome in fifty(&tokens, &egress, &grant).await {
        assert_eq!(outcome.as_deref(), Ok("t1"));
    }
    let requests = partner.requests();
    assert_eq!(requests.len(), 1);
    // `shop%3A1:hush+hush`
    assert!(requests[0].contains("authorization: Basic c2hvcCUzQTE6aHVzaCtodXNo\r\n"), "{}", requests[0]);
    assert!(requests[0].ends_with("\r\n\r\ngrant_type=client_credentials&scope=orders%3Aread+orders%3Awrite"));
}

#[tokio::test]
async fn fifty_callers_at_once_share_a_refusal_and_the_next_asks_again() {
    let body = r#"{"error":"invalid_client","error_description":"hush hush"}"#;
    let partner =
        Partner::at(Ipv4Addr::LOCALHOST.into(), 0, Duration::from_millis(100), move |_| answer(401, "", body)).await;
    let (tokens, egress, grant) = (Tokens::default(), egress(), grant(&partner));
    for outcome in fifty(&tokens, &egress, &grant).await {
        let failure = outcome.expect_err("refused");
        assert_eq!((failure.kind, failure.sent), ("token", false));
        assert_eq!(failure.message, "no access token: the token endpoint answered 401, invalid_client");
    }
    assert_eq!(partner.requests().len(), 1);
    assert!(tokens.bearer(&egress, &grant).await.is_err());
    assert_eq!(partner.requests().len(), 2);
}

#[tokio::test]
async fn an_endpoint_that_is_busy_may_be_asked_again_and_one_that_refuses_not() {
    for (status, again) in [(429, true), (503, true), (400, false), (401, false), (302, false)] {
        let partner = Partner::answering(move |_| answer(status, "", "{}")).await;
        let failure = Tokens::default().bearer(&egress(), &grant(&partner)).await.expect_err("no token");
        assert_eq!((failure.sent, failure.may_pass()), (false, again), "{status}: {failure}");
    }
}

#[tokio::test]
async fn a_token_is_kept_until_shortly_before_it_expires() {
    for (members, asked) in [
        ("", 1),
        (r#","expires_in":"3600""#, 1),
        (r#","expires_in":30"#, 2),
        (r#","expires_in":18446744073709551615"#, 1),
    ] {
        let partner = issuer(members).await;
        let (tokens, egress, grant) = (Tokens::default(), egress(), grant(&partner));
        tokens.bearer(&egress, &grant).await.expect("a token");
        tokens.bearer(&egress, &grant).await.expect("a token");
        assert_eq!(partner.requests().len(), asked, "{members}");
    }
}

#[tokio::test]
async fn a_token_that_was_refused_is_forgotten_but_not_a_newer_one() {
    let partner = issuer("").await;
    let (tokens, egress, grant) = (Tokens::default(), egress(), grant(&partner));
    assert_eq!(tokens.bearer(&egress, &grant).await.as_deref(), Ok("t1"));
    tokens.forget(&grant, "t1").await;
    assert_eq!(tokens.bearer(&egress, &grant).await.as_deref(), Ok("t2"));
    tokens.forget(&grant, "t1").await;
    assert_eq!(tokens.bearer(&egress, &grant).await.as_deref(), Ok("t2"));
}

#[tokio::test]
async fn grants_that_differ_in_anything_have_tokens_of_their_own() {
    let partner = issuer("").await;
    let (tokens, egress, one) = (Tokens::default(), egress(), grant(&partner));
    let others = [
        Grant { client_secret: "new".to_owned(), ..one.clone() },
        Grant { scope: None, audience: one.scope.clone(), ..one.clone() },
        Grant { scope: Some(String::new()), ..one.clone() },
        Grant { scope: None, ..one.clone() },
        one,
    ];
    for grant in &others {
        tokens.bearer(&egress, grant).await.expect("a token");
    }
    assert_eq!(partner.requests().len(), others.len());
}

#[tokio::test]
async fn what_is_no_bearer_token_is_refused() {
    for body in [
        "",
        "[]",
        r#"{"access_token":"a"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"","token_type":"bearer"}"#,
        r#"{"access_token":"a\r\nb: c","token_type":"bearer"}"#,
    ] {
        let partner = Partner::answering(move |_| answer(200, "", body)).await;
        let failure = Tokens::default().bearer(&egress(), &grant(&partner)).await.expect_err(body);
        assert_eq!(failure.kind, "token", "{body}");
    }
    let refused = Tokens::default().bearer(&Egress::new(Vec::new()), &grant(&issuer("").await)).await;
    assert_eq!(refused.expect_err("loopback is closed").kind, "address");
}

#[tokio::test]
async fn the_grants_kept_have_a_bound() {
    let tokens = Tokens::default();
    for key in 0..=GRANTS_MAX {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&key.to_be_bytes());
        tokens.slot(bytes);
    }
    assert!(tokens.slots.lock().expect("whole").len() <= GRANTS_MAX);
}

#[test]
fn a_grant_shows_no_secret() {
    let grant = Grant {
        token_url: "https://id.example/?key=hush".to_owned(),
        client_id: "shop".to_owned(),
        client_secret: "hush".to_owned(),
        scope: None,
        audience: None,
    };
    assert_eq!(format!("{grant:?} {:?}", Tokens::default()), r#"Grant { client_id: "shop", .. } Tokens { .. }"#);
}
