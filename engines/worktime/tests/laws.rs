//! The laws of working time, over random calendars, zones, starts, budgets and pauses.

mod common;

use common::at;
use proptest::prelude::*;
use shouwen_worktime::{
    Budget, Calendar, CalendarSpec, Clock, DayRule, DaySpan, HOUR, MINUTE, Pause, Weekday,
    builtin_holidays, invariants,
};

const ZONES: [&str; 9] = [
    "UTC",
    "Asia/Shanghai",
    "America/New_York",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/Havana",
    "Pacific/Chatham",
    "Africa/Casablanca",
];
const WEEKDAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

/// Any interval on the quarter of an hour: day shifts, night shifts, whole days.
fn span() -> impl Strategy<Value = DaySpan> {
    (0u32..96, 0u32..=96).prop_map(|(from, to)| DaySpan::new(from * 900, to * 900).unwrap())
}

fn spans() -> impl Strategy<Value = Vec<DaySpan>> {
    prop::collection::vec(span(), 0..4)
}

fn rule() -> impl Strategy<Value = DayRule> {
    prop_oneof![
        spans().prop_map(DayRule::Hours),
        (0usize..7).prop_map(|day| DayRule::Like(WEEKDAYS[day]))
    ]
}

/// Any calendar; in most of them somebody works.
fn spec() -> impl Strategy<Value = CalendarSpec> {
    let days = prop::collection::btree_map((1i8..=12, 1i8..=28), rule(), 0..6);
    (
        0..ZONES.len(),
        prop::array::uniform7(spans()),
        days,
        any::<bool>(),
        0usize..7,
        ".{0,8}",
    )
        .prop_map(|(zone, week, days, holidays, makeup, name)| {
            let mut spec = CalendarSpec::empty(&name, ZONES[zone]);
            spec.week = week;
            spec.days = days
                .into_iter()
                .map(|((month, day), rule)| (jiff::civil::date(2026, month, day), rule))
                .collect();
            if holidays {
                spec.holidays = [2025, 2026]
                    .into_iter()
                    .filter_map(builtin_holidays)
                    .collect();
            }
            spec.makeup_like = WEEKDAYS[makeup];
            spec
        })
}

fn calendar() -> impl Strategy<Value = Calendar> {
    spec()
        .prop_filter("somebody works", |spec| {
            spec.week.iter().any(|day| !day.is_empty())
        })
        .prop_map(|spec| Calendar::new(spec).unwrap())
}

/// Instants from 2025 to 2027, on the minute as often as not (edges are on the minute).
fn time() -> impl Strategy<Value = i64> {
    let (from, to) = (at("2025-01-01T00:00:00Z"), at("2027-12-31T00:00:00Z"));
    prop_oneof![
        from..to,
        (from / (15 * MINUTE)..to / (15 * MINUTE)).prop_map(|quarter| quarter * 15 * MINUTE)
    ]
}

fn budget() -> impl Strategy<Value = i64> {
    prop_oneof![
        Just(0),
        0..400 * HOUR,
        (0i64..800).prop_map(|quarters| quarters * 15 * MINUTE)
    ]
}

fn pauses() -> impl Strategy<Value = Vec<Pause>> {
    let pause = (time(), prop_oneof![0..100 * HOUR, 0..3000 * HOUR])
        .prop_map(|(from, length)| Pause::new(from, from + length));
    prop::collection::vec(pause, 0..5)
}

fn due(calendar: &Calendar, start: i64, budget: i64, pauses: &[Pause]) -> i64 {
    calendar.due_after(start, budget, pauses).unwrap().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn due_is_the_earliest_instant_the_budget_is_used_up(c in calendar(), s in time(), b in budget(), p in pauses()) {
        let due = due(&c, s, b, &p);
        prop_assert!(invariants::used_up(&c, s, b, &p, due));
        prop_assert_eq!(c.elapsed(s, due, &p), Ok(b));
    }

    #[test]
    fn due_is_monotone_in_the_budget(c in calendar(), s in time(), a in budget(), b in budget(), p in pauses()) {
        let (small, large) = (a.min(b), a.max(b));
        prop_assert!(due(&c, s, small, &p) <= due(&c, s, large, &p));
    }

    #[test]
    fn due_is_monotone_in_the_start(c in calendar(), s in time(), t in time(), b in budget(), p in pauses()) {
        let (early, late) = (s.min(t), s.max(t));
        prop_assert!(due(&c, early, b, &p) <= due(&c, late, b, &p));
    }

    /// For every instant that ends a stretch of work (which is every working instant but an opening).
    #[test]
    fn due_of_elapsed_is_the_instant_itself(c in calendar(), s in time(), t in time(), p in pauses()) {
        let (s, t) = (s.min(t), s.max(t));
        let paused = |at: i64| p.iter().any(|p| p.from <= at && p.to.is_none_or(|to| at < to));
        prop_assume!(s < t && c.is_open(t - 1) && !paused(t - 1));
        prop_assert_eq!(due(&c, s, c.elapsed(s, t, &p).unwrap(), &p), t);
    }

    /// For an opening, the same work was already done at the closing before it.
    #[test]
    fn due_of_elapsed_at_an_opening_is_the_closing_before(c in calendar(), s in time(), t in time()) {
        let (s, t) = (s.min(t), s.max(t));
        let open = c.next_open(t).unwrap();
        let worked = c.elapsed(s, open, &[]).unwrap();
        let expected = match worked {
            0 => c.next_open(s).unwrap(),
            _ => c.subtract(open, 0, &[]).unwrap(),
        };
        prop_assert_eq!(due(&c, s, worked, &[]), expected);
    }

    #[test]
    fn a_pause_never_shortens(c in calendar(), s in time(), b in budget(), p in pauses(), more in pauses(), open in prop::option::of(time())) {
        let without = c.due_after(s, b, &p).unwrap();
        let mut all = [p, more].concat();
        all.extend(open.map(Pause::open));
        prop_assert!(invariants::not_shortened(without, c.due_after(s, b, &all).unwrap()));
    }

    #[test]
    fn a_pause_of_working_days_never_shortens(c in calendar(), s in time(), n in 1u32..30, p in pauses()) {
        let without = c.due(s, Budget::WorkingDays(n), &[]).unwrap();
        prop_assert!(invariants::not_shortened(without, c.due(s, Budget::WorkingDays(n), &p).unwrap()));
    }

    #[test]
    fn elapsed_adds_up_over_adjacent_spans(c in calendar(), a in time(), b in time(), d in time(), p in pauses()) {
        let e = |from: i64, to: i64| c.elapsed(from, to, &p).unwrap();
        prop_assert_eq!(e(a, b) + e(b, d), e(a, d));
        prop_assert_eq!(e(a, b), -e(b, a));
    }

    #[test]
    fn elapsed_is_the_length_of_the_intervals(c in calendar(), a in time(), b in time()) {
        let (a, b) = (a.min(b), a.max(b));
        let intervals = c.intervals(a, b).unwrap();
        prop_assert!(invariants::apart(&intervals));
        prop_assert_eq!(c.elapsed(a, b, &[]).unwrap(), intervals.iter().map(|i| i.to - i.from).sum::<i64>());
        for i in intervals {
            prop_assert!(c.is_open(i.from) && c.is_open(i.to - 1));
            prop_assert!(i.to == b || !c.is_open(i.to));
            prop_assert!(i.from == a || !c.is_open(i.from - 1));
        }
    }

    #[test]
    fn next_open_is_working_time_with_none_before(c in calendar(), t in time()) {
        let open = c.next_open(t).unwrap();
        prop_assert!(open >= t && c.is_open(open));
        prop_assert_eq!(c.elapsed(t, open, &[]), Ok(0));
        prop_assert_eq!(open == t, c.is_open(t));
    }

    #[test]
    fn subtract_is_the_latest_start_that_meets_the_end(c in calendar(), e in time(), amount in budget(), p in pauses()) {
        let start = c.subtract(e, amount, &p).unwrap();
        prop_assert!(start <= e);
        prop_assert_eq!(c.elapsed(start, e, &p), Ok(amount));
        if amount > 0 {
            prop_assert_eq!(c.elapsed(start + 1, e, &p), Ok(amount - 1));
            prop_assert!(due(&c, start, amount, &p) <= e);
        }
    }

    #[test]
    fn working_days_end_after_work_and_are_monotone_in_number_and_start(c in calendar(), s in time(), t in time(), n in 1u32..40) {
        let days = |start: i64, n: u32| c.due(start, Budget::WorkingDays(n), &[]).unwrap().unwrap();
        let one = days(s, n);
        prop_assert!(s < one && one <= days(s, n + 1));
        prop_assert!(days(s.min(t), n) <= days(s.max(t), n));
        prop_assert!(c.is_open(one - 1));
        prop_assert!(c.date_at(one).unwrap() > c.date_at(s).unwrap());
    }

    #[test]
    fn a_ladder_climbs_in_order_and_100_percent_is_due(c in calendar(), s in time(), b in 1..200 * HOUR, p in pauses(), now in time()) {
        let clock = Clock::new(&c, s, Budget::Time(b), p).unwrap();
        let steps: Vec<i64> = [0.25, 0.5, 0.8, 1.0, 1.2].iter().map(|f| clock.warn_at(*f).unwrap().unwrap()).collect();
        prop_assert!(steps.is_sorted());
        let plan = clock.plan(now).unwrap();
        prop_assert_eq!(plan.due, Some(steps[3]));
        prop_assert_eq!(plan.elapsed + plan.remaining, plan.budget);
        prop_assert_eq!(plan.overdue, now > steps[3]);
        prop_assert!(plan.elapsed >= 0 && (plan.remaining >= 0 || plan.overdue));
        prop_assert!(clock.after_due(HOUR).unwrap().unwrap() >= steps[3]);
    }

    #[test]
    fn json_and_toml_keep_the_calendar(spec in spec()) {
        let c = Calendar::new(spec).unwrap();
        prop_assert_eq!(&Calendar::from_json(&c.to_json()).unwrap(), &c);
        prop_assert_eq!(&serde_json::from_str::<Calendar>(&serde_json::to_string(&c).unwrap()).unwrap(), &c);
        let toml = c.to_toml();
        let back = Calendar::from_toml(&toml, "t.toml", &shouwen_worktime::holidays::builtin);
        prop_assert_eq!(&back.unwrap_or_else(|faults| panic!("{faults}\n{toml}")), &c);
    }

    #[test]
    fn any_text_is_a_calendar_or_a_list_of_faults(text in ".{0,200}", tail in "[a-z0-9\\[\\]\"=:,\\n -]{0,120}") {
        for input in [text.clone(), format!("timezone = \"UTC\"\n{tail}"), format!("timezone = \"UTC\"\n[week]\nmon = [\"{tail}\"]")] {
            if let Err(faults) = Calendar::from_toml(&input, "x.toml", &shouwen_worktime::holidays::builtin) {
                prop_assert!(!faults.0.is_empty());
                prop_assert!(faults.0.iter().all(|f| !f.wrong.is_empty() && !f.right.is_empty() && f.place.file.is_some()));
            }
        }
        let _ = (text.parse::<Budget>(), tail.parse::<Budget>(), text.parse::<DaySpan>(), tail.parse::<DaySpan>(), Pause::parse(&tail));
    }
}
