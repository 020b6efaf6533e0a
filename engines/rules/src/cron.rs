//! Times of day by five fields: minute hour day month weekday.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A schedule such as `0 9 * * mon-fri` or `*/15 8-18 1,15 * *`, in local time. As with cron, when both day and weekday
/// are given, either is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    text: String,
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    /// Sunday is 0.
    weekdays: u64,
    any_day: bool,
    any_weekday: bool,
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// A date further away than this does not come (30 February).
const HORIZON_DAYS: i32 = 366 * 9;

impl Cron {
    /// The first time after `after` (microseconds UTC) in a zone; `None` if there is none within nine years or the zone
    /// is unknown. A local time the clocks skip moves on by the gap; one that comes twice counts the first time.
    #[must_use]
    pub fn next(&self, after: i64, zone: &str) -> Option<i64> {
        let zone = TimeZone::get(zone).ok()?;
        let local = zone.to_datetime(Timestamp::from_microsecond(after).ok()?);
        let mut date = local.date();
        for _ in 0..HORIZON_DAYS {
            if self.on(date) {
                // The earliest of the day, not the first by the wall clock: a skipped time moves behind later ones.
                let mut best: Option<i64> = None;
                for hour in (0..24).filter(|h| self.hours >> h & 1 == 1) {
                    for minute in (0..60).filter(|m| self.minutes >> m & 1 == 1) {
                        let at = zone.to_ambiguous_zoned(date.at(hour, minute, 0, 0)).compatible().ok()?.timestamp().as_microsecond();
                        if at > after && best.is_none_or(|known| at < known) {
                            best = Some(at);
                        }
                    }
                }
                if best.is_some() {
                    return best;
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    fn on(&self, date: Date) -> bool {
        let day = self.days >> date.day() & 1 == 1;
        let weekday = self.weekdays >> date.weekday().to_sunday_zero_offset() & 1 == 1;
        let fits = match (self.any_day, self.any_weekday) {
            (true, true) => true,
            (true, false) => weekday,
            (false, true) => day,
            (false, false) => day || weekday,
        };
        fits && self.months >> date.month() & 1 == 1
    }
}

impl FromStr for Cron {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields.as_slice() else {
            return Err(format!("{} fields; five are wanted: minute hour day month weekday, such as `0 9 * * mon-fri`", fields.len()));
        };
        let (any_day, any_weekday) = (day.starts_with('*'), weekday.starts_with('*'));
        let mut weekdays = bits("weekday", weekday, 0, 7, &WEEKDAYS, 0)?;
        weekdays |= weekdays >> 7 & 1; // 7 is Sunday too
        Ok(Self {
            text: fields.join(" "),
            minutes: bits("minute", minute, 0, 59, &[], 0)?,
            hours: bits("hour", hour, 0, 23, &[], 0)?,
            days: bits("day", day, 1, 31, &[], 0)?,
            months: bits("month", month, 1, 12, &MONTHS, 1)?,
            weekdays,
            any_day,
            any_weekday,
        })
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// One field: lists of `*`, numbers, names, `a-b`, each with `/step`.
fn bits(what: &str, field: &str, least: u64, most: u64, names: &[&str], first: u64) -> Result<u64, String> {
    let one = |word: &str| {
        let named = names.iter().position(|name| name.eq_ignore_ascii_case(word)).map(|at| at as u64 + first);
        named.or_else(|| word.parse().ok()).filter(|n| (least..=most).contains(n)).ok_or_else(|| {
            let names = if names.is_empty() { String::new() } else { format!(" or {}–{}", names[0], names[names.len() - 1]) };
            format!("the {what} `{word}` is none; {least}–{most}{names}, `*`, ranges `a-b`, lists `a,b`, steps `*/5`")
        })
    };
    let mut out = 0u64;
    for part in field.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().ok().filter(|s| (1..=60).contains(s)).ok_or_else(|| format!("the step `{step}` of the {what} is none; 1–60"))?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (least, most),
            (_, Some((from, to))) => (one(from)?, one(to)?),
            (single, None) => {
                let from = one(single)?;
                (from, if part.contains('/') { most } else { from })
            }
        };
        if from > to {
            return Err(format!("the {what} `{range}` runs backwards; write `{to}-{from}` or a list"));
        }
        for n in (from..=to).step_by(step) {
            out |= 1 << n;
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(cron: &str, after: &str, zone: &str) -> String {
        let after: Timestamp = after.parse().unwrap();
        let at = cron.parse::<Cron>().unwrap().next(after.as_microsecond(), zone).unwrap();
        Timestamp::from_microsecond(at).unwrap().to_string()
    }

    #[test]
    fn schedules_are_local_and_never_repeat_an_instant() {
        // A Friday evening: the next weekday morning is Monday's.
        assert_eq!(next("0 9 * * mon-fri", "2026-03-06T12:00:00Z", "Asia/Shanghai"), "2026-03-09T01:00:00Z");
        assert_eq!(next("*/15 * * * *", "2026-03-06T12:00:00Z", "UTC"), "2026-03-06T12:15:00Z");
        assert_eq!(next("0 0 29 2 *", "2026-03-06T12:00:00Z", "UTC"), "2028-02-29T00:00:00Z");
        // 02:30 is skipped on the night of summer time and moves on by the gap.
        assert_eq!(next("30 2 * * *", "2026-03-28T12:00:00Z", "Europe/Berlin"), "2026-03-29T01:30:00Z");
        assert_eq!(next("0 8 1 * 7", "2026-03-02T12:00:00Z", "UTC"), "2026-03-08T08:00:00Z");
        assert_eq!("0 0 30 2 *".parse::<Cron>().unwrap().next(0, "UTC"), None);
    }

    #[test]
    fn bad_fields_say_what_would_be_right() {
        for (text, why) in [("0 9 * *", "4 fields"), ("60 9 * * *", "minute `60`"), ("0 9 * * mo", "weekday `mo`"), ("0 18-9 * * *", "backwards"), ("*/0 * * * *", "step `0`"), ("", "0 fields")] {
            assert!(text.parse::<Cron>().unwrap_err().contains(why), "{text}");
        }
    }
}
