//! Work orders (子工单 / 协办单): a part of a matter that another department does, with its own clocks.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use shouwen_contracts::casework::{Linked, ParentSet};
use shouwen_kernel::{CaseId, CustomerId, OrgUnitId, PersonId, Problem, Result, TeamId, Time};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::change::Assignment;
use crate::conversation::Conversation;
use crate::deed::{CaseAnswer, Deed};
use crate::ties::Ties;
use crate::{CaseEdit, children, fields, input, intake, kinds, link, names, note};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Type of a work order, when nothing else is said.
pub const TYPE: &str = "work_order";
/// Open work orders of one case.
const MOST: usize = 50;
/// Parents above a work order.
const DEEPEST: usize = 5;

/// What another department is to do.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    title: String,
    /// What is to be done; becomes the first note of the work order.
    text: String,
    #[serde(default)]
    team_id: Option<TeamId>,
    /// Instead of a team: a department, whose people decide who does it.
    #[serde(default)]
    org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    assignee_id: Option<PersonId>,
    /// `work_order` when absent.
    #[serde(default, rename = "type")]
    case_type: Option<String>,
    /// The parent's when absent.
    #[serde(default)]
    priority: Option<String>,
    /// Until when it is asked for.
    #[serde(default)]
    due_at: Option<Time>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    fields: Option<Map<String, Json>>,
}

/// Everything about a case that is opened by the house itself.
#[derive(Clone, Debug)]
pub struct Opening {
    pub case_type: String,
    pub title: String,
    pub priority: String,
    pub team_id: Option<TeamId>,
    pub org_unit_id: Option<OrgUnitId>,
    pub assignee_id: Option<PersonId>,
    pub accountable_id: Option<PersonId>,
    pub customer: Option<(CustomerId, String)>,
    pub language: Option<String>,
    pub tags: Vec<String>,
    pub fields: Map<String, Json>,
    pub due_at: Option<Time>,
    pub parent: Option<CaseId>,
}

/// Opens a case without a message of a customer. The caller writes the first note and saves it.
pub fn open(tx: &Tx<'_>, ctx: &Ctx, wanted: &Opening) -> Result<Case> {
    let workspace = ctx.workspace;
    let kind = kinds::case_type(tx, workspace, &wanted.case_type)?;
    kinds::check_priority(&wanted.priority)?;
    let team_unit = match wanted.team_id {
        Some(team) => names::must_be_team(tx, workspace, team)?,
        None => None,
    };
    let stage = kind.machine.first();
    let mut case = Case {
        id: tx.id(),
        workspace,
        number: Case::next_number(tx, workspace)?,
        case_type: kind.key().to_owned(),
        title: wanted.title.clone(),
        stage: stage.key.clone(),
        status: stage.status.word().to_owned(),
        priority: wanted.priority.clone(),
        tags: wanted.tags.clone(),
        fields: fields::of_new(tx, workspace, kind.key(), &wanted.fields)?,
        field_versions: Default::default(),
        language: wanted.language.clone(),
        channel: "internal".to_owned(),
        inbox_id: None,
        customer_id: wanted.customer.as_ref().map(|c| c.0),
        customer_name: wanted.customer.as_ref().map(|c| c.1.clone()),
        region: None,
        tier: None,
        org_unit_id: wanted.org_unit_id.or(team_unit),
        team_id: wanted.team_id,
        assignee_id: None,
        accountable_id: None,
        merged_into: None,
        snoozed_until: None,
        opened_at: tx.now(),
        updated_at: tx.now(),
        first_response_at: None,
        last_in_at: None,
        resolved_at: None,
        closed_at: None,
        closed_by: None,
        resolution_code: None,
        resolution_text: None,
        reopened_count: 0,
        version: 1,
        watchers: Vec::new(),
        ties: Ties { parent_id: wanted.parent, due_at: wanted.due_at, ..Ties::default() },
    };
    case.insert(tx)?;
    intake::opened(tx, ctx, &case)?;
    fields::tell(tx, ctx, &case)?;
    let conversation =
        Conversation { id: tx.id(), workspace, case_id: case.id, channel: case.channel.clone(), inbox_id: None, subject: case.title.clone(), continued_in: None, created_at: tx.now() };
    conversation.insert(tx)?;
    if wanted.parent.is_some() || wanted.due_at.is_some() {
        case.emit(tx, ctx, ParentSet { case_id: case.id, parent_id: wanted.parent, due_at: wanted.due_at })?;
    }
    if let Some(person) = wanted.assignee_id {
        case.assign(tx, ctx, &Assignment { person: Some(Some(person)), team: None, reason: "opened".to_owned(), by: "person" })?;
    }
    if let Some(person) = wanted.accountable_id.filter(|_| case.accountable_id.is_none()) {
        case.answer_for(tx, ctx, person, "opened the case")?;
    }
    Ok(case)
}

/// Makes a case the work order of another: links, and everybody who cares for the parent sees it.
pub fn tie(tx: &Tx<'_>, ctx: &Ctx, parent: &mut Case, child: &mut Case) -> Result<()> {
    let mut above = Some(parent.id);
    for depth in 0.. {
        let Some(id) = above else { break };
        if id == child.id || depth >= DEEPEST {
            return Err(Problem::conflict("case.too_deep", "work orders of work orders go too deep, or in a circle").expected(format!("at most {DEEPEST} levels")));
        }
        above = tx.opt::<(Option<CaseId>,)>("SELECT parent_id FROM case_case WHERE id = ?1", params![id])?.and_then(|row| row.0);
    }
    if children::open_of(tx, parent.id)?.len() > MOST {
        return Err(Problem::conflict("case.too_many_children", format!("case {} waits for {MOST} work orders already", parent.number)).expected("fewer open work orders"));
    }
    link::write(tx, ctx, parent, child.id, "child")?;
    parent.emit(tx, ctx, Linked { case_id: parent.id, other: child.id, link: "child".to_owned(), removed: false })?;
    child.emit(tx, ctx, Linked { case_id: child.id, other: parent.id, link: "parent".to_owned(), removed: false })?;
    for person in parent.assignee_id.into_iter().chain(parent.accountable_id).chain(ctx.actor.person_id()) {
        watch(tx, ctx, child, person)?;
    }
    children::opened(tx, ctx, parent, child, false)
}

/// Adds a watcher who need not ask.
pub fn watch(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, person: PersonId) -> Result<bool> {
    if case.access().people.contains(&person) {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO case_watcher (case_id, person_id, workspace_id, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (case_id, person_id) DO NOTHING",
        params![case.id, person, case.workspace, ctx.actor.person_id(), tx.now()],
    )?;
    case.watchers.push(person);
    case.emit(tx, ctx, shouwen_contracts::casework::Watched { case_id: case.id, person_id: person, removed: false })?;
    Ok(true)
}

/// Gives a part of a case to another department, as a case of its own. Answers with the parent, which now waits for it.
///
/// The parent's assignee and accountable person watch the work order; it is archived by itself when it is done.
#[utoipa::path(post, path = "/cases/{id}/work-orders", params(("id" = CaseId, Path)), request_body = NewOrder, responses((status = 201, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.edit"))))]
async fn create(State(app): State<App>, who: Allowed<CaseEdit>, Id(id): Id<CaseId>, input: Input<NewOrder>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let title = input::line("title", &body.title, 200)?;
        if body.text.trim().is_empty() {
            return Err(Problem::invalid("text", "the text is empty").expected("what the other department is to do"));
        }
        if body.team_id.is_none() && body.org_unit_id.is_none() {
            return Err(Problem::invalid("team_id", "neither a team nor a department was named").expected("`team_id` or `org_unit_id`"));
        }
        if body.due_at.is_some_and(|at| at <= tx.now()) {
            return Err(Problem::invalid("due_at", "this time has passed").expected("a time to come"));
        }
        let mut parent = deed.open(tx, id)?;
        parent.must_be_whole()?;
        if parent.status == "closed" {
            return Err(Problem::conflict("case.already_closed", format!("case {} is closed", parent.number)).expected("reopen it first"));
        }
        if let Some(unit) = body.org_unit_id {
            names::must_be_org_unit(tx, parent.workspace, unit)?;
        }
        let wanted = Opening {
            case_type: body.case_type.clone().unwrap_or_else(|| TYPE.to_owned()),
            title,
            priority: body.priority.clone().unwrap_or_else(|| parent.priority.clone()),
            team_id: body.team_id,
            org_unit_id: body.org_unit_id,
            assignee_id: body.assignee_id,
            accountable_id: None,
            customer: parent.customer_id.map(|c| (c, parent.customer_name.clone().unwrap_or_default())),
            language: parent.language.clone(),
            tags: Vec::new(),
            fields: body.fields.clone().unwrap_or_default(),
            due_at: body.due_at,
            parent: Some(id),
        };
        let mut child = open(tx, &deed.ctx, &wanted)?;
        tie(tx, &deed.ctx, &mut parent, &mut child)?;
        note::write(tx, &deed, &mut child, &body.text, None, &[], &[], None)?;
        child.store(tx)?;
        parent.save(tx)?;
        deed.audit(tx, "case.work_order", &parent, Some(json!({ "work_order": child.id, "team": body.team_id, "org_unit": body.org_unit_id })))?;
        deed.answer(tx, &parent, None)
    })
    .await
}
