//! What rules and macros wish of clocks: `start_clock` and `stop_clock` of `wish.action`. All else is casework's.

use shouwen_contracts::wish::WishEvent;
use shouwen_kernel::{CalendarId, Result, ServiceLevelId, Time, WorkspaceId};
use shouwen_rules::{Action, Span};
use shouwen_store::{Ctx, Recorded, Tx, params};

use crate::clocks::{self, Clock};
use crate::levels::KINDS;
use crate::on_cases::{self, Subject};
use crate::promise::{Promise, REGULATORY, policies_of};
use crate::seed::OFFICE;

/// The event read, by the subscription of cases.
pub const WISH: &str = "wish.action";

/// Carries a wish out. Starting a clock that runs, or stopping one that does not, changes nothing, so that a wish told
/// twice is carried out once.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(WishEvent::ActionWish(wish)) = recorded.event::<WishEvent>()? else { return Ok(()) };
    let word = wish.action.get("do").and_then(serde_json::Value::as_str);
    if !matches!(word, Some("start_clock" | "stop_clock")) {
        return Ok(());
    }
    let action: Action = serde_json::from_value(wish.action)?;
    let Some(case) = on_cases::load(tx, wish.case_id)? else { return Ok(()) };
    let ctx = Ctx { actor: recorded.actor()?, ..Ctx::system(recorded.workspace, "clock") };
    match action {
        Action::StopClock { clock } => match clocks::one(tx, wish.case_id, &clock)? {
            Some(mut clock) => clock.meet(tx, &ctx, &case.access, recorded.at),
            None => Ok(()),
        },
        Action::StartClock { clock, target, calendar } if !case.merged && case.status != "closed" => start(tx, &ctx, &case, &clock, target, calendar.as_deref(), recorded.at),
        _ => Ok(()),
    }
}

/// One of the three of the service level, a regulatory one (`reg.<key>`), or a clock of the rule's own with its target.
fn start(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, kind: &str, target: Option<Span>, calendar: Option<&str>, at: Time) -> Result<()> {
    if KINDS.contains(&kind) {
        return on_cases::start(tx, ctx, case, kind, at, "rule");
    }
    if let Some(key) = kind.strip_prefix(REGULATORY) {
        return match policies_of(tx, ctx.workspace)?.iter().find(|policy| policy.policy.key == key && policy.policy.active) {
            Some(policy) => on_cases::begin(tx, ctx, case, &Promise::Policy(policy.clone()), kind, at, "rule"),
            None => Ok(()),
        };
    }
    let budget = match target {
        Some(Span::Seconds(seconds)) if seconds > 0 => format!("{seconds}s"),
        Some(Span::WorkingDays(days)) => format!("{days}wd"),
        _ => return Ok(()),
    };
    let Some(calendar_id) = calendar_of(tx, ctx.workspace, calendar)? else { return Ok(()) };
    if clocks::one(tx, case.case_id, kind)?.is_some_and(|clock| clock.is_open()) {
        return Ok(());
    }
    Clock::of_rule(case.case_id, kind, ServiceLevelId::NIL, calendar_id, &budget, at).plan(tx, ctx, &case.access, None, "rule")
}

/// The calendar of this key; else office hours; else any.
fn calendar_of(tx: &Tx<'_>, workspace: WorkspaceId, key: Option<&str>) -> Result<Option<CalendarId>> {
    let row: Option<(CalendarId,)> = tx.opt(
        "SELECT id FROM clock_calendar WHERE workspace_id = ?1 ORDER BY CASE WHEN key = ?2 THEN 0 WHEN key = ?3 THEN 1 ELSE 2 END, name LIMIT 1",
        params![workspace, key.unwrap_or(OFFICE), OFFICE],
    )?;
    Ok(row.map(|row| row.0))
}
