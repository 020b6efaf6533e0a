//! What the command line and the administrator's pages do to accounts. Plain functions in a transaction.

use shouwen_kernel::{PersonId, Problem, Result, Time, TokenId, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};

use crate::person_row::{COLUMNS, PersonRow, show_all};
use crate::{codes, link, session};

/// Keys of the built-in roles, for help texts.
pub const SYSTEM_ROLES: &[&str] = &["administrator", "manager", "supervisor", "agent", "quality", "auditor", "viewer"];

/// The person with this e-mail address.
pub fn find_person(tx: &Tx<'_>, email: &str) -> Result<(WorkspaceId, PersonId)> {
    tx.opt("SELECT workspace_id, id FROM identity_person WHERE email_index = ?1", params![tx.keys().email_index(email)])?
        .ok_or_else(|| Problem::new(shouwen_kernel::Kind::NotFound, "not_found", format!("nobody has the address `{}`", shouwen_kernel::text::clip(email, 80))).expected("an address that `user list` shows"))
}

/// Everybody, as JSON rows of the API's `Person`.
pub fn list_people(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<serde_json::Value>> {
    let rows: Vec<PersonRow> = tx.all(&format!("SELECT {COLUMNS} FROM identity_person WHERE workspace_id = ?1 ORDER BY id"), params![workspace])?;
    let mut out = Vec::with_capacity(rows.len());
    for part in rows.chunks(200) {
        for person in show_all(tx, part.to_vec())? {
            out.push(serde_json::to_value(person)?);
        }
    }
    Ok(out)
}

/// Sets a password by its hash (see [`crate::hash_password`]) and ends all sessions.
pub fn change_password(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, hash: &str, must_change: bool) -> Result<()> {
    crate::passwords::set(tx, person, hash, must_change)?;
    session::end_all(tx, person, None)?;
    link::revoke(tx, person)?;
    tx.audit(ctx, "person.password_changed", "person", Some(person.0), Some(serde_json::json!({ "must_change": must_change })))?;
    crate::assignment::changed(tx, ctx, person)
}

/// The next sign-in must set a new password.
pub fn require_password_change(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<()> {
    tx.execute("UPDATE identity_person SET must_change_password = ?2 WHERE id = ?1", params![person, true])?;
    session::end_all(tx, person, None)?;
    tx.audit(ctx, "person.password_change_required", "person", Some(person.0), None)?;
    crate::assignment::changed(tx, ctx, person)
}

/// Deactivates a person (or activates them again): sessions, tokens and invitations are dead at once.
pub fn deactivate_person(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, active: bool) -> Result<()> {
    let was_administrator = is_administrator(tx, person)?;
    tx.execute("UPDATE identity_person SET active = ?2, version = version + 1 WHERE id = ?1", params![person, active])?;
    if !active {
        if was_administrator {
            refuse_without_administrator(tx, ctx.workspace)?;
        }
        session::end_all(tx, person, None)?;
        link::revoke(tx, person)?;
        tx.execute("DELETE FROM identity_token WHERE person_id = ?1", params![person])?;
        crate::person::set_status(tx, ctx, person, "offline")?;
    }
    crate::person::announce(tx, ctx, person)?;
    crate::assignment::changed(tx, ctx, person)?;
    tx.audit(ctx, if active { "person.activated" } else { "person.deactivated" }, "person", Some(person.0), None)
}

/// Removes the second factor and the recovery codes, and ends all sessions.
pub fn reset_mfa(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<()> {
    tx.execute("UPDATE identity_person SET totp_sealed = NULL, totp_pending = NULL, version = version + 1 WHERE id = ?1", params![person])?;
    codes::clear(tx, person)?;
    session::end_all(tx, person, None)?;
    tx.audit(ctx, "person.mfa_reset", "person", Some(person.0), None)?;
    crate::assignment::changed(tx, ctx, person)
}

/// Forgets failed sign-ins of an account.
pub fn unlock(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<()> {
    let (index,): (String,) = tx.one("SELECT email_index FROM identity_person WHERE id = ?1", params![person])?;
    crate::throttle::unlock(tx, &index)?;
    tx.audit(ctx, "person.unlocked", "person", Some(person.0), None)
}

/// Ends all sessions of a person; how many.
pub fn revoke_sessions(tx: &Tx<'_>, ctx: &Ctx, person: PersonId) -> Result<u64> {
    let ended = session::end_all(tx, person, None)?;
    tx.audit(ctx, "session.revoked_all", "person", Some(person.0), Some(serde_json::json!({ "ended": ended })))?;
    crate::assignment::changed(tx, ctx, person)?;
    Ok(ended)
}

/// Ends every session of the workspace; how many.
pub fn revoke_all_sessions(tx: &Tx<'_>, ctx: &Ctx) -> Result<u64> {
    let people: Vec<(PersonId,)> = tx.all("SELECT DISTINCT person_id FROM identity_session WHERE workspace_id = ?1", params![ctx.workspace])?;
    let ended = tx.execute("DELETE FROM identity_session WHERE workspace_id = ?1", params![ctx.workspace])?;
    for (person,) in people {
        crate::assignment::changed(tx, ctx, person)?;
    }
    tx.audit(ctx, "session.revoked_all", "workspace", Some(ctx.workspace.0), Some(serde_json::json!({ "ended": ended })))?;
    Ok(ended)
}

/// Makes an API token for a person; its id and the secret, shown once.
pub fn issue_token(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, name: &str, permissions: Option<&[String]>, expires_at: Option<Time>) -> Result<(TokenId, String)> {
    crate::token::create(tx, ctx, person, name, permissions, expires_at)
}

/// Emits the present state of every org unit, team and person, for projections that came later.
pub fn announce_all(tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
    for unit in crate::org_unit::all(tx, ctx.workspace)? {
        crate::org_unit::announce(tx, ctx, unit.id)?;
    }
    for team in crate::team::all(tx, ctx.workspace)? {
        crate::team::announce(tx, ctx, team.id)?;
    }
    for (person,) in tx.all::<(PersonId,)>("SELECT id FROM identity_person WHERE workspace_id = ?1 ORDER BY id", params![ctx.workspace])? {
        crate::person::announce(tx, ctx, person)?;
    }
    Ok(())
}

const ADMINISTRATORS: &str = "SELECT 1 FROM identity_assignment a JOIN identity_role r ON r.id = a.role_id JOIN identity_person p ON p.id = a.person_id
  WHERE r.key = 'administrator' AND a.reach = 'workspace' AND p.active";

/// Whether a person administers the whole workspace.
pub(crate) fn is_administrator(tx: &Tx<'_>, person: PersonId) -> Result<bool> {
    Ok(tx.opt::<(i64,)>(&format!("{ADMINISTRATORS} AND a.person_id = ?1 LIMIT 1"), params![person])?.is_some())
}

/// Refuses a change that leaves nobody to administer the workspace.
pub(crate) fn refuse_without_administrator(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
    // Two administrators deactivating each other at the same moment: the second waits here and then sees the first.
    crate::input::lock(tx, "workspace", workspace)?;
    if tx.opt::<(i64,)>(&format!("{ADMINISTRATORS} AND a.workspace_id = ?1 LIMIT 1"), params![workspace])?.is_some() {
        return Ok(());
    }
    Err(Problem::conflict("person.last_administrator", "nobody could administer the workspace afterwards").expected("another active administrator first"))
}
