//! `GET /audit/verification`.

use axum::extract::State;
use serde_json::json;
use shouwen_kernel::Problem;
use shouwen_web::{Allowed, Answer, App};

use crate::{AuditRead, Heads, Report, heads_path, verify};

/// Checks the whole audit: nothing edited, deleted, inserted, cut off or put in another order since it was written.
/// Takes seconds per million rows. Needs `audit.read` in the whole workspace.
#[utoipa::path(get, path = "/audit/verification", responses((status = 200, body = Report)), tag = "audit", extensions(("x-permission" = json!("audit.read"))))]
pub(crate) async fn check(State(app): State<App>, who: Allowed<AuditRead>) -> Answer<axum::Json<Report>> {
    if !who.scope.all {
        return Err(Problem::forbidden("audit.read").expected("the permission in the whole workspace").into());
    }
    let ctx = who.ctx();
    let (db, heads) = (app.db().clone(), Heads::at(heads_path(&app.config().data_dir)));
    let report = tokio::task::spawn_blocking(move || verify(&db, Some(&heads))).await.map_err(|e| Problem::internal(format!("the check did not end: {e}")))??;
    let summary = json!({ "ok": report.ok, "sealed": report.sealed, "findings": report.findings.len() });
    app.db().write(move |tx| tx.audit(&ctx, "audit.verified", "audit", None, Some(summary.clone()))).await?;
    Ok(axum::Json(report))
}
