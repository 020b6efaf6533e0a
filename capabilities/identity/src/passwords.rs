//! Which rule a person's password is under, and setting it.

use shouwen_kernel::{PersonId, Result, WorkspaceId};
use shouwen_store::{Tx, params};

use crate::policy::{Rule, check_password};

/// Refuses a password that is too weak for this person.
pub(crate) fn check_for(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId, password: &str) -> Result<()> {
    let row = crate::person_row::load(tx, workspace, person)?;
    let roles = crate::assignment::rights(tx, person, row.org_unit_id)?.roles;
    let rule = if row.mfa || crate::workspace::demands_mfa(tx, workspace, &roles)? { Rule::WithSecondFactor } else { Rule::Alone };
    let (organisation, ..) = crate::workspace::load(tx, workspace)?;
    let email = tx.keys().open_address(&row.email_sealed)?;
    check_password(password, rule, &[&organisation, &row.name, &email])
}

/// Stores a new hash; whoever had to change the password has done so, unless `again`.
pub(crate) fn set(tx: &Tx<'_>, person: PersonId, hash: &str, again: bool) -> Result<()> {
    tx.execute("UPDATE identity_person SET password_hash = ?2, must_change_password = ?3 WHERE id = ?1", params![person, hash, again])?;
    Ok(())
}
