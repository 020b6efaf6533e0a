//! What follows from an event of a case: signals, classification, grade, repetition, place, the customer's file. Changes
//! of the case itself are wished of casework; the rest is told as events of complaints.

use std::cell::Cell;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::{Value, json};
use shouwen_contracts::complaints::{Classified, ComplaintEvent, Graded, Repeated, Signal as SignalEvent};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{CaseId, MessageId, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, Json, Recorded, Tx, params};

use crate::settings::Settings;
use crate::signal::{Matcher, Signal};
use crate::state::{Seen, State};
use crate::{category, file, file_names, grade, items, names, region, settings, sketch, store};

/// Earlier complaints that are compared.
const COMPARED: usize = 50;
/// Earlier complaints that are named.
const NAMED: usize = 20;

/// What an event brought.
#[derive(Debug, Default)]
pub struct Happening {
    pub opened: bool,
    /// Words of the customer that came with it.
    pub text: Option<String>,
    /// Names of the files that came with them.
    pub files: Vec<String>,
    pub message: Option<MessageId>,
    /// The print of its text is new.
    pub retold: bool,
    /// The customer's region changed.
    pub moved: bool,
    pub score: Option<i64>,
    pub rejected: bool,
}

/// Writes events and wishes about one case.
struct Voice<'a, 't> {
    tx: &'a Tx<'t>,
    ctx: Ctx,
    case: CaseId,
    at: Time,
    seq: i64,
    n: Cell<u32>,
    chinese: bool,
}

impl Voice<'_, '_> {
    fn tell(&self, state: &State, event: impl Into<ComplaintEvent>) -> Result<()> {
        self.tx.emit::<ComplaintEvent>(&self.ctx, Some(self.case.0), Some(&state.access()), event)
    }

    fn wish(&self, state: &State, action: Value, zh: &str, en: &str) -> Result<()> {
        let n = self.n.get();
        self.n.set(n + 1);
        let source = format!("complaint:{}:{}.{n}", self.case, self.seq);
        let reason = if self.chinese { zh } else { en }.to_owned();
        self.tx.emit::<WishEvent>(&self.ctx, Some(self.case.0), Some(&state.access()), ActionWish { source, case_id: self.case, action, reason, chain: Vec::new() })
    }
}

/// Tells and wishes what follows; `state` is kept up to date, the caller saves it.
pub fn to(tx: &Tx<'_>, recorded: &Recorded, case: CaseId, before: &State, state: &mut State, happening: &Happening) -> Result<()> {
    let workspace = recorded.workspace;
    let settings = settings::of(tx, workspace)?;
    let voice = Voice { tx, ctx: Ctx::system(workspace, "complaints"), case, at: recorded.at, seq: recorded.position.seq, n: Cell::new(0), chinese: store::chinese(tx, workspace)? };
    let concerned = before.concerns();
    if state.merged {
        return Ok(());
    }
    if happening.text.is_some() || !happening.files.is_empty() {
        signals(&voice, workspace, &settings, state, happening)?;
    }
    if settings.watches(&state.case_type) {
        grade_by_hand(&voice, before, state)?;
        classify(&voice, workspace, state)?;
        place(&voice, workspace, &settings, before, state, happening)?;
    }
    if state.concerns() {
        let matter = |s: &State| (s.customer, s.field("category").map(str::to_owned), s.case_type.clone());
        if happening.opened || happening.retold || matter(before) != matter(state) || !concerned {
            repeats(&voice, workspace, &settings, state)?;
        }
    }
    if happening.score.is_some_and(|score| score <= settings.low_score) {
        file::because(tx, &voice.ctx, workspace, case, state, "low_rating", &happening.score.map(|s| s.to_string()).unwrap_or_default(), recorded.at)?;
    }
    if happening.rejected {
        file::because(tx, &voice.ctx, workspace, case, state, "rejected", "", recorded.at)?;
    }
    Ok(())
}

/// The signals of a workspace, compiled once for as long as they stay as they are.
fn matcher(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Matcher>> {
    static READY: OnceLock<Mutex<Vec<(WorkspaceId, String, Arc<Matcher>)>>> = OnceLock::new();
    tx.known(&format!("complaints.matcher.{workspace}"), || {
        let stored = items::stored::<Signal>(tx, workspace)?;
        let version = items::version(&stored)?;
        let mut ready = READY.get_or_init(Mutex::default).lock().unwrap_or_else(|p| p.into_inner());
        if let Some((_, _, found)) = ready.iter().find(|(id, known, _)| *id == workspace && *known == version) {
            return Ok(found.clone());
        }
        let made = Arc::new(Matcher::new(&stored.into_iter().map(|s| s.item).collect::<Vec<_>>()));
        ready.retain(|(id, _, _)| *id != workspace);
        ready.truncate(64);
        ready.push((workspace, version, made.clone()));
        Ok(made)
    })
}

fn signals(voice: &Voice<'_, '_>, workspace: WorkspaceId, settings: &Settings, state: &mut State, happening: &Happening) -> Result<()> {
    let (matcher, message) = (matcher(voice.tx, workspace)?, happening.message);
    let in_text = happening.text.iter().flat_map(|text| matcher.scan(text)).map(|hit| (hit, None));
    // Each name is a sentence of its own: nothing in the letter takes it back, and it takes back nothing there.
    let names = file_names::texts(&happening.files);
    let in_names = names.iter().flat_map(|(name, text)| matcher.scan(text).into_iter().map(|hit| (hit, Some(*name))));
    let mut fresh: Vec<(String, String)> = Vec::new();
    let mut found_in: Vec<Option<&str>> = Vec::new();
    for (hit, name) in in_text.chain(in_names).filter(|(hit, _)| hit.cleared_by.is_none()) {
        if !fresh.iter().any(|(key, _)| *key == hit.signal) && !state.signals.iter().any(|seen| seen.signal == hit.signal) {
            fresh.push((hit.signal, hit.grade));
            found_in.push(name);
        }
    }
    if fresh.is_empty() {
        return Ok(());
    }
    let table = items::list::<Signal>(voice.tx, workspace)?;
    let title = |key: &str, zh: bool| table.iter().find(|s| s.key == key).map_or_else(|| key.to_owned(), |s| if zh { s.title.zh.clone() } else { s.title.en.clone() });
    let place = |name: &Option<&str>, zh: bool| match name.map(|name| shouwen_kernel::text::clip(name, 60)) {
        Some(name) if zh => format!("（附件“{name}”）"),
        Some(name) => format!(" (file “{name}”)"),
        None => String::new(),
    };
    let named = |zh: bool, between: &str| fresh.iter().zip(&found_in).map(|((key, _), name)| title(key, zh) + &place(name, zh)).collect::<Vec<_>>().join(between);
    let (zh, en) = (format!("升级信号：{}", named(true, "、")), format!("Upgrade signal: {}", named(false, ", ")));
    for (key, grade) in &fresh {
        state.signals.push(Seen { signal: key.clone(), grade: grade.clone(), message_id: message, at: voice.at });
        voice.tell(state, SignalEvent { case_id: voice.case, signal: key.clone(), grade: grade.clone(), message_id: message, at: voice.at })?;
    }
    let highest = fresh.iter().max_by_key(|(_, grade)| grade::rank(grade)).cloned().unwrap_or_default();
    raise(voice, workspace, state, &highest.1, &format!("signal:{}", highest.0), &zh, &en)?;
    let candidate = if settings.watches(&state.case_type) { "" } else { settings.candidate_tag.as_str() };
    let tags: Vec<&str> = [settings.signal_tag.as_str(), candidate].into_iter().filter(|tag| !tag.trim().is_empty()).collect();
    if !tags.is_empty() {
        voice.wish(state, json!({ "do": "tag", "tags": tags }), &zh, &en)?;
    }
    if fresh.iter().any(|(_, grade)| grade::rank(grade) >= 2) {
        let urgent = highest.1 == grade::CRITICAL;
        let text = json!({ "zh": format!("{} {zh}", state.number), "en": format!("{} {en}", state.number) });
        voice.wish(state, json!({ "do": "notify", "to": ["assignee", "accountable", "team_lead"], "text": text, "urgent": urgent }), &zh, &en)?;
    }
    if highest.1 == grade::CRITICAL {
        file::because(voice.tx, &voice.ctx, workspace, voice.case, state, "signal", &highest.0, voice.at)?;
    }
    Ok(())
}

/// Brings a case to at least a grade: told, wished of the form where it has such a field, and the priority with it.
fn raise(voice: &Voice<'_, '_>, workspace: WorkspaceId, state: &mut State, wanted: &str, reason: &str, zh: &str, en: &str) -> Result<()> {
    if grade::rank(wanted) <= state.grade.as_deref().map_or(0, grade::rank) {
        return Ok(());
    }
    let from = state.grade.replace(wanted.to_owned());
    state.grade_reason = Some(reason.to_owned());
    voice.tell(state, Graded { case_id: voice.case, from, to: wanted.to_owned(), reason: reason.to_owned(), at: voice.at })?;
    if names::has_field(voice.tx, workspace, &state.case_type, "severity")? {
        voice.wish(state, json!({ "do": "set_field", "field": "fields.severity", "value": wanted }), zh, en)?;
    }
    if let Some(priority) = grade::raised_priority(&state.priority, wanted).filter(|_| !state.is_closed()) {
        voice.wish(state, json!({ "do": "set_priority", "priority": priority }), zh, en)?;
    }
    Ok(())
}

/// Somebody (or a wish of ours, which says the same) set the grade in the form.
fn grade_by_hand(voice: &Voice<'_, '_>, before: &State, state: &mut State) -> Result<()> {
    let Some(said) = state.field("severity").filter(|s| grade::is_grade(s)).map(str::to_owned) else { return Ok(()) };
    if before.field("severity") == Some(said.as_str()) || state.grade.as_deref() == Some(said.as_str()) {
        return Ok(());
    }
    let from = state.grade.replace(said.clone());
    state.grade_reason = Some("edited".to_owned());
    voice.tell(state, Graded { case_id: voice.case, from, to: said, reason: "edited".to_owned(), at: voice.at })
}

/// The region that counts: the form's, else the customer's now, else theirs when the case was opened.
fn raw_region(tx: &Tx<'_>, state: &State) -> Result<Option<String>> {
    if let Some(region) = state.field("region") {
        return Ok(Some(region.to_owned()));
    }
    let known = state.customer.map(|id| names::customer(tx, id)).transpose()?.flatten().and_then(|c| c.region);
    Ok(known.or_else(|| state.opened_region.clone()).filter(|r| !r.trim().is_empty()))
}

fn classify(voice: &Voice<'_, '_>, workspace: WorkspaceId, state: &mut State) -> Result<()> {
    let tree = category::tree(voice.tx, workspace)?;
    let raw = raw_region(voice.tx, state)?;
    let region = match &raw {
        Some(raw) => Some(region::find(voice.tx, workspace, raw)?.map_or_else(|| raw.clone(), |r| r.key)),
        None => None,
    };
    let category = state.field("category").map(str::to_owned);
    let now = Classified {
        case_id: voice.case,
        case_type: state.case_type.clone(),
        path: category.as_deref().map(|key| tree.path(key)).unwrap_or_default(),
        region,
        product: state.field("product").map(str::to_owned),
        cause: state.field("cause_kind").map(str::to_owned),
        responsibility: state.field("responsible").map(str::to_owned),
        customer_id: state.customer,
        opened_at: state.opened_at,
        at: voice.at,
        category: category.clone(),
    };
    if state.told.as_ref().is_some_and(|told| Classified { at: now.at, ..told.clone() } == now) {
        return Ok(());
    }
    let reclassified = state.told.as_ref().is_none_or(|told| told.category != now.category);
    state.told = Some(now.clone());
    voice.tell(state, now)?;
    if let Some((key, wanted)) = category.filter(|_| reclassified).and_then(|key| tree.grade(&key).map(|g| (key.clone(), g.to_owned()))) {
        let title = |zh: bool| tree.get(&key).map_or_else(|| key.clone(), |c| if zh { c.title.zh.clone() } else { c.title.en.clone() });
        raise(voice, workspace, state, &wanted, &format!("category:{key}"), &format!("投诉分类：{}", title(true)), &format!("Category: {}", title(false)))?;
    }
    Ok(())
}

/// Puts a complaint with the team that answers for its category or region, when one of them became known or changed. A
/// person who moves it afterwards has the last word.
fn place(voice: &Voice<'_, '_>, workspace: WorkspaceId, settings: &Settings, before: &State, state: &State, happening: &Happening) -> Result<()> {
    let told = |s: &State| s.told.as_ref().map(|t| (t.category.clone(), t.region.clone()));
    let news = happening.opened || happening.moved || told(before) != told(state) || before.case_type != state.case_type;
    if !settings.place || !news || matches!(state.status.as_str(), "resolved" | "closed") {
        return Ok(());
    }
    let tree = category::tree(voice.tx, workspace)?;
    let mut found = None;
    if let Some(key) = state.field("category")
        && let Some(team) = tree.team(voice.tx, workspace, key, state.team)?
    {
        let title = |zh: bool| tree.get(key).map_or_else(|| key.to_owned(), |c| if zh { c.title.zh.clone() } else { c.title.en.clone() });
        found = Some((team, format!("投诉分类“{}”由该团队负责", title(true)), format!("This team answers for the category {}", title(false))));
    }
    if found.is_none()
        && let Some(raw) = raw_region(voice.tx, state)?
        && let Some(region) = region::find(voice.tx, workspace, &raw)?
        && let Some(team) = region.team(voice.tx, workspace, &region::Wanted { current: state.team, path: state.path() })?
    {
        found = Some((team, format!("属地化处理：客户属于{}", region.title.zh), format!("Handled where the customer is: {}", region.title.en)));
    }
    match found {
        Some((team, zh, en)) if state.team != Some(team) => voice.wish(state, json!({ "do": "assign", "team": team, "routing": true }), &zh, &en),
        _ => Ok(()),
    }
}

/// Earlier complaints of the same customer about the same.
fn repeats(voice: &Voice<'_, '_>, workspace: WorkspaceId, settings: &Settings, state: &mut State) -> Result<()> {
    let Some(customer) = state.customer else { return Ok(()) };
    let customer = names::root(voice.tx, customer)?;
    let since = state.opened_at.plus_seconds(-settings.repeat_days * 86_400);
    store::write(voice.tx)?;
    let rows: Vec<(CaseId, String, Option<Json<Vec<u32>>>)> = voice.tx.all(
        "SELECT case_id, path, sketch FROM complaint_case WHERE customer_id = ?1 AND counted = ?2 AND opened_at >= ?3 AND opened_at <= ?4 AND case_id < ?5 AND workspace_id = ?6 ORDER BY opened_at DESC LIMIT ?7",
        params![customer, true, since, state.opened_at, voice.case, workspace, COMPARED],
    )?;
    if rows.is_empty() {
        return Ok(());
    }
    let own = store::sketch(voice.tx, voice.case)?;
    let category = state.field("category").map(|key| format!("/{key}/"));
    let alike = |path: &str, other: Option<&Json<Vec<u32>>>| {
        category.as_deref().is_some_and(|key| path.ends_with(key)) || other.is_some_and(|other| i64::from(sketch::likeness(&own, &other.0)) >= settings.alike_percent)
    };
    let found: Vec<CaseId> = rows.iter().filter(|(_, path, other)| alike(path, other.as_ref())).map(|row| row.0).filter(|id| !state.earlier.contains(id)).collect();
    let room = NAMED.saturating_sub(state.earlier.len());
    let fresh: Vec<CaseId> = found.into_iter().take(room).collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let first = state.earlier.is_empty();
    state.earlier.extend(fresh);
    let count = state.earlier.len();
    voice.tell(state, Repeated { case_id: voice.case, earlier: state.earlier.clone(), count: count as i64, window_days: settings.repeat_days, at: voice.at })?;
    let (zh, en) = (format!("重复投诉：{} 天内第 {} 次", settings.repeat_days, count + 1), format!("Repeated complaint: number {} within {} days", count + 1, settings.repeat_days));
    if !settings.repeat_tag.trim().is_empty() && first {
        voice.wish(state, json!({ "do": "tag", "tags": [settings.repeat_tag] }), &zh, &en)?;
    }
    raise(voice, workspace, state, &settings.repeat_grade, "repeat", &zh, &en)?;
    file::because(voice.tx, &voice.ctx, workspace, voice.case, state, "repeat", &count.to_string(), voice.at)
}
