//! Which clocks rest in which stage, as the case types say, and what of a case its clocks need.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{Access, CaseId, Result, WorkspaceId};
use shouwen_store::{Ctx, Json, Recorded, Timer, Tx, params};

use crate::on_cases;
use crate::replan::{About, about_of};

/// The event of casework that a type of case was saved. Read loosely: only what clocks need.
pub const TYPE_SAVED: &str = "case_type.saved";
/// Cases in a stage whose clocks rest otherwise than before.
pub const KIND: &str = "clock.stage";
const CHUNK: usize = 1000;

#[derive(Deserialize)]
struct Saved {
    key: String,
    #[serde(default)]
    stages: Vec<SavedStage>,
}

#[derive(Deserialize)]
struct SavedStage {
    key: String,
    #[serde(default)]
    pause: Vec<String>,
}

/// Keeps what a type says of its stages; where it changed, cases standing there are looked at again.
pub fn on_saved(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let saved: Saved = serde_json::from_value(recorded.payload()?)?;
    let workspace = recorded.workspace;
    let before: Vec<(String, Json<Vec<String>>)> = tx.all("SELECT stage, pause FROM clock_stage WHERE workspace_id = ?1 AND case_type = ?2", params![workspace, saved.key])?;
    let before: HashMap<String, Vec<String>> = before.into_iter().map(|(stage, pause)| (stage, pause.0)).collect();
    for stage in &saved.stages {
        if before.get(&stage.key).map_or(stage.pause.is_empty(), |known| *known == stage.pause) {
            continue;
        }
        tx.execute(
            "INSERT INTO clock_stage (workspace_id, case_type, stage, pause) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (workspace_id, case_type, stage) DO UPDATE SET pause = ?4",
            params![workspace, saved.key, stage.key, Json(&stage.pause)],
        )?;
        tx.set_timer(workspace, KIND, &format!("{workspace}/{}/{}", saved.key, stage.key), tx.now(), &json!({ "type": saved.key, "stage": stage.key, "after": CaseId::NIL }))?;
    }
    for gone in before.keys().filter(|known| !saved.stages.iter().any(|stage| stage.key == **known)) {
        tx.execute("DELETE FROM clock_stage WHERE workspace_id = ?1 AND case_type = ?2 AND stage = ?3", params![workspace, saved.key, gone])?;
    }
    Ok(())
}

/// The clocks that rest in a stage; read once a transaction for each type.
pub fn pauses(tx: &Tx<'_>, workspace: WorkspaceId, case_type: &str, stage: &str) -> Result<Vec<String>> {
    let of_type = tx.known(&format!("clock.stages/{workspace}/{case_type}"), || {
        let rows: Vec<(String, Json<Vec<String>>)> = tx.all("SELECT stage, pause FROM clock_stage WHERE workspace_id = ?1 AND case_type = ?2", params![workspace, case_type])?;
        Ok(rows.into_iter().map(|(stage, pause)| (stage, pause.0)).collect::<HashMap<_, _>>())
    })?;
    Ok(of_type.get(stage).cloned().unwrap_or_default())
}

/// Looks at a chunk of the cases in a stage again.
pub fn run(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let text = |name: &str| timer.payload[name].as_str().unwrap_or_default().to_owned();
    let after: CaseId = serde_json::from_value(timer.payload["after"].clone())?;
    let cases: Vec<(CaseId,)> = tx.all(
        "SELECT case_id FROM clock_case WHERE workspace_id = ?1 AND case_type = ?2 AND stage = ?3 AND case_id > ?4 ORDER BY case_id LIMIT ?5",
        params![timer.workspace, text("type"), text("stage"), after, CHUNK],
    )?;
    let ctx = Ctx::system(timer.workspace, "clock");
    for (case,) in &cases {
        on_cases::rest_as_said(tx, &ctx, *case, "stage")?;
    }
    match cases.last() {
        Some((last,)) if cases.len() == CHUNK => tx.set_timer(timer.workspace, KIND, &timer.key, tx.now(), &json!({ "type": text("type"), "stage": text("stage"), "after": last })),
        _ => Ok(()),
    }
}

/// What the plans of the open clocks `column` = `id` of the cases `after` < case ≤ `last` need.
pub fn about(tx: &Tx<'_>, column: &str, id: uuid::Uuid, after: CaseId, last: CaseId) -> Result<HashMap<CaseId, About>> {
    let rows: Vec<(CaseId, Json<Access>, Json<serde_json::Value>)> = tx.all(
        &format!(
            "SELECT case_id, access, facts FROM clock_case WHERE case_id IN (SELECT case_id FROM clock_clock WHERE {column} = ?1 AND state IN ('running', 'paused') AND case_id > ?2 AND case_id <= ?3)"
        ),
        params![id, after, last],
    )?;
    Ok(rows.into_iter().map(|(case, access, facts)| (case, about_of(access, &facts.0))).collect())
}
