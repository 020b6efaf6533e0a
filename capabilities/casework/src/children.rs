//! Work orders (子工单) as their parent sees them: whom it waits for and since when.

use serde::Serialize;
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, ChildClosed, ChildOpened};
use shouwen_kernel::{CaseId, OrgUnitId, PersonId, Problem, Result, TeamId, Time};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::Viewer;
use utoipa::ToSchema;

use crate::case::Case;
use crate::{deed, verified};
use crate::names::{self, Named};

/// A work order that is not done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WaitingView {
    pub case_id: CaseId,
    pub number: String,
    /// Empty when the viewer may not see that case.
    pub title: String,
    pub stage: String,
    pub status: String,
    pub team: Option<Named<TeamId>>,
    pub org_unit: Option<Named<OrgUnitId>>,
    pub assignee: Option<Named<PersonId>>,
    /// Since when the parent waits.
    pub since: Time,
    pub seconds: i64,
    pub due_at: Option<Time>,
    pub reminders: i64,
    pub reminded_at: Option<Time>,
}

/// Its open work orders, oldest first.
pub fn open_of(tx: &Tx<'_>, id: CaseId) -> Result<Vec<CaseId>> {
    Ok(tx.all::<(CaseId,)>("SELECT id FROM case_case WHERE parent_id = ?1 AND status <> 'closed' ORDER BY id LIMIT 200", params![id])?.into_iter().map(|row| row.0).collect())
}

/// Whom a case waits for.
pub fn waiting_for(tx: &Tx<'_>, viewer: &Viewer, case: &Case) -> Result<Vec<WaitingView>> {
    let mut out = Vec::new();
    for id in open_of(tx, case.id)? {
        let Some(child) = Case::load(tx, case.workspace, id)? else { continue };
        let seen = deed::may(viewer, "case.read", &child);
        out.push(WaitingView {
            case_id: id,
            team: names::team(tx, child.team_id)?,
            org_unit: names::org_unit(tx, child.org_unit_id)?,
            assignee: names::person(tx, child.assignee_id)?,
            since: child.opened_at,
            seconds: (tx.now().micros() - child.opened_at.micros()) / 1_000_000,
            due_at: child.ties.due_at,
            reminders: child.ties.reminders,
            reminded_at: child.ties.reminded_at,
            title: if seen { child.title } else { String::new() },
            number: child.number,
            stage: child.stage,
            status: child.status,
        });
    }
    Ok(out)
}

/// Refuses the end of a case that others still work for, unless it is said why.
pub fn must_be_done(tx: &Tx<'_>, case: &Case, despite: Option<&str>) -> Result<()> {
    let open = open_of(tx, case.id)?;
    if open.is_empty() || despite.is_some_and(|why| !why.trim().is_empty()) {
        return Ok(());
    }
    let mut shown = Vec::new();
    for id in open {
        if let Some((number, team)) = tx.opt::<(String, Option<TeamId>)>("SELECT number, team_id FROM case_case WHERE id = ?1", params![id])? {
            shown.push(json!({ "case_id": id, "number": number, "team": names::team(tx, team)? }));
        }
    }
    Err(Problem::conflict("case.waiting", format!("{} work orders of case {} are still open", shown.len(), case.number))
        .field("despite_open")
        .expected("finish them first, or say in `despite_open` why the case ends without them")
        .detail(json!({ "waiting_for": shown })))
}

/// Tells the parent that a work order is done (`end`: resolution and text), or open again. A parent that is verified and
/// only waited for this one goes to the archive, where its type says so.
pub fn told_parent(tx: &Tx<'_>, ctx: &Ctx, child: &Case, end: Option<(&str, Option<&str>)>) -> Result<()> {
    let Some(parent) = child.ties.parent_id else { return Ok(()) };
    let Some(mut parent) = Case::lock(tx, child.workspace, parent)? else { return Ok(()) };
    let Some((resolution, text)) = end else { return opened(tx, ctx, &parent, child, true) };
    closed(tx, ctx, &parent, child, resolution, text)?;
    if parent.status == "resolved" && parent.ties.verified_at.is_some() && parent.merged_into.is_none() {
        // Whoever ends the work order saves it afterwards; the parent must not find it open now.
        tx.execute("UPDATE case_case SET status = 'closed' WHERE id = ?1", params![child.id])?;
        verified::archive_if_due(tx, ctx, &mut parent)?;
        if parent.status == "closed" {
            parent.save(tx)?;
        }
    }
    Ok(())
}

/// Tells that a case no longer waits for a work order.
pub fn closed(tx: &Tx<'_>, ctx: &Ctx, parent: &Case, child: &Case, resolution: &str, text: Option<&str>) -> Result<()> {
    parent.emit(
        tx,
        ctx,
        CaseEvent::ChildClosed(ChildClosed {
            case_id: parent.id,
            child_id: child.id,
            number: child.number.clone(),
            title: child.title.clone(),
            resolution: resolution.to_owned(),
            text: text.map(str::to_owned),
            team_id: child.team_id,
            org_unit_id: child.org_unit_id,
            opened_at: child.opened_at,
            at: tx.now(),
        }),
    )
}

/// Tells that a case waits for a work order from now on.
pub fn opened(tx: &Tx<'_>, ctx: &Ctx, parent: &Case, child: &Case, again: bool) -> Result<()> {
    parent.emit(
        tx,
        ctx,
        ChildOpened {
            case_id: parent.id,
            child_id: child.id,
            number: child.number.clone(),
            case_type: child.case_type.clone(),
            title: child.title.clone(),
            team_id: child.team_id,
            org_unit_id: child.org_unit_id,
            assignee_id: child.assignee_id,
            due_at: child.ties.due_at,
            again,
            at: tx.now(),
        },
    )
}
