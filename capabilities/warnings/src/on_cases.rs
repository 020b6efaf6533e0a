//! What casework tells of the cases of warnings and crises, and warnings that rules wish for.

use serde_json::Value;
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::warnings::{CaseKnown, Closed};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{Actor, CaseId, PersonId, Problem, Result, WarningId, WorkspaceId};
use shouwen_rules::{Action, Words};
use shouwen_store::{Recorded, Subscription, Tx, params};
use shouwen_web::PackText;

use crate::evaluate::{self, Birth, house};
use crate::maths::Grade;
use crate::threshold::Group;
use crate::warning::{StepRow, Warning};
use crate::{crisis_case, facts, people, timers, wishes};

/// Writes state, so it is never rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription {
    name: "warnings.cases",
    version: 1,
    reset: None,
    kinds: &["case.opened", "case.closed", "case.reopened", "case.edited", "case.stage", "case.wish_refused", "wish.action"],
    handle,
};
/// Time to answer a warning a rule opened, when it does not say.
const HOURS: i64 = 24;
/// Wishes older than this (seconds) are not heard any more.
const STALE: i64 = 86_400;

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let workspace = recorded.workspace;
    if let Some(WishEvent::ActionWish(wish)) = recorded.event::<WishEvent>()? {
        // A log that is older than this capability is full of wishes nobody heard; they are past.
        return if recorded.at < tx.now().plus_seconds(-STALE) { Ok(()) } else { wished(tx, workspace, &wish) };
    }
    match recorded.event::<CaseEvent>()? {
        Some(CaseEvent::Opened(o)) => match recorded.actor()? {
            Actor::System { name } => {
                if let Some(id) = name.strip_prefix("warning:").and_then(|id| id.parse().ok()).filter(|_| o.case_type == "warning") {
                    return opened(tx, workspace, id, o.case_id, &o.number);
                }
                match name.strip_prefix("crisis:").and_then(|id| id.parse().ok()).filter(|_| o.case_type == "crisis") {
                    Some(id) => crisis_case::opened(tx, workspace, id, o.case_id, &o.number),
                    None => Ok(()),
                }
            }
            _ => Ok(()),
        },
        Some(CaseEvent::Closed(c)) => {
            closed(tx, workspace, c.case_id, c.by)?;
            crisis_case::closed(tx, workspace, c.case_id, c.by)
        }
        Some(CaseEvent::Reopened(r)) => {
            reopened(tx, workspace, r.case_id)?;
            crisis_case::reopened(tx, workspace, r.case_id)
        }
        Some(CaseEvent::Edited(e)) if e.field.starts_with("fields.") => crisis_case::edited(tx, workspace, &e, recorded.actor()?.person_id()),
        Some(CaseEvent::StageChanged(s)) => crisis_case::moved(tx, workspace, &s, recorded.actor()?.person_id()),
        Some(CaseEvent::WishRefused(r)) => refused(tx, workspace, &r.source, &r.problem),
        _ => Ok(()),
    }
}

/// The case a warning wished for is there.
fn opened(tx: &Tx<'_>, workspace: WorkspaceId, id: WarningId, case: CaseId, number: &str) -> Result<()> {
    let Some(before) = Warning::lock(tx, workspace, id)?.filter(|w| w.case_id.is_none()) else { return Ok(()) };
    tx.run("UPDATE warning_warning SET case_id = ?2, case_number = ?3, case_problem = NULL WHERE id = ?1", params![id.0, case, number])?;
    let Some(w) = Warning::load(tx, workspace, id)? else { return Ok(()) };
    let ctx = house(workspace, id);
    w.emit(tx, &ctx, CaseKnown { warning_id: id, case_id: case })?;
    wishes::watch(tx, &ctx, case, &format!("warning:{id}"), &w.people(tx)?)?;
    // It climbed before its case was there.
    if before.graded_at > before.raised_at {
        wishes::graded(tx, &ctx, &w, case, &format!("warning:{id}:known"))?;
    }
    if let Some(answer) = &w.answer {
        answered(tx, &w, case, answer)?;
    }
    Ok(())
}

/// The case of an answered warning: the answer stands in its form, and it goes on.
pub fn answered(tx: &Tx<'_>, w: &Warning, case: CaseId, answer: &str) -> Result<()> {
    let ctx = house(w.workspace, w.id);
    let source = format!("warning:{}:answer:{}", w.id, w.graded_at.micros());
    wishes::act(tx, &ctx, case, format!("{source}:response"), crate::warning::field("response", answer), "")?;
    wishes::stage(tx, &ctx, case, &source, "responding")
}

/// Ends a warning: its case is closed, or there never was one.
pub fn end(tx: &Tx<'_>, w: &Warning, by: Option<PersonId>, text: Option<&str>) -> Result<()> {
    tx.run("UPDATE warning_warning SET state = 'closed', live = ?2, closed_at = ?3, closed_by = ?4, version = version + 1 WHERE id = ?1", params![w.id.0, false, tx.now(), by])?;
    if let Some(threshold) = w.threshold_id {
        tx.run("UPDATE warning_group SET open_id = NULL WHERE threshold_id = ?1 AND grp = ?2 AND open_id = ?3", params![threshold, w.grp, w.id.0])?;
    }
    timers::rest(tx, w.id)?;
    w.note(tx, &StepRow { kind: "closed", person: by, text, ..StepRow::default() })?;
    w.emit(tx, &house(w.workspace, w.id), Closed { warning_id: w.id, case_id: w.case_id, by, at: tx.now() })
}

fn closed(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, by: Option<PersonId>) -> Result<()> {
    match Warning::of_case(tx, workspace, case)?.filter(|w| w.state != "closed") {
        Some(w) => end(tx, &w, by, None),
        None => Ok(()),
    }
}

/// The case of a closed warning is taken up again: so is the warning, unless the group has a newer one.
fn reopened(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<()> {
    let Some(w) = Warning::of_case(tx, workspace, case)?.filter(|w| w.state == "closed") else { return Ok(()) };
    if let Some(threshold) = w.threshold_id {
        let taken = tx.execute("UPDATE warning_group SET open_id = ?3 WHERE threshold_id = ?1 AND grp = ?2 AND open_id IS NULL", params![threshold, w.grp, w.id.0])?;
        if taken == 0 {
            return Ok(());
        }
    }
    let state = if w.answered_at.is_some() { "answered" } else { "open" };
    tx.run("UPDATE warning_warning SET state = ?2, live = ?3, closed_at = NULL, closed_by = NULL, version = version + 1 WHERE id = ?1", params![w.id.0, state, true])?;
    if state == "open" && w.overdue_at.is_none() {
        timers::await_answer(tx, &w)?;
    }
    w.note(tx, &StepRow { kind: "reopened", ..StepRow::default() })
}

/// casework could not open the case; the warning goes on without one, and says why.
fn refused(tx: &Tx<'_>, workspace: WorkspaceId, source: &str, problem: &Value) -> Result<()> {
    let message = problem.get("message").and_then(Value::as_str).unwrap_or("refused");
    if let Some(id) = source.strip_prefix("warning:").and_then(|id| id.parse::<WarningId>().ok()) {
        return tx.run("UPDATE warning_warning SET case_problem = ?3 WHERE id = ?1 AND workspace_id = ?2 AND case_id IS NULL", params![id.0, workspace, message]);
    }
    match source.strip_prefix("crisis:").and_then(|id| id.parse::<shouwen_kernel::ObjectId>().ok()) {
        Some(id) => tx.run("UPDATE warning_crisis SET case_problem = ?3 WHERE id = ?1 AND workspace_id = ?2 AND case_id IS NULL", params![id, workspace, message]),
        None => Ok(()),
    }
}

/// A rule wishes for a warning about a case (`open_warning`). One is open for each rule and category at a time.
fn wished(tx: &Tx<'_>, workspace: WorkspaceId, wish: &ActionWish) -> Result<()> {
    if wish.action.get("do").and_then(Value::as_str) != Some("open_warning") {
        return Ok(());
    }
    let action: Action = serde_json::from_value(wish.action.clone()).map_err(|e| Problem::invalid("action", e.to_string()))?;
    let Action::OpenWarning { grade, title, category, team, respond_within } = action else { return Ok(()) };
    let Some(grade) = Grade::of(&grade) else { return Ok(()) };
    let fact = facts::load(tx, workspace, wish.case_id)?;
    let category = category.or_else(|| fact.as_ref().and_then(|f| f.category.clone()));
    let rule = wish.chain.last().cloned().unwrap_or_else(|| "rule".to_owned());
    let grp = format!("rule\u{1f}{rule}\u{1f}{}", category.clone().unwrap_or_default());
    let open: Option<(uuid::Uuid,)> =
        tx.opt("SELECT id FROM warning_warning WHERE workspace_id = ?1 AND live = ?2 AND threshold = ?3 AND grp = ?4 ORDER BY raised_at LIMIT 1", params![workspace, true, rule, grp])?;
    if let Some((id,)) = open {
        return tx.run("UPDATE warning_warning SET found = found + 1, peak = peak + 1 WHERE id = ?1", params![id]);
    }
    let parties = team.iter().map(|t| if t.starts_with("team:") { t.clone() } else { format!("team:{t}") }).collect::<Vec<_>>();
    let region = fact.as_ref().and_then(|f| f.region.clone());
    let people = people::meant(tx, workspace, &if parties.is_empty() { vec!["role:supervisor".to_owned()] } else { parties }, region.as_deref())?;
    let hours = respond_within.and_then(shouwen_rules::Span::seconds).unwrap_or(HOURS * 3600);
    let both = |words: &Words| {
        let line = |text: &str| shouwen_kernel::text::clip(text, 190);
        PackText { zh: line(words.pick("zh")), en: line(words.pick("en")) }
    };
    let birth = Birth {
        threshold_id: None,
        threshold: rule,
        grp,
        title: both(&title),
        grade,
        why: "rule",
        count: 1,
        limit: 1,
        window_s: 86_400,
        response: PackText { zh: "核实情况，提出处置措施并答复。".to_owned(), en: "Find out what is the matter, say what is done, and answer.".to_owned() },
        respond_by: tx.now().plus_seconds(hours),
        people,
        team_id: None,
        related: vec![wish.case_id],
        group: Group { category, region, product: fact.and_then(|f| f.product) },
    };
    evaluate::bear(tx, workspace, &birth).map(|_| ())
}
