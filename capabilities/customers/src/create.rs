//! `POST /customers`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use shouwen_kernel::{CustomerId, OrgUnitId, Problem, Result};
use shouwen_store::{Ctx, Tx};
use shouwen_web::{Allowed, Answer, App, Input};
use utoipa::ToSchema;

use crate::record::{Customer, Record};
use crate::{CustomerEdit, Sight, identity, input, personal};

/// A customer to be.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCustomer {
    pub name: String,
    /// `person` (when absent) or `organisation`.
    #[serde(default)]
    pub kind: Option<String>,
    #[serde(default)]
    pub language: Option<String>,
    #[serde(default)]
    pub region: Option<String>,
    #[serde(default)]
    pub tier: Option<String>,
    #[serde(default)]
    pub org_unit_id: Option<OrgUnitId>,
    #[serde(default)]
    pub notes: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub identities: Vec<NewIdentity>,
    /// Short for an identity of kind `email`.
    #[serde(default)]
    pub email: Option<String>,
    /// Short for an identity of kind `phone`.
    #[serde(default)]
    pub phone: Option<String>,
    /// Resident identity number, 18 characters.
    #[serde(default)]
    pub id_number: Option<String>,
    #[serde(default)]
    pub address: Option<String>,
}

/// An address to be added.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIdentity {
    /// `email` or `phone`.
    pub kind: String,
    pub value: String,
    #[serde(default)]
    pub verified: bool,
    #[serde(default)]
    pub primary: bool,
}

/// Creates a customer. Phone numbers and e-mail addresses are unique in the workspace; one that is taken answers 409
/// `customer.identity_taken` with the customer who has it.
#[utoipa::path(post, path = "/customers", request_body = NewCustomer, responses((status = 201, body = Customer)), tag = "customers", extensions(("x-permission" = json!("customer.edit"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<CustomerEdit>, given: Input<NewCustomer>) -> Answer<Response> {
    let (ctx, sight, once, body) = (who.ctx(), Sight::of(&who.scope), who.once(&given.hash), given.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let id = create_customer(tx, &ctx, &sight, &body)?;
        Record::open(tx, ctx.workspace, &sight, id, false)?.show(tx)
    })
    .await
}

/// Creates a customer within a transaction (API, demo data, import).
pub fn create_customer(tx: &Tx<'_>, ctx: &Ctx, sight: &Sight, body: &NewCustomer) -> Result<CustomerId> {
    let id: CustomerId = tx.id();
    let home = input::home(tx, ctx.workspace, body.org_unit_id)?;
    sight.must_reach(home, "customer.edit")?;
    let id_number = body.id_number.as_deref().map(|text| personal::id_number(tx, id, text)).transpose()?;
    let address = body.address.as_deref().map(|text| personal::address(tx, id, text)).transpose()?;
    let record = Record {
        id,
        workspace: ctx.workspace,
        name: input::name(&body.name)?,
        named: true,
        kind: input::kind(body.kind.as_deref().unwrap_or("person"))?,
        language: body.language.as_deref().map(input::language).transpose()?,
        region: body.region.as_deref().map(|text| input::label("region", text)).transpose()?,
        tier: body.tier.as_deref().map(|text| input::label("tier", text)).transpose()?,
        home,
        notes: input::notes(body.notes.as_deref().unwrap_or_default())?,
        tags: input::tags(&body.tags)?,
        id_number_masked: id_number.as_ref().map(|s| s.masked.clone()),
        id_number_blind: id_number.as_ref().and_then(|s| s.blind.clone()),
        id_number: id_number.map(|s| s.sealed),
        address_masked: address.as_ref().map(|s| s.masked.clone()),
        address: address.map(|s| s.sealed),
        created_at: tx.now(),
        version: 1,
        merged_into: None,
        made_by: ctx.actor.person_id(),
    };
    record.insert(tx)?;
    let short = |kind: &str, value: &Option<String>| value.as_ref().map(|value| NewIdentity { kind: kind.to_owned(), value: value.clone(), ..NewIdentity::default() });
    let named = |field: String| move |problem: Problem| problem.field(field);
    for (kind, value) in [("email", &body.email), ("phone", &body.phone)] {
        if let Some(wanted) = short(kind, value) {
            identity::add(tx, ctx.workspace, id, &wanted, sight).map_err(named(kind.to_owned()))?;
        }
    }
    for (i, wanted) in body.identities.iter().enumerate() {
        identity::add(tx, ctx.workspace, id, wanted, sight).map_err(|p| {
            let inner = p.field.clone().unwrap_or_else(|| "value".to_owned());
            p.field(format!("identities[{i}].{inner}"))
        })?;
    }
    record.tell(tx, ctx)?;
    tx.audit(ctx, "customer.created", "customer", Some(id.0), None)?;
    Ok(id)
}
