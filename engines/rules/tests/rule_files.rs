//! Files of rules: read, checked, written; the command line.

use std::fs;

use serde_json::json;
use shouwen_rules::{Known, Party, Rule, RuleFile, RuleSet, Span, Trigger, Vocabulary, cli};

const GOOD: &str = r#"
[[rule]]
key = "upgrade-signals"
title = { zh = "升级信号", en = "Upgrade signals" }
when = { on = ["case.opened", "case.message_received"] }
if = 'message.text contains any "12315", "媒体" and not tag contains upgraded'
then = [
  { do = "set_priority", priority = "urgent" },
  { do = "tag", tags = "upgraded" },
  { do = "notify", to = ["role:manager", "accountable"], text = { zh = "{number} 出现升级信号：{title}", en = "{number} shows upgrade signals: {title}" } },
]
order = 10
once_per = "case"

[[rule]]
key = "stuck"
title = "Stuck"
when = [{ after = "2h", stage = "handling" }, { after = "3d", since = "closed_at" }, { every = "1h" }, { cron = "0 9 * * mon-fri", zone = "Asia/Shanghai" }, { before = "2d", of = "fields.visit_at" }]
then = [{ do = "escalate", level = 2, reason = "stuck" }, { do = "run_macro", macro = "hurry" }]
enabled = false

[[macro]]
key = "hurry"
title = { zh = "催办", en = "Hurry" }
if = "优先级 不是 low"
then = [
  { do = "open_child", type = "work_order", title = "核查 {number}", team = "network", target = "2wd", fields = { cause = "network" } },
  { do = "set_field", field = "fields.urged", value = 1 },
]
"#;

#[test]
fn a_file_is_read_and_written_and_read_again() {
    let v = Vocabulary::standard();
    let file = RuleFile::read(GOOD, "rules.toml", &v).unwrap_or_else(|faults| panic!("{faults:#?}"));
    assert_eq!((file.rules.len(), file.macros.len()), (2, 1));
    assert_eq!(file.rules[1].when.len(), 5);
    assert!(matches!(&file.rules[1].when[0], Trigger::After(a) if a.after == Span::Seconds(7200) && a.stage.as_deref() == Some("handling")));
    assert_eq!(shouwen_rules::text::print(&file.macros[0].condition), "priority is not low");
    let toml = file.to_toml();
    assert_eq!(RuleFile::read(&toml, "again.toml", &v).as_ref(), Ok(&file), "{toml}");
    assert!(toml.contains("contains any"), "{toml}");
    let json = serde_json::to_string_pretty(&file).unwrap();
    assert_eq!(RuleFile::read(&json, "rules.json", &v).as_ref(), Ok(&file));
    assert_eq!(serde_json::from_str::<RuleFile>(&json).unwrap(), file);
    assert!(file.rules.iter().all(|rule| rule.faults(&v).iter().all(|f| f.wrong.contains("macro"))));
}

#[test]
fn a_file_with_a_fault_on_every_line_tells_them_all() {
    let bad = r#"[[rule]]
key = "Bad Key"
title = { zh = "只有中文" }
when = { on = "case.opend" }
if = 'priorty is urgent'
then = [
  { do = "asign", team = "x" },
  { do = "assign" },
  { do = "tag", tag = "x" },
  { do = "set_priority", priority = "urgnt" },
  { do = "set_field", field = "number", value = "1" },
  { do = "set_field", field = "priority", value = "top" },
  { do = "notify", to = "rolle:x", text = "{numbr}" },
  { do = "open_child", type = "w", title = "t", target = "2x" },
  { do = "escalate", level = 99, reason = "r" },
  "tag",
]
order = "first"
stop = "yes"
once_per = "week"
colour = "red"
[[rule]]
key = "b"
title = "B"
when = { after = "2h" }
if = '''
title is a
  and nope is b'''
then = []
[[rule]]
key = "b"
title = "B"
when = { cron = "0 25 * * *", on = "x" }
then = [{ do = "run_macro", macro = "missing" }]
"#;
    let faults = RuleFile::read(bad, "bad.toml", &Vocabulary::standard()).unwrap_err();
    let lines: Vec<u32> = faults.iter().filter_map(|f| f.line).collect();
    for line in [2, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 25, 28, 31, 33, 34] {
        assert!(lines.contains(&line), "no fault on line {line}: {faults:#?}");
    }
    assert!(faults.iter().all(|f| !f.wrong.is_empty() && !f.right.is_empty()));
    let at = |line: u32| faults.iter().find(|f| f.line == Some(line)).unwrap();
    assert_eq!((at(5).column, at(5).right.as_str()), (Some(7), "did you mean `priority`?"));
    assert_eq!(at(28).column, Some(7));
    assert_eq!(at(7).right, "did you mean `assign`?");
    assert_eq!(at(4).right, "did you mean `case.opened`?");
    assert!(at(9).right.contains("tags"));
}

#[test]
fn names_that_exist_are_checked_where_they_are_known() {
    let mut v = Vocabulary::standard();
    v.known.insert(Known::Team, vec!["complaints".into(), "network".into()]);
    let rule = json!({"key": "r", "title": "R", "when": {"on": "case.*"}, "then": [{"do": "assign", "team": "complaint"}, {"do": "notify", "to": "team:netwrk", "text": "x"}]});
    let faults = Rule::from_value(&rule, &v).unwrap_err();
    assert_eq!(faults.iter().map(|f| (f.path.as_str(), f.right.as_str())).collect::<Vec<_>>(), [("then[0].team", "did you mean `complaints`?"), ("then[1].to", "did you mean `network`?")]);
}

#[test]
fn parties_are_texts() {
    for text in ["assignee", "accountable", "watchers", "team", "team_lead", "owner", "person:per_1", "team:t", "role:manager"] {
        assert_eq!(text.parse::<Party>().unwrap().to_string(), text);
    }
    assert!("manager".parse::<Party>().unwrap_err().contains("one of"));
}

fn run(args: &[&str], stdin: &str) -> (i32, String, String) {
    let args: Vec<String> = args.iter().map(|a| (*a).to_owned()).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = cli::run(&args, &mut stdin.as_bytes(), &mut out, &mut err);
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

#[test]
fn cli_test_counts_firings_over_events_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("rules.toml");
    fs::write(&rules, GOOD).unwrap();
    let rules = rules.to_str().unwrap();
    let events = [
        json!({"kind": "case.opened", "at": "2026-03-02T09:00:00+08:00", "case": "C-1", "facts": {"message": {"text": "我要打 12315"}, "tag": []}}),
        json!({"kind": "case.message_received", "at": "2026-03-02T10:00:00+08:00", "case": "C-1", "facts": {"message.text": "再打12315", "tag": []}}),
        json!({"kind": "case.message_received", "at": "2026-03-02T11:00:00+08:00", "case": "C-2", "facts": {"message.text": "媒体", "tag": ["upgraded"]}}),
        json!({"kind": "case.opened", "at": "2026-03-02T11:00:00+08:00", "case": "C-3", "facts": {"message.text": "谢谢", "tag": []}}),
    ];
    let lines: String = events.iter().map(|e| format!("{e}\n")).collect();
    let (code, out, err) = run(&["test", rules, "--events", "-"], &lines);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("4 events, 1 firings"), "{out}");
    assert!(out.contains("upgrade-signals: would have fired 1 times for 1 cases; asked 4 times, 1 used up"), "{out}");
    assert!(out.contains("message.text contains any \"12315\", \"媒体\" (found \"我要打 12315\")"), "{out}");
    let (code, out, _) = run(&["test", rules, "--events", "-", "--json"], &lines);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["rules"][0]["fired"]), (0, &json!(1)));
    let (_, out, _) = run(&["test", rules, "--events", "-", "--explain", "3"], &lines);
    assert!(out.contains("upgrade-signals: not: tag contains upgraded (found [\"upgraded\"])"), "{out}");
    let (code, _, err) = run(&["test", rules, "--events", "-"], "{\"kind\": 1}\n");
    assert_eq!(code, 1);
    assert!(err.starts_with("-:1:"), "{err}");
    let (code, out, _) = run(&["fmt", rules], "");
    assert_eq!(code, 0);
    assert!(RuleFile::read(&out, "x.toml", &Vocabulary::standard()).is_ok());
}

#[test]
fn cli_faults_name_file_line_and_column() {
    let dir = tempfile::tempdir().unwrap();
    let rules = dir.path().join("r.toml");
    fs::write(&rules, "[[rule]]\nkey = \"a\"\ntitle = \"A\"\nwhen = { on = \"case.opened\" }\nif = 'priority iss urgent'\nthen = [{ do = \"tag\", tags = \"x\" }]\n").unwrap();
    let (code, _, err) = run(&["check", rules.to_str().unwrap()], "");
    assert_eq!(code, 1);
    assert!(err.contains("r.toml:5:16: rule[0].if: expected an operator after `priority`, found `iss`; did you mean `is`?"), "{err}");
    for (args, code) in [(&["check"][..], 2), (&["tset", "x"], 2), (&["test", "x"], 2), (&["check", "/nowhere.toml"], 1), (&["--help"], 0), (&["check", "x", "--event", "y"], 2), (&[], 2)] {
        assert_eq!(run(args, "").0, code, "{args:?}");
    }
}

#[test]
fn macros_unfold_and_never_run_in_circles() {
    let v = Vocabulary::standard();
    let file = RuleFile::read(GOOD, "rules.toml", &v).unwrap();
    let set = RuleSet::new(&file.rules, &file.macros);
    let stuck = set.rule("stuck").unwrap();
    assert_eq!(set.expand(&stuck.then).iter().map(|a| a.name()).collect::<Vec<_>>(), ["escalate", "open_child", "set_field"]);
    let round: RuleFile = serde_json::from_value(json!({"macro": [
        {"key": "a", "title": "A", "then": [{"do": "run_macro", "macro": "b"}, {"do": "tag", "tags": ["x"]}]},
        {"key": "b", "title": "B", "then": [{"do": "run_macro", "macro": "a"}]},
    ]})).unwrap();
    let set = RuleSet::new(&[], &round.macros);
    assert!(set.expand(&round.macros[0].then).len() <= 4);
}
