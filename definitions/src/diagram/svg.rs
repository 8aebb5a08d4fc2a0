//! The picture of a cycle: from top to bottom, each step a box, each way a line with what it takes.
//!
//! The same cycle gives the same bytes. Everything that an author wrote is escaped.

use std::fmt::Write as _;

use super::{
    Ending,
    layout::{Layout, Place, Size, lay_out},
    links,
    marks::Marks,
    notes::{Note, Notes, ROOM},
};
use crate::{Condition, Cycle, Edge, Step, StepIndex, StepKind};

/// One line of a box's text, and what is left and right of it.
const LINE: f64 = 18.0;
const MARGIN: f64 = 14.0;
/// Characters of a text that are shown; the whole of it shows on a pointer that rests there.
const NAME_MAX: usize = 32;
const LABEL_MAX: usize = 34;
/// Lines on a way that several cases lead along.
const LABELS_MAX: usize = 4;
const END: f64 = 16.0;
/// Around the steps of an `each`, and above them.
const INSIDE: f64 = 18.0;
const TITLE: f64 = 34.0;
/// Between two lines that leave the same box.
const APART: f64 = 14.0;

/// The style of every picture; [`picture`] is without it, for a page that has it already.
pub const STYLE: &str = include_str!("svg.css");

/// What stands in a picture, and how large it is.
enum Node<'a> {
    Step(&'a Step, Option<&'a Note>),
    Each(&'a Step, Box<Scene<'a>>, Option<&'a Note>),
    End,
    /// What stands on a way.
    Label(Vec<String>),
}

/// The steps of a cycle, or of an `each`.
struct Scene<'a> {
    nodes: Vec<Node<'a>>,
    /// From a box to a box, by the label where it has one.
    ways: Vec<Way>,
    layout: Layout,
    edges: Vec<(usize, usize)>,
}

struct Way {
    /// Positions in `edges`: one, or the two to and from the label.
    edges: Vec<usize>,
    from: usize,
    kind: &'static str,
}

/// What leads from one step to another, or to the end: what stands on it, and the class of its line.
struct Led {
    from: StepIndex,
    to: Option<StepIndex>,
    texts: Vec<(String, &'static str)>,
}

/// Cases that lead to the same step are one way.
fn led(cycle: &Cycle) -> Vec<Led> {
    let mut led: Vec<Led> = Vec::new();
    for (from, to, edge) in links(cycle) {
        let text = text(cycle, from, &edge);
        match led.iter_mut().find(|known| (known.from, known.to) == (from, to)) {
            Some(known) => known.texts.push(text),
            None => led.push(Led { from, to, texts: vec![text] }),
        }
    }
    led
}

/// A picture for a page of its own, with its colours, light and dark.
pub fn svg(cycle: &Cycle) -> String {
    drawn(cycle, &Notes::new(), &Marks::default(), Some(STYLE))
}

/// The same for a page that has the colours.
pub fn picture(cycle: &Cycle) -> String {
    drawn(cycle, &Notes::new(), &Marks::default(), None)
}

/// The same with notes at its steps.
pub fn picture_with(cycle: &Cycle, notes: &Notes) -> String {
    drawn(cycle, notes, &Marks::default(), None)
}

/// The same with the way that a transaction took.
pub fn picture_of(cycle: &Cycle, marks: &Marks) -> String {
    drawn(cycle, &Notes::new(), marks, None)
}

fn drawn(cycle: &Cycle, notes: &Notes, marks: &Marks, style: Option<&str>) -> String {
    let scene = Scene::of(cycle, notes);
    // What is inside of an image is not there for whoever does not see it.
    let role = if notes.is_empty() { "img" } else { "group" };
    let (width, height) = (scene.layout.size.width + 2.0 * MARGIN, scene.layout.size.height + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"cycle\" role=\"{role}\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n<title>{}</title>\n",
        escaped(&cycle.name)
    );
    if let Some(style) = style {
        let _ =
            write!(out, "<style>\n{style}</style>\n<rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n");
    }
    out.push_str("<defs><marker id=\"arrow\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" orient=\"auto\"><path class=\"head\" d=\"M0 0 8 4 0 8Z\"/></marker></defs>\n");
    scene.painted(MARGIN, MARGIN, marks, &mut out);
    out.push_str("</svg>");
    out
}

impl<'a> Scene<'a> {
    fn of(cycle: &'a Cycle, notes: &'a Notes) -> Self {
        let mut nodes: Vec<Node<'a>> = cycle.steps.iter().map(|step| Node::of(step, notes)).collect();
        let mut edges = Vec::new();
        let mut ways: Vec<Way> = Vec::new();
        for Led { from, to, texts } in led(cycle) {
            let from = from.position();
            let kind = texts.first().map_or("", |(_, kind)| *kind);
            let to = to.map_or_else(
                || {
                    nodes.push(Node::End);
                    nodes.len() - 1
                },
                StepIndex::position,
            );
            let mut lines: Vec<String> =
                texts.into_iter().map(|(text, _)| text).filter(|text| !text.is_empty()).collect();
            if lines.len() > LABELS_MAX {
                let left = lines.len() + 1 - LABELS_MAX;
                lines.truncate(LABELS_MAX - 1);
                lines.push(format!("and {left} more"));
            }
            let first = edges.len();
            if lines.is_empty() {
                edges.push((from, to));
            } else {
                nodes.push(Node::Label(lines));
                edges.push((from, nodes.len() - 1));
                edges.push((nodes.len() - 1, to));
            }
            ways.push(Way { edges: (first..edges.len()).collect(), from, kind });
        }
        let boxes: Vec<Size> = nodes.iter().map(Node::size).collect();
        let layout = lay_out(&boxes, &edges);
        Self { nodes, ways, layout, edges }
    }

    fn painted(&self, x: f64, y: f64, marks: &Marks, out: &mut String) {
        let _ = writeln!(out, "<g transform=\"translate({x} {y})\">");
        for (at, way) in self.ways.iter().enumerate() {
            let to = way.edges.last().and_then(|edge| self.nodes[self.edges[*edge].1].id());
            let taken = self.nodes[way.from].id().map_or("", |from| marks.way(from, to));
            let (kind, line) = (way.kind, self.line(at));
            let _ = writeln!(out, "<path class=\"way {kind}{taken}\" d=\"{line}\" marker-end=\"url(#arrow)\"/>");
        }
        for (node, place) in self.nodes.iter().zip(&self.layout.places) {
            let Size { width, height } = node.size();
            let corner = ((place.x + width / 2.0 - 8.0).round(), (place.y - height / 2.0).round());
            match node.id() {
                Some(id) => marks.around(id, corner, out, |out| node.draw(*place, marks, out)),
                None => node.draw(*place, marks, out),
            }
        }
        out.push_str("</g>\n");
    }

    /// Straight down where there are boxes, bent between them.
    fn line(&self, way: usize) -> String {
        let Way { edges, from, .. } = &self.ways[way];
        let place = |node: usize| self.layout.places[node];
        let mut places = Vec::new();
        for edge in edges {
            places.extend(&self.layout.ways[*edge]);
            places.push(place(self.edges[*edge].1));
        }
        let Some(last) = places.pop() else { return String::new() };
        let begin = place(*from);
        let (mut x, mut y) = (begin.x + self.leaves(way), begin.y + self.half(*from));
        let mut line = format!("M{x} {y}");
        down(&mut line, y, begin.bottom);
        y = begin.bottom;
        for next in &places {
            bend(&mut line, (x, y), (next.x, next.top));
            down(&mut line, next.top, next.bottom);
            (x, y) = (next.x, next.bottom);
        }
        bend(&mut line, (x, y), (last.x, last.top));
        let end = edges.last().map_or(0, |edge| self.edges[*edge].1);
        down(&mut line, last.top, last.y - self.half(end));
        line
    }

    fn half(&self, node: usize) -> f64 {
        (self.nodes[node].size().height / 2.0).round()
    }

    /// Lines that leave one box leave it side by side, in the order of where they go.
    fn leaves(&self, way: usize) -> f64 {
        let from = self.ways[way].from;
        let to = |way: &Way| {
            let edge = way.edges.first().copied().unwrap_or_default();
            self.layout.ways[edge].first().map_or_else(|| self.layout.places[self.edges[edge].1].x, |place| place.x)
        };
        let mut all: Vec<(usize, f64)> =
            self.ways.iter().enumerate().filter(|(_, way)| way.from == from).map(|(at, way)| (at, to(way))).collect();
        all.sort_by(|(a, x), (b, y)| x.total_cmp(y).then(a.cmp(b)));
        let apart = APART.min((self.nodes[from].size().width - 2.0 * MARGIN) / all.len() as f64);
        let at = all.iter().position(|(at, _)| *at == way).unwrap_or_default();
        ((at as f64 - (all.len() as f64 - 1.0) / 2.0) * apart).round()
    }
}

/// A line of no length would turn the arrow at its end.
fn down(line: &mut String, from: f64, to: f64) {
    if to > from {
        let _ = write!(line, "V{to}");
    }
}

fn bend(line: &mut String, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) {
    if x == to_x {
        let _ = write!(line, "V{to_y}");
        return;
    }
    let middle = ((y + to_y) / 2.0).round();
    let _ = write!(line, "C{x} {middle} {to_x} {middle} {to_x} {to_y}");
}

impl<'a> Node<'a> {
    fn of(step: &'a Step, notes: &'a Notes) -> Self {
        let note = notes.get(&step.id);
        match &step.kind {
            StepKind::Each(each) => Self::Each(step, Box::new(Scene::of(&each.body, notes)), note),
            _ => Self::Step(step, note),
        }
    }

    /// Of the step that it is.
    fn id(&self) -> Option<&'a str> {
        match self {
            Self::Step(step, ..) | Self::Each(step, ..) => Some(&step.id),
            Self::End | Self::Label(_) => None,
        }
    }

    fn size(&self) -> Size {
        match self {
            Self::Step(step, note) => {
                let side = if matches!(step.kind, StepKind::Decision(_)) { 2.0 * MARGIN } else { MARGIN };
                let text = wide(&short(name(step), NAME_MAX), 7.6).max(wide(&under(step), 6.4));
                let (room, text) = note.map_or((0.0, text), |note| (ROOM, text.max(note.width())));
                Size { width: (text + 2.0 * side).max(72.0).round(), height: 2.0 * LINE + 10.0 + room }
            }
            Self::Each(step, scene, note) => {
                let title = wide(&short(name(step), NAME_MAX), 7.6) + wide(&under(step), 6.4) + 3.0 * MARGIN;
                let Size { width, height } = scene.layout.size;
                let (room, title) = note.map_or((0.0, title), |note| (ROOM, title.max(note.width() + 2.0 * MARGIN)));
                Size { width: (width + 2.0 * INSIDE).max(title).round(), height: height + TITLE + room + INSIDE }
            }
            Self::End => Size { width: END, height: END },
            Self::Label(lines) => {
                let text = lines.iter().map(|line| wide(&short(line, LABEL_MAX), 6.4)).fold(0.0, f64::max);
                Size { width: (text + 10.0).round(), height: lines.len() as f64 * 15.0 + 4.0 }
            }
        }
    }

    fn draw(&self, place: Place, marks: &Marks, out: &mut String) {
        let Size { width, height } = self.size();
        let (x, y) = ((place.x - width / 2.0).round(), (place.y - height / 2.0).round());
        match self {
            Self::End => {
                let (x, y, r) = (place.x, place.y, END / 2.0);
                let _ = writeln!(
                    out,
                    "<g class=\"end\"><title>end</title><circle cx=\"{x}\" cy=\"{y}\" r=\"{r}\"/><circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"{}\"/></g>",
                    r - 4.0
                );
            }
            Self::Label(lines) => {
                let _ = write!(
                    out,
                    "<g class=\"label\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"3\"/>",
                    escaped(&lines.join("\n"))
                );
                for (at, line) in lines.iter().enumerate() {
                    let _ = write!(
                        out,
                        "<text x=\"{}\" y=\"{}\">{}</text>",
                        place.x,
                        y + 13.0 + at as f64 * 15.0,
                        escaped(&short(line, LABEL_MAX))
                    );
                }
                out.push_str("</g>\n");
            }
            Self::Step(step, note) => {
                if let Some(note) = note {
                    note.open(&step.id, out);
                }
                begin(step, *note, marks, out);
                frame(step, (x, y, width, height), out);
                let _ = write!(
                    out,
                    "<text class=\"name\" x=\"{0}\" y=\"{1}\">{2}</text><text class=\"kind\" x=\"{0}\" y=\"{3}\">{4}</text>",
                    place.x,
                    y + 19.0,
                    escaped(&short(name(step), NAME_MAX)),
                    y + 36.0,
                    escaped(&under(step)),
                );
                if let Some(note) = note {
                    note.draw(place.x, y + 2.0 * LINE + 6.0, out);
                    out.push_str("</g>");
                    note.close(out);
                    out.push('\n');
                } else {
                    out.push_str("</g>\n");
                }
            }
            Self::Each(step, scene, note) => {
                begin(step, *note, marks, out);
                each(step, *note, (x, y, width, height), out);
                let room = if note.is_some() { ROOM } else { 0.0 };
                let inner = (x + (width - scene.layout.size.width) / 2.0).round();
                scene.painted(inner, y + TITLE + room, marks, out);
                out.push_str("</g>\n");
            }
        }
    }
}

/// The frame around the steps of an `each`, which have links of their own.
fn each(step: &Step, note: Option<&Note>, (x, y, width, height): (f64, f64, f64, f64), out: &mut String) {
    if let Some(note) = note {
        note.open(&step.id, out);
    }
    let _ = writeln!(
        out,
        "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"8\"/><text class=\"name left\" x=\"{}\" y=\"{2}\">{3}</text><text class=\"kind right\" x=\"{1}\" y=\"{2}\">{4}</text>",
        x + MARGIN,
        x + width - MARGIN,
        y + 21.0,
        escaped(&short(name(step), NAME_MAX)),
        escaped(&under(step))
    );
    if let Some(note) = note {
        note.draw((x + width / 2.0).round(), y + TITLE - 4.0, out);
        note.close(out);
    }
}

fn begin(step: &Step, note: Option<&Note>, marks: &Marks, out: &mut String) {
    let start = matches!(&step.kind, StepKind::Webhook(webhook) if webhook.mapping.is_none());
    let id = escaped(&step.id);
    let whole = match note {
        Some(note) => escaped(&note.said),
        None => {
            let said = marks.said(&step.id).map(|said| format!(": {said}")).unwrap_or_default();
            escaped(&format!("{} ({}){said}", name(step), step.kind.word()))
        }
    };
    let class = if start { "start" } else { "" };
    let _ = write!(out, "<g class=\"step {} {class}\" data-step=\"{id}\"><title>{whole}</title>", step.kind.word());
}

fn frame(step: &Step, (x, y, width, height): (f64, f64, f64, f64), out: &mut String) {
    let _ = match step.kind {
        StepKind::Decision(_) => {
            let (inner, right, end) = (x + MARGIN, x + width - MARGIN, x + width);
            let (middle, below) = (y + height / 2.0, y + height);
            write!(
                out,
                "<path class=\"box\" d=\"M{inner} {y}H{right}L{end} {middle}L{right} {below}H{inner}L{x} {middle}Z\"/>"
            )
        }
        ref kind => {
            let round = if matches!(kind, StepKind::Webhook(_)) { height / 2.0 } else { 6.0 };
            write!(
                out,
                "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{round}\"/>"
            )
        }
    };
}

fn name(step: &Step) -> &str {
    step.name.as_ref().unwrap_or(&step.id)
}

/// The second line: the kind, and the id where a name stands above.
fn under(step: &Step) -> String {
    let kind = match &step.kind {
        StepKind::Webhook(webhook) if webhook.mapping.is_none() => "webhook, starts here",
        StepKind::Webhook(_) => "webhook, held here",
        kind => kind.word(),
    };
    match &step.name {
        Some(_) => short(&format!("{kind} · {}", step.id), NAME_MAX),
        None => kind.to_owned(),
    }
}

/// What stands on a way, and the class of its line.
fn text(cycle: &Cycle, from: StepIndex, edge: &Ending) -> (String, &'static str) {
    let Ending::Edge(edge) = edge else { return (String::new(), "failed") };
    match (edge, &cycle.step(from).kind) {
        (Edge::Case(at), StepKind::Decision(decision)) => {
            (decision.cases.get(*at).map(|case| said(&case.when)).unwrap_or_default(), "case")
        }
        (Edge::Expires, _) => ("expires".to_owned(), "expires"),
        (Edge::Error, _) => ("on error".to_owned(), "error"),
        (Edge::Else, _) => ("else".to_owned(), "else"),
        _ => (String::new(), "next"),
    }
}

/// A condition in few words: `state equals "Despatched"`.
fn said(condition: &Condition) -> String {
    let several = |all: &[Condition], word: &str| all.iter().map(said).collect::<Vec<_>>().join(word);
    match condition {
        Condition::All(all) => several(all, " and "),
        Condition::Any(any) => several(any, " or "),
        Condition::Not(inner) => format!("not {}", said(inner)),
        Condition::Test { value, operator } => {
            let path = value.text();
            let last = path.rsplit(['.']).next().unwrap_or(path);
            format!("{} {}", if last.contains(')') { path } else { last }, operator.written())
        }
    }
}

fn short(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

/// About how wide a text is, where most of its letters are so wide.
pub(super) fn wide(text: &str, letter: f64) -> f64 {
    let of = |character: char| match character {
        'i' | 'j' | 'l' | '.' | ',' | ':' | '\'' | '|' => 0.6,
        'm' | 'w' | 'M' | 'W' | '@' => 1.4,
        character if character.is_ascii_uppercase() => 1.2,
        character if !character.is_ascii() => 1.8,
        _ => 1.0,
    };
    text.chars().map(of).sum::<f64>() * letter
}

pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // No XML may hold them (XML 1.0, section 2.2).
            control if control.is_control() && control != '\n' && control != '\t' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}
