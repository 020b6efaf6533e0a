//! What an answer is made of: to whom, under which subject, with which history.

use serde::{Deserialize, Serialize};
use shouwen_contracts::message::Party;
use shouwen_crypt::AddressKind;
use shouwen_kernel::{ConversationId, ObjectId, Problem, Result, WorkspaceId};
use shouwen_mail::html;
use shouwen_store::{Tx, params};
use utoipa::ToSchema;

use crate::case::Case;
use crate::conversation::{Conversation, Participant, participants};
use crate::message::{COLUMNS, Message};
use crate::names::{self, Inbox};
use crate::thread::plain_subject;

/// Most recipients of one message.
const MOST_RECIPIENTS: usize = 50;
/// Role of a participant we know only a phone number of: nobody to send mail to.
pub const PHONE: &str = "phone";
/// Most characters of history that are repeated in an answer.
const MOST_QUOTE: usize = 10_000;

/// A recipient: a participant of the conversation, or an address.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recipient {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participant_id: Option<ObjectId>,
}

/// To whom a message goes.
#[derive(Clone, Debug, Default)]
pub struct Recipients {
    pub to: Vec<Party>,
    pub cc: Vec<Party>,
    pub bcc: Vec<Party>,
    /// Everybody is a verified participant already: the answer may repeat history.
    pub all_verified: bool,
}

impl Recipients {
    /// Everybody.
    pub fn all(&self) -> impl Iterator<Item = &Party> {
        self.to.iter().chain(&self.cc).chain(&self.bcc)
    }
}

/// Makes the party of an address typed by an agent or a program.
pub fn party(tx: &Tx<'_>, name: Option<&str>, address: &str, field: &str) -> Result<Party> {
    let normal = AddressKind::Email.normal(address).map_err(|p| p.field(field))?;
    // As written, but without what surrounds it: some systems keep the case of the local part apart.
    let plain = address.trim();
    Ok(Party {
        name: shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(name.unwrap_or_default()), 200),
        address: tx.keys().seal_address(tx.ids(), if plain.is_ascii() { plain } else { &normal })?,
        index: tx.keys().email_index(&normal),
    })
}

/// Finds the parties a request names; without a `to` it answers whoever wrote last, and keeps the copies.
pub fn recipients(tx: &Tx<'_>, workspace: WorkspaceId, conversation: ConversationId, to: Option<&[Recipient]>, cc: Option<&[Recipient]>, bcc: Option<&[Recipient]>) -> Result<Recipients> {
    let present = participants(tx, conversation)?;
    let own: Vec<String> = names::inboxes(tx, workspace)?.into_iter().map(|i| i.address_index).collect();
    let mut seen: Vec<String> = own;
    let mut out = Recipients { all_verified: true, ..Recipients::default() };
    let mut add = |list: Vec<(Party, bool)>, target: &mut Vec<Party>, all_verified: &mut bool| {
        for (party, verified) in list {
            // Without an index there is no address: a mail whose sender nobody knows.
            if !party.index.is_empty() && !seen.contains(&party.index) {
                seen.push(party.index.clone());
                *all_verified &= verified;
                target.push(party);
            }
        }
    };
    let (mut to_list, mut cc_list, mut bcc_list) = (Vec::new(), Vec::new(), Vec::new());
    let first = match to {
        Some(named) => resolve(tx, &present, named, "to")?,
        None => writer(tx, conversation, &present)?,
    };
    let second = match cc {
        Some(named) => resolve(tx, &present, named, "cc")?,
        None if to.is_none() => present.iter().filter(|p| p.verified && p.role == "cc").map(|p| (p.party(), true)).collect(),
        None => Vec::new(),
    };
    add(first, &mut to_list, &mut out.all_verified);
    add(second, &mut cc_list, &mut out.all_verified);
    add(resolve(tx, &present, bcc.unwrap_or_default(), "bcc")?, &mut bcc_list, &mut out.all_verified);
    if to_list.is_empty() {
        return Err(Problem::invalid("to", "the message has no recipient").expected("at least one address in `to` that is not one of our own inboxes"));
    }
    if to_list.len() + cc_list.len() + bcc_list.len() > MOST_RECIPIENTS {
        return Err(Problem::invalid("to", "the message has too many recipients").expected(format!("at most {MOST_RECIPIENTS} in `to`, `cc` and `bcc` together")));
    }
    (out.to, out.cc, out.bcc) = (to_list, cc_list, bcc_list);
    Ok(out)
}

fn resolve(tx: &Tx<'_>, present: &[Participant], named: &[Recipient], field: &str) -> Result<Vec<(Party, bool)>> {
    named
        .iter()
        .enumerate()
        .map(|(i, r)| match (&r.address, r.participant_id) {
            (Some(address), None) => {
                let party = party(tx, r.name.as_deref(), address, &format!("{field}[{i}].address"))?;
                let known = present.iter().find(|p| p.address_index == party.index);
                Ok((party, known.is_some_and(|p| p.verified)))
            }
            (None, Some(id)) => present
                .iter()
                .find(|p| p.id == id && p.role != PHONE)
                .map(|p| (answer_address(tx, p), p.verified))
                .ok_or_else(|| Problem::invalid(format!("{field}[{i}].participant_id"), "nobody in this conversation has that id").expected("an id of `conversations[].participants` of the case")),
            _ => Err(Problem::invalid(format!("{field}[{i}]"), "a recipient is either an address or a participant").expected("`address` (with `name`) or `participant_id`, not both")),
        })
        .collect()
}

/// Where a participant wants answers.
fn answer_address(tx: &Tx<'_>, p: &Participant) -> Party {
    match &p.reply_to {
        Some(sealed) => {
            let index = tx.keys().open_address(sealed).map(|a| tx.keys().email_index(&a)).unwrap_or_else(|_| p.address_index.clone());
            Party { name: p.name.clone(), address: sealed.clone(), index }
        }
        None => p.party(),
    }
}

/// Whoever wrote last and belongs to the conversation; else its customer.
fn writer(tx: &Tx<'_>, conversation: ConversationId, present: &[Participant]) -> Result<Vec<(Party, bool)>> {
    let last: Vec<Message> = tx.all(
        &format!("SELECT {COLUMNS} FROM case_message WHERE conversation_id = ?1 AND direction = 'in' AND verified = ?2 AND auto IS NULL ORDER BY at DESC, id DESC LIMIT 1"),
        params![conversation, true],
    )?;
    let by = last.first().and_then(|m| m.parties.from.as_ref()).and_then(|from| present.iter().find(|p| p.address_index == from.index));
    let found = by.or_else(|| present.iter().find(|p| p.verified && p.role == "customer")).or_else(|| present.iter().find(|p| p.verified && p.role != PHONE));
    Ok(found.map(|p| (answer_address(tx, p), true)).into_iter().collect())
}

/// The inbox a conversation is answered from: its own, else one of the case's team, else any.
pub fn sending_inbox(tx: &Tx<'_>, case: &Case, conversation: &Conversation) -> Result<Inbox> {
    let all = names::inboxes(tx, case.workspace)?;
    let found = match conversation.inbox_id.or(case.inbox_id) {
        Some(id) => all.iter().find(|i| i.id == id),
        None => all.iter().find(|i| i.active && i.team_id.is_some() && i.team_id == case.team_id).or_else(|| all.iter().find(|i| i.active)),
    };
    match found {
        Some(inbox) if inbox.active => Ok(inbox.clone()),
        Some(inbox) => Err(Problem::conflict("inbox.inactive", format!("the inbox {} is switched off", inbox.name)).expected("an active inbox; an administrator can switch it on under Settings → Inboxes")),
        None => Err(Problem::conflict("inbox.none", "there is no inbox to send from").expected("an active inbox; an administrator can set one up under Settings → Inboxes")),
    }
}

/// What an answer repeats of the message it answers.
pub struct History {
    pub text: String,
    pub html: String,
}

/// The last message that everybody in the conversation may know, as quoted history.
pub fn history(tx: &Tx<'_>, conversation: ConversationId, language: &str, zone: &str) -> Result<Option<History>> {
    let last: Option<Message> = tx.opt(
        &format!(
            "SELECT {COLUMNS} FROM case_message WHERE conversation_id = ?1 AND direction IN ('in', 'out') AND verified = ?2 AND state NOT IN ('cancelled', 'failed') AND auto IS NULL ORDER BY at DESC, id DESC LIMIT 1"
        ),
        params![conversation, true],
    )?;
    let Some(last) = last.filter(|m| !m.text.trim().is_empty()) else { return Ok(None) };
    let quoted: String = last.text.trim().chars().take(MOST_QUOTE).collect();
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let at = last.at.to_jiff().to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string();
    let head = if language.starts_with("en") { format!("On {at}, {} wrote:", last.author_name) } else { format!("在 {at}，{} 写道：", last.author_name) };
    let lines: Vec<String> = quoted.lines().map(|l| if l.is_empty() { ">".to_owned() } else { format!("> {l}") }).collect();
    Ok(Some(History {
        text: format!("{head}\n{}", lines.join("\n")),
        html: format!("<div class=\"mail-quote\">{}<blockquote>{}</blockquote></div>", html::text_to_html(&head), html::text_to_html(&quoted)),
    }))
}

/// The wire ids an answer refers to, oldest first; the last is what it answers. Somebody who is not to see the history
/// gets only their own.
pub fn references(tx: &Tx<'_>, conversation: ConversationId, recipients: &Recipients) -> Result<Vec<String>> {
    let last_in: Vec<Message> = tx.all(
        &format!("SELECT {COLUMNS} FROM case_message WHERE conversation_id = ?1 AND direction = 'in' AND wire_id IS NOT NULL ORDER BY at DESC, id DESC LIMIT 10"),
        params![conversation],
    )?;
    let answered = last_in.iter().find(|m| m.parties.from.as_ref().is_some_and(|f| recipients.all().any(|p| p.index == f.index))).and_then(|m| m.wire_id.clone());
    if !recipients.all_verified {
        return Ok(answered.into_iter().collect());
    }
    let mut ids: Vec<String> = tx
        .all::<(String,)>(
            "SELECT wire_id FROM case_wire_id WHERE conversation_id = ?1 AND (verified = ?2 OR direction = 'out') ORDER BY message_id DESC LIMIT 20",
            params![conversation, true],
        )?
        .into_iter()
        .map(|row| row.0)
        .collect();
    ids.reverse();
    if let Some(answered) = answered {
        ids.retain(|id| *id != answered);
        ids.push(answered);
    }
    Ok(ids)
}

/// The subject of an answer or a forward.
pub fn subject(mark: &str, conversation: &Conversation, case: &Case) -> String {
    let plain = plain_subject(&conversation.subject);
    let plain = if plain.is_empty() { case.title.clone() } else { plain };
    shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&format!("{mark}{plain}")), 500)
}
