//! One interval of a day's plan: `"09:00-12:00"`, `"22:00-06:00"`, `"00:00-24:00"`.

use std::fmt;
use std::str::FromStr;

use crate::fault::{Fault, quote};

/// Seconds in a civil day as the wall clock shows it.
pub(crate) const DAY: u32 = 86_400;

/// An interval of local wall time, in seconds after the local midnight its day begins with.
/// `to` is past 86,400 when the interval runs into the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DaySpan {
    from: u32,
    to: u32,
}

impl DaySpan {
    /// An interval from `from` to `to`, seconds after midnight, as a person would write it:
    /// an end at or before the start means the next day. `to` may be 86,400 (24:00).
    /// None when `from` ≥ 24:00 or `to` > 24:00.
    pub fn new(from: u32, to: u32) -> Option<DaySpan> {
        if from >= DAY || to > DAY {
            return None;
        }
        Some(DaySpan {
            from,
            to: if to <= from { to + DAY } else { to },
        })
    }

    /// Seconds after midnight the interval opens; below 86,400.
    pub fn from(&self) -> u32 {
        self.from
    }

    /// Seconds after the same midnight it closes; up to 172,799.
    pub fn to(&self) -> u32 {
        self.to
    }
}

impl fmt::Display for DaySpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        clock_time(f, self.from)?;
        f.write_str("-")?;
        clock_time(
            f,
            if self.to > DAY {
                self.to - DAY
            } else {
                self.to
            },
        )
    }
}

fn clock_time(f: &mut fmt::Formatter<'_>, seconds: u32) -> fmt::Result {
    write!(f, "{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
    if !seconds.is_multiple_of(60) {
        write!(f, ":{:02}", seconds % 60)?;
    }
    Ok(())
}

impl FromStr for DaySpan {
    type Err = Fault;

    fn from_str(text: &str) -> Result<DaySpan, Fault> {
        let bad = |why: &str| {
            Fault::new(
                "bad_interval",
                format!("{} is no interval of a day: {why}", quote(text)),
                "write \"HH:MM-HH:MM\", such as \"09:00-12:00\", \"22:00-06:00\" (into the next day) or \"00:00-24:00\" (the whole day)",
            )
        };
        let (from, to) = text
            .trim()
            .split_once('-')
            .ok_or_else(|| bad("there is no \"-\" between two times"))?;
        let from = read_time(from).map_err(|why| bad(&format!("its start {why}")))?;
        let to = read_time(to).map_err(|why| bad(&format!("its end {why}")))?;
        if from == DAY {
            return Err(bad("24:00 can only be an end; a day starts at 00:00"));
        }
        DaySpan::new(from, to).ok_or_else(|| bad("its times are outside the day"))
    }
}

/// `9:00`, `09:00` or `09:00:30` in seconds; 24:00 is allowed.
fn read_time(text: &str) -> Result<u32, String> {
    let text = text.trim();
    let parts: Vec<&str> = text.split(':').collect();
    let wrong = || format!("{} is not a time", quote(text));
    if !(2..=3).contains(&parts.len())
        || parts[0].len() > 2
        || parts[1..].iter().any(|p| p.len() != 2)
    {
        return Err(wrong());
    }
    let mut numbers = [0u32; 3];
    for (slot, part) in numbers.iter_mut().zip(&parts) {
        if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(wrong());
        }
        *slot = part.parse().map_err(|_| wrong())?;
    }
    let [hours, minutes, seconds] = numbers;
    if minutes > 59 || seconds > 59 {
        return Err(format!("{} has minutes or seconds above 59", quote(text)));
    }
    let total = hours * 3600 + minutes * 60 + seconds;
    if total > DAY {
        return Err(format!("{} is after 24:00", quote(text)));
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (u32, u32) {
        let span: DaySpan = text.parse().unwrap();
        (span.from(), span.to())
    }

    #[test]
    fn reads_days_nights_and_whole_days() {
        assert_eq!(read("09:00-12:00"), (32_400, 43_200));
        assert_eq!(read("22:00-06:00"), (79_200, 108_000));
        assert_eq!(read("00:00-24:00"), (0, 86_400));
        assert_eq!(read("00:00-00:00"), (0, 86_400));
        assert_eq!(read("18:00-00:00"), (64_800, 86_400));
        assert_eq!(read("09:00-09:00"), (32_400, 118_800));
        assert_eq!(read(" 9:00 - 12:00:30 "), (32_400, 43_230));
    }

    #[test]
    fn writes_what_it_read() {
        for text in [
            "09:00-12:00",
            "22:00-06:00",
            "00:00-24:00",
            "09:00-09:00",
            "23:59:30-00:00:30",
        ] {
            assert_eq!(text.parse::<DaySpan>().unwrap().to_string(), text);
        }
        assert_eq!(
            "18:00-00:00".parse::<DaySpan>().unwrap().to_string(),
            "18:00-24:00"
        );
    }

    #[test]
    fn bad_intervals_say_why() {
        for (text, why) in [
            ("9-12", "its start \"9\" is not a time"),
            ("", "no \"-\""),
            ("09:00", "no \"-\""),
            ("25:00-26:00", "after 24:00"),
            ("09:60-12:00", "above 59"),
            ("24:00-06:00", "only be an end"),
            ("09:00-24:01", "after 24:00"),
            ("09:00–12:00", "no \"-\""),
            ("09:00-12:00-13:00", "its end"),
            ("+9:00-12:00", "not a time"),
            ("九点-12:00", "not a time"),
        ] {
            let fault = text.parse::<DaySpan>().unwrap_err();
            assert!(fault.wrong.contains(why), "{text}: {fault}");
        }
    }
}
