//! The engine against a slow reference that asks every minute: what does the wall clock show, is that working time?

mod common;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use shouwen_worktime::{Budget, Calendar, CalendarSpec, DayRule, DaySpan, MINUTE, Pause};

use common::at;

/// What the reference knows: for each minute, the local date and time, and nothing of instants or blocks.
struct Reference<'a> {
    spec: &'a CalendarSpec,
    zone: TimeZone,
}

impl Reference<'_> {
    fn spans(&self, date: Date) -> &[DaySpan] {
        match self.spec.days.get(&date) {
            Some(DayRule::Hours(spans)) => spans,
            Some(DayRule::Like(day)) => self.spec.weekday(*day),
            None => self.spec.weekday(date.weekday()),
        }
    }

    fn is_open(&self, minute: i64) -> bool {
        let local = self
            .zone
            .to_datetime(Timestamp::from_microsecond(minute * MINUTE).unwrap());
        let seconds = local.hour() as u32 * 3600 + local.minute() as u32 * 60;
        let inside = |span: &DaySpan, at: u32| span.from() <= at && at < span.to();
        let yesterday = local.date().checked_sub(1.day()).unwrap();
        self.spans(local.date())
            .iter()
            .any(|span| inside(span, seconds))
            || self
                .spans(yesterday)
                .iter()
                .any(|span| inside(span, seconds + 86_400))
    }

    fn elapsed(&self, from: i64, to: i64, paused: &dyn Fn(i64) -> bool) -> i64 {
        (from..to)
            .filter(|m| self.is_open(*m) && !paused(*m))
            .count() as i64
    }

    fn due(&self, from: i64, budget: i64, paused: &dyn Fn(i64) -> bool) -> Option<i64> {
        let mut left = budget;
        for minute in from..from + 60 * 24 * 60 {
            if self.is_open(minute) && !paused(minute) {
                if left == 0 {
                    return Some(minute);
                }
                left -= 1;
                if left == 0 {
                    return Some(minute + 1);
                }
            }
        }
        None
    }
}

/// Intervals whose ends are at hours no zone below changes its clocks at (what happens there is policy, tested
/// elsewhere), but which may well contain the change.
fn span() -> impl Strategy<Value = DaySpan> {
    (4u32..24, prop_oneof![4u32..24, Just(24)], 0u32..4).prop_map(|(from, to, quarter)| {
        DaySpan::new(from * 3600 + quarter * 900, to * 3600).unwrap()
    })
}

fn whole_or_spans() -> impl Strategy<Value = Vec<DaySpan>> {
    prop_oneof![
        6 => prop::collection::vec(span(), 0..3),
        1 => Just(vec![DaySpan::new(0, 86_400).unwrap()]),
    ]
}

/// Weeks in which each zone changes its clocks, and one in which none does.
const WEEKS: [(&str, &str); 12] = [
    ("America/New_York", "2026-03-05T00:00:00Z"),
    ("America/New_York", "2026-10-29T00:00:00Z"),
    ("Europe/Berlin", "2026-03-26T00:00:00Z"),
    ("Europe/Berlin", "2026-10-22T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-02T00:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-01T00:00:00Z"),
    ("Asia/Kolkata", "2026-06-01T00:00:00Z"),
    ("Asia/Kathmandu", "2026-06-01T00:00:00Z"),
    ("Asia/Shanghai", "2026-12-29T00:00:00Z"),
    ("Pacific/Chatham", "2026-04-02T00:00:00Z"),
    ("Pacific/Chatham", "2026-09-24T00:00:00Z"),
    ("UTC", "2028-02-26T00:00:00Z"),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_every_minute(
        week in 0..WEEKS.len(),
        hours in prop::array::uniform7(whole_or_spans()),
        special in prop::collection::vec((0i64..10, whole_or_spans()), 0..3),
        (start, length, budget) in (0i64..6 * 1440, 0i64..8 * 1440, 0i64..3000),
        pauses in prop::collection::vec((0i64..9 * 1440, 0i64..2000), 0..3),
    ) {
        let (zone, first) = WEEKS[week];
        let first = at(first);
        let mut spec = CalendarSpec::empty("", zone);
        spec.week = hours;
        let calendar = Calendar::new(spec.clone()).unwrap();
        let first_date = calendar.date_at(first).unwrap();
        for (offset, spans) in special {
            spec.days.insert(first_date.checked_add(offset.days()).unwrap(), DayRule::Hours(spans));
        }
        let calendar = Calendar::new(spec.clone()).unwrap();
        let reference = Reference { spec: &spec, zone: calendar.zone().clone() };
        let minutes = first / MINUTE;
        let (start, end) = (minutes + start, minutes + start + length);
        let paused = |m: i64| pauses.iter().any(|(from, long)| (minutes + from..minutes + from + long).contains(&m));
        let as_pauses: Vec<Pause> =
            pauses.iter().map(|(from, long)| Pause::new((minutes + from) * MINUTE, (minutes + from + long) * MINUTE)).collect();

        let slow = reference.elapsed(start, end, &paused) * MINUTE;
        prop_assert_eq!(calendar.elapsed(start * MINUTE, end * MINUTE, &as_pauses).unwrap(), slow);
        prop_assert_eq!(calendar.is_open(start * MINUTE), reference.is_open(start));
        if let Some(slow) = reference.due(start, budget, &paused) {
            let fast = calendar.due(start * MINUTE, Budget::Time(budget * MINUTE), &as_pauses).unwrap();
            prop_assert_eq!(fast, Some(slow * MINUTE));
        }
    }
}
