//! `shouwen admin …`: people and their ways in, from the command line, also when nobody can sign in any more.
//!
//! Secrets never stand in the arguments: a password is read from standard input or from an environment variable.

mod act;
mod arguments;

use std::io::{BufRead, Write};

use clap::Parser;
use serde_json::json;
use shouwen_store::Db;

use act::carry_out;
use arguments::Arguments;

/// Environment variable a password is read from before standard input is asked.
pub const PASSWORD_ENV: &str = "SHOUWEN_PASSWORD";

/// Where the command reads and writes; tests give buffers.
pub struct Terminal<'a> {
    pub input: &'a mut dyn BufRead,
    pub out: &'a mut dyn Write,
    pub err: &'a mut dyn Write,
    /// Value of [`PASSWORD_ENV`].
    pub password_env: Option<String>,
}

/// The commands at a glance; [`help`] tells more about each.
pub const HELP: &str = "\
People and their ways in. Works offline, on the database itself.

Usage: shouwen admin <COMMAND> [--json]

  user create --email E --name N [--role R]… [--random-password | --invite] [--must-change-password]
  user list
  user change-password --email E [--random-password] [--must-change-password]
  user must-change-password | deactivate | activate --email E
  user grant --email E --role R
  user generate-access-token --email E --name N
  reset-2fa --email E             remove a lost second factor
  unlock --email E                forget failed sign-ins
  sessions revoke --email E | --all
  token create --email E --name N [--permissions a,b] [--expires T]

A password is read from SHOUWEN_PASSWORD or from standard input, never from the arguments.
Roles: administrator manager supervisor agent quality auditor viewer
Exit codes: 0 done, 1 refused or failed, 2 wrong arguments.
Example: shouwen admin user create --email ana@example.com --name 'Ana Ruiz' --role administrator --random-password
";

/// Parses; `Err`: what was printed (help, or what is wrong with the arguments) and the exit code of that.
fn parse(args: &[String], out: &mut dyn Write, err: &mut dyn Write) -> std::result::Result<Arguments, i32> {
    Arguments::try_parse_from(std::iter::once("shouwen admin".to_owned()).chain(args.iter().cloned())).map_err(|error| {
        let wrong = error.use_stderr();
        let _ = if wrong { write!(err, "{error}") } else { write!(out, "{error}") };
        if wrong { 2 } else { 0 }
    })
}

/// Prints what `args` (which ask for help, or are wrong) say without a database; the exit code.
pub fn help(args: &[String]) -> i32 {
    match parse(args, &mut std::io::stdout(), &mut std::io::stderr()) {
        Ok(_) => {
            print!("{HELP}");
            0
        }
        Err(code) => code,
    }
}

/// Runs `shouwen admin <args>` on the console; the exit code. Outside an async runtime: it waits for the database.
pub fn run(args: &[String], db: &Db) -> i32 {
    let (mut input, mut out, mut err) = (std::io::stdin().lock(), std::io::stdout(), std::io::stderr());
    let password_env = std::env::var(PASSWORD_ENV).ok();
    run_with(args, db, &mut Terminal { input: &mut input, out: &mut out, err: &mut err, password_env })
}

/// [`run`] with a terminal of the caller's. `db` is open and migrated; the server may run at the same time.
pub fn run_with(args: &[String], db: &Db, terminal: &mut Terminal<'_>) -> i32 {
    let arguments = match parse(args, terminal.out, terminal.err) {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match carry_out(arguments.command, db, terminal) {
        Ok(said) => {
            let _ = if arguments.json { writeln!(terminal.out, "{}", said.json) } else { writeln!(terminal.out, "{}", said.text) };
            0
        }
        Err(problem) => {
            let _ = if arguments.json {
                writeln!(terminal.err, "{}", json!({ "error": { "code": problem.code, "message": problem.message, "field": problem.field, "expected": problem.expected } }))
            } else {
                writeln!(terminal.err, "error: {problem}")
            };
            1
        }
    }
}
