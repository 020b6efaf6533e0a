//! The reader page of the API: a small page without foreign code that lays the OpenAPI document out.

use axum::http::header;
use axum::routing::get;

const PAGE: &str = include_str!("docs.html");
const SCRIPT: &str = include_str!("docs.js");

/// `/api/v1/docs` and its script.
pub fn routes() -> axum::Router {
    axum::Router::new()
        .route("/api/v1/docs", get(|| async { ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PAGE) }))
        .route("/api/v1/docs.js", get(|| async { ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT) }))
}
