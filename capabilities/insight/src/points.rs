//! Points and their roll-ups, changed together.

use shouwen_kernel::{CaseId, Problem, Result, Time, WorkspaceId};
use shouwen_metrics::Spread;
use shouwen_store::{Tx, params};
use uuid::Uuid;

/// Where a point counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Dimensions {
    pub team: Uuid,
    pub org_unit: Uuid,
    pub person: Uuid,
    pub channel: String,
}

/// One contribution of one case.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub case: CaseId,
    /// Which points: `first_response`, `csat` …
    pub points: &'static str,
    /// Tells apart several of one case (`in`, `out`); mostly empty.
    pub slot: &'static str,
    /// Local date as yyyymmdd.
    pub day: i64,
    pub at: Time,
    pub numerator: i64,
    pub denominator: i64,
    /// A duration in working seconds, for quantiles.
    pub value: Option<i64>,
    pub dimensions: Dimensions,
}

type Row = (i64, Time, i64, i64, Option<i64>, Uuid, Uuid, Uuid, String);

/// The point as it stands.
pub fn get(tx: &Tx<'_>, case: CaseId, points: &'static str, slot: &'static str) -> Result<Option<Point>> {
    let row: Option<Row> = tx.opt(
        "SELECT day, at, numerator, denominator, value, team_id, org_unit_id, person_id, channel FROM insight_point WHERE case_id = ?1 AND points = ?2 AND slot = ?3",
        params![case, points, slot],
    )?;
    Ok(row.map(|(day, at, numerator, denominator, value, team, org_unit, person, channel)| Point {
        case,
        points,
        slot,
        day,
        at,
        numerator,
        denominator,
        value,
        dimensions: Dimensions { team, org_unit, person, channel },
    }))
}

/// Sets a point; what it added before is taken back.
pub fn put(tx: &Tx<'_>, workspace: WorkspaceId, point: &Point) -> Result<()> {
    if let Some(old) = get(tx, point.case, point.points, point.slot)? {
        if old == *point {
            return Ok(());
        }
        add(tx, workspace, &old, -1)?;
    }
    put_first(tx, workspace, point)
}

/// [`put`] for the first of its name that the case has.
pub fn put_first(tx: &Tx<'_>, workspace: WorkspaceId, point: &Point) -> Result<()> {
    let d = &point.dimensions;
    tx.run(
        "INSERT INTO insight_point (case_id, points, slot, workspace_id, day, at, numerator, denominator, value, team_id, org_unit_id, person_id, channel)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (case_id, points, slot) DO UPDATE SET day = ?5, at = ?6, numerator = ?7, denominator = ?8, value = ?9, team_id = ?10, org_unit_id = ?11, person_id = ?12, channel = ?13",
        params![point.case, point.points, point.slot, workspace, point.day, point.at, point.numerator, point.denominator, point.value, d.team, d.org_unit, d.person, d.channel],
    )?;
    add(tx, workspace, point, 1)
}

/// Takes a point back.
pub fn remove(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, points: &'static str, slot: &'static str) -> Result<()> {
    if let Some(old) = get(tx, case, points, slot)? {
        add(tx, workspace, &old, -1)?;
        tx.run("DELETE FROM insight_point WHERE case_id = ?1 AND points = ?2 AND slot = ?3", params![case, points, slot])?;
    }
    Ok(())
}

/// Adds (or with -1 subtracts) a point in the roll-ups: once in full detail, once in the total of its day.
fn add(tx: &Tx<'_>, workspace: WorkspaceId, point: &Point, sign: i64) -> Result<()> {
    let nobody = Dimensions { team: Uuid::nil(), org_unit: Uuid::nil(), person: Uuid::nil(), channel: String::new() };
    for (total, d) in [(false, &point.dimensions), (true, &nobody)] {
        let spread = match point.value {
            None => {
                // Those of a day add up in memory and are written once.
                let key: DayKey = (workspace, point.points, total, point.day, d.team, d.org_unit, d.person, d.channel.clone());
                let sum = tx.ahead::<DayKey, Sum>(DAYS, &key, |_| Vec::new(), |_| Ok(Vec::new()))?.unwrap_or_default();
                tx.set_ahead(DAYS, key, Some(Sum { numerator: sum.numerator + sign * point.numerator, denominator: sum.denominator + sign * point.denominator, n: sum.n + sign }));
                tx.at_end(write_days);
                continue;
            }
            Some(value) => {
                let stored: Option<(Option<Vec<u8>>,)> = tx.opt(
                    "SELECT spread FROM insight_day WHERE workspace_id = ?1 AND points = ?2 AND total = ?3 AND day = ?4 AND team_id = ?5 AND org_unit_id = ?6 AND person_id = ?7 AND channel = ?8",
                    params![workspace, point.points, total, point.day, d.team, d.org_unit, d.person, d.channel],
                )?;
                let mut spread = read_spread(stored.and_then(|row| row.0).as_deref())?;
                spread.add(value, sign);
                Some(spread.to_bytes())
            }
        };
        tx.run(
            ADD,
            params![workspace, point.points, total, point.day, d.team, d.org_unit, d.person, d.channel, sign * point.numerator, sign * point.denominator, sign, spread],
        )?;
    }
    Ok(())
}

const ADD: &str = "INSERT INTO insight_day (workspace_id, points, total, day, team_id, org_unit_id, person_id, channel, numerator, denominator, n, spread) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (workspace_id, points, total, day, team_id, org_unit_id, person_id, channel)
             DO UPDATE SET numerator = insight_day.numerator + ?9, denominator = insight_day.denominator + ?10, n = insight_day.n + ?11, spread = COALESCE(?12, insight_day.spread)";

/// A row of the roll-ups: workspace, points, total, day, team, unit, person, channel.
type DayKey = (WorkspaceId, &'static str, bool, i64, Uuid, Uuid, Uuid, String);

const DAYS: &str = "insight.days";

/// What a row of the roll-ups gains.
#[derive(Clone, Copy, Default)]
struct Sum {
    numerator: i64,
    denominator: i64,
    n: i64,
}

/// Writes what the events of a step add up to.
fn write_days(tx: &Tx<'_>) -> Result<()> {
    let mut days: Vec<(DayKey, Sum)> = tx.take_ahead(DAYS);
    // Always in one order, so that two nodes do not wait for each other.
    days.sort_by(|a, b| a.0.cmp(&b.0));
    for ((workspace, points, total, day, team, org_unit, person, channel), sum) in days {
        tx.run(ADD, params![workspace, points, total, day, team, org_unit, person, channel, sum.numerator, sum.denominator, sum.n, None::<Vec<u8>>])?;
    }
    Ok(())
}

/// A stored spread; nothing stored is nothing counted.
pub fn read_spread(stored: Option<&[u8]>) -> Result<Spread> {
    match stored {
        None => Ok(Spread::default()),
        Some(bytes) => Spread::from_bytes(bytes).ok_or_else(|| Problem::internal("a stored spread of durations cannot be read; its roll-up has to be rebuilt")),
    }
}
