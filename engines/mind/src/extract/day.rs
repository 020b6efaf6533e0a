//! A day of the calendar: no clock is read, the day of the message is given.

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Days since 1970-01-01.
    number: i64,
}

impl Day {
    /// A day; `None` when there is no such day, or outside the years 1 to 9999.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let most = *lengths.get(month.checked_sub(1)? as usize)?;
        if !(1..=9999).contains(&year) || day == 0 || day > most {
            return None;
        }
        // Days from civil (Howard Hinnant's method).
        let y = i64::from(year) - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let yoe = y - era * 400;
        let m = i64::from(month);
        let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        Some(Day { number: era * 146_097 + doe - 719_468 })
    }

    /// Reads `2026-11-21`.
    pub fn parse(text: &str) -> Option<Day> {
        let mut parts = text.split('-');
        let day = Day::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        day.filter(|_| parts.next().is_none())
    }

    /// Year, month, day.
    pub fn civil(self) -> (i32, u32, u32) {
        let z = self.number + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z - era * 146_097;
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        ((yoe + era * 400 + i64::from(month <= 2)) as i32, month as u32, (doy - (153 * mp + 2) / 5 + 1) as u32)
    }

    /// Days later (earlier when negative).
    pub fn plus(self, days: i64) -> Day {
        Day { number: self.number.saturating_add(days).clamp(-719_162, 2_932_896) }
    }

    /// Monday = 0 … Sunday = 6.
    pub fn weekday(self) -> i64 {
        (self.number + 3).rem_euclid(7)
    }

    /// ISO text.
    pub fn iso(self) -> String {
        let (y, m, d) = self.civil();
        format!("{y:04}-{m:02}-{d:02}")
    }

    /// The same day of the month `months` later, or the last one of that month.
    pub(super) fn plus_months(self, months: i64) -> Option<Day> {
        let (y, m, d) = self.civil();
        let count = i64::from(y) * 12 + i64::from(m) - 1 + months;
        let (y, m) = (count.div_euclid(12) as i32, count.rem_euclid(12) as u32 + 1);
        (d.min(28)..=d).rev().find_map(|d| Day::new(y, m, d))
    }

    /// Day `day` of the month `months` later.
    pub(super) fn of_month(self, months: i64, day: u32) -> Option<Day> {
        let (y, m, _) = self.civil();
        let count = i64::from(y) * 12 + i64::from(m) - 1 + months;
        Day::new(i32::try_from(count.div_euclid(12)).ok()?, count.rem_euclid(12) as u32 + 1, day)
    }

    /// Last day of the month `months` later.
    pub(super) fn month_end(self, months: i64) -> Option<Day> {
        (28..=31).rev().find_map(|day| self.of_month(months, day))
    }

    /// Days from `other` to this one.
    pub(super) fn since(self, other: Day) -> i64 {
        self.number - other.number
    }
}
