//! A recognised sender: the message joins its conversation, or opens a case.
//!
//! Nothing is lost. What cannot be threaded opens a case, automatic mail too (tagged `auto`, so that a view can set it
//! aside). Within a known thread automatic mail is kept and shown, but wakes, reopens and changes nothing.

use std::sync::Arc;

use shouwen_contracts::casework::{CustomerSet, Linked, MessageAdded, Opened};
use shouwen_contracts::channel::Received;
use shouwen_contracts::customers::{CustomerEvent, Recognised};
use shouwen_contracts::message::Content;
use shouwen_kernel::{Actor, ConversationId, MessageId, ObjectId, Problem, Result, Time};
use shouwen_store::{Ctx, Position, Recorded, Tx, Value, params};

use crate::case::Case;
use crate::ties::Ties;
use crate::conversation::{Conversation, join, let_join, participant};
use crate::message::{Facts, Message, Parties, TEXT_LIMIT, preview, remember_wire_id, save_attachments};
use crate::names::Inbox;
use crate::thread::{self, Thread};
use crate::{kinds, link, names, verified};

/// Setting: within this many days an answer to a closed case reopens it; later it opens a new one, linked to the old.
pub const REOPEN_DAYS: &str = "case.reopen_days";

/// What a mail opens.
pub const CASE_TYPE: &str = "request";

/// Takes a recognised message in.
pub fn intake(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(event) = recognised(tx, recorded.position)? else { return Ok(()) };
    if is_here(tx, event.message_id)? {
        return Ok(());
    }
    tx.set_ahead(MESSAGES, event.message_id, Some(()));
    let body: Content = match content(tx, &event.received.content)? {
        Some(bytes) => serde_json::from_slice(&bytes)?,
        None => Content { text: event.received.preview.clone(), reply_text: event.received.preview.clone(), ..Content::default() },
    };
    let ctx = Ctx { workspace: recorded.workspace, actor: Actor::Customer { id: Some(event.customer_id) }, ip: None };
    let intake = Intake { tx, ctx: &ctx, event: &event, received: &event.received, body: &body };
    match thread::find(tx, recorded.workspace, &event.received)? {
        Some(thread) => intake.go_on(thread),
        None => intake.open(None),
    }
}

/// The event at a place, read once for all of a step.
fn recognised(tx: &Tx<'_>, at: Position) -> Result<Option<Arc<Recognised>>> {
    tx.ahead("case.recognised", &at, |events| events.iter().map(|e| e.position).collect(), |_| {
        let mut out = Vec::new();
        for event in tx.digesting().iter() {
            if let Some(CustomerEvent::Recognised(recognised)) = event.event::<CustomerEvent>()? {
                out.push((event.position, Arc::new(recognised)));
            }
        }
        Ok(out)
    })
}

/// What each message of the step has.
fn of_step<T>(tx: &Tx<'_>, events: &[Arc<Recorded>], what: impl Fn(&Recognised) -> T) -> Vec<T> {
    events.iter().filter_map(|e| recognised(tx, e.position).ok().flatten()).map(|event| what(&event)).collect()
}

const MESSAGES: &str = "case.messages";

/// Whether the message was taken in before.
fn is_here(tx: &Tx<'_>, id: MessageId) -> Result<bool> {
    let found = tx.ahead(MESSAGES, &id, |events| of_step(tx, events, |e| e.message_id), |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(MessageId,)>> = tx.all_each("SELECT id FROM case_message WHERE id = ?1", &runs)?;
        Ok(rows.into_iter().flatten().map(|(id,)| (id, ())).collect())
    })?;
    Ok(found.is_some())
}

/// A stored body; small ones of a step are fetched together.
fn content(tx: &Tx<'_>, name: &String) -> Result<Option<Vec<u8>>> {
    match tx.ahead("case.contents", name, |events| of_step(tx, events, |e| e.received.content.clone()), |names| Ok(tx.small_blobs(names)?.into_iter().map(|(name, bytes)| (name, Arc::new(bytes))).collect()))? {
        Some(bytes) => Ok(Some(bytes.to_vec())),
        None => tx.blob(name),
    }
}

struct Intake<'a, 't> {
    tx: &'a Tx<'t>,
    ctx: &'a Ctx,
    event: &'a Recognised,
    received: &'a Received,
    body: &'a Content,
}

impl Intake<'_, '_> {
    /// The message continues a conversation.
    fn go_on(&self, thread: Thread) -> Result<()> {
        let (tx, received) = (self.tx, self.received);
        let conversation = thread.conversation;
        let mut case = Case::lock(tx, self.ctx.workspace, conversation.case_id)?.ok_or_else(|| Problem::internal(format!("conversation {} belongs to no case", conversation.id)))?;
        let automatic = received.auto.is_some();
        let sender = participant(tx, conversation.id, &received.from.index)?;
        let known = sender.as_ref().is_some_and(|p| p.verified);
        if case.status == "closed" && !automatic && self.too_late(&case)? {
            return self.open(Some((&case, &conversation, known)));
        }
        let verified = thread.bounced.is_some() || known;
        if sender.is_none() && !automatic {
            // Whoever knows a thread's token or ids is not thereby who they say: they join, but see nothing of the past.
            let role = if case.customer_id == Some(self.event.customer_id) { "customer" } else { "cc" };
            join(tx, self.ctx.workspace, conversation.id, &received.from, received.reply_to.as_ref(), Some(self.event.customer_id), role, false)?;
        }
        if verified && !automatic {
            let inbox = names::inbox(tx, self.ctx.workspace, received.inbox_id)?;
            self.join_others(conversation.id, inbox.as_ref(), true)?;
        }
        self.add(&mut case, conversation.id, verified, thread.bounced)?;
        if automatic {
            return case.store(tx);
        }
        case.last_in_at = Some(received.received_at);
        if case.customer_id.is_none() && verified {
            case.customer_id = Some(self.event.customer_id);
            case.customer_name = Some(self.event.name.clone());
            case.emit(tx, self.ctx, CustomerSet { case_id: case.id, from: None, to: case.customer_id, name: case.customer_name.clone() })?;
            crate::on_customers::stands(tx, &mut case)?;
        }
        case.unsnooze(tx, self.ctx, "the customer wrote")?;
        match case.status.as_str() {
            "closed" | "resolved" => case.reopen(tx, self.ctx, "the customer wrote")?,
            "waiting" => {
                verified::void(tx, &mut case, "the customer wrote")?;
                case.set_to_work(tx, self.ctx, "the customer wrote")?;
            }
            // What was found out about the end before is answered by this.
            _ => verified::void(tx, &mut case, "the customer wrote")?,
        }
        case.store(tx)
    }

    fn too_late(&self, case: &Case) -> Result<bool> {
        too_late(self.tx, case, self.received.received_at)
    }

    /// The message opens a case; `after`: it is a late answer to a closed one.
    fn open(&self, after: Option<(&Case, &Conversation, bool)>) -> Result<()> {
        let (tx, received, event, workspace) = (self.tx, self.received, self.event, self.ctx.workspace);
        // What all mails of a step need is asked for once.
        let inbox = tx.known(&format!("case.inbox/{workspace}/{}", received.inbox_id), || names::inbox(tx, workspace, received.inbox_id))?;
        let automatic = received.auto.is_some();
        let title = thread::plain_subject(if self.body.subject.is_empty() { &received.subject } else { &self.body.subject });
        let title = [title, preview(&self.body.reply_text), received.preview.clone()].into_iter().find(|t| !t.trim().is_empty()).unwrap_or_else(|| "（无主题）".to_owned());
        let kind = tx.known(&format!("case.type/{workspace}/{CASE_TYPE}"), || kinds::case_type(tx, workspace, CASE_TYPE))?;
        let stage = kind.machine.first();
        let mut case = Case {
            id: tx.id(),
            workspace,
            number: Case::next_number(tx, workspace)?,
            case_type: kind.key().to_owned(),
            title: shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&title), 200),
            stage: stage.key.clone(),
            status: stage.status.word().to_owned(),
            priority: if automatic { "low" } else { "normal" }.to_owned(),
            tags: if automatic { vec!["auto".to_owned()] } else { Vec::new() },
            fields: Default::default(),
            field_versions: Default::default(),
            language: received.language.clone().or_else(|| thread::guess_language(&self.body.reply_text)).or_else(|| event.language.clone()),
            channel: received.channel.clone(),
            inbox_id: Some(received.inbox_id),
            customer_id: Some(event.customer_id),
            customer_name: Some(event.name.clone()),
            region: event.region.clone(),
            tier: event.tier.clone(),
            org_unit_id: inbox.as_ref().and_then(|i| i.org_unit_id).or(event.org_unit_id),
            team_id: inbox.as_ref().and_then(|i| i.team_id),
            assignee_id: None,
            accountable_id: None,
            merged_into: None,
            snoozed_until: None,
            opened_at: received.received_at,
            updated_at: tx.now(),
            first_response_at: None,
            last_in_at: Some(received.received_at),
            resolved_at: None,
            closed_at: None,
            closed_by: None,
            resolution_code: None,
            resolution_text: None,
            reopened_count: 0,
            version: 1,
            watchers: Vec::new(),
            ties: Ties::default(),
        };
        case.insert(tx)?;
        opened(tx, self.ctx, &case)?;
        let conversation = Conversation {
            id: tx.id(),
            workspace,
            case_id: case.id,
            channel: received.channel.clone(),
            inbox_id: Some(received.inbox_id),
            subject: shouwen_kernel::text::clip(&received.subject, 500),
            continued_in: None,
            created_at: tx.now(),
        };
        conversation.insert(tx)?;
        let_join(tx, workspace, conversation.id, &received.from, received.reply_to.as_ref(), Some(event.customer_id), "customer", true)?;
        self.join_others(conversation.id, inbox.as_ref(), true)?;
        if let Some((old, thread, known)) = after {
            link::write(tx, self.ctx, old, case.id, "related")?;
            case.emit(tx, self.ctx, Linked { case_id: case.id, other: old.id, link: "related".to_owned(), removed: false })?;
            if known {
                // Further answers to the old thread come here too, but only those of people who were in it can say so.
                tx.run("UPDATE case_conversation SET continued_in = ?2 WHERE id = ?1", params![thread.id, conversation.id])?;
            }
        }
        self.add(&mut case, conversation.id, true, None)
    }

    /// Everybody else the message was sent to, without our own inboxes.
    fn join_others(&self, conversation: ConversationId, inbox: Option<&Inbox>, verified: bool) -> Result<()> {
        let received = self.received;
        let ours = inbox.map_or("", |i| i.address_index.as_str());
        let others: Vec<_> = received.to.iter().chain(&received.cc).filter(|p| p.index != received.from.index && p.index != ours && !p.index.is_empty()).take(50).collect();
        if others.is_empty() {
            return Ok(());
        }
        let own: Vec<String> = names::inboxes(self.tx, self.ctx.workspace)?.into_iter().map(|i| i.address_index).collect();
        for party in others.into_iter().filter(|p| !own.contains(&p.index)) {
            let_join(self.tx, self.ctx.workspace, conversation, party, None, None, "cc", verified)?;
        }
        Ok(())
    }

    /// What the sender attached, by name: no pictures of the text, which a quotation carries along, and nothing that we had
    /// sent ourselves and that comes back.
    fn file_names(&self, case: &Case) -> Result<Vec<String>> {
        let attached: Vec<_> = self.received.attachments.iter().filter(|file| !file.inline).collect();
        if attached.is_empty() {
            return Ok(Vec::new());
        }
        let ours: Vec<(String,)> = match case.first_response_at {
            Some(_) => self.tx.all("SELECT DISTINCT f.sha256 FROM case_message AS m JOIN case_attachment AS f ON f.message_id = m.id WHERE m.case_id = ?1 AND m.direction = 'out'", params![case.id])?,
            None => Vec::new(),
        };
        Ok(attached.into_iter().filter(|file| !ours.iter().any(|(own,)| *own == file.sha256)).map(|file| file.name.clone()).collect())
    }

    /// Writes the message and tells of it. What a bounce means for the message it is about, the channel tells by
    /// `message.delivery`: some say only that it will take longer.
    fn add(&self, case: &mut Case, conversation: ConversationId, verified: bool, bounced: Option<MessageId>) -> Result<()> {
        let (tx, received, body) = (self.tx, self.received, self.body);
        let text = if body.reply_text.trim().is_empty() { &body.text } else { &body.reply_text };
        let name = if received.from.name.trim().is_empty() { self.event.name.clone() } else { shouwen_kernel::text::clip(&received.from.name, 200) };
        let message = Message {
            id: received.message_id,
            workspace: self.ctx.workspace,
            case_id: case.id,
            conversation_id: conversation,
            direction: "in".to_owned(),
            author_kind: if bounced.is_some() { "system" } else { "customer" }.to_owned(),
            author_id: bounced.is_none().then_some(ObjectId(self.event.customer_id.0)),
            author_name: name,
            at: received.received_at,
            subject: shouwen_kernel::text::clip(&received.subject, 500),
            text: text.chars().take(TEXT_LIMIT).collect(),
            facts: Facts {
                has_quote: body.text.trim().chars().count() > text.trim().chars().count(),
                has_html: body.html.is_some(),
                cut: text.chars().nth(TEXT_LIMIT).is_some(),
                remote_images: body.remote_images,
                form: bounced.is_some().then(|| "bounce".to_owned()),
                ..Facts::default()
            },
            parties: Parties { from: Some(received.from.clone()), reply_to: received.reply_to.clone(), to: received.to.clone(), cc: received.cc.clone(), bcc: Vec::new() },
            content: received.content.clone(),
            raw: Some(received.raw.clone()),
            wire_id: received.wire_id.clone(),
            state: "received".to_owned(),
            error: None,
            send_at: None,
            outbox_id: None,
            auto: received.auto.clone(),
            verified,
            files: received.attachments.len() as i64,
            added_at: tx.now(),
        };
        message.insert(tx)?;
        save_attachments(tx, self.ctx.workspace, message.id, &received.attachments)?;
        if let Some(wire_id) = &received.wire_id {
            remember_wire_id(tx, &message, wire_id, Some(received.inbox_id))?;
        }
        case.emit(
            tx,
            self.ctx,
            MessageAdded {
                case_id: case.id,
                conversation_id: conversation,
                message_id: message.id,
                direction: message.direction.clone(),
                author_id: None,
                author_name: message.author_name.clone(),
                preview: preview(text),
                content: received.content.clone(),
                at: message.at,
                auto: received.auto.is_some(),
                verified,
                mentions: Vec::new(),
                files: self.file_names(case)?,
            },
        )
    }
}

/// Whether the customer's word of `at` comes too late to take a closed case up again.
pub fn too_late(tx: &Tx<'_>, case: &Case, at: Time) -> Result<bool> {
    let days: i64 = tx.setting(case.workspace, REOPEN_DAYS)?.unwrap_or(14);
    Ok(case.closed_at.is_some_and(|closed| closed.plus_seconds(days.clamp(0, 3650) * 86_400) < at))
}

/// Tells that a case was opened.
pub fn opened(tx: &Tx<'_>, ctx: &Ctx, case: &Case) -> Result<()> {
    case.emit(
        tx,
        ctx,
        Opened {
            case_id: case.id,
            number: case.number.clone(),
            case_type: case.case_type.clone(),
            title: case.title.clone(),
            priority: case.priority.clone(),
            stage: case.stage.clone(),
            status: case.status.clone(),
            channel: case.channel.clone(),
            inbox_id: case.inbox_id,
            customer_id: case.customer_id,
            customer_name: case.customer_name.clone(),
            region: case.region.clone(),
            tier: case.tier.clone(),
            org_unit_id: case.org_unit_id,
            team_id: case.team_id,
            assignee_id: case.assignee_id,
            accountable_id: case.accountable_id,
            tags: case.tags.clone(),
            language: case.language.clone(),
            opened_at: case.opened_at,
        },
    )
}
