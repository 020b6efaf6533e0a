//! What every channel translates to and from. A channel knows its wire protocol and these; nothing of cases or people.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{AttachmentId, ConversationId, InboxId, MessageId, Time};

use crate::Sealed;

/// A correspondent as the channel saw it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Party {
    /// The name they gave; may be empty.
    pub name: String,
    /// Their address on the channel, sealed.
    pub address: Sealed,
    /// Blind index of the normalised address, for exact look-up.
    pub index: String,
}

/// A file that came with a message; the bytes are a blob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttachmentRef {
    pub id: AttachmentId,
    /// Display name, already made safe.
    pub name: String,
    /// Media type, lower case.
    #[serde(rename = "type")]
    pub media_type: String,
    /// Bytes.
    pub size: u64,
    /// Shown inside the HTML body.
    pub inline: bool,
    /// The `cid:` it answers to.
    pub content_id: Option<String>,
    /// Lower-case hex SHA-256; the blob's name.
    pub sha256: String,
}

/// The body of an inbound message. Stored as one JSON blob; the event names the blob.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    pub subject: String,
    /// The whole text.
    pub text: String,
    /// The text without quoted history and signature.
    pub reply_text: String,
    /// Sanitised HTML, if there was any; `cid:` and `data-remote-src` unresolved.
    pub html: Option<String>,
    /// Remote images that were taken out of `html`.
    pub remote_images: u32,
    /// What the parser could not understand.
    pub problems: Vec<String>,
}

/// A message to be sent, as the payload of an outbox row. The channel that owns `inbox_id` delivers it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outbound {
    pub message_id: MessageId,
    pub inbox_id: InboxId,
    /// The thread it belongs to; the channel puts a signed token for it into the message. `None`: no thread to return to.
    pub conversation_id: Option<ConversationId>,
    pub to: Vec<Party>,
    pub cc: Vec<Party>,
    pub bcc: Vec<Party>,
    pub subject: String,
    pub text: String,
    pub html: Option<String>,
    pub attachments: Vec<AttachmentRef>,
    /// Message-IDs (without angle brackets) this answers, oldest first; the last is In-Reply-To.
    pub references: Vec<String>,
    /// Display name of the sender, beside the inbox's address.
    pub from_name: String,
    /// Made by the product, not typed by a person: carries Auto-Submitted and is capped against loops.
    pub automatic: bool,
    pub queued_at: Time,
}

/// The outbox kind whose payload is [`Outbound`] for e-mail.
pub const EMAIL_OUTBOX: &str = "email.send";
