//! When something comes again.

use jiff::civil::{Time as Clock, Weekday};
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use shouwen_kernel::{Problem, Result};
use utoipa::ToSchema;

/// When: exactly one of `days`, `weekdays`, `month_day`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// Every so many days, 1–366.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    days: Option<i64>,
    /// `mon` … `sun`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    weekdays: Option<Vec<String>>,
    /// 1–31; a month that is shorter takes its last day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    month_day: Option<i8>,
    /// Local time of the workspace, `09:00`.
    at: String,
}

const DAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday), ("tue", Weekday::Tuesday), ("wed", Weekday::Wednesday), ("thu", Weekday::Thursday), ("fri", Weekday::Friday), ("sat", Weekday::Saturday), ("sun", Weekday::Sunday),
];

impl Every {
    fn clock(&self) -> Result<Clock> {
        let wrong = || Problem::invalid("every.at", format!("`{}` is no time of day", shouwen_kernel::text::clip(&self.at, 20))).expected("HH:MM, like 09:00");
        let (hour, minute) = self.at.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2).ok_or_else(wrong)?;
        Clock::new(hour.parse().map_err(|_| wrong())?, minute.parse().map_err(|_| wrong())?, 0, 0).map_err(|_| wrong())
    }

    /// Whether it ever comes.
    pub fn check(&self) -> Result<()> {
        self.clock()?;
        let given = usize::from(self.days.is_some()) + usize::from(self.weekdays.is_some()) + usize::from(self.month_day.is_some());
        if given != 1 {
            return Err(Problem::invalid("every", "it is not said when, or in more than one way").expected("one of `days`, `weekdays`, `month_day`"));
        }
        if self.days.is_some_and(|n| !(1..=366).contains(&n)) {
            return Err(Problem::invalid("every.days", "out of range").expected("1 to 366"));
        }
        if self.month_day.is_some_and(|n| !(1..=31).contains(&n)) {
            return Err(Problem::invalid("every.month_day", "out of range").expected("1 to 31"));
        }
        if let Some(days) = &self.weekdays
            && (days.is_empty() || !days.iter().all(|d| DAYS.iter().any(|(word, _)| word == d)))
        {
            return Err(Problem::invalid("every.weekdays", "these are no days of the week").expected("some of mon, tue, wed, thu, fri, sat, sun"));
        }
        Ok(())
    }

    /// The first time after `now`; `last`: when it was last due.
    pub fn next(&self, now: &Zoned, last: Option<&Zoned>) -> Result<Zoned> {
        let clock = self.clock()?;
        let first = match (self.days, last) {
            (Some(n), Some(last)) => last.date().saturating_add(n.days()),
            _ => now.date(),
        };
        // At most a leap year of days to look at, and one more.
        for ahead in 0..=367i64 {
            let day = first.saturating_add(ahead.days());
            let fits = match (&self.weekdays, self.month_day) {
                (Some(days), _) => DAYS.iter().any(|(word, weekday)| *weekday == day.weekday() && days.iter().any(|d| d == word)),
                (_, Some(wanted)) => day.day() == wanted.min(day.days_in_month()),
                _ => true,
            };
            if !fits {
                continue;
            }
            // A local time that does not exist goes on to the next one that does.
            let at = day.to_datetime(clock).to_zoned(now.time_zone().clone()).map_err(Problem::internal)?;
            if at > *now {
                return Ok(at);
            }
        }
        Err(Problem::invalid("every", "it never comes").expected("a day that exists"))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;

    fn next(every: Json, now: &str) -> String {
        let every: Every = serde_json::from_value(every).unwrap();
        every.check().unwrap();
        every.next(&now.parse().unwrap(), None).unwrap().strftime("%F %H:%M").to_string()
    }

    #[test]
    fn the_next_time_lies_ahead_and_on_the_right_day() {
        let monday = "2026-03-02T09:00:00+08:00[Asia/Shanghai]";
        assert_eq!(next(json!({ "days": 1, "at": "09:00" }), monday), "2026-03-03 09:00");
        assert_eq!(next(json!({ "days": 3, "at": "10:00" }), monday), "2026-03-02 10:00");
        assert_eq!(next(json!({ "weekdays": ["mon"], "at": "08:30" }), monday), "2026-03-09 08:30");
        assert_eq!(next(json!({ "month_day": 31, "at": "00:00" }), "2026-02-10T00:00:00+08:00[Asia/Shanghai]"), "2026-02-28 00:00");
        assert_eq!(next(json!({ "weekdays": ["sun"], "at": "02:30" }), "2026-03-28T12:00:00+01:00[Europe/Berlin]"), "2026-03-29 03:30", "the hour that does not exist");
    }
}
