//! `shouwen pack …` and `shouwen worktime --pack`, run as programs.

use std::path::{Path, PathBuf};
use std::process::Command;

fn shouwen(arguments: &[&str]) -> (i32, String, String) {
    let out = Command::new(env!("CARGO_BIN_EXE_shouwen")).args(arguments).env_remove("SHOUWEN_DATA").output().unwrap();
    (out.status.code().unwrap_or(-1), String::from_utf8_lossy(&out.stdout).into_owned(), String::from_utf8_lossy(&out.stderr).into_owned())
}

fn packs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("packs")
}

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

#[test]
fn every_shipped_pack_passes_the_whole_check() {
    let found: Vec<PathBuf> = std::fs::read_dir(packs()).unwrap().map(|e| e.unwrap().path()).filter(|p| p.join("pack.toml").exists()).collect();
    assert!(found.len() >= 3, "{found:?}");
    for folder in found {
        let (code, out, err) = shouwen(&["pack", "check", folder.to_str().unwrap()]);
        assert_eq!(code, 0, "{}:\n{out}{err}", folder.display());
        assert!(out.contains("no faults"), "{out}");
    }
}

#[test]
fn a_faulty_pack_is_told_line_by_line_with_exit_code_one() {
    let folder = tempfile::tempdir().unwrap();
    write(
        folder.path(),
        &[
            ("pack.toml", "key = \"x\"\nversion = \"one\"\ntitle = { zh = \"甲\", en = \"X\" }\n"),
            ("calendars/day.toml", "key = \"day\"\ntitle = { zh = \"日\", en = \"Day\" }\ntimezone = \"Asia/Shanghai\"\n[week]\nmon = [\"9-18\"]\n"),
            ("roles.toml", "[[role]]\nkey = \"x\"\ntitle = { zh = \"甲\", en = \"X\" }\npermissions = [\n  \"case.read\",\n  \"case.fly\",\n]\n"),
        ],
    );
    let (code, out, err) = shouwen(&["pack", "check", folder.path().to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (1, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.iter().map(|l| l.split(": ").next().unwrap()).collect::<Vec<_>>(), ["calendars/day.toml:5", "pack.toml:2", "roles.toml:6"], "{out}");
    assert!(lines.iter().all(|line| line.contains("; ")), "what is wrong; what was expected\n{out}");
    assert!(lines[1].starts_with("pack.toml:2: `one` is no version; numbers with points"), "{out}");
    let (code, out, _) = shouwen(&["pack", "check", "/nowhere/at-all"]);
    assert_eq!(code, 1);
    assert!(out.starts_with("/nowhere/at-all:1: the folder cannot be read"), "{out}");
    assert_eq!(shouwen(&["pack", "chek", "x"]).0, 2);
    assert_eq!(shouwen(&["pack", "check"]).0, 2);
    assert_eq!(shouwen(&["pack", "install", "base", "--data", "/nowhere/at-all"]).0, 1, "no installation there");
}

#[test]
fn worktime_reads_the_calendars_of_packs() {
    let base = packs().join("base");
    let due = |arguments: &[&str]| {
        let all: Vec<&str> = ["worktime", "due", "--start", "2026-09-30T16:00:00+08:00", "--budget", "4h", "--json"].into_iter().chain(arguments.iter().copied()).collect();
        shouwen(&all)
    };
    let file = base.join("calendars/office.toml");
    let by_file = due(&["--calendar", file.to_str().unwrap()]);
    let by_key = due(&["--pack", base.to_str().unwrap(), "--calendar", "office"]);
    // Two hours on Wednesday, then the holiday, then two on Thursday 8 October.
    assert_eq!(by_file, (0, "{\"due\":\"2026-10-08T11:00:00+08:00\"}\n".into(), String::new()));
    assert_eq!(by_key, by_file);
    let (code, _, err) = due(&["--pack", base.to_str().unwrap(), "--calendar", "../../x"]);
    assert_eq!(code, 2);
    assert!(err.contains("around-the-clock, extended, office"), "{err}");
}

#[test]
fn worktime_takes_the_key_of_a_shipped_pack_and_calendars_of_packs_it_requires() {
    let due = |pack: &str, calendar: &str| shouwen(&["worktime", "due", "--start", "2026-09-30T16:00:00+08:00", "--budget", "4h", "--json", "--pack", pack, "--calendar", calendar]);
    let right = (0, "{\"due\":\"2026-10-08T11:00:00+08:00\"}\n".to_owned(), String::new());
    assert_eq!(due("base", "office"), right, "a shipped pack by its key");
    assert_eq!(due(packs().join("dealer").to_str().unwrap(), "office"), right, "a calendar of the pack that dealer requires");
    assert_eq!(due("dealer", "workshop").0, 0);
    let (code, _, err) = due("dealer", "nowhere");
    assert_eq!(code, 2);
    assert!(err.contains("showroom, workshop") || err.contains("office, showroom, workshop"), "{err}");
    assert_eq!(due("no-such-pack", "office").0, 2);
}

#[test]
fn packs_that_require_each_other_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let head = |key: &str, other: &str| format!("key = \"{key}\"\nversion = \"1.0\"\ntitle = {{ zh = \"甲\", en = \"A\" }}\nrequires = [\"{other}\"]\n");
    write(folder.path(), &[("one/pack.toml", &head("one", "two")), ("two/pack.toml", &head("two", "one"))]);
    let (code, out, _) = shouwen(&["pack", "check", folder.path().join("one").to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (1, "pack.toml:4: the packs require each other: one → two → one; packs that stand on each other one way only\n"));
}
