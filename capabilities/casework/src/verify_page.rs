//! The page behind the link. A GET only shows (mail scanners open every link); the answer is the POST of a plain form,
//! so it works without JavaScript. Drawing a signature is the one thing that needs a script, and it may be left out.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use minijinja::context;
use serde::Deserialize;
use shouwen_kernel::{Actor, CaseId, Lang, ObjectId, Problem, Result, Time, WorkspaceId};
use shouwen_stages::Way;
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{App, Client, plain_page};

use crate::case::Case;
use crate::verified::{self, Finding};
use crate::{intake, verify_ask};

const TEMPLATE: &str = include_str!("pages/confirm.html");
const SCRIPT: &str = include_str!("pages/sign.js");
/// Largest drawn signature, in bytes.
const MOST_SIGNATURE: usize = 300_000;

/// Routes outside the API.
pub fn pages() -> axum::Router<App> {
    axum::Router::new().route("/c/sign.js", axum::routing::get(script)).route("/c/{token}", axum::routing::get(show).post(answer))
}

async fn script() -> Response {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, "public, max-age=3600"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], SCRIPT).into_response()
}

struct Request {
    workspace: WorkspaceId,
    case_id: CaseId,
    signs: bool,
    chinese: bool,
    answer: Option<String>,
    /// It expired, or its case is no longer there to be answered about.
    over: bool,
}

/// The request with its case; `lock` them when it may be answered now.
fn load(tx: &Tx<'_>, id: ObjectId, lock: bool) -> Result<Option<(Request, Case)>> {
    type Row = (WorkspaceId, CaseId, String, String, Time, Option<String>);
    let select = "SELECT workspace_id, case_id, way, language, expires_at, answer FROM case_verification_request WHERE id = ?1";
    let Some((workspace, case_id, ..)) = tx.opt::<Row>(select, params![id])? else { return Ok(None) };
    // The case first, as everywhere: whoever answers twice at once waits here.
    let case = if lock { Case::lock(tx, workspace, case_id)? } else { Case::load(tx, workspace, case_id)? };
    let (Some(case), Some(row)) = (case, tx.opt::<Row>(select, params![id])?) else { return Ok(None) };
    let (workspace, case_id, way, language, expires_at, answer) = row;
    // Whoever closed the case for a reason of their own has not had the last word: the customer may still say no.
    let over = tx.now() > expires_at || case.merged_into.is_some() || case.status == "closed" && intake::too_late(tx, &case, tx.now())?;
    Ok(Some((Request { workspace, case_id, signs: way == "signature", chinese: language == "zh", answer, over }, case)))
}

/// Shows the question.
async fn show(State(app): State<App>, client: Client, Path(token): Path<String>) -> Response {
    let Some(id) = verify_ask::verify(app.keys(), &token) else { return gone(client.lang) };
    match app.db().read(move |tx| load(tx, id, false)).await {
        Ok(Some((request, case))) => page(&request, &case, &token, &Form::default(), None),
        Ok(None) => gone(client.lang),
        Err(problem) => shouwen_web::Failure(problem).into_response(),
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Form {
    answer: String,
    name: String,
    comment: String,
    signature: String,
}

/// What was done with a form.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Confirmed,
    Rejected,
    Already,
    NoAnswer,
    NoName,
    BadSignature,
    Over,
}

/// Takes the answer; the first one counts.
async fn answer(State(app): State<App>, client: Client, Path(token): Path<String>, form: Result<axum::extract::Form<Form>, axum::extract::rejection::FormRejection>) -> Response {
    let Some(id) = verify_ask::verify(app.keys(), &token) else { return gone(client.lang) };
    let Ok(axum::extract::Form(form)) = form else {
        return shouwen_web::Failure(Problem::invalid("body", "the form cannot be read").expected("answer, name, comment and signature, as the page sends them")).into_response();
    };
    let (ip, given) = (client.ip.clone(), form.clone());
    match app.db().write(move |tx| record(tx, id, &given, ip.clone())).await {
        Ok(Some((request, case, said))) => page(&request, &case, &token, &form, Some(said)),
        Ok(None) => gone(client.lang),
        Err(problem) => shouwen_web::Failure(problem).into_response(),
    }
}

fn record(tx: &Tx<'_>, id: ObjectId, form: &Form, ip: Option<String>) -> Result<Option<(Request, Case, Said)>> {
    let Some((mut request, mut case)) = load(tx, id, true)? else { return Ok(None) };
    let said = take(tx, id, &mut request, &mut case, form, ip)?;
    Ok(Some((request, case, said)))
}

fn take(tx: &Tx<'_>, id: ObjectId, request: &mut Request, case: &mut Case, form: &Form, ip: Option<String>) -> Result<Said> {
    if request.answer.is_some() {
        return Ok(Said::Already);
    }
    if request.over {
        return Ok(Said::Over);
    }
    let outcome = match form.answer.as_str() {
        "yes" => "confirmed",
        "no" => "rejected",
        _ => return Ok(Said::NoAnswer),
    };
    let name = shouwen_kernel::text::clip(&shouwen_kernel::text::one_line(&form.name), 60);
    let signs = request.signs && outcome == "confirmed";
    if signs && name.is_empty() {
        return Ok(Said::NoName);
    }
    let drawn = match signature(&form.signature) {
        Ok(bytes) => bytes.filter(|_| signs).map(|b| tx.put_blob(&b)).transpose()?,
        Err(()) => return Ok(Said::BadSignature),
    };
    let comment = shouwen_kernel::text::clip(form.comment.trim(), 2000);
    let ctx = Ctx { workspace: request.workspace, actor: Actor::Customer { id: case.customer_id }, ip };
    tx.execute("UPDATE case_verification_request SET answer = ?2, answered_at = ?3 WHERE id = ?1", params![id, outcome, tx.now()])?;
    let finding = Finding {
        way: if request.signs { Way::Signature } else { Way::Customer },
        outcome,
        text: Some(comment.as_str()).filter(|c| !c.is_empty()),
        message_id: None,
        name: Some(name.as_str()).filter(|n| signs && !n.is_empty()),
        signature: drawn.as_deref(),
    };
    verified::record(tx, &ctx, case, &finding)?;
    case.save(tx)?;
    tx.audit(&ctx, "case.verified", "case", Some(request.case_id.0), Some(serde_json::json!({ "way": finding.way.word(), "outcome": outcome })))?;
    request.answer = Some(outcome.to_owned());
    Ok(if outcome == "confirmed" { Said::Confirmed } else { Said::Rejected })
}

/// A drawn signature as the page sends it: a PNG in a data address. `Ok(None)`: nothing was drawn.
fn signature(given: &str) -> Result<Option<Vec<u8>>, ()> {
    if given.is_empty() {
        return Ok(None);
    }
    let data = given.strip_prefix("data:image/png;base64,").ok_or(())?;
    if data.len() > MOST_SIGNATURE * 4 / 3 {
        return Err(());
    }
    let bytes = base64::engine::general_purpose::STANDARD.decode(data).map_err(|_| ())?;
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") { Ok(Some(bytes)) } else { Err(()) }
}

fn page(request: &Request, case: &Case, token: &str, form: &Form, said: Option<Said>) -> Response {
    let say = |zh: &'static str, en: &'static str| if request.chinese { zh } else { en };
    let over = request.over && request.answer.is_none();
    let note = match said {
        Some(Said::Confirmed) => Some(say("已收到您的确认，谢谢！", "We have your confirmation. Thank you!")),
        Some(Said::Rejected) => Some(say("我们会继续处理，并尽快与您联系。", "We go on with it and will be in touch soon.")),
        Some(Said::NoAnswer) => Some(say("请选择“已解决”或“未解决”。", "Please choose whether it is solved or not.")),
        Some(Said::NoName) => Some(say("请填写签名人姓名。", "Please enter the name of the person who signs.")),
        Some(Said::BadSignature) => Some(say("手写签名无法读取，请重写或留空。", "The drawn signature cannot be read. Please draw it again or leave it empty.")),
        _ if request.answer.is_some() => Some(say("您已答复过，第一次的答复已记录。", "You have answered already; your first answer counts.")),
        _ => None,
    };
    let open = request.answer.is_none() && !over;
    let heading = if over { say("链接已失效", "This link is no longer needed") } else { say("确认处理结果", "Is it solved?") };
    plain_page(
        StatusCode::OK,
        TEMPLATE,
        context! {
            lang => say("zh-CN", "en"), heading, about => format!("{} · {}", case.title, case.number), note, form => open, signs => request.signs,
            done => case.resolution_text.clone().unwrap_or_default(), action => format!("/c/{token}"), name => form.name.clone(), comment => form.comment.clone(),
            t => context! {
                title => say("确认处理结果", "Is it solved?"), name => say("签名人姓名", "Name of the person who signs"), draw => say("手写签名（选填）", "Drawn signature (optional)"), again => say("重写", "Draw again"),
                comment => say("还想说点什么？（选填）", "Anything to add? (optional)"), yes => if request.signs { say("已解决，签名确认", "Solved: sign") } else { say("已解决", "It is solved") }, no => say("未解决", "It is not solved"),
                footer => say("每个链接只记录一次答复。也可以直接回复我们的邮件。", "Each link takes one answer. You can also simply answer our mail."),
            },
        },
        true,
    )
}

fn gone(lang: Lang) -> Response {
    let say = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    plain_page(
        StatusCode::NOT_FOUND,
        TEMPLATE,
        context! {
            lang => lang.tag(), heading => say("链接无效", "This link does not work"), about => say("请检查链接是否完整，或直接回复我们的邮件。", "Please check that the link is complete, or simply answer our mail."),
            t => context! { title => say("确认处理结果", "Is it solved?"), footer => "" },
        },
        true,
    )
}
