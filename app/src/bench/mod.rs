//! `shouwen bench`: synthetic data in bulk, and the budgets of the product measured inside one process.

mod generate;
mod measure;
mod rows;

use crate::args::fail;

const HELP: &str = "\
shouwen bench generate --data DIR --cases N [--messages-per-case M] [--no-search]
shouwen bench run --data DIR [--json] [--mails N]

generate   writes N synthetic cases (1 to 5,000,000; default 10,000) with about M messages each (default 10) straight
           into the tables, with roll-ups and search index; for throw-away installations only. The server must be stopped.
run        measures, in this process: mails per second through to case on a fresh folder (N mails, default 2,000), lists,
           counts, one case with timeline, board, search, start, memory; prints a table against the budgets.
           Exit code 1 when one is missed. `make bench` measures from outside, through HTTP.

Example: shouwen bench generate --data ./bench --cases 100000 && shouwen bench run --data ./bench
";

/// Runs the command; the exit code.
pub fn run(arguments: &[String]) -> i32 {
    let (verb, rest) = arguments.split_first().map_or(("", arguments), |(v, r)| (v.as_str(), r));
    if verb == "--help" || verb == "-h" || rest.iter().any(|a| a == "--help" || a == "-h") {
        print!("{HELP}");
        return 0;
    }
    match verb {
        "generate" => generate::run(rest).map_or_else(|p| fail(&p), |()| 0),
        "run" => measure::run(rest).unwrap_or_else(|p| fail(&p)),
        _ => {
            eprint!("{HELP}");
            2
        }
    }
}

#[cfg(test)]
mod tests;
