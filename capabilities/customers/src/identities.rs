//! `POST /customers/{id}/identities`, `DELETE /customers/{id}/identities/{identity_id}`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;
use shouwen_kernel::{CustomerId, IdentityId, Problem};
use shouwen_store::params;
use shouwen_web::{Allowed, Answer, App, Id, Input};

use crate::create::NewIdentity;
use crate::record::{Customer, Record};
use crate::{CustomerEdit, Sight, identity};

/// Adds an e-mail address or phone number.
#[utoipa::path(post, path = "/customers/{id}/identities", params(("id" = CustomerId, Path)), request_body = NewIdentity, responses((status = 201, body = Customer)), tag = "customers", extensions(("x-permission" = json!("customer.edit"))))]
pub(crate) async fn add(State(app): State<App>, who: Allowed<CustomerEdit>, Id(id): Id<CustomerId>, given: Input<NewIdentity>) -> Answer<Response> {
    let (ctx, sight, once, body) = (who.ctx(), Sight::of(&who.scope), who.once(&given.hash), given.value);
    app.command(once, StatusCode::CREATED, move |tx| {
        let mut record = Record::open(tx, ctx.workspace, &sight, id, true)?;
        record.must_stand_alone()?;
        let identity = identity::add(tx, ctx.workspace, id, &body, &sight)?;
        record.save(tx)?;
        tx.audit(&ctx, "customer.identity_added", "customer", Some(id.0), Some(json!({ "identity": identity, "kind": body.kind })))?;
        record.show(tx)
    })
    .await
}

/// Removes an address. The next message from there comes from a new customer.
#[utoipa::path(delete, path = "/customers/{id}/identities/{identity_id}", params(("id" = CustomerId, Path), ("identity_id" = IdentityId, Path)), responses((status = 200, body = Customer)), tag = "customers", extensions(("x-permission" = json!("customer.edit"))))]
pub(crate) async fn remove(State(app): State<App>, who: Allowed<CustomerEdit>, Id((id, identity)): Id<(CustomerId, IdentityId)>) -> Answer<Response> {
    let (ctx, sight, once) = (who.ctx(), Sight::of(&who.scope), who.once(""));
    app.command(once, StatusCode::OK, move |tx| {
        let mut record = Record::open(tx, ctx.workspace, &sight, id, true)?;
        record.must_stand_alone()?;
        let (kind, primary): (String, bool) =
            tx.opt("SELECT kind, is_primary FROM customer_identity WHERE id = ?1 AND customer_id = ?2", params![identity, id])?.ok_or_else(|| Problem::not_found("identity"))?;
        tx.run("DELETE FROM customer_identity WHERE id = ?1", params![identity])?;
        if primary {
            tx.run(
                "UPDATE customer_identity SET is_primary = TRUE WHERE id = (SELECT id FROM customer_identity WHERE customer_id = ?1 AND kind = ?2 ORDER BY id LIMIT 1)",
                params![id, kind],
            )?;
        }
        record.save(tx)?;
        tx.audit(&ctx, "customer.identity_removed", "customer", Some(id.0), Some(json!({ "identity": identity, "kind": kind })))?;
        record.show(tx)
    })
    .await
}
