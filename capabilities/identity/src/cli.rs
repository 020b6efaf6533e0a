//! `shouwen admin …`: people and their ways in, from the command line, also when nobody can sign in any more.
//!
//! Secrets never stand in the arguments: a password is read from standard input or from an environment variable.

use std::io::{BufRead, Write};

use clap::{Parser, Subcommand};
use serde_json::json;
use shouwen_kernel::{PersonId, Problem, Result, Time};
use shouwen_store::{Ctx, Db, Tx};

use crate::assignment::{ReachKind, grant_role};
use crate::person::{NewPerson, create_person};
use crate::policy::random_password;
use crate::{admin, hash_password};

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

#[derive(Parser)]
#[command(
    name = "shouwen admin",
    about = "People and their ways in. Works offline, on the database itself.",
    after_help = "Examples:\n  shouwen admin user create --email ana@example.com --name 'Ana Ruiz' --role administrator --random-password\n  shouwen admin user change-password --email ana@example.com < password.txt\n  shouwen admin reset-2fa --email ana@example.com\n  shouwen admin sessions revoke --all\n\nExit codes: 0 done, 1 refused or failed, 2 wrong arguments.",
    disable_help_subcommand = true
)]
struct Arguments {
    /// Print JSON instead of text.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Create, list and change accounts.
    #[command(subcommand, after_help = "Example: shouwen admin user list --json")]
    User(User),
    /// Remove a person's second factor and recovery codes; ends their sessions.
    #[command(name = "reset-2fa", after_help = "Example: shouwen admin reset-2fa --email ana@example.com")]
    ResetMfa(Who),
    /// Forget a person's failed sign-ins.
    #[command(after_help = "Example: shouwen admin unlock --email ana@example.com")]
    Unlock(Who),
    /// End sessions.
    #[command(subcommand, after_help = "Example: shouwen admin sessions revoke --all")]
    Sessions(Sessions),
    /// API tokens.
    #[command(subcommand, after_help = "Example: shouwen admin token create --email ana@example.com --name export --permissions case.read,insight.read")]
    Token(Token),
}

#[derive(clap::Args)]
struct Who {
    /// The e-mail address the person signs in with.
    #[arg(long)]
    email: String,
}

#[derive(Subcommand)]
enum User {
    /// Create an account. The password comes from SHOUWEN_PASSWORD, standard input, or --random-password.
    #[command(after_help = "Example: shouwen admin user create --email ana@example.com --name 'Ana Ruiz' --role agent --random-password")]
    Create {
        #[arg(long)]
        email: String,
        #[arg(long)]
        name: String,
        /// Key of a built-in role, for the whole workspace; may be given several times.
        #[arg(long = "role", default_value = "agent")]
        roles: Vec<String>,
        /// Make a password and print it.
        #[arg(long)]
        random_password: bool,
        /// The first sign-in must set another password.
        #[arg(long)]
        must_change_password: bool,
        /// No password: print an invitation token instead.
        #[arg(long, conflicts_with_all = ["random_password", "must_change_password"])]
        invite: bool,
    },
    /// List the accounts.
    #[command(after_help = "Example: shouwen admin user list")]
    List,
    /// Set a password; ends the person's sessions.
    #[command(after_help = "Example: SHOUWEN_PASSWORD=… shouwen admin user change-password --email ana@example.com")]
    ChangePassword {
        #[command(flatten)]
        who: Who,
        #[arg(long)]
        random_password: bool,
        #[arg(long)]
        must_change_password: bool,
    },
    /// The next sign-in must set a new password; ends the person's sessions.
    #[command(after_help = "Example: shouwen admin user must-change-password --email ana@example.com")]
    MustChangePassword(Who),
    /// Deactivate an account; sessions and API tokens are dead at once. What the person did stays.
    #[command(alias = "delete", after_help = "Example: shouwen admin user deactivate --email ana@example.com")]
    Deactivate(Who),
    /// Activate an account again.
    #[command(after_help = "Example: shouwen admin user activate --email ana@example.com")]
    Activate(Who),
    /// Give a built-in role for the whole workspace.
    #[command(after_help = "Example: shouwen admin user grant --email ana@example.com --role administrator")]
    Grant {
        #[command(flatten)]
        who: Who,
        #[arg(long)]
        role: String,
    },
    /// Make an API token (the same as `token create`).
    #[command(after_help = "Example: shouwen admin user generate-access-token --email ana@example.com --name export")]
    GenerateAccessToken(NewToken),
}

#[derive(Subcommand)]
enum Sessions {
    /// End the sessions of one person, or of everybody.
    #[command(after_help = "Example: shouwen admin sessions revoke --email ana@example.com")]
    Revoke {
        #[arg(long, required_unless_present = "all", conflicts_with = "all")]
        email: Option<String>,
        /// Everybody's.
        #[arg(long)]
        all: bool,
    },
}

#[derive(Subcommand)]
enum Token {
    /// Make an API token for a person and print it, once.
    #[command(after_help = "Example: shouwen admin token create --email ana@example.com --name export --expires 2027-01-01T00:00:00Z")]
    Create(NewToken),
}

#[derive(clap::Args)]
struct NewToken {
    #[command(flatten)]
    who: Who,
    #[arg(long)]
    name: String,
    /// At most these permissions, with commas between; absent: all the person has.
    #[arg(long, value_delimiter = ',')]
    permissions: Option<Vec<String>>,
    /// RFC 3339 instant.
    #[arg(long)]
    expires: Option<String>,
}

/// What a command has to say: for people, and for programs.
struct Said {
    text: String,
    json: serde_json::Value,
}

fn said(text: impl Into<String>, json: serde_json::Value) -> Result<Said> {
    Ok(Said { text: text.into(), json })
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

fn carry_out(command: Command, db: &Db, terminal: &mut Terminal<'_>) -> Result<Said> {
    match command {
        Command::User(User::Create { email, name, roles, random_password, must_change_password, invite }) => {
            create(db, terminal, &email, &name, &roles, random_password, must_change_password, invite)
        }
        Command::User(User::List) => list(db),
        Command::User(User::ChangePassword { who, random_password, must_change_password }) => {
            let (_, person) = db.read_blocking({
                let email = who.email.clone();
                move |tx| admin::find_person(tx, &email)
            })?;
            let (password, shown) = password(db, terminal, random_password, PasswordFor::Person(person))?;
            let hash = hash_password(&db.services().ids, &password)?;
            act(db, &who.email, move |tx, ctx, person| admin::change_password(tx, ctx, person, &hash, must_change_password))?;
            said(with_password(&format!("The password of {} is set; their sessions have ended.", who.email), shown.as_deref()), json!({ "email": who.email, "password": shown }))
        }
        Command::User(User::MustChangePassword(who)) => {
            act(db, &who.email, admin::require_password_change)?;
            said(format!("{} must set a new password at the next sign-in.", who.email), json!({ "email": who.email }))
        }
        Command::User(User::Deactivate(who)) => {
            act(db, &who.email, |tx, ctx, person| admin::deactivate_person(tx, ctx, person, false))?;
            said(format!("{} is deactivated; sessions, API tokens and invitations are dead.", who.email), json!({ "email": who.email, "active": false }))
        }
        Command::User(User::Activate(who)) => {
            act(db, &who.email, |tx, ctx, person| admin::deactivate_person(tx, ctx, person, true))?;
            said(format!("{} is active again.", who.email), json!({ "email": who.email, "active": true }))
        }
        Command::User(User::Grant { who, role }) => {
            let key = role.clone();
            act(db, &who.email, move |tx, ctx, person| grant_role(tx, ctx, person, &key, ReachKind::Workspace, None, None))?;
            said(format!("{} has the role {role} in the whole workspace.", who.email), json!({ "email": who.email, "role": role }))
        }
        Command::ResetMfa(who) => {
            act(db, &who.email, admin::reset_mfa)?;
            said(format!("The second factor of {} is removed; their sessions have ended.", who.email), json!({ "email": who.email }))
        }
        Command::Unlock(who) => {
            act(db, &who.email, admin::unlock)?;
            said(format!("Failed sign-ins of {} are forgotten.", who.email), json!({ "email": who.email }))
        }
        Command::Sessions(Sessions::Revoke { email: Some(email), .. }) => {
            let ended = act(db, &email, admin::revoke_sessions)?;
            said(format!("{ended} sessions of {email} have ended."), json!({ "ended": ended }))
        }
        Command::Sessions(Sessions::Revoke { email: None, .. }) => {
            let ended = db.write_blocking(|tx| {
                let mut ended = 0;
                for workspace in tx.workspaces()? {
                    ended += admin::revoke_all_sessions(tx, &Ctx::system(workspace.id, "cli"))?;
                }
                Ok(ended)
            })?;
            said(format!("{ended} sessions have ended; everybody signs in again."), json!({ "ended": ended }))
        }
        Command::Token(Token::Create(new)) | Command::User(User::GenerateAccessToken(new)) => token(db, new),
    }
}

/// Runs `work` on the person with this address.
fn act<T: Send + 'static>(db: &Db, email: &str, work: impl Fn(&Tx<'_>, &Ctx, PersonId) -> Result<T> + Send + 'static) -> Result<T> {
    let email = email.to_owned();
    db.write_blocking(move |tx| {
        let (workspace, person) = admin::find_person(tx, &email)?;
        work(tx, &Ctx::system(workspace, "cli"), person)
    })
}

#[derive(Clone)]
enum PasswordFor {
    Person(PersonId),
    New { name: String, email: String },
}

/// The password to set, and the one to print when it was made here.
fn password(db: &Db, terminal: &mut Terminal<'_>, random: bool, who: PasswordFor) -> Result<(String, Option<String>)> {
    if random {
        let made = random_password(&db.services().ids);
        return Ok((made.clone(), Some(made)));
    }
    let given = match terminal.password_env.take().filter(|p| !p.is_empty()) {
        Some(given) => given,
        None => {
            let _ = write!(terminal.err, "New password: ");
            let _ = terminal.err.flush();
            let mut line = String::new();
            terminal.input.read_line(&mut line).map_err(|e| Problem::internal(format!("standard input: {e}")))?;
            line.trim_end_matches(['\r', '\n']).to_owned()
        }
    };
    if given.is_empty() {
        return Err(Problem::invalid("password", "no password was given").expected(format!("a line on standard input, the variable {PASSWORD_ENV}, or --random-password")));
    }
    let checked = given.clone();
    db.read_blocking(move |tx| match &who {
        PasswordFor::Person(person) => {
            let workspace = tx.workspaces()?.first().map(|w| w.id).ok_or_else(no_workspace)?;
            crate::passwords::check_for(tx, workspace, *person, &checked)
        }
        PasswordFor::New { name, email } => {
            let organisation = tx.workspaces()?.first().map(|w| w.name.clone()).unwrap_or_default();
            crate::check_password(&checked, crate::Rule::Alone, &[&organisation, name, email])
        }
    })?;
    Ok((given, None))
}

fn no_workspace() -> Problem {
    Problem::conflict("setup.needed", "there is no workspace yet").expected("finish the set-up in the browser first: start the server and open the link it prints")
}

fn with_password(text: &str, shown: Option<&str>) -> String {
    shown.map_or_else(|| text.to_owned(), |password| format!("{text}\nPassword (shown once): {password}"))
}

#[expect(clippy::too_many_arguments)]
fn create(db: &Db, terminal: &mut Terminal<'_>, email: &str, name: &str, roles: &[String], random: bool, must_change: bool, invite: bool) -> Result<Said> {
    let (hash, shown) = if invite {
        (None, None)
    } else {
        let (password, shown) = password(db, terminal, random, PasswordFor::New { name: name.to_owned(), email: email.to_owned() })?;
        (Some(hash_password(&db.services().ids, &password)?), shown)
    };
    let (address, new_name, roles) = (email.to_owned(), name.to_owned(), roles.to_vec());
    let (person, invitation) = db.write_blocking(move |tx| {
        let workspace = tx.workspaces()?.first().map(|w| w.id).ok_or_else(no_workspace)?;
        let ctx = Ctx::system(workspace, "cli");
        let person = create_person(
            tx,
            &ctx,
            &NewPerson { name: new_name.clone(), email: address.clone(), capacity: 20, password_hash: hash.clone(), must_change_password: must_change, ..NewPerson::default() },
        )?;
        for role in &roles {
            grant_role(tx, &ctx, person, role, ReachKind::Workspace, None, None)?;
        }
        let invitation = if invite { Some(crate::invite(tx, &ctx, person)?.0) } else { None };
        Ok((person, invitation))
    })?;
    let mut text = with_password(&format!("{email} is created ({person})."), shown.as_deref());
    if let Some(token) = &invitation {
        text += &format!("\nInvitation, valid for 72 hours: /invitation?token={token}");
    }
    said(text, json!({ "id": person, "email": email, "password": shown, "invitation": invitation }))
}

fn list(db: &Db) -> Result<Said> {
    let people = db.read_blocking(|tx| {
        let mut all = Vec::new();
        for workspace in tx.workspaces()? {
            all.extend(admin::list_people(tx, workspace.id)?);
        }
        Ok(all)
    })?;
    let field = |person: &serde_json::Value, name: &str| person[name].as_str().unwrap_or("").to_owned();
    let lines: Vec<String> = people
        .iter()
        .map(|p| format!("{}\t{}\t{}\t{}\t{}", field(p, "id"), field(p, "email"), field(p, "name"), if p["active"] == true { "active" } else { "inactive" }, if p["mfa_enrolled"] == true { "2fa" } else { "-" }))
        .collect();
    said(lines.join("\n"), json!(people))
}

fn token(db: &Db, new: NewToken) -> Result<Said> {
    let expires: Option<Time> = new.expires.as_deref().map(|text| text.parse().map_err(|p: Problem| p.field("expires"))).transpose()?;
    let email = new.who.email.clone();
    let (id, secret) = act(db, &new.who.email, move |tx, ctx, person| admin::issue_token(tx, ctx, person, &new.name, new.permissions.as_deref(), expires))?;
    said(format!("{secret}\n(shown once; it acts as {email})"), json!({ "id": id, "token": secret }))
}
