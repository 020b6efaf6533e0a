//! A crisis: its row, who may see it, what the API shows. The log is a table of its own: the notes of a case are for whoever
//! may read the case, the log is the group's, and its entries are never edited.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_contracts::warnings::WarningEvent;
use shouwen_kernel::{Access, CaseId, ObjectId, PersonId, Problem, Result, Scope, Time, WarningId, WorkspaceId};
use shouwen_store::{BranchList, Ctx, FromRow, Key, Row, ScopeColumns, ToValue, Tx, Value, Watchers, params};
use shouwen_web::{Allowed, Answer, App, Id, Page, Params, Viewer, axum, decode_cursor, limit_of};

use crate::WarningRead;
use crate::people::{self, Named};

const COLUMNS: &str = "c.id, c.workspace_id, c.case_id, c.case_number, c.case_problem, c.warning_id, c.from_case_id, c.title, c.situation, c.state, c.live, c.declared_by, c.declared_at, c.plan_hours, c.plan_due_at, \
    c.plan, c.plan_at, c.plan_by, c.plan_overdue_at, c.spokesperson, c.statement, c.statement_at, c.over_at, c.over_by, c.write_up_due_at, c.write_up, c.write_up_at, c.write_up_by, c.write_up_overdue_at, c.ended_at";
const SCOPE: ScopeColumns<'static> = ScopeColumns {
    org_unit: None,
    team: None,
    people: &["c.declared_by"],
    watchers: Some(Watchers { table: "warning_crisis_member", object: "crisis_id", person: "person_id", id: "c.id" }),
};

/// A crisis.
#[derive(Clone, Debug)]
pub struct Crisis {
    pub id: ObjectId,
    pub workspace: WorkspaceId,
    pub case_id: Option<CaseId>,
    pub case_number: Option<String>,
    pub case_problem: Option<String>,
    pub warning_id: Option<WarningId>,
    pub from_case_id: Option<CaseId>,
    pub title: String,
    pub situation: String,
    /// `convened` (no plan yet), `responding`, `over` (to be written up), `ended`.
    pub state: String,
    pub live: bool,
    pub declared_by: PersonId,
    pub declared_at: Time,
    pub plan_hours: i64,
    pub plan_due_at: Time,
    pub plan: Option<String>,
    pub plan_at: Option<Time>,
    pub plan_by: Option<PersonId>,
    pub plan_overdue_at: Option<Time>,
    pub spokesperson: Option<String>,
    pub statement: Option<String>,
    pub statement_at: Option<Time>,
    pub over_at: Option<Time>,
    pub over_by: Option<PersonId>,
    pub write_up_due_at: Option<Time>,
    pub write_up: Option<String>,
    pub write_up_at: Option<Time>,
    pub write_up_by: Option<PersonId>,
    pub write_up_overdue_at: Option<Time>,
    pub ended_at: Option<Time>,
}

impl FromRow for Crisis {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            case_id: row.get(2)?,
            case_number: row.get(3)?,
            case_problem: row.get(4)?,
            warning_id: row.get::<Option<uuid::Uuid>>(5)?.map(WarningId),
            from_case_id: row.get(6)?,
            title: row.get(7)?,
            situation: row.get(8)?,
            state: row.get(9)?,
            live: row.get(10)?,
            declared_by: row.get(11)?,
            declared_at: row.get(12)?,
            plan_hours: row.get(13)?,
            plan_due_at: row.get(14)?,
            plan: row.get(15)?,
            plan_at: row.get(16)?,
            plan_by: row.get(17)?,
            plan_overdue_at: row.get(18)?,
            spokesperson: row.get(19)?,
            statement: row.get(20)?,
            statement_at: row.get(21)?,
            over_at: row.get(22)?,
            over_by: row.get(23)?,
            write_up_due_at: row.get(24)?,
            write_up: row.get(25)?,
            write_up_at: row.get(26)?,
            write_up_by: row.get(27)?,
            write_up_overdue_at: row.get(28)?,
            ended_at: row.get(29)?,
        })
    }
}

impl Crisis {
    fn get(tx: &Tx<'_>, workspace: WorkspaceId, column: &str, value: Value, lock: &str) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM warning_crisis AS c WHERE c.{column} = ?1 AND c.workspace_id = ?2{lock}"), &[value, workspace.to_value()])
    }
    /// One of the workspace.
    pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<Self> {
        Self::get(tx, workspace, "id", id.to_value(), "")?.ok_or_else(|| Problem::not_found("crisis"))
    }
    /// The same, and nobody else changes it until the transaction ends.
    pub fn lock(tx: &Tx<'_>, workspace: WorkspaceId, id: ObjectId) -> Result<Option<Self>> {
        Self::get(tx, workspace, "id", id.to_value(), tx.for_update())
    }
    /// The one whose case it is.
    pub fn of_case(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<Option<Self>> {
        Self::get(tx, workspace, "case_id", case.to_value(), tx.for_update())
    }
    /// The group.
    pub fn members(&self, tx: &Tx<'_>) -> Result<Vec<PersonId>> {
        Ok(tx.all::<(PersonId,)>("SELECT person_id FROM warning_crisis_member WHERE crisis_id = ?1 ORDER BY person_id", params![self.id])?.into_iter().map(|row| row.0).collect())
    }
    /// What decides who may see it.
    pub fn access(&self, tx: &Tx<'_>) -> Result<Access> {
        let mut people = self.members(tx)?;
        if !people.contains(&self.declared_by) {
            people.push(self.declared_by);
        }
        Ok(Access { org_unit: None, team: None, people })
    }
    /// Whether it may be seen.
    pub fn must_be_seen(&self, tx: &Tx<'_>, scope: &Scope) -> Result<()> {
        if scope.sees(&self.access(tx)?) { Ok(()) } else { Err(Problem::not_found("crisis")) }
    }
    /// Tells of it.
    pub fn emit(&self, tx: &Tx<'_>, ctx: &Ctx, event: impl Into<WarningEvent>) -> Result<()> {
        let access = self.access(tx)?;
        tx.emit::<WarningEvent>(ctx, self.case_id.map(|c| c.0), Some(&access), event)
    }
    /// A line of its log. Kinds: `declared`, `stand_in`, `acknowledged`, `note`, `plan`, `statement`, `over`, `resumed`, `write_up`,
    /// `overdue`, `ended`.
    pub fn log(&self, tx: &Tx<'_>, kind: &str, person: Option<PersonId>, text: &str) -> Result<()> {
        let id: ObjectId = tx.id();
        tx.run(
            "INSERT INTO warning_crisis_log (id, workspace_id, crisis_id, kind, person_id, text, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![id, self.workspace, self.id, kind, person, text, tx.now()],
        )
    }
}

/// Somebody of the group.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CrisisMember)]
pub struct Member {
    pub id: PersonId,
    pub name: String,
    /// When they said that they are there.
    pub acknowledged_at: Option<Time>,
}

/// A line of the log.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CrisisEntry)]
pub struct Entry {
    pub id: ObjectId,
    /// `declared`, `stand_in`, `acknowledged`, `note`, `plan`, `statement`, `over`, `resumed`, `write_up`, `overdue`, `ended`.
    pub kind: String,
    /// Null: the product.
    pub by: Option<Named>,
    pub text: String,
    pub at: Time,
}

/// A crisis as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CrisisView {
    pub id: ObjectId,
    pub case_id: Option<CaseId>,
    pub case_number: Option<String>,
    pub case_problem: Option<String>,
    pub warning_id: Option<WarningId>,
    pub from_case_id: Option<CaseId>,
    pub title: String,
    pub situation: String,
    pub state: String,
    pub declared_by: Named,
    pub declared_at: Time,
    pub plan_hours: i64,
    pub plan_due_at: Time,
    /// Its time passed without a plan.
    pub plan_overdue: bool,
    pub plan: Option<String>,
    pub plan_at: Option<Time>,
    pub plan_by: Option<Named>,
    pub spokesperson: Option<String>,
    pub statement: Option<String>,
    pub statement_at: Option<Time>,
    pub over_at: Option<Time>,
    pub over_by: Option<Named>,
    pub write_up_due_at: Option<Time>,
    pub write_up_overdue: bool,
    pub write_up: Option<String>,
    pub write_up_at: Option<Time>,
    pub write_up_by: Option<Named>,
    pub ended_at: Option<Time>,
    pub members: Vec<Member>,
    /// This viewer belongs to the group and has not said yet that they are there.
    pub may_acknowledge: bool,
    /// This viewer may act in it.
    pub may_act: bool,
}

impl CrisisView {
    pub fn of(tx: &Tx<'_>, viewer: &Viewer, c: &Crisis) -> Result<Self> {
        let rows: Vec<(PersonId, Option<Time>)> = tx.all("SELECT person_id, acknowledged_at FROM warning_crisis_member WHERE crisis_id = ?1 ORDER BY person_id", params![c.id])?;
        let waits = rows.iter().any(|(p, at)| *p == viewer.person && at.is_none());
        let members = rows.into_iter().map(|(id, at)| Ok(Member { id, name: people::named(tx, id)?.name, acknowledged_at: at })).collect::<Result<_>>()?;
        let access = c.access(tx)?;
        Ok(Self {
            id: c.id,
            case_id: c.case_id,
            case_number: c.case_number.clone(),
            case_problem: c.case_problem.clone(),
            warning_id: c.warning_id,
            from_case_id: c.from_case_id,
            title: c.title.clone(),
            situation: c.situation.clone(),
            state: c.state.clone(),
            declared_by: people::named(tx, c.declared_by)?,
            declared_at: c.declared_at,
            plan_hours: c.plan_hours,
            plan_due_at: c.plan_due_at,
            plan_overdue: c.plan.is_none() && c.live && c.plan_due_at <= tx.now(),
            plan: c.plan.clone(),
            plan_at: c.plan_at,
            plan_by: people::named_if(tx, c.plan_by)?,
            spokesperson: c.spokesperson.clone(),
            statement: c.statement.clone(),
            statement_at: c.statement_at,
            over_at: c.over_at,
            over_by: people::named_if(tx, c.over_by)?,
            write_up_due_at: c.write_up_due_at,
            write_up_overdue: c.write_up.is_none() && c.live && c.write_up_due_at.is_some_and(|due| due <= tx.now()),
            write_up: c.write_up.clone(),
            write_up_at: c.write_up_at,
            write_up_by: people::named_if(tx, c.write_up_by)?,
            ended_at: c.ended_at,
            members,
            may_acknowledge: waits && c.live,
            may_act: c.live && viewer.scope("crisis.declare").is_some_and(|scope| scope.sees(&access)),
        })
    }
}

/// A crisis with its log.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct CrisisWhole {
    #[serde(flatten)]
    pub crisis: CrisisView,
    /// Newest first, at most 500.
    pub log: Vec<Entry>,
}

/// A crisis with its log.
pub fn whole(tx: &Tx<'_>, viewer: &Viewer, c: &Crisis) -> Result<CrisisWhole> {
    let rows: Vec<(ObjectId, String, Option<PersonId>, String, Time)> = tx.all("SELECT id, kind, person_id, text, at FROM warning_crisis_log WHERE crisis_id = ?1 ORDER BY id DESC LIMIT 500", params![c.id])?;
    let log = rows.into_iter().map(|(id, kind, person, text, at)| Ok(Entry { id, kind, by: people::named_if(tx, person)?, text, at })).collect::<Result<_>>()?;
    Ok(CrisisWhole { crisis: CrisisView::of(tx, viewer, c)?, log })
}

/// Crises under way within a scope.
pub fn count_live(tx: &Tx<'_>, workspace: WorkspaceId, scope: &Scope) -> Result<i64> {
    let (seen, mut values) = shouwen_store::scope_sql(scope, &SCOPE, 3);
    let mut all = vec![workspace.to_value(), true.to_value()];
    all.append(&mut values);
    Ok(tx.one::<(i64,)>(&format!("SELECT count(*) FROM warning_crisis AS c WHERE c.workspace_id = ?1 AND c.live = ?2 AND {seen}"), &all)?.0)
}

/// What is asked of the list.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// `open`, `closed`, `all` (default).
    pub state: Option<String>,
    /// Crises that are this case, or were declared from it.
    pub case_id: Option<CaseId>,
    /// Rows a page, 1–200; 50 when absent.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub after: Option<String>,
}

#[utoipa::path(get, path = "/crises", params(Asked), responses((status = 200, body = Page<CrisisView>)), tag = "crises", summary = "Crises, newest first", extensions(("x-permission" = json!("warning.read"))))]
pub async fn list(State(app): State<App>, who: Allowed<WarningRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Page<CrisisView>>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    let limit = limit_of(asked.limit)?;
    let after: Option<(Time, ObjectId)> = decode_cursor(asked.after.as_deref())?;
    let mut filter = "c.workspace_id = ?1".to_owned();
    let mut values: Vec<Value> = vec![viewer.workspace.to_value()];
    match asked.state.as_deref().unwrap_or("all") {
        "all" => {}
        state @ ("open" | "closed") => {
            values.push((state == "open").to_value());
            filter.push_str(&format!(" AND c.live = ?{}", values.len()));
        }
        other => return Err(Problem::invalid("state", format!("`{}` is no state", shouwen_kernel::text::clip(other, 40))).expected("open, closed or all").into()),
    }
    if let Some(case) = asked.case_id {
        values.push(case.to_value());
        filter.push_str(&format!(" AND (c.case_id = ?{0} OR c.from_case_id = ?{0})", values.len()));
    }
    app.query(move |tx| {
        let list = BranchList {
            table: "warning_crisis AS c",
            id: "c.id",
            select: COLUMNS,
            joins: "",
            columns: SCOPE,
            filter: (&filter, values.clone()),
            keys: &[Key { column: "c.declared_at", descending: true }, Key { column: "c.id", descending: true }],
            after: after.map(|(at, id)| vec![at.to_value(), id.to_value()]),
            limit: limit + 1,
        };
        let page = Page::from_rows(tx.list_by_branches::<Crisis>(&scope, &list)?, limit, |c| (c.declared_at, c.id));
        Ok(Page { items: page.items.iter().map(|c| CrisisView::of(tx, &viewer, c)).collect::<Result<_>>()?, next: page.next })
    })
    .await
}

#[utoipa::path(get, path = "/crises/{id}", params(("id" = ObjectId, Path)), responses((status = 200, body = CrisisWhole)), tag = "crises", summary = "A crisis with its log", extensions(("x-permission" = json!("warning.read"))))]
pub async fn show(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<ObjectId>) -> Answer<axum::Json<CrisisWhole>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let c = Crisis::load(tx, viewer.workspace, id)?;
        c.must_be_seen(tx, &scope)?;
        whole(tx, &viewer, &c)
    })
    .await
}
