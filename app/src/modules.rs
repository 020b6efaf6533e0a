//! The list of modules, and the commands that belong to one of them.

use std::io::{stderr, stdin, stdout};
use std::path::Path;

use shouwen_kernel::Problem;
use shouwen_web::Module;
use shouwen_worktime::{Calendar, Fault, Faults, HolidayYear};

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use crate::instance::{Instance, open_ready};

/// Every capability and channel. The order is the order of migrations.
pub fn all() -> Vec<Module> {
    vec![
        shouwen_identity::module(),
        shouwen_customers::module(),
        shouwen_casework::module(),
        shouwen_email::module(),
        shouwen_service_levels::module(),
        shouwen_routing::module(),
        shouwen_automation::module(),
        shouwen_reviews::module(),
        shouwen_complaints::module(),
        shouwen_warnings::module(),
        shouwen_desk::module(),
        shouwen_voice::module(),
        shouwen_insight::module(),
        shouwen_integrations::module(),
        shouwen_packs::module(),
        shouwen_audit::module(),
    ]
}

/// Takes the options of [`Config`] out of `arguments`; gives the instance and what is left for the command itself.
pub fn open_with(arguments: &[String]) -> Result<(Instance, Vec<String>), Problem> {
    let (mut own, mut rest) = (Vec::new(), Vec::new());
    let mut waiting = arguments.iter();
    while let Some(argument) = waiting.next() {
        let name = argument.strip_prefix("--").map(|n| n.split('=').next().unwrap_or(n));
        if name.is_some_and(|n| OPTIONS.contains(&n)) {
            own.push(argument.clone());
            if !argument.contains('=') {
                own.extend(waiting.next().cloned());
            }
        } else {
            rest.push(argument.clone());
        }
    }
    let config = Config::load(&Args::read(&own, OPTIONS, &[])?)?;
    Ok((open_ready(config, false)?, rest))
}

fn wants_help(arguments: &[String]) -> bool {
    arguments.iter().any(|a| a == "--help" || a == "-h")
}

/// `shouwen worktime …`
pub fn worktime(arguments: &[String]) -> i32 {
    shouwen_worktime::cli::run_with(arguments, &calendar_of_pack, &mut stdin().lock(), &mut stdout().lock(), &mut stderr().lock())
}

/// The calendar `key` of the pack at `place` (a folder, or the key of a shipped pack), or of a pack it requires.
fn calendar_of_pack(place: &Path, key: &str) -> Result<Calendar, Faults> {
    let packs = shouwen_packs::cli::with_required(place);
    let name = format!("calendars/{key}.toml");
    for (i, pack) in packs.iter().enumerate() {
        let Some(file) = pack.file(&name) else { continue };
        let folder = if i == 0 { place.display().to_string() } else { pack.key.clone() };
        return Calendar::from_toml(&file.text, &format!("{folder}/{name}"), &|holidays| match pack.file(&format!("calendars/{holidays}")) {
            Some(own) => HolidayYear::from_json(&own.text, &format!("{folder}/{}", own.path)).map(Some),
            None => shouwen_worktime::holidays::builtin(holidays),
        });
    }
    let mut known: Vec<&str> = packs.iter().flat_map(|pack| pack.matching("calendars/*.toml")).map(shouwen_web::PackFile::stem).collect();
    known.sort_unstable();
    known.dedup();
    let right = if known.is_empty() { format!("the folder of a pack with calendars, or the key of a shipped pack; there are none in {}", place.display()) } else { format!("one of {}", known.join(", ")) };
    Err(Fault::new("no_calendar", format!("the pack has no calendar `{}`", shouwen_kernel::text::clip(key, 60)), right).at("--calendar").into())
}

/// `shouwen rules …`
pub fn rules(arguments: &[String]) -> i32 {
    shouwen_rules::cli::run(arguments, &mut stdin().lock(), &mut stdout().lock(), &mut stderr().lock())
}

/// `shouwen mind …`
pub fn mind(arguments: &[String]) -> i32 {
    shouwen_mind::cli::run(arguments, &mut stdin().lock(), &mut stdout().lock(), &mut stderr().lock())
}

/// `shouwen mail inspect …`
pub fn mail(arguments: &[String]) -> i32 {
    match arguments.first().map(String::as_str) {
        Some("inspect") => shouwen_mail::cli::inspect(&arguments[1..], &mut stdout().lock(), &mut stderr().lock()),
        Some("--help" | "-h") | None => {
            println!("shouwen mail inspect FILE [--json]   what the parser makes of one message; FILE may be - for standard input\nshouwen mail requeue ID --data DIR      read a quarantined message again");
            if arguments.is_empty() { 2 } else { 0 }
        }
        Some("requeue") => with_instance(&arguments[1..], |instance, rest| shouwen_email::cli::requeue(&rest, &instance.app)),
        Some(other) => {
            eprintln!("shouwen mail: there is no `{other}`; known are: inspect, requeue");
            2
        }
    }
}

fn with_instance(arguments: &[String], run: impl FnOnce(&Instance, Vec<String>) -> i32) -> i32 {
    match open_with(arguments) {
        Ok((instance, rest)) => {
            let code = run(&instance, rest);
            instance.db.close();
            code
        }
        Err(problem) => fail(&problem),
    }
}

/// `shouwen import mail PATH…`
pub fn import(arguments: &[String]) -> i32 {
    match arguments.first().map(String::as_str) {
        Some("mail") if wants_help(arguments) => {
            println!("{}", shouwen_email::cli::IMPORT_HELP);
            0
        }
        Some("mail") => with_instance(&arguments[1..], |instance, rest| {
            let subscriptions: Vec<_> = all().into_iter().flat_map(|m| m.subscriptions).collect();
            shouwen_email::cli::import(&rest, &instance.app, &subscriptions)
        }),
        Some("--help" | "-h") => {
            println!("{}", shouwen_email::cli::IMPORT_HELP);
            0
        }
        _ => {
            eprintln!("shouwen import: use `shouwen import mail PATH… --inbox ADDRESS --data DIR` (eml, mbox or Maildir)");
            2
        }
    }
}

/// `shouwen audit verify`
pub fn audit(arguments: &[String]) -> i32 {
    match arguments.first().map(String::as_str) {
        Some("verify") if !wants_help(arguments) => with_instance(&arguments[1..], |instance, rest| match audit_report(instance) {
            Ok(report) => {
                if rest.iter().any(|a| a == "--json") {
                    println!("{}", serde_json::to_string_pretty(&report).unwrap_or_default());
                } else {
                    print!("{report}");
                }
                i32::from(!report.ok)
            }
            Err(problem) => fail(&problem),
        }),
        other => {
            println!("shouwen audit verify --data DIR [--json]   proves that nobody changed the audit; names what was edited, removed, added or moved; exit code 1 when something was");
            if other.is_some_and(|a| a == "verify" || a == "--help" || a == "-h") { 0 } else { 2 }
        }
    }
}

/// Checks the audit against the heads kept beside the database.
pub fn audit_report(instance: &Instance) -> Result<shouwen_audit::Report, Problem> {
    shouwen_audit::verify(&instance.db, Some(&shouwen_audit::Heads::at(shouwen_audit::heads_path(&instance.config.data))))
}
