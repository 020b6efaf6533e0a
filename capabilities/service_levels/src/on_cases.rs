//! What happens to a case, as its clocks see it.

use std::sync::Arc;

use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::{Access, CalendarId, CaseId, CustomerId, Result, ServiceLevelId, Time, WorkspaceId};
use shouwen_store::{Ctx, Json, Recorded, Tx, params};

use crate::clocks::{self, Clock};
use crate::levels::{self, Level};
use crate::promise::{Promise, REGULATORY, levels_of, policies_of, promise_of};
use crate::{customers, forms, on_wish, regulatory, stages, sweep};

/// The events read.
pub const KINDS: &[&str] = &[
    "case.opened", "case.message_added", "case.stage", "case.closed", "case.reopened", "case.edited", "case.assigned", "case.tagged", "case.merged", "case.unmerged", "case.watched", "case.accountable", "case.customer", "case.parent", "wish.action",
];

/// Among the facts: since when it stands in its stage, and the clocks it had when it went into another case.
pub const STAGE_SINCE: &str = "stage_since";
const MERGED: &str = "merged_clocks";

/// The clock of a work order: until when it was asked for, or its own target.
pub const DUE: &str = "due";

/// The projection of one case.
#[derive(Clone, PartialEq)]
pub struct Subject {
    pub case_id: CaseId,
    pub workspace: WorkspaceId,
    pub status: String,
    pub facts: serde_json::Map<String, Value>,
    pub access: Access,
    level_id: Option<ServiceLevelId>,
    pub responded: bool,
    pub merged: bool,
    /// Opened by the event being digested: there can be no clock of it yet.
    pub fresh: bool,
}

const CASES: &str = "clock.cases";

/// What is known of a case; `None` when its opening was never told.
pub fn load(tx: &Tx<'_>, case_id: CaseId) -> Result<Option<Subject>> {
    type Row = (WorkspaceId, String, Json<serde_json::Map<String, Value>>, Json<Access>, Option<ServiceLevelId>, bool, bool);
    // The cases of a step together.
    tx.ahead(CASES, &case_id, |events| events.iter().filter(|e| e.kind != "case.opened").filter_map(|e| e.subject.map(CaseId)).collect(), |ids| {
        let runs: Vec<Vec<shouwen_store::Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<Row>> = tx.all_each("SELECT workspace_id, status, facts, access, level_id, responded, merged FROM clock_case WHERE case_id = ?1", &runs)?;
        let subject = |case_id: CaseId, (workspace, status, facts, access, level_id, responded, merged): Row| Subject { case_id, workspace, status, facts: facts.0, access: access.0, level_id, responded, merged, fresh: false };
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, subject(id, rows.into_iter().next()?)))).collect())
    })
}

impl Subject {
    fn store(&self, tx: &Tx<'_>) -> Result<()> {
        tx.set_ahead(CASES, self.case_id, Some(Self { fresh: false, ..self.clone() }));
        tx.run(
            "UPDATE clock_case SET status = ?2, facts = ?3, access = ?4, level_id = ?5, responded = ?6, merged = ?7, case_type = ?8, stage = ?9, customer_id = ?10 WHERE case_id = ?1",
            params![self.case_id, self.status, Json(&self.facts), Json(&self.access), self.level_id, self.responded, self.merged, self.fact("type"), self.fact("stage"), self.customer()],
        )
    }
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.facts.get(name).and_then(Value::as_str)
    }
    fn customer(&self) -> Option<CustomerId> {
        self.fact("customer")?.parse().ok()
    }
    pub fn time(&self, name: &str) -> Option<Time> {
        self.fact(name)?.parse().ok()
    }
    fn put(&mut self, name: &str, value: Option<String>) {
        self.facts.insert(name.to_owned(), json!(value));
    }
    fn priority(&self) -> &str {
        self.fact("priority").unwrap_or("normal")
    }
    fn level(&self, tx: &Tx<'_>) -> Result<Option<Promise>> {
        let Some(id) = self.level_id else { return Ok(None) };
        Ok(levels_of(tx, self.workspace)?.iter().find(|level| level.id == id).cloned().map(Promise::Level))
    }
    /// The clocks that rest in its stage.
    pub fn stage_pauses(&self, tx: &Tx<'_>) -> Result<Vec<String>> {
        match (self.fact("type"), self.fact("stage")) {
            (Some(case_type), Some(stage)) => stages::pauses(tx, self.workspace, case_type, stage),
            _ => Ok(Vec::new()),
        }
    }
    /// No promise runs for it: it was old when it came in.
    fn is_history(&self) -> bool {
        self.facts.contains_key("history")
    }
}

/// Whether a case with these facts fulfils a condition; none: it does.
pub fn holds(condition: Option<&shouwen_rules::Condition>, facts: &serde_json::Map<String, Value>, now: Time) -> bool {
    condition.is_none_or(|condition| shouwen_rules::evaluate(condition, facts, now.micros()))
}

/// The first active level whose condition holds.
fn choose(tx: &Tx<'_>, ctx: &Ctx, facts: &serde_json::Map<String, Value>) -> Result<Option<Arc<Level>>> {
    let facts = forms::compared(tx, ctx.workspace, facts)?;
    Ok(levels_of(tx, ctx.workspace)?.iter().find(|level| level.level.active && holds(level.level.applies.as_ref(), &facts, tx.now())).cloned())
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    // In one line with the cases: a clock that is wished for a case just opened must find it here.
    if recorded.kind == on_wish::WISH {
        return on_wish::handle(tx, recorded);
    }
    let Some(event) = recorded.event::<CaseEvent>()? else { return Ok(()) };
    let ctx = Ctx::system(recorded.workspace, "clock");
    let Some(case_id) = recorded.subject.map(CaseId) else { return Ok(()) };
    let access = recorded.access()?.unwrap_or_default();
    if let CaseEvent::Opened(opened) = &event {
        return open(tx, &ctx, opened, &access, recorded.at);
    }
    let Some(mut case) = load(tx, case_id)? else { return Ok(()) };
    let before = case.clone();
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
                regulatory::end(tx, &ctx, &case, "first_response", message.at)?;
            }
            "in" if case.responded && !case.merged && case.status != "closed" => start(tx, &ctx, &case, "next_response", message.at, "customer_wrote")?,
            _ => {}
        },
        CaseEvent::StageChanged(stage) => {
            case.status = stage.to_status.clone();
            case.facts.insert("stage".into(), json!(stage.to));
            case.facts.insert(STAGE_SINCE.into(), json!(stage.at));
            status_changed(tx, &ctx, &case, &stage.from_status, stage.at)?;
            if !case.merged && !case.is_history() {
                regulatory::end(tx, &ctx, &case, &format!("stage:{}", stage.to), stage.at)?;
                regulatory::start(tx, &ctx, &case, &format!("stage:{}", stage.to), stage.at)?;
            }
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
            if let Some(field) = edited.field.strip_prefix("fields.").filter(|_| !case.merged && case.status != "closed" && !case.is_history()) {
                regulatory::begin_at_field(tx, &ctx, &case, field, &edited.to)?;
            }
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
            if let Some((tier, region)) = set.to.map(|customer| customers::standing(tx, customer)).transpose()?.flatten() {
                case.put("tier", tier);
                case.put("region", region);
            }
            rechoose(tx, &ctx, &mut case, "customer")?;
        }
        CaseEvent::Tagged(tagged) => {
            let mut tags: Vec<Value> = case.facts.get("tag").and_then(Value::as_array).cloned().unwrap_or_default();
            tags.retain(|tag| !tagged.removed.iter().any(|gone| tag == gone));
            tags.extend(tagged.added.iter().map(|tag| json!(tag)));
            case.facts.insert("tag".into(), Value::Array(tags));
            rechoose(tx, &ctx, &mut case, "tag")?;
        }
        CaseEvent::ParentSet(tied) if tied.case_id == case_id => due_by(tx, &ctx, &case, tied.due_at, recorded.at)?,
        CaseEvent::Merged(merged) if merged.case_id == case_id => {
            case.merged = true;
            let open: Vec<Clock> = clocks::of(tx, case_id)?.into_iter().filter(Clock::is_open).collect();
            case.facts.insert(MERGED.into(), open.iter().map(|clock| clock.kind.as_str()).collect());
            for mut clock in open {
                clock.cancel(tx, &ctx, &case.access, "merged")?;
            }
        }
        CaseEvent::Unmerged(unmerged) if unmerged.case_id == case_id => {
            case.merged = false;
            // What ran or rested until the merge does so again; what was over before stays over.
            let open = case.facts.remove(MERGED);
            let had = |kind: &str| open.as_ref().and_then(Value::as_array).is_none_or(|kinds| kinds.iter().any(|own| own == kind));
            for mut clock in clocks::of(tx, case_id)?.into_iter().filter(|clock| clock.state == "cancelled" && had(&clock.kind)) {
                clock.revive();
                replan(tx, &ctx, &case, &mut clock, "unmerged")?;
            }
            rest(tx, &ctx, &case, recorded.at, None)?;
        }
        _ => {}
    }
    if case == before { Ok(()) } else { case.store(tx) }
}

/// A case that was old when it came in (an import of old mail) is history: no promise runs for it.
const HISTORY_S: i64 = 86_400;

fn open(tx: &Tx<'_>, ctx: &Ctx, opened: &shouwen_contracts::casework::Opened, access: &Access, came_in: Time) -> Result<()> {
    let facts = json!({
        "type": opened.case_type, "priority": opened.priority, "channel": opened.channel, "inbox": opened.inbox_id, "team": opened.team_id, "org_unit": opened.org_unit_id,
        "customer": opened.customer_id, "region": opened.region, "tier": opened.tier, "language": opened.language, "tag": opened.tags, "title": opened.title, "stage": opened.stage,
        STAGE_SINCE: opened.opened_at,
    });
    let mut facts = facts.as_object().cloned().unwrap_or_default();
    let history = opened.opened_at.plus_seconds(HISTORY_S) < came_in;
    if history {
        facts.insert("history".into(), Value::Bool(true));
    }
    let level = if history { None } else { choose(tx, ctx, &facts)? };
    tx.run(
        "INSERT INTO clock_case (case_id, workspace_id, status, facts, access, level_id, opened_at, responded, merged, case_type, stage, customer_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, FALSE, FALSE, ?8, ?9, ?10)",
        params![opened.case_id, ctx.workspace, opened.status, Json(&facts), Json(access), level.as_ref().map(|l| l.id), opened.opened_at, opened.case_type, opened.stage, opened.customer_id],
    )?;
    let level_id = level.map(|l| l.id);
    let case = Subject { case_id: opened.case_id, workspace: ctx.workspace, status: opened.status.clone(), facts, access: access.clone(), level_id, responded: false, merged: false, fresh: true };
    tx.set_ahead(CASES, opened.case_id, Some(Subject { fresh: false, ..case.clone() }));
    if opened.status == "closed" || history {
        return Ok(());
    }
    for kind in ["first_response", "resolution"] {
        start(tx, ctx, &case, kind, opened.opened_at, "opened")?;
    }
    regulatory::start(tx, ctx, &case, "opened", opened.opened_at)?;
    regulatory::start(tx, ctx, &case, &format!("stage:{}", opened.stage), opened.opened_at)
}

/// Starts a clock, unless it runs already or the level has no such target.
pub fn start(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, kind: &str, at: Time, why: &str) -> Result<()> {
    match case.level(tx)? {
        Some(promise) => begin(tx, ctx, case, &promise, kind, at, why),
        None => Ok(()),
    }
}

/// Starts a clock that `promise` holds to its target, unless it runs already.
pub fn begin(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, promise: &Promise, kind: &str, at: Time, why: &str) -> Result<()> {
    let Some(target) = promise.target(kind, case.priority()) else { return Ok(()) };
    let known = if case.fresh { None } else { clocks::one(tx, case.case_id, kind)? };
    if known.as_ref().is_some_and(Clock::is_open) {
        return Ok(());
    }
    let mut clock = Clock::new(case.case_id, kind, promise, &target, at);
    // One that begins late, in the midst of a rest, rests from now on: what was before counts.
    let now = if case.fresh { at } else { tx.now().max(at) };
    if let Some(gone) = known.filter(|gone| gone.state == "cancelled" && gone.started_at == at) {
        clock = clock.after(gone);
        clock.revive();
    }
    if kind != "next_response" && promise.rests(kind, &case.status, &case.stage_pauses(tx)?) {
        clock.pause(now);
    } else {
        clock.resume(now);
    }
    clock.plan(tx, ctx, &case.access, Some(promise), why)
}

fn replan(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, clock: &mut Clock, why: &str) -> Result<()> {
    let promise = promise_of(tx, case.workspace, &clock.kind, clock.level_id)?;
    clock.plan(tx, ctx, &case.access, promise.as_ref(), why)
}

/// Lets each open clock of a case rest or run as its status and stage say.
fn rest(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, at: Time, why: Option<&str>) -> Result<()> {
    let pauses = case.stage_pauses(tx)?;
    for mut clock in clocks::of(tx, case.case_id)?.into_iter().filter(Clock::is_open) {
        let Some(promise) = promise_of(tx, case.workspace, &clock.kind, clock.level_id)? else { continue };
        let before = clock.state.clone();
        if promise.rests(&clock.kind, &case.status, &pauses) { clock.pause(at) } else { clock.resume(at) }
        if clock.state != before {
            let why = why.unwrap_or(if clock.state == "paused" { "paused" } else { "resumed" });
            clock.plan(tx, ctx, &case.access, Some(&promise), why)?;
        }
    }
    Ok(())
}

/// [`rest`] for a case whose type was saved.
pub fn rest_as_said(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, why: &str) -> Result<()> {
    match load(tx, case)? {
        Some(case) if !case.merged && case.status != "closed" => rest(tx, ctx, &case, tx.now(), Some(why)),
        _ => Ok(()),
    }
}

fn status_changed(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, from: &str, at: Time) -> Result<()> {
    if case.status == "resolved" {
        for mut clock in clocks::of(tx, case.case_id)?.into_iter().filter(|clock| !clock.kind.starts_with(REGULATORY)) {
            clock.meet(tx, ctx, &case.access, at)?;
        }
        return regulatory::end(tx, ctx, case, "resolved", at);
    }
    // From resolved to closed is the way to the archive, no way back; the event of closing follows.
    if (from == "resolved" || from == "closed") && case.status != "closed" {
        return reopen(tx, ctx, case, from, at);
    }
    rest(tx, ctx, case, at, None)
}

/// A work order is to be done by an instant that was agreed.
fn due_by(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, due_at: Option<Time>, at: Time) -> Result<()> {
    let known = clocks::one(tx, case.case_id, DUE)?;
    match (due_at, known) {
        (Some(due), known) if !case.merged && case.status != "closed" && !case.is_history() => {
            let target = format!("@{due}");
            if known.is_some_and(|clock| clock.is_open() && clock.target == target) {
                return Ok(());
            }
            Clock::of_rule(case.case_id, DUE, ServiceLevelId::NIL, CalendarId::NIL, &target, at).plan(tx, ctx, &case.access, None, "agreed")
        }
        (None, Some(mut clock)) if clock.agreed().is_some() => clock.cancel(tx, ctx, &case.access, "agreed"),
        _ => Ok(()),
    }
}

/// The resolution clock goes on; the time the case counted as done is a pause.
fn reopen(tx: &Tx<'_>, ctx: &Ctx, case: &Subject, was: &str, at: Time) -> Result<()> {
    if was != "resolved" && was != "closed" {
        return Ok(());
    }
    // What was agreed stays agreed: a work order that is open again is due when it was.
    if let Some(mut clock) = clocks::one(tx, case.case_id, DUE)?.filter(|clock| clock.agreed().is_some() && !clock.is_open() && clock.state != "cancelled") {
        (clock.state, clock.met_at, clock.elapsed_s) = ("running".into(), None, None);
        clock.plan(tx, ctx, &case.access, None, "reopened")?;
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
    if case.merged || case.status == "closed" || case.is_history() {
        return Ok(());
    }
    let level = choose(tx, ctx, &case.facts)?;
    case.level_id = level.as_ref().map(|l| l.id);
    let known = clocks::of(tx, case.case_id)?;
    for mut clock in known.iter().filter(|clock| clock.is_open() && levels::KINDS.contains(&clock.kind.as_str())).cloned() {
        let promise = level.clone().map(Promise::Level);
        let target = promise.as_ref().and_then(|promise| promise.target(&clock.kind, case.priority()));
        match (&promise, target) {
            (Some(promise), Some(target)) if clock.level_id != promise.id() || clock.target != target || clock.calendar_id != promise.calendar_id() => {
                (clock.level_id, clock.calendar_id, clock.target) = (promise.id(), promise.calendar_id(), target);
                clock.plan(tx, ctx, &case.access, Some(promise), why)?;
            }
            (Some(_), Some(_)) => {}
            _ => {
                let gone = if level.is_none() { gone(tx, case.workspace, &clock)? } else { None };
                clock.cancel(tx, ctx, &case.access, gone.unwrap_or(why))?;
            }
        }
    }
    // A level that applies only now begins to count from the opening.
    let (opened_at,): (Time,) = tx.one("SELECT opened_at FROM clock_case WHERE case_id = ?1", params![case.case_id])?;
    let wanted: &[&str] = if case.responded { &["resolution"] } else { &["first_response", "resolution"] };
    // What is solved already needs no promise any more.
    for kind in wanted.iter().filter(|_| case.status != "resolved") {
        if known.iter().find(|clock| clock.kind == *kind).is_none_or(|clock| clock.state == "cancelled") {
            start(tx, ctx, case, kind, opened_at, why)?;
        }
    }
    // The same for what regulators count.
    let mut concerned = regulatory::concerning(tx, case)?;
    for mut clock in known.iter().filter(|clock| clock.kind.starts_with(REGULATORY)).cloned() {
        // What a rule set going runs whether or not the matter would have, as long as it is switched on.
        let by_rule = clock.history.first().is_some_and(|step| step.why == "rule");
        let policy = policies_of(tx, case.workspace)?.iter().find(|policy| policy.id == clock.level_id).cloned();
        let off = policy.as_ref().is_some_and(|policy| !policy.policy.active);
        let concerns = concerned.iter().any(|policy| policy.id == clock.level_id);
        if clock.is_open() && !concerns && (off || !by_rule) {
            let gone = gone(tx, case.workspace, &clock)?;
            clock.cancel(tx, ctx, &case.access, gone.unwrap_or(why))?;
        } else if by_rule && !concerns && clock.state == "cancelled" {
            concerned.extend(policy.filter(|_| !off));
        }
    }
    regulatory::anew(tx, ctx, case, &known, &concerned, opened_at, why)
}

/// Why a clock has nothing to be held to any more, where the settings say so; `None`: the case itself changed.
fn gone(tx: &Tx<'_>, workspace: WorkspaceId, clock: &Clock) -> Result<Option<&'static str>> {
    Ok(match promise_of(tx, workspace, &clock.kind, clock.level_id)? {
        None => Some("removed"),
        Some(promise) if !promise.is_active() => Some(sweep::OFF),
        Some(_) => None,
    })
}

/// The settings changed: an open case is held to what applies now.
pub fn again(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, why: &str) -> Result<()> {
    let Some(mut case) = load(tx, case)? else { return Ok(()) };
    let before = case.level_id;
    rechoose(tx, ctx, &mut case, why)?;
    if case.level_id == before { Ok(()) } else { case.store(tx) }
}

/// The customer of a case is of this tier and region now.
pub fn stands(tx: &Tx<'_>, ctx: &Ctx, case: CaseId, (tier, region): &customers::Standing) -> Result<()> {
    let Some(mut case) = load(tx, case)? else { return Ok(()) };
    if case.merged || case.status == "closed" || case.is_history() {
        return Ok(());
    }
    let why = if case.fact("tier") == tier.as_deref() { "region" } else { "tier" };
    case.put("tier", tier.clone());
    case.put("region", region.clone());
    rechoose(tx, ctx, &mut case, why)?;
    case.store(tx)
}
