//! Settings, signals, regions and care plans over the API. Lists are read and saved whole, with the version that was seen.

use axum::extract::State as AppState;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx};
use shouwen_web::{Allowed, Answer, App, Input, PackText, axum};

use crate::care_plan::CarePlan;
use crate::items::{self, Fault, Item, refusal};
use crate::region::Region;
use crate::settings::{self, Settings};
use crate::signal::{Hit, LONGEST_TEXT, Matcher, Signal};
use crate::{ComplaintRead, ComplaintSettings, grade};

#[utoipa::path(get, path = "/complaints/settings", responses((status = 200, body = Settings)), tag = "complaints", summary = "What counts as a complaint, and when it repeats", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn show(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>) -> Answer<axum::Json<Settings>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| settings::of(tx, workspace)).await
}

#[utoipa::path(put, path = "/complaints/settings", request_body = Settings, responses((status = 200, body = Settings)), tag = "complaints", summary = "Changes what counts as a complaint; cases are looked at anew when they next change", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn edit(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<Settings>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    refusal(&body.faults())?;
    app.command(once, StatusCode::OK, move |tx| {
        tx.set_setting(ctx.workspace, settings::NAME, &body)?;
        tx.audit(&ctx, "complaint.settings_saved", "settings", None, Some(serde_json::to_value(&body)?))?;
        Ok(body.clone())
    })
    .await
}

/// A list with its version.
#[derive(Clone, Debug, Serialize)]
struct List<T> {
    items: Vec<T>,
    /// Give it back as `seen` when saving.
    version: String,
    /// Packs the entries came with, in the same order.
    packs: Vec<Option<String>>,
}

fn listed<T: Item>(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<List<T>> {
    let stored = items::stored::<T>(tx, workspace)?;
    Ok(List { version: items::version(&stored)?, packs: stored.iter().map(|s| s.pack.clone()).collect(), items: stored.into_iter().map(|s| s.item).collect() })
}

fn saved<T: Item>(tx: &Tx<'_>, ctx: &Ctx, new: &[T], seen: &str) -> Result<List<T>> {
    items::replace(tx, ctx, new, seen)?;
    listed(tx, ctx.workspace)
}

/// Upgrade signals with their version.
#[derive(Serialize, utoipa::ToSchema)]
pub struct SignalList {
    pub items: Vec<Signal>,
    pub version: String,
    pub packs: Vec<Option<String>>,
}
/// Upgrade signals to save in place of all there are.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalsToSave {
    pub items: Vec<Signal>,
    /// `version` of the list you looked at.
    pub seen: String,
}

#[utoipa::path(get, path = "/complaints/signals", responses((status = 200, body = SignalList)), tag = "complaints", summary = "Words that raise the grade at once", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn signals(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>) -> Answer<Response> {
    let workspace = who.viewer.workspace;
    Ok(axum::response::IntoResponse::into_response(app.query(move |tx| listed::<Signal>(tx, workspace)).await?))
}

#[utoipa::path(put, path = "/complaints/signals", request_body = SignalsToSave, responses((status = 200, body = SignalList), (status = 409, description = "version_conflict")), tag = "complaints", summary = "Saves the signals; messages from then on are looked through with them", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn save_signals(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<SignalsToSave>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| saved(tx, &ctx, &body.items, &body.seen)).await
}

/// A text to look through.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalTrial {
    pub text: String,
    /// Instead of the saved signals.
    #[serde(default)]
    pub signals: Option<Vec<Signal>>,
}

/// What was found in it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SignalTrialResult {
    /// In the order of the text; those with `cleared_by` raise nothing.
    pub hits: Vec<Hit>,
    /// The grade a case with this text gets; null: nothing raises.
    pub grade: Option<String>,
}

#[utoipa::path(post, path = "/complaints/signals/trial", request_body = SignalTrial, responses((status = 200, body = SignalTrialResult)), tag = "complaints", summary = "Looks through a text; nothing is saved", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn try_signals(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<SignalTrial>) -> Answer<axum::Json<SignalTrialResult>> {
    let (workspace, body) = (who.viewer.workspace, input.value);
    if body.text.chars().count() > LONGEST_TEXT {
        return Err(Problem::invalid("text", "the text is longer than what is looked through").expected(format!("at most {LONGEST_TEXT} characters")).into());
    }
    if let Some(signals) = &body.signals {
        refusal(&items::faults(signals).into_iter().map(|f| Fault { path: f.path.replacen("items", "signals", 1), ..f }).collect::<Vec<_>>())?;
    }
    app.query(move |tx| {
        let signals = match &body.signals {
            Some(given) => given.clone(),
            None => items::stored::<Signal>(tx, workspace)?.into_iter().map(|s| s.item).collect(),
        };
        let hits = Matcher::new(&signals).scan(&body.text);
        let grade = hits.iter().filter(|h| h.cleared_by.is_none()).map(|h| h.grade.clone()).max_by_key(|g| grade::rank(g));
        Ok(SignalTrialResult { hits, grade })
    })
    .await
}

/// A region by name.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RegionName {
    pub key: String,
    pub title: PackText,
}

#[utoipa::path(get, path = "/complaints/region-names", responses((status = 200, body = Vec<RegionName>)), tag = "complaints", summary = "The regions complaints are handled in, to choose from", extensions(("x-permission" = json!("complaint.read"))))]
pub async fn region_names(AppState(app): AppState<App>, who: Allowed<ComplaintRead>) -> Answer<axum::Json<Vec<RegionName>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| Ok(items::list::<Region>(tx, workspace)?.iter().map(|r| RegionName { key: r.key.clone(), title: r.title.clone() }).collect())).await
}

/// Regions with their version.
#[derive(Serialize, utoipa::ToSchema)]
pub struct RegionList {
    pub items: Vec<Region>,
    pub version: String,
    pub packs: Vec<Option<String>>,
}
/// Regions to save in place of all there are.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegionsToSave {
    pub items: Vec<Region>,
    /// `version` of the list you looked at.
    pub seen: String,
}

#[utoipa::path(get, path = "/complaints/regions", responses((status = 200, body = RegionList)), tag = "complaints", summary = "Which team answers for customers of which region", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn regions(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>) -> Answer<Response> {
    let workspace = who.viewer.workspace;
    Ok(axum::response::IntoResponse::into_response(app.query(move |tx| listed::<Region>(tx, workspace)).await?))
}

#[utoipa::path(put, path = "/complaints/regions", request_body = RegionsToSave, responses((status = 200, body = RegionList), (status = 409, description = "version_conflict")), tag = "complaints", summary = "Saves the regions", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn save_regions(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<RegionsToSave>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| saved(tx, &ctx, &body.items, &body.seen)).await
}

/// Care plans with their version.
#[derive(Serialize, utoipa::ToSchema)]
pub struct CarePlanList {
    pub items: Vec<CarePlan>,
    pub version: String,
    pub packs: Vec<Option<String>>,
}
/// Care plans to save in place of all there are.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CarePlansToSave {
    pub items: Vec<CarePlan>,
    /// `version` of the list you looked at.
    pub seen: String,
}

#[utoipa::path(get, path = "/complaints/care-plans", responses((status = 200, body = CarePlanList)), tag = "complaints", summary = "What is done for a dissatisfied customer", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn care_plans(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>) -> Answer<Response> {
    let workspace = who.viewer.workspace;
    Ok(axum::response::IntoResponse::into_response(app.query(move |tx| listed::<CarePlan>(tx, workspace)).await?))
}

#[utoipa::path(put, path = "/complaints/care-plans", request_body = CarePlansToSave, responses((status = 200, body = CarePlanList), (status = 409, description = "version_conflict")), tag = "complaints", summary = "Saves the care plans; files that are open keep what was planned", extensions(("x-permission" = json!("complaint.settings"))))]
pub async fn save_care_plans(AppState(app): AppState<App>, who: Allowed<ComplaintSettings>, input: Input<CarePlansToSave>) -> Answer<Response> {
    let (ctx, once, body) = (who.ctx(), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| saved(tx, &ctx, &body.items, &body.seen)).await
}
