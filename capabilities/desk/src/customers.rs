//! Who may find a customer in the search box: the register's own rule over the desk's projections. A customer is seen by
//! their unit, by each of their cases, and, as long as there is neither, by whoever made them.

use shouwen_contracts::customers::CustomerEvent;
use shouwen_kernel::{Access, Actor, CaseId, CustomerId, OrgUnitId, PersonId, Result, Scope, TeamId, WorkspaceId};
use shouwen_store::{Recorded, ToValue, Tx, Value, params, scope_sql};

use crate::list;

/// At most this many different ways in go into the index for one customer; `sees` asks for all.
const MOST_WAYS: usize = 500;
/// The customer and everybody who is part of them.
const PARTS: &str = "WITH RECURSIVE part (id) AS (SELECT CAST(?1 AS {id}) UNION SELECT p.customer_id FROM desk_customer AS p JOIN part ON p.merged_into = part.id)";

fn parts(tx: &Tx<'_>) -> String {
    PARTS.replace("{id}", tx.dialect("BLOB", "uuid"))
}

/// Digests what the register tells.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded, event: &CustomerEvent) -> Result<()> {
    match event {
        CustomerEvent::Recognised(e) if e.created => known(tx, recorded.workspace, e.customer_id, e.org_unit_id, None, (&e.region, &e.tier)),
        CustomerEvent::Saved(e) => {
            // Who is told of first by a person was made by that person; later tellings are changes.
            let maker = match recorded.actor()? {
                Actor::Person { id, .. } => Some(id),
                _ => None,
            };
            known(tx, recorded.workspace, e.customer_id, e.org_unit_id, maker, (&e.region, &e.tier))
        }
        CustomerEvent::Merged(e) => joins(tx, e.customer_id, Some(e.into)),
        CustomerEvent::Unmerged(e) => joins(tx, e.customer_id, None),
        _ => Ok(()),
    }
}

fn known(tx: &Tx<'_>, workspace: WorkspaceId, id: CustomerId, home: Option<OrgUnitId>, maker: Option<PersonId>, (region, tier): (&Option<String>, &Option<String>)) -> Result<()> {
    tx.run(
        "INSERT INTO desk_customer (customer_id, workspace_id, org_unit_id, made_by, region, tier) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (customer_id) DO UPDATE SET org_unit_id = ?3, region = ?5, tier = ?6",
        params![id, workspace, home, maker, region, tier],
    )
}

fn joins(tx: &Tx<'_>, id: CustomerId, into: Option<CustomerId>) -> Result<()> {
    tx.run("UPDATE desk_customer SET merged_into = ?2 WHERE customer_id = ?1", params![id, into])
}

/// Region and tier of a customer, as they are now.
pub fn standing(tx: &Tx<'_>, id: CustomerId) -> Result<(Option<String>, Option<String>)> {
    Ok(tx.opt("SELECT region, tier FROM desk_customer WHERE customer_id = ?1", params![id])?.unwrap_or_default())
}

/// The customer at the end of the merges.
pub fn root(tx: &Tx<'_>, id: CustomerId) -> Result<CustomerId> {
    let mut at = id;
    for _ in 0..64 {
        match tx.opt::<(Option<CustomerId>,)>("SELECT merged_into FROM desk_customer WHERE customer_id = ?1", params![at])? {
            Some((Some(into),)) => at = into,
            _ => break,
        }
    }
    Ok(at)
}

fn of(tx: &Tx<'_>, id: CustomerId) -> Result<(Option<OrgUnitId>, Option<PersonId>)> {
    Ok(tx.opt("SELECT org_unit_id, made_by FROM desk_customer WHERE customer_id = ?1", params![id])?.unwrap_or_default())
}

/// The ways in, for the index.
pub fn ways(tx: &Tx<'_>, id: CustomerId) -> Result<Vec<Access>> {
    let (home, maker) = of(tx, id)?;
    type Row = (Option<OrgUnitId>, Option<TeamId>, Option<PersonId>, Option<PersonId>);
    let parts = parts(tx);
    let cases: Vec<Row> = tx.all(
        &format!("{parts} SELECT DISTINCT c.org_unit_id, c.team_id, c.assignee_id, c.accountable_id FROM part JOIN desk_case AS c ON c.customer_id = part.id LIMIT {MOST_WAYS}"),
        params![id],
    )?;
    let watchers: Vec<(PersonId,)> = tx.all(
        &format!("{parts} SELECT DISTINCT w.person_id FROM part JOIN desk_case AS c ON c.customer_id = part.id JOIN desk_watcher AS w ON w.case_id = c.case_id LIMIT {MOST_WAYS}"),
        params![id],
    )?;
    let own = Access { org_unit: home, team: None, people: if home.is_none() && cases.is_empty() { maker.into_iter().collect() } else { Vec::new() } };
    let cases = cases.into_iter().map(|(org_unit, team, assignee, accountable)| Access { org_unit, team, people: assignee.into_iter().chain(accountable).collect() });
    Ok(std::iter::once(own).chain(cases).chain(watchers.into_iter().map(|(person,)| Access { people: vec![person], ..Access::default() })).collect())
}

/// The customer of a case, at the end of the merges.
pub fn of_case(tx: &Tx<'_>, case: CaseId) -> Result<Option<CustomerId>> {
    let found = tx.opt::<(Option<CustomerId>,)>("SELECT customer_id FROM desk_case WHERE case_id = ?1", params![case])?.and_then(|row| row.0);
    found.map(|id| root(tx, id)).transpose()
}

/// Whether a customer lies within the reach of `scope` (of `customer.read`).
pub fn sees(tx: &Tx<'_>, scope: &Scope, id: CustomerId) -> Result<bool> {
    if scope.all {
        return Ok(true);
    }
    let (home, maker) = of(tx, id)?;
    if home.is_some_and(|home| scope.org_units.contains(&home)) {
        return Ok(true);
    }
    let (condition, more) = scope_sql(scope, &list::SCOPE, 2);
    let mut values: Vec<Value> = vec![id.to_value()];
    values.extend(more);
    let parts = parts(tx);
    if tx.opt::<(i64,)>(&format!("{parts} SELECT 1 FROM part JOIN desk_case AS c ON c.customer_id = part.id WHERE {condition} LIMIT 1"), &values)?.is_some() {
        return Ok(true);
    }
    let mine = home.is_none() && maker == Some(scope.person);
    Ok(mine && tx.opt::<(i64,)>(&format!("{parts} SELECT 1 FROM part JOIN desk_case AS c ON c.customer_id = part.id LIMIT 1"), params![id])?.is_none())
}
