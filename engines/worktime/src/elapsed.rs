//! How much working time lies between two instants, and which stretches it is made of.

use crate::blocks;
use crate::calendar::{Calendar, Interval};
use crate::fault::Fault;
use crate::pause::{self, Pause};
use crate::{instant, invariants};

impl Calendar {
    /// Working time from `start` to `end` in microseconds, without the pauses. Negative when `end` lies
    /// before `start`. Real elapsed time counts across changes of the clocks.
    ///
    /// # Errors
    /// `bad_instant` outside 1800–2399, `bad_pause` when a pause ends before it begins.
    pub fn elapsed(&self, start: i64, end: i64, pauses: &[Pause]) -> Result<i64, Fault> {
        instant::check(start)?;
        instant::check(end)?;
        let (from, to, sign) = if start <= end {
            (start, end, 1)
        } else {
            (end, start, -1)
        };
        let worked = if pauses.is_empty() {
            self.worked(from, to)
        } else {
            pause::running(from, to, pauses)?
                .into_iter()
                .map(|(a, b)| self.worked(a, b))
                .sum()
        };
        debug_assert!(invariants::fits(worked, from, to));
        Ok(sign * worked)
    }

    /// Working time in `[from, to)`, which must be in order.
    pub(crate) fn worked(&self, from: i64, to: i64) -> i64 {
        if to <= from {
            return 0;
        }
        let (first, last) = (blocks::index(from), blocks::index(to));
        if first == last {
            let block = self.block(first);
            return block.worked_before(to) - block.worked_before(from);
        }
        let head = self.block(first);
        let middle: i64 = (first + 1..last).map(|i| self.block(i).total).sum();
        head.total - head.worked_before(from) + middle + self.block(last).worked_before(to)
    }

    /// Whether `at` is working time: the opening instant is, the closing instant is not.
    pub fn is_open(&self, at: i64) -> bool {
        self.block(blocks::index(at)).is_open(at)
    }

    /// The first working instant at or after `at`.
    ///
    /// # Errors
    /// `no_working_time` when there is none before the horizon (2400).
    pub fn next_open(&self, at: i64) -> Result<i64, Fault> {
        self.first_open(instant::check(at)?, instant::LATEST)
            .ok_or_else(|| self.never_open())
    }

    /// The working stretches of `[from, to)` in order, joined where they touch, cut to the range.
    ///
    /// # Errors
    /// `bad_instant`.
    pub fn intervals(&self, from: i64, to: i64) -> Result<Vec<Interval>, Fault> {
        instant::check(from)?;
        instant::check(to)?;
        let mut out: Vec<Interval> = Vec::new();
        for index in blocks::index(from)..=blocks::index(to) {
            for interval in self.block(index).within(from, to) {
                match out.last_mut() {
                    // Work that goes on across the edge of a block is one stretch.
                    Some(last) if last.to == interval.from => last.to = interval.to,
                    _ => out.push(interval),
                }
            }
        }
        debug_assert!(invariants::apart(&out));
        Ok(out)
    }
}
