//! The page behind the link. A GET only shows (mail scanners open every link, UX-81); the answer is a POST of a plain
//! form, so it works without JavaScript.

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;
use shouwen_contracts::voice::{Answered, Commented, VoiceEvent};
use shouwen_kernel::{Actor, CaseId, CustomerId, Lang, Problem, Result, SurveyId, Time, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{App, Client, axum, plain_page};

use crate::ask::SCORES;
use crate::{cases, link};

const TEMPLATE: &str = include_str!("pages/survey.html");

struct Request {
    workspace: WorkspaceId,
    case_id: CaseId,
    customer_id: Option<CustomerId>,
    title: String,
    number: String,
    chinese: bool,
    expires_at: Time,
    score: Option<i64>,
    commented: bool,
}

/// The request; `lock` it when it may be answered now.
fn load(tx: &Tx<'_>, id: SurveyId, lock: bool) -> Result<Option<Request>> {
    type Row = (WorkspaceId, CaseId, Option<CustomerId>, String, String, String, Time, Option<i64>, Option<String>);
    let row: Option<Row> = tx.opt(
        &format!("SELECT workspace_id, case_id, customer_id, title, number, language, expires_at, score, comment FROM survey_request WHERE id = ?1{}", if lock { tx.for_update() } else { "" }),
        params![id],
    )?;
    Ok(row.map(|(workspace, case_id, customer_id, title, number, language, expires_at, score, comment)| Request { workspace, case_id, customer_id, title, number, chinese: language == "zh", expires_at, score, commented: comment.is_some() }))
}

#[derive(Deserialize)]
pub struct Chosen {
    score: Option<String>,
}

/// Shows the question, with the score of the link chosen already.
pub async fn show(State(app): State<App>, client: Client, Path(token): Path<String>, Query(chosen): Query<Chosen>) -> Response {
    let Some(id) = link::verify(app.keys(), &token) else { return gone(client.lang, StatusCode::NOT_FOUND) };
    match app.db().read(move |tx| Ok((load(tx, id, false)?, tx.now()))).await {
        Ok((Some(request), now)) => {
            let chosen = chosen.score.and_then(|s| s.parse().ok()).filter(|s| (1..=5).contains(s));
            page(&request, &token, now, chosen, None)
        }
        Ok((None, _)) => gone(client.lang, StatusCode::NOT_FOUND),
        Err(problem) => shouwen_web::Failure(problem).into_response(),
    }
}

#[derive(Clone, Deserialize)]
pub struct Form {
    #[serde(default)]
    score: Option<String>,
    #[serde(default)]
    comment: String,
}

/// Takes the answer; the first one counts.
pub async fn answer(State(app): State<App>, client: Client, Path(token): Path<String>, form: Result<axum::extract::Form<Form>, axum::extract::rejection::FormRejection>) -> Response {
    let Some(id) = link::verify(app.keys(), &token) else { return gone(client.lang, StatusCode::NOT_FOUND) };
    let Ok(axum::extract::Form(form)) = form else {
        return shouwen_web::Failure(Problem::invalid("body", "the form cannot be read").expected("score and comment, as the page sends them")).into_response();
    };
    let ip = client.ip.clone();
    let done = app.db().write(move |tx| record(tx, id, &form, ip.clone())).await;
    match done {
        Ok(Some((request, now, said))) => page(&request, &token, now, None, Some(said)),
        Ok(None) => gone(client.lang, StatusCode::NOT_FOUND),
        Err(problem) => shouwen_web::Failure(problem).into_response(),
    }
}

/// What was done with a form.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Thanks,
    Already,
    Expired,
    NoScore,
}

fn record(tx: &Tx<'_>, id: SurveyId, form: &Form, ip: Option<String>) -> Result<Option<(Request, Time, Said)>> {
    let Some(mut request) = load(tx, id, true)? else { return Ok(None) };
    if tx.now() > request.expires_at {
        return Ok(Some((request, tx.now(), Said::Expired)));
    }
    let ctx = Ctx { workspace: request.workspace, actor: Actor::Customer { id: request.customer_id }, ip };
    let access = cases::known(tx, request.case_id)?.map(|known| known.access);
    let comment = shouwen_kernel::text::clip(form.comment.trim(), 2000);
    let score = form.score.as_deref().and_then(|s| s.parse::<u8>().ok()).filter(|s| (1..=5).contains(s));
    let said = match (request.score, score) {
        (None, Some(score)) => {
            tx.run("UPDATE survey_request SET score = ?2, answered_at = ?3 WHERE id = ?1", params![id, i64::from(score), tx.now()])?;
            tx.emit::<VoiceEvent>(&ctx, Some(request.case_id.0), access.as_ref(), Answered { survey_id: id, case_id: request.case_id, score, has_comment: !comment.is_empty(), at: tx.now() })?;
            tx.audit(&ctx, "survey.answered", "survey", Some(id.0), Some(serde_json::json!({ "score": score })))?;
            request.score = Some(i64::from(score));
            Said::Thanks
        }
        (None, None) => return Ok(Some((request, tx.now(), Said::NoScore))),
        (Some(_), _) if comment.is_empty() || request.commented => Said::Already,
        (Some(_), _) => Said::Thanks,
    };
    if !comment.is_empty() && !request.commented {
        tx.run("UPDATE survey_request SET comment = ?2, commented_at = ?3 WHERE id = ?1", params![id, comment, tx.now()])?;
        tx.emit::<VoiceEvent>(&ctx, Some(request.case_id.0), access.as_ref(), Commented { survey_id: id, case_id: request.case_id, at: tx.now() })?;
        request.commented = true;
    }
    Ok(Some((request, tx.now(), said)))
}

fn page(request: &Request, token: &str, now: Time, chosen: Option<i64>, said: Option<Said>) -> Response {
    let say = |zh: &'static str, en: &'static str| if request.chinese { zh } else { en };
    let expired = now > request.expires_at;
    let note = match said {
        Some(Said::Thanks) => Some(say("已收到您的评价，谢谢！", "We have your answer. Thank you!")),
        Some(Said::Already) => Some(say("您已评价过，第一次的评价已记录。", "You have answered already; your first answer counts.")),
        Some(Said::NoScore) => Some(say("请先选择一项。", "Please choose one of the five first.")),
        Some(Said::Expired) => None,
        None if request.score.is_some() => Some(say("您已评价过，谢谢！", "You have answered already. Thank you!")),
        None => None,
    };
    // After the score the comment may still be added, once.
    let form = if expired { None } else if request.score.is_none() { Some("score") } else if request.commented { None } else { Some("comment") };
    let heading = if expired && request.score.is_none() { say("链接已过期", "This link has expired") } else { say("服务评价", "How did we do?") };
    let scores: Vec<_> = SCORES.iter().map(|(value, zh, en)| context! { value => i64::from(*value), label => format!("{} {}", "★".repeat(usize::from(*value)), say(zh, en)) }).collect();
    plain_page(
        StatusCode::OK,
        TEMPLATE,
        context! {
            lang => say("zh-CN", "en"), heading, about => format!("{} · {}", request.title, request.number), note, form, scores, chosen,
            action => format!("/s/{token}"),
            t => context! {
                title => say("服务评价", "How did we do?"), question => say("您对本次服务满意吗？", "How satisfied are you?"), comment => say("还想说点什么？（选填）", "Anything to add? (optional)"), send => say("提交", "Send"),
                footer => say("每个链接只记录一次评价。如问题仍未解决，请直接回复邮件。", "Each link takes one answer. If the matter is not solved, simply answer our mail."),
            },
        },
        false,
    )
}

fn gone(lang: Lang, status: StatusCode) -> Response {
    let say = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    plain_page(
        status,
        TEMPLATE,
        context! {
            lang => lang.tag(), heading => say("链接无效", "This link does not work"), about => say("请检查链接是否完整，或直接回复我们的邮件。", "Please check that the link is complete, or simply answer our mail."),
            t => context! { title => say("服务评价", "How did we do?"), footer => "" },
        },
        false,
    )
}
