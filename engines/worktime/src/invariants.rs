//! What must always hold, as pure functions shared by the tests and the engine's own debug assertions.

use crate::calendar::{Calendar, Interval};
use crate::pause::Pause;

/// Working time is never negative and never more than the time there is.
pub fn fits(worked: i64, from: i64, to: i64) -> bool {
    (0..=to - from).contains(&worked)
}

/// Intervals are not empty, in order, and do not touch.
pub fn apart(intervals: &[Interval]) -> bool {
    intervals.iter().all(|i| i.from < i.to)
        && intervals.windows(2).all(|pair| pair[0].to < pair[1].from)
}

/// `due` is the earliest instant at which `budget` is used up: by then exactly the budget has been worked,
/// a microsecond earlier less. For a budget of nothing: `due` is the first working instant no pause covers.
pub fn used_up(calendar: &Calendar, start: i64, budget: i64, pauses: &[Pause], due: i64) -> bool {
    let worked = |to: i64| calendar.elapsed(start, to, pauses);
    if budget == 0 {
        let paused = pauses
            .iter()
            .any(|p| p.from <= due && p.to.is_none_or(|to| due < to));
        return due >= start && !paused && calendar.is_open(due) && worked(due) == Ok(0);
    }
    due > start && worked(due) == Ok(budget) && worked(due - 1) == Ok(budget - 1)
}

/// A pause never shortens a clock: with it, the deadline is the same or later (or not known yet).
pub fn not_shortened(without: Option<i64>, with: Option<i64>) -> bool {
    match (without, with) {
        (Some(a), Some(b)) => a <= b,
        (_, None) => true,
        (None, Some(_)) => false,
    }
}
