use super::*;

const HIT_ID: &str = "01900000-0000-7000-8000-000000000001";
const TRANSACTION_ID: &str = "01900000-0000-7000-8000-000000000002";

fn transaction() -> TransactionId {
    TRANSACTION_ID.parse().expect("an id")
}

fn reception(reply: Reply) -> Reception {
    Reception { hit: HIT_ID.parse().expect("an id"), transaction: Some(transaction()), replayed: false, reply }
}

/// The answer as it would be on the wire, its fields in alphabetical order.
async fn wire(response: Response) -> String {
    let (parts, body) = response.into_parts();
    let mut fields: Vec<String> =
        parts.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().expect("text"))).collect();
    fields.sort();
    let body = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
    format!("{}\n{}\n\n{}", parts.status.as_u16(), fields.join("\n"), String::from_utf8_lossy(&body))
}

#[tokio::test]
async fn the_plain_answers_are_byte_for_byte() {
    let plain = "content-type: text/plain; charset=utf-8";
    assert_eq!(wire(accepted()).await, format!("200\n{plain}\n\nWebhook accepted."));
    assert_eq!(wire(found()).await, format!("200\n{plain}\n\nWebhook found."));
    assert_eq!(wire(unknown()).await, format!("404\n{plain}\n\nWebhook not found."));
    assert_eq!(wire(inactive()).await, format!("406\n{plain}\n\nPlease make sure your webhook is active."));
}

#[tokio::test]
async fn an_accepted_hit_names_itself_and_its_transaction() {
    for reply in [Reply::Accepted, Reply::Answer(Answer::Accepted)] {
        assert_eq!(
            wire(response("abc", reception(reply))).await,
            format!(
                "200\ncontent-type: text/plain; charset=utf-8\nholdfast-hit: {HIT_ID}\n\
                 holdfast-transaction: {TRANSACTION_ID}\n\nWebhook accepted."
            )
        );
    }
    let unmatched = Reception { transaction: None, ..reception(Reply::Accepted) };
    assert!(!wire(response("abc", unmatched)).await.contains("holdfast-transaction"));
}

#[tokio::test]
async fn a_repeat_says_that_it_is_one() {
    let repeated = Reception { replayed: true, ..reception(Reply::Accepted) };
    assert!(wire(response("abc", repeated)).await.contains("\nidempotency-replayed: true\n"));
}

#[tokio::test]
async fn a_written_answer_goes_out_as_written_but_for_what_is_not_its_own() {
    let headers = [
        ("content-type", "application/json"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("Transfer-Encoding", "chunked"),
        ("content-length", "999"),
        ("holdfast-hit", "forged"),
        ("bad name", "x"),
        ("x-split", "a\r\nx-injected: b"),
    ];
    let answer = Answer::Response {
        status: 201,
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        body: "{\"id\":99999999999999999999}".into(),
    };
    assert_eq!(
        wire(response("abc", reception(Reply::Answer(answer)))).await,
        format!(
            "201\ncontent-type: application/json\nholdfast-hit: {HIT_ID}\nholdfast-transaction: {TRANSACTION_ID}\n\
             set-cookie: a=1\nset-cookie: b=2\n\n{{\"id\":99999999999999999999}}"
        )
    );
}

#[tokio::test]
async fn a_caller_who_waited_in_vain_is_told_where_to_look() {
    let said = wire(response("abc", reception(Reply::Pending { status: TransactionStatus::Held }))).await;
    assert_eq!(
        said,
        format!(
            "202\ncontent-type: application/json\nholdfast-hit: {HIT_ID}\nholdfast-transaction: {TRANSACTION_ID}\n\
             location: /hooks/abc/answers/{HIT_ID}\nretry-after: 1\n\n\
             {{\"status\":\"held\",\"transaction\":\"{TRANSACTION_ID}\"}}"
        )
    );
}

#[tokio::test]
async fn every_other_end_is_a_problem_with_its_status() {
    let failed = Answer::Failed { transaction: transaction(), step: "book".into(), message: "no stock".into() };
    let cases = [
        (Reply::Answer(failed), 500, "\"step\":\"book\""),
        (Reply::Answer(Answer::Cancelled { transaction: transaction() }), 409, TRANSACTION_ID),
        (Reply::Answer(Answer::Expired { transaction: transaction() }), 410, TRANSACTION_ID),
        (Reply::NoMatch { reason: "the inside".into() }, 404, "no-match"),
        (Reply::Ambiguous, 409, "ambiguous"),
    ];
    for (reply, status, part) in cases {
        let said = wire(response("abc", reception(reply))).await;
        assert!(said.starts_with(&format!("{status}\ncontent-type: application/problem+json\n")), "{said}");
        assert!(said.contains(part) && said.contains(HIT_ID) && !said.contains("the inside"), "{said}");
    }
}
