//! The command line into a task.

use crate::budget::Budget;
use crate::fault::{Fault, nearest, quote};
use crate::instant;
use crate::pause::Pause;

pub(super) enum Request {
    Help(Option<&'static str>),
    Run(Task),
}

pub(super) struct Task {
    pub command: Command,
    pub calendar: String,
    /// Folder of a pack; then `calendar` is the key of one of its calendars.
    pub pack: Option<String>,
    pub pauses: Vec<Pause>,
    pub json: bool,
    pub batch: Option<String>,
}

pub(super) enum Command {
    Due {
        start: i64,
        budget: Budget,
    },
    Elapsed {
        start: i64,
        end: i64,
    },
    Subtract {
        end: i64,
        budget: Budget,
    },
    Open {
        at: i64,
    },
    Check,
    /// Lines say their operation; those that do not have this one.
    Batch(Option<&'static str>),
}

/// Each command and the values it needs besides `--calendar`.
pub(super) const COMMANDS: [(&str, &[&str]); 5] = [
    ("due", &["--start", "--budget"]),
    ("elapsed", &["--start", "--end"]),
    ("subtract", &["--end", "--budget"]),
    ("open", &["--at"]),
    ("check", &[]),
];
const VALUES: [&str; 8] = [
    "--calendar",
    "--pack",
    "--start",
    "--end",
    "--budget",
    "--at",
    "--pause",
    "--batch",
];

/// Reads the arguments after `worktime`.
///
/// # Errors
/// `usage` and the faults of the values, each naming its option.
pub(super) fn parse(args: &[String]) -> Result<Request, Fault> {
    let mut verb: Option<&'static str> = None;
    let mut given: Vec<(&'static str, String)> = Vec::new();
    let mut json = false;
    let mut rest = args.iter();
    if args.is_empty() || args[0] == "help" {
        return Ok(Request::Help(args.get(1).and_then(|word| command(word))));
    }
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(Request::Help(verb)),
            "--json" => json = true,
            option if option.starts_with("--") => {
                let (name, value) = match option.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (option, None),
                };
                let name = known_option(name)?;
                let value = match value.or_else(|| rest.next().cloned()) {
                    Some(value) if !value.starts_with("--") && !value.is_empty() => value,
                    _ => return Err(usage(format!("{name} has no value"), example(name))),
                };
                if name != "--pause" && given.iter().any(|(n, _)| *n == name) {
                    return Err(usage(
                        format!("{name} is given twice"),
                        "give it once; only --pause may be repeated".to_owned(),
                    ));
                }
                given.push((name, value));
            }
            word => match (verb, command(word)) {
                (None, Some(found)) => verb = Some(found),
                (None, None) => return Err(unknown_word(word)),
                (Some(_), _) => {
                    return Err(usage(
                        format!("{} is one word too many", quote(word)),
                        "put every value behind its option".to_owned(),
                    ));
                }
            },
        }
    }
    task(verb, &given, json).map(Request::Run)
}

fn task(
    verb: Option<&'static str>,
    given: &[(&'static str, String)],
    json: bool,
) -> Result<Task, Fault> {
    let value = |name: &str| {
        given
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, value)| value.as_str())
    };
    let batch = value("--batch").map(str::to_owned);
    if verb.is_none() && batch.is_none() {
        return Err(usage(
            "no command is given".to_owned(),
            "write due, elapsed, subtract, open or check; see --help".to_owned(),
        ));
    }
    let needed: &[&str] = match &batch {
        Some(_) => &[],
        None => COMMANDS
            .iter()
            .find(|(name, _)| Some(*name) == verb)
            .map_or(&[], |(_, needed)| *needed),
    };
    let may_pause = batch.is_none() && matches!(verb, Some("due" | "elapsed" | "subtract"));
    for (name, _) in given {
        let fits = needed.contains(name)
            || matches!(*name, "--calendar" | "--batch" | "--pack")
            || (*name == "--pause" && may_pause);
        if !fits {
            let (wrong, right) = match &batch {
                Some(_) => (
                    format!("{name} does not go with --batch"),
                    "each line of the batch brings its own values".to_owned(),
                ),
                None => (
                    format!("{name} does not go with {}", verb.unwrap_or_default()),
                    format!("it needs --calendar {}", needed.join(" ")),
                ),
            };
            return Err(usage(wrong, right));
        }
    }
    let need = |name: &'static str| {
        value(name).ok_or_else(|| usage(format!("{name} is missing"), example(name)))
    };
    let at = |name: &'static str| instant::parse(need(name)?).map_err(|fault| fault.at(name));
    let budget = || {
        need("--budget")?
            .parse::<Budget>()
            .map_err(|fault| fault.at("--budget"))
    };
    let calendar = need("--calendar")?.to_owned();
    let command = match (verb, &batch) {
        (Some("open" | "check"), Some(_)) => {
            return Err(usage(
                "--batch answers due, elapsed and subtract only".to_owned(),
                "leave --batch away".to_owned(),
            ));
        }
        (verb, Some(_)) => Command::Batch(verb),
        (Some("due"), None) => Command::Due {
            start: at("--start")?,
            budget: budget()?,
        },
        (Some("elapsed"), None) => Command::Elapsed {
            start: at("--start")?,
            end: at("--end")?,
        },
        (Some("subtract"), None) => Command::Subtract {
            end: at("--end")?,
            budget: budget()?,
        },
        (Some("open"), None) => Command::Open { at: at("--at")? },
        _ => Command::Check,
    };
    let mut pauses = Vec::new();
    for (_, text) in given.iter().filter(|(name, _)| *name == "--pause") {
        pauses.push(Pause::parse(text).map_err(|fault| fault.at("--pause"))?);
    }
    Ok(Task {
        command,
        calendar,
        pack: value("--pack").map(str::to_owned),
        pauses,
        json,
        batch,
    })
}

fn command(word: &str) -> Option<&'static str> {
    COMMANDS
        .iter()
        .map(|(name, _)| *name)
        .find(|name| *name == word)
}

fn known_option(name: &str) -> Result<&'static str, Fault> {
    VALUES
        .into_iter()
        .find(|known| *known == name)
        .ok_or_else(|| {
            let right = match nearest(name, VALUES.into_iter().chain(["--json", "--help"])) {
                Some(near) => format!("did you mean {near}?"),
                None => "see --help for the options".to_owned(),
            };
            usage(format!("{} is no option", quote(name)), right)
        })
}

fn unknown_word(word: &str) -> Fault {
    let right = match nearest(word, COMMANDS.iter().map(|(name, _)| *name)) {
        Some(near) => format!("did you mean {near}?"),
        None => "write due, elapsed, subtract, open or check; see --help".to_owned(),
    };
    usage(format!("{} is no command", quote(word)), right)
}

fn example(option: &str) -> String {
    let value = match option {
        "--calendar" => "desk.toml",
        "--pack" => "packs/base",
        "--budget" => "72h",
        "--pause" => "2026-10-01T10:00:00+08:00..2026-10-01T11:00:00+08:00",
        "--batch" => "questions.jsonl",
        _ => "2026-10-01T10:00:00+08:00",
    };
    format!("write {option} {value}")
}

fn usage(wrong: String, right: String) -> Fault {
    Fault::new("usage", wrong, right)
}
