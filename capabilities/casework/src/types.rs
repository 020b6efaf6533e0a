//! The case types, for pages and programs.

use shouwen_web::{App, SignedIn};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::kinds::{CaseType, TYPES};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Every case type with its stages, fields and resolutions.
#[utoipa::path(get, path = "/case-types", responses((status = 200, body = Vec<CaseType>)), tag = "cases", extensions(("x-permission" = json!("signed_in"))))]
async fn list(_: SignedIn) -> axum::Json<&'static [CaseType]> {
    axum::Json(TYPES)
}
