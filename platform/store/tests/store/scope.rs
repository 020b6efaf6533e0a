//! One predicate: what [`Scope::sees`] says of an object, the SQL filter and the list say of its row.

use std::collections::BTreeSet;

use shouwen_kernel::{Access, CaseId, Ids, OrgUnitId, PersonId, Scope, TeamId};
use shouwen_store::{BranchList, Key, ScopeColumns, Tx, Value, Watchers, params, scope_sql};

use crate::house::*;

const T: &str = "CREATE TABLE thing (
  id {id} PRIMARY KEY,
  at {int} NOT NULL,
  org_unit_id {id},
  team_id {id},
  assignee_id {id},
  accountable_id {id}
);
CREATE INDEX thing_at ON thing (at, id);
CREATE INDEX thing_team ON thing (team_id, at, id);
CREATE INDEX thing_unit ON thing (org_unit_id, at, id);
CREATE INDEX thing_assignee ON thing (assignee_id, at, id);
CREATE INDEX thing_accountable ON thing (accountable_id, at, id);
CREATE TABLE thing_watcher (
  thing_id {id} NOT NULL,
  person_id {id} NOT NULL,
  PRIMARY KEY (thing_id, person_id)
);
CREATE INDEX thing_watcher_person ON thing_watcher (person_id);";

const COLUMNS: ScopeColumns<'static> = ScopeColumns {
    org_unit: Some("t.org_unit_id"),
    team: Some("t.team_id"),
    people: &["t.assignee_id", "t.accountable_id"],
    watchers: Some(Watchers { table: "thing_watcher", object: "thing_id", person: "person_id", id: "t.id" }),
};

/// Numbers from a seed.
struct Dice(Ids);
impl Dice {
    fn below(&self, n: u64) -> u64 {
        u64::from_le_bytes(self.0.secret()) % n
    }
    fn id(&self, kinds: u64) -> uuid::Uuid {
        uuid::Uuid::from_u128(1 + u128::from(self.below(kinds)))
    }
    fn maybe(&self, kinds: u64) -> Option<uuid::Uuid> {
        (self.below(4) > 0).then(|| self.id(kinds))
    }
}

#[derive(Clone)]
struct Thing {
    id: CaseId,
    at: i64,
    access: Access,
    people: [Option<uuid::Uuid>; 2],
    watchers: BTreeSet<uuid::Uuid>,
}

fn things(dice: &Dice, count: u64) -> Vec<Thing> {
    (0..count)
        .map(|i| {
            let people = [dice.maybe(12), dice.maybe(12)];
            let watchers: BTreeSet<_> = (0..dice.below(3)).map(|_| dice.id(12)).collect();
            let everyone = people.iter().flatten().chain(&watchers).map(|id| PersonId(*id)).collect();
            let access = Access { org_unit: dice.maybe(6).map(OrgUnitId), team: dice.maybe(6).map(TeamId), people: everyone };
            // Many share an instant, so that ties are tested.
            Thing { id: CaseId(uuid::Uuid::from_u128(u128::from(i) * 7919 % 100_003)), at: dice.below(20) as i64, access, people, watchers }
        })
        .collect()
}

fn store(tx: &Tx<'_>, things: &[Thing]) -> shouwen_kernel::Result<()> {
    for t in things {
        tx.execute(
            "INSERT INTO thing (id, at, org_unit_id, team_id, assignee_id, accountable_id) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![t.id, t.at, t.access.org_unit, t.access.team, t.people[0], t.people[1]],
        )?;
        for person in &t.watchers {
            tx.execute("INSERT INTO thing_watcher (thing_id, person_id) VALUES (?1, ?2)", params![t.id, *person])?;
        }
    }
    Ok(())
}

fn scope(dice: &Dice) -> Scope {
    Scope {
        person: PersonId(dice.id(14)),
        all: dice.below(10) == 0,
        org_units: (0..dice.below(4)).map(|_| OrgUnitId(dice.id(7))).collect(),
        teams: (0..dice.below(4)).map(|_| TeamId(dice.id(7))).collect(),
    }
}

#[test]
fn sees_equals_the_filter_equals_the_list_for_random_scopes_and_objects() {
    on_both(|house| {
        house.table(T);
        let dice = Dice(Ids::seeded(20260105));
        let all = things(&dice, 400);
        let stored = all.clone();
        house.write(move |tx| store(tx, &stored));
        for round in 0..60 {
            let scope = scope(&dice);
            let mut wanted: Vec<&Thing> = all.iter().filter(|t| scope.sees(&t.access)).collect();
            // The filter, behind a parameter of the caller's own.
            let (condition, mut values) = scope_sql(&scope, &COLUMNS, 2);
            values.insert(0, Value::Int(-1));
            let sql = format!("SELECT t.id FROM thing AS t WHERE t.at > ?1 AND {condition}");
            let filtered: BTreeSet<CaseId> = house.read(move |tx| tx.all::<(CaseId,)>(&sql, &values)).into_iter().map(|r| r.0).collect();
            assert_eq!(filtered, wanted.iter().map(|t| t.id).collect(), "round {round}: {scope:?}");
            // The list, page by page, in three orders, with and without a further filter.
            for (keys, narrow) in [
                (vec![Key { column: "t.at", descending: true }, Key { column: "t.id", descending: true }], false),
                (vec![Key { column: "t.at", descending: false }, Key { column: "t.id", descending: false }], true),
                (vec![Key { column: "t.at", descending: true }, Key { column: "t.id", descending: false }], true),
            ] {
                let (at_down, id_down) = (keys[0].descending, keys[1].descending);
                wanted.sort_by(|a, b| {
                    let by_at = if at_down { b.at.cmp(&a.at) } else { a.at.cmp(&b.at) };
                    by_at.then(if id_down { b.id.cmp(&a.id) } else { a.id.cmp(&b.id) })
                });
                let expected: Vec<CaseId> = wanted.iter().filter(|t| !narrow || t.at >= 5).map(|t| t.id).collect();
                let mut listed: Vec<CaseId> = Vec::new();
                let mut after: Option<Vec<Value>> = None;
                loop {
                    let (scope, keys, from) = (scope.clone(), keys.clone(), after.clone());
                    let page: Vec<(CaseId, i64)> = house.read(move |tx| {
                        let list = BranchList {
                            table: "thing AS t",
                            id: "t.id",
                            select: "t.id, t.at",
                            joins: "",
                            columns: COLUMNS,
                            filter: if narrow { ("t.at >= ?1", vec![Value::Int(5)]) } else { ("TRUE", vec![]) },
                            keys: &keys,
                            after: from.clone(),
                            limit: 23,
                        };
                        tx.list_by_branches(&scope, &list)
                    });
                    let Some(last) = page.last() else { break };
                    after = Some(vec![Value::Int(last.1), Value::Id(last.0.0)]);
                    listed.extend(page.iter().map(|row| row.0));
                    assert!(listed.len() <= all.len());
                }
                assert_eq!(listed, expected, "round {round}: {scope:?} {keys:?}");
            }
        }
    });
}

#[test]
fn a_table_without_some_columns_shows_less_never_more() {
    on_both(|house| {
        house.table(T);
        let dice = Dice(Ids::seeded(5));
        let all = things(&dice, 100);
        house.write(move |tx| store(tx, &all));
        let nothing = ScopeColumns::default();
        let mut scope = scope(&dice);
        scope.all = false;
        let (condition, values) = scope_sql(&scope, &nothing, 1);
        let sql = format!("SELECT count(*) FROM thing AS t WHERE {condition}");
        assert_eq!(house.read(move |tx| tx.one::<(i64,)>(&sql, &values)).0, 0);
        let s = scope.clone();
        let rows: Vec<(CaseId,)> = house.read(move |tx| {
            let keys = [Key { column: "t.id", descending: false }];
            tx.list_by_branches(&s, &BranchList { table: "thing AS t", id: "t.id", select: "t.id", joins: "", columns: nothing, filter: ("TRUE", vec![]), keys: &keys, after: None, limit: 10 })
        });
        assert!(rows.is_empty());
    });
}

/// The promise behind the helper: a page of a narrow scope reads its index, not the table.
#[test]
fn a_narrow_page_walks_indexes_only() {
    let house = House::new(shouwen_store::Engine::Sqlite);
    house.table(T);
    let scope = Scope { person: PersonId(uuid::Uuid::from_u128(1)), all: false, org_units: [OrgUnitId(uuid::Uuid::from_u128(2))].into(), teams: [TeamId(uuid::Uuid::from_u128(3))].into() };
    let keys = [Key { column: "t.at", descending: true }, Key { column: "t.id", descending: true }];
    let after = Some(vec![Value::Int(9), Value::Id(uuid::Uuid::nil())]);
    let list = BranchList { table: "thing AS t", id: "t.id", select: "t.id", joins: "", columns: COLUMNS, filter: ("TRUE", vec![]), keys: &keys, after, limit: 50 };
    let (sql, values) = list.sql(&scope);
    let plan: Vec<(i64, i64, i64, String)> = house.read(move |tx| tx.all(&format!("EXPLAIN QUERY PLAN {sql}"), &values));
    let steps: Vec<String> = plan.into_iter().map(|row| row.3).collect();
    assert!(!steps.iter().any(|s| s.starts_with("SCAN t") && !s.contains("INDEX")), "{steps:#?}");
    for index in ["thing_team (team_id=?", "thing_unit (org_unit_id=?", "thing_assignee (assignee_id=?", "thing_accountable (accountable_id=?"] {
        assert!(steps.iter().any(|s| s.contains(index)), "{index} is not used: {steps:#?}");
    }
}
