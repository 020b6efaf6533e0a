//! Idempotency keys: the answer of a command is stored in the command's own transaction.

use shouwen_kernel::{Kind, Problem, Result};

use crate::{Tx, params};

/// An answer given before.
#[derive(Clone, Debug)]
pub struct Remembered {
    pub status: u16,
    pub body: String,
}

impl Tx<'_> {
    /// The answer already given to `principal` under `key`; a different request under the same key is refused.
    pub fn remembered(&self, principal: &str, key: &str, hash: &str) -> Result<Option<Remembered>> {
        let Some((known, status, body)) =
            self.opt::<(String, i64, String)>("SELECT hash, status, body FROM idempotency WHERE principal = ?1 AND key = ?2", params![principal, key])?
        else {
            return Ok(None);
        };
        if known != hash {
            return Err(Problem::new(Kind::Invalid, "idempotency.mismatch", "this Idempotency-Key was used for another request")
                .field("Idempotency-Key")
                .expected("a fresh key for each new request; the same key only to repeat the same one"));
        }
        Ok(Some(Remembered { status: status as u16, body }))
    }

    /// Stores the answer. Two at once: the second fails on the unique key and its whole transaction is undone.
    pub fn remember(&self, principal: &str, key: &str, hash: &str, answer: &Remembered) -> Result<()> {
        self.execute(
            "INSERT INTO idempotency (principal, key, hash, status, body, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![principal, key, hash, i64::from(answer.status), answer.body, self.now()],
        )
        .map(|_| ())
        .map_err(|p| {
            if p.code == crate::UNIQUE { Problem::conflict("idempotency.running", "the same request is being carried out right now").expected("wait a moment and repeat it") } else { p }
        })
    }

    /// Forgets keys older than 72 hours, a few at a time.
    pub fn forget_old_keys(&self) -> Result<u64> {
        self.execute(
            "DELETE FROM idempotency WHERE (principal, key) IN (SELECT principal, key FROM idempotency WHERE at < ?1 ORDER BY at LIMIT 1000)",
            params![self.now().plus_seconds(-72 * 3600)],
        )
    }
}
