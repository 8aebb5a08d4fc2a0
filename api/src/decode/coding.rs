//! Content codings (RFC 9110 §8.4.1) undone, within bounds.
//!
//! Invariant: never more than the cap is held, however much a body claims to hold: it is read
//! through a window that ends one byte past it.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::Fault;
use crate::Limits;

/// What `Accept-Encoding` says with a `415` (RFC 9110 §15.5.16).
pub const UNDERSTOOD: &str = "gzip, deflate, br, zstd, identity";

/// The largest window of a zstd body on the web (RFC 9659 §3).
const ZSTD_WINDOW_MAX: u64 = 8 << 20;
const BROTLI_BUFFER: usize = 4 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Identity,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// The one coding of a `Content-Encoding` field; an error that says what is wrong with it where
    /// it is unknown or one of several.
    pub fn of(field: &str) -> Result<Self, String> {
        let names = field.split(',').map(|name| name.trim().to_ascii_lowercase());
        let names: Vec<String> = names.filter(|name| !name.is_empty() && name != "identity").collect();
        match names.as_slice() {
            [] => Ok(Self::Identity),
            [name] => match name.as_str() {
                "gzip" | "x-gzip" => Ok(Self::Gzip),
                "deflate" => Ok(Self::Deflate),
                "br" => Ok(Self::Brotli),
                "zstd" => Ok(Self::Zstd),
                _ => Err(format!("The content coding {name} is not understood; there are {UNDERSTOOD}.")),
            },
            several => Err(format!("The body is coded {} times over; once is read.", several.len())),
        }
    }

    pub fn undo(self, raw: &Bytes, limits: &Limits) -> Result<Bytes, Fault> {
        let bound = Bound::of(raw.len(), limits);
        match self {
            Self::Identity => Ok(raw.clone()),
            _ if raw.is_empty() => Ok(Bytes::new()),
            Self::Gzip => bound.read(MultiGzDecoder::new(raw.as_ref()), "gzip"),
            // Meant is zlib (RFC 9110 §8.4.1.2); some send the bare stream within.
            Self::Deflate if is_zlib(raw) => bound.read(ZlibDecoder::new(raw.as_ref()), "deflate"),
            Self::Deflate => bound.read(DeflateDecoder::new(raw.as_ref()), "deflate"),
            Self::Brotli => bound.read(brotli_decompressor::Decompressor::new(raw.as_ref(), BROTLI_BUFFER), "br"),
            Self::Zstd => zstd(raw, &bound),
        }
    }
}

/// How much may come out, and which limit it is that says so.
struct Bound {
    max: usize,
    fault: Fault,
}

impl Bound {
    fn of(raw: usize, limits: &Limits) -> Self {
        let expanded = raw.saturating_mul(limits.expansion_ratio).max(limits.expansion_free_bytes);
        if expanded < limits.body_bytes {
            let fault = Fault::Limit { limit: "expansion_ratio", max: limits.expansion_ratio };
            Self { max: expanded, fault }
        } else {
            Self { max: limits.body_bytes, fault: Fault::Limit { limit: "body_bytes", max: limits.body_bytes } }
        }
    }

    fn read(&self, from: impl Read, coding: &str) -> Result<Bytes, Fault> {
        let mut read = Vec::new();
        let wrong = |error| Fault::nowhere(format!("the body is no {coding}: {error}"));
        from.take(self.max as u64 + 1).read_to_end(&mut read).map_err(wrong)?;
        if read.len() > self.max { Err(self.fault.clone()) } else { Ok(read.into()) }
    }
}

/// RFC 1950 §2.2: the method is 8 and the first two bytes are a multiple of 31.
fn is_zlib(raw: &[u8]) -> bool {
    matches!(raw, [first, second, ..] if first & 0x0f == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

/// Every frame of the body, one after another (RFC 8878 §3).
fn zstd(raw: &Bytes, bound: &Bound) -> Result<Bytes, Fault> {
    let mut rest = raw.as_ref();
    let mut whole = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = skippable(rest) {
            rest = after;
            continue;
        }
        if zstd_window(rest).is_none_or(|window| window > ZSTD_WINDOW_MAX) {
            return Err(Fault::nowhere("the body is no zstd, or has a window over 8 MiB"));
        }
        let wrong = |error: &dyn std::fmt::Display| Fault::nowhere(format!("the body is no zstd: {error}"));
        let mut frame = ruzstd::decoding::StreamingDecoder::new(rest).map_err(|error| wrong(&error))?;
        let left = bound.max - whole.len();
        (&mut frame).take(left as u64 + 1).read_to_end(&mut whole).map_err(|error| wrong(&error))?;
        if whole.len() > bound.max {
            return Err(bound.fault.clone());
        }
        rest = frame.into_inner();
    }
    Ok(whole.into())
}

/// What comes after a frame that holds nothing (RFC 8878 §3.1.2).
fn skippable(frame: &[u8]) -> Option<&[u8]> {
    let (head, rest) = frame.split_first_chunk::<8>()?;
    let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d] = *head else { return None };
    rest.get(u32::from_le_bytes([a, b, c, d]) as usize..)
}

/// The window that a frame asks for, read before anything is allocated for it (RFC 8878 §3.1.1.1).
fn zstd_window(frame: &[u8]) -> Option<u64> {
    let rest = frame.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?;
    let (descriptor, rest) = rest.split_first()?;
    if descriptor & 0x20 == 0 {
        let window = rest.first()?;
        let base = 1_u64 << (10 + (window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment: the window is the content's size, which comes after the dictionary's id.
    let rest = rest.get([0, 1, 2, 4][usize::from(descriptor & 3)]..)?;
    let bytes = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let size = rest.get(..bytes)?.iter().rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
    Some(if bytes == 2 { size + 256 } else { size })
}
