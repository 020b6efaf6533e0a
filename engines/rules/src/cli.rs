//! `shouwen rules`: the engine on plain files. The only place here that reads files.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};

use crate::condition::Fault;
use crate::dry_run::{DryRun, PastEvent, Report, in_words};
use crate::rule::RuleFile;
use crate::set::{Event, RuleSet};
use crate::vocabulary::Vocabulary;

const OK: i32 = 0;
/// A file has faults, or reading and writing failed.
const FAULTS: i32 = 1;
/// The command line is wrong.
const USAGE: i32 = 2;
/// A line longer than this is refused, so that no input can fill the memory.
const LONGEST_LINE: u64 = 4 << 20;

const HELP: &str = "\
shouwen rules: automation rules on plain files (规则：检查与试运行)

Usage:
  shouwen rules check FILE                                    faults with line and column; rings among the rules
  shouwen rules test  FILE --events FILE.jsonl [--json]       which rules would have fired over past events, and why
                      [--samples N] [--explain LINE]          firings shown of each rule (3); every rule's verdict on one line
  shouwen rules fmt   FILE                                    the file in canonical form, to standard output

FILE is TOML ([[rule]], [[macro]]) or JSON. Events are JSON, one a line; `-` reads standard input:
  {\"kind\": \"case.opened\", \"at\": \"2026-03-02T09:00:00+08:00\", \"case\": \"C-1\", \"facts\": {\"priority\": \"urgent\"}, \"before\": {}}
Nothing is carried out. A line that is no event is told and passed over; the rest is tried, and the exit code is 1.

Exit codes: 0 done, 1 faults in a file, of rules or of events (each told as FILE:LINE:COLUMN: what is wrong; what would be right), 2 wrong use.
";

#[derive(Default)]
struct Given {
    words: Vec<String>,
    events: Option<String>,
    samples: Option<usize>,
    explain: Option<u64>,
    json: bool,
    help: bool,
}

/// Runs `shouwen rules` with the arguments after the word `rules`; returns the exit code. Answers go to `out`,
/// everything else to `err`.
pub fn run(args: &[String], stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    let given = match read(args) {
        Ok(given) => given,
        Err(wrong) => return usage(err, &wrong),
    };
    let words: Vec<&str> = given.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        _ if given.help => written(write!(out, "{HELP}")),
        [] | ["help"] => {
            let code = written(write!(out, "{HELP}"));
            if words.is_empty() { USAGE } else { code }
        }
        ["check" | "test" | "fmt"] => usage(err, "which file? shouwen rules test FILE --events FILE.jsonl"),
        ["check", file] => with_rules(file, err, |rules, err| check(&rules, file, out, err)),
        ["fmt", file] => with_rules(file, err, |rules, _| written(write!(out, "{}", rules.to_toml()))),
        ["test", file] => match &given.events {
            None => usage(err, "--events is missing; write --events FILE.jsonl, or --events - for standard input"),
            Some(events) => with_rules(file, err, |rules, err| test(&rules, events, &given, stdin, out, err)),
        },
        ["check" | "test" | "fmt", _, more, ..] => usage(err, &format!("`{more}` is one word too many")),
        [other, ..] => usage(err, &format!("there is no command `{other}`; {}", crate::suggest(other, ["check", "test", "fmt"]))),
    }
}

fn read(args: &[String]) -> Result<Given, String> {
    let mut given = Given::default();
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let (name, inline) = match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
            _ => (arg.as_str(), None),
        };
        let mut value = || inline.clone().or_else(|| rest.next().cloned()).filter(|v| !v.is_empty()).ok_or(format!("{name} stands without a value"));
        match name {
            "--json" => given.json = true,
            "--help" | "-h" => given.help = true,
            "--events" => given.events = Some(value()?),
            "--samples" => given.samples = Some(value()?.parse().ok().filter(|n| *n <= 1000).ok_or("--samples takes a number up to 1000")?),
            "--explain" => given.explain = Some(value()?.parse().ok().filter(|n| *n > 0).ok_or("--explain takes the number of a line, from 1")?),
            option if option.starts_with("--") => return Err(format!("there is no option `{option}`; {}", crate::suggest(option, ["--events", "--samples", "--explain", "--json", "--help"]))),
            word => given.words.push(word.to_owned()),
        }
    }
    Ok(given)
}

fn with_rules(file: &str, err: &mut dyn Write, then: impl FnOnce(RuleFile, &mut dyn Write) -> i32) -> i32 {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) => return failed(err, &format!("{file}: cannot be read: {error}")),
    };
    match RuleFile::read(&text, file, &Vocabulary::standard()) {
        Ok(rules) => then(rules, err),
        Err(faults) => {
            for fault in &faults {
                told(err, file, fault);
            }
            FAULTS
        }
    }
}

/// `FILE:LINE:COLUMN: path: what is wrong; what would be right`
fn told(err: &mut dyn Write, file: &str, fault: &Fault) {
    let bare = Fault { line: None, column: None, ..fault.clone() };
    let _ = writeln!(err, "{file}:{}:{}: {bare}", fault.line.unwrap_or(1), fault.column.unwrap_or(1));
}

fn check(rules: &RuleFile, file: &str, out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    let set = RuleSet::new(&rules.rules, &rules.macros);
    for cycle in set.cycles() {
        let through = if cycle.fields.is_empty() { String::new() } else { format!(" through {}", cycle.fields.join(", ")) };
        let _ = writeln!(err, "{file}: note: {} can start each other{through}; a rule never fires on its own consequence, so it ends after one round", cycle.rules.join(" → "));
    }
    written(writeln!(out, "{file}: {} rules, {} macros, no faults", rules.rules.len(), rules.macros.len()))
}

fn test(rules: &RuleFile, events: &str, given: &Given, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    let mut input: Box<dyn BufRead + '_> = if events == "-" {
        Box::new(BufReader::new(stdin))
    } else {
        match File::open(events) {
            Ok(file) => Box::new(BufReader::new(file)),
            Err(error) => return failed(err, &format!("{events}: cannot be read: {error}")),
        }
    };
    let set = RuleSet::new(&rules.rules, &rules.macros);
    let mut run = DryRun::new(&set, given.samples.unwrap_or(3), 0);
    let (mut line, mut number, mut bad) = (Vec::new(), 0u64, 0u64);
    loop {
        line.clear();
        match input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return failed(err, &format!("{events}: {error}")),
        }
        number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let read = String::from_utf8(std::mem::take(&mut line)).map_err(|_| Fault::new("", "the line is not UTF-8", "UTF-8")).and_then(|text| PastEvent::read(text.trim_end()));
        match read {
            Ok(mut event) => {
                if event.id.is_empty() {
                    event.id = format!("line {number}");
                }
                if given.explain.is_some_and(|wanted| wanted == number) {
                    return explain(&set, &event, given.json, out);
                }
                run.feed(&event);
            }
            Err(fault) => {
                bad += 1;
                told(err, events, &Fault { line: u32::try_from(number).ok(), ..fault });
            }
        }
    }
    if let Some(wanted) = given.explain {
        return failed(err, &format!("{events}: there is no event on line {wanted}; the file has {number} lines"));
    }
    let report = run.report();
    let code = if given.json { json(&report, out) } else { written(show(&report, out)) };
    if bad > 0 {
        let _ = writeln!(err, "{events}: {bad} of {number} lines are no events and were passed over");
        return FAULTS;
    }
    code
}

fn explain(set: &RuleSet, past: &PastEvent, as_json: bool, out: &mut dyn Write) -> i32 {
    let verdicts = set.explain(&Event { kind: &past.kind, facts: past, now: past.micros(), causes: &past.causes });
    if as_json {
        return json(&verdicts, out);
    }
    written(verdicts.iter().try_for_each(|verdict| writeln!(out, "{} {}: {}", if verdict.fired { "fires" } else { "     " }, verdict.rule, in_words(&verdict.why))))
}

fn json(value: &impl serde::Serialize, out: &mut dyn Write) -> i32 {
    match serde_json::to_string(value) {
        Ok(text) => written(writeln!(out, "{text}")),
        Err(_) => FAULTS,
    }
}

fn show(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{} events, {} firings", report.events, report.fired)?;
    for rule in &report.rules {
        let extra = [(rule.used_up, "used up"), (rule.held_back, "held back by loop protection")].iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!(", {n} {what}")).collect::<String>();
        let state = if rule.enabled { "" } else { " (disabled)" };
        writeln!(out, "\n{}{state}: would have fired {} times for {} cases; asked {} times{extra}", rule.rule, rule.fired, rule.cases, rule.asked)?;
        for sample in &rule.samples {
            let case = if sample.case.is_empty() { String::new() } else { format!(" {}", sample.case) };
            writeln!(out, "  {} {} {}{case} → {}", sample.event, sample.at, sample.kind, sample.then.join(", "))?;
            for reason in &sample.because {
                writeln!(out, "      {}{} (found {})", if reason.holds { "" } else { "not " }, reason.text, reason.fact)?;
            }
        }
        for (reason, times) in &rule.kept_by {
            writeln!(out, "  kept back {times} times by: {reason}")?;
        }
    }
    Ok(())
}

fn failed(err: &mut dyn Write, message: &str) -> i32 {
    let _ = writeln!(err, "shouwen rules: {message}");
    FAULTS
}

fn usage(err: &mut dyn Write, wrong: &str) -> i32 {
    let _ = writeln!(err, "shouwen rules: {wrong}\n`shouwen rules --help` tells more");
    USAGE
}

fn written(result: io::Result<()>) -> i32 {
    if result.is_ok() { OK } else { FAULTS }
}
