//! What channels tell besides messages: the inboxes, and what became of what we sent.

use shouwen_contracts::casework::MessageState;
use shouwen_contracts::channel::ChannelEvent;
use shouwen_kernel::Result;
use shouwen_store::{Ctx, Recorded, Subscription, Tx, params};

use crate::case::Case;
use crate::conversation::Conversation;
use crate::message::{Message, remember_wire_id};

/// The projection of inboxes.
pub const INBOXES: Subscription = Subscription { name: "casework.inboxes", version: 1, reset: Some(reset), kinds: &["inbox.saved", "inbox.deleted"], handle: inbox };

/// What became of sent messages. Writes state, so it is never rebuilt.
pub const DELIVERY: Subscription = Subscription { name: "casework.delivery", version: 1, reset: None, kinds: &["message.delivery"], handle: delivery };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.run("DELETE FROM case_inbox", params![])?;
    Ok(())
}

fn inbox(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    match recorded.event::<ChannelEvent>()? {
        Some(ChannelEvent::InboxSaved(e)) => {
            tx.run(
                "INSERT INTO case_inbox (id, workspace_id, channel, name, address, address_index, active, team_id, org_unit_id, signature, default_language)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT (id) DO UPDATE SET channel = ?3, name = ?4, address = ?5, address_index = ?6, active = ?7, team_id = ?8,
                 org_unit_id = ?9, signature = ?10, default_language = ?11",
                params![
                    e.inbox_id, recorded.workspace, e.channel, e.name, e.address, tx.keys().email_index(&e.address), e.active, e.team_id, e.org_unit_id, e.signature, e.default_language
                ],
            )?;
        }
        Some(ChannelEvent::InboxDeleted(e)) => {
            tx.run("DELETE FROM case_inbox WHERE id = ?1", params![e.inbox_id])?;
        }
        _ => {}
    }
    Ok(())
}

fn delivery(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(ChannelEvent::Delivery(event)) = recorded.event::<ChannelEvent>()? else { return Ok(()) };
    // Mail of other capabilities (a satisfaction request) is not ours to follow.
    let Some(mut message) = Message::lock(tx, recorded.workspace, event.message_id)?.filter(|m| m.direction == "out") else { return Ok(()) };
    let Some(case) = Case::load(tx, recorded.workspace, message.case_id)? else { return Ok(()) };
    if let Some(wire_id) = &event.wire_id {
        let inbox = Conversation::load(tx, recorded.workspace, message.conversation_id)?.and_then(|c| c.inbox_id);
        remember_wire_id(tx, &message, wire_id, inbox)?;
        message.wire_id = Some(wire_id.clone());
    }
    let state = if event.state == "bounced" { "failed" } else { event.state.as_str() };
    // A late word about an earlier try does not undo what is settled.
    let settled = matches!(message.state.as_str(), "sent" | "cancelled") && state != "failed" || message.state == state;
    if !settled {
        message.state = state.to_owned();
        message.error = matches!(state, "failed" | "deferred").then(|| event.detail.clone()).flatten();
    }
    message.save_state(tx)?;
    if settled {
        return Ok(());
    }
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    case.emit(tx, &ctx, MessageState { case_id: case.id, message_id: message.id, state: message.state, detail: event.detail })
}
