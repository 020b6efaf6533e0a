//! The clocks of a case: stored rows, their steps, and how they are shown.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_contracts::service_levels::{Cancelled, ClockEvent, Met, Planned as PlannedEvent};
use shouwen_kernel::{Access, CalendarId, CaseId, Problem, Result, ServiceLevelId, Time, WorkspaceId};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, PackText, axum};

use crate::engine::{self, Span};
use crate::ladder::{self, LadderStep};
use crate::promise::{self, Promise};
use crate::{CaseRead, calendars, timers};

/// One planning of a clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Step {
    pub at: Time,
    pub due_at: Option<Time>,
    /// `opened`, `paused`, `resumed`, `priority`, `calendar`, `service_level`, `reopened` …
    pub why: String,
    /// The target as written then; absent in plans of before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// A stored clock.
#[derive(Clone, Debug)]
pub struct Clock {
    pub case_id: CaseId,
    pub kind: String,
    pub level_id: ServiceLevelId,
    pub calendar_id: CalendarId,
    pub target: String,
    pub target_s: i64,
    /// `running`, `paused`, `met`, `breached` (met late), `cancelled`.
    pub state: String,
    pub started_at: Time,
    pub due_at: Option<Time>,
    pub warn_at: Option<Time>,
    pub pauses: Vec<Span>,
    pub met_at: Option<Time>,
    pub elapsed_s: Option<i64>,
    pub warned: bool,
    pub breached: bool,
    pub history: Vec<Step>,
    /// The ladder as this plan sets it.
    pub steps: Vec<LadderStep>,
    /// The latest moments for which a warning and a breach were told.
    pub warn_told: Option<Time>,
    pub breach_told: Option<Time>,
}

/// History beyond this many steps drops the oldest but the first.
const STEPS: usize = 40;

fn read(row: &shouwen_store::Row) -> Result<Clock> {
    Ok(Clock {
        case_id: row.get(0)?,
        kind: row.get(1)?,
        level_id: row.get(2)?,
        calendar_id: row.get(3)?,
        target: row.get(4)?,
        target_s: row.get(5)?,
        state: row.get(6)?,
        started_at: row.get(7)?,
        due_at: row.get(8)?,
        warn_at: row.get(9)?,
        pauses: row.get::<Json<Vec<Span>>>(10)?.0,
        met_at: row.get(11)?,
        elapsed_s: row.get(12)?,
        warned: row.get(13)?,
        breached: row.get(14)?,
        history: row.get::<Json<Vec<Step>>>(15)?.0,
        steps: row.get::<Option<Json<Vec<LadderStep>>>>(16)?.map(|j| j.0).unwrap_or_default(),
        warn_told: row.get(17)?,
        breach_told: row.get(18)?,
    })
}

const COLUMNS: &str = "case_id, kind, level_id, calendar_id, target, target_s, state, started_at, due_at, warn_at, pauses, met_at, elapsed_s, warned, breached, history, steps, warn_told, breach_told";

/// The clocks of a case.
pub fn of(tx: &Tx<'_>, case: CaseId) -> Result<Vec<Clock>> {
    tx.all::<shouwen_store::Row>(&format!("SELECT {COLUMNS} FROM clock_clock WHERE case_id = ?1 ORDER BY kind"), params![case])?.iter().map(read).collect()
}

/// One clock of a case.
pub fn one(tx: &Tx<'_>, case: CaseId, kind: &str) -> Result<Option<Clock>> {
    tx.opt::<shouwen_store::Row>(&format!("SELECT {COLUMNS} FROM clock_clock WHERE case_id = ?1 AND kind = ?2"), params![case, kind])?.as_ref().map(read).transpose()
}

/// The open clocks that a calendar or level (`column`, `id`) governs, of the cases `after` < case ≤ `last`.
pub fn open_between(tx: &Tx<'_>, column: &str, id: uuid::Uuid, after: CaseId, last: CaseId) -> Result<Vec<Clock>> {
    tx.all::<shouwen_store::Row>(
        &format!("SELECT {COLUMNS} FROM clock_clock WHERE {column} = ?1 AND state IN ('running', 'paused') AND case_id > ?2 AND case_id <= ?3 ORDER BY case_id, kind"),
        params![id, after, last],
    )?
    .iter()
    .map(read)
    .collect()
}

impl Clock {
    /// Whether it still counts.
    pub fn is_open(&self) -> bool {
        self.state == "running" || self.state == "paused"
    }

    /// A new clock, not yet planned.
    pub fn new(case_id: CaseId, kind: &str, promise: &Promise, target: &str, started_at: Time) -> Self {
        Self::of_rule(case_id, kind, promise.id(), promise.calendar_id(), target, started_at)
    }

    /// A clock that no level or policy holds to anything but its own target.
    pub fn of_rule(case_id: CaseId, kind: &str, level_id: ServiceLevelId, calendar_id: CalendarId, target: &str, started_at: Time) -> Self {
        Self {
            case_id,
            kind: kind.to_owned(),
            level_id,
            calendar_id,
            target: target.to_owned(),
            target_s: 0,
            state: "running".into(),
            started_at,
            due_at: None,
            warn_at: None,
            pauses: Vec::new(),
            met_at: None,
            elapsed_s: None,
            warned: false,
            breached: false,
            history: Vec::new(),
            steps: Vec::new(),
            warn_told: None,
            breach_told: None,
        }
    }

    /// What a clock of this kind that was taken away had lived through: its rests, its plans, what was told.
    pub fn after(self, gone: Clock) -> Self {
        Self {
            pauses: gone.pauses, warned: gone.warned, breached: gone.breached, history: gone.history, steps: gone.steps, warn_told: gone.warn_told, breach_told: gone.breach_told, ..self
        }
    }

    /// Counts again after it was taken away: it rests if it rested then.
    pub fn revive(&mut self) {
        self.state = if self.pauses.last().is_some_and(|pause| pause.to.is_none()) { "paused" } else { "running" }.into();
    }

    /// The instant it is due by, where that was agreed and not counted: its target reads `@2026-10-01T01:30:00Z`.
    pub fn agreed(&self) -> Option<Time> {
        self.target.strip_prefix('@')?.parse().ok()
    }

    /// Seconds used by `now`: of working time, or of time as it passes when its end was agreed.
    fn used_s(&self, tx: &Tx<'_>, now: Time) -> Result<i64> {
        if self.agreed().is_some() {
            return Ok((now.micros() - self.started_at.micros()).max(0) / 1_000_000);
        }
        engine::elapsed_s(&engine::calendar(tx, self.calendar_id)?, self.started_at, &self.pauses, now)
    }

    /// Begins a pause at `at`.
    pub fn pause(&mut self, at: Time) {
        if self.state == "running" {
            self.state = "paused".into();
            self.pauses.push(Span { from: at.micros(), to: None });
        }
    }

    /// Ends the pause at `at`.
    pub fn resume(&mut self, at: Time) {
        if self.state == "paused" {
            self.state = "running".into();
            if let Some(last) = self.pauses.last_mut() {
                last.to = Some(at.micros().max(last.from));
            }
        }
    }

    /// Computes its deadline and its ladder, stores them, sets its timer, tells. `promise`: what it is held to; without
    /// one (it was removed) it keeps what it has.
    pub fn plan(&mut self, tx: &Tx<'_>, ctx: &Ctx, access: &Access, promise: Option<&Promise>, why: &str) -> Result<()> {
        let paused = self.state == "paused";
        if let Some(due) = self.agreed() {
            // Agreed between people: no calendar moves it, and no pause.
            let span = (due.micros() - self.started_at.micros()).max(0);
            (self.due_at, self.target_s) = (Some(due), span / 1_000_000);
            self.warn_at = Some(self.started_at.plus_micros(span / 5 * 4));
        } else {
            let calendar = engine::calendar(tx, self.calendar_id)?;
            let clock = engine::clock(&calendar, self.started_at, &self.target, &self.pauses)?;
            let fault = |f: shouwen_worktime::Fault| engine::problem(&f);
            self.due_at = clock.due().map_err(fault)?.map(Time::from_micros);
            self.warn_at = clock.warn_at(promise.map_or(0.8, Promise::warn_at)).map_err(fault)?.map(Time::from_micros);
            self.target_s = clock.budget() / 1_000_000;
            if let Some(promise) = promise {
                self.steps = ladder::steps(promise.ladder(), &self.kind, &calendar, &clock, &self.steps, tx.now())?;
            }
        }
        // A deadline moved into the future is open again, unless it was told for a later one before.
        self.breached = ladder::behind(self.breached, self.breach_told, self.due_at, tx.now());
        self.warned = ladder::behind(self.warned, self.warn_told, self.warn_at, tx.now());
        self.history.push(Step { at: tx.now(), due_at: self.due_at, why: why.to_owned(), target: Some(self.target.clone()) });
        if self.history.len() > STEPS {
            self.history.remove(1);
        }
        self.store(tx, ctx)?;
        timers::set(tx, ctx.workspace, self)?;
        tx.emit::<ClockEvent>(
            ctx,
            Some(self.case_id.0),
            Some(access),
            PlannedEvent { case_id: self.case_id, clock: self.kind.clone(), target_s: self.target_s, started_at: self.started_at, due_at: self.due_at, warn_at: self.warn_at, paused, why: why.to_owned() },
        )
    }

    /// Fulfils it at `at`.
    pub fn meet(&mut self, tx: &Tx<'_>, ctx: &Ctx, access: &Access, at: Time) -> Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        self.resume(at);
        let elapsed_s = self.used_s(tx, at)?;
        let late = self.due_at.is_some_and(|due| at > due);
        self.state = if late { "breached" } else { "met" }.into();
        (self.met_at, self.elapsed_s, self.breached) = (Some(at), Some(elapsed_s), late);
        self.store(tx, ctx)?;
        timers::clear(tx, self)?;
        tx.emit::<ClockEvent>(ctx, Some(self.case_id.0), Some(access), Met { case_id: self.case_id, clock: self.kind.clone(), at, elapsed_s, target_s: self.target_s, breached: late })
    }

    /// Takes it away. `why`: `merged`, `switched_off`, `removed`, or the fact that changed.
    pub fn cancel(&mut self, tx: &Tx<'_>, ctx: &Ctx, access: &Access, why: &str) -> Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        self.state = "cancelled".into();
        self.store(tx, ctx)?;
        timers::clear(tx, self)?;
        tx.emit::<ClockEvent>(ctx, Some(self.case_id.0), Some(access), Cancelled { case_id: self.case_id, clock: self.kind.clone(), why: Some(why.to_owned()) })
    }

    /// Writes the row.
    pub fn store(&self, tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
        tx.run(
            "INSERT INTO clock_clock (case_id, kind, workspace_id, level_id, calendar_id, target, target_s, state, started_at, due_at, warn_at, pauses, met_at, elapsed_s, warned, breached, history, steps, warn_told, breach_told)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
             ON CONFLICT (case_id, kind) DO UPDATE SET level_id = ?4, calendar_id = ?5, target = ?6, target_s = ?7, state = ?8, started_at = ?9, due_at = ?10, warn_at = ?11, pauses = ?12,
               met_at = ?13, elapsed_s = ?14, warned = ?15, breached = ?16, history = ?17, steps = ?18, warn_told = ?19, breach_told = ?20",
            params![
                self.case_id, self.kind, ctx.workspace, self.level_id, self.calendar_id, self.target, self.target_s, self.state, self.started_at, self.due_at, self.warn_at,
                Json(&self.pauses), self.met_at, self.elapsed_s, self.warned, self.breached, Json(&self.history), Json(&self.steps), self.warn_told, self.breach_told
            ],
        )
    }
}

/// A clock as the case panel shows it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ClockView {
    pub kind: String,
    /// `running`, `warned` (attention), `breached`, `paused`, `met`, `cancelled`.
    pub state: String,
    /// The target as written: `4h`, `3wd`; `@` and an instant for an end that was agreed.
    pub target: String,
    pub target_s: i64,
    pub started_at: Time,
    pub due_at: Option<Time>,
    pub paused_since: Option<Time>,
    pub met_at: Option<Time>,
    /// Working seconds used.
    pub elapsed_s: i64,
    /// Working seconds left; negative: over.
    pub remaining_s: i64,
    /// Share of the target used.
    pub fraction: f64,
    pub calendar: Named<CalendarId>,
    pub service_level: Named<ServiceLevelId>,
    /// Where a regulatory clock comes from; null for a service level's.
    pub regulation: Option<Regulation>,
    /// Every plan it had, oldest first, with the reason.
    pub history: Vec<Step>,
    /// Who is to hear of it, and who has.
    pub ladder: Vec<LadderStep>,
}

/// The rule a regulatory clock comes from.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Regulation {
    pub key: String,
    pub title: PackText,
    pub regime: String,
    pub source: String,
}

/// An id with its name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Named<T> {
    pub id: T,
    pub name: String,
}

fn show(tx: &Tx<'_>, workspace: WorkspaceId, lang: &str, clock: Clock) -> Result<ClockView> {
    let calendar = match clock.agreed() {
        Some(_) => String::new(),
        None => calendars::name_of(tx, clock.calendar_id, lang)?,
    };
    let elapsed_s = match clock.elapsed_s {
        Some(known) if !clock.is_open() => known,
        _ => clock.used_s(tx, tx.now())?,
    };
    let promise = promise::promise_of(tx, workspace, &clock.kind, clock.level_id)?;
    let (name, regulation) = match &promise {
        Some(Promise::Level(level)) => (level.level.title.as_ref().map_or(level.level.name.as_str(), |title| title.of(lang)).to_owned(), None),
        Some(Promise::Policy(policy)) => {
            let p = &policy.policy;
            (p.title.of(lang).to_owned(), Some(Regulation { key: p.key.clone(), title: p.title.clone(), regime: p.regime.clone(), source: p.source.clone() }))
        }
        None => (String::new(), None),
    };
    let late = clock.due_at.is_some_and(|due| clock.met_at.unwrap_or(tx.now()) > due);
    let state = match clock.state.as_str() {
        "running" if late => "breached",
        "running" if clock.warn_at.is_some_and(|warn| tx.now() >= warn) => "warned",
        other => other,
    };
    Ok(ClockView {
        state: state.to_owned(),
        target: clock.target,
        target_s: clock.target_s,
        started_at: clock.started_at,
        due_at: clock.due_at,
        paused_since: clock.pauses.last().filter(|p| p.to.is_none()).map(|p| Time::from_micros(p.from)),
        met_at: clock.met_at,
        elapsed_s,
        remaining_s: clock.target_s - elapsed_s,
        fraction: if clock.target_s > 0 { elapsed_s as f64 / clock.target_s as f64 } else { 1.0 },
        calendar: Named { id: clock.calendar_id, name: calendar },
        service_level: Named { id: clock.level_id, name },
        regulation,
        history: clock.history,
        ladder: clock.steps,
        kind: clock.kind,
    })
}

#[utoipa::path(get, path = "/cases/{id}/clocks", params(("id" = CaseId, Path)), responses((status = 200, body = [ClockView])), tag = "service levels", summary = "The clocks of a case, counted to this moment", extensions(("x-permission" = json!("case.read"))))]
pub async fn of_case(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<axum::Json<Vec<ClockView>>> {
    let (scope, workspace, lang) = (who.scope.clone(), who.viewer.workspace, who.viewer.lang);
    app.query(move |tx| {
        let (access,): (Json<Access>,) = tx.opt("SELECT access FROM clock_case WHERE case_id = ?1 AND workspace_id = ?2", params![id, workspace])?.ok_or_else(|| Problem::not_found("case"))?;
        if !scope.sees(&access.0) {
            return Err(Problem::not_found("case"));
        }
        of(tx, id)?.into_iter().map(|clock| show(tx, workspace, if lang == shouwen_kernel::Lang::Zh { "zh" } else { "en" }, clock)).collect()
    })
    .await
}
