//! `message.received` → the customer, found or created → `customer.recognised`.

use shouwen_contracts::channel::{ChannelEvent, Received};
use shouwen_contracts::customers::{CustomerEvent, Recognised};
use shouwen_crypt::AddressKind;
use shouwen_kernel::text::{clip, one_line};
use shouwen_kernel::{CustomerId, IdentityId, OrgUnitId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Recorded, Subscription, Tx, params};

use crate::record::Record;

/// Decides and emits: it must never be run over the log again, so it has no reset and its version never rises.
pub const RECOGNISE: Subscription = Subscription { name: "customers.recognise", version: 1, reset: None, kinds: &["message.received"], handle: recognise };

/// What is known of a sender at once.
struct Found {
    identity: IdentityId,
    customer: CustomerId,
    name: String,
    named: bool,
    language: Option<String>,
    region: Option<String>,
    tier: Option<String>,
    home: OrgUnitId,
    merged_into: Option<CustomerId>,
}

fn recognise(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(ChannelEvent::Received(received)) = recorded.event::<ChannelEvent>()? else { return Ok(()) };
    let ctx = Ctx::system(recorded.workspace, "customers");
    let kind = kind_of(&received.channel);
    let blind = blind_of(tx, kind, &received);
    let (found, created) = match find(tx, recorded.workspace, kind, &blind)? {
        Some(found) => (found, false),
        None => create(tx, recorded.workspace, kind, &blind, &received)?,
    };
    let found = if found.merged_into.is_some() { at_the_root(tx, found)? } else { found };
    let found = learn_name(tx, &ctx, found, &received)?;
    let event = Recognised {
        message_id: received.message_id,
        customer_id: found.customer,
        identity_id: found.identity,
        name: found.name,
        created,
        language: found.language.or_else(|| received.language.clone()),
        region: found.region,
        tier: found.tier,
        org_unit_id: (found.home != OrgUnitId::NIL).then_some(found.home),
        received,
    };
    tx.emit::<CustomerEvent>(&ctx, Some(found.customer.0), None, event)
}

/// The kind of address a channel's senders have.
fn kind_of(channel: &str) -> &str {
    match channel {
        "email" => "email",
        "sms" | "phone" => "phone",
        other => other,
    }
}

/// Mail without a sender must not make one customer of all who hide: then the message stands for its own sender.
fn blind_of(tx: &Tx<'_>, kind: &str, received: &Received) -> String {
    let nobody = received.from.index.is_empty() || received.from.index == tx.keys().index(kind, "");
    if nobody { format!("message:{}", received.message_id) } else { received.from.index.clone() }
}

fn find(tx: &Tx<'_>, workspace: WorkspaceId, kind: &str, blind: &str) -> Result<Option<Found>> {
    type Columns = (IdentityId, CustomerId, String, bool, Option<String>, Option<String>, Option<String>, OrgUnitId, Option<CustomerId>);
    let row: Option<Columns> = tx.opt(
        "SELECT i.id, c.id, c.name, c.named, c.language, c.region, c.tier, c.home_id, c.merged_into FROM customer_identity AS i JOIN customer_record AS c ON c.id = i.customer_id
         WHERE i.workspace_id = ?1 AND i.kind = ?2 AND i.blind = ?3",
        params![workspace, kind, blind],
    )?;
    Ok(row.map(|(identity, customer, name, named, language, region, tier, home, merged_into)| Found { identity, customer, name, named, language, region, tier, home, merged_into }))
}

/// A new customer with this address; `true`: it is new indeed, and not stored by somebody else a moment ago.
fn create(tx: &Tx<'_>, workspace: WorkspaceId, kind: &str, blind: &str, received: &Received) -> Result<(Found, bool)> {
    let masked = mask(tx, kind, received);
    let given = given_name(received);
    let customer: CustomerId = tx.id();
    let identity: IdentityId = tx.id();
    let inserted = tx.execute(
        "INSERT INTO customer_identity (id, workspace_id, customer_id, kind, blind, sealed, masked, verified, is_primary, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, FALSE, TRUE, ?8)
         ON CONFLICT (workspace_id, kind, blind) DO NOTHING",
        params![identity, workspace, customer, kind, blind, received.from.address, masked, tx.now()],
    )?;
    if inserted == 0 {
        return find(tx, workspace, kind, blind)?.map(|found| (found, false)).ok_or_else(|| Problem::new(shouwen_kernel::Kind::Unavailable, "store.retry", "an address was taken and given up again"));
    }
    let record = Record {
        id: customer,
        workspace,
        named: given.is_some(),
        name: given.unwrap_or(masked),
        kind: "person".to_owned(),
        language: received.language.clone(),
        region: None,
        tier: None,
        home: OrgUnitId::NIL,
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
    };
    record.insert(tx)?;
    let found = Found { identity, customer, name: record.name, named: record.named, language: record.language, region: None, tier: None, home: record.home, merged_into: None };
    Ok((found, true))
}

/// The name the sender goes by, unless it is only their address again.
fn given_name(received: &Received) -> Option<String> {
    let name = clip(&one_line(&received.from.name), 100);
    let name = name.trim_matches(['"', '\'', ' ']).to_owned();
    (!name.is_empty() && !name.contains('@')).then_some(name)
}

fn mask(tx: &Tx<'_>, kind: &str, received: &Received) -> String {
    match (AddressKind::of(kind), tx.keys().open_address(&received.from.address)) {
        (Some(kind), Ok(address)) => kind.normal(&address).map_or_else(|_| "***".to_owned(), |normal| kind.mask(&normal)),
        (None, Ok(address)) => format!("{}***", address.chars().next().map(String::from).unwrap_or_default()),
        // The message must go on its way whatever became of its sender's address.
        (_, Err(problem)) => {
            tracing::warn!(message = %received.message_id, error = %problem, "a sender's address cannot be opened");
            "***".to_owned()
        }
    }
}

fn at_the_root(tx: &Tx<'_>, found: Found) -> Result<Found> {
    let Some(record) = Record::find(tx, found.customer)? else { return Ok(found) };
    let root = record.root(tx)?;
    Ok(Found { identity: found.identity, customer: root.id, name: root.name, named: root.named, language: root.language, region: root.region, tier: root.tier, home: root.home, merged_into: None })
}

/// A customer so far known by a masked address gets the name a later message brings.
fn learn_name(tx: &Tx<'_>, ctx: &Ctx, found: Found, received: &Received) -> Result<Found> {
    if found.named {
        return Ok(found);
    }
    let Some(name) = given_name(received) else { return Ok(found) };
    let Some(mut record) = Record::lock(tx, found.customer)? else { return Ok(found) };
    record.name.clone_from(&name);
    record.named = true;
    record.save(tx)?;
    record.index_name(tx)?;
    record.tell(tx, ctx)?;
    Ok(Found { name, named: true, ..found })
}
