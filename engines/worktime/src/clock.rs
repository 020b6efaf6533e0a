//! One running service-level clock: a start, a target, its pauses; and what follows at any moment.

use crate::budget::Budget;
use crate::calendar::Calendar;
use crate::fault::Fault;
use crate::instant;
use crate::pause::Pause;

/// A service-level clock. Made anew whenever its calendar, target or pauses change: that is re-planning.
///
/// ```
/// use shouwen_worktime::{Budget, Calendar, CalendarSpec, Clock, HOUR};
/// let always = Calendar::new(CalendarSpec::always_open("7×24", "Asia/Shanghai"))?;
/// let clock = Clock::new(&always, 0, Budget::hours(8), Vec::new())?;
/// let plan = clock.plan(2 * HOUR)?;
/// assert_eq!((plan.due, plan.remaining, plan.fraction), (Some(8 * HOUR), 6 * HOUR, 0.25));
/// assert_eq!(clock.warn_at(0.8)?, Some(8 * HOUR * 4 / 5));
/// # Ok::<(), shouwen_worktime::Fault>(())
/// ```
#[derive(Debug, Clone)]
pub struct Clock<'a> {
    calendar: &'a Calendar,
    start: i64,
    budget: i64,
    pauses: Vec<Pause>,
}

/// What a clock says at one moment. Amounts are microseconds of working time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// When the target is due; None while a pause that still goes on keeps it open.
    pub due: Option<i64>,
    /// The whole target.
    pub budget: i64,
    /// Working time used so far; 0 before the start.
    pub elapsed: i64,
    /// What is left; negative once more than the target has been worked.
    pub remaining: i64,
    /// `elapsed / budget`; a target of nothing is 1 from its start on and 0 before.
    pub fraction: f64,
    /// The clock stands still because of a pause.
    pub paused: bool,
    /// The due instant has passed. At the due instant itself the clock is still in time.
    pub overdue: bool,
}

impl<'a> Clock<'a> {
    /// A clock that started at `start` with `budget` to use. Working days are turned into the working
    /// time they hold from `start` on, so a pause moves their end as it moves any other.
    ///
    /// # Errors
    /// `bad_instant`, `bad_budget`, `bad_pause`, `no_working_time`, `beyond_horizon`.
    pub fn new(
        calendar: &'a Calendar,
        start: i64,
        budget: Budget,
        pauses: Vec<Pause>,
    ) -> Result<Clock<'a>, Fault> {
        instant::check(start)?;
        for pause in &pauses {
            pause.check()?;
        }
        let budget = calendar.working_time(start, budget)?;
        if budget < 0 {
            return Err(Fault::new(
                "bad_budget",
                "the target is negative",
                "give a target of 0 or more",
            ));
        }
        Ok(Clock {
            calendar,
            start,
            budget,
            pauses,
        })
    }

    /// The target in microseconds of working time.
    pub fn budget(&self) -> i64 {
        self.budget
    }

    /// When the target is due; None while an open pause keeps it from being used up.
    ///
    /// # Errors
    /// `no_working_time`, `beyond_horizon`.
    pub fn due(&self) -> Result<Option<i64>, Fault> {
        self.calendar
            .due_after(self.start, self.budget, &self.pauses)
    }

    /// Working time used by `now`; 0 before the start.
    ///
    /// # Errors
    /// `bad_instant`.
    pub fn elapsed(&self, now: i64) -> Result<i64, Fault> {
        if now <= self.start {
            return instant::check(now).map(|_| 0);
        }
        self.calendar.elapsed(self.start, now, &self.pauses)
    }

    /// Working time left at `now`; negative once more than the target has been worked.
    ///
    /// # Errors
    /// `bad_instant`.
    pub fn remaining(&self, now: i64) -> Result<i64, Fault> {
        Ok(self.budget - self.elapsed(now)?)
    }

    /// Everything at once, for showing and for deciding.
    ///
    /// # Errors
    /// As [`Clock::due`] and [`Clock::elapsed`].
    pub fn plan(&self, now: i64) -> Result<Plan, Fault> {
        let due = self.due()?;
        let elapsed = self.elapsed(now)?;
        let fraction = match self.budget {
            0 if now >= self.start => 1.0,
            0 => 0.0,
            budget => elapsed as f64 / budget as f64,
        };
        Ok(Plan {
            due,
            budget: self.budget,
            elapsed,
            remaining: self.budget - elapsed,
            fraction,
            paused: self
                .pauses
                .iter()
                .any(|p| p.from <= now && p.to.is_none_or(|to| now < to)),
            overdue: due.is_some_and(|due| now > due),
        })
    }

    /// When `fraction` of the target is used up: 0.5, 0.8 and 1.0 for an escalation ladder; above 1 works too.
    ///
    /// # Errors
    /// `bad_fraction` unless it is a number from 0 to 1000; else as [`Clock::due`].
    pub fn warn_at(&self, fraction: f64) -> Result<Option<i64>, Fault> {
        if !(0.0..=1000.0).contains(&fraction) {
            let wrong = format!("{fraction} is no share of a target");
            return Err(Fault::new(
                "bad_fraction",
                wrong,
                "give a number from 0 to 1000, such as 0.8 for 80 %",
            ));
        }
        // Rounded up, so that a warning is never early; 1.0 is exactly the target.
        let used = if fraction == 1.0 {
            self.budget
        } else {
            (self.budget as f64 * fraction).ceil() as i64
        };
        self.calendar.due_after(self.start, used, &self.pauses)
    }

    /// When `extra` microseconds of working time beyond the target are used up (the "+X" of a ladder).
    ///
    /// # Errors
    /// As [`Clock::due`].
    pub fn after_due(&self, extra: i64) -> Result<Option<i64>, Fault> {
        self.calendar
            .due_after(self.start, self.budget.saturating_add(extra), &self.pauses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CalendarSpec, DaySpan, HOUR};

    fn desk() -> Calendar {
        let mut spec = CalendarSpec::empty("desk", "UTC");
        for day in 0..5 {
            spec.week[day] = DaySpan::new(9 * 3600, 17 * 3600).into_iter().collect();
        }
        Calendar::new(spec).unwrap()
    }

    fn at(text: &str) -> i64 {
        instant::parse(text).unwrap()
    }

    #[test]
    fn a_clock_warns_is_due_and_is_overdue() {
        let desk = desk();
        let clock =
            Clock::new(&desk, at("2026-11-20T16:00:00Z"), Budget::hours(2), vec![]).unwrap();
        assert_eq!(clock.due().unwrap(), Some(at("2026-11-23T10:00:00Z")));
        assert_eq!(
            clock.warn_at(0.5).unwrap(),
            Some(at("2026-11-20T17:00:00Z"))
        );
        assert_eq!(
            clock.warn_at(0.8).unwrap(),
            Some(at("2026-11-23T09:36:00Z"))
        );
        assert_eq!(clock.warn_at(1.0).unwrap(), clock.due().unwrap());
        assert_eq!(
            clock.after_due(HOUR).unwrap(),
            Some(at("2026-11-23T11:00:00Z"))
        );
        let weekend = clock.plan(at("2026-11-21T12:00:00Z")).unwrap();
        assert_eq!(
            (
                weekend.elapsed,
                weekend.remaining,
                weekend.fraction,
                weekend.overdue
            ),
            (HOUR, HOUR, 0.5, false)
        );
        assert!(!clock.plan(at("2026-11-23T10:00:00Z")).unwrap().overdue);
        let late = clock.plan(at("2026-11-23T12:00:00Z")).unwrap();
        assert_eq!(
            (late.remaining, late.fraction, late.overdue),
            (-2 * HOUR, 2.0, true)
        );
        assert_eq!(clock.plan(at("2026-11-19T12:00:00Z")).unwrap().elapsed, 0);
    }

    #[test]
    fn a_clock_used_up_at_closing_is_overdue_over_night() {
        let desk = desk();
        let clock =
            Clock::new(&desk, at("2026-11-19T09:00:00Z"), Budget::hours(8), vec![]).unwrap();
        let night = clock.plan(at("2026-11-19T17:00:01Z")).unwrap();
        assert!(night.overdue && night.remaining == 0 && night.fraction == 1.0);
    }

    #[test]
    fn a_pause_that_still_goes_on_leaves_no_deadline() {
        let desk = desk();
        let start = at("2026-11-19T09:00:00Z");
        let clock = Clock::new(
            &desk,
            start,
            Budget::hours(2),
            vec![Pause::open(start + HOUR)],
        )
        .unwrap();
        let plan = clock.plan(at("2026-11-25T09:00:00Z")).unwrap();
        assert_eq!(
            (plan.due, plan.elapsed, plan.paused, plan.overdue),
            (None, HOUR, true, false)
        );
        assert_eq!(clock.warn_at(0.5).unwrap(), Some(start + HOUR));
        // Ended over the weekend, the hour that was left is Monday's first.
        let pauses = vec![Pause::new(start + HOUR, at("2026-11-21T12:00:00Z"))];
        let ended = Clock::new(&desk, start, Budget::hours(2), pauses).unwrap();
        assert_eq!(ended.due().unwrap(), Some(at("2026-11-23T10:00:00Z")));
    }

    #[test]
    fn working_days_end_with_the_day_and_move_with_a_pause() {
        let desk = desk();
        let start = at("2026-11-20T16:00:00Z");
        let clock = Clock::new(&desk, start, Budget::WorkingDays(3), vec![]).unwrap();
        assert_eq!(clock.due().unwrap(), Some(at("2026-11-25T17:00:00Z")));
        let paused = vec![Pause::new(
            at("2026-11-24T09:00:00Z"),
            at("2026-11-24T17:00:00Z"),
        )];
        let clock = Clock::new(&desk, start, Budget::WorkingDays(3), paused).unwrap();
        assert_eq!(clock.due().unwrap(), Some(at("2026-11-26T17:00:00Z")));
    }

    #[test]
    fn bad_fractions_and_targets_are_refused() {
        let desk = desk();
        let clock = Clock::new(&desk, 0, Budget::hours(1), vec![]).unwrap();
        for fraction in [-0.1, f64::NAN, f64::INFINITY, 1001.0] {
            assert_eq!(clock.warn_at(fraction).unwrap_err().code, "bad_fraction");
        }
        assert!(clock.after_due(-2 * HOUR).is_err());
        assert!(Clock::new(&desk, 0, Budget::Time(-1), vec![]).is_err());
        assert!(Clock::new(&desk, 0, Budget::hours(1), vec![Pause::new(5, 1)]).is_err());
        assert!(Clock::new(&desk, i64::MAX, Budget::hours(1), vec![]).is_err());
    }
}
