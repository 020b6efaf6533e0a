//! The policy of the clock on the days the clocks change.

mod common;

use common::{at, calendar, every_day};
use shouwen_worktime::{Calendar, HOUR, Interval, MINUTE};

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

/// working_hours counts the 25-hour Sunday as 24 hours of wall time; we count what really passes.
#[test]
fn real_time_counts_when_the_clocks_change() {
    let new_york = every_day("America/New_York", r#"["00:00-24:00"]"#);
    assert_eq!(
        worked(
            &new_york,
            "2026-03-08T00:00:00-05:00",
            "2026-03-09T00:00:00-04:00"
        ),
        23 * HOUR
    );
    assert_eq!(
        worked(
            &new_york,
            "2026-11-01T00:00:00-04:00",
            "2026-11-02T00:00:00-05:00"
        ),
        25 * HOUR
    );
    let lord_howe = every_day("Australia/Lord_Howe", r#"["00:00-24:00"]"#);
    assert_eq!(
        worked(
            &lord_howe,
            "2026-04-05T00:00:00+11:00",
            "2026-04-06T00:00:00+10:30"
        ),
        24 * HOUR + 30 * MINUTE
    );
    assert_eq!(
        worked(
            &lord_howe,
            "2026-10-04T00:00:00+10:30",
            "2026-10-05T00:00:00+11:00"
        ),
        23 * HOUR + 30 * MINUTE
    );
    assert_eq!(
        due(&new_york, "2026-03-07T12:00:00-05:00", "24h"),
        "2026-03-08T13:00:00-04:00"
    );
}

/// 02:00–03:00 does not exist in Los Angeles on 2006-04-02; a skipped end point reads an hour later.
#[test]
fn local_times_the_clocks_skip_move_on_by_the_gap() {
    let one = |hours: &str| {
        calendar(&format!(
            "timezone = \"America/Los_Angeles\"\n[week]\nsun = [\"{hours}\"]"
        ))
    };
    let whole = |calendar: &Calendar| {
        worked(
            calendar,
            "2006-04-02T00:00:00-08:00",
            "2006-04-03T00:00:00-07:00",
        )
    };
    assert_eq!(whole(&one("02:00-03:00")), 0, "all of it is skipped");
    assert_eq!(whole(&one("02:30-03:15")), 0, "03:30 is after 03:15");
    assert_eq!(
        whole(&one("01:00-04:00")),
        2 * HOUR,
        "01:00-02:00 and 03:00-04:00"
    );
    assert_eq!(whole(&one("02:00-04:00")), HOUR, "03:00-04:00");
    assert_eq!(whole(&one("02:30-04:00")), HOUR / 2, "03:30-04:00");
    assert_eq!(
        whole(&one("01:00-02:00")),
        HOUR,
        "the end is the change itself"
    );
    let two = calendar(
        "timezone = \"America/Los_Angeles\"\n[week]\nsun = [\"01:00-02:30\", \"02:30-05:00\"]",
    );
    assert_eq!(
        whole(&two),
        3 * HOUR,
        "no minute is counted twice where two intervals meet in the gap"
    );
}

/// 01:00–02:00 comes twice in New York on 2026-11-01; an end point there is the first of the two.
#[test]
fn local_times_that_come_twice_count_as_real_time() {
    let one = |hours: &str| {
        calendar(&format!(
            "timezone = \"America/New_York\"\n[week]\nsun = [\"{hours}\"]"
        ))
    };
    let whole = |calendar: &Calendar| {
        worked(
            calendar,
            "2026-11-01T00:00:00-04:00",
            "2026-11-02T00:00:00-05:00",
        )
    };
    assert_eq!(whole(&one("00:00-03:00")), 4 * HOUR);
    assert_eq!(whole(&one("01:00-02:00")), 2 * HOUR);
    assert_eq!(whole(&one("01:30-03:00")), 2 * HOUR + 30 * MINUTE);
    assert_eq!(whole(&one("00:00-01:30")), HOUR + 30 * MINUTE);
    assert_eq!(whole(&one("02:00-03:00")), HOUR);
}

#[test]
fn a_date_that_never_was_has_no_working_time() {
    // Samoa skipped 2011-12-30 when it crossed the date line.
    let apia = every_day("Pacific/Apia", r#"["00:00-24:00"]"#);
    assert_eq!(
        worked(
            &apia,
            "2011-12-29T00:00:00-10:00",
            "2012-01-01T00:00:00+14:00"
        ),
        48 * HOUR
    );
    assert_eq!(
        due(&apia, "2011-12-29T00:00:00-10:00", "1wd"),
        "2012-01-01T00:00:00+14:00"
    );
}

#[test]
fn summer_time_that_begins_at_midnight_is_no_trap() {
    // Havana goes from 24:00 to 01:00 in spring and repeats 00:00–01:00 in autumn.
    let havana = every_day("America/Havana", r#"["00:00-24:00"]"#);
    let spring = (at("2026-03-07T05:00:00Z"), at("2026-03-10T04:00:00Z"));
    assert_eq!(
        havana.intervals(spring.0, spring.1),
        Ok(vec![Interval {
            from: spring.0,
            to: spring.1
        }])
    );
    assert_eq!(
        worked(&havana, "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        25 * HOUR
    );
}
