//! Calendars, cases and small readers the tests share.
#![allow(dead_code)] // each test file uses its own part

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::Value as Json;
use shouwen_worktime::{Calendar, holidays, instant};

/// A calendar from TOML text with built-in holidays.
pub fn calendar(toml: &str) -> Calendar {
    Calendar::from_toml(toml, "test.toml", &holidays::builtin)
        .unwrap_or_else(|faults| panic!("{faults}\n{toml}"))
}

/// Monday to Friday with these hours in that zone.
pub fn weekdays(zone: &str, hours: &str) -> Calendar {
    let mut toml = format!("timezone = \"{zone}\"\n[week]\n");
    for day in ["mon", "tue", "wed", "thu", "fri"] {
        writeln!(toml, "{day} = {hours}").unwrap();
    }
    calendar(&toml)
}

/// Every day with these hours in that zone.
pub fn every_day(zone: &str, hours: &str) -> Calendar {
    let mut toml = format!("timezone = \"{zone}\"\n[week]\n");
    for day in ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] {
        writeln!(toml, "{day} = {hours}").unwrap();
    }
    calendar(&toml)
}

pub fn at(text: &str) -> i64 {
    instant::parse(text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// A case's calendar as a calendar file, written as the format says.
pub fn case_toml(case: &Json) -> String {
    let mut out = format!(
        "name = \"{}\"\ntimezone = {}\n[week]\n",
        case["id"].as_str().unwrap(),
        case["tz"]
    );
    for (day, spans) in case["hours"].as_object().unwrap() {
        writeln!(out, "{day} = {}", span_list(spans)).unwrap();
    }
    out.push_str("[days]\n");
    let special = case["special_hours"].as_object();
    for date in case["holidays"].as_array().into_iter().flatten() {
        if special.is_none_or(|s| !s.contains_key(date.as_str().unwrap())) {
            writeln!(out, "{date} = []").unwrap();
        }
    }
    for (date, spans) in special.into_iter().flatten() {
        writeln!(out, "\"{date}\" = {}", span_list(spans)).unwrap();
    }
    out
}

fn span_list(spans: &Json) -> String {
    let items: Vec<String> = spans
        .as_array()
        .unwrap()
        .iter()
        .map(|span| {
            format!(
                "\"{}-{}\"",
                span[0].as_str().unwrap(),
                span[1].as_str().unwrap()
            )
        })
        .collect();
    format!("[{}]", items.join(", "))
}

/// A case's breaks (local wall time on a date) as pauses.
pub fn case_pauses(case: &Json) -> Vec<(String, String)> {
    let zone = shouwen_worktime::Calendar::new(shouwen_worktime::CalendarSpec::empty(
        "",
        case["tz"].as_str().unwrap(),
    ))
    .unwrap();
    let mut out = Vec::new();
    for (date, spans) in case["breaks"].as_object().into_iter().flatten() {
        for span in spans.as_array().unwrap() {
            let instant = |i: usize| {
                let local: jiff::civil::DateTime =
                    format!("{date}T{}:00", span[i].as_str().unwrap())
                        .parse()
                        .unwrap();
                local
                    .to_zoned(zone.zone().clone())
                    .unwrap()
                    .timestamp()
                    .to_string()
            };
            out.push((instant(0), instant(1)));
        }
    }
    out
}

/// The shared cases when they are at hand, else the fixture; with the place they came from.
pub fn cases() -> (Vec<Json>, String) {
    let root = std::env::var_os("SHOUWEN_SHARED").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let shared = root.join("data/worktime/cases.jsonl");
    if let Ok(text) = std::fs::read_to_string(&shared) {
        return (read(&text), shared.display().to_string());
    }
    eprintln!(
        "SKIPPED the shared cases: {} is not there; only the fixture runs",
        shared.display()
    );
    fixture()
}

/// The cases kept in this crate.
pub fn fixture() -> (Vec<Json>, String) {
    (
        read(include_str!("../fixtures/cases.jsonl")),
        "tests/fixtures/cases.jsonl".to_owned(),
    )
}

fn read(text: &str) -> Vec<Json> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Runs the command line; exit code, standard output, standard error.
pub fn cli(args: &[&str], stdin: &str) -> (i32, String, String) {
    let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = shouwen_worktime::cli::run(&args, &mut stdin.as_bytes(), &mut out, &mut err);
    (
        code,
        String::from_utf8(out).unwrap(),
        String::from_utf8(err).unwrap(),
    )
}
