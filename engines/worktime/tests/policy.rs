//! The policy of the clock, point by point, where products differ or edges are sharp.

mod common;

use common::{at, calendar, every_day, weekdays};
use shouwen_worktime::{Budget, Calendar, HOUR, MINUTE, Pause};

fn due(calendar: &Calendar, start: &str, budget: &str) -> String {
    let due = calendar
        .due(at(start), budget.parse().unwrap(), &[])
        .unwrap()
        .unwrap();
    calendar.show(due)
}

fn worked(calendar: &Calendar, start: &str, end: &str) -> i64 {
    calendar.elapsed(at(start), at(end), &[]).unwrap()
}

#[test]
fn opening_is_working_time_and_closing_is_not() {
    let desk = weekdays("Asia/Shanghai", r#"["09:00-12:00", "13:30-18:00"]"#);
    for (when, open) in [
        ("2026-11-20T08:59:59.999999+08:00", false),
        ("2026-11-20T09:00:00+08:00", true),
        ("2026-11-20T11:59:59.999999+08:00", true),
        ("2026-11-20T12:00:00+08:00", false),
        ("2026-11-20T13:30:00+08:00", true),
        ("2026-11-20T18:00:00+08:00", false),
        ("2026-11-21T10:00:00+08:00", false),
    ] {
        assert_eq!(desk.is_open(at(when)), open, "{when}");
    }
    assert_eq!(
        desk.next_open(at("2026-11-20T12:00:00+08:00")),
        Ok(at("2026-11-20T13:30:00+08:00"))
    );
    assert_eq!(
        desk.next_open(at("2026-11-20T18:00:00+08:00")),
        Ok(at("2026-11-23T09:00:00+08:00"))
    );
    assert_eq!(
        desk.next_open(at("2026-11-20T10:00:00+08:00")),
        Ok(at("2026-11-20T10:00:00+08:00"))
    );
}

/// Zammad and biz move such a deadline to the next opening; we keep it, as frappe does.
#[test]
fn used_up_exactly_at_closing_is_due_at_closing() {
    let desk = weekdays("UTC", r#"["09:00-18:00"]"#);
    assert_eq!(
        due(&desk, "2026-11-20T16:00:00Z", "2h"),
        "2026-11-20T18:00:00+00:00"
    );
    assert_eq!(
        due(&desk, "2026-11-20T16:00:00Z", "7201s"),
        "2026-11-23T09:00:01+00:00"
    );
    assert_eq!(
        due(&desk, "2026-11-19T18:00:00Z", "9h"),
        "2026-11-20T18:00:00+00:00"
    );
}

#[test]
fn nothing_to_do_is_due_at_once_or_at_the_next_opening() {
    let desk = weekdays("UTC", r#"["09:00-18:00"]"#);
    assert_eq!(
        due(&desk, "2026-11-20T16:00:00Z", "0s"),
        "2026-11-20T16:00:00+00:00"
    );
    assert_eq!(
        due(&desk, "2026-11-20T18:00:00Z", "0s"),
        "2026-11-23T09:00:00+00:00"
    );
    assert_eq!(
        due(&desk, "2026-11-21T12:00:00Z", "0s"),
        "2026-11-23T09:00:00+00:00"
    );
    let paused = [Pause::new(
        at("2026-11-23T08:00:00Z"),
        at("2026-11-23T10:00:00Z"),
    )];
    assert_eq!(
        desk.due(at("2026-11-21T12:00:00Z"), Budget::Time(0), &paused),
        Ok(Some(at("2026-11-23T10:00:00Z")))
    );
}

/// OTRS and biz answer 0; working_hours answers negative, and so do we.
#[test]
fn an_end_before_the_start_counts_negative() {
    let desk = weekdays("UTC", r#"["09:00-18:00"]"#);
    assert_eq!(
        worked(&desk, "2026-11-20T12:00:00Z", "2026-11-20T10:00:00Z"),
        -2 * HOUR
    );
    assert_eq!(
        worked(&desk, "2026-11-22T12:00:00Z", "2026-11-21T10:00:00Z"),
        0
    );
}

#[test]
fn an_overnight_shift_belongs_to_the_day_it_starts_on() {
    let night = calendar(
        r#"
        timezone = "Asia/Shanghai"
        [week]
        fri = ["22:00-06:00"]
        [days]
        "2026-11-21" = []                # the Saturday is closed, the Friday shift goes on until 06:00
        "2026-11-27" = []                # this Friday is closed, with the night that would follow
        "#,
    );
    assert_eq!(
        worked(
            &night,
            "2026-11-20T12:00:00+08:00",
            "2026-11-22T00:00:00+08:00"
        ),
        8 * HOUR
    );
    assert_eq!(
        worked(
            &night,
            "2026-11-27T12:00:00+08:00",
            "2026-11-29T00:00:00+08:00"
        ),
        0
    );
    assert_eq!(
        due(&night, "2026-11-20T12:00:00+08:00", "8h"),
        "2026-11-21T06:00:00+08:00"
    );
    assert_eq!(
        due(&night, "2026-11-20T12:00:00+08:00", "8h1s"),
        "2026-12-04T22:00:01+08:00"
    );
    // Working days: the shift that starts on Friday ends on Saturday morning.
    assert_eq!(
        due(&night, "2026-11-19T12:00:00+08:00", "1wd"),
        "2026-11-21T06:00:00+08:00"
    );
    // At 02:00 on Saturday the start day is Saturday; the next working day is the Friday after the next.
    assert_eq!(
        due(&night, "2026-11-21T02:00:00+08:00", "1wd"),
        "2026-12-05T06:00:00+08:00"
    );
}

#[test]
fn intervals_that_overlap_or_touch_count_once() {
    let desk = calendar(
        r#"
        timezone = "UTC"
        [week]
        mon = ["13:00-18:00", "09:00-12:00", "11:00-13:00", "22:00-06:00"]
        tue = ["04:00-10:00"]
        "#,
    );
    let (from, to) = (at("2026-11-23T00:00:00Z"), at("2026-11-25T00:00:00Z"));
    let shown: Vec<(String, String)> = desk
        .intervals(from, to)
        .unwrap()
        .iter()
        .map(|i| (desk.show(i.from), desk.show(i.to)))
        .collect();
    let expected = [
        ("2026-11-23T09:00:00+00:00", "2026-11-23T18:00:00+00:00"),
        ("2026-11-23T22:00:00+00:00", "2026-11-24T10:00:00+00:00"),
    ];
    assert_eq!(shown, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn days_overrule_holidays_and_make_up_days_work_like_the_weekday_named() {
    let desk = calendar(
        r#"
        timezone = "Asia/Shanghai"
        holidays = ["cn-2026.json"]
        makeup_like = "fri"
        [week]
        mon = ["09:00-18:00"]
        tue = ["09:00-18:00"]
        wed = ["09:00-18:00"]
        thu = ["09:00-18:00"]
        fri = ["09:00-17:00"]
        [days]
        "2026-10-05" = ["10:00-12:00"]     # on duty in the holiday week
        "2026-10-06" = "mon"
        "2026-09-20" = []                  # a make-up day we take off all the same
        "#,
    );
    let day = |date: &str| {
        worked(
            &desk,
            &format!("{date}T00:00:00+08:00"),
            &format!("{date}T23:59:59+08:00"),
        )
    };
    assert_eq!(day("2026-10-01"), 0);
    assert_eq!(day("2026-10-05"), 2 * HOUR);
    assert_eq!(day("2026-10-06"), 9 * HOUR);
    assert_eq!(day("2026-10-08"), 9 * HOUR);
    assert_eq!(
        day("2026-10-10"),
        8 * HOUR,
        "a Saturday worked like a Friday"
    );
    assert_eq!(day("2026-09-20"), 0);
}

#[test]
fn working_days_are_counted_after_the_start_day() {
    let desk = calendar(
        r#"
        timezone = "Asia/Shanghai"
        holidays = ["cn-2026.json"]
        [week]
        mon = ["09:00-12:00", "13:30-18:00"]
        tue = ["09:00-12:00", "13:30-18:00"]
        wed = ["09:00-12:00", "13:30-18:00"]
        thu = ["09:00-12:00", "13:30-18:00"]
        fri = ["09:00-12:00", "13:30-18:00"]
        "#,
    );
    // Wednesday 30 September; the 1st to the 7th are off, the 10th is a make-up Saturday.
    for start in [
        "2026-09-30T00:00:00+08:00",
        "2026-09-30T10:00:00+08:00",
        "2026-09-30T23:59:59+08:00",
    ] {
        assert_eq!(
            due(&desk, start, "1wd"),
            "2026-10-08T18:00:00+08:00",
            "{start}"
        );
        assert_eq!(
            due(&desk, start, "3wd"),
            "2026-10-10T18:00:00+08:00",
            "{start}"
        );
        assert_eq!(
            due(&desk, start, "4wd"),
            "2026-10-12T18:00:00+08:00",
            "{start}"
        );
    }
    assert_eq!(
        due(&desk, "2026-10-03T10:00:00+08:00", "1wd"),
        "2026-10-08T18:00:00+08:00",
        "from a day off"
    );
    // The start day is the local one: 17:00 UTC on the 7th is the 8th in Shanghai.
    assert_eq!(
        due(&desk, "2026-10-07T17:00:00Z", "1wd"),
        "2026-10-09T18:00:00+08:00"
    );
    // A day inside the night shift of the day before ends with that shift: more days never mean earlier.
    let odd = calendar(
        "timezone = \"UTC\"\n[week]\nmon = [\"20:00-19:00\"]\ntue = [\"02:00-03:00\"]\nwed = [\"09:00-17:00\"]",
    );
    assert_eq!(
        due(&odd, "2026-11-22T10:00:00Z", "1wd"),
        "2026-11-24T19:00:00+00:00"
    );
    assert_eq!(
        due(&odd, "2026-11-22T10:00:00Z", "2wd"),
        "2026-11-24T19:00:00+00:00"
    );
    // Natural days are the working days of an always open calendar.
    let always = every_day("Asia/Shanghai", r#"["00:00-24:00"]"#);
    assert_eq!(
        due(&always, "2026-10-01T10:00:00+08:00", "15wd"),
        "2026-10-17T00:00:00+08:00"
    );
}

#[test]
fn a_pause_stops_the_clock_and_only_its_working_time_counts() {
    let desk = weekdays("UTC", r#"["09:00-17:00"]"#);
    let start = at("2026-11-19T15:00:00Z");
    let with = |pauses: &[Pause]| desk.due(start, Budget::hours(4), pauses).unwrap();
    let pause = |a: &str, b: &str| Pause::new(at(a), at(b));
    assert_eq!(with(&[]), Some(at("2026-11-20T11:00:00Z")));
    assert_eq!(
        with(&[pause("2026-11-19T18:00:00Z", "2026-11-20T08:00:00Z")]),
        Some(at("2026-11-20T11:00:00Z")),
        "over night"
    );
    assert_eq!(
        with(&[pause("2026-11-19T16:00:00Z", "2026-11-20T10:00:00Z")]),
        Some(at("2026-11-20T13:00:00Z"))
    );
    let overlapping = [
        pause("2026-11-20T09:00:00Z", "2026-11-20T10:30:00Z"),
        pause("2026-11-19T16:00:00Z", "2026-11-20T10:00:00Z"),
    ];
    assert_eq!(
        with(&overlapping),
        Some(at("2026-11-20T13:30:00Z")),
        "overlapping pauses count once"
    );
    assert_eq!(
        with(&[pause("2026-11-20T11:00:00Z", "2026-11-25T11:00:00Z")]),
        Some(at("2026-11-20T11:00:00Z")),
        "used up as it begins"
    );
    assert_eq!(
        with(&[pause("2026-11-01T11:00:00Z", "2026-11-19T15:00:00Z")]),
        Some(at("2026-11-20T11:00:00Z")),
        "before the start"
    );
    assert_eq!(
        with(&[Pause::open(at("2026-11-20T11:00:00Z"))]),
        Some(at("2026-11-20T11:00:00Z"))
    );
    assert_eq!(with(&[Pause::open(at("2026-11-20T10:59:59Z"))]), None);
    let end = at("2026-11-20T12:00:00Z");
    assert_eq!(
        desk.elapsed(start, end, &overlapping),
        Ok(2 * HOUR + 30 * MINUTE)
    );
    assert_eq!(
        desk.elapsed(end, start, &overlapping),
        Ok(-(2 * HOUR + 30 * MINUTE))
    );
    assert_eq!(
        desk.subtract(at("2026-11-20T13:30:00Z"), 4 * HOUR, &overlapping),
        Ok(start)
    );
}

#[test]
fn a_calendar_without_working_time_says_so_at_once() {
    let closed = calendar("timezone = \"UTC\"");
    assert_eq!(
        closed.due(0, Budget::hours(1), &[]).unwrap_err().code,
        "no_working_time"
    );
    assert_eq!(
        closed.due(0, Budget::WorkingDays(1), &[]).unwrap_err().code,
        "no_working_time"
    );
    assert_eq!(closed.next_open(0).unwrap_err().code, "no_working_time");
    assert_eq!(
        closed.subtract(0, HOUR, &[]).unwrap_err().code,
        "no_working_time"
    );
    assert_eq!(closed.elapsed(0, 1_000_000 * HOUR, &[]), Ok(0));
    assert!(!closed.is_open(0));
    let once = calendar("timezone = \"UTC\"\n[days]\n\"2026-11-20\" = [\"09:00-17:00\"]");
    assert_eq!(
        due(&once, "2000-01-01T00:00:00Z", "8h"),
        "2026-11-20T17:00:00+00:00"
    );
    let gone = once
        .due(at("2026-11-20T10:00:00Z"), Budget::hours(8), &[])
        .unwrap_err();
    assert_eq!(gone.code, "no_working_time");
    assert!(gone.wrong.contains("2400"), "{gone}");
}

#[test]
fn budgets_beyond_the_horizon_are_refused_and_years_long_ones_are_not() {
    let desk = weekdays("Europe/Berlin", r#"["09:00-17:00"]"#);
    // 26,087 days and a half: a century of work.
    assert_eq!(
        due(&desk, "2026-01-01T00:00:00Z", "208700h"),
        "2125-12-31T13:00:00+01:00"
    );
    for budget in [Budget::Time(i64::MAX), Budget::WorkingDays(u32::MAX)] {
        assert_eq!(desk.due(0, budget, &[]).unwrap_err().code, "beyond_horizon");
    }
    assert_eq!(
        desk.subtract(0, i64::MAX, &[]).unwrap_err().code,
        "beyond_horizon"
    );
    for start in [i64::MIN, i64::MAX, at("2026-01-01T00:00:00Z") * 10] {
        assert_eq!(
            desk.due(start, Budget::hours(1), &[]).unwrap_err().code,
            "bad_instant"
        );
        assert_eq!(desk.elapsed(0, start, &[]).unwrap_err().code, "bad_instant");
        assert!(!desk.is_open(start));
    }
    let far = [Pause::new(i64::MIN, 0), Pause::new(5, i64::MAX)];
    assert_eq!(
        desk.due(0, Budget::hours(1), &far).unwrap_err().code,
        "beyond_horizon"
    );
}
