//! The tiles.

use axum::extract::State;
use serde::Serialize;
use shouwen_kernel::{Result, WorkspaceId};
use shouwen_metrics::{DEFINITIONS, Definition, Direction, Shape, Spread};
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Params, axum};

use crate::range::{Asked, Range, show_day};
use crate::points::read_spread;
use crate::{InsightRead, project, targets};

/// A figure with what it is made of. Undefined is null, never 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Figure {
    pub numerator: i64,
    pub denominator: i64,
    /// Rates 0–1, durations in working seconds, counts as they are; null without a denominator.
    pub value: Option<f64>,
    /// Cases behind it.
    pub n: i64,
}

/// A tile of the board.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Tile {
    pub indicator: String,
    /// zh and en.
    pub name: Bilingual,
    pub about: Bilingual,
    /// `seconds`, `rate`, `count`.
    pub unit: String,
    #[serde(flatten)]
    pub figure: Figure,
    pub target: Option<f64>,
    /// The same figure for the days before, when asked for.
    pub previous: Option<f64>,
    /// `up_good`, `down_good`, `neutral`.
    pub direction: String,
    /// Version of the definition.
    pub version: u32,
}

/// A text in both languages.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Bilingual {
    pub zh: String,
    pub en: String,
}

/// The board.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Board {
    pub tiles: Vec<Tile>,
    pub from: String,
    pub to: String,
    /// The zone days are cut by.
    pub zone: String,
}

/// The unit of an indicator's value.
pub fn unit(definition: &Definition) -> &'static str {
    match definition.shape {
        Shape::Rate | Shape::Share(_) => "rate",
        Shape::Count | Shape::Stock => "count",
        Shape::Quantile(_) | Shape::Mean => "seconds",
    }
}

/// The direction's word.
pub fn direction(definition: &Definition) -> &'static str {
    match definition.direction {
        Direction::UpGood => "up_good",
        Direction::DownGood => "down_good",
        Direction::Neutral => "neutral",
    }
}

/// One figure from its sums.
pub fn figure(definition: &Definition, numerator: i64, denominator: i64, n: i64, spread: &Spread) -> Figure {
    let value = match definition.shape {
        Shape::Rate | Shape::Share(_) => (denominator > 0).then(|| numerator as f64 / denominator as f64),
        Shape::Mean => (denominator > 0).then(|| (numerator as f64 / denominator as f64).round()),
        Shape::Count | Shape::Stock => Some(numerator as f64),
        Shape::Quantile(q) => spread.percentile(f64::from(q) / 100.0).map(f64::round),
    };
    // What is left of a stock is counted by what came in and did not go out.
    let (n, denominator) = if definition.shape == Shape::Stock { (numerator, numerator) } else { (n, denominator) };
    Figure { numerator, denominator, value, n }
}

/// One indicator over a range.
pub fn measure(tx: &Tx<'_>, workspace: WorkspaceId, definition: &Definition, range: &Range) -> Result<Figure> {
    let (condition, more) = range.sql(5, false);
    let from = if definition.shape == Shape::Stock { 0 } else { range.from };
    let mut values = params![workspace, definition.points, from, range.to].to_vec();
    values.extend(more);
    let sql = format!("SELECT CAST(coalesce(sum(d.numerator), 0) AS {int}), CAST(coalesce(sum(d.denominator), 0) AS {int}), CAST(coalesce(sum(d.n), 0) AS {int}) FROM insight_day d WHERE d.workspace_id = ?1 AND d.points = ?2 AND d.day BETWEEN ?3 AND ?4 AND {condition}", int = int(tx));
    let (numerator, mut denominator, n): (i64, i64, i64) = tx.one(&sql, &values)?;
    if let Shape::Share(whole) = definition.shape {
        values[1] = shouwen_store::ToValue::to_value(whole);
        denominator = tx.one::<(i64, i64, i64)>(&sql, &values)?.0;
    }
    let mut spread = Spread::default();
    if matches!(definition.shape, Shape::Quantile(_)) {
        let sql = format!("SELECT d.spread FROM insight_day d WHERE d.workspace_id = ?1 AND d.points = ?2 AND d.day BETWEEN ?3 AND ?4 AND d.spread IS NOT NULL AND {condition}");
        for (bytes,) in tx.all::<(Option<Vec<u8>>,)>(&sql, &values)? {
            spread.join(&read_spread(bytes.as_deref())?);
        }
    }
    Ok(figure(definition, numerator, denominator, n, &spread))
}

/// The integer type's name in a cast.
pub fn int(tx: &Tx<'_>) -> &'static str {
    tx.dialect("INTEGER", "BIGINT")
}

/// Every tile.
pub fn tiles(tx: &Tx<'_>, workspace: WorkspaceId, range: &Range, compare: bool) -> Result<Vec<Tile>> {
    let goals = targets::of(tx, workspace)?;
    let before = range.previous().filter(|_| compare);
    DEFINITIONS
        .iter()
        .map(|d| {
            Ok(Tile {
                indicator: d.key.to_owned(),
                name: Bilingual { zh: d.zh.into(), en: d.en.into() },
                about: Bilingual { zh: d.about_zh.into(), en: d.about_en.into() },
                unit: unit(d).to_owned(),
                figure: measure(tx, workspace, d, range)?,
                target: goals.get(d.key).copied().flatten(),
                previous: match &before {
                    Some(before) => measure(tx, workspace, d, before)?.value,
                    None => None,
                },
                direction: direction(d).to_owned(),
                version: d.version,
            })
        })
        .collect()
}

#[utoipa::path(get, path = "/insight/board", params(Asked), responses((status = 200, body = Board)), tag = "insight", summary = "The board for a range, with targets", extensions(("x-permission" = json!("insight.read"))))]
pub async fn board(State(app): State<App>, who: Allowed<InsightRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<Board>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let range = Range::read(&asked, &scope, tx.now(), &project::zone_of(tx, workspace)?)?;
        let tiles = tiles(tx, workspace, &range, asked.compare.as_deref() == Some("previous"))?;
        Ok(Board { tiles, from: show_day(range.from), to: show_day(range.to), zone: range.zone })
    })
    .await
}
