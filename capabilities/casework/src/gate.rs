//! Whether a case may go to a stage: what is true of it, who asks, and the refusal in words.

use serde_json::{Value as Json, json};
use shouwen_kernel::{CaseId, Problem, Result, Time};
use shouwen_rules::Facts;
use shouwen_stages::{Asked, Reason, Refusal, Stage, Status, Way, Who, decide};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::Viewer;

use crate::case::Case;
use crate::kinds::Kind;
use crate::{deed, fields, had, names, type_store, verified};

/// Who moves a case.
#[derive(Clone, Copy)]
pub struct Hand<'a> {
    pub ctx: &'a Ctx,
    /// `None`: the product itself.
    pub viewer: Option<&'a Viewer>,
    /// Acts for the type itself (archiving what is verified): who may move is not asked.
    pub for_type: bool,
}

impl<'a> Hand<'a> {
    /// A person, or the house itself.
    pub fn of(deed: &'a deed::Deed) -> Self {
        Self { ctx: &deed.ctx, viewer: (!deed.is_house()).then_some(&deed.viewer), for_type: false }
    }
    /// The type's own rule.
    pub fn type_itself(ctx: &'a Ctx) -> Self {
        Self { ctx, viewer: None, for_type: true }
    }
}

/// Open and all work orders of a case.
pub fn children(tx: &Tx<'_>, id: CaseId) -> Result<(i64, i64)> {
    let rows: Vec<(String, i64)> = tx.all("SELECT status, count(*) FROM case_case WHERE parent_id = ?1 GROUP BY status", params![id])?;
    let all = rows.iter().map(|r| r.1).sum();
    Ok((rows.iter().filter(|r| r.0 != "closed").map(|r| r.1).sum(), all))
}

/// What conditions may ask of a case.
pub struct CaseFacts<'a> {
    case: &'a Case,
    now: Time,
    children: (i64, i64),
    resolution: Option<&'a str>,
    /// The answers as they are compared, and what they have been where that is asked.
    fields: serde_json::Map<String, Json>,
}

impl<'a> CaseFacts<'a> {
    /// What forms may ask of it.
    pub fn of(kind: &Kind, case: &'a Case, now: Time) -> Self {
        Self { case, now, children: (0, 0), resolution: None, fields: fields::facts(kind, &case.fields) }
    }
}

impl Facts for CaseFacts<'_> {
    fn fact(&self, field: &str) -> Json {
        let c = self.case;
        let age = |since: Time| json!((self.now.micros() - since.micros()) / 1_000_000);
        match field {
            "status" => json!(c.status),
            "stage" => json!(c.stage),
            "type" => json!(c.case_type),
            "priority" => json!(c.priority),
            "title" => json!(c.title),
            "number" => json!(c.number),
            "channel" => json!(c.channel),
            "inbox" => json!(c.inbox_id),
            "language" => json!(c.language),
            "region" => json!(c.region),
            "tier" => json!(c.tier),
            "team" => json!(c.team_id),
            "org_unit" => json!(c.org_unit_id),
            "assignee" => json!(c.assignee_id),
            "accountable" => json!(c.accountable_id),
            "customer" => json!(c.customer_id),
            "parent" => json!(c.ties.parent_id),
            "tag" => json!(c.tags),
            "opened_at" => json!(c.opened_at),
            "updated_at" => json!(c.updated_at),
            "first_response_at" => json!(c.first_response_at),
            "last_in_at" => json!(c.last_in_at),
            "resolved_at" => json!(c.resolved_at),
            "due_at" => json!(c.ties.due_at),
            "age" => age(c.opened_at),
            "in_stage" => age(c.ties.stage_at.unwrap_or(c.opened_at)),
            "reopened" => json!(c.reopened_count),
            "reminders" => json!(c.ties.reminders),
            "co_handlers" => json!(c.ties.co_handlers.len()),
            "children.open" => json!(self.children.0),
            "children.all" => json!(self.children.1),
            "resolution" => json!(self.resolution.or(c.resolution_code.as_deref())),
            "verified" => json!(c.ties.verified_at.is_some()),
            "verification" => json!(c.ties.verified_way),
            "review" => json!(c.ties.review),
            other => self.fields.get(other).cloned().unwrap_or(Json::Null),
        }
    }
}

/// What `hand` is to the case, as the lists of case types name people.
pub fn holder<'a>(tx: &Tx<'_>, hand: Hand<'a>, case: &'a Case) -> Result<impl Fn(&Who) -> bool + use<'a>> {
    let team = match (hand.viewer, case.team_id) {
        (Some(viewer), Some(team)) => names::is_member(tx, team, viewer.person)?,
        _ => false,
    };
    Ok(move |who: &Who| match (who, hand.viewer) {
        _ if hand.for_type => true,
        (Who::System, viewer) => viewer.is_none(),
        (_, None) => false,
        (Who::Assignee, Some(v)) => case.assignee_id == Some(v.person),
        (Who::Accountable, Some(v)) => case.accountable_id == Some(v.person),
        (Who::CoHandler, Some(v)) => case.ties.co_handlers.contains(&v.person),
        (Who::Team, Some(_)) => team,
        (Who::Permission(code), Some(v)) => deed::may(v, code, case),
    })
}

/// Whether `hand` may move the case to `to`; for an end with the resolution it would have.
pub fn ask(tx: &Tx<'_>, hand: Hand<'_>, case: &Case, kind: &Kind, to: &str, resolution: Option<&str>) -> Result<std::result::Result<(), Refusal>> {
    let holds = holder(tx, hand, case)?;
    let target = kind.stage(to)?;
    let ends = target.status == Status::Closed;
    // A case type may have changed since, and the case its type: only what is enough today counts.
    let confirmed = if ends { verified::confirmed(tx, case)? } else { Vec::new() };
    let mut facts = CaseFacts { children: children(tx, case.id)?, resolution, ..CaseFacts::of(kind, case, tx.now()) };
    facts.fields.extend(had::facts(tx, kind, case, target)?);
    let form = fields::asks(tx, kind, case)?;
    let asked = Asked { from: &case.stage, to, answers: &case.fields, resolution, verified: verified::is_enough(&confirmed, kind), now: tx.now().micros() };
    let mut answer = decide(&kind.machine, &asked, &facts, &holds, &|field| !form.hidden.iter().any(|hidden| hidden == field)).map(|_| ());
    // Where a review leads, its type has said; that way need not be open to people.
    if hand.for_type && kind.machine.stage(&case.stage).is_some_and(|s| s.approved.as_deref() == Some(to)) {
        answer = answer.or_else(|mut refusal| {
            refusal.reasons.retain(|reason| !matches!(reason, Reason::NotFromHere { .. }));
            if refusal.reasons.is_empty() { Ok(()) } else { Err(refusal) }
        });
    }
    let aside = resolution.is_some_and(|code| verified::is_aside(kind, code));
    if matches!(target.status, Status::Resolved | Status::Closed) && !aside && !form.missing.is_empty() && !hand.for_type {
        missing(&mut answer, &form.missing);
    }
    if ends {
        // What it was before is still owed: neither another type nor a merge lets a complaint end unverified.
        for former in &case.ties.former_types {
            let types = type_store::types(tx, case.workspace)?;
            // A type that was removed meanwhile cannot say what it asked for: what its own type asks for then.
            let owed = types.find(former).map_or(kind, |found| found.as_ref());
            let reason_enough = owed.machine.ends_by(resolution) && owed.key() == former || aside && resolution.is_some_and(|code| verified::is_aside(owed, code));
            if !reason_enough && !owed.machine.ways().is_empty() && !verified::is_enough(&confirmed, owed) {
                unverified(&mut answer, owed.machine.ways());
            }
        }
    }
    Ok(answer)
}

/// What the form itself must know before an end, beside what the stage asks for.
fn missing(answer: &mut std::result::Result<(), Refusal>, wanted: &[String]) {
    let mut reasons = std::mem::replace(answer, Ok(())).err().map(|refusal| refusal.reasons).unwrap_or_default();
    match reasons.iter_mut().find_map(|reason| match reason {
        Reason::Missing { fields } => Some(fields),
        _ => None,
    }) {
        Some(fields) => {
            let more: Vec<String> = wanted.iter().filter(|key| !fields.contains(key)).cloned().collect();
            fields.extend(more);
        }
        None => reasons.push(Reason::Missing { fields: wanted.to_vec() }),
    }
    *answer = Err(Refusal { reasons });
}

fn unverified(answer: &mut std::result::Result<(), Refusal>, ways: &[Way]) {
    let reason = Reason::Unverified { ways: ways.to_vec() };
    match answer {
        Ok(()) => *answer = Err(Refusal { reasons: vec![reason] }),
        Err(refusal) if refusal.reasons.iter().any(|r| matches!(r, Reason::Unverified { .. })) => {}
        Err(refusal) => refusal.reasons.push(reason),
    }
}

/// The refusal as the API tells it.
pub fn problem(case: &Case, kind: &Kind, refusal: &Refusal) -> Problem {
    let said: Vec<(String, String)> = refusal.reasons.iter().map(|r| words(kind, r)).collect();
    let (wrong, right) = said.first().cloned().unwrap_or_default();
    let detail = json!({
        "from": case.stage,
        "reasons": refusal.reasons.iter().zip(&said).map(|(reason, (wrong, right))| {
            let mut shown = serde_json::to_value(reason).unwrap_or_default();
            if let Some(map) = shown.as_object_mut() {
                map.insert("message".into(), json!(wrong));
                map.insert("expected".into(), json!(right));
            }
            shown
        }).collect::<Vec<_>>(),
    });
    let mut problem = match refusal.reasons.first() {
        Some(Reason::NoSuchStage { .. }) => Problem::invalid("stage", wrong),
        Some(Reason::Unverified { ways }) => {
            let mut problem = Problem::conflict("case.unverified", wrong);
            problem.detail = Some(json!({ "ways": ways }));
            problem
        }
        Some(Reason::Missing { fields }) => Problem::conflict("case.move_refused", wrong).field(format!("fields.{}", fields.first().map_or("", String::as_str))),
        _ => Problem::conflict("case.move_refused", wrong),
    };
    let ways = problem.detail.as_ref().and_then(|d| d.get("ways")).cloned();
    let mut detail = detail;
    if let (Some(ways), Some(map)) = (ways, detail.as_object_mut()) {
        map.insert("ways".into(), ways);
    }
    problem = problem.expected(if said.len() > 1 { format!("{right}; and {} more, see detail.reasons", said.len() - 1) } else { right });
    problem.detail(detail)
}

fn title<'k>(kind: &'k Kind, key: &'k str) -> &'k str {
    kind.machine.stage(key).map_or(key, |s: &Stage| s.title.en.as_str())
}

/// What is wrong, and what would be right.
fn words(kind: &Kind, reason: &Reason) -> (String, String) {
    let list = |items: &[String]| crate::kinds::keys(items.iter().map(String::as_str));
    match reason {
        Reason::NoSuchStage { stage, known } => (format!("cases of type `{}` have no stage `{}`", kind.key(), shouwen_kernel::text::clip(stage, 40)), list(known)),
        Reason::AlreadyThere { stage } => (format!("the case stands in `{}` already", title(kind, stage)), "another stage".into()),
        Reason::NotFromHere { from, to, allowed } => (format!("no way leads from `{}` to `{}`", title(kind, from), title(kind, to)), if allowed.is_empty() { "it stays here".into() } else { list(allowed) }),
        Reason::NotYours { who } => ("others may move it out of this stage".into(), who.iter().map(Who::word).collect::<Vec<_>>().join(", ")),
        Reason::Missing { fields } => (format!("fields that are needed to go on have no answer: {}", fields.join(", ")), format!("an answer to {}", list(fields))),
        Reason::Condition { gate, stage, condition, failed } => {
            let found: Vec<String> = failed.iter().map(|f| format!("{} is {}", f.path.rsplit('.').next().unwrap_or(&f.path), f.found)).collect();
            let side = if *gate == "leave" { "to go on from" } else { "to come to" };
            (format!("the condition {side} `{}` does not hold: {}", title(kind, stage), found.join(", ")), condition.clone())
        }
        Reason::Unverified { ways } => ("the end is not verified".into(), format!("one of: {}", ways.iter().map(|w| w.word()).collect::<Vec<_>>().join(", "))),
    }
}
