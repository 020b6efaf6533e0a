//! Regulatory clocks: what a law or a regulator sets, as data an administrator may edit. The numbers that ship are a
//! starting point, each with its source; whoever is bound by them checks the text in force.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{CalendarId, Problem, Result, ServiceLevelId, WorkspaceId};
use shouwen_rules::Condition;
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input, PACK_KEY_RULE, PackText, SignedIn, axum, is_pack_key};

use crate::ladder::{self, Rung};
use crate::levels::{condition_faults, two_languages};
use crate::{ServiceLevelManage, replan, sweep};

/// Units of a limit.
pub const UNITS: [&str; 3] = ["hour", "day", "working_day"];
/// What may start a clock, in words.
pub const STARTS: &str = "opened, stage:KEY (the case enters that stage), or field:NAME (the date in that form field)";
/// What may end it.
pub const ENDS: &str = "first_response, resolved, closed, or stage:KEY";

/// A regulatory clock as people edit it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyInput {
    /// Clocks of cases are named `reg.<key>`.
    pub key: String,
    pub title: PackText,
    /// The body of rules it comes from: `12315`, `telecom`, `bank_insurance`, `privacy`, `consumer`, `internal` …
    pub regime: String,
    /// Law and article, and when it was last checked.
    #[serde(default)]
    pub source: String,
    #[serde(default = "yes")]
    pub active: bool,
    /// For which cases; null: every case.
    #[serde(default, rename = "match")]
    #[schema(value_type = Option<Object>)]
    pub applies: Option<Condition>,
    /// `opened`, `stage:KEY`, `field:NAME`.
    pub starts: String,
    /// `first_response`, `resolved`, `closed`, `stage:KEY`.
    pub ends: String,
    pub limit: i64,
    /// `hour`, `day` (to the end of that calendar day), `working_day`. Days count by the calendar: natural days need one
    /// that is open every day.
    pub unit: String,
    pub calendar_id: CalendarId,
    /// Whether waiting for the customer stops it. Most regulators do not stop counting.
    #[serde(default)]
    pub pausable: bool,
    #[serde(default = "four_fifths")]
    pub warn_at: f64,
    #[serde(default)]
    pub ladder: Vec<Rung>,
    /// The version you saw; needed when editing.
    #[serde(default)]
    pub version: Option<i64>,
}

fn yes() -> bool {
    true
}
fn four_fifths() -> f64 {
    0.8
}

impl PolicyInput {
    /// The limit as a budget of working time.
    pub fn budget(&self) -> String {
        match self.unit.as_str() {
            "hour" => format!("{}h", self.limit),
            _ => format!("{}wd", self.limit),
        }
    }
}

/// A regulatory clock as it stands.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Policy {
    pub id: ServiceLevelId,
    #[serde(flatten)]
    pub policy: PolicyInput,
    /// The pack it came with.
    pub pack: Option<String>,
    #[serde(skip)]
    pub pack_print: Option<String>,
}

impl Policy {
    /// The name of its clocks.
    pub fn kind(&self) -> String {
        format!("{}{}", crate::promise::REGULATORY, self.policy.key)
    }
}

const COLUMNS: &str = "id, key, title, regime, source, active, applies, starts, ends, amount, unit, calendar_id, pausable, warn_at, ladder, version, pack, pack_print";

fn read(row: &shouwen_store::Row) -> Result<Policy> {
    Ok(Policy {
        id: row.get(0)?,
        policy: PolicyInput {
            key: row.get(1)?,
            title: row.get::<Json<PackText>>(2)?.0,
            regime: row.get(3)?,
            source: row.get(4)?,
            active: row.get(5)?,
            applies: row.get::<Option<Json<Condition>>>(6)?.map(|j| j.0),
            starts: row.get(7)?,
            ends: row.get(8)?,
            limit: row.get(9)?,
            unit: row.get(10)?,
            calendar_id: row.get(11)?,
            pausable: row.get(12)?,
            warn_at: row.get(13)?,
            ladder: row.get::<Json<Vec<Rung>>>(14)?.0,
            version: Some(row.get(15)?),
        },
        pack: row.get(16)?,
        pack_print: row.get(17)?,
    })
}

/// Every regulatory clock of the workspace, by regime.
pub fn all(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Policy>> {
    tx.all::<shouwen_store::Row>(&format!("SELECT {COLUMNS} FROM clock_policy WHERE workspace_id = ?1 ORDER BY regime, key"), params![workspace])?.iter().map(read).collect()
}

/// One of them.
pub fn one(tx: &Tx<'_>, workspace: WorkspaceId, id: ServiceLevelId) -> Result<Option<Policy>> {
    tx.opt::<shouwen_store::Row>(&format!("SELECT {COLUMNS} FROM clock_policy WHERE id = ?1 AND workspace_id = ?2"), params![id, workspace])?.as_ref().map(read).transpose()
}

/// Whether a text names an event of `plain`, a stage, or (for starts) a field.
fn names_event(text: &str, plain: &[&str], fields: bool) -> bool {
    plain.contains(&text)
        || text.strip_prefix("stage:").is_some_and(is_pack_key)
        || (fields && text.strip_prefix("field:").is_some_and(|name| !name.is_empty() && name.len() <= 60 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')))
}

/// Everything wrong with it but its calendar: (path, wrong, right). Also used by the check of packs.
pub fn faults(input: &PolicyInput) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut fault = |path: &str, wrong: String, right: &str| found.push((path.to_owned(), wrong, right.to_owned()));
    let clip = |text: &str| shouwen_kernel::text::clip(text, 60);
    if !is_pack_key(&input.key) {
        fault("key", format!("`{}` cannot be a key", clip(&input.key)), PACK_KEY_RULE);
    }
    if !is_pack_key(&input.regime) && !input.regime.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase() || b == b'_') || input.regime.is_empty() {
        fault("regime", format!("`{}` is no word for a regime", clip(&input.regime)), "a short word such as 12315, telecom, privacy");
    }
    if !two_languages(&input.title) {
        fault("title", "a title is empty or longer than 80 characters".into(), "{ zh = \"…\", en = \"…\" }");
    }
    if input.source.chars().count() > 500 {
        fault("source", "the source is longer than 500 characters".into(), "law and article");
    }
    if !names_event(&input.starts, &["opened"], true) {
        fault("starts", format!("`{}` starts nothing", clip(&input.starts)), STARTS);
    }
    if !names_event(&input.ends, &["first_response", "resolved", "closed"], false) {
        fault("ends", format!("`{}` ends nothing", clip(&input.ends)), ENDS);
    }
    if !UNITS.contains(&input.unit.as_str()) {
        fault("unit", format!("`{}` is no unit", clip(&input.unit)), &UNITS.join(", "));
    }
    if !(1..=10_000).contains(&input.limit) {
        fault("limit", format!("{} is no limit", input.limit), "a whole number from 1 to 10000");
    }
    if !(0.0..=1.0).contains(&input.warn_at) {
        fault("warn_at", format!("{} is not a share", input.warn_at), "0 to 1, e.g. 0.8");
    }
    for wrong in input.applies.iter().flat_map(condition_faults) {
        fault(&if wrong.path.is_empty() { "match".to_owned() } else { format!("match.{}", wrong.path) }, wrong.wrong, &wrong.right);
    }
    let kind = format!("{}{}", crate::promise::REGULATORY, input.key);
    found.extend(ladder::faults(&input.ladder, &[&kind]).into_iter().map(|(path, wrong, right)| (format!("ladder{path}"), wrong, right)));
    found
}

fn check(tx: &Tx<'_>, ctx: &Ctx, input: &PolicyInput) -> Result<()> {
    if let Some((path, wrong, right)) = faults(input).into_iter().next() {
        return Err(Problem::invalid(path, wrong).expected(right));
    }
    let calendar: Option<(i64,)> = tx.opt("SELECT version FROM clock_calendar WHERE id = ?1 AND workspace_id = ?2", params![input.calendar_id, ctx.workspace])?;
    calendar.map(|_| ()).ok_or_else(|| Problem::invalid("calendar_id", "there is no such calendar").expected("an id of GET /api/v1/calendars"))
}

/// What decides the plans of its clocks.
pub fn plan_of(policy: &PolicyInput) -> impl PartialEq + use<> {
    (policy.budget(), policy.calendar_id, policy.pausable, policy.warn_at, policy.ladder.clone())
}

/// Writes one: a new row, or over the row `id`; what that means for running cases follows by timers (see [`replan`] and
/// [`sweep`]). `pack`: key and fingerprint when a pack wrote it.
pub fn write(tx: &Tx<'_>, ctx: &Ctx, id: Option<ServiceLevelId>, input: &PolicyInput, pack: Option<(&str, &str)>) -> Result<ServiceLevelId> {
    check(tx, ctx, input)?;
    let (pack, print) = pack.unzip();
    let Some(id) = id else {
        let id: ServiceLevelId = tx.id();
        tx.savepoint(|tx| {
            tx.execute(
                "INSERT INTO clock_policy (id, workspace_id, key, title, regime, source, active, applies, starts, ends, amount, unit, calendar_id, pausable, warn_at, ladder, version, pack, pack_print)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, 1, ?17, ?18)",
                params![
                    id, ctx.workspace, input.key, Json(&input.title), input.regime, input.source, input.active, input.applies.as_ref().map(Json), input.starts, input.ends, input.limit, input.unit, input.calendar_id,
                    input.pausable, input.warn_at, Json(&input.ladder), pack, print
                ],
            )
        })
        .map_err(|p| if p.code == shouwen_store::UNIQUE { Problem::conflict("policy.key_taken", format!("there is a regulatory clock `{}` already", input.key)).field("key").expected("another key") } else { p })?;
        return Ok(id);
    };
    let before = one(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("regulatory clock"))?.policy;
    tx.run(
        "UPDATE clock_policy SET title = ?2, regime = ?3, source = ?4, active = ?5, applies = ?6, starts = ?7, ends = ?8, amount = ?9, unit = ?10, calendar_id = ?11, pausable = ?12, warn_at = ?13, ladder = ?14,
           pack = COALESCE(?15, pack), pack_print = COALESCE(?16, pack_print), version = version + 1 WHERE id = ?1",
        params![
            id, Json(&input.title), input.regime, input.source, input.active, input.applies.as_ref().map(Json), input.starts, input.ends, input.limit, input.unit, input.calendar_id, input.pausable, input.warn_at,
            Json(&input.ladder), pack, print
        ],
    )?;
    if plan_of(&before) != plan_of(input) {
        replan::schedule(tx, ctx.workspace, "level", id.0)?;
    }
    let concerns = |p: &PolicyInput| (p.applies.clone(), p.starts.clone(), p.ends.clone());
    if let Some(why) = sweep::reason((before.active, &concerns(&before)), (input.active, &concerns(input))) {
        sweep::schedule(tx, ctx.workspace, id.0, why)?;
    }
    Ok(id)
}

#[utoipa::path(get, path = "/regulatory-clocks", responses((status = 200, body = [Policy])), tag = "service levels", summary = "What laws and regulators set, as editable data", extensions(("x-permission" = json!("signed_in"))))]
pub async fn list(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<Vec<Policy>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| all(tx, workspace)).await
}

#[utoipa::path(post, path = "/regulatory-clocks", request_body = PolicyInput, responses((status = 201, body = Policy)), tag = "service levels", summary = "Create a regulatory clock; it applies to cases opened from now on", extensions(("x-permission" = json!("service_level.manage"))))]
pub async fn create(State(app): State<App>, who: Allowed<ServiceLevelManage>, input: Input<PolicyInput>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::CREATED, move |tx| {
        let id = write(tx, &ctx, None, &input.value, None)?;
        tx.audit(&ctx, "regulatory_clock.created", "service_level", Some(id.0), Some(serde_json::to_value(&input.value)?))?;
        one(tx, ctx.workspace, id)?.ok_or_else(|| Problem::internal("the regulatory clock vanished"))
    })
    .await
}

#[utoipa::path(patch, path = "/regulatory-clocks/{id}", params(("id" = ServiceLevelId, Path)), request_body = Value, responses((status = 200, body = Policy), (status = 409, description = "Somebody else edited it")), tag = "service levels", summary = "Edit a regulatory clock; open clocks are planned anew", extensions(("x-permission" = json!("service_level.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<ServiceLevelManage>, Id(id): Id<ServiceLevelId>, input: Input<Value>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        tx.opt::<(i64,)>(&format!("SELECT version FROM clock_policy WHERE id = ?1 AND workspace_id = ?2{}", tx.for_update()), params![id, ctx.workspace])?.ok_or_else(|| Problem::not_found("regulatory clock"))?;
        let current = one(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("regulatory clock"))?;
        let seen = input.value.get("version").and_then(Value::as_i64).ok_or_else(|| Problem::invalid("version", "no version is given").expected("the `version` you saw"))?;
        if Some(seen) != current.policy.version {
            return Err(Problem::conflict("version_conflict", "somebody else edited this regulatory clock meanwhile").detail(json!({ "current": current })));
        }
        let mut merged = serde_json::to_value(&current.policy)?;
        if let (Some(fields), Some(patch)) = (merged.as_object_mut(), input.value.as_object()) {
            fields.extend(patch.clone().into_iter().filter(|(key, _)| !["id", "pack", "key"].contains(&key.as_str())));
        }
        let next: PolicyInput = serde_json::from_value(merged).map_err(|e| Problem::invalid("body", format!("the regulatory clock cannot be read: {e}")).expected("the fields GET /api/v1/regulatory-clocks shows"))?;
        write(tx, &ctx, Some(id), &next, None)?;
        tx.audit(&ctx, "regulatory_clock.edited", "service_level", Some(id.0), Some(json!({ "before": current.policy, "after": next })))?;
        one(tx, ctx.workspace, id)?.ok_or_else(|| Problem::not_found("regulatory clock"))
    })
    .await
}

#[utoipa::path(delete, path = "/regulatory-clocks/{id}", params(("id" = ServiceLevelId, Path)), responses((status = 204)), tag = "service levels", summary = "Remove a regulatory clock; clocks already running keep their plan", extensions(("x-permission" = json!("service_level.manage"))))]
pub async fn remove(State(app): State<App>, who: Allowed<ServiceLevelManage>, Id(id): Id<ServiceLevelId>) -> Answer<Response> {
    let ctx = who.ctx();
    app.command(who.once(""), StatusCode::NO_CONTENT, move |tx| {
        if tx.execute("DELETE FROM clock_policy WHERE id = ?1 AND workspace_id = ?2", params![id, ctx.workspace])? == 0 {
            return Err(Problem::not_found("regulatory clock"));
        }
        tx.audit(&ctx, "regulatory_clock.removed", "service_level", Some(id.0), None)
    })
    .await
}
