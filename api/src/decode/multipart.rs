//! `multipart/form-data` (RFC 7578): fields as in a form; a part with a file name as
//! `{ filename, content_type, size, base64 }`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use holdfast_definitions::{Json, Members};
use http_body_util::{BodyDataStream, Full};
use multer::{Field, Multipart};

use super::Fault;
use crate::Limits;

/// What RFC 7578 §4.4 says of a part that names no type.
const TYPE_OF_A_PART: &str = "text/plain";

pub async fn read(body: Bytes, boundary: &str, limits: &Limits) -> Result<Json, Fault> {
    let mut parts = Multipart::new(BodyDataStream::new(Full::new(body)), boundary);
    let (mut members, mut count) = (Members::new(), 0);
    while let Some(part) = parts.next_field().await.map_err(|error| unreadable(&error))? {
        count += 1;
        if count > limits.body_parts {
            return Err(Fault::Limit { limit: "body_parts", max: limits.body_parts });
        }
        let name = part.name().ok_or_else(|| Fault::nowhere(format!("part {count} has no name")))?.to_owned();
        let value = value(part, &name).await?;
        holdfast_sandbox::put_repeated(&mut members, name, value);
    }
    Ok(Json::from(members))
}

async fn value(part: Field<'_>, name: &str) -> Result<Json, Fault> {
    let file = part.file_name().map(str::to_owned);
    let kind = part.content_type().map_or(TYPE_OF_A_PART.to_owned(), ToString::to_string);
    let bytes = part.bytes().await.map_err(|error| unreadable(&error))?;
    let Some(file) = file else {
        let text = std::str::from_utf8(&bytes);
        return text.map(|text| Json::Text(text.to_owned())).map_err(|_| {
            Fault::nowhere(format!("the field {name} is not UTF-8; bytes are sent as a file, with a filename"))
        });
    };
    Ok(Json::from(Members::from_iter([
        ("filename".to_owned(), Json::Text(file)),
        ("content_type".to_owned(), Json::Text(kind)),
        ("size".to_owned(), Json::from(bytes.len() as u64)),
        ("base64".to_owned(), Json::Text(BASE64_STANDARD.encode(&bytes))),
    ])))
}

fn unreadable(error: &multer::Error) -> Fault {
    Fault::nowhere(format!("this is no multipart body: {error}"))
}
