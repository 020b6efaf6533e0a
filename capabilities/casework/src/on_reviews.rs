//! What reviews decided: the case goes where the stage it stands in says.

use serde::Deserialize;
use shouwen_contracts::casework::WishRefused;
use shouwen_kernel::{CaseId, Result, Time};
use shouwen_stages::{Stage, Status, Step};
use shouwen_store::{Ctx, Recorded, Subscription, Tx};

use crate::case::Case;
use crate::change::Ending;
use crate::gate::Hand;
use crate::kinds::Kind;
use crate::{input, kinds};

/// Writes state, so it is never rebuilt.
pub const SUBSCRIPTION: Subscription = Subscription { name: "casework.reviews", version: 1, reset: None, kinds: &["review.approved", "review.returned", "review.outdated"], handle };

/// Read loosely: only what a case needs.
#[derive(Deserialize)]
struct Decided {
    case_id: CaseId,
    /// An approval of an amount in the same case is no answer to the review of its stage.
    #[serde(default)]
    flow: Option<String>,
    /// The stage that asked; absent: people did, or the log is old.
    #[serde(default)]
    stage: Option<String>,
    #[serde(default)]
    reason: Option<String>,
    /// When it was decided.
    #[serde(default)]
    at: Option<Time>,
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    // What is reviewed need not be a case.
    let Ok(decided) = serde_json::from_value::<Decided>(recorded.payload()?) else { return Ok(()) };
    let Some(mut case) = Case::lock(tx, recorded.workspace, decided.case_id)? else { return Ok(()) };
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    let ctx = Ctx { workspace: recorded.workspace, actor: recorded.actor()?, ip: None };
    if recorded.kind == "review.outdated" {
        return outdated(tx, &ctx, &mut case, &kind, &decided);
    }
    // A case that went on in the meantime is not called back.
    let Some(stage) = kind.machine.stage(&case.stage).filter(|_| case.ties.review.as_deref() == Some("pending")) else { return Ok(()) };
    // What this stage asked for is its answer, whatever flow the type names by now.
    let asked_here = decided.stage.as_deref().map_or(stage.review.is_some() && (decided.flow.is_none() || decided.flow == stage.review), |asked| asked == case.stage);
    if !asked_here {
        return Ok(());
    }
    // Decided before it came here (again): that was about another solution.
    if decided.at.zip(case.ties.stage_at).is_some_and(|(decided, came)| decided < came) {
        return Ok(());
    }
    let approved = recorded.kind == "review.approved";
    case.ties.review = Some(if approved { "approved" } else { "returned" }.to_owned());
    let Some(target) = (if approved { &stage.approved } else { &stage.returned }).as_ref().and_then(|key| kind.machine.stage(key)) else {
        // The type no longer says where it leads: it stays, and people may move it.
        return case.save(tx);
    };
    let word = if approved { "the review approved it" } else { "the review returned it" };
    let reason = input::reason(decided.reason.as_deref()).unwrap_or_else(|| word.to_owned());
    if target.status == Status::Closed {
        return archive(tx, &ctx, &mut case, target, &reason, recorded);
    }
    case.put_in(tx, &ctx, target, Some(reason))?;
    case.save(tx)
}

/// The solution was changed after it was approved: the approval counts no more. A case that has gone on to tell the
/// customer, or waits for their word, goes back to the review; one that is worked on may not go on before it was there.
fn outdated(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, kind: &Kind, decided: &Decided) -> Result<()> {
    const REASON: &str = "the solution was changed after its review";
    if case.status == "closed" || case.ties.review.as_deref() != Some("approved") {
        return Ok(());
    }
    let asks = |stage: &&Stage| stage.review.is_some() && (stage.review == decided.flow || decided.stage.as_deref() == Some(stage.key.as_str()));
    let named = decided.stage.as_deref().and_then(|key| kind.machine.stage(key)).filter(asks);
    // Asked for by people, beside any stage: nothing of the case stands on it.
    let Some(target) = named.or_else(|| decided.stage.as_ref().and_then(|_| kind.machine.definition().stages.iter().find(asks))) else { return Ok(()) };
    let step = kind.machine.stage(&case.stage).map(|stage| stage.step);
    if !matches!(step, Some(Step::Inform | Step::Callback)) {
        case.ties.review = Some("returned".to_owned());
        return case.save(tx);
    }
    if case.status == "resolved" {
        case.reopen(tx, ctx, REASON)?;
    }
    case.put_in(tx, ctx, target, Some(REASON.to_owned()))?;
    case.save(tx)
}

/// A review that leads to the archive is no verification: what is not verified stays where it is, and the timeline says
/// what is missing.
fn archive(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, target: &Stage, reason: &str, recorded: &Recorded) -> Result<()> {
    let (code, text) = (case.resolution_code.clone(), case.resolution_text.clone());
    let ending = Ending { stage: Some(&target.key), code: code.as_deref(), text: text.as_deref(), reason: Some(reason), ..Ending::usual(Status::Closed) };
    let before = case.clone();
    match tx.savepoint(|tx| {
        let mut case = before.clone();
        case.finish(tx, Hand::type_itself(ctx), &ending)?;
        Ok(case)
    }) {
        Ok(done) => *case = done,
        Err(problem) if problem.is_transient() => return Err(problem),
        Err(problem) => {
            let told = WishRefused { case_id: Some(case.id), source: format!("review:{}:{}", case.id, recorded.at.micros()), reason: reason.to_owned(), problem: serde_json::to_value(&problem)? };
            case.emit(tx, ctx, told)?;
        }
    }
    case.save(tx)
}
