//! A review as it is stored, its seats, and what it tells.

use shouwen_contracts::reviews::ReviewEvent;
use shouwen_kernel::{Access, CaseId, Kind, PersonId, Problem, Result, ReviewId, Time, WorkspaceId};
use shouwen_store::{Ctx, Engine, FromRow, Json, Row, Tx, params};
use uuid::Uuid;

use crate::def::{Plan, StepDef};
use crate::people;
use crate::steps::{Origin, Said};

/// A review or approval. `state`: `open`, `approved`, `returned`, `withdrawn`, `write_up` (an emergency in force that waits
/// to be written up).
#[derive(Clone, Debug)]
pub struct Review {
    pub id: ReviewId,
    pub workspace: WorkspaceId,
    /// Key of the flow or the authority that was asked for.
    pub flow: String,
    /// `review` or `approval`.
    pub kind: String,
    pub title: String,
    pub reason: String,
    pub case_id: Option<CaseId>,
    /// The stage that wants it; `None`: a person asked.
    pub stage: Option<String>,
    pub amount: Option<i64>,
    pub currency: Option<String>,
    pub plan: Plan,
    /// Where it belongs without a case.
    pub access: Access,
    pub requester: Option<PersonId>,
    pub emergency: bool,
    pub state: String,
    pub step: i64,
    pub note: Option<String>,
    pub requested_at: Time,
    pub decided_at: Option<Time>,
    pub end_reason: Option<String>,
    pub write_up: Option<String>,
    pub write_up_due_at: Option<Time>,
    pub write_up_at: Option<Time>,
    pub write_up_late_at: Option<Time>,
    /// Who decides nothing in it whatever they hold, besides whoever asked: who wrote the solution or the write-up, who
    /// asked before somebody else took it over, whose judgement is reviewed.
    pub not_by: Vec<PersonId>,
    /// The solution was changed after it was approved.
    pub outdated_at: Option<Time>,
    pub version: i64,
}

/// For queries with the table as `r`.
pub const COLUMNS: &str = "r.id, r.workspace_id, r.flow, r.kind, r.title, r.reason, r.case_id, r.stage, r.amount, r.currency, r.plan, r.access, r.requester_id, r.emergency, r.state, r.step, r.note, \
     r.requested_at, r.decided_at, r.end_reason, r.write_up, r.write_up_due_at, r.write_up_at, r.write_up_late_at, r.not_by, r.outdated_at, r.version";

impl FromRow for Review {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            id: ReviewId(row.get::<Uuid>(0)?),
            workspace: row.get(1)?,
            flow: row.get(2)?,
            kind: row.get(3)?,
            title: row.get(4)?,
            reason: row.get(5)?,
            case_id: row.get(6)?,
            stage: row.get(7)?,
            amount: row.get(8)?,
            currency: row.get(9)?,
            plan: row.get::<Json<Plan>>(10)?.0,
            access: row.get::<Json<Access>>(11)?.0,
            requester: row.get(12)?,
            emergency: row.get(13)?,
            state: row.get(14)?,
            step: row.get(15)?,
            note: row.get(16)?,
            requested_at: row.get(17)?,
            decided_at: row.get(18)?,
            end_reason: row.get(19)?,
            write_up: row.get(20)?,
            write_up_due_at: row.get(21)?,
            write_up_at: row.get(22)?,
            write_up_late_at: row.get(23)?,
            not_by: row.get::<Option<Json<Vec<PersonId>>>>(24)?.map(|json| json.0).unwrap_or_default(),
            outdated_at: row.get(25)?,
            version: row.get(26)?,
        })
    }
}

impl Review {
    pub fn load(tx: &Tx<'_>, id: ReviewId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM review_review r WHERE r.id = ?1"), params![id.0])
    }
    /// Loads and holds it until the end of the transaction, so that two decisions come one after the other.
    pub fn lock(tx: &Tx<'_>, id: ReviewId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM review_review r WHERE r.id = ?1{}", tx.for_update()), params![id.0])
    }
    /// Holds it in a transaction that has written something already (a step of a subscription, a timer). The log goes by
    /// when transactions began to write: if somebody else holds it now, this one begins anew after them, so that what it
    /// tells stands after what they told. `wait`: for them; else (it may hold what they want) only a moment.
    ///
    /// # Errors
    /// `store.retry` when it has to begin anew; those of the database.
    pub fn lock_in_turn(tx: &Tx<'_>, id: ReviewId, wait: bool) -> Result<Option<Self>> {
        if tx.engine() == Engine::Sqlite {
            return Self::lock(tx, id);
        }
        let free = tx.opt(&format!("SELECT {COLUMNS} FROM review_review r WHERE r.id = ?1 FOR UPDATE SKIP LOCKED"), params![id.0])?;
        if free.is_some() || Self::load(tx, id)?.is_none() {
            return Ok(free);
        }
        if wait {
            Self::lock(tx, id)?;
        } else {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        Err(Problem::new(Kind::Unavailable, "store.retry", "somebody decides it in this moment"))
    }
    pub fn insert(&self, tx: &Tx<'_>) -> Result<()> {
        tx.execute(
            "INSERT INTO review_review (id, workspace_id, flow, kind, title, reason, case_id, stage, amount, currency, plan, access, requester_id, emergency, state, step, steps, note, requested_at, not_by, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, 1)",
            params![
                self.id.0, self.workspace, self.flow, self.kind, self.title, self.reason, self.case_id, self.stage, self.amount, self.currency, Json(&self.plan), Json(&self.access), self.requester,
                self.emergency, self.state, self.step, self.plan.step.len(), self.note, self.requested_at, Json(&self.not_by)
            ],
        )
        .map(|_| ())
    }
    pub fn save(&mut self, tx: &Tx<'_>) -> Result<()> {
        self.version += 1;
        tx.execute(
            "UPDATE review_review SET emergency = ?2, state = ?3, step = ?4, note = ?5, decided_at = ?6, end_reason = ?7, write_up = ?8, write_up_due_at = ?9, write_up_at = ?10, write_up_late_at = ?11, version = ?12, steps = ?13, requester_id = ?14, not_by = ?15, outdated_at = ?16
             WHERE id = ?1",
            params![
                self.id.0, self.emergency, self.state, self.step, self.note, self.decided_at, self.end_reason, self.write_up, self.write_up_due_at, self.write_up_at, self.write_up_late_at, self.version,
                self.plan.step.len(), self.requester, Json(&self.not_by), self.outdated_at
            ],
        )
        .map(|_| ())
    }
    /// The definition of the step it stands in.
    pub fn step_def(&self) -> Option<&StepDef> {
        usize::try_from(self.step - 1).ok().and_then(|i| self.plan.step.get(i))
    }
    pub fn steps(&self) -> i64 {
        self.plan.step.len() as i64
    }
    /// Waits for somebody's decision.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
    /// Its effect was there before anybody decided, so what is decided now moves no case.
    pub fn is_afterwards(&self) -> bool {
        self.emergency && self.state != "write_up"
    }
    /// What the events of reviews are about: the case, else the review itself.
    pub fn subject(&self) -> Uuid {
        self.case_id.map_or(self.id.0, |case| case.0)
    }
    /// Where it belongs now: where its case is, or where whoever asked is.
    pub fn place(&self, tx: &Tx<'_>) -> Result<Access> {
        match self.case_id.map(|case| KnownCase::load(tx, case)).transpose()?.flatten() {
            Some(case) => Ok(case.access),
            None => Ok(self.access.clone()),
        }
    }
    /// Tells something of it. Who sits in it hears of it too.
    pub fn emit(&self, tx: &Tx<'_>, ctx: &Ctx, event: impl Into<ReviewEvent>) -> Result<()> {
        let mut access = self.place(tx)?;
        access.people.extend(self.requester);
        access.people.extend(seats(tx, self)?.iter().map(|seat| seat.person));
        access.people.sort_unstable();
        access.people.dedup();
        tx.emit::<ReviewEvent>(ctx, Some(self.subject()), Some(&access), event)
    }
    pub fn audit(&self, tx: &Tx<'_>, ctx: &Ctx, action: &str, mut detail: serde_json::Value) -> Result<()> {
        detail["flow"] = self.flow.clone().into();
        if let Some(case) = self.case_id {
            detail["case_id"] = case.to_string().into();
        }
        tx.audit(ctx, action, "review", Some(self.id.0), Some(detail))
    }
    /// Somebody decides nothing in it from now on, unless its flow lets people decide what is theirs.
    pub fn bar(&mut self, person: PersonId) {
        if !self.plan.own && !self.not_by.contains(&person) {
            self.not_by.push(person);
        }
    }
    /// Why nothing is to be decided any more, and by whom it ended.
    ///
    /// # Errors
    /// Of the database.
    pub fn not_open(&self, tx: &Tx<'_>) -> Result<Problem> {
        let state = match self.state.as_str() {
            "approved" => "it was approved",
            "returned" => "it was returned",
            "withdrawn" => "it was withdrawn",
            _ => "it is in force as an emergency and waits to be written up",
        };
        let last = seats(tx, self)?.into_iter().filter(|seat| seat.state == self.state).max_by_key(|seat| (seat.decided_at, seat.place)).and_then(|seat| seat.decided_by);
        let by = last.map(|id| people::name(tx, id)).transpose()?;
        let who = by.as_ref().map(|name| format!(" by {name}")).unwrap_or_default();
        Ok(Problem::conflict("review.not_open", format!("nothing is to be decided here: {state}{who}")).expected("nothing; it is over").detail(serde_json::json!({ "state": self.state, "reason": self.end_reason, "at": self.decided_at, "by": by })))
    }
}

/// Somebody's place in a step.
#[derive(Clone, Debug)]
pub struct Seat {
    pub place: i64,
    pub person: PersonId,
    /// `asked`, `late`, `administrator`.
    pub origin: String,
    /// `waiting`, `approved`, `returned`, `released`.
    pub state: String,
    pub decided_at: Option<Time>,
    /// Who decided: the person, or somebody in their place.
    pub decided_by: Option<PersonId>,
    /// `desk` or `mail`.
    pub via: Option<String>,
    pub reason: Option<String>,
}

impl FromRow for Seat {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { place: row.get(0)?, person: row.get(1)?, origin: row.get(2)?, state: row.get(3)?, decided_at: row.get(4)?, decided_by: row.get(5)?, via: row.get(6)?, reason: row.get(7)? })
    }
}

impl Seat {
    pub fn vote(&self) -> (Origin, Said) {
        let origin = if self.origin == "late" { Origin::Called } else { Origin::Asked };
        let said = match self.state.as_str() {
            "waiting" => Said::Waiting,
            "approved" => Said::Approved,
            "returned" => Said::Returned,
            _ => Said::Released,
        };
        (origin, said)
    }
    pub fn waits(&self) -> bool {
        self.state == "waiting"
    }
}

/// The seats of every step, in the order of steps.
pub fn seats(tx: &Tx<'_>, review: &Review) -> Result<Vec<Seat>> {
    tx.all("SELECT place, person_id, origin, state, decided_at, decided_by, via, reason FROM review_seat WHERE review_id = ?1 ORDER BY place, opened_at, person_id LIMIT 2000", params![review.id.0])
}

/// A case as far as reviews know it.
#[derive(Clone, Debug)]
pub struct KnownCase {
    pub id: CaseId,
    pub workspace: WorkspaceId,
    pub number: String,
    pub title: String,
    pub status: String,
    pub solution: Option<String>,
    /// Who wrote it last.
    pub solution_by: Option<PersonId>,
    pub access: Access,
}

impl FromRow for KnownCase {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.get(0)?, workspace: row.get(1)?, number: row.get(2)?, title: row.get(3)?, status: row.get(4)?, solution: row.get(5)?, solution_by: row.get(6)?, access: row.get::<Json<Access>>(7)?.0 })
    }
}

impl KnownCase {
    /// A short print of the solution as it stands: a decision says which one it is about.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which text always can.
    pub fn print(&self) -> Result<String> {
        shouwen_web::pack_fingerprint(&self.solution.as_deref().map(str::trim))
    }
    pub fn load(tx: &Tx<'_>, id: CaseId) -> Result<Option<Self>> {
        tx.opt("SELECT case_id, workspace_id, number, title, status, solution, solution_by, access FROM review_case WHERE case_id = ?1", params![id])
    }
}
