//! What reviews decided: the case goes where the stage it stands in says.

use serde::Deserialize;
use shouwen_kernel::{CaseId, Result};
use shouwen_store::{Ctx, Recorded, Subscription, Tx};

use crate::case::Case;
use crate::{input, kinds};

/// Writes state, so it is never rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription { name: "casework.reviews", version: 1, reset: None, kinds: &["review.approved", "review.returned"], handle };

/// Read loosely: only what a case needs.
#[derive(Deserialize)]
struct Decided {
    case_id: CaseId,
    /// An approval of an amount in the same case is no answer to the review of its stage.
    #[serde(default)]
    flow: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    // What is reviewed need not be a case.
    let Ok(decided) = serde_json::from_value::<Decided>(recorded.payload()?) else { return Ok(()) };
    let Some(mut case) = Case::lock(tx, recorded.workspace, decided.case_id)? else { return Ok(()) };
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    // A case that went on in the meantime is not called back.
    let Some(stage) = kind.machine.stage(&case.stage).filter(|s| s.review.is_some() && case.ties.review.as_deref() == Some("pending")) else { return Ok(()) };
    if decided.flow.is_some() && decided.flow != stage.review {
        return Ok(());
    }
    let approved = recorded.kind == "review.approved";
    let Some(target) = (if approved { &stage.approved } else { &stage.returned }).as_ref().and_then(|key| kind.machine.stage(key)) else { return Ok(()) };
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    case.ties.review = Some(if approved { "approved" } else { "returned" }.to_owned());
    let word = if approved { "the review approved it" } else { "the review returned it" };
    let reason = input::reason(decided.reason.as_deref()).unwrap_or_else(|| word.to_owned());
    case.put_in(tx, &ctx, target, Some(reason))?;
    case.save(tx)
}
