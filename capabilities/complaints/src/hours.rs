//! Working time of care plans: by the calendar of the action, of its plan, of the customer's region, or of the workspace.
//! Without such a calendar a span is calendar time.

use jiff::ToSpan;
use jiff::civil::Date;
use shouwen_contracts::service_levels::CalendarEvent;
use shouwen_kernel::{Result, Time, WorkspaceId};
use shouwen_store::{Json, Tx, params};
use shouwen_worktime::{Budget, Calendar, SECOND};

/// Days looked through for one with working time.
const FURTHEST: i64 = 60;

/// How long an action may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Seconds of working time: `90m`, `4h`.
    Time(i64),
    /// Days of the calendar, weeks as seven of them: `7d`, `2w`. One that ends on a day off ends on the next working day.
    Days(i64),
    /// Working days: `3wd`, to the end of the last.
    WorkingDays(u32),
}

/// Reads `90m`, `4h`, `7d`, `2w`, `3wd`; at most a year.
pub fn span(text: &str) -> Option<Span> {
    let text = text.trim();
    let (number, unit) = text.split_at_checked(text.find(|c: char| !c.is_ascii_digit())?)?;
    let number: i64 = number.parse().ok()?;
    let least = |n: i64, most: i64| (1..=most).contains(&n).then_some(n);
    match unit {
        "m" => least(number, 366 * 1440).map(|n| Span::Time(n * 60)),
        "h" => least(number, 366 * 24).map(|n| Span::Time(n * 3600)),
        "d" => least(number, 366).map(Span::Days),
        "w" => least(number, 52).map(|n| Span::Days(n * 7)),
        "wd" => least(number, 260).and_then(|n| u32::try_from(n).ok()).map(Span::WorkingDays),
        _ => None,
    }
}

/// When a span that begins at `at` is over.
pub fn due(calendar: Option<&Calendar>, at: Time, span: Span) -> Time {
    let plain = at.plus_seconds(match span {
        Span::Time(seconds) => seconds,
        Span::Days(days) => days * 86_400,
        Span::WorkingDays(days) => i64::from(days) * 86_400,
    });
    let Some(calendar) = calendar else { return plain };
    let counted = |budget| calendar.due(at.micros(), budget, &[]).ok().flatten().map(Time::from_micros);
    // A calendar without working time ahead must not leave a customer waiting for ever.
    match span {
        Span::Time(seconds) => counted(Budget::Time(seconds * SECOND)),
        Span::WorkingDays(days) => counted(Budget::WorkingDays(days)),
        Span::Days(days) => on_a_working_day(calendar, at, days),
    }
    .unwrap_or(plain)
}

/// The same time of day so many days later, on that day or the next with working time; outside of its hours, the end of them.
fn on_a_working_day(calendar: &Calendar, at: Time, days: i64) -> Option<Time> {
    let begun = at.to_jiff().to_zoned(calendar.zone().clone());
    for more in 0..=FURTHEST {
        let wanted = begun.checked_add((days + more).days()).ok()?;
        let Some(end) = closes(calendar, wanted.date()) else { continue };
        let wanted = Time::from_jiff(wanted.timestamp());
        return Some(if calendar.is_open(wanted.micros()) { wanted } else { end });
    }
    None
}

/// When work of a day ends.
fn closes(calendar: &Calendar, date: Date) -> Option<Time> {
    let begin = date.to_zoned(calendar.zone().clone()).ok()?;
    let end = date.tomorrow().ok()?.to_zoned(calendar.zone().clone()).ok()?;
    let (begin, end) = (Time::from_jiff(begin.timestamp()).micros(), Time::from_jiff(end.timestamp()).micros());
    calendar.intervals(begin, end).ok()?.into_iter().map(|i| i.to.min(end)).max().map(Time::from_micros)
}

/// Takes in what service levels tell of calendars.
pub fn on_calendar(tx: &Tx<'_>, workspace: WorkspaceId, event: CalendarEvent) -> Result<()> {
    match event {
        CalendarEvent::CalendarSaved(c) => tx.run(
            "INSERT INTO complaint_calendar (id, workspace_id, key, name, spec) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET key = ?3, name = ?4, spec = ?5",
            params![c.calendar_id, workspace, c.key, c.name, Json(&c.spec)],
        ),
        CalendarEvent::CalendarRemoved(c) => tx.run("DELETE FROM complaint_calendar WHERE id = ?1", params![c.calendar_id]),
    }
}

/// The first of these calendars there is, by key or name.
pub fn calendar(tx: &Tx<'_>, workspace: WorkspaceId, wanted: &[Option<&str>]) -> Result<Option<Calendar>> {
    for named in wanted.iter().flatten().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        let row: Option<(Json<serde_json::Value>,)> = tx.opt("SELECT spec FROM complaint_calendar WHERE workspace_id = ?1 AND (key = ?2 OR name = ?2) ORDER BY key, id LIMIT 1", params![workspace, named])?;
        if let Some(calendar) = row.and_then(|(Json(spec),)| Calendar::from_json(&spec).ok()) {
            return Ok(Some(calendar));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn office() -> Calendar {
        let day = serde_json::json!(["09:00-12:00", "13:30-18:00"]);
        Calendar::from_json(&serde_json::json!({
            "name": "office", "timezone": "Asia/Shanghai", "week": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day }, "holidays": ["cn-2026.json"], "makeup_like": "mon",
        }))
        .unwrap()
    }

    fn at(text: &str) -> Time {
        Time::from_micros(shouwen_worktime::instant::parse(text).unwrap())
    }

    #[test]
    fn spans_are_whole_and_bounded() {
        assert_eq!((span("4h"), span(" 1d "), span("2w"), span("3wd"), span("90m")), (Some(Span::Time(14_400)), Some(Span::Days(1)), Some(Span::Days(14)), Some(Span::WorkingDays(3)), Some(Span::Time(5400))));
        for wrong in ["", "d", "1.5h", "-1d", "400d", "1y", "99999999999999999999d", "1天", "0d", "0wd", "1h30m"] {
            assert_eq!(span(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn care_is_due_in_working_time_and_never_on_a_day_off() {
        let office = office();
        let due = |from: &str, text: &str| office.show(super::due(Some(&office), at(from), span(text).unwrap()).micros());
        // Wednesday 30 September 2026; the National Day week ends on 7 October.
        assert_eq!(due("2026-09-30T16:00:00+08:00", "4h"), "2026-10-08T11:00:00+08:00");
        assert_eq!(due("2026-09-30T16:00:00+08:00", "1d"), "2026-10-08T16:00:00+08:00", "1 October is a holiday");
        assert_eq!(due("2026-09-30T16:00:00+08:00", "1wd"), "2026-10-08T18:00:00+08:00");
        assert_eq!(due("2026-09-30T22:00:00+08:00", "1d"), "2026-10-08T18:00:00+08:00", "after hours: the end of that day's");
        assert_eq!(due("2026-03-06T17:00:00+08:00", "7d"), "2026-03-13T17:00:00+08:00", "a week later is a Friday again");
        // Without a calendar, as the clock runs.
        assert_eq!(super::due(None, at("2026-09-30T16:00:00+08:00"), Span::Time(14_400)), at("2026-09-30T20:00:00+08:00"));
    }
}
