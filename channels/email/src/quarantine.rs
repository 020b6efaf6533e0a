//! `/mail/quarantine`: mails that could not be understood, kept whole, for agents to see, retry, read raw or dismiss.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use shouwen_kernel::{InboxId, MessageId, Problem, Result, Scope, Time, WorkspaceId, text};
use shouwen_mail::{Limits, Parsed};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Page, PageParams, Params, decode_cursor, limit_of};
use utoipa::ToSchema;

use crate::intake::STORED;
use crate::{QuarantineHandle, inbox};

/// A mail in quarantine.
#[derive(Serialize, ToSchema)]
pub struct QuarantineItem {
    id: MessageId,
    inbox_id: InboxId,
    #[schema(value_type = String)]
    received_at: Time,
    /// Bytes.
    size: u64,
    /// Why it could not be understood, in words.
    reason: String,
    /// The same for programs: `recipients`, `headers`, `parts`, `depth`, `size`, `slow`, `not_stored`, `other`.
    reason_code: &'static str,
    /// Tries so far.
    attempts: i64,
    /// Who seems to have sent it; the address is masked. Null when not even that can be read.
    from_hint: Option<String>,
    subject_hint: Option<String>,
}

/// Why a mail needs no handling.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    reason: String,
}

/// A mail's new state.
#[derive(Serialize, ToSchema)]
pub struct QuarantineState {
    id: MessageId,
    /// `stored` (will be read again) or `dismissed`.
    state: &'static str,
}

struct Kept {
    id: MessageId,
    inbox_id: InboxId,
    raw: String,
    size: u64,
    reason: Option<String>,
    attempts: i64,
    at: Time,
}

type Found = (MessageId, InboxId, String, u64, Option<String>, i64, Option<Time>, Time);

fn kept((id, inbox_id, raw, size, reason, attempts, received_at, taken_at): Found) -> Kept {
    Kept { id, inbox_id, raw, size, reason, attempts, at: received_at.unwrap_or(taken_at) }
}

const COLUMNS: &str = "id, inbox_id, raw, size, reason, attempts, received_at, taken_at";

/// What the head of the mail still tells.
fn hints(tx: &Tx<'_>, raw: &str) -> (Option<String>, Option<String>) {
    let Ok(Some(bytes)) = tx.blob(raw) else { return (None, None) };
    let head = &bytes[..bytes.len().min(16 << 10)];
    let mail = match shouwen_mail::parse(head, &Limits { html_bytes: 0, ..Limits::default() }) {
        Parsed::Message(m) => m.mail,
        Parsed::Quarantined(q) => *q.envelope,
    };
    let from = mail.from.first().map(|a| text::clip(&text::one_line(&format!("{} {}", a.name, if a.address.is_empty() { String::new() } else { shouwen_crypt::mask_email(&a.address) })), 120));
    (from.filter(|f| !f.is_empty()), Some(text::clip(&text::one_line(&mail.subject), 200)).filter(|s| !s.is_empty()))
}

/// The code of a reason, by how the reader words it; rows keep the words, so older ones have a code as well.
fn code_of(reason: &str) -> &'static str {
    const KNOWN: [(&str, &str, &str); 7] = [
        ("the mail has ", " recipients", "recipients"),
        ("the header has ", " lines", "headers"),
        ("the mail has more than ", " parts", "parts"),
        ("the mail is nested deeper than ", " levels", "depth"),
        ("the mail has ", " bytes", "size"),
        ("the parser took longer", "", "slow"),
        ("it could not be stored", "", "not_stored"),
    ];
    KNOWN.iter().find(|(begins, holds, _)| reason.starts_with(begins) && reason.contains(holds)).map_or("other", |known| known.2)
}

fn item(tx: &Tx<'_>, kept: Kept) -> QuarantineItem {
    let (from_hint, subject_hint) = hints(tx, &kept.raw);
    QuarantineItem { id: kept.id, inbox_id: kept.inbox_id, received_at: kept.at, size: kept.size, reason_code: code_of(kept.reason.as_deref().unwrap_or_default()), reason: kept.reason.unwrap_or_default(), attempts: kept.attempts, from_hint, subject_hint }
}

/// Whether the viewer's right reaches the inbox it came to; remembers the answers.
fn reaches(tx: &Tx<'_>, scope: &Scope, known: &mut std::collections::HashMap<InboxId, bool>, id: InboxId) -> Result<bool> {
    if let Some(answer) = known.get(&id) {
        return Ok(*answer);
    }
    let answer = inbox::find(tx, id)?.is_some_and(|i| scope.sees(&i.access()));
    known.insert(id, answer);
    Ok(answer)
}

fn find(tx: &Tx<'_>, scope: &Scope, workspace: WorkspaceId, id: MessageId) -> Result<Kept> {
    let row: Option<Found> = tx.opt(&format!("SELECT {COLUMNS} FROM mail_message WHERE id = ?1 AND workspace_id = ?2 AND state = 'quarantined'"), params![id, workspace])?;
    let kept = row.map(kept).ok_or_else(|| Problem::not_found("mail in quarantine"))?;
    if reaches(tx, scope, &mut std::collections::HashMap::new(), kept.inbox_id)? { Ok(kept) } else { Err(Problem::not_found("mail in quarantine")) }
}

/// Mails in quarantine, newest first.
#[utoipa::path(get, path = "/mail/quarantine", params(PageParams), responses((status = 200, body = Page<QuarantineItem>)), tag = "inboxes", extensions(("x-permission" = json!("quarantine.handle"))))]
pub(crate) async fn list(State(app): State<App>, who: Allowed<QuarantineHandle>, Params(page): Params<PageParams>) -> Answer<axum::Json<Page<QuarantineItem>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    let limit = limit_of(page.limit)?;
    let after: Option<MessageId> = decode_cursor(page.after.as_deref())?;
    app.query(move |tx| {
        let mut known = std::collections::HashMap::new();
        let mut items = Vec::new();
        let mut before = after.unwrap_or(MessageId(uuid::Uuid::max()));
        // Rows outside the scope are passed over; the walk ends with the page or the table.
        loop {
            let rows: Vec<Found> = tx.all(
                &format!("SELECT {COLUMNS} FROM mail_message WHERE workspace_id = ?1 AND state = 'quarantined' AND id < ?2 ORDER BY id DESC LIMIT ?3"),
                params![workspace, before, limit + 1],
            )?;
            let more = rows.len() > limit;
            for row in rows.into_iter().map(kept) {
                before = row.id;
                if reaches(tx, &scope, &mut known, row.inbox_id)? {
                    items.push(item(tx, row));
                }
                if items.len() > limit {
                    break;
                }
            }
            if !more || items.len() > limit {
                return Ok(Page::from_rows(items, limit, |i| i.id));
            }
        }
    })
    .await
}

/// Reads a mail again, with wider bounds than the first time.
#[utoipa::path(post, path = "/mail/quarantine/{id}/retry", params(("id" = MessageId, Path)), responses((status = 200, body = QuarantineState), (status = 404)), tag = "inboxes", extensions(("x-permission" = json!("quarantine.handle"))))]
pub(crate) async fn retry(State(app): State<App>, who: Allowed<QuarantineHandle>, Id(id): Id<MessageId>) -> Answer<Response> {
    let (ctx, scope, once) = (who.ctx(), who.scope.clone(), who.once(""));
    let answer = app
        .command(once, StatusCode::OK, move |tx| {
            find(tx, &scope, ctx.workspace, id)?;
            requeue(tx, id)?;
            tx.audit(&ctx, "quarantine.retried", "message", Some(id.0), None)?;
            Ok(QuarantineState { id, state: "stored" })
        })
        .await;
    STORED.notify_one();
    answer
}

/// Puts a quarantined mail back among those that wait; `false` when it is not in quarantine.
pub(crate) fn requeue(tx: &Tx<'_>, id: MessageId) -> Result<bool> {
    Ok(tx.execute("UPDATE mail_message SET state = 'stored', version = version + 1 WHERE id = ?1 AND state = 'quarantined'", params![id])? > 0)
}

/// The mail as it came. Reading it is audited.
#[utoipa::path(get, path = "/mail/quarantine/{id}/raw", params(("id" = MessageId, Path)), responses((status = 200, content_type = "message/rfc822"), (status = 404)), tag = "inboxes", extensions(("x-permission" = json!("quarantine.handle"))))]
pub(crate) async fn raw(State(app): State<App>, who: Allowed<QuarantineHandle>, Id(id): Id<MessageId>) -> Answer<Response> {
    let (ctx, scope) = (who.ctx(), who.scope.clone());
    let bytes = app
        .db()
        .write(move |tx| {
            let kept = find(tx, &scope, ctx.workspace, id)?;
            tx.audit(&ctx, "quarantine.read", "message", Some(id.0), None)?;
            tx.blob(&kept.raw)?.ok_or_else(|| Problem::internal("its raw bytes are not in the store"))
        })
        .await?;
    let headers = [
        (header::CONTENT_TYPE, "message/rfc822".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{id}.eml\"")),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, bytes).into_response())
}

/// Takes a mail off the list because it needs no handling (spam, rubbish). Its bytes are collected after the days of grace.
#[utoipa::path(post, path = "/mail/quarantine/{id}/dismissal", params(("id" = MessageId, Path)), request_body = Dismissal, responses((status = 200, body = QuarantineState), (status = 404), (status = 422)), tag = "inboxes", extensions(("x-permission" = json!("quarantine.handle"))))]
pub(crate) async fn dismiss(State(app): State<App>, who: Allowed<QuarantineHandle>, Id(id): Id<MessageId>, input: Input<Dismissal>) -> Answer<Response> {
    let (ctx, scope, once, body) = (who.ctx(), who.scope.clone(), who.once(&input.hash), input.value);
    let reason = text::one_line(&body.reason);
    if reason.is_empty() || reason.chars().count() > 500 {
        return Err(Problem::invalid("reason", "the reason is empty or longer than 500 characters").expected("why this mail needs no handling").into());
    }
    app.command(once, StatusCode::OK, move |tx| {
        find(tx, &scope, ctx.workspace, id)?;
        tx.run("UPDATE mail_message SET state = 'dismissed', version = version + 1 WHERE id = ?1", params![id])?;
        tx.audit(&ctx, "quarantine.dismissed", "message", Some(id.0), Some(serde_json::json!({ "reason": reason })))?;
        Ok(QuarantineState { id, state: "dismissed" })
    })
    .await
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reason_has_a_code() {
        for (reason, code) in [
            ("the mail has 5000 recipients; at most 1000 are taken in", "recipients"),
            ("the mail has 99 bytes; at most 50 are parsed", "size"),
            ("the mail has more than 500 parts", "parts"),
            ("the mail is nested deeper than 20 levels", "depth"),
            ("the header has 9000 lines", "headers"),
            ("the parser took longer than 10 s", "slow"),
            ("it could not be stored: x", "not_stored"),
            ("something else", "other"),
        ] {
            assert_eq!(super::code_of(reason), code, "{reason}");
        }
    }
}
