//! A rule fires: its actions become wishes, and the log keeps why.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{CaseId, ObjectId, PersonId, Problem, Result, Time, WorkspaceId};
use shouwen_rules::{Action, Event, Facts, Firing, HeldBack, Reason, Rule, render};
use shouwen_store::{Ctx, Json, Tx, params};

use crate::facts::{CaseFacts, worded, words};
use crate::loaded::{Loaded, Place};
use crate::owners;
use crate::state::{Happening, State};

/// A rule that fires more often than this on one case within [`STORM_S`] is held back: something goes in circles outside.
const STORM: i64 = 20;
const STORM_S: i64 = 600;
/// A rule writes to one customer so often within an hour: a machine that answers each mail opens a case with each answer.
const LETTERS: i64 = 5;
const LETTERS_S: i64 = 3600;
/// Events of a case that are looked at for its last message.
const LOOKED_AT: usize = 100;

/// One action of a firing, as the log keeps it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Deed {
    /// The action as it was asked for, texts filled in.
    #[schema(value_type = Object)]
    pub action: Value,
    /// `asked`: handed on to be carried out; `refused`: it could not be.
    pub outcome: String,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub problem: Option<Value>,
}

/// The object an evaluation is about.
pub struct Subject<'a> {
    pub workspace: WorkspaceId,
    pub case: CaseId,
    pub state: &'a State,
    /// Unique for what started it: the event's row, or the timer's due time.
    pub mark: &'a str,
    pub now: Time,
    pub causes: &'a [String],
}

/// The permission an action needs of whoever has it done.
pub fn permission(action: &Action) -> &'static str {
    match action {
        Action::Assign { .. } => "case.assign",
        Action::Notify { .. } | Action::RunMacro { .. } => "case.read",
        Action::OpenChild { .. } | Action::OpenWarning { .. } => "case.create",
        Action::SendTemplate { .. } => "case.reply",
        Action::AddNote { .. } => "case.note",
        // To an end of the loop: by the keys every type of the product gives its ends.
        Action::MoveStage { stage, .. } if ["resolved", "archived", "closed"].contains(&stage.as_str()) => "case.close",
        Action::SetField { .. }
        | Action::SetPriority { .. }
        | Action::Tag { .. }
        | Action::Untag { .. }
        | Action::MoveStage { .. }
        | Action::Watch { .. }
        | Action::StartClock { .. }
        | Action::StopClock { .. }
        | Action::Escalate { .. }
        | Action::Webhook { .. } => "case.edit",
    }
}

/// The action as JSON, its texts filled in; the rule's owner and the holders of roles by name.
pub fn ready(action: &Action, owner: Option<PersonId>, facts: &CaseFacts<'_, '_>, workspace: WorkspaceId) -> Result<Value> {
    fn fill(value: &mut Value, facts: &impl Facts) {
        match value {
            Value::String(text) if text.contains(['{', '}']) => *text = render(text, facts),
            Value::Array(items) => items.iter_mut().for_each(|item| fill(item, facts)),
            Value::Object(map) => map.values_mut().for_each(|item| fill(item, facts)),
            _ => {}
        }
    }
    let mut json = serde_json::to_value(action)?;
    for field in ["title", "text", "reason", "value", "fields"] {
        if let Some(value) = json.get_mut(field) {
            fill(value, facts);
        }
    }
    for field in ["to", "who"] {
        let Some(Value::Array(parties)) = json.get_mut(field) else { continue };
        let mut named: Vec<Value> = Vec::new();
        for party in std::mem::take(parties) {
            let people = match party.as_str() {
                Some("owner") => owner.into_iter().collect(),
                Some("team_lead") => owners::leads(facts.tx, workspace, &facts.state.access())?,
                Some(text) => match text.strip_prefix("role:") {
                    Some(role) => owners::holders(facts.tx, workspace, role, &facts.state.access())?,
                    None => {
                        named.push(party);
                        continue;
                    }
                },
                None => continue,
            };
            named.extend(people.into_iter().map(|person| Value::from(format!("person:{person}"))));
        }
        let mut seen = HashSet::new();
        named.retain(|party| seen.insert(party.to_string()));
        *parties = named;
    }
    Ok(json)
}

/// The event of a case that went into another.
pub const MERGED: &str = "case.merged";

/// Asks every rule about an event.
pub fn on_event(tx: &Tx<'_>, subject: &Subject<'_>, happening: &Happening) -> Result<()> {
    let loaded = Loaded::of(tx, subject.workspace)?;
    // What went into another case is done with; that it did is the last that is told of it.
    if loaded.set.rules().len() == 0 || (subject.state.merged && !happening.kinds.contains(&MERGED)) {
        return Ok(());
    }
    let facts = CaseFacts::new(tx, subject.state, Some(happening), subject.now, &loaded);
    let access = subject.state.access();
    let failed: RefCell<Option<Problem>> = RefCell::new(None);
    let mut done: HashSet<String> = HashSet::new();
    for kind in &happening.kinds {
        let event = Event { kind, facts: &facts, now: subject.now.micros(), causes: subject.causes };
        let outcome = loaded.set.fire_where(&event, |rule| {
            let Some(place) = loaded.places.get(&rule.key) else { return false };
            if done.contains(&rule.key) || subject.now < place.active_since || !loaded.may(place.owner, "case.read", &access) {
                return false;
            }
            free(tx, &loaded, rule, subject).unwrap_or_else(|problem| {
                failed.borrow_mut().get_or_insert(problem);
                false
            })
        });
        facts.sound()?;
        if let Some(problem) = failed.borrow_mut().take() {
            return Err(problem);
        }
        for (key, why) in &outcome.held_back {
            let seen = loaded.places.get(*key).filter(|place| done.insert((*key).to_owned()) && loaded.may(place.owner, "case.read", &access));
            if let Some(place) = seen {
                let outcome = match why {
                    HeldBack::OwnChange => "own_change",
                    HeldBack::ChainTooLong => "chain_too_long",
                };
                log(tx, subject, place, kind, &json!([]), &[], outcome)?;
            }
        }
        let mut stopped = false;
        for firing in &outcome.firings {
            if done.insert(firing.rule.key.clone()) {
                carry_out(tx, &loaded, subject, kind, firing, &facts)?;
            }
            stopped |= firing.rule.stop;
        }
        if stopped {
            break;
        }
    }
    Ok(())
}

/// Asks one rule about a case, its trigger aside: schedules and "so long in a state". Whether it fired.
pub fn on_time(tx: &Tx<'_>, loaded: &Loaded, subject: &Subject<'_>, key: &str) -> Result<bool> {
    let Some(place) = loaded.places.get(key) else { return Ok(false) };
    if subject.state.merged || !loaded.may(place.owner, "case.read", &subject.state.access()) {
        return Ok(false);
    }
    let facts = CaseFacts::new(tx, subject.state, None, subject.now, &loaded);
    let event = Event { kind: "schedule", facts: &facts, now: subject.now.micros(), causes: &[] };
    let fired = loaded.set.fire_rule(key, &event);
    facts.sound()?;
    match fired {
        Some(firing) if free(tx, loaded, firing.rule, subject)? => carry_out(tx, loaded, subject, "schedule", &firing, &facts),
        _ => Ok(false),
    }
}

/// The key under which a rule remembers that it fired; `None`: it may fire any number of times.
fn once_key(loaded: &Loaded, rule: &Rule, subject: &Subject<'_>) -> Option<String> {
    let place = loaded.places.get(&rule.key)?;
    let customer = subject.state.customer.map(|c| c.to_string()).unwrap_or_default();
    rule.once_per.map(|once| once.key(&place.id.to_string(), &subject.case.to_string(), &customer, &subject.state.stay(), subject.now.micros(), loaded.offset(subject.now)))
}

fn free(tx: &Tx<'_>, loaded: &Loaded, rule: &Rule, subject: &Subject<'_>) -> Result<bool> {
    let Some(key) = once_key(loaded, rule, subject) else { return Ok(true) };
    Ok(tx.opt::<(Time,)>("SELECT at FROM rule_once WHERE workspace_id = ?1 AND key = ?2", params![subject.workspace, key])?.is_none())
}

fn carry_out(tx: &Tx<'_>, loaded: &Loaded, subject: &Subject<'_>, kind: &str, firing: &Firing<'_>, facts: &CaseFacts<'_, '_>) -> Result<bool> {
    let rule = firing.rule;
    let Some(place) = loaded.places.get(&rule.key) else { return Ok(false) };
    // The log may be read again after a fault; what fired then has fired.
    if tx.opt::<(ObjectId,)>("SELECT id FROM rule_firing WHERE rule_id = ?1 AND mark = ?2", params![place.id, subject.mark])?.is_some() {
        return Ok(false);
    }
    let because = Value::Array(worded(&firing.because, words()));
    let (lately,): (i64,) = tx.one("SELECT count(*) FROM rule_firing WHERE rule_id = ?1 AND case_id = ?2 AND at > ?3", params![place.id, subject.case, subject.now.plus_seconds(-STORM_S)])?;
    let writes = loaded.set.expand(&rule.then).iter().any(|action| matches!(action, Action::SendTemplate { .. }));
    if lately >= STORM || (writes && letters(tx, place, subject)? >= LETTERS) {
        log(tx, subject, place, kind, &because, &[], "storm")?;
        return Ok(false);
    }
    if let Some(key) = once_key(loaded, rule, subject) {
        let passing = matches!(rule.once_per, Some(shouwen_rules::OncePer::Hour | shouwen_rules::OncePer::Day | shouwen_rules::OncePer::CaseHour | shouwen_rules::OncePer::CaseDay | shouwen_rules::OncePer::CustomerDay));
        tx.run("INSERT INTO rule_once (workspace_id, key, passing, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (workspace_id, key) DO NOTHING", params![subject.workspace, key, passing, subject.now])?;
    }
    let mut chain = subject.causes.to_vec();
    chain.push(rule.key.clone());
    let ctx = Ctx::system(subject.workspace, &actor_name(&chain));
    let access = subject.state.access();
    let reason = reason(rule, &loaded.locale, &firing.because);
    facts.bound.set(loaded.bound(place.owner));
    let mut deeds = Vec::new();
    for (n, action) in loaded.set.expand(&rule.then).into_iter().enumerate() {
        let needed = permission(action);
        let action = ready(action, place.owner, facts, subject.workspace)?;
        facts.sound()?;
        if !loaded.may(place.owner, needed, &access) {
            let problem = Problem::forbidden(needed);
            deeds.push(Deed { action, outcome: "refused".to_owned(), problem: Some(serde_json::to_value(&problem)?) });
            continue;
        }
        if action["do"] == "send_template" && last_came_by_machine(tx, subject.case)? {
            let problem = Problem::conflict("rule.automatic_mail", "the customer's last message was sent by a machine; an answer by a machine could go in circles").expected("a message a person wrote");
            deeds.push(Deed { action, outcome: "refused".to_owned(), problem: Some(serde_json::to_value(&problem)?) });
            continue;
        }
        let source = format!("rule:{}:{}.{n}", place.id, subject.mark);
        tx.emit::<WishEvent>(
            &ctx,
            Some(subject.case.0),
            Some(&access),
            ActionWish { source, case_id: subject.case, action: action.clone(), reason: reason.clone(), chain: chain.clone() },
        )?;
        deeds.push(Deed { action, outcome: "asked".to_owned(), problem: None });
    }
    facts.bound.set(None);
    let refused = deeds.iter().filter(|deed| deed.outcome == "refused").count();
    let outcome = if refused == 0 { "asked" } else if refused == deeds.len() { "refused" } else { "partly" };
    log(tx, subject, place, kind, &because, &deeds, outcome)?;
    tx.run("UPDATE rule_rule SET fired = fired + 1, last_fired_at = ?2 WHERE id = ?1", params![place.id, subject.now])?;
    let day = (subject.now.seconds() + i64::from(loaded.offset(subject.now))).div_euclid(86_400);
    tx.run("INSERT INTO rule_day (rule_id, day, fired) VALUES (?1, ?2, 1) ON CONFLICT (rule_id, day) DO UPDATE SET fired = rule_day.fired + 1", params![place.id, day])?;
    Ok(true)
}

/// How often a rule has lately fired for the customer of a case, whichever of their newer cases it was.
fn letters(tx: &Tx<'_>, place: &Place, subject: &Subject<'_>) -> Result<i64> {
    let Some(customer) = subject.state.customer else { return Ok(0) };
    let since = subject.now.plus_seconds(-LETTERS_S);
    let (count,): (i64,) = tx.one(
        "SELECT count(*) FROM rule_case c JOIN rule_firing f ON f.rule_id = ?1 AND f.case_id = c.case_id AND f.at > ?3 WHERE c.customer_id = ?2 AND c.opened_at > ?3",
        params![place.id, customer, since],
    )?;
    Ok(count)
}

/// Whether what the customer last sent was an automatic mail. Looked up in the log: of a case that is just opened the
/// message stands there already.
fn last_came_by_machine(tx: &Tx<'_>, case: CaseId) -> Result<bool> {
    for recorded in tx.events_about(case.0, None, LOOKED_AT)? {
        if let Some(CaseEvent::MessageAdded(message)) = recorded.event::<CaseEvent>()?.filter(|_| recorded.kind == "case.message_added")
            && message.direction == "in"
        {
            return Ok(message.auto);
        }
    }
    Ok(false)
}

/// The actor whose name tells the chain; [`causes_in`] reads it back from the events that follow.
pub fn actor_name(chain: &[String]) -> String {
    format!("rule:{}", chain.join(">"))
}

/// The rules that led to an event, by its actor's name.
pub fn causes_in(name: &str) -> Vec<String> {
    name.strip_prefix("rule:").map(|chain| chain.split('>').filter(|key| !key.is_empty()).map(str::to_owned).collect()).unwrap_or_default()
}

/// What the timeline shows: the rule's title and what decided.
fn reason(rule: &Rule, locale: &str, because: &[Reason]) -> String {
    let title = rule.title.pick(locale);
    let why: Vec<String> = worded(because, words()).iter().take(3).filter_map(|reason| Some(reason["words"][if locale.starts_with("zh") { "zh" } else { "en" }].as_str()?.to_owned())).collect();
    let text = if why.is_empty() { title.to_owned() } else { format!("{title}: {}", why.join("; ")) };
    shouwen_kernel::text::clip(&text, 300)
}

fn log(tx: &Tx<'_>, subject: &Subject<'_>, place: &Place, kind: &str, because: &Value, deeds: &[Deed], outcome: &str) -> Result<()> {
    tx.run(
        "INSERT INTO rule_firing (id, workspace_id, rule_id, mark, case_id, number, event, at, because, actions, chain, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (rule_id, mark) DO NOTHING",
        params![
            tx.id::<ObjectId>(), subject.workspace, place.id, subject.mark, subject.case, subject.state.text("number"), kind, subject.now, because, Json(deeds), Json(subject.causes), outcome
        ],
    )
}
