use holdfast_definitions::Json;

use super::{header_lines, headers, line, query_text};
use crate::decode::{Place, fields};

#[test]
fn headers_are_read_as_they_are_written_and_written_as_they_are_read() {
    let read = headers("X-Order: A-42\n\nx-part: 1\nX-Part:2\r\nContent-Type: text/plain").expect("headers");
    assert_eq!(read.to_string(), r#"{"x-order":"A-42","x-part":"1, 2","content-type":"text/plain"}"#);
    assert_eq!(header_lines(&read), "x-order: A-42\nx-part: 1, 2\n");
}

#[test]
fn a_line_that_is_no_header_is_named() {
    let wrong = headers("a: 1\nno header").expect_err("it is wrong");
    assert_eq!((wrong.field, wrong.place.map(|place| place.line)), ("headers", Some(2)));
    assert!(headers("a b: 1").is_err());
}

#[test]
fn a_query_is_written_as_it_is_read() {
    let text = "a=1&b=x+y&b=%26";
    assert_eq!(query_text(&fields(text)), text);
    assert_eq!(query_text(&Json::Null), "");
}

#[test]
fn a_place_is_shown_in_its_line() {
    let shown = |text, row, column| line(text, Place { line: row, column }).expect("a line");
    let split = |(a, b, c): (String, String, String)| format!("{a}[{b}]{c}");
    assert_eq!(split(shown("{\n  \"a\": oops }", 2, 8)), "  \"a\": [o]ops }");
    assert_eq!(split(shown("{\"a\": 1", 1, 8)), "{\"a\": 1[⏎]");
    let long = "x".repeat(200);
    assert_eq!(split(shown(&long, 1, 101)).chars().count(), 1 + 60 + 3 + 60);
    assert!(line("a", Place { line: 3, column: 1 }).is_none());
}
