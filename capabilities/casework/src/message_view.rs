//! A message as the API shows it.

use serde::Serialize;
use shouwen_contracts::message::Party;
use shouwen_kernel::{AttachmentId, ConversationId, MessageId, ObjectId, PersonId, Result, Time};
use shouwen_store::Tx;
use utoipa::ToSchema;

use crate::message::{self, Message};
use crate::view::masked;

/// Who wrote or did something.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Author {
    /// `person`, `customer`, `system`.
    pub kind: String,
    /// `per_…` or `cus_…`; null for the product itself.
    pub id: Option<String>,
    pub name: String,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AttachmentView {
    pub id: AttachmentId,
    pub name: String,
    #[serde(rename = "type")]
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Shown inside the HTML body.
    pub inline: bool,
}

/// One utterance in or out, or an internal note.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MessageView {
    /// Always `message`.
    #[schema(value_type = String)]
    pub kind: &'static str,
    pub id: MessageId,
    pub conversation_id: ConversationId,
    /// `in`, `out`, `note`.
    pub direction: String,
    pub author: Author,
    pub at: Time,
    pub subject: String,
    /// The part without quoted history and signature.
    pub text: String,
    /// `text` holds only the beginning; GET /messages/{id} has all of it.
    pub cut: bool,
    pub has_quote: bool,
    /// What is folded away: quoted history and signature.
    pub quoted: Option<String>,
    pub has_html: bool,
    pub remote_images: u32,
    /// `Name <z***@example.com>`, as for `cc` and `bcc`.
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub attachments: Vec<AttachmentView>,
    /// `received`, `noted`, `queued`, `sending`, `sent`, `deferred`, `failed`, `cancelled`.
    pub state: String,
    /// When it leaves the house, while it can still be taken back.
    pub send_at: Option<Time>,
    pub error: Option<String>,
    /// From somebody who was part of the conversation.
    pub verified: bool,
    /// Whose address it came from, of the case's `participants`; null for what we wrote.
    pub participant_id: Option<ObjectId>,
    /// Why it is automatic; null when a person wrote it.
    pub auto: Option<String>,
    pub mentions: Vec<PersonId>,
    /// `forward`, `bounce` …; null for an ordinary message.
    pub form: Option<String>,
}

fn parties(tx: &Tx<'_>, list: &[Party]) -> Vec<String> {
    list.iter()
        .map(|p| {
            let (name, address) = (p.name.trim(), masked(tx, &p.address));
            // Many programs put the address itself where the name belongs.
            if name.is_empty() || name.contains('@') { address } else { format!("{name} <{address}>") }
        })
        .collect()
}

/// Most characters of folded text that a list shows.
const MOST_QUOTE: usize = 20_000;

/// What stands around the reply part of a text: what follows it, or all of it where the parts are mixed.
fn quoted(whole: &str, reply: &str) -> String {
    let rest = whole.trim().strip_prefix(reply.trim()).unwrap_or(whole).trim();
    rest.chars().take(MOST_QUOTE).collect()
}

/// The id of an author as the API prints it.
fn author_id(kind: &str, id: Option<ObjectId>) -> Option<String> {
    let id = id?.0;
    match kind {
        "person" => Some(PersonId(id).to_string()),
        "customer" => Some(shouwen_kernel::CustomerId(id).to_string()),
        _ => None,
    }
}

/// The participant whose address a message came from. A page of messages asks once a conversation.
fn participant(tx: &Tx<'_>, m: &Message) -> Result<Option<ObjectId>> {
    let Some(from) = m.parties.from.as_ref().filter(|_| m.direction == "in") else { return Ok(None) };
    let present = tx.known(&format!("case.participants/{}", m.conversation_id), || {
        Ok(crate::conversation::participants(tx, m.conversation_id)?.into_iter().map(|p| (p.address_index, p.id)).collect::<Vec<_>>())
    })?;
    Ok(present.into_iter().find(|(index, _)| *index == from.index).map(|(_, id)| id))
}

/// The message as everybody who may see its case sees it.
pub fn message(tx: &Tx<'_>, m: &Message) -> Result<MessageView> {
    let attachments = if m.files == 0 {
        Vec::new()
    } else {
        message::attachments(tx, m.id)?.into_iter().map(|a| AttachmentView { id: a.id, name: a.name, media_type: a.media_type, size: a.size, inline: a.inline }).collect()
    };
    let quoted = if m.facts.has_quote {
        let body = m.body(tx)?;
        Some(quoted(&body.text, if body.reply_text.trim().is_empty() { "" } else { &body.reply_text }))
    } else {
        None
    };
    Ok(MessageView {
        kind: "message",
        id: m.id,
        conversation_id: m.conversation_id,
        direction: m.direction.clone(),
        author: Author { kind: m.author_kind.clone(), id: author_id(&m.author_kind, m.author_id), name: m.author_name.clone() },
        at: m.at,
        subject: m.subject.clone(),
        text: m.text.clone(),
        cut: m.facts.cut,
        has_quote: m.facts.has_quote,
        quoted,
        has_html: m.facts.has_html,
        remote_images: m.facts.remote_images,
        to: parties(tx, &m.parties.to),
        cc: parties(tx, &m.parties.cc),
        bcc: parties(tx, &m.parties.bcc),
        attachments,
        state: m.state.clone(),
        send_at: m.send_at,
        error: m.error.clone(),
        verified: m.verified,
        participant_id: participant(tx, m)?,
        auto: m.auto.clone(),
        mentions: m.facts.mentions.clone(),
        form: m.facts.form.clone(),
    })
}
