//! Internal notes: seen by staff, never sent.

use shouwen_contracts::message::Content;
use shouwen_kernel::{AttachmentId, ConversationId, ObjectId, PersonId, Problem, Result};
use shouwen_store::Tx;

use crate::case::Case;
use crate::deed::Deed;
use crate::message::{Facts, Message, Parties, TEXT_LIMIT, save_attachments};
use crate::{send, upload};

/// Writes a note. The caller saves the case.
#[allow(clippy::too_many_arguments)]
pub fn write(
    tx: &Tx<'_>,
    deed: &Deed,
    case: &mut Case,
    text: &str,
    html: Option<&str>,
    attachments: &[AttachmentId],
    mentions: &[PersonId],
    conversation: Option<ConversationId>,
) -> Result<Message> {
    let thread = send::thread_of(tx, case, conversation)?;
    let (text, html) = send::body(text, html)?;
    if text.trim().is_empty() && attachments.is_empty() {
        return Err(Problem::invalid("text", "the note is empty").expected("a text, or at least one attachment"));
    }
    let files = upload::take(tx, deed, case, attachments)?;
    let content = Content { subject: String::new(), text: text.clone(), reply_text: text.clone(), html: html.clone(), ..Content::default() };
    let message = Message {
        id: tx.id(),
        workspace: case.workspace,
        case_id: case.id,
        conversation_id: thread.id,
        direction: "note".to_owned(),
        author_kind: if deed.is_house() { "system" } else { "person" }.to_owned(),
        author_id: deed.person().map(|p| ObjectId(p.0)),
        author_name: deed.viewer.name.clone(),
        at: tx.now(),
        subject: String::new(),
        text: text.chars().take(TEXT_LIMIT).collect(),
        facts: Facts { has_html: html.is_some(), cut: text.chars().nth(TEXT_LIMIT).is_some(), mentions: mentions.to_vec(), ..Facts::default() },
        parties: Parties::default(),
        content: tx.put_blob(&serde_json::to_vec(&content)?)?,
        raw: None,
        wire_id: None,
        state: "noted".to_owned(),
        error: None,
        send_at: None,
        outbox_id: None,
        auto: None,
        verified: true,
        files: files.len() as i64,
        added_at: tx.now(),
    };
    message.insert(tx)?;
    save_attachments(tx, case.workspace, message.id, &files)?;
    send::mention(tx, deed, case, mentions)?;
    send::told(tx, deed, case, &message)?;
    Ok(message)
}
