//! The page behind the link of a letter, for one person and one step. A GET only shows (mail scanners open every link)
//! and is audited; the decision is the POST of a plain form, so it works without JavaScript. No cookie is looked at: the
//! address is the key, so another site that does not know it can send nothing in somebody's name.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use minijinja::context;
use serde::Deserialize;
use serde_json::json;
use shouwen_kernel::{Actor, Lang, ObjectId, PersonId, Problem, Result, ReviewId, Time, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{App, Client, axum, plain_page};
use uuid::Uuid;

use crate::course::{self, Decision};
use crate::people::{self, Person};
use crate::review::{KnownCase, Review, Seat, seats};
use crate::{amount, letters, refusal};

const TEMPLATE: &str = include_str!("pages/review.html");
/// Looks within so many seconds are one line of the audit: scanners open a link several times at once.
const SAME_LOOK_S: i64 = 60;

/// Routes outside the API.
pub fn pages() -> axum::Router<App> {
    axum::Router::new().route("/r/{token}", axum::routing::get(show).post(answer))
}

struct Link {
    id: ObjectId,
    workspace: WorkspaceId,
    place: i64,
    person: PersonId,
    expires_at: Time,
    seen_at: Option<Time>,
    used_at: Option<Time>,
}

/// Everything the page shows.
struct Shown {
    link: Link,
    review: Review,
    case: Option<KnownCase>,
    person: Option<Person>,
    seats: Vec<Seat>,
    requester: String,
    names: Vec<(PersonId, String)>,
    due: Option<String>,
    now: Time,
    may: bool,
    /// Whoever it was sent to stood in, and no longer does.
    over: Option<refusal::Over>,
}

impl Shown {
    fn about(&self) -> Result<Option<String>> {
        self.case.as_ref().map(KnownCase::print).transpose()
    }
}

/// The link with its review, held when it may be decided now.
fn load(tx: &Tx<'_>, id: ObjectId, lock: bool) -> Result<Option<Shown>> {
    type Row = (WorkspaceId, Uuid, i64, PersonId, Time, Option<Time>, Option<Time>);
    let select = "SELECT workspace_id, review_id, place, person_id, expires_at, seen_at, used_at FROM review_link WHERE id = ?1";
    let Some((_, review, ..)) = tx.opt::<Row>(select, params![id])? else { return Ok(None) };
    // The review first: whoever presses twice waits here.
    let review = if lock { Review::lock(tx, ReviewId(review))? } else { Review::load(tx, ReviewId(review))? };
    let (Some(review), Some(row)) = (review, tx.opt::<Row>(select, params![id])?) else { return Ok(None) };
    let (workspace, _, place, person, expires_at, seen_at, used_at) = row;
    let link = Link { id, workspace, place, person, expires_at, seen_at, used_at };
    complete(tx, link, review).map(Some)
}

fn complete(tx: &Tx<'_>, link: Link, review: Review) -> Result<Shown> {
    let sitting = seats(tx, &review)?;
    let mut names = Vec::new();
    for id in sitting.iter().flat_map(|seat| [Some(seat.person), seat.decided_by]).flatten() {
        if !names.iter().any(|(known, _)| *known == id) {
            names.push((id, people::name(tx, id)?));
        }
    }
    let due: Option<(Option<Time>,)> = tx.opt("SELECT due_at FROM review_step WHERE review_id = ?1 AND place = ?2", params![review.id.0, review.step])?;
    let due = due.and_then(|row| row.0).map(|at| letters::local(tx, review.workspace, at)).transpose()?;
    let person = Person::load(tx, link.person)?;
    let active = person.as_ref().is_some_and(|p| p.active);
    let may = active && review.is_open() && review.step == link.place && tx.now() <= link.expires_at && link.used_at.is_none() && !course::places(tx, &review, link.person)?.is_empty();
    Ok(Shown {
        case: course::case_of(tx, &review)?,
        requester: review.requester.map(|id| people::name(tx, id)).transpose()?.unwrap_or_default(),
        person,
        seats: sitting,
        names,
        due,
        now: tx.now(),
        over: if may { None } else { refusal::stood_in(tx, &review, link.person)? },
        may,
        link,
        review,
    })
}

/// Shows it. Somebody, or a scanner, looked: the audit says so.
async fn show(State(app): State<App>, client: Client, Path(token): Path<String>) -> Response {
    let Some(id) = letters::verify(app.keys(), &token) else { return gone(client.lang) };
    let (ip, agent) = (client.ip.clone(), client.user_agent.clone());
    let looked = app
        .db()
        .write(move |tx| {
            let Some(shown) = load(tx, id, false)? else { return Ok(None) };
            if shown.link.seen_at.is_none_or(|at| tx.now() >= at.plus_seconds(SAME_LOOK_S)) {
                tx.execute("UPDATE review_link SET seen_at = ?2 WHERE id = ?1", params![id, tx.now()])?;
                // Nobody signed in: who opened it is not known, only whose link it is.
                let ctx = Ctx { workspace: shown.link.workspace, actor: Actor::system("review_link"), ip: ip.clone() };
                shown.review.audit(tx, &ctx, "review.link_opened", json!({ "step": shown.link.place, "person_id": shown.link.person, "user_agent": agent }))?;
            }
            Ok(Some(shown))
        })
        .await;
    match looked {
        Ok(Some(shown)) => page(&shown, &token, "", None),
        Ok(None) => gone(client.lang),
        Err(problem) => shouwen_web::Failure(problem).into_response(),
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Form {
    decision: String,
    reason: String,
    /// The print of the solution the page showed; empty: a page of before.
    about: String,
}

/// What was done with a form.
#[derive(Clone, Copy, PartialEq)]
enum Said {
    Approved,
    Returned,
    NoDecision,
    NoReason,
    Changed,
    Late,
}

/// Takes the decision.
async fn answer(State(app): State<App>, client: Client, Path(token): Path<String>, form: Result<axum::extract::Form<Form>, axum::extract::rejection::FormRejection>) -> Response {
    let Some(id) = letters::verify(app.keys(), &token) else { return gone(client.lang) };
    let Ok(axum::extract::Form(form)) = form else {
        return shouwen_web::Failure(Problem::invalid("body", "the form cannot be read").expected("decision and reason, as the page sends them")).into_response();
    };
    let (ip, given) = (client.ip.clone(), form.clone());
    match app.db().write(move |tx| record(tx, id, &given, ip.clone())).await {
        Ok(Some((shown, said))) => page(&shown, &token, &form.reason, Some(said)),
        Ok(None) => gone(client.lang),
        Err(problem) => shouwen_web::Failure(problem).into_response(),
    }
}

fn record(tx: &Tx<'_>, id: ObjectId, form: &Form, ip: Option<String>) -> Result<Option<(Shown, Said)>> {
    let Some(mut shown) = load(tx, id, true)? else { return Ok(None) };
    let approve = match form.decision.as_str() {
        "approve" => true,
        "return" => false,
        _ => return Ok(Some((shown, Said::NoDecision))),
    };
    if !shown.may {
        return Ok(Some((shown, Said::Late)));
    }
    let reason = Some(shouwen_kernel::text::clip(form.reason.trim(), 4000)).filter(|r| !r.is_empty());
    if !approve && reason.is_none() {
        return Ok(Some((shown, Said::NoReason)));
    }
    let about = Some(form.about.clone()).filter(|about| !about.is_empty());
    if about.is_some() && about != shown.about()? {
        return Ok(Some((shown, Said::Changed)));
    }
    let ctx = Ctx { workspace: shown.link.workspace, actor: Actor::person(shown.link.person), ip };
    // The link before the decision, as a look does it, so that the two wait for each other in one order.
    tx.execute("UPDATE review_link SET used_at = ?2 WHERE id = ?1", params![shown.link.id, tx.now()])?;
    course::decide(tx, &ctx, &mut shown.review, &Decision { person: shown.link.person, for_person: None, approve, reason, via: "mail", about })?;
    shown.link.used_at = Some(tx.now());
    let Shown { link, review, .. } = shown;
    Ok(Some((complete(tx, link, review)?, if approve { Said::Approved } else { Said::Returned })))
}

/// Why a link takes no decision any more.
fn outdated(shown: &Shown, say: &dyn Fn(&'static str, &'static str) -> &'static str) -> String {
    let review = &shown.review;
    let name = |id: PersonId| shown.names.iter().find(|(known, _)| *known == id).map(|(_, name)| name.clone()).unwrap_or_default();
    let by: Vec<String> = shown.seats.iter().filter(|seat| seat.place == shown.link.place && (seat.state == "approved" || seat.state == "returned")).filter_map(|seat| seat.decided_by).map(name).collect();
    let who = by.join(say("、", ", "));
    if shown.link.used_at.is_some() {
        return say("您已用这个链接作出决定。", "You have decided with this link already.").to_owned();
    }
    let sentence = match review.state.as_str() {
        "approved" => say("这项审核已经通过。", "It has been approved."),
        "returned" => say("这项审核已被退回。", "It has been returned."),
        "withdrawn" => say("这项审核已经撤回，无需处理。", "It was withdrawn; nothing is to be decided."),
        "write_up" => say("已按紧急情况先行处理，正在等待事后补写说明。", "It was acted upon as an emergency and waits to be written up."),
        _ if review.step != shown.link.place => say("这一步已经由他人处理。", "This step has been decided."),
        _ if shown.now > shown.link.expires_at => say("链接已过期，请登录后在“待审”中处理。", "This link has expired; please sign in and decide in the review inbox."),
        _ if shown.over.is_some() => say("您的代审委托已经结束，这一步请本人处理。", "You no longer stand in; whoever you stood in for decides."),
        _ => say("这一步不再需要您处理。", "This step no longer waits for you."),
    };
    if who.is_empty() { sentence.to_owned() } else { format!("{sentence}{}{who}", say("处理人：", " By: ")) }
}

fn page(shown: &Shown, token: &str, reason: &str, said: Option<Said>) -> Response {
    let chinese = shown.person.as_ref().is_none_or(|p| p.locale.starts_with("zh"));
    let say = |zh: &'static str, en: &'static str| if chinese { zh } else { en };
    let review = &shown.review;
    let note = match said {
        Some(Said::Approved) => Some(say("已记录：通过。", "Recorded: approved.").to_owned()),
        Some(Said::Returned) => Some(say("已记录：退回。", "Recorded: returned.").to_owned()),
        Some(Said::NoDecision) => Some(say("请选择“通过”或“退回”。", "Please approve it or return it.").to_owned()),
        Some(Said::Changed) => Some(say("处理方案刚刚被修改，下面是现在的内容，请看过再决定。", "The solution was changed a moment ago. This is what it says now; please look before you decide.").to_owned()),
        Some(Said::NoReason) => Some(say("退回请写明理由，便于对方修改。", "Please say why you return it, so that it can be put right.").to_owned()),
        Some(Said::Late) | None if !shown.may => Some(outdated(shown, &say)),
        _ => None,
    };
    let step = review.plan.step.get(usize::try_from(shown.link.place - 1).unwrap_or_default()).map(|def| if chinese { def.title.zh.clone() } else { def.title.en.clone() }).unwrap_or_default();
    let amount = review.amount.zip(review.currency.as_deref()).map(|(minor, currency)| format!("{} {currency}", amount::shown(minor, currency)));
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let Some(case) = &shown.case {
        facts.push((say("工单", "Case"), format!("{} {}", case.number, case.title)));
    }
    facts.push((say("步骤", "Step"), format!("{step}（{} / {}）", shown.link.place, review.steps())));
    if let Some(amount) = amount {
        facts.push((say("金额", "Amount"), amount));
    }
    if !shown.requester.is_empty() {
        facts.push((say("申请人", "Asked by"), shown.requester.clone()));
    }
    if let Some(due) = shown.due.clone().filter(|_| shown.may) {
        facts.push((say("时限", "Until"), due));
    }
    let solution = shown.case.as_ref().and_then(|case| case.solution.clone());
    let texts: Vec<(&str, String)> = [
        (say("申请理由", "Reason"), Some(review.reason.clone()).filter(|r| !r.is_empty())),
        (say("事后补写", "Write-up"), review.write_up.clone()),
        (say("处理方案", "Proposed solution"), solution),
    ]
    .into_iter()
    .filter_map(|(label, text)| Some((label, text?)))
    .collect();
    plain_page(
        StatusCode::OK,
        TEMPLATE,
        context! {
            lang => say("zh-CN", "en"), heading => review.title.clone(), person => shown.person.as_ref().map(|p| p.name.clone()).unwrap_or_default(), note, form => shown.may, facts, texts, about => shown.about().ok().flatten(),
            action => format!("/r/{token}"), reason,
            t => context! {
                title => say("审核", "Review"), for_ => say("审核人", "For"), reason => say("意见（退回时必填）", "Your opinion (needed to return it)"), approve => say("通过", "Approve"), give_back => say("退回", "Return"),
                footer => say("此链接仅供您本人处理这一步，请勿转发。决定会记入审计。", "This link is for you and this step alone; please do not forward it. The decision is kept in the audit."),
            },
        },
        false,
    )
}

fn gone(lang: Lang) -> Response {
    let say = |zh: &'static str, en: &'static str| if lang == Lang::Zh { zh } else { en };
    plain_page(
        StatusCode::NOT_FOUND,
        TEMPLATE,
        context! {
            lang => lang.tag(), heading => say("链接无效", "This link does not work"), note => say("请检查链接是否完整，或登录后在“待审”中处理。", "Please check that the link is complete, or sign in and look into the review inbox."),
            t => context! { title => say("审核", "Review"), footer => "" },
        },
        false,
    )
}
