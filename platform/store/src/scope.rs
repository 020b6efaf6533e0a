//! The viewer's scope as SQL: one condition, or a list that asks one index per branch.
//!
//! [`Scope::sees`] decides for one object in memory; what stands here decides for a table. `tests/scope.rs` holds the
//! two together with random scopes and objects.

use shouwen_kernel::access::Branch;
use shouwen_kernel::{Result, Scope};

use crate::{FromRow, ToValue, Tx, Value};

/// Which columns of a table say where an object belongs. Names carry the table's alias: `c.team_id`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScopeColumns<'a> {
    pub org_unit: Option<&'a str>,
    pub team: Option<&'a str>,
    /// Columns with one person each: assignee, accountable.
    pub people: &'a [&'a str],
    pub watchers: Option<Watchers<'a>>,
}

/// A table with one row for each person who watches an object.
#[derive(Clone, Copy, Debug)]
pub struct Watchers<'a> {
    /// `case_watcher`; index it by person.
    pub table: &'a str,
    /// Its column that names the object: `case_id`.
    pub object: &'a str,
    /// Its column that names the person: `person_id`.
    pub person: &'a str,
    /// The object's id in the listed table: `c.id`.
    pub id: &'a str,
}

/// `scope` as a condition whose parameters begin with `?<first>`, and their values. Always in brackets.
pub fn scope_sql(scope: &Scope, columns: &ScopeColumns<'_>, first: usize) -> (String, Vec<Value>) {
    if scope.all {
        return ("(TRUE)".to_owned(), Vec::new());
    }
    let mut values = Vec::new();
    let mut place = |value: Value| {
        values.push(value);
        format!("?{}", first + values.len() - 1)
    };
    let mut parts: Vec<String> = Vec::new();
    if !columns.people.is_empty() || columns.watchers.is_some() {
        let person = place(scope.person.to_value());
        parts.extend(columns.people.iter().map(|column| format!("{column} = {person}")));
        if let Some(w) = columns.watchers {
            parts.push(format!("EXISTS (SELECT 1 FROM {0} WHERE {0}.{1} = {2} AND {0}.{3} = {person})", w.table, w.object, w.id, w.person));
        }
    }
    if let Some(column) = columns.team.filter(|_| !scope.teams.is_empty()) {
        let places: Vec<String> = scope.teams.iter().map(|id| place(id.to_value())).collect();
        parts.push(format!("{column} IN ({})", places.join(", ")));
    }
    if let Some(column) = columns.org_unit.filter(|_| !scope.org_units.is_empty()) {
        let places: Vec<String> = scope.org_units.iter().map(|id| place(id.to_value())).collect();
        parts.push(format!("{column} IN ({})", places.join(", ")));
    }
    if parts.is_empty() { ("(FALSE)".to_owned(), values) } else { (format!("({})", parts.join(" OR ")), values) }
}

/// An ordering column of a list. It must never be null (`COALESCE` it), because engines put nulls at different ends.
#[derive(Clone, Copy, Debug)]
pub struct Key<'a> {
    pub column: &'a str,
    pub descending: bool,
}

/// A keyset list over one table, narrowed by a scope. Every branch becomes its own limited sub-select, so that each
/// can walk an index `(branch column, keys …)` and a narrow scope never reads the whole table.
#[derive(Clone, Debug)]
pub struct BranchList<'a> {
    /// Table with alias: `case_file AS c`.
    pub table: &'a str,
    /// The primary key: `c.id`. The last of `keys` should be it, so that the order is total.
    pub id: &'a str,
    /// What to read of each row of the page: `c.id, c.title, cu.name`.
    pub select: &'a str,
    /// Further tables for `select` only: `LEFT JOIN customer AS cu ON cu.id = c.customer_id`.
    pub joins: &'a str,
    pub columns: ScopeColumns<'a>,
    /// A further condition with parameters from `?1`, and its values; `("TRUE", vec![])` for none.
    pub filter: (&'a str, Vec<Value>),
    pub keys: &'a [Key<'a>],
    /// The keys of the last row of the page before.
    pub after: Option<Vec<Value>>,
    pub limit: usize,
}

impl BranchList<'_> {
    /// The statement and its values.
    pub fn sql(&self, scope: &Scope) -> (String, Vec<Value>) {
        let mut values = self.filter.1.clone();
        let mut place = |value: Value| {
            values.push(value);
            format!("?{}", values.len())
        };
        let mut condition = format!("({})", self.filter.0);
        if let Some(after) = &self.after {
            let places: Vec<String> = after.iter().map(|v| place(v.clone())).collect();
            condition.push_str(&format!(" AND {}", beyond(self.keys, &places)));
        }
        let limit = place(Value::Int(self.limit as i64));
        let order = |prefix: &str| -> String {
            let by: Vec<String> = self.keys.iter().enumerate().map(|(i, k)| format!("{prefix}{i}{}", if k.descending { " DESC" } else { "" })).collect();
            by.join(", ")
        };
        let keys: Vec<String> = self.keys.iter().enumerate().map(|(i, k)| format!("{} AS k{i}", k.column)).collect();
        let head = format!("SELECT {} AS id, {}", self.id, keys.join(", "));
        let plain = |extra: &str| format!("SELECT * FROM ({head} FROM {} WHERE {condition}{extra} ORDER BY {} LIMIT {limit}) AS b", self.table, self.direct_order());
        let mut with = Vec::new();
        let mut branches = Vec::new();
        for branch in scope.branches() {
            match branch {
                Branch::All => branches.push(plain("")),
                Branch::Team(team) => {
                    if let Some(column) = self.columns.team {
                        let value = place(team.to_value());
                        branches.push(plain(&format!(" AND {column} = {value}")));
                    }
                }
                Branch::OrgUnit(unit) => {
                    if let Some(column) = self.columns.org_unit {
                        let value = place(unit.to_value());
                        branches.push(plain(&format!(" AND {column} = {value}")));
                    }
                }
                Branch::Person(person) => {
                    if self.columns.people.is_empty() && self.columns.watchers.is_none() {
                        continue;
                    }
                    let value = place(person.to_value());
                    branches.extend(self.columns.people.iter().map(|column| plain(&format!(" AND {column} = {value}"))));
                    if let Some(w) = self.columns.watchers {
                        // What one person watches is little: read it from the watchers' side, whatever a planner thinks
                        // it could save by walking the ordered index of the big table.
                        with.push(format!("watched AS MATERIALIZED ({head} FROM {0} JOIN {1} ON {2} = {0}.{3} WHERE {0}.{4} = {value} AND {condition})", w.table, self.table, w.id, w.object, w.person));
                        branches.push(format!("SELECT * FROM (SELECT * FROM watched ORDER BY {} LIMIT {limit}) AS b", order("k")));
                    }
                }
            }
        }
        if branches.is_empty() {
            branches.push(plain(" AND FALSE"));
        }
        let with = if with.is_empty() { String::new() } else { format!("WITH {} ", with.join(", ")) };
        let sql = format!(
            "{with}SELECT {} FROM (SELECT * FROM ({}) AS u ORDER BY {} LIMIT {limit}) AS page JOIN {} ON {} = page.id {} ORDER BY {}",
            self.select,
            branches.join(" UNION "),
            order("k"),
            self.table,
            self.id,
            self.joins,
            order("page.k"),
        );
        (sql, values)
    }

    fn direct_order(&self) -> String {
        let by: Vec<String> = self.keys.iter().map(|k| format!("{}{}", k.column, if k.descending { " DESC" } else { "" })).collect();
        by.join(", ")
    }
}

/// Rows after the place given by `places` in the order of `keys`.
fn beyond(keys: &[Key<'_>], places: &[String]) -> String {
    let columns: Vec<&str> = keys.iter().map(|k| k.column).collect();
    if keys.windows(2).all(|pair| pair[0].descending == pair[1].descending) {
        // One row comparison, which both engines answer from an index.
        let sign = if keys.first().is_some_and(|k| k.descending) { "<" } else { ">" };
        return format!("({}) {sign} ({})", columns.join(", "), places.join(", "));
    }
    let mut parts = Vec::new();
    for (i, key) in keys.iter().enumerate() {
        let mut part: Vec<String> = (0..i).map(|j| format!("{} = {}", columns[j], places[j])).collect();
        part.push(format!("{} {} {}", key.column, if key.descending { "<" } else { ">" }, places[i]));
        parts.push(format!("({})", part.join(" AND ")));
    }
    // The first key alone bounds the walk; the rest only sorts out ties.
    let bound = keys.first().map(|k| format!("{} {} {} AND ", k.column, if k.descending { "<=" } else { ">=" }, places[0])).unwrap_or_default();
    format!("({bound}({}))", parts.join(" OR "))
}

impl Tx<'_> {
    /// One page of `list` inside `scope`, in order, each row once.
    pub fn list_by_branches<T: FromRow>(&self, scope: &Scope, list: &BranchList<'_>) -> Result<Vec<T>> {
        let (sql, values) = list.sql(scope);
        self.all(&sql, &values)
    }
}
