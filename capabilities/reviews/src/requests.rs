//! Asking, deciding, taking back, acting in an emergency, writing it up: what people do at the desk.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use shouwen_kernel::{Access, CaseId, PersonId, Problem, Result, ReviewId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, SignedIn, Viewer, axum};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::course::{self, Ask, Decision};
use crate::people::{self, Place};
use crate::review::{KnownCase, Review};
use crate::view::{self, ReviewView};
use crate::{ReviewEmergency, ReviewRequest, amount, authorities, flows, refusal};

const LONGEST: usize = 4000;

/// A text that must say something.
fn said(field: &str, text: &str, right: &str) -> Result<String> {
    let text = shouwen_kernel::text::clip(text.trim(), LONGEST);
    if text.is_empty() { Err(Problem::invalid(field, "it is empty").expected(right)) } else { Ok(text) }
}

/// What to ask for: an approval of an amount by `authority`, or a review by `flow`.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReview {
    /// Key of the authority table, for an amount.
    #[serde(default)]
    pub authority: Option<String>,
    /// Key of a flow, for anything without an amount.
    #[serde(default)]
    pub flow: Option<String>,
    #[serde(default)]
    pub case_id: Option<CaseId>,
    /// Minor units (分).
    #[serde(default)]
    pub amount: Option<i64>,
    /// What is asked for; when absent the case's title, else that of the authority or flow.
    #[serde(default)]
    pub title: Option<String>,
    pub reason: String,
    /// Acts at once; needs `review.emergency` and a flow that knows it.
    #[serde(default)]
    pub emergency: bool,
}

/// A decision.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// `approve` or `return`.
    pub decision: String,
    /// Needed for a return.
    #[serde(default)]
    pub reason: Option<String>,
    /// In whose place, of `places`; absent: one's own, else the first.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub for_person: Option<shouwen_kernel::PersonId>,
    /// The step that was looked at: a decision meant for another step is refused.
    #[serde(default)]
    pub step: Option<i64>,
    /// `about` of the review that was looked at: a decision on another solution is refused.
    #[serde(default)]
    pub about: Option<String>,
}

/// Why.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewReason {
    #[serde(default)]
    pub reason: Option<String>,
}

/// A write-up.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWriteUp {
    pub text: String,
}

#[utoipa::path(post, path = "/reviews", request_body = NewReview, responses((status = 201, body = ReviewView), (status = 403, description = "review.emergency is missing"), (status = 409, description = "review.nobody, review.already_open, review.no_emergency, review.beyond_table, review.write_up_owed")), tag = "reviews", summary = "Ask for a review, or for an approval of an amount", extensions(("x-permission" = json!("review.request"))))]
pub async fn create(State(app): State<App>, who: Allowed<ReviewRequest>, input: Input<NewReview>) -> Answer<Response> {
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let review = ask(tx, &ctx, &viewer, &body)?;
        view::of(tx, &review, &viewer, true)
    })
    .await
}

/// The case for somebody who may read it.
fn readable(tx: &Tx<'_>, viewer: &Viewer, id: CaseId) -> Result<KnownCase> {
    KnownCase::load(tx, id)?
        .filter(|case| case.workspace == viewer.workspace && viewer.scope(people::CASE_READ).is_some_and(|scope| scope.sees(&case.access)))
        .ok_or_else(|| Problem::not_found("case").field("case_id"))
}

/// Minor units granted in a case by that authority so far: approved, or in force as an emergency.
fn granted(tx: &Tx<'_>, case: CaseId, authority: &str) -> Result<i64> {
    let rows: Vec<(Option<i64>,)> =
        tx.all("SELECT amount FROM review_review WHERE case_id = ?1 AND flow = ?2 AND kind = 'approval' AND (state = 'approved' OR emergency) ORDER BY id LIMIT 10000", params![case, authority])?;
    Ok(rows.into_iter().filter_map(|row| row.0).fold(0i64, i64::saturating_add))
}

fn ask(tx: &Tx<'_>, ctx: &Ctx, viewer: &Viewer, body: &NewReview) -> Result<Review> {
    let reason = said("reason", &body.reason, "why it is needed; reviewers decide by it")?;
    let case = body.case_id.map(|id| readable(tx, viewer, id)).transpose()?;
    if let Some(case) = case.as_ref().filter(|case| case.status == "closed") {
        return Err(Problem::conflict("case.already_closed", format!("case {} is closed", case.number)).expected("a case that is not closed"));
    }
    if let Some(case) = &case {
        // Two requests in one case come one after the other, so that each knows of the other.
        tx.opt::<(CaseId,)>(&format!("SELECT case_id FROM review_case WHERE case_id = ?1{}", tx.for_update()), params![case.id])?;
    }
    let asker = people::Person::load(tx, viewer.person)?;
    let own = Access { org_unit: asker.as_ref().and_then(|p| p.org_unit), team: asker.as_ref().and_then(|p| p.teams.first().copied()), people: vec![viewer.person] };
    let access = case.as_ref().map_or(own, |case| case.access.clone());
    let mut note = None;
    let (flow, kind, plan, currency, alone) = match (&body.authority, &body.flow) {
        (Some(key), None) => {
            let found = authorities::by_key(tx, ctx.workspace, key)?.ok_or_else(|| Problem::invalid("authority", format!("there is no authority `{}`", shouwen_kernel::text::clip(key, 60))).expected("a key of GET /review-options"))?;
            let minor = body.amount.filter(|minor| *minor > 0).ok_or_else(|| Problem::invalid("amount", "an approval needs an amount above nothing").expected("a whole number of minor units: 50000 is 500.00"))?;
            // What was granted in the case before counts too: a large amount does not become small by being asked for in parts.
            let before = case.as_ref().map(|case| granted(tx, case.id, &found.key)).transpose()?.unwrap_or_default();
            let total = minor.saturating_add(before);
            let money = |minor: i64| format!("{} {}", amount::shown(minor, &found.currency), found.currency);
            let Some(tier) = found.tier_of(total) else {
                let parts = if before > 0 { format!(" ({} of it was granted in this case before)", money(before)) } else { String::new() };
                return Err(Problem::conflict("review.beyond_table", format!("{}{parts} is beyond what anybody may grant by the table `{key}`", money(total))).field("amount").expected("a smaller amount; or an administrator adds a tier"));
            };
            if before > 0 {
                note = Some(format!("本工单此前已按此权限批准 {}，合计 {} 决定审批层级 · {} was granted in this case before; {} in all decide the tier", money(before), money(total), money(before), money(total)));
            }
            let place = Place { access: access.clone(), of_case: case.is_some(), requester: Some(viewer.person), except: Vec::new(), before: Vec::new() };
            let alone = people::is_named(tx, ctx.workspace, &tier.alone, &place, viewer.person)?;
            (found.key.clone(), "approval", found.plan(tier), Some(found.currency.clone()), alone)
        }
        (None, Some(key)) => {
            if body.amount.is_some() {
                return Err(Problem::invalid("amount", "a flow knows no amounts").expected("authority instead of flow, for an amount"));
            }
            let found = flows::by_key(tx, ctx.workspace, key)?.ok_or_else(|| Problem::invalid("flow", format!("there is no flow `{}`", shouwen_kernel::text::clip(key, 60))).expected("a key of GET /review-options"))?;
            (found.key.clone(), "review", found.plan(), None, false)
        }
        _ => return Err(Problem::invalid("authority", "it must be said by what it is decided").expected("either authority (with amount) or flow")),
    };
    if let Some(case) = &case {
        let open: Option<(Uuid,)> = tx.opt("SELECT id FROM review_review WHERE case_id = ?1 AND flow = ?2 AND state IN ('open', 'write_up') ORDER BY id LIMIT 1", params![case.id, flow])?;
        if let Some((id,)) = open {
            return Err(Problem::conflict("review.already_open", format!("`{flow}` is asked for in case {} already", case.number)).expected("its decision, or its withdrawal").detail(serde_json::json!({ "review_id": ReviewId(id) })));
        }
    }
    let title = body.title.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(|t| shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(t), 200));
    let title = title.unwrap_or_else(|| match &case {
        Some(case) => case.title.clone(),
        None if viewer.lang == shouwen_kernel::Lang::Zh => plan.title.zh.clone(),
        None => plan.title.en.clone(),
    });
    // Who wrote the solution decides nothing in its review.
    let not_by: Vec<PersonId> = case.as_ref().and_then(|case| case.solution_by).filter(|_| kind == "review" && !plan.own).into_iter().collect();
    let ask = Ask { flow, kind, title, reason, case: case.map(|c| c.id), stage: None, amount: body.amount, currency, plan, access, requester: Some(viewer.person), not_by, note };
    if alone {
        return course::grant_alone(tx, ctx, ask);
    }
    if body.emergency {
        if !viewer.can("review.emergency") {
            return Err(Problem::forbidden("review.emergency"));
        }
        owes_nothing(tx, viewer)?;
        return course::request_emergency(tx, ctx, ask);
    }
    course::request(tx, ctx, ask)
}

/// Whoever owes the write-up of an earlier emergency, and is late with it, writes that first: acting at once is not to
/// become a way around the reviewers.
fn owes_nothing(tx: &Tx<'_>, viewer: &Viewer) -> Result<()> {
    let owed: Option<(Uuid, String)> = tx.opt(
        "SELECT id, title FROM review_review WHERE workspace_id = ?1 AND requester_id = ?2 AND state = 'write_up' AND write_up_late_at IS NOT NULL ORDER BY id LIMIT 1",
        params![viewer.workspace, viewer.person],
    )?;
    owed.map_or(Ok(()), |(id, title)| {
        Err(Problem::conflict("review.write_up_owed", format!("the emergency “{title}” of yours is not written up, and late")).expected("its write-up first; a minute is enough").detail(serde_json::json!({ "review_id": ReviewId(id) })))
    })
}

/// The review, held, for somebody who may see it.
fn held(tx: &Tx<'_>, viewer: &Viewer, id: ReviewId) -> Result<Review> {
    view::admitted(viewer)?;
    let review = Review::lock(tx, id)?.ok_or_else(|| Problem::not_found("review"))?;
    if view::may_see(tx, &review, viewer)? {
        return Ok(review);
    }
    // Whoever stood in knows of it; they are told that they no longer do.
    Err(refusal::stood_in(tx, &review, viewer.person)?.map_or_else(|| Problem::not_found("review"), |ended| refusal::over(&ended)))
}

#[utoipa::path(post, path = "/reviews/{id}/decide", params(("id" = String, Path)), request_body = NewDecision, responses((status = 200, body = ReviewView), (status = 403, description = "review.own, review.not_yours, review.stand_in_over"), (status = 409, description = "review.not_open, review.decided_already, review.decided_for_you, review.released, review.one_place, review.moved_on, review.solution_changed")), tag = "reviews", summary = "Approve the present step, or return it with a reason", extensions(("x-permission" = json!("signed_in"))))]
pub async fn decide(State(app): State<App>, who: SignedIn, Id(id): Id<ReviewId>, input: Input<NewDecision>) -> Answer<Response> {
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut review = held(tx, &viewer, id)?;
        let approve = match body.decision.as_str() {
            "approve" => true,
            "return" => false,
            other => return Err(Problem::invalid("decision", format!("`{}` is no decision", shouwen_kernel::text::clip(other, 20))).expected("`approve` or `return`")),
        };
        if let Some(step) = body.step.filter(|step| review.is_open() && *step != review.step) {
            return Err(refusal::moved_on(tx, &review, step)?);
        }
        let reason = body.reason.as_deref().map(str::trim).filter(|r| !r.is_empty()).map(|r| shouwen_kernel::text::clip(r, LONGEST));
        course::decide(tx, &ctx, &mut review, &Decision { person: viewer.person, for_person: body.for_person, approve, reason, via: "desk", about: body.about.clone() })?;
        view::of(tx, &review, &viewer, true)
    })
    .await
}

#[utoipa::path(post, path = "/reviews/{id}/withdraw", params(("id" = String, Path)), request_body = ReviewReason, responses((status = 200, body = ReviewView), (status = 403, description = "review.not_asked_by_you"), (status = 409, description = "review.not_open, review.of_stage, review.in_force")), tag = "reviews", summary = "Take a request back", extensions(("x-permission" = json!("signed_in"))))]
pub async fn withdraw(State(app): State<App>, who: SignedIn, Id(id): Id<ReviewId>, input: Input<ReviewReason>) -> Answer<Response> {
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut review = held(tx, &viewer, id)?;
        if review.requester != Some(viewer.person) && !viewer.can("review.manage") {
            return Err(Problem::new(shouwen_kernel::Kind::Forbidden, "review.not_asked_by_you", "only whoever asked takes it back").expected("the requester; or whoever manages reviews"));
        }
        if review.stage.is_some() && review.is_open() {
            return Err(Problem::conflict("review.of_stage", "a stage of the case waits for this review").expected("moving the case to another stage: that takes the review back"));
        }
        let reason = body.reason.as_deref().map(str::trim).filter(|r| !r.is_empty()).map(|r| shouwen_kernel::text::clip(r, LONGEST));
        course::withdraw(tx, &ctx, &mut review, reason)?;
        view::of(tx, &review, &viewer, true)
    })
    .await
}

#[utoipa::path(post, path = "/reviews/{id}/emergency", params(("id" = String, Path)), request_body = ReviewReason, responses((status = 200, body = ReviewView), (status = 409, description = "review.no_emergency, review.not_open")), tag = "reviews", summary = "Act at once; the write-up is due within the flow's limit", extensions(("x-permission" = json!("review.emergency"))))]
pub async fn emergency(State(app): State<App>, who: Allowed<ReviewEmergency>, Id(id): Id<ReviewId>, input: Input<ReviewReason>) -> Answer<Response> {
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut review = held(tx, &viewer, id)?;
        if review.requester != Some(viewer.person) && !view::may_act(tx, &review, &viewer)? {
            return Err(Problem::new(shouwen_kernel::Kind::Forbidden, "review.not_asked_by_you", "only whoever asked acts at once").expected("the requester"));
        }
        owes_nothing(tx, &viewer)?;
        let reason = said("reason", body.reason.as_deref().unwrap_or(""), "why it cannot wait for the decision")?;
        // Whoever acts answers for it, and writes it up; whoever asked before decides it no more than they did.
        if let Some(before) = review.requester.replace(viewer.person).filter(|before| *before != viewer.person) {
            review.bar(before);
        }
        course::make_emergency(tx, &ctx, &mut review, Some(&reason))?;
        view::of(tx, &review, &viewer, true)
    })
    .await
}

#[utoipa::path(post, path = "/reviews/{id}/write-up", params(("id" = String, Path)), request_body = NewWriteUp, responses((status = 200, body = ReviewView), (status = 409, description = "review.not_open")), tag = "reviews", summary = "Write an emergency up; it is reviewed from here", extensions(("x-permission" = json!("signed_in"))))]
pub async fn write_up(State(app): State<App>, who: SignedIn, Id(id): Id<ReviewId>, input: Input<NewWriteUp>) -> Answer<Response> {
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut review = held(tx, &viewer, id)?;
        if review.requester != Some(viewer.person) && !viewer.can("review.manage") {
            return Err(Problem::new(shouwen_kernel::Kind::Forbidden, "review.not_asked_by_you", "only whoever acted writes it up").expected("the requester; or whoever manages reviews"));
        }
        let text = said("text", &body.text, "what happened, what was done, why it could not wait")?;
        course::write_up(tx, &ctx, &mut review, viewer.person, &text)?;
        view::of(tx, &review, &viewer, true)
    })
    .await
}
