//! All modules together: the router, the OpenAPI document, the headers every answer carries.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use shouwen_kernel::{Kind, Problem};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use crate::answer::REQUEST_ID;
use crate::{App, Failure, Module, SESSION_COOKIE, request_id};

fn documented(modules: Vec<Module>) -> (axum::Router<App>, axum::Router<App>, OpenApi) {
    let base = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Shouwen API")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(
                    "Everything the desk does, programs can do. Lists are pages by keyset (`limit`, `after` → `next`). Every POST takes an `Idempotency-Key`. \
                     Problems answer `{\"error\": {code, message, field, expected, detail, request_id}}`.",
                ))
                .build(),
        )
        .build();
    let mut api = OpenApiRouter::<App>::with_openapi(base);
    let mut pages = axum::Router::new();
    for module in modules {
        api = api.merge(module.routes);
        pages = pages.merge(module.pages);
    }
    let (routes, inner) = api.split_for_parts();
    let (_, mut document) = OpenApiRouter::<App>::with_openapi(OpenApi::default()).nest("/api/v1", OpenApiRouter::<App>::with_openapi(inner.clone())).split_for_parts();
    document.info = inner.info;
    let components = document.components.get_or_insert_default();
    name_ids(components);
    components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(SESSION_COOKIE))));
    components.add_security_scheme("token", SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()));
    (routes, pages, document)
}

/// Ids that stand only in paths are referred to by name, so every one is named.
fn name_ids(components: &mut utoipa::openapi::Components) {
    macro_rules! add {
        ($($id:ident),*) => {$(
            components.schemas.entry(<shouwen_kernel::$id as utoipa::ToSchema>::name().into_owned()).or_insert_with(<shouwen_kernel::$id as utoipa::PartialSchema>::schema);
        )*};
    }
    add!(PersonId, OrgUnitId, TeamId, RoleId, SessionId, TokenId, CustomerId, IdentityId, InboxId, ConversationId, CaseId, MessageId, AttachmentId, DraftId, CannedId, ViewId);
    add!(CalendarId, ServiceLevelId, SurveyId, WebhookId, OutboxId, NoticeId, JobId, ObjectId, Time, Lang);
}

/// The OpenAPI document of `modules`.
pub fn api_document(modules: Vec<Module>) -> OpenApi {
    documented(modules).2
}

/// The whole router. `fallback` serves the desk's files.
pub fn router(app: &App, modules: Vec<Module>, fallback: axum::routing::MethodRouter<App>) -> axum::Router {
    let (routes, pages, document) = documented(modules);
    let document: &'static str = Box::leak(document.to_json().unwrap_or_default().into_boxed_str());
    let routes = routes
        .route("/openapi.json", axum::routing::get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) }))
        .fallback(|| async { Failure(Problem::new(Kind::NotFound, "not_found", "there is no such path in the API").expected("a path of /api/v1/docs")) })
        .method_not_allowed_fallback(|| async {
            let mut response = Failure(Problem::new(Kind::Invalid, "method_not_allowed", "this path does not answer to this method").expected("a method /api/v1/docs lists for it")).into_response();
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response
        });
    axum::Router::new()
        .nest("/api/v1", routes)
        .merge(pages)
        .fallback_service(fallback.with_state(app.clone()))
        .layer(axum::extract::DefaultBodyLimit::max(60 * 1024 * 1024))
        .layer(axum::middleware::from_fn(in_words))
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(|panic: Box<dyn std::any::Any + Send>| {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            Failure(Problem::internal(format!("a panic while answering: {text}"))).into_response()
        }))
        .layer(axum::middleware::from_fn_with_state(app.clone(), around))
        .with_state(app.clone())
}

/// What the framework refuses by itself (a form without its boundary, an upgrade without its headers) is plain text; the
/// API answers every refusal as the same JSON.
async fn in_words(request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/api/");
    let sent_as = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default().to_ascii_lowercase();
    let response = next.run(request).await;
    if api { told_in_words(response, &sent_as).await } else { response }
}

async fn told_in_words(response: Response, sent_as: &str) -> Response {
    let plain = response.headers().get(header::CONTENT_TYPE).is_some_and(|v| v.as_bytes().starts_with(b"text/plain"));
    if !response.status().is_client_error() || !plain {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let said = axum::body::to_bytes(body, 4096).await.map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default();
    let (code, expected) = if sent_as.starts_with("multipart/form-data") {
        ("invalid.multipart", "multipart/form-data; boundary=…, as browsers and `curl -F file=@name` write it")
    } else {
        ("invalid.request", "a request as /api/v1/docs describes it")
    };
    let said = shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&said), 300);
    let told = Failure(Problem::new(Kind::Invalid, code, format!("the request cannot be read: {said}")).field(if code == "invalid.multipart" { "Content-Type" } else { "request" }).expected(expected)).into_response();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Response::from_parts(parts, told.into_body())
}

/// Gives each request an id, the answer its headers, and the log a line.
async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let id = shouwen_kernel::encode_base32(app.ids().uuid(app.clock().now()).as_u128());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let has_body = request.headers().get(header::CONTENT_LENGTH).is_some_and(|v| v.as_bytes() != b"0") || request.headers().contains_key(header::TRANSFER_ENCODING);
    let begun = Instant::now();
    let mut response = REQUEST_ID
        .scope(id.clone(), async move {
            let response = next.run(request).await;
            tracing::debug!(request_id = %request_id(), status = response.status().as_u16(), "answered");
            response
        })
        .await;
    let api = path.starts_with("/api/");
    let status = response.status();
    let millis = begun.elapsed().as_secs_f64() * 1000.0;
    app.metrics().add(&format!("http_requests_total{{class=\"{}xx\"}}", status.as_u16() / 100), 1.0);
    app.metrics().add("http_request_duration_ms_total", millis);
    tracing::info!(request_id = %id, %method, path, status = status.as_u16(), duration_ms = (millis * 100.0).round() / 100.0, "request");
    let headers = response.headers_mut();
    if has_body && matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::PAYLOAD_TOO_LARGE) {
        // Refused before the body was read: say that the connection ends, or the next request on it would fail unheard.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut set = |name: HeaderName, value: &str| {
        if !headers.contains_key(&name)
            && let Ok(value) = HeaderValue::from_str(value)
        {
            headers.insert(name, value);
        }
    };
    set(HeaderName::from_static("x-request-id"), &id);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::X_FRAME_OPTIONS, "SAMEORIGIN");
    set(HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=()");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self' ws: wss:; frame-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'",
    );
    if api {
        set(header::CACHE_CONTROL, "no-store");
    }
    if app.config().is_secure() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B18: whatever refuses a request of the API, the answer is the same JSON.
    #[tokio::test]
    async fn plain_refusals_of_the_framework_become_the_error_json() {
        for (sent_as, code) in [("multipart/form-data", "invalid.multipart"), ("application/json", "invalid.request"), ("", "invalid.request")] {
            let plain = (StatusCode::BAD_REQUEST, "Invalid `boundary` for `multipart/form-data` request").into_response();
            let told = REQUEST_ID.scope("01abc".to_owned(), told_in_words(plain, sent_as)).await;
            assert_eq!((told.status(), told.headers()[header::CONTENT_TYPE].to_str().unwrap()), (StatusCode::BAD_REQUEST, "application/json"));
            let body = axum::body::to_bytes(told.into_body(), 4096).await.unwrap();
            let error = serde_json::from_slice::<serde_json::Value>(&body).unwrap()["error"].clone();
            assert_eq!((error["code"].as_str(), error["request_id"].as_str()), (Some(code), Some("01abc")), "{error}");
            assert!(error["message"].as_str().unwrap().contains("boundary") && error["expected"].is_string() && error["field"].is_string(), "{error}");
        }
        // Files and our own refusals pass as they are.
        for kept in [(StatusCode::OK, "text").into_response(), Failure(Problem::not_found("case")).into_response()] {
            let status = kept.status();
            let told = told_in_words(kept, "").await;
            assert_eq!(told.status(), status);
        }
    }
}
