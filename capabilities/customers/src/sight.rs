//! Which customers a permission reaches. One predicate for objects, lists, searches and changes; the desk's search keeps
//! the same one over its own projection.
//!
//! A customer lies within a reach when the reach is the workspace; when it holds the unit they belong to; when a case of
//! theirs lies within it (its team, its unit, its people); and, as long as they belong to no unit and have no case, for
//! whoever made them.

use shouwen_kernel::{CustomerId, OrgUnitId, Problem, Result, Scope, WorkspaceId};
use shouwen_store::{ScopeColumns, ToValue, Tx, Value, Watchers, params, scope_sql};

use crate::record::Record;

/// The reach of one customer permission.
#[derive(Clone, Debug)]
pub struct Sight(Scope);

/// Where [`customer_case`](crate) keeps what decides for a case.
const CASE: ScopeColumns<'static> = ScopeColumns {
    org_unit: Some("k.org_unit_id"),
    team: Some("k.team_id"),
    people: &["k.assignee_id", "k.accountable_id"],
    watchers: Some(Watchers { table: "customer_case_watcher", object: "case_id", person: "person_id", id: "k.case_id" }),
};

/// A reach of more teams and units than this is no narrow one: then the register is walked in its own order, and asked
/// customer by customer.
const MOST_BRANCHES: usize = 60;

impl Sight {
    /// From the scope of the permission.
    pub fn of(scope: &Scope) -> Self {
        Self(scope.clone())
    }

    /// Everybody.
    pub fn all(&self) -> bool {
        self.0.all
    }

    /// Whether a customer is inside. A part of another customer is seen by their own unit and their own cases.
    pub(crate) fn sees(&self, tx: &Tx<'_>, record: &Record) -> Result<bool> {
        if self.0.all || (record.home != OrgUnitId::NIL && self.0.org_units.contains(&record.home)) {
            return Ok(true);
        }
        let (condition, values) = scope_sql(&self.0, &CASE, 3);
        let root = if record.merged_into.is_some() { record.clone().root(tx)?.id } else { record.id };
        let mut parameters = params![root, record.id].to_vec();
        parameters.extend(values);
        // Of a whole every case counts, of a part its own.
        let own = if root == record.id { "?2 = ?1" } else { "k.customer_id = ?2" };
        if tx.opt::<(i64,)>(&format!("SELECT 1 FROM customer_case AS k WHERE k.root_id = ?1 AND {own} AND {condition} LIMIT 1"), &parameters)?.is_some() {
            return Ok(true);
        }
        let mine = record.home == OrgUnitId::NIL && record.made_by == Some(self.0.person);
        Ok(mine && tx.opt::<(i64,)>("SELECT 1 FROM customer_case AS k WHERE k.root_id = ?1 LIMIT 1", params![root])?.is_none())
    }

    /// Refuses a unit outside, as a field of a request.
    pub fn must_reach(&self, home: OrgUnitId, permission: &str) -> Result<()> {
        let inside = home == OrgUnitId::NIL || self.0.all || self.0.org_units.contains(&home);
        if inside { Ok(()) } else { Err(Problem::forbidden(permission).field("org_unit_id").expected("an org unit within the reach of your role, or null")) }
    }

    /// The predicate as a condition on `customer_record AS c` (no part of another), with parameters from `?<first>`.
    pub fn sql(&self, first: usize) -> (String, Vec<Value>) {
        if self.0.all {
            return ("(TRUE)".to_owned(), Vec::new());
        }
        let (case, mut values) = scope_sql(&self.0, &CASE, first);
        let mut place = |value: Value| {
            values.push(value);
            format!("?{}", first + values.len() - 1)
        };
        let mut parts = vec![format!("EXISTS (SELECT 1 FROM customer_case AS k WHERE k.root_id = c.id AND {case})")];
        if !self.0.org_units.is_empty() {
            let places: Vec<String> = self.0.org_units.iter().map(|unit| place(unit.to_value())).collect();
            parts.push(format!("c.home_id IN ({})", places.join(", ")));
        }
        let (person, nowhere) = (place(self.0.person.to_value()), place(OrgUnitId::NIL.to_value()));
        parts.push(format!("(c.made_by = {person} AND c.home_id = {nowhere} AND NOT EXISTS (SELECT 1 FROM customer_case AS k WHERE k.root_id = c.id))"));
        (format!("({})", parts.join(" OR ")), values)
    }

    /// One limited sub-select a way in, each walking an index `(way, customer)` from the newest down; `None` when the reach
    /// is the workspace or too wide for that. Parameters ?1 workspace, ?2 the customer after which to begin, ?3 how many;
    /// each gives a column `id`.
    fn ways(&self, values: &mut Vec<Value>) -> Option<Vec<String>> {
        let scope = &self.0;
        if scope.all || scope.teams.len() + scope.org_units.len() > MOST_BRANCHES {
            return None;
        }
        let mut place = |value: Value| {
            values.push(value);
            format!("?{}", values.len())
        };
        let record = |condition: String| {
            format!("SELECT * FROM (SELECT c.id AS id FROM customer_record AS c WHERE {condition} AND c.merged_into IS NULL AND c.workspace_id = ?1 AND c.id < ?2 ORDER BY c.id DESC LIMIT ?3) AS b")
        };
        let case = |column: &str, value: &str| format!("SELECT * FROM (SELECT DISTINCT k.root_id AS id FROM customer_case AS k WHERE k.{column} = {value} AND k.root_id < ?2 ORDER BY k.root_id DESC LIMIT ?3) AS b");
        let mut ways = Vec::new();
        let person = place(scope.person.to_value());
        ways.push(case("assignee_id", &person));
        ways.push(case("accountable_id", &person));
        // What one person watches is little: read it from the watchers' side.
        ways.push(format!(
            "SELECT * FROM (SELECT DISTINCT k.root_id AS id FROM customer_case_watcher AS w JOIN customer_case AS k ON k.case_id = w.case_id WHERE w.person_id = {person} AND k.root_id < ?2 ORDER BY k.root_id DESC LIMIT ?3) AS b"
        ));
        let nowhere = place(OrgUnitId::NIL.to_value());
        ways.push(record(format!("c.made_by = {person} AND c.home_id = {nowhere} AND NOT EXISTS (SELECT 1 FROM customer_case AS k WHERE k.root_id = c.id)")));
        for team in &scope.teams {
            let team = place(team.to_value());
            ways.push(case("team_id", &team));
        }
        for unit in &scope.org_units {
            let unit = place(unit.to_value());
            ways.push(case("org_unit_id", &unit));
            ways.push(record(format!("c.home_id = {unit}")));
        }
        Some(ways)
    }

    /// The statement for a page, newest first, of what `select` names of `customer_record AS c`.
    pub(crate) fn newest(&self, select: &str, workspace: WorkspaceId, after: Option<CustomerId>, limit: usize) -> (String, Vec<Value>) {
        let mut values = params![workspace, after.unwrap_or(LAST), limit].to_vec();
        match self.ways(&mut values) {
            Some(ways) => {
                let sql = format!(
                    "SELECT {select} FROM (SELECT id FROM ({}) AS u ORDER BY id DESC LIMIT ?3) AS page JOIN customer_record AS c ON c.id = page.id WHERE c.merged_into IS NULL ORDER BY c.id DESC",
                    ways.join(" UNION ")
                );
                (sql, values)
            }
            None => {
                let (condition, more) = self.sql(4);
                values.extend(more);
                (format!("SELECT {select} FROM customer_record AS c WHERE c.workspace_id = ?1 AND c.merged_into IS NULL AND c.id < ?2 AND {condition} ORDER BY c.id DESC LIMIT ?3"), values)
            }
        }
    }

    /// Everybody inside as a list of ids, when they are few (at most `cap`): a statement that gives a column `id`, its
    /// parameters counted from `?1`.
    pub(crate) fn few(&self, tx: &Tx<'_>, workspace: WorkspaceId, cap: usize) -> Result<Option<(String, Vec<Value>)>> {
        let mut values = params![workspace, LAST, cap + 1].to_vec();
        let Some(ways) = self.ways(&mut values) else { return Ok(None) };
        let (found,): (i64,) = tx.one(&format!("SELECT count(*) FROM (SELECT 1 AS one FROM ({}) AS u LIMIT ?3) AS t", ways.join(" UNION ALL ")), &values)?;
        Ok((found as usize <= cap).then(|| (ways.join(" UNION "), values)))
    }
}

/// After every customer, in the order of ids.
const LAST: CustomerId = CustomerId(uuid::Uuid::max());

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shouwen_kernel::{PersonId, TeamId};
    use shouwen_store::{Engine, Row};
    use shouwen_testkit::on_both;

    use super::*;

    /// How the database means to answer, as text.
    fn plan(tx: &Tx<'_>, sql: &str, values: &[Value]) -> Result<String> {
        let rows: Vec<Row> = tx.all(&format!("{} {sql}", tx.dialect("EXPLAIN QUERY PLAN", "EXPLAIN")), values)?;
        Ok(format!("{rows:?}"))
    }

    /// A page walks one index a way in, and neither the register nor the cases are read from end to end.
    #[test]
    fn a_page_is_served_by_indexes_whatever_the_reach() {
        on_both(|| vec![crate::module()], |app| {
            let workspace = app.workspace;
            let id = |n: u128| uuid::Uuid::from_u128(n);
            app.db
                .write_blocking(move |tx| {
                    let random = tx.dialect("randomblob(16)", "gen_random_uuid()");
                    tx.execute(
                        &format!(
                            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
                             INSERT INTO customer_record (id, workspace_id, name, named, kind, home_id, notes, tags, created_at, updated_at, version)
                             SELECT {random}, ?1, '客' || i, TRUE, 'person', CASE WHEN i % 2 = 0 THEN CAST(?2 AS {kind}) ELSE CAST(?3 AS {kind}) END, '', '[]', 0, 0, 1 FROM n",
                            kind = tx.dialect("BLOB", "uuid")
                        ),
                        params![workspace, id(9), OrgUnitId::NIL],
                    )?;
                    tx.execute(
                        &format!("INSERT INTO customer_case (case_id, workspace_id, customer_id, root_id, team_id) SELECT {random}, workspace_id, id, id, CAST(?1 AS {}) FROM customer_record", tx.dialect("BLOB", "uuid")),
                        params![id(8)],
                    )?;
                    tx.batch("ANALYZE")
                })
                .unwrap();
            for (teams, units) in [(vec![], vec![]), (vec![id(1), id(8)], vec![]), (vec![], vec![id(2), id(9)]), (vec![id(1)], vec![id(2)])] {
                let scope = Scope { person: PersonId(id(3)), all: false, teams: teams.into_iter().map(TeamId).collect(), org_units: units.into_iter().map(OrgUnitId).collect::<BTreeSet<_>>() };
                let (sql, values) = Sight::of(&scope).newest("c.id", workspace, None, 51);
                let told = app.db.read_blocking(move |tx| plan(tx, &sql, &values)).unwrap();
                let whole = if app.engine() == Engine::Sqlite { ["SCAN c\"", "SCAN k\"", "SCAN w\""] } else { ["Seq Scan on customer_record", "Seq Scan on customer_case k", "Seq Scan on customer_record c"] };
                for scan in whole {
                    assert!(!told.contains(scan), "{scan} in {told}");
                }
                let index = |name: &str| assert!(told.contains(name), "{name} is not used: {told}");
                index("customer_case_assignee");
                index("customer_record_maker");
                if !scope.teams.is_empty() {
                    index("customer_case_team");
                }
                if !scope.org_units.is_empty() {
                    index("customer_case_org_unit");
                    index("customer_record_home");
                }
            }
        });
    }
}
