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

/// A correspondent of a message; the address is masked.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PartyView {
    pub name: String,
    pub address_masked: String,
}

/// One utterance in or out, or an internal note.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct MessageView {
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
    /// The whole text with its quotes; only in GET /messages/{id}.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quoted: Option<String>,
    pub has_html: bool,
    pub remote_images: u32,
    pub to: Vec<PartyView>,
    pub cc: Vec<PartyView>,
    pub bcc: Vec<PartyView>,
    pub attachments: Vec<AttachmentView>,
    /// `received`, `noted`, `queued`, `sending`, `sent`, `deferred`, `failed`, `cancelled`.
    pub state: String,
    /// When it leaves the house, while it can still be taken back.
    pub send_at: Option<Time>,
    pub error: Option<String>,
    /// From somebody who was part of the conversation.
    pub verified: bool,
    /// Why it is automatic; null when a person wrote it.
    pub auto: Option<String>,
    pub mentions: Vec<PersonId>,
    /// `forward`, `bounce` …; null for an ordinary message.
    pub form: Option<String>,
}

fn parties(tx: &Tx<'_>, list: &[Party]) -> Vec<PartyView> {
    list.iter().map(|p| PartyView { name: p.name.clone(), address_masked: masked(tx, &p.address) }).collect()
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

/// The message as everybody who may see its case sees it.
pub fn message(tx: &Tx<'_>, m: &Message) -> Result<MessageView> {
    let attachments = if m.files == 0 {
        Vec::new()
    } else {
        message::attachments(tx, m.id)?.into_iter().map(|a| AttachmentView { id: a.id, name: a.name, media_type: a.media_type, size: a.size, inline: a.inline }).collect()
    };
    Ok(MessageView {
        id: m.id,
        conversation_id: m.conversation_id,
        direction: m.direction.clone(),
        author: Author { kind: m.author_kind.clone(), id: author_id(&m.author_kind, m.author_id), name: m.author_name.clone() },
        at: m.at,
        subject: m.subject.clone(),
        text: m.text.clone(),
        cut: m.facts.cut,
        has_quote: m.facts.has_quote,
        quoted: None,
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
        auto: m.auto.clone(),
        mentions: m.facts.mentions.clone(),
        form: m.facts.form.clone(),
    })
}
