//! Delegations: who is away from–until, and who decides in their place.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Kind, ObjectId, PersonId, Problem, Result, Time};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Answer, App, Id, Input, SignedIn, Viewer, axum};
use utoipa::ToSchema;

use crate::view::{self, ReviewPerson};
use crate::{changes, lists, people, stand_in, timers};

/// Longer than this nobody is away; then it is a matter of roles.
const LONGEST_DAYS: i64 = 366;

/// A delegation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Delegation {
    pub id: ObjectId,
    pub from: ReviewPerson,
    pub to: ReviewPerson,
    /// `review`, `approval`, or keys of flows and authorities; empty: everything.
    pub kinds: Vec<String>,
    pub from_at: Time,
    pub until_at: Time,
    pub reason: Option<String>,
    pub made_by: ReviewPerson,
    pub made_at: Time,
    /// Ended before its time.
    pub ended_at: Option<Time>,
    /// `ahead`, `in_force`, `over`.
    pub state: &'static str,
}

/// A delegation to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDelegation {
    /// Oneself when absent; for others it needs `review.manage`.
    #[serde(default)]
    from: Option<PersonId>,
    to: PersonId,
    #[serde(default)]
    kinds: Vec<String>,
    /// Now when absent.
    #[serde(default)]
    from_at: Option<Time>,
    until_at: Time,
    #[serde(default)]
    reason: Option<String>,
}

type Row = (ObjectId, PersonId, PersonId, Json<Vec<String>>, Time, Time, Option<String>, PersonId, Time, Option<Time>);
const COLUMNS: &str = "id, from_person, to_person, kinds, from_at, until_at, reason, made_by, made_at, ended_at";

fn shown(tx: &Tx<'_>, row: Row) -> Result<Delegation> {
    let (id, from, to, Json(kinds), from_at, until_at, reason, made_by, made_at, ended_at) = row;
    let person = |id: PersonId| -> Result<ReviewPerson> { Ok(ReviewPerson { id, name: people::name(tx, id)? }) };
    let now = tx.now();
    let state = if ended_at.is_some() || until_at <= now { "over" } else if from_at > now { "ahead" } else { "in_force" };
    Ok(Delegation { id, from: person(from)?, to: person(to)?, kinds, from_at, until_at, reason, made_by: person(made_by)?, made_at, ended_at, state })
}

#[utoipa::path(get, path = "/review-delegations", responses((status = 200, body = Vec<Delegation>)), tag = "reviews", summary = "Delegations from or to me that are not over; everybody's, for whoever manages reviews", extensions(("x-permission" = json!("signed_in"))))]
pub async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Vec<Delegation>>> {
    view::admitted(&who.viewer)?;
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        let rows: Vec<Row> = tx.all(&format!("SELECT {COLUMNS} FROM review_delegation WHERE workspace_id = ?1 AND until_at > ?2 AND ended_at IS NULL ORDER BY until_at, id LIMIT 1000"), params![viewer.workspace, tx.now()])?;
        rows.into_iter().filter(|row| viewer.can("review.manage") || row.1 == viewer.person || row.2 == viewer.person).map(|row| shown(tx, row)).collect()
    })
    .await
}

#[utoipa::path(post, path = "/review-delegations", request_body = NewDelegation, responses((status = 201, body = Delegation), (status = 409, description = "review.loop")), tag = "reviews", summary = "Let somebody decide in one's place for a time", extensions(("x-permission" = json!("signed_in"))))]
pub async fn create(State(app): State<App>, who: SignedIn, input: Input<NewDelegation>) -> Answer<Response> {
    view::admitted(&who.viewer)?;
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let from = body.from.unwrap_or(viewer.person);
        if from != viewer.person && !viewer.can("review.manage") {
            return Err(Problem::forbidden("review.manage").field("from"));
        }
        let from_at = body.from_at.unwrap_or_else(|| tx.now()).max(tx.now());
        check(tx, &viewer, &body, from, from_at)?;
        let id: ObjectId = tx.id();
        let reason = body.reason.as_deref().map(str::trim).filter(|r| !r.is_empty()).map(|r| shouwen_kernel::text::clip(r, 500));
        tx.execute(
            "INSERT INTO review_delegation (id, workspace_id, from_person, to_person, kinds, from_at, until_at, reason, made_by, made_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![id, viewer.workspace, from, body.to, Json(&body.kinds), from_at, body.until_at, reason, viewer.person, tx.now()],
        )?;
        tx.audit(&ctx, "review.delegated", "review_delegation", Some(id.0), Some(json!({ "from": from, "to": body.to, "kinds": body.kinds, "from_at": from_at, "until_at": body.until_at, "reason": reason })))?;
        timers::delegation(tx, viewer.workspace, id, from_at, body.until_at)?;
        if from_at <= tx.now() {
            changes::stands_in(tx, &ctx, viewer.workspace, from, body.to)?;
        }
        let row: Row = tx.one(&format!("SELECT {COLUMNS} FROM review_delegation WHERE id = ?1"), params![id])?;
        shown(tx, row)
    })
    .await
}

fn check(tx: &Tx<'_>, viewer: &Viewer, body: &NewDelegation, from: PersonId, from_at: Time) -> Result<()> {
    if body.to == from {
        return Err(Problem::invalid("to", "nobody stands in for themselves").expected("somebody else"));
    }
    lists::active(tx, viewer, from, "from")?;
    lists::active(tx, viewer, body.to, "to")?;
    if body.until_at <= from_at {
        return Err(Problem::invalid("until_at", "it ends before it begins").expected("an instant after from_at"));
    }
    if body.until_at > from_at.plus_seconds(LONGEST_DAYS * 86_400) {
        return Err(Problem::invalid("until_at", "that is more than a year").expected("at most 366 days; for longer, give the role to somebody else"));
    }
    if body.kinds.len() > 50 || body.kinds.iter().any(|kind| !shouwen_web::is_pack_key(kind)) {
        return Err(Problem::invalid("kinds", "there is a word that is no kind").expected("review, approval, or keys of flows and authorities"));
    }
    let others = stand_in::within(tx, viewer.workspace, from_at, body.until_at)?;
    if stand_in::closes_loop(&others, from, body.to) {
        return Err(Problem::conflict("review.loop", "in that time this person has handed their decisions on, and they would come back to where they started").field("to").expected("somebody who is there in that time"));
    }
    Ok(())
}

#[utoipa::path(delete, path = "/review-delegations/{id}", params(("id" = ObjectId, Path)), responses((status = 200, body = Delegation), (status = 404)), tag = "reviews", summary = "End a delegation now", extensions(("x-permission" = json!("signed_in"))))]
pub async fn end(State(app): State<App>, who: SignedIn, Id(id): Id<ObjectId>) -> Answer<Response> {
    view::admitted(&who.viewer)?;
    let (ctx, viewer, once) = (who.ctx(), who.viewer.clone(), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let row: Option<Row> = tx.opt(&format!("SELECT {COLUMNS} FROM review_delegation WHERE id = ?1 AND workspace_id = ?2"), params![id, viewer.workspace])?;
        let row = row.filter(|row| viewer.can("review.manage") || row.1 == viewer.person || row.2 == viewer.person).ok_or_else(|| Problem::not_found("delegation"))?;
        if row.1 != viewer.person && !viewer.can("review.manage") {
            return Err(Problem::new(Kind::Forbidden, "forbidden", "only who delegated ends it").expected("whoever is away; or whoever manages reviews"));
        }
        if row.9.is_none() {
            tx.execute("UPDATE review_delegation SET ended_at = ?2 WHERE id = ?1", params![id, tx.now()])?;
            tx.audit(&ctx, "review.delegation_ended", "review_delegation", Some(id.0), Some(json!({ "from": row.1, "to": row.2 })))?;
            timers::forget_delegation(tx, id)?;
            changes::stood_in(tx, &ctx, viewer.workspace, row.1, row.2)?;
        }
        let row: Row = tx.one(&format!("SELECT {COLUMNS} FROM review_delegation WHERE id = ?1"), params![id])?;
        shown(tx, row)
    })
    .await
}
