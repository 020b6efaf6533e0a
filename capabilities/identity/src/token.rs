//! API tokens: `shw_` and 256 bits; the SHA-256 in the table.

use shouwen_kernel::{PersonId, Problem, Result, Time, TokenId};
use shouwen_store::{Ctx, Json, Tx, params};

use crate::session::hash_of;

const MOST: i64 = 100;

/// Makes a token; its id and the secret, which is shown once. `permissions`: at most these of the person's own.
pub(crate) fn create(tx: &Tx<'_>, ctx: &Ctx, person: PersonId, name: &str, permissions: Option<&[String]>, expires_at: Option<Time>) -> Result<(TokenId, String)> {
    let name = crate::input::name("name", name, 80)?;
    if expires_at.is_some_and(|at| at <= tx.now()) {
        return Err(Problem::invalid("expires_at", "this lies in the past").expected("a later instant, or none"));
    }
    let (count,): (i64,) = tx.one("SELECT count(*) FROM identity_token WHERE person_id = ?1", params![person])?;
    if count >= MOST {
        return Err(Problem::conflict("token.too_many", format!("{count} tokens already")).expected("delete those that are not used any more"));
    }
    let secret = shouwen_crypt::new_token(tx.ids(), "shw_");
    let id: TokenId = tx.id();
    tx.execute(
        "INSERT INTO identity_token (id, workspace_id, person_id, name, token_hash, permissions, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![id, ctx.workspace, person, name, hash_of(&secret), permissions.map(Json), tx.now(), expires_at],
    )?;
    tx.audit(ctx, "token.created", "token", Some(id.0), Some(serde_json::json!({ "name": name, "person": person, "permissions": permissions, "expires_at": expires_at })))?;
    Ok((id, secret))
}
