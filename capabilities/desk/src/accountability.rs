//! What somebody is accountable for (首问责任), and where it is stuck; and the sums by person for who leads.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_contracts::casework::TypeStage;
use shouwen_kernel::{CaseId, PersonId, Problem, Result, Scope, TeamId, Time, text::clip};
use shouwen_store::{BranchList, Json, ToValue, Tx, Value, params, scope_sql};
use shouwen_web::{Allowed, Answer, App, Page, Params, Viewer, axum, decode_cursor, limit_of};

use crate::card::{Title, WaitFor, cards, named};
use crate::list::{self, SCOPE};
use crate::row::{CaseRow, JOINS, Named, RowClock, SELECT};
use crate::{CaseRead, project};

/// Where a case is stuck, the first that holds: another department works on it, it is being reviewed, the customer is to
/// answer, it is to be verified, nobody took it, somebody works on it.
const STUCK: &str = "CASE WHEN EXISTS (SELECT 1 FROM desk_wait w WHERE w.case_id = c.case_id AND w.kind = 'department') THEN 'department' \
    WHEN EXISTS (SELECT 1 FROM desk_wait w WHERE w.case_id = c.case_id AND w.kind = 'review') THEN 'review' \
    WHEN c.status = 'waiting' THEN 'customer' WHEN c.status = 'resolved' THEN 'callback' WHEN c.assignee_id IS NULL THEN 'team' ELSE 'assignee' END";
const WAYS: [&str; 6] = ["department", "review", "customer", "callback", "team", "assignee"];

/// Whose accountability.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct AccountabilityParams {
    /// A person's id, or `me` (when absent).
    pub person_id: Option<String>,
    /// Only what is stuck there: `department`, `review`, `customer`, `callback`, `team`, `assignee`.
    pub stuck: Option<String>,
    pub limit: Option<usize>,
    pub after: Option<String>,
}

/// Who has a case in hand now.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct InHand {
    pub person: Option<Named<PersonId>>,
    pub team: Option<Named<TeamId>>,
}

/// A case somebody is accountable for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accountable {
    pub case: CaseRow,
    pub stage_title: Title,
    /// Since when it stands in its stage.
    pub since: Time,
    pub with: InHand,
    /// `department`, `review`, `customer`, `callback`, `team`, `assignee`.
    pub stuck: String,
    pub waiting_for: Vec<WaitFor>,
    /// The clock that is due next.
    pub clock: Option<RowClock>,
    pub reminders: i64,
    pub reminded_at: Option<Time>,
}

/// A page of somebody's accountability, soonest deadline first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Accountability {
    pub person: Named<PersonId>,
    pub items: Vec<Accountable>,
    pub next: Option<String>,
}

/// Everything not archived that a person is accountable for, within the viewer's reach, with where it is stuck.
#[utoipa::path(get, path = "/accountability", params(AccountabilityParams), responses((status = 200, body = Accountability)), tag = "desk", summary = "What somebody is accountable for, and where it is stuck", extensions(("x-permission" = json!("case.read"))))]
pub async fn of_person(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<AccountabilityParams>) -> Answer<axum::Json<Accountability>> {
    let limit = limit_of(query.limit)?;
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let person = person_of(tx, &viewer, query.person_id.as_deref())?;
        let mut filter = "c.workspace_id = ?2 AND c.accountable_id = ?3 AND c.status <> 'closed' AND NOT c.merged".to_owned();
        let mut values = vec![viewer.person.to_value(), viewer.workspace.to_value(), person.to_value()];
        if let Some(stuck) = query.stuck.as_deref().filter(|word| !word.is_empty()) {
            if !WAYS.contains(&stuck) {
                return Err(Problem::invalid("stuck", format!("`{}` is no place to be stuck at", clip(stuck, 40))).expected(WAYS.join(", ")));
            }
            values.push(stuck.to_value());
            filter.push_str(&format!(" AND {STUCK} = ?4"));
        }
        let after: Option<(i64, CaseId)> = decode_cursor(query.after.as_deref())?;
        let after = after.map(|(due, id)| vec![Value::Int(due), id.to_value()]);
        let wanted = BranchList { table: "desk_case AS c", id: "c.case_id", select: SELECT, joins: JOINS, columns: SCOPE, filter: (&filter, values), keys: list::keys("due_at")?, after, limit: limit + 1 };
        let now = tx.now();
        let rows: Vec<CaseRow> = tx.list_by_branches::<CaseRow>(&scope, &wanted)?.into_iter().map(|row| row.at(now)).collect();
        let page = Page::from_rows(rows, limit, |row| (row.due_sort, row.case_id));
        let items = cards(tx, &scope, page.items)?.into_iter().map(|card| shown(tx, &viewer, card)).collect::<Result<Vec<_>>>()?;
        Ok(Accountability { person: named(tx, Some(person))?.unwrap_or(Named { id: person, name: String::new() }), items, next: page.next })
    })
    .await
}

fn person_of(tx: &Tx<'_>, viewer: &Viewer, named: Option<&str>) -> Result<PersonId> {
    match named.filter(|text| !text.is_empty() && *text != "me") {
        None => Ok(viewer.person),
        Some(text) => {
            let id: PersonId = text.parse().map_err(|_| Problem::invalid("person_id", format!("`{}` is no id of a person", clip(text, 40))).expected("`per_…`, or `me`"))?;
            let known = tx.opt::<(i64,)>("SELECT 1 FROM desk_name WHERE id = ?1 AND workspace_id = ?2 AND kind = 'person'", params![id, viewer.workspace])?;
            if known.is_none() && id != viewer.person { Err(Problem::not_found("person")) } else { Ok(id) }
        }
    }
}

fn shown(tx: &Tx<'_>, viewer: &Viewer, card: crate::card::Card) -> Result<Accountable> {
    let stuck = match (&card.waiting_for, card.row.status.as_str(), &card.row.assignee) {
        (Some(kind), ..) => kind.as_str(),
        (None, "resolved", _) => "callback",
        (None, _, None) => "team",
        _ => "assignee",
    }
    .to_owned();
    Ok(Accountable {
        stage_title: stage_title(tx, viewer, &card.row.case_type, &card.row.stage)?,
        since: card.stage_since,
        with: InHand { person: card.row.assignee.clone(), team: card.row.team.clone() },
        stuck,
        waiting_for: card.waits,
        clock: card.row.clock.clone(),
        reminders: card.reminders,
        reminded_at: card.reminded_at,
        case: card.row,
    })
}

fn stage_title(tx: &Tx<'_>, viewer: &Viewer, case_type: &str, stage: &str) -> Result<Title> {
    let stages = tx.known(&format!("desk.stages/{}/{case_type}", viewer.workspace), || {
        Ok(tx.opt::<(Json<Vec<TypeStage>>,)>("SELECT stages FROM desk_type WHERE workspace_id = ?1 AND key = ?2", params![viewer.workspace, case_type])?.map(|row| row.0.0).unwrap_or_default())
    })?;
    let found = stages.into_iter().find(|known| known.key == stage);
    Ok(found.map_or_else(|| Title { zh: stage.to_owned(), en: stage.to_owned() }, |known| Title { zh: known.title_zh, en: known.title_en }))
}

/// Which people.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct PeopleParams {
    /// Members of this team only.
    pub team_id: Option<TeamId>,
    pub limit: Option<usize>,
    pub after: Option<String>,
}

/// How much somebody is accountable for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AccountablePerson {
    pub person: Named<PersonId>,
    /// Cases not archived.
    pub open: i64,
    /// A clock is past due.
    pub breached: i64,
    pub department: i64,
    pub review: i64,
    pub customer: i64,
    pub callback: i64,
    /// Nobody took it.
    pub team: i64,
    /// Somebody asked to get on with it.
    pub reminded: i64,
    pub next_due_at: Option<Time>,
    pub oldest_opened_at: Time,
}

/// Everybody who is accountable for something within the viewer's reach, by name, with sums that hold only such cases.
#[utoipa::path(get, path = "/accountability/people", params(PeopleParams), responses((status = 200, body = Page<AccountablePerson>)), tag = "desk", summary = "Accountability by person", extensions(("x-permission" = json!("case.read"))))]
pub async fn people(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<PeopleParams>) -> Answer<axum::Json<Page<AccountablePerson>>> {
    let limit = limit_of(query.limit)?;
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let after: Option<(String, PersonId)> = decode_cursor(query.after.as_deref())?;
        sums(tx, workspace, &scope, query.team_id, after, limit)
    })
    .await
}

fn sums(tx: &Tx<'_>, workspace: shouwen_kernel::WorkspaceId, scope: &Scope, team: Option<TeamId>, after: Option<(String, PersonId)>, limit: usize) -> Result<Page<AccountablePerson>> {
    let mut values = params![workspace, tx.now()].to_vec();
    let mut place = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let mut narrow = String::new();
    if let Some(team) = team {
        narrow.push_str(&format!(" AND EXISTS (SELECT 1 FROM desk_member m WHERE m.team_id = {} AND m.person_id = c.accountable_id)", place(team.to_value())));
    }
    let on = match after {
        Some((name, id)) => format!(" WHERE (p.name, s.person_id) > ({}, {})", place(Value::Text(name)), place(id.to_value())),
        None => String::new(),
    };
    let limit_place = place(Value::Int(limit as i64 + 1));
    let (reach, more) = scope_sql(scope, &SCOPE, values.len() + 1);
    values.extend(more);
    let int = tx.dialect("INTEGER", "BIGINT");
    let count = |condition: &str| format!("CAST(sum(CASE WHEN {condition} THEN 1 ELSE 0 END) AS {int})");
    let stuck = |word: &str| count(&format!("t.stuck = '{word}'"));
    let sql = format!(
        "SELECT s.person_id, coalesce(p.name, ''), s.n, s.late, s.department, s.review, s.customer, s.callback, s.team, s.reminded, s.due, s.oldest FROM (
           SELECT t.accountable_id AS person_id, count(*) AS n, {} AS late, {} AS department, {} AS review, {} AS customer, {} AS callback, {} AS team, {} AS reminded, min(t.due_sort) AS due, min(t.opened_at) AS oldest
           FROM (SELECT c.accountable_id, c.due_sort, c.opened_at, coalesce(y.reminders, 0) AS reminders, {STUCK} AS stuck FROM desk_case AS c LEFT JOIN desk_stay y ON y.case_id = c.case_id
                 WHERE c.workspace_id = ?1 AND c.accountable_id IS NOT NULL AND c.status <> 'closed' AND NOT c.merged AND {reach}{narrow}) AS t
           GROUP BY t.accountable_id) AS s JOIN desk_name p ON p.id = s.person_id{on} ORDER BY p.name, s.person_id LIMIT {limit_place}",
        count("t.due_sort < ?2"),
        stuck("department"),
        stuck("review"),
        stuck("customer"),
        stuck("callback"),
        stuck("team"),
        count("t.reminders > 0"),
    );
    type Row = (PersonId, String, i64, i64, i64, i64, i64, i64, i64, i64, i64, Time);
    let rows: Vec<Row> = tx.all(&sql, &values)?;
    let rows = rows
        .into_iter()
        .map(|(id, name, open, breached, department, review, customer, callback, team, reminded, due, oldest_opened_at)| AccountablePerson {
            person: Named { id, name },
            open,
            breached,
            department,
            review,
            customer,
            callback,
            team,
            reminded,
            next_due_at: (due != project::NEVER).then(|| Time::from_micros(due)),
            oldest_opened_at,
        })
        .collect();
    Ok(Page::from_rows(rows, limit, |row: &AccountablePerson| (row.person.name.clone(), row.person.id)))
}
