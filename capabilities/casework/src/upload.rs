//! Files an agent adds: stored first, attached to a message when it is sent.

use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use shouwen_contracts::message::AttachmentRef;
use shouwen_kernel::{AttachmentId, Kind, PersonId, Problem, Result};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App};
use unicode_normalization::UnicodeNormalization;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::CaseRead;
use crate::case::Case;
use crate::deed::Deed;

/// Most bytes of one file.
pub const MOST_BYTES: usize = 25 * 1024 * 1024;
/// Most files, and most bytes together, of one message.
const MOST_FILES: usize = 20;

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(upload))
}

/// A stored file.
#[derive(Debug, Serialize, ToSchema)]
struct Uploaded {
    id: AttachmentId,
    name: String,
    #[serde(rename = "type")]
    media_type: String,
    /// Bytes.
    size: u64,
}

/// The form with the file.
#[derive(ToSchema)]
#[allow(dead_code)]
struct Form {
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// A name that is safe to show and to save: composed (full-width signs stay as they were written), without path, control, direction and zero-width characters.
pub fn safe_name(given: &str) -> String {
    let normal: String = given.nfc().collect();
    let base = normal.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = base
        .chars()
        .filter(|c| !c.is_control() && !matches!(c, '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'))
        .map(|c| if matches!(c, '"' | '<' | '>' | ':' | '|' | '?' | '*') { '_' } else { c })
        .collect();
    let kept = kept.trim().trim_start_matches('.').trim();
    if kept.is_empty() {
        return "file".to_owned();
    }
    let ext: String = kept.rsplit_once('.').map(|(_, e)| e).filter(|e| e.chars().count() <= 10).map(|e| format!(".{e}")).unwrap_or_default();
    if kept.chars().count() <= 200 { kept.to_owned() } else { kept.chars().take(200 - ext.chars().count()).collect::<String>() + &ext }
}

/// A media type as it may stand in a header.
fn safe_type(given: Option<&str>) -> String {
    let given = given.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let right = given.split_once('/').is_some_and(|(a, b)| [a, b].iter().all(|p| !p.is_empty() && p.chars().all(|c| c.is_ascii_alphanumeric() || "!#$&-^_.+".contains(c))));
    if right && given.len() <= 100 { given } else { "application/octet-stream".to_owned() }
}

/// Stores a file of at most 25 MiB. It belongs to whoever uploaded it until it is sent with a message.
#[utoipa::path(post, path = "/uploads", request_body(content = Form, content_type = "multipart/form-data"), responses((status = 201, body = Uploaded), (status = 413)), tag = "messages", extensions(("x-permission" = json!("case.read"))))]
async fn upload(State(app): State<App>, who: Allowed<CaseRead>, mut form: Multipart) -> Answer<Response> {
    let broken = |e: axum::extract::multipart::MultipartError| {
        if e.status() == StatusCode::PAYLOAD_TOO_LARGE { too_large() } else { Problem::new(Kind::Invalid, "invalid.multipart", format!("the form cannot be read: {e}")).expected("multipart/form-data with one part `file`") }
    };
    let mut found = None;
    while let Some(mut part) = form.next_field().await.map_err(broken)? {
        if part.name() != Some("file") {
            return Err(Problem::invalid(part.name().unwrap_or_default(), "the form has an unknown part").expected("one part `file`").into());
        }
        let (name, media_type) = (safe_name(part.file_name().unwrap_or_default()), safe_type(part.content_type()));
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(broken)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(too_large().into());
            }
            bytes.extend_from_slice(&chunk);
        }
        found = Some((name, media_type, bytes));
    }
    let (name, media_type, bytes) = found.ok_or_else(|| Problem::invalid("file", "the form has no file").expected("one part `file`"))?;
    // Hashing and writing a large file must not hold up the other requests of this thread.
    let blobs = app.db().services().blobs.clone();
    let prepared = tokio::task::spawn_blocking(move || blobs.prepare(&bytes)).await.map_err(Problem::internal)??;
    let (deed, once) = (Deed::of(&who), who.once(&prepared.sha256));
    app.command(once, StatusCode::CREATED, move |tx| {
        tx.save_blob(&prepared)?;
        let id: AttachmentId = tx.id();
        tx.run(
            "INSERT INTO case_upload (id, workspace_id, person_id, name, media_type, size, sha256, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![id, deed.viewer.workspace, deed.viewer.person, name, media_type, prepared.size, prepared.sha256, tx.now()],
        )?;
        Ok(Uploaded { id, name: name.clone(), media_type: media_type.clone(), size: prepared.size })
    })
    .await
}

fn too_large() -> Problem {
    Problem::new(Kind::TooLarge, "too_large", "the file is larger than 25 MiB").field("file").expected("a file of at most 25 MiB")
}

/// The files a message is sent with: own uploads, or files of messages of the same case (each gets an id of its own).
pub fn take(tx: &Tx<'_>, deed: &Deed, case: &Case, ids: &[AttachmentId]) -> Result<Vec<AttachmentRef>> {
    if ids.len() > MOST_FILES {
        return Err(Problem::invalid("attachments", format!("the message has {} files", ids.len())).expected(format!("at most {MOST_FILES}")));
    }
    let mut files = Vec::with_capacity(ids.len());
    for (i, id) in ids.iter().enumerate() {
        files.push(uploaded(tx, deed.viewer.person, *id)?.or(attached(tx, case, *id)?).ok_or_else(|| {
            Problem::invalid(format!("attachments[{i}]"), "there is no such file").expected("an id from POST /api/v1/uploads by yourself, or of a file of this case")
        })?);
    }
    if files.iter().map(|f| f.size).sum::<u64>() > MOST_BYTES as u64 {
        return Err(Problem::invalid("attachments", "the files together are larger than 25 MiB; most mail servers refuse that").expected("at most 25 MiB together"));
    }
    Ok(files)
}

fn uploaded(tx: &Tx<'_>, person: PersonId, id: AttachmentId) -> Result<Option<AttachmentRef>> {
    type File = (String, String, u64, String);
    // Locked: it must not be swept away before its message names the bytes.
    let found: Option<File> = tx.opt(&format!("SELECT name, media_type, size, sha256 FROM case_upload WHERE id = ?1 AND person_id = ?2{}", tx.for_update()), params![id, person])?;
    // Taken back and sent again, the file needs an id of its own each time.
    Ok(found.map(|(name, media_type, size, sha256)| AttachmentRef { id: tx.id(), name, media_type, size, inline: false, content_id: None, sha256 }))
}

fn attached(tx: &Tx<'_>, case: &Case, id: AttachmentId) -> Result<Option<AttachmentRef>> {
    type File = (String, String, u64, String);
    let found: Option<File> = tx.opt(
        "SELECT a.name, a.media_type, a.size, a.sha256 FROM case_attachment a JOIN case_message m ON m.id = a.message_id WHERE a.id = ?1 AND m.case_id = ?2",
        params![id, case.id],
    )?;
    Ok(found.map(|(name, media_type, size, sha256)| AttachmentRef { id: tx.id(), name, media_type, size, inline: false, content_id: None, sha256 }))
}
