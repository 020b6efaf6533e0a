//! Two cases that are one matter: the conversations of one move to the other. Both histories stay, and it can be taken
//! back (UX-38).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, Linked, Merged, ParentSet, Unmerged, Watched};
use shouwen_kernel::{Access, CaseId, ConversationId, ObjectId, PersonId, Problem, Result};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use shouwen_stages::Status;

use crate::CaseMerge;
use crate::case::Case;
use crate::conversation::Conversation;
use crate::deed::{CaseAnswer, Deed, Undo};
use crate::{children, hand_over, kinds, link, verified};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(merge, unmerge))
}

/// The case it goes into.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Into {
    into: CaseId,
    /// It takes a split back: the two were one matter all along, so no link stays between them.
    #[serde(default)]
    undo_split: bool,
}

/// What must be known to take a merge back.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Moved {
    conversations: Vec<ConversationId>,
    stage: String,
    /// Who began to watch the target by the merge.
    watchers: Vec<PersonId>,
    /// Types whose verification the target owes since the merge.
    #[serde(default)]
    owed: Vec<String>,
    /// Work orders that the target waits for since.
    #[serde(default)]
    children: Vec<CaseId>,
    /// The case that waits for the target since.
    #[serde(default)]
    parent: Option<CaseId>,
}

fn both(a: &Case, b: &Case) -> Access {
    let mut access = a.access();
    access.people.extend(b.access().people);
    access.people.sort_unstable();
    access.people.dedup();
    access
}

/// Locks two cases in the order of their ids, so that two merges crosswise cannot block each other.
fn open_both(tx: &Tx<'_>, deed: &Deed, one: CaseId, two: CaseId) -> Result<(Case, Case)> {
    if one < two {
        let a = deed.open(tx, one)?;
        Ok((a, deed.open(tx, two)?))
    } else {
        let b = deed.open(tx, two)?;
        Ok((deed.open(tx, one)?, b))
    }
}

/// Merges a case into another one. Answers with the other one. Needs `case.merge` on both.
#[utoipa::path(post, path = "/cases/{id}/merge", params(("id" = CaseId, Path)), request_body = Into, responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.merge"))))]
async fn merge(State(app): State<App>, who: Allowed<CaseMerge>, Id(id): Id<CaseId>, input: Input<Into>) -> Answer<Response> {
    let (deed, once, into, undo_split) = (Deed::of(&who), who.once(&input.hash), input.value.into, input.value.undo_split);
    app.command(once, StatusCode::OK, move |tx| {
        if id == into {
            return Err(Problem::invalid("into", "a case cannot go into itself").expected("another case"));
        }
        let (mut case, mut target) = open_both(tx, &deed, id, into)?;
        case.must_be_whole()?;
        target.must_be_whole()?;
        // Waiting for verification is not yet the end: such a matter must not disappear in the archive either.
        let rank = |c: &Case| ["resolved", "closed"].iter().position(|status| *status == c.status).map_or(0, |at| at + 1);
        if rank(&target) > rank(&case) {
            return Err(Problem::conflict("case.already_closed", format!("case {} is {}; an open matter would disappear in it", target.number, target.status)).expected("an open case, or reopen that one first"));
        }
        if is_below(tx, target.id, case.id)? {
            return Err(Problem::conflict("case.merge_circle", format!("case {} is a work order of case {}", target.number, case.number)).field("into").expected("the work order merged into the case that waits for it"));
        }
        let moved = take_over(tx, &deed, &mut case, &mut target, undo_split)?;
        case.save(tx)?;
        target.save(tx)?;
        tx.run(
            "INSERT INTO case_merge (id, workspace_id, case_id, into_id, moved, at, by_person) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![tx.id::<ObjectId>(), case.workspace, id, into, Json(&moved), tx.now(), deed.viewer.person],
        )?;
        deed.audit(tx, "case.merged", &case, Some(json!({ "into": into })))?;
        deed.answer(tx, &target, Some(Undo::new("DELETE", format!("/cases/{id}/merge"), serde_json::Value::Null)))
    })
    .await
}

/// Whether `case` is a work order of `above`, or of a work order of it.
fn is_below(tx: &Tx<'_>, case: CaseId, above: CaseId) -> Result<bool> {
    let mut at = case;
    for _ in 0..20 {
        match tx.opt::<(Option<CaseId>,)>("SELECT parent_id FROM case_case WHERE id = ?1", params![at])?.and_then(|row| row.0) {
            Some(parent) if parent == above => return Ok(true),
            Some(parent) => at = parent,
            None => return Ok(false),
        }
    }
    Ok(false)
}

/// Makes a work order wait-for by another case, and tells both.
fn retie(tx: &Tx<'_>, deed: &Deed, child: CaseId, parent: &Case) -> Result<()> {
    tx.execute("UPDATE case_case SET parent_id = ?2 WHERE id = ?1", params![child, parent.id])?;
    let Some(child) = Case::load(tx, parent.workspace, child)? else { return Ok(()) };
    child.emit(tx, &deed.ctx, ParentSet { case_id: child.id, parent_id: Some(parent.id), due_at: child.ties.due_at })?;
    children::opened(tx, &deed.ctx, parent, &child, false)
}

fn take_over(tx: &Tx<'_>, deed: &Deed, case: &mut Case, target: &mut Case, undo_split: bool) -> Result<Moved> {
    let conversations: Vec<ConversationId> = Conversation::of_case(tx, case.id)?.into_iter().map(|c| c.id).collect();
    tx.run("UPDATE case_message SET case_id = ?2 WHERE case_id = ?1", params![case.id, target.id])?;
    tx.run("UPDATE case_conversation SET case_id = ?2 WHERE case_id = ?1", params![case.id, target.id])?;
    let stage = case.stage.clone();
    // Those who cared for the one now care for the other.
    let mut watchers = Vec::new();
    for person in case.access().people {
        if target.access().people.contains(&person) {
            continue;
        }
        watch(tx, deed, target, person)?;
        watchers.push(person);
    }
    case.unsnooze(tx, &deed.ctx, "duplicate")?;
    case.merged_into = Some(target.id);
    tx.emit::<CaseEvent>(&deed.ctx, Some(case.id.0), Some(&both(case, target)), Merged { case_id: case.id, into: target.id, conversations: conversations.clone() })?;
    // Put away without being asked about: the matter goes on in the other case.
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let owed = [&case.case_type].into_iter().chain(&case.ties.former_types).filter(|t| **t != target.case_type && target.ties.owe(t)).cloned().collect();
    case.put_in(tx, &deed.ctx, kind.towards(&case.stage, Status::Closed)?, Some("merged".to_owned()))?;
    hand_over::settle(tx, &deed.ctx, case, "withdrawn", Some("merged"))?;
    // A confirmation of the one says nothing about the other.
    if case.ties.verified_at.is_none() && target.status != "closed" {
        verified::void(tx, target, "merged")?;
    }
    // Who waited for the one waits for the other, unless it is that one.
    let mut parent = None;
    if let Some(above) = case.ties.parent_id.filter(|above| *above != target.id && target.ties.parent_id.is_none())
        && !is_below(tx, above, target.id)?
        && let Some(waiting) = Case::load(tx, case.workspace, above)?.filter(|waiting| waiting.status != "closed")
    {
        target.ties.parent_id = Some(above);
        target.emit(tx, &deed.ctx, ParentSet { case_id: target.id, parent_id: Some(above), due_at: target.ties.due_at })?;
        children::opened(tx, &deed.ctx, &waiting, target, false)?;
        // Written now, so that nobody finds the one that waits with nothing to wait for.
        tx.execute("UPDATE case_case SET parent_id = ?2 WHERE id = ?1", params![target.id, above])?;
        parent = Some(above);
    }
    if case.ties.parent_id == Some(target.id) {
        children::closed(tx, &deed.ctx, target, case, "duplicate", None)?;
    } else {
        children::told_parent(tx, &deed.ctx, case, Some(("duplicate", None)))?;
    }
    // What was waited for is waited for by the case that goes on.
    let orders = children::open_of(tx, case.id)?;
    for child in &orders {
        retie(tx, deed, *child, target)?;
    }
    if undo_split {
        if let Some(link) = link::erase(tx, case.id, target.id)? {
            target.emit(tx, &deed.ctx, Linked { case_id: target.id, other: case.id, link, removed: true })?;
        }
    } else {
        link::write(tx, &deed.ctx, case, target.id, "duplicate")?;
        target.emit(tx, &deed.ctx, Linked { case_id: target.id, other: case.id, link: "duplicate".to_owned(), removed: false })?;
    }
    target.last_in_at = target.last_in_at.max(case.last_in_at);
    Ok(Moved { conversations, stage, watchers, owed, children: orders, parent })
}

fn watch(tx: &Tx<'_>, deed: &Deed, case: &mut Case, person: PersonId) -> Result<()> {
    tx.run(
        "INSERT INTO case_watcher (case_id, person_id, workspace_id, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (case_id, person_id) DO NOTHING",
        params![case.id, person, case.workspace, deed.viewer.person, tx.now()],
    )?;
    case.watchers.push(person);
    case.emit(tx, &deed.ctx, Watched { case_id: case.id, person_id: person, removed: false })
}

/// Takes a merge back: the conversations return, with everything that was written in them since. Answers with the case
/// that stands on its own again.
#[utoipa::path(delete, path = "/cases/{id}/merge", params(("id" = CaseId, Path)), responses((status = 200, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.merge"))))]
async fn unmerge(State(app): State<App>, who: Allowed<CaseMerge>, Id(id): Id<CaseId>) -> Answer<Response> {
    let (deed, once) = (Deed::of(&who), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let record: Option<(ObjectId, CaseId, Json<Moved>)> = tx.opt("SELECT id, into_id, moved FROM case_merge WHERE case_id = ?1 AND undone_at IS NULL ORDER BY id DESC LIMIT 1", params![id])?;
        // Whether there is such a merge is for those who may see the case.
        deed.see(tx, id)?;
        let (record, into, moved) = record.ok_or_else(|| Problem::conflict("case.not_merged", "this case was not merged into another one").expected("a merged case"))?;
        let (mut case, mut target) = open_both(tx, &deed, id, into)?;
        target.must_be_whole()?;
        let moved = moved.0;
        for conversation in &moved.conversations {
            tx.run("UPDATE case_message SET case_id = ?2 WHERE conversation_id = ?1 AND case_id = ?3", params![conversation, id, into])?;
            tx.run("UPDATE case_conversation SET case_id = ?2 WHERE id = ?1 AND case_id = ?3", params![conversation, id, into])?;
        }
        for person in &moved.watchers {
            if target.watchers.contains(person) {
                tx.run("DELETE FROM case_watcher WHERE case_id = ?1 AND person_id = ?2", params![into, person])?;
                let access = target.access();
                target.watchers.retain(|p| p != person);
                tx.emit::<CaseEvent>(&deed.ctx, Some(into.0), Some(&access), Watched { case_id: into, person_id: *person, removed: true })?;
            }
        }
        case.merged_into = None;
        tx.emit::<CaseEvent>(&deed.ctx, Some(id.0), Some(&both(&case, &target)), Unmerged { case_id: id, from: into, conversations: moved.conversations })?;
        let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
        let stage = kind.machine.stage(&moved.stage).unwrap_or_else(|| kind.machine.working());
        case.put_in(tx, &deed.ctx, stage, Some("unmerged".to_owned()))?;
        target.ties.former_types.retain(|t| !moved.owed.contains(t));
        if let Some(waiting) = moved.parent.filter(|above| target.ties.parent_id == Some(*above)).map(|above| Case::load(tx, case.workspace, above)).transpose()?.flatten() {
            // The one that waited waits for this one again.
            children::closed(tx, &deed.ctx, &waiting, &target, "duplicate", None)?;
            target.ties.parent_id = None;
            target.emit(tx, &deed.ctx, ParentSet { case_id: into, parent_id: None, due_at: target.ties.due_at })?;
        }
        if case.status != "closed" {
            children::told_parent(tx, &deed.ctx, &case, None)?;
        }
        for child in &moved.children {
            if tx.opt::<(CaseId,)>("SELECT id FROM case_case WHERE id = ?1 AND parent_id = ?2", params![child, into])?.is_some() {
                retie(tx, &deed, *child, &case)?;
            }
        }
        if let Some(link) = link::erase(tx, id, into)? {
            target.emit(tx, &deed.ctx, Linked { case_id: into, other: id, link, removed: true })?;
        }
        tx.run("UPDATE case_merge SET undone_at = ?2 WHERE id = ?1", params![record, tx.now()])?;
        case.save(tx)?;
        target.save(tx)?;
        deed.audit(tx, "case.unmerged", &case, Some(json!({ "from": into })))?;
        deed.answer(tx, &case, Some(Undo::new("POST", format!("/cases/{id}/merge"), json!({ "into": into }))))
    })
    .await
}
