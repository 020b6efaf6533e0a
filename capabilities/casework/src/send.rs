//! Writing to the customer: an answer or a forward leaves through the outbox, after the time in which it can be taken
//! back.

use serde_json::json;
use shouwen_contracts::casework::{MessageAdded, Watched};
use shouwen_contracts::message::{Content, EMAIL_OUTBOX, Outbound};
use shouwen_kernel::{ConversationId, MessageId, ObjectId, PersonId, Problem, Result};
use shouwen_mail::html;
use shouwen_stages::Status;
use shouwen_store::{Tx, params};

use crate::case::Case;
use crate::change::{Assignment, Ending};
use crate::compose::{self, Recipient};
use crate::conversation::{Conversation, join};
use crate::deed::{Deed, may};
use crate::message::{COLUMNS, Facts, Message, Parties, TEXT_LIMIT, attachments, preview, save_attachments};
use crate::gate::Hand;
use crate::{gate, kinds, names, upload};

/// What is to be written.
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// A forward: with the whole text of a message below, and to people outside the conversation.
    pub forward: bool,
    pub text: String,
    pub html: Option<String>,
    pub to: Option<Vec<Recipient>>,
    pub cc: Option<Vec<Recipient>>,
    pub bcc: Option<Vec<Recipient>>,
    pub attachments: Vec<shouwen_kernel::AttachmentId>,
    pub mentions: Vec<PersonId>,
    pub then: Option<String>,
    pub undo_seconds: i64,
    /// Takes the case's first thread when absent.
    pub conversation: Option<ConversationId>,
}

/// Longest text of one message.
const MOST_TEXT: usize = 200_000;

/// Cleans an agent's HTML and takes the text from it when there is no other.
pub fn body(text: &str, given: Option<&str>) -> Result<(String, Option<String>)> {
    if text.chars().count() > MOST_TEXT || given.is_some_and(|h| h.len() > 4 * MOST_TEXT) {
        return Err(Problem::invalid("text", "the text is too long").expected(format!("at most {MOST_TEXT} characters; longer texts as an attachment")));
    }
    let clean = given.map(|h| html::clean(h).html).filter(|h| !h.trim().is_empty());
    let text = match (&clean, text.trim().is_empty()) {
        (Some(clean), true) => html::html_to_text(clean).text,
        _ => text.trim_end().to_owned(),
    };
    Ok((text.replace("\r\n", "\n"), clean))
}

/// The thread a new message goes to: the named one, else the one that was last written in.
pub fn thread_of(tx: &Tx<'_>, case: &Case, named: Option<ConversationId>) -> Result<Conversation> {
    let all = Conversation::of_case(tx, case.id)?;
    if let Some(id) = named {
        return all.into_iter().find(|c| c.id == id).ok_or_else(|| Problem::invalid("conversation_id", "this case has no such conversation").expected("an id of `conversations` of the case"));
    }
    let last: Option<(ConversationId,)> =
        tx.opt("SELECT conversation_id FROM case_message WHERE case_id = ?1 AND direction IN ('in', 'out') ORDER BY at DESC, id DESC LIMIT 1", params![case.id])?;
    let found = last.and_then(|(id,)| all.iter().find(|c| c.id == id)).or(all.first()).cloned();
    found.ok_or_else(|| Problem::internal(format!("case {} has no conversation", case.id)))
}

/// Writes an outbound message and all that follows from it. The caller saves the case.
pub fn write(tx: &Tx<'_>, deed: &Deed, case: &mut Case, draft: &Draft) -> Result<Message> {
    let mut thread = thread_of(tx, case, draft.conversation)?;
    let inbox = compose::sending_inbox(tx, case, &thread)?;
    if thread.inbox_id.is_none() {
        tx.run("UPDATE case_conversation SET inbox_id = ?2, channel = ?3 WHERE id = ?1", params![thread.id, inbox.id, inbox.channel])?;
        thread.inbox_id = Some(inbox.id);
        case.inbox_id = case.inbox_id.or(Some(inbox.id));
    }
    let (text, own_html) = body(&draft.text, draft.html.as_deref())?;
    if text.trim().is_empty() && draft.attachments.is_empty() && !draft.forward {
        return Err(Problem::invalid("text", "the message is empty").expected("a text, or at least one attachment"));
    }
    let recipients = compose::recipients(tx, case.workspace, thread.id, draft.to.as_deref(), draft.cc.as_deref(), draft.bcc.as_deref())?;
    let files = upload::take(tx, deed, case, &draft.attachments)?;
    let language = case.language.clone().unwrap_or_else(|| inbox.default_language.clone());
    let below = if draft.forward { forwarded(tx, thread.id)? } else if recipients.all_verified { compose::history(tx, thread.id, &language, &deed.viewer.time_zone)? } else { None };
    let signature = inbox.signature.trim();
    let mut full = text.clone();
    for part in [signature, below.as_ref().map_or("", |h| h.text.as_str())].into_iter().filter(|p| !p.is_empty()) {
        full.push_str("\n\n");
        full.push_str(part);
    }
    let own_length = own_html.as_ref().map(String::len);
    let full_html = own_html.map(|own| {
        let signature = if signature.is_empty() { String::new() } else { format!("<br><br>{}", html::text_to_html(signature)) };
        format!("{own}{signature}{}", below.as_ref().map_or(String::new(), |h| format!("<br><br>{}", h.html)))
    });
    let subject = compose::subject(if draft.forward { "Fwd: " } else if first_of(tx, thread.id)? { "" } else { "Re: " }, &thread, case);
    let references = if draft.forward { Vec::new() } else { compose::references(tx, thread.id, &recipients)? };
    let content = Content { subject: subject.clone(), text: full.clone(), reply_text: text.clone(), html: full_html.clone(), ..Content::default() };
    let send_at = tx.now().plus_seconds(draft.undo_seconds);
    let first_response = !draft.forward && !deed.is_house() && case.first_response_at.is_none() && case.last_in_at.is_some();
    let mut message = Message {
        id: tx.id(),
        workspace: case.workspace,
        case_id: case.id,
        conversation_id: thread.id,
        direction: "out".to_owned(),
        author_kind: if deed.is_house() { "system" } else { "person" }.to_owned(),
        author_id: deed.person().map(|p| ObjectId(p.0)),
        author_name: deed.viewer.name.clone(),
        at: tx.now(),
        subject,
        text: text.chars().take(TEXT_LIMIT).collect(),
        facts: Facts {
            has_quote: below.is_some(),
            has_html: full_html.is_some(),
            cut: text.chars().nth(TEXT_LIMIT).is_some(),
            mentions: draft.mentions.clone(),
            then: draft.then.clone(),
            stage_before: Some(case.stage.clone()),
            first_response,
            form: draft.forward.then(|| "forward".to_owned()),
            own_html: own_length,
            ..Facts::default()
        },
        parties: Parties { to: recipients.to.clone(), cc: recipients.cc.clone(), bcc: recipients.bcc.clone(), ..Parties::default() },
        content: tx.put_blob(&serde_json::to_vec(&content)?)?,
        raw: None,
        wire_id: None,
        state: "queued".to_owned(),
        error: None,
        send_at: Some(send_at),
        outbox_id: None,
        auto: None,
        verified: true,
        files: files.len() as i64,
        added_at: tx.now(),
    };
    let outbound = Outbound {
        message_id: message.id,
        inbox_id: inbox.id,
        conversation_id: Some(thread.id),
        to: recipients.to.clone(),
        cc: recipients.cc.clone(),
        bcc: recipients.bcc.clone(),
        subject: message.subject.clone(),
        text: full,
        html: full_html,
        attachments: files.clone(),
        references,
        from_name: if deed.is_house() { inbox.name.clone() } else { deed.viewer.name.clone() },
        automatic: deed.is_house(),
        queued_at: tx.now(),
    };
    message.outbox_id = Some(tx.enqueue(case.workspace, EMAIL_OUTBOX, &outbox_key(&message), &outbound, Some(send_at))?);
    message.insert(tx)?;
    save_attachments(tx, case.workspace, message.id, &files)?;
    if !draft.forward {
        let first = case.customer_id.is_none() && crate::conversation::participants(tx, thread.id)?.is_empty();
        // Whom an agent writes to belongs to the conversation from now on.
        for (party, role) in recipients.to.iter().map(|p| (p, "customer")).chain(recipients.cc.iter().map(|p| (p, "cc"))) {
            join(tx, case.workspace, thread.id, party, None, None, role, true)?;
        }
        // A matter that was nobody's so far is theirs to whom it is written about.
        if let Some(party) = recipients.to.first().filter(|_| first) {
            crate::participant::announce(tx, &deed.ctx, case, &thread, &party.name, &[("email", party.clone())])?;
        }
    }
    told(tx, deed, case, &message)?;
    mention(tx, deed, case, &draft.mentions)?;
    if first_response {
        case.first_response_at = Some(tx.now());
    }
    if !draft.forward {
        answered(tx, deed, case)?;
    }
    then(tx, deed, case, draft.then.as_deref())?;
    Ok(message)
}

/// The outbox key of a message.
pub fn outbox_key(message: &Message) -> String {
    message.id.to_string()
}

fn first_of(tx: &Tx<'_>, conversation: ConversationId) -> Result<bool> {
    Ok(tx.opt::<(i64,)>("SELECT 1 FROM case_message WHERE conversation_id = ?1 AND direction IN ('in', 'out') LIMIT 1", params![conversation])?.is_none())
}

/// The whole of the last message, for somebody outside.
fn forwarded(tx: &Tx<'_>, conversation: ConversationId) -> Result<Option<compose::History>> {
    let last: Option<Message> = tx.opt(
        &format!("SELECT {COLUMNS} FROM case_message WHERE conversation_id = ?1 AND direction IN ('in', 'out') AND state <> 'cancelled' ORDER BY at DESC, id DESC LIMIT 1"),
        params![conversation],
    )?;
    let Some(last) = last else { return Ok(None) };
    let body = last.body(tx)?;
    let head = format!("-------- 转发的邮件 / Forwarded message --------\n发件人 / From: {}\n日期 / Date: {}\n主题 / Subject: {}", last.author_name, last.at, last.subject);
    let shown = body.html.as_deref().map_or_else(|| html::text_to_html(&body.text), str::to_owned);
    Ok(Some(compose::History { text: format!("{head}\n\n{}", body.text), html: format!("{}<br><br>{shown}", html::text_to_html(&head)) }))
}

/// Tells of a message somebody of the house wrote.
pub fn told(tx: &Tx<'_>, deed: &Deed, case: &Case, message: &Message) -> Result<()> {
    // What was handed in with a call or a visit stands in a note.
    let files = if message.direction == "note" && message.files > 0 { attachments(tx, message.id)?.into_iter().filter(|file| !file.inline).map(|file| file.name).collect() } else { Vec::new() };
    case.emit(
        tx,
        &deed.ctx,
        MessageAdded {
            case_id: case.id,
            conversation_id: message.conversation_id,
            message_id: message.id,
            direction: message.direction.clone(),
            author_id: deed.person(),
            author_name: message.author_name.clone(),
            preview: preview(&message.text),
            content: message.content.clone(),
            at: message.at,
            auto: false,
            verified: true,
            mentions: message.facts.mentions.clone(),
            files,
        },
    )
}

/// Who is mentioned watches the case from now on, so that they can see what they were asked about.
pub fn mention(tx: &Tx<'_>, deed: &Deed, case: &mut Case, people: &[PersonId]) -> Result<()> {
    for (i, person) in people.iter().enumerate() {
        names::must_be_active(tx, case.workspace, *person, &format!("mentions[{i}]"))?;
        if case.watchers.contains(person) || *person == deed.viewer.person {
            continue;
        }
        tx.run(
            "INSERT INTO case_watcher (case_id, person_id, workspace_id, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (case_id, person_id) DO NOTHING",
            params![case.id, person, case.workspace, deed.viewer.person, tx.now()],
        )?;
        case.watchers.push(*person);
        case.emit(tx, &deed.ctx, Watched { case_id: case.id, person_id: *person, removed: false })?;
    }
    Ok(())
}

/// The first to answer owns the answer, and takes a case that was nobody's.
fn answered(tx: &Tx<'_>, deed: &Deed, case: &mut Case) -> Result<()> {
    let Some(me) = deed.person() else { return Ok(()) };
    if case.accountable_id.is_none() {
        case.answer_for(tx, &deed.ctx, me, "first to answer")?;
    }
    if case.assignee_id.is_none() && names::must_be_active(tx, case.workspace, me, "person_id").is_ok() {
        case.assign(tx, &deed.ctx, &Assignment { person: Some(Some(me)), team: None, reason: "answered first".to_owned(), by: "first_answer" })?;
    }
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let working = kind.machine.working();
    // The answer is given, whatever the type asks for first; then the case stays where it is.
    if case.stage == kind.machine.first().key && gate::ask(tx, Hand::of(deed), case, &kind, &working.key, None)?.is_ok() {
        case.put_in(tx, &deed.ctx, working, None)?;
    }
    Ok(())
}

/// What is done together with sending.
fn then(tx: &Tx<'_>, deed: &Deed, case: &mut Case, what: Option<&str>) -> Result<()> {
    match what {
        None => Ok(()),
        Some("wait") => {
            let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
            if !matches!(case.status.as_str(), "resolved" | "closed") && case.status != "waiting" {
                case.move_to(tx, Hand::of(deed), &kind.towards(&case.stage, Status::Waiting)?.key, None)?;
            }
            Ok(())
        }
        Some(end @ ("resolve" | "close")) => {
            if !may(&deed.viewer, "case.close", case) {
                return Err(Problem::forbidden("case.close").field("then"));
            }
            case.finish(tx, Hand::of(deed), &Ending::usual(if end == "close" { Status::Closed } else { Status::Resolved }))
        }
        Some(other) => Err(Problem::invalid("then", format!("`{}` cannot follow a message", shouwen_kernel::text::clip(other, 20))).expected("`wait`, `resolve` or `close`")),
    }
}

/// Messages that came since the agent last looked; sending waits until they were seen (UX-07).
pub fn newer_than(tx: &Tx<'_>, case: &Case, seen: Option<MessageId>) -> Result<Vec<Message>> {
    let since = match seen {
        Some(id) => {
            let seen = Message::load(tx, case.workspace, id)?.filter(|m| m.case_id == case.id);
            seen.ok_or_else(|| Problem::invalid("based_on", "this case has no such message").expected("the id of the last message you saw, or null"))?.added_at.micros()
        }
        None => i64::MIN,
    };
    tx.all(
        &format!("SELECT {COLUMNS} FROM case_message WHERE case_id = ?1 AND direction IN ('in', 'out') AND state <> 'cancelled' AND added_at > ?2 ORDER BY at, id LIMIT 20"),
        params![case.id, since],
    )
}

/// The detail of the collision stop.
pub fn collision(tx: &Tx<'_>, newer: &[Message]) -> Result<Problem> {
    let shown = newer.iter().map(|m| crate::message_view::message(tx, m)).collect::<Result<Vec<_>>>()?;
    Ok(Problem::conflict("message.newer_arrived", "a newer message arrived while you were writing")
        .expected("look at it, then send again with `based_on` set to the newest")
        .detail(json!({ "messages": shown })))
}

