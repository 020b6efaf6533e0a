//! Counters: how many cases each group of each threshold had in each bucket of time. A case counts once under a threshold;
//! which bucket it counts in is kept beside it, so that it can leave it again.

use shouwen_kernel::{CaseId, ObjectId, Result, Time, WorkspaceId};
use shouwen_rules::Condition;
use shouwen_store::{Engine, Timer, Tx, params};

use crate::evaluate;
use crate::facts::{self, Fact};
use crate::maths::{weeks_before, window_of};
use crate::thresholds::{self, Stored};

/// Timer: a threshold is new or counts other things; the cases that are there already are counted, a page at a time.
pub const RECOUNT: &str = "warning.recount";
const PAGE: usize = 500;

/// A threshold ready to count.
#[derive(Clone)]
pub struct Ready {
    pub stored: Stored,
    pub condition: Option<Condition>,
}

/// The switched-on thresholds of a workspace, read once in a transaction.
fn ready(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Ready>> {
    tx.known(&format!("warning.thresholds.{workspace}"), || {
        turn(tx, workspace)?;
        Ok(thresholds::enabled(tx, workspace)?.into_iter().map(|stored| Ready { condition: stored.threshold.reads(), stored }).collect())
    })
}

/// One at a time counts for a workspace. SQLite has one writer anyway.
pub fn turn(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.run("INSERT INTO warning_turn (workspace_id) VALUES (?1) ON CONFLICT (workspace_id) DO NOTHING", params![workspace])?;
        tx.opt::<(WorkspaceId,)>("SELECT workspace_id FROM warning_turn WHERE workspace_id = ?1 FOR UPDATE", params![workspace])?;
    }
    Ok(())
}

/// Brings the counters to what is known of a case now, and asks the groups it came into whether they are too many. `new`:
/// nothing counts it yet.
pub fn settle(tx: &Tx<'_>, workspace: WorkspaceId, fact: &Fact, new: bool) -> Result<()> {
    let thresholds = ready(tx, workspace)?;
    if thresholds.is_empty() {
        return Ok(());
    }
    let counted: Vec<(ObjectId, String, i64)> = if new { Vec::new() } else { tx.all("SELECT threshold_id, grp, bucket FROM warning_member WHERE case_id = ?1", params![fact.case_id])? };
    for one in &thresholds {
        let before = counted.iter().find(|row| row.0 == one.stored.id).map(|row| (row.1.clone(), row.2));
        if let Some((grp, bucket)) = place(tx, workspace, one, fact, before)? {
            let threshold = &one.stored.threshold;
            let (first, last) = window_of(tx.now().seconds(), threshold.window_s(), threshold.step());
            // While the past is being counted the band knows half of it; at the end every group is asked.
            if (first..=last).contains(&bucket) && !one.stored.counting {
                evaluate::group(tx, workspace, &one.stored, &grp)?;
            }
        }
    }
    Ok(())
}

/// Moves a case between the counters of one threshold; where it counts newly.
fn place(tx: &Tx<'_>, workspace: WorkspaceId, one: &Ready, fact: &Fact, before: Option<(String, i64)>) -> Result<Option<(String, i64)>> {
    let id = one.stored.id;
    let after = one.stored.threshold.place(fact, one.condition.as_ref());
    if after == before {
        return Ok(None);
    }
    if let Some((grp, bucket)) = before {
        tx.run("DELETE FROM warning_member WHERE threshold_id = ?1 AND case_id = ?2", params![id, fact.case_id])?;
        tx.run("UPDATE warning_count SET n = n - 1 WHERE threshold_id = ?1 AND grp = ?2 AND bucket = ?3", params![id, grp, bucket])?;
        tx.run("DELETE FROM warning_count WHERE threshold_id = ?1 AND grp = ?2 AND bucket = ?3 AND n <= 0", params![id, grp, bucket])?;
    }
    if let Some((grp, bucket)) = &after {
        tx.run(
            "INSERT INTO warning_member (threshold_id, case_id, workspace_id, grp, bucket, opened_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![id, fact.case_id, workspace, grp, bucket, fact.opened_at],
        )?;
        tx.run(
            "INSERT INTO warning_count (threshold_id, grp, bucket, workspace_id, n) VALUES (?1, ?2, ?3, ?4, 1) ON CONFLICT (threshold_id, grp, bucket) DO UPDATE SET n = warning_count.n + 1",
            params![id, grp, bucket, workspace],
        )?;
    }
    Ok(after)
}

/// Cases of a group in the buckets from `first` to `last`.
pub fn sum(tx: &Tx<'_>, threshold: ObjectId, grp: &str, first: i64, last: i64) -> Result<i64> {
    let (n,): (Option<i64>,) = tx.one("SELECT CAST(sum(n) AS BIGINT) FROM warning_count WHERE threshold_id = ?1 AND grp = ?2 AND bucket >= ?3 AND bucket <= ?4", params![threshold, grp, first, last])?;
    Ok(n.unwrap_or(0))
}

/// The counts of the same window 1, 2 … weeks before; weeks before counting began are left out.
pub fn earlier_weeks(tx: &Tx<'_>, workspace: WorkspaceId, threshold: ObjectId, grp: &str, window: (i64, i64), step: i64, weeks: i64) -> Result<Vec<i64>> {
    let began: Option<(Time,)> = tx.opt("SELECT opened_at FROM warning_fact WHERE workspace_id = ?1 ORDER BY opened_at, case_id LIMIT 1", params![workspace])?;
    let Some((began,)) = began else { return Ok(Vec::new()) };
    let zone = zone(tx, workspace)?;
    let mut counts = Vec::new();
    for week in 1..=weeks {
        let (first, last) = weeks_before(window, week, &zone, step);
        if first < began.seconds() {
            break;
        }
        counts.push(sum(tx, threshold, grp, first, last)?);
    }
    Ok(counts)
}

/// The workspace's time zone.
pub fn zone(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<jiff::tz::TimeZone> {
    Ok(jiff::tz::TimeZone::get(&crate::letters::settings_of(tx, workspace)?.1).unwrap_or(jiff::tz::TimeZone::UTC))
}

/// Counts anew for every threshold: facts of many cases changed at once.
pub fn recount_all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<()> {
    turn(tx, workspace)?;
    thresholds::enabled(tx, workspace)?.iter().try_for_each(|stored| recount(tx, workspace, stored.id))
}

/// The newest cases of a group since `since`.
pub fn newest(tx: &Tx<'_>, threshold: ObjectId, grp: &str, since: Time, limit: usize) -> Result<Vec<CaseId>> {
    let rows: Vec<(CaseId,)> =
        tx.all("SELECT case_id FROM warning_member WHERE threshold_id = ?1 AND grp = ?2 AND opened_at > ?3 ORDER BY opened_at DESC LIMIT ?4", params![threshold, grp, since, limit])?;
    Ok(rows.into_iter().map(|row| row.0).collect())
}

/// Forgets the counters of a threshold.
pub fn forget(tx: &Tx<'_>, threshold: ObjectId) -> Result<()> {
    tx.run("DELETE FROM warning_member WHERE threshold_id = ?1", params![threshold])?;
    tx.run("DELETE FROM warning_count WHERE threshold_id = ?1", params![threshold])
}

/// Counts anew for a threshold that changed, from the facts there are.
pub fn recount(tx: &Tx<'_>, workspace: WorkspaceId, threshold: ObjectId) -> Result<()> {
    forget(tx, threshold)?;
    tx.run("UPDATE warning_threshold SET counting = ?2 WHERE id = ?1", params![threshold, true])?;
    tx.set_timer(workspace, RECOUNT, &threshold.to_string(), tx.now(), &serde_json::json!({ "id": threshold }))
}

/// A page of it.
pub fn on_recount(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let Ok(id) = timer.key.parse::<ObjectId>() else { return Ok(()) };
    let workspace = timer.workspace;
    turn(tx, workspace)?;
    let Some(stored) = thresholds::find(tx, workspace, id)?.filter(|s| s.threshold.enabled) else { return Ok(()) };
    let one = Ready { condition: stored.threshold.reads(), stored };
    let text = |name: &str| timer.payload.get(name).and_then(serde_json::Value::as_str);
    let after = (
        text("at").and_then(|t| t.parse().ok()).unwrap_or_else(|| tx.now().plus_seconds(-facts::KEEP_DAYS * 86_400)),
        text("case").and_then(|t| t.parse().ok()).unwrap_or(CaseId::NIL),
    );
    let page = facts::page(tx, workspace, after, Time::from_micros(i64::MAX), PAGE)?;
    for fact in &page {
        let before: Option<(String, i64)> = tx.opt("SELECT grp, bucket FROM warning_member WHERE threshold_id = ?1 AND case_id = ?2", params![id, fact.case_id])?;
        place(tx, workspace, &one, fact, before)?;
    }
    if let Some(last) = page.last().filter(|_| page.len() == PAGE) {
        return tx.set_timer(workspace, RECOUNT, &timer.key, tx.now(), &serde_json::json!({ "id": id, "at": last.opened_at, "case": last.case_id }));
    }
    tx.run("UPDATE warning_threshold SET counting = ?2 WHERE id = ?1", params![id, false])?;
    // What is too many already is told at once.
    let threshold = &one.stored.threshold;
    let (first, _) = window_of(tx.now().seconds(), threshold.window_s(), threshold.step());
    let groups: Vec<(String,)> = tx.all("SELECT DISTINCT grp FROM warning_count WHERE threshold_id = ?1 AND bucket >= ?2 ORDER BY grp LIMIT 1000", params![id, first])?;
    for (grp,) in groups {
        evaluate::group(tx, workspace, &one.stored, &grp)?;
    }
    Ok(())
}
