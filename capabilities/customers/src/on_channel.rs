//! `message.received` → the customer, found or created → `customer.recognised`. And the inboxes, for the unit of those
//! who write to them.

use std::sync::Arc;

use shouwen_contracts::channel::{ChannelEvent, Received};
use shouwen_contracts::customers::{CustomerEvent, Recognised};
use shouwen_kernel::{OrgUnitId, Result};
use shouwen_store::{Ctx, Position, Recorded, Subscription, Tx, params};

use crate::newcomer::{self, Newcomer};

/// Decides and emits: it must never be run over the log again, so it has no reset and its version never rises.
pub const RECOGNISE: Subscription = Subscription { name: "customers.recognise", version: 1, reset: None, kinds: &["message.received"], handle: recognise };

/// The projection of inboxes.
pub(crate) const INBOXES: Subscription = Subscription { name: "customers.inboxes", version: 1, reset: Some(reset), kinds: &["inbox.saved", "inbox.deleted"], handle: inbox };

fn recognise(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(sender) = sender_of(tx, recorded.position)? else { return Ok(()) };
    let Sender { received, kind, blind } = &*sender;
    let received = received.clone();
    let ctx = Ctx::system(recorded.workspace, "customers");
    let key = (recorded.workspace, kind.clone(), blind.clone());
    let others = |events: &[Arc<Recorded>]| events.iter().filter_map(|e| sender_of(tx, e.position).ok().flatten().map(|s| (e.workspace, s.kind.clone(), s.blind.clone()))).collect();
    let (found, created) = match tx.ahead(newcomer::SENDERS, &key, others, |keys| newcomer::find_each(tx, keys))? {
        Some(found) => (found, false),
        None => newcomer::create(
            tx,
            &Newcomer {
                workspace: recorded.workspace,
                kind,
                blind,
                sealed: &received.from.address,
                name: &received.from.name,
                language: received.language.as_deref(),
                inbox: Some(received.inbox_id),
                made_by: None,
            },
        )?,
    };
    let found = newcomer::learn_name(tx, &ctx, newcomer::at_the_root(tx, found)?, &received.from.name)?;
    tx.set_ahead(newcomer::SENDERS, key, Some(found.clone()));
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

/// A received message and how its sender is found.
#[derive(Clone)]
struct Sender {
    received: Received,
    kind: String,
    blind: String,
}

/// Read once, for all events of a step together.
fn sender_of(tx: &Tx<'_>, at: Position) -> Result<Option<Arc<Sender>>> {
    tx.ahead("customers.received", &at, |events| events.iter().map(|e| e.position).collect(), |_| {
        let mut out = Vec::new();
        for event in tx.digesting().iter() {
            if let Some(ChannelEvent::Received(received)) = event.event::<ChannelEvent>()? {
                let kind = kind_of(&received.channel).to_owned();
                let blind = blind_of(tx, &kind, &received);
                out.push((event.position, Arc::new(Sender { received, kind, blind })));
            }
        }
        Ok(out)
    })
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

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.execute("DELETE FROM customer_inbox", params![]).map(|_| ())
}

fn inbox(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    match recorded.event::<ChannelEvent>()? {
        Some(ChannelEvent::InboxSaved(saved)) => tx
            .execute(
                "INSERT INTO customer_inbox (id, workspace_id, org_unit_id) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET org_unit_id = ?3",
                params![saved.inbox_id, recorded.workspace, saved.org_unit_id],
            )
            .map(|_| ()),
        Some(ChannelEvent::InboxDeleted(gone)) => tx.execute("DELETE FROM customer_inbox WHERE id = ?1", params![gone.inbox_id]).map(|_| ()),
        _ => Ok(()),
    }
}
