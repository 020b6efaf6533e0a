//! Upon what cases were archived: verified by whom, for a reason somebody wrote down, or put aside. The easy ways out of
//! the loop are counted, by type and by person, so that they do not become a habit.

use std::collections::BTreeMap;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, ObjectId, PersonId, Problem, Result, Time};
use shouwen_store::{ScopeColumns, ToValue, Tx, Value, Watchers, scope_sql};
use shouwen_web::{Allowed, Answer, App, Page, Params, decode_cursor, limit_of};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::CaseRead;
use crate::names::{self, Named};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(counts))
}

/// Every ground an end can have; `none`: its type asks for nothing.
const GROUNDS: [&str; 7] = ["customer", "signature", "callback", "reason", "resolution", "aside", "none"];
/// Days when nothing else is said, and the most.
const DAYS: (i64, i64) = (30, 366);
/// Ends that are counted; more are said as `capped`.
const MOST: i64 = 50_000;

/// Which ends.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
struct EndsQuery {
    /// Several with commas; `aside,reason` when absent: the ends nobody but us says are ends.
    ground: Option<String>,
    /// Key of a case type, as it was at the end.
    #[serde(rename = "type")]
    #[param(rename = "type")]
    case_type: Option<String>,
    /// By whom.
    person_id: Option<PersonId>,
    /// The last so many days, 1–366; 30 when absent.
    days: Option<i64>,
    /// Rows a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

/// An end as it stands.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct CaseEnd {
    #[schema(value_type = String)]
    id: ObjectId,
    case_id: CaseId,
    number: String,
    title: String,
    #[serde(rename = "type")]
    case_type: String,
    /// `customer`, `signature`, `callback`, `reason`, `resolution`, `aside`, `none`.
    ground: String,
    /// Key of the resolution.
    resolution: String,
    text: Option<String>,
    by: Option<Named<PersonId>>,
    at: Time,
}

/// How many ends of a type had a ground.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EndCount {
    #[serde(rename = "type")]
    case_type: String,
    ground: String,
    count: i64,
}

/// How the ends by one person were founded.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EndsOfPerson {
    /// Null: the product itself, after a verification.
    person: Option<Named<PersonId>>,
    /// Of types that ask for a verification.
    all: i64,
    reason: i64,
    aside: i64,
}

/// The ends of a span of days, added up.
#[derive(Clone, Debug, Serialize, ToSchema)]
struct EndCounts {
    since: Time,
    by_type: Vec<EndCount>,
    /// Most put aside or closed for a written reason first.
    by_person: Vec<EndsOfPerson>,
    /// There are more than were counted.
    capped: bool,
}

struct Chosen {
    since: Time,
    grounds: Vec<String>,
}

fn chosen(query: &EndsQuery, now: Time) -> Result<Chosen> {
    let days = query.days.unwrap_or(DAYS.0);
    if !(1..=DAYS.1).contains(&days) {
        return Err(Problem::invalid("days", format!("{days} days")).expected(format!("1 to {}", DAYS.1)));
    }
    let grounds: Vec<String> = query.ground.as_deref().unwrap_or("aside,reason").split(',').map(|g| g.trim().to_owned()).filter(|g| !g.is_empty()).collect();
    if let Some(wrong) = grounds.iter().find(|g| !GROUNDS.contains(&g.as_str())) {
        return Err(Problem::invalid("ground", format!("an end has no ground `{}`", shouwen_kernel::text::clip(wrong, 20))).expected(GROUNDS.join(", ")));
    }
    Ok(Chosen { since: now.plus_seconds(-days * 86_400), grounds })
}

const SCOPE: ScopeColumns<'_> = ScopeColumns {
    org_unit: Some("c.org_unit_id"),
    team: Some("c.team_id"),
    people: &["c.assignee_id", "c.accountable_id"],
    watchers: Some(Watchers { table: "case_watcher", object: "case_id", person: "person_id", id: "c.id" }),
};

type Row = (ObjectId, CaseId, String, String, String, String, String, Option<String>, Option<PersonId>, Time);

/// Cases in the archive by what verified them, newest first: by default those that were put aside or closed for a
/// written reason. Ends that were taken back are not among them.
#[utoipa::path(get, path = "/case-ends", params(EndsQuery), responses((status = 200, body = Page<CaseEnd>)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn list(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<EndsQuery>) -> Answer<axum::Json<Page<CaseEnd>>> {
    let limit = limit_of(query.limit)?;
    let after = decode_cursor::<ObjectId>(query.after.as_deref())?;
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let chosen = chosen(&query, tx.now())?;
        let mut values: Vec<Value> = vec![workspace.to_value(), chosen.since.to_value(), after.map_or(Uuid::max(), |id| id.0).to_value(), (limit as i64 + 1).to_value()];
        let mut put = |value: Value| {
            values.push(value);
            format!("?{}", values.len())
        };
        let grounds: Vec<String> = chosen.grounds.iter().map(|g| put(Value::Text(g.clone()))).collect();
        let mut narrow = format!("e.ground IN ({})", grounds.join(", "));
        if let Some(of) = &query.case_type {
            narrow.push_str(&format!(" AND e.case_type = {}", put(Value::Text(of.clone()))));
        }
        if let Some(by) = query.person_id {
            narrow.push_str(&format!(" AND e.by_person = {}", put(by.to_value())));
        }
        let (seen, more) = scope_sql(&scope, &SCOPE, values.len() + 1);
        values.extend(more);
        let rows: Vec<Row> = tx.all(
            &format!(
                "SELECT e.id, e.case_id, c.number, c.title, e.case_type, e.ground, e.code, e.text, e.by_person, e.at FROM case_closure AS e JOIN case_case AS c ON c.id = e.case_id
                 WHERE e.workspace_id = ?1 AND e.kind = 'closed' AND e.ended_at IS NULL AND e.at >= ?2 AND e.id < ?3 AND {narrow} AND {seen} ORDER BY e.id DESC LIMIT ?4"
            ),
            &values,
        )?;
        let items = rows.into_iter().map(|row| end(tx, row)).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(items, limit, |e| e.id))
    })
    .await
}

fn end(tx: &Tx<'_>, (id, case_id, number, title, case_type, ground, resolution, text, by, at): Row) -> Result<CaseEnd> {
    Ok(CaseEnd { id, case_id, number, title, case_type, ground, resolution, text, by: names::person(tx, by)?, at })
}

/// How the ends of the last days were founded, by type and by person.
#[utoipa::path(get, path = "/case-ends/counts", params(EndsQuery), responses((status = 200, body = EndCounts)), tag = "cases", extensions(("x-permission" = json!("case.read"))))]
async fn counts(State(app): State<App>, who: Allowed<CaseRead>, Params(query): Params<EndsQuery>) -> Answer<axum::Json<EndCounts>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let since = chosen(&query, tx.now())?.since;
        let mut values: Vec<Value> = vec![workspace.to_value(), since.to_value(), MOST.to_value()];
        let (seen, more) = scope_sql(&scope, &SCOPE, values.len() + 1);
        values.extend(more);
        type Counted = (String, String, Option<PersonId>);
        let rows: Vec<Counted> = tx.all(
            &format!(
                "SELECT e.case_type, e.ground, e.by_person FROM case_closure AS e JOIN case_case AS c ON c.id = e.case_id
                 WHERE e.workspace_id = ?1 AND e.kind = 'closed' AND e.ended_at IS NULL AND e.at >= ?2 AND e.ground IS NOT NULL AND {seen} ORDER BY e.id DESC LIMIT ?3"
            ),
            &values,
        )?;
        let capped = rows.len() as i64 >= MOST;
        let mut by_type: BTreeMap<(String, String), i64> = BTreeMap::new();
        let mut by_person: BTreeMap<Option<PersonId>, (i64, i64, i64)> = BTreeMap::new();
        for (case_type, ground, person) in rows {
            if ground != "none" {
                let sums = by_person.entry(person).or_default();
                *sums = (sums.0 + 1, sums.1 + i64::from(ground == "reason"), sums.2 + i64::from(ground == "aside"));
            }
            *by_type.entry((case_type, ground)).or_default() += 1;
        }
        let mut people = by_person.into_iter().map(|(person, (all, reason, aside))| Ok(EndsOfPerson { person: names::person(tx, person)?, all, reason, aside })).collect::<Result<Vec<_>>>()?;
        people.sort_by_key(|p| std::cmp::Reverse((p.aside + p.reason, p.all)));
        people.truncate(200);
        let by_type = by_type.into_iter().map(|((case_type, ground), count)| EndCount { case_type, ground, count }).collect();
        Ok(EndCounts { since, by_type, by_person: people, capped })
    })
    .await
}
