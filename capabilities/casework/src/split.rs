//! One case that is two matters: some messages move to a new case. Answers to them follow.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Linked, Split};
use shouwen_kernel::{CaseId, ConversationId, MessageId, ObjectId, Problem, Result};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseMerge;
use crate::case::Case;
use crate::ties::Ties;
use crate::conversation::{Conversation, participants};
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::message::Message;
use crate::{input, intake, kinds, link};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(split))
}

/// What moves, and what the new matter is called.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Part {
    message_ids: Vec<MessageId>,
    title: String,
}

/// Splits messages off into a new case. Answers with the new case; the undo merges it back.
#[utoipa::path(post, path = "/cases/{id}/split", params(("id" = CaseId, Path)), request_body = Part, responses((status = 201, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.merge"))))]
async fn split(State(app): State<App>, who: Allowed<CaseMerge>, Id(id): Id<CaseId>, input: Input<Part>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let title = input::line("title", &body.title, 200)?;
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let messages = chosen(tx, &case, &body.message_ids)?;
        let mut new = offspring(tx, &case, title)?;
        new.last_in_at = messages.iter().filter(|m| m.direction == "in").map(|m| m.at).max();
        new.insert(tx)?;
        intake::opened(tx, &deed.ctx, &new)?;
        let moved: Vec<MessageId> = messages.iter().map(|m| m.id).collect();
        move_messages(tx, &new, &messages)?;
        tx.emit::<CaseEvent>(&deed.ctx, Some(id.0), Some(&case.access()), Split { case_id: id, into: new.id, messages: moved })?;
        link::write(tx, &deed.ctx, &case, new.id, "related")?;
        new.emit(tx, &deed.ctx, Linked { case_id: new.id, other: id, link: "related".to_owned(), removed: false })?;
        case.save(tx)?;
        deed.audit(tx, "case.split", &case, Some(json!({ "into": new.id })))?;
        deed.answer(tx, &new, Some(Undo::new("POST", format!("/cases/{}/merge", new.id), json!({ "into": id, "undo_split": true }))))
    })
    .await
}

fn chosen(tx: &Tx<'_>, case: &Case, ids: &[MessageId]) -> Result<Vec<Message>> {
    if ids.is_empty() || ids.len() > 500 {
        return Err(Problem::invalid("message_ids", format!("{} messages are named", ids.len())).expected("1 to 500 messages of this case"));
    }
    let mut messages: Vec<Message> = Vec::with_capacity(ids.len());
    for (i, id) in ids.iter().enumerate() {
        let message = Message::lock(tx, case.workspace, *id)?.filter(|m| m.case_id == case.id);
        let message = message.ok_or_else(|| Problem::invalid(format!("message_ids[{i}]"), "this case has no such message").expected("ids of messages of the case"))?;
        if !messages.iter().any(|m| m.id == message.id) {
            messages.push(message);
        }
    }
    let (all,): (i64,) = tx.one("SELECT count(*) FROM case_message WHERE case_id = ?1", params![case.id])?;
    if messages.len() as i64 >= all {
        return Err(Problem::invalid("message_ids", "no message would be left in the case").expected("some of the messages, not all"));
    }
    Ok(messages)
}

/// The new case: the same customer, place and people. 首问责任 goes along.
fn offspring(tx: &Tx<'_>, case: &Case, title: String) -> Result<Case> {
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let stage = kind.machine.first();
    Ok(Case {
        id: tx.id(),
        number: Case::next_number(tx, case.workspace)?,
        title,
        stage: stage.key.clone(),
        status: stage.status.word().to_owned(),
        tags: Vec::new(),
        fields: Default::default(),
        field_versions: Default::default(),
        merged_into: None,
        snoozed_until: None,
        opened_at: tx.now(),
        updated_at: tx.now(),
        first_response_at: None,
        resolved_at: None,
        closed_at: None,
        closed_by: None,
        resolution_code: None,
        resolution_text: None,
        reopened_count: 0,
        version: 1,
        watchers: Vec::new(),
        // What the matter owed before it was retyped, both halves owe.
        ties: Ties { former_types: case.ties.former_types.clone(), ..Ties::default() },
        ..case.clone()
    })
}

/// Each conversation that gives messages gets a twin in the new case, with the same people in it.
fn move_messages(tx: &Tx<'_>, new: &Case, messages: &[Message]) -> Result<()> {
    let mut twins: Vec<(ConversationId, ConversationId)> = Vec::new();
    for message in messages {
        let twin = match twins.iter().find(|t| t.0 == message.conversation_id) {
            Some(known) => known.1,
            None => {
                let twin = twin(tx, new, message.conversation_id)?;
                twins.push((message.conversation_id, twin));
                twin
            }
        };
        tx.run("UPDATE case_message SET case_id = ?2, conversation_id = ?3 WHERE id = ?1", params![message.id, new.id, twin])?;
        tx.run("UPDATE case_wire_id SET conversation_id = ?2 WHERE message_id = ?1", params![message.id, twin])?;
    }
    Ok(())
}

fn twin(tx: &Tx<'_>, new: &Case, of: ConversationId) -> Result<ConversationId> {
    let old = Conversation::load(tx, new.workspace, of)?.ok_or_else(|| Problem::internal(format!("conversation {of} is missing")))?;
    let twin = Conversation { id: tx.id(), case_id: new.id, continued_in: None, created_at: tx.now(), ..old };
    twin.insert(tx)?;
    for p in participants(tx, of)? {
        tx.run(
            "INSERT INTO case_participant (id, workspace_id, conversation_id, name, address, address_index, reply_to, customer_id, role, verified, joined_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            params![tx.id::<ObjectId>(), new.workspace, twin.id, p.name, p.address, p.address_index, p.reply_to, p.customer_id, p.role, p.verified, tx.now()],
        )?;
    }
    Ok(twin.id)
}
