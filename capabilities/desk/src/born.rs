//! The row of a case that opens in the step under way. A mail that opens a case tells of it four or five times at once, and
//! the lists have many indexes: so the row is put together in memory and written once, at the end of the step or before
//! anything else looks at the table.

use std::collections::BTreeMap;

use shouwen_contracts::casework::{Assigned, MessageAdded, Opened};
use shouwen_kernel::{CaseId, Result, Time, WorkspaceId};
use shouwen_store::{Json, Tx, params};

use crate::project::{CLOCKS, Clock, NEVER, is_active, rank};

const BORN: &str = "desk.born";

/// A row not yet written.
#[derive(Clone)]
pub struct Born {
    workspace: WorkspaceId,
    opened: Opened,
    updated_at: Time,
    last: Option<(Time, String, String, String)>,
    last_in_at: Option<Time>,
    messages: i64,
    clocks: BTreeMap<String, Clock>,
    version: i64,
}

/// Keeps a case that opens until the end of the step.
pub fn open(tx: &Tx<'_>, workspace: WorkspaceId, opened: Opened) {
    let case = opened.case_id;
    let born = Born { workspace, updated_at: opened.opened_at, opened, last: None, last_in_at: None, messages: 0, clocks: BTreeMap::new(), version: 1 };
    tx.set_ahead(BORN, case, Some(born));
    tx.at_end(write);
}

/// Lets `change` have the row of `case` if it is not written yet; whether it was so.
fn with(tx: &Tx<'_>, case: CaseId, change: impl FnOnce(&mut Born)) -> Result<bool> {
    let Some(mut born) = tx.ahead::<CaseId, Born>(BORN, &case, |_| Vec::new(), |_| Ok(Vec::new()))? else { return Ok(false) };
    change(&mut born);
    born.version += 1;
    tx.set_ahead(BORN, case, Some(born));
    Ok(true)
}

/// A message of a case not yet written.
pub fn message(tx: &Tx<'_>, m: &MessageAdded, at: Time) -> Result<bool> {
    with(tx, m.case_id, |born| {
        born.updated_at = at;
        born.messages += 1;
        born.last = Some((m.at, m.direction.clone(), m.author_name.clone(), m.preview.clone()));
        if m.direction == "in" {
            born.last_in_at = Some(m.at);
        }
    })
}

/// A case not yet written changes hands.
pub fn assigned(tx: &Tx<'_>, a: &Assigned, at: Time) -> Result<bool> {
    with(tx, a.case_id, |born| {
        born.updated_at = at;
        (born.opened.assignee_id, born.opened.team_id) = (a.to_person, a.to_team);
        born.opened.org_unit_id = a.org_unit_id.or(born.opened.org_unit_id);
    })
}

/// A clock of a case not yet written.
pub fn clock(tx: &Tx<'_>, case: CaseId, kind: &str, clock: Option<Clock>) -> Result<bool> {
    with(tx, case, |born| match clock {
        Some(clock) => {
            born.clocks.insert(kind.to_owned(), clock);
        }
        None => {
            born.clocks.remove(kind);
        }
    })
}

/// Writes every row not yet written.
pub fn write(tx: &Tx<'_>) -> Result<()> {
    let mut born: Vec<(CaseId, Born)> = tx.take_ahead(BORN);
    born.sort_by_key(|(case, _)| *case);
    for (case, row) in born {
        tx.set_ahead(CLOCKS, case, Some(row.clocks.clone()));
        let (o, next) = (&row.opened, nearest(&row.clocks));
        let due = next.and_then(|(_, clock)| clock.due_at);
        let (last_at, direction, author, preview) = match row.last {
            Some((at, direction, author, preview)) => (Some(at), Some(direction), Some(author), Some(preview)),
            None => (None, None, None, None),
        };
        tx.run(
            "INSERT INTO desk_case (case_id, workspace_id, number, title, case_type, stage, status, active, priority, rank, channel, inbox_id, language, region, tier, customer_id, customer_name,
               org_unit_id, team_id, assignee_id, accountable_id, tags, opened_at, updated_at, messages, clocks, due_sort, breached, merged, version,
               last_at, last_direction, last_author, last_preview, last_in_at, clock_kind, clock_state, warn_at, due_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?38, FALSE, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36, ?37)",
            params![
                o.case_id, row.workspace, o.number, o.title, o.case_type, o.stage, o.status, is_active(&o.status), o.priority, rank(&o.priority), o.channel, o.inbox_id, o.language, o.region, o.tier,
                o.customer_id, o.customer_name, o.org_unit_id, o.team_id, o.assignee_id, o.accountable_id, Json(&o.tags), o.opened_at, row.updated_at, row.messages, Json(&row.clocks),
                due.map_or(NEVER, Time::micros), row.version, last_at, direction, author, preview, row.last_in_at, next.map(|(kind, _)| kind.clone()), next.map(|(_, clock)| clock.state.clone()),
                next.and_then(|(_, clock)| clock.warn_at), due, due.is_some_and(|due| due < tx.now())
            ],
        )?;
    }
    Ok(())
}

/// The nearest deadline matters most; a paused clock only when none runs.
pub fn nearest(clocks: &BTreeMap<String, Clock>) -> Option<(&String, &Clock)> {
    clocks.iter().min_by_key(|(_, clock)| clock.due_at.map_or(NEVER, Time::micros))
}
