//! What a figure is asked for: days, dimensions, and the viewer's reach.

use serde::Deserialize;
use shouwen_kernel::{OrgUnitId, PersonId, Problem, Result, Scope, TeamId, Time};
use shouwen_store::{ScopeColumns, ToValue, Value, scope_sql};

/// The local date of an instant as yyyymmdd.
pub fn day_of(at: Time, zone: &str) -> i64 {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let date = at.to_jiff().to_zoned(zone).date();
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

fn civil(day: i64) -> Option<jiff::civil::Date> {
    jiff::civil::Date::new((day / 10_000).try_into().ok()?, (day / 100 % 100).try_into().ok()?, (day % 100).try_into().ok()?).ok()
}

fn number(date: jiff::civil::Date) -> i64 {
    i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day())
}

/// `2026-03-02` of 20260302.
pub fn show_day(day: i64) -> String {
    format!("{:04}-{:02}-{:02}", day / 10_000, day / 100 % 100, day % 100)
}

/// The query of every insight route.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct Asked {
    /// First local day, `2026-03-01`; default: 30 days ago.
    pub from: Option<String>,
    /// Last local day; default: today.
    pub to: Option<String>,
    pub team_id: Option<TeamId>,
    pub org_unit_id: Option<OrgUnitId>,
    pub person_id: Option<PersonId>,
    pub channel: Option<String>,
    /// `previous`: also the same number of days before.
    pub compare: Option<String>,
    pub indicator: Option<String>,
    /// `team`, `person`, `org_unit`, `channel`, `day`.
    pub by: Option<String>,
    /// `numerator` or `denominator` (default): which of the cases behind a figure.
    pub part: Option<String>,
    /// `csv` or `xlsx`.
    pub format: Option<String>,
    /// `board`, `breakdown` or `cases`.
    pub table: Option<String>,
    pub limit: Option<usize>,
    pub after: Option<String>,
}

/// A checked range with dimensions.
#[derive(Clone, Debug)]
pub struct Range {
    pub from: i64,
    pub to: i64,
    pub zone: String,
    team: Option<TeamId>,
    org_unit: Option<OrgUnitId>,
    person: Option<PersonId>,
    channel: Option<String>,
    scope: Scope,
}

impl Range {
    /// Reads the query against today in the workspace's zone.
    pub fn read(asked: &Asked, scope: &Scope, now: Time, zone: &str) -> Result<Self> {
        let today = day_of(now, zone);
        let read = |field: &str, text: &Option<String>, default: i64| match text.as_deref().filter(|t| !t.is_empty()) {
            None => Ok(default),
            Some(text) => text
                .parse::<jiff::civil::Date>()
                .map(number)
                .map_err(|_| Problem::invalid(field, format!("`{}` is not a day", shouwen_kernel::text::clip(text, 40))).expected("like 2026-03-01")),
        };
        let month_ago = civil(today).and_then(|d| d.checked_sub(jiff::Span::new().days(29)).ok()).map_or(today, number);
        let (from, to) = (read("from", &asked.from, month_ago)?, read("to", &asked.to, today)?);
        if from > to {
            return Err(Problem::invalid("from", format!("{} comes after {}", show_day(from), show_day(to))).expected("`from` not later than `to`"));
        }
        Ok(Self { from, to, zone: zone.to_owned(), team: asked.team_id, org_unit: asked.org_unit_id, person: asked.person_id, channel: asked.channel.clone().filter(|c| !c.is_empty()), scope: scope.clone() })
    }

    /// The same number of days just before.
    pub fn previous(&self) -> Option<Self> {
        let (from, to) = (civil(self.from)?, civil(self.to)?);
        let days = from.until(to).ok()?.get_days() + 1;
        let back = jiff::Span::new().days(days);
        Some(Self { from: number(from.checked_sub(back).ok()?), to: number(to.checked_sub(back).ok()?), ..self.clone() })
    }

    /// Whether the totals serve: no dimension asked, no narrow reach.
    fn is_total(&self) -> bool {
        self.scope.all && self.team.is_none() && self.org_unit.is_none() && self.person.is_none() && self.channel.is_none()
    }

    /// Condition over the roll-up `d` with parameters from `?first`. `detail`: even where totals would serve (to group).
    pub fn sql(&self, first: usize, detail: bool) -> (String, Vec<Value>) {
        if self.is_total() && !detail {
            return (format!("d.total = ?{first}"), vec![Value::Bool(true)]);
        }
        let (dimensions, mut values) = self.dimensions(first + 1);
        values.insert(0, Value::Bool(false));
        (format!("d.total = ?{first} AND {dimensions}"), values)
    }

    /// The dimensions and the reach alone, for points.
    pub fn dimensions(&self, first: usize) -> (String, Vec<Value>) {
        let mut values = Vec::new();
        let mut parts = Vec::new();
        let mut add = |column: &str, value: Option<Value>| {
            if let Some(value) = value {
                values.push(value);
                parts.push(format!("d.{column} = ?{}", first + values.len() - 1));
            }
        };
        add("team_id", self.team.map(|v| v.to_value()));
        add("org_unit_id", self.org_unit.map(|v| v.to_value()));
        add("person_id", self.person.map(|v| v.to_value()));
        add("channel", self.channel.as_ref().map(ToValue::to_value));
        let columns = ScopeColumns { org_unit: Some("d.org_unit_id"), team: Some("d.team_id"), people: &["d.person_id"], watchers: None };
        let (reach, more) = scope_sql(&self.scope, &columns, first + values.len());
        values.extend(more);
        parts.push(reach);
        (parts.join(" AND "), values)
    }
}
