//! `/me/tokens`: one's own API tokens.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Kind, PersonId, Problem, Result, Time, TokenId};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, SignedIn, Viewer};

use crate::input::{in_person, settled};
use crate::{TokenManage, token};

/// A token, without its secret.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ApiToken {
    id: TokenId,
    name: String,
    /// At most these; null: all the person has.
    permissions: Option<Vec<String>>,
    created_at: Time,
    expires_at: Option<Time>,
    last_used_at: Option<Time>,
}

/// A token just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct FreshToken {
    /// `shw_…`; never shown again.
    token: String,
    #[serde(flatten)]
    info: ApiToken,
}

#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    name: String,
    /// At most these of one's own permissions.
    #[serde(default)]
    permissions: Option<Vec<String>>,
    #[serde(default)]
    expires_at: Option<Time>,
}

fn read(tx: &Tx<'_>, person: PersonId, only: Option<TokenId>) -> Result<Vec<ApiToken>> {
    type Found = (TokenId, String, Option<Json<Vec<String>>>, Time, Option<Time>, Option<Time>);
    let columns = "id, name, permissions, created_at, expires_at, last_used_at";
    let rows: Vec<Found> = match only {
        Some(id) => tx.all(&format!("SELECT {columns} FROM identity_token WHERE person_id = ?1 AND id = ?2"), params![person, id])?,
        None => tx.all(&format!("SELECT {columns} FROM identity_token WHERE person_id = ?1 ORDER BY id DESC"), params![person])?,
    };
    Ok(rows
        .into_iter()
        .map(|(id, name, permissions, created_at, expires_at, last_used_at)| ApiToken { id, name, permissions: permissions.map(|p| p.0), created_at, expires_at, last_used_at })
        .collect())
}

/// A person, not a program: a token must not be able to make another, longer-lived one.
fn refuse_tokens(viewer: &Viewer) -> Result<()> {
    if viewer.token.is_some() {
        return Err(Problem::new(Kind::Forbidden, "forbidden.token", "an API token may not make API tokens").expected("a person signed in with a browser"));
    }
    Ok(())
}

/// One's own API tokens, newest first.
#[utoipa::path(get, path = "/me/tokens", responses((status = 200, body = Page<ApiToken>)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Page<ApiToken>>> {
    settled(&who.viewer)?;
    in_person(&who)?;
    app.query(move |tx| Ok(Page { items: read(tx, who.viewer.person, None)?, next: None })).await
}

/// Make an API token. An `Idempotency-Key` is not honoured here: the answer holds a secret and is stored nowhere.
#[utoipa::path(post, path = "/me/tokens", request_body = NewToken, responses((status = 201, body = FreshToken)), tag = "me", extensions(("x-permission" = json!("token.manage"))))]
pub(crate) async fn create(State(app): State<App>, who: Allowed<TokenManage>, input: Input<NewToken>) -> Answer<Response> {
    refuse_tokens(&who.viewer)?;
    let body = input.value;
    if let Some(i) = body.permissions.iter().flatten().position(|code| !who.viewer.can(code)) {
        return Err(Problem::invalid(format!("permissions[{i}]"), "this is not a permission of yours").expected("some of the `permissions` of GET /api/v1/session").into());
    }
    let (ctx, person) = (who.ctx(), who.viewer.person);
    let fresh = app
        .db()
        .write(move |tx| {
            let (id, token) = token::create(tx, &ctx, person, &body.name, body.permissions.as_deref(), body.expires_at)?;
            let info = read(tx, person, Some(id))?.pop().ok_or_else(|| Problem::not_found("token"))?;
            Ok(FreshToken { token, info })
        })
        .await?;
    Ok((StatusCode::CREATED, axum::Json(fresh)).into_response())
}

/// Delete an API token; it is dead at once.
#[utoipa::path(delete, path = "/me/tokens/{id}", params(("id" = TokenId, Path)), responses((status = 204)), tag = "me", extensions(("x-permission" = json!("signed_in"))))]
pub(crate) async fn delete(State(app): State<App>, who: SignedIn, Id(id): Id<TokenId>) -> Answer<Response> {
    settled(&who.viewer)?;
    in_person(&who)?;
    let (ctx, once, person) = (who.ctx(), who.once(""), who.viewer.person);
    app.command(once, StatusCode::NO_CONTENT, move |tx| {
        if tx.execute("DELETE FROM identity_token WHERE id = ?1 AND person_id = ?2", params![id, person])? == 0 {
            return Err(Problem::not_found("token"));
        }
        tx.audit(&ctx, "token.deleted", "token", Some(id.0), None)
    })
    .await
}
