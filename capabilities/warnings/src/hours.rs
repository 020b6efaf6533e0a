//! Working hours: a grade may ask for its answer within the hours of a calendar, as service levels tell of it. A calendar that
//! is gone, or has no hours ahead, leaves hours of the clock on the wall.

use shouwen_contracts::service_levels::CalendarEvent;
use shouwen_kernel::{Result, Time, WorkspaceId};
use shouwen_store::{Json, Tx, params};
use shouwen_worktime::{Budget, Calendar, HOUR};

/// Takes in what service levels tell of calendars.
pub fn on_calendar(tx: &Tx<'_>, workspace: WorkspaceId, event: CalendarEvent) -> Result<()> {
    match event {
        CalendarEvent::CalendarSaved(c) => tx.run(
            "INSERT INTO warning_calendar (id, workspace_id, key, name, spec) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET key = ?3, name = ?4, spec = ?5",
            params![c.calendar_id, workspace, c.key, c.name, Json(&c.spec)],
        ),
        CalendarEvent::CalendarRemoved(c) => tx.run("DELETE FROM warning_calendar WHERE id = ?1", params![c.calendar_id]),
    }
}

/// So many hours after `from`, of a calendar if one is named.
pub fn after(tx: &Tx<'_>, workspace: WorkspaceId, calendar: Option<&str>, from: Time, hours: i64) -> Result<Time> {
    let wall = from.plus_seconds(hours * 3600);
    let Some(named) = calendar.filter(|name| !name.trim().is_empty() && hours > 0) else { return Ok(wall) };
    let row: Option<(Json<serde_json::Value>,)> = tx.opt("SELECT spec FROM warning_calendar WHERE workspace_id = ?1 AND (key = ?2 OR name = ?2) ORDER BY key, id LIMIT 1", params![workspace, named])?;
    let due = row.and_then(|(Json(spec),)| Calendar::from_json(&spec).ok()).and_then(|c| c.due(from.micros(), Budget::Time(hours * HOUR), &[]).ok().flatten());
    Ok(due.map_or(wall, Time::from_micros))
}
