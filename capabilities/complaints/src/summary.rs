//! Complaints by category, region, grade … over a period, from roll-ups.

use axum::extract::State as AppState;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result, Scope, Time, WorkspaceId, text::clip};
use shouwen_store::{ScopeColumns, Tx, Value, params, scope_sql};
use shouwen_web::{Allowed, Answer, App, Params, axum};

use crate::cases::Title;
use crate::region::Region;
use crate::{ComplaintRead, category, items, store};

/// Dimensions a summary can be told by.
const DIMENSIONS: [&str; 6] = ["category", "region", "grade", "product", "cause", "responsibility"];
/// Days of one period.
const LONGEST: i32 = 1100;

/// What is asked for.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct Asked {
    /// First local day, `2026-03-01`; default: 30 days ago.
    pub from: Option<String>,
    /// Last local day; default: today.
    pub to: Option<String>,
    /// `category` (default), `region`, `grade`, `product`, `cause`, `responsibility`.
    pub by: Option<String>,
}

/// A period of local days.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    from: jiff::civil::Date,
    to: jiff::civil::Date,
    pub begins: Time,
    /// The first instant after it.
    pub ends: Time,
}

fn number(date: jiff::civil::Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

impl Range {
    /// Reads two days in the workspace's zone.
    pub fn read(tx: &Tx<'_>, workspace: WorkspaceId, from: Option<&str>, to: Option<&str>) -> Result<Self> {
        let zone = store::zone(tx, workspace)?;
        let today = tx.now().to_jiff().to_zoned(zone.clone()).date();
        let read = |field: &str, text: Option<&str>| match text.filter(|t| !t.is_empty()) {
            None => Ok(None),
            Some(text) => text.parse::<jiff::civil::Date>().map(Some).map_err(|_| Problem::invalid(field, format!("`{}` is not a day", clip(text, 40))).expected("like 2026-03-01")),
        };
        let to = read("to", to)?.unwrap_or(today);
        let from = read("from", from)?.unwrap_or_else(|| to.checked_sub(jiff::Span::new().days(29)).unwrap_or(to));
        if from > to {
            return Err(Problem::invalid("from", format!("{from} comes after {to}")).expected("`from` not later than `to`"));
        }
        if from.until(to).map_or(i32::MAX, |span| span.get_days()) > LONGEST {
            return Err(Problem::invalid("from", format!("from {from} to {to} is too long")).expected(format!("at most {LONGEST} days")));
        }
        let begin = |date: jiff::civil::Date| date.to_zoned(zone.clone()).map(|z| Time::from_jiff(z.timestamp())).map_err(|_| Problem::invalid("from", "a day outside of time").expected("like 2026-03-01"));
        let after = to.tomorrow().unwrap_or(to);
        Ok(Self { from, to, begins: begin(from)?, ends: begin(after)? })
    }

    /// The same number of days just before, as numbers of days.
    fn previous(&self) -> Option<(i64, i64)> {
        let days = self.from.until(self.to).ok()?.get_days() + 1;
        let back = jiff::Span::new().days(days);
        Some((number(self.from.checked_sub(back).ok()?), number(self.to.checked_sub(back).ok()?)))
    }
}

/// One line.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SummaryRow {
    /// Empty: not said.
    pub key: String,
    pub title: Option<Title>,
    /// Of a category: the one above.
    pub parent: Option<String>,
    pub opened: i64,
    /// Of those opened in the period.
    pub closed: i64,
    pub repeated: i64,
    pub critical: i64,
    /// Opened in as many days just before.
    pub before: i64,
}

/// A summary.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ComplaintSummary {
    pub from: String,
    pub to: String,
    pub by: String,
    pub total: SummaryRow,
    pub rows: Vec<SummaryRow>,
    /// The viewer's reach is a team or unit, so that figures are of these only; single cases of others they take part in are not in them.
    pub partial: bool,
}

type Figures = (String, i64, i64, i64, i64);

fn figures(tx: &Tx<'_>, workspace: WorkspaceId, scope: &Scope, dimension: &str, days: (i64, i64)) -> Result<Vec<Figures>> {
    let columns = ScopeColumns { org_unit: Some("d.org_unit_id"), team: Some("d.team_id"), people: &[], watchers: None };
    let (condition, more) = scope_sql(scope, &columns, 5);
    let mut values: Vec<Value> = params![workspace, dimension, days.0, days.1].to_vec();
    values.extend(more);
    let int = tx.dialect("INTEGER", "bigint");
    let sum = |column: &str| format!("CAST(coalesce(sum(d.{column}), 0) AS {int})");
    tx.all(
        &format!(
            "SELECT d.key, {}, {}, {}, {} FROM complaint_day AS d WHERE d.workspace_id = ?1 AND d.dimension = ?2 AND d.day BETWEEN ?3 AND ?4 AND {condition} GROUP BY d.key ORDER BY d.key",
            sum("opened"),
            sum("closed"),
            sum("repeated"),
            sum("critical")
        ),
        &values,
    )
}

#[utoipa::path(get, path = "/complaints/summary", params(Asked), responses((status = 200, body = ComplaintSummary)), tag = "complaints", summary = "Complaints by category, region, grade … over a period", extensions(("x-permission" = json!("complaint.read"))))]
pub async fn show(AppState(app): AppState<App>, who: Allowed<ComplaintRead>, Params(asked): Params<Asked>) -> Answer<axum::Json<ComplaintSummary>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let by = asked.by.as_deref().filter(|b| !b.is_empty()).unwrap_or("category");
        if !DIMENSIONS.contains(&by) {
            return Err(Problem::invalid("by", format!("complaints are not counted by `{}`", clip(by, 40))).expected(DIMENSIONS.join(", ")));
        }
        let range = Range::read(tx, workspace, asked.from.as_deref(), asked.to.as_deref())?;
        let days = (number(range.from), number(range.to));
        let tree = category::tree(tx, workspace)?;
        let regions = items::list::<Region>(tx, workspace)?;
        let row = |(key, opened, closed, repeated, critical): Figures, before: i64| {
            let node = tree.get(&key).filter(|_| by == "category");
            let region = regions.iter().find(|r| by == "region" && r.key == key);
            let title = node.map(|c| &c.title).or(region.map(|r| &r.title)).map(|t| Title { zh: t.zh.clone(), en: t.en.clone() });
            SummaryRow { title, parent: node.and_then(|c| c.parent.clone()), key, opened, closed, repeated, critical, before }
        };
        let before = match range.previous() {
            Some(days) => figures(tx, workspace, &scope, by, days)?,
            None => Vec::new(),
        };
        let total_before = match range.previous() {
            Some(days) => figures(tx, workspace, &scope, "all", days)?.first().map_or(0, |f| f.1),
            None => 0,
        };
        let total = figures(tx, workspace, &scope, "all", days)?.into_iter().next().unwrap_or_default();
        let mut rows: Vec<SummaryRow> = figures(tx, workspace, &scope, by, days)?
            .into_iter()
            .map(|f| {
                let past = before.iter().find(|b| b.0 == f.0).map_or(0, |b| b.1);
                row(f, past)
            })
            .collect();
        let past: Vec<SummaryRow> = before.iter().filter(|b| !rows.iter().any(|r| r.key == b.0)).map(|b| row((b.0.clone(), 0, 0, 0, 0), b.1)).collect();
        rows.extend(past);
        rows.sort_by(|a, b| b.opened.cmp(&a.opened).then(b.before.cmp(&a.before)).then(a.key.cmp(&b.key)));
        Ok(ComplaintSummary { from: range.from.to_string(), to: range.to.to_string(), by: by.to_owned(), total: row(total, total_before), rows, partial: !scope.all })
    })
    .await
}
