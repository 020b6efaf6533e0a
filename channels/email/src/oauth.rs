//! OAuth 2 for mailboxes of Google, Microsoft and others: from a refresh token (RFC 6749, 6) to the access token that
//! XOAUTH2 shows the mail server. All secrets are sealed at rest; an access token is fetched anew when it expires or when a
//! server refuses it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shouwen_crypt::Keys;
use shouwen_kernel::{InboxId, Problem, Result, Time, WorkspaceId, text};
use shouwen_store::{Db, FromRow, Row, Tx, params};
use shouwen_web::App;
use utoipa::ToSchema;

use crate::inbox::Inbox;
use crate::settings::{Auth, one_line};
use crate::token_call::{self, Grant};
use crate::trouble::Trouble;

const CLIENT_SECRET: &str = "mail.oauth.client_secret";
const REFRESH_TOKEN: &str = "mail.oauth.refresh_token";
const ACCESS_TOKEN: &str = "mail.oauth.access_token";
/// An access token that has less than this left is fetched anew: a session takes a while to log in.
const SPARE_S: i64 = 120;

/// Where access tokens come from. Serves the sides whose `auth` is `xoauth2`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OAuth {
    /// The provider's token endpoint: `https://oauth2.googleapis.com/token`,
    /// `https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token`.
    pub token_url: String,
    /// Of the application registered with the provider.
    pub client_id: String,
    /// Write only. Absent for public clients; absent in a change: the stored one stays.
    #[serde(default)]
    pub client_secret: Option<String>,
    /// Write only. Absent in a change: the stored one stays, as long as endpoint, client and servers do.
    #[serde(default)]
    pub refresh_token: Option<String>,
    /// As the provider wants it, e.g. `https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access`.
    #[serde(default)]
    pub scope: Option<String>,
    /// Of answers; taken and ignored, so that who reads an inbox can send back what they read.
    #[serde(default, rename = "client_secret_set")]
    #[schema(ignore)]
    pub _client_secret_set: serde::de::IgnoredAny,
    #[serde(default, rename = "refresh_token_set")]
    #[schema(ignore)]
    pub _refresh_token_set: serde::de::IgnoredAny,
    #[serde(default, rename = "expires_at")]
    #[schema(ignore)]
    pub _expires_at: serde::de::IgnoredAny,
}

/// As the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OAuthAnswer {
    token_url: String,
    client_id: String,
    scope: Option<String>,
    client_secret_set: bool,
    refresh_token_set: bool,
    /// When the present access token expires; null before the first was fetched.
    #[schema(value_type = Option<String>)]
    expires_at: Option<Time>,
}

/// The stored row; secrets stay sealed until they are used.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub token_url: String,
    pub client_id: String,
    pub scope: Option<String>,
    client_secret: Option<String>,
    refresh_token: String,
    access_token: Option<String>,
    expires_at: Option<Time>,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            token_url: row.get(0)?,
            client_id: row.get(1)?,
            scope: row.get(2)?,
            client_secret: row.get(3)?,
            refresh_token: row.get(4)?,
            access_token: row.get(5)?,
            expires_at: row.get(6)?,
        })
    }
}

impl Stored {
    pub fn answer(&self) -> OAuthAnswer {
        OAuthAnswer {
            token_url: self.token_url.clone(),
            client_id: self.client_id.clone(),
            scope: self.scope.clone(),
            client_secret_set: self.client_secret.is_some(),
            refresh_token_set: true,
            expires_at: self.expires_at,
        }
    }

    /// What the token endpoint is asked with.
    pub fn grant(&self, keys: &Keys) -> Result<Grant> {
        Ok(Grant {
            token_url: self.token_url.clone(),
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.as_deref().map(|s| keys.open(CLIENT_SECRET, s)).transpose()?,
            refresh_token: keys.open(REFRESH_TOKEN, &self.refresh_token)?,
            scope: self.scope.clone(),
        })
    }
}

impl OAuth {
    /// Trims, and refuses what cannot work, naming the field.
    pub fn check(&mut self, allowed: &[String]) -> Result<()> {
        self.token_url = token_call::check_url(&self.token_url, allowed)?;
        self.client_id = self.client_id.trim().to_owned();
        one_line("oauth.client_id", &self.client_id)?;
        if self.client_id.is_empty() {
            return Err(Problem::invalid("oauth.client_id", "the client id is empty").expected("the id of the application you registered with the mail provider"));
        }
        self.scope = self.scope.take().map(|s| s.trim().to_owned()).filter(|s| !s.is_empty());
        for (field, value) in [("oauth.client_secret", &mut self.client_secret), ("oauth.refresh_token", &mut self.refresh_token), ("oauth.scope", &mut self.scope)] {
            *value = value.take().map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
            if value.as_ref().is_some_and(|v| v.len() > 16 * 1024 || v.chars().any(char::is_control)) {
                return Err(Problem::invalid(field, "it holds a line break or more than 16 KiB").expected("one line, as the provider gave it"));
            }
        }
        Ok(())
    }

    /// With the secrets given here, or, where none is given, those stored for the same endpoint and client.
    pub fn grant(&self, stored: Option<&Stored>, keys: &Keys) -> Result<Grant> {
        let same = stored.filter(|s| s.token_url == self.token_url && s.client_id == self.client_id).map(|s| s.grant(keys)).transpose()?;
        let missing = || Problem::invalid("oauth.refresh_token", "no refresh token is stored for this endpoint, client and mail server").expected("the refresh token the provider gave when access was granted");
        let refresh_token = self.refresh_token.clone().or_else(|| same.as_ref().map(|s| s.refresh_token.clone())).ok_or_else(missing)?;
        let client_secret = self.client_secret.clone().or_else(|| same.and_then(|s| s.client_secret));
        Ok(Grant { token_url: self.token_url.clone(), client_id: self.client_id.clone(), client_secret, refresh_token, scope: self.scope.clone() })
    }
}

/// The OAuth settings of an inbox.
pub(crate) fn find(tx: &Tx<'_>, inbox: InboxId) -> Result<Option<Stored>> {
    tx.opt("SELECT token_url, client_id, scope, client_secret, refresh_token, access_token, expires_at FROM mail_oauth WHERE inbox_id = ?1", params![inbox])
}

/// Stores new settings; the access token is fetched at the next login.
pub(crate) fn save(tx: &Tx<'_>, workspace: WorkspaceId, inbox: InboxId, grant: &Grant) -> Result<()> {
    let seal = |field: &str, plain: &str| tx.keys().seal(tx.ids(), field, plain);
    let client_secret = grant.client_secret.as_deref().map(|s| seal(CLIENT_SECRET, s)).transpose()?;
    tx.execute(
        "INSERT INTO mail_oauth (inbox_id, workspace_id, token_url, client_id, scope, client_secret, refresh_token, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (inbox_id) DO UPDATE SET token_url = ?3, client_id = ?4, scope = ?5, client_secret = ?6, refresh_token = ?7, access_token = NULL, expires_at = NULL, updated_at = ?8",
        params![inbox, workspace, grant.token_url, grant.client_id, grant.scope, client_secret, seal(REFRESH_TOKEN, &grant.refresh_token)?, tx.now()],
    )?;
    Ok(())
}

pub(crate) fn remove(tx: &Tx<'_>, inbox: InboxId) -> Result<()> {
    tx.execute("DELETE FROM mail_oauth WHERE inbox_id = ?1", params![inbox]).map(|_| ())
}

/// A side that logs in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Login {
    Incoming,
    Outgoing,
}

/// What a side logs in with: its password, or a fresh access token.
pub(crate) async fn secret(app: &App, inbox: &Inbox, side: Login) -> std::result::Result<String, Trouble> {
    let auth = match side {
        Login::Incoming => inbox.incoming.as_ref().map(|s| s.auth),
        Login::Outgoing => inbox.outgoing.as_ref().map(|s| s.auth),
    };
    let id = inbox.id;
    if auth == Some(Auth::Xoauth2)
        && let Some(stored) = app.db().read(move |tx| find(tx, id)).await?
    {
        return access_token(app, inbox, stored).await;
    }
    let keys = app.keys();
    Ok(match side {
        Login::Incoming => inbox.incoming_password(keys)?,
        Login::Outgoing => inbox.outgoing_password(keys)?,
    })
}

fn fresh(app: &App, stored: &Stored) -> Result<Option<String>> {
    let soon = app.clock().now().plus_seconds(SPARE_S);
    match (&stored.access_token, stored.expires_at) {
        (Some(sealed), Some(at)) if at > soon => app.keys().open(ACCESS_TOKEN, sealed).map(Some),
        _ => Ok(None),
    }
}

/// One look-up at a time in this process: poller and senders ask together, and one answer serves them all.
fn turnstile() -> &'static tokio::sync::Mutex<()> {
    static ONE: std::sync::OnceLock<tokio::sync::Mutex<()>> = std::sync::OnceLock::new();
    ONE.get_or_init(Default::default)
}

async fn access_token(app: &App, inbox: &Inbox, stored: Stored) -> std::result::Result<String, Trouble> {
    if let Some(token) = fresh(app, &stored)? {
        return Ok(token);
    }
    let _one = turnstile().lock().await;
    let id = inbox.id;
    let Some(stored) = app.db().read(move |tx| find(tx, id)).await? else { return Err(Trouble::new(crate::trouble::Why::Token, "the authorisation was removed")) };
    if let Some(token) = fresh(app, &stored)? {
        return Ok(token);
    }
    let grant = stored.grant(app.keys())?;
    let got = token_call::fetch(&grant, &app.config().allow_private_hosts).await?;
    app.metrics().add("mail_oauth_refreshes_total", 1.0);
    keep(app.db(), inbox.id, &stored, &got).await?;
    Ok(got.access_token)
}

/// Stores what the endpoint gave, unless the settings were changed meanwhile.
async fn keep(db: &Db, inbox: InboxId, stored: &Stored, got: &token_call::Token) -> Result<()> {
    let (was, got) = (stored.refresh_token.clone(), Arc::new(got.clone()));
    db.write(move |tx| {
        let access = tx.keys().seal(tx.ids(), ACCESS_TOKEN, &got.access_token)?;
        // Microsoft gives a new refresh token each time; the old one dies after a while.
        let refresh = got.refresh_token.as_deref().map(|new| tx.keys().seal(tx.ids(), REFRESH_TOKEN, new)).transpose()?;
        tx.execute(
            "UPDATE mail_oauth SET access_token = ?3, expires_at = ?4, refresh_token = COALESCE(?5, refresh_token), updated_at = ?6 WHERE inbox_id = ?1 AND refresh_token = ?2",
            params![inbox, was, access, tx.now().plus_seconds(got.expires_in_s), refresh, tx.now()],
        )
    })
    .await?;
    Ok(())
}

/// A server refused the token before its time: the next login fetches another.
pub(crate) async fn forget(db: &Db, inbox: InboxId) {
    let forgotten = db.write(move |tx| tx.execute("UPDATE mail_oauth SET access_token = NULL, expires_at = NULL WHERE inbox_id = ?1 AND access_token IS NOT NULL", params![inbox])).await;
    if let Err(problem) = forgotten
        && problem.code != "store.stopped"
    {
        tracing::warn!(error = %text::clip(&problem.message, 200), "a refused access token could not be forgotten");
    }
}
