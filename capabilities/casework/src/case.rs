//! The head of a case: its row, who may see it, and how it is saved.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Map, Value as Json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::{Access, CaseId, CustomerId, InboxId, OrgUnitId, PersonId, Problem, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Ctx, FromRow, Json as JsonColumn, Row, Tx, params};

use crate::ties::Ties;

/// One matter to bring to a verified end.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: CaseId,
    pub workspace: WorkspaceId,
    /// `2026-000123`, unique in the workspace.
    pub number: String,
    /// Key of its type, see [`crate::kinds`].
    pub case_type: String,
    pub title: String,
    pub stage: String,
    /// `open`, `waiting`, `resolved`, `closed`; follows from the stage.
    pub status: String,
    /// `low`, `normal`, `high`, `urgent`.
    pub priority: String,
    pub tags: Vec<String>,
    pub fields: Map<String, Json>,
    /// The version at which each editable field last changed, so that only true conflicts are refused.
    pub field_versions: Map<String, Json>,
    pub language: Option<String>,
    pub channel: String,
    pub inbox_id: Option<InboxId>,
    pub customer_id: Option<CustomerId>,
    pub customer_name: Option<String>,
    pub region: Option<String>,
    pub tier: Option<String>,
    pub org_unit_id: Option<OrgUnitId>,
    pub team_id: Option<TeamId>,
    pub assignee_id: Option<PersonId>,
    /// 首问责任人.
    pub accountable_id: Option<PersonId>,
    pub merged_into: Option<CaseId>,
    pub snoozed_until: Option<Time>,
    pub opened_at: Time,
    pub updated_at: Time,
    pub first_response_at: Option<Time>,
    pub last_in_at: Option<Time>,
    pub resolved_at: Option<Time>,
    pub closed_at: Option<Time>,
    pub closed_by: Option<PersonId>,
    pub resolution_code: Option<String>,
    pub resolution_text: Option<String>,
    pub reopened_count: i64,
    pub version: i64,
    pub watchers: Vec<PersonId>,
    /// What ties it into the closed loop.
    pub ties: Ties,
}

const COLUMNS: &str = "id, workspace_id, number, case_type, title, stage, status, priority, tags, fields, field_versions, language, channel, inbox_id, customer_id, customer_name, region, tier, \
     org_unit_id, team_id, assignee_id, accountable_id, merged_into, snoozed_until, opened_at, updated_at, first_response_at, last_in_at, resolved_at, closed_at, closed_by, resolution_code, \
     resolution_text, reopened_count, version, parent_id, due_at, stage_at, reminders, reminded_at, former_types, verified_way, verified_at, review";

impl FromRow for Case {
    fn from_row(row: &Row) -> Result<Self> {
        let object = |i: usize| -> Result<Map<String, Json>> { Ok(row.get::<JsonColumn<Map<String, Json>>>(i)?.0) };
        Ok(Self {
            id: row.get(0)?,
            workspace: row.get(1)?,
            number: row.get(2)?,
            case_type: row.get(3)?,
            title: row.get(4)?,
            stage: row.get(5)?,
            status: row.get(6)?,
            priority: row.get(7)?,
            tags: row.get::<JsonColumn<Vec<String>>>(8)?.0,
            fields: object(9)?,
            field_versions: object(10)?,
            language: row.get(11)?,
            channel: row.get(12)?,
            inbox_id: row.get(13)?,
            customer_id: row.get(14)?,
            customer_name: row.get(15)?,
            region: row.get(16)?,
            tier: row.get(17)?,
            org_unit_id: row.get(18)?,
            team_id: row.get(19)?,
            assignee_id: row.get(20)?,
            accountable_id: row.get(21)?,
            merged_into: row.get(22)?,
            snoozed_until: row.get(23)?,
            opened_at: row.get(24)?,
            updated_at: row.get(25)?,
            first_response_at: row.get(26)?,
            last_in_at: row.get(27)?,
            resolved_at: row.get(28)?,
            closed_at: row.get(29)?,
            closed_by: row.get(30)?,
            resolution_code: row.get(31)?,
            resolution_text: row.get(32)?,
            reopened_count: row.get(33)?,
            version: row.get(34)?,
            watchers: Vec::new(),
            ties: Ties::from_row(row, 35)?,
        })
    }
}

impl Case {
    /// A case of this workspace, locked until the end of the transaction where it writes.
    pub fn lock(tx: &Tx<'_>, workspace: WorkspaceId, id: CaseId) -> Result<Option<Self>> {
        Self::read(tx, workspace, id, tx.for_update())
    }

    /// A case of this workspace.
    pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, id: CaseId) -> Result<Option<Self>> {
        Self::read(tx, workspace, id, "")
    }

    fn read(tx: &Tx<'_>, workspace: WorkspaceId, id: CaseId, lock: &str) -> Result<Option<Self>> {
        let Some(mut case) = tx.opt::<Self>(&format!("SELECT {COLUMNS} FROM case_case WHERE id = ?1 AND workspace_id = ?2{lock}"), params![id, workspace])? else {
            return Ok(None);
        };
        for (person, helps) in tx.all::<(PersonId, bool)>("SELECT person_id, co_handler FROM case_watcher WHERE case_id = ?1 ORDER BY at, person_id", params![id])? {
            case.watchers.push(person);
            case.ties.co_handlers.extend(helps.then_some(person));
        }
        Ok(Some(case))
    }

    /// The id behind a number like `2026-000123`.
    pub fn by_number(tx: &Tx<'_>, workspace: WorkspaceId, number: &str) -> Result<Option<CaseId>> {
        Ok(tx.opt::<(CaseId,)>("SELECT id FROM case_case WHERE workspace_id = ?1 AND number = ?2", params![workspace, number])?.map(|row| row.0))
    }

    /// The next number, counted within the year of the workspace's time zone.
    pub fn next_number(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<String> {
        let year = tx.now().to_jiff().to_zoned(zone(tx, workspace)?).year();
        let count = tx.next_number(workspace, &format!("case-{year}"))?;
        Ok(format!("{year}-{count:06}"))
    }

    /// Who may see it, and hear of what happens to it.
    pub fn access(&self) -> Access {
        let mut people: Vec<PersonId> = self.assignee_id.into_iter().chain(self.accountable_id).chain(self.watchers.iter().copied()).collect();
        people.sort_unstable();
        people.dedup();
        Access { org_unit: self.org_unit_id, team: self.team_id, people }
    }

    /// Emits an event about this case to those who may see it now.
    pub fn emit(&self, tx: &Tx<'_>, ctx: &Ctx, event: impl Into<CaseEvent>) -> Result<()> {
        tx.emit::<CaseEvent>(ctx, Some(self.id.0), Some(&self.access()), event)
    }

    /// Writes a new case.
    pub fn insert(&self, tx: &Tx<'_>) -> Result<()> {
        tx.run(
            &format!("INSERT INTO case_case ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37, ?38, ?39, ?40, ?41, ?42, ?43, ?44)"),
            params![
                self.id, self.workspace, self.number, self.case_type, self.title, self.stage, self.status, self.priority, JsonColumn(&self.tags), JsonColumn(&self.fields),
                JsonColumn(&self.field_versions), self.language, self.channel, self.inbox_id, self.customer_id, self.customer_name, self.region, self.tier, self.org_unit_id, self.team_id,
                self.assignee_id, self.accountable_id, self.merged_into, self.snoozed_until, self.opened_at, self.updated_at, self.first_response_at, self.last_in_at, self.resolved_at,
                self.closed_at, self.closed_by, self.resolution_code, self.resolution_text, self.reopened_count, self.version,
                self.ties.parent_id, self.ties.due_at, self.ties.stage_at, self.ties.reminders, self.ties.reminded_at, self.ties.former(), self.ties.verified_way, self.ties.verified_at, self.ties.review
            ],
        )?;
        Ok(())
    }

    /// Saves what changed by a command: the version rises.
    pub fn save(&mut self, tx: &Tx<'_>) -> Result<()> {
        self.version += 1;
        self.store(tx)
    }

    /// Saves without a new version: a message came or went, nobody edited.
    pub fn store(&mut self, tx: &Tx<'_>) -> Result<()> {
        self.updated_at = tx.now();
        tx.run(
            "UPDATE case_case SET case_type = ?2, title = ?3, stage = ?4, status = ?5, priority = ?6, tags = ?7, fields = ?8, field_versions = ?9, language = ?10, inbox_id = ?11,
             customer_id = ?12, customer_name = ?13, org_unit_id = ?14, team_id = ?15, assignee_id = ?16, accountable_id = ?17, merged_into = ?18, snoozed_until = ?19, updated_at = ?20,
             first_response_at = ?21, last_in_at = ?22, resolved_at = ?23, closed_at = ?24, closed_by = ?25, resolution_code = ?26, resolution_text = ?27, reopened_count = ?28, version = ?29,
             parent_id = ?30, due_at = ?31, stage_at = ?32, reminders = ?33, reminded_at = ?34, former_types = ?35, verified_way = ?36, verified_at = ?37, review = ?38
             WHERE id = ?1",
            params![
                self.id, self.case_type, self.title, self.stage, self.status, self.priority, JsonColumn(&self.tags), JsonColumn(&self.fields), JsonColumn(&self.field_versions), self.language,
                self.inbox_id, self.customer_id, self.customer_name, self.org_unit_id, self.team_id, self.assignee_id, self.accountable_id, self.merged_into, self.snoozed_until,
                self.updated_at, self.first_response_at, self.last_in_at, self.resolved_at, self.closed_at, self.closed_by, self.resolution_code, self.resolution_text, self.reopened_count,
                self.version, self.ties.parent_id, self.ties.due_at, self.ties.stage_at, self.ties.reminders, self.ties.reminded_at, self.ties.former(), self.ties.verified_way,
                self.ties.verified_at, self.ties.review
            ],
        )?;
        Ok(())
    }

    /// Refuses work on a case that went into another one.
    pub fn must_be_whole(&self) -> Result<()> {
        match self.merged_into {
            None => Ok(()),
            Some(into) => Err(Problem::conflict("case.merged", "this case was merged into another one")
                .expected("the same on the other case, or undo the merge first")
                .detail(serde_json::json!({ "merged_into": into }))),
        }
    }
}

/// The time zone of a workspace, asked for once a minute: every mail needs it and it hardly ever changes.
pub fn zone(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<jiff::tz::TimeZone> {
    static KNOWN: Mutex<BTreeMap<WorkspaceId, (Time, jiff::tz::TimeZone)>> = Mutex::new(BTreeMap::new());
    let known = KNOWN.lock().unwrap_or_else(|p| p.into_inner()).get(&workspace).cloned();
    if let Some((at, zone)) = known
        && (at.micros() - tx.now().micros()).abs() < 60_000_000
    {
        return Ok(zone);
    }
    let name = tx.workspaces()?.into_iter().find(|w| w.id == workspace).map(|w| w.time_zone).unwrap_or_default();
    let zone = jiff::tz::TimeZone::get(&name).unwrap_or(jiff::tz::TimeZone::UTC);
    KNOWN.lock().unwrap_or_else(|p| p.into_inner()).insert(workspace, (tx.now(), zone.clone()));
    Ok(zone)
}
