//! A set of rows as two parameters: JSON for what is small, one blob for what may be large.
//!
//! A statement reads the JSON through `json_each` (one element a row, columns by position) and the
//! blob through `substr(?3, offset, length)`. So bodies go in byte for byte, whatever they hold,
//! and are neither escaped nor parsed.

use uuid::Uuid;

use crate::clock::Micros;

#[derive(Debug)]
pub struct Sheet {
    json: String,
    heap: Vec<u8>,
    rows: usize,
}

impl Sheet {
    pub fn new() -> Self {
        // Never empty: `substr` of an empty blob is NULL.
        Self { json: String::from("["), heap: vec![0], rows: 0 }
    }

    /// A sheet with a row for each of `items`.
    pub fn of<'a, T: 'a>(items: impl IntoIterator<Item = &'a T>, mut write: impl FnMut(&mut Row<'_>, &T)) -> Self {
        let mut sheet = Self::new();
        for item in items {
            write(&mut sheet.row(), item);
        }
        sheet
    }

    pub fn row(&mut self) -> Row<'_> {
        if self.rows > 0 {
            self.json.push(',');
        }
        self.rows += 1;
        self.json.push('[');
        Row { sheet: self, columns: 0 }
    }

    /// (rows, blob)
    pub fn finish(mut self) -> (String, Vec<u8>) {
        self.json.push(']');
        (self.json, self.heap)
    }
}

/// One row being written; it ends when dropped.
pub struct Row<'a> {
    sheet: &'a mut Sheet,
    columns: usize,
}

impl Row<'_> {
    fn next(&mut self) -> &mut String {
        if self.columns > 0 {
            self.sheet.json.push(',');
        }
        self.columns += 1;
        &mut self.sheet.json
    }

    pub fn null(&mut self) -> &mut Self {
        self.next().push_str("null");
        self
    }

    pub fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        let value: i64 = value.into();
        self.next().push_str(&value.to_string());
        self
    }

    pub fn maybe_int(&mut self, value: Option<impl Into<i64>>) -> &mut Self {
        match value {
            Some(value) => self.int(value),
            None => self.null(),
        }
    }

    pub fn maybe_instant(&mut self, value: Option<Micros>) -> &mut Self {
        self.maybe_int(value)
    }

    pub fn text(&mut self, value: &str) -> &mut Self {
        let quoted = serde_json::Value::from(value).to_string();
        self.next().push_str(&quoted);
        self
    }

    pub fn maybe_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// Hexadecimal text, for `unhex`: for what is small.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let json = self.next();
        json.push('"');
        for byte in value {
            json.push(char::from(DIGITS[usize::from(byte >> 4)]));
            json.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        json.push('"');
        self
    }

    pub fn id(&mut self, value: Uuid) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    pub fn maybe_id(&mut self, value: Option<Uuid>) -> &mut Self {
        match value {
            Some(value) => self.id(value),
            None => self.null(),
        }
    }

    /// Two columns: where it begins in the blob, counted from 1, and its length in bytes.
    pub fn large(&mut self, value: &[u8]) -> &mut Self {
        let at = self.sheet.heap.len() as i64 + 1;
        self.sheet.heap.extend_from_slice(value);
        self.int(at).int(value.len() as i64)
    }

    pub fn maybe_large(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.large(value.as_bytes()),
            None => self.null().null(),
        }
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.sheet.json.push(']');
    }
}
