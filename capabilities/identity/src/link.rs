//! Links that open one door once: only the SHA-256 of their token is stored.

use shouwen_kernel::{PersonId, Result, Time, WorkspaceId};
use shouwen_store::{Tx, params};

use crate::session::hash_of;

pub(crate) const SETUP: &str = "setup";
pub(crate) const INVITATION: &str = "invitation";

/// What a valid link opens.
pub(crate) struct Link {
    pub workspace: WorkspaceId,
    pub person: Option<PersonId>,
    pub expires_at: Option<Time>,
}

/// Makes a link of `kind`; earlier ones of the same person are dead.
pub(crate) fn create(tx: &Tx<'_>, kind: &str, prefix: &str, workspace: WorkspaceId, person: Option<PersonId>, expires_at: Option<Time>) -> Result<String> {
    match person {
        Some(person) => tx.execute("DELETE FROM identity_link WHERE kind = ?1 AND person_id = ?2", params![kind, person])?,
        None => tx.execute("DELETE FROM identity_link WHERE kind = ?1 AND person_id IS NULL", params![kind])?,
    };
    let token = shouwen_crypt::new_token(tx.ids(), prefix);
    tx.execute(
        "INSERT INTO identity_link (token_hash, workspace_id, kind, person_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![hash_of(&token), workspace, kind, person, tx.now(), expires_at],
    )?;
    Ok(token)
}

/// Looks a token up without using it; `None` when there is none or it has expired.
pub(crate) fn find(tx: &Tx<'_>, kind: &str, token: &str) -> Result<Option<Link>> {
    let row: Option<(WorkspaceId, Option<PersonId>, Option<Time>)> =
        tx.opt("SELECT workspace_id, person_id, expires_at FROM identity_link WHERE token_hash = ?1 AND kind = ?2", params![hash_of(token), kind])?;
    Ok(row.map(|(workspace, person, expires_at)| Link { workspace, person, expires_at }).filter(|link| link.expires_at.is_none_or(|at| tx.now() < at)))
}

/// Uses a token up; `false` when somebody was faster.
pub(crate) fn spend(tx: &Tx<'_>, kind: &str, token: &str) -> Result<bool> {
    Ok(tx.execute("DELETE FROM identity_link WHERE token_hash = ?1 AND kind = ?2", params![hash_of(token), kind])? == 1)
}

/// Kills the links of a person.
pub(crate) fn revoke(tx: &Tx<'_>, person: PersonId) -> Result<()> {
    tx.execute("DELETE FROM identity_link WHERE person_id = ?1", params![person])?;
    Ok(())
}
