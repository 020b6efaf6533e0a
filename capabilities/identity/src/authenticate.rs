//! Who a credential belongs to: asked on every request, so every read is by an index and there are three to five.

use shouwen_kernel::{Lang, OrgUnitId, PersonId, Result, SessionId, Time, TokenId, WorkspaceId};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Credentials, Viewer};

use crate::assignment::rights;
use crate::seen::{Used, note};
use crate::session::{hash_of, is_over};

/// Finds the viewer behind a session cookie or an API token; `None` when it is unknown, over, revoked, or its person
/// was deactivated.
pub fn authenticate(tx: &Tx<'_>, credentials: &Credentials) -> Result<Option<Viewer>> {
    match credentials {
        Credentials::Session(token) => by_session(tx, token),
        Credentials::Bearer(token) => by_token(tx, token),
    }
}

fn by_session(tx: &Tx<'_>, token: &str) -> Result<Option<Viewer>> {
    type Found = (SessionId, Time, Time, PersonId, WorkspaceId, String, String, String, Option<OrgUnitId>, bool);
    let row: Option<Found> = tx.opt(
        "SELECT s.id, s.last_seen_at, s.expires_at, p.id, p.workspace_id, p.name, p.locale, p.time_zone, p.org_unit_id, p.totp_sealed IS NOT NULL
         FROM identity_session s JOIN identity_person p ON p.id = s.person_id WHERE s.token_hash = ?1 AND p.active",
        params![hash_of(token)],
    )?;
    let Some((session, last_seen, expires, person, workspace, name, locale, time_zone, unit, enrolled)) = row else { return Ok(None) };
    if is_over(tx.now(), last_seen, expires) {
        return Ok(None);
    }
    note(tx, Used::Session(session, person), Some(last_seen));
    let rights = rights(tx, person, unit)?;
    let must_enrol = !enrolled && crate::workspace::demands_mfa(tx, workspace, &rights.roles)?;
    Ok(Some(Viewer { workspace, person, name, session: Some(session), token: None, grants: rights.grants, lang: Lang::of(&locale), time_zone, must_enrol }))
}

fn by_token(tx: &Tx<'_>, token: &str) -> Result<Option<Viewer>> {
    type Found = (TokenId, Option<Time>, Option<Time>, Option<Json<Vec<String>>>, PersonId, WorkspaceId, String, String, String, Option<OrgUnitId>);
    let row: Option<Found> = tx.opt(
        "SELECT t.id, t.expires_at, t.last_used_at, t.permissions, p.id, p.workspace_id, p.name, p.locale, p.time_zone, p.org_unit_id
         FROM identity_token t JOIN identity_person p ON p.id = t.person_id WHERE t.token_hash = ?1 AND p.active",
        params![hash_of(token)],
    )?;
    let Some((id, expires, used, only, person, workspace, name, locale, time_zone, unit)) = row else { return Ok(None) };
    if expires.is_some_and(|at| tx.now() >= at) {
        return Ok(None);
    }
    note(tx, Used::Token(id, person), used);
    let mut grants = rights(tx, person, unit)?.grants;
    // A token is never more than its person, and may be less.
    if let Some(Json(only)) = only {
        grants.retain(|grant| only.contains(&grant.permission));
    }
    // The second factor guards the browser; a token was made by somebody who had passed it.
    Ok(Some(Viewer { workspace, person, name, session: None, token: Some(id), grants, lang: Lang::of(&locale), time_zone, must_enrol: false }))
}
