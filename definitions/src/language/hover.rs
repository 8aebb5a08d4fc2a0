//! What is said of the thing at a place.

use std::ops::Range;

use super::{
    outline::{self, Node, Scalar},
    output,
    place::{Place, Thing, find},
    reading::{Part, readings},
    shape::Shape,
    steps::{self, Scope, Step},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub range: Range<usize>,
    /// Markdown.
    pub text: String,
}

/// At a byte of a text, which need not be whole.
pub fn hover(text: &str, offset: usize) -> Option<Hover> {
    if text.len() > crate::yaml::TEXT_BYTES_MAX {
        return None;
    }
    let documents = outline::documents(text);
    let place = find(text, &documents, offset)?;
    let all = steps::steps(text, place.document);
    let scope = Scope::at(&all, &place.path);
    let said = match &place.thing {
        Thing::Key { entries, at } => {
            let range = entries[*at].key.clone();
            let said = all.iter().chain(all.iter().flat_map(|step| &step.inner)).find(|step| step.range == range);
            let said = said.map(|step| of_step(step, &all)).or_else(|| of_key(text, &place, &text[range.clone()]));
            said.map(|text| (range, text))
        }
        Thing::Scalar(scalar) => of_scalar(text, &place, scalar, &scope, offset),
    };
    said.map(|(range, text)| Hover { range, text })
}

fn of_key(text: &str, place: &Place<'_>, key: &str) -> Option<String> {
    let property = Shape::at(text, &place.document.root, &place.path).property(key)?;
    Some(format!("`{key}`\n\n{}", property.description))
}

fn of_scalar(
    text: &str,
    place: &Place<'_>,
    scalar: &Scalar,
    scope: &Scope<'_, '_>,
    offset: usize,
) -> Option<(Range<usize>, String)> {
    let written = &text[scalar.range.clone()];
    let key = place.key().unwrap_or_default();
    if names_a_step(key) && place.path.len() > 1 {
        if written == "end" {
            return Some((scalar.range.clone(), "`end`\n\nThe transaction ends here.".to_owned()));
        }
        let step = scope.beside().iter().chain(scope.step.into_iter().flat_map(|step| &step.inner));
        let step = step.into_iter().find(|step| step.id == written)?;
        return Some((scalar.range.clone(), of_step(step, scope.beside())));
    }
    let within = offset - scalar.range.start;
    let path = readings(written).find(|path| path.range.start <= within && within <= path.range.end)?;
    let said = of_path(text, place, scope, &written[path.range.clone()], &path.names())?;
    Some((scalar.range.start + path.range.start..scalar.range.start + path.range.end, said))
}

/// Keys whose value is the id of a step.
pub fn names_a_step(key: &str) -> bool {
    matches!(key, "next" | "else" | "to" | "first" | "on_error")
}

/// Its kind, and what stands before and behind it.
fn of_step(step: &Step<'_>, beside: &[Step<'_>]) -> String {
    let mut lines = vec![format!("`{}`: {}", step.id, output::what(step))];
    if let Some((kind, _)) = step.kind {
        lines.extend(kind_says(kind));
    }
    let from = |lead: &Step<'_>| lead.leads.iter().any(|lead| lead.to == step.id);
    let comes: Vec<String> = beside.iter().filter(|step| from(step)).map(|step| format!("`{}`", step.id)).collect();
    lines.push(match (comes.is_empty(), step.kind) {
        (false, _) => format!("Comes from {}.", comes.join(", ")),
        (true, Some(("webhook", _))) => "Nothing leads here: transactions start here.".to_owned(),
        (true, _) => "Nothing leads here.".to_owned(),
    });
    let by = |by: &str| if by == "next" { String::new() } else { format!(" ({by})") };
    let leads: Vec<String> = step.leads.iter().map(|lead| format!("`{}`{}", lead.to, by(lead.by))).collect();
    lines.push(match leads.is_empty() {
        false => format!("Leads to {}.", leads.join(", ")),
        true => "Leads nowhere: the run ends here.".to_owned(),
    });
    lines.join("\n\n")
}

/// The schema's words on a kind of step.
fn kind_says(kind: &str) -> Option<String> {
    let nothing = Node { value: outline::Value::Nothing };
    let at = [super::place::Segment::Key("steps"), super::place::Segment::Key("a")];
    Shape::at("", &nothing, &at).property(kind).map(|property| property.description)
}

fn of_path(text: &str, place: &Place<'_>, scope: &Scope<'_, '_>, path: &str, parts: &[Part<'_>]) -> Option<String> {
    if Shape::at(text, &place.document.root, &place.path).is("hitPath") {
        return Some(format!("`{path}`\n\nFound in the request that arrives."));
    }
    let Some(Part::Name(id)) = parts.first() else { return None };
    let inner = scope.step.map(|step| step.inner.as_slice()).filter(|_| scope.inside.is_some()).unwrap_or_default();
    let step = inner.iter().chain(scope.all).find(|step| step.id == *id)?;
    if scope.is_around(step) {
        return Some(format!("`{path}`\n\nThe element that `{id}` is at (`item`), or its place from 0 (`index`)."));
    }
    let mut lines = vec![format!("`{path}`"), format!("Of what step `{id}` ({}) put out.", output::what(step))];
    lines.extend(step.kind.and_then(|(kind, _)| kind_says(kind)));
    Some(lines.join("\n\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str = "cycle: order
steps:
  placed: { name: An order, webhook: , next: check }
  check:
    decision:
      - when: { value: $.placed.body.sum, at_least: 5 }
        next: ship
      - else: end
  ship:
    each:
      in: $.placed.body.lines
      steps:
        one: { set: \"${$.ship.item} ${$.placed.body}\", next: two }
        two: { set: \"${$.one}\" }
    next: held
  held:
    webhook:
      mapping: [{ hit: $.body.id, transaction: $.placed.body.id }]
      expires: { after: 1h, next: late }
  late: { fail: \"${$.other.body} ${$.held.body}\" }
";

    /// What is said at the first letter of the `nth` such text, and about what.
    fn at(what: &str, nth: usize) -> Option<(&'static str, String)> {
        let (offset, _) = ORDER.match_indices(what).nth(nth).expect("it is there");
        hover(ORDER, offset).map(|hover| (&ORDER[hover.range], hover.text))
    }

    #[track_caller]
    fn check(what: &str, nth: usize, about: &str, says: &[&str]) {
        let (range, text) = at(what, nth).unwrap_or_else(|| panic!("nothing of {what}"));
        assert_eq!(range, about);
        for one in says {
            assert!(text.contains(one), "{one} is not in {text}");
        }
    }

    #[test]
    fn a_key_and_an_operator_say_what_the_schema_says() {
        check("cycle", 0, "cycle", &["The cycle's name"]);
        check("decision", 0, "decision", &["The first case whose condition holds"]);
        check("at_least", 0, "at_least", &["Is greater or the same."]);
        check("mapping", 0, "mapping", &["Which held transaction a request belongs to"]);
        check("after", 0, "after", &["1s to 31d."]);
        check("next", 0, "next", &["Where it goes on; left out, the run ends here."]);
    }

    #[test]
    fn a_step_says_its_kind_and_its_ways() {
        check("placed", 0, "placed", &["webhook: An order", "Receives requests", "start here", "Leads to `check`."]);
        check("check", 0, "check", &["decision", "Comes from `placed`.", "Leads to `ship`, `end` (else)."]);
        check("held", 1, "held", &["Comes from `ship`.", "`late` (expires)"]);
        check("two", 0, "two", &["Comes from `one`.", "Leads nowhere"]);
        check("end", 0, "end", &["The transaction ends"]);
        check("late", 1, "late", &["fail", "Comes from `held`."]);
    }

    #[test]
    fn a_path_says_whose_output_it_reads() {
        check("$.placed.body.sum", 0, "$.placed.body.sum", &["Of what step `placed` (webhook: An order) put out."]);
        check("$.ship.item", 0, "$.ship.item", &["The element that `ship` is at"]);
        check("$.placed.body}", 0, "$.placed.body", &["step `placed`"]);
        check("$.one", 0, "$.one", &["step `one` (set)"]);
        check("$.body.id", 0, "$.body.id", &["Found in the request that arrives."]);
        check("$.held.body", 0, "$.held.body", &["step `held` (webhook)"]);
        assert_eq!(at("$.other", 0), None);
    }

    #[test]
    fn nothing_is_said_of_what_is_the_author_s_own() {
        assert_eq!(at("An order", 0), None);
        assert_eq!(at("5 }", 0), None);
        assert_eq!(hover("", 0), None);
        assert_eq!(hover("cycle: a", 99), None);
    }
}
