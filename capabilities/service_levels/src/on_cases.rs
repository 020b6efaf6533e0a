//! What happens to a case, as its clocks see it.

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::{Access, CaseId, Result, ServiceLevelId, Time};
use shouwen_store::{Ctx, Json, Recorded, Tx, params};

use crate::clocks::{self, Clock};
use crate::levels::{self, Level};

/// The events read.
pub const KINDS: &[&str] = &[
    "case.opened", "case.message_added", "case.stage", "case.closed", "case.reopened", "case.edited", "case.assigned", "case.tagged", "case.merged", "case.unmerged", "case.watched", "case.accountable", "case.customer",
];

/// The projection of one case.
struct Subject {
    case_id: CaseId,
    status: String,
    facts: serde_json::Map<String, Value>,
    access: Access,
    level_id: Option<ServiceLevelId>,
    responded: bool,
    merged: bool,
}

fn load(tx: &Tx<'_>, case_id: CaseId) -> Result<Option<Subject>> {
    let row: Option<(String, Json<serde_json::Map<String, Value>>, Json<Access>, Option<ServiceLevelId>, bool, bool)> =
        tx.opt("SELECT status, facts, access, level_id, responded, merged FROM clock_case WHERE case_id = ?1", params![case_id])?;
    Ok(row.map(|(status, facts, access, level_id, responded, merged)| Subject { case_id, status, facts: facts.0, access: access.0, level_id, responded, merged }))
}

impl Subject {
    fn store(&self, tx: &Tx<'_>) -> Result<()> {
        tx.execute(
            "UPDATE clock_case SET status = ?2, facts = ?3, access = ?4, level_id = ?5, responded = ?6, merged = ?7 WHERE case_id = ?1",
            params![self.case_id, self.status, Json(&self.facts), Json(&self.access), self.level_id, self.responded, self.merged],
        )?;
        Ok(())
    }
    fn priority(&self) -> &str {
        self.facts.get("priority").and_then(Value::as_str).unwrap_or("normal")
    }
    fn level(&self, tx: &Tx<'_>) -> Result<Option<Level>> {
        self.level_id.map(|id| levels::one(tx, id)).transpose().map(Option::flatten)
    }
    fn paused_by(&self, level: &Level) -> bool {
        level.level.pause_when.contains(&self.status)
    }
}

/// The first active level whose condition holds.
fn choose(tx: &Tx<'_>, ctx: &Ctx, facts: &serde_json::Map<String, Value>) -> Result<Option<Level>> {
    Ok(levels::all(tx, ctx.workspace)?
        .into_iter()
        .find(|level| level.level.active && level.level.applies.as_ref().is_none_or(|condition| shouwen_rules::evaluate(condition, facts, tx.now().micros()))))
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(event) = recorded.event::<CaseEvent>()? else { return Ok(()) };
    let ctx = Ctx::system(recorded.workspace, "clock");
    let Some(case_id) = recorded.subject.map(CaseId) else { return Ok(()) };
    let access = recorded.access()?.unwrap_or_default();
    if let CaseEvent::Opened(opened) = &event {
        return open(tx, &ctx, opened, &access, recorded.at);
    }
    let Some(mut case) = load(tx, case_id)? else { return Ok(()) };
    if recorded.access()?.is_some() {
        case.access = access;
    }
    match event {
        CaseEvent::MessageAdded(message) if !message.auto => match message.direction.as_str() {
            "out" => {
                case.responded = true;
                for kind in ["first_response", "next_response"] {
                    if let Some(mut clock) = clocks::one(tx, case_id, kind)? {
                        clock.meet(tx, &ctx, &case.access, message.at)?;
                    }
                }
            }
            "in" if case.responded && !case.merged && case.status != "closed" => start(tx, &ctx, &case, "next_response", message.at, "customer_wrote")?,
            _ => {}
        },
        CaseEvent::StageChanged(stage) => {
            case.status = stage.to_status.clone();
            status_changed(tx, &ctx, &case, &stage.from_status, stage.at)?;
        }
        CaseEvent::Closed(closed) => {
            case.status = "closed".into();
            for mut clock in clocks::of(tx, case_id)? {
                // Closing without an answer ends the wait for one: the matter is settled or was none.
                clock.meet(tx, &ctx, &case.access, closed.at)?;
            }
        }
        CaseEvent::Reopened(reopened) => {
            let was = std::mem::replace(&mut case.status, "open".into());
            reopen(tx, &ctx, &case, &was, reopened.at)?;
        }
        CaseEvent::Edited(edited) => {
            case.facts.insert(edited.field.clone(), edited.to.clone());
            rechoose(tx, &ctx, &mut case, &edited.field)?;
        }
        CaseEvent::Assigned(assigned) => {
            case.facts.insert("team".into(), json!(assigned.to_team));
            if assigned.org_unit_id.is_some() {
                case.facts.insert("org_unit".into(), json!(assigned.org_unit_id));
            }
            rechoose(tx, &ctx, &mut case, "team")?;
        }
        CaseEvent::CustomerSet(set) => {
            case.facts.insert("customer".into(), json!(set.to));
            rechoose(tx, &ctx, &mut case, "customer")?;
        }
        CaseEvent::Tagged(tagged) => {
            let mut tags: Vec<Value> = case.facts.get("tag").and_then(Value::as_array).cloned().unwrap_or_default();
            tags.retain(|tag| !tagged.removed.iter().any(|gone| tag == gone));
            tags.extend(tagged.added.iter().map(|tag| json!(tag)));
            case.facts.insert("tag".into(), Value::Array(tags));
            rechoose(tx, &ctx, &mut case, "tag")?;
        }
        CaseEvent::Merged(merged) if merged.case_id == case_id => {
            case.merged = true;
            for mut clock in clocks::of(tx, case_id)? {
                clock.cancel(tx, &ctx, &case.access)?;
            }
        }
        CaseEvent::Unmerged(unmerged) if unmerged.case_id == case_id => {
            case.merged = false;
            for mut clock in clocks::of(tx, case_id)?.into_iter().filter(|c| c.state == "cancelled") {
                clock.state = "running".into();
                replan(tx, &ctx, &case, &mut clock, "unmerged")?;
            }
        }
        _ => {}
    }
    case.store(tx)
}

/// A case that was old when it came in (an import of old mail) is history: no promise runs for it.
const HISTORY_S: i64 = 86_400;

fn open(tx: &Tx<'_>, ctx: &Ctx, opened: &shouwen_contracts::casework::Opened, access: &Access, came_in: Time) -> Result<()> {
    let facts = json!({
        "type": opened.case_type, "priority": opened.priority, "channel": opened.channel, "inbox": opened.inbox_id, "team": opened.team_id, "org_unit": opened.org_unit_id,
        "customer": opened.customer_id, "region": opened.region, "tier": opened.tier, "language": opened.language, "tag": opened.tags, "title": opened.title,
    });
    let mut facts = facts.as_object().cloned().unwrap_or_default();
    let history = opened.opened_at.plus_seconds(HISTORY_S) < came_in;
    if history {
        facts.insert("history".into(), Value::Bool(true));
    }
    let level = if history { None } else { choose(tx, ctx, &facts)? };
    tx.execute(
        "INSERT INTO clock_case (case_id, workspace_id, status, facts, access, level_id, opened_at, responded, merged) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, FALSE, FALSE)",
        params![opened.case_id, ctx.workspace, opened.status, Json(&facts), Json(access), level.as_ref().map(|l| l.id), opened.opened_at],
    )?;
    if opened.status == "closed" || history {
        return Ok(());
    }
    let case = Subject { case_id: opened.case_id, status: opened.status.clone(), facts, access: access.clone(), level_id: level.map(|l| l.id), responded: false, merged: false };
    for kind in ["first_response", "resolution"] {
        start(tx, ctx, &case, kind, opened.opened_at, "opened")?;
    }
    Ok(())
}

/// Starts a clock, unless it runs already or the level has no such target.
fn start(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, kind: &str, at: Time, why: &str) -> Result<()> {
    let Some(level) = case.level(tx)? else { return Ok(()) };
    let Some(target) = level.level.targets.get(kind).and_then(|t| t.of(case.priority())) else { return Ok(()) };
    if clocks::one(tx, case.case_id, kind)?.is_some_and(|clock| clock.is_open()) {
        return Ok(());
    }
    let mut clock = Clock::new(case.case_id, kind, &level, target, at);
    if case.paused_by(&level) && kind != "next_response" {
        clock.pause(at);
    }
    clock.plan(tx, ctx, &case.access, level.level.warn_at, why)
}

fn replan(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, clock: &mut Clock, why: &str) -> Result<()> {
    let warn = levels::one(tx, clock.level_id)?.map_or(0.8, |level| level.level.warn_at);
    clock.plan(tx, ctx, &case.access, warn, why)
}

fn status_changed(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, from: &str, at: Time) -> Result<()> {
    if case.status == "resolved" {
        for mut clock in clocks::of(tx, case.case_id)? {
            clock.meet(tx, ctx, &case.access, at)?;
        }
        return Ok(());
    }
    if from == "resolved" || from == "closed" {
        return reopen(tx, ctx, case, from, at);
    }
    let Some(level) = case.level(tx)? else { return Ok(()) };
    for mut clock in clocks::of(tx, case.case_id)?.into_iter().filter(Clock::is_open) {
        let before = clock.state.clone();
        if case.paused_by(&level) { clock.pause(at) } else { clock.resume(at) }
        if clock.state != before {
            let why = if clock.state == "paused" { "paused" } else { "resumed" };
            replan(tx, ctx, case, &mut clock, why)?;
        }
    }
    Ok(())
}

/// The resolution clock goes on; the time the case counted as done is a pause.
fn reopen(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, was: &str, at: Time) -> Result<()> {
    if was != "resolved" && was != "closed" {
        return Ok(());
    }
    match clocks::one(tx, case.case_id, "resolution")? {
        Some(mut clock) if !clock.is_open() && clock.state != "cancelled" => {
            if let Some(met_at) = clock.met_at.take() {
                clock.pauses.push(crate::engine::Span { from: met_at.micros(), to: Some(at.micros().max(met_at.micros())) });
            }
            (clock.state, clock.elapsed_s) = ("running".into(), None);
            replan(tx, ctx, case, &mut clock, "reopened")
        }
        Some(_) => Ok(()),
        None => start(tx, ctx, case, "resolution", at, "reopened"),
    }
}

/// A changed fact may bring another level, or another target of the same one.
fn rechoose(tx: &Tx<'_>, ctx: &Ctx, case: &mut Subject, why: &str) -> Result<()> {
    if case.merged || case.status == "closed" || case.facts.contains_key("history") {
        return Ok(());
    }
    let level = choose(tx, ctx, &case.facts)?;
    case.level_id = level.as_ref().map(|l| l.id);
    for mut clock in clocks::of(tx, case.case_id)?.into_iter().filter(Clock::is_open) {
        let target = level.as_ref().and_then(|l| l.level.targets.get(&clock.kind)).and_then(|t| t.of(case.priority()));
        match (&level, target) {
            (Some(level), Some(target)) if clock.level_id != level.id || clock.target != target || clock.calendar_id != level.level.calendar_id => {
                (clock.level_id, clock.calendar_id, clock.target) = (level.id, level.level.calendar_id, target.to_owned());
                clock.plan(tx, ctx, &case.access, level.level.warn_at, why)?;
            }
            (Some(_), Some(_)) => {}
            _ => clock.cancel(tx, ctx, &case.access)?,
        }
    }
    // A level that applies only now begins to count from the opening.
    let (opened_at,): (Time,) = tx.one("SELECT opened_at FROM clock_case WHERE case_id = ?1", params![case.case_id])?;
    let wanted: &[&str] = if case.responded { &["resolution"] } else { &["first_response", "resolution"] };
    for kind in wanted {
        if clocks::one(tx, case.case_id, kind)?.is_none_or(|clock| clock.state == "cancelled") {
            start(tx, ctx, case, kind, opened_at, why)?;
        }
    }
    Ok(())
}
