//! Working time computed once and kept: the time line cut into blocks of about 13 months.

use std::sync::OnceLock;

use crate::calendar::{Calendar, Interval};
use crate::instant::{EARLIEST, LATEST};

/// A block is 2^45 µs, about 407 days: finding an instant's block is a shift.
const BITS: u32 = 45;
const FIRST: i64 = EARLIEST >> BITS;
const LAST: i64 = LATEST >> BITS;

/// The blocks of one calendar, each built when it is first asked for.
pub(crate) struct Blocks {
    slots: Vec<OnceLock<Block>>,
}

/// The working time of one block.
pub(crate) struct Block {
    /// Sorted, apart from each other, inside the block.
    open: Vec<Open>,
    /// Working time in the whole block.
    pub total: i64,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    from: i64,
    to: i64,
    /// Working time in the block before `from`.
    before: i64,
}

/// The index of the block that holds an instant; an instant outside the horizon gets the nearest block.
pub(crate) fn index(at: i64) -> i64 {
    (at >> BITS).clamp(FIRST, LAST)
}

impl Blocks {
    pub fn new() -> Blocks {
        Blocks {
            slots: std::iter::repeat_with(OnceLock::new)
                .take((LAST - FIRST + 1) as usize)
                .collect(),
        }
    }
}

impl Calendar {
    /// The block of that index, built if need be; `index` must exist.
    pub(crate) fn block(&self, index: i64) -> &Block {
        let index = index.clamp(FIRST, LAST);
        self.blocks().slots[(index - FIRST) as usize].get_or_init(|| Block::build(self, index))
    }
}

impl Block {
    fn build(calendar: &Calendar, index: i64) -> Block {
        let (start, end) = (index << BITS, (index + 1) << BITS);
        // A day's intervals reach up to 48 h past its midnight and a zone may skip a whole day,
        // so days are taken generously on both sides and cut to the block afterwards.
        let mut found: Vec<Interval> = Vec::new();
        if let (Some(mut day), Some(last)) =
            (calendar.date_near(start, -4), calendar.date_near(end, 2))
        {
            while day <= last {
                found.extend(calendar.day_intervals(day));
                let Ok(next) = day.tomorrow() else { break };
                day = next;
            }
        }
        found.sort_unstable_by_key(|interval| (interval.from, interval.to));
        let mut open: Vec<Open> = Vec::with_capacity(found.len());
        for interval in found {
            let (from, to) = (interval.from.max(start), interval.to.min(end));
            if from >= to {
                continue;
            }
            match open.last_mut() {
                Some(last) if from <= last.to => last.to = last.to.max(to),
                _ => open.push(Open {
                    from,
                    to,
                    before: 0,
                }),
            }
        }
        let mut total = 0;
        for interval in &mut open {
            interval.before = total;
            total += interval.to - interval.from;
        }
        open.shrink_to_fit();
        Block { open, total }
    }

    /// Working time in this block before `at`.
    pub fn worked_before(&self, at: i64) -> i64 {
        match self.open.partition_point(|o| o.from <= at).checked_sub(1) {
            Some(i) => self.open[i].before + at.min(self.open[i].to) - self.open[i].from,
            None => 0,
        }
    }

    /// The earliest instant by which `worked` (more than 0, at most `total`) of this block is used up.
    pub fn used_up(&self, worked: i64) -> Option<i64> {
        let i = self
            .open
            .partition_point(|o| o.before + (o.to - o.from) < worked);
        self.open.get(i).map(|o| o.from + (worked - o.before))
    }

    /// The latest instant before which only `worked` (from 0, less than `total`) of this block has passed.
    pub fn still_unused(&self, worked: i64) -> Option<i64> {
        let i = self
            .open
            .partition_point(|o| o.before <= worked)
            .checked_sub(1)?;
        self.open.get(i).map(|o| o.from + (worked - o.before))
    }

    /// The first working instant at or after `at` in this block.
    pub fn open_from(&self, at: i64) -> Option<i64> {
        self.open
            .get(self.open.partition_point(|o| o.to <= at))
            .map(|o| o.from.max(at))
    }

    /// The last instant at or before `at` that ends working time in this block.
    pub fn open_until(&self, at: i64) -> Option<i64> {
        let i = self.open.partition_point(|o| o.from < at).checked_sub(1)?;
        self.open.get(i).map(|o| o.to.min(at))
    }

    /// Whether `at` is working time.
    pub fn is_open(&self, at: i64) -> bool {
        self.open
            .get(self.open.partition_point(|o| o.to <= at))
            .is_some_and(|o| o.from <= at)
    }

    /// The working intervals that overlap `[from, to)`, cut to it.
    pub fn within(&self, from: i64, to: i64) -> impl Iterator<Item = Interval> + '_ {
        let first = self.open.partition_point(|o| o.to <= from);
        self.open[first..]
            .iter()
            .take_while(move |o| o.from < to)
            .map(move |o| Interval {
                from: o.from.max(from),
                to: o.to.min(to),
            })
    }
}
