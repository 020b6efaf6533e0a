//! The wall of a team: who is there, what each has in hand, what is due next, what was done today.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::Serialize;
use shouwen_contracts::casework::{Closed, MessageAdded};
use shouwen_kernel::{CaseId, OrgUnitId, PersonId, Problem, Result, Scope, TeamId, Time, WorkspaceId};
use shouwen_store::{Recorded, ToValue, Tx, Value, params, scope_sql};
use shouwen_web::{Allowed, Answer, App, Id, Viewer, axum};

use crate::CaseRead;
use crate::card::named;
use crate::list::SCOPE;
use crate::row::Named;

/// A wall shows at most so many members.
const MOST: usize = 200;

/// The clock due next among somebody's cases.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct NextDue {
    pub case_id: CaseId,
    pub number: String,
    pub title: String,
    /// Kind of the clock.
    pub clock: String,
    pub due_at: Time,
}

/// A member of a team.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Member {
    pub person: Named<PersonId>,
    /// `online`, `busy`, `away`, `offline`.
    pub status: String,
    /// Since when.
    pub since: Option<Time>,
    /// Cases in hand, within the viewer's reach.
    pub open: i64,
    /// Of these: the customer is to answer.
    pub waiting: i64,
    pub breached: i64,
    pub next: Option<NextDue>,
    pub answered_today: i64,
    pub closed_today: i64,
}

/// A team's wall.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Wall {
    pub team: Named<TeamId>,
    pub at: Time,
    /// The workspace's day that "today" means.
    pub day: String,
    /// Cases that lie with the team.
    pub open: i64,
    pub unassigned: i64,
    pub breached: i64,
    pub members: Vec<Member>,
}

/// A wall the viewer may open.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct WallSummary {
    pub team: Named<TeamId>,
    pub open: i64,
    pub unassigned: i64,
    pub breached: i64,
}

/// The walls there are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Walls {
    pub items: Vec<WallSummary>,
}

/// The local date of an instant as yyyymmdd.
fn day_of(tx: &Tx<'_>, workspace: WorkspaceId, at: Time) -> Result<i64> {
    let zone = tx.known(&format!("workspace.time_zone/{workspace}"), || {
        Ok(tx.opt::<(String,)>("SELECT time_zone FROM workspace WHERE id = ?1", params![workspace])?.map_or_else(|| "UTC".to_owned(), |row| row.0))
    })?;
    let date = at.to_jiff().to_zoned(jiff::tz::TimeZone::get(&zone).unwrap_or(jiff::tz::TimeZone::UTC)).date();
    Ok(i64::from(date.year()) * 10_000 + i64::from(date.month()) * 100 + i64::from(date.day()))
}

fn count(tx: &Tx<'_>, person: PersonId, day: i64, answered: i64, closed: i64) -> Result<()> {
    tx.run(
        "INSERT INTO desk_day (person_id, day, answered, closed) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (person_id, day) DO UPDATE SET answered = desk_day.answered + ?3, closed = desk_day.closed + ?4",
        params![person, day, answered, closed],
    )
}

/// Counts an answer to a customer for whoever wrote it.
pub fn count_answer(tx: &Tx<'_>, recorded: &Recorded, message: &MessageAdded) -> Result<()> {
    match message.author_id.filter(|_| message.direction == "out" && !message.auto) {
        Some(person) => count(tx, person, day_of(tx, recorded.workspace, message.at)?, 1, 0),
        None => Ok(()),
    }
}

/// Counts a case that came to its end for whoever ended it.
pub fn count_closed(tx: &Tx<'_>, recorded: &Recorded, closed: &Closed) -> Result<()> {
    match closed.by {
        Some(person) => count(tx, person, day_of(tx, recorded.workspace, closed.at)?, 0, 1),
        None => Ok(()),
    }
}

/// A viewer opens the walls of their own teams, and of those whose cases they read.
fn may(tx: &Tx<'_>, viewer: &Viewer, scope: &Scope, team: TeamId, unit: Option<OrgUnitId>) -> Result<bool> {
    if scope.all || scope.teams.contains(&team) || unit.is_some_and(|unit| scope.org_units.contains(&unit)) {
        return Ok(true);
    }
    Ok(tx.opt::<(i64,)>("SELECT 1 FROM desk_member WHERE person_id = ?1 AND team_id = ?2", params![viewer.person, team])?.is_some())
}

/// Cases of a team within reach: open, unassigned, breached.
fn of_team(tx: &Tx<'_>, scope: &Scope, team: TeamId) -> Result<(i64, i64, i64)> {
    let int = tx.dialect("INTEGER", "BIGINT");
    let mut values = params![team, tx.now()].to_vec();
    let (reach, more) = scope_sql(scope, &SCOPE, 3);
    values.extend(more);
    let sum = |condition: &str| format!("CAST(coalesce(sum(CASE WHEN {condition} THEN 1 ELSE 0 END), 0) AS {int})");
    tx.one(
        &format!("SELECT count(*), {}, {} FROM desk_case AS c WHERE c.team_id = ?1 AND c.active = TRUE AND {reach}", sum("c.assignee_id IS NULL"), sum("c.due_sort < ?2")),
        &values,
    )
}

/// The wall of a team. Sums hold only cases the viewer may read.
#[utoipa::path(get, path = "/teams/{id}/wall", params(("id" = TeamId, Path)), responses((status = 200, body = Wall)), tag = "desk", summary = "A team's wall", extensions(("x-permission" = json!("case.read"))))]
pub async fn wall(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<TeamId>) -> Answer<axum::Json<Wall>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let found: Option<(String, Option<OrgUnitId>)> = tx.opt("SELECT name, org_unit_id FROM desk_team WHERE team_id = ?1 AND workspace_id = ?2", params![id, viewer.workspace])?;
        let Some((name, unit)) = found else { return Err(Problem::not_found("team")) };
        if !may(tx, &viewer, &scope, id, unit)? {
            return Err(Problem::not_found("team"));
        }
        let day = day_of(tx, viewer.workspace, tx.now())?;
        let (open, unassigned, breached) = of_team(tx, &scope, id)?;
        let members = members(tx, &scope, id, day)?;
        Ok(Wall { team: Named { id, name }, at: tx.now(), day: format!("{:04}-{:02}-{:02}", day / 10_000, day / 100 % 100, day % 100), open, unassigned, breached, members })
    })
    .await
}

fn members(tx: &Tx<'_>, scope: &Scope, team: TeamId, day: i64) -> Result<Vec<Member>> {
    type Row = (PersonId, String, Option<String>, Option<Time>, Option<i64>, Option<i64>);
    let rows: Vec<Row> = tx.all(
        "SELECT m.person_id, coalesce(n.name, ''), p.status, p.at, d.answered, d.closed FROM desk_member m LEFT JOIN desk_name n ON n.id = m.person_id LEFT JOIN desk_presence p ON p.person_id = m.person_id
         LEFT JOIN desk_day d ON d.person_id = m.person_id AND d.day = ?2 WHERE m.team_id = ?1 ORDER BY coalesce(n.name, ''), m.person_id LIMIT ?3",
        params![team, day, MOST],
    )?;
    let people: Vec<PersonId> = rows.iter().map(|row| row.0).collect();
    let mut hands = in_hand(tx, scope, &people)?;
    rows.into_iter()
        .map(|(id, name, status, since, answered, closed)| {
            let (open, waiting, breached) = hands.remove(&id).unwrap_or_default();
            let next = if open > 0 { next_due(tx, scope, id)? } else { None };
            Ok(Member {
                person: Named { id, name },
                status: status.unwrap_or_else(|| "offline".to_owned()),
                since,
                open,
                waiting,
                breached,
                next,
                answered_today: answered.unwrap_or(0),
                closed_today: closed.unwrap_or(0),
            })
        })
        .collect()
}

/// Open, waiting and breached cases by assignee.
fn in_hand(tx: &Tx<'_>, scope: &Scope, people: &[PersonId]) -> Result<BTreeMap<PersonId, (i64, i64, i64)>> {
    if people.is_empty() {
        return Ok(BTreeMap::new());
    }
    let int = tx.dialect("INTEGER", "BIGINT");
    let mut values: Vec<Value> = vec![tx.now().to_value()];
    values.extend(people.iter().map(ToValue::to_value));
    let of: Vec<String> = (2..people.len() + 2).map(|i| format!("?{i}")).collect();
    let (reach, more) = scope_sql(scope, &SCOPE, values.len() + 1);
    values.extend(more);
    let sum = |condition: &str| format!("CAST(sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS {int})");
    let rows: Vec<(PersonId, i64, i64, i64)> = tx.all(
        &format!(
            "SELECT c.assignee_id, count(*), {}, {} FROM desk_case AS c WHERE c.assignee_id IN ({}) AND c.active = TRUE AND {reach} GROUP BY c.assignee_id",
            sum("c.status = 'waiting'"),
            sum("c.due_sort < ?1"),
            of.join(", ")
        ),
        &values,
    )?;
    Ok(rows.into_iter().map(|(person, open, waiting, breached)| (person, (open, waiting, breached))).collect())
}

fn next_due(tx: &Tx<'_>, scope: &Scope, person: PersonId) -> Result<Option<NextDue>> {
    let mut values = params![person].to_vec();
    let (reach, more) = scope_sql(scope, &SCOPE, 2);
    values.extend(more);
    let row: Option<(CaseId, String, String, Option<String>, Time)> = tx.opt(
        &format!("SELECT c.case_id, c.number, c.title, c.clock_kind, c.due_at FROM desk_case AS c WHERE c.assignee_id = ?1 AND c.active = TRUE AND c.due_at IS NOT NULL AND {reach} ORDER BY c.due_sort, c.case_id LIMIT 1"),
        &values,
    )?;
    Ok(row.map(|(case_id, number, title, clock, due_at)| NextDue { case_id, number, title, clock: clock.unwrap_or_default(), due_at }))
}

/// The walls the viewer may open, by name.
#[utoipa::path(get, path = "/teams/walls", responses((status = 200, body = Walls)), tag = "desk", summary = "Walls the viewer may open", extensions(("x-permission" = json!("case.read"))))]
pub async fn walls(State(app): State<App>, who: Allowed<CaseRead>) -> Answer<axum::Json<Walls>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let teams: Vec<(TeamId, Option<OrgUnitId>)> = tx.all("SELECT team_id, org_unit_id FROM desk_team WHERE workspace_id = ?1 ORDER BY name, team_id LIMIT 500", params![viewer.workspace])?;
        let mut items = Vec::new();
        for (team, unit) in teams {
            if !may(tx, &viewer, &scope, team, unit)? {
                continue;
            }
            let (open, unassigned, breached) = of_team(tx, &scope, team)?;
            items.extend(named(tx, Some(team))?.map(|team| WallSummary { team, open, unassigned, breached }));
        }
        Ok(Walls { items })
    })
    .await
}
