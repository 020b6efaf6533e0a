//! Automatic assignment: carried out only while the case is still nobody's.

use shouwen_contracts::routing::RoutingEvent;
use shouwen_kernel::Result;
use shouwen_store::{Ctx, Recorded, Subscription, Tx};

use crate::case::Case;
use crate::change::Assignment;

/// Writes state, so it is never rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription { name: "casework.routing", version: 1, reset: None, kinds: &["routing.chosen"], handle };

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(RoutingEvent::Chosen(event)) = recorded.event::<RoutingEvent>()? else { return Ok(()) };
    let Some(mut case) = Case::lock(tx, recorded.workspace, event.case_id)? else { return Ok(()) };
    if case.assignee_id.is_some() || case.merged_into.is_some() || matches!(case.status.as_str(), "resolved" | "closed") {
        return Ok(());
    }
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    let wanted = Assignment { person: Some(Some(event.person_id)), team: event.team_id.map(Some), reason: event.reason, by: "routing" };
    // The chosen person or team may have left in the meantime; then the case waits for the next choice.
    let able = crate::names::must_be_active(tx, recorded.workspace, event.person_id, "person_id").is_ok()
        && event.team_id.is_none_or(|team| crate::names::must_be_team(tx, recorded.workspace, team).is_ok());
    if able && case.assign(tx, &ctx, &wanted)? {
        case.save(tx)?;
    }
    Ok(())
}
