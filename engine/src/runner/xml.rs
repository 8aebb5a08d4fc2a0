//! JSON as XML, by the rule of XML bodies the other way: the root is the only property, attributes
//! are `@a`, text is `#text`, an array is an element repeated.

use holdfast_definitions::Json;

/// What is wrong with the value, where it is no document.
pub fn written(value: &Json) -> Result<String, String> {
    let root = match value {
        Json::Object(members) if members.len() == 1 => members.iter().next(),
        _ => None,
    };
    let Some((name, root)) = root.filter(|(_, root)| !matches!(root, Json::Array(_))) else {
        return Err("an XML document is made of an object with one property, its root".into());
    };
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    element(name, root, &mut text)?;
    Ok(text)
}

fn element(name: &str, value: &Json, text: &mut String) -> Result<(), String> {
    let is_first = |c: char| c.is_alphabetic() || c == '_';
    let is_later = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if !name.starts_with(is_first) || !name.chars().all(is_later) {
        return Err(format!("`{name}` is no name of an XML element"));
    }
    if let Json::Array(items) = value {
        return items.iter().try_for_each(|item| element(name, item, text));
    }
    text.push('<');
    text.push_str(name);
    let Json::Object(members) = value else {
        text.push('>');
        escaped(value, text);
        text.push_str(&format!("</{name}>"));
        return Ok(());
    };
    for (attribute, value) in members.iter().filter_map(|(name, value)| Some((name.strip_prefix('@')?, value))) {
        if !attribute.starts_with(is_first) || !attribute.chars().all(is_later) {
            return Err(format!("`{attribute}` is no name of an XML attribute"));
        }
        text.push_str(&format!(" {attribute}=\""));
        escaped(value, text);
        text.push('"');
    }
    text.push('>');
    for (name, value) in members.iter().filter(|(name, _)| !name.starts_with('@')) {
        match name.as_str() {
            "#text" => escaped(value, text),
            name => element(name, value, text)?,
        }
    }
    text.push_str(&format!("</{name}>"));
    Ok(())
}

fn escaped(value: &Json, text: &mut String) {
    let plain = match value {
        Json::Null => return,
        Json::Text(text) => text.clone(),
        other => other.to_string(),
    };
    for c in plain.chars() {
        match c {
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '&' => text.push_str("&amp;"),
            '"' => text.push_str("&quot;"),
            // What XML 1.0 has no way to write.
            c if c.is_control() && !matches!(c, '\t' | '\n' | '\r') => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_becomes_a_document() {
        let value = Json::parse(br##"{"order":{"@id":"1\"","line":[{"sku":"A & B"},{"#text":"<2>"}],"note":null}}"##);
        assert_eq!(
            written(&value.expect("JSON")).expect("a document"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><order id=\"1&quot;\"><line><sku>A &amp; B</sku></line>\
             <line>&lt;2&gt;</line><note></note></order>"
        );
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for text in
            ["[]", "{}", "{\"a\":1,\"b\":2}", "{\"a\":[1,2]}", "{\"1\":2}", "{\"a\":{\"b c\":1}}", "{\"a\":{\"@ \":1}}"]
        {
            assert!(written(&Json::parse(text.as_bytes()).expect("JSON")).is_err(), "{text}");
        }
    }
}
