//! Bodies, queries and path parts, read strictly: what is wrong is named.

use axum::extract::path::ErrorKind;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::{header, request::Parts};
use serde::de::DeserializeOwned;
use shouwen_kernel::{Kind, Problem};

use crate::Failure;

/// What a body may have, in MiB, unless the route says otherwise.
pub const USUAL_MIB: usize = 2;

/// A JSON body of at most `MIB` MiB. Types should `deny_unknown_fields`.
pub struct Input<T, const MIB: usize = USUAL_MIB> {
    pub value: T,
    /// SHA-256 of the bytes, for idempotency.
    pub hash: String,
}

impl<T: DeserializeOwned, S: Send + Sync, const MIB: usize> FromRequest<S> for Input<T, MIB> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or("").to_ascii_lowercase();
        if !kind.starts_with("application/json") {
            let said = if kind.is_empty() { "the request does not say what its body is".to_owned() } else { format!("the body is `{}`", shouwen_kernel::text::clip(&kind, 60)) };
            return Err(Problem::new(Kind::Invalid, "invalid.content_type", said).field("Content-Type").expected("the header Content-Type: application/json, and JSON").into());
        }
        let bytes = axum::body::to_bytes(request.into_body(), MIB * 1024 * 1024).await.map_err(|_| {
            Problem::new(Kind::TooLarge, "too_large", format!("the body is larger than {MIB} MiB or was cut off")).expected(if MIB == USUAL_MIB { "files through POST /api/v1/uploads".to_owned() } else { format!("at most {MIB} MiB") })
        })?;
        let value = crate::shape::read_json(&bytes)?;
        Ok(Self { value, hash: shouwen_crypt::sha256_hex(&bytes) })
    }
}

/// Query parameters.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(Self(crate::shape::read_query(parts.uri.query().unwrap_or_default())?))
    }
}

/// One id (or several, as a tuple) from the path. What cannot be an id is simply not there.
pub struct Id<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        Path::<T>::from_request_parts(parts, state).await.map(|path| Self(path.0)).map_err(|rejection| no_such(&rejection).into())
    }
}

fn no_such(rejection: &PathRejection) -> Problem {
    let problem = |message: String| Problem::new(Kind::NotFound, "not_found", message);
    if let PathRejection::FailedToDeserializePathParams(inner) = rejection
        && let ErrorKind::DeserializeError { key, value, message } = inner.kind()
    {
        let right = message.split_once("; expected ").map_or("an id as the API printed it", |(_, right)| right);
        return problem(format!("there is no such thing: `{}` is not an id of this kind", shouwen_kernel::text::clip(value, 60))).field(key.clone()).expected(right.to_owned());
    }
    problem("there is no such thing".to_owned()).expected("an id as the API printed it")
}
