//! A warning: its row, who may see it, what the API shows.

use serde::Serialize;
use serde_json::Value;
use shouwen_contracts::warnings::WarningEvent;
use shouwen_kernel::{Access, CaseId, ObjectId, OrgUnitId, PersonId, Problem, Result, Scope, TeamId, Time, WarningId, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Row, ScopeColumns, Tx, Watchers, params};
use shouwen_web::{PackText, Viewer};

use crate::maths::Grade;
use crate::people::{self, Named};
use crate::regions;

/// Columns of a row, with the alias `w`.
pub const COLUMNS: &str = "w.id, w.workspace_id, w.threshold_id, w.threshold, w.grp, w.title_zh, w.title_en, w.grade, w.why, w.category, w.region, w.product, w.found, w.peak, w.threshold_limit, w.window_s, \
    w.response_zh, w.response_en, w.org_unit_id, w.team_id, w.case_id, w.case_number, w.case_problem, w.state, w.raised_at, w.graded_at, w.respond_by, w.overdue_at, w.rung, w.answer, w.answered_at, w.answered_by, \
    w.late, w.closed_at, w.closed_by";

/// Where a warning belongs, for lists.
pub const SCOPE: ScopeColumns<'static> = ScopeColumns {
    org_unit: Some("w.org_unit_id"),
    team: Some("w.team_id"),
    people: &[],
    watchers: Some(Watchers { table: "warning_person", object: "warning_id", person: "person_id", id: "w.id" }),
};

/// A warning.
#[derive(Clone, Debug)]
pub struct Warning {
    pub id: WarningId,
    pub workspace: WorkspaceId,
    /// `None`: a rule opened it.
    pub threshold_id: Option<ObjectId>,
    pub threshold: String,
    pub grp: String,
    pub title: PackText,
    pub grade: Grade,
    /// `count`, `band` or `rule`.
    pub why: String,
    pub category: Option<String>,
    pub region: Option<String>,
    pub product: Option<String>,
    pub found: i64,
    pub peak: i64,
    pub limit: i64,
    pub window_s: i64,
    pub response: PackText,
    pub org_unit_id: Option<OrgUnitId>,
    pub team_id: Option<TeamId>,
    pub case_id: Option<CaseId>,
    pub case_number: Option<String>,
    pub case_problem: Option<String>,
    /// `open`, `answered`, `closed`.
    pub state: String,
    pub raised_at: Time,
    pub graded_at: Time,
    pub respond_by: Time,
    pub overdue_at: Option<Time>,
    /// Rungs of the ladder that have been told.
    pub rung: i64,
    pub answer: Option<String>,
    pub answered_at: Option<Time>,
    pub answered_by: Option<PersonId>,
    /// The answer came after its time.
    pub late: bool,
    pub closed_at: Option<Time>,
    pub closed_by: Option<PersonId>,
}

impl FromRow for Warning {
    fn from_row(row: &Row) -> Result<Self> {
        let grade: String = row.get(7)?;
        Ok(Self {
            id: WarningId(row.get(0)?),
            workspace: row.get(1)?,
            threshold_id: row.get(2)?,
            threshold: row.get(3)?,
            grp: row.get(4)?,
            title: PackText { zh: row.get(5)?, en: row.get(6)? },
            grade: Grade::of(&grade).ok_or_else(|| Problem::internal(format!("`{grade}` is no grade")))?,
            why: row.get(8)?,
            category: row.get(9)?,
            region: row.get(10)?,
            product: row.get(11)?,
            found: row.get(12)?,
            peak: row.get(13)?,
            limit: row.get(14)?,
            window_s: row.get(15)?,
            response: PackText { zh: row.get(16)?, en: row.get(17)? },
            org_unit_id: row.get(18)?,
            team_id: row.get(19)?,
            case_id: row.get(20)?,
            case_number: row.get(21)?,
            case_problem: row.get(22)?,
            state: row.get(23)?,
            raised_at: row.get(24)?,
            graded_at: row.get(25)?,
            respond_by: row.get(26)?,
            overdue_at: row.get(27)?,
            rung: row.get(28)?,
            answer: row.get(29)?,
            answered_at: row.get(30)?,
            answered_by: row.get(31)?,
            late: row.get(32)?,
            closed_at: row.get(33)?,
            closed_by: row.get(34)?,
        })
    }
}

impl Warning {
    /// One of the workspace.
    pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: WarningId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM warning_warning AS w WHERE w.id = ?1 AND w.workspace_id = ?2"), params![id.0, workspace])
    }

    /// The same, and nobody else changes it until the transaction ends.
    pub fn lock(tx: &Tx<'_>, workspace: WorkspaceId, id: WarningId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM warning_warning AS w WHERE w.id = ?1 AND w.workspace_id = ?2{}", tx.for_update()), params![id.0, workspace])
    }

    /// The one whose case it is.
    pub fn of_case(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM warning_warning AS w WHERE w.case_id = ?1 AND w.workspace_id = ?2{}", tx.for_update()), params![case, workspace])
    }

    /// Who was told of it.
    pub fn people(&self, tx: &Tx<'_>) -> Result<Vec<PersonId>> {
        Ok(tx.all::<(PersonId,)>("SELECT person_id FROM warning_person WHERE warning_id = ?1 ORDER BY person_id", params![self.id.0])?.into_iter().map(|row| row.0).collect())
    }

    /// What decides who may see it.
    pub fn access(&self, tx: &Tx<'_>) -> Result<Access> {
        Ok(Access { org_unit: self.org_unit_id, team: self.team_id, people: self.people(tx)? })
    }

    /// Whether it may be seen; who may not see it is not told that it is there.
    pub fn must_be_seen(&self, tx: &Tx<'_>, scope: &Scope) -> Result<()> {
        if scope.sees(&self.access(tx)?) { Ok(()) } else { Err(Problem::not_found("warning")) }
    }

    /// Adds people who were told; those who are new.
    pub fn tell(&self, tx: &Tx<'_>, people: &[PersonId]) -> Result<Vec<PersonId>> {
        let mut fresh = Vec::new();
        for person in people {
            if tx.execute("INSERT INTO warning_person (warning_id, person_id) VALUES (?1, ?2) ON CONFLICT (warning_id, person_id) DO NOTHING", params![self.id.0, person])? > 0 {
                fresh.push(*person);
            }
        }
        Ok(fresh)
    }

    /// Tells of it: the subject is its case, once there is one.
    pub fn emit(&self, tx: &Tx<'_>, ctx: &Ctx, event: impl Into<WarningEvent>) -> Result<()> {
        let access = self.access(tx)?;
        tx.emit::<WarningEvent>(ctx, self.case_id.map(|c| c.0), Some(&access), event)
    }

    /// One line of its history.
    pub fn note(&self, tx: &Tx<'_>, step: &StepRow<'_>) -> Result<()> {
        let id: ObjectId = tx.id();
        tx.run(
            "INSERT INTO warning_step (id, workspace_id, warning_id, kind, grade, from_grade, found, step_limit, why, person_id, text, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            params![id, self.workspace, self.id.0, step.kind, self.grade.word(), step.from.map(Grade::word), self.found, self.limit, self.why, step.person, step.text, tx.now()],
        )
    }

    /// In the language of the workspace.
    pub fn title_in(&self, locale: &str) -> &str {
        self.title.of(locale)
    }
}

/// A line of history to write.
#[derive(Default)]
pub struct StepRow<'a> {
    /// `raised`, `climbed`, `overdue`, `answered`, `closed`, `reopened`.
    pub kind: &'a str,
    pub from: Option<Grade>,
    pub person: Option<PersonId>,
    pub text: Option<&'a str>,
}

/// A warning as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WarningView {
    pub id: WarningId,
    pub threshold_id: Option<ObjectId>,
    /// Key of the threshold; of a rule's warning the rule.
    pub threshold: String,
    pub title: PackText,
    pub grade: Grade,
    /// `count`: a limit was reached; `band`: a sudden rise; `rule`: a rule opened it.
    pub why: String,
    pub category: Option<String>,
    pub category_title: Option<PackText>,
    pub region: Option<String>,
    pub region_title: Option<PackText>,
    pub product: Option<String>,
    /// Cases in the window when it was last counted up.
    pub count: i64,
    /// The most there were.
    pub peak: i64,
    pub limit: i64,
    pub window_s: i64,
    pub response: PackText,
    pub case_id: Option<CaseId>,
    pub case_number: Option<String>,
    /// Why no case could be opened.
    pub case_problem: Option<String>,
    /// `open`, `answered`, `closed`.
    pub state: String,
    pub raised_at: Time,
    /// Since when it has this grade.
    pub graded_at: Time,
    pub respond_by: Time,
    /// Its time passed without an answer.
    pub overdue: bool,
    pub people: Vec<Named>,
    pub answer: Option<String>,
    pub answered_at: Option<Time>,
    pub answered_by: Option<Named>,
    /// The answer came late.
    pub late: bool,
    pub closed_at: Option<Time>,
    pub closed_by: Option<Named>,
    /// This viewer may answer it.
    pub may_answer: bool,
}

impl WarningView {
    pub fn of(tx: &Tx<'_>, viewer: &Viewer, w: &Warning) -> Result<Self> {
        let access = w.access(tx)?;
        let may = |code: &str| viewer.scope(code).is_some_and(|scope| scope.sees(&access));
        Ok(Self {
            id: w.id,
            threshold_id: w.threshold_id,
            threshold: w.threshold.clone(),
            title: w.title.clone(),
            grade: w.grade,
            why: w.why.clone(),
            category_title: w.category.as_deref().map(|key| label(tx, w.workspace, "category", key)).transpose()?.flatten(),
            category: w.category.clone(),
            region_title: w.region.as_deref().map(|r| regions::title(tx, w.workspace, r)).transpose()?,
            region: w.region.clone(),
            product: w.product.clone(),
            count: w.found,
            peak: w.peak,
            limit: w.limit,
            window_s: w.window_s,
            response: w.response.clone(),
            case_id: w.case_id,
            case_number: w.case_number.clone(),
            case_problem: w.case_problem.clone(),
            state: w.state.clone(),
            raised_at: w.raised_at,
            graded_at: w.graded_at,
            respond_by: w.respond_by,
            overdue: w.state == "open" && w.respond_by <= tx.now(),
            people: access.people.iter().map(|p| people::named(tx, *p)).collect::<Result<_>>()?,
            answer: w.answer.clone(),
            answered_at: w.answered_at,
            answered_by: people::named_if(tx, w.answered_by)?,
            late: w.late,
            closed_at: w.closed_at,
            closed_by: people::named_if(tx, w.closed_by)?,
            may_answer: w.state == "open" && may("warning.answer"),
        })
    }
}

/// The name of a key as packs gave it.
pub fn label(tx: &Tx<'_>, workspace: WorkspaceId, kind: &str, key: &str) -> Result<Option<PackText>> {
    let row: Option<(String, String)> = tx.opt("SELECT zh, en FROM warning_label WHERE workspace_id = ?1 AND kind = ?2 AND key = ?3", params![workspace, kind, key])?;
    Ok(row.map(|(zh, en)| PackText { zh, en }))
}

/// A line of a warning's history, as the API shows it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct StepView {
    /// `raised`, `climbed`, `overdue`, `answered`, `closed`, `reopened`.
    pub kind: String,
    pub grade: String,
    pub from: Option<String>,
    pub count: i64,
    pub limit: i64,
    pub why: String,
    pub by: Option<Named>,
    pub text: Option<String>,
    pub at: Time,
}

/// A warning's history, oldest first.
pub fn history(tx: &Tx<'_>, id: WarningId) -> Result<Vec<StepView>> {
    type Row = (String, String, Option<String>, i64, i64, String, Option<PersonId>, Option<String>, Time);
    let rows: Vec<Row> = tx.all("SELECT kind, grade, from_grade, found, step_limit, why, person_id, text, at FROM warning_step WHERE warning_id = ?1 ORDER BY at, id LIMIT 200", params![id.0])?;
    rows.into_iter().map(|(kind, grade, from, count, limit, why, by, text, at)| Ok(StepView { kind, grade, from, count, limit, why, by: people::named_if(tx, by)?, text, at })).collect()
}

/// For `wish.action` and the like: a wish about this warning's case.
pub fn field(key: &str, value: impl Into<Value>) -> Value {
    serde_json::json!({ "do": "set_field", "field": format!("fields.{key}"), "value": value.into() })
}
