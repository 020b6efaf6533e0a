//! `POST /customers/{id}/merge`, `DELETE /customers/{id}/merge`. A merge moves nothing: the one that goes in keeps its
//! addresses and parts and points to the other, so taking it back restores exactly what was.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::customers::{CustomerEvent, Merged, Unmerged};
use shouwen_kernel::{CustomerId, ObjectId, Problem};
use shouwen_store::{Json, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;

use crate::input::{CustomerAnswer, Undo};
use crate::record::Record;
use crate::{CustomerMerge, Sight};

/// The customer that stays.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Into {
    into: CustomerId,
}

/// Makes this customer part of another, who is answered. Can be undone.
#[utoipa::path(post, path = "/customers/{id}/merge", params(("id" = CustomerId, Path)), request_body = Into, responses((status = 200, body = CustomerAnswer)), tag = "customers", extensions(("x-permission" = json!("customer.merge"))))]
pub(crate) async fn merge(State(app): State<App>, who: Allowed<CustomerMerge>, Id(id): Id<CustomerId>, given: Input<Into>) -> Answer<Response> {
    let (ctx, sight, once, into) = (who.ctx(), Sight::of(&who.scope), who.once(&given.hash), given.value.into);
    app.command(once, StatusCode::OK, move |tx| {
        if id == into {
            return Err(Problem::invalid("into", "a customer cannot be merged into themselves").expected("the id of another customer"));
        }
        // Locked in the order of ids, so that two merges of the same pair cannot wait for each other.
        let (first, second) = (id.min(into), id.max(into));
        let first = Record::open(tx, ctx.workspace, &sight, first, true)?;
        let second = Record::open(tx, ctx.workspace, &sight, second, true)?;
        let (mut goes, mut stays) = if first.id == id { (first, second) } else { (second, first) };
        goes.must_stand_alone()?;
        stays.must_stand_alone().map_err(|p| p.field("into"))?;
        goes.merged_into = Some(into);
        goes.save(tx)?;
        stays.save(tx)?;
        let row: ObjectId = tx.id();
        tx.run("INSERT INTO customer_merge (id, workspace_id, customer_id, into_id, at, by) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", params![row, ctx.workspace, id, into, tx.now(), Json(&ctx.actor)])?;
        tx.emit::<CustomerEvent>(&ctx, Some(id.0), Some(&stays.access(tx)?), Merged { customer_id: id, into })?;
        tx.audit(&ctx, "customer.merged", "customer", Some(id.0), Some(json!({ "into": into })))?;
        let undo = Undo { method: "DELETE".into(), path: format!("/api/v1/customers/{id}/merge"), body: serde_json::Value::Null };
        Ok(CustomerAnswer { customer: stays.show(tx)?, undo: Some(undo) })
    })
    .await
}

/// Takes the merge of this customer back; they are answered as they were.
#[utoipa::path(delete, path = "/customers/{id}/merge", params(("id" = CustomerId, Path)), responses((status = 200, body = CustomerAnswer)), tag = "customers", extensions(("x-permission" = json!("customer.merge"))))]
pub(crate) async fn unmerge(State(app): State<App>, who: Allowed<CustomerMerge>, Id(id): Id<CustomerId>) -> Answer<Response> {
    let (ctx, sight, once) = (who.ctx(), Sight::of(&who.scope), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut record = Record::open(tx, ctx.workspace, &sight, id, true)?;
        let from = record.merged_into.ok_or_else(|| Problem::conflict("customer.not_merged", "this customer is not part of another one").expected("a customer whose `merged_into` is set"))?;
        record.merged_into = None;
        record.save(tx)?;
        if let Some(mut whole) = Record::lock(tx, from)? {
            whole.save(tx)?;
        }
        tx.run("UPDATE customer_merge SET undone_at = ?2 WHERE customer_id = ?1 AND undone_at IS NULL", params![id, tx.now()])?;
        tx.emit::<CustomerEvent>(&ctx, Some(id.0), Some(&record.access(tx)?), Unmerged { customer_id: id, from })?;
        tx.audit(&ctx, "customer.unmerged", "customer", Some(id.0), Some(json!({ "from": from })))?;
        let undo = Undo { method: "POST".into(), path: format!("/api/v1/customers/{id}/merge"), body: json!({ "into": from }) };
        Ok(CustomerAnswer { customer: record.show(tx)?, undo: Some(undo) })
    })
    .await
}
