//! Recording what verifies an end: a callback, the customer's own words, or why neither was possible.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{CaseId, MessageId, ObjectId, Problem, Result, Time};
use shouwen_stages::Way;
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::{CaseAnswer, Deed};
use crate::input::reason;
use crate::message::Message;
use crate::verified::{self, Finding};
use crate::{CaseClose, CaseRead, type_store};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(record)).routes(routes!(signature))
}

/// What was found out about the end of a case.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindingBody {
    /// `callback`: somebody called. `customer`: the customer said so in a message (`message_id`). `reason`: neither was
    /// possible, `text` says why. A signature is given by the customer alone, on the page behind the link.
    pub way: String,
    /// `confirmed` (when absent), `rejected`, or for a callback `unreachable`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// What was said; needed for `reason`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// For `customer`: the customer's message that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
}

/// Shortest reason that says something, in characters.
const SHORTEST_REASON: usize = 4;

/// Writes down what somebody of the house found out. The caller saves the case.
pub fn found(tx: &Tx<'_>, deed: &Deed, case: &mut Case, body: &FindingBody) -> Result<ObjectId> {
    case.must_be_whole()?;
    if case.status == "closed" {
        return Err(Problem::conflict("case.already_closed", format!("case {} is closed", case.number)).expected("a case that has not reached the archive; reopen it first"));
    }
    let way = match body.way.as_str() {
        "callback" => Way::Callback,
        "customer" => Way::Customer,
        "reason" => Way::Reason,
        "signature" => return Err(Problem::invalid("way", "a signature is given by the customer, not recorded for them").expected("`callback`, `customer` or `reason`; or POST …/verification-request to ask for a signature")),
        other => return Err(Problem::invalid("way", format!("there is no way `{}`", shouwen_kernel::text::clip(other, 20))).expected("`callback`, `customer` or `reason`")),
    };
    let types = type_store::types(tx, case.workspace)?;
    let kind = types.get(&case.case_type)?;
    let mut ways: Vec<Way> = kind.machine.ways().to_vec();
    ways.extend(case.ties.former_types.iter().filter_map(|key| types.find(key)).flat_map(|k| k.machine.ways().to_vec()));
    if !ways.contains(&way) {
        ways.sort_unstable();
        ways.dedup();
        return Err(Problem::conflict("case.way_refused", format!("the end of cases of type `{}` is not verified by `{}`", kind.key(), way.word()))
            .field("way")
            .expected(crate::kinds::keys(ways.iter().map(|w| w.word()))));
    }
    let outcome = match (body.outcome.as_deref().unwrap_or("confirmed"), way) {
        ("confirmed", _) => "confirmed",
        ("rejected", Way::Callback | Way::Customer) => "rejected",
        ("unreachable", Way::Callback) => "unreachable",
        (other, _) => return Err(Problem::invalid("outcome", format!("`{}` is no outcome of a `{}`", shouwen_kernel::text::clip(other, 20), way.word())).expected("`confirmed`; for a callback also `rejected` or `unreachable`, for the customer's words `rejected`")),
    };
    let text = reason(body.text.as_deref());
    if way == Way::Reason && text.as_deref().is_none_or(|t| t.chars().count() < SHORTEST_REASON) {
        return Err(Problem::invalid("text", "no reason was given").expected("why the end can be neither confirmed nor signed nor asked about, in words"));
    }
    let message_id = match way {
        Way::Customer => {
            let id = body.message_id.ok_or_else(|| Problem::invalid("message_id", "no message was named").expected("the customer's message that says so"))?;
            let message = Message::load(tx, case.workspace, id)?.filter(|m| m.case_id == case.id && m.direction == "in" && m.verified && m.auto.is_none());
            let message = message.ok_or_else(|| Problem::invalid("message_id", "this is no message of a known customer in this case").expected("a received message of the case, from somebody who was accepted as a participant"))?;
            says_so(tx, case, &message)?;
            Some(message.id)
        }
        _ => None,
    };
    let id = verified::record(tx, &deed.ctx, case, &Finding { way, outcome, text: text.as_deref(), message_id, name: None, signature: None })?;
    deed.audit(tx, "case.verified", case, Some(json!({ "way": way.word(), "outcome": outcome })))?;
    Ok(id)
}

/// A message can say that a matter is solved when it did not begin it, and came after it was last taken up.
fn says_so(tx: &Tx<'_>, case: &Case, message: &Message) -> Result<()> {
    let (first,): (Option<MessageId>,) = tx
        .opt("SELECT id FROM case_message WHERE conversation_id = ?1 AND direction = 'in' AND auto IS NULL ORDER BY added_at, id LIMIT 1", params![message.conversation_id])?
        .unwrap_or_default();
    // The very message that took it up again may say that it is solved: a thank-you reopens a case.
    let (taken_up,): (Option<Time>,) =
        tx.one("SELECT max(ended_at) FROM case_closure WHERE case_id = ?1 AND ended_at IS NOT NULL AND ended_reason NOT IN ('superseded', 'undo')", params![case.id])?;
    if first == Some(message.id) || taken_up.is_some_and(|at| message.added_at < at) {
        return Err(Problem::invalid("message_id", "this message came before the matter was worked on").expected("a later message, in which the customer says that it is solved"));
    }
    Ok(())
}

/// Records what verifies the end of a case. `rejected` sets a resolved case to work again.
#[utoipa::path(post, path = "/cases/{id}/verification", params(("id" = CaseId, Path)), request_body = FindingBody, responses((status = 200, body = CaseAnswer), (status = 409, description = "case.way_refused, case.already_closed")), tag = "cases", extensions(("x-permission" = json!("case.close"))))]
async fn record(State(app): State<App>, who: Allowed<CaseClose>, Id(id): Id<CaseId>, input: Input<FindingBody>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        found(tx, &deed, &mut case, &body)?;
        case.save(tx)?;
        deed.answer(tx, &case, None)
    })
    .await
}

/// The drawn signature of a verification, as PNG.
#[utoipa::path(get, path = "/cases/{id}/verifications/{verification}/signature", params(("id" = CaseId, Path), ("verification" = ObjectId, Path)), responses((status = 200, content_type = "image/png"), (status = 404)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn signature(State(app): State<App>, who: Allowed<CaseRead>, Id((id, verification)): Id<(CaseId, ObjectId)>) -> Answer<Response> {
    let deed = Deed::of(&who);
    let bytes = app
        .db()
        .write(move |tx| {
            let case = deed.see(tx, id)?;
            let found: Option<(Option<String>,)> = tx.opt("SELECT signature FROM case_verification WHERE id = ?1 AND case_id = ?2", params![verification, id])?;
            let sha = found.and_then(|row| row.0).ok_or_else(|| Problem::not_found("signature"))?;
            deed.audit(tx, "case.read", &case, Some(json!({ "part": "signature", "verification": verification })))?;
            tx.blob(&sha)?.ok_or_else(|| Problem::not_found("signature"))
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "private, no-store"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff"), (header::CONTENT_SECURITY_POLICY, "default-src 'none'")], bytes).into_response())
}
