//! Calendars ready to compute with, and the pure steps between a stored clock and its plan.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use serde::{Deserialize, Serialize};
use shouwen_kernel::{CalendarId, Kind, Problem, Result, Time};
use shouwen_store::{Tx, params};
use shouwen_worktime::{Budget, Calendar, Clock, Pause};

/// A fault of the engine as a problem; the message is for the person who edits calendars or targets.
pub fn problem(fault: &shouwen_worktime::Fault) -> Problem {
    let mut problem = Problem::new(Kind::Invalid, fault.code, fault.wrong.clone()).expected(fault.right.clone());
    problem.field = fault.place.field.clone();
    problem
}

/// Reads a calendar's JSON; every fault in the message, the first one's field named.
pub fn calendar_from(spec: &serde_json::Value) -> Result<Calendar> {
    Calendar::from_json(spec).map_err(|faults| {
        let mut first = faults.0.first().map_or_else(|| Problem::invalid("calendar", "the calendar cannot be read"), problem);
        if faults.0.len() > 1 {
            first.detail = Some(serde_json::json!({ "all": faults.0.iter().map(ToString::to_string).collect::<Vec<_>>() }));
        }
        first
    })
}

/// Compiled calendars by id, with the version they were compiled from: compiling costs some 20 µs and memory.
fn cache() -> &'static Mutex<HashMap<CalendarId, (i64, Calendar)>> {
    static CACHE: OnceLock<Mutex<HashMap<CalendarId, (i64, Calendar)>>> = OnceLock::new();
    CACHE.get_or_init(Mutex::default)
}

/// The calendar `id`, compiled; looked up once a transaction.
pub fn calendar(tx: &Tx<'_>, id: CalendarId) -> Result<Calendar> {
    tx.known(&format!("clock.calendar/{id}"), || load_calendar(tx, id))
}

fn load_calendar(tx: &Tx<'_>, id: CalendarId) -> Result<Calendar> {
    let (version,): (i64,) = tx.opt("SELECT version FROM clock_calendar WHERE id = ?1", params![id])?.ok_or_else(|| Problem::not_found("calendar"))?;
    if let Some((known, calendar)) = cache().lock().unwrap_or_else(|p| p.into_inner()).get(&id)
        && *known == version
    {
        return Ok(calendar.clone());
    }
    let (spec,): (serde_json::Value,) = tx.one("SELECT spec FROM clock_calendar WHERE id = ?1", params![id])?;
    let calendar = calendar_from(&spec)?;
    cache().lock().unwrap_or_else(|p| p.into_inner()).insert(id, (version, calendar.clone()));
    Ok(calendar)
}

/// A pause as stored; `to` null while it lasts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub from: i64,
    pub to: Option<i64>,
}

/// Working seconds used by `now`.
pub fn elapsed_s(calendar: &Calendar, started_at: Time, pauses: &[Span], now: Time) -> Result<i64> {
    if now <= started_at {
        return Ok(0);
    }
    let pauses: Vec<Pause> = pauses.iter().map(|p| Pause { from: p.from, to: p.to }).collect();
    calendar.elapsed(started_at.micros(), now.micros(), &pauses).map(|micros| micros / 1_000_000).map_err(|f| problem(&f))
}

/// The engine's clock of a stored one.
pub fn clock<'a>(calendar: &'a Calendar, started_at: Time, target: &str, pauses: &[Span]) -> Result<Clock<'a>> {
    let budget: Budget = target.parse().map_err(|f: shouwen_worktime::Fault| problem(&f))?;
    let pauses = pauses.iter().map(|p| Pause { from: p.from, to: p.to }).collect();
    Clock::new(calendar, started_at.micros(), budget, pauses).map_err(|f| problem(&f))
}

/// The instant a form's date (`2026-10-01`: its midnight by the calendar's zone) or time means.
pub fn instant_of(calendar: &Calendar, text: &str) -> Option<Time> {
    match text.parse::<jiff::civil::Date>() {
        Ok(date) if text.len() == 10 => date.to_zoned(calendar.zone().clone()).ok().map(|at| Time::from_micros(at.timestamp().as_microsecond())),
        _ => text.parse::<jiff::Timestamp>().ok().map(|at| Time::from_micros(at.as_microsecond())),
    }
}
