//! The examples, cut and gapped at many places, and asked everywhere.

use std::{fs, path::Path};

use super::{complete, definition, hover, symbols};

#[test]
fn every_question_at_every_place_is_answered() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["cycles", "../tests/corpora/definitions/good", "../tests/corpora/definitions/bad"];
    let files = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let (mut asked, mut answered) = (0, 0);
    for file in files.map(|file| file.unwrap().path()) {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).step_by(11).take(100).collect();
        for &at in &places {
            let gap = (at + 5..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
            for text in [text.clone(), text[..at].to_owned(), format!("{}{}", &text[..at], &text[gap..])] {
                let found = complete(&text, at);
                for one in &found {
                    let range = one.replaces.clone();
                    assert!(text.get(range).is_some(), "{one:?} at {at} of {text}");
                    assert!(one.replaces.start <= at && at <= one.replaces.end, "{one:?} at {at} of {text}");
                }
                let told = hover(&text, at);
                assert!(told.as_ref().is_none_or(|told| told.range.start <= at && at <= told.range.end), "{told:?}");
                let defined = definition(&text, at);
                assert!(defined.as_ref().is_none_or(|one| text.get(one.defined.clone()).is_some()), "{defined:?}");
                asked += 1;
                answered += usize::from(!found.is_empty() || told.is_some() || defined.is_some());
            }
            symbols(&text[..at]);
        }
    }
    assert!(asked > 9_000 && answered > asked / 4, "{answered} of {asked}");
}
