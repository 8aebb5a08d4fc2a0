//! Every example cycle as other programs draw it.

use holdfast_definitions::{
    Mark, Marks, PictureFigure, PictureNote, PictureNotes, check, dot, mermaid, picture, picture_of, picture_with, svg,
};

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

#[test]
fn a_picture_is_the_same_to_the_byte() {
    let text = include_str!("../cycles/order-status.yaml");
    let cycle = check("order-status.yaml", text).cycles.remove(0);
    let drawn = svg(&cycle);
    for _ in 0..5 {
        assert_eq!(svg(&cycle), drawn);
    }
    insta::assert_snapshot!("order-status.svg", drawn);
}

/// Forty steps: eight decisions in a row, what they lead to, and a chain that may fail at each step.
fn forty() -> String {
    let mut lines = vec!["cycle: forty".to_owned(), "steps:".into(), "  placed: { webhook: , next: check_0 }".into()];
    for at in 0..8 {
        let (check, extra) = if at < 7 {
            (format!("check_{}", at + 1), format!("extra_{}", at + 1))
        } else {
            ("sorry".into(), "done".into())
        };
        let to = if at % 2 == 0 { "book" } else { "wait" };
        lines.push(format!(
            "  check_{at}: {{ decision: [ {{ when: {{ value: $.placed.body.kind, equals: '<kind & \"{at}\">' }}, next: work_{at} }}, {{ when: {{ value: $.placed.body.amount, greater_than: {at} }}, next: note_{at} }}, {{ else: {check} }} ] }}"
        ));
        lines.push(format!("  work_{at}: {{ set: 1, name: 'Prepare <b>parcel</b> {at}', next: note_{at} }}"));
        lines.push(format!("  note_{at}: {{ set: 1, next: {to} }}"));
        lines.push(format!(
            "  extra_{at}: {{ http: {{ url: 'https://shop.example/x' }}, next: {extra}, on_error: sorry }}"
        ));
    }
    lines.push("  book: { set: 1, next: wait }".into());
    lines.push("  wait: { webhook: { mapping: [ { hit: $.body.id, transaction: $.placed.body.id } ], expires: { after: 2h, next: sorry } }, next: pick }".into());
    lines.push(
        "  pick: { decision: [ { when: { value: $.wait.body.state, in: [a] }, next: extra_0 }, { else: done } ] }"
            .into(),
    );
    lines.push("  sorry: { fail: sorry }".into());
    lines.push("  done: { set: 1 }".into());
    lines.join("\n")
}

#[test]
fn a_picture_shows_every_step_once_and_escapes_what_an_author_wrote() {
    let checked = check("forty.yaml", &forty());
    let cycle = checked.cycles.first().unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
    let drawn = svg(cycle);
    assert_eq!(svg(cycle), drawn);
    for step in &cycle.steps {
        assert_eq!(drawn.matches(&format!("data-step=\"{}\"", step.id)).count(), 1, "{}", step.id);
    }
    assert!(cycle.steps.len() >= 38);
    assert!(drawn.contains("Prepare &lt;b&gt;parcel&lt;/b&gt; 0"), "a name is text");
    assert!(drawn.contains("kind equals &quot;&lt;kind &amp; \\&quot;0\\&quot;&gt;&quot;"), "so is a condition");
    assert!(!drawn.contains("<b>"));
    assert!(drawn.len() < 40_000, "{}", drawn.len());
}

#[test]
fn a_transactions_way_is_painted_on_the_picture_of_its_cycle() {
    let text = include_str!("../cycles/order-status.yaml");
    let cycle = check("order-status.yaml", text).cycles.remove(0);
    assert_eq!(picture_of(&cycle, &Marks::default()), picture(&cycle));
    let mut marks = Marks::default();
    marks.mark("placed", Mark::Passed);
    marks.mark("status", Mark::Held);
    marks.mark("status", Mark::Passed);
    marks.mark("broken", Mark::Failed);
    marks.mark("</g>", Mark::Failed);
    marks.take("placed", Some("status"), true);
    marks.take("on_its_way", None, false);
    let painted = picture_of(&cycle, &marks);
    let count = |text: &str| painted.matches(text).count();
    assert_eq!((count("<g class=\"passed\">"), count("<g class=\"wrong\">"), count("<g class=\"held\">")), (2, 1, 0));
    assert_eq!((count("way next taken\""), count("way next taken-before\"")), (1, 1));
    assert_eq!(count("<text class=\"seal\""), 3, "what is of no step is not drawn");
    assert_eq!(painted.matches("<g").count(), painted.matches("</g>").count());
}

#[test]
fn a_note_stands_at_its_step_is_escaped_and_moves_nothing_when_its_figures_change() {
    let text = include_str!("../cycles/order-status.yaml");
    let cycle = check("order-status.yaml", text).cycles.remove(0);
    let noted = |held: &str| {
        let figures = vec![PictureFigure { text: held.to_owned(), kind: "held" }];
        let note = PictureNote { link: "/x?a=1&b=\"2\"".into(), said: "<waits>".into(), figures };
        PictureNotes::from([("status".to_owned(), note)])
    };
    let drawn = picture_with(&cycle, &noted("<3> held"));
    assert_eq!(picture_with(&cycle, &noted("<3> held")), drawn);
    let opened = "<a href=\"/x?a=1&amp;b=&quot;2&quot;\" id=\"at-status\"><g class=\"step webhook";
    assert_eq!(drawn.matches(opened).count(), 1, "{drawn}");
    assert_eq!(drawn.matches("<a ").count(), 1, "a step without a note is as it was");
    assert!(drawn.contains(">&lt;3&gt; held</text>") && drawn.contains("<title>&lt;waits&gt;</title>"), "{drawn}");
    assert!(drawn.contains("role=\"group\""), "what can be reached is no part of an image");
    let frame = |drawn: &str| drawn.split_once("<title>").unwrap().0.to_owned();
    assert_eq!(frame(&picture_with(&cycle, &noted("1,234,567 held"))), frame(&drawn));
    assert_ne!(frame(&picture(&cycle)), frame(&drawn), "a note takes room");
}
