//! `shouwen bench generate`: rows by the hundred thousand, written straight into the tables that lists, cases, boards
//! and search read. Synthetic through and through: no mail ever came in, and what is not needed for measuring (raw
//! mails, audit, message events, points behind some indicators) is not there. For throw-away installations only.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use shouwen_identity::{NewOrgUnit, NewPerson, NewTeam, create_org_unit, create_person, create_team};
use shouwen_kernel::{Clock, Kind, OrgUnitId, PersonId, Problem, Result, SystemClock, TeamId, Time, WorkspaceId};
use shouwen_search::{Doc, Index, Visibility};
use shouwen_store::{Ctx, Engine, Json, Tx, params};

use super::rows::{Batch, Roster, RollUps};
use crate::args::Args;
use crate::config::{Config, OPTIONS};
use crate::demo::house::House;

/// Cases in one transaction.
const STEP: usize = 1000;
/// Tables whose secondary indexes are built after the rows are in (SQLite).
const REBUILT: [&str; 6] = ["desk_case", "case_message", "insight_point", "case_case", "routing_case", "customer_record"];

/// Something for the search index.
pub enum Searched {
    Put(Doc),
    Scope(String, String, Visibility),
}

/// Runs it.
pub fn run(arguments: &[String]) -> Result<()> {
    let options: Vec<&str> = OPTIONS.iter().copied().chain(["cases", "messages-per-case"]).collect();
    let args = Args::read(arguments, &options, &["no-search"])?;
    let number = |name: &str, default: usize, most: usize| match args.get(name) {
        None => Ok(default),
        Some(text) => text.replace('_', "").parse().ok().filter(|n| (1..=most).contains(n)).ok_or_else(|| Problem::new(Kind::Invalid, "usage", format!("`--{name} {text}` is not a number from 1 to {most}")).expected(format!("--{name} {default}"))),
    };
    let (cases, messages) = (number("cases", 10_000, 5_000_000)?, number("messages-per-case", 10, 1000)?);
    let house = House::open(Config::load(&args)?, Arc::new(SystemClock))?;
    let outcome = generate(&house, cases, messages, !args.has("no-search"));
    house.close();
    outcome
}

/// Writes `cases` cases with about `messages` messages each.
pub fn generate(house: &House, cases: usize, messages: usize, search: bool) -> Result<()> {
    let begun = Instant::now();
    let workspace = house.db.write_blocking(|tx| match tx.workspaces()?.first() {
        Some(w) => Ok(w.id),
        None => tx.create_workspace("Synthetic measurements", "Asia/Shanghai", "zh-CN"),
    })?;
    let roster = Arc::new(house.db.write_blocking(move |tx| staff(tx, workspace))?);
    house.turn()?;
    println!("synthetic data for measurements: {cases} cases with about {messages} messages each; these are no real customers, cases or mails");
    let indexes = if house.db.engine() == Engine::Sqlite { drop_indexes(house)? } else { Vec::new() };
    let (feed, fed) = if search { feeder(house)? } else { (None, None) };
    let mut roll_ups = RollUps::default();
    let end = SystemClock.now();
    let mut told = Instant::now();
    let mut made = 0;
    let mut rows = 0u64;
    while made < cases {
        let count = STEP.min(cases - made);
        let (roster, from) = (roster.clone(), made);
        let (written, docs, sums) = house.db.write_blocking(move |tx| {
            let mut batch = Batch::new(tx, &roster, workspace, end, cases, messages);
            for n in from..from + count {
                batch.case(n)?;
            }
            Ok(batch.finish())
        })?;
        rows += written;
        roll_ups.join(sums);
        if let Some(feed) = &feed {
            for doc in docs {
                // The index went away: its thread tells why at the end.
                if feed.send(doc).is_err() {
                    break;
                }
            }
        }
        made += count;
        if told.elapsed().as_secs() >= 10 || made == cases {
            told = Instant::now();
            println!("  {made} cases, {rows} rows, {:.0} cases/s", made as f64 / begun.elapsed().as_secs_f64());
        }
    }
    house.db.write_blocking(move |tx| roll_ups.write(tx, workspace))?;
    if !indexes.is_empty() {
        println!("  building {} indexes", indexes.len());
        for sql in indexes {
            house.db.write_blocking(move |tx| tx.batch(&sql))?;
        }
    }
    // Everything is in the tables already: no projection has to read these events again.
    let subscriptions = house.subscriptions.clone();
    let head = house.db.write_blocking(move |tx| {
        let head = tx.log_head()?;
        for s in &subscriptions {
            tx.execute(
                "INSERT INTO subscription (name, tx, seq, version, updated_at) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (name) DO UPDATE SET tx = ?2, seq = ?3, version = ?4, updated_at = ?5",
                params![s.name, head.tx, head.seq, s.version, tx.now()],
            )?;
        }
        Ok(head)
    })?;
    if let (Some(feed), Some(fed)) = (feed, fed) {
        println!("  finishing the search index");
        drop(feed);
        let (index, docs) = fed.join().map_err(|_| Problem::internal("the search thread failed"))??;
        index.commit(&head.to_string())?;
        println!("  {docs} texts searchable");
    }
    house.db.write_blocking(|tx| tx.batch("ANALYZE"))?;
    let seconds = begun.elapsed().as_secs_f64();
    println!("{cases} cases, {rows} rows in {seconds:.0} s ({:.0} cases/s)", cases as f64 / seconds);
    Ok(())
}

/// Forty agents in eight teams of four regions, beside whoever is there.
fn staff(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Roster> {
    let ctx = Ctx::system(workspace, "bench");
    let mut roster = Roster { teams: Vec::new() };
    let mark = shouwen_kernel::encode_base32(tx.ids().uuid(tx.now()).as_u128());
    for region in 0..4 {
        let unit: OrgUnitId = create_org_unit(tx, &ctx, &NewOrgUnit { name: format!("Region {region}"), kind: "region".into(), parent_id: None, region_code: None })?;
        for half in 0..2 {
            let team: TeamId = create_team(tx, &ctx, &NewTeam { name: format!("Team {}", region * 2 + half), org_unit_id: Some(unit), ..NewTeam::default() })?;
            let mut people: Vec<PersonId> = Vec::new();
            for k in 0..5 {
                let n = region * 10 + half * 5 + k;
                people.push(create_person(tx, &ctx, &NewPerson { name: format!("Synthetic {n}"), email: format!("synthetic{n}.{mark}@example.com"), org_unit_id: Some(unit), teams: vec![team], capacity: 0, ..NewPerson::default() })?);
            }
            roster.teams.push((team, unit, people));
        }
    }
    Ok(roster)
}

/// Takes the secondary indexes away; gives the statements that bring them back.
fn drop_indexes(house: &House) -> Result<Vec<String>> {
    house.db.write_blocking(|tx| {
        let mut again = Vec::new();
        for table in REBUILT {
            let found: Vec<(String, String)> = tx.all("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL", params![table])?;
            for (name, sql) in found {
                tx.batch(&format!("DROP INDEX {name}"))?;
                again.push(sql);
            }
        }
        Ok(again)
    })
}

type Fed = std::thread::JoinHandle<Result<(Index, u64)>>;

/// Feeds the search index on a thread of its own.
fn feeder(house: &House) -> Result<(Option<SyncSender<Searched>>, Option<Fed>)> {
    let index = Index::open(&house.config().data.join("search"), shouwen_desk::SEARCH_VERSION)?;
    let (feed, docs) = sync_channel::<Searched>(50_000);
    let thread = std::thread::spawn(move || {
        let mut count = 0u64;
        for doc in docs {
            match doc {
                Searched::Put(doc) => {
                    index.put(&doc)?;
                    count += 1;
                }
                Searched::Scope(workspace, case, who) => index.scope(&workspace, &case, &who)?,
            }
        }
        Ok((index, count))
    });
    Ok((Some(feed), Some(thread)))
}

/// For tests and [`super::run`]: the time of a row.
pub fn instant(end: Time, n: usize, of: usize) -> Time {
    // A year, evenly; the newest just before now.
    let span = 365 * 86_400_000_000i64;
    end.plus_micros(-span + (span as i128 * n as i128 / of.max(1) as i128) as i64)
}

/// JSON of a list of texts.
pub fn texts(list: &[&str]) -> Json<Vec<String>> {
    Json(list.iter().map(|t| (*t).to_owned()).collect())
}
