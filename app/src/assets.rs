//! The desk's files, inside the binary.

use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use rust_embed::RustEmbed;
use shouwen_web::App;

#[derive(RustEmbed)]
#[folder = "../web/dist"]
struct Desk;

/// Serves the files; every other path is a page of the single-page desk.
pub fn routes() -> MethodRouter<App> {
    axum::routing::get(serve)
}

async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if let Some(file) = Desk::get(path).filter(|_| !path.is_empty()) {
        return file_response(path, file, request.headers());
    }
    if path.starts_with("assets/") || path.starts_with("api/") {
        return (StatusCode::NOT_FOUND, "not found").into_response();
    }
    match Desk::get("index.html") {
        Some(file) => file_response("index.html", file, request.headers()),
        None => (StatusCode::SERVICE_UNAVAILABLE, "This build has no web pages inside. Run `make web` and build again.\n本次构建没有网页。请运行 make web 后重新构建。\n").into_response(),
    }
}

fn file_response(path: &str, file: rust_embed::EmbeddedFile, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", shouwen_kernel::encode_base32(u128::from_be_bytes(file.metadata.sha256_hash()[..16].try_into().unwrap_or([0; 16]))));
    // Names under /assets carry a hash of their content, so they never change; everything else is checked each time.
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    if headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok()) == Some(etag.as_str()) {
        return (StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response();
    }
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = if kind.type_() == "text" || kind.subtype() == "javascript" { format!("{kind}; charset=utf-8") } else { kind.to_string() };
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache.to_owned()), (header::ETAG, etag)], file.data).into_response()
}
