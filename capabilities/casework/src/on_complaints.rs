//! A repeated complaint is linked with the earlier ones. Links that people made stay as they are.

use serde::Deserialize;
use shouwen_contracts::casework::Linked;
use shouwen_kernel::{CaseId, Result};
use shouwen_store::{Ctx, Recorded, Subscription, Tx, params};

use crate::case::Case;
use crate::link;

/// Writes state, so it is never rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription { name: "casework.complaints", version: 1, reset: None, kinds: &["complaint.repeated"], handle };

/// Read loosely: only what a link needs.
#[derive(Deserialize)]
struct Repeated {
    case_id: CaseId,
    #[serde(default)]
    earlier: Vec<CaseId>,
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Ok(repeated) = serde_json::from_value::<Repeated>(recorded.payload()?) else { return Ok(()) };
    let Some(mut case) = Case::lock(tx, recorded.workspace, repeated.case_id)?.filter(|case| case.merged_into.is_none()) else { return Ok(()) };
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    let mut linked = 0;
    for id in repeated.earlier.into_iter().filter(|id| *id != repeated.case_id) {
        let known: Option<(String,)> = tx.opt("SELECT kind FROM case_link WHERE case_id = ?1 AND other_id = ?2", params![case.id, id])?;
        let other = if known.is_some() { None } else { Case::load(tx, case.workspace, id)? };
        let Some(other) = other.filter(|other| other.merged_into.is_none()) else { continue };
        link::write(tx, &ctx, &case, id, "related")?;
        case.emit(tx, &ctx, Linked { case_id: case.id, other: id, link: "related".to_owned(), removed: false })?;
        other.emit(tx, &ctx, Linked { case_id: id, other: case.id, link: "related".to_owned(), removed: false })?;
        linked += 1;
    }
    if linked > 0 { case.save(tx) } else { Ok(()) }
}
