//! Names of people, teams, units and customers, and which customer is part of which: kept from what others tell.

use std::sync::Arc;

use shouwen_contracts::casework::{CaseEvent, CaseTypeEvent};
use shouwen_contracts::customers::CustomerEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_kernel::{CustomerId, OrgUnitId, PersonId, Result, TeamId, WorkspaceId};
use shouwen_store::{Json, Recorded, Tx, Value, params};

/// Takes in what identity tells.
pub fn on_identity(tx: &Tx<'_>, workspace: WorkspaceId, event: IdentityEvent) -> Result<()> {
    match event {
        IdentityEvent::PersonSaved(p) => tx.run(
            "INSERT INTO complaint_person (id, workspace_id, name, active) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET name = ?3, active = ?4",
            params![p.person_id, workspace, p.name, p.active],
        ),
        IdentityEvent::TeamSaved(t) => tx.run(
            "INSERT INTO complaint_team (id, workspace_id, name, org_unit_id, skills) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET name = ?3, org_unit_id = ?4, skills = ?5",
            params![t.team_id, workspace, t.name, t.org_unit_id, Json(&t.skills)],
        ),
        IdentityEvent::TeamDeleted(t) => tx.run("DELETE FROM complaint_team WHERE id = ?1", params![t.team_id]),
        IdentityEvent::OrgUnitSaved(u) => {
            tx.run("INSERT INTO complaint_unit (id, workspace_id, name) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET name = ?3", params![u.org_unit_id, workspace, u.name])
        }
        IdentityEvent::OrgUnitDeleted(u) => tx.run("DELETE FROM complaint_unit WHERE id = ?1", params![u.org_unit_id]),
        _ => Ok(()),
    }
}

/// A customer as kept here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Known {
    pub name: String,
    pub region: Option<String>,
    pub org_unit: Option<OrgUnitId>,
}

/// A customer's row, and whom they are part of.
#[derive(Clone, Default)]
struct Row {
    known: Known,
    merged_into: Option<CustomerId>,
}

/// Customers that a step looks at; see [`Tx::ahead`].
const CUSTOMERS: &str = "complaint.customers";

/// Those of a step are read together.
fn row(tx: &Tx<'_>, id: CustomerId) -> Result<Option<Row>> {
    let others = |events: &[Arc<Recorded>]| {
        let named = |e: &Arc<Recorded>| match e.kind.as_str() {
            "case.opened" => e.event::<CaseEvent>().ok().flatten().and_then(|event| if let CaseEvent::Opened(o) = event { o.customer_id } else { None }),
            "customer.saved" => e.subject.map(CustomerId),
            _ => None,
        };
        events.iter().filter_map(named).collect()
    };
    tx.ahead(CUSTOMERS, &id, others, |ids| {
        type Columns = (String, Option<String>, Option<OrgUnitId>, Option<CustomerId>);
        let runs: Vec<Vec<Value>> = ids.iter().map(|id| params![id].to_vec()).collect();
        let rows: Vec<Vec<Columns>> = tx.all_each("SELECT name, region, org_unit_id, merged_into FROM complaint_customer WHERE id = ?1", &runs)?;
        let row = |(name, region, org_unit, merged_into): Columns| Row { known: Known { name, region, org_unit }, merged_into };
        Ok(ids.iter().copied().zip(rows).filter_map(|(id, rows)| Some((id, row(rows.into_iter().next()?)))).collect())
    })
}

/// The customer, if the register told of them.
pub fn customer(tx: &Tx<'_>, id: CustomerId) -> Result<Option<Known>> {
    Ok(row(tx, id)?.map(|row| row.known))
}

/// Notes what is known of a customer; whether their region changed.
pub fn keep_customer(tx: &Tx<'_>, workspace: WorkspaceId, id: CustomerId, known: &Known) -> Result<bool> {
    let before = row(tx, id)?;
    tx.run(
        "INSERT INTO complaint_customer (id, workspace_id, name, region, org_unit_id) VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (id) DO UPDATE SET name = ?3, region = ?4, org_unit_id = ?5",
        params![id, workspace, known.name, known.region, known.org_unit],
    )?;
    tx.set_ahead(CUSTOMERS, id, Some(Row { known: known.clone(), merged_into: before.as_ref().and_then(|b| b.merged_into) }));
    Ok(before.is_none_or(|b| b.known.region != known.region))
}

/// Notes merges. The rows of cases and files follow in their own places.
pub fn on_merge(tx: &Tx<'_>, event: &CustomerEvent) -> Result<()> {
    let (id, into) = match event {
        CustomerEvent::Merged(m) => (m.customer_id, Some(m.into)),
        CustomerEvent::Unmerged(u) => (u.customer_id, None),
        _ => return Ok(()),
    };
    tx.run("UPDATE complaint_customer SET merged_into = ?2 WHERE id = ?1", params![id, into])?;
    if let Some(row) = row(tx, id)? {
        tx.set_ahead(CUSTOMERS, id, Some(Row { merged_into: into, ..row }));
    }
    Ok(())
}

/// The customer at the end of the merges.
pub fn root(tx: &Tx<'_>, id: CustomerId) -> Result<CustomerId> {
    let mut at = id;
    for _ in 0..16 {
        match row(tx, at)?.and_then(|row| row.merged_into) {
            Some(into) => at = into,
            None => break,
        }
    }
    Ok(at)
}

/// Which fields a case type's form has, and what it is called.
pub fn on_type(tx: &Tx<'_>, workspace: WorkspaceId, event: CaseTypeEvent) -> Result<()> {
    match event {
        CaseTypeEvent::TypeSaved(t) => {
            let sections = t.form.as_ref().and_then(|form| form.get("section")).and_then(serde_json::Value::as_array).cloned().unwrap_or_default();
            let fields: Vec<String> = sections
                .iter()
                .flat_map(|section| section.get("field").and_then(serde_json::Value::as_array).cloned().unwrap_or_default())
                .filter_map(|field| field.get("key").and_then(serde_json::Value::as_str).map(str::to_owned))
                .collect();
            tx.run(
                "INSERT INTO complaint_type (workspace_id, key, title_zh, title_en, fields) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (workspace_id, key) DO UPDATE SET title_zh = ?3, title_en = ?4, fields = ?5",
                params![workspace, t.key, t.title_zh, t.title_en, Json(&fields)],
            )
        }
        CaseTypeEvent::TypeRemoved(t) => tx.run("DELETE FROM complaint_type WHERE workspace_id = ?1 AND key = ?2", params![workspace, t.key]),
    }
}

/// Whether the form of a type has a field.
pub fn has_field(tx: &Tx<'_>, workspace: WorkspaceId, case_type: &str, field: &str) -> Result<bool> {
    let row: Option<(Json<Vec<String>>,)> = tx.opt("SELECT fields FROM complaint_type WHERE workspace_id = ?1 AND key = ?2", params![workspace, case_type])?;
    Ok(row.is_some_and(|(Json(fields),)| fields.iter().any(|f| f == field)))
}

/// A team by id or name.
pub fn team(tx: &Tx<'_>, workspace: WorkspaceId, named: &str) -> Result<Option<TeamId>> {
    let named = named.trim();
    if let Ok(id) = named.parse::<TeamId>() {
        return Ok(tx.opt::<(TeamId,)>("SELECT id FROM complaint_team WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])?.map(|row| row.0));
    }
    Ok(tx.opt::<(TeamId,)>("SELECT id FROM complaint_team WHERE workspace_id = ?1 AND name = ?2 ORDER BY id LIMIT 1", params![workspace, named])?.map(|row| row.0))
}

/// The teams of a unit with their skills, by the unit's id or name.
pub fn teams_of_unit(tx: &Tx<'_>, workspace: WorkspaceId, named: &str) -> Result<Vec<(TeamId, Vec<String>)>> {
    let named = named.trim();
    let unit: Option<OrgUnitId> = match named.parse::<OrgUnitId>() {
        Ok(id) => Some(id),
        Err(_) => tx.opt::<(OrgUnitId,)>("SELECT id FROM complaint_unit WHERE workspace_id = ?1 AND name = ?2 ORDER BY id LIMIT 1", params![workspace, named])?.map(|row| row.0),
    };
    let Some(unit) = unit else { return Ok(Vec::new()) };
    let rows: Vec<(TeamId, Option<Json<Vec<String>>>)> = tx.all("SELECT id, skills FROM complaint_team WHERE workspace_id = ?1 AND org_unit_id = ?2 ORDER BY name, id LIMIT 100", params![workspace, unit])?;
    Ok(rows.into_iter().map(|(team, skills)| (team, skills.map_or_else(Vec::new, |json| json.0))).collect())
}

/// The name of a team.
pub fn team_name(tx: &Tx<'_>, id: TeamId) -> Result<Option<String>> {
    Ok(tx.opt::<(String,)>("SELECT name FROM complaint_team WHERE id = ?1", params![id])?.map(|row| row.0))
}

/// The name of a person, and whether they work here.
pub fn person(tx: &Tx<'_>, workspace: WorkspaceId, id: PersonId) -> Result<Option<(String, bool)>> {
    tx.opt("SELECT name, active FROM complaint_person WHERE id = ?1 AND workspace_id = ?2", params![id, workspace])
}
