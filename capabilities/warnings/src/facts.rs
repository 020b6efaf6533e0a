//! What is counted: the facts of every case, kept from what casework and complaints tell. A change moves the case from one
//! counter to another.

use std::sync::Arc;

use shouwen_contracts::casework::{CaseEvent, Opened};
use shouwen_contracts::complaints::{Classified, ComplaintEvent, ComplaintWordsEvent};
use shouwen_contracts::service_levels::CalendarEvent;
use shouwen_kernel::{CaseId, Result, Time, WorkspaceId, text::clip};
use shouwen_store::{FromRow, Json, Recorded, Row, Subscription, Tx, Value, params};

use crate::{counts, hours, people, regions};

/// Counters and people are one projection: a warning must know whom to tell at the moment it is raised.
pub const SUBSCRIPTION: Subscription = Subscription {
    name: "warnings.counts",
    version: 2,
    reset: Some(reset),
    kinds: &[
        "case.opened", "case.edited", "case.closed", "case.reopened", "case.merged", "case.unmerged", "complaint.classified", "person.saved", "person.rights_changed", "team.saved", "team.deleted",
        "org_unit.saved", "org_unit.deleted", "complaint.named", "calendar.saved", "calendar.removed",
    ],
    handle,
};

/// Facts and counters are kept so many days: half a year of weeks for the band, and room for a dry run.
pub const KEEP_DAYS: i64 = 200;
/// Ends that say it was no matter at all.
const ASIDE: [&str; 3] = ["spam", "duplicate", "false_alarm"];
/// The facts of a case.
const COLUMNS: &str = "case_id, number, case_type, channel, priority, tier, category, path, region, product, cause, responsibility, classified, merged, aside, opened_at";

/// What a case is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    pub case_id: CaseId,
    pub number: String,
    pub case_type: String,
    pub channel: String,
    pub priority: String,
    pub tier: Option<String>,
    pub category: Option<String>,
    /// From the root of the tree down to `category`.
    pub path: Vec<String>,
    pub region: Option<String>,
    pub product: Option<String>,
    pub cause: Option<String>,
    pub responsibility: Option<String>,
    /// Complaints told what it is about; answers to its form do not change that.
    pub classified: bool,
    /// It went into another case.
    pub merged: bool,
    /// It ended as spam or a duplicate.
    pub aside: bool,
    pub opened_at: Time,
}

impl FromRow for Fact {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            case_id: row.get(0)?,
            number: row.get(1)?,
            case_type: row.get(2)?,
            channel: row.get(3)?,
            priority: row.get(4)?,
            tier: row.get(5)?,
            category: row.get(6)?,
            path: row.get::<Json<Vec<String>>>(7)?.0,
            region: row.get(8)?,
            product: row.get(9)?,
            cause: row.get(10)?,
            responsibility: row.get(11)?,
            classified: row.get(12)?,
            merged: row.get(13)?,
            aside: row.get(14)?,
            opened_at: row.get(15)?,
        })
    }
}

fn reset(tx: &Tx<'_>) -> Result<()> {
    for table in ["warning_fact", "warning_member", "warning_count", "warning_staff", "warning_role", "warning_team_member", "warning_team", "warning_unit", "warning_region", "warning_calendar", "warning_reader"] {
        tx.execute(&format!("DELETE FROM {table}"), params![])?;
    }
    Ok(())
}

fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if people::KINDS.contains(&recorded.kind.as_str()) {
        return people::handle(tx, recorded);
    }
    let workspace = recorded.workspace;
    if let Some(event) = recorded.event::<ComplaintWordsEvent>()? {
        return regions::on_named(tx, workspace, event);
    }
    if let Some(event) = recorded.event::<CalendarEvent>()? {
        return hours::on_calendar(tx, workspace, event);
    }
    if let Some(ComplaintEvent::Classified(mut c)) = recorded.event::<ComplaintEvent>()? {
        c.region = one_key(tx, workspace, c.region)?;
        return change(tx, workspace, c.case_id, |fact| classified(fact, &c));
    }
    match recorded.event::<CaseEvent>()? {
        Some(CaseEvent::Opened(o)) => opened(tx, workspace, &o),
        Some(CaseEvent::Edited(mut e)) if e.field == "fields.region" => {
            if let Some(region) = one_key(tx, workspace, e.to.as_str().map(|r| clip(r, 100)))? {
                e.to = region.into();
            }
            change(tx, workspace, e.case_id, |fact| edited(fact, &e.field, &e.to))
        }
        Some(CaseEvent::Edited(e)) => change(tx, workspace, e.case_id, |fact| edited(fact, &e.field, &e.to)),
        Some(CaseEvent::Closed(c)) => change(tx, workspace, c.case_id, |fact| fact.aside = ASIDE.contains(&c.resolution.as_str())),
        Some(CaseEvent::Reopened(r)) => change(tx, workspace, r.case_id, |fact| fact.aside = false),
        Some(CaseEvent::Merged(m)) => change(tx, workspace, m.case_id, |fact| fact.merged = true),
        Some(CaseEvent::Unmerged(m)) => change(tx, workspace, m.case_id, |fact| fact.merged = false),
        _ => Ok(()),
    }
}

/// A region under the key it goes by.
fn one_key(tx: &Tx<'_>, workspace: WorkspaceId, region: Option<String>) -> Result<Option<String>> {
    region.filter(|r| !r.trim().is_empty()).map(|r| regions::of(tx, workspace, &r)).transpose()
}

/// Too old to be kept.
fn is_past(tx: &Tx<'_>, opened_at: Time) -> bool {
    opened_at < tx.now().plus_seconds(-KEEP_DAYS * 86_400)
}

fn opened(tx: &Tx<'_>, workspace: WorkspaceId, o: &Opened) -> Result<()> {
    if is_past(tx, o.opened_at) {
        return Ok(());
    }
    let fact = Fact {
        case_id: o.case_id,
        number: o.number.clone(),
        case_type: o.case_type.clone(),
        channel: o.channel.clone(),
        priority: o.priority.clone(),
        tier: o.tier.clone(),
        category: None,
        path: Vec::new(),
        region: one_key(tx, workspace, o.region.clone())?,
        product: None,
        cause: None,
        responsibility: None,
        classified: false,
        merged: false,
        aside: false,
        opened_at: o.opened_at,
    };
    // Told twice, it is there already.
    if is_kept(tx, fact.case_id)? {
        return Ok(());
    }
    tx.run(&format!("{INSERT} DO NOTHING"), &values(workspace, &fact))?;
    tx.set_ahead(KEPT, fact.case_id, Some(()));
    // Nothing counts it yet, so nothing is looked up.
    counts::settle(tx, workspace, &fact, true)
}

/// Cases of a step whose facts are kept; see [`Tx::ahead`].
const KEPT: &str = "warning.kept";

fn is_kept(tx: &Tx<'_>, case: CaseId) -> Result<bool> {
    let others = |events: &[Arc<Recorded>]| events.iter().filter(|e| e.kind == "case.opened").filter_map(|e| e.subject.map(CaseId)).collect();
    let found = tx.ahead(KEPT, &case, others, |ids| {
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<(CaseId,)>> = tx.all_each("SELECT case_id FROM warning_fact WHERE case_id = ?1", &runs)?;
        Ok(rows.into_iter().flatten().map(|(id,)| (id, ())).collect())
    })?;
    Ok(found.is_some())
}

fn classified(fact: &mut Fact, c: &Classified) {
    fact.case_type.clone_from(&c.case_type);
    fact.category.clone_from(&c.category);
    fact.path.clone_from(&c.path);
    // The region that handles it; where none was found, the customer's stays.
    if c.region.is_some() {
        fact.region.clone_from(&c.region);
    }
    fact.product.clone_from(&c.product);
    fact.cause.clone_from(&c.cause);
    fact.responsibility.clone_from(&c.responsibility);
    fact.classified = true;
}

/// What complaints does not tell: the type, and answers to forms of types it does not watch.
fn edited(fact: &mut Fact, field: &str, to: &serde_json::Value) {
    let text = || to.as_str().map(str::trim).filter(|t| !t.is_empty()).map(|t| clip(t, 100));
    match field {
        "type" => {
            if let Some(kind) = text() {
                fact.case_type = kind;
            }
        }
        "fields.category" if !fact.classified => {
            // A choice from a tree comes as the way to it.
            fact.path = match to {
                serde_json::Value::Array(steps) => steps.iter().filter_map(serde_json::Value::as_str).map(|s| clip(s, 100)).collect(),
                _ => text().into_iter().collect(),
            };
            fact.category = fact.path.last().cloned();
        }
        "fields.region" if !fact.classified => fact.region = text(),
        "fields.product" if !fact.classified => fact.product = text(),
        "fields.cause" if !fact.classified => fact.cause = text(),
        _ => {}
    }
}

/// Changes the facts of a case that is kept, and its counters with them.
fn change(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, with: impl FnOnce(&mut Fact)) -> Result<()> {
    let Some(before) = load(tx, workspace, case)? else { return Ok(()) };
    let mut after = before.clone();
    with(&mut after);
    if after == before {
        return Ok(());
    }
    save(tx, workspace, &after)?;
    counts::settle(tx, workspace, &after, false)
}

/// The facts of a case.
pub fn load(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<Option<Fact>> {
    tx.opt(&format!("SELECT {COLUMNS} FROM warning_fact WHERE case_id = ?1 AND workspace_id = ?2"), params![case, workspace])
}

/// Cases that move between counters in one step; more are counted anew, a page at a time.
const MOVED_AT_ONCE: usize = 5000;

/// What was kept under one region goes under another.
pub fn rename_region(tx: &Tx<'_>, workspace: WorkspaceId, from: &str, to: &str) -> Result<()> {
    let found: Vec<Fact> = tx.all(&format!("SELECT {COLUMNS} FROM warning_fact WHERE workspace_id = ?1 AND region = ?2 ORDER BY opened_at, case_id LIMIT ?3"), params![workspace, from, MOVED_AT_ONCE + 1])?;
    if found.len() > MOVED_AT_ONCE {
        tx.run("UPDATE warning_fact SET region = ?3 WHERE workspace_id = ?1 AND region = ?2", params![workspace, from, to])?;
        return counts::recount_all(tx, workspace);
    }
    for fact in found {
        let fact = Fact { region: Some(to.to_owned()), ..fact };
        save(tx, workspace, &fact)?;
        counts::settle(tx, workspace, &fact, false)?;
    }
    Ok(())
}

/// A page of the facts of a time, oldest first, after (`opened_at`, `case_id`).
pub fn page(tx: &Tx<'_>, workspace: WorkspaceId, after: (Time, CaseId), until: Time, limit: usize) -> Result<Vec<Fact>> {
    tx.all(
        &format!("SELECT {COLUMNS} FROM warning_fact WHERE workspace_id = ?1 AND (opened_at, case_id) > (?2, ?3) AND opened_at < ?4 ORDER BY opened_at, case_id LIMIT ?5"),
        params![workspace, after.0, after.1, until, limit],
    )
}

const INSERT: &str = "INSERT INTO warning_fact (case_id, workspace_id, number, case_type, channel, priority, tier, category, path, region, product, cause, responsibility, classified, merged, aside, opened_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17) ON CONFLICT (case_id)";

fn values(workspace: WorkspaceId, f: &Fact) -> Vec<Value> {
    params![
        f.case_id, workspace, f.number, f.case_type, f.channel, f.priority, f.tier, f.category, Json(&f.path), f.region, f.product, f.cause, f.responsibility, f.classified, f.merged, f.aside, f.opened_at
    ]
    .to_vec()
}

fn save(tx: &Tx<'_>, workspace: WorkspaceId, f: &Fact) -> Result<()> {
    tx.run(
        &format!("{INSERT} DO UPDATE SET case_type = ?4, category = ?8, path = ?9, region = ?10, product = ?11, cause = ?12, responsibility = ?13, classified = ?14, merged = ?15, aside = ?16"),
        &values(workspace, f),
    )
}

/// Removes a page of what is too old; whether there may be more.
pub fn sweep(tx: &Tx<'_>) -> Result<bool> {
    const AT_ONCE: usize = 500;
    let past = tx.now().plus_seconds(-KEEP_DAYS * 86_400);
    let old: Vec<(CaseId,)> = tx.all("SELECT case_id FROM warning_fact WHERE opened_at < ?1 ORDER BY opened_at LIMIT ?2", params![past, AT_ONCE])?;
    for (case,) in &old {
        tx.run("DELETE FROM warning_member WHERE case_id = ?1", params![case])?;
        tx.run("DELETE FROM warning_fact WHERE case_id = ?1", params![case])?;
    }
    if old.len() < AT_ONCE {
        let thresholds: Vec<(shouwen_kernel::ObjectId,)> = tx.all("SELECT id FROM warning_threshold", params![])?;
        for (id,) in thresholds {
            tx.run("DELETE FROM warning_count WHERE threshold_id = ?1 AND bucket < ?2", params![id, past.seconds()])?;
        }
    }
    Ok(old.len() == AT_ONCE)
}
