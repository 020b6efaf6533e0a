//! Texts an agent has begun: saved on the server for each case, person and mode, so that no crash, reload or change of
//! device loses them (UX-10). A draft goes when its message has been sent, or when the agent throws it away.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{AttachmentId, CaseId, DraftId, Kind, MessageId, PersonId, Problem, Result, Time};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::compose::Recipient;
use crate::deed::Deed;
use crate::message_view::AttachmentView;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, remove))
}

/// Which texts there can be of one person on one case.
const MODES: [&str; 3] = ["reply", "note", "forward"];

/// What was written so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Written {
    pub text: String,
    pub html: Option<String>,
    pub to: Option<Vec<Recipient>>,
    pub cc: Option<Vec<Recipient>>,
    pub bcc: Option<Vec<Recipient>>,
    pub attachments: Vec<AttachmentId>,
    pub based_on: Option<MessageId>,
}

/// A draft.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DraftView {
    pub id: DraftId,
    pub case_id: CaseId,
    /// `reply`, `note`, `forward`.
    pub mode: String,
    #[serde(flatten)]
    pub written: Written,
    /// Names and sizes of `attachments`, as far as they are still there.
    pub files: Vec<AttachmentView>,
    pub version: i64,
    pub updated_at: Time,
}

/// What to save.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Save {
    #[serde(default)]
    text: String,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    to: Option<Vec<Recipient>>,
    #[serde(default)]
    cc: Option<Vec<Recipient>>,
    #[serde(default)]
    bcc: Option<Vec<Recipient>>,
    #[serde(default)]
    attachments: Vec<AttachmentId>,
    #[serde(default)]
    based_on: Option<MessageId>,
    /// The version you saw; absent: overwrite.
    #[serde(default)]
    version: Option<i64>,
}

/// The draft of one person on one case in one mode.
pub fn find(tx: &Tx<'_>, case: CaseId, person: PersonId, mode: &str) -> Result<Option<DraftView>> {
    let row: Option<(DraftId, Json<Written>, i64, Time)> = tx.opt("SELECT id, body, version, updated_at FROM case_draft WHERE case_id = ?1 AND person_id = ?2 AND mode = ?3", params![case, person, mode])?;
    row.map(|(id, written, version, updated_at)| {
        let files = written.0.attachments.iter().filter_map(|file| named(tx, case, person, *file).transpose()).collect::<Result<_>>()?;
        Ok(DraftView { id, case_id: case, mode: mode.to_owned(), written: written.0, files, version, updated_at })
    })
    .transpose()
}

/// A file a draft may carry: this person's upload, or a file of this case.
fn named(tx: &Tx<'_>, case: CaseId, person: PersonId, id: AttachmentId) -> Result<Option<AttachmentView>> {
    type File = (String, String, u64);
    let own: Option<File> = tx.opt("SELECT name, media_type, size FROM case_upload WHERE id = ?1 AND person_id = ?2", params![id, person])?;
    let found = match own {
        Some(file) => Some(file),
        None => tx.opt("SELECT a.name, a.media_type, a.size FROM case_attachment a JOIN case_message m ON m.id = a.message_id WHERE a.id = ?1 AND m.case_id = ?2", params![id, case])?,
    };
    Ok(found.map(|(name, media_type, size)| AttachmentView { id, name, media_type, size, inline: false }))
}

/// Saves a draft.
pub fn save(tx: &Tx<'_>, deed: &Deed, case: CaseId, mode: &str, written: Written) -> Result<DraftView> {
    save_for(tx, deed.viewer.workspace, deed.viewer.person, case, mode, written)
}

/// Saves a draft of `person`.
pub fn save_for(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, person: PersonId, case: CaseId, mode: &str, written: Written) -> Result<DraftView> {
    tx.run(
        "INSERT INTO case_draft (id, workspace_id, case_id, person_id, mode, body, version, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7)
         ON CONFLICT (case_id, person_id, mode) DO UPDATE SET body = ?6, version = case_draft.version + 1, updated_at = ?7",
        params![tx.id::<DraftId>(), workspace, case, person, mode, Json(&written), tx.now()],
    )?;
    find(tx, case, person, mode)?.ok_or_else(|| Problem::internal("a saved draft is not there"))
}

fn checked_mode(mode: &str) -> Result<()> {
    if MODES.contains(&mode) {
        return Ok(());
    }
    Err(Problem::new(Kind::NotFound, "not_found", format!("there is no draft of mode `{}`", shouwen_kernel::text::clip(mode, 20))).expected("`reply`, `note` or `forward`"))
}

/// Your drafts on a case.
#[utoipa::path(get, path = "/cases/{id}/drafts", params(("id" = CaseId, Path)), responses((status = 200, body = Vec<DraftView>)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn list(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<axum::Json<Vec<DraftView>>> {
    let deed = Deed::of(&who);
    app.query(move |tx| {
        deed.see(tx, id)?;
        MODES.iter().filter_map(|mode| find(tx, id, deed.viewer.person, mode).transpose()).collect()
    })
    .await
}

/// Saves your draft. A stale version is refused with the newer draft in `detail.current`: another device was faster.
#[utoipa::path(put, path = "/cases/{id}/drafts/{mode}", params(("id" = CaseId, Path), ("mode" = String, Path, example = "reply")), request_body = Save, responses((status = 200, body = DraftView), (status = 409, description = "version_conflict")), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn put(State(app): State<App>, who: Allowed<CaseRead>, Id((id, mode)): Id<(CaseId, String)>, input: Input<Save>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        checked_mode(&mode)?;
        let deed = deed.needing(if mode == "note" { "case.note" } else { "case.reply" });
        let case = deed.see(tx, id)?;
        deed.check(&case)?;
        let known = find(tx, id, deed.viewer.person, &mode)?;
        if let (Some(seen), Some(current)) = (body.version, &known)
            && seen != current.version
        {
            return Err(Problem::conflict("version_conflict", "this draft was saved from somewhere else in the meantime")
                .expected("choose a text, then save with the current version")
                .detail(json!({ "current": current })));
        }
        let body = body.clone();
        let written = Written { text: body.text, html: body.html, to: body.to, cc: body.cc, bcc: body.bcc, attachments: body.attachments, based_on: body.based_on };
        save(tx, &deed, id, &mode, written)
    })
    .await
}

/// Throws your draft away.
#[utoipa::path(delete, path = "/cases/{id}/drafts/{mode}", params(("id" = CaseId, Path), ("mode" = String, Path, example = "reply")), responses((status = 204)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn remove(State(app): State<App>, who: Allowed<CaseRead>, Id((id, mode)): Id<(CaseId, String)>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        checked_mode(&mode)?;
        deed.see(tx, id)?;
        tx.run("DELETE FROM case_draft WHERE case_id = ?1 AND person_id = ?2 AND mode = ?3", params![id, deed.viewer.person, mode])?;
        Ok(())
    })
    .await
}
