//! Pages behind a link in a letter: plain HTML with a form, for people who are not signed in. They are kept by nobody,
//! tell nobody where they were opened from, and run no script but our own.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use minijinja::{AutoEscape, Environment, Value};
use shouwen_kernel::{Kind, Problem};

use crate::Failure;

/// The policy of a page without a script, and what a page with one of ours adds.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const OWN_SCRIPTS: &str = "; script-src 'self'";

/// Fills `template` (minijinja) and answers with it. Everything that enters the page is escaped. `scripts`: scripts of
/// our own address may run, the page must work without them. A template that cannot be filled is `page`, internal.
pub fn plain_page(status: StatusCode, template: &str, context: Value, scripts: bool) -> Response {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    let policy = if scripts { format!("{POLICY}{OWN_SCRIPTS}") } else { POLICY.to_owned() };
    match environment.render_str(template, context) {
        Ok(html) => (
            status,
            [
                (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
                (header::CACHE_CONTROL, "no-store".to_owned()),
                (header::REFERRER_POLICY, "no-referrer".to_owned()),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
                (header::CONTENT_SECURITY_POLICY, policy),
            ],
            html,
        )
            .into_response(),
        Err(error) => Failure(Problem::new(Kind::Internal, "page", error.to_string())).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_enters_a_plain_page_is_escaped_and_no_foreign_script_runs() {
        let page = |scripts| plain_page(StatusCode::OK, "<p>{{ name }}</p>", minijinja::context! { name => "<script>" }, scripts);
        let policy = |page: &Response| page.headers()[header::CONTENT_SECURITY_POLICY].to_str().map(str::to_owned).unwrap_or_default();
        assert!(!policy(&page(false)).contains("script-src") && policy(&page(true)).ends_with("script-src 'self'"));
        let body = tokio::runtime::Builder::new_current_thread().build().map(|rt| rt.block_on(axum::body::to_bytes(page(false).into_body(), 1000)));
        assert!(matches!(body, Ok(Ok(bytes)) if bytes == "<p>&lt;script&gt;</p>".as_bytes()));
    }
}
