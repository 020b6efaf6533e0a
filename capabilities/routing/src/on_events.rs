//! Keeps who can take what, and tries whenever that changes.

use serde_json::Value;
use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::customers::CustomerEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::routing::{Chosen, NobodyChosen, RoutingEvent};
use shouwen_kernel::{Access, CaseId, OrgUnitId, PersonId, Result, TeamId, Time, WorkspaceId};
use shouwen_store::{Ctx, Json, Recorded, Tx, params};

use crate::choose::{Candidate, Choice, Wanted, choose, helped};
use crate::settings::{self, Settings};
use crate::{on_customers, queue};

/// The events read.
pub const KINDS: &[&str] = &[
    "person.saved", "person.status", "team.saved", "team.deleted", "case.opened", "case.assigned", "case.stage", "case.closed", "case.reopened", "case.merged", "case.unmerged", "case.tagged", "case.edited",
    "case.customer", "customer.saved",
];

/// Cases older than this when they come in (an import of old mail) are not handed out by themselves.
pub const FRESH_S: i64 = 3 * 86_400;
/// Waiting cases tried when somebody becomes free.
const AT_ONCE: usize = 10;

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let workspace = recorded.workspace;
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return on_identity(tx, workspace, event);
    }
    if let Some(event) = recorded.event::<CustomerEvent>()? {
        return on_customers::handle(tx, workspace, &event);
    }
    let Some(event) = recorded.event::<CaseEvent>()? else { return Ok(()) };
    let set_open = |case: CaseId, open: bool| tx.execute("UPDATE routing_case SET open = ?2 WHERE case_id = ?1", params![case, open]).map(|_| ());
    match event {
        CaseEvent::Opened(o) => {
            tx.run(
                "INSERT INTO routing_case (case_id, workspace_id, open, team_id, org_unit_id, assignee_id, language, tags, opened_at, priority, tier, place, customer_id, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?9)",
                params![o.case_id, workspace, o.status != "closed" && o.status != "resolved", o.team_id, o.org_unit_id, o.assignee_id, o.language, Json(&o.tags), o.opened_at, o.priority, o.tier, queue::place(&Settings::default(), &o.priority, None), o.customer_id],
            )?;
            // Most mail lies with no team: nothing to look up then.
            if o.team_id.is_none() || o.assignee_id.is_some() { Ok(()) } else { attempt(tx, workspace, o.case_id, recorded.access()?) }
        }
        CaseEvent::Assigned(a) => {
            tx.run(
                "UPDATE routing_case SET assignee_id = ?2, team_id = ?3, org_unit_id = coalesce(?4, org_unit_id), tried = NULL, since = ?5, spilled = ?6 WHERE case_id = ?1",
                params![a.case_id, a.to_person, a.to_team, a.org_unit_id, tx.now(), false],
            )?;
            if let Some(freed) = a.from_person.filter(|p| Some(*p) != a.to_person) {
                serve(tx, workspace, freed)?;
            }
            // Given back to the team by a person means: find somebody; but not the same one by return of post.
            if a.to_person.is_none() && a.to_team != a.from_team { attempt(tx, workspace, a.case_id, recorded.access()?) } else { Ok(()) }
        }
        CaseEvent::StageChanged(s) if s.from_status != s.to_status => {
            set_open(s.case_id, s.to_status == "open" || s.to_status == "waiting")?;
            freed_by(tx, workspace, s.case_id)
        }
        CaseEvent::Closed(c) => {
            set_open(c.case_id, false)?;
            freed_by(tx, workspace, c.case_id)
        }
        CaseEvent::Merged(m) if recorded.subject == Some(m.case_id.0) => {
            set_open(m.case_id, false)?;
            freed_by(tx, workspace, m.case_id)
        }
        CaseEvent::Reopened(r) => {
            tx.run("UPDATE routing_case SET open = ?2, since = ?3, spilled = ?4, tried = NULL WHERE case_id = ?1", params![r.case_id, true, tx.now(), false])?;
            attempt(tx, workspace, r.case_id, recorded.access()?)
        }
        CaseEvent::Unmerged(u) if recorded.subject == Some(u.case_id.0) => set_open(u.case_id, true),
        CaseEvent::CustomerSet(c) => on_customers::given(tx, workspace, c.case_id, c.to),
        CaseEvent::Tagged(t) => {
            let row: Option<(Json<Vec<String>>,)> = tx.opt("SELECT tags FROM routing_case WHERE case_id = ?1", params![t.case_id])?;
            let Some((Json(mut tags),)) = row else { return Ok(()) };
            tags.retain(|tag| !t.removed.contains(tag));
            tags.extend(t.added);
            tx.execute("UPDATE routing_case SET tags = ?2 WHERE case_id = ?1", params![t.case_id, Json(tags)]).map(|_| ())
        }
        // Only a case that waits has a place to change; the load of the others stays as it is.
        CaseEvent::Edited(e) if e.field == "priority" => {
            let Some(priority) = e.to.as_str() else { return Ok(()) };
            let row: Option<(Option<String>,)> = tx.opt("SELECT tier FROM routing_case WHERE case_id = ?1", params![e.case_id])?;
            let Some((tier,)) = row else { return Ok(()) };
            let place = queue::place(&settings::of(tx, workspace)?, priority, tier.as_deref());
            tx.execute("UPDATE routing_case SET priority = ?2, place = ?3 WHERE case_id = ?1", params![e.case_id, priority, place]).map(|_| ())
        }
        _ => Ok(()),
    }
}

fn on_identity(tx: &Tx<'_>, workspace: WorkspaceId, event: IdentityEvent) -> Result<()> {
    match event {
        IdentityEvent::PersonSaved(p) => {
            tx.run(
                "INSERT INTO routing_person (person_id, workspace_id, name, active, status, org_unit_id, skills, languages, capacity) VALUES (?1, ?2, ?3, ?4, 'offline', ?5, ?6, ?7, ?8)
                 ON CONFLICT (person_id) DO UPDATE SET name = ?3, active = ?4, org_unit_id = ?5, skills = ?6, languages = ?7, capacity = ?8",
                params![p.person_id, workspace, p.name, p.active, p.org_unit_id, Json(&p.skills), Json(&p.languages), p.capacity],
            )?;
            tx.run("DELETE FROM routing_member WHERE person_id = ?1", params![p.person_id])?;
            for team in &p.teams {
                tx.run("INSERT INTO routing_member (team_id, person_id) VALUES (?1, ?2) ON CONFLICT (team_id, person_id) DO NOTHING", params![team, p.person_id])?;
            }
            serve(tx, workspace, p.person_id)
        }
        IdentityEvent::PersonStatus(s) => {
            tx.run("UPDATE routing_person SET status = ?2 WHERE person_id = ?1", params![s.person_id, s.status])?;
            if s.status == "online" { serve(tx, workspace, s.person_id) } else { Ok(()) }
        }
        IdentityEvent::TeamSaved(t) => {
            tx.run(
                "INSERT INTO routing_team (team_id, workspace_id, name, skills) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (team_id) DO UPDATE SET name = ?3, skills = ?4",
                params![t.team_id, workspace, t.name, Json(&t.skills)],
            )?;
            Ok(())
        }
        IdentityEvent::TeamDeleted(t) => {
            tx.run("DELETE FROM routing_team WHERE team_id = ?1", params![t.team_id])?;
            tx.execute("DELETE FROM routing_member WHERE team_id = ?1", params![t.team_id]).map(|_| ())
        }
        _ => Ok(()),
    }
}

/// A case left somebody's desk: there may be room for a waiting one.
fn freed_by(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId) -> Result<()> {
    match tx.opt::<(Option<PersonId>,)>("SELECT assignee_id FROM routing_case WHERE case_id = ?1", params![case])? {
        Some((Some(person),)) => serve(tx, workspace, person),
        _ => Ok(()),
    }
}

/// Tries what waits first in a person's teams, then what waits too long in teams theirs help out.
fn serve(tx: &Tx<'_>, workspace: WorkspaceId, person: PersonId) -> Result<()> {
    let teams: Vec<(TeamId,)> = tx.all("SELECT team_id FROM routing_member WHERE person_id = ?1", params![person])?;
    if teams.is_empty() {
        return Ok(());
    }
    let mut cases: Vec<(CaseId,)> = Vec::new();
    for (team,) in &teams {
        cases.extend(tx.all::<(CaseId,)>("SELECT case_id FROM routing_case WHERE team_id = ?1 AND open AND assignee_id IS NULL ORDER BY place, opened_at LIMIT ?2", params![*team, AT_ONCE])?);
    }
    for overflow in settings::of(tx, workspace)?.overflow.iter().filter(|o| teams.iter().any(|(team,)| o.to.contains(team))) {
        cases.extend(tx.all::<(CaseId,)>("SELECT case_id FROM routing_case WHERE team_id = ?1 AND open AND assignee_id IS NULL AND spilled ORDER BY place, opened_at LIMIT ?2", params![overflow.team_id, AT_ONCE])?);
    }
    for (case,) in cases {
        attempt(tx, workspace, case, None)?;
    }
    Ok(())
}

type Waiting = (bool, Option<TeamId>, Option<OrgUnitId>, Option<PersonId>, Option<String>, Json<Vec<String>>, Time, Option<String>, Option<String>, Option<String>, Option<Time>, Option<bool>);

/// Tries to find somebody for a case that lies with a team and has nobody.
pub fn attempt(tx: &Tx<'_>, workspace: WorkspaceId, case: CaseId, access: Option<Access>) -> Result<()> {
    let row: Option<Waiting> =
        tx.opt("SELECT open, team_id, org_unit_id, assignee_id, language, tags, opened_at, tried, priority, tier, since, spilled FROM routing_case WHERE case_id = ?1", params![case])?;
    let Some((true, Some(team), org_unit, None, language, Json(tags), opened_at, tried, priority, tier, since, spilled)) = row else { return Ok(()) };
    let settings = settings::of(tx, workspace)?;
    if !settings.automatic || opened_at < tx.now().plus_seconds(-FRESH_S) {
        return Ok(());
    }
    let chinese = tx.workspaces()?.iter().find(|w| w.id == workspace).is_none_or(|w| w.locale.starts_with("zh"));
    let own: Vec<String> = tags.iter().filter_map(|tag| tag.strip_prefix("skill:")).map(str::to_owned).collect();
    let tier_skill = settings.tier(tier.as_deref()).and_then(|wish| Some((wish.tier.clone(), wish.skill.clone()?)));
    let with = |team: TeamId| -> Result<Choice> {
        let demanded: Option<(Json<Vec<String>>,)> = tx.opt("SELECT skills FROM routing_team WHERE team_id = ?1", params![team])?;
        let mut skills = own.clone();
        skills.extend(demanded.map(|row| row.0.0).unwrap_or_default());
        skills.sort();
        skills.dedup();
        let wanted = Wanted { language: language.clone(), skills, org_unit, tier: tier_skill.clone() };
        Ok(choose(&wanted, &candidates(tx, team)?, settings.online_only, chinese))
    };
    let since = since.unwrap_or(opened_at);
    let (mut taken_by, mut choice) = (team, with(team)?);
    if let (Choice::Nobody { .. }, Some(overflow), Some(true)) = (&choice, settings.overflow_of(team), spilled) {
        let name: Option<(String,)> = tx.opt("SELECT name FROM routing_team WHERE team_id = ?1", params![team])?;
        for helper in &overflow.to {
            if let Choice::Person { person, reason } = with(*helper)? {
                let minutes = (tx.now().seconds() - since.seconds()).max(0) / 60;
                let before = helped(&name.map(|row| row.0).unwrap_or_default(), minutes, chinese);
                (taken_by, choice) = (*helper, Choice::Person { person, reason: before + &reason });
                break;
            }
        }
    }
    let ctx = Ctx::system(workspace, "routing");
    let access = access.unwrap_or(Access { org_unit, team: Some(team), people: Vec::new() });
    match choice {
        Choice::Person { person, reason } => {
            // Counted at once, so that the next case of the same batch sees it.
            tx.run("UPDATE routing_case SET assignee_id = ?2, tried = NULL WHERE case_id = ?1", params![case, person])?;
            tx.emit::<RoutingEvent>(&ctx, Some(case.0), Some(&access), Chosen { case_id: case, team_id: Some(taken_by), person_id: person, reason })
        }
        Choice::Nobody { reason } if tried.as_deref() != Some(&reason) => {
            let place = queue::place(&settings, priority.as_deref().unwrap_or("normal"), tier.as_deref());
            tx.run("UPDATE routing_case SET tried = ?2, place = ?3 WHERE case_id = ?1", params![case, reason, place])?;
            if spilled != Some(true) {
                queue::wait(tx, workspace, &settings, case, team, since)?;
            }
            tx.emit::<RoutingEvent>(&ctx, Some(case.0), Some(&access), NobodyChosen { case_id: case, team_id: Some(team), reason })
        }
        Choice::Nobody { .. } => Ok(()),
    }
}

fn candidates(tx: &Tx<'_>, team: TeamId) -> Result<Vec<Candidate>> {
    type Row = (PersonId, String, String, Option<OrgUnitId>, Json<Vec<(String, u8)>>, Json<Value>, u32, u32);
    let rows: Vec<Row> = tx.all(
        "SELECT p.person_id, p.name, p.status, p.org_unit_id, p.skills, p.languages, p.capacity,
                (SELECT count(*) FROM routing_case c WHERE c.assignee_id = p.person_id AND c.open AND c.assignee_id IS NOT NULL)
         FROM routing_member m JOIN routing_person p ON p.person_id = m.person_id WHERE m.team_id = ?1 AND p.active",
        params![team],
    )?;
    Ok(rows
        .into_iter()
        .map(|(person, name, status, org_unit, skills, languages, capacity, load)| Candidate {
            person,
            name,
            online: status == "online",
            org_unit,
            skills: skills.0,
            languages: languages.0.as_array().into_iter().flatten().filter_map(|l| l.as_str().map(str::to_owned)).collect(),
            capacity,
            load,
        })
        .collect())
}
