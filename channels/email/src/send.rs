//! Mail out, from the outbox: composed with a Message-ID that stays the same through every try, held back where machines
//! would answer machines, and told with the server's own words.

use std::sync::Arc;

use lettre::Address;
use shouwen_contracts::channel::{ChannelEvent, Delivery};
use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound, Party};
use shouwen_kernel::{Problem, Result, text};
use shouwen_mail::{Automatic, Outgoing as Letter, OutgoingFile, compose};
use shouwen_store::{Ctx, Db, EffectHandler, EffectOutcome, Json, OutboxItem, Tx, params};
use shouwen_web::App;

use crate::health::{self, Side};
use crate::oauth;
use crate::inbox::{self, Inbox};
use crate::smtp::{Account, NotSent, Pool, Sent};
use crate::thread_token;

/// Automatic mails into one thread within an hour.
const AUTOMATIC_PER_THREAD: i64 = 5;

/// The handler of outgoing mail.
pub fn handler(app: &App) -> EffectHandler {
    let (app, pool) = (app.clone(), Arc::new(Pool::default()));
    EffectHandler {
        kind: EMAIL_OUTBOX,
        concurrency: 8,
        // A crash in the middle delays the next try by this long.
        lease_s: 120,
        run: Arc::new(move |item| {
            let (app, pool) = (app.clone(), pool.clone());
            Box::pin(async move { carry_out(&app, &pool, item).await })
        }),
        settled,
    }
}

/// A mail about to be sent.
struct Plan {
    inbox: Inbox,
    wire_id: String,
    /// Blind indexes of recipients whose servers have it already.
    accepted: Vec<String>,
    files: Vec<OutgoingFile>,
}

enum Prepared {
    Go(Box<Plan>),
    Stop(EffectOutcome),
}

async fn carry_out(app: &App, pool: &Pool, item: OutboxItem) -> EffectOutcome {
    let db = app.db();
    let outbound: Outbound = match serde_json::from_value(item.payload.clone()) {
        Ok(outbound) => outbound,
        Err(error) => return EffectOutcome::Dead { error: format!("the message in the outbox cannot be read: {error}") },
    };
    let (asked, workspace) = (outbound.clone(), item.workspace);
    let plan = match db.write(move |tx| prepare(tx, workspace, &asked)).await {
        Ok(Prepared::Go(plan)) => plan,
        Ok(Prepared::Stop(outcome)) => return outcome,
        Err(problem) => return EffectOutcome::Retry { error: problem.to_string(), after_s: Some(10) },
    };
    match deliver(app, pool, &outbound, &plan, item.attempts).await {
        Ok(outcome) => outcome,
        Err(problem) if problem.is_transient() => EffectOutcome::Retry { error: problem.to_string(), after_s: None },
        Err(problem) => EffectOutcome::Dead { error: masked(&problem.to_string()) },
    }
}

/// Everything the database has to say: the inbox, the caps, the attachments; and notes that sending begins.
fn prepare(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, outbound: &Outbound) -> Result<Prepared> {
    let stop = |error: &str| Ok(Prepared::Stop(EffectOutcome::Dead { error: error.to_owned() }));
    let Some(inbox) = inbox::find(tx, outbound.inbox_id)?.filter(|i| i.workspace == workspace && i.deleted_at.is_none()) else {
        return stop("the inbox it should be sent from no longer exists");
    };
    if inbox.outgoing.is_none() {
        return stop("the inbox has no outgoing server; set one under Settings → Inboxes and retry");
    }
    if !inbox.active {
        return Ok(Prepared::Stop(EffectOutcome::Retry { error: "the inbox is switched off; the mail waits until it is on again".into(), after_s: Some(300) }));
    }
    let known: Option<(String, Json<Vec<String>>)> = tx.opt("SELECT wire_id, accepted FROM mail_sent WHERE message_id = ?1", params![outbound.message_id])?;
    let (wire_id, accepted) = match known {
        Some((wire_id, accepted)) => (wire_id, accepted.0),
        None => {
            if let Some(reason) = held_back(tx, outbound)? {
                tracing::warn!(message = %outbound.message_id, reason, "an automatic mail is held back");
                return stop(&reason);
            }
            let wire_id = thread_token::wire_id(tx.keys(), outbound.message_id, outbound.conversation_id, inbox.domain());
            begin(tx, workspace, outbound, &wire_id)?;
            (wire_id, Vec::new())
        }
    };
    let mut files = Vec::new();
    for attachment in &outbound.attachments {
        let Some(bytes) = tx.blob(&attachment.sha256)? else {
            return stop(&format!("the attachment {} is not in the store", text::clip(&attachment.name, 80)));
        };
        files.push(OutgoingFile {
            name: text::one_line(&attachment.name),
            content_type: attachment.media_type.clone(),
            bytes,
            content_id: attachment.content_id.clone().filter(|_| attachment.inline),
        });
    }
    Ok(Prepared::Go(Box::new(Plan { inbox, wire_id, accepted, files })))
}

fn recipients(outbound: &Outbound) -> impl Iterator<Item = &Party> {
    outbound.to.iter().chain(&outbound.cc).chain(&outbound.bcc)
}

/// Notes the wire id before the first byte leaves, so that a bounce or an echo is known for what it is.
fn begin(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, outbound: &Outbound, wire_id: &str) -> Result<()> {
    tx.run(
        "INSERT INTO mail_sent (message_id, workspace_id, inbox_id, conversation_id, wire_id, automatic, state, accepted, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'sending', ?7, ?8)",
        params![outbound.message_id, workspace, outbound.inbox_id, outbound.conversation_id, wire_id, outbound.automatic, Json(Vec::<String>::new()), tx.now()],
    )?;
    if let Some(conversation) = outbound.conversation_id {
        tx.run("DELETE FROM mail_loop WHERE conversation_id = ?1 AND at < ?2", params![conversation, tx.now().plus_seconds(-86_400)])?;
        for party in recipients(outbound) {
            tx.run(
                "INSERT INTO mail_loop (conversation_id, message_id, party, workspace_id, direction, automatic, at) VALUES (?1, ?2, ?3, ?4, 'out', ?5, ?6) ON CONFLICT DO NOTHING",
                params![conversation, outbound.message_id, party.index, workspace, outbound.automatic, tx.now()],
            )?;
        }
    }
    let event = Delivery { message_id: outbound.message_id, state: "sending".into(), detail: None, wire_id: Some(wire_id.to_owned()), at: tx.now() };
    tx.emit::<ChannelEvent>(&Ctx::system(workspace, "email"), None, None, event)
}

/// Why an automatic mail must not go out: one an hour to each recipient of a thread (counted anew when a person has
/// written in between), five an hour into the thread.
fn held_back(tx: &Tx<'_>, outbound: &Outbound) -> Result<Option<String>> {
    let (true, Some(conversation)) = (outbound.automatic, outbound.conversation_id) else { return Ok(None) };
    let hour = tx.now().plus_seconds(-3600);
    let (in_thread,): (i64,) =
        tx.one("SELECT count(DISTINCT message_id) FROM mail_loop WHERE conversation_id = ?1 AND at > ?2 AND direction = 'out' AND automatic", params![conversation, hour])?;
    if in_thread >= AUTOMATIC_PER_THREAD {
        return Ok(Some(format!("held back: {in_thread} automatic mails went into this thread within the last hour; a person may send it")));
    }
    for party in recipients(outbound) {
        let rows: Vec<(bool,)> = tx.all(
            "SELECT automatic FROM mail_loop WHERE conversation_id = ?1 AND at > ?2 AND direction = 'out' AND party = ?3 ORDER BY at DESC, message_id DESC LIMIT 1",
            params![conversation, hour, party.index],
        )?;
        if rows.first().is_some_and(|row| row.0) {
            return Ok(Some("held back: this recipient had an automatic mail in this thread within the last hour; a person may send it".into()));
        }
    }
    Ok(None)
}

fn letter(app: &App, outbound: &Outbound, plan: &Plan) -> Result<Letter> {
    let open = |list: &[Party]| -> Result<Vec<shouwen_mail::Address>> {
        list.iter().map(|p| Ok(shouwen_mail::Address { name: text::one_line(&p.name), address: app.keys().open_address(&p.address)? })).collect()
    };
    let name = if outbound.from_name.trim().is_empty() { &plan.inbox.name } else { &outbound.from_name };
    let from = shouwen_mail::Address { name: text::one_line(name), address: plan.inbox.address.clone() };
    let mut letter = Letter::new(from, plan.wire_id.clone(), outbound.queued_at.to_jiff());
    letter.to = open(&outbound.to)?;
    letter.cc = open(&outbound.cc)?;
    letter.subject = text::one_line(&outbound.subject);
    letter.text.clone_from(&outbound.text);
    letter.html.clone_from(&outbound.html);
    letter.files.clone_from(&plan.files);
    // Ids of broken mails, and those we made for mails without one, mean nothing to the other side.
    letter.references = outbound.references.iter().filter(|id| usable(id)).cloned().collect();
    letter.in_reply_to = outbound.references.last().filter(|id| usable(id)).cloned();
    if outbound.automatic {
        letter.automatic = Some(if letter.in_reply_to.is_some() { Automatic::Replied } else { Automatic::Generated });
    }
    if let (Some(conversation), Some(true)) = (outbound.conversation_id, plan.inbox.outgoing.as_ref().map(|o| o.plus_address))
        && let Some(address) = thread_token::reply_address(app.keys(), conversation, &plan.inbox.address)
    {
        letter.reply_to = vec![shouwen_mail::Address { name: text::one_line(name), address }];
    }
    Ok(letter)
}

fn usable(id: &str) -> bool {
    !id.is_empty() && id.len() <= 900 && id.is_ascii() && !id.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>')) && !id.ends_with("@shouwen.invalid")
}

async fn deliver(app: &App, pool: &Pool, outbound: &Outbound, plan: &Plan, attempts: i64) -> Result<EffectOutcome> {
    let mail = compose(&letter(app, outbound, plan)?)?;
    let waiting: Vec<&Party> = recipients(outbound).filter(|p| !plan.accepted.contains(&p.index)).collect();
    if waiting.is_empty() {
        return Ok(EffectOutcome::Done { detail: None });
    }
    let mut addresses = Vec::new();
    for party in &waiting {
        let plain = app.keys().open_address(&party.address)?;
        addresses.push(plain.parse::<Address>().map_err(|e| Problem::invalid("to", format!("{} cannot be sent to: {e}", shouwen_crypt::mask_email(&plain))))?);
    }
    let from: Address = plan.inbox.address.parse().map_err(|e| Problem::invalid("from", format!("the inbox's own address cannot send: {e}")))?;
    let password = match oauth::secret(app, &plan.inbox, oauth::Login::Outgoing).await {
        Ok(password) => password,
        Err(trouble) => {
            health::bad(app.db(), &plan.inbox, Side::Out, masked(&trouble.to_string())).await;
            return Ok(EffectOutcome::Retry { error: masked(&trouble.to_string()), after_s: None });
        }
    };
    let Some(outgoing) = &plan.inbox.outgoing else { return Err(Problem::internal("no outgoing side")) };
    let account = Account { inbox: plan.inbox.id, version: plan.inbox.version, outgoing, password: &password, our_name: plan.inbox.domain(), allowed: &app.config().allow_private_hosts };
    let outcome = pool.send(&account, &from, &addresses, &mail).await;
    match outcome {
        Ok(sent) => {
            health::good(app.db(), &plan.inbox, Side::Out, None).await;
            taken(app.db(), outbound, plan, &waiting, sent).await
        }
        Err(NotSent::Never(words)) => Ok(EffectOutcome::Dead { error: masked(&words) }),
        Err(NotSent::Unreached(words)) => {
            if words.starts_with("login") {
                oauth::forget(app.db(), plan.inbox.id).await;
            }
            health::bad(app.db(), &plan.inbox, Side::Out, masked(&words)).await;
            // A server that restarts is back in seconds; later on the outbox's own, ever longer waits.
            Ok(EffectOutcome::Retry { error: masked(&words), after_s: [5, 15].get(attempts as usize).copied() })
        }
        Err(NotSent::Later(words)) => Ok(EffectOutcome::Retry { error: masked(&words), after_s: None }),
        Err(NotSent::Unknown(words)) => {
            app.metrics().add("smtp_ambiguous_total", 1.0);
            Ok(EffectOutcome::Retry { error: masked(&format!("the connection broke after the last byte; sent again under the same Message-ID: {words}")), after_s: None })
        }
    }
}

/// Notes for whom the server took it, so that a later try leaves them out, and sums up.
async fn taken(db: &Db, outbound: &Outbound, plan: &Plan, waiting: &[&Party], sent: Sent) -> Result<EffectOutcome> {
    if !sent.accepted.is_empty() {
        let mut accepted = plan.accepted.clone();
        accepted.extend(sent.accepted.iter().filter_map(|i| waiting.get(*i)).map(|p| p.index.clone()));
        let id = outbound.message_id;
        db.write(move |tx| tx.execute("UPDATE mail_sent SET accepted = ?2 WHERE message_id = ?1", params![id, Json(&accepted)])).await?;
    }
    if sent.refused.is_empty() {
        return Ok(EffectOutcome::Done { detail: Some(masked(&sent.words)) });
    }
    let told: Vec<String> = sent.refused.iter().map(|(_, _, words)| words.clone()).collect();
    let rest = if sent.accepted.is_empty() && plan.accepted.is_empty() { "" } else { " (the other recipients have it)" };
    let error = masked(&format!("{}{rest}", told.join("; ")));
    // While one recipient may still be reached the mail is tried again, for those only.
    Ok(if sent.refused.iter().any(|(_, permanent, _)| !permanent) { EffectOutcome::Retry { error, after_s: None } } else { EffectOutcome::Dead { error } })
}

/// Notes the outcome and tells it.
fn settled(tx: &Tx<'_>, item: &OutboxItem, outcome: &EffectOutcome, last: bool) -> Result<()> {
    let Ok(outbound) = serde_json::from_value::<Outbound>(item.payload.clone()) else { return Ok(()) };
    let (state, detail) = match outcome {
        EffectOutcome::Done { detail } => ("sent", detail.clone()),
        EffectOutcome::Dead { error } => ("failed", Some(error.clone())),
        EffectOutcome::Retry { error, .. } if last => ("failed", Some(format!("given up after 5 days: {error}"))),
        EffectOutcome::Retry { error, .. } => ("deferred", Some(error.clone())),
    };
    let wire_id = tx.opt::<(String,)>("SELECT wire_id FROM mail_sent WHERE message_id = ?1", params![outbound.message_id])?.map(|row| row.0);
    tx.run("UPDATE mail_sent SET state = ?2, at = ?3 WHERE message_id = ?1", params![outbound.message_id, state, tx.now()])?;
    tx.emit::<ChannelEvent>(&Ctx::system(item.workspace, "email"), None, None, Delivery { message_id: outbound.message_id, state: state.into(), detail, wire_id, at: tx.now() })
}

/// A server's words with the addresses in them masked: they go into events.
pub fn masked(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    for piece in words.split_inclusive(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';' | '"' | '(' | ')' | ':')) {
        let end = piece.char_indices().next_back().filter(|(_, c)| c.is_whitespace() || "<>,;\"():".contains(*c)).map_or(piece.len(), |(i, _)| i);
        let (word, tail) = piece.split_at(end);
        if word.contains('@') && !word.starts_with('@') { out.push_str(&shouwen_crypt::mask_email(word)) } else { out.push_str(word) }
        out.push_str(tail);
    }
    text::clip(&out, 500)
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_in_a_servers_words_are_masked() {
        assert_eq!(super::masked("550 5.1.1 <zhang.san@example.com>: Recipient rejected"), "550 5.1.1 <z***@example.com>: Recipient rejected");
        assert_eq!(super::masked("no address here"), "no address here");
    }
}
