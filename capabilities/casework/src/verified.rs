//! The verified end: what was recorded about it, and what follows.

use serde::Serialize;
use shouwen_contracts::casework::Verified;
use shouwen_kernel::{CaseId, MessageId, ObjectId, PersonId, Result, Time};
use shouwen_stages::{Status, Way};
use shouwen_store::{Ctx, Tx, params};
use utoipa::ToSchema;

use crate::case::Case;
use crate::change::Ending;
use crate::gate::Hand;
use crate::kinds::{self, Kind};
use crate::names::{self, Named};

/// An undo this long after the end finds its verification still there.
const UNDO_SECONDS: i64 = 600;

/// What somebody found out about an end.
#[derive(Clone, Debug)]
pub struct Finding<'a> {
    pub way: Way,
    /// `confirmed`, `rejected`, `unreachable`.
    pub outcome: &'a str,
    pub text: Option<&'a str>,
    pub message_id: Option<MessageId>,
    /// Who signed.
    pub name: Option<&'a str>,
    /// Blob of the drawn signature, a PNG.
    pub signature: Option<&'a str>,
}

/// Writes a finding down. `confirmed` makes the case verified and archives it where its type says so; `rejected` sets a
/// case that was thought done to work again. The caller saves the case.
pub fn record(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, finding: &Finding<'_>) -> Result<ObjectId> {
    let id: ObjectId = tx.id();
    tx.execute(
        "INSERT INTO case_verification (id, workspace_id, case_id, way, outcome, text, message_id, name, signature, by_person, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            id, case.workspace, case.id, finding.way.word(), finding.outcome, finding.text, finding.message_id, finding.name, finding.signature, ctx.actor.person_id(), tx.now()
        ],
    )?;
    case.emit(
        tx,
        ctx,
        Verified { case_id: case.id, way: finding.way.word().to_owned(), outcome: finding.outcome.to_owned(), text: finding.text.map(str::to_owned), by: ctx.actor.person_id(), at: tx.now() },
    )?;
    match finding.outcome {
        "confirmed" => {
            case.ties.verified_way = Some(finding.way.word().to_owned());
            case.ties.verified_at = Some(tx.now());
            archive_if_due(tx, ctx, case)?;
        }
        "rejected" => {
            void(tx, case, "rejected")?;
            if matches!(case.status.as_str(), "resolved" | "closed") {
                case.reopen(tx, ctx, "the customer says it is not solved")?;
            }
        }
        _ => {}
    }
    Ok(id)
}

/// Archives a resolved case whose type goes to the archive by itself, if nothing is in the way.
pub fn archive_if_due(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case) -> Result<()> {
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    if case.status != "resolved" || !kind.definition().auto_archive || !crate::children::open_of(tx, case.id)?.is_empty() {
        return Ok(());
    }
    let code = case.resolution_code.clone().unwrap_or_else(|| kind.usual_end().to_owned());
    let Ok(target) = kind.towards(&case.stage, Status::Closed) else { return Ok(()) };
    if crate::gate::ask(tx, Hand::type_itself(ctx), case, &kind, &target.key, Some(&code))?.is_err() {
        return Ok(());
    }
    let text = case.resolution_text.clone();
    case.finish(tx, Hand::type_itself(ctx), &Ending { code: Some(&code), text: text.as_deref(), reason: Some("verified"), ..Ending::usual(Status::Closed) })
}

/// The ways in which its end was confirmed since it was last taken up.
pub fn confirmed(tx: &Tx<'_>, case: &Case) -> Result<Vec<Way>> {
    if case.ties.verified_at.is_none() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String,)> = tx.all("SELECT way FROM case_verification WHERE case_id = ?1 AND outcome = 'confirmed' AND ended_at IS NULL ORDER BY id LIMIT 50", params![case.id])?;
    Ok(rows.iter().filter_map(|row| [Way::Customer, Way::Signature, Way::Callback, Way::Reason].into_iter().find(|way| way.word() == row.0)).collect())
}

/// Whether one of these ways is enough for that type.
pub fn is_enough(confirmed: &[Way], kind: &Kind) -> bool {
    confirmed.iter().any(|way| kind.machine.ways().contains(way))
}

/// A case is taken up again: what verified its end no longer does. An undo right after the end is none.
pub fn void(tx: &Tx<'_>, case: &mut Case, reason: &str) -> Result<()> {
    let fresh = case.closed_at.or(case.resolved_at).is_some_and(|at| at.plus_seconds(UNDO_SECONDS) >= tx.now());
    if case.ties.verified_at.is_none() || reason == "undo" && fresh {
        return Ok(());
    }
    (case.ties.verified_way, case.ties.verified_at) = (None, None);
    tx.execute("UPDATE case_verification SET ended_at = ?2 WHERE case_id = ?1 AND ended_at IS NULL", params![case.id, tx.now()])?;
    Ok(())
}

/// A finding, as the API shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FindingView {
    pub id: ObjectId,
    pub way: String,
    /// `confirmed`, `rejected`, `unreachable`.
    pub outcome: String,
    pub text: Option<String>,
    pub message_id: Option<MessageId>,
    /// Who signed.
    pub name: Option<String>,
    /// There is a drawn signature: `GET /cases/{id}/verifications/{id}/signature`.
    pub has_signature: bool,
    pub by: Option<Named<PersonId>>,
    pub at: Time,
    /// When the case was taken up again.
    pub ended_at: Option<Time>,
}

/// Where a customer was asked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RequestView {
    pub id: ObjectId,
    pub way: String,
    pub asked_by: Option<Named<PersonId>>,
    pub asked_at: Time,
    pub expires_at: Time,
    /// `confirmed`, `rejected`; null: no answer yet.
    pub answer: Option<String>,
    pub answered_at: Option<Time>,
}

/// What is known about the end of a case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerificationView {
    /// It may not be archived without (some resolutions are reason enough by themselves).
    pub needed: bool,
    pub verified: bool,
    /// How it was: `customer`, `signature`, `callback`, `reason`.
    pub way: Option<String>,
    pub at: Option<Time>,
    /// How it can be.
    pub ways: Vec<&'static str>,
    /// Resolutions that are themselves the recorded reason.
    pub by_resolution: Vec<String>,
    /// Of a merged case: the case whose end is its end too, and which owes its verification.
    pub in_case: Option<EndsIn>,
    /// Newest first.
    pub findings: Vec<FindingView>,
    /// Newest first.
    pub requests: Vec<RequestView>,
}

/// The case in which a merged one goes on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EndsIn {
    pub case_id: CaseId,
    pub number: String,
    /// How its end was verified; null: not yet.
    pub way: Option<String>,
    pub at: Option<Time>,
}

fn goes_on(tx: &Tx<'_>, case: &Case) -> Result<Option<EndsIn>> {
    let Some(mut into) = case.merged_into else { return Ok(None) };
    // A case may have been merged on; a ring of merges cannot be made.
    for _ in 0..20 {
        match tx.opt::<(Option<CaseId>,)>("SELECT merged_into FROM case_case WHERE id = ?1", params![into])? {
            Some((Some(next),)) => into = next,
            _ => break,
        }
    }
    let found: Option<(String, Option<String>, Option<Time>)> = tx.opt("SELECT number, verified_way, verified_at FROM case_case WHERE id = ?1", params![into])?;
    Ok(found.map(|(number, way, at)| EndsIn { case_id: into, number, way, at }))
}

/// Whether that resolution of the type puts a case aside.
pub fn is_aside(kind: &Kind, code: &str) -> bool {
    kind.machine.resolution(code).is_some_and(|r| r.aside)
}

/// What is known about the end of a case.
pub fn view(tx: &Tx<'_>, case: &Case) -> Result<VerificationView> {
    let types = crate::type_store::types(tx, case.workspace)?;
    let kind = types.get(&case.case_type)?;
    let asking: Vec<_> = std::iter::once(&kind).chain(case.ties.former_types.iter().filter_map(|key| types.find(key))).filter(|k| k.asks_verification()).collect();
    let confirmed = confirmed(tx, case)?;
    // What is enough for each of them; where nothing is, anything that is enough for one.
    let mut ways: Vec<Way> = kind.machine.ways().to_vec();
    ways.extend(asking.iter().flat_map(|k| k.machine.ways()));
    ways.sort_unstable();
    ways.dedup();
    if ways.iter().any(|way| asking.iter().all(|k| k.machine.ways().contains(way))) {
        ways.retain(|way| asking.iter().all(|k| k.machine.ways().contains(way)));
    }
    let by_resolution = kind.definition().verification.by_resolution.iter().filter(|code| asking.iter().all(|k| k.machine.ends_by(Some(code)) || is_aside(k, code) && is_aside(&kind, code))).cloned().collect();
    type Finding = (ObjectId, String, String, Option<String>, Option<MessageId>, Option<String>, bool, Option<PersonId>, Time, Option<Time>);
    let found: Vec<Finding> = tx.all(
        "SELECT id, way, outcome, text, message_id, name, signature IS NOT NULL, by_person, at, ended_at FROM case_verification WHERE case_id = ?1 ORDER BY id DESC LIMIT 50",
        params![case.id],
    )?;
    let findings = found
        .into_iter()
        .map(|(id, way, outcome, text, message_id, name, has_signature, by, at, ended_at)| {
            Ok(FindingView { id, way, outcome, text, message_id, name, has_signature, by: names::person(tx, by)?, at, ended_at })
        })
        .collect::<Result<_>>()?;
    type Asked = (ObjectId, String, Option<PersonId>, Time, Time, Option<String>, Option<Time>);
    let asked: Vec<Asked> = tx.all(
        "SELECT id, way, asked_by, asked_at, expires_at, answer, answered_at FROM case_verification_request WHERE case_id = ?1 ORDER BY id DESC LIMIT 20",
        params![case.id],
    )?;
    let requests = asked
        .into_iter()
        .map(|(id, way, by, asked_at, expires_at, answer, answered_at)| Ok(RequestView { id, way, asked_by: names::person(tx, by)?, asked_at, expires_at, answer, answered_at }))
        .collect::<Result<_>>()?;
    Ok(VerificationView {
        needed: !asking.is_empty(),
        verified: case.ties.verified_at.is_some() && asking.iter().all(|k| is_enough(&confirmed, k)),
        way: case.ties.verified_way.clone(),
        at: case.ties.verified_at,
        ways: ways.iter().map(|w| w.word()).collect(),
        by_resolution,
        in_case: goes_on(tx, case)?,
        findings,
        requests,
    })
}
