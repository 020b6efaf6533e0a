//! Mail to people of the house: reviews to decide, warnings, bulletins, invitations. Others wish for it (`wish.letter`),
//! because only this capability knows addresses; it leaves by an e-mail inbox of the workspace, through the outbox.

use shouwen_contracts::channel::ChannelEvent;
use shouwen_contracts::message::{Content, EMAIL_OUTBOX, Outbound, Party};
use shouwen_contracts::wish::{LetterEvent, LetterWish};
use shouwen_kernel::{InboxId, MessageId, PersonId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Recorded, Subscription, Tx, params};

/// The inboxes there are.
pub(crate) const INBOXES: Subscription = Subscription { name: "identity.inboxes", version: 1, reset: Some(reset), kinds: &["inbox.saved", "inbox.deleted"], handle: inbox };

/// Wishes for mail. Writes state, so it is never rebuilt.
pub(crate) const WISHES: Subscription = Subscription { name: "identity.letters", version: 1, reset: None, kinds: &["wish.letter"], handle: wished };

/// One wish writes to at most so many people.
const MOST: usize = 500;

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.run("DELETE FROM identity_inbox", params![])
}

fn inbox(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    match recorded.event::<ChannelEvent>()? {
        Some(ChannelEvent::InboxSaved(inbox)) if inbox.channel == "email" && inbox.active => tx.run(
            "INSERT INTO identity_inbox (inbox_id, workspace_id, general) VALUES (?1, ?2, ?3) ON CONFLICT (inbox_id) DO UPDATE SET general = ?3",
            params![inbox.inbox_id, recorded.workspace, inbox.team_id.is_none()],
        ),
        Some(ChannelEvent::InboxSaved(inbox)) => tx.run("DELETE FROM identity_inbox WHERE inbox_id = ?1", params![inbox.inbox_id]),
        Some(ChannelEvent::InboxDeleted(inbox)) => tx.run("DELETE FROM identity_inbox WHERE inbox_id = ?1", params![inbox.inbox_id]),
        _ => Ok(()),
    }
}

fn wished(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(LetterEvent::LetterWish(wish)) = recorded.event::<LetterEvent>()? else { return Ok(()) };
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    carry_out(tx, &ctx, &wish)
}

fn carry_out(tx: &Tx<'_>, ctx: &Ctx, wish: &LetterWish) -> Result<()> {
    let bytes = tx.blob(&wish.body)?.ok_or_else(|| Problem::internal(format!("the letter of {} has no text in the store", wish.source)))?;
    let content: Content = serde_json::from_slice(&bytes)?;
    let mut people = wish.people.clone();
    people.sort_unstable();
    people.dedup();
    people.into_iter().take(MOST).try_for_each(|person| send(tx, ctx, &wish.source, person, &wish.subject, &content.text, content.html.as_deref()).map(|_| ()))
}

/// The inbox such mail leaves from: one that belongs to no team, the oldest of them.
fn from(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Option<InboxId>> {
    Ok(tx.opt::<(InboxId,)>("SELECT inbox_id FROM identity_inbox WHERE workspace_id = ?1 ORDER BY general DESC, inbox_id LIMIT 1", params![workspace])?.map(|row| row.0))
}

/// Writes to a person, once per source; whether mail leaves. Whoever cannot be written to is noted with the reason.
pub(crate) fn send(tx: &Tx<'_>, ctx: &Ctx, source: &str, person: PersonId, subject: &str, text: &str, html: Option<&str>) -> Result<bool> {
    let row: Option<(String, String, String, bool)> =
        tx.opt("SELECT name, email_sealed, email_index, active FROM identity_person WHERE id = ?1 AND workspace_id = ?2", params![person, ctx.workspace])?;
    let inbox = from(tx, ctx.workspace)?;
    let skipped = match (&row, inbox) {
        (None, _) => Some("unknown_person"),
        (Some((_, _, _, false)), _) => Some("inactive"),
        (Some((_, address, ..)), _) if address.is_empty() => Some("no_address"),
        (_, None) => Some("no_inbox"),
        _ => None,
    };
    let message: Option<MessageId> = skipped.is_none().then(|| tx.id());
    let fresh = tx.execute(
        "INSERT INTO identity_letter (workspace_id, source, person_id, message_id, skipped, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (workspace_id, source, person_id) DO NOTHING",
        params![ctx.workspace, source, person, message, skipped, tx.now()],
    )?;
    if fresh == 0 {
        return Ok(false);
    }
    if let Some(reason) = skipped {
        tracing::warn!(%person, source, reason, "no mail was sent to a person");
        return Ok(false);
    }
    let (Some((name, address, index, _)), Some(inbox_id), Some(message_id)) = (row, inbox, message) else { return Ok(false) };
    let outbound = Outbound {
        message_id,
        inbox_id,
        conversation_id: None,
        to: vec![Party { name, address, index }],
        cc: Vec::new(),
        bcc: Vec::new(),
        subject: shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(subject), 200),
        text: text.to_owned(),
        html: html.map(str::to_owned),
        attachments: Vec::new(),
        references: Vec::new(),
        from_name: crate::workspace::load(tx, ctx.workspace)?.0,
        automatic: true,
        queued_at: tx.now(),
    };
    tx.enqueue(ctx.workspace, EMAIL_OUTBOX, &message_id.to_string(), &outbound, None)?;
    Ok(true)
}
