use super::{Piece, compared};

/// Marked parts in square brackets.
fn marked(pieces: &[Piece]) -> String {
    let mark = |piece: &Piece| if piece.differs { format!("[{}]", piece.text) } else { piece.text.clone() };
    pieces.iter().map(mark).collect()
}

#[test]
fn what_differs_is_marked_and_what_has_no_ink_is_made_visible() {
    for (mine, theirs, shown) in [
        ("\"A-42 \"", "\"A-42\"", ("\"A-42[·]\"", "\"A-42\"")),
        ("\"A-42\"", "\"\t A-42\"", ("\"A-42\"", "\"[⇥·]A-42\"")),
        ("\"a-4b\"", "\"A-4B\"", ("\"[a]-4[b]\"", "\"[A]-4[B]\"")),
        ("\"0042\"", "42", ("[\"00]42[\"]", "42")),
        ("\"A\u{200b}1\"", "\"A1\"", ("\"A[[U+200B]]1\"", "\"A1\"")),
        ("", "", ("", "")),
    ] {
        let (a, b) = compared(mine, theirs);
        assert_eq!((marked(&a).as_str(), marked(&b).as_str()), shown, "{mine} beside {theirs}");
    }
}

#[test]
fn values_that_are_long_are_compared_by_their_ends() {
    let (a, b) = (format!("x{}y", "a".repeat(500)), format!("x{}y", "b".repeat(500)));
    let (a, _) = compared(&a, &b);
    assert_eq!(a.iter().map(|piece| piece.differs).collect::<Vec<_>>(), [false, true]);
}
