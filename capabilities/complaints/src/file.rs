//! The file of a dissatisfied customer (不满意客户档案): one open file a customer, with its reasons and cases, somebody who
//! answers for it, and a plan of care.

use shouwen_contracts::complaints::{CareOverdue, CarePlanned, ComplaintEvent, FileClosed, FileOpened};
use shouwen_kernel::{Access, CareFileId, CaseId, CustomerId, ObjectId, OrgUnitId, PersonId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Recorded, Row, Timer, TimerHandler, Tx, params};
use uuid::Uuid;

use crate::care_plan::{self, CareStep};
use crate::state::State;
use crate::{hours, names, region, settings};

/// Kind of the timer of an action.
const DUE: &str = "complaint.care";
/// The handlers of this capability.
pub const TIMERS: [TimerHandler; 1] = [TimerHandler { kind: DUE, handle: due }];
/// Ends of a file.
pub const OUTCOMES: [&str; 3] = ["recovered", "still_dissatisfied", "lost"];
/// Actions of one file.
const MOST_ACTIONS: i64 = 100;
/// Reasons of one file; the rest stands in the cases themselves.
const MOST_REASONS: i64 = 200;

/// A file as stored.
#[derive(Clone, Debug)]
pub struct File {
    pub id: CareFileId,
    pub workspace: WorkspaceId,
    pub customer: CustomerId,
    pub open: bool,
    pub overdue: bool,
    pub reason: String,
    pub owner: Option<PersonId>,
    pub team: Option<TeamId>,
    pub org_unit: Option<OrgUnitId>,
    pub plan: Option<String>,
    pub opened_at: Time,
    pub next_due_at: Option<Time>,
    pub closed_at: Option<Time>,
    pub outcome: Option<String>,
    pub closing_text: Option<String>,
    pub version: i64,
}

/// Columns of [`File`], of `complaint_file AS f`.
pub const COLUMNS: &str = "f.id, f.workspace_id, f.customer_id, f.open, f.overdue, f.reason, f.owner_id, f.team_id, f.org_unit_id, f.plan, f.opened_at, f.next_due_at, f.closed_at, f.outcome, f.closing_text, f.version";

impl FromRow for File {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: CareFileId(row.get::<Uuid>(0)?),
            workspace: row.get(1)?,
            customer: row.get(2)?,
            open: row.get(3)?,
            overdue: row.get(4)?,
            reason: row.get(5)?,
            owner: row.get(6)?,
            team: row.get(7)?,
            org_unit: row.get(8)?,
            plan: row.get(9)?,
            opened_at: row.get(10)?,
            next_due_at: row.get(11)?,
            closed_at: row.get(12)?,
            outcome: row.get(13)?,
            closing_text: row.get(14)?,
            version: row.get(15)?,
        })
    }
}

impl File {
    /// One, without asking who looks; locked when it will be changed.
    pub fn find(tx: &Tx<'_>, workspace: WorkspaceId, id: CareFileId, change: bool) -> Result<Option<Self>> {
        let lock = if change { tx.for_update() } else { "" };
        tx.opt(&format!("SELECT {COLUMNS} FROM complaint_file AS f WHERE f.id = ?1 AND f.workspace_id = ?2{lock}"), params![id.0, workspace])
    }

    /// The open one of a customer.
    pub fn open_of(tx: &Tx<'_>, workspace: WorkspaceId, customer: CustomerId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM complaint_file AS f WHERE f.workspace_id = ?1 AND f.customer_id = ?2 AND f.open"), params![workspace, customer])
    }

    /// Where it belongs, and who has to do with it: its owner and the people of its cases.
    pub fn access(&self, tx: &Tx<'_>) -> Result<Access> {
        let rows: Vec<(PersonId,)> = tx.all("SELECT person_id FROM complaint_file_person WHERE file_id = ?1 ORDER BY person_id", params![self.id.0])?;
        let mut people: Vec<PersonId> = rows.into_iter().map(|row| row.0).chain(self.owner).collect();
        people.sort_unstable();
        people.dedup();
        Ok(Access { org_unit: self.org_unit, team: self.team, people })
    }

    /// Refuses changes to one that is closed.
    pub fn must_be_open(&self) -> Result<()> {
        if self.open { Ok(()) } else { Err(Problem::conflict("complaint_file.closed", "this file is closed").expected("the customer's open file, or a new one")) }
    }

    pub fn tell(&self, tx: &Tx<'_>, ctx: &Ctx, event: impl Into<ComplaintEvent>) -> Result<()> {
        tx.emit::<ComplaintEvent>(ctx, Some(self.customer.0), Some(&self.access(tx)?), event)
    }
}

/// What a file is opened with.
#[derive(Clone, Debug, Default)]
pub struct Opening {
    pub reason: String,
    pub case: Option<CaseId>,
    pub detail: String,
    pub owner: Option<PersonId>,
    pub team: Option<TeamId>,
    pub org_unit: Option<OrgUnitId>,
    pub people: Vec<PersonId>,
}

/// Something happened in a case that makes its customer a dissatisfied one: their file opens, or the open one says so too.
#[expect(clippy::too_many_arguments)]
pub fn because(tx: &Tx<'_>, ctx: &Ctx, workspace: WorkspaceId, case: CaseId, state: &State, reason: &str, detail: &str, at: Time) -> Result<()> {
    let Some(customer) = state.customer else { return Ok(()) };
    let access = state.access();
    let opening = Opening {
        reason: reason.to_owned(),
        case: Some(case),
        detail: detail.to_owned(),
        owner: state.accountable.or(state.assignee),
        team: access.team,
        org_unit: access.org_unit,
        people: access.people,
    };
    open(tx, ctx, workspace, names::root(tx, customer)?, &opening, at).map(|_| ())
}

/// The open file of a customer, opened if there is none, with the reason added.
pub fn open(tx: &Tx<'_>, ctx: &Ctx, workspace: WorkspaceId, customer: CustomerId, opening: &Opening, at: Time) -> Result<CareFileId> {
    let (id, fresh) = match File::open_of(tx, workspace, customer)? {
        Some(file) => (file.id, false),
        None => {
            let id: CareFileId = tx.id();
            tx.run(
                "INSERT INTO complaint_file (id, workspace_id, customer_id, open, overdue, reason, owner_id, team_id, org_unit_id, opened_at, opened_by, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 1)",
                params![id.0, workspace, customer, true, false, opening.reason, opening.owner, opening.team, opening.org_unit, at, ctx.actor.person_id()],
            )?;
            (id, true)
        }
    };
    let known: Option<(ObjectId,)> = tx.opt("SELECT id FROM complaint_file_reason WHERE file_id = ?1 AND reason = ?2 AND (case_id = ?3 OR (case_id IS NULL AND ?4))", params![id.0, opening.reason, opening.case, opening.case.is_none() && opening.reason != "manual"])?;
    let (count,): (i64,) = tx.one("SELECT count(*) FROM complaint_file_reason WHERE file_id = ?1", params![id.0])?;
    if known.is_none() && count < MOST_REASONS {
        tx.run(
            "INSERT INTO complaint_file_reason (id, file_id, reason, case_id, detail, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![tx.id::<ObjectId>(), id.0, opening.reason, opening.case, opening.detail, at],
        )?;
    }
    for person in opening.people.iter().chain(&opening.owner) {
        tx.run("INSERT INTO complaint_file_person (file_id, person_id) VALUES (?1, ?2) ON CONFLICT (file_id, person_id) DO NOTHING", params![id.0, person])?;
    }
    let Some(file) = File::find(tx, workspace, id, true)? else { return Err(Problem::internal("a file is gone that was just written")) };
    if file.owner.is_none() && opening.owner.is_some() {
        tx.run("UPDATE complaint_file SET owner_id = ?2 WHERE id = ?1", params![id.0, opening.owner])?;
    }
    if fresh {
        file.tell(tx, ctx, FileOpened { file_id: id, customer_id: customer, case_id: opening.case, reason: opening.reason.clone(), owner_id: file.owner, at })?;
        tx.audit(ctx, "complaint_file.opened", "complaint_file", Some(id.0), Some(serde_json::json!({ "reason": opening.reason })))?;
    }
    // A plan begins with the file, and again when the last one is done and there is a new reason.
    let (waiting,): (i64,) = tx.one("SELECT count(*) FROM complaint_care WHERE file_id = ?1 AND state = 'planned'", params![id.0])?;
    if (fresh || (known.is_none() && waiting == 0))
        && let Some(plan) = care_plan::of(tx, workspace, &opening.reason)?
    {
        tx.run("UPDATE complaint_file SET plan = ?2 WHERE id = ?1", params![id.0, plan.key])?;
        let owner = file.owner.or(opening.owner);
        let region = names::customer(tx, customer)?.and_then(|c| c.region);
        let region = region.map(|raw| region::find(tx, workspace, &raw)).transpose()?.flatten();
        let usual = settings::of(tx, workspace)?.calendar;
        for step in &plan.actions {
            let calendar = hours::calendar(tx, workspace, &[step.calendar.as_deref(), plan.calendar.as_deref(), region.as_ref().and_then(|r| r.calendar.as_deref()), Some(&usual)])?;
            let due = hours::due(calendar.as_ref(), at, hours::span(&step.after).unwrap_or(hours::Span::Days(1)));
            plan_action(tx, ctx, &file, step, owner, due, at)?;
        }
    }
    refresh(tx, id)?;
    Ok(id)
}

/// Adds an action of care with its timer.
pub fn plan_action(tx: &Tx<'_>, ctx: &Ctx, file: &File, step: &CareStep, person: Option<PersonId>, due_at: Time, at: Time) -> Result<ObjectId> {
    let (count,): (i64,) = tx.one("SELECT count(*) FROM complaint_care WHERE file_id = ?1", params![file.id.0])?;
    if count >= MOST_ACTIONS {
        return Err(Problem::conflict("complaint_care.too_many", format!("this file has {count} actions already")).expected(format!("at most {MOST_ACTIONS}; close the file")));
    }
    let id: ObjectId = tx.id();
    tx.run(
        "INSERT INTO complaint_care (id, workspace_id, file_id, key, title_zh, title_en, state, approval, person_id, due_at, overdue, note, decision_note, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'planned', ?7, ?8, ?9, ?10, '', '', ?11)",
        params![id, file.workspace, file.id.0, step.key, step.title.zh, step.title.en, if step.approval { "needed" } else { "none" }, person, due_at, false, at],
    )?;
    set_timer(tx, file.workspace, id, due_at)?;
    file.tell(
        tx,
        ctx,
        CarePlanned { file_id: file.id, customer_id: file.customer, care: step.key.clone(), title_zh: step.title.zh.clone(), title_en: step.title.en.clone(), person_id: person, due_at, at },
    )?;
    Ok(id)
}

/// Brings what the list shows of the actions up to date.
pub fn refresh(tx: &Tx<'_>, id: CareFileId) -> Result<()> {
    let (next, late): (Option<Time>, i64) =
        tx.one("SELECT min(due_at), count(CASE WHEN overdue THEN 1 END) FROM complaint_care WHERE file_id = ?1 AND state = 'planned'", params![id.0])?;
    tx.run("UPDATE complaint_file SET next_due_at = ?2, overdue = ?3, version = version + 1 WHERE id = ?1", params![id.0, next, late > 0])
}

/// An action is waited for until then.
pub fn set_timer(tx: &Tx<'_>, workspace: WorkspaceId, care: ObjectId, due_at: Time) -> Result<()> {
    tx.set_timer(workspace, DUE, &care.to_string(), due_at, &serde_json::json!({ "care": care }))
}

/// An action is no longer waited for.
pub fn stop_timer(tx: &Tx<'_>, care: ObjectId) -> Result<()> {
    tx.cancel_timer(DUE, &care.to_string())
}

fn due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Some(care) = timer.payload.get("care").and_then(serde_json::Value::as_str).and_then(|id| id.parse::<ObjectId>().ok()) else { return Ok(()) };
    let row: Option<(Uuid, String, Option<PersonId>, Time)> =
        tx.opt("SELECT file_id, key, person_id, due_at FROM complaint_care WHERE id = ?1 AND state = 'planned' AND NOT overdue", params![care])?;
    let Some((file, key, person, due_at)) = row else { return Ok(()) };
    let Some(file) = File::find(tx, timer.workspace, CareFileId(file), true)?.filter(|f| f.open) else { return Ok(()) };
    tx.run("UPDATE complaint_care SET overdue = ?2 WHERE id = ?1", params![care, true])?;
    refresh(tx, file.id)?;
    let ctx = Ctx::system(timer.workspace, "complaints");
    file.tell(tx, &ctx, CareOverdue { file_id: file.id, customer_id: file.customer, care: key, person_id: person.or(file.owner), due_at, at: tx.now() })
}

/// Closes a file; what is still planned is left out.
pub fn close(tx: &Tx<'_>, ctx: &Ctx, file: &File, outcome: &str, text: &str) -> Result<()> {
    let waiting: Vec<(ObjectId,)> = tx.all("SELECT id FROM complaint_care WHERE file_id = ?1 AND state = 'planned'", params![file.id.0])?;
    for (care,) in waiting {
        stop_timer(tx, care)?;
        tx.run("UPDATE complaint_care SET state = 'left_out', outcome = 'file_closed', done_by = ?2, done_at = ?3 WHERE id = ?1", params![care, ctx.actor.person_id(), tx.now()])?;
    }
    tx.run(
        "UPDATE complaint_file SET open = ?2, closed_at = ?3, closed_by = ?4, outcome = ?5, closing_text = ?6 WHERE id = ?1",
        params![file.id.0, false, tx.now(), ctx.actor.person_id(), outcome, text],
    )?;
    refresh(tx, file.id)?;
    file.tell(tx, ctx, FileClosed { file_id: file.id, customer_id: file.customer, outcome: outcome.to_owned(), by: ctx.actor.person_id(), at: tx.now() })?;
    tx.audit(ctx, "complaint_file.closed", "complaint_file", Some(file.id.0), Some(serde_json::json!({ "outcome": outcome })))
}

/// The people and the place of a case changed: whoever works on it now may see the open file it belongs to.
pub fn follow_case(tx: &Tx<'_>, case: CaseId, state: &State) -> Result<()> {
    let files: Vec<(Uuid,)> = tx.all("SELECT DISTINCT r.file_id FROM complaint_file_reason AS r JOIN complaint_file AS f ON f.id = r.file_id WHERE r.case_id = ?1 AND f.open", params![case])?;
    for (file,) in files {
        for person in state.access().people {
            tx.run("INSERT INTO complaint_file_person (file_id, person_id) VALUES (?1, ?2) ON CONFLICT (file_id, person_id) DO NOTHING", params![file, person])?;
        }
        tx.run(
            "UPDATE complaint_file SET team_id = COALESCE(?2, team_id), org_unit_id = COALESCE(?3, org_unit_id), owner_id = COALESCE(owner_id, ?4) WHERE id = ?1",
            params![file, state.team, state.org_unit, state.accountable],
        )?;
        // Nobody's actions become the owner's once there is one.
        tx.run("UPDATE complaint_care SET person_id = ?2 WHERE file_id = ?1 AND person_id IS NULL AND state = 'planned'", params![file, state.accountable])?;
    }
    Ok(())
}

/// Two customers became one: so do their open files. Taking the merge back does not part them again.
pub fn follow_merge(tx: &Tx<'_>, recorded: &Recorded, was: CustomerId, into: CustomerId) -> Result<()> {
    let workspace = recorded.workspace;
    let into = names::root(tx, into)?;
    let ctx = Ctx::system(workspace, "complaints");
    match (File::open_of(tx, workspace, was)?, File::open_of(tx, workspace, into)?) {
        (Some(old), Some(stays)) => {
            tx.run("UPDATE complaint_file_reason SET file_id = ?2 WHERE file_id = ?1", params![old.id.0, stays.id.0])?;
            tx.run("UPDATE complaint_care SET file_id = ?2 WHERE file_id = ?1 AND state = 'planned'", params![old.id.0, stays.id.0])?;
            for person in old.access(tx)?.people {
                tx.run("INSERT INTO complaint_file_person (file_id, person_id) VALUES (?1, ?2) ON CONFLICT (file_id, person_id) DO NOTHING", params![stays.id.0, person])?;
            }
            close(tx, &ctx, &old, "merged", "")?;
            refresh(tx, stays.id)
        }
        (Some(old), None) => tx.run("UPDATE complaint_file SET customer_id = ?2, version = version + 1 WHERE id = ?1", params![old.id.0, into]),
        (None, _) => Ok(()),
    }
}
