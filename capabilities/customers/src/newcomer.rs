//! Somebody who turns up with an address: found by its blind index, or created. Two at once give one.

use shouwen_crypt::AddressKind;
use shouwen_kernel::text::{clip, one_line};
use shouwen_kernel::{CustomerId, IdentityId, InboxId, OrgUnitId, PersonId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, Value, params};

use crate::record::Record;

/// What is known of a sender at once.
#[derive(Clone)]
pub(crate) struct Found {
    pub identity: IdentityId,
    pub customer: CustomerId,
    pub name: String,
    pub named: bool,
    pub language: Option<String>,
    pub region: Option<String>,
    pub tier: Option<String>,
    pub home: OrgUnitId,
    pub merged_into: Option<CustomerId>,
}

/// How somebody came to us.
pub(crate) struct Newcomer<'a> {
    pub workspace: WorkspaceId,
    /// `email`, `phone`, or a channel's own kind.
    pub kind: &'a str,
    pub blind: &'a str,
    /// The address, sealed.
    pub sealed: &'a str,
    /// The name they gave or were given; may be empty, or their address again.
    pub name: &'a str,
    pub language: Option<&'a str>,
    /// Where they came in: its unit becomes theirs.
    pub inbox: Option<InboxId>,
    pub made_by: Option<PersonId>,
}

/// Senders looked up by a step; see [`Tx::ahead`].
pub(crate) const SENDERS: &str = "customers.senders";

type Columns = (IdentityId, CustomerId, String, bool, Option<String>, Option<String>, Option<String>, OrgUnitId, Option<CustomerId>);

const FIND: &str = "SELECT i.id, c.id, c.name, c.named, c.language, c.region, c.tier, c.home_id, c.merged_into FROM customer_identity AS i JOIN customer_record AS c ON c.id = i.customer_id
         WHERE i.workspace_id = ?1 AND i.kind = ?2 AND i.blind = ?3";

fn found((identity, customer, name, named, language, region, tier, home, merged_into): Columns) -> Found {
    Found { identity, customer, name, named, language, region, tier, home, merged_into }
}

/// Those among the senders (workspace, kind, blind index) who are known.
pub(crate) fn find_each(tx: &Tx<'_>, senders: &[(WorkspaceId, String, String)]) -> Result<Vec<((WorkspaceId, String, String), Found)>> {
    let runs: Vec<Vec<Value>> = senders.iter().map(|(workspace, kind, blind)| params![workspace, kind, blind].to_vec()).collect();
    let rows: Vec<Vec<Columns>> = tx.all_each(FIND, &runs)?;
    Ok(senders.iter().cloned().zip(rows).filter_map(|(key, rows)| Some((key, found(rows.into_iter().next()?)))).collect())
}

pub(crate) fn find(tx: &Tx<'_>, workspace: WorkspaceId, kind: &str, blind: &str) -> Result<Option<Found>> {
    Ok(tx.opt::<Columns>(FIND, params![workspace, kind, blind])?.map(found))
}

/// A new customer with this address; `true`: it is new indeed, and not stored by somebody else a moment ago.
pub(crate) fn create(tx: &Tx<'_>, new: &Newcomer<'_>) -> Result<(Found, bool)> {
    let masked = mask(tx, new.kind, new.sealed);
    let given = given_name(new.name);
    let customer: CustomerId = tx.id();
    let Some(identity) = add_address(tx, new, customer, &masked, true)? else {
        return find(tx, new.workspace, new.kind, new.blind)?
            .map(|found| (found, false))
            .ok_or_else(|| Problem::new(shouwen_kernel::Kind::Unavailable, "store.retry", "an address was taken and given up again"));
    };
    let home = match new.inbox {
        // Once a batch: most mails of a batch came to the same inbox.
        Some(inbox) => tx.known(&format!("customers.home_of.{inbox}"), || {
            Ok(tx.opt::<(Option<OrgUnitId>,)>("SELECT org_unit_id FROM customer_inbox WHERE id = ?1 AND workspace_id = ?2", params![inbox, new.workspace])?.and_then(|row| row.0))
        })?,
        None => None,
    };
    let record = Record {
        id: customer,
        workspace: new.workspace,
        named: given.is_some(),
        name: given.unwrap_or(masked),
        kind: "person".to_owned(),
        language: new.language.map(str::to_owned),
        region: None,
        tier: None,
        home: home.unwrap_or(OrgUnitId::NIL),
        notes: String::new(),
        tags: Vec::new(),
        id_number: None,
        id_number_masked: None,
        id_number_blind: None,
        address: None,
        address_masked: None,
        created_at: tx.now(),
        version: 1,
        merged_into: None,
        made_by: new.made_by,
    };
    record.insert(tx)?;
    let found = Found { identity, customer, name: record.name, named: record.named, language: record.language, region: None, tier: None, home: record.home, merged_into: None };
    Ok((found, true))
}

/// Gives a customer the address, unverified; `None` when somebody has it already.
pub(crate) fn add_address(tx: &Tx<'_>, new: &Newcomer<'_>, customer: CustomerId, masked: &str, primary: bool) -> Result<Option<IdentityId>> {
    let identity: IdentityId = tx.id();
    if tx.digesting().len() > 1 {
        // Nobody had the address when this step began; whether that still held is asked once for all of the step.
        tx.run(INSERT, params![identity, new.workspace, customer, new.kind, new.blind, new.sealed, masked, tx.now(), primary])?;
        tx.set_ahead(ADDED, identity, Some(()));
        tx.at_end(still_free);
        return Ok(Some(identity));
    }
    let inserted = tx.execute(INSERT, params![identity, new.workspace, customer, new.kind, new.blind, new.sealed, masked, tx.now(), primary])?;
    Ok((inserted > 0).then_some(identity))
}

const INSERT: &str = "INSERT INTO customer_identity (id, workspace_id, customer_id, kind, blind, sealed, masked, verified, is_primary, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, FALSE, ?9, ?8)
         ON CONFLICT (workspace_id, kind, blind) DO NOTHING";

/// Addresses that a step gave; see [`Tx::ahead`].
const ADDED: &str = "customers.added";

/// Whether every address the step gave went in. If another node was quicker with one, the step is done again, and finds it.
fn still_free(tx: &Tx<'_>) -> Result<()> {
    let added: Vec<(IdentityId, ())> = tx.take_ahead(ADDED);
    let runs: Vec<Vec<Value>> = added.iter().map(|(id, ())| params![id].to_vec()).collect();
    let there: Vec<Vec<(IdentityId,)>> = tx.all_each("SELECT id FROM customer_identity WHERE id = ?1", &runs)?;
    if there.iter().all(|rows| !rows.is_empty()) {
        return Ok(());
    }
    Err(Problem::new(shouwen_kernel::Kind::Unavailable, "store.retry", "an address was given to somebody else at the same moment"))
}

/// The name somebody goes by, unless it is only their address again.
pub(crate) fn given_name(name: &str) -> Option<String> {
    let name = clip(&one_line(name), 100);
    let name = name.trim_matches(['"', '\'', ' ']).to_owned();
    (!name.is_empty() && !name.contains('@')).then_some(name)
}

pub(crate) fn mask(tx: &Tx<'_>, kind: &str, sealed: &str) -> String {
    match (AddressKind::of(kind), tx.keys().open_address(sealed)) {
        (Some(kind), Ok(address)) => kind.normal(&address).map_or_else(|_| "***".to_owned(), |normal| kind.mask(&normal)),
        (None, Ok(address)) => format!("{}***", address.chars().next().map(String::from).unwrap_or_default()),
        // The message must go on its way whatever became of its sender's address.
        (_, Err(problem)) => {
            tracing::warn!(error = %problem, "an address cannot be opened");
            "***".to_owned()
        }
    }
}

/// The customer at the end of the merges.
pub(crate) fn at_the_root(tx: &Tx<'_>, found: Found) -> Result<Found> {
    if found.merged_into.is_none() {
        return Ok(found);
    }
    let Some(record) = Record::find(tx, found.customer)? else { return Ok(found) };
    let root = record.root(tx)?;
    Ok(Found { identity: found.identity, customer: root.id, name: root.name, named: root.named, language: root.language, region: root.region, tier: root.tier, home: root.home, merged_into: None })
}

/// A customer so far known by a masked address gets the name that is told now.
pub(crate) fn learn_name(tx: &Tx<'_>, ctx: &Ctx, found: Found, name: &str) -> Result<Found> {
    if found.named {
        return Ok(found);
    }
    let Some(name) = given_name(name) else { return Ok(found) };
    let Some(mut record) = Record::lock(tx, found.customer)? else { return Ok(found) };
    record.name.clone_from(&name);
    record.named = true;
    record.save(tx)?;
    record.index_name(tx)?;
    record.tell(tx, ctx)?;
    Ok(Found { name, named: true, ..found })
}
