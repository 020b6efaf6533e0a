//! A level or a regulatory clock that was switched on or off, or concerns other cases than before, takes effect for the cases
//! that run: they are looked at again, two hundred a step, each step a transaction of its own.

use serde_json::json;
use shouwen_kernel::{CaseId, Result, WorkspaceId};
use shouwen_store::{Ctx, Timer, Tx, params};
use uuid::Uuid;

use crate::on_cases;

/// Key: the workspace and the item (`…/lev_…`); a later change of the same item begins anew.
pub const KIND: &str = "clock.sweep";
const CHUNK: usize = 200;

/// What was changed in the settings, as the plans that follow give it for their reason.
pub const ON: &str = "switched_on";
pub const OFF: &str = "switched_off";
pub const OTHER: &str = "service_level";

/// What a change of an item asks for. `before` and `after`: whether it is switched on, and which cases it is for and when
/// it begins and ends, in one comparable form.
pub fn reason<T: PartialEq>(before: (bool, &T), after: (bool, &T)) -> Option<&'static str> {
    match (before.0, after.0) {
        (true, false) => Some(OFF),
        (false, true) => Some(ON),
        (true, true) if before.1 != after.1 => Some(OTHER),
        _ => None,
    }
}

/// Asks for it; runs at once after this commit. `id`: the level or regulatory clock.
pub fn schedule(tx: &Tx<'_>, workspace: WorkspaceId, id: Uuid, why: &str) -> Result<()> {
    tx.set_timer(workspace, KIND, &format!("{workspace}/{id}"), tx.now(), &json!({ "id": id.to_string(), "why": why, "after": CaseId::NIL }))
}

/// Looks at one chunk and asks for the next. What is switched off concerns only the cases it counts for; anything else may
/// concern every open one.
pub fn run(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let why = timer.payload["why"].as_str().unwrap_or(OTHER).to_owned();
    let after: CaseId = serde_json::from_value(timer.payload["after"].clone())?;
    let id: Option<Uuid> = timer.payload["id"].as_str().and_then(|text| text.parse().ok());
    let cases: Vec<(CaseId,)> = match id.filter(|_| why == OFF) {
        Some(id) => tx.all("SELECT DISTINCT case_id FROM clock_clock WHERE level_id = ?1 AND state IN ('running', 'paused') AND case_id > ?2 ORDER BY case_id LIMIT ?3", params![id, after, CHUNK])?,
        None => tx.all("SELECT case_id FROM clock_case WHERE workspace_id = ?1 AND status <> 'closed' AND NOT merged AND case_id > ?2 ORDER BY case_id LIMIT ?3", params![timer.workspace, after, CHUNK])?,
    };
    let ctx = Ctx::system(timer.workspace, "clock");
    for (case,) in &cases {
        on_cases::again(tx, &ctx, *case, &why)?;
    }
    match cases.last() {
        Some((last,)) if cases.len() == CHUNK => tx.set_timer(timer.workspace, KIND, &timer.key, tx.now(), &json!({ "id": timer.payload["id"], "why": why, "after": last })),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_is_asked_for_only_where_running_cases_may_stand_otherwise() {
        assert_eq!(reason((true, &1), (false, &1)), Some(OFF));
        assert_eq!(reason((false, &1), (true, &2)), Some(ON));
        assert_eq!(reason((true, &1), (true, &2)), Some(OTHER));
        assert_eq!(reason((true, &1), (true, &1)), None, "a new title or limit changes no choice");
        assert_eq!(reason((false, &1), (false, &2)), None, "what is off concerns nobody");
    }
}
