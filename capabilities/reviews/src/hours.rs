//! Working time of limits. A flow may name a calendar of service levels, which tell of theirs; else reviews have one of
//! their own for the workspace: a setting, or Monday to Friday, nine to six, in the workspace's time zone, with the
//! official holidays where it speaks Chinese.

use serde_json::{Value, json};
use shouwen_contracts::service_levels::CalendarSaved;
use shouwen_kernel::{Problem, Result, Time, WorkspaceId};
use shouwen_store::{Json, Tx, params};
use shouwen_worktime::{Budget, Calendar, builtin_holidays};

/// Name of the setting: a calendar in the JSON form of `shouwen-worktime`.
pub const SETTING: &str = "review.calendar";

/// The calendar in force, in its JSON form.
pub fn definition(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Value> {
    if let Some(set) = tx.setting::<Value>(workspace, SETTING)? {
        return Ok(set);
    }
    let found = tx.workspaces()?.into_iter().find(|w| w.id == workspace);
    let (zone, locale) = found.map_or(("Asia/Shanghai".to_owned(), "zh-CN".to_owned()), |w| (w.time_zone, w.locale));
    let names: Vec<String> = if locale.starts_with("zh") { (2020..2040).filter_map(builtin_holidays).filter_map(|year| year.name).collect() } else { Vec::new() };
    let day = json!(["09:00-18:00"]);
    Ok(json!({ "timezone": zone, "week": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day }, "holidays": names }))
}

/// A calendar as service levels tell of it.
pub fn saved(tx: &Tx<'_>, workspace: WorkspaceId, c: &CalendarSaved) -> Result<()> {
    tx.run(
        "INSERT INTO review_calendar (calendar_id, workspace_id, key, name, spec) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (calendar_id) DO UPDATE SET key = ?3, name = ?4, spec = ?5",
        params![c.calendar_id, workspace, c.key, c.name, Json(&c.spec)],
    )
}

/// The calendar of that key or name, in its JSON form.
pub fn named(tx: &Tx<'_>, workspace: WorkspaceId, calendar: &str) -> Result<Option<Value>> {
    let found: Vec<(Option<String>, Json<Value>)> =
        tx.all("SELECT key, spec FROM review_calendar WHERE workspace_id = ?1 AND (key = ?2 OR name = ?2) ORDER BY calendar_id LIMIT 20", params![workspace, calendar])?;
    let by_key = found.iter().position(|row| row.0.as_deref() == Some(calendar)).unwrap_or_default();
    Ok(found.into_iter().nth(by_key).map(|row| row.1.0))
}

/// Refuses a calendar that nobody told of.
pub fn must_be_known(tx: &Tx<'_>, workspace: WorkspaceId, calendar: Option<&str>) -> Result<()> {
    let Some(calendar) = calendar else { return Ok(()) };
    if named(tx, workspace, calendar)?.is_some() {
        return Ok(());
    }
    let known: Vec<(Option<String>, String)> = tx.all("SELECT key, name FROM review_calendar WHERE workspace_id = ?1 ORDER BY name LIMIT 50", params![workspace])?;
    let names: Vec<String> = known.into_iter().map(|(key, name)| key.unwrap_or(name)).collect();
    Err(Problem::invalid("definition.calendar", format!("there is no calendar `{}`", shouwen_kernel::text::clip(calendar, 80))).expected(if names.is_empty() { "none: no calendar is set up yet".to_owned() } else { names.join(", ") }))
}

/// When `limit` from now on is used up; `None`: it cannot be said (a calendar without hours). A calendar that is gone
/// leaves the working hours of reviews.
pub fn due(tx: &Tx<'_>, workspace: WorkspaceId, limit: &str, around_the_clock: bool, calendar: Option<&str>) -> Result<Option<Time>> {
    let budget: Budget = limit.parse().map_err(|_| Problem::internal(format!("the limit `{limit}` was not checked")))?;
    match budget {
        Budget::Time(micros) if around_the_clock => Ok(Some(tx.now().plus_micros(micros))),
        _ => {
            let spec = match calendar.map(|name| named(tx, workspace, name)).transpose()?.flatten() {
                Some(spec) => spec,
                None => definition(tx, workspace)?,
            };
            let calendar = Calendar::from_json(&spec).map_err(|faults| Problem::internal(format!("the calendar of reviews cannot be read: {faults:?}")))?;
            // A horizon without working time must not stop a review: it is then simply never late.
            Ok(calendar.due(tx.now().micros(), budget, &[]).ok().flatten().map(Time::from_micros))
        }
    }
}
