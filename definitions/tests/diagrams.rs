//! Every example cycle as other programs draw it.

use holdfast_definitions::{check, dot, mermaid};

#[test]
fn the_examples_are_drawn_the_same_every_time() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/cycles");
    let mut drawn = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for cycle in check("example.yaml", &text).cycles {
            insta::assert_snapshot!(format!("{}.mermaid", cycle.name), mermaid(&cycle));
            insta::assert_snapshot!(format!("{}.dot", cycle.name), dot(&cycle));
            drawn += 1;
        }
    }
    assert!(drawn >= 6, "{drawn} cycles");
}
