//! Times, dates and spans as the tree writes them. Small on purpose: calendars live in `worktime`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECOND: i64 = 1_000_000;

/// A length of time as rules write it: `45s`, `30m`, `2h`, `1h30m`, `3d`, `2w`, or working days `2wd`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// Natural time in seconds.
    Seconds(i64),
    /// Days of the calendar in force.
    WorkingDays(u32),
}

impl Span {
    /// Natural seconds; `None` for working days, which need a calendar.
    #[must_use]
    pub fn seconds(self) -> Option<i64> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::WorkingDays(_) => None,
        }
    }
}

impl FromStr for Span {
    type Err = String;

    /// Reads a span; the error says what would be right.
    fn from_str(text: &str) -> Result<Self, String> {
        let right = || "a span such as 30m, 2h, 1h30m, 3d, 2w, or working days such as 2wd".to_owned();
        if let Some(days) = text.strip_suffix("wd") {
            return days.parse().ok().filter(|n| (1..=10_000).contains(n) && days.bytes().all(|b| b.is_ascii_digit())).map(Self::WorkingDays).ok_or_else(right);
        }
        let mut rest = text;
        let (mut total, mut smallest) = (0i64, i64::MAX);
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let unit = match rest[digits..].chars().next() {
                Some('w') => 7 * 86_400,
                Some('d') => 86_400,
                Some('h') => 3600,
                Some('m') => 60,
                Some('s') => 1,
                _ => return Err(right()),
            };
            let number: i64 = rest[..digits].parse().ok().filter(|n| (0..=10_000_000).contains(n)).ok_or_else(right)?;
            if unit >= smallest {
                return Err(right());
            }
            smallest = unit;
            total += number * unit;
            rest = &rest[digits + 1..];
        }
        if smallest == i64::MAX { Err(right()) } else { Ok(Self::Seconds(total)) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = match self {
            Self::WorkingDays(days) => return write!(f, "{days}wd"),
            Self::Seconds(0) => return f.write_str("0s"),
            Self::Seconds(seconds) => *seconds,
        };
        // Whole weeks stay days: people say 14 days as readily as two weeks, and one form must be canonical.
        for (unit, letter) in [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')] {
            if left / unit > 0 {
                write!(f, "{}{letter}", left / unit)?;
                left %= unit;
            }
        }
        Ok(())
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Microseconds of a natural span; `None` for working days and anything else.
pub(crate) fn span_micros(text: &str) -> Option<i64> {
    text.parse::<Span>().ok()?.seconds()?.checked_mul(SECOND)
}

/// Whether a text is a calendar date `2026-10-01` that exists.
pub(crate) fn is_date(text: &str) -> bool {
    let b = text.as_bytes();
    let digits = |from: usize, to: usize| b[from..to].iter().all(u8::is_ascii_digit);
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' || !digits(0, 4) || !digits(5, 7) || !digits(8, 10) {
        return false;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<u32>().unwrap_or(0);
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    (1..=longest).contains(&day)
}

/// Microseconds of an RFC 3339 text in UTC or with an offset.
pub(crate) fn time_micros(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if !text.is_ascii() || bytes.len() < 20 || bytes[13] != b':' || bytes[16] != b':' || !is_date(&text[..10]) {
        return None;
    }
    let number = |from: usize, to: usize| text.get(from..to).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if hour > 24 || minute > 59 || second > 60 {
        return None;
    }
    let rest = &text[19..];
    let (fraction, zone) = match rest.strip_prefix('.') {
        Some(tail) => {
            let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
            let micros: String = tail[..digits].chars().chain("000000".chars()).take(6).collect();
            (micros.parse::<i64>().ok()?, &tail[digits..])
        }
        None => (0, rest),
    };
    let offset = match zone {
        "Z" | "z" => 0,
        _ if zone.len() == 6 => {
            let sign = if zone.starts_with('-') { -1 } else if zone.starts_with('+') { 1 } else { return None };
            sign * (zone.get(1..3)?.parse::<i64>().ok()? * 3600 + zone.get(4..6)?.parse::<i64>().ok()? * 60)
        }
        _ => return None,
    };
    // Days since 1970-01-01 of a civil date (era arithmetic on 400-year cycles that begin in March).
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(((days * 86_400 + hour * 3600 + minute * 60 + second - offset) * SECOND) + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, shown) in [("30m", "30m"), ("2h", "2h"), ("90m", "1h30m"), ("1h30m", "1h30m"), ("2w", "14d"), ("2wd", "2wd"), ("0s", "0s")] {
            assert_eq!(text.parse::<Span>().map(|s| s.to_string()).as_deref(), Ok(shown), "{text}");
        }
        for text in ["", "h", "2", "2x", "-2h", "1m1h", "0wd", "wd", "2 h", "99999999999h", "二天"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn times_with_offsets_are_read() {
        assert_eq!(time_micros("1970-01-01T08:00:00+08:00"), Some(0));
        assert_eq!(time_micros("2026-03-02T01:00:00.5Z"), Some(1_772_413_200_500_000));
        assert_eq!(time_micros("2026-03-02"), None);
        assert_eq!(time_micros("2026-02-30T01:00:00Z"), None);
        assert_eq!(time_micros("不是时间不是时间不是时间"), None);
        assert!(is_date("2024-02-29") && !is_date("2026-02-29") && !is_date("2026-13-01"));
    }
}
