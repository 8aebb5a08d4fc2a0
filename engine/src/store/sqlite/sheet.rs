//! A set of rows as two parameters: JSONB for what is small, one blob for what may be large.
//!
//! A statement reads the JSONB through `jsonb_each` (one element a row, columns by position) and the
//! blob through `substr(?3, offset, length)`. So nothing is escaped, translated or parsed: `->>`
//! finds a column by its neighbours' lengths. JSON as text took twice the time of the whole insert.
//!
//! The format is SQLite's own on disk (<https://sqlite.org/jsonb.html>): each element is a header,
//! its low four bits the kind, its high four the length of what follows or of the length itself.

use uuid::Uuid;

use crate::clock::Micros;

/// Kinds of element.
const NULL: u8 = 0;
const INT: u8 = 3;
/// Text as SQL has it: its bytes are taken as they are, whatever they hold.
const TEXTRAW: u8 = 10;
const ARRAY: u8 = 11;

/// High bits that say how many bytes of length follow.
const LENGTH_1: u8 = 12 << 4;
const LENGTH_2: u8 = 13 << 4;
const LENGTH_4: u8 = 14 << 4;
const HEADER_4: usize = 5;

#[derive(Debug)]
pub struct Sheet {
    rows: Vec<u8>,
    heap: Vec<u8>,
}

impl Sheet {
    pub fn new() -> Self {
        let mut rows = Vec::with_capacity(256);
        open_array(&mut rows);
        // Never empty: `substr` of an empty blob is NULL.
        Self { rows, heap: vec![0] }
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
        let at = open_array(&mut self.rows);
        Row { sheet: self, at }
    }

    /// (rows, blob)
    pub fn finish(mut self) -> (Vec<u8>, Vec<u8>) {
        close_array(&mut self.rows, 0);
        (self.rows, self.heap)
    }
}

/// The header of an array whose length is not known yet; where it stands.
fn open_array(rows: &mut Vec<u8>) -> usize {
    let at = rows.len();
    rows.extend_from_slice(&[ARRAY | LENGTH_4, 0, 0, 0, 0]);
    at
}

fn close_array(rows: &mut [u8], at: usize) {
    // A batch is bounded far below 4 GiB.
    let length = u32::try_from(rows.len() - at - HEADER_4).unwrap_or(u32::MAX);
    rows[at + 1..at + HEADER_4].copy_from_slice(&length.to_be_bytes());
}

/// One row being written; it ends when dropped.
pub struct Row<'a> {
    sheet: &'a mut Sheet,
    at: usize,
}

impl Row<'_> {
    fn element(&mut self, kind: u8, content: &[u8]) -> &mut Self {
        let rows = &mut self.sheet.rows;
        let length = content.len();
        match (length, u8::try_from(length), u16::try_from(length)) {
            (0..=11, Ok(length), _) => rows.push(kind | length << 4),
            (_, Ok(length), _) => rows.extend_from_slice(&[kind | LENGTH_1, length]),
            (_, _, Ok(length)) => {
                rows.push(kind | LENGTH_2);
                rows.extend_from_slice(&length.to_be_bytes());
            }
            _ => {
                rows.push(kind | LENGTH_4);
                rows.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
            }
        }
        rows.extend_from_slice(content);
        self
    }

    pub fn null(&mut self) -> &mut Self {
        self.element(NULL, &[])
    }

    pub fn int(&mut self, value: impl Into<i64>) -> &mut Self {
        use std::io::Write as _;
        let mut digits = [0; 20];
        let mut rest = &mut digits[..];
        // Twenty digits hold every 64-bit integer with its sign.
        let _ = write!(rest, "{}", value.into());
        let written = 20 - rest.len();
        self.element(INT, &digits[..written])
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
        self.element(TEXTRAW, value.as_bytes())
    }

    pub fn maybe_text(&mut self, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(value),
            None => self.null(),
        }
    }

    /// For `CAST(… AS BLOB)`: for what is small.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.element(TEXTRAW, value)
    }

    pub fn maybe_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
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
        close_array(&mut self.sheet.rows, self.at);
    }
}
