//! `PATCH /customers/{id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{CustomerId, OrgUnitId, Result};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;

use crate::input::present;
use crate::record::{Customer, Record};
use crate::{CustomerEdit, Sight, input, personal};

/// What to change; what is absent stays, null empties.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditCustomer {
    /// The version you saw.
    version: i64,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    kind: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    region: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    tier: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<OrgUnitId>)]
    org_unit_id: Option<Option<OrgUnitId>>,
    #[serde(default)]
    notes: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    id_number: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    address: Option<Option<String>>,
}

/// Changes a customer.
#[utoipa::path(patch, path = "/customers/{id}", params(("id" = CustomerId, Path)), request_body = EditCustomer, responses((status = 200, body = Customer)), tag = "customers", extensions(("x-permission" = json!("customer.edit"))))]
pub(crate) async fn edit(State(app): State<App>, who: Allowed<CustomerEdit>, Id(id): Id<CustomerId>, given: Input<EditCustomer>) -> Answer<Response> {
    let (ctx, sight, once, body) = (who.ctx(), Sight::of(&who.scope), who.once(&given.hash), given.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut record = Record::open(tx, ctx.workspace, &sight, id, true)?;
        input::same_version(body.version, &record.clone().show(tx)?)?;
        record.must_stand_alone()?;
        let fields = apply(tx, &mut record, &body, &sight)?;
        if !fields.is_empty() {
            record.save(tx)?;
            if fields.contains(&"name") {
                record.index_name(tx)?;
            }
            record.tell(tx, &ctx)?;
            // Which fields, not what stood in them: the audit outlives an erasure.
            tx.audit(&ctx, "customer.edited", "customer", Some(id.0), Some(json!({ "fields": fields, "version": record.version })))?;
        }
        record.show(tx)
    })
    .await
}

/// Puts the changes into the record; the names of what is different now.
fn apply(tx: &Tx<'_>, record: &mut Record, body: &EditCustomer, sight: &Sight) -> Result<Vec<&'static str>> {
    let mut fields = Vec::new();
    fn set<T: PartialEq>(fields: &mut Vec<&'static str>, name: &'static str, place: &mut T, value: T) {
        if *place != value {
            *place = value;
            fields.push(name);
        }
    }
    if let Some(name) = &body.name {
        set(&mut fields, "name", &mut record.name, input::name(name)?);
        record.named = true;
    }
    if let Some(kind) = &body.kind {
        set(&mut fields, "kind", &mut record.kind, input::kind(kind)?);
    }
    if let Some(language) = &body.language {
        set(&mut fields, "language", &mut record.language, language.as_deref().map(input::language).transpose()?);
    }
    if let Some(region) = &body.region {
        set(&mut fields, "region", &mut record.region, region.as_deref().map(|text| input::label("region", text)).transpose()?);
    }
    if let Some(tier) = &body.tier {
        set(&mut fields, "tier", &mut record.tier, tier.as_deref().map(|text| input::label("tier", text)).transpose()?);
    }
    if let Some(unit) = body.org_unit_id {
        let home = input::home(tx, record.workspace, unit)?;
        sight.must_reach(home, "customer.edit")?;
        if home != record.home {
            // Nobody takes a customer from a unit outside their reach, though a case lets them see the customer.
            sight.must_reach(record.home, "customer.edit")?;
        }
        set(&mut fields, "org_unit_id", &mut record.home, home);
    }
    if let Some(notes) = &body.notes {
        set(&mut fields, "notes", &mut record.notes, input::notes(notes)?);
    }
    if let Some(tags) = &body.tags {
        set(&mut fields, "tags", &mut record.tags, input::tags(tags)?);
    }
    if let Some(id_number) = &body.id_number {
        let stored = id_number.as_deref().map(|text| personal::id_number(tx, record.id, text)).transpose()?;
        // Sealing the same text twice gives two texts; the blind index tells whether it changed.
        let blind = stored.as_ref().and_then(|s| s.blind.clone());
        if blind != record.id_number_blind {
            record.id_number_blind = blind;
            record.id_number_masked = stored.as_ref().map(|s| s.masked.clone());
            record.id_number = stored.map(|s| s.sealed);
            fields.push("id_number");
        }
    }
    if let Some(address) = &body.address {
        let stored = address.as_deref().map(|text| personal::address(tx, record.id, text)).transpose()?;
        if stored.is_some() || record.address.is_some() {
            record.address_masked = stored.as_ref().map(|s| s.masked.clone());
            record.address = stored.map(|s| s.sealed);
            fields.push("address");
        }
    }
    Ok(fields)
}
