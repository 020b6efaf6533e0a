//! Changing a case type while cases of it are running: checked, kept as a version, and the cases that stand in a stage
//! that is gone go where the change says.

use shouwen_kernel::{CaseId, PersonId, Problem, Result, WorkspaceId};
use shouwen_stages::{CaseType, Definition, Fault, Status};
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

/// What a definition would do to cases by itself that no person may: carry them into the archive although nobody verified
/// their end, or out of it.
pub fn carried(tx: &Tx<'_>, workspace: WorkspaceId, definition: &Definition) -> Result<Vec<Fault>> {
    let types = type_store::types(tx, workspace)?;
    let Some(before) = types.find(&definition.key) else { return Ok(Vec::new()) };
    let mut faults = Vec::new();
    for (stage, count) in in_use(tx, workspace, &definition.key)? {
        let Some(was) = before.machine.stage(&stage).map(|s| s.status) else { continue };
        let place = definition.stages.iter().position(|s| s.key == stage);
        let (path, to) = match (place, definition.moved.get(&stage)) {
            (Some(place), _) => (format!("stage[{place}].status"), Some(place)),
            (None, Some(to)) => (format!("moved.{stage}"), definition.stages.iter().position(|s| s.key == *to)),
            (None, None) => continue,
        };
        let Some(is) = to.and_then(|to| definition.stages.get(to)).map(|s| s.status) else { continue };
        if (was == Status::Closed) != (is == Status::Closed) {
            let (wrong, right) = if is == Status::Closed {
                (format!("{count} cases stand in `{stage}` and would be archived although nobody verified their end"), "a stage that is not closed; archive those cases first")
            } else {
                (format!("{count} cases are archived in `{stage}` and would come out of the archive"), "a stage with status = \"closed\"")
            };
            faults.push(Fault::new(path, wrong, right));
        }
    }
    Ok(faults)
}

/// Saves a definition; its version and how many cases go to another stage. They go in small transactions, at once
/// afterwards; until then their old stage reads as the new one.
pub fn change(tx: &Tx<'_>, ctx: &Ctx, definition: &Definition, origin: type_store::Origin<'_>, by: Option<PersonId>) -> Result<(i64, u64)> {
    let machine = CaseType::new(definition.clone()).map_err(type_store::faulty)?;
    let mut moved = 0;
    let mut lost = Vec::new();
    let faults = carried(tx, ctx.workspace, definition)?;
    if !faults.is_empty() {
        return Err(type_store::faulty(faults));
    }
    let types = type_store::types(tx, ctx.workspace)?;
    for (stage, count) in in_use(tx, ctx.workspace, &definition.key)? {
        if let Some(stays) = definition.stages.iter().find(|s| s.key == stage) {
            // The stage means something else for lists and clocks now: its cases are told of it.
            if types.find(&definition.key).and_then(|before| before.machine.stage(&stage)).is_some_and(|before| before.status != stays.status) {
                moved += count as u64;
            }
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
        let Some(target) = kind.machine.stage(&stage) else { continue };
        // In a stage that stays only those whose status is another one now.
        let known = if target.key == stage { target.status.word() } else { "" };
        let ids: Vec<(CaseId,)> = tx.all(
            "SELECT id FROM case_case WHERE workspace_id = ?1 AND case_type = ?2 AND stage = ?3 AND status <> ?5 ORDER BY id LIMIT ?4",
            params![timer.workspace, key, stage, left, known],
        )?;
        for (id,) in &ids {
            let Some(mut case) = Case::lock(tx, timer.workspace, *id)? else { continue };
            let why = Some("the case type was changed".to_owned());
            if case.put_in(tx, &ctx, target, why.clone())? || case.restate(tx, &ctx, target, why)? {
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
