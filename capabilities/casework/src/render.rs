//! Filling the placeholders of a prepared answer. What cannot be filled is named, and stops sending (UX-15).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CannedId, CaseId, Result};
use shouwen_mail::html::scan::escape;
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::case::Case;
use crate::deed::Deed;
use crate::{CaseRead, canned, names};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(render))
}

/// The case it is for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct For {
    case_id: CaseId,
}

/// A filled answer.
#[derive(Debug, Serialize, ToSchema)]
struct Rendered {
    text: String,
    html: Option<String>,
    /// Placeholders nothing is known for; they still stand in the text.
    unresolved: Vec<String>,
}

/// Fills a prepared answer for a case.
#[utoipa::path(post, path = "/canned/{id}/render", params(("id" = CannedId, Path)), request_body = For, responses((status = 200, body = Rendered)), tag = "canned", extensions(("x-permission" = json!("case.read"))))]
async fn render(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CannedId>, input: Input<For>) -> Answer<Response> {
    let (deed, once, case) = (Deed::of(&who), who.once(&input.hash), input.value.case_id);
    app.command(once, StatusCode::OK, move |tx| {
        let case = deed.see(tx, case)?;
        let canned = canned::find(tx, &deed, id)?;
        let mut unresolved = Vec::new();
        let text = fill(&canned.text, &mut unresolved, |key| value(tx, &deed, &case, key))?;
        let html = match &canned.html {
            Some(html) => Some(fill(html, &mut unresolved, |key| Ok(value(tx, &deed, &case, key)?.map(|v| escape(&v))))?),
            None => None,
        };
        Ok(Rendered { text, html, unresolved })
    })
    .await
}

/// A text filled for a case, and the placeholders nothing is known for.
pub fn filled(tx: &Tx<'_>, deed: &Deed, case: &Case, text: &str) -> Result<(String, Vec<String>)> {
    let mut unresolved = Vec::new();
    let text = fill(text, &mut unresolved, |key| value(tx, deed, case, key))?;
    Ok((text, unresolved))
}

/// What a placeholder stands for; `None`: nothing is known.
fn value(tx: &Tx<'_>, deed: &Deed, case: &Case, key: &str) -> Result<Option<String>> {
    let found = match key {
        "customer.name" => names::customer(tx, case.customer_id, case.customer_name.as_deref())?.map(|c| c.name).or(case.customer_name.clone()),
        "case.number" => Some(case.number.clone()),
        "case.title" => Some(case.title.clone()),
        "agent.name" => Some(deed.viewer.name.clone()),
        "team.name" => names::team(tx, case.team_id)?.map(|t| t.name),
        "assignee.name" => names::person(tx, case.assignee_id)?.map(|p| p.name),
        "accountable.name" => names::person(tx, case.accountable_id)?.map(|p| p.name),
        "inbox.name" => match case.inbox_id {
            Some(id) => names::inbox(tx, case.workspace, id)?.map(|i| i.name),
            None => None,
        },
        "date" => {
            let zone = jiff::tz::TimeZone::get(&deed.viewer.time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
            Some(tx.now().to_jiff().to_zoned(zone).strftime("%Y-%m-%d").to_string())
        }
        other => other.strip_prefix("fields.").and_then(|f| case.fields.get(f)).filter(|v| v.get("sealed").is_none()).map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)),
    };
    Ok(found.filter(|v| !v.trim().is_empty()))
}

/// Replaces `{{key}}`; a key without value stays and is noted. Values are never read for placeholders again.
fn fill(text: &str, unresolved: &mut Vec<String>, value: impl Fn(&str) -> Result<Option<String>>) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((key, tail)) = after.split_once("}}").filter(|(key, _)| key.len() <= 100 && !key.contains(['{', '\n'])) else {
            out.push_str("{{");
            rest = after;
            continue;
        };
        match value(key.trim())? {
            Some(value) => out.push_str(&value),
            None => {
                let key = key.trim().to_owned();
                out.push_str(&format!("{{{{{key}}}}}"));
                if !unresolved.contains(&key) {
                    unresolved.push(key);
                }
            }
        }
        rest = tail;
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once_and_the_unknown_are_named() {
        let mut open = Vec::new();
        let value = |key: &str| Ok(if key == "a" { Some("{{b}}".to_owned()) } else { None });
        assert_eq!(fill("x {{ a }} {{b}} {{b}} {{ y", &mut open, value).unwrap(), "x {{b}} {{b}} {{b}} {{ y");
        assert_eq!(open, ["b"]);
    }
}
