//! One understood mail as `message.received`: who, when, which thread, automatic or not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use shouwen_contracts::channel::{ChannelEvent, Delivery, Received};
use shouwen_contracts::message::{AttachmentRef, Content, Party};
use shouwen_kernel::{AttachmentId, InboxId, MessageId, Result, Time, text};
use shouwen_mail::{Address, Dsn, Message, dates};
use shouwen_store::{Ctx, Prepared, Services, Tx, Value, params};

use crate::inbox::Inbox;
use crate::understand::Waiting;
use crate::{language, thread_token};

/// A mail ready for its transaction.
pub(crate) struct Understood {
    pub event: Received,
    content: Prepared,
    files: Vec<Prepared>,
    dsn: Option<Dsn>,
    /// Written as the very address of the inbox it came to.
    from_ourselves: bool,
    /// The sender's address, in the form that is compared.
    from_address: String,
    /// The same of everybody it is addressed to.
    to_addresses: Vec<String>,
    reply_address: Option<String>,
}

/// Stands for a sender who is not named. It has no index: those who hide are not one person.
const NOBODY: &str = "unknown@sender.invalid";

/// References kept: the first and the newest.
const MOST_REFERENCES: usize = 50;
/// Mails of one sender into one thread within an hour, from which on they count as a loop.
const LOOP_LIMIT: i64 = 10;

fn clean(text: &str) -> String {
    // PostgreSQL stores no NUL in text.
    text.replace('\0', "")
}

fn party(services: &Services, address: &Address) -> Result<Party> {
    Ok(Party {
        name: text::clip(&text::one_line(&address.name), 200),
        address: services.keys.seal_address(&services.ids, &clean(&address.address))?,
        index: if address.address == NOBODY { String::new() } else { services.keys.email_index(&clean(&address.address)) },
    })
}

fn parties(services: &Services, list: &[Address]) -> Result<Vec<Party>> {
    list.iter().filter(|a| a.address.contains('@')).map(|a| party(services, a)).collect()
}

/// Who sent it. Without a From, whoever else the headers name; never a mail without a sender, or it could not be kept.
fn sender(message: &Message) -> Address {
    let mail = &message.mail;
    let named = mail.from.iter().chain(&mail.reply_to).find(|a| a.address.contains('@')).cloned();
    let header = |name: &str| {
        message.header(name).map(|v| v.trim_matches(|c: char| c.is_whitespace() || matches!(c, '<' | '>')).to_owned()).filter(|a| a.contains('@') && !a.contains([' ', '<', ',']))
    };
    named.unwrap_or_else(|| Address {
        name: mail.from.first().map(|a| a.name.clone()).unwrap_or_default(),
        address: header("sender").or_else(|| header("return-path")).unwrap_or_else(|| NOBODY.to_owned()),
    })
}

fn instant(rfc3339: &str) -> Option<Time> {
    rfc3339.parse::<Time>().ok()
}

/// When it reached us. Old mail tells by itself: the topmost Received line, else Date. Never in the future.
fn received_at(waiting: &Waiting, message: &Message) -> Time {
    let told = || message.header("received").and_then(dates::from_received).and_then(|d| instant(&d.utc)).or_else(|| instant(&message.mail.date));
    waiting.received_at.or_else(told).filter(|at| at.seconds() > 0).map_or(waiting.taken_at, |at| at.min(waiting.taken_at))
}

fn file_name(index: usize, file: &shouwen_mail::Attachment) -> String {
    let name = text::clip(&text::one_line(&clean(&file.name)), 200);
    if !name.is_empty() {
        return name;
    }
    let ending = match file.content_type.as_str() {
        "message/rfc822" => ".eml",
        "text/plain" => ".txt",
        "text/html" => ".html",
        "text/calendar" => ".ics",
        "image/png" => ".png",
        "image/jpeg" => ".jpg",
        "image/gif" => ".gif",
        "application/pdf" => ".pdf",
        _ => "",
    };
    format!("attachment-{}{ending}", index + 1)
}

/// Everything that needs no transaction; large blobs are durable afterwards.
pub(crate) fn build(services: &Services, waiting: &Waiting, inbox: &Inbox, mut message: Message) -> Result<Understood> {
    let token = thread_token::conversation_of(&services.keys, &message);
    let from = sender(&message);
    let at = received_at(waiting, &message);
    let mut files = Vec::with_capacity(message.files.len());
    let mut attachments = Vec::with_capacity(message.files.len());
    let mut known: HashMap<String, Prepared> = HashMap::new();
    for (i, file) in std::mem::take(&mut message.files).into_iter().enumerate() {
        let prepared = match known.get(&file.info.sha256) {
            Some(same) => same.clone(),
            None => services.blobs.prepare(&file.bytes)?,
        };
        attachments.push(AttachmentRef {
            id: services.ids.next::<AttachmentId>(&*services.clock),
            name: file_name(i, &file.info),
            media_type: clean(&file.info.content_type),
            size: prepared.size,
            inline: file.info.inline,
            content_id: file.info.content_id.as_deref().map(clean),
            sha256: prepared.sha256.clone(),
        });
        if known.insert(file.info.sha256.clone(), prepared.clone()).is_none() {
            files.push(prepared);
        }
    }
    let mail = &message.mail;
    let body = if mail.reply_text.trim().is_empty() { &mail.text } else { &mail.reply_text };
    let content = Content {
        subject: clean(&mail.subject),
        text: clean(&mail.text),
        reply_text: clean(&mail.reply_text),
        html: Some(clean(&mail.html)).filter(|h| !h.is_empty()),
        remote_images: u32::try_from(message.remote_images).unwrap_or(u32::MAX),
        problems: mail.problems.iter().map(|p| clean(p)).collect(),
    };
    let content = services.blobs.prepare(&serde_json::to_vec(&content)?)?;
    let mut references: Vec<String> = mail.references.iter().map(|r| clean(r)).collect();
    if references.len() > MOST_REFERENCES {
        let first = references[0].clone();
        references = std::iter::once(first).chain(references.split_off(references.len() - (MOST_REFERENCES - 1))).collect();
    }
    // A mail without an id gets one made of its bytes: the same mail, the same id.
    let wire_id = Some(clean(&mail.message_id)).filter(|id| !id.is_empty()).unwrap_or_else(|| format!("no-id.{}@shouwen.invalid", &waiting.raw_sha[..waiting.raw_sha.len().min(32)]));
    let event = Received {
        message_id: waiting.id,
        inbox_id: waiting.inbox_id,
        channel: "email".into(),
        from: party(services, &from)?,
        reply_to: mail.reply_to.iter().find(|a| a.address.contains('@')).map(|a| party(services, a)).transpose()?,
        to: parties(services, &mail.to)?,
        cc: parties(services, &mail.cc)?,
        received_at: at,
        sent_at: instant(&mail.date),
        preview: text::clip(&text::one_line(&clean(body)), 199),
        subject: text::clip(&text::one_line(&clean(&mail.subject)), 998),
        content: content.sha256.clone(),
        raw: waiting.raw_sha.clone(),
        attachments,
        wire_id: Some(text::clip(&wire_id, 900)),
        in_reply_to: mail.in_reply_to.iter().take(10).map(|r| clean(r)).collect(),
        references,
        token,
        auto: mail.auto.as_deref().map(clean),
        bounce_of: None,
        language: language::guess(if mail.reply_text.trim().is_empty() { &mail.subject } else { &mail.reply_text }).or_else(|| language::guess(&mail.subject)),
    };
    let normal = |list: &[Address]| -> Vec<String> { list.iter().filter(|a| a.address.contains('@')).map(|a| shouwen_crypt::normal_email(&a.address)).collect() };
    let from_address = shouwen_crypt::normal_email(&from.address);
    let mut to_addresses = normal(&mail.to);
    to_addresses.extend(normal(&mail.cc));
    let reply_address = normal(&mail.reply_to).into_iter().next();
    Ok(Understood { event, content, files, dsn: message.dsn, from_ourselves: from_address == inbox.address, from_address, to_addresses, reply_address })
}

/// What the database says about it.
pub(crate) struct Verdict {
    /// `parsed` or `own`.
    pub state: &'static str,
    /// Why, or what is odd; shown beside the mail.
    pub note: Option<String>,
    auto: Option<String>,
    bounce: Option<(MessageId, String)>,
    /// Who is the sender instead of the one the mail names: it names ourselves.
    from: Option<Party>,
}

/// Whether an address is that of one of our inboxes, with or without what follows a plus sign.
fn is_ours(tx: &Tx<'_>, waiting: &Waiting, address: &str) -> Result<bool> {
    let plain = match address.split_once('@') {
        Some((local, domain)) => format!("{}@{domain}", local.split('+').next().unwrap_or(local)),
        None => address.to_owned(),
    };
    // Asked for once a batch: every mail wants to know, and inboxes are few.
    let ours: Arc<HashSet<String>> = tx.known(&format!("mail.addresses/{}", waiting.workspace), || {
        let rows: Vec<(String,)> = tx.all("SELECT address FROM mail_inbox WHERE workspace_id = ?1 AND deleted_at IS NULL", params![waiting.workspace])?;
        Ok(Arc::new(rows.into_iter().map(|row| row.0).collect()))
    })?;
    Ok(ours.contains(address) || ours.contains(&plain))
}

const WIRE_IDS: &str = "mail.wire_ids";

/// A mail of this inbox with that Message-ID, if there is one; `with`: others that will be asked for.
pub(crate) fn same_wire_id(tx: &Tx<'_>, inbox: InboxId, wire_id: &str, with: impl FnOnce() -> Vec<(InboxId, String)>) -> Result<Option<MessageId>> {
    tx.ahead(WIRE_IDS, &(inbox, wire_id.to_owned()), |_| with(), |keys| {
        let runs: Vec<Vec<Value>> = keys.iter().map(|(inbox, wire_id)| params![inbox, wire_id].to_vec()).collect();
        let found: Vec<Vec<(MessageId,)>> = tx.all_each("SELECT id FROM mail_message WHERE inbox_id = ?1 AND wire_id = ?2 LIMIT 1", &runs)?;
        Ok(keys.iter().cloned().zip(found).filter_map(|(key, rows)| Some((key, rows.into_iter().next()?.0))).collect())
    })
}

/// From now on a mail is known by its Message-ID.
pub(crate) fn now_known(tx: &Tx<'_>, waiting: &Waiting, wire_id: &str) -> Result<()> {
    if same_wire_id(tx, waiting.inbox_id, wire_id, Vec::new)?.is_none() {
        tx.set_ahead(WIRE_IDS, (waiting.inbox_id, wire_id.to_owned()), Some(waiting.id));
    }
    Ok(())
}

/// A mail under an address of ours that this program did not send never makes ourselves the customer.
///
/// - A Reply-To outside is who really writes: web forms and lists send that way.
/// - Addressed to somebody outside, it is what somebody wrote with another program (an imported Sent folder): our own.
/// - Addressed to nobody but us (a forward to ourselves, a test), it comes in, from nobody: what a customer said may be in it.
fn written_as_ourselves(tx: &Tx<'_>, waiting: &Waiting, mail: &Understood, verdict: &mut Verdict) -> Result<()> {
    if let (Some(address), Some(party)) = (&mail.reply_address, &mail.event.reply_to)
        && !is_ours(tx, waiting, address)?
    {
        verdict.from = Some(Party { name: if party.name.is_empty() { mail.event.from.name.clone() } else { party.name.clone() }, ..party.clone() });
        verdict.note = Some("written under our own address; the sender is whom its Reply-To names".to_owned());
        return Ok(());
    }
    for address in &mail.to_addresses {
        if !is_ours(tx, waiting, address)? {
            verdict.state = "own";
            verdict.note = Some("written under our own address with another program, to somebody outside".to_owned());
            return Ok(());
        }
    }
    verdict.from = Some(Party { name: mail.event.from.name.clone(), address: tx.keys().seal_address(tx.ids(), NOBODY)?, index: String::new() });
    verdict.note = Some("from ourselves to ourselves; it has no sender to answer".to_owned());
    Ok(())
}

/// Our own mail, a bounce, a loop, a Message-ID used twice?
pub(crate) fn judge(tx: &Tx<'_>, waiting: &Waiting, mail: &Understood) -> Result<Verdict> {
    let event = &mail.event;
    let mut verdict = Verdict { state: "parsed", note: None, auto: event.auto.clone(), bounce: None, from: None };
    let sent = |wire_id: &str| tx.opt::<(MessageId, InboxId)>("SELECT message_id, inbox_id FROM mail_sent WHERE workspace_id = ?1 AND wire_id = ?2", params![waiting.workspace, wire_id]);
    // A copy of what this very inbox sent (a Sent folder, a blind copy to itself, a list's echo) is in its case already.
    // Mail from one of our inboxes to another is mail.
    if mail.from_ourselves
        && let Some(wire_id) = &event.wire_id
        && let Some((own, from)) = sent(wire_id)?
        && from == waiting.inbox_id
    {
        verdict.state = "own";
        verdict.note = Some(format!("a copy of our own message {own}"));
        return Ok(verdict);
    }
    let ours = mail.dsn.is_none() && (mail.from_ourselves || is_ours(tx, waiting, &mail.from_address)?);
    // What another of our inboxes sent through this program is mail from a colleague.
    if ours && event.wire_id.as_deref().map(sent).transpose()?.flatten().is_none() {
        written_as_ourselves(tx, waiting, mail, &mut verdict)?;
        if verdict.state == "own" {
            return Ok(verdict);
        }
    }
    if let Some(original) = mail.dsn.as_ref().and_then(|dsn| dsn.original_message_id.as_deref())
        && let Some((own, _)) = sent(original)?
    {
        verdict.bounce = Some((own, original.to_owned()));
    }
    if let Some(wire_id) = &event.wire_id
        && let Some(other) = same_wire_id(tx, waiting.inbox_id, wire_id, Vec::new)?
        && other != waiting.id
    {
        tracing::info!(message = %waiting.id, %other, "another mail has the same Message-ID; both are kept");
        verdict.note = Some(format!("same Message-ID as {other}, other content"));
    }
    if let Some(conversation) = event.token
        && !waiting.import
    {
        let since = tx.now().plus_seconds(-3600);
        tx.run("DELETE FROM mail_loop WHERE conversation_id = ?1 AND at < ?2", params![conversation, tx.now().plus_seconds(-86_400)])?;
        tx.run(
            "INSERT INTO mail_loop (conversation_id, message_id, party, workspace_id, direction, automatic, at) VALUES (?1, ?2, ?3, ?4, 'in', ?5, ?6) ON CONFLICT DO NOTHING",
            params![conversation, waiting.id, event.from.index, waiting.workspace, event.auto.is_some(), tx.now()],
        )?;
        let (count,): (i64,) =
            tx.one("SELECT count(*) FROM mail_loop WHERE conversation_id = ?1 AND at > ?2 AND direction = 'in' AND party = ?3", params![conversation, since, event.from.index])?;
        if count > LOOP_LIMIT && verdict.auto.is_none() {
            verdict.auto = Some(format!("loop: {count} mails of this sender in this thread within an hour"));
        }
    }
    Ok(verdict)
}

/// Writes the blobs and the events.
pub(crate) fn tell(tx: &Tx<'_>, waiting: &Waiting, mail: &Understood, verdict: Verdict) -> Result<()> {
    if verdict.state != "parsed" {
        return Ok(());
    }
    tx.save_blob(&mail.content)?;
    for file in &mail.files {
        tx.save_blob(file)?;
    }
    let ctx = Ctx::system(waiting.workspace, "email");
    let mut event = mail.event.clone();
    event.auto = verdict.auto;
    if let Some(from) = verdict.from {
        event.from = from;
        event.reply_to = None;
    }
    if let (Some((own, wire_id)), Some(dsn)) = (verdict.bounce, &mail.dsn) {
        let state = match dsn.action.as_str() {
            "delayed" => Some("deferred"),
            "delivered" | "relayed" | "expanded" => None,
            _ => Some("bounced"),
        };
        if let Some(state) = state {
            let detail = crate::send::masked(&text::one_line(&clean(&format!("{} {}", dsn.status, dsn.diagnostic))));
            if state == "bounced" {
                tx.run("UPDATE mail_sent SET state = 'bounced' WHERE message_id = ?1", params![own])?;
            }
            tx.emit::<ChannelEvent>(&ctx, None, None, Delivery { message_id: own, state: state.into(), detail: Some(detail), wire_id: Some(wire_id.clone()), at: tx.now() })?;
        }
        event.bounce_of = Some(wire_id);
    }
    tx.emit::<ChannelEvent>(&ctx, None, None, event)
}
