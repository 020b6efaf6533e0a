//! Files and raw mails, handed out so that no browser runs them: as a download, typed but not sniffed, in a sandbox.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{AttachmentId, MessageId, PersonId, Problem, Result};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Params};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::deed::Deed;
use crate::outgoing::visible;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(download)).routes(routes!(raw))
}


/// Whether a browser may show these bytes in place: a raster image that is what its type promises. SVG is a document and
/// never among them.
pub fn is_raster(media_type: &str, bytes: &[u8]) -> bool {
    match media_type {
        "image/png" => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg" => bytes.starts_with(b"\xff\xd8\xff"),
        "image/gif" => bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a"),
        "image/webp" => bytes.len() > 12 && bytes.starts_with(b"RIFF") && &bytes[8..12] == b"WEBP",
        _ => false,
    }
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct How {
    /// `1`: show in place; only PNG, JPEG, GIF and WebP.
    inline: Option<String>,
}

/// A file name for `Content-Disposition` (RFC 6266): a plain form, and the true one in UTF-8.
pub fn disposition(kind: &str, name: &str) -> HeaderValue {
    let plain: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || " .-_()".contains(c) { c } else { '_' }).collect();
    let full: String = name.bytes().map(|b| if b.is_ascii_alphanumeric() || b".-_~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    HeaderValue::from_str(&format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{full}")).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}

struct File {
    name: String,
    media_type: String,
    sha256: String,
}

/// A file of a case the viewer may see, or their own upload.
fn find(tx: &Tx<'_>, deed: &Deed, id: AttachmentId) -> Result<(File, Option<MessageId>)> {
    type Found = (MessageId, String, String, String);
    let of_message: Option<Found> = tx.opt("SELECT message_id, name, media_type, sha256 FROM case_attachment WHERE id = ?1 AND workspace_id = ?2", params![id, deed.viewer.workspace])?;
    if let Some((message, name, media_type, sha256)) = of_message {
        return Ok((File { name, media_type, sha256 }, Some(message)));
    }
    let own: Option<(PersonId, String, String, String)> = tx.opt("SELECT person_id, name, media_type, sha256 FROM case_upload WHERE id = ?1", params![id])?;
    match own {
        Some((person, name, media_type, sha256)) if person == deed.viewer.person => Ok((File { name, media_type, sha256 }, None)),
        _ => Err(Problem::not_found("file")),
    }
}

fn bytes_of(tx: &Tx<'_>, sha256: &str) -> Result<Vec<u8>> {
    tx.blob(sha256)?.ok_or_else(|| Problem::internal(format!("blob {sha256} is missing")))
}

/// An answer no browser will run.
fn harmless(bytes: Vec<u8>, media_type: &str, disposition: HeaderValue) -> Response {
    let media_type = HeaderValue::from_str(media_type).unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// A file.
#[utoipa::path(get, path = "/attachments/{id}", params(("id" = AttachmentId, Path), How), responses((status = 200, content_type = "application/octet-stream"), (status = 404)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn download(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<AttachmentId>, Params(how): Params<How>) -> Answer<Response> {
    let deed = Deed::of(&who);
    let (file, bytes) = app
        .db()
        .write(move |tx| {
            let (file, message) = find(tx, &deed, id)?;
            if let Some(message) = message {
                let (_, case) = visible(tx, &deed, message).map_err(|_| Problem::not_found("file"))?;
                deed.audit(tx, "case.read", &case, Some(json!({ "part": "attachment", "attachment": id })))?;
            }
            let sha256 = file.sha256.clone();
            Ok((file, sha256))
        })
        .await?;
    let sha256 = bytes;
    let bytes = app.db().read(move |tx| bytes_of(tx, &sha256)).await?;
    let shown = how.inline.as_deref() == Some("1") && is_raster(&file.media_type, &bytes);
    // What a browser would run is named as mere bytes even as a download.
    let media_type = if shown || !matches!(file.media_type.as_str(), "text/html" | "image/svg+xml" | "application/xhtml+xml" | "text/xml" | "application/xml") { file.media_type.as_str() } else { "application/octet-stream" };
    Ok(harmless(bytes, media_type, disposition(if shown { "inline" } else { "attachment" }, &crate::upload::safe_name(&file.name))))
}

/// The message as it came in, byte by byte.
#[utoipa::path(get, path = "/messages/{id}/raw", params(("id" = MessageId, Path)), responses((status = 200, content_type = "message/rfc822"), (status = 404)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn raw(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<MessageId>) -> Answer<Response> {
    let deed = Deed::of(&who);
    let sha256 = app
        .db()
        .write(move |tx| {
            let (message, case) = visible(tx, &deed, id)?;
            deed.audit(tx, "case.read", &case, Some(json!({ "part": "raw", "message": id })))?;
            message.raw.ok_or_else(|| Problem::not_found("raw message").expected("a message that came in"))
        })
        .await?;
    let bytes = app.db().read(move |tx| bytes_of(tx, &sha256)).await?;
    Ok(harmless(bytes, "message/rfc822", disposition("attachment", &format!("{id}.eml"))))
}
