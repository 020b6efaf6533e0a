//! When a count is a warning: fixed limits in grades, and a band that learns from the same hour of earlier weeks. Pure.
//!
//! **The band.** Baseline: the counts of windows of the same length that ended exactly 1, 2 … N weeks before. Their median
//! and their median absolute deviation are not moved by a few bad weeks, where mean and standard deviation are (Leys, Ley,
//! Klein, Bernard and Licata 2013, *Journal of Experimental Social Psychology* 49, 764–766; the factor 1.4826 makes the
//! MAD of normal data a standard deviation; Iglewicz and Hoaglin 1993 cut at 3.5). Counts of rare matters are no normal data:
//! a median of 0 has a MAD of 0, and then one complaint would be a sudden rise. So the spread is never taken smaller than
//! that of a Poisson process of the same level, √median and at least 1, and nothing below a minimum count is a rise. That
//! quiet categories do not cry is a property test.

use serde::{Deserialize, Serialize};

/// Makes the median absolute deviation of normal data a standard deviation.
const CONSISTENT: f64 = 1.4826;

/// How bad it is; ordered, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = WarningGrade)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    Blue,
    Yellow,
    Orange,
    Red,
}

impl Grade {
    /// All, mildest first.
    pub const ALL: [Self; 4] = [Self::Blue, Self::Yellow, Self::Orange, Self::Red];

    /// `blue`, `yellow`, `orange`, `red`.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Blue => "blue",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
        }
    }
    /// The grade of a word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grade| grade.word() == word)
    }
    /// Its Chinese name.
    pub const fn zh(self) -> &'static str {
        match self {
            Self::Blue => "蓝色",
            Self::Yellow => "黄色",
            Self::Orange => "橙色",
            Self::Red => "红色",
        }
    }
    /// Its English name.
    pub const fn en(self) -> &'static str {
        match self {
            Self::Blue => "Blue",
            Self::Yellow => "Yellow",
            Self::Orange => "Orange",
            Self::Red => "Red",
        }
    }
}

/// Buckets of a window: how many seconds one is long. At least twelve to a window, so that a window that slides on loses at
/// most a twelfth too early.
pub const fn step_of(window_s: i64) -> i64 {
    if window_s <= 2 * 3600 {
        60
    } else if window_s <= 12 * 3600 {
        600
    } else {
        3600
    }
}

/// The bucket an instant (seconds) falls into, as the second it begins.
pub const fn bucket_of(second: i64, step: i64) -> i64 {
    second.div_euclid(step) * step
}

/// The buckets of the window that ends at `now` (seconds): from the first to the last, both included. Only buckets that
/// began inside the window count, so nothing older than the window is ever in it.
pub const fn window_of(now: i64, window_s: i64, step: i64) -> (i64, i64) {
    let last = bucket_of(now, step);
    (last - window_s + step, last)
}

/// Seconds of a week.
pub const WEEK: i64 = 7 * 86_400;

/// The window of so many weeks before, at the same local time: where clocks changed in between, an hour earlier or later.
pub fn weeks_before(window: (i64, i64), weeks: i64, zone: &jiff::tz::TimeZone, step: i64) -> (i64, i64) {
    let last = jiff::Timestamp::from_second(window.1).ok().and_then(|at| at.to_zoned(zone.clone()).checked_sub(jiff::Span::new().try_weeks(weeks).ok()?).ok());
    let last = last.map_or(window.1 - weeks * WEEK, |at| bucket_of(at.timestamp().as_second(), step));
    (last - (window.1 - window.0), last)
}

/// What is usual at this hour of the week.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Band {
    pub median: f64,
    /// Counts above this are a sudden rise.
    pub upper: f64,
    /// Earlier weeks it was learnt from.
    pub weeks: usize,
}

fn median(sorted: &[f64]) -> f64 {
    let n = sorted.len();
    match n {
        0 => 0.0,
        _ if n % 2 == 1 => sorted[n / 2],
        _ => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

/// The band above the counts of earlier weeks; `None` without at least `least` of them.
pub fn band(earlier: &[i64], k: f64, least: usize) -> Option<Band> {
    if earlier.is_empty() || earlier.len() < least {
        return None;
    }
    let mut counts: Vec<f64> = earlier.iter().map(|n| *n as f64).collect();
    counts.sort_by(f64::total_cmp);
    let middle = median(&counts);
    let mut away: Vec<f64> = counts.iter().map(|n| (n - middle).abs()).collect();
    away.sort_by(f64::total_cmp);
    let spread = (CONSISTENT * median(&away)).max(middle.max(1.0).sqrt());
    Some(Band { median: middle, upper: middle + k * spread, weeks: earlier.len() })
}

/// Why a count is a warning.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Verdict {
    pub grade: Grade,
    /// The count from which it is one.
    pub limit: i64,
    /// By the band, not by a fixed limit.
    pub rise: bool,
}

/// A sudden rise is a warning of this grade, from this count on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rise {
    pub grade: Grade,
    pub min_count: i64,
}

/// Judges a count: the highest grade whose limit it reaches; a sudden rise where that says more.
pub fn judge(count: i64, limits: &[(Grade, i64)], rise: Option<(Rise, Band)>) -> Option<Verdict> {
    let reached = limits.iter().filter(|(_, limit)| count >= *limit).max_by_key(|(grade, _)| *grade);
    let by_limit = reached.map(|(grade, limit)| Verdict { grade: *grade, limit: *limit, rise: false });
    let by_band = rise.filter(|(rise, band)| count >= rise.min_count && count as f64 > band.upper).map(|(rise, band)| Verdict {
        grade: rise.grade,
        limit: (band.upper.floor() as i64 + 1).max(rise.min_count),
        rise: true,
    });
    match (by_limit, by_band) {
        (Some(a), Some(b)) => Some(if b.grade > a.grade { b } else { a }),
        (a, b) => a.or(b),
    }
}

/// What a group of a threshold has said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said {
    pub grade: Grade,
    /// Seconds.
    pub at: i64,
    /// Its warning is still open.
    pub open: bool,
}

/// What a verdict leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing new.
    Silent,
    /// A new warning.
    Raise,
    /// The open warning goes to a higher grade.
    Climb { from: Grade },
}

/// One warning at a time for each group: an open one only climbs; after it was closed the same or a lower grade is silent
/// until a whole window has passed since it was raised.
pub fn step(said: Option<Said>, grade: Grade, now: i64, window_s: i64) -> Step {
    match said {
        Some(said) if said.open && grade > said.grade => Step::Climb { from: said.grade },
        Some(said) if said.open => Step::Silent,
        Some(said) if grade <= said.grade && now < said.at + window_s => Step::Silent,
        _ => Step::Raise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: [(Grade, i64); 4] = [(Grade::Blue, 5), (Grade::Yellow, 10), (Grade::Orange, 20), (Grade::Red, 40)];

    /// Poisson numbers from a seed, by multiplying uniforms.
    fn poisson(rate: f64, seed: &mut u64) -> i64 {
        let mut uniform = || {
            *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((*seed >> 11) as f64 + 0.5) / (1u64 << 53) as f64
        };
        let (limit, mut product, mut n) = ((-rate).exp(), uniform(), 0);
        while product > limit {
            product *= uniform();
            n += 1;
        }
        n
    }

    #[test]
    fn a_limit_is_reached_exactly_at_its_count() {
        assert_eq!(judge(4, &LIMITS, None), None);
        for (grade, limit) in LIMITS {
            assert_eq!(judge(limit, &LIMITS, None), Some(Verdict { grade, limit, rise: false }));
            assert!(judge(limit - 1, &LIMITS, None).is_none_or(|v| v.grade < grade));
        }
        assert_eq!(judge(1000, &LIMITS, None).map(|v| v.grade), Some(Grade::Red));
    }

    #[test]
    fn a_sudden_rise_speaks_where_limits_are_silent_and_never_lowers_them() {
        let usual = band(&[2, 3, 2, 4, 3, 2, 3, 3], 3.5, 4).unwrap();
        assert_eq!(usual.median, 3.0);
        let rise = Some((Rise { grade: Grade::Yellow, min_count: 5 }, usual));
        // 3 + 3.5 · √3 = 9.06: a rise from 10 on.
        assert_eq!(judge(9, &[(Grade::Red, 40)], rise), None);
        assert_eq!(judge(10, &[(Grade::Red, 40)], rise), Some(Verdict { grade: Grade::Yellow, limit: 10, rise: true }));
        assert_eq!(judge(25, &LIMITS, rise).map(|v| (v.grade, v.rise)), Some((Grade::Orange, false)));
    }

    #[test]
    fn one_disastrous_week_among_the_earlier_ones_hardly_moves_the_band() {
        let calm = band(&[10, 11, 9, 10, 12, 10, 9, 11], 3.5, 4).unwrap();
        let with_disaster = band(&[10, 11, 9, 10, 12, 10, 9, 500], 3.5, 4).unwrap();
        assert!((calm.upper - with_disaster.upper).abs() < 2.0, "{calm:?} {with_disaster:?}");
        assert_eq!(band(&[1, 2, 3], 3.5, 4), None, "too few weeks to know what is usual");
    }

    #[test]
    fn an_open_warning_climbs_and_a_closed_one_rests_for_a_window() {
        let open = Some(Said { grade: Grade::Yellow, at: 1000, open: true });
        assert_eq!(step(None, Grade::Blue, 0, 3600), Step::Raise);
        assert_eq!(step(open, Grade::Yellow, 999_999, 3600), Step::Silent);
        assert_eq!(step(open, Grade::Orange, 1001, 3600), Step::Climb { from: Grade::Yellow });
        let closed = Some(Said { grade: Grade::Yellow, at: 1000, open: false });
        assert_eq!(step(closed, Grade::Yellow, 4599, 3600), Step::Silent);
        assert_eq!(step(closed, Grade::Yellow, 4600, 3600), Step::Raise);
        assert_eq!(step(closed, Grade::Red, 1001, 3600), Step::Raise);
    }

    #[test]
    fn the_same_hour_of_earlier_weeks_is_that_of_the_local_clock() {
        let zone = |name: &str| jiff::tz::TimeZone::get(name).unwrap();
        let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
        // Berlin: winter time until 29 March 2026. Nine in the morning is eight in UTC before, seven after.
        let window = window_of(at("2026-04-01T07:00:00Z"), 86_400, 3600);
        let before = weeks_before(window, 1, &zone("Europe/Berlin"), 3600);
        assert_eq!((before.1, before.1 - before.0), (at("2026-03-25T08:00:00Z"), window.1 - window.0));
        assert_eq!(weeks_before(window, 3, &zone("Asia/Shanghai"), 3600).1, window.1 - 3 * WEEK, "no clocks change there");
    }

    proptest! {
        #[test]
        fn the_window_never_holds_what_is_older_and_always_the_present(now in 0i64..4_000_000_000, window_steps in 1i64..2000, index in 0usize..3) {
            let step = [60, 600, 3600][index];
            let window = window_steps * step;
            let (first, last) = window_of(now, window, step);
            prop_assert!(first > now - window, "began inside the window");
            prop_assert!(last <= now && now < last + step);
            prop_assert_eq!((last - first) / step + 1, window_steps);
        }

        #[test]
        fn a_higher_count_never_gives_a_lower_grade(a in 0i64..200, more in 0i64..200, earlier in prop::collection::vec(0i64..60, 4..12)) {
            let rise = band(&earlier, 3.5, 4).map(|band| (Rise { grade: Grade::Yellow, min_count: 5 }, band));
            let (low, high) = (judge(a, &LIMITS, rise), judge(a + more, &LIMITS, rise));
            prop_assert!(low.map(|v| v.grade) <= high.map(|v| v.grade));
            if let Some(v) = low { prop_assert!(a >= v.limit); }
        }

        #[test]
        fn the_band_lies_above_the_median_and_does_not_mind_the_order(mut earlier in prop::collection::vec(0i64..10_000, 1..20), k in 1.0f64..6.0) {
            let one = band(&earlier, k, 1).unwrap();
            prop_assert!(one.upper >= one.median + k);
            earlier.reverse();
            prop_assert_eq!(band(&earlier, k, 1).unwrap(), one);
        }

        #[test]
        fn quiet_categories_do_not_cry(seed in any::<u64>(), rate in 0.01f64..1.5) {
            let mut state = seed;
            let mut cries = 0;
            for _ in 0..1000 {
                let earlier: Vec<i64> = (0..8).map(|_| poisson(rate, &mut state)).collect();
                let now = poisson(rate, &mut state);
                let rise = band(&earlier, 3.5, 4).map(|band| (Rise { grade: Grade::Yellow, min_count: 5 }, band));
                cries += usize::from(judge(now, &[], rise).is_some());
            }
            // At 1.5 an hour, five or more come in 1.9 % of all hours by themselves; the band lets about half of them pass.
            prop_assert!(cries <= 30, "{cries} cries in 1000 quiet hours");
        }

        #[test]
        fn a_tenfold_rise_of_something_usual_is_heard(seed in any::<u64>(), rate in 3.0f64..20.0) {
            let mut state = seed;
            let mut heard = 0;
            for _ in 0..200 {
                let earlier: Vec<i64> = (0..8).map(|_| poisson(rate, &mut state)).collect();
                let rise = band(&earlier, 3.5, 4).map(|band| (Rise { grade: Grade::Yellow, min_count: 5 }, band));
                heard += usize::from(judge(poisson(rate * 10.0, &mut state), &[], rise).is_some());
            }
            prop_assert!(heard >= 195, "{heard} of 200");
        }
    }
}
