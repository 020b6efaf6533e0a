//! The fictional organisation: regions, teams, about sixty people with made-up names, inboxes, settings.

use axum::http::Method;
use serde_json::json;
use shouwen_identity::{NewOrgUnit, NewPerson, NewTeam, ReachKind, Skill, create_org_unit, create_person, create_team, grant_role, issue_token, set_status};
use shouwen_kernel::{InboxId, OrgUnitId, PersonId, Problem, Result, TeamId, WorkspaceId};
use shouwen_store::{Ctx, Tx};

use super::house::House;
use super::texts;

/// A member of staff with the token the simulation acts by.
#[derive(Clone)]
pub struct Staff {
    pub id: PersonId,
    pub name: String,
    pub token: String,
}

/// A team: whoever leads it, whoever works in it.
#[derive(Clone)]
pub struct Team {
    pub id: TeamId,
    pub unit: OrgUnitId,
    pub lead: Staff,
    pub agents: Vec<Staff>,
}

/// Everybody and everything the story needs.
pub struct Firm {
    pub workspace: WorkspaceId,
    pub admin: Staff,
    pub teams: Vec<Team>,
    /// Inbox and its address, in the order of [`INBOXES`].
    pub inboxes: Vec<(InboxId, String)>,
    /// Login names of the administrator, a supervisor and an agent.
    pub logins: [(&'static str, String); 3],
    /// Team and place of the agent who can sign in.
    pub hero: (usize, usize),
    pub people: usize,
}

/// Teams: name, region (index of [`REGIONS`], none: head office), skill.
const TEAMS: [(&str, Option<usize>, Option<&str>); 8] = [
    ("华北客服组", Some(0), None),
    ("华北装维组", Some(0), Some("repair")),
    ("华东客服组", Some(1), None),
    ("华东英语组", Some(1), None),
    ("华南客服组", Some(2), None),
    ("西南客服组", Some(3), None),
    ("账务组", None, Some("billing")),
    ("投诉处理组", None, Some("complaint")),
];
/// Open cases the agent who can sign in may have, and has at the end.
pub const DESK: u32 = 8;
/// Second line for repairs and for bills.
pub const REPAIR: usize = 1;
pub const BILLING: usize = 6;

const REGIONS: [(&str, &str); 4] = [("华北", "110000"), ("华东", "310000"), ("华南", "440000"), ("西南", "510000")];

/// Inboxes: address, name, team, language.
pub const INBOXES: [(&str, &str, usize, &str); 6] = [
    ("north@example.com", "华北客服邮箱", 0, "zh"),
    ("east@example.com", "华东客服邮箱", 2, "zh"),
    ("english@example.com", "English service desk", 3, "en"),
    ("south@example.com", "华南客服邮箱", 4, "zh"),
    ("southwest@example.com", "西南客服邮箱", 5, "zh"),
    ("complaints@example.com", "投诉邮箱", 7, "zh"),
];

const SURNAMES: [&str; 16] = ["云", "林", "白", "江", "花", "叶", "雨", "石", "山", "海", "竹", "梅", "松", "溪", "星", "月"];
const GIVEN: [&str; 20] = ["小满", "样例", "初雪", "示范", "晴空", "测试", "知秋", "演示", "青禾", "假名", "向晚", "虚构", "听雨", "样本", "拾光", "范例", "望舒", "示意", "临风", "模拟"];
const ENGLISH: [&str; 6] = ["Robin Sample", "Casey Placeholder", "Jamie Example", "Alex Testcase", "Morgan Fiction", "Taylor Specimen"];

/// Name number `n` of a made-up person; different for each `n` below 320.
pub fn made_up_name(n: usize) -> String {
    format!("{}{}", SURNAMES[n % 16], GIVEN[(n / 16 + n) % 20])
}

/// Creates all of it. `password` is the hash for the three who can sign in.
pub fn found(house: &House, password: &str) -> Result<Firm> {
    let hash = shouwen_identity::hash_password(house.app.ids(), password)?;
    let codes: Vec<&'static str> = house.app.permissions().iter().map(|p| p.code).collect();
    let app = house.app.clone();
    let firm = house.db.write_blocking(move |tx| {
        let workspace = tx.create_workspace("示例通信 Example Telecom（演示）", "Asia/Shanghai", "zh-CN")?;
        let ctx = Ctx::system(workspace, "demo");
        shouwen_identity::ensure_built_in_roles(tx, &ctx, &codes)?;
        // Nobody who tries the demonstration has an authenticator at hand.
        shouwen_identity::set_mfa_roles(tx, workspace, &[])?;
        tx.set_setting(workspace, "demo", &true)?;
        packs(&app, tx, &ctx);
        people(tx, &ctx, workspace, &hash)
    })?;
    house.turn()?;
    settings(house, firm)
}

/// The demonstration shows the packs of two trades besides the base. One that cannot be installed is told, and the rest
/// goes on without it.
fn packs(app: &shouwen_web::App, tx: &Tx<'_>, ctx: &Ctx) {
    for key in [shouwen_packs::BASE, "telecom", "dealer"] {
        if let Err(problem) = tx.savepoint(|tx| shouwen_packs::install_shipped(app, tx, ctx, key)) {
            eprintln!("the pack `{key}` could not be installed: {problem}");
        }
    }
}

struct Maker<'a, 't> {
    tx: &'a Tx<'t>,
    ctx: &'a Ctx,
    count: std::cell::Cell<usize>,
}

impl Maker<'_, '_> {
    #[expect(clippy::too_many_arguments)]
    fn person(&self, name: &str, login: Option<(&str, &str)>, unit: OrgUnitId, team: Option<TeamId>, role: &str, reach: ReachKind, skills: &[&str], english: bool) -> Result<Staff> {
        let n = self.count.get();
        self.count.set(n + 1);
        let email = login.map_or_else(|| format!("staff{n:02}@example.com"), |(address, _)| address.to_owned());
        let id = create_person(
            self.tx,
            self.ctx,
            &NewPerson {
                name: name.to_owned(),
                email,
                org_unit_id: Some(unit),
                teams: team.into_iter().collect(),
                skills: skills.iter().map(|s| Skill { skill: (*s).to_owned(), level: 2 + (n % 4) as u8 }).collect(),
                languages: if english { vec!["en".into(), "zh".into()] } else { vec!["zh".into()] },
                // Who leads a team is given no cases; the agent who can sign in has a full desk.
                capacity: if role != "agent" { 0 } else if login.is_some() { DESK } else { 25 },
                locale: english.then(|| "en".to_owned()),
                password_hash: login.map(|(_, hash)| hash.to_owned()),
                ..NewPerson::default()
            },
        )?;
        grant_role(self.tx, self.ctx, id, role, reach, None, None)?;
        let (_, token) = issue_token(self.tx, self.ctx, id, "demo", None, None)?;
        Ok(Staff { id, name: name.to_owned(), token })
    }
}

fn people(tx: &Tx<'_>, ctx: &Ctx, workspace: WorkspaceId, hash: &str) -> Result<Firm> {
    let unit = |name: &str, kind: &str, parent, code: Option<&str>| create_org_unit(tx, ctx, &NewOrgUnit { name: name.into(), kind: kind.into(), parent_id: parent, region_code: code.map(str::to_owned) });
    let company = unit("示例通信", "company", None, None)?;
    let office = unit("总部客户服务中心", "department", Some(company), None)?;
    let regions = REGIONS.iter().map(|(name, code)| unit(name, "region", Some(company), Some(code))).collect::<Result<Vec<_>>>()?;
    let make = Maker { tx, ctx, count: std::cell::Cell::new(0) };
    let admin = make.person("管晴空", Some(("admin@example.com", hash)), office, None, shouwen_identity::ADMINISTRATOR, ReachKind::Workspace, &[], false)?;
    for (i, role) in ["manager", "manager", "quality", "quality", "quality", "auditor", "viewer"].into_iter().enumerate() {
        make.person(&made_up_name(200 + i), None, office, None, role, ReachKind::Workspace, &[], false)?;
    }
    for (i, region) in regions.iter().enumerate() {
        make.person(&made_up_name(220 + i), None, *region, None, "manager", ReachKind::OrgUnit, &[], false)?;
    }
    let mut teams = Vec::new();
    for (i, (name, region, skill)) in TEAMS.into_iter().enumerate() {
        let unit = region.map_or(office, |r| regions[r]);
        let id = create_team(tx, ctx, &NewTeam { name: name.into(), org_unit_id: Some(unit), ..NewTeam::default() })?;
        let skills: Vec<&str> = skill.into_iter().chain(["service"]).collect();
        let (hero, english) = (i == 2, i == 3);
        let lead = make.person(&made_up_name(240 + i), hero.then_some(("lead@example.com", hash)), unit, Some(id), "supervisor", ReachKind::Team, &skills, english)?;
        let mut agents = Vec::new();
        for k in 0..5 {
            let name = if english { ENGLISH[k].to_owned() } else { made_up_name(i * 5 + k) };
            agents.push(make.person(&name, (hero && k == 0).then_some(("agent@example.com", hash)), unit, Some(id), "agent", ReachKind::Team, &skills, english)?);
        }
        teams.push(Team { id, unit, lead, agents });
    }
    for team in &teams {
        for (k, staff) in team.agents.iter().enumerate() {
            set_status(tx, ctx, staff.id, if k == 4 { "away" } else { "online" })?;
        }
    }
    let logins = [("admin@example.com", admin.name.clone()), ("lead@example.com", teams[2].lead.name.clone()), ("agent@example.com", teams[2].agents[0].name.clone())];
    Ok(Firm { workspace, admin, teams, inboxes: Vec::new(), logins, hero: (2, 0), people: make.count.get() })
}

/// What an administrator would set up on the pages.
fn settings(house: &House, mut firm: Firm) -> Result<Firm> {
    let admin = firm.admin.token.clone();
    let post = |path: &str, body| house.ask(&admin, Method::POST, path, body);
    for (address, name, team, language) in INBOXES {
        // No server on either side: nothing is fetched, and nothing can leave the house.
        let inbox = post("/inboxes", json!({ "name": name, "address": address, "team_id": firm.teams[team].id, "org_unit_id": firm.teams[team].unit, "default_language": language, "signature": if language == "en" { "Example Telecom (fictional)" } else { "示例通信（演示数据，非真实企业）" } }))?;
        let id = inbox["id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(|| Problem::internal("an inbox without an id"))?;
        firm.inboxes.push((id, address.to_owned()));
    }
    let calendars = house.ask(&admin, Method::GET, "/calendars", json!(null))?;
    let calendars = calendars["items"].as_array().or(calendars.as_array()).cloned().unwrap_or_default();
    if let Some(whole) = calendars.iter().find(|c| c["name"].as_str().is_some_and(|n| n.contains("7×24"))) {
        post(
            "/service-levels",
            json!({ "name": "投诉快处", "order": 10, "match": { "field": "inbox", "op": "eq", "value": firm.inboxes[5].0 }, "calendar_id": whole["id"],
                "targets": { "first_response": "2h", "next_response": "4h", "resolution": "48h" }, "warn_at": 0.7 }),
        )?;
    }
    for (title, shortcut, text, locale) in texts::CANNED {
        match post("/canned", json!({ "title": title, "shortcut": shortcut, "text": text, "locale": locale })) {
            // The base pack brings a text under this shortcut.
            Err(problem) if problem.message.contains("canned.shortcut_taken") => {}
            other => drop(other?),
        }
    }
    house.ask(&admin, Method::PUT, "/insight/targets", json!({ "targets": { "csat": 0.9, "sla_first_response": 0.9, "sla_resolution": 0.85, "csat_response_rate": 0.3 } }))?;
    post("/views", json!({ "name": "紧急与投诉", "filter": { "any": [{ "field": "priority", "op": "eq", "value": "urgent" }, { "field": "type", "op": "eq", "value": "complaint" }] } }))?;
    let lead = &firm.teams[2].lead;
    house.ask(&lead.token, Method::POST, "/views", json!({ "name": "本组高优先级", "team_id": firm.teams[2].id, "filter": { "field": "priority", "op": "in", "value": ["high", "urgent"] }, "sort": "due_at" }))?;
    house.turn()?;
    Ok(firm)
}
