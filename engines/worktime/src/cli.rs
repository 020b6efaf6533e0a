//! `shouwen worktime`: the engine on plain files.

mod args;
mod help;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

use serde_json::json;

use crate::batch::{self, backwards, due_json, seconds};
use crate::budget::show_amount;
use crate::calendar::Calendar;
use crate::fault::{Fault, Faults};
use crate::files::{load_calendar, load_calendar_of_pack};
use crate::spec::WEEKDAYS;
use args::{Command, Request, Task};

/// Everything went well.
pub const OK: i32 = 0;
/// The question was understood but has no answer (no working time before 2400), or output failed.
pub const NO_ANSWER: i32 = 1;
/// The command line, a file or a value is wrong; nothing was computed.
pub const BAD_INPUT: i32 = 2;

/// Runs `shouwen worktime` with the arguments after the word `worktime`; returns the exit code.
/// Answers go to `out`, everything else to `err`.
pub fn run(args: &[String], stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    run_with(args, &load_calendar_of_pack, stdin, out, err)
}

/// The same, with another way to find the calendar of a key in a pack: `--pack DIR --calendar KEY`.
pub fn run_with(args: &[String], of_pack: &dyn Fn(&Path, &str) -> Result<Calendar, Faults>, stdin: &mut dyn Read, out: &mut dyn Write, err: &mut dyn Write) -> i32 {
    let request = match args::parse(args) {
        Ok(Request::Help(topic)) => return done(write!(out, "{}", help::text(topic))),
        Ok(Request::Run(task)) => task,
        Err(fault) => return complain(err, &[fault]),
    };
    let loaded = match &request.pack {
        Some(pack) => of_pack(Path::new(pack), &request.calendar),
        None => load_calendar(Path::new(&request.calendar)),
    };
    let calendar = match loaded {
        Ok(calendar) => calendar,
        Err(faults) => return complain(err, &faults.0),
    };
    if let Some(file) = &request.batch {
        return run_batch(&calendar, &request, file, stdin, out, err);
    }
    match answer(&calendar, &request) {
        Ok(text) => done(writeln!(out, "{text}")),
        Err(fault) => complain(err, &[fault]),
    }
}

fn answer(calendar: &Calendar, task: &Task) -> Result<String, Fault> {
    let pauses = &task.pauses;
    Ok(match task.command {
        Command::Due { start, budget } => {
            let due = calendar.due(start, budget, pauses)?;
            match (task.json, due) {
                (true, due) => due_json(calendar, due).to_string(),
                (false, Some(at)) => calendar.show(at),
                (false, None) => "none while the pause goes on".to_owned(),
            }
        }
        Command::Elapsed { start, end } => {
            let worked = calendar.elapsed(start, end, pauses)?;
            let seconds = seconds(worked);
            if task.json {
                json!({ "seconds": seconds }).to_string()
            } else {
                format!("{seconds} s ({})", show_amount(worked))
            }
        }
        Command::Subtract { end, budget } => {
            let start = calendar.show(calendar.subtract(
                end,
                backwards(budget).map_err(|f| f.at("--budget"))?,
                pauses,
            )?);
            if task.json {
                json!({ "start": start }).to_string()
            } else {
                start
            }
        }
        Command::Open { at } => {
            let open = calendar.is_open(at);
            let next = calendar.show(calendar.next_open(at)?);
            match (task.json, open) {
                (true, _) => json!({ "open": open, "next_open": next }).to_string(),
                (false, true) => "open".to_owned(),
                (false, false) => format!("closed until {next}"),
            }
        }
        Command::Check if task.json => calendar.to_json().to_string(),
        Command::Check => describe(calendar),
        Command::Batch(_) => String::new(),
    })
}

fn run_batch(
    calendar: &Calendar,
    task: &Task,
    file: &str,
    stdin: &mut dyn Read,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> i32 {
    let mut from_file;
    let mut from_stdin;
    let input: &mut dyn BufRead = if file == "-" {
        from_stdin = BufReader::new(stdin);
        &mut from_stdin
    } else {
        match File::open(file) {
            Ok(opened) => {
                from_file = BufReader::new(opened);
                &mut from_file
            }
            Err(error) => {
                let fault = Fault::new(
                    "unreadable",
                    format!("the file cannot be read: {error}"),
                    "give the path of a JSON-lines file, or - for standard input",
                );
                return complain(err, &[fault.in_file(file)]);
            }
        }
    };
    let default_op = match task.command {
        Command::Batch(op) => op,
        _ => None,
    };
    match batch::run(calendar, default_op, input, out) {
        Ok(summary) if summary.errors > 0 => {
            // The answers are complete; the note is for a person, so failing to write it fails nothing.
            let _ = writeln!(
                err,
                "{} of {} lines could not be answered; see their \"error\"",
                summary.errors, summary.lines
            );
            OK
        }
        Ok(_) => OK,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => NO_ANSWER,
        Err(error) => {
            let fault = Fault::new(
                "io",
                format!("the batch stopped: {error}"),
                "check the file and the disk",
            );
            complain(err, &[fault.in_file(file)]);
            NO_ANSWER
        }
    }
}

/// What `check` prints for a person.
fn describe(calendar: &Calendar) -> String {
    let spec = calendar.spec();
    let mut out = format!(
        "{} ({}): no faults found\n",
        if spec.name.is_empty() {
            "calendar"
        } else {
            &spec.name
        },
        spec.timezone
    );
    for (name, day) in WEEKDAYS {
        let hours: Vec<String> = spec.weekday(day).iter().map(ToString::to_string).collect();
        out += &format!(
            "  {name}  {}\n",
            if hours.is_empty() {
                "closed".to_owned()
            } else {
                hours.join(", ")
            }
        );
    }
    let (off, work) = spec.holidays.iter().fold((0, 0), |(o, w), year| {
        (o + year.off.len(), w + year.work.len())
    });
    out += &format!(
        "  holidays: {off} dates off, {work} make-up working days; special days: {}",
        spec.days.len()
    );
    out
}

/// Says what is wrong; the exit code tells bad input from a question without an answer.
fn complain(err: &mut dyn Write, faults: &[Fault]) -> i32 {
    for fault in faults {
        if writeln!(err, "shouwen worktime: {fault}").is_err() {
            break;
        }
    }
    let unanswerable = |f: &Fault| matches!(f.code, "no_working_time" | "beyond_horizon");
    if faults.iter().all(unanswerable) {
        NO_ANSWER
    } else {
        BAD_INPUT
    }
}

fn done(written: io::Result<()>) -> i32 {
    if written.is_ok() { OK } else { NO_ANSWER }
}
