//! Budgets: how much working time may be used, as hours or as working days.

use std::fmt;
use std::str::FromStr;

use crate::calendar::Calendar;
use crate::fault::{Fault, quote};
use crate::{HOUR, MINUTE, SECOND};

/// How much working time a clock may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Budget {
    /// Working time in microseconds.
    Time(i64),
    /// Up to the end of the n-th working day after the start day; at least 1.
    WorkingDays(u32),
}

impl Budget {
    /// A budget of whole hours.
    pub fn hours(hours: i32) -> Budget {
        Budget::Time(i64::from(hours) * HOUR)
    }

    /// A budget of whole minutes.
    pub fn minutes(minutes: i32) -> Budget {
        Budget::Time(i64::from(minutes) * MINUTE)
    }

    /// A budget of whole seconds.
    pub fn seconds(seconds: i32) -> Budget {
        Budget::Time(i64::from(seconds) * SECOND)
    }
}

impl Calendar {
    /// What a budget amounts to in microseconds of working time when it is counted from `start`.
    /// A day is a working day when it has working time; it ends when its last interval closes, which for
    /// an overnight shift is the next morning.
    ///
    /// # Errors
    /// `bad_budget` for 0 working days, `no_working_time` when there are not that many before 2400.
    pub fn working_time(&self, start: i64, budget: Budget) -> Result<i64, Fault> {
        let days = match budget {
            Budget::Time(micros) => return Ok(micros),
            Budget::WorkingDays(0) => return Err(zero_days()),
            Budget::WorkingDays(days) => days,
        };
        if !self.has_any_hours() {
            return Err(self.never_open());
        }
        let mut day = self.date_at(start)?;
        let mut left = days;
        let end = loop {
            day = day.tomorrow().ok().filter(|d| d.year() < 2400).ok_or_else(|| {
                Fault::new(
                    "beyond_horizon",
                    format!("there are no {days} working days between the start and 2400-01-01, the end of the search"),
                    "give fewer working days, or give weekdays hours under [week]",
                )
            })?;
            if let Some(end) = self.day_end(day) {
                left -= 1;
                if left == 0 {
                    // Should the shift of the day before last longer, it ends with that: more days, or a later
                    // start, never mean an earlier deadline.
                    break day
                        .yesterday()
                        .ok()
                        .and_then(|before| self.day_end(before))
                        .map_or(end, |b| b.max(end));
                }
            }
        };
        Ok(self.worked(start, end))
    }

    /// When the last interval of a date closes; None for a day without working time.
    fn day_end(&self, date: jiff::civil::Date) -> Option<i64> {
        self.day_intervals(date).map(|interval| interval.to).max()
    }
}

fn zero_days() -> Fault {
    Fault::new(
        "bad_budget",
        "a budget of 0 working days means nothing",
        "write 1wd or more, or hours such as 8h",
    )
}

impl FromStr for Budget {
    type Err = Fault;

    /// Reads `120s`, `90m`, `72h`, `1h30m`, `3wd`.
    fn from_str(text: &str) -> Result<Budget, Fault> {
        let bad = |why: String| {
            let right = "write seconds, minutes and hours such as 120s, 90m, 72h or 1h30m, or working days such as 3wd";
            Fault::new(
                "bad_budget",
                format!("{} is no budget: {why}", quote(text)),
                right,
            )
        };
        if text.starts_with('-') {
            return Err(bad(
                "it is negative (to count backwards use `subtract`)".to_owned()
            ));
        }
        if let Some(days) = text.strip_suffix("wd") {
            if days.is_empty() || !days.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad(
                    "working days are a whole number and stand alone".to_owned()
                ));
            }
            return match days.parse::<u32>() {
                Ok(0) => Err(zero_days()),
                Ok(days) => Ok(Budget::WorkingDays(days)),
                Err(_) => Err(bad("that is too many days".to_owned())),
            };
        }
        let mut rest = text;
        let mut total: i64 = 0;
        let mut smallest = i64::MAX;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let unit = match tail.chars().next() {
                Some('h') => HOUR,
                Some('m') => MINUTE,
                Some('s') => SECOND,
                Some('d') => {
                    return Err(bad(
                        "\"d\" is no unit; a day is 24h, or 1wd for a working day".to_owned(),
                    ));
                }
                None => return Err(bad(format!("\"{number}\" has no unit"))),
                Some(other) => {
                    return Err(bad(format!("{} is no unit", quote(&other.to_string()))));
                }
            };
            if number.is_empty() {
                return Err(bad("a number is missing before its unit".to_owned()));
            }
            if unit >= smallest {
                return Err(bad(
                    "each unit comes once, hours before minutes before seconds".to_owned(),
                ));
            }
            smallest = unit;
            total = number
                .parse::<i64>()
                .ok()
                .and_then(|n| n.checked_mul(unit))
                .and_then(|part| total.checked_add(part))
                .ok_or_else(|| bad("it is too large".to_owned()))?;
            rest = &tail[1..];
        }
        if smallest == i64::MAX {
            return Err(bad("it is empty".to_owned()));
        }
        Ok(Budget::Time(total))
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Budget::WorkingDays(days) => write!(f, "{days}wd"),
            Budget::Time(micros) => f.write_str(&show_amount(*micros)),
        }
    }
}

/// An amount of working time as a budget is written: `1h30m`, `-90s`, `0s`; a fraction of a second as `0.25s`.
pub(crate) fn show_amount(micros: i64) -> String {
    let sign = if micros < 0 { "-" } else { "" };
    let all = micros.unsigned_abs();
    let (hours, minutes) = (all / HOUR.unsigned_abs(), all / MINUTE.unsigned_abs() % 60);
    let (seconds, fraction) = (
        all / SECOND.unsigned_abs() % 60,
        all % SECOND.unsigned_abs(),
    );
    let mut out = String::from(sign);
    if hours > 0 {
        out += &format!("{hours}h");
    }
    if minutes > 0 {
        out += &format!("{minutes}m");
    }
    if fraction > 0 {
        out += format!("{seconds}.{fraction:06}").trim_end_matches('0');
        out.push('s');
    } else if seconds > 0 || all < SECOND.unsigned_abs() {
        out += &format!("{seconds}s");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_budgets() {
        for (text, budget, shown) in [
            ("120s", Budget::seconds(120), "2m"),
            ("90m", Budget::minutes(90), "1h30m"),
            ("72h", Budget::hours(72), "72h"),
            ("1h30m", Budget::minutes(90), "1h30m"),
            ("1h0m5s", Budget::seconds(3605), "1h5s"),
            ("0s", Budget::Time(0), "0s"),
            ("3wd", Budget::WorkingDays(3), "3wd"),
        ] {
            assert_eq!(text.parse(), Ok(budget), "{text}");
            assert_eq!(budget.to_string(), shown);
        }
        assert_eq!(show_amount(-90_250_000), "-1m30.25s");
    }

    #[test]
    fn bad_budgets_say_why() {
        for (text, why) in [
            ("", "empty"),
            ("72", "\"72\" has no unit"),
            ("-5h", "negative"),
            ("1.5h", "\".\" is no unit"),
            ("h", "number is missing"),
            ("30m1h", "hours before minutes"),
            ("1h1h", "each unit comes once"),
            ("2d", "\"d\" is no unit"),
            ("3 h", "\" \" is no unit"),
            ("0wd", "0 working days"),
            ("wd", "whole number"),
            ("1h2wd", "stand alone"),
            ("99999999999wd", "too many"),
            ("9999999999999999999h", "too large"),
            ("9999999999999h", "too large"),
            ("3小时", "is no unit"),
        ] {
            let fault = text.parse::<Budget>().unwrap_err();
            assert!(fault.wrong.contains(why), "{text}: {fault}");
        }
    }
}
