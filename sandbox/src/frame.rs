//! What passes between a pool and its workers: four bytes of length, little-endian, then JSON.
//!
//! Invariant: no frame above [`FRAME_BYTES_MAX`] is sent or read.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Limits, Returned, ScriptError};

/// A document of 4 MiB several times over, and the escapes of a text in a text.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

#[derive(Serialize, Deserialize)]
pub enum ToWorker {
    Run(Box<Run>),
    /// What the store has: a JSON text and its version.
    Found(Option<(String, i64)>),
}

#[derive(Serialize, Deserialize)]
pub struct Run {
    pub source: String,
    pub name: String,
    pub arguments: Vec<String>,
    pub now_ms: i64,
    pub seed: u64,
    pub first_line: u32,
    pub store: bool,
    /// Only read the script and look for the function.
    pub check: bool,
    pub limits: Limits,
}

#[derive(Serialize, Deserialize)]
pub enum FromWorker {
    Ready,
    Get(String),
    Done(Result<Returned, ScriptError>),
}

pub fn encode(value: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, value)?;
    let length = frame.len() - 4;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the frame is too large"));
    }
    let length = u32::try_from(length).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// The length that a frame's head says.
pub fn length(head: [u8; 4]) -> io::Result<usize> {
    let length = usize::try_from(u32::from_le_bytes(head)).map_err(io::Error::other)?;
    if length > FRAME_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the frame is too large"));
    }
    Ok(length)
}

pub fn write(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    out.write_all(&encode(value)?)?;
    out.flush()
}

pub fn read<T: DeserializeOwned>(input: &mut impl Read) -> io::Result<T> {
    let mut head = [0; 4];
    input.read_exact(&mut head)?;
    let mut body = vec![0; length(head)?];
    input.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}
