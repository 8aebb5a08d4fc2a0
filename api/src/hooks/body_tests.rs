use super::*;
use crate::decode::Place;

fn said(problem: &Problem) -> (u16, String) {
    (problem.status().as_u16(), problem.document().to_string())
}

#[test]
fn an_unreadable_body_is_400_with_its_line_and_column() {
    let problem = fault(Fault::at(Place { line: 3, column: 8 }, "expected a value"));
    let (status, document) = said(&problem);
    assert_eq!(status, 400);
    assert!(document.contains("\"line\":3") && document.contains("\"column\":8"), "{document}");
    assert!(document.contains("Line 3, column 8: expected a value"), "{document}");
}

#[test]
fn a_limit_of_decoding_is_413_and_named() {
    for limit in ["body_bytes", "expansion_ratio", "body_parts"] {
        let (status, document) = said(&fault(Fault::Limit { limit, max: 7 }));
        assert_eq!(status, 413);
        assert!(document.contains(limit) && document.contains('7'), "{document}");
    }
}

#[test]
fn what_is_not_understood_is_415() {
    assert_eq!(said(&fault(Fault::Unnamed)).0, 415);
    assert_eq!(said(&unsupported_type("x".into())).0, 415);
    assert_eq!(said(&unsupported_coding("x".into())).0, 415);
}

#[tokio::test]
async fn a_body_up_to_the_cap_is_read_and_one_over_it_is_not() {
    let limits = Limits { body_bytes: 5, ..Limits::default() };
    let read = async |text: &'static str| read(Body::from(text), &HeaderMap::new(), &limits).await;
    assert_eq!(read("12345").await.ok().as_deref(), Some(b"12345".as_slice()));
    assert_eq!(read("123456").await.expect_err("too large").status(), 413);
}
