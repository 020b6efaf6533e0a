//! A row of a board or of somebody's accountability: the row of a list, and what the case waits for.

use std::collections::BTreeMap;

use serde::Serialize;
use shouwen_kernel::{CaseId, OrgUnitId, PersonId, Result, Scope, TeamId, Time};
use shouwen_store::{Json, ToValue, Tx, Value, params};
use uuid::Uuid;

use crate::list;
use crate::row::{CaseRow, Named};

/// A text in both languages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Title {
    pub zh: String,
    pub en: String,
}

/// Something a case waits for.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WaitFor {
    /// `department` (a work order), `review`, `customer`.
    pub kind: String,
    /// The work order, when the viewer may see it.
    pub case_id: Option<CaseId>,
    /// The review.
    pub review_id: Option<String>,
    pub number: Option<String>,
    pub title: Option<Title>,
    pub team: Option<Named<TeamId>>,
    pub org_unit: Option<Named<OrgUnitId>>,
    pub assignee: Option<Named<PersonId>>,
    /// Which step of the review, of how many.
    pub step: Option<i64>,
    pub of: Option<i64>,
    /// Who is to decide.
    pub people: Vec<Named<PersonId>>,
    pub since: Time,
    pub due_at: Option<Time>,
}

/// A card: a row with where it is stuck.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Card {
    #[serde(flatten)]
    pub row: CaseRow,
    /// Since when it stands in its stage.
    pub stage_since: Time,
    /// `department`, `review`, `customer`, or null.
    pub waiting_for: Option<String>,
    pub reminders: i64,
    pub reminded_at: Option<Time>,
    /// What it waits for, one by one.
    #[serde(skip)]
    pub waits: Vec<WaitFor>,
}

fn places(first: usize, n: usize) -> String {
    (first..first + n).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ")
}

/// Rows as cards. `scope` of `case.read` decides which work orders are shown by title.
pub fn cards(tx: &Tx<'_>, scope: &Scope, rows: Vec<CaseRow>) -> Result<Vec<Card>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Value> = rows.iter().map(|row| row.case_id.to_value()).collect();
    let of = places(1, ids.len());
    let stays: Vec<(CaseId, Time, i64, Option<Time>)> = tx.all(&format!("SELECT case_id, since, reminders, reminded_at FROM desk_stay WHERE case_id IN ({of})"), &ids)?;
    let stays: BTreeMap<CaseId, (Time, i64, Option<Time>)> = stays.into_iter().map(|(id, since, reminders, at)| (id, (since, reminders, at))).collect();
    let mut waits = waits(tx, scope, &of, &ids)?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (since, reminders, reminded_at) = stays.get(&row.case_id).copied().unwrap_or((Time::from_micros(0), 0, None));
            let stage_since = if since.micros() == 0 { row.opened_at } else { since };
            let mut waits = waits.remove(&row.case_id).unwrap_or_default();
            if row.status == "waiting" {
                waits.push(WaitFor::customer(stage_since));
            }
            let waiting_for = ["department", "review", "customer"].into_iter().find(|kind| waits.iter().any(|wait| wait.kind == *kind)).map(str::to_owned);
            Card { row, stage_since, waiting_for, reminders, reminded_at, waits }
        })
        .collect())
}

impl WaitFor {
    fn customer(since: Time) -> Self {
        Self { kind: "customer".into(), case_id: None, review_id: None, number: None, title: None, team: None, org_unit: None, assignee: None, step: None, of: None, people: Vec::new(), since, due_at: None }
    }
}

fn waits(tx: &Tx<'_>, scope: &Scope, of: &str, ids: &[Value]) -> Result<BTreeMap<CaseId, Vec<WaitFor>>> {
    type Row = (CaseId, Uuid, String, String, String, String, i64, i64, Json<Vec<PersonId>>, Time, Option<Time>);
    let rows: Vec<Row> = tx.all(
        &format!("SELECT case_id, ref, kind, number, title_zh, title_en, step, steps, people, since, due_at FROM desk_wait WHERE case_id IN ({of}) ORDER BY since, ref"),
        ids,
    )?;
    let mut out: BTreeMap<CaseId, Vec<WaitFor>> = BTreeMap::new();
    for (case, on, kind, number, zh, en, step, steps, Json(people), since, due_at) in rows {
        let mut wait = WaitFor { kind: kind.clone(), since, due_at, ..WaitFor::customer(since) };
        if kind == "department" {
            let child = CaseId(on);
            let seen = list::visible(tx, scope, child)?;
            type Head = (Option<TeamId>, Option<OrgUnitId>, Option<PersonId>, String);
            let head: Option<Head> = tx.opt("SELECT team_id, org_unit_id, assignee_id, title FROM desk_case WHERE case_id = ?1", params![child])?;
            let (team, org_unit, assignee, title) = head.unwrap_or((None, None, None, zh));
            wait.number = Some(number);
            wait.case_id = seen.then_some(child);
            wait.title = seen.then(|| Title { zh: title.clone(), en: title });
            wait.team = named(tx, team)?;
            wait.org_unit = named(tx, org_unit)?;
            wait.assignee = named(tx, assignee)?;
        } else {
            wait.review_id = Some(shouwen_kernel::ReviewId(on).to_string());
            wait.title = Some(Title { zh, en });
            (wait.step, wait.of) = ((step > 0).then_some(step), (steps > 0).then_some(steps));
            for person in people {
                wait.people.extend(named(tx, Some(person))?);
            }
        }
        out.entry(case).or_default().push(wait);
    }
    Ok(out)
}

/// A person, team or unit with its name.
pub fn named<T: Into<Uuid> + Copy>(tx: &Tx<'_>, id: Option<T>) -> Result<Option<Named<T>>> {
    let Some(id) = id else { return Ok(None) };
    let key: Uuid = id.into();
    let name = tx.known(&format!("desk.name/{key}"), || Ok(tx.opt::<(String,)>("SELECT name FROM desk_name WHERE id = ?1", params![key])?.map(|row| row.0).unwrap_or_default()))?;
    Ok(Some(Named { id, name }))
}
