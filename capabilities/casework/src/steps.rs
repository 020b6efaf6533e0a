//! 受理→处理→审核→告知→回访→归档→改进: the stays of a case in its steps, written as it goes on.
//!
//! The first stay is written when it ends: until then the case's own row says everything about it, and taking in a mail
//! costs nothing more.

use serde::Serialize;
use shouwen_contracts::casework::ReviewWanted;
use shouwen_kernel::{Result, Time};
use shouwen_stages::{Stage, State, Stay, Step, track};
use shouwen_store::{Ctx, Tx, params};
use utoipa::ToSchema;

use crate::case::Case;
use crate::{had, kinds};
use crate::types::Name;

/// The case leaves its stage for `target`.
pub fn go_on(tx: &Tx<'_>, ctx: &Ctx, case: &Case, target: &Stage) -> Result<()> {
    let (last,): (Option<i64>,) = tx.one("SELECT max(place) FROM case_step WHERE case_id = ?1", params![case.id])?;
    let place = match last {
        Some(place) => {
            tx.execute("UPDATE case_step SET left_at = ?3 WHERE case_id = ?1 AND place = ?2 AND left_at IS NULL", params![case.id, place, tx.now()])?;
            place + 1
        }
        None => {
            let step = step_of(tx, case)?;
            tx.execute(
                "INSERT INTO case_step (case_id, place, workspace_id, step, stage, entered_at, left_at) VALUES (?1, 1, ?2, ?3, ?4, ?5, ?6)",
                params![case.id, case.workspace, step.word(), case.stage, case.ties.stage_at.unwrap_or(case.opened_at), tx.now()],
            )?;
            2
        }
    };
    tx.execute(
        "INSERT INTO case_step (case_id, place, workspace_id, step, stage, entered_at, by_person) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![case.id, place, case.workspace, target.step.word(), target.key, tx.now(), ctx.actor.person_id()],
    )?;
    Ok(())
}

fn step_of(tx: &Tx<'_>, case: &Case) -> Result<Step> {
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    // A stage of another type: it was handled there.
    Ok(kind.machine.stage(&case.stage).map_or(Step::Handle, |s| s.step))
}

/// Asks for the review its new stage wants. A review that was left before it was decided counts as returned.
pub fn ask_review(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, target: &Stage) -> Result<()> {
    case.ties.review = match (&target.review, case.ties.review.take()) {
        (Some(_), _) => Some("pending".to_owned()),
        (None, Some(r)) if r == "pending" => Some("returned".to_owned()),
        (None, before) => before,
    };
    let (Some(flow), Some(approved), Some(returned)) = (&target.review, &target.approved, &target.returned) else { return Ok(()) };
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let judged = had::judged(tx, &kind, case, approved)?;
    case.emit(
        tx,
        ctx,
        ReviewWanted { case_id: case.id, flow: flow.clone(), stage: target.key.clone(), approved: approved.clone(), returned: returned.clone(), by: ctx.actor.person_id(), judged, at: tx.now() },
    )
}

/// One step of the closed loop of a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoopView {
    /// `accept`, `handle`, `review`, `inform`, `callback`, `archive`, `improve`.
    pub step: &'static str,
    pub title: Name,
    /// `done`, `current`, `skipped`, `ahead`.
    #[schema(value_type = String)]
    pub state: State,
    /// First time.
    pub entered_at: Option<Time>,
    /// Last time; null while it stands there.
    pub left_at: Option<Time>,
    /// Spent there in all.
    pub seconds: i64,
    /// How often it came there.
    pub visits: u32,
}

/// The track of a case.
pub fn view(tx: &Tx<'_>, case: &Case) -> Result<Vec<LoopView>> {
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let rows: Vec<(String, Time, Option<Time>)> = tx.all("SELECT step, entered_at, left_at FROM case_step WHERE case_id = ?1 ORDER BY place LIMIT 1000", params![case.id])?;
    let mut stays: Vec<Stay> =
        rows.into_iter().filter_map(|(step, from, to)| Some(Stay { step: Step::of(&step)?, entered_at: from.micros(), left_at: to.map(Time::micros) })).collect();
    if stays.is_empty() {
        stays.push(Stay { step: step_of(tx, case)?, entered_at: case.opened_at.micros(), left_at: None });
    }
    Ok(track(&kind.machine, &stays, tx.now().micros())
        .into_iter()
        .map(|leg| LoopView {
            step: leg.step.word(),
            title: Name { zh: leg.step.title().0.to_owned(), en: leg.step.title().1.to_owned() },
            state: leg.state,
            entered_at: leg.entered_at.map(Time::from_micros),
            left_at: leg.left_at.map(Time::from_micros),
            seconds: leg.micros / 1_000_000,
            visits: leg.visits,
        })
        .collect())
}
