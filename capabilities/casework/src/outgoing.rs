//! What can still be done about a message: read all of it, take it back while it is queued, try it again when it failed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, MessageState};
use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound};
use shouwen_kernel::{Kind, MessageId, ObjectId, OutboxId, Problem, Result};
use shouwen_store::{Json, Position, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::compose::Recipient;
use crate::deed::{Deed, may};
use crate::draft::{self, DraftView, Written};
use crate::message::{self, Facts, Message};
use crate::message_view::{self, MessageView};
use crate::show::unkeyed;
use crate::view::{self, CaseView};
use crate::{CaseRead, CaseReply, post, send};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, cancel)).routes(routes!(retry))
}

/// A message of a case the viewer may see, with that case.
pub fn visible(tx: &Tx<'_>, deed: &Deed, id: MessageId) -> Result<(Message, Case)> {
    let message = Message::load(tx, deed.viewer.workspace, id)?.ok_or_else(|| Problem::not_found("message"))?;
    let case = deed.see(tx, message.case_id).map_err(|_| Problem::not_found("message"))?;
    Ok((message, case))
}

/// A message to change, with its case, both locked: the case first, as everywhere.
fn open(tx: &Tx<'_>, deed: &Deed, id: MessageId) -> Result<(Message, Case)> {
    let (message, _) = visible(tx, deed, id)?;
    let case = deed.open(tx, message.case_id)?;
    let message = Message::lock(tx, case.workspace, id)?.ok_or_else(|| Problem::not_found("message"))?;
    Ok((message, case))
}

/// One message with its whole text.
#[utoipa::path(get, path = "/messages/{id}", params(("id" = MessageId, Path)), responses((status = 200, body = MessageView), (status = 404)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn show(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<MessageId>) -> Answer<Response> {
    let deed = Deed::of(&who);
    app.command(unkeyed(&who), StatusCode::OK, move |tx| {
        let (message, case) = visible(tx, &deed, id)?;
        deed.audit(tx, "case.read", &case, Some(json!({ "part": "message", "message": id })))?;
        let body = message.body(tx)?;
        let mut view = message_view::message(tx, &message)?;
        if message.facts.cut {
            view.text = if body.reply_text.trim().is_empty() { body.text.clone() } else { body.reply_text };
            view.cut = false;
        }
        Ok(view)
    })
    .await
}

/// A message taken back: its text is a draft again.
#[derive(Debug, Serialize, ToSchema)]
struct Cancelled {
    draft: DraftView,
    case: CaseView,
    #[schema(value_type = String)]
    position: Position,
}

/// Takes a queued message back before it leaves (UX-12). Its text becomes its author's draft again.
///
/// It is its author's to take back; somebody else needs `outbox.manage` besides, and is told whose it is.
#[utoipa::path(delete, path = "/messages/{id}", params(("id" = MessageId, Path)), responses((status = 200, body = Cancelled), (status = 403, description = "message.not_yours"), (status = 409, description = "message.too_late, message.taken_back")), tag = "messages", extensions(("x-permission" = json!("case.reply"))))]
async fn cancel(State(app): State<App>, who: Allowed<CaseReply>, Id(id): Id<MessageId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let (mut message, mut case) = open(tx, &deed, id)?;
        let late = || Problem::conflict("message.too_late", "the message cannot be taken back any more").expected("a message that is still queued");
        if message.direction != "out" {
            return Err(late());
        }
        must_be_theirs(&deed, &message, &case)?;
        if message.state == "cancelled" {
            return Err(taken_back(tx, &message)?);
        }
        if message.state != "queued" || !tx.cancel_effect(EMAIL_OUTBOX, &send::outbox_key(&message))? {
            return Err(late());
        }
        message.state = "cancelled".to_owned();
        message.send_at = None;
        message.save_state(tx)?;
        case.emit(tx, &deed.ctx, MessageState { case_id: case.id, message_id: id, state: "cancelled".to_owned(), detail: None })?;
        take_back(tx, &deed, &mut case, &message)?;
        case.save(tx)?;
        deed.audit(tx, "case.message_cancelled", &case, Some(json!({ "message": id })))?;
        let draft = as_draft(tx, &deed, &case, &message)?;
        Ok(Cancelled { draft, case: view::case(tx, &deed.viewer, &case)?, position: tx.log_head()? })
    })
    .await
}

/// Who manages what leaves the house (declared by integrations).
const MANAGES_OUTBOX: &str = "outbox.manage";

/// Nobody silently takes back what a colleague has written to a customer.
fn must_be_theirs(deed: &Deed, message: &Message, case: &Case) -> Result<()> {
    if message.author_id == Some(ObjectId(deed.viewer.person.0)) || may(&deed.viewer, MANAGES_OUTBOX, case) {
        return Ok(());
    }
    Err(Problem::new(Kind::Forbidden, "message.not_yours", format!("{} wrote this message; only they can take it back", message.author_name))
        .expected("the author, or somebody who holds outbox.manage")
        .detail(json!({ "author": { "id": message.author_id.map(|id| shouwen_kernel::PersonId(id.0)), "name": message.author_name } })))
}

/// What its author hears when somebody was quicker: who it was.
fn taken_back(tx: &Tx<'_>, message: &Message) -> Result<Problem> {
    let told = tx.events_about(message.case_id.0, None, 100)?.into_iter().find(|event| {
        matches!(event.event::<CaseEvent>(), Ok(Some(CaseEvent::MessageState(state))) if state.message_id == message.id && state.state == "cancelled")
    });
    let who = match told.map(|event| event.actor()).transpose()?.and_then(|actor| actor.person_id()) {
        Some(person) => crate::names::person_name(tx, person)?,
        None => String::new(),
    };
    let by = if who.is_empty() { String::new() } else { format!(" by {who}") };
    Ok(Problem::conflict("message.taken_back", format!("the message was taken back{by} already")).expected("its text in the author's draft").detail(json!({ "by": who })))
}

/// Undoes what was done together with sending.
fn take_back(tx: &Tx<'_>, deed: &Deed, case: &mut Case, message: &Message) -> Result<()> {
    if message.facts.first_response {
        case.first_response_at = None;
    }
    let before = message.facts.stage_before.as_deref();
    match message.facts.then.as_deref() {
        Some("resolve" | "close") if matches!(case.status.as_str(), "resolved" | "closed") => case.reopen(tx, &deed.ctx, "undo")?,
        Some("wait") if case.status == "waiting" => {
            let kind = crate::kinds::case_type(tx, case.workspace, &case.case_type)?;
            let stage = before.and_then(|key| kind.machine.stage(key)).filter(|s| s.status != shouwen_stages::Status::Closed).unwrap_or_else(|| kind.machine.working());
            case.put_in(tx, &deed.ctx, stage, Some("undo".to_owned()))?;
        }
        _ => {}
    }
    Ok(())
}

/// The text of a message as a draft again. What was begun in the meantime stays below it.
fn as_draft(tx: &Tx<'_>, deed: &Deed, case: &Case, message: &Message) -> Result<DraftView> {
    let mode = if message.facts.form.as_deref() == Some("forward") { "forward" } else { "reply" };
    let body = message.body(tx)?;
    // The words are the author's, whoever took them back.
    let author = message.author_id.map_or(deed.viewer.person, |id| shouwen_kernel::PersonId(id.0));
    let begun = draft::find(tx, case.id, author, mode)?.map(|d| d.written.text).filter(|t| !t.trim().is_empty());
    // What was written bold comes back bold; what was begun meanwhile stands below.
    let own = message.facts.own_html.and_then(|length| body.html.as_deref()?.get(..length));
    let html = own.map(|own| begun.as_deref().map_or(own.to_owned(), |begun| format!("{own}<br><br>{}", shouwen_mail::html::text_to_html(begun))));
    let text = begun.map_or(body.reply_text.clone(), |begun| format!("{}\n\n{begun}", body.reply_text));
    let present = crate::conversation::participants(tx, message.conversation_id)?;
    let again = |list: &[shouwen_contracts::message::Party]| -> Result<Vec<Recipient>> {
        list.iter()
            .map(|p| match present.iter().find(|x| x.address_index == p.index) {
                Some(known) => Ok(Recipient { name: None, address: None, participant_id: Some(known.id) }),
                None => Ok(Recipient { name: Some(p.name.clone()), address: Some(tx.keys().open_address(&p.address)?), participant_id: None }),
            })
            .collect()
    };
    let written = Written {
        text,
        html,
        to: Some(again(&message.parties.to)?),
        cc: Some(again(&message.parties.cc)?),
        bcc: Some(again(&message.parties.bcc)?),
        attachments: message::attachments(tx, message.id)?.into_iter().map(|a| a.id).collect(),
        based_on: None,
    };
    draft::save_for(tx, deed.viewer.workspace, author, case.id, mode, written)
}

/// Tries a failed or waiting message again, now. One that had left and bounced is sent as a new message.
#[utoipa::path(post, path = "/messages/{id}/retry", params(("id" = MessageId, Path)), responses((status = 200, body = post::Posted), (status = 409)), tag = "messages", extensions(("x-permission" = json!("case.reply"))))]
async fn retry(State(app): State<App>, who: Allowed<CaseReply>, Id(id): Id<MessageId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let (mut message, mut case) = open(tx, &deed, id)?;
        let outbox = message.outbox_id.filter(|_| matches!(message.state.as_str(), "failed" | "deferred"));
        let outbox = outbox.ok_or_else(|| Problem::conflict("message.not_failed", format!("the message is {}", message.state)).expected("a message that failed or waits for its next try"))?;
        if tx.retry_effect(outbox)? {
            message.state = "queued".to_owned();
            message.error = None;
            message.send_at = Some(tx.now());
            message.save_state(tx)?;
            case.emit(tx, &deed.ctx, MessageState { case_id: case.id, message_id: id, state: "queued".to_owned(), detail: Some("tried again by hand".to_owned()) })?;
        } else {
            message = again(tx, &deed, &case, &message, outbox)?;
        }
        case.save(tx)?;
        deed.audit(tx, "case.message_retried", &case, Some(json!({ "message": id })))?;
        post::answer(tx, &deed, &case, &message)
    })
    .await
}

/// A message that had left and came back is written anew, with an id of its own: under the old one, servers that took it
/// once would not take it again.
fn again(tx: &Tx<'_>, deed: &Deed, case: &Case, old: &Message, outbox: OutboxId) -> Result<Message> {
    let (Json(mut outbound),): (Json<Outbound>,) = tx.one("SELECT payload FROM outbox WHERE id = ?1", params![outbox])?;
    let mut message = Message {
        id: tx.id(),
        author_id: Some(ObjectId(deed.viewer.person.0)),
        author_name: deed.viewer.name.clone(),
        at: tx.now(),
        added_at: tx.now(),
        state: "queued".to_owned(),
        send_at: Some(tx.now()),
        error: None,
        wire_id: None,
        facts: Facts { first_response: false, then: None, mentions: Vec::new(), ..old.facts.clone() },
        ..old.clone()
    };
    outbound.message_id = message.id;
    outbound.queued_at = tx.now();
    for file in &mut outbound.attachments {
        file.id = tx.id();
    }
    message.outbox_id = Some(tx.enqueue(case.workspace, EMAIL_OUTBOX, &send::outbox_key(&message), &outbound, None)?);
    message.insert(tx)?;
    message::save_attachments(tx, case.workspace, message.id, &outbound.attachments)?;
    send::told(tx, deed, case, &message)?;
    Ok(message)
}
