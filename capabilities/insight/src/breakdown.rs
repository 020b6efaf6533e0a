//! One indicator, grouped: by day for the line, by team, person, org unit or channel for the bars.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use shouwen_kernel::{OrgUnitId, PersonId, Problem, Result, TeamId, WorkspaceId};
use shouwen_metrics::{Definition, Shape, Spread, definition};
use shouwen_store::{Tx, Value, params};
use shouwen_web::{Allowed, Answer, App, Params, axum};
use uuid::Uuid;

use crate::board::{Figure, figure, int};
use crate::points::read_spread;
use crate::range::{Asked, Range, show_day};
use crate::{InsightRead, project};

/// One group.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Group {
    /// The day (`2026-03-02`), the channel, or the id; null: with nobody.
    pub key: Option<String>,
    pub name: String,
    #[serde(flatten)]
    pub figure: Figure,
}

/// One day of a series.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Day {
    /// `2026-03-02`.
    pub day: String,
    #[serde(flatten)]
    pub group: Group,
}

/// The indicator asked for.
pub fn wanted(asked: &Asked) -> Result<&'static Definition> {
    let key = asked.indicator.as_deref().unwrap_or_default();
    definition(key).ok_or_else(|| {
        let known: Vec<&str> = shouwen_metrics::DEFINITIONS.iter().map(|d| d.key).collect();
        Problem::invalid("indicator", format!("there is no indicator `{}`", shouwen_kernel::text::clip(key, 40))).expected(known.join(", "))
    })
}

/// Groups of one indicator, by the column's value.
pub fn groups(tx: &Tx<'_>, workspace: WorkspaceId, definition: &Definition, range: &Range, by: &str) -> Result<Vec<Group>> {
    let column = match by {
        "day" => "day",
        "team" => "team_id",
        "person" => "person_id",
        "org_unit" => "org_unit_id",
        "channel" => "channel",
        other => return Err(Problem::invalid("by", format!("figures cannot be grouped by `{other}`")).expected("day, team, person, org_unit, channel")),
    };
    let (condition, more) = range.sql(5, by != "day");
    let stock = definition.shape == Shape::Stock;
    let from = if stock { 0 } else { range.from };
    let mut values = params![workspace, definition.points, from, range.to].to_vec();
    values.extend(more);
    let sql = format!(
        "SELECT d.{column}, CAST(sum(d.numerator) AS {int}), CAST(sum(d.denominator) AS {int}), CAST(sum(d.n) AS {int}) FROM insight_day d WHERE d.workspace_id = ?1 AND d.points = ?2 AND d.day BETWEEN ?3 AND ?4 AND {condition} GROUP BY d.{column} ORDER BY d.{column}",
        int = int(tx)
    );
    let mut rows: Vec<(Value, i64, i64, i64)> = tx.all(&sql, &values)?;
    if let Shape::Share(whole) = definition.shape {
        values[1] = shouwen_store::ToValue::to_value(whole);
        let parts: BTreeMap<String, (i64, i64)> = rows.iter().map(|(key, numerator, _, n)| (text(key), (*numerator, *n))).collect();
        let whole: Vec<(Value, i64, i64, i64)> = tx.all(&sql, &values)?;
        // Where the whole is nothing there is no share; where the part is nothing, the share is 0.
        rows = whole
            .into_iter()
            .map(|(key, all, _, n)| {
                let part = parts.get(&text(&key)).copied().unwrap_or_default();
                (key, part.0, all, n)
            })
            .collect();
        values[1] = shouwen_store::ToValue::to_value(definition.points);
    }
    let mut spreads: BTreeMap<String, Spread> = BTreeMap::new();
    if matches!(definition.shape, Shape::Quantile(_)) {
        let sql = format!("SELECT d.{column}, d.spread FROM insight_day d WHERE d.workspace_id = ?1 AND d.points = ?2 AND d.day BETWEEN ?3 AND ?4 AND d.spread IS NOT NULL AND {condition}");
        for (key, bytes) in tx.all::<(Value, Option<Vec<u8>>)>(&sql, &values)? {
            spreads.entry(text(&key)).or_default().join(&read_spread(bytes.as_deref())?);
        }
    }
    let none = Spread::default();
    let mut running = 0;
    let mut out = Vec::new();
    for (key, numerator, denominator, n) in rows {
        let plain = text(&key);
        // A stock by day is what has gathered up to that day.
        let numerator = if stock && by == "day" {
            running += numerator;
            running
        } else {
            numerator
        };
        if by == "day" && matches!(&key, Value::Int(day) if *day < range.from) {
            continue;
        }
        let figure = figure(definition, numerator, denominator, n, spreads.get(&plain).unwrap_or(&none));
        if n == 0 && numerator == 0 {
            continue;
        }
        let (key, name) = label(tx, by, &key, plain)?;
        out.push(Group { key, name, figure });
    }
    Ok(out)
}

fn text(value: &Value) -> String {
    match value {
        Value::Int(day) => show_day(*day),
        Value::Text(text) => text.clone(),
        Value::Id(id) => id.to_string(),
        Value::Bytes(bytes) => Uuid::from_slice(bytes).unwrap_or_default().to_string(),
        _ => String::new(),
    }
}

fn label(tx: &Tx<'_>, by: &str, value: &Value, plain: String) -> Result<(Option<String>, String)> {
    let id = match value {
        Value::Id(id) => *id,
        Value::Bytes(bytes) => Uuid::from_slice(bytes).unwrap_or_default(),
        _ => return Ok((Some(plain.clone()), plain)),
    };
    if id.is_nil() {
        return Ok((None, String::new()));
    }
    let name: Option<(String,)> = tx.opt("SELECT name FROM insight_name WHERE id = ?1", params![id])?;
    let key = match by {
        "team" => TeamId(id).to_string(),
        "person" => PersonId(id).to_string(),
        _ => OrgUnitId(id).to_string(),
    };
    Ok((Some(key), name.map_or_else(String::new, |row| row.0)))
}

#[utoipa::path(get, path = "/insight/series", params(Asked), responses((status = 200, body = [Day])), tag = "insight", summary = "One indicator by day", extensions(("x-permission" = json!("insight.read"))))]
pub async fn series(State(app): State<App>, who: Allowed<InsightRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Vec<Day>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    let wanted = wanted(&asked)?;
    app.query(move |tx| {
        let groups = groups(tx, workspace, wanted, &Range::read(&asked, &scope, tx.now(), &project::zone_of(tx, workspace)?)?, "day")?;
        Ok(groups.into_iter().map(|group| Day { day: group.key.clone().unwrap_or_default(), group }).collect())
    })
    .await
}

#[utoipa::path(get, path = "/insight/breakdown", params(Asked), responses((status = 200, body = [Group])), tag = "insight", summary = "One indicator by team, person, org unit, channel or day", extensions(("x-permission" = json!("insight.read"))))]
pub async fn breakdown(State(app): State<App>, who: Allowed<InsightRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Vec<Group>>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    let wanted = wanted(&asked)?;
    let by = asked.by.clone().unwrap_or_else(|| "team".into());
    app.query(move |tx| groups(tx, workspace, wanted, &Range::read(&asked, &scope, tx.now(), &project::zone_of(tx, workspace)?)?, &by)).await
}
