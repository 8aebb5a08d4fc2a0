//! A request's body as a test writes it: a JSON value, or JSON text where the digits matter.

use holdfast_definitions::Json;
use serde_json::Value;

/// JSON text, exactly as it will be sent.
pub struct Body(pub String);

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self(value.to_string())
    }
}

/// The text itself is the JSON: `r#"{"id": 9007199254740993}"#` keeps every digit.
impl From<&str> for Body {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Body {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Body {
    /// Panics where the text is no JSON: the test is wrong.
    pub fn json(&self) -> Json {
        Json::parse(self.0.as_bytes()).expect("a test's body is JSON")
    }
}

/// As a test compares it. Numbers beyond 64 bits lose digits here: compare those as text.
pub fn value(json: &Json) -> Value {
    serde_json::from_str(&json.to_string()).expect("JSON writes itself as JSON")
}
