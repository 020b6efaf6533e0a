//! A dry run: how often would a rule have fired, over past events and only over cases the asker may see.

use std::collections::HashSet;
use std::time::Duration;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shouwen_kernel::{CaseId, ObjectId, Problem, Result, Scope, Time, WorkspaceId};
use shouwen_rules::{DryRun, Facts, PastEvent, Rule, text};
use shouwen_store::{Json, Recorded, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, Viewer, axum};

use crate::facts::{self, CaseFacts};
use crate::input::{self, Given, refusal};
use crate::loaded::Loaded;
use crate::state::State as CaseState;
use crate::{RuleManage, fire, rules};

/// Cases read in one snapshot.
const AT_ONCE: usize = 50;
/// A run ends after this time or so many cases and says how far it came.
const LONGEST: Duration = Duration::from_secs(15);
const MOST_CASES: usize = 20_000;
/// Events of one case that are looked at.
const MOST_EVENTS: usize = 2000;
const SAMPLES: usize = 10;

/// Which time is looked at.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Absent: thirty days before `to`.
    pub from: Option<Time>,
    /// Absent: now.
    pub to: Option<Time>,
}

/// A rule that is not saved, with the time.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    #[schema(value_type = Object)]
    pub rule: Value,
    pub from: Option<Time>,
    pub to: Option<Time>,
}

/// What would have happened.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct DryReport {
    pub from: Time,
    pub to: Time,
    /// Cases looked at: those with an event in the time that the asker may see.
    pub cases: u64,
    pub events: u64,
    pub fired: u64,
    /// Cases it would have fired for.
    pub fired_cases: u64,
    /// Events that would have started it.
    pub asked: u64,
    /// Kept back by `once_per`.
    pub used_up: u64,
    /// Kept back because it would have answered itself.
    pub held_back: u64,
    /// The first firings: event, kind, at, case, because, then.
    #[schema(value_type = Vec<Object>)]
    pub samples: Vec<Value>,
    /// What most often kept it from firing, when it never fired.
    pub kept_by: Vec<KeptBy>,
    /// False: it ended before the last case, because of its time or number of cases, or did not see all of a case.
    pub complete: bool,
    /// Times cannot be replayed: triggers by time are left out.
    pub timed: bool,
}

/// A comparison that kept the rule from firing, and how often.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeptBy {
    /// In Chinese words.
    pub zh: String,
    pub en: String,
    pub count: u64,
}

impl KeptBy {
    fn of((text, count): (String, u64)) -> Self {
        // What was asked within somebody's reach reads as it was written.
        let mut condition = text::parse(&text).ok();
        condition.iter_mut().for_each(facts::as_written);
        match condition {
            Some(condition) => Self { zh: facts::words().print_zh(&condition), en: text::print(&condition), count },
            None => Self { zh: text.clone(), en: text, count },
        }
    }
}

#[utoipa::path(post, path = "/rules/{id}/dry-run", params(("id" = ObjectId, Path)), request_body = Span, responses((status = 200, body = DryReport)), tag = "rules", summary = "How often a rule would have fired; ends when the caller hangs up", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn of_rule(State(app): State<App>, who: Allowed<RuleManage>, Id(id): Id<ObjectId>, input: Input<Span>) -> Answer<axum::Json<DryReport>> {
    let workspace = who.viewer.workspace;
    let rule = app.db().read(move |tx| Ok(rules::find(tx, workspace, id)?.rule)).await?;
    Ok(axum::Json(run(&app, &who.viewer, rule, &input.value).await?))
}

#[utoipa::path(post, path = "/rules/dry-run", request_body = Trial, responses((status = 200, body = DryReport)), tag = "rules", summary = "How often a rule that is not saved would have fired", extensions(("x-permission" = json!("rule.manage"))))]
pub async fn of_trial(State(app): State<App>, who: Allowed<RuleManage>, input: Input<Trial>) -> Answer<axum::Json<DryReport>> {
    let viewer = who.viewer.clone();
    let trial = input.value.clone();
    let rule = app
        .db()
        .read(move |tx| {
            let Given { mut value, .. } = Given::of(&trial.rule)?;
            if value.get("key").is_none() {
                value["key"] = "this-rule".into();
            }
            input::rule(&value, &input::vocabulary(tx, viewer.workspace)?, &viewer).map_err(|faults| refusal(&faults))
        })
        .await?;
    Ok(axum::Json(run(&app, &who.viewer, rule, &Span { from: input.value.from, to: input.value.to }).await?))
}

async fn run(app: &App, viewer: &Viewer, rule: Rule, span: &Span) -> Result<DryReport> {
    let to = span.to.unwrap_or_else(|| app.clock().now());
    let from = span.from.unwrap_or_else(|| to.plus_seconds(-30 * 86_400));
    if from >= to {
        return Err(Problem::invalid("from", "the time ends before it begins").expected("`from` earlier than `to`"));
    }
    let Some(scope) = viewer.scope("case.read") else { return Err(Problem::forbidden("case.read")) };
    let (workspace, tried, by) = (viewer.workspace, rule.clone(), viewer.clone());
    let loaded = std::sync::Arc::new(app.db().read(move |tx| Loaded::trying(tx, &by, &tried)).await?);
    let timed = rule.when.iter().any(|trigger| !matches!(trigger, shouwen_rules::Trigger::On(_)));
    let mut dry = DryRun::new(&loaded.set, SAMPLES, loaded.offset(to));
    let began = tokio::time::Instant::now();
    let mut fields: Vec<String> = loaded.set.rules().flat_map(|rule| rule.condition.fields()).map(str::to_owned).chain(["stage".to_owned(), "number".to_owned()]).collect();
    fields.sort();
    fields.dedup();
    let fields = std::sync::Arc::new(fields);
    let (mut after, mut complete) = (None, true);
    // A case that changes while this runs comes again at the end of the order; it is looked at once.
    let mut seen: HashSet<CaseId> = HashSet::new();
    // Each page is a snapshot of its own: nothing is held for long, and a caller who hangs up ends it between two.
    loop {
        let (scope, loaded, fields, at) = (scope.clone(), loaded.clone(), fields.clone(), after);
        let page = app.db().read(move |tx| events(tx, workspace, &loaded, &scope, &fields, (from, to), at)).await?;
        complete &= page.whole;
        for (case, events) in page.cases {
            if seen.insert(case) {
                events.iter().for_each(|past| dry.feed(past));
            }
        }
        let Some(next) = page.next else { break };
        after = Some(next);
        if began.elapsed() > LONGEST || seen.len() >= MOST_CASES {
            complete = false;
            break;
        }
    }
    let mut report = dry.report();
    let row = if report.rules.is_empty() { Default::default() } else { report.rules.remove(0) };
    Ok(DryReport {
        from,
        to,
        cases: seen.len() as u64,
        events: report.events,
        fired: row.fired,
        fired_cases: row.cases,
        asked: row.asked,
        used_up: row.used_up,
        held_back: row.held_back,
        samples: row.samples.iter().map(sample).collect::<Result<_>>()?,
        kept_by: row.kept_by.into_iter().map(KeptBy::of).collect(),
        complete,
        timed,
    })
}

/// A firing that would have been, its reasons with their words.
fn sample(sample: &shouwen_rules::Sample) -> Result<Value> {
    let mut shown = serde_json::to_value(sample)?;
    shown["because"] = Value::Array(facts::worded(&sample.because, facts::words()));
    Ok(shown)
}

struct PageOfEvents {
    cases: Vec<(CaseId, Vec<PastEvent>)>,
    next: Option<(Time, CaseId)>,
    /// Nothing of its cases was left out.
    whole: bool,
}

/// The happenings of the next cases, each with the facts as they were.
fn events(tx: &Tx<'_>, workspace: WorkspaceId, loaded: &Loaded, scope: &Scope, fields: &[String], (from, to): (Time, Time), after: Option<(Time, CaseId)>) -> Result<PageOfEvents> {
    let (at, case) = after.unwrap_or((from, CaseId(uuid::Uuid::nil())));
    let rows: Vec<(CaseId, Time, Time, Json<CaseState>)> = tx.all(
        "SELECT case_id, updated_at, opened_at, state FROM rule_case WHERE workspace_id = ?1 AND (updated_at, case_id) > (?2, ?3) ORDER BY updated_at, case_id LIMIT ?4",
        params![workspace, at, case, AT_ONCE],
    )?;
    let next = rows.last().filter(|_| rows.len() == AT_ONCE).map(|row| (row.1, row.0));
    let mut out = PageOfEvents { cases: Vec::new(), next, whole: true };
    for (case, _, opened_at, Json(now)) in rows {
        if opened_at > to || !scope.sees(&now.access()) {
            continue;
        }
        let mut past = Vec::new();
        let mut log: Vec<Recorded> = tx.events_about(case.0, None, MOST_EVENTS)?;
        out.whole &= log.len() < MOST_EVENTS;
        log.sort_by_key(|recorded| recorded.position);
        let mut state = CaseState::default();
        for recorded in log.iter().filter(|recorded| crate::state::KINDS.contains(&recorded.kind.as_str())) {
            let Some(happening) = state.apply(recorded)? else { continue };
            // As it is when rules are asked: what went into another case is done with.
            if recorded.at < from || recorded.at > to || (state.merged && !happening.kinds.contains(&fire::MERGED)) {
                continue;
            }
            let facts = CaseFacts::new(tx, &state, Some(&happening), recorded.at, &loaded);
            let known: Map<String, Value> = fields.iter().map(|field| (field.clone(), facts.fact(field))).collect();
            facts.sound()?;
            let causes = match recorded.actor()? {
                shouwen_kernel::Actor::System { name } => fire::causes_in(&name),
                _ => Vec::new(),
            };
            // Once for an event, under the first of its names the rule listens to.
            let listens = |kind: &str| loaded.set.rules().any(|rule| rule.when.iter().any(|trigger| matches!(trigger, shouwen_rules::Trigger::On(on) if on.on.iter().any(|name| name == kind || name.strip_suffix('*').is_some_and(|prefix| kind.starts_with(prefix))))));
            let kind = happening.kinds.iter().find(|kind| listens(kind)).or(happening.kinds.first()).copied().unwrap_or_default();
            past.push(PastEvent {
                kind: kind.to_owned(),
                at: recorded.at.to_string(),
                id: state.text("number").to_owned(),
                case: case.to_string(),
                customer: state.customer.map(|c| c.to_string()).unwrap_or_default(),
                stay: state.stay(),
                facts: known,
                before: happening.before.clone(),
                causes,
            });
        }
        out.cases.push((case, past));
    }
    Ok(out)
}
