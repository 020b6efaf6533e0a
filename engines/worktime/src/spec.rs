//! A calendar as data: what an administrator edits, what a file or the database keeps.

use std::collections::BTreeMap;

use jiff::civil::{Date, Weekday};

use crate::holidays::HolidayYear;
use crate::span::DaySpan;

/// The facts a [`crate::Calendar`] is made from. Plain data; nothing is computed yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarSpec {
    /// The name people see; may be empty.
    pub name: String,
    /// IANA time zone name, such as `Asia/Shanghai`.
    pub timezone: String,
    /// The intervals of each weekday, Monday first; an empty list is a closed day.
    pub week: [Vec<DaySpan>; 7],
    /// What single dates do instead of their weekday; overrules `holidays`.
    pub days: BTreeMap<Date, DayRule>,
    /// Official holidays and make-up working days.
    pub holidays: Vec<HolidayYear>,
    /// The weekday whose hours a make-up working day has.
    pub makeup_like: Weekday,
}

/// What one date does instead of its weekday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayRule {
    /// These intervals; an empty list is a closed day.
    Hours(Vec<DaySpan>),
    /// The intervals of that weekday.
    Like(Weekday),
}

impl CalendarSpec {
    /// A calendar with no working time yet in `timezone`; make-up days work like a Monday.
    pub fn empty(name: &str, timezone: &str) -> CalendarSpec {
        CalendarSpec {
            name: name.to_owned(),
            timezone: timezone.to_owned(),
            week: Default::default(),
            days: BTreeMap::new(),
            holidays: Vec::new(),
            makeup_like: Weekday::Monday,
        }
    }

    /// Open at every hour of every day in `timezone`.
    pub fn always_open(name: &str, timezone: &str) -> CalendarSpec {
        let mut spec = CalendarSpec::empty(name, timezone);
        spec.week =
            std::array::from_fn(|_| DaySpan::new(0, crate::span::DAY).into_iter().collect());
        spec
    }

    /// The intervals of a weekday.
    pub fn weekday(&self, day: Weekday) -> &[DaySpan] {
        &self.week[weekday_index(day)]
    }
}

/// Monday 0 … Sunday 6.
pub(crate) fn weekday_index(day: Weekday) -> usize {
    match day {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

/// The weekdays with the names files use, Monday first.
pub(crate) const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// `mon` … `sun`, as calendar files write it.
pub fn weekday_name(day: Weekday) -> &'static str {
    WEEKDAYS[weekday_index(day)].0
}

/// The weekday a calendar file means by `mon` … `sun`; None for anything else.
pub fn weekday_from_name(name: &str) -> Option<Weekday> {
    WEEKDAYS
        .iter()
        .find(|(n, _)| *n == name)
        .map(|(_, day)| *day)
}
