//! Deadlines: when a budget of working time is used up, and when work must begin to meet one.

use crate::blocks;
use crate::budget::Budget;
use crate::calendar::Calendar;
use crate::fault::Fault;
use crate::instant::{self, EARLIEST, LATEST};
use crate::invariants;
use crate::pause::{self, Pause};

impl Calendar {
    /// The earliest instant at which `budget`, counted from `start` without the pauses, is used up.
    /// `None` while a pause that still goes on keeps it from being used up.
    ///
    /// A budget used up exactly at closing is due at closing. A budget of nothing is due at `start` when
    /// that is working time, else at the next opening.
    ///
    /// # Errors
    /// `no_working_time` or `beyond_horizon` when it is not used up before 2400; `bad_instant`, `bad_pause`, `bad_budget`.
    pub fn due(&self, start: i64, budget: Budget, pauses: &[Pause]) -> Result<Option<i64>, Fault> {
        self.due_after(start, self.working_time(start, budget)?, pauses)
    }

    /// [`Calendar::due`] for a budget in microseconds of working time.
    ///
    /// # Errors
    /// As [`Calendar::due`].
    pub fn due_after(
        &self,
        start: i64,
        budget: i64,
        pauses: &[Pause],
    ) -> Result<Option<i64>, Fault> {
        instant::check(start)?;
        refuse_negative(budget)?;
        if !self.has_any_hours() {
            return Err(self.never_open());
        }
        let mut left = budget;
        let mut due = None;
        for (from, to) in pause::running(start, LATEST, pauses)? {
            if budget == 0 {
                due = self.first_open(from, to);
            } else {
                match self.advance(from, left, to) {
                    Ok(at) => due = Some(at),
                    Err(rest) => left = rest,
                }
            }
            if due.is_some() {
                break;
            }
        }
        debug_assert!(due.is_none_or(|due| invariants::used_up(self, start, budget, pauses, due)));
        match due {
            Some(at) => Ok(Some(at)),
            None if pauses.iter().any(|p| p.to.is_none()) => Ok(None),
            None if self.has_weekly_hours() => Err(Fault::new(
                "beyond_horizon",
                "the budget is not used up before 2400-01-01, the end of the search",
                "give a smaller budget",
            )),
            None => Err(self.never_open()),
        }
    }

    /// The latest instant from which `amount` (microseconds of working time) is used up by `end`: the
    /// mirror image of [`Calendar::due_after`]. An amount of nothing leads to `end` when work was being
    /// done just before it, else to the last closing.
    ///
    /// # Errors
    /// As [`Calendar::due`]; the search ends at 1800. An open pause that began before `end` covers all
    /// that follows it.
    pub fn subtract(&self, end: i64, amount: i64, pauses: &[Pause]) -> Result<i64, Fault> {
        instant::check(end)?;
        refuse_negative(amount)?;
        if !self.has_any_hours() {
            return Err(self.never_open());
        }
        let mut left = amount;
        for (from, to) in pause::running(EARLIEST, end, pauses)?.into_iter().rev() {
            let found = if amount == 0 {
                self.last_open(from, to)
            } else {
                match self.retreat(to, left, from) {
                    Ok(at) => Some(at),
                    Err(rest) => {
                        left = rest;
                        None
                    }
                }
            };
            if let Some(at) = found {
                return Ok(at);
            }
        }
        Err(Fault::new(
            "beyond_horizon",
            "so much working time does not lie between 1800-01-01, the start of the search, and the end given",
            "give a smaller budget",
        ))
    }

    /// Uses up `budget` (above 0) from `from`, not looking past `limit`: the instant, or what is left.
    fn advance(&self, from: i64, budget: i64, limit: i64) -> Result<i64, i64> {
        let mut left = budget;
        let last = blocks::index(limit);
        for index in blocks::index(from)..=last {
            let block = self.block(index);
            let before = block.worked_before(from);
            let until = if index == last {
                block.worked_before(limit)
            } else {
                block.total
            };
            if left <= until - before
                && let Some(at) = block.used_up(before + left)
            {
                return Ok(at);
            }
            left -= until - before;
        }
        Err(left)
    }

    /// The mirror of [`Calendar::advance`].
    fn retreat(&self, to: i64, amount: i64, limit: i64) -> Result<i64, i64> {
        let mut left = amount;
        let first = blocks::index(limit);
        for index in (first..=blocks::index(to)).rev() {
            let block = self.block(index);
            let until = block.worked_before(to);
            let before = if index == first {
                block.worked_before(limit)
            } else {
                0
            };
            if left <= until - before
                && let Some(at) = block.still_unused(until - left)
            {
                return Ok(at);
            }
            left -= until - before;
        }
        Err(left)
    }

    /// The first working instant in `[from, to)`.
    pub(crate) fn first_open(&self, from: i64, to: i64) -> Option<i64> {
        if !self.has_any_hours() {
            return None;
        }
        (blocks::index(from)..=blocks::index(to))
            .find_map(|index| self.block(index).open_from(from))
            .filter(|at| *at < to)
    }

    /// The last instant in `(from, to]` that ends working time.
    fn last_open(&self, from: i64, to: i64) -> Option<i64> {
        (blocks::index(from)..=blocks::index(to))
            .rev()
            .find_map(|index| self.block(index).open_until(to))
            .filter(|at| *at > from)
    }

    pub(crate) fn never_open(&self) -> Fault {
        if self.has_any_hours() {
            Fault::new(
                "no_working_time",
                "this calendar has no more working time after that instant (searched up to 2400-01-01)",
                "give weekdays hours under [week], or later dates under [days]",
            )
        } else {
            Fault::new(
                "no_working_time",
                "this calendar has no working time at all, so no deadline can be computed",
                "give at least one weekday hours, such as mon = [\"09:00-18:00\"] under [week]",
            )
        }
    }
}

fn refuse_negative(amount: i64) -> Result<(), Fault> {
    if amount >= 0 {
        return Ok(());
    }
    Err(Fault::new(
        "bad_budget",
        "the budget is negative",
        "give a budget of 0 or more; `subtract` counts backwards",
    ))
}
