//! Where the name at a place is defined: a step, a variable, a connector.

use std::ops::Range;

use super::{
    hover::names_a_step,
    outline::{self, Node, Scalar},
    place::{Place, Thing, find},
    reading::{Part, readings},
    shape::Shape,
    steps::{self, Scope},
};

/// A name, and where it is defined: ranges of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    pub name: Range<usize>,
    pub defined: Range<usize>,
}

/// Of the name at a byte of a text.
pub fn definition(text: &str, offset: usize) -> Option<Definition> {
    if text.len() > crate::yaml::TEXT_BYTES_MAX {
        return None;
    }
    let documents = outline::documents(text);
    let place = find(text, &documents, offset)?;
    let Thing::Scalar(scalar) = &place.thing else { return None };
    let written = &text[scalar.range.clone()];
    let all = steps::steps(text, place.document);
    let scope = Scope::at(&all, &place.path);
    if place.key() == Some("connector") {
        let mut names = documents.iter().filter_map(|document| document.root.get(text, "connector"));
        let named = names.find_map(|node| match &node.value {
            outline::Value::Scalar(name) if text.get(name.range.clone()) == Some(written) => Some(name.range.clone()),
            _ => None,
        })?;
        return Some(Definition { name: scalar.range.clone(), defined: named });
    }
    if names_a_step(place.key()?) && place.path.len() > 1 {
        let inner = scope.step.map(|step| step.inner.as_slice()).unwrap_or_default();
        let step = scope.beside().iter().chain(inner).find(|step| step.id == written)?;
        return Some(Definition { name: scalar.range.clone(), defined: step.range.clone() });
    }
    of_path(text, &place, scalar, &scope, offset).or_else(|| of_variable(text, &place, scalar, offset))
}

/// The step that a path begins with.
fn of_path(text: &str, place: &Place<'_>, scalar: &Scalar, scope: &Scope<'_, '_>, offset: usize) -> Option<Definition> {
    let start = scalar.range.start;
    let within = offset.checked_sub(start)?;
    let path =
        readings(&text[scalar.range.clone()]).find(|path| path.range.start <= within && within <= path.range.end)?;
    if Shape::at(text, &place.document.root, &place.path).is("hitPath") {
        return None;
    }
    let (Part::Name(id), range) = path.parts.first()? else { return None };
    let inner = scope.step.map(|step| step.inner.as_slice()).filter(|_| scope.inside.is_some()).unwrap_or_default();
    let step = inner.iter().chain(scope.all).find(|step| step.id == *id)?;
    Some(Definition { name: start + range.start..start + range.end, defined: step.range.clone() })
}

/// The declaration of `${vars.NAME}`.
fn of_variable(text: &str, place: &Place<'_>, scalar: &Scalar, offset: usize) -> Option<Definition> {
    let written = &text[scalar.range.clone()];
    let within = offset.checked_sub(scalar.range.start)?;
    let (at, name) = written.match_indices("vars.").find_map(|(at, prefix)| {
        let rest = &written[at + prefix.len()..];
        let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len())];
        (at <= within && within <= at + prefix.len() + name.len()).then_some((at, name))
    })?;
    let start = scalar.range.start + at;
    let defined = key(text, place.document.root.get(text, "vars")?, name)?;
    Some(Definition { name: start..start + "vars.".len() + name.len(), defined })
}

/// The range of a key of a map.
fn key(text: &str, node: &Node, name: &str) -> Option<Range<usize>> {
    let mut keys = node.entries().iter().map(|entry| entry.key.clone());
    keys.find(|key| text.get(key.clone()) == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "connector: shop
events: { changed: }
---
cycle: order
vars: { site: a }
steps:
  placed: { webhook: { connector: shop, event: changed }, next: all }
  all:
    each:
      in: $.placed.body
      first: two
      steps:
        one: { set: \"${$.all.item} of ${$.two.x}\" }
        two: { http: { url: \"https://${vars.site}/${$.placed.body.id}\" }, next: one, on_error: one }
    next: held
  held:
    webhook:
      mapping: [{ hit: $.body.placed, transaction: $.placed.body.id }]
      expires: { after: 1h, next: told }
    next: told
  told: { respond: { to: placed } }
";

    /// From the `nth` such text to the line and text that it leads to.
    #[track_caller]
    fn check(what: &str, nth: usize, name: &str, line: &str) {
        let (offset, _) = TEXT.match_indices(what).nth(nth).expect("it is there");
        let found = definition(TEXT, offset).unwrap_or_else(|| panic!("{what} leads nowhere"));
        assert_eq!(&TEXT[found.name], name);
        let start = TEXT[..found.defined.start].rfind('\n').map_or(0, |at| at + 1);
        let text = TEXT[start..].lines().next().unwrap_or_default().trim_start();
        assert!(text.starts_with(line), "{what} leads to {text}");
    }

    #[test]
    fn a_step_s_name_leads_to_the_step() {
        check("all }", 0, "all", "all:");
        check("two\n", 0, "two", "two:");
        check("one, on", 0, "one", "one:");
        check("one }\n    next", 0, "one", "one:");
        check("told }", 0, "told", "told:");
        check("placed } }", 0, "placed", "placed:");
    }

    #[test]
    fn a_path_leads_to_its_step() {
        check("$.placed.body\n", 0, "placed", "placed:");
        check("$.all.item", 0, "all", "all:");
        check("x}", 0, "two", "two:");
        check("placed.body.id}", 0, "placed", "placed:");
        check("$.placed.body.id }]", 0, "placed", "placed:");
    }

    #[test]
    fn variables_and_connectors_too() {
        check("vars.site", 0, "vars.site", "vars:");
        check("shop, event", 0, "shop", "connector: shop");
    }

    #[test]
    fn what_is_no_name_leads_nowhere() {
        for what in ["$.body.placed", "1h", "cycle", "order", "of $"] {
            let offset = TEXT.find(what).expect("it is there");
            assert_eq!(definition(TEXT, offset), None, "{what}");
        }
    }
}
