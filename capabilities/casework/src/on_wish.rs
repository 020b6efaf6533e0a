//! What other capabilities wish of casework: a case to be opened, something to be done to a case. A wish told twice is
//! carried out once; one that cannot be carried out is told as `case.wish_refused`, and stands in the timeline.

use serde_json::{Map, Value as Json};
use shouwen_contracts::casework::{CaseEvent, Linked, WishRefused};
use shouwen_contracts::wish::{ActionWish, CaseWish, WishEvent};
use shouwen_kernel::{CaseId, CustomerId, Problem, Result};
use shouwen_store::{Ctx, Recorded, Subscription, Tx, params};

use crate::case::Case;
use crate::deed::Deed;
use crate::work_order::{self, Opening};
use crate::{input, link, note, tag, wish_action};

/// Writes state, so it is never rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription { name: "casework.wishes", version: 1, reset: None, kinds: &["wish.case", "wish.action"], handle };

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(event) = recorded.event::<WishEvent>()? else { return Ok(()) };
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    let (source, case_id) = match &event {
        WishEvent::CaseWish(w) => (w.source.clone(), w.parent_id),
        WishEvent::ActionWish(w) => (w.source.clone(), Some(w.case_id)),
    };
    // Whoever is first writes the row; the same wish again finds it.
    let fresh = tx.execute(
        "INSERT INTO case_wish (workspace_id, source, case_id, outcome, at) VALUES (?1, ?2, ?3, 'done', ?4) ON CONFLICT (workspace_id, source) DO NOTHING",
        params![ctx.workspace, source, case_id, tx.now()],
    )?;
    if fresh == 0 {
        return Ok(());
    }
    let outcome = tx.savepoint(|tx| match &event {
        WishEvent::CaseWish(wish) => open(tx, &ctx, wish).map(Some),
        WishEvent::ActionWish(wish) => act(tx, &ctx, wish).map(|()| None),
    });
    match outcome {
        Ok(None) => Ok(()),
        Ok(Some(opened)) => {
            tx.execute("UPDATE case_wish SET case_id = ?3 WHERE workspace_id = ?1 AND source = ?2", params![ctx.workspace, source, opened])?;
            Ok(())
        }
        // The event comes again.
        Err(problem) if problem.is_transient() => Err(problem),
        Err(problem) => {
            tx.execute("UPDATE case_wish SET outcome = 'refused' WHERE workspace_id = ?1 AND source = ?2", params![ctx.workspace, source])?;
            let case = case_id.map(|id| Case::load(tx, ctx.workspace, id)).transpose()?.flatten();
            let reason = match &event {
                WishEvent::ActionWish(w) => w.reason.clone(),
                WishEvent::CaseWish(w) => w.title.clone(),
            };
            let told = WishRefused { case_id: case.as_ref().map(|c| c.id), source, reason, problem: serde_json::to_value(&problem)? };
            tx.emit::<CaseEvent>(&ctx, case.as_ref().map(|c| c.id.0), case.as_ref().map(Case::access).as_ref(), told)
        }
    }
}

fn open(tx: &Tx<'_>, ctx: &Ctx, wish: &CaseWish) -> Result<CaseId> {
    let fields: Map<String, Json> = match &wish.fields {
        Json::Null => Map::new(),
        Json::Object(fields) => fields.clone(),
        other => return Err(Problem::invalid("fields", format!("`{}` are no answers", shouwen_kernel::text::clip(&other.to_string(), 40))).expected("an object: field → answer")),
    };
    let mut parent = wish.parent_id.map(|id| Case::lock(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("case"))).transpose()?;
    let customer = match wish.customer_id {
        Some(id) => {
            let known: Option<(String,)> = tx.opt("SELECT name FROM case_customer WHERE id = ?1 AND workspace_id = ?2", params![id, ctx.workspace])?;
            Some((id, known.ok_or_else(|| Problem::invalid("customer_id", format!("there is no customer {id}")))?.0))
        }
        None => parent.as_ref().and_then(|p| Some((p.customer_id?, p.customer_name.clone().unwrap_or_default()))),
    };
    let wanted = Opening {
        case_type: wish.case_type.clone(),
        title: input::line("title", &wish.title, 200)?,
        priority: wish.priority.clone().or(parent.as_ref().map(|p| p.priority.clone())).unwrap_or_else(|| "normal".to_owned()),
        team_id: wish.team_id,
        org_unit_id: wish.org_unit_id.or(parent.as_ref().filter(|_| wish.team_id.is_none()).and_then(|p| p.org_unit_id)),
        assignee_id: wish.assignee_id,
        accountable_id: None,
        language: language(tx, &customer, parent.as_ref())?,
        customer,
        tags: tag::checked(&wish.tags)?,
        fields,
        due_at: None,
        parent: wish.parent_id,
    };
    let mut case = work_order::open(tx, ctx, &wanted)?;
    if let Some(parent) = &mut parent {
        work_order::tie(tx, ctx, parent, &mut case)?;
        parent.store(tx)?;
    }
    for other in &wish.related {
        if let Some(other) = Case::load(tx, ctx.workspace, *other)?.filter(|o| o.id != case.id) {
            link::write(tx, ctx, &case, other.id, "related")?;
            case.emit(tx, ctx, Linked { case_id: case.id, other: other.id, link: "related".to_owned(), removed: false })?;
        }
    }
    if !wish.text.trim().is_empty() {
        note::write(tx, &Deed::of_house(ctx), &mut case, &wish.text, None, &[], &[], None)?;
    }
    case.store(tx)?;
    tx.audit(ctx, "case.created", "case", Some(case.id.0), Some(serde_json::json!({ "source": wish.source })))?;
    Ok(case.id)
}

fn language(tx: &Tx<'_>, customer: &Option<(CustomerId, String)>, parent: Option<&Case>) -> Result<Option<String>> {
    if let Some(language) = parent.and_then(|p| p.language.clone()) {
        return Ok(Some(language));
    }
    let Some((id, _)) = customer else { return Ok(None) };
    Ok(tx.opt::<(Option<String>,)>("SELECT language FROM case_customer WHERE id = ?1", params![id])?.and_then(|row| row.0))
}

fn act(tx: &Tx<'_>, ctx: &Ctx, wish: &ActionWish) -> Result<()> {
    let action: shouwen_rules::Action = serde_json::from_value(wish.action.clone()).map_err(|e| Problem::invalid("action", format!("the action cannot be read: {e}")).expected("an action of shouwen-rules"))?;
    if !wish_action::is_ours(&action) {
        return Ok(());
    }
    let mut case = Case::lock(tx, ctx.workspace, wish.case_id)?.ok_or_else(|| Problem::not_found("case"))?;
    case.must_be_whole()?;
    wish_action::carry_out(tx, ctx, &mut case, &action, &wish.reason)
}
