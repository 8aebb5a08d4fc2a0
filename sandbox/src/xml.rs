//! XML as a value, by one rule. The root is the only property; an attribute `a` is `@a`; a child
//! element is a property, and an array where it repeats; an element with nothing but text is that
//! text, beside attributes or children its text is `#text`; an element with nothing is null. Names
//! keep their prefixes as written, and `xmlns` attributes are attributes. Text loses its leading and
//! trailing white space, CDATA does not. Where text and elements mix, the texts are joined and
//! their places lost. Comments and processing instructions are dropped.
//!
//! Invariant: a DOCTYPE is refused, so no entity but XML's own five is ever expanded, and nothing
//! grows beyond what was sent.

use std::ops::Range;

use holdfast_definitions::{DEPTH_MAX, Json, Members};
use quick_xml::{
    XmlVersion,
    events::{BytesRef, BytesStart, Event},
    reader::Reader,
};

use crate::repeated::put_repeated;

/// Why a text is not read, and the byte at which that was seen.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct XmlError {
    pub at: usize,
    pub message: String,
}

pub fn parse_xml(text: &str) -> Result<Json, XmlError> {
    let mut reader = Reader::from_str(text);
    let mut tree = Tree { open: Vec::new(), root: None };
    loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader.read_event().map_err(|error| {
            let at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX);
            XmlError { at, message: error.to_string() }
        })?;
        let end = matches!(event, Event::Eof);
        tree.take(event).map_err(|message| XmlError { at, message })?;
        if end {
            return Ok(Json::from(Members::from_iter(tree.root)));
        }
    }
}

/// An element whose end has not come.
struct Element {
    name: String,
    members: Members,
    text: String,
    /// The part of `text` from the first CDATA to the last: white space in it stays.
    kept: Option<Range<usize>>,
}

struct Tree {
    open: Vec<Element>,
    root: Option<(String, Json)>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Start(start) => self.begin(&start),
            Event::Empty(start) => {
                self.begin(&start)?;
                self.end()
            }
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text.xml10_content()),
            Event::CData(data) => self.data(&data.xml10_content()),
            Event::GeneralRef(entity) => self.text(&expand(&entity)?),
            Event::DocType(_) => Err("a DOCTYPE is not read".to_owned()),
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => Ok(()),
            Event::Eof => match (self.open.last(), &self.root) {
                (Some(element), _) => Err(format!("the element {} has no end", element.name)),
                (None, None) => Err("there is no element".to_owned()),
                (None, Some(_)) => Ok(()),
            },
        }
    }

    fn begin(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        if self.root.is_some() {
            return Err("there is more than one root element".to_owned());
        }
        if self.open.len() == DEPTH_MAX {
            return Err(format!("elements are nested deeper than {DEPTH_MAX}"));
        }
        let mut members = Members::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let value = attribute.normalized_value(XmlVersion::Explicit1_0).map_err(|error| error.to_string())?;
            let name = format!("@{}", name_of(attribute.key.as_ref())?);
            members.insert(name, Json::Text(value.into_owned()));
        }
        let name = name_of(start.name().as_ref())?;
        self.open.push(Element { name, members, text: String::new(), kept: None });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let element = self.open.pop().ok_or("an end has no beginning")?;
        let (name, value) = element.finish();
        match self.open.last_mut() {
            Some(parent) => put_repeated(&mut parent.members, name, value),
            None => self.root = Some((name, value)),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), String> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.chars().all(is_space) => {}
            None => return Err("there is text outside the root element".to_owned()),
        }
        Ok(())
    }

    fn data(&mut self, text: &str) -> Result<(), String> {
        let element = self.open.last_mut().ok_or("there is text outside the root element")?;
        let start = element.kept.as_ref().map_or(element.text.len(), |kept| kept.start);
        element.text.push_str(text);
        element.kept = Some(start..element.text.len());
        Ok(())
    }
}

impl Element {
    fn finish(mut self) -> (String, Json) {
        let kept = self.kept.unwrap_or(self.text.len()..0);
        let start = (self.text.len() - self.text.trim_start_matches(is_space).len()).min(kept.start);
        let end = self.text.trim_end_matches(is_space).len().max(kept.end).max(start);
        let text = &self.text[start..end];
        let value = match (self.members.is_empty(), text.is_empty()) {
            (true, true) => Json::Null,
            (true, false) => Json::Text(text.to_owned()),
            (false, true) => Json::from(self.members),
            (false, false) => {
                self.members.insert("#text".to_owned(), Json::Text(text.to_owned()));
                Json::from(self.members)
            }
        };
        (self.name, value)
    }
}

/// XML's white space (XML 1.0 §2.3), which is less than Unicode's.
fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t' | '\r' | '\n')
}

/// A character reference or one of the five entities that need no declaration (XML 1.0 §4.6).
fn expand(entity: &BytesRef<'_>) -> Result<String, String> {
    if let Some(character) = entity.resolve_char_ref().map_err(|error| error.to_string())? {
        return Ok(character.to_string());
    }
    let name = entity.xml10_content();
    let character = match name.as_ref() {
        "lt" => "<",
        "gt" => ">",
        "amp" => "&",
        "quot" => "\"",
        "apos" => "'",
        unknown => return Err(format!("the entity {unknown} is not known")),
    };
    Ok(character.to_owned())
}

/// A name as written, prefix and all. Only what would make a nonsense of it is refused.
fn name_of(name: &str) -> Result<String, String> {
    let is_no_start = |first: char| first.is_ascii() && !first.is_ascii_alphabetic() && !matches!(first, '_' | ':');
    let breaks_it = |c: char| is_space(c) || ['<', '>', '&', '"', '\'', '=', '/', '@', '#'].contains(&c);
    if name.is_empty() || name.starts_with(is_no_start) || name.contains(breaks_it) {
        return Err(format!("{name:?} is no name"));
    }
    Ok(name.to_owned())
}

/// Writes a value by the same rule: an object with one property, the root.
pub fn format_xml(value: &Json) -> Result<String, String> {
    let Json::Object(members) = value else { return Err("the value is no object".to_owned()) };
    let mut all = members.iter();
    let (Some((name, root)), None) = (all.next(), all.next()) else {
        return Err("the value has one property, the root".to_owned());
    };
    if matches!(root, Json::Array(_)) {
        return Err("the root is an array".to_owned());
    }
    let mut out = String::new();
    write(&mut out, name, root)?;
    Ok(out)
}

fn write(out: &mut String, name: &str, value: &Json) -> Result<(), String> {
    let name = name_of(name)?;
    match value {
        Json::Array(values) => {
            for value in values.iter() {
                if matches!(value, Json::Array(_)) {
                    return Err(format!("{name} is an array in an array"));
                }
                write(out, &name, value)?;
            }
            return Ok(());
        }
        Json::Null => {
            out.push_str(&format!("<{name}/>"));
            return Ok(());
        }
        Json::Object(members) => {
            out.push_str(&format!("<{name}"));
            for (attribute, value) in members.iter() {
                let Some(attribute) = attribute.strip_prefix('@') else { continue };
                let attribute = name_of(attribute)?;
                out.push_str(&format!(" {attribute}=\""));
                escape(out, &scalar(value)?)?;
                out.push('"');
            }
            out.push('>');
            for (child, value) in members.iter().filter(|(child, _)| !child.starts_with('@')) {
                match child.as_str() {
                    "#text" => write_content(out, &scalar(value)?)?,
                    child => write(out, child, value)?,
                }
            }
        }
        scalar_value => {
            out.push_str(&format!("<{name}>"));
            write_content(out, &scalar(scalar_value)?)?;
        }
    }
    out.push_str(&format!("</{name}>"));
    Ok(())
}

/// Text whose white space at an end would be lost stands in CDATA, where it can.
fn write_content(out: &mut String, text: &str) -> Result<(), String> {
    let is_kept_only_there = text.starts_with(is_space) || text.ends_with(is_space);
    if is_kept_only_there && !text.contains("]]>") && !text.contains('\r') {
        out.push_str("<![CDATA[");
        out.push_str(text);
        out.push_str("]]>");
        return Ok(());
    }
    escape(out, text)
}

fn scalar(value: &Json) -> Result<String, String> {
    match value {
        Json::Null => Ok(String::new()),
        Json::Text(text) => Ok(text.clone()),
        Json::Array(_) | Json::Object(_) => Err(format!("{} stands where a text must", value.kind())),
        Json::Bool(_) | Json::Number(_) => {
            let mut text = String::new();
            value.write_to(&mut text);
            Ok(text)
        }
    }
}

fn escape(out: &mut String, text: &str) -> Result<(), String> {
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\r' | '\n' | '\t' => out.push_str(&format!("&#{};", u32::from(character))),
            // XML 1.0 §2.2 has no way to write these.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => {
                return Err(format!("U+{:04X} can't stand in XML", u32::from(character)));
            }
            other => out.push(other),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<String, String> {
        format_xml(&Json::parse(text.as_bytes()).expect("JSON"))
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in [
            r##"{"order":{"@id":"1\"","line":[{"sku":"A & B"},"<2>"],"note":null,"#text":" kept "}}"##,
            r#"{"a":"]]> &amp; \n."}"#,
            r#"{"s:Body":{"@xmlns:s":"urn:s","s:id":"7"}}"#,
        ] {
            let xml = written(text).expect("a document");
            assert_eq!(parse_xml(&xml).expect("it is read").to_string(), text, "{xml}");
        }
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"a":1,"b":2}"#,
            r#"{"a":[1,2]}"#,
            r#"{"1":2}"#,
            r#"{"a b":1}"#,
            r#"{"a>":1}"#,
            r#"{"a":{"b c":1}}"#,
            r#"{"a":{"@ ":1}}"#,
            r#"{"a":{"@x onload":1}}"#,
            r#"{"a":{"@x":{}}}"#,
            r#"{"a":{"b":[[1]]}}"#,
            r#"{"a":"\u0000"}"#,
        ] {
            assert!(written(text).is_err(), "{text}: {:?}", written(text));
        }
    }
}
