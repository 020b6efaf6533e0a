//! `/me`: one's own name, language, zone, preferences and presence.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::Problem;
use shouwen_store::params;
use shouwen_web::{Answer, App, Input, SignedIn};

use crate::input::{self, settled};
use crate::person::{announce, set_status};
use crate::viewer::{ViewerAnswer, answer};

/// The most bytes of preferences.
const PREFERENCES: usize = 64 * 1024;

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EditMe {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    locale: Option<String>,
    #[serde(default)]
    time_zone: Option<String>,
    /// Replaces what is there.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    preferences: Option<serde_json::Map<String, serde_json::Value>>,
}

#[derive(Clone, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Presence {
    /// `online`, `busy`, `away` or `offline`.
    status: String,
}

/// Change one's own name, language, time zone or preferences.
#[utoipa::path(patch, path = "/me", request_body = EditMe, responses((status = 200, body = ViewerAnswer)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn edit(State(app): State<App>, who: SignedIn, input: Input<EditMe>) -> Answer<Response> {
    // A token acts for a person; it does not change who they are.
    input::in_person(&who)?;
    let (ctx, once, viewer, body) = (who.ctx(), who.once(&input.hash), who.viewer.clone(), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let old = crate::person_row::load(tx, viewer.workspace, viewer.person)?;
        let name = body.name.as_deref().map_or(Ok(old.name.clone()), |n| input::name("name", n, 60))?;
        let locale = body.locale.as_deref().map_or(Ok(old.locale.clone()), input::locale)?;
        let zone = body.time_zone.as_deref().map_or(Ok(old.time_zone.clone()), input::time_zone)?;
        if (&name, &locale, &zone) != (&old.name, &old.locale, &old.time_zone) {
            tx.execute("UPDATE identity_person SET name = ?2, locale = ?3, time_zone = ?4, version = version + 1 WHERE id = ?1", params![viewer.person, name, locale, zone])?;
            announce(tx, &ctx, viewer.person)?;
            tx.audit(&ctx, "person.edited_self", "person", Some(viewer.person.0), Some(json!({ "name": name, "locale": locale, "time_zone": zone })))?;
        }
        if let Some(preferences) = &body.preferences {
            let preferences = serde_json::Value::Object(preferences.clone());
            let size = preferences.to_string().len();
            if size > PREFERENCES {
                return Err(Problem::invalid("preferences", format!("{size} bytes of preferences")).expected("at most 64 KiB"));
            }
            tx.execute("UPDATE identity_person SET preferences = ?2 WHERE id = ?1", params![viewer.person, preferences])?;
        }
        answer(tx, viewer.workspace, viewer.person, Some(&viewer))
    })
    .await
}

/// Set one's own presence.
#[utoipa::path(put, path = "/me/status", request_body = Presence, responses((status = 200, body = Presence)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn status(State(app): State<App>, who: SignedIn, input: Input<Presence>) -> Answer<Response> {
    settled(&who.viewer)?;
    let (ctx, once, person, body) = (who.ctx(), who.once(&input.hash), who.viewer.person, input.value);
    app.command(once, StatusCode::OK, move |tx| {
        set_status(tx, &ctx, person, &body.status)?;
        tx.audit(&ctx, "person.status_set", "person", Some(person.0), Some(json!({ "status": body.status })))?;
        Ok(body.clone())
    })
    .await
}
