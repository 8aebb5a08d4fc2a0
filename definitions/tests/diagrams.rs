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

#[test]
fn the_steps_inside_an_each_are_drawn_inside_of_it() {
    let text = "
cycle: c
steps:
  placed: { webhook: , next: ship }
  ship:
    each: { in: $.placed.body, steps: { book: { set: 1, next: label }, label: { set: 2 } } }
";
    let cycle = check("c.yaml", text).cycles.remove(0);
    let drawn = "flowchart TD
    s_placed([\"placed (webhook)\"])
    subgraph s_ship[\"ship (each)\"]
        s_book[\"book (set)\"]
        s_label[\"label (set)\"]
        end_ship((end))
        s_book --> s_label
        s_label --> end_ship
    end
    end_((end))
    s_placed --> s_ship
    s_ship --> end_";
    assert_eq!(mermaid(&cycle), drawn);
    let drawn = dot(&cycle);
    assert!(drawn.contains("subgraph \"cluster_ship\" {"), "{drawn}");
    assert!(drawn.contains("\"ship\" -> \"book\" [style=dashed];"), "{drawn}");
    assert!(drawn.contains("\"label\" -> \"end of ship\";"), "{drawn}");
}
