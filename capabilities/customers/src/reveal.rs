//! `POST /customers/{id}/revelation`: one personal field in the clear, on record.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::text::clip;
use shouwen_kernel::{CustomerId, IdentityId, Problem, Result};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;

use crate::record::{Record, parts_of};
use crate::{CustomerReveal, Sight, personal};

/// What to show.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revelation {
    /// `identity:idn_…`, `id_number` or `address`.
    what: String,
    /// Why it is needed, in words; kept with the record of the look.
    #[serde(default)]
    reason: Option<String>,
}

/// The value in the clear.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Revealed {
    value: String,
}

/// Shows one personal field in the clear. Who looked at what, when and from where is stored before the answer leaves.
#[utoipa::path(post, path = "/customers/{id}/revelation", params(("id" = CustomerId, Path)), request_body = Revelation, responses((status = 200, body = Revealed)), tag = "customers", extensions(("x-permission" = json!("customer.reveal"))))]
pub(crate) async fn reveal(State(app): State<App>, who: Allowed<CustomerReveal>, Id(id): Id<CustomerId>, given: Input<Revelation>) -> Answer<axum::Json<Revealed>> {
    let (ctx, sight, body) = (who.ctx(), Sight::of(&who.scope), given.value);
    // Not `App::command`: an idempotency key would keep the value in the clear for three days.
    let revealed = app
        .db()
        .write(move |tx| {
            let record = Record::open(tx, ctx.workspace, &sight, id, false)?;
            let value = value(tx, &record, &body.what)?;
            let reason = body.reason.as_deref().map(|text| clip(&shouwen_kernel::text::one_line(text), 200)).filter(|text| !text.is_empty());
            tx.audit(&ctx, "customer.revealed", "customer", Some(id.0), Some(json!({ "what": body.what, "reason": reason })))?;
            Ok(Revealed { value })
        })
        .await?;
    Ok(axum::Json(revealed))
}

fn value(tx: &Tx<'_>, record: &Record, what: &str) -> Result<String> {
    let missing = |name: &str| Problem::not_found(name).field("what");
    match what.split_once(':') {
        Some(("identity", id)) => {
            let id: IdentityId = id.parse().map_err(|p: Problem| p.field("what"))?;
            let (owner, sealed): (CustomerId, String) = tx.opt("SELECT customer_id, sealed FROM customer_identity WHERE id = ?1 AND workspace_id = ?2", params![id, record.workspace])?.ok_or_else(|| missing("identity"))?;
            if owner != record.id && !parts_of(tx, record.id)?.contains(&owner) {
                return Err(missing("identity"));
            }
            tx.keys().open_address(&sealed)
        }
        None if what == "id_number" => personal::open(tx, record.id, what, record.id_number.as_deref().ok_or_else(|| missing("identity number"))?),
        None if what == "address" => personal::open(tx, record.id, what, record.address.as_deref().ok_or_else(|| missing("address"))?),
        _ => Err(Problem::invalid("what", format!("`{}` cannot be revealed", clip(what, 40))).expected("`identity:` and the id of an identity, `id_number` or `address`")),
    }
}
