//! Bodies, queries and path parts, read strictly: what is wrong is named.

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::{header, request::Parts};
use serde::de::DeserializeOwned;
use shouwen_kernel::{Kind, Problem};

use crate::Failure;

/// A JSON body of at most 2 MiB. Types should `deny_unknown_fields`.
pub struct Input<T> {
    pub value: T,
    /// SHA-256 of the bytes, for idempotency.
    pub hash: String,
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("").to_ascii_lowercase();
        if !kind.starts_with("application/json") {
            return Err(Problem::new(Kind::Invalid, "invalid.content_type", format!("the body is `{kind}`")).field("Content-Type").expected("application/json").into());
        }
        let bytes = axum::body::to_bytes(request.into_body(), 2 * 1024 * 1024)
            .await
            .map_err(|_| Problem::new(Kind::TooLarge, "too_large", "the body is larger than 2 MiB or was cut off").expected("files through POST /api/v1/uploads"))?;
        let value = serde_json::from_slice(&bytes).map_err(|e| json_problem(&e))?;
        Ok(Self { value, hash: shouwen_crypt::sha256_hex(&bytes) })
    }
}

fn json_problem(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    // serde names the field in back quotes for unknown, missing and duplicate fields.
    let field = text.contains("field `").then(|| text.split('`').nth(1).unwrap_or_default().to_owned());
    let code = if error.is_data() { "invalid" } else { "invalid.json" };
    let mut problem = Problem::new(Kind::Invalid, code, format!("the body cannot be read: {text}")).expected("a JSON object as /api/v1/docs describes it");
    problem.field = field;
    problem
}

/// Query parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|e| Problem::invalid("query", format!("the query cannot be read: {e}")).expected("the parameters /api/v1/docs lists for this path").into())
    }
}

/// One id (or several, as a tuple) from the path. What cannot be an id is simply not there.
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Path::<T>::from_request_parts(parts, state)
            .await
            .map(|path| Self(path.0))
            .map_err(|e| Problem::new(Kind::NotFound, "not_found", format!("no such thing: {e}")).expected("an id as the API printed it").into())
    }
}
