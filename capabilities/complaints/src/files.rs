//! Files of dissatisfied customers over the API. That one was read is on record before the answer leaves.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{CareFileId, CaseId, CustomerId, ObjectId, PersonId, Problem, Result, Time, WorkspaceId, text::clip};
use shouwen_store::{BranchList, FromRow, Key, Row, ToValue, Tx, Value, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, Params, Viewer, axum, decode_cursor, limit_of};
use uuid::Uuid;

use crate::cases::Title;
use crate::file::{self, COLUMNS, File, Opening};
use crate::sheet::{FileInShort, file_in_short};
use crate::{ComplaintManage, ComplaintRead, CustomerRead, names, sight, store};

/// A file in a list.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CareFile {
    pub id: CareFileId,
    pub customer_id: CustomerId,
    pub customer_name: Option<String>,
    pub open: bool,
    /// An action is late.
    pub overdue: bool,
    /// The first reason: `low_rating`, `signal`, `repeat`, `rejected`, `manual`.
    pub reason: String,
    /// Who answers for the customer being looked after.
    pub owner_id: Option<PersonId>,
    pub owner_name: Option<String>,
    pub opened_at: Time,
    /// When the next action is due.
    pub next_due_at: Option<Time>,
    pub closed_at: Option<Time>,
    /// `recovered`, `still_dissatisfied`, `lost`; `merged` when the customer became part of another.
    pub outcome: Option<String>,
    pub version: i64,
}

struct ListRow(File, Option<String>, Option<String>);

impl FromRow for ListRow {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self(File::from_row(row)?, row.get(16)?, row.get(17)?))
    }
}

impl CareFile {
    fn of(file: &File, customer_name: Option<String>, owner_name: Option<String>) -> Self {
        Self {
            id: file.id,
            customer_id: file.customer,
            customer_name,
            open: file.open,
            overdue: file.overdue,
            reason: file.reason.clone(),
            owner_id: file.owner,
            owner_name,
            opened_at: file.opened_at,
            next_due_at: file.next_due_at,
            closed_at: file.closed_at,
            outcome: file.outcome.clone(),
            version: file.version,
        }
    }
}

/// Which files.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct FileParams {
    /// Open ones (default) or closed ones.
    pub open: Option<bool>,
    pub overdue: Option<bool>,
    /// Of this owner; `me`; `-` for nobody.
    pub owner: Option<String>,
    pub reason: Option<String>,
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub after: Option<String>,
}

const KEYS: [Key<'static>; 1] = [Key { column: "f.id", descending: true }];

#[utoipa::path(get, path = "/complaints/files", params(FileParams), responses((status = 200, body = Page<CareFile>)), tag = "complaints", summary = "Files of dissatisfied customers, newest first", extensions(("x-permission" = json!("complaint.read"))))]
pub async fn list(AppState(app): AppState<App>, who: Allowed<ComplaintRead>, Params(asked): Params<FileParams>) -> Answer<axum::Json<Page<CareFile>>> {
    let limit = limit_of(asked.limit)?;
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let after: Option<CareFileId> = decode_cursor(asked.after.as_deref())?;
        let mut values = vec![viewer.workspace.to_value(), Value::Bool(asked.open.unwrap_or(true))];
        let mut parts = vec!["f.workspace_id = ?1".to_owned(), "f.open = ?2".to_owned()];
        let mut with = |text: &str, value: Value| {
            values.push(value);
            parts.push(format!("{text} ?{}", values.len()));
        };
        if let Some(overdue) = asked.overdue {
            with("f.overdue =", Value::Bool(overdue));
        }
        if let Some(reason) = asked.reason.as_deref().filter(|r| !r.is_empty()) {
            with("f.reason =", Value::Text(reason.to_owned()));
        }
        match asked.owner.as_deref().filter(|o| !o.is_empty()) {
            None => {}
            Some("me") => with("f.owner_id =", viewer.person.to_value()),
            Some("-") => parts.push("f.owner_id IS NULL".to_owned()),
            Some(id) => with("f.owner_id =", id.parse::<PersonId>().map_err(|p| p.field("owner"))?.to_value()),
        }
        let condition = parts.join(" AND ");
        let list = BranchList {
            table: "complaint_file AS f",
            id: "f.id",
            select: &format!("{COLUMNS}, cu.name, p.name"),
            joins: "LEFT JOIN complaint_customer AS cu ON cu.id = f.customer_id LEFT JOIN complaint_person AS p ON p.id = f.owner_id",
            columns: sight::FILE,
            filter: (&condition, values),
            keys: &KEYS,
            after: after.map(|id| vec![Value::Id(id.0)]),
            limit: limit + 1,
        };
        let rows: Vec<ListRow> = tx.list_by_branches(&scope, &list)?;
        Ok(Page::from_rows(rows.into_iter().map(|ListRow(file, customer, owner)| CareFile::of(&file, customer, owner)).collect(), limit, |row: &CareFile| row.id))
    })
    .await
}

/// Why the customer is dissatisfied.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FileReason {
    pub reason: String,
    /// The case it came from; none when it was written by hand, or the viewer may not see it.
    pub case: Option<ReasonCase>,
    /// The score, the key of the signal, the count of repetitions, or what somebody wrote.
    pub detail: String,
    pub at: Time,
}

/// A case a reason came from.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ReasonCase {
    pub id: CaseId,
    pub number: String,
    pub title: String,
    pub status: String,
}

/// An action of care.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CareAction {
    pub id: ObjectId,
    pub key: String,
    pub title: Title,
    /// `planned`, `done`, `left_out`.
    pub state: String,
    /// `none`, `needed`, `approved`, `refused`.
    pub approval: String,
    pub person_id: Option<PersonId>,
    pub person_name: Option<String>,
    pub due_at: Time,
    pub overdue: bool,
    pub outcome: Option<String>,
    pub note: String,
    pub done_by: Option<String>,
    pub done_at: Option<Time>,
    pub decided_by: Option<String>,
    pub decision_note: String,
}

struct CareRow(CareAction, Option<PersonId>, Option<PersonId>);

impl FromRow for CareRow {
    fn from_row(row: &Row) -> Result<Self> {
        let action = CareAction {
            id: row.get(0)?,
            key: row.get(1)?,
            title: Title { zh: row.get(2)?, en: row.get(3)? },
            state: row.get(4)?,
            approval: row.get(5)?,
            person_id: row.get(6)?,
            person_name: None,
            due_at: row.get(7)?,
            overdue: row.get(8)?,
            outcome: row.get(9)?,
            note: row.get(10)?,
            done_by: None,
            done_at: row.get(12)?,
            decided_by: None,
            decision_note: row.get(14)?,
        };
        Ok(Self(action, row.get(11)?, row.get(13)?))
    }
}

/// A file in full.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CareFileDetail {
    #[serde(flatten)]
    pub file: CareFile,
    pub closing_text: Option<String>,
    /// Key of the care plan.
    pub plan: Option<String>,
    pub reasons: Vec<FileReason>,
    pub care: Vec<CareAction>,
    pub may_manage: bool,
    pub may_approve: bool,
}

/// A file as its viewer sees it.
pub fn detail(tx: &Tx<'_>, viewer: &Viewer, file: &File) -> Result<CareFileDetail> {
    let workspace = viewer.workspace;
    let name = |id: Option<PersonId>| -> Result<Option<String>> { Ok(id.map(|id| names::person(tx, workspace, id)).transpose()?.flatten().map(|row| row.0)) };
    let access = file.access(tx)?;
    let cases = viewer.scope("case.read");
    let rows: Vec<(String, Option<CaseId>, String, Time)> = tx.all("SELECT reason, case_id, detail, at FROM complaint_file_reason WHERE file_id = ?1 ORDER BY id", params![file.id.0])?;
    let mut reasons = Vec::with_capacity(rows.len());
    for (reason, case, detail, at) in rows {
        let seen = match case {
            Some(id) => store::load(tx, workspace, id)?.filter(|state| cases.as_ref().is_some_and(|scope| scope.sees(&state.access()))).map(|s| ReasonCase { id, number: s.number, title: s.title, status: s.status }),
            None => None,
        };
        reasons.push(FileReason { reason, case: seen, detail, at });
    }
    let rows: Vec<CareRow> = tx.all(
        "SELECT id, key, title_zh, title_en, state, approval, person_id, due_at, overdue, outcome, note, done_by, done_at, decided_by, decision_note FROM complaint_care WHERE file_id = ?1 ORDER BY due_at, id",
        params![file.id.0],
    )?;
    let mut care = Vec::with_capacity(rows.len());
    for CareRow(action, done_by, decided_by) in rows {
        care.push(CareAction { person_name: name(action.person_id)?, done_by: name(done_by)?, decided_by: name(decided_by)?, ..action });
    }
    let may = |permission: &str| viewer.scope(permission).is_some_and(|scope| scope.sees(&access));
    let customer = names::customer(tx, file.customer)?.map(|c| c.name);
    Ok(CareFileDetail {
        closing_text: file.closing_text.clone(),
        plan: file.plan.clone(),
        reasons,
        care,
        may_manage: may("complaint.manage"),
        may_approve: may("complaint.approve"),
        file: CareFile::of(file, customer, name(file.owner)?),
    })
}

#[utoipa::path(get, path = "/complaints/files/{id}", params(("id" = CareFileId, Path)), responses((status = 200, body = CareFileDetail)), tag = "complaints", summary = "A file with its reasons and its care; the look is written in the audit", extensions(("x-permission" = json!("complaint.read"))))]
pub async fn show(AppState(app): AppState<App>, who: Allowed<ComplaintRead>, Id(id): Id<CareFileId>) -> Answer<axum::Json<CareFileDetail>> {
    let (ctx, viewer, scope) = (who.ctx(), who.viewer.clone(), who.scope.clone());
    let answer = app
        .db()
        .write(move |tx| {
            let file = sight::open_file(tx, viewer.workspace, &scope, id, false)?;
            tx.audit(&ctx, "complaint_file.read", "complaint_file", Some(id.0), None)?;
            detail(tx, &viewer, &file)
        })
        .await?;
    Ok(axum::Json(answer))
}

/// What a customer's page shows.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CustomerComplaints {
    /// Their open file.
    pub file: Option<FileInShort>,
    /// Complaints of the last year, as far as the viewer sees cases.
    pub complaints: i64,
    pub repeated: i64,
    /// Files that are closed.
    pub files_before: i64,
    pub may_open_one: bool,
}

#[utoipa::path(get, path = "/complaints/customers/{id}", params(("id" = CustomerId, Path)), responses((status = 200, body = CustomerComplaints)), tag = "complaints", summary = "A customer's open file and how often they complained", extensions(("x-permission" = json!("customer.read"))))]
pub async fn of_customer(AppState(app): AppState<App>, who: Allowed<CustomerRead>, Id(id): Id<CustomerId>) -> Answer<axum::Json<CustomerComplaints>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let workspace = viewer.workspace;
        if !sight::sees_customer(tx, workspace, &scope, id)? {
            // One without cases is seen by who made them, which only the register knows; there is nothing to tell then.
            return Ok(CustomerComplaints { file: None, complaints: 0, repeated: 0, files_before: 0, may_open_one: false });
        }
        let root = names::root(tx, id)?;
        let reach = viewer.scope("case.read").unwrap_or_else(|| scope.clone());
        let (condition, more) = shouwen_store::scope_sql(&reach, &sight::CASE, 6);
        let mut values = params![root, true, tx.now().plus_seconds(-365 * 86_400), workspace, true].to_vec();
        values.extend(more);
        let (complaints, repeated): (i64, i64) = tx.one(
            &format!("SELECT count(*), count(CASE WHEN c.repeated THEN 1 END) FROM complaint_case AS c WHERE c.customer_id = ?1 AND c.counted = ?2 AND c.opened_at > ?3 AND c.workspace_id = ?4 AND c.complaint = ?5 AND {condition}"),
            &values,
        )?;
        let (files_before,): (i64,) = tx.one("SELECT count(*) FROM complaint_file WHERE customer_id = ?1 AND open = ?2", params![root, false])?;
        let file = file_in_short(tx, &viewer, Some(root))?;
        Ok(CustomerComplaints { may_open_one: file.is_none() && viewer.can("complaint.manage"), file, complaints, repeated, files_before })
    })
    .await
}

/// A file opened by hand.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCareFile {
    pub customer_id: CustomerId,
    /// Why.
    pub text: String,
    /// Whoever opens it when absent.
    #[serde(default)]
    pub owner_id: Option<PersonId>,
    /// The case it is about.
    #[serde(default)]
    pub case_id: Option<CaseId>,
}

/// A text of a request: not empty, not too long.
pub fn said(field: &str, text: &str, longest: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest {
        return Err(Problem::invalid(field, format!("the text is empty or longer than {longest} characters")).expected(format!("1 to {longest} characters")));
    }
    Ok(text.to_owned())
}

/// Somebody who works here.
pub fn works_here(tx: &Tx<'_>, workspace: WorkspaceId, field: &str, id: PersonId) -> Result<String> {
    match names::person(tx, workspace, id)? {
        Some((name, true)) => Ok(name),
        _ => Err(Problem::invalid(field, format!("{id} is nobody who works here now")).expected("an active person")),
    }
}

#[utoipa::path(post, path = "/complaints/files", request_body = NewCareFile, responses((status = 201, body = CareFileDetail), (status = 409, description = "complaint_file.exists")), tag = "complaints", summary = "Opens a file by hand; one open file a customer", extensions(("x-permission" = json!("complaint.manage"))))]
pub async fn create(AppState(app): AppState<App>, who: Allowed<ComplaintManage>, input: Input<NewCareFile>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let text = said("text", &body.text, 2000)?;
        if !sight::sees_customer(tx, viewer.workspace, &scope, body.customer_id)? {
            return Err(Problem::invalid("customer_id", "there is no such customer, or you may not see them").expected("a customer with a case or a unit within your reach"));
        }
        let customer = names::root(tx, body.customer_id)?;
        if let Some(file) = File::open_of(tx, viewer.workspace, customer)? {
            return Err(Problem::conflict("complaint_file.exists", "this customer has an open file already").expected("that file; close it before another is opened").detail(json!({ "file_id": file.id })));
        }
        let case = match body.case_id {
            Some(id) => Some(store::load(tx, viewer.workspace, id)?.filter(|state| scope.sees(&state.access())).ok_or_else(|| Problem::not_found("case").field("case_id"))?),
            None => None,
        };
        let owner = body.owner_id.unwrap_or(viewer.person);
        if owner != viewer.person {
            works_here(tx, viewer.workspace, "owner_id", owner)?;
        }
        let known = names::customer(tx, customer)?.unwrap_or_default();
        let opening = Opening {
            reason: "manual".to_owned(),
            case: body.case_id,
            detail: text.clone(),
            owner: Some(owner),
            team: case.as_ref().and_then(|c| c.team),
            org_unit: case.as_ref().and_then(|c| c.org_unit).or(known.org_unit),
            people: vec![viewer.person],
        };
        let id = file::open(tx, &ctx, viewer.workspace, customer, &opening, tx.now())?;
        let file = File::find(tx, viewer.workspace, id, false)?.ok_or_else(|| Problem::not_found("file"))?;
        detail(tx, &viewer, &file)
    })
    .await
}

/// Who answers for the file from now on.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOwner {
    pub person_id: PersonId,
    /// The version you saw.
    pub version: i64,
}

fn seen(file: &File, version: i64) -> Result<()> {
    if file.version == version { Ok(()) } else { Err(Problem::conflict("version_conflict", "the file changed since you looked").expected("look at it again, then change it")) }
}

#[utoipa::path(put, path = "/complaints/files/{id}/owner", params(("id" = CareFileId, Path)), request_body = FileOwner, responses((status = 200, body = CareFileDetail)), tag = "complaints", summary = "Gives a file, with what is still planned, to somebody", extensions(("x-permission" = json!("complaint.manage"))))]
pub async fn owner(AppState(app): AppState<App>, who: Allowed<ComplaintManage>, Id(id): Id<CareFileId>, input: Input<FileOwner>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let file = sight::open_file(tx, viewer.workspace, &scope, id, true)?;
        file.must_be_open()?;
        seen(&file, body.version)?;
        works_here(tx, viewer.workspace, "person_id", body.person_id)?;
        tx.run("UPDATE complaint_file SET owner_id = ?2, version = version + 1 WHERE id = ?1", params![id.0, body.person_id])?;
        tx.run("UPDATE complaint_care SET person_id = ?2 WHERE file_id = ?1 AND state = 'planned' AND (person_id = ?3 OR person_id IS NULL)", params![id.0, body.person_id, file.owner])?;
        tx.run("INSERT INTO complaint_file_person (file_id, person_id) VALUES (?1, ?2) ON CONFLICT (file_id, person_id) DO NOTHING", params![id.0, body.person_id])?;
        tx.audit(&ctx, "complaint_file.owner", "complaint_file", Some(id.0), Some(json!({ "from": file.owner, "to": body.person_id })))?;
        let file = File::find(tx, viewer.workspace, id, false)?.ok_or_else(|| Problem::not_found("file"))?;
        detail(tx, &viewer, &file)
    })
    .await
}

/// How it ended.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileClosure {
    /// `recovered`, `still_dissatisfied`, `lost`.
    pub outcome: String,
    /// What the end rests on.
    pub text: String,
    /// The version you saw.
    pub version: i64,
}

#[utoipa::path(post, path = "/complaints/files/{id}/closure", params(("id" = CareFileId, Path)), request_body = FileClosure, responses((status = 200, body = CareFileDetail)), tag = "complaints", summary = "Closes a file with its outcome; what is still planned is left out", extensions(("x-permission" = json!("complaint.manage"))))]
pub async fn close(AppState(app): AppState<App>, who: Allowed<ComplaintManage>, Id(id): Id<CareFileId>, input: Input<FileClosure>) -> Answer<Response> {
    let (ctx, once, viewer, scope, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), who.scope.clone(), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let file = sight::open_file(tx, viewer.workspace, &scope, id, true)?;
        file.must_be_open()?;
        seen(&file, body.version)?;
        if !file::OUTCOMES.contains(&body.outcome.as_str()) {
            return Err(Problem::invalid("outcome", format!("`{}` is no end of a file", clip(&body.outcome, 40))).expected(file::OUTCOMES.join(", ")));
        }
        let text = said("text", &body.text, 2000)?;
        file::close(tx, &ctx, &file, &body.outcome, &text)?;
        let file = File::find(tx, viewer.workspace, id, false)?.ok_or_else(|| Problem::not_found("file"))?;
        detail(tx, &viewer, &file)
    })
    .await
}

/// The file an action belongs to, open and within reach, and whether the action is still planned.
pub fn planned(tx: &Tx<'_>, workspace: WorkspaceId, scope: &shouwen_kernel::Scope, id: CareFileId, care: ObjectId) -> Result<(File, String, String, Option<PersonId>)> {
    let file = sight::open_file(tx, workspace, scope, id, true)?;
    let row: Option<(String, String, String, Option<PersonId>)> = tx.opt("SELECT state, key, approval, person_id FROM complaint_care WHERE id = ?1 AND file_id = ?2", params![care, Uuid::from(id)])?;
    let (state, key, approval, person) = row.ok_or_else(|| Problem::not_found("care action"))?;
    file.must_be_open()?;
    if state != "planned" {
        return Err(Problem::conflict("complaint_care.over", "this action is over").expected("an action that is still planned"));
    }
    Ok((file, key, approval, person))
}
