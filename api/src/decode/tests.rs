use std::io::Write as _;

use flate2::{Compression, write};

use super::*;

const DOCUMENT: &str = include_str!("../../../docs/webhooks.md");

async fn read(content_type: Option<&str>, body: &[u8]) -> Result<String, Fault> {
    let format = Format::of(content_type).expect("the type is understood");
    format.read(Bytes::copy_from_slice(body), &Limits::default()).await.map(|value| value.to_string())
}

fn place(fault: Result<String, Fault>) -> (usize, usize, String) {
    match fault {
        Err(Fault::Unreadable { place: Some(place), message }) => (place.line, place.column, message),
        other => panic!("no place: {other:?}"),
    }
}

#[tokio::test]
async fn the_documents_table_of_bodies_is_true() {
    let (_, table) = DOCUMENT.split_once("<!-- bodies -->").expect("a beginning");
    let (table, _) = table.split_once("<!-- end of bodies -->").expect("an end");
    let mut rows = 0;
    for row in table.lines().skip(3).filter(|row| !row.is_empty()) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(|cell| cell.trim().trim_matches('`')).collect();
        let [content_type, body, value] = cells[..] else { panic!("not three cells: {row}") };
        let body = body.replace("\\r", "\r").replace("\\n", "\n");
        let content_type = Some(content_type).filter(|named| *named != "none");
        assert_eq!(read(content_type, body.as_bytes()).await.as_deref(), Ok(value), "{row}");
        rows += 1;
    }
    assert!(rows > 20, "{rows} rows");
}

#[test]
fn a_type_that_no_format_has_is_not_understood() {
    for named in ["application/pdf", "image/png", "nonsense", "", "application/json; charset=utf-16", "multipart/mixed"]
    {
        assert!(Format::of(Some(named)).is_err(), "{named}");
    }
    assert!(Format::of(Some("multipart/form-data")).is_err(), "no boundary");
    assert_eq!(Format::of(Some("TEXT/HTML; Charset=\"US-ASCII\"")), Ok(Format::Text(Charset::Utf8)));
}

#[tokio::test]
async fn no_body_is_null_whatever_its_type() {
    for named in [None, Some("application/json"), Some("application/xml"), Some("text/plain")] {
        assert_eq!(read(named, b"").await.as_deref(), Ok("null"));
    }
}

#[tokio::test]
async fn wrong_json_says_where() {
    let (line, column, _) = place(read(Some("application/json"), b"{\n  \"a\": 1,\n  \"b\": x\n}").await);
    assert_eq!((line, column), (3, 8));
    let (line, _, message) = place(read(Some("application/json"), b"{\"a\":1,\n\"a\":2}").await);
    assert_eq!(line, 2);
    assert!(message.contains("twice"), "{message}");
    for wrong in ["1 2", "[1,]", "{a:1}", "NaN", "01", "\"\n\"", "{", "  "] {
        assert!(read(Some("application/json"), wrong.as_bytes()).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_wrong_line_says_which() {
    let (line, column, _) = place(read(Some("application/x-ndjson"), b"{\"a\":1}\n\n{\"b\": }\n").await);
    assert_eq!((line, column), (3, 7));
    let (line, ..) = place(read(Some("application/x-ndjson"), b"1\n{\"a\":\n1}\n").await);
    assert_eq!(line, 2);
}

#[tokio::test]
async fn bytes_that_are_no_text_say_where() {
    let (line, column, _) =
        place(read(Some("text/plain"), "é\nab\u{e9}".as_bytes().split_last().expect("bytes").1).await);
    assert_eq!((line, column), (2, 3));
    assert_eq!(read(Some("text/plain; charset=iso-8859-1"), b"\xe9").await.as_deref(), Ok("\"é\""));
    assert_eq!(read(Some("application/json"), b"\xef\xbb\xbf{}").await.as_deref(), Ok("{}"));
}

#[tokio::test]
async fn xml_that_is_none_is_refused_with_its_place() {
    let (line, _, message) = place(read(Some("application/xml"), b"<a>\n<b></c>\n</a>").await);
    assert_eq!(line, 2, "{message}");
    for wrong in [
        "<a>",
        "</a>",
        "<a></a><b/>",
        "text",
        "<a/>text",
        "",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a>&nbsp;</a>",
        "<a b='&x;'/>",
        "<1a/>",
        "<a>&#0;</a>",
        "<![CDATA[x]]>",
    ] {
        let body = if wrong.is_empty() { " " } else { wrong };
        assert!(read(Some("application/xml"), body.as_bytes()).await.is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn a_doctype_is_refused_whatever_it_declares() {
    let bomb = br#"<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><a>&c;</a>"#;
    let (_, _, message) = place(read(Some("application/xml"), bomb).await);
    assert!(message.contains("DOCTYPE"), "{message}");
    let outside = br#"<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>"#;
    assert!(read(Some("text/xml"), outside).await.is_err());
}

#[tokio::test]
async fn an_xml_encoding_that_is_declared_is_kept_to() {
    let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9</a>";
    assert_eq!(read(Some("application/xml"), latin).await.as_deref(), Ok("{\"a\":\"é\"}"));
    let other = b"<?xml version='1.0' encoding='shift_jis'?><a/>";
    assert!(read(Some("application/xml"), other).await.is_err());
}

#[tokio::test]
async fn nesting_has_an_end_in_every_format() {
    let json = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let xml = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    assert!(read(Some("application/json"), json(128).as_bytes()).await.is_ok());
    assert!(read(Some("application/json"), json(129).as_bytes()).await.is_err());
    assert!(read(Some("application/x-ndjson"), json(127).as_bytes()).await.is_ok());
    assert!(read(Some("application/x-ndjson"), json(128).as_bytes()).await.is_err());
    assert!(read(Some("application/xml"), xml(128).as_bytes()).await.is_ok());
    assert!(read(Some("application/xml"), xml(129).as_bytes()).await.is_err());
    assert!(read(Some("application/json"), "[".repeat(1 << 20).as_bytes()).await.is_err());
}

#[tokio::test]
async fn parts_fields_and_lines_have_an_end() {
    let limits = Limits { body_parts: 2, ..Limits::default() };
    let part = "--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n";
    for (named, body) in [
        ("application/x-www-form-urlencoded", "a&b&c".to_owned()),
        ("application/x-ndjson", "1\n2\n3".to_owned()),
        ("multipart/form-data; boundary=B", format!("{part}{part}{part}--B--\r\n")),
    ] {
        let read = Format::of(Some(named)).expect("understood").read(body.into(), &limits).await;
        assert_eq!(read, Err(Fault::Limit { limit: "body_parts", max: 2 }), "{named}");
    }
}

#[tokio::test]
async fn multipart_that_is_cut_off_or_nameless_is_refused() {
    let named = Some("multipart/form-data; boundary=B");
    for wrong in [
        "--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1",
        "--B\r\nContent-Disposition: form-data\r\n\r\n1\r\n--B--\r\n",
        "nothing of the kind",
    ] {
        assert!(read(named, wrong.as_bytes()).await.is_err(), "{wrong}");
    }
    let bytes = b"--B\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n\xff\r\n--B--\r\n";
    assert!(read(named, bytes).await.is_err(), "a field that is no text");
}

#[tokio::test]
async fn without_a_type_what_is_no_json_is_not_guessed_at() {
    assert_eq!(read(None, b"a=1&b=2").await, Err(Fault::Unnamed));
    assert_eq!(read(None, b"[1]").await.as_deref(), Ok("[1]"));
}

fn gzip(bytes: &[u8]) -> Bytes {
    let mut to = write::GzEncoder::new(Vec::new(), Compression::best());
    to.write_all(bytes).expect("in memory");
    to.finish().expect("in memory").into()
}

fn zlib(bytes: &[u8]) -> Bytes {
    let mut to = write::ZlibEncoder::new(Vec::new(), Compression::best());
    to.write_all(bytes).expect("in memory");
    to.finish().expect("in memory").into()
}

fn bare(bytes: &[u8]) -> Bytes {
    let mut to = write::DeflateEncoder::new(Vec::new(), Compression::best());
    to.write_all(bytes).expect("in memory");
    to.finish().expect("in memory").into()
}

fn zstd(bytes: &[u8]) -> Bytes {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest).into()
}

/// `hello\n` eight times, by the reference encoder.
const BROTLI: &[u8] = &[27, 47, 0, 248, 141, 148, 110, 222, 68, 85, 134, 150, 108, 10, 111, 97, 79, 28, 128, 226, 0];

/// 20 MiB of zeros, likewise.
const BROTLI_BOMB: &[u8] = &[
    203, 255, 255, 63, 248, 39, 0, 226, 177, 64, 32, 247, 254, 143, 255, 255, 127, 240, 79, 0, 196, 97, 17, 128, 238,
    253, 95, 254, 255, 255, 224, 159, 0, 136, 195, 2, 0, 221, 251, 31,
];

#[test]
fn each_coding_is_undone() {
    let text = "a text that is sent\n".repeat(50);
    let limits = Limits::default();
    for (name, coded) in [
        ("gzip", gzip(text.as_bytes())),
        ("X-GZIP", gzip(text.as_bytes())),
        ("deflate", zlib(text.as_bytes())),
        ("deflate, identity", bare(text.as_bytes())),
        ("zstd", zstd(text.as_bytes())),
        ("identity", Bytes::from(text.clone())),
        ("", Bytes::from(text.clone())),
    ] {
        let plain = Coding::of(name).expect("known").undo(&coded, &limits);
        assert_eq!(plain.as_deref(), Ok(text.as_bytes()), "{name}");
    }
    let plain = Coding::of("br").expect("known").undo(&Bytes::from_static(BROTLI), &limits);
    assert_eq!(plain.as_deref(), Ok("hello\n".repeat(8).as_bytes()));
}

#[test]
fn what_is_not_so_coded_is_refused() {
    for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
        let wrong = coding.undo(&Bytes::from_static(b"{\"plain\": true}"), &Limits::default());
        assert!(matches!(wrong, Err(Fault::Unreadable { .. })), "{coding:?}: {wrong:?}");
    }
    let mut cut = gzip(b"some text that is cut off").to_vec();
    cut.truncate(cut.len() - 6);
    assert!(Coding::Gzip.undo(&cut.into(), &Limits::default()).is_err());
}

#[test]
fn unknown_and_nested_codings_are_refused() {
    assert!(Coding::of("compress").is_err());
    assert!(Coding::of("gzip, gzip").is_err());
    assert!(Coding::of("gzip, br").is_err());
}

#[test]
fn a_bomb_is_stopped_at_the_cap() {
    let zeros = vec![0; 20 << 20];
    let limits = Limits::default();
    for (coding, bomb) in [
        (Coding::Gzip, gzip(&zeros)),
        (Coding::Deflate, zlib(&zeros)),
        (Coding::Deflate, bare(&zeros)),
        (Coding::Brotli, Bytes::from_static(BROTLI_BOMB)),
        (Coding::Zstd, zstd(&zeros)),
    ] {
        let stopped = coding.undo(&bomb, &limits);
        assert!(matches!(stopped, Err(Fault::Limit { .. })), "{coding:?}: {:?}", stopped.map(|plain| plain.len()));
    }
}

#[test]
fn growth_is_bounded_past_what_small_texts_may() {
    let limits = Limits { expansion_ratio: 10, expansion_free_bytes: 1000, ..Limits::default() };
    let small = gzip(&[b'x'; 1000]);
    assert!(Coding::Gzip.undo(&small, &limits).is_ok());
    let grown = gzip(&[b'x'; 5000]);
    assert_eq!(Coding::Gzip.undo(&grown, &limits), Err(Fault::Limit { limit: "expansion_ratio", max: 10 }));
}

#[test]
fn a_zstd_window_is_refused_before_it_is_allocated() {
    // Magic, a descriptor without a single segment, a window of 2^(10+31).
    let huge = Bytes::from_static(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0x01, 0x00, 0x00]);
    assert!(matches!(Coding::Zstd.undo(&huge, &Limits::default()), Err(Fault::Unreadable { .. })));
}

proptest::proptest! {
    /// Whatever comes, a decoder says something and stays on its feet.
    #[test]
    fn no_bytes_make_a_decoder_panic(
        bytes in proptest::collection::vec(proptest::sample::select(b"<>/&;ax\"'=[]{},:1-B\r\n !?\xff%\x28\xb5\x2f\xfd\x1f\x8b\x08\x78\x9c".to_vec()), 0..200)
    ) {
        let (limits, bytes) = (Limits::default(), Bytes::from(bytes));
        for coding in [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd] {
            let _ = coding.undo(&bytes, &limits);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        for named in ["application/json", "text/xml", "application/jsonl", "multipart/form-data; boundary=B", "text/csv"] {
            let _ = runtime.block_on(Format::of(Some(named)).expect("understood").read(bytes.clone(), &limits));
        }
    }

    /// A text survives its way through an element, but for the white space around it.
    #[test]
    fn text_survives_xml(text in "[a-z<>&\"' \u{e9}]{0,40}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let body = format!("<a>{}</a>", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
        let read = runtime.block_on(Format::Xml(None).read(body.into(), &Limits::default())).expect("read");
        let text = text.trim_matches(' ');
        let inside = if text.is_empty() { Json::Null } else { Json::from(text) };
        proptest::prop_assert_eq!(read.get("a"), Some(&inside));
    }
}

#[test]
fn a_byte_changed_anywhere_makes_no_coding_panic() {
    let text = "a text that is sent, and sent again\n".repeat(20);
    let all = [
        (Coding::Gzip, gzip(text.as_bytes())),
        (Coding::Deflate, zlib(text.as_bytes())),
        (Coding::Brotli, Bytes::from_static(BROTLI)),
        (Coding::Zstd, zstd(text.as_bytes())),
    ];
    let limits = Limits { body_bytes: 10_000, ..Limits::default() };
    for (coding, coded) in all {
        for at in 0..coded.len() {
            for change in [0x01, 0x10, 0x80, 0xff] {
                let mut changed = coded.to_vec();
                changed[at] ^= change;
                let undone = coding.undo(&changed.into(), &limits);
                assert!(undone.is_err() || undone.is_ok_and(|plain| plain.len() <= 10_000));
            }
        }
    }
}
