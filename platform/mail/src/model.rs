//! What the parser hands on: one mail, its attachments' bytes, and what was folded or not understood.

use std::ops::Range;

use serde::{Deserialize, Serialize};

/// One party of a mail: display name (may be empty) and address (may be empty when only a name was given).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub address: String,
}

/// What is told about one attachment; its bytes are in [`AttachmentData`] at the same position.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Real file name, decoded; empty when the sender gave none.
    pub name: String,
    /// `type/subtype`, lower case.
    #[serde(rename = "type")]
    pub content_type: String,
    /// Bytes after transfer decoding.
    pub size: u64,
    /// Belongs into the body (declared inline, or shown by the HTML through its Content-ID).
    pub inline: bool,
    /// Content-ID without angle brackets.
    pub content_id: Option<String>,
    /// Lower-case hexadecimal SHA-256 of the decoded bytes.
    pub sha256: String,
}

/// Decoded bytes of one attachment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AttachmentData {
    pub info: Attachment,
    pub bytes: Vec<u8>,
}

/// One mail as outsiders see it: serialises exactly as `shouwen mail inspect --json` prints it.
/// A value the mail does not have is an empty string, an empty list or, where the format says so, `null`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    pub from: Vec<Address>,
    pub to: Vec<Address>,
    pub cc: Vec<Address>,
    pub reply_to: Vec<Address>,
    pub subject: String,
    /// RFC 3339 in UTC (`2026-01-01T00:00:00Z`); empty when neither Date nor Received could be read.
    pub date: String,
    /// Without angle brackets; empty when missing.
    pub message_id: String,
    pub in_reply_to: Vec<String>,
    pub references: Vec<String>,
    /// Readable text, lines ended by `\n`: the text parts, or the HTML turned into text.
    pub text: String,
    /// Sanitised HTML; empty when the mail has none.
    pub html: String,
    /// The text without quoted history and signature.
    pub reply_text: String,
    pub attachments: Vec<Attachment>,
    /// Why this is taken for an automatic mail, or `null`.
    pub auto: Option<String>,
    /// What could not be understood, in words.
    pub problems: Vec<String>,
}

/// Why a stretch of text is folded away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldKind {
    Quote,
    Signature,
}

/// A folded stretch of [`Mail::text`], as byte offsets on line boundaries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fold {
    pub kind: FoldKind,
    pub range: Range<usize>,
}

/// A delivery status notification (RFC 3464): what happened to a mail we sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dsn {
    /// Enhanced status code such as `5.1.1`.
    pub status: String,
    /// `failed`, `delayed`, `delivered`, `relayed`, `expanded`.
    pub action: String,
    pub recipient: String,
    pub diagnostic: String,
    /// Message-ID of the mail reported on, without angle brackets.
    pub original_message_id: Option<String>,
}

/// A calendar invitation (RFC 5546) found in the mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invite {
    /// `REQUEST`, `CANCEL`, `REPLY`, …
    pub method: String,
    pub summary: String,
    /// As written, made readable: `2026-01-02 15:00 Asia/Shanghai`, `2026-01-02T07:00:00Z` or a bare date.
    pub start: String,
    pub end: String,
    pub location: String,
    pub organizer: String,
    pub uid: String,
}

/// Everything known about one mail.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Message {
    pub mail: Mail,
    /// Same order and number as `mail.attachments`.
    pub files: Vec<AttachmentData>,
    /// Folded stretches of `mail.text`, ascending, not overlapping.
    pub folds: Vec<Fold>,
    pub dsn: Option<Dsn>,
    pub invite: Option<Invite>,
    /// Remote images held back in `mail.html` (as `data-remote-src`).
    pub remote_images: usize,
    /// Every header of the mail in order: lower-case name, decoded value.
    pub headers: Vec<(String, String)>,
}

impl Message {
    /// First value of a header, by lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// All values of a header, by lower-case name.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + 'a {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }
}

/// A mail that is not taken in: kept raw, shown to agents, can be re-run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Quarantine {
    /// Which limit was passed or what went wrong, in words.
    pub reason: String,
    /// What could be read from the headers all the same, so that a person can tell what it is.
    pub envelope: Box<Mail>,
}

/// Outcome of a parse.
#[derive(Debug, Clone, PartialEq)]
pub enum Parsed {
    Message(Box<Message>),
    Quarantined(Quarantine),
}

impl Parsed {
    /// The message, unless quarantined.
    pub fn message(&self) -> Option<&Message> {
        match self {
            Parsed::Message(m) => Some(m),
            Parsed::Quarantined(_) => None,
        }
    }

    /// The JSON view of either outcome; a quarantined mail says so among its problems.
    pub fn into_mail(self) -> Mail {
        match self {
            Parsed::Message(m) => m.mail,
            Parsed::Quarantined(q) => {
                let mut mail = *q.envelope;
                mail.problems.insert(0, format!("quarantined: {}", q.reason));
                mail
            }
        }
    }
}

/// Bounds of one parse (`ux-reliability` rule 2.3.3). Passing one leads to quarantine, never to loss.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Raw bytes.
    pub raw_bytes: usize,
    /// MIME parts.
    pub parts: usize,
    /// Nesting of multiparts.
    pub depth: usize,
    /// Lines in the main header block.
    pub header_lines: usize,
    /// To and Cc together.
    pub recipients: usize,
    /// Bytes of HTML that are sanitised; what is longer is kept as an attachment, and its beginning as text.
    pub html_bytes: usize,
    /// Bytes unpacked from one TNEF container.
    pub tnef_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            raw_bytes: 50 << 20,
            parts: 200,
            depth: 30,
            header_lines: 1_000,
            recipients: 100,
            html_bytes: 4 << 20,
            tnef_bytes: 50 << 20,
        }
    }
}
