//! Changing a case type while cases of it are running: checked, kept as a version, and the cases that stand in a stage
//! that is gone go where the change says.

use shouwen_kernel::{CaseId, PersonId, Problem, Result, WorkspaceId};
use shouwen_stages::{CaseType, Definition};
use shouwen_store::{Ctx, Timer, TimerHandler, Tx, params};

use crate::case::Case;
use crate::{kinds, type_store};

/// Carries cases on that stand in a stage that is gone; its key is the type.
pub const TIMER: TimerHandler = TimerHandler { kind: TIMER_KIND, handle: go_on };
const TIMER_KIND: &str = "case.type_moves";
/// Cases of one transaction.
const CHUNK: usize = 200;

/// How many cases of a type stand in each stage.
pub fn in_use(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<Vec<(String, i64)>> {
    tx.all("SELECT stage, count(*) FROM case_case WHERE workspace_id = ?1 AND case_type = ?2 GROUP BY stage ORDER BY stage", params![workspace, key])
}

/// Whether there is any case of a type.
pub fn is_used(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<bool> {
    Ok(tx.opt::<(i64,)>("SELECT 1 FROM case_case WHERE workspace_id = ?1 AND case_type = ?2 LIMIT 1", params![workspace, key])?.is_some())
}

/// Saves a definition; its version and how many cases go to another stage. They go in small transactions, at once
/// afterwards; until then their old stage reads as the new one.
pub fn change(tx: &Tx<'_>, ctx: &Ctx, definition: &Definition, origin: type_store::Origin<'_>, by: Option<PersonId>) -> Result<(i64, u64)> {
    let machine = CaseType::new(definition.clone()).map_err(type_store::faulty)?;
    let mut moved = 0;
    let mut lost = Vec::new();
    for (stage, count) in in_use(tx, ctx.workspace, &definition.key)? {
        if definition.stages.iter().any(|s| s.key == stage) {
            continue;
        }
        match machine.stage(&stage) {
            Some(_) => moved += count as u64,
            None => lost.push((stage, count)),
        }
    }
    if let Some((stage, count)) = lost.first() {
        return Err(Problem::conflict("case_type.stage_in_use", format!("{count} cases stand in the stage `{stage}`, which the new version does not have"))
            .field(format!("definition.moved.{stage}"))
            .expected(format!("moved = {{ {stage} = \"STAGE\" }}: where they go"))
            .detail(serde_json::json!({ "stages": lost.iter().map(|(stage, count)| serde_json::json!({ "stage": stage, "cases": count })).collect::<Vec<_>>() })));
    }
    let version = type_store::save(tx, ctx, definition, origin, by)?;
    if moved > 0 {
        tx.set_timer(ctx.workspace, TIMER_KIND, &format!("{}/{}", ctx.workspace, definition.key), tx.now(), &serde_json::json!({ "type": definition.key }))?;
    }
    Ok((version, moved))
}

fn go_on(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let key = timer.payload["type"].as_str().unwrap_or_default().to_owned();
    let ctx = Ctx::system(timer.workspace, "case_types");
    let Ok(kind) = kinds::case_type(tx, timer.workspace, &key) else { return Ok(()) };
    let mut left = CHUNK;
    for (stage, _) in in_use(tx, timer.workspace, &key)? {
        if kind.definition().stages.iter().any(|s| s.key == stage) {
            continue;
        }
        let Some(target) = kind.machine.stage(&stage) else { continue };
        let ids: Vec<(CaseId,)> =
            tx.all("SELECT id FROM case_case WHERE workspace_id = ?1 AND case_type = ?2 AND stage = ?3 ORDER BY id LIMIT ?4", params![timer.workspace, key, stage, left])?;
        for (id,) in &ids {
            if let Some(mut case) = Case::lock(tx, timer.workspace, *id)?
                && case.put_in(tx, &ctx, target, Some("the case type was changed".to_owned()))?
            {
                case.save(tx)?;
            }
        }
        left -= ids.len();
        if left == 0 {
            return tx.set_timer(timer.workspace, TIMER_KIND, &timer.key, tx.now(), &timer.payload);
        }
    }
    Ok(())
}
