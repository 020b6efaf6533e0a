//! One case, by id or by number. Reading a customer's case is audited, in the transaction that reads it.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use shouwen_kernel::{CaseId, Problem};
use shouwen_web::{Allowed, Answer, App, Id, Once};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::Deed;
use crate::view::{self, CaseView};
use crate::CaseRead;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(by_number)).routes(routes!(show))
}

/// A query that leaves a trace in the audit takes the writer and no idempotency key.
pub fn unkeyed<P: shouwen_kernel::Permission>(who: &Allowed<P>) -> Once {
    Once { key: None, ..who.once("") }
}

/// One case.
#[utoipa::path(get, path = "/cases/{id}", params(("id" = CaseId, Path)), responses((status = 200, body = CaseView), (status = 404)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn show(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<Response> {
    let deed = Deed::of(&who);
    app.command(unkeyed(&who), StatusCode::OK, move |tx| {
        let case = deed.see(tx, id)?;
        deed.audit(tx, "case.read", &case, None)?;
        view::case(tx, &deed.viewer, &case)
    })
    .await
}

/// One case by its number.
#[utoipa::path(get, path = "/cases/by-number/{number}", params(("number" = String, Path, example = "2026-000123")), responses((status = 200, body = CaseView), (status = 404)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn by_number(State(app): State<App>, who: Allowed<CaseRead>, Id(number): Id<String>) -> Answer<Response> {
    let deed = Deed::of(&who);
    app.command(unkeyed(&who), StatusCode::OK, move |tx| {
        let id = Case::by_number(tx, deed.viewer.workspace, number.trim())?.ok_or_else(|| Problem::not_found("case"))?;
        let case = deed.see(tx, id)?;
        deed.audit(tx, "case.read", &case, None)?;
        view::case(tx, &deed.viewer, &case)
    })
    .await
}
