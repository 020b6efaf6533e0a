//! Who is asking, and what they may do. A handler that needs a permission asks for [`Allowed<P>`]; without it the
//! handler does not run.

use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::{HeaderMap, Method, header, request::Parts};
use shouwen_kernel::{Actor, Grant, Kind, Lang, Permission, PersonId, Problem, Result, Scope, SessionId, TokenId, WorkspaceId};
use shouwen_store::Ctx;

use crate::{App, Failure};

/// Name of the session cookie over plain HTTP; `__Host-` stands before it over HTTPS.
pub const SESSION_COOKIE: &str = "shouwen_session";

/// The `Set-Cookie` value that starts (or, with an empty token, ends) a session.
pub fn session_cookie(secure: bool, token: &str) -> String {
    let (prefix, mark) = if secure { ("__Host-", "; Secure") } else { ("", "") };
    let age = if token.is_empty() { "; Max-Age=0" } else { "; Max-Age=604800" };
    format!("{prefix}{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax{mark}{age}")
}

/// A secret somebody showed.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The session cookie's token.
    Session(String),
    /// The bearer token of a program.
    Bearer(String),
}

/// A signed-in person, or a program with a token of theirs.
#[derive(Clone, Debug)]
pub struct Viewer {
    pub workspace: WorkspaceId,
    pub person: PersonId,
    pub name: String,
    pub session: Option<SessionId>,
    pub token: Option<TokenId>,
    pub grants: Vec<Grant>,
    pub lang: Lang,
    /// IANA name.
    pub time_zone: String,
    /// A second factor is demanded and not enrolled yet: only the enrolment routes answer.
    pub must_enrol: bool,
}

impl Viewer {
    /// What they may do with `permission`, if anything.
    pub fn scope(&self, permission: &str) -> Option<Scope> {
        Scope::of(self.person, &self.grants, permission)
    }
    /// Whether they hold the permission at any reach.
    pub fn can(&self, permission: &str) -> bool {
        self.grants.iter().any(|g| g.permission == permission)
    }
    /// The distinct permission codes they hold, sorted.
    pub fn permissions(&self) -> Vec<String> {
        let mut codes: Vec<String> = self.grants.iter().map(|g| g.permission.clone()).collect();
        codes.sort();
        codes.dedup();
        codes
    }
    /// On whose behalf they act.
    pub fn actor(&self) -> Actor {
        Actor::Person { id: self.person, token: self.token }
    }
}

/// The network side of a request.
#[derive(Clone, Debug)]
pub struct Client {
    /// The caller's address, behind the trusted proxies.
    pub ip: Option<String>,
    pub user_agent: String,
    /// `METHOD /path`.
    pub line: String,
    pub idempotency_key: Option<String>,
    pub lang: Lang,
}

/// Ties a command to its idempotency key.
#[derive(Clone, Debug)]
pub struct Once {
    pub principal: String,
    pub key: Option<String>,
    pub hash: String,
}

impl FromRequestParts<App> for Client {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let text = |name: &str| parts.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let key = text("idempotency-key");
        if key.as_ref().is_some_and(|k| k.is_empty() || k.len() > 255) {
            return Err(Problem::invalid("Idempotency-Key", "the key is empty or longer than 255 characters").expected("1 to 255 characters, a fresh one for each request").into());
        }
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
        let path = parts.extensions.get::<axum::extract::OriginalUri>().map_or_else(|| parts.uri.path().to_owned(), |uri| uri.0.path().to_owned());
        Ok(Self {
            ip: client_ip(peer, text("x-forwarded-for").as_deref(), app.config().trusted_proxies).map(|ip| ip.to_string()),
            user_agent: shouwen_kernel::text::clip(&text("user-agent").unwrap_or_default(), 200),
            line: format!("{} {path}", parts.method),
            idempotency_key: key,
            lang: Lang::of(&text("accept-language").unwrap_or_default()),
        })
    }
}

/// The caller's address: the peer, or the entry that the outermost trusted proxy wrote.
fn client_ip(peer: Option<IpAddr>, forwarded: Option<&str>, trusted: usize) -> Option<IpAddr> {
    if trusted == 0 {
        return peer;
    }
    let entries: Vec<&str> = forwarded.unwrap_or("").split(',').map(str::trim).filter(|e| !e.is_empty()).collect();
    entries.len().checked_sub(trusted).and_then(|i| entries.get(i)).and_then(|e| e.parse().ok()).or(peer)
}

/// A signed-in person; no permission asked.
pub struct SignedIn {
    pub viewer: Viewer,
    pub client: Client,
    /// What they showed; long-lived connections check it again from time to time.
    pub credentials: Credentials,
}

impl SignedIn {
    /// For [`shouwen_store::Tx::emit`] and the audit.
    pub fn ctx(&self) -> Ctx {
        Ctx { workspace: self.viewer.workspace, actor: self.viewer.actor(), ip: self.client.ip.clone() }
    }
    /// For [`App::command`]; `body_hash` from [`crate::Input`], empty without a body.
    pub fn once(&self, body_hash: &str) -> Once {
        Once {
            principal: self.viewer.person.to_string(),
            key: self.client.idempotency_key.clone(),
            hash: shouwen_crypt::sha256_hex(format!("{}\n{body_hash}", self.client.line).as_bytes()),
        }
    }
}

async fn sign_in(parts: &mut Parts, app: &App) -> Result<SignedIn, Failure> {
    let client = Client::from_request_parts(parts, app).await?;
    let credentials = match bearer(&parts.headers) {
        Some(token) => Credentials::Bearer(token),
        None => {
            let token = cookie(&parts.headers, app.config().is_secure()).ok_or_else(Problem::unauthenticated)?;
            refuse_foreign_sites(parts)?;
            Credentials::Session(token)
        }
    };
    let authenticate = app.authenticate();
    let shown = credentials.clone();
    let viewer = app.db().read(move |tx| authenticate(tx, &shown)).await?.ok_or_else(Problem::unauthenticated)?;
    Ok(SignedIn { viewer, client, credentials })
}

impl FromRequestParts<App> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        sign_in(parts, app).await
    }
}

/// Proof that the viewer holds permission `P`, and how far it reaches.
pub struct Allowed<P: Permission> {
    pub viewer: Viewer,
    pub client: Client,
    /// The reach of `P`. Lists start from it; single objects are checked with [`Scope::sees`].
    pub scope: Scope,
    permission: PhantomData<P>,
}

impl<P: Permission> Allowed<P> {
    /// For events and the audit.
    pub fn ctx(&self) -> Ctx {
        Ctx { workspace: self.viewer.workspace, actor: self.viewer.actor(), ip: self.client.ip.clone() }
    }
    /// For [`App::command`].
    pub fn once(&self, body_hash: &str) -> Once {
        Once {
            principal: self.viewer.person.to_string(),
            key: self.client.idempotency_key.clone(),
            hash: shouwen_crypt::sha256_hex(format!("{}\n{body_hash}", self.client.line).as_bytes()),
        }
    }
}

impl<P: Permission> FromRequestParts<App> for Allowed<P> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let SignedIn { viewer, client, .. } = sign_in(parts, app).await?;
        if viewer.must_enrol {
            return Err(Problem::new(Kind::Forbidden, "session.must_enrol", "your role demands a second factor and you have none yet").expected("enrol one under Profile → Security").into());
        }
        let scope = viewer.scope(P::CODE).ok_or_else(|| Problem::forbidden(P::CODE))?;
        Ok(Self { viewer, client, scope, permission: PhantomData })
    }
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(|t| t.trim().to_owned())
}

fn cookie(headers: &HeaderMap, secure: bool) -> Option<String> {
    let name = if secure { format!("__Host-{SESSION_COOKIE}") } else { SESSION_COOKIE.to_owned() };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, value)| *key == name && !value.is_empty())
        .map(|(_, value)| value.to_owned())
}

/// A cookie is sent by the browser whoever wrote the page; a change is carried out only for our own pages.
fn refuse_foreign_sites(parts: &Parts) -> Result<()> {
    let upgrade = parts.headers.get(header::UPGRADE).is_some();
    if matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS) && !upgrade {
        return Ok(());
    }
    let text = |name: header::HeaderName| parts.headers.get(name).and_then(|v| v.to_str().ok());
    let refused = || Problem::new(Kind::Forbidden, "forbidden.origin", "this change was asked for by another site").expected("requests from the desk's own pages, or an API token");
    if let Some(site) = parts.headers.get("sec-fetch-site").and_then(|v| v.to_str().ok()) {
        return if site == "same-origin" || site == "none" { Ok(()) } else { Err(refused()) };
    }
    match (text(header::ORIGIN), text(header::HOST)) {
        (Some(origin), Some(host)) if origin.split("://").nth(1) == Some(host) => Ok(()),
        _ => Err(refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarded_addresses_are_believed_only_behind_trusted_proxies() {
        let peer: Option<IpAddr> = "10.0.0.1".parse().ok();
        let expect = |text: &str| text.parse::<IpAddr>().ok();
        assert_eq!(client_ip(peer, Some("6.6.6.6"), 0), peer);
        assert_eq!(client_ip(peer, Some("6.6.6.6, 203.0.113.9"), 1), expect("203.0.113.9"));
        assert_eq!(client_ip(peer, Some("203.0.113.9, 10.0.0.7"), 2), expect("203.0.113.9"));
        assert_eq!(client_ip(peer, None, 1), peer);
    }
}
