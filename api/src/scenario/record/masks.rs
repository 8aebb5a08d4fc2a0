//! Values that are replaced by placeholders, wherever they stand.

use std::collections::BTreeMap;

use holdfast_definitions::{Action, Json, Key, Members, Path, Request, RequestBody};

use super::Unrecordable;

/// From here a text is found inside others, whatever stands beside it.
const LONG: usize = 4;
/// The first of the numbers that stand for others.
const NUMBERS_FROM: usize = 900_000_000;

/// What is replaced, the longest first, so that none is found inside another.
#[derive(Debug, Default)]
pub struct Masks(Vec<Mask>);

#[derive(Debug)]
struct Mask {
    value: String,
    placeholder: String,
    /// It is found inside words too.
    anywhere: bool,
}

impl Masks {
    /// The values at these paths into each hit.
    pub fn of<'a>(hits: impl Iterator<Item = &'a Json>, paths: &[Path]) -> Result<Self, Unrecordable> {
        let mut known = Known::default();
        for hit in hits {
            for path in paths {
                let found = path.all(hit).map_err(|_| Unrecordable::Mask { path: path.text().to_owned() })?;
                found.into_iter().for_each(|value| known.add(value));
            }
        }
        let mask = |(value, placeholder): (String, String)| {
            let is_number = value.starts_with(|first: char| first.is_ascii_digit() || first == '-');
            Mask { anywhere: value.chars().count() >= LONG && !is_number, value, placeholder }
        };
        let mut all: Vec<Mask> = known.forms.into_iter().map(mask).collect();
        all.sort_by(|left, right| right.value.len().cmp(&left.value.len()).then_with(|| left.value.cmp(&right.value)));
        Ok(Self(all))
    }

    pub fn json(&self, value: &Json) -> Json {
        match value {
            Json::Text(text) => Json::from(self.text(text)),
            Json::Number(_) => match self.text(&value.to_string()) {
                text if text == value.to_string() => value.clone(),
                text => Json::parse(text.as_bytes()).unwrap_or(Json::Text(text)),
            },
            Json::Array(items) => items.iter().map(|item| self.json(item)).collect(),
            Json::Object(members) => {
                let member = |(name, value): (&String, &Json)| (self.text(name), self.json(value));
                Json::from(members.iter().map(member).collect::<Members>())
            }
            other => other.clone(),
        }
    }

    pub fn action(&self, action: &Action) -> Action {
        let Action::Hit(request) = action else { return action.clone() };
        let pairs = |pairs: &[(String, String)]| {
            pairs.iter().map(|(name, value)| (name.clone(), self.text(value))).collect::<Vec<_>>()
        };
        let body = match &request.body {
            RequestBody::None => RequestBody::None,
            RequestBody::Json(body) => RequestBody::Json(self.json(body)),
            RequestBody::Raw(text) => RequestBody::Raw(self.text(text)),
        };
        let (headers, query) = (pairs(&request.headers), pairs(&request.query));
        Action::Hit(Box::new(Request { headers, query, body, ..(**request).clone() }))
    }

    /// From left to right: what was put in is not looked at again.
    fn text(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let (mut rest, mut before) = (text, None);
        while let Some(first) = rest.chars().next() {
            let mask = self.0.iter().find(|mask| mask.stands_at(rest, before));
            let taken = mask.map_or(first.len_utf8(), |mask| mask.value.len());
            let (found, after) = rest.split_at(taken);
            out.push_str(mask.map_or(found, |mask| &mask.placeholder));
            before = found.chars().next_back();
            rest = after;
        }
        out
    }
}

impl Mask {
    fn stands_at(&self, text: &str, before: Option<char>) -> bool {
        let joins = |beside: Option<char>| beside.is_some_and(char::is_alphanumeric);
        text.strip_prefix(self.value.as_str())
            .is_some_and(|after| self.anywhere || !(joins(before) || joins(after.chars().next())))
    }
}

#[derive(Default)]
struct Known {
    /// By the key that each value would be: what matches has one placeholder.
    placeholders: BTreeMap<Vec<u8>, String>,
    forms: BTreeMap<String, String>,
}

impl Known {
    fn add(&mut self, value: &Json) {
        match value {
            Json::Array(items) => items.iter().for_each(|item| self.add(item)),
            Json::Object(members) => members.values().for_each(|value| self.add(value)),
            Json::Text(text) => self.put(text, value),
            Json::Number(_) => self.put(&value.to_string(), value),
            // There are two of them, and one of nothing.
            Json::Bool(_) | Json::Null => {}
        }
    }

    fn put(&mut self, text: &str, value: &Json) {
        if text.is_empty() {
            return;
        }
        let key = Key::from_values([Some(value)]).ok();
        let is_number = key.as_ref().is_some_and(|key| matches!(key.parts().first(), Some(Json::Number(_))));
        let bytes = key.map_or_else(|| text.as_bytes().to_vec(), |key| key.bytes().to_vec());
        let next = self.placeholders.len() + 1;
        let placeholder = self.placeholders.entry(bytes).or_insert_with(|| match is_number {
            true => (NUMBERS_FROM + next).to_string(),
            false => format!("masked-{next}"),
        });
        let placeholder = placeholder.clone();
        self.forms.extend(forms(text).into_iter().map(|form| (form, placeholder.clone())));
    }
}

/// As it is, and as it stands in an address, a form, a JSON text or in XML.
fn forms(value: &str) -> Vec<String> {
    let form: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
    let percent = form.replace('+', "%20");
    let mut json = String::new();
    holdfast_definitions::write_text(value, &mut json);
    let json = json.trim_start_matches('"').trim_end_matches('"').to_owned();
    let xml = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let quoted = xml.replace('"', "&quot;").replace('\'', "&apos;");
    vec![value.to_owned(), form, percent, json, xml, quoted]
}
