//! The order in which waiting cases are served, and what happens to those that wait too long.

use shouwen_kernel::{CaseId, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Timer, TimerHandler, Tx, params};

use crate::on_events;
use crate::settings::{self, Overflow, Settings};

/// A case has waited long enough for other teams' people to be asked. Key: the case.
pub const SPILL: &str = "routing.spill";
/// Settings were changed: what waits already gets its new deadline and place. Key: the workspace.
pub const SWEEP: &str = "routing.sweep";
/// Both, for the module.
pub const TIMERS: [TimerHandler; 2] = [TimerHandler { kind: SPILL, handle: spill }, TimerHandler { kind: SWEEP, handle: sweep }];
/// Cases tried in one step of a sweep, each with queries of its own, and rows read for it: old mail that lies with a team is
/// passed over. A step is a transaction; nobody else waits for long.
const STEP: usize = 20;
const LOOK: usize = 200;

/// Where a case stands in its team's queue, smaller is sooner: by priority, and among equals those whose tier goes first.
pub fn place(settings: &Settings, priority: &str, tier: Option<&str>) -> i64 {
    let priority = match priority {
        "urgent" => 0,
        "high" => 1,
        "low" => 3,
        _ => 2,
    };
    priority * 2 + i64::from(!settings.tier(tier).is_some_and(|t| t.first))
}

/// A case found nobody: when its team overflows, the moment is noted.
pub fn wait(tx: &Tx<'_>, workspace: WorkspaceId, settings: &Settings, case: CaseId, team: TeamId, since: Time) -> Result<()> {
    match settings.overflow_of(team) {
        Some(overflow) => tx.set_timer(workspace, SPILL, &case.to_string(), due(overflow, since), &serde_json::Value::Null),
        None => Ok(()),
    }
}

fn due(overflow: &Overflow, since: Time) -> Time {
    since.plus_seconds(i64::from(overflow.after_minutes) * 60)
}

/// The moment has come: other teams' people may take it from now on, if it still waits with this team.
fn spill(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Ok(case) = timer.key.parse::<CaseId>() else { return Ok(()) };
    let row: Option<(bool, Option<TeamId>, bool, Option<Time>)> = tx.opt("SELECT open, team_id, assignee_id IS NOT NULL, since FROM routing_case WHERE case_id = ?1", params![case])?;
    let Some((true, Some(team), false, Some(since))) = row else { return Ok(()) };
    let settings = settings::of(tx, timer.workspace)?;
    let Some(overflow) = settings.overflow_of(team) else { return Ok(()) };
    // It was moved here, or the time was lengthened, after the timer was set.
    if due(overflow, since) > tx.now() {
        return wait(tx, timer.workspace, &settings, case, team, since);
    }
    tx.run("UPDATE routing_case SET spilled = ?2 WHERE case_id = ?1", params![case, true])?;
    on_events::attempt(tx, timer.workspace, case, None)
}

/// Asks for a sweep; to be called with every change of the settings.
pub fn sweep_soon(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
    tx.set_timer(workspace, SWEEP, &workspace.to_string(), tx.now(), &serde_json::Value::Null)
}

/// One step through the waiting cases of the workspace that may still be handed out, team by team and in the order of their
/// ids: the places change under our hands. Where it stands travels in the timer, with what the step did.
fn sweep(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    type Waiting = (TeamId, CaseId, Option<String>, Option<String>, Time, Option<Time>);
    let workspace = timer.workspace;
    let settings = settings::of(tx, workspace)?;
    let text = |name: &str| timer.payload.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
    let team: TeamId = text("team").and_then(|t| t.parse().ok()).unwrap_or(TeamId::NIL);
    let case: CaseId = text("case").and_then(|c| c.parse().ok()).unwrap_or(CaseId::NIL);
    let rows: Vec<Waiting> = tx.all(
        "SELECT team_id, case_id, priority, tier, opened_at, since FROM routing_case
         WHERE workspace_id = ?1 AND open AND assignee_id IS NULL AND team_id IS NOT NULL AND (team_id, case_id) > (?2, ?3) ORDER BY team_id, case_id LIMIT ?4",
        params![workspace, team, case, LOOK],
    )?;
    let oldest = tx.now().plus_seconds(-on_events::FRESH_S);
    let (mut tried, mut stands) = (0, None);
    for (team, case, priority, tier, opened_at, since) in &rows {
        if tried == STEP {
            break;
        }
        stands = Some((*team, *case));
        if *opened_at < oldest {
            continue;
        }
        tried += 1;
        let (place, since) = (place(&settings, priority.as_deref().unwrap_or("normal"), tier.as_deref()), since.unwrap_or(*opened_at));
        let spilled = settings.overflow_of(*team).is_some_and(|o| due(o, since) <= tx.now());
        tx.run("UPDATE routing_case SET place = ?2, since = ?3, spilled = ?4 WHERE case_id = ?1", params![*case, place, since, spilled])?;
        if spilled {
            on_events::attempt(tx, workspace, *case, None)?;
        } else {
            wait(tx, workspace, &settings, *case, *team, since)?;
        }
    }
    match stands {
        Some((team, case)) if tried == STEP || rows.len() == LOOK => tx.set_timer(workspace, SWEEP, &timer.key, tx.now(), &serde_json::json!({ "team": team, "case": case })),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TierWish;

    #[test]
    fn priority_decides_first_then_the_tier() {
        let settings = Settings { tiers: vec![TierWish { tier: "gold".into(), skill: None, first: true }], ..Settings::default() };
        let at = |priority, tier| place(&settings, priority, tier);
        assert!(at("urgent", None) < at("high", Some("gold")));
        assert!(at("normal", Some("gold")) < at("normal", None));
        assert!(at("normal", Some("silver")) == at("normal", None), "a tier without a wish is like no tier");
        assert!(at("normal", None) < at("low", Some("gold")));
    }
}
