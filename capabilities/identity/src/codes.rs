//! Recovery codes: ten of fifty bits each, for the day the second factor is lost. Each opens one sign-in.

use shouwen_kernel::{PersonId, Result, WorkspaceId};
use shouwen_store::{Tx, params};

const COUNT: usize = 10;

/// Replaces a person's codes; the new ones, to be shown once.
pub(crate) fn replace(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId) -> Result<Vec<String>> {
    tx.execute("DELETE FROM identity_recovery_code WHERE person_id = ?1", params![person])?;
    let mut codes = Vec::with_capacity(COUNT);
    for _ in 0..COUNT {
        let bytes: [u8; 16] = tx.ids().secret();
        let text = shouwen_kernel::encode_base32(u128::from_be_bytes(bytes));
        let code = format!("{}-{}", &text[16..21], &text[21..26]);
        tx.execute("INSERT INTO identity_recovery_code (workspace_id, person_id, code_index) VALUES (?1, ?2, ?3)", params![workspace, person, index(tx, person, &code)])?;
        codes.push(code);
    }
    Ok(codes)
}

/// Uses a code up; `false` when it is none of theirs or was used.
pub(crate) fn spend(tx: &Tx<'_>, person: PersonId, code: &str) -> Result<bool> {
    let touched = tx.execute(
        "UPDATE identity_recovery_code SET used_at = ?3 WHERE person_id = ?1 AND code_index = ?2 AND used_at IS NULL",
        params![person, index(tx, person, code), tx.now()],
    )?;
    Ok(touched == 1)
}

/// Removes all codes.
pub(crate) fn clear(tx: &Tx<'_>, person: PersonId) -> Result<()> {
    tx.execute("DELETE FROM identity_recovery_code WHERE person_id = ?1", params![person])?;
    Ok(())
}

/// Fifty bits could be searched through in a stolen database, so the hash is keyed.
fn index(tx: &Tx<'_>, person: PersonId, code: &str) -> String {
    let plain: String = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    tx.keys().index("identity.recovery", &format!("{person}:{plain}"))
}
