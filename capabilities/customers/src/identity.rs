//! Addresses of customers in the table: found by blind index, shown masked, stored sealed.

use shouwen_crypt::AddressKind;
use shouwen_kernel::text::clip;
use shouwen_kernel::{CustomerId, IdentityId, Problem, Result, WorkspaceId};
use shouwen_store::{Tx, params};

use crate::Sight;
use crate::create::NewIdentity;
use crate::record::Record;

/// The kind of that name, or what is wrong with it.
pub(crate) fn kind(name: &str) -> Result<AddressKind> {
    AddressKind::of(name).ok_or_else(|| Problem::invalid("kind", format!("there is no kind of address `{}`", clip(name, 40))).expected("`email` or `phone`"))
}

/// Adds an address to a customer. Taken by another: `customer.identity_taken`, naming them where `sight` reaches.
pub(crate) fn add(tx: &Tx<'_>, workspace: WorkspaceId, customer: CustomerId, wanted: &NewIdentity, sight: &Sight) -> Result<IdentityId> {
    let kind = kind(&wanted.kind)?;
    let normal = kind.normal(&wanted.value).map_err(|p| p.field("value"))?;
    let blind = tx.keys().address_index(kind, &normal);
    if let Some((owner, owner_id)) = owner(tx, workspace, kind.name(), &blind)? {
        return Err(taken(tx, owner, owner_id == customer, sight)?);
    }
    let id: IdentityId = tx.id();
    let (others,): (i64,) = tx.one("SELECT count(*) FROM customer_identity WHERE customer_id = ?1 AND kind = ?2", params![customer, kind.name()])?;
    if others >= 50 {
        return Err(Problem::invalid("kind", format!("the customer has {others} of this kind already")).expected("at most 50"));
    }
    let primary = wanted.primary || others == 0;
    if primary {
        tx.run("UPDATE customer_identity SET is_primary = FALSE WHERE customer_id = ?1 AND kind = ?2", params![customer, kind.name()])?;
    }
    let sealed = tx.keys().seal_address(tx.ids(), &normal)?;
    let inserted = tx.execute(
        "INSERT INTO customer_identity (id, workspace_id, customer_id, kind, blind, sealed, masked, verified, is_primary, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (workspace_id, kind, blind) DO NOTHING",
        params![id, workspace, customer, kind.name(), blind, sealed, kind.mask(&normal), wanted.verified, primary, tx.now()],
    )?;
    if inserted == 0 {
        // Somebody else stored it between the look and the write.
        return Err(Problem::conflict("customer.identity_taken", "another customer has this address").expected("that customer; search for the address"));
    }
    Ok(id)
}

/// Who has an address: the customer at the end of the merges, and the one it was given to.
pub(crate) fn owner(tx: &Tx<'_>, workspace: WorkspaceId, kind: &str, blind: &str) -> Result<Option<(Record, CustomerId)>> {
    let found: Option<(CustomerId,)> = tx.opt("SELECT customer_id FROM customer_identity WHERE workspace_id = ?1 AND kind = ?2 AND blind = ?3", params![workspace, kind, blind])?;
    let Some((id,)) = found else { return Ok(None) };
    let record = Record::find(tx, id)?.ok_or_else(|| Problem::internal(format!("an address belongs to customer {id}, who is not there")))?;
    Ok(Some((record.root(tx)?, id)))
}

fn taken(tx: &Tx<'_>, owner: Record, own: bool, sight: &Sight) -> Result<Problem> {
    let problem = Problem::conflict("customer.identity_taken", if own { "the customer has this address already" } else { "another customer has this address" }).field("value");
    if own {
        return Ok(problem.expected("an address they do not have yet"));
    }
    let problem = problem.expected("that customer, or a merge of the two");
    Ok(if sight.sees(tx, &owner)? { problem.detail(serde_json::json!({ "customer": { "id": owner.id, "name": owner.name } })) } else { problem })
}
