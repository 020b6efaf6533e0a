//! What the group does: the button, being there, the log, the plan, the statement, the end, the write-up.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::wish::{CaseWish, WishEvent};
use shouwen_kernel::{CaseId, Lang, ObjectId, PersonId, Problem, Result, WarningId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Viewer};

use crate::crisis::{Crisis, CrisisWhole, whole};
use crate::crisis_time::house;
use crate::warning::Warning;
use crate::warnings::text;
use crate::{CrisisDeclare, WarningRead, counts, crisis_case, crisis_time, letters, people, settings};

/// A crisis to declare.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = CrisisDeclaration)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// 1 to 150 characters.
    pub title: String,
    /// What is known: 1 to 4000 characters.
    pub situation: String,
    /// The case it began with.
    #[serde(default)]
    pub case_id: Option<CaseId>,
    /// The warning it began with.
    #[serde(default)]
    pub warning_id: Option<WarningId>,
    /// Hours until the plan is due; the setting when absent.
    #[serde(default)]
    pub plan_hours: Option<i64>,
    /// It is another one than the crisis somebody has just declared.
    #[serde(default)]
    pub separate: bool,
}

#[utoipa::path(post, path = "/crises", request_body = Declaration, responses((status = 201, body = CrisisWhole), (status = 409, description = "crisis.running")), tag = "crises", summary = "Declare a crisis: convenes the rapid-response group and starts the plan clock", extensions(("x-permission" = json!("crisis.declare"))))]
pub async fn declare(State(app): State<App>, who: Allowed<CrisisDeclare>, input: Input<Declaration>) -> Answer<Response> {
    let (ctx, viewer, once, body) = (who.ctx(), who.viewer.clone(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let title = shouwen_kernel::text::one_line(&text("title", &body.title, 150)?);
        let situation = text("situation", &body.situation, 4000)?;
        let settings = settings::load(tx, ctx.workspace)?;
        let hours = settings::plan_hours(body.plan_hours.unwrap_or(settings.plan_hours))?;
        if let Some(id) = body.warning_id {
            let w = Warning::lock(tx, ctx.workspace, id)?.ok_or_else(|| Problem::invalid("warning_id", format!("there is no warning {id}")).expected("a warning you may see"))?;
            let scope = viewer.scope("warning.read").ok_or_else(|| Problem::forbidden("warning.read"))?;
            w.must_be_seen(tx, &scope)?;
        }
        // Two clicks, two people: the second waits here until the first is written.
        counts::turn(tx, ctx.workspace)?;
        running(tx, &ctx, &body)?;
        let id: ObjectId = tx.id();
        let due = tx.now().plus_seconds(hours * 3600);
        tx.run(
            "INSERT INTO warning_crisis (id, workspace_id, warning_id, from_case_id, title, situation, state, live, declared_by, declared_at, plan_hours, plan_due_at, version)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'convened', ?7, ?8, ?9, ?10, ?11, 1)",
            params![id, ctx.workspace, body.warning_id.map(|w| w.0), body.case_id, title, situation, true, viewer.person, tx.now(), hours, due],
        )?;
        let (mut group, stand_in) = people::rapid_group(tx, ctx.workspace, &settings.crisis_group)?;
        if !group.contains(&viewer.person) {
            group.push(viewer.person);
        }
        for person in &group {
            // Whoever pressed the button is there.
            let there = (*person == viewer.person).then(|| tx.now());
            tx.run("INSERT INTO warning_crisis_member (crisis_id, person_id, acknowledged_at) VALUES (?1, ?2, ?3)", params![id, person, there])?;
        }
        let c = Crisis::load(tx, ctx.workspace, id)?;
        c.log(tx, "declared", Some(viewer.person), &situation)?;
        if stand_in {
            c.log(tx, "stand_in", None, "")?;
        }
        crisis_time::set(tx, &c, crisis_time::PLAN, due)?;
        let known = body.warning_id.map(|w| Warning::load(tx, ctx.workspace, w)).transpose()?.flatten().and_then(|w| w.case_id);
        let mut related: Vec<CaseId> = body.case_id.into_iter().chain(known).collect();
        related.dedup();
        let zh = letters::locale(tx, ctx.workspace)?.starts_with("zh");
        tx.emit::<WishEvent>(
            &house(ctx.workspace, id),
            None,
            None,
            CaseWish {
                source: format!("crisis:{id}"),
                case_type: "crisis".to_owned(),
                title: title.clone(),
                text: if zh { format!("{} 启动应急响应：{situation}", viewer.name) } else { format!("{} declared a crisis: {situation}", viewer.name) },
                priority: Some("urgent".to_owned()),
                parent_id: None,
                customer_id: None,
                org_unit_id: None,
                team_id: None,
                assignee_id: people::is_active(tx, ctx.workspace, viewer.person)?.then_some(viewer.person),
                tags: Vec::new(),
                fields: json!({ "lead": viewer.name, "situation": situation }),
                related,
            },
        )?;
        call(tx, &c, &group, &viewer)?;
        tx.audit(&ctx, "crisis.declared", "crisis", Some(id.0), Some(json!({ "title": title, "case_id": body.case_id, "warning_id": body.warning_id, "people": group.len() })))?;
        whole(tx, &viewer, &c)
    })
    .await
}

/// A crisis that names nothing it began with is taken for the one that was declared within so many seconds before.
const JUST_NOW: i64 = 600;

/// One crisis of one thing.
fn running(tx: &Tx<'_>, ctx: &Ctx, body: &Declaration) -> Result<()> {
    let mut found: Option<(ObjectId,)> = None;
    if let Some(case) = body.case_id {
        found = tx.opt("SELECT id FROM warning_crisis WHERE from_case_id = ?1 AND workspace_id = ?2 AND live = ?3 LIMIT 1", params![case, ctx.workspace, true])?;
        found = match found {
            None => tx.opt("SELECT id FROM warning_crisis WHERE case_id = ?1 AND workspace_id = ?2 AND live = ?3 LIMIT 1", params![case, ctx.workspace, true])?,
            some => some,
        };
    }
    if let (None, Some(warning)) = (&found, body.warning_id) {
        found = tx.opt("SELECT id FROM warning_crisis WHERE warning_id = ?1 AND workspace_id = ?2 AND live = ?3 LIMIT 1", params![warning.0, ctx.workspace, true])?;
    }
    if found.is_none() && body.case_id.is_none() && body.warning_id.is_none() && !body.separate {
        found = tx.opt(
            "SELECT id FROM warning_crisis WHERE workspace_id = ?1 AND live = ?2 AND declared_at > ?3 ORDER BY declared_at DESC LIMIT 1",
            params![ctx.workspace, true, tx.now().plus_seconds(-JUST_NOW)],
        )?;
    }
    match found {
        Some((id,)) => Err(Problem::conflict("crisis.running", "a crisis of this is under way").expected("go to it").detail(json!({ "crisis_id": id }))),
        None => Ok(()),
    }
}

/// Calls the group by mail as well.
fn call(tx: &Tx<'_>, c: &Crisis, group: &[PersonId], declarer: &Viewer) -> Result<()> {
    let others: Vec<PersonId> = group.iter().copied().filter(|p| *p != declarer.person).collect();
    let page = letters::link(tx, &format!("/crises/{}", c.id))?;
    let due = letters::wall(c.plan_due_at, &letters::settings_of(tx, c.workspace)?.1);
    letters::wish(tx, &house(c.workspace, c.id), &format!("crisis:{}", c.id), &others, |locale| {
        Ok(if Lang::of(locale) == Lang::Zh {
            (format!("【应急响应】{}", c.title), format!("{} 启动了应急响应，请立即到位并确认。\n\n事态：{}\n\n应对方案须在 {due} 前提出。\n{page}\n", declarer.name, c.situation), None)
        } else {
            (format!("[Crisis] {}", c.title), format!("{} declared a crisis. Please come and say that you are there.\n\nSituation: {}\n\nThe plan is due by {due}.\n{page}\n", declarer.name, c.situation), None)
        })
    })
}

/// The crisis, for somebody who may act in it.
fn acting(tx: &Tx<'_>, viewer: &Viewer, scope: &shouwen_kernel::Scope, id: ObjectId) -> Result<Crisis> {
    let c = Crisis::lock(tx, viewer.workspace, id)?.ok_or_else(|| Problem::not_found("crisis"))?;
    c.must_be_seen(tx, scope)?;
    if !c.live {
        return Err(Problem::conflict("crisis.ended", "this crisis has ended").expected("a crisis that is under way"));
    }
    Ok(c)
}

#[utoipa::path(post, path = "/crises/{id}/acknowledgement", params(("id" = ObjectId, Path)), responses((status = 200, body = CrisisWhole)), tag = "crises", summary = "Say that you are there", extensions(("x-permission" = json!("warning.read"))))]
pub async fn acknowledge(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<ObjectId>) -> Answer<Response> {
    let (ctx, scope, viewer, once) = (who.ctx(), who.scope.clone(), who.viewer.clone(), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let c = acting(tx, &viewer, &scope, id)?;
        let done = tx.execute("UPDATE warning_crisis_member SET acknowledged_at = ?3 WHERE crisis_id = ?1 AND person_id = ?2 AND acknowledged_at IS NULL", params![id, viewer.person, tx.now()])?;
        if done > 0 {
            c.log(tx, "acknowledged", Some(viewer.person), "")?;
            tx.audit(&ctx, "crisis.acknowledged", "crisis", Some(id.0), None)?;
        } else if !c.members(tx)?.contains(&viewer.person) {
            return Err(Problem::conflict("crisis.no_member", "you do not belong to the group of this crisis").expected("somebody of the group"));
        }
        whole(tx, &viewer, &c)
    })
    .await
}

/// A text.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = CrisisText)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub text: String,
}

/// Does `work` to a crisis somebody may act in, audits it, and answers with the crisis.
async fn act(app: App, who: Allowed<CrisisDeclare>, id: ObjectId, hash: &str, action: &'static str, work: impl Fn(&Tx<'_>, &Ctx, &Viewer, &Crisis) -> Result<()> + Send + 'static) -> Answer<Response> {
    let (ctx, scope, viewer, once) = (who.ctx(), who.scope.clone(), who.viewer.clone(), who.once(hash));
    app.command(once, StatusCode::OK, move |tx| {
        let c = acting(tx, &viewer, &scope, id)?;
        work(tx, &ctx, &viewer, &c)?;
        tx.audit(&ctx, action, "crisis", Some(id.0), None)?;
        whole(tx, &viewer, &Crisis::load(tx, ctx.workspace, id)?)
    })
    .await
}

#[utoipa::path(post, path = "/crises/{id}/log", params(("id" = ObjectId, Path)), request_body = Words, responses((status = 200, body = CrisisWhole)), tag = "crises", summary = "Write into the log, 1 to 4000 characters", extensions(("x-permission" = json!("crisis.declare"))))]
pub async fn log(State(app): State<App>, who: Allowed<CrisisDeclare>, Id(id): Id<ObjectId>, input: Input<Words>) -> Answer<Response> {
    let (hash, body) = (input.hash, input.value);
    act(app, who, id, &hash, "crisis.logged", move |tx, _, viewer, c| c.log(tx, "note", Some(viewer.person), &text("text", &body.text, 4000)?)).await
}

#[utoipa::path(put, path = "/crises/{id}/plan", params(("id" = ObjectId, Path)), request_body = Words, responses((status = 200, body = CrisisWhole)), tag = "crises", summary = "File the plan, 1 to 4000 characters; stops its clock", extensions(("x-permission" = json!("crisis.declare"))))]
pub async fn plan(State(app): State<App>, who: Allowed<CrisisDeclare>, Id(id): Id<ObjectId>, input: Input<Words>) -> Answer<Response> {
    let (hash, body) = (input.hash, input.value);
    act(app, who, id, &hash, "crisis.plan_filed", move |tx, ctx, viewer, c| crisis_case::file_plan(tx, ctx, c, viewer.person, &text("text", &body.text, 4000)?)).await
}

/// What is said outside, and by whom.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = CrisisStatement)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// At most 100 characters.
    pub spokesperson: String,
    /// At most 4000 characters.
    pub statement: String,
}

#[utoipa::path(put, path = "/crises/{id}/statement", params(("id" = ObjectId, Path)), request_body = Statement, responses((status = 200, body = CrisisWhole)), tag = "crises", summary = "Who speaks, and what is said outside", extensions(("x-permission" = json!("crisis.declare"))))]
pub async fn statement(State(app): State<App>, who: Allowed<CrisisDeclare>, Id(id): Id<ObjectId>, input: Input<Statement>) -> Answer<Response> {
    let (hash, body) = (input.hash, input.value);
    act(app, who, id, &hash, "crisis.statement", move |tx, ctx, viewer, c| {
        let given = |name: &str, value: &str, most: usize| if value.trim().is_empty() { Ok(None) } else { text(name, value, most).map(Some) };
        let (speaker, said) = (given("spokesperson", &body.spokesperson, 100)?, given("statement", &body.statement, 4000)?);
        crisis_case::set_statement(tx, ctx, c, viewer.person, speaker.as_deref(), said.as_deref(), false)
    })
    .await
}

#[utoipa::path(post, path = "/crises/{id}/over", params(("id" = ObjectId, Path)), request_body = Words, responses((status = 200, body = CrisisWhole), (status = 409, description = "crisis.no_plan")), tag = "crises", summary = "It is over; the write-up is due from now", extensions(("x-permission" = json!("crisis.declare"))))]
pub async fn over(State(app): State<App>, who: Allowed<CrisisDeclare>, Id(id): Id<ObjectId>, input: Input<Words>) -> Answer<Response> {
    let (hash, body) = (input.hash, input.value);
    act(app, who, id, &hash, "crisis.over", move |tx, ctx, viewer, c| {
        if c.plan.is_none() {
            return Err(Problem::conflict("crisis.no_plan", "no plan was filed").expected("the plan first; a false alarm is closed in its case, as such").detail(json!({ "number": c.case_number })));
        }
        if c.over_at.is_some() {
            return Err(Problem::conflict("crisis.is_over", "this crisis is over already").expected("the write-up"));
        }
        crisis_case::over(tx, ctx, c, Some(viewer.person), &text("text", &body.text, 4000)?, false)
    })
    .await
}

#[utoipa::path(put, path = "/crises/{id}/write-up", params(("id" = ObjectId, Path)), request_body = Words, responses((status = 200, body = CrisisWhole), (status = 409, description = "crisis.not_over")), tag = "crises", summary = "Write it up, 1 to 8000 characters; closes its case", extensions(("x-permission" = json!("crisis.declare"))))]
pub async fn write_up(State(app): State<App>, who: Allowed<CrisisDeclare>, Id(id): Id<ObjectId>, input: Input<Words>) -> Answer<Response> {
    let (hash, body) = (input.hash, input.value);
    act(app, who, id, &hash, "crisis.written_up", move |tx, ctx, viewer, c| {
        if c.over_at.is_none() {
            return Err(Problem::conflict("crisis.not_over", "this crisis is not over").expected("the end of it first"));
        }
        crisis_case::written_up(tx, ctx, c, viewer.person, &text("text", &body.text, 8000)?)
    })
    .await
}
