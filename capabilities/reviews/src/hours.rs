//! Working time of limits. The calendars of service levels belong to another capability and are not reachable from
//! here; reviews keep one calendar of their own for the workspace: a setting, else Monday to Friday, nine to six, in
//! the workspace's time zone, with the official holidays where it speaks Chinese.

use serde_json::{Value, json};
use shouwen_kernel::{Problem, Result, Time, WorkspaceId};
use shouwen_store::Tx;
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

/// When `limit` from now on is used up; `None`: it cannot be said (a calendar without hours).
pub fn due(tx: &Tx<'_>, workspace: WorkspaceId, limit: &str, around_the_clock: bool) -> Result<Option<Time>> {
    let budget: Budget = limit.parse().map_err(|_| Problem::internal(format!("the limit `{limit}` was not checked")))?;
    match budget {
        Budget::Time(micros) if around_the_clock => Ok(Some(tx.now().plus_micros(micros))),
        _ => {
            let calendar = Calendar::from_json(&definition(tx, workspace)?).map_err(|faults| Problem::internal(format!("the calendar of reviews cannot be read: {faults:?}")))?;
            // A horizon without working time must not stop a review: it is then simply never late.
            Ok(calendar.due(tx.now().micros(), budget, &[]).ok().flatten().map(Time::from_micros))
        }
    }
}
