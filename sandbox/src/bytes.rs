//! `base64`, `hex`, `hash` and `hmac`. A text stands for its UTF-8, a `Uint8Array` for its bytes.
//!
//! Invariant: what is not UTF-8 never becomes a text; it is asked for as `"bytes"` or refused.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rquickjs::{Ctx, Function, IntoJs as _, Object, Result, TypedArray, Value, function::Opt};
use sha2::Digest as _;

use crate::helpers::{refuse, within};

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

pub fn install(ctx: &Ctx<'_>) -> Result<()> {
    let base64 = Object::new(ctx.clone())?;
    base64.set("encode", Function::new(ctx.clone(), base64_encode)?)?;
    base64.set("decode", Function::new(ctx.clone(), base64_decode)?)?;
    let hex = Object::new(ctx.clone())?;
    hex.set("encode", Function::new(ctx.clone(), hex_encode)?)?;
    hex.set("decode", Function::new(ctx.clone(), hex_decode)?)?;
    let globals = ctx.globals();
    globals.set("base64", base64)?;
    globals.set("hex", hex)?;
    globals.set("hash", Function::new(ctx.clone(), hash)?)?;
    globals.set("hmac", Function::new(ctx.clone(), keyed)?)
}

fn taken<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Vec<u8>> {
    if let Some(text) = value.as_string() {
        let text = text.to_string()?;
        within(ctx, text.len())?;
        return Ok(text.into_bytes());
    }
    let array =
        TypedArray::<u8>::from_value(value.clone()).map_err(|_| refuse(ctx, "the data is a text or a Uint8Array"))?;
    within(ctx, array.len())?;
    (0..array.len()).map(|index| array.as_object().get::<u32, u8>(u32::try_from(index).unwrap_or(u32::MAX))).collect()
}

/// Bytes as the caller wants them.
fn given<'js>(ctx: &Ctx<'js>, bytes: Vec<u8>, encoding: &str) -> Result<Value<'js>> {
    match encoding {
        "hex" => hex_text(&bytes).into_js(ctx),
        "base64" => general_purpose::STANDARD.encode(bytes).into_js(ctx),
        "base64url" => general_purpose::URL_SAFE_NO_PAD.encode(bytes).into_js(ctx),
        "bytes" => Ok(TypedArray::new(ctx.clone(), bytes)?.into_value()),
        "text" => {
            String::from_utf8(bytes).map_err(|_| refuse(ctx, "the bytes are no UTF-8: ask for \"bytes\""))?.into_js(ctx)
        }
        other => Err(refuse(ctx, format!("there is no encoding {other:?}: hex, base64, base64url, bytes or text"))),
    }
}

fn hex_text(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn base64_encode<'js>(ctx: Ctx<'js>, data: Value<'js>, encoding: Opt<String>) -> Result<Value<'js>> {
    let bytes = taken(&ctx, &data)?;
    given(&ctx, bytes, encoding.0.as_deref().unwrap_or("base64"))
}

/// Both alphabets, with padding or without.
fn base64_decode<'js>(ctx: Ctx<'js>, text: String, encoding: Opt<String>) -> Result<Value<'js>> {
    within(&ctx, text.len())?;
    let bytes = if text.contains(['-', '_']) { URL_SAFE.decode(&text) } else { STANDARD.decode(&text) };
    let bytes = bytes.map_err(|error| refuse(&ctx, format!("base64: {error}")))?;
    given(&ctx, bytes, encoding.0.as_deref().unwrap_or("text"))
}

fn hex_encode<'js>(ctx: Ctx<'js>, data: Value<'js>) -> Result<String> {
    Ok(hex_text(&taken(&ctx, &data)?))
}

fn hex_decode<'js>(ctx: Ctx<'js>, text: String, encoding: Opt<String>) -> Result<Value<'js>> {
    within(&ctx, text.len())?;
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes: Option<Vec<u8>> = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    let bytes =
        bytes.filter(|_| rest.is_empty()).ok_or_else(|| refuse(&ctx, "hex: not pairs of hexadecimal digits"))?;
    given(&ctx, bytes, encoding.0.as_deref().unwrap_or("text"))
}

fn hash<'js>(ctx: Ctx<'js>, algorithm: String, data: Value<'js>, encoding: Opt<String>) -> Result<Value<'js>> {
    let data = taken(&ctx, &data)?;
    let digest = match algorithm.as_str() {
        "sha256" => sha2::Sha256::digest(&data).to_vec(),
        "sha512" => sha2::Sha512::digest(&data).to_vec(),
        "sha1" => sha1::Sha1::digest(&data).to_vec(),
        "md5" => md5::Md5::digest(&data).to_vec(),
        other => return Err(no_algorithm(&ctx, other)),
    };
    given(&ctx, digest, encoding.0.as_deref().unwrap_or("hex"))
}

fn keyed<'js>(
    ctx: Ctx<'js>,
    algorithm: String,
    key: Value<'js>,
    data: Value<'js>,
    encoding: Opt<String>,
) -> Result<Value<'js>> {
    let (key, data) = (taken(&ctx, &key)?, taken(&ctx, &data)?);
    macro_rules! code {
        ($hash:ty) => {
            Hmac::<$hash>::new_from_slice(&key).map(|mac| mac.chain_update(&data).finalize().into_bytes().to_vec())
        };
    }
    let code = match algorithm.as_str() {
        "sha256" => code!(sha2::Sha256),
        "sha512" => code!(sha2::Sha512),
        "sha1" => code!(sha1::Sha1),
        "md5" => code!(md5::Md5),
        other => return Err(no_algorithm(&ctx, other)),
    };
    let code = code.map_err(|error| refuse(&ctx, error))?;
    given(&ctx, code, encoding.0.as_deref().unwrap_or("hex"))
}

fn no_algorithm(ctx: &Ctx<'_>, name: &str) -> rquickjs::Error {
    refuse(ctx, format!("there is no algorithm {name:?}: sha256, sha512, sha1 or md5"))
}
