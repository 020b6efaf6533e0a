//! A new message on a case: answer, forward or internal note. The agent's draft is gone only when this has committed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{AttachmentId, CaseId, ConversationId, MessageId, PersonId, Problem, Result};
use shouwen_store::{Position, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::compose::Recipient;
use crate::deed::{Deed, Undo};
use crate::input::present;
use crate::message::Message;
use crate::message_view::{self, MessageView};
use crate::view::{self, CaseView};
use crate::{CaseRead, note, send};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(post))
}

/// A message to write.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// `reply`, `note`, `forward`.
    kind: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: Option<String>,
    /// Absent: whoever wrote last, with the copies.
    #[serde(default)]
    to: Option<Vec<Recipient>>,
    #[serde(default)]
    cc: Option<Vec<Recipient>>,
    #[serde(default)]
    bcc: Option<Vec<Recipient>>,
    #[serde(default)]
    attachments: Vec<AttachmentId>,
    #[serde(default)]
    mentions: Vec<PersonId>,
    /// The last message you saw, or null when there was none. Absent: no check for newer ones.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<MessageId>)]
    based_on: Option<Option<MessageId>>,
    /// `wait`, `resolve`, `close`.
    #[serde(default)]
    then: Option<String>,
    /// Seconds in which sending can be taken back, 0–30; 10 when absent.
    #[serde(default)]
    undo_seconds: Option<i64>,
    /// Absent: the one that was last written in.
    #[serde(default)]
    conversation_id: Option<ConversationId>,
}

/// The new message and the case as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Posted {
    pub message: MessageView,
    pub case: CaseView,
    /// Takes the message back while it is queued.
    pub undo: Option<Undo>,
    #[schema(value_type = String)]
    pub position: Position,
}

/// Writes an answer, a forward or a note.
///
/// An answer needs `case.reply`, a forward too, a note `case.note`. 409 `message.newer_arrived` lists what came since
/// `based_on`; send again with the newest to send anyway.
#[utoipa::path(post, path = "/cases/{id}/messages", params(("id" = CaseId, Path)), request_body = NewMessage, responses((status = 201, body = Posted), (status = 409, description = "message.newer_arrived")), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn post(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>, input: Input<NewMessage>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let deed = deed.needing(if body.kind == "note" { "case.note" } else { "case.reply" });
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let (mode, message) = match body.kind.as_str() {
            "note" => ("note", note::write(tx, &deed, &mut case, &body.text, body.html.as_deref(), &body.attachments, &body.mentions, body.conversation_id)?),
            kind @ ("reply" | "forward") => {
                if let (Some(seen), "reply") = (body.based_on, kind) {
                    let newer = send::newer_than(tx, &case, seen)?;
                    if !newer.is_empty() {
                        return Err(send::collision(tx, &newer)?);
                    }
                }
                (kind, send::write(tx, &deed, &mut case, &body.draft()?)?)
            }
            other => return Err(Problem::invalid("kind", format!("there is no message of kind `{}`", shouwen_kernel::text::clip(other, 20))).expected("`reply`, `note` or `forward`")),
        };
        tx.run("DELETE FROM case_draft WHERE case_id = ?1 AND person_id = ?2 AND mode = ?3", params![case.id, deed.viewer.person, mode])?;
        case.save(tx)?;
        deed.audit(tx, &format!("case.{mode}"), &case, Some(json!({ "message": message.id })))?;
        answer(tx, &deed, &case, &message)
    })
    .await
}

/// The answer of everything that wrote a message.
pub fn answer(tx: &Tx<'_>, deed: &Deed, case: &crate::case::Case, message: &Message) -> Result<Posted> {
    let undo = (message.state == "queued").then(|| Undo::new("DELETE", format!("/messages/{}", message.id), serde_json::Value::Null));
    Ok(Posted { message: message_view::message(tx, message)?, case: view::case(tx, &deed.viewer, case)?, undo, position: tx.log_head()? })
}

/// Checks the time in which sending can be taken back.
pub fn undo_seconds(given: Option<i64>) -> Result<i64> {
    match given {
        None => Ok(10),
        Some(n) if (0..=30).contains(&n) => Ok(n),
        Some(n) => Err(Problem::invalid("undo_seconds", format!("{n} seconds")).expected("0 to 30")),
    }
}

impl NewMessage {
    fn draft(&self) -> Result<send::Draft> {
        Ok(send::Draft {
            forward: self.kind == "forward",
            text: self.text.clone(),
            html: self.html.clone(),
            to: self.to.clone(),
            cc: self.cc.clone(),
            bcc: self.bcc.clone(),
            attachments: self.attachments.clone(),
            mentions: self.mentions.clone(),
            then: self.then.clone(),
            undo_seconds: undo_seconds(self.undo_seconds)?,
            conversation: self.conversation_id,
        })
    }
}
