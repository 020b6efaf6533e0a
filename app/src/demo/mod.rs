//! `shouwen demo`: fills an empty installation with a plainly fictional organisation and its history, by playing three
//! months through the real ways in: mails, the API, the public survey page. Nothing leaves the machine.

mod complaints;
mod finish;
pub mod house;
pub mod people;
mod play;
mod reviews;
mod rules;
mod story;
pub mod texts;
mod warnings;

use std::sync::Arc;

use shouwen_kernel::{Clock, Kind, ManualClock, Problem, Result, SystemClock, Time};

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use house::House;
use play::{Play, Tally};

const HELP: &str = "\
shouwen demo --data DIR [--days N]

Fills an EMPTY installation with 示例通信 Example Telecom, a plainly fictional organisation of about 60 people in
4 regions with three months (90 days, or N: 1 to 120) of history that ends now: cases in Chinese and English,
answers, notes, transfers, breaches, reopenings, satisfaction. No mail is fetched or sent, now or later: its inboxes
have no servers. Prints who can sign in; the same stands in DIR/DEMO.txt. SHOUWEN_DEMO_PASSWORD sets the password.

Example: shouwen demo --data ./data-demo && shouwen serve --data ./data-demo
";

const SEED: u64 = 20_261;

/// Runs the command; the exit code.
pub fn run(arguments: &[String]) -> i32 {
    let options: Vec<&str> = OPTIONS.iter().copied().chain(["days"]).collect();
    let work = || -> Result<()> {
        let args = Args::read(arguments, &options, &["help"])?;
        if args.has("help") {
            print!("{HELP}");
            return Ok(());
        }
        if let Some(extra) = args.rest.first() {
            return Err(Problem::new(Kind::Invalid, "usage", format!("`{extra}` is not understood here")).expected("options only; see shouwen demo --help"));
        }
        let days = match args.get("days") {
            None => 90,
            Some(text) => text.parse().ok().filter(|d| (1..=120).contains(d)).ok_or_else(|| Problem::new(Kind::Invalid, "usage", format!("`--days {text}` is not a number of days")).expected("1 to 120"))?,
        };
        let begun = SystemClock.now();
        let mut told = -1;
        let done = fill(Config::load(&args)?, days, &mut |share, cases| {
            if share / 5 != told {
                told = share / 5;
                eprintln!("  {share:3} %  {cases} cases");
            }
        })?;
        let seconds = (SystemClock.now().micros() - begun.micros()) as f64 / 1e6;
        let t = &done.tally;
        println!("{} people, {} cases, {} mails in, {} deeds of agents, {} surveys with {} answers, in {seconds:.0} s", done.people, t.cases, t.mails, t.deeds, t.surveys, t.answers);
        if !t.refused.is_empty() {
            eprintln!("{} deeds were refused; the first: {}", t.refused.len(), t.refused[0]);
        }
        print!("{}", done.card);
        Ok(())
    };
    work().map_or_else(|p| fail(&p), |()| 0)
}

/// What was made.
pub struct Done {
    pub tally: Tally,
    pub people: usize,
    /// Who can sign in, as text.
    pub card: String,
}

/// Fills the installation of `config` with `days` of history; `progress` hears percent and cases.
pub fn fill(config: Config, days: i64, progress: &mut dyn FnMut(i64, usize)) -> Result<Done> {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let house = House::open(config, clock.clone())?;
    let outcome = fill_house(&house, &clock, days, progress);
    house.close();
    outcome.map_err(|p| if p.code == "demo.not_empty" || p.code == "password.refused" { p } else { p.expected("an undisturbed run; remove the folder and try again") })
}

/// The same in an opened house.
pub fn fill_house(house: &House, clock: &Arc<ManualClock>, days: i64, progress: &mut dyn FnMut(i64, usize)) -> Result<Done> {
    let empty = house.db.read_blocking(|tx| Ok(tx.workspaces()?.is_empty() && shouwen_identity::is_needed(tx)?))?;
    if !empty {
        return Err(Problem::new(Kind::Conflict, "demo.not_empty", format!("the installation in {} is in use; the demonstration would mix with it", house.config().data.display()))
            .expected("an empty one: --data with a new folder"));
    }
    let password = match std::env::var("SHOUWEN_DEMO_PASSWORD").ok().filter(|p| !p.is_empty()) {
        Some(given) => {
            shouwen_identity::check_password(&given, shouwen_identity::Rule::Alone, &[])?;
            given
        }
        None => shouwen_identity::random_password(house.app.ids()),
    };
    let end = SystemClock.now();
    let start = end.plus_seconds(-days * 86_400);
    clock.set(start.plus_seconds(-3600));
    let firm = people::found(house, &password)?;
    rules::in_force(house, &firm)?;
    complaints::regions(house, &firm)?;
    clock.set(start);
    let mut play = Play::new(house, clock.clone(), firm, story::plan(start, end, SEED), SEED)?;
    let whole = (end.micros() - start.micros()).max(1);
    warnings::played(house, clock, &mut play, end, &mut |at: Time, cases| progress((at.micros() - start.micros()) * 100 / whole, cases))?;
    finish::touches(house, &mut play)?;
    let card = card(&play.firm.logins, &password);
    let path = house.config().data.join("DEMO.txt");
    std::fs::write(&path, &card).map_err(|e| Problem::internal(format!("cannot write {}: {e}", path.display())))?;
    Ok(Done { people: play.firm.people, tally: play.tally, card })
}

fn card(logins: &[(&'static str, String); 3], password: &str) -> String {
    let mut text = String::from("\n演示环境：以下组织、人员、客户与事项均为虚构，不会收发任何邮件。\nThis is a demonstration: every name and matter is made up, and no mail is sent or fetched.\n\n");
    for ((email, name), role) in logins.iter().zip(["系统管理员 administrator", "班组长 supervisor", "坐席 agent"]) {
        text.push_str(&format!("  {email:<20} {password}   {name}（{role}）\n"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
