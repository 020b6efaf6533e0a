//! `shouwen bench run`: times the requests people wait for, through the real router, without a network in between.

use std::sync::Arc;
use std::time::Instant;

use axum::http::Method;
use serde_json::{Value as Json, json};
use shouwen_email::{RawMail, Source};
use shouwen_kernel::{InboxId, Kind, PersonId, Problem, Result, SystemClock};
use shouwen_mail::{Address, Outgoing, compose};
use shouwen_store::{Ctx, params};

use crate::args::Args;
use crate::config::{Config, OPTIONS};
use crate::demo::house::House;
use crate::ops::resident_bytes;

/// One line of the table.
struct Figure {
    what: String,
    /// Milliseconds, mails per second or MiB.
    value: f64,
    unit: &'static str,
    budget: f64,
    /// More is better.
    more: bool,
}

impl Figure {
    fn kept(&self) -> bool {
        if self.more { self.value >= self.budget } else { self.value <= self.budget }
    }
}

/// Runs it; the exit code.
pub fn run(arguments: &[String]) -> Result<i32> {
    let options: Vec<&str> = OPTIONS.iter().copied().chain(["mails"]).collect();
    let args = Args::read(arguments, &options, &["json"])?;
    let mails = match args.get("mails") {
        None => 2000,
        Some(text) => text.parse().ok().filter(|n| (1..=1_000_000).contains(n)).ok_or_else(|| Problem::new(Kind::Invalid, "usage", format!("`--mails {text}` is not a number of mails")).expected("--mails 2000"))?,
    };
    let config = Config::load(&args)?;
    if config.database.is_none() && !config.data.join("shouwen.db").exists() {
        return Err(Problem::invalid("data", format!("there is no installation in {}", config.data.display())).expected("a folder that `shouwen bench generate` filled"));
    }
    let begun = Instant::now();
    let house = House::open(config, Arc::new(SystemClock))?;
    house.db.write_blocking(|tx| tx.lease("readiness", "probe", 0).map(|_| ()))?;
    let start = begun.elapsed().as_secs_f64() * 1000.0;
    let outcome = figures(&house, start, mails);
    house.close();
    let (cases, figures) = outcome?;
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("?");
    if args.has("json") {
        let rows: Vec<Json> = figures.iter().map(|f| json!({ "what": f.what, "value": (f.value * 100.0).round() / 100.0, "unit": f.unit, "budget": f.budget, "ok": f.kept() })).collect();
        println!("{}", serde_json::to_string_pretty(&json!({ "cases": cases, "load": load, "figures": rows }))?);
    } else {
        println!("{cases} cases, load {load}; in one process, without a network\n");
        for f in &figures {
            println!("{} {:<52} {:>10.1} {:<5} budget {} {}", if f.kept() { " ok  " } else { "OVER " }, f.what, f.value, f.unit, if f.more { "≥" } else { "≤" }, f.budget);
        }
    }
    Ok(i32::from(!figures.iter().all(Figure::kept)))
}

fn figures(house: &House, start: f64, mails: usize) -> Result<(i64, Vec<Figure>)> {
    let (token, cases) = viewer(house)?;
    let budget = |what: &str, value: f64, unit: &'static str, budget: f64| Figure { what: what.to_owned(), value, unit, budget, more: false };
    let mut out = vec![budget("start to ready, with data", start, "ms", 2000.0)];
    let get = |path: &str| house.ask(&token, Method::GET, path, Json::Null);
    let mut some: Vec<String> = Vec::new();
    let mut after = String::new();
    for _ in 0..10 {
        let page = get(&format!("/desk/cases?view=all_open&limit=50{after}"))?;
        some.extend(page["items"].as_array().into_iter().flatten().filter_map(|row| row["case_id"].as_str().map(str::to_owned)));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    if some.is_empty() {
        return Err(Problem::invalid("data", "there is no open case to look at").expected("shouwen bench generate --data DIR --cases 100000"));
    }
    let mut timed = |what: &str, n: usize, quantile: f64, limit: f64, ask: &dyn Fn(usize) -> Result<Json>| -> Result<()> {
        let mut times = Vec::with_capacity(n);
        for i in 0..n + 20 {
            let begun = Instant::now();
            ask(i)?;
            if i >= 20 {
                times.push(begun.elapsed().as_secs_f64() * 1000.0);
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |q: f64| times[((times.len() as f64 * q).ceil() as usize).clamp(1, times.len()) - 1];
        out.push(budget(&format!("{what} p{:.0} (p50 {:.1} ms)", quantile * 100.0, at(0.5)), at(quantile), "ms", limit));
        Ok(())
    };
    timed("list of a view", 300, 0.99, 20.0, &|_| get("/desk/cases?view=all_open&limit=50"))?;
    timed("list of a view, by deadline", 300, 0.99, 20.0, &|_| get("/desk/cases?view=breaching&limit=50"))?;
    timed("one case with its timeline", 300, 0.99, 20.0, &|i| {
        let id = &some[i % some.len()];
        get(&format!("/cases/{id}"))?;
        get(&format!("/cases/{id}/timeline"))
    })?;
    timed("counts of all views", 100, 0.99, 20.0, &|_| get("/views/counts"))?;
    let words = ["%E9%80%80%E8%B4%B9", "%E5%8F%91%E7%A5%A8", "%E5%AE%BD%E5%B8%A6", "refund", "connection", "1000042", "%E6%B2%A1%E6%9C%89%E4%BA%BA%E8%81%94%E7%B3%BB", "roaming"];
    timed("full-text search", 200, 0.99, 50.0, &|i| get(&format!("/search?q={}&limit=20", words[i % words.len()])))?;
    let day = |back: i64| house.app.clock().now().plus_seconds(-back * 86_400).to_jiff().to_string().chars().take(10).collect::<String>();
    let (from, to) = (day(90), day(0));
    timed("board, 90 days", 100, 0.95, 100.0, &|_| get(&format!("/insight/board?from={from}&to={to}&compare=previous")))?;
    out.push(budget("resident memory, after all of this", resident_bytes() as f64 / 1_048_576.0, "MiB", 250.0));
    let rate = intake(mails)?;
    out.push(Figure { what: format!("{mails} mails → conversation and case, durable"), value: rate, unit: "/s", budget: 500.0, more: true });
    Ok((cases, out))
}

/// A token of somebody who sees everything, and how many cases there are.
pub fn viewer(house: &House) -> Result<(String, i64)> {
    let codes: Vec<&'static str> = house.app.permissions().iter().map(|p| p.code).collect();
    house.db.write_blocking(move |tx| {
        let Some(workspace) = tx.workspaces()?.first().map(|w| w.id) else {
            return Err(Problem::invalid("data", "the installation is empty").expected("shouwen bench generate --data DIR --cases 100000"));
        };
        let ctx = Ctx::system(workspace, "bench");
        shouwen_identity::ensure_built_in_roles(tx, &ctx, &codes)?;
        let person: PersonId = match tx.savepoint(|tx| shouwen_identity::find_person(tx, "bench@example.com")) {
            Ok((_, person)) => person,
            Err(_) => {
                let person = shouwen_identity::create_person(tx, &ctx, &shouwen_identity::NewPerson { name: "Bench".into(), email: "bench@example.com".into(), ..Default::default() })?;
                shouwen_identity::grant_role(tx, &ctx, person, shouwen_identity::ADMINISTRATOR, shouwen_identity::ReachKind::Workspace, None, None)?;
                person
            }
        };
        // For an hour: nobody wants it afterwards.
        let (_, token) = shouwen_identity::issue_token(tx, &ctx, person, "bench", None, Some(tx.now().plus_seconds(3600)))?;
        let (cases,): (i64,) = tx.one("SELECT count(*) FROM desk_case WHERE workspace_id = ?1", params![workspace])?;
        Ok((token, cases))
    })
}

/// Mails a second from bytes to a durable case, on a fresh SQLite folder.
fn intake(mails: usize) -> Result<f64> {
    let folder = std::env::temp_dir().join(format!("shouwen-bench-{}", std::process::id()));
    let outcome = intake_in(&folder, mails);
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn intake_in(folder: &std::path::Path, mails: usize) -> Result<f64> {
    let arguments = ["--data".to_owned(), folder.display().to_string()];
    let house = House::open(Config::load(&Args::read(&arguments, OPTIONS, &[])?)?, Arc::new(SystemClock))?;
    let (token, inbox) = {
        house.db.write_blocking(|tx| {
            let workspace = tx.create_workspace("Synthetic measurements", "Asia/Shanghai", "zh-CN")?;
            // With the first unit come calendars and a service level, so that every case has its clocks.
            let unit = shouwen_identity::NewOrgUnit { name: "Bench".into(), kind: "company".into(), parent_id: None, region_code: None };
            shouwen_identity::create_org_unit(tx, &Ctx::system(workspace, "bench"), &unit).map(|_| ())
        })?;
        house.turn()?;
        let (token, _) = viewer(&house)?;
        let inbox = house.ask(&token, Method::POST, "/inboxes", json!({ "name": "Bench", "address": "bench-inbox@example.com" }))?;
        (token, inbox["id"].as_str().unwrap_or_default().parse::<InboxId>()?)
    };
    house.turn()?;
    let raw: Vec<RawMail> = (0..mails)
        .map(|n| {
            let mut mail = Outgoing::new(Address { name: format!("客户{n}"), address: format!("customer{n}@kehu.example") }, format!("{n}@bench.example"), house.app.clock().now().to_jiff());
            mail.to = vec![Address { name: String::new(), address: "bench-inbox@example.com".into() }];
            mail.subject = format!("第{n}件事：订单什么时候发货");
            mail.text = format!("您好，订单 SF{} 三天没有更新，请帮忙看看。\n谢谢。", 1_000_000 + n);
            Ok(RawMail { bytes: compose(&mail)?, source: Source::Imap, place: None, received_at: None })
        })
        .collect::<Result<_>>()?;
    let begun = Instant::now();
    for part in raw.chunks(200) {
        shouwen_email::intake_blocking(&house.db, inbox, part)?;
        shouwen_email::drain_blocking(&house.db, None)?;
        house.turn()?;
    }
    let seconds = begun.elapsed().as_secs_f64();
    let made = house.ask(&token, Method::GET, "/desk/cases?view=all_open&limit=1", Json::Null)?;
    house.close();
    if made["items"].as_array().is_none_or(Vec::is_empty) {
        return Err(Problem::internal("no case came of the mails"));
    }
    Ok(mails as f64 / seconds)
}
