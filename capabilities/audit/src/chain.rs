//! The hash chain and its signed head.

use serde::{Deserialize, Serialize};
use shouwen_crypt::Keys;
use shouwen_kernel::{Result, Time, WorkspaceId};
use shouwen_store::{AuditRow, Tx};

/// The setting that holds the head; the chain runs through all workspaces, so it belongs to none.
const HEAD: &str = "audit.head";

/// Hash before the first row.
pub(crate) const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Where the chain ends, signed with a key that is not in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Head {
    /// Rows in the chain.
    pub chain: i64,
    /// Hash of the last one.
    pub hash: String,
    #[schema(value_type = String)]
    pub at: Time,
    /// 32 hex digits over all of the above.
    pub signature: String,
}

impl Head {
    pub(crate) fn signed(keys: &Keys, chain: i64, hash: String, at: Time) -> Self {
        let signature = shouwen_crypt::hex(&keys.sign("audit.head", &message(chain, &hash, at)));
        Self { chain, hash, at, signature }
    }

    /// Whether the signature is ours.
    pub fn is_ours(&self, keys: &Keys) -> bool {
        shouwen_crypt::unhex(&self.signature).is_some_and(|signature| keys.verify("audit.head", &message(self.chain, &self.hash, self.at), &signature))
    }

    /// The stored head, if anything was ever sealed.
    pub fn stored(tx: &Tx<'_>) -> Result<Option<Self>> {
        tx.setting(WorkspaceId::NIL, HEAD)
    }

    pub(crate) fn store(&self, tx: &Tx<'_>) -> Result<()> {
        tx.set_setting(WorkspaceId::NIL, HEAD, self)
    }
}

fn message(chain: i64, hash: &str, at: Time) -> Vec<u8> {
    format!("{chain}\n{hash}\n{}", at.micros()).into_bytes()
}

/// SHA-256(hash of the row before ‖ place ‖ row number ‖ mark ‖ canonical row), as 64 hex digits.
pub fn row_hash(before: &str, chain: i64, row: &AuditRow) -> String {
    let text = format!("{before}\n{chain}\n{}\n{}\n{}", row.position.seq, row.origin.as_deref().unwrap_or_default(), row.canonical());
    shouwen_crypt::sha256_hex(text.as_bytes())
}
