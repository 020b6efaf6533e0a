//! One call to a token endpoint: form in, JSON out (RFC 6749, 5 and 6), to an address the guard allows, never redirected.

use std::time::Duration;

use serde::Deserialize;
use shouwen_kernel::{Kind, Problem, Result, text};
use shouwen_web::guard;

use crate::trouble::{Trouble, Why};
use crate::wire;

const PATIENCE: Duration = Duration::from_secs(20);
/// An answer is a few kilobytes; a token at Microsoft is about two.
const MOST_BYTES: usize = 64 << 10;

/// What an access token is asked for with. Secrets in the clear: never logged, never stored so.
#[derive(Clone)]
pub struct Grant {
    pub token_url: String,
    pub client_id: String,
    pub client_secret: Option<String>,
    pub refresh_token: String,
    pub scope: Option<String>,
}

/// What the endpoint gave.
#[derive(Clone)]
pub struct Token {
    pub access_token: String,
    /// Seconds it is good for.
    pub expires_in_s: i64,
    /// The next refresh token, where the provider changes it.
    pub refresh_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    access_token: String,
    expires_in: Option<serde_json::Value>,
    refresh_token: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// An endpoint that may be called: HTTPS, or HTTP to a private host the operator allowed by name.
pub fn check_url(given: &str, allowed: &[String]) -> Result<String> {
    let wrong = |why: &str| Problem::invalid("oauth.token_url", format!("`{}` {why}", text::clip(given.trim(), 120))).expected("the provider's token endpoint, like https://oauth2.googleapis.com/token");
    let url = reqwest::Url::parse(given.trim()).map_err(|_| wrong("is not a web address"))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    if host.is_empty() || !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(wrong("has no host, or carries a password"));
    }
    guard::check_name(&host, allowed).map_err(|p| Problem { kind: Kind::Invalid, ..p }.field("oauth.token_url"))?;
    let private = allowed.iter().any(|name| name.eq_ignore_ascii_case(&host));
    match url.scheme() {
        "https" => Ok(url.to_string()),
        "http" if private => Ok(url.to_string()),
        _ => Err(wrong("would send secrets in the clear")),
    }
}

fn refused(words: impl AsRef<str>) -> Trouble {
    Trouble::new(Why::Token, format!("token endpoint: {}", words.as_ref()))
}

/// Fetches an access token.
///
/// # Errors
/// `token` with the endpoint's own words when it refuses; `host`, `private`, `timeout`, `lost` when it cannot be reached.
pub async fn fetch(grant: &Grant, allowed: &[String]) -> std::result::Result<Token, Trouble> {
    let url = reqwest::Url::parse(&grant.token_url).map_err(|e| refused(e.to_string()))?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let addresses = wire::addresses(&host, url.port_or_known_default().unwrap_or(443), allowed).await?;
    // Whoever installed one before is left alone.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .resolve_to_addrs(&host, &addresses)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .map_err(|e| Trouble::new(Why::Inside, format!("no HTTP client: {e}")))?;
    let sent = client.post(url).header("content-type", "application/x-www-form-urlencoded").header("accept", "application/json").body(form(grant)).send().await;
    let mut answer = sent.map_err(|e| {
        let cause = std::error::Error::source(&e).map(|s| format!(": {s}")).unwrap_or_default();
        Trouble::new(if e.is_timeout() { Why::Timeout } else { Why::Lost }, format!("token endpoint {host}: no answer{cause}"))
    })?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| Trouble::new(Why::Lost, format!("token endpoint {host}: the answer broke off")))? {
        body.extend_from_slice(&chunk);
        if body.len() > MOST_BYTES {
            return Err(refused("the answer is larger than any token"));
        }
    }
    let said: Answer = serde_json::from_slice(&body).unwrap_or_default();
    read(status, said)
}

fn form(grant: &Grant) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", "refresh_token").append_pair("refresh_token", &grant.refresh_token).append_pair("client_id", &grant.client_id);
    if let Some(secret) = &grant.client_secret {
        form.append_pair("client_secret", secret);
    }
    if let Some(scope) = &grant.scope {
        form.append_pair("scope", scope);
    }
    form.finish()
}

fn read(status: reqwest::StatusCode, said: Answer) -> std::result::Result<Token, Trouble> {
    if !status.is_success() || said.error.is_some() {
        let words = [said.error, said.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ");
        return Err(if status.is_server_error() || status == reqwest::StatusCode::TOO_MANY_REQUESTS {
            Trouble::new(Why::Refusal, format!("token endpoint: {status} {words}"))
        } else {
            refused(format!("{status} {words}"))
        });
    }
    if said.access_token.is_empty() || said.access_token.len() > 16 * 1024 || said.access_token.chars().any(char::is_control) {
        return Err(refused(format!("{status}, but no access token in the answer; is this the token endpoint?")));
    }
    // A number, or (some servers) a number in quotes; without one, the hour everybody means.
    let seconds = said.expires_in.and_then(|v| v.as_i64().or_else(|| v.as_str()?.trim().parse().ok())).unwrap_or(3600);
    Ok(Token { access_token: said.access_token, expires_in_s: seconds.clamp(0, 86_400), refresh_token: said.refresh_token.filter(|t| !t.is_empty()) })
}
