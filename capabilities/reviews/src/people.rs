//! Who can decide: a projection of people, their roles and how far they lead, and the words of flows turned into people.
//!
//! Whoever holds `review.lead` leads what it reaches: teams, or an org unit with everything below it, or the workspace.
//! So the chain of command is the reach of roles, and no second one has to be kept.

use shouwen_contracts::identity::{PersonSaved, RightsChanged};
use shouwen_kernel::{Access, Grant, OrgUnitId, PersonId, Reach, Result, Scope, TeamId, WorkspaceId};
use shouwen_store::{FromRow, Json, Row, Tx, params};

/// Decides for a team or a department.
pub const LEAD: &str = "review.lead";
/// May read cases.
pub const CASE_READ: &str = "case.read";
const KEPT: [&str; 2] = [LEAD, CASE_READ];
/// Role that stands in when nobody else can.
pub const ADMINISTRATOR: &str = "administrator";
/// More people than this in one step are not asked.
const MOST: usize = 200;

/// Somebody of the house.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: PersonId,
    pub name: String,
    pub locale: String,
    pub active: bool,
    pub org_unit: Option<OrgUnitId>,
    pub teams: Vec<TeamId>,
    pub grants: Vec<Grant>,
}

impl FromRow for Person {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(Self { id: row.get(0)?, name: row.get(1)?, locale: row.get(2)?, active: row.get(3)?, org_unit: row.get(4)?, teams: row.get::<Json<_>>(5)?.0, grants: row.get::<Json<_>>(6)?.0 })
    }
}

const COLUMNS: &str = "p.person_id, p.name, p.locale, p.active, p.org_unit_id, p.teams, p.grants";

impl Person {
    /// Somebody by id.
    pub fn load(tx: &Tx<'_>, id: PersonId) -> Result<Option<Self>> {
        tx.opt(&format!("SELECT {COLUMNS} FROM review_person p WHERE p.person_id = ?1"), params![id])
    }
    /// Whether they may read an object with this access.
    pub fn may_read(&self, access: &Access) -> bool {
        Scope::of(self.id, &self.grants, CASE_READ).is_some_and(|scope| scope.sees(access))
    }
    /// How wide they lead in all: 0 a team, n that many org units, the most the workspace; `None`: they lead nothing.
    pub fn width(&self) -> Option<usize> {
        self.leads().filter_map(reach_width).max()
    }
    fn leads(&self) -> impl Iterator<Item = &Reach> {
        self.grants.iter().filter(|grant| grant.permission == LEAD).map(|grant| &grant.reach)
    }
    fn leads_team(&self, team: TeamId) -> bool {
        self.leads().any(|reach| matches!(reach, Reach::Teams { teams } if teams.contains(&team)))
    }
    /// How wide the narrowest of what they lead is that holds `unit`.
    fn width_over(&self, unit: OrgUnitId) -> Option<usize> {
        self.leads().filter_map(|reach| match reach {
            Reach::OrgUnits { units } if units.contains(&unit) => Some(units.len()),
            _ => None,
        }).min()
    }
}

fn reach_width(reach: &Reach) -> Option<usize> {
    match reach {
        Reach::Workspace => Some(usize::MAX),
        Reach::OrgUnits { units } => Some(units.len()),
        Reach::Teams { .. } => Some(0),
        Reach::Own => None,
    }
}

/// `person.saved`.
pub fn saved(tx: &Tx<'_>, workspace: WorkspaceId, p: &PersonSaved) -> Result<()> {
    tx.run(
        "INSERT INTO review_person (person_id, workspace_id, name, locale, active, leads, org_unit_id, teams, grants) VALUES (?1, ?2, ?3, ?4, ?5, FALSE, ?6, ?7, ?8)
         ON CONFLICT (person_id) DO UPDATE SET name = ?3, locale = ?4, active = ?5, org_unit_id = ?6, teams = ?7",
        params![p.person_id, workspace, p.name, p.locale, p.active, p.org_unit_id, Json(&p.teams), Json(Vec::<Grant>::new())],
    )
}

/// What somebody holds now that they did not hold before.
#[derive(Clone, Debug, Default)]
pub struct Gained {
    pub roles: Vec<String>,
    /// They lead something more.
    pub leads: bool,
}

impl Gained {
    /// Everything they hold: somebody came back to the house.
    pub fn all(tx: &Tx<'_>, person: PersonId) -> Result<Self> {
        Ok(Self { roles: roles_of(tx, person)?, leads: Person::load(tx, person)?.is_some_and(|p| p.leads().next().is_some()) })
    }
    pub fn is_nothing(&self) -> bool {
        self.roles.is_empty() && !self.leads
    }
    /// Whether a word of a flow may name them for it.
    pub fn names(&self, word: &str) -> bool {
        match word.strip_prefix("role:") {
            Some(role) => self.roles.iter().any(|known| known == role),
            None if word == "administrators" => self.roles.iter().any(|known| known == ADMINISTRATOR),
            None => self.leads && matches!(word, "team_lead" | "department_lead" | "above"),
        }
    }
}

fn roles_of(tx: &Tx<'_>, person: PersonId) -> Result<Vec<String>> {
    Ok(tx.all::<(String,)>("SELECT role FROM review_role WHERE person_id = ?1 ORDER BY role LIMIT 500", params![person])?.into_iter().map(|row| row.0).collect())
}

/// `person.rights_changed`: what they hold from now on, and what of it is new; old logs do not say the rights.
pub fn rights(tx: &Tx<'_>, workspace: WorkspaceId, r: &RightsChanged) -> Result<Gained> {
    let Some(grants) = &r.grants else { return Ok(Gained::default()) };
    let kept: Vec<&Grant> = grants.iter().filter(|grant| KEPT.contains(&grant.permission.as_str())).collect();
    let (had, led) = (roles_of(tx, r.person_id)?, Person::load(tx, r.person_id)?.map(|p| p.grants).unwrap_or_default());
    let gained = Gained {
        roles: r.roles.iter().flatten().filter(|role| !had.contains(role)).cloned().collect(),
        leads: kept.iter().any(|grant| grant.permission == LEAD && !led.contains(grant)),
    };
    let leads = kept.iter().any(|grant| grant.permission == LEAD && grant.reach != Reach::Own);
    tx.run(
        "INSERT INTO review_person (person_id, workspace_id, name, locale, active, leads, teams, grants) VALUES (?1, ?2, '', 'zh-CN', TRUE, ?3, ?4, ?5)
         ON CONFLICT (person_id) DO UPDATE SET leads = ?3, grants = ?5",
        params![r.person_id, workspace, leads, Json(Vec::<TeamId>::new()), Json(&kept)],
    )?;
    tx.run("DELETE FROM review_role WHERE person_id = ?1", params![r.person_id])?;
    for role in r.roles.iter().flatten() {
        tx.run("INSERT INTO review_role (workspace_id, role, person_id) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, role, person_id) DO NOTHING", params![workspace, role, r.person_id])?;
    }
    Ok(gained)
}

/// The name of somebody; empty when unknown.
pub fn name(tx: &Tx<'_>, id: PersonId) -> Result<String> {
    Ok(tx.opt::<(String,)>("SELECT name FROM review_person WHERE person_id = ?1", params![id])?.map(|row| row.0).unwrap_or_default())
}

/// What people are looked for in.
#[derive(Clone, Debug, Default)]
pub struct Place {
    pub access: Access,
    /// Whether there is a case: then holders of a role who may read it come before those who may not.
    pub of_case: bool,
    pub requester: Option<PersonId>,
    /// Who may not decide whatever they hold.
    pub except: Vec<PersonId>,
    /// Those of the steps before: `above` looks beyond them.
    pub before: Vec<PersonId>,
}

/// Active holders of a role.
pub fn holders(tx: &Tx<'_>, workspace: WorkspaceId, role: &str) -> Result<Vec<Person>> {
    tx.all(
        &format!("SELECT {COLUMNS} FROM review_role r JOIN review_person p ON p.person_id = r.person_id WHERE r.workspace_id = ?1 AND r.role = ?2 AND p.active ORDER BY r.person_id LIMIT ?3"),
        params![workspace, role, MOST],
    )
}

fn leaders(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Person>> {
    tx.all(&format!("SELECT {COLUMNS} FROM review_person p WHERE p.workspace_id = ?1 AND p.leads AND p.active ORDER BY p.person_id LIMIT 2000"), params![workspace])
}

/// Those with the smallest width.
fn narrowest(found: Vec<(usize, Person)>) -> Vec<Person> {
    let least = found.iter().map(|(width, _)| *width).min();
    found.into_iter().filter(|(width, _)| Some(*width) == least).map(|(_, person)| person).collect()
}

/// The people a word names; the same word means other people in another place.
pub fn named(tx: &Tx<'_>, workspace: WorkspaceId, word: &str, place: &Place) -> Result<Vec<Person>> {
    if let Some(role) = word.strip_prefix("role:") {
        let all: Vec<Person> = holders(tx, workspace, role)?.into_iter().filter(|person| !place.except.contains(&person.id)).collect();
        if !place.of_case {
            return Ok(all);
        }
        let near: Vec<Person> = all.iter().filter(|person| person.may_read(&place.access)).cloned().collect();
        return Ok(if near.is_empty() { all } else { near });
    }
    if let Some(id) = word.strip_prefix("person:") {
        let Ok(id) = id.parse::<PersonId>() else { return Ok(Vec::new()) };
        let found: Option<Person> = tx.opt(&format!("SELECT {COLUMNS} FROM review_person p WHERE p.person_id = ?1 AND p.workspace_id = ?2 AND p.active"), params![id, workspace])?;
        return Ok(found.into_iter().collect());
    }
    let asker = place.requester.map(|id| Person::load(tx, id)).transpose()?.flatten();
    let unit = place.access.org_unit.or_else(|| asker.as_ref().and_then(|a| a.org_unit));
    match word {
        "administrators" => holders(tx, workspace, ADMINISTRATOR),
        "team_lead" => {
            let teams: Vec<TeamId> = match place.access.team {
                Some(team) => vec![team],
                None if place.of_case => Vec::new(),
                None => asker.map(|a| a.teams).unwrap_or_default(),
            };
            Ok(leaders(tx, workspace)?.into_iter().filter(|p| teams.iter().any(|team| p.leads_team(*team))).collect())
        }
        "department_lead" => {
            let Some(unit) = unit else { return Ok(Vec::new()) };
            Ok(narrowest(leaders(tx, workspace)?.into_iter().filter_map(|p| Some((p.width_over(unit)?, p))).collect()))
        }
        "above" => {
            let mut floor = None;
            for id in place.before.iter().copied().chain(place.requester.filter(|_| place.before.is_empty())) {
                floor = floor.max(Person::load(tx, id)?.and_then(|p| p.width()));
            }
            let over = |p: &Person| {
                let here = unit.and_then(|unit| p.width_over(unit));
                here.or_else(|| p.leads().any(|reach| *reach == Reach::Workspace).then_some(usize::MAX)).filter(|width| floor.is_none_or(|floor| *width > floor))
            };
            Ok(narrowest(leaders(tx, workspace)?.into_iter().filter_map(|p| Some((over(&p)?, p))).collect()))
        }
        _ => Ok(Vec::new()),
    }
}

/// Whether one of several words names somebody; asks for them alone, however many others hold the role.
pub fn is_named(tx: &Tx<'_>, workspace: WorkspaceId, words: &[String], place: &Place, person: PersonId) -> Result<bool> {
    for word in words {
        let yes = match word.strip_prefix("role:") {
            Some(role) => tx.opt::<(PersonId,)>("SELECT r.person_id FROM review_role r JOIN review_person p ON p.person_id = r.person_id WHERE r.workspace_id = ?1 AND r.role = ?2 AND r.person_id = ?3 AND p.active", params![workspace, role, person])?.is_some(),
            None => named(tx, workspace, word, place)?.iter().any(|found| found.id == person),
        };
        if yes {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The people several words name, each once.
pub fn all_named(tx: &Tx<'_>, workspace: WorkspaceId, words: &[String], place: &Place) -> Result<Vec<Person>> {
    let mut out: Vec<Person> = Vec::new();
    for word in words {
        for person in named(tx, workspace, word, place)? {
            if out.len() < MOST && !out.iter().any(|known| known.id == person.id) {
                out.push(person);
            }
        }
    }
    Ok(out)
}

/// A word as sentences say it, in both languages: `role:manager` → `角色 manager` / `role manager`.
pub fn words_shown(words: &[String]) -> (String, String) {
    let one = |word: &String| match word.as_str() {
        "team_lead" => ("班组负责人".to_owned(), "the lead of the team".to_owned()),
        "department_lead" => ("部门负责人".to_owned(), "the lead of the department".to_owned()),
        "above" => ("上一级负责人".to_owned(), "the level above".to_owned()),
        "administrators" => ("系统管理员".to_owned(), "the administrators".to_owned()),
        "next" => ("下一级审核人".to_owned(), "those of the next step".to_owned()),
        other => match other.split_once(':') {
            Some(("role", key)) => (format!("角色 {key}"), format!("the role {key}")),
            _ => ("指定人员".to_owned(), "the person named".to_owned()),
        },
    };
    let both: Vec<(String, String)> = words.iter().map(one).collect();
    let zh: Vec<&str> = both.iter().map(|b| b.0.as_str()).collect();
    let en: Vec<&str> = both.iter().map(|b| b.1.as_str()).collect();
    (zh.join("、"), en.join(", "))
}
