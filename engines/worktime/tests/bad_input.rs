//! Every bad calendar gets an answer that names file, line, field, what was wrong and what would be right.

use shouwen_worktime::{Calendar, Fault, HolidayYear, files, holidays};

fn faults(toml: &str) -> Vec<String> {
    let faults = Calendar::from_toml(toml, "desk.toml", &holidays::builtin)
        .expect_err("this calendar is bad");
    faults.0.iter().map(Fault::to_string).collect()
}

#[track_caller]
fn one(toml: &str, expected: &str) {
    let found = faults(toml);
    assert!(
        found.len() == 1 && found[0].starts_with(expected),
        "expected {expected:?}, found {found:#?}"
    );
}

#[test]
fn each_fault_has_its_line_field_and_remedy() {
    let ok = "timezone = \"UTC\"\n";
    one(
        "",
        "desk.toml: timezone: the time zone is missing; write timezone = \"Asia/Shanghai\"",
    );
    one(
        "timezone = \"Asia/Shangai\"",
        "desk.toml:1: timezone: \"Asia/Shangai\" is no known time zone; did you mean \"Asia/Shanghai\"?",
    );
    one(
        "timezone = 8",
        "desk.toml:1: timezone: expected a text, found a number",
    );
    one(
        "timezone = \"\"",
        "desk.toml:1: timezone: \"\" is no known time zone",
    );
    one(
        &format!("{ok}[week]\nmon = \"09:00-18:00\""),
        "desk.toml:3: week.mon: expected a list of intervals, found a text",
    );
    one(
        &format!("{ok}[week]\nmon = [\n  \"09:00-12:00\",\n  \"25:00-26:00\"]"),
        "desk.toml:5: week.mon[1]: \"25:00-26:00\" is no interval of a day: its start \"25:00\" is after 24:00",
    );
    one(
        &format!("{ok}[week]\nmon = [9]"),
        "desk.toml:3: week.mon[0]: expected a text, found a number",
    );
    one(
        &format!("{ok}[week]\nmoon = []"),
        "desk.toml:3: week.moon: \"moon\" is not known here; did you mean \"mon\"?",
    );
    one(
        &format!("{ok}[week]\nfeiertag = []"),
        "desk.toml:3: week.feiertag: \"feiertag\" is not known here; known here: mon, tue",
    );
    one(
        &format!("{ok}week = []"),
        "desk.toml:2: week: expected a table, found a list",
    );
    one(
        &format!("{ok}[days]\n\"2026-02-29\" = []"),
        "desk.toml:3: days.2026-02-29: \"2026-02-29\" is no date",
    );
    one(
        &format!("{ok}[days]\n\"2026-2-1\" = []"),
        "desk.toml:3: days.2026-2-1: \"2026-2-1\" is no date",
    );
    one(
        &format!("{ok}[days]\n\"2026-10-01\" = \"closed\""),
        "desk.toml:3: days.2026-10-01: \"closed\" is no weekday",
    );
    one(
        &format!("{ok}[days]\n\"2026-10-01\" = true"),
        "desk.toml:3: days.2026-10-01: expected a list of intervals, found true or false",
    );
    one(
        &format!("{ok}makeup_like = \"monday\""),
        "desk.toml:2: makeup_like: \"monday\" is no weekday",
    );
    one(
        &format!("{ok}holidays = \"cn-2026.json\""),
        "desk.toml:2: holidays: expected a list of holiday files, found a text",
    );
    one(
        &format!("{ok}holidays = [\n\"cn-2031.json\"]"),
        "desk.toml:3: holidays[0]: there is no holiday file \"cn-2031.json\" and none of that name is built in; put it beside the calendar, or use one of the built-in cn-2024.json",
    );
    one(
        &format!("{ok}holidays = [1]"),
        "desk.toml:2: holidays[0]: expected the name of a holiday file, found a number",
    );
    one(
        &format!("{ok}feiertage = []"),
        "desk.toml:2: feiertage: \"feiertage\" is not known here; known here: name, timezone",
    );
    one(
        &format!("{ok}name = \"unfinished"),
        "desk.toml:2: this is not TOML",
    );
    one(
        &format!("{ok}timezone = \"UTC\""),
        "desk.toml:2: this is not TOML: duplicate key",
    );
    one(
        &format!("holidays = []\n{ok}[days]\nholidays = []"),
        "desk.toml:4: holidays: holidays is given twice",
    );
}

#[test]
fn a_calendar_with_a_fault_on_every_line_gets_them_all_in_order() {
    let found = faults(
        "timezone = \"Mars/Base\"\nfoo = 1\nholidays = [\"no.json\"]\n[week]\nmon = [\"9\"]\ntue = 3\n[days]\nx = []\n",
    );
    let lines: Vec<&str> = found.iter().map(|f| f.split(':').nth(1).unwrap()).collect();
    assert_eq!(lines, ["1", "2", "3", "5", "6", "8"], "{found:#?}");
}

#[test]
fn json_calendars_name_the_field() {
    let found = |json: &str| Calendar::from_json_text(json).unwrap_err().to_string();
    assert!(
        found(r#"{"timezone":"UTC","week":{"mon":["09:00-12:00","12-13"]}}"#)
            .starts_with("week.mon[1]: \"12-13\" is no interval")
    );
    assert!(
        found(r#"{"timezone":"UTC","days":{"2026-13-01":[]}}"#)
            .starts_with("days.2026-13-01: \"2026-13-01\" is no date")
    );
    assert!(
        found(r#"{"timezone":"UTC","holidays":[{"off":["x"]}]}"#)
            .starts_with("holidays[0].off[0]: \"x\" is no date")
    );
    assert!(found(r#"{"timezone":null}"#).starts_with("timezone: expected a text, found null"));
    assert!(
        found(r#"{"timezone":"UTC","week":{"mon":[],"holidays":[]}}"#)
            .contains("week.holidays: \"holidays\" is not known here")
    );
    assert!(found("[]").starts_with("a calendar is a table, this is a list"));
    assert!(found("{\n\"timezone\": ").starts_with("line 2: this is not JSON"));
    assert!(serde_json::from_str::<Calendar>(r#"{"timezone":"Nowhere"}"#).is_err());
}

/// TOML puts a key below `[days]` into that table; the documented example does so, and it is read as meant.
#[test]
fn holidays_written_last_are_read_as_meant() {
    let calendar = Calendar::from_toml(
        "timezone = \"Asia/Shanghai\"\n[week]\nmon = [\"09:00-18:00\"]\n[days]\n2026-12-31 = \"mon\"\nholidays = [\"cn-2026.json\"]\nmakeup_like = \"mon\"\n",
        "desk.toml",
        &holidays::builtin,
    )
    .unwrap();
    assert_eq!(calendar.spec().holidays.len(), 1);
    assert_eq!(calendar.spec().days.len(), 1);
}

#[test]
fn files_are_found_beside_the_calendar_before_the_built_in_ones() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("desk.toml");
    let write = |name: &str, text: &[u8]| std::fs::write(folder.path().join(name), text).unwrap();
    write("desk.toml", b"\xef\xbb\xbftimezone = \"Asia/Shanghai\"\r\nholidays = [\"cn-2026.json\", \"own.json\"]\r\n");
    write(
        "own.json",
        br#"{"off": ["2026-11-11"], "work": ["2026-11-14"]}"#,
    );
    let calendar = files::load_calendar(&path).unwrap();
    assert_eq!(calendar.spec().holidays[0].off.len(), 33, "built in");
    assert_eq!(calendar.spec().holidays[1].work.len(), 1);
    write("cn-2026.json", br#"{"off": ["2026-01-01"]}"#);
    assert_eq!(
        files::load_calendar(&path).unwrap().spec().holidays[0]
            .off
            .len(),
        1,
        "the file beside it wins"
    );
    write("own.json", b"{\"off\": [\"2026-11-31\"]}");
    let fault = files::load_calendar(&path).unwrap_err().to_string();
    assert!(
        fault.contains("own.json: off[0]: \"2026-11-31\" is no date"),
        "{fault}"
    );
    write("own.json", br#"{"work": ["2026-01-01"]}"#);
    let fault = files::load_calendar(&path).unwrap_err().to_string();
    assert!(
        fault.contains("2026-01-01 is off in \"cn-2026.json\" and a working day in \"own.json\""),
        "{fault}"
    );
    write("own.json", b"{\"off\": [\n\"2026");
    assert!(
        files::load_calendar(&path)
            .unwrap_err()
            .to_string()
            .contains("own.json:2: this is not JSON")
    );
}

#[test]
fn unreadable_files_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let fault = |name: &str| {
        files::load_calendar(&folder.path().join(name))
            .unwrap_err()
            .to_string()
    };
    assert!(fault("none.toml").contains("none.toml: there is no such file"));
    assert!(fault(".").contains("a folder") || fault(".").contains("cannot be read"));
    std::fs::write(
        folder.path().join("bin.toml"),
        b"name = \"a\"\nname2 = \"\xff\"",
    )
    .unwrap();
    assert!(fault("bin.toml").contains("bin.toml:2: the file is not UTF-8"));
    std::fs::write(folder.path().join("big.toml"), vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(fault("big.toml").contains("larger than 1 MiB"));
}

#[test]
fn holiday_years_survive_their_json() {
    for year in 2024..=2026 {
        let known = shouwen_worktime::builtin_holidays(year).unwrap();
        assert_eq!(
            HolidayYear::from_json(&known.to_json().to_string(), "x").unwrap(),
            known
        );
    }
}
