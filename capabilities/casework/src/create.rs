//! A case opened by hand, or by a first mail of ours.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use shouwen_kernel::{Access, CaseId, CustomerId, InboxId, ObjectId, OrgUnitId, PersonId, Problem, Result, TeamId, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::ties::Ties;
use crate::change::Assignment;
use crate::compose::Recipient;
use crate::conversation::Conversation;
use crate::deed::{CaseAnswer, Deed};
use crate::on_customers::sees_customer;
use crate::participant::{self, Named};
use crate::{CaseCreate, fields, input, intake, kinds, names, note, post, send, tag, templates, thread};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Somebody the register may not know yet.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCustomer {
    name: String,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    phone: Option<String>,
}

/// A case to open.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCase {
    /// May be left out when the template has one.
    #[serde(default)]
    title: String,
    /// Begins with what this template prepared; whatever else is given here stands in its place.
    #[serde(default)]
    template_id: Option<ObjectId>,
    /// `request` when absent.
    #[serde(default, rename = "type")]
    case_type: Option<String>,
    /// `normal` when absent.
    #[serde(default)]
    priority: Option<String>,
    #[serde(default)]
    customer_id: Option<CustomerId>,
    /// Instead of `customer_id`. Whom the register knows by the address is found, everybody else becomes a new customer; the
    /// case names them a moment later.
    #[serde(default)]
    customer: Option<NewCustomer>,
    /// The inbox it belongs to and is answered from.
    #[serde(default)]
    inbox_id: Option<InboxId>,
    /// With these, `text` is sent to them as the first mail; without, it becomes a note.
    #[serde(default)]
    to: Option<Vec<String>>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    team_id: Option<TeamId>,
    /// The department it belongs to, when no team and no inbox say so.
    #[serde(default)]
    org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    assignee_id: Option<PersonId>,
    #[serde(default)]
    tags: Vec<String>,
    /// Answers to the type's form.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    fields: Option<serde_json::Map<String, serde_json::Value>>,
    /// Seconds in which the first mail can be taken back, 0–30; 10 when absent.
    #[serde(default)]
    undo_seconds: Option<i64>,
}

/// Opens a case.
///
/// With `to` and `text` it writes to the customer first (needs `case.reply` too). The case lies with the named team, else
/// with the inbox's. Whoever opens it must be able to see it there.
#[utoipa::path(post, path = "/cases", request_body = NewCase, responses((status = 201, body = CaseAnswer)), tag = "cases", extensions(("x-permission" = json!("case.create"))))]
async fn create(State(app): State<App>, who: Allowed<CaseCreate>, input: Input<NewCase>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let body = begun(tx, deed.viewer.workspace, &body)?;
        let mut case = open(tx, &deed, &body)?;
        let text = body.text.as_deref().unwrap_or_default();
        match &body.to {
            Some(to) if !to.is_empty() => {
                deed.needing("case.reply").check(&case)?;
                let to: Vec<Recipient> = to.iter().map(|a| Recipient { name: body.customer.as_ref().map(|c| c.name.clone()), address: Some(a.clone()), participant_id: None }).collect();
                let draft = send::Draft {
                    text: text.to_owned(),
                    html: body.html.clone(),
                    to: Some(to),
                    undo_seconds: post::undo_seconds(body.undo_seconds)?,
                    ..send::Draft::default()
                };
                send::write(tx, &deed, &mut case, &draft)?;
                case.store(tx)?;
            }
            _ if !text.trim().is_empty() => {
                note::write(tx, &deed, &mut case, text, body.html.as_deref(), &[], &[], None)?;
            }
            _ => {}
        }
        deed.audit(tx, "case.created", &case, None)?;
        deed.answer(tx, &case, None)
    })
    .await
}

/// The request with what its template prepared.
fn begun(tx: &Tx<'_>, workspace: WorkspaceId, asked: &NewCase) -> Result<NewCase> {
    let mut body = asked.clone();
    let Some(template) = asked.template_id else { return Ok(body) };
    let prepared = templates::prepared(tx, workspace, template)?;
    if body.title.trim().is_empty() {
        body.title = prepared.title;
    }
    // Answers belong to the form of a type: another type takes none of them.
    if body.case_type.as_ref().is_none_or(|own| *own == prepared.case_type) {
        let mut fields = prepared.fields;
        fields.extend(body.fields.take().unwrap_or_default());
        body.fields = Some(fields);
    }
    body.case_type = body.case_type.or(Some(prepared.case_type));
    body.priority = body.priority.or(prepared.priority);
    body.text = body.text.filter(|text| !text.trim().is_empty()).or(Some(prepared.text));
    body.team_id = body.team_id.or(prepared.team_id);
    body.org_unit_id = body.org_unit_id.or(prepared.org_unit_id);
    body.assignee_id = body.assignee_id.or(prepared.assignee_id);
    body.tags.extend(prepared.tags);
    body.tags.sort();
    body.tags.dedup();
    Ok(body)
}

fn open(tx: &Tx<'_>, deed: &Deed, body: &NewCase) -> Result<Case> {
    let workspace = deed.viewer.workspace;
    let title = input::line("title", &body.title, 200)?;
    let kind = kinds::case_type(tx, workspace, body.case_type.as_deref().unwrap_or("request"))?;
    let priority = body.priority.clone().unwrap_or_else(|| "normal".to_owned());
    kinds::check_priority(&priority)?;
    let inbox = match body.inbox_id {
        Some(id) => Some(names::inbox(tx, workspace, id)?.ok_or_else(|| Problem::invalid("inbox_id", format!("there is no inbox {id}")).expected("an inbox of GET /api/v1/inboxes"))?),
        None => None,
    };
    let team_id = body.team_id.or(inbox.as_ref().and_then(|i| i.team_id));
    if let Some(unit) = body.org_unit_id {
        names::must_be_org_unit(tx, workspace, unit)?;
    }
    let org_unit_id = match team_id {
        Some(team) => names::must_be_team(tx, workspace, team)?,
        None => None,
    }
    .or(inbox.as_ref().and_then(|i| i.org_unit_id))
    .or(body.org_unit_id)
    .or_else(|| deed.viewer.scope("case.create").and_then(|s| s.org_units.iter().next().copied()));
    if body.customer_id.is_some() && body.customer.is_some() {
        return Err(Problem::invalid("customer", "both `customer` and `customer_id` are given").expected("one of them"));
    }
    let customer = match body.customer_id {
        Some(id) => {
            // Naming a customer opens their record to whoever sees the case, so one has to see them already.
            let scope = deed.viewer.scope("customer.read").ok_or_else(|| Problem::forbidden("customer.read").field("customer_id"))?;
            let known: Option<(String, Option<String>, Option<String>, Option<String>)> = match sees_customer(tx, workspace, &scope, id)? {
                true => tx.opt("SELECT name, language, region, tier FROM case_customer WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?,
                false => None,
            };
            Some(known.ok_or_else(|| Problem::invalid("customer_id", format!("there is no customer {id}")).expected("a customer of GET /api/v1/customers"))?)
        }
        None => None,
    };
    let (known_as, language, region, tier) = customer.map_or((None, None, None, None), |(name, language, region, tier)| (Some(name), language, region, tier));
    let stage = kind.machine.first();
    let id: CaseId = tx.id();
    let mut case = Case {
        id,
        workspace,
        number: Case::next_number(tx, workspace)?,
        case_type: kind.key().to_owned(),
        language: language.or_else(|| thread::guess_language(&format!("{title} {}", body.text.as_deref().unwrap_or_default()))),
        title: title.clone(),
        stage: stage.key.clone(),
        status: stage.status.word().to_owned(),
        priority,
        tags: tag::checked(&body.tags)?,
        fields: fields::of_new(tx, workspace, kind.key(), &body.fields.clone().unwrap_or_default())?,
        field_versions: Default::default(),
        channel: inbox.as_ref().map_or("manual".to_owned(), |i| i.channel.clone()),
        inbox_id: inbox.as_ref().map(|i| i.id),
        customer_id: body.customer_id,
        customer_name: known_as.or(body.customer.as_ref().map(|c| shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&c.name), 200))),
        region,
        tier,
        org_unit_id,
        team_id,
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
        ties: Ties::default(),
    };
    // Nobody puts a case where they may not create one; a case without place is then their own.
    let target = Access { people: vec![deed.viewer.person], ..case.access() };
    let placed = case.team_id.is_none() && case.org_unit_id.is_none() || deed.viewer.scope("case.create").is_some_and(|s| s.sees(&Access { people: Vec::new(), ..target }));
    if !placed {
        return Err(Problem::forbidden("case.create").field("team_id").expected("a team or inbox within your reach"));
    }
    case.insert(tx)?;
    intake::opened(tx, &deed.ctx, &case)?;
    fields::tell(tx, &deed.ctx, &case)?;
    let conversation = Conversation { id: tx.id(), workspace, case_id: id, channel: case.channel.clone(), inbox_id: case.inbox_id, subject: title, continued_in: None, created_at: tx.now() };
    conversation.insert(tx)?;
    if let Some(new) = &body.customer {
        // Written to at an address, without another one of theirs: that is theirs.
        let email = new.email.as_deref().filter(|e| !e.trim().is_empty()).or_else(|| body.to.as_ref().and_then(|to| to.first()).map(String::as_str));
        if email.is_some() || new.phone.as_deref().is_some_and(|p| !p.trim().is_empty()) {
            participant::welcome(tx, &deed.ctx, &case, &conversation, &Named { name: &new.name, email, phone: new.phone.as_deref(), field: "customer." }, "customer")?;
        }
    }
    // Whoever opens a case is the first one asked, unless they name somebody.
    let first = body.assignee_id.unwrap_or(deed.viewer.person);
    if body.assignee_id.is_some() || case.team_id.is_none() {
        if names::must_be_active(tx, workspace, first, "assignee_id").is_ok() || body.assignee_id.is_some() {
            case.assign(tx, &deed.ctx, &Assignment { person: Some(Some(first)), team: None, reason: "opened by hand".to_owned(), by: "person" })?;
        }
    }
    if case.accountable_id.is_none() {
        case.answer_for(tx, &deed.ctx, deed.viewer.person, "opened the case")?;
    }
    case.store(tx)?;
    Ok(case)
}
