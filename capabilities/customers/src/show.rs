//! `GET /customers/{id}`.

use axum::extract::State;
use shouwen_kernel::CustomerId;
use shouwen_web::{Allowed, Answer, App, Id};

use crate::record::{Customer, Record};
use crate::{CustomerRead, Sight};

/// One customer, personal data masked. That it was read, by whom and from where, is on record before the answer leaves.
#[utoipa::path(get, path = "/customers/{id}", params(("id" = CustomerId, Path)), responses((status = 200, body = Customer)), tag = "customers", extensions(("x-permission" = json!("customer.read"))))]
pub(crate) async fn show(State(app): State<App>, who: Allowed<CustomerRead>, Id(id): Id<CustomerId>) -> Answer<axum::Json<Customer>> {
    let (ctx, sight) = (who.ctx(), Sight::of(&who.scope));
    let customer = app
        .db()
        .write(move |tx| {
            let customer = Record::open(tx, ctx.workspace, &sight, id, false)?.show(tx)?;
            tx.audit(&ctx, "customer.read", "customer", Some(id.0), None)?;
            Ok(customer)
        })
        .await?;
    Ok(axum::Json(customer))
}
