//! The first start: a one-time link makes the workspace, its roles, its first unit and team, and the administrator.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{Kind, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Db, Tx, params};
use shouwen_web::{Answer, App, Client, Input, session_cookie};

use crate::assignment::{ReachKind, grant_role};
use crate::builtin::{ADMINISTRATOR, ensure_built_in_roles};
use crate::org_unit::{NewOrgUnit, create_org_unit};
use crate::person::{NewPerson, create_person, set_status};
use crate::policy::{Rule, check_password};
use crate::session::Origin;
use crate::team::{NewTeam, create_team};
use crate::viewer::{ViewerAnswer, answer};
use crate::{hash, input, link, session};

/// Whether set-up is still to be done.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SetupState {
    needed: bool,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Setup {
    /// From the link that the server printed at its start.
    token: String,
    organisation: String,
    /// `zh-CN` or `en`.
    locale: String,
    /// IANA name.
    time_zone: String,
    /// The administrator's name.
    name: String,
    email: String,
    password: String,
    /// Sample data is wanted; also, no role demands a second factor then.
    #[serde(default)]
    demo: bool,
}

/// Whether nobody has an account yet.
pub fn is_needed(tx: &Tx<'_>) -> Result<bool> {
    Ok(tx.opt::<(i64,)>("SELECT 1 FROM identity_person LIMIT 1", params![])?.is_none())
}

/// A fresh one-time token for `/setup?token=…`; `None` when the set-up was done. An earlier token is dead. May be called
/// from async code: it waits on a thread of its own, once, at start.
pub fn setup_token(db: &Db) -> Result<Option<String>> {
    let work = |tx: &Tx<'_>| {
        if !is_needed(tx)? {
            return Ok(None);
        }
        link::create(tx, link::SETUP, "set_", WorkspaceId::NIL, None, None).map(Some)
    };
    std::thread::scope(|scope| scope.spawn(|| db.write_blocking(work)).join()).unwrap_or_else(|_| Err(Problem::internal("the set-up token could not be made")))
}

/// Is set-up needed?
#[utoipa::path(get, path = "/setup", responses((status = 200, body = SetupState)), tag = "setup", extensions(("x-permission" = json!("public"))))]
pub(crate) async fn show(State(app): State<App>) -> Answer<axum::Json<SetupState>> {
    app.query(|tx| Ok(SetupState { needed: is_needed(tx)? })).await
}

/// Set the product up and sign the administrator in. Works once.
#[utoipa::path(post, path = "/setup", request_body = Setup, responses((status = 201, body = ViewerAnswer)), tag = "setup", extensions(("x-permission" = json!("public"))))]
pub(crate) async fn finish(State(app): State<App>, client: Client, input: Input<Setup>) -> Answer<Response> {
    let body = input.value;
    let token = body.token.clone();
    app.db().read(move |tx| admit(tx, &token)).await?;
    let organisation = input::name("organisation", &body.organisation, 120)?;
    input::locale(&body.locale)?;
    input::time_zone(&body.time_zone)?;
    let name = input::name("name", &body.name, 60)?;
    let rule = if body.demo { Rule::Alone } else { Rule::WithSecondFactor };
    check_password(&body.password, rule, &[&organisation, &name, &body.email])?;
    let password_hash = hash::hash(&app, &body.password).await?;
    let codes: Vec<&'static str> = app.permissions().iter().map(|p| p.code).collect();
    let origin = Origin::of(&client);
    let founder = app.clone();
    let (token, viewer) = app
        .db()
        .write(move |tx| {
            admit(tx, &body.token)?;
            if !link::spend(tx, link::SETUP, &body.token)? {
                return Err(Problem::not_found("set-up; somebody else finished it at this moment"));
            }
            let workspace = found(tx, &organisation, &body.time_zone, &body.locale)?;
            let ctx = Ctx { ip: origin.ip.clone(), ..Ctx::system(workspace, "setup") };
            ensure_built_in_roles(tx, &ctx, &codes)?;
            if body.demo {
                crate::workspace::set_mfa_roles(tx, workspace, &[])?;
                tx.set_setting(workspace, "demo.requested", &true)?;
            }
            founder.found(tx, &ctx)?;
            let chinese = body.locale == "zh-CN";
            let unit = create_org_unit(tx, &ctx, &NewOrgUnit { name: shouwen_kernel::text::clip(&organisation, 79), kind: "company".into(), parent_id: None, region_code: None })?;
            let team = create_team(tx, &ctx, &NewTeam { name: if chinese { "客服一组" } else { "Support" }.into(), org_unit_id: Some(unit), ..NewTeam::default() })?;
            let person = create_person(
                tx,
                &ctx,
                &NewPerson {
                    name: name.clone(),
                    email: body.email.clone(),
                    org_unit_id: Some(unit),
                    teams: vec![team],
                    languages: vec![if chinese { "zh" } else { "en" }.into()],
                    capacity: 20,
                    password_hash: Some(password_hash.clone()),
                    ..NewPerson::default()
                },
            )?;
            grant_role(tx, &ctx, person, ADMINISTRATOR, ReachKind::Workspace, None, None)?;
            let (_, token) = session::start(tx, workspace, person, &origin)?;
            let ctx = Ctx { actor: shouwen_kernel::Actor::person(person), ..ctx };
            set_status(tx, &ctx, person, "online")?;
            tx.audit(&ctx, "setup.finished", "workspace", Some(workspace.0), Some(json!({ "organisation": organisation })))?;
            Ok((token, answer(tx, workspace, person, None)?))
        })
        .await?;
    Ok((StatusCode::CREATED, [(header::SET_COOKIE, session_cookie(app.config().is_secure(), &token))], axum::Json(viewer)).into_response())
}

/// The door is there only before the end of set-up, and opens only to the token.
fn admit(tx: &Tx<'_>, token: &str) -> Result<()> {
    if !is_needed(tx)? {
        return Err(Problem::not_found("set-up; it was finished").expected("sign in at /login"));
    }
    if link::find(tx, link::SETUP, token)?.is_none() {
        return Err(Problem::new(Kind::Forbidden, "setup.token", "this is not the set-up token").field("token").expected("the newest link that the server printed at its start"));
    }
    Ok(())
}

/// The workspace: one that exists and is empty is taken over.
fn found(tx: &Tx<'_>, name: &str, time_zone: &str, locale: &str) -> Result<WorkspaceId> {
    match tx.workspaces()?.first() {
        Some(empty) => {
            tx.execute("UPDATE workspace SET name = ?2, time_zone = ?3, locale = ?4 WHERE id = ?1", params![empty.id, name, time_zone, locale])?;
            Ok(empty.id)
        }
        None => tx.create_workspace(name, time_zone, locale),
    }
}
