//! The HTML of a message, for a sandboxed frame: cleaned, without scripts, without anything that loads from elsewhere
//! unless the reader allowed images.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{MessageId, Result};
use shouwen_mail::html;
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Params};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::attachment::is_raster;
use crate::deed::Deed;
use crate::message::{Message, attachments};
use crate::outgoing::visible;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// A single embedded image may be this large; larger ones stay attachments.
const MOST_EMBEDDED: usize = 5 * 1024 * 1024;
/// All embedded images of a message together.
const MOST_TOGETHER: usize = 15 * 1024 * 1024;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// `1`: load remote images, because the reader said so.
    images: Option<String>,
}

const STYLE: &str = "html{color-scheme:light}body{margin:0;padding:4px;font:14px/1.6 system-ui,'PingFang SC','Noto Sans SC',sans-serif;overflow-wrap:anywhere;background:#fff;color:#1a1a1a}img{max-width:100%;height:auto}table{max-width:100%}pre{white-space:pre-wrap}blockquote{margin:0 0 0 .6em;padding-left:.8em;border-left:2px solid #ccc}";

/// A message as a page of its own.
#[utoipa::path(get, path = "/messages/{id}/html", params(("id" = MessageId, Path), How), responses((status = 200, content_type = "text/html"), (status = 404)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn show(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<MessageId>, Params(how): Params<How>) -> Answer<Response> {
    let deed = Deed::of(&who);
    let images = how.images.as_deref() == Some("1");
    let page = app
        .db()
        .write(move |tx| {
            let (message, case) = visible(tx, &deed, id)?;
            deed.audit(tx, "case.read", &case, Some(json!({ "part": "html", "message": id, "images": images })))?;
            page(tx, &message, images)
        })
        .await?;
    // `allow-same-origin` without `allow-scripts`: nothing in the page can act, and the desk around it can measure its height.
    let policy = if images {
        "default-src 'none'; img-src data: https: http:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    } else {
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    };
    let mut response = page.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

fn page(tx: &Tx<'_>, message: &Message, images: bool) -> Result<String> {
    let body = message.body(tx)?;
    // Cleaned when it was stored; cleaned again, because the rules may have become stricter since.
    let inner = match body.html {
        Some(stored) => {
            let clean = html::clean(&stored).html;
            let shown = embed(tx, message, &clean)?;
            html::rewrite_images(&clean, &|cid| shown.iter().find(|(id, _)| id == cid).map(|(_, url)| url.clone()), &|url| images.then(|| url.to_owned()))
        }
        None => html::text_to_html(&body.text),
    };
    Ok(format!("<!doctype html><html><head><meta charset=\"utf-8\"><meta name=\"referrer\" content=\"no-referrer\"><base target=\"_blank\"><style>{STYLE}</style></head><body>{inner}</body></html>"))
}

/// The inline images a text refers to, as `data:` addresses: a sandboxed frame has no cookies to fetch them with.
fn embed(tx: &Tx<'_>, message: &Message, html: &str) -> Result<Vec<(String, String)>> {
    let mut out = Vec::new();
    let mut together = 0;
    if message.files == 0 || !html.contains("cid:") && !html.contains("CID:") {
        return Ok(out);
    }
    for file in attachments(tx, message.id)? {
        let Some(cid) = file.content_id.clone().filter(|_| file.size as usize <= MOST_EMBEDDED) else { continue };
        together += file.size as usize;
        if together > MOST_TOGETHER {
            break;
        }
        if let Some(bytes) = tx.blob(&file.sha256)?.filter(|bytes| is_raster(&file.media_type, bytes)) {
            out.push((cid, format!("data:{};base64,{}", file.media_type, STANDARD.encode(bytes))));
        }
    }
    Ok(out)
}
