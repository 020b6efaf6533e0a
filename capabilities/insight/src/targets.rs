//! Targets, and the list of definitions.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_metrics::{DEFINITIONS, definition};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Input, axum};

use crate::board::{Bilingual, direction, unit};
use crate::{InsightRead, TargetManage};

/// The targets in force by indicator.
pub fn of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<BTreeMap<String, Option<f64>>> {
    let mut targets: BTreeMap<String, Option<f64>> = DEFINITIONS.iter().map(|d| (d.key.to_owned(), d.target)).collect();
    targets.extend(tx.setting::<BTreeMap<String, Option<f64>>>(workspace, "insight.targets")?.unwrap_or_default());
    Ok(targets)
}

/// An indicator with its definition.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Indicator {
    pub key: String,
    pub name: Bilingual,
    /// How it is counted.
    pub about: Bilingual,
    pub unit: String,
    pub direction: String,
    pub version: u32,
    pub target: Option<f64>,
}

#[utoipa::path(get, path = "/insight/indicators", responses((status = 200, body = [Indicator])), tag = "insight", summary = "Indicators, how each is counted, and its target", extensions(("x-permission" = json!("insight.read"))))]
pub async fn indicators(State(app): State<App>, who: Allowed<InsightRead>) -> Answer<axum::Json<Vec<Indicator>>> {
    let workspace = who.viewer.workspace;
    app.query(move |tx| list(tx, workspace)).await
}

fn list(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Indicator>> {
    let targets = of(tx, workspace)?;
    Ok(DEFINITIONS
        .iter()
        .map(|d| Indicator {
            key: d.key.into(),
            name: Bilingual { zh: d.zh.into(), en: d.en.into() },
            about: Bilingual { zh: d.about_zh.into(), en: d.about_en.into() },
            unit: unit(d).into(),
            direction: direction(d).into(),
            version: d.version,
            target: targets.get(d.key).copied().flatten(),
        })
        .collect())
}

/// New targets; null removes one. Rates 0–1, durations in working seconds.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    pub targets: BTreeMap<String, Option<f64>>,
}

#[utoipa::path(put, path = "/insight/targets", request_body = Targets, responses((status = 200, body = [Indicator])), tag = "insight", summary = "Set targets", extensions(("x-permission" = json!("target.manage"))))]
pub async fn edit(State(app): State<App>, who: Allowed<TargetManage>, input: Input<Targets>) -> Answer<Response> {
    let ctx = who.ctx();
    for (key, value) in &input.value.targets {
        let Some(definition) = definition(key) else {
            return Err(Problem::invalid(format!("targets.{key}"), format!("there is no indicator `{key}`")).expected("a key of GET /api/v1/insight/indicators").into());
        };
        let rate = unit(definition) == "rate";
        if value.is_some_and(|v| !v.is_finite() || v < 0.0 || (rate && v > 1.0)) {
            let right = if rate { "a share from 0 to 1, e.g. 0.9" } else { "0 or more; durations in seconds" };
            return Err(Problem::invalid(format!("targets.{key}"), "this cannot be a target").expected(right).into());
        }
    }
    app.command(who.once(&input.hash), StatusCode::OK, move |tx| {
        let mut targets = tx.setting::<BTreeMap<String, Option<f64>>>(ctx.workspace, "insight.targets")?.unwrap_or_default();
        targets.extend(input.value.targets.clone());
        tx.set_setting(ctx.workspace, "insight.targets", &targets)?;
        tx.audit(&ctx, "insight.targets", "workspace", Some(ctx.workspace.0), Some(serde_json::to_value(&input.value.targets)?))?;
        list(tx, ctx.workspace)
    })
    .await
}
