//! Sessions as rows: an opaque 256-bit token in a cookie, its SHA-256 in the table.

use axum::http::{HeaderMap, header};
use shouwen_kernel::{PersonId, Result, SessionId, Time, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Client, SESSION_COOKIE};

/// Without a request for so long, a session ends.
pub(crate) const IDLE_S: i64 = 12 * 3600;
/// However busy, a session ends after so long.
pub(crate) const ABSOLUTE_S: i64 = 7 * 24 * 3600;

/// Where a session comes from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub ip: Option<String>,
    pub user_agent: String,
}

impl Origin {
    pub fn of(client: &Client) -> Self {
        Self { ip: client.ip.clone(), user_agent: client.user_agent.clone() }
    }
}

/// What stands in the table for a token.
pub(crate) fn hash_of(token: &str) -> String {
    shouwen_crypt::sha256_hex(token.as_bytes())
}

/// Begins a session; the token for the cookie.
pub(crate) fn start(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, origin: &Origin) -> Result<(SessionId, String)> {
    let token = shouwen_crypt::new_token(tx.ids(), "");
    let id: SessionId = tx.id();
    tx.execute(
        "INSERT INTO identity_session (id, workspace_id, person_id, token_hash, created_at, last_seen_at, expires_at, ip, user_agent) VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7, ?8)",
        params![id, workspace, person, hash_of(&token), tx.now(), tx.now().plus_seconds(ABSOLUTE_S), origin.ip, origin.user_agent],
    )?;
    tx.execute("UPDATE identity_person SET last_seen_at = ?2 WHERE id = ?1", params![person, tx.now()])?;
    Ok((id, token))
}

/// Gives a session a new token; the old one is dead at once.
pub(crate) fn rotate(tx: &Tx<'_>, session: SessionId) -> Result<String> {
    let token = shouwen_crypt::new_token(tx.ids(), "");
    tx.execute("UPDATE identity_session SET token_hash = ?2 WHERE id = ?1", params![session, hash_of(&token)])?;
    Ok(token)
}

/// Ends the session of a token, if there is one.
pub(crate) fn end_token(tx: &Tx<'_>, token: &str) -> Result<u64> {
    tx.execute("DELETE FROM identity_session WHERE token_hash = ?1", params![hash_of(token)])
}

/// Ends all sessions of a person but `except`; how many.
pub(crate) fn end_all(tx: &Tx<'_>, person: PersonId, except: Option<SessionId>) -> Result<u64> {
    match except {
        Some(kept) => tx.execute("DELETE FROM identity_session WHERE person_id = ?1 AND id <> ?2", params![person, kept]),
        None => tx.execute("DELETE FROM identity_session WHERE person_id = ?1", params![person]),
    }
}

/// Whether a session with these times is over at `now`.
pub(crate) fn is_over(now: Time, last_seen: Time, expires: Time) -> bool {
    now >= expires || now >= last_seen.plus_seconds(IDLE_S)
}

/// The session token a browser sent along, valid or not.
pub(crate) fn cookie_of(headers: &HeaderMap, secure: bool) -> Option<String> {
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
