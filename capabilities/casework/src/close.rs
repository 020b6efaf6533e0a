//! The end of a case and its way back: resolved waits for verification, closed is the archive.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{CaseId, Result};
use shouwen_stages::Status;
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Input, Once};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseClose;
use crate::case::Case;
use crate::change::Ending;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::gate::Hand;
use crate::input::reason;
use crate::verify::{self, FindingBody};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(close, reopen)).routes(routes!(resolve, unresolve))
}

/// How it ended.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResolutionBody {
    /// A `resolutions[].key` of the case type.
    pub code: String,
    #[serde(default)]
    pub text: Option<String>,
}

/// An end.
#[derive(Clone, Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// Left out: solved, or the type's first resolution. One key press resolves a case.
    #[serde(default)]
    pub resolution: Option<ResolutionBody>,
    #[serde(default)]
    pub reason: Option<String>,
    /// What verifies the end, found out just now; the same as `POST /cases/{id}/verification` before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<FindingBody>,
    /// Why it ends although work orders are open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub despite_open: Option<String>,
}

/// Why it is taken up again. The body may be left out.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Again {
    #[serde(default)]
    reason: Option<String>,
}

/// Ends a case, and gives the request that takes it back.
pub fn end(tx: &Tx<'_>, deed: &Deed, case: &mut Case, status: Status, body: &End) -> Result<Undo> {
    case.must_be_whole()?;
    if let Some(found) = &body.verification {
        verify::found(tx, deed, case, found)?;
    }
    let (given, why) = (body.resolution.as_ref(), reason(body.reason.as_deref()));
    let despite = reason(body.despite_open.as_deref());
    let ending = Ending {
        code: given.map(|r| r.code.as_str()),
        text: given.and_then(|r| r.text.as_deref()),
        reason: why.as_deref().or(despite.as_deref()),
        despite_open: despite.as_deref(),
        ..Ending::usual(status)
    };
    // What was found out may have archived it already.
    if !(case.status == "closed" && body.verification.is_some()) {
        case.finish(tx, Hand::of(deed), &ending)?;
    }
    case.save(tx)?;
    deed.audit(tx, &format!("case.{}", case.status), case, Some(json!({ "resolution": case.resolution_code, "despite_open": despite })))?;
    let path = if case.status == "closed" { "closure" } else { "resolution" };
    Ok(Undo::new("DELETE", format!("/cases/{}/{path}", case.id), json!({ "reason": "undo" })))
}

async fn finish(app: App, deed: Deed, once: Once, id: CaseId, status: Status, body: End) -> Answer<Response> {
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        let undo = end(tx, &deed, &mut case, status, &body)?;
        deed.answer(tx, &case, Some(undo))
    })
    .await
}

async fn take_up(app: App, deed: Deed, once: Once, id: CaseId, why: Option<String>) -> Answer<Response> {
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let path = if case.status == "closed" { "closure" } else { "resolution" };
        let before = json!({ "resolution": { "code": case.resolution_code, "text": case.resolution_text }, "reason": "undo" });
        case.reopen(tx, &deed.ctx, why.as_deref().unwrap_or("reopened"))?;
        case.save(tx)?;
        deed.audit(tx, "case.reopened", &case, why.as_ref().map(|w| json!({ "reason": w })))?;
        deed.answer(tx, &case, Some(Undo::new("POST", format!("/cases/{id}/{path}"), before)))
    })
    .await
}

/// Reads the optional body of a DELETE.
fn again(bytes: &[u8]) -> Result<Option<String>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let again: Again = serde_json::from_slice(bytes).map_err(|e| {
        shouwen_kernel::Problem::new(shouwen_kernel::Kind::Invalid, "invalid.json", format!("the body cannot be read: {e}")).expected("nothing, or {\"reason\": \"…\"}")
    })?;
    Ok(reason(again.reason.as_deref()))
}

/// Closes a case: the end, after verification. The customer may be asked how it was.
#[utoipa::path(post, path = "/cases/{id}/closure", params(("id" = CaseId, Path)), request_body = End, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.close"))))]
async fn close(State(app): State<App>, who: Allowed<CaseClose>, Id(id): Id<CaseId>, input: Input<End>) -> Answer<Response> {
    finish(app, Deed::of(&who), who.once(&input.hash), id, Status::Closed, input.value).await
}

/// Reopens a closed (or resolved) case.
#[utoipa::path(delete, path = "/cases/{id}/closure", params(("id" = CaseId, Path)), request_body = Option<Again>, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.close"))))]
async fn reopen(State(app): State<App>, who: Allowed<CaseClose>, Id(id): Id<CaseId>, body: axum::body::Bytes) -> Answer<Response> {
    let why = again(&body)?;
    take_up(app, Deed::of(&who), who.once(&shouwen_crypt::sha256_hex(&body)), id, why).await
}

/// Marks a case as resolved: the work is done, verification is awaited.
#[utoipa::path(post, path = "/cases/{id}/resolution", params(("id" = CaseId, Path)), request_body = End, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.close"))))]
async fn resolve(State(app): State<App>, who: Allowed<CaseClose>, Id(id): Id<CaseId>, input: Input<End>) -> Answer<Response> {
    finish(app, Deed::of(&who), who.once(&input.hash), id, Status::Resolved, input.value).await
}

/// Takes a resolved case up again.
#[utoipa::path(delete, path = "/cases/{id}/resolution", params(("id" = CaseId, Path)), request_body = Option<Again>, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.close"))))]
async fn unresolve(State(app): State<App>, who: Allowed<CaseClose>, Id(id): Id<CaseId>, body: axum::body::Bytes) -> Answer<Response> {
    let why = again(&body)?;
    take_up(app, Deed::of(&who), who.once(&shouwen_crypt::sha256_hex(&body)), id, why).await
}
