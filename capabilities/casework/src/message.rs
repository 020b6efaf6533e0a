//! A message of a case: its row and what is kept with it.

use serde::{Deserialize, Serialize};
use shouwen_contracts::message::{AttachmentRef, Content, Party};
use shouwen_kernel::{AttachmentId, CaseId, ConversationId, InboxId, MessageId, OutboxId, PersonId, Result, Time, WorkspaceId};
use shouwen_store::{FromRow, Json, Row, Tx, params};

/// Characters of the reply part that are kept in the row; the rest is in the content blob.
pub const TEXT_LIMIT: usize = 20_000;

/// Small facts about a message that no query asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The text had quoted history or a signature that is folded away.
    pub has_quote: bool,
    pub has_html: bool,
    /// The row holds only the beginning.
    pub cut: bool,
    pub remote_images: u32,
    pub mentions: Vec<PersonId>,
    /// What was done together with sending, for undo: `wait`, `resolve`, `close`.
    pub then: Option<String>,
    /// The stage before `then`.
    pub stage_before: Option<String>,
    /// It was the first answer.
    pub first_response: bool,
    /// `forward`, `bounce` … when it is not an ordinary message.
    pub form: Option<String>,
    /// Of a message of ours with HTML: so many bytes of it are the author's own; signature and history follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_html: Option<usize>,
}

/// Who it came from and went to; addresses sealed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parties {
    pub from: Option<Party>,
    pub reply_to: Option<Party>,
    pub to: Vec<Party>,
    pub cc: Vec<Party>,
    pub bcc: Vec<Party>,
}

/// One utterance in or out, or an internal note.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    pub id: MessageId,
    pub workspace: WorkspaceId,
    pub case_id: CaseId,
    pub conversation_id: ConversationId,
    /// `in`, `out`, `note`.
    pub direction: String,
    /// `person`, `customer`, `system`.
    pub author_kind: String,
    pub author_id: Option<shouwen_kernel::ObjectId>,
    pub author_name: String,
    pub at: Time,
    pub subject: String,
    /// The reply part.
    pub text: String,
    pub facts: Facts,
    pub parties: Parties,
    /// Blob with the [`Content`].
    pub content: String,
    /// Blob with the raw bytes, for what came in.
    pub raw: Option<String>,
    pub wire_id: Option<String>,
    /// `received`, `noted`, `queued`, `sending`, `sent`, `deferred`, `failed`, `cancelled`.
    pub state: String,
    pub error: Option<String>,
    pub send_at: Option<Time>,
    pub outbox_id: Option<OutboxId>,
    pub auto: Option<String>,
    pub verified: bool,
    /// Number of attachments.
    pub files: i64,
    /// When it was written here; orders what an agent can have seen.
    pub added_at: Time,
}

/// The columns [`Message`] reads.
pub const COLUMNS: &str = "id, workspace_id, case_id, conversation_id, direction, author_kind, author_id, author_name, at, subject, text, facts, parties, content, raw, wire_id, state, error, \
     send_at, outbox_id, auto, verified, files, added_at";

impl FromRow for Message {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            case_id: row.get(2)?,
            conversation_id: row.get(3)?,
            direction: row.get(4)?,
            author_kind: row.get(5)?,
            author_id: row.get(6)?,
            author_name: row.get(7)?,
            at: row.get(8)?,
            subject: row.get(9)?,
            text: row.get(10)?,
            facts: row.get::<Json<Facts>>(11)?.0,
            parties: row.get::<Json<Parties>>(12)?.0,
            content: row.get(13)?,
            raw: row.get(14)?,
            wire_id: row.get(15)?,
            state: row.get(16)?,
            error: row.get(17)?,
            send_at: row.get(18)?,
            outbox_id: row.get(19)?,
            auto: row.get(20)?,
            verified: row.get(21)?,
            files: row.get(22)?,
            added_at: row.get(23)?,
        })
    }
}

impl Message {
    /// The message of that id.
    pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: MessageId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM case_message WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])
    }

    /// The same, locked where it will be changed.
    pub fn lock(tx: &Tx<'_>, workspace: WorkspaceId, id: MessageId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM case_message WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, workspace])
    }

    /// Writes it.
    pub fn insert(&self, tx: &Tx<'_>) -> Result<()> {
        tx.run(
            &format!("INSERT INTO case_message ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24)"),
            params![
                self.id, self.workspace, self.case_id, self.conversation_id, self.direction, self.author_kind, self.author_id, self.author_name, self.at, self.subject, self.text,
                Json(&self.facts), Json(&self.parties), self.content, self.raw, self.wire_id, self.state, self.error, self.send_at, self.outbox_id, self.auto, self.verified, self.files, self.added_at
            ],
        )?;
        Ok(())
    }

    /// Saves state, error, times and outbox row.
    pub fn save_state(&self, tx: &Tx<'_>) -> Result<()> {
        tx.run(
            "UPDATE case_message SET state = ?2, error = ?3, send_at = ?4, outbox_id = ?5, wire_id = ?6, facts = ?7 WHERE id = ?1",
            params![self.id, self.state, self.error, self.send_at, self.outbox_id, self.wire_id, Json(&self.facts)],
        )?;
        Ok(())
    }

    /// The whole body.
    pub fn body(&self, tx: &Tx<'_>) -> Result<Content> {
        Ok(match tx.blob(&self.content)? {
            Some(bytes) => serde_json::from_slice(&bytes)?,
            None => Content { subject: self.subject.clone(), text: self.text.clone(), reply_text: self.text.clone(), ..Content::default() },
        })
    }
}

/// Remembers the wire's own id of a message, for threading.
pub fn remember_wire_id(tx: &Tx<'_>, message: &Message, wire_id: &str, inbox: Option<InboxId>) -> Result<()> {
    let wire_id = shouwen_kernel::text::clip(wire_id, 500);
    tx.run(
        "INSERT INTO case_wire_id (workspace_id, wire_id, message_id, conversation_id, inbox_id, direction, verified) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (workspace_id, wire_id, message_id) DO NOTHING",
        params![message.workspace, wire_id, message.id, message.conversation_id, inbox, message.direction, message.verified],
    )?;
    Ok(())
}

/// Keeps the files of a message.
pub fn save_attachments(tx: &Tx<'_>, workspace: WorkspaceId, message: MessageId, files: &[AttachmentRef]) -> Result<()> {
    for file in files {
        tx.run(
            "INSERT INTO case_attachment (id, workspace_id, message_id, name, media_type, size, inline, content_id, sha256) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (id) DO NOTHING",
            params![file.id, workspace, message, file.name, file.media_type, file.size, file.inline, file.content_id, file.sha256],
        )?;
    }
    Ok(())
}

/// The files of a message.
pub fn attachments(tx: &Tx<'_>, message: MessageId) -> Result<Vec<AttachmentRef>> {
    type File = (AttachmentId, String, String, u64, bool, Option<String>, String);
    let rows: Vec<File> = tx.all("SELECT id, name, media_type, size, inline, content_id, sha256 FROM case_attachment WHERE message_id = ?1 ORDER BY id", params![message])?;
    Ok(rows
        .into_iter()
        .map(|(id, name, media_type, size, inline, content_id, sha256)| AttachmentRef { id, name, media_type, size, inline, content_id, sha256 })
        .collect())
}

/// The first characters of a text, on one line, for events and lists.
pub fn preview(text: &str) -> String {
    shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&text.chars().take(1000).collect::<String>()), 199)
}
