//! Who takes part: adding somebody, and accepting somebody who wrote into a thread without having been part of it.
//!
//! Whoever is named here and not known as a customer yet is told of, and the register finds or creates them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::casework::{ParticipantAddress, ParticipantJoined, ParticipantVerified};
use shouwen_contracts::message::Party;
use shouwen_kernel::text::{clip, one_line};
use shouwen_kernel::{CaseId, ConversationId, ObjectId, Problem, Result};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::conversation::{Conversation, join, participant, participants};
use crate::deed::{CaseAnswer, Deed};
use crate::{CaseEdit, compose, send};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(add)).routes(routes!(verify))
}

/// Somebody to take part.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewParticipant {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
    /// Absent: the conversation that was last written in.
    #[serde(default)]
    conversation_id: Option<ConversationId>,
}

/// Adds somebody to a conversation, by mail address, phone number or both. The first one added to a case without a
/// customer is its customer; the register finds them by the address, or gets them as somebody new. Later ones are copied
/// in answers to all.
#[utoipa::path(post, path = "/cases/{id}/participants", params(("id" = CaseId, Path)), request_body = NewParticipant, responses((status = 201, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn add(State(app): State<App>, who: Allowed<CaseEdit>, Id(id): Id<CaseId>, input: Input<NewParticipant>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let conversation = send::thread_of(tx, &case, body.conversation_id)?;
        let first = case.customer_id.is_none() && participants(tx, conversation.id)?.iter().all(|p| p.role == "cc");
        let person = Named { name: &body.name, email: body.email.as_deref(), phone: body.phone.as_deref(), field: "" };
        if welcome(tx, &deed.ctx, &case, &conversation, &person, if first { "customer" } else { "cc" })? {
            case.save(tx)?;
            deed.audit(tx, "case.participant_added", &case, Some(json!({ "conversation": conversation.id })))?;
        }
        deed.answer(tx, &case, None)
    })
    .await
}

/// Somebody as a request names them.
pub struct Named<'a> {
    pub name: &'a str,
    pub email: Option<&'a str>,
    pub phone: Option<&'a str>,
    /// What stands before the field in a refusal: `customer.`, or nothing.
    pub field: &'a str,
}

/// Lets somebody named by hand join, and tells of them; `false`: they were there already.
pub fn welcome(tx: &Tx<'_>, ctx: &Ctx, case: &Case, conversation: &Conversation, person: &Named<'_>, role: &str) -> Result<bool> {
    let given = |value: Option<&str>| value.map(str::trim).filter(|v| !v.is_empty()).map(str::to_owned);
    let mut parties: Vec<(&str, Party)> = Vec::new();
    let mut joined = false;
    if let Some(email) = given(person.email) {
        let party = compose::party(tx, Some(person.name), &email, &format!("{}email", person.field))?;
        joined |= join(tx, case.workspace, conversation.id, &party, None, None, role, true)?;
        parties.push(("email", party));
    }
    if let Some(phone) = given(person.phone) {
        let normal = shouwen_crypt::normal_phone(&phone).map_err(|p| p.field(format!("{}phone", person.field)))?;
        let party = Party {
            name: clip(&one_line(person.name), 200),
            address: tx.keys().seal_address(tx.ids(), &normal)?,
            index: tx.keys().address_index(shouwen_crypt::AddressKind::Phone, &normal),
        };
        joined |= join(tx, case.workspace, conversation.id, &party, None, None, compose::PHONE, true)?;
        parties.push(("phone", party));
    }
    if parties.is_empty() {
        return Err(Problem::invalid(format!("{}email", person.field), "neither an e-mail address nor a phone number was given").expected("`email`, `phone` or both"));
    }
    if joined {
        announce(tx, ctx, case, conversation, person.name, &parties)?;
    }
    Ok(joined)
}

/// Tells the register of one person who joined under these addresses.
pub fn announce(tx: &Tx<'_>, ctx: &Ctx, case: &Case, conversation: &Conversation, name: &str, parties: &[(&str, Party)]) -> Result<()> {
    let mut addresses = Vec::with_capacity(parties.len());
    for (kind, party) in parties {
        if let Some(row) = participant(tx, conversation.id, &party.index)?.filter(|p| p.customer_id.is_none()) {
            addresses.push(ParticipantAddress { participant_id: row.id, kind: (*kind).to_owned(), party: party.clone() });
        }
    }
    if addresses.is_empty() {
        return Ok(());
    }
    case.emit(
        tx,
        ctx,
        ParticipantJoined {
            case_id: case.id,
            conversation_id: conversation.id,
            name: clip(&one_line(name), 200),
            addresses,
            inbox_id: conversation.inbox_id.or(case.inbox_id),
            language: case.language.clone(),
        },
    )
}

/// Accepts a participant as who they say they are: from now on they are answered like everybody else, with history.
#[utoipa::path(post, path = "/cases/{id}/participants/{participant}/verification", params(("id" = CaseId, Path), ("participant" = ObjectId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn verify(State(app): State<App>, who: Allowed<CaseEdit>, Id((id, participant)): Id<(CaseId, ObjectId)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let found: Option<(ConversationId, bool)> = tx.opt(
            "SELECT p.conversation_id, p.verified FROM case_participant p JOIN case_conversation c ON c.id = p.conversation_id WHERE p.id = ?1 AND c.case_id = ?2",
            params![participant, id],
        )?;
        let (conversation, verified) = found.ok_or_else(|| Problem::not_found("participant"))?;
        if !verified {
            tx.execute("UPDATE case_participant SET verified = ?2 WHERE id = ?1", params![participant, true])?;
            case.emit(tx, &deed.ctx, ParticipantVerified { case_id: id, conversation_id: conversation, by: deed.viewer.person })?;
            case.save(tx)?;
            deed.audit(tx, "case.participant_verified", &case, Some(json!({ "participant": participant })))?;
        }
        deed.answer(tx, &case, None)
    })
    .await
}
