//! The rows of cases and their roll-ups, which change together.

use std::sync::Arc;

use shouwen_contracts::complaints::ComplaintEvent;
use shouwen_kernel::{CaseId, CustomerId, PersonId, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Json, Recorded, Tx, Value, params};

use crate::names;
use crate::state::{Counts, State};

/// A row as the step under way has it.
#[derive(Clone)]
struct Held {
    workspace: WorkspaceId,
    state: Arc<State>,
    /// The print of its text.
    sketch: Option<Arc<Vec<u32>>>,
}

/// Cases that a step looks at, and those whose rows are still to be written; see [`Tx::ahead`].
const CASES: &str = "complaint.cases";
const CHANGED: &str = "complaint.changed";

/// Those of a step are read together.
fn held(tx: &Tx<'_>, case: CaseId) -> Result<Option<Held>> {
    let others = |events: &[Arc<Recorded>]| events.iter().filter(|e| crate::watch::SUBSCRIPTION.kinds.contains(&e.kind.as_str()) && about_case(&e.kind)).filter_map(|e| e.subject.map(CaseId)).collect();
    tx.ahead(CASES, &case, others, |ids| {
        type Row = (WorkspaceId, Json<State>, Option<Json<Vec<u32>>>);
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<Row>> = tx.all_each("SELECT workspace_id, state, sketch FROM complaint_case WHERE case_id = ?1", &runs)?;
        let held = |(workspace, Json(state), sketch): Row| Held { workspace, state: Arc::new(state), sketch: sketch.map(|json| Arc::new(json.0)) };
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, held(rows.into_iter().next()?)))).collect())
    })
}

fn about_case(kind: &str) -> bool {
    ["case.", "survey.", "complaint."].iter().any(|prefix| kind.starts_with(prefix))
}

fn keep(tx: &Tx<'_>, case: CaseId, held: Held) {
    tx.set_ahead(CASES, case, Some(held));
    tx.set_ahead(CHANGED, case, Some(()));
    tx.at_end(write);
}

/// Writes the rows that the step changed, each once. Before anything but [`load`] looks at the table.
pub fn write(tx: &Tx<'_>) -> Result<()> {
    let mut changed: Vec<(CaseId, ())> = tx.take_ahead(CHANGED);
    changed.sort_unstable();
    changed.into_iter().try_for_each(|(case, ())| match held(tx, case)? {
        Some(row) => write_one(tx, case, &row),
        None => Ok(()),
    })
}

fn write_one(tx: &Tx<'_>, case: CaseId, Held { workspace, state, sketch }: &Held) -> Result<()> {
    let customer = state.customer.map(|id| names::root(tx, id)).transpose()?;
    let path: String = if state.path().is_empty() { String::new() } else { format!("/{}/", state.path().join("/")) };
    let region = state.told.as_ref().and_then(|t| t.region.clone()).unwrap_or_default();
    tx.run(
        "INSERT INTO complaint_case (case_id, workspace_id, customer_id, counted, closed, repeated, path, region, grade, team_id, org_unit_id, assignee_id, accountable_id, opened_at, state, complaint, sketch)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (case_id) DO UPDATE SET customer_id = ?3, counted = ?4, closed = ?5, repeated = ?6, path = ?7, region = ?8, grade = ?9, team_id = ?10, org_unit_id = ?11, assignee_id = ?12,
           accountable_id = ?13, state = ?15, complaint = ?16, sketch = ?17",
        params![
            case, workspace, customer, state.concerns(), state.is_closed(), !state.earlier.is_empty(), path, region, state.grade.as_deref().unwrap_or_default(), state.team, state.org_unit, state.assignee,
            state.accountable, state.opened_at, Json(&**state), state.is_complaint(), sketch.as_ref().map(|print| Json(&**print))
        ],
    )
}

/// A case as kept.
pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<Option<State>> {
    Ok(held(tx, case)?.filter(|row| row.workspace == workspace).map(|row| State::clone(&row.state)))
}

/// Keeps a case, and what it adds to its day; its row is written at the end of the step.
pub fn save(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, before: &State, state: &mut State) -> Result<()> {
    let counts = state.counted(day_of(tx, workspace, state.opened_at)?);
    if counts != state.counts {
        if let Some(old) = &state.counts {
            add(tx, workspace, old, -1)?;
        }
        if let Some(new) = &counts {
            add(tx, workspace, new, 1)?;
        }
        state.counts = counts;
    }
    let sketch = held(tx, case)?.and_then(|row| row.sketch);
    keep(tx, case, Held { workspace, state: Arc::new(state.clone()), sketch });
    if before.watchers != state.watchers {
        let gone = before.watchers.iter().filter(|p| !state.watchers.contains(p));
        gone.copied().try_for_each(|person: PersonId| tx.run("DELETE FROM complaint_watcher WHERE case_id = ?1 AND person_id = ?2", params![case, person]))?;
        let new = state.watchers.iter().filter(|p| !before.watchers.contains(p));
        new.copied().try_for_each(|person: PersonId| tx.run("INSERT INTO complaint_watcher (case_id, person_id) VALUES (?1, ?2) ON CONFLICT (case_id, person_id) DO NOTHING", params![case, person]))?;
    }
    Ok(())
}

fn add(tx: &Tx<'_>, workspace: WorkspaceId, counts: &Counts, sign: i64) -> Result<()> {
    let one = |yes: bool| if yes { sign } else { 0 };
    for (dimension, key) in &counts.keys {
        let values = params![workspace, counts.day, dimension, key, counts.team.0, counts.org_unit.0, sign, one(counts.closed), one(counts.repeated), one(counts.critical)];
        tx.run(
            "INSERT INTO complaint_day (workspace_id, day, dimension, key, team_id, org_unit_id, opened, closed, repeated, critical) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
             ON CONFLICT (workspace_id, day, dimension, key, team_id, org_unit_id) DO UPDATE SET opened = complaint_day.opened + ?7, closed = complaint_day.closed + ?8, repeated = complaint_day.repeated + ?9,
               critical = complaint_day.critical + ?10",
            values,
        )?;
        if sign < 0 {
            tx.run(
                "DELETE FROM complaint_day WHERE workspace_id = ?1 AND day = ?2 AND dimension = ?3 AND key = ?4 AND team_id = ?5 AND org_unit_id = ?6 AND opened = 0",
                params![workspace, counts.day, dimension, key, counts.team.0, counts.org_unit.0],
            )?;
        }
    }
    Ok(())
}

/// The local day of an instant as `yyyymmdd`.
pub fn day_of(tx: &Tx<'_>, workspace: WorkspaceId, at: Time) -> Result<i64> {
    let date = at.to_jiff().to_zoned(zone(tx, workspace)?).date();
    Ok(i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day()))
}

/// The workspace's time zone.
pub fn zone(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<jiff::tz::TimeZone> {
    let name = tx.known(&format!("complaints.zone.{workspace}"), || Ok(about(tx, workspace)?.0))?;
    Ok(jiff::tz::TimeZone::get(&name).unwrap_or(jiff::tz::TimeZone::UTC))
}

/// Whether texts of the house are Chinese.
pub fn chinese(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<bool> {
    tx.known(&format!("complaints.chinese.{workspace}"), || Ok(about(tx, workspace)?.1))
}

fn about(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(String, bool)> {
    Ok(tx.workspaces()?.into_iter().find(|w| w.id == workspace).map_or_else(|| ("UTC".to_owned(), true), |w| (w.time_zone, w.locale.starts_with("zh"))))
}

/// The print of its text.
pub fn sketch(tx: &Tx<'_>, case: CaseId) -> Result<Vec<u32>> {
    Ok(held(tx, case)?.and_then(|row| row.sketch).map_or_else(Vec::new, |print| print.to_vec()))
}

/// Keeps the print of its text.
pub fn keep_sketch(tx: &Tx<'_>, case: CaseId, sketch: &[u32]) -> Result<()> {
    if let Some(row) = held(tx, case)? {
        keep(tx, case, Held { sketch: Some(Arc::new(sketch.to_vec())), ..row });
    }
    Ok(())
}

/// What complaints told of a case, read back: how a rebuilt row comes to the same.
pub fn on_own(tx: &Tx<'_>, recorded: &Recorded, event: ComplaintEvent) -> Result<()> {
    let case = match &event {
        ComplaintEvent::Classified(e) => e.case_id,
        ComplaintEvent::Graded(e) => e.case_id,
        ComplaintEvent::Signal(e) => e.case_id,
        ComplaintEvent::Repeated(e) => e.case_id,
        _ => return Ok(()),
    };
    let Some(before) = load(tx, recorded.workspace, case)? else { return Ok(()) };
    let mut state = before.clone();
    state.on_own(event);
    if state == before { Ok(()) } else { save(tx, recorded.workspace, case, &before, &mut state) }
}

/// Cases of a customer that are open, newest first.
pub fn open_cases(tx: &Tx<'_>, customer: CustomerId, limit: usize) -> Result<Vec<CaseId>> {
    write(tx)?;
    let rows: Vec<(CaseId,)> = tx.all(
        "SELECT case_id FROM complaint_case WHERE customer_id = ?1 AND counted = ?2 AND closed = ?3 ORDER BY opened_at DESC LIMIT ?4",
        params![customer, true, false, limit],
    )?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// A merge of customers was made or taken back: rows name the customer at the end of the merges.
pub fn follow_customer(tx: &Tx<'_>, workspace: WorkspaceId, was: CustomerId) -> Result<()> {
    write(tx)?;
    // The bound guards one transaction; whoever has more complaints than that is found by their own record.
    let rows: Vec<(CaseId, Json<State>)> = tx.all("SELECT case_id, state FROM complaint_case WHERE customer_id = ?1 AND workspace_id = ?2 LIMIT 2000", params![was, workspace])?;
    for (case, Json(state)) in rows {
        let root = state.customer.map(|id| names::root(tx, id)).transpose()?;
        if root != Some(was) {
            tx.run("UPDATE complaint_case SET customer_id = ?2 WHERE case_id = ?1", params![case, root])?;
        }
    }
    Ok(())
}

/// Complaints a team has open; counted up to a bound that tells teams apart.
pub fn open_of_team(tx: &Tx<'_>, team: TeamId) -> Result<i64> {
    write(tx)?;
    Ok(tx.one::<(i64,)>("SELECT count(*) FROM (SELECT 1 FROM complaint_case WHERE team_id = ?1 AND counted = ?2 AND closed = ?3 LIMIT 1000) AS found", params![team, true, false])?.0)
}

/// A merge of customers was taken back: what only the merge made a repetition is none any more.
pub fn part(tx: &Tx<'_>, workspace: WorkspaceId, customers: [CustomerId; 2]) -> Result<()> {
    write(tx)?;
    for customer in customers {
        let rows: Vec<(CaseId,)> = tx.all("SELECT case_id FROM complaint_case WHERE customer_id = ?1 AND workspace_id = ?2 AND repeated = ?3 ORDER BY case_id LIMIT 2000", params![customer, workspace, true])?;
        for (case,) in rows {
            let Some(before) = load(tx, workspace, case)? else { continue };
            let mut state = before.clone();
            state.earlier.clear();
            for earlier in &before.earlier {
                let theirs = load(tx, workspace, *earlier)?.and_then(|other| other.customer).map(|id| names::root(tx, id)).transpose()?;
                if theirs == Some(customer) {
                    state.earlier.push(*earlier);
                }
            }
            if state != before {
                save(tx, workspace, case, &before, &mut state)?;
            }
        }
    }
    write(tx)
}

/// Empties what is rebuilt from the log.
pub fn reset(tx: &Tx<'_>) -> Result<()> {
    for table in ["complaint_case", "complaint_watcher", "complaint_day", "complaint_person", "complaint_team", "complaint_unit", "complaint_customer", "complaint_type", "complaint_calendar"] {
        tx.run(&format!("DELETE FROM {table}"), params![])?;
    }
    Ok(())
}
