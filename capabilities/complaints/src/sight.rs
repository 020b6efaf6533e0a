//! Which complaints, files and customers a permission reaches: the one predicate over this capability's rows.

use shouwen_kernel::{CareFileId, CustomerId, Problem, Result, Scope, WorkspaceId};
use shouwen_store::{ScopeColumns, Tx, Watchers, params, scope_sql};

use crate::file::File;
use crate::names;

/// Cases.
pub const CASE: ScopeColumns<'static> = ScopeColumns {
    org_unit: Some("c.org_unit_id"),
    team: Some("c.team_id"),
    people: &["c.assignee_id", "c.accountable_id"],
    watchers: Some(Watchers { table: "complaint_watcher", object: "case_id", person: "person_id", id: "c.case_id" }),
};

/// Files: the owner, the people of its cases, its team and its unit.
pub const FILE: ScopeColumns<'static> = ScopeColumns {
    org_unit: Some("f.org_unit_id"),
    team: Some("f.team_id"),
    people: &["f.owner_id"],
    watchers: Some(Watchers { table: "complaint_file_person", object: "file_id", person: "person_id", id: "f.id" }),
};

/// Whether a customer is inside: their unit, or a case of theirs. As the register of customers sees it.
pub fn sees_customer(tx: &Tx<'_>, workspace: WorkspaceId, scope: &Scope, customer: CustomerId) -> Result<bool> {
    let Some(known) = names::customer(tx, customer)? else { return Ok(false) };
    if scope.all || known.org_unit.is_some_and(|unit| scope.org_units.contains(&unit)) {
        return Ok(true);
    }
    let (condition, more) = scope_sql(scope, &CASE, 3);
    let mut values = params![names::root(tx, customer)?, workspace].to_vec();
    values.extend(more);
    Ok(tx.opt::<(i64,)>(&format!("SELECT 1 FROM complaint_case AS c WHERE c.customer_id = ?1 AND c.workspace_id = ?2 AND {condition} LIMIT 1"), &values)?.is_some())
}

/// A file inside; otherwise there is none.
pub fn open_file(tx: &Tx<'_>, workspace: WorkspaceId, scope: &Scope, id: CareFileId, change: bool) -> Result<File> {
    match File::find(tx, workspace, id, change)? {
        Some(file) if scope.sees(&file.access(tx)?) => Ok(file),
        _ => Err(Problem::not_found("file")),
    }
}
