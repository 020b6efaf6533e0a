//! Business-time cases of other products, run through the library and through the command line.

mod common;

use common::{at, calendar, case_pauses, case_toml, cases, cli, fixture};
use serde_json::{Value as Json, json};
use shouwen_worktime::{Budget, Pause, SECOND, instant};

fn check(case: &Json) -> Result<(), String> {
    let calendar = calendar(&case_toml(case));
    let start = at(case["start"].as_str().unwrap());
    let pauses: Vec<Pause> = case_pauses(case)
        .iter()
        .map(|(a, b)| Pause::new(at(a), at(b)))
        .collect();
    let amount = case["amount_s"].as_i64().unwrap_or(0) * SECOND;
    let got = match case["op"].as_str().unwrap() {
        "add" => json!(
            calendar
                .due(start, Budget::Time(amount), &pauses)
                .unwrap()
                .map(instant::show_utc)
        ),
        "subtract" => json!(instant::show_utc(
            calendar.subtract(start, amount, &pauses).unwrap()
        )),
        "between" => json!(
            calendar
                .elapsed(start, at(case["end"].as_str().unwrap()), &pauses)
                .unwrap()
                / SECOND
        ),
        other => return Err(format!("{}: unknown op {other}", case["id"])),
    };
    let expected = expected(case, &calendar, &pauses);
    if got == expected {
        Ok(())
    } else {
        Err(format!(
            "{} {}: got {got}, expected {expected}",
            case["id"], case["name"]
        ))
    }
}

/// What the case expects under our documented policy, which differs from some products in two points:
/// an end before the start counts negative (not 0), and what is used up at closing is due at closing.
fn expected(case: &Json, calendar: &shouwen_worktime::Calendar, pauses: &[Pause]) -> Json {
    match case["ref"].as_str() {
        Some("agree_reversed") => {
            let (start, end) = (
                at(case["start"].as_str().unwrap()),
                at(case["end"].as_str().unwrap()),
            );
            let forward = calendar.elapsed(end, start, pauses).unwrap();
            assert!(
                forward > 0,
                "a reversed case with no working time would say nothing"
            );
            json!(-forward / SECOND)
        }
        _ if case["op"] == "between" => case["expected_s"].clone(),
        _ => case["expected"].clone(),
    }
}

fn check_all((cases, source): (Vec<Json>, String)) {
    let failures: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(
        failures.is_empty(),
        "{} of {} of {source}:\n{}",
        failures.len(),
        cases.len(),
        failures.join("\n")
    );
    println!("{} cases of {source} agree", cases.len());
}

#[test]
fn the_cases_kept_here_agree() {
    let (cases, source) = fixture();
    assert_eq!(cases.len(), 32);
    check_all((cases, source));
}

#[test]
fn all_shared_cases_agree() {
    check_all(cases());
}

/// The same through `shouwen worktime`, singly and as a batch, as an outsider would ask.
#[test]
fn the_command_line_answers_the_cases() {
    let folder = tempfile::tempdir().unwrap();
    for case in cases().0 {
        let file = folder.path().join("c.toml");
        std::fs::write(&file, case_toml(&case)).unwrap();
        let file = file.to_str().unwrap();
        let calendar = calendar(&case_toml(&case));
        let pairs = case_pauses(&case);
        let pauses: Vec<Pause> = pairs
            .iter()
            .map(|(a, b)| Pause::new(at(a), at(b)))
            .collect();
        let budget = format!("{}s", case["amount_s"].as_i64().unwrap_or(0));
        let start = case["start"].as_str().unwrap();
        let pause_args: Vec<String> = pairs
            .iter()
            .map(|(a, b)| format!("--pause={a}..{b}"))
            .collect();
        let (mut args, line, key) = match case["op"].as_str().unwrap() {
            "add" => (
                vec!["due", "--start", start, "--budget", &budget],
                json!({"op": "due", "start": start, "budget": budget, "pauses": pairs}),
                "due",
            ),
            "subtract" => (
                vec!["subtract", "--end", start, "--budget", &budget],
                json!({"op": "subtract", "end": start, "budget": budget}),
                "start",
            ),
            _ => {
                let end = case["end"].as_str().unwrap();
                let line = json!({"op": "elapsed", "start": start, "end": end, "pauses": pairs});
                (
                    vec!["elapsed", "--start", start, "--end", end],
                    line,
                    "seconds",
                )
            }
        };
        args.extend(["--calendar", file, "--json"]);
        args.extend(pause_args.iter().map(String::as_str));
        let (code, out, err) = cli(&args, "");
        assert_eq!((code, err.as_str()), (0, ""), "{}", case["id"]);
        let single: Json = serde_json::from_str(&out).unwrap();
        let got = match single[key].as_str() {
            Some(text) => json!(instant::show_utc(at(text))),
            None => single[key].clone(),
        };
        assert_eq!(got, expected(&case, &calendar, &pauses), "{}", case["id"]);
        let (code, out, _) = cli(&["--calendar", file, "--batch", "-"], &line.to_string());
        assert_eq!(
            (code, serde_json::from_str::<Json>(&out).unwrap()),
            (0, single),
            "{}",
            case["id"]
        );
    }
}

/// A subtracted instant is so far back that exactly the amount lies between.
#[test]
fn subtract_cases_have_their_amount_in_between() {
    for case in cases().0.iter().filter(|case| case["op"] == "subtract") {
        let calendar = calendar(&case_toml(case));
        let (from, to) = (
            at(case["expected"].as_str().unwrap()),
            at(case["start"].as_str().unwrap()),
        );
        assert_eq!(
            calendar.elapsed(from, to, &[]).unwrap(),
            case["amount_s"].as_i64().unwrap() * SECOND,
            "{}",
            case["id"]
        );
    }
}
