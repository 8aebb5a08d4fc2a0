//! What pages load: one style and one script, kept in the binary and named by their content, so that a
//! browser keeps them for ever. `htmx.min.js` and `sse.min.js` are htmx 2.0.11 and its extension for
//! server-sent events 2.2.4, as their authors publish them (Zero-Clause BSD).

use std::{io::Write as _, sync::LazyLock};

use axum::{
    extract::Path,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use crate::Problem;

const FOREVER: &str = "public, max-age=31536000, immutable";

pub struct Asset {
    name: String,
    /// Its address.
    pub path: String,
    kind: &'static str,
    plain: String,
    packed: Vec<u8>,
}

pub static CSS: LazyLock<Asset> = LazyLock::new(|| {
    let text = [include_str!("assets/style.css"), holdfast_definitions::PICTURE_STYLE];
    Asset::new("console", "css", "text/css; charset=utf-8", text.join("\n"))
});
pub static JS: LazyLock<Asset> = LazyLock::new(|| {
    let parts =
        [include_str!("assets/htmx.min.js"), include_str!("assets/sse.min.js"), include_str!("assets/console.js")];
    Asset::new("console", "js", "text/javascript; charset=utf-8", parts.join("\n;"))
});
pub static ICON: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("icon", "svg", "image/svg+xml", include_str!("assets/icon.svg").to_owned()));

impl Asset {
    fn new(stem: &str, extension: &str, kind: &'static str, plain: String) -> Self {
        let digest = Sha256::digest(&plain);
        let digest: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{stem}-{digest}.{extension}");
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        let written = encoder.write_all(plain.as_bytes());
        let packed = written.and_then(|()| encoder.finish()).unwrap_or_default();
        Self { path: format!("/console/assets/{name}"), name, kind, plain, packed }
    }
}

pub async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let found = [&CSS, &JS, &ICON].into_iter().find(|asset| asset.name == name);
    let found = found.ok_or_else(|| Problem::not_found("this page is of another version: load it again"))?;
    let accepts = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let head =
        [(header::CONTENT_TYPE, found.kind), (header::CACHE_CONTROL, FOREVER), (header::VARY, "accept-encoding")];
    if accepts.split(',').any(|coding| coding.split(';').next().is_some_and(|name| name.trim() == "gzip")) {
        return Ok((head, [(header::CONTENT_ENCODING, "gzip")], &*found.packed).into_response());
    }
    Ok((head, &*found.plain).into_response())
}
