//! The calendar made ready to compute with.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::blocks::Blocks;
use crate::fault::{Fault, Faults};
use crate::holidays::HolidayYear;
use crate::span::{DAY, DaySpan};
use crate::spec::{CalendarSpec, DayRule, weekday_index};
use crate::{instant, node, parse, zone};

/// A stretch of working time, `[from, to)`, in microseconds UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    pub from: i64,
    pub to: i64,
}

/// A working calendar. Cheap to clone (clones share one cache), safe to share between threads.
///
/// It keeps the working time it has computed so far in blocks of about 13 months, so that planning
/// many clocks on one calendar costs a search each, however long their budgets are.
#[derive(Clone)]
pub struct Calendar {
    inner: Arc<Inner>,
}

struct Inner {
    spec: CalendarSpec,
    zone: TimeZone,
    /// What dates do that do not follow their weekday, holidays and `[days]` put together.
    special: HashMap<Date, Vec<DaySpan>>,
    blocks: Blocks,
}

impl Calendar {
    /// Makes a calendar from its facts.
    ///
    /// # Errors
    /// `bad_timezone`, or `holiday_conflict` when two holiday files disagree about a date.
    pub fn new(spec: CalendarSpec) -> Result<Calendar, Fault> {
        let zone = zone::find(&spec.timezone).map_err(|fault| fault.at("timezone"))?;
        crate::holidays::consistent(&spec.holidays).map_err(|fault| fault.at("holidays"))?;
        let makeup = spec.weekday(spec.makeup_like);
        let mut special = HashMap::new();
        for year in &spec.holidays {
            special.extend(year.off.iter().map(|date| (*date, Vec::new())));
            special.extend(year.work.iter().map(|date| (*date, makeup.to_vec())));
        }
        for (date, rule) in &spec.days {
            let spans = match rule {
                DayRule::Hours(spans) => spans.clone(),
                DayRule::Like(day) => spec.weekday(*day).to_vec(),
            };
            special.insert(*date, spans);
        }
        Ok(Calendar {
            inner: Arc::new(Inner {
                spec,
                zone,
                special,
                blocks: Blocks::new(),
            }),
        })
    }

    /// Reads a calendar file (TOML). `file` is only named in messages; `resolve` finds the holiday files
    /// the calendar names ([`crate::holidays::builtin`] knows the built-in ones; `Ok(None)` means: no such file).
    ///
    /// # Errors
    /// Everything that is wrong with it, by line.
    pub fn from_toml(
        text: &str,
        file: &str,
        resolve: &dyn Fn(&str) -> Result<Option<HolidayYear>, Fault>,
    ) -> Result<Calendar, Faults> {
        let named = |faults: Faults| {
            Faults(
                faults
                    .0
                    .into_iter()
                    .map(|fault| fault.in_file(file))
                    .collect(),
            )
        };
        let root = node::from_toml(text.trim_start_matches('\u{feff}'))
            .map_err(|fault| named(fault.into()))?;
        let spec = parse::calendar(&root, resolve).map_err(named)?;
        Calendar::new(spec).map_err(|fault| named(fault.into()))
    }

    /// Reads the JSON form: the keys of the TOML file, with `holidays` a list of holiday tables
    /// (or names of built-in ones).
    ///
    /// # Errors
    /// Everything that is wrong with it, each with its field, such as `week.mon[1]`.
    pub fn from_json(json: &serde_json::Value) -> Result<Calendar, Faults> {
        let spec = parse::calendar(&node::from_json(json), &crate::holidays::builtin)?;
        Ok(Calendar::new(spec)?)
    }

    /// [`Calendar::from_json`] from text.
    ///
    /// # Errors
    /// Also `bad_json`, with its line.
    pub fn from_json_text(text: &str) -> Result<Calendar, Faults> {
        let json = serde_json::from_str(text).map_err(|error| {
            Fault::new(
                "bad_json",
                format!("this is not JSON: {error}"),
                "give an object with timezone and week",
            )
            .on_line(error.line())
        })?;
        Calendar::from_json(&json)
    }

    /// The facts this calendar was made from.
    pub fn spec(&self) -> &CalendarSpec {
        &self.inner.spec
    }

    /// The name people see; may be empty.
    pub fn name(&self) -> &str {
        &self.inner.spec.name
    }

    /// The calendar's time zone.
    pub fn zone(&self) -> &TimeZone {
        &self.inner.zone
    }

    /// An instant as RFC 3339 with this calendar's offset at that time.
    pub fn show(&self, at: i64) -> String {
        instant::show_in(at, &self.inner.zone)
    }

    /// The local date at an instant.
    ///
    /// # Errors
    /// `bad_instant` outside 1800–2399.
    pub fn date_at(&self, at: i64) -> Result<Date, Fault> {
        let at = instant::check(at)?;
        let stamp = Timestamp::from_microsecond(at).map_err(|error| {
            Fault::new(
                "bad_instant",
                error.to_string(),
                "give an instant of the years 1800 to 2399",
            )
        })?;
        Ok(self.inner.zone.to_datetime(stamp).date())
    }

    /// The intervals that belong to a date as local wall time, before the time zone has its say.
    pub fn day(&self, date: Date) -> &[DaySpan] {
        match self.inner.special.get(&date) {
            Some(spans) => spans,
            None => &self.inner.spec.week[weekday_index(date.weekday())],
        }
    }

    /// The same intervals as instants; those that a change of the clocks has swallowed are left out.
    pub(crate) fn day_intervals(&self, date: Date) -> impl Iterator<Item = Interval> + '_ {
        self.day(date).iter().filter_map(move |span| {
            let from = self.local(date, span.from())?;
            let to = self.local(date, span.to())?;
            (from < to).then_some(Interval { from, to })
        })
    }

    pub(crate) fn blocks(&self) -> &Blocks {
        &self.inner.blocks
    }

    /// Whether any date can have working time at all.
    pub(crate) fn has_any_hours(&self) -> bool {
        self.has_weekly_hours() || self.inner.special.values().any(|spans| !spans.is_empty())
    }

    pub(crate) fn has_weekly_hours(&self) -> bool {
        self.inner.spec.week.iter().any(|spans| !spans.is_empty())
    }

    /// The instant of a local time given in seconds after `date`'s midnight (up to 48 h).
    ///
    /// A time the clocks skip moves forward by what was skipped (02:30 reads 03:30), a time that comes
    /// twice is the first of the two. None only at the end of the representable years.
    fn local(&self, date: Date, seconds: u32) -> Option<i64> {
        let (date, seconds) = if seconds >= DAY {
            (date.tomorrow().ok()?, seconds - DAY)
        } else {
            (date, seconds)
        };
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let time = Time::new(hour as i8, minute as i8, second as i8, 0).ok()?;
        let local = DateTime::from_parts(date, time);
        Some(
            self.inner
                .zone
                .to_ambiguous_timestamp(local)
                .compatible()
                .ok()?
                .as_microsecond(),
        )
    }

    /// Local dates around an instant, `before` days earlier first; for building blocks.
    pub(crate) fn date_near(&self, at: i64, days: i64) -> Option<Date> {
        let stamp = Timestamp::from_microsecond(at).ok()?;
        self.inner
            .zone
            .to_datetime(stamp)
            .date()
            .checked_add(days.days())
            .ok()
    }
}

impl PartialEq for Calendar {
    /// Two calendars are equal when their facts are.
    fn eq(&self, other: &Calendar) -> bool {
        self.inner.spec == other.inner.spec
    }
}

impl std::fmt::Debug for Calendar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Calendar").field(&self.inner.spec).finish()
    }
}
