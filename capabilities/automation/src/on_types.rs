//! The forms of case types, so that rules compare answers right: money as an amount, a tree choice as its path.

use shouwen_contracts::Event;
use shouwen_contracts::casework::CaseTypeEvent;
use shouwen_kernel::Result;
use shouwen_store::{Recorded, Subscription, Tx, params};

use crate::loaded;

/// A projection: rebuilt from the log.
pub const SUBSCRIPTION: Subscription = Subscription { name: "automation.forms", version: 1, reset: Some(reset), kinds: CaseTypeEvent::KINDS, handle };

fn reset(tx: &Tx<'_>) -> Result<()> {
    tx.run("DELETE FROM rule_form", params![])
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    loaded::outdate();
    let (key, form) = match recorded.event::<CaseTypeEvent>()? {
        Some(CaseTypeEvent::TypeSaved(saved)) => (saved.key, saved.form),
        Some(CaseTypeEvent::TypeRemoved(removed)) => (removed.key, None),
        None => return Ok(()),
    };
    match form {
        Some(form) => tx.run(
            "INSERT INTO rule_form (workspace_id, case_type, form) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, case_type) DO UPDATE SET form = ?3",
            params![recorded.workspace, key, form],
        ),
        None => tx.run("DELETE FROM rule_form WHERE workspace_id = ?1 AND case_type = ?2", params![recorded.workspace, key]),
    }
}
