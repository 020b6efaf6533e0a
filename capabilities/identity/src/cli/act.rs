//! What each command does.

use serde_json::json;
use shouwen_kernel::{PersonId, Problem, Result, Time};
use shouwen_store::{Ctx, Db, Tx};

use super::arguments::{Command, NewToken, Sessions, Token, User};
use super::{PASSWORD_ENV, Terminal};
use crate::assignment::{ReachKind, grant_role};
use crate::person::{NewPerson, create_person};
use crate::policy::random_password;
use crate::{admin, hash_password};

/// What a command has to say: for people, and for programs.
pub(super) struct Said {
    pub text: String,
    pub json: serde_json::Value,
}

fn said(text: impl Into<String>, json: serde_json::Value) -> Result<Said> {
    Ok(Said { text: text.into(), json })
}

pub(super) fn carry_out(command: Command, db: &Db, terminal: &mut Terminal<'_>) -> Result<Said> {
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
