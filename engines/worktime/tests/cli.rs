//! The command line: answers, refusals, exit codes.

mod common;

use common::cli;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

const DESK: &str = r#"
name = "客服中心"
timezone = "Asia/Shanghai"
holidays = ["cn-2026.json"]
[week]
mon = ["09:00-18:00"]
tue = ["09:00-18:00"]
wed = ["09:00-18:00"]
thu = ["09:00-18:00"]
fri = ["09:00-18:00"]
"#;

struct Desk {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Desk {
    fn new(toml: &str) -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("desk.toml");
        std::fs::write(&path, toml).unwrap();
        Desk {
            _folder: folder,
            path,
        }
    }

    /// Runs with `--calendar` put in.
    fn run(&self, args: &str) -> (i32, String, String) {
        self.run_with(args, "")
    }

    fn run_with(&self, args: &str, stdin: &str) -> (i32, String, String) {
        let mut args: Vec<&str> = args.split_whitespace().collect();
        args.extend(["--calendar", self.path.to_str().unwrap()]);
        cli(&args, stdin)
    }
}

#[test]
fn answers_in_text_and_json() {
    let desk = Desk::new(DESK);
    for (args, text, json) in [
        (
            "due --start 2026-09-30T16:00:00+08:00 --budget 4h",
            "2026-10-08T11:00:00+08:00",
            json!({"due": "2026-10-08T11:00:00+08:00"}),
        ),
        (
            "due --start 2026-09-30T08:00:00Z --budget=3wd",
            "2026-10-10T18:00:00+08:00",
            json!({"due": "2026-10-10T18:00:00+08:00"}),
        ),
        (
            "due --start 2026-09-30T08:00:00Z --budget 1h --pause 2026-09-30T08:30:00Z..",
            "none while the pause goes on",
            json!({"due": null}),
        ),
        (
            "elapsed --start 2026-09-30T16:00:00+08:00 --end 2026-10-08T10:30:00+08:00 --pause 2026-09-30T16:30:00+08:00..2026-09-30T17:00:00+08:00",
            "10800 s (3h)",
            json!({"seconds": 10800}),
        ),
        (
            "elapsed --end 2026-09-30T16:00:00+08:00 --start 2026-09-30T17:00:00.5+08:00",
            "-3600.5 s (-1h0.5s)",
            json!({"seconds": -3600.5}),
        ),
        (
            "subtract --end 2026-10-08T11:00:00+08:00 --budget 4h",
            "2026-09-30T16:00:00+08:00",
            json!({"start": "2026-09-30T16:00:00+08:00"}),
        ),
        (
            "open --at 2026-10-01T10:00:00+08:00",
            "closed until 2026-10-08T09:00:00+08:00",
            json!({"open": false, "next_open": "2026-10-08T09:00:00+08:00"}),
        ),
        (
            "open --at 2026-10-08T09:00:00+08:00",
            "open",
            json!({"open": true, "next_open": "2026-10-08T09:00:00+08:00"}),
        ),
    ] {
        assert_eq!(
            desk.run(args),
            (0, format!("{text}\n"), String::new()),
            "{args}"
        );
        let (code, out, _) = desk.run(&format!("{args} --json"));
        assert_eq!(
            (code, serde_json::from_str::<Json>(&out).unwrap()),
            (0, json),
            "{args}"
        );
    }
    let (code, out, _) = desk.run("check");
    assert!(
        code == 0
            && out.starts_with("客服中心 (Asia/Shanghai): no faults found\n  mon  09:00-18:00\n"),
        "{out}"
    );
    let (_, out, _) = desk.run("check --json");
    assert_eq!(
        serde_json::from_str::<Json>(&out).unwrap()["week"]["mon"],
        json!(["09:00-18:00"])
    );
}

#[test]
fn bad_questions_are_refused_with_a_remedy() {
    let desk = Desk::new(DESK);
    let start = "--start 2026-09-30T16:00:00+08:00";
    for (args, code, part) in [
        (
            "due --budget 4h".to_owned(),
            2,
            "--start is missing; write --start 2026-10-01T10:00:00+08:00",
        ),
        (
            format!("due {start}"),
            2,
            "--budget is missing; write --budget 72h",
        ),
        (format!("elapsed {start}"), 2, "--end is missing"),
        (
            format!("due {start} --budget 4"),
            2,
            "--budget: \"4\" is no budget: \"4\" has no unit",
        ),
        (
            format!("due {start} --budget -4h"),
            2,
            "--budget: \"-4h\" is no budget: it is negative",
        ),
        (
            format!("due {start} --budget"),
            2,
            "--budget has no value; write --budget 72h",
        ),
        (
            format!("due {start} {start} --budget 4h"),
            2,
            "--start is given twice",
        ),
        (
            "due --start yesterday --budget 4h".to_owned(),
            2,
            "--start: \"yesterday\" is not an instant in RFC 3339",
        ),
        (
            "due --start 2026-09-30T16:00:00 --budget 4h".to_owned(),
            2,
            "no offset",
        ),
        (
            format!("due {start} --budget 4h --pause 2026-09-30T16:00:00Z"),
            2,
            "--pause: \"2026-09-30T16:00:00Z\" is no pause",
        ),
        (
            format!("due {start} --budget 4h --pause 2026-09-30T16:00:00Z..2026-09-29T16:00:00Z"),
            2,
            "--pause: the pause ends",
        ),
        (
            format!("due {start} --budgte 4h"),
            2,
            "\"--budgte\" is no option; did you mean --budget?",
        ),
        (
            format!("elapsd {start} --budget 4h"),
            2,
            "\"elapsd\" is no command; did you mean elapsed?",
        ),
        (
            format!("due {start} --end 2026-09-30T16:00:00Z"),
            2,
            "--end does not go with due; it needs --calendar --start --budget",
        ),
        (format!("due elapsed {start}"), 2, "one word too many"),
        (format!("{start} --budget 4h"), 2, "no command is given"),
        (
            format!("due {start} --batch x.jsonl"),
            2,
            "--start does not go with --batch",
        ),
        (
            "open --batch x.jsonl".to_owned(),
            2,
            "--batch answers due, elapsed and subtract only",
        ),
        (
            "due --batch nowhere.jsonl".to_owned(),
            2,
            "nowhere.jsonl: the file cannot be read",
        ),
        (
            "subtract --end 2026-09-30T16:00:00Z --budget 3wd".to_owned(),
            2,
            "cannot be counted backwards",
        ),
        (
            format!("due {start} --budget 99999999h"),
            1,
            "not used up before 2400",
        ),
    ] {
        let (got, out, err) = desk.run(&args);
        assert_eq!((got, out.as_str()), (code, ""), "{args}: {err}");
        assert!(
            err.starts_with("shouwen worktime: ") && err.contains(part),
            "{args}: {err}"
        );
    }
    assert_eq!(
        cli(
            &["due", "--start", "2026-09-30T16:00:00Z", "--budget", "1h"],
            ""
        )
        .0,
        2
    );
    let closed = Desk::new("timezone = \"UTC\"");
    let (code, _, err) = closed.run(&format!("due {start} --budget 4h"));
    assert!(code == 1 && err.contains("no working time at all"), "{err}");
    let broken = Desk::new("timezone = \"Mars\"\n[week]\nmon = [\"x\"]");
    let (code, _, err) = broken.run(&format!("due {start} --budget 4h"));
    assert!(
        code == 2
            && err.lines().count() == 2
            && err.contains("desk.toml:1: timezone")
            && err.contains("desk.toml:3: week.mon[0]"),
        "{err}"
    );
}

#[test]
fn help_is_there_on_every_level_with_examples_and_exit_codes() {
    for args in [
        &[][..],
        &["--help"],
        &["help"],
        &["due", "--help"],
        &["elapsed", "-h"],
        &["subtract", "--help"],
        &["open", "--help"],
        &["check", "--help"],
        &["help", "due"],
    ] {
        let (code, out, err) = cli(args, "");
        assert_eq!((code, err.as_str()), (0, ""), "{args:?}");
        assert!(
            out.contains("Example") && out.contains("Exit codes:") && out.contains("Usage:"),
            "{args:?}: {out}"
        );
    }
}

#[test]
fn a_batch_keeps_its_order_and_puts_errors_on_their_lines() {
    let desk = Desk::new(DESK);
    let input = [
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00","budget":"4h","pauses":[]}"#,
        r#"{"op":"elapsed","start":"2026-09-30T16:00:00+08:00","end":"2026-10-08T10:00:00+08:00","budget":null,"id":"x"}"#,
        "not json",
        "",
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00"}"#,
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00","budget":72}"#,
        r#"{"op":"dua","start":"2026-09-30T16:00:00+08:00","budget":"1h"}"#,
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00","budget":"1h","pause":[]}"#,
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00","budget":"1h","pauses":[["2026-09-30T16:00:00+08:00"]]}"#,
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00","budget":"1h","pauses":[["2026-09-30T16:30:00+08:00",null]]}"#,
        r#"{"op":"due","start":"2026-09-30T16:00:00+08:00","budget":"1h","pauses":[["2026-09-30T16:30:00+08:00","2026-09-30T17:00:00+08:00"]]}"#,
        r#"{"start":"2026-09-30T16:00:00+08:00","budget":"1h"}"#,
        "[1]",
        r#"{"op":"subtract","end":"2026-10-08T11:00:00+08:00","budget":"4h"}"#,
    ]
    .join("\r\n");
    let (code, out, err) = desk.run_with("--batch -", &input);
    let lines: Vec<Json> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!((code, lines.len()), (0, 13));
    assert_eq!(lines[0], json!({"due": "2026-10-08T11:00:00+08:00"}));
    assert_eq!(lines[1], json!({"seconds": 10800}));
    for (line, part) in [
        (2, "the line is not JSON"),
        (3, "\"budget\" is missing"),
        (4, "budget: expected a text; give a budget such as \"72h\""),
        (5, "\"dua\" is no operation"),
        (6, "\"pause\" is not known here; did you mean \"pauses\"?"),
        (7, "pauses[0]: this is no list of pauses"),
        (10, "\"op\" is missing"),
        (11, "no JSON object"),
    ] {
        assert!(
            lines[line]["error"].as_str().unwrap().contains(part),
            "{line}: {}",
            lines[line]
        );
    }
    assert_eq!(lines[8], json!({"due": null}));
    assert_eq!(lines[9], json!({"due": "2026-09-30T17:30:00+08:00"}));
    assert_eq!(lines[12], json!({"start": "2026-09-30T16:00:00+08:00"}));
    assert!(err.contains("8 of 13 lines could not be answered"), "{err}");
    // A command before --batch is the operation of lines that name none.
    let (_, out, err) = desk.run_with(
        "due --batch - --json",
        r#"{"start":"2026-09-30T16:00:00+08:00","budget":"1h"}"#,
    );
    assert_eq!(
        (out.as_str(), err.as_str()),
        ("{\"due\":\"2026-09-30T17:00:00+08:00\"}\n", "")
    );
}

#[test]
fn a_batch_line_too_long_or_not_text_is_an_error_on_its_line_and_the_next_goes_on() {
    let desk = Desk::new(DESK);
    let file = desk.path.with_file_name("q.jsonl");
    let good = br#"{"op":"elapsed","start":"2026-09-30T16:00:00Z","end":"2026-09-30T16:00:00Z"}"#;
    let long = vec![b'x'; (1 << 20) * 2 + 7];
    std::fs::write(
        &file,
        [&good[..], b"\n", &long, b"\n\xff\xfe\n", good].concat(),
    )
    .unwrap();
    let (code, out, _) = desk.run(&format!("--batch {}", file.display()));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((code, lines.len()), (0, 4));
    assert_eq!((lines[0], lines[3]), ("{\"seconds\":0}", "{\"seconds\":0}"));
    assert!(lines[1].contains("longer than 1 MiB") && lines[2].contains("not JSON"));
}

#[test]
fn a_reader_that_goes_away_is_no_panic() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let desk = Desk::new(DESK);
    let line = br#"{"op":"elapsed","start":"2026-09-30T16:00:00Z","end":"2026-09-30T16:00:00Z"}"#;
    for args in [vec!["--help"], vec!["check"], vec!["--batch", "-"]] {
        let mut args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
        args.extend(["--calendar".to_owned(), desk.path.display().to_string()]);
        assert_eq!(
            shouwen_worktime::cli::run(&args, &mut &line[..], &mut Closed, &mut Closed),
            1,
            "{args:?}"
        );
    }
}
