//! What warnings and crises ask casework to do to their cases.

use serde_json::{Value, json};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{CaseId, PersonId, Result};
use shouwen_store::{Ctx, Tx};

use crate::maths::Grade;
use crate::warning::{Warning, field};
use crate::evaluate::priority;

/// Asks for one action. `source` names the wish once and for all.
pub fn act(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, source: String, action: Value, reason: &str) -> Result<()> {
    tx.emit::<WishEvent>(ctx, Some(case.0), None, ActionWish { source, case_id: case, action, reason: reason.to_owned(), chain: Vec::new() })
}

/// These people watch the case: they see it, whatever their rights reach otherwise.
pub fn watch(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, source: &str, people: &[PersonId]) -> Result<()> {
    // One wish each: somebody who has just left must not keep the others out.
    for person in people {
        act(tx, ctx, case, format!("{source}:watch:{person}"), json!({ "do": "watch", "who": [format!("person:{person}")] }), "")?;
    }
    Ok(())
}

/// The case of a warning that climbed shows its grade, and why.
pub fn climbed(tx: &Tx<'_>, ctx: &Ctx, w: &Warning, account: &str, people: &[PersonId]) -> Result<()> {
    let Some(case) = w.case_id else { return Ok(()) };
    let source = format!("warning:{}:{}:{}", w.id, w.grade.word(), tx.now().micros());
    graded(tx, ctx, w, case, &source)?;
    act(tx, ctx, case, format!("{source}:note"), json!({ "do": "add_note", "text": { "zh": account, "en": account } }), "")?;
    watch(tx, ctx, case, &source, people)
}

/// Grade, count and priority of the case become those of the warning.
pub fn graded(tx: &Tx<'_>, ctx: &Ctx, w: &Warning, case: CaseId, source: &str) -> Result<()> {
    act(tx, ctx, case, format!("{source}:grade"), field("grade", w.grade.word()), "")?;
    act(tx, ctx, case, format!("{source}:found"), field("found", w.found), "")?;
    act(tx, ctx, case, format!("{source}:required"), field("required", w.response.zh.clone()), "")?;
    if w.grade >= Grade::Orange {
        act(tx, ctx, case, format!("{source}:priority"), json!({ "do": "set_priority", "priority": priority(w.grade) }), "")?;
    }
    Ok(())
}

/// Moves a case to a stage of its type.
pub fn stage(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, source: &str, stage: &str) -> Result<()> {
    act(tx, ctx, case, format!("{source}:{stage}"), json!({ "do": "move_stage", "stage": stage }), "")
}
