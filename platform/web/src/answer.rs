//! Problems as HTTP answers: one envelope, the status from the class, an id to quote.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shouwen_kernel::{Kind, Problem};

tokio::task_local! {
    pub(crate) static REQUEST_ID: String;
}

/// The id of the request being answered; stands in the log, in the `x-request-id` header and in every problem.
pub fn request_id() -> String {
    REQUEST_ID.try_with(Clone::clone).unwrap_or_default()
}

/// What a handler gives back.
pub type Answer<T> = Result<T, Failure>;

/// A problem on its way to the caller.
#[derive(Debug)]
pub struct Failure(pub Problem);

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

pub(crate) fn status_of(problem: &Problem) -> StatusCode {
    match problem.kind {
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Kind::Upstream => StatusCode::BAD_GATEWAY,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut problem = self.0;
        let status = status_of(&problem);
        let id = request_id();
        if problem.kind == Kind::Internal {
            // The particulars are for the operator; the caller gets the id to quote.
            tracing::error!(request_id = %id, error = %problem, "a request failed inside");
            problem.message = "something failed inside the server; nothing was stored".to_owned();
            problem.expected = Some(format!("try again; if it stays, tell your administrator the request id {id}"));
            problem.detail = None;
        }
        let retry_after = problem.detail.as_ref().and_then(|d| d.get("retry_after_s")).and_then(serde_json::Value::as_i64);
        let mut error = serde_json::to_value(&problem).unwrap_or_default();
        if let Some(object) = error.as_object_mut() {
            object.insert("request_id".into(), id.into());
        }
        let mut response = (status, axum::Json(serde_json::json!({ "error": error }))).into_response();
        if matches!(problem.kind, Kind::TooMany | Kind::Unavailable) {
            let seconds = retry_after.unwrap_or(if problem.kind == Kind::TooMany { 30 } else { 2 });
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
        }
        response
    }
}
