//! Statements of one shape go to PostgreSQL as one: a hundred rows of an INSERT, a hundred UPDATEs by id. What a
//! transaction writes without waiting ([`crate::Tx::run`]) is gathered here by its text, and sent as one statement over
//! arrays, when something reads that table, at a savepoint, or at the commit.
//!
//! Order counts only where two statements may touch the same row: same table, and no column that both name with
//! different values. Then the later one stays later.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use tokio_postgres::Statement;
use tokio_postgres::types::Type;

use crate::Value;

/// Rows of one statement, and rows and bytes that may lie here in all.
const MOST_ROWS: usize = 1000;
const MOST_HELD: usize = 4000;
const MOST_BYTES: usize = 8 << 20;

/// A statement over one table that can be told for many rows at once.
#[derive(Debug)]
pub(crate) struct Shape {
    pub table: String,
    /// Columns whose value (parameter, from 0) every row it touches has, before and after.
    known: Vec<(String, usize)>,
    /// Two rows of one statement may be the same row of the table.
    repeats: bool,
    /// A second statement about the same row leaves nothing of the first but what it does not set: the parameters by
    /// which a row is told, and those that are set.
    overwrites: Option<(Vec<usize>, Vec<usize>)>,
    /// The text for many rows; `{rows}` stands for the source of parameters.
    many: String,
}

/// A [`Shape`] as a connection knows it.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub shape: Arc<Shape>,
    pub one: Statement,
    pub many: Statement,
}

/// `?n` outside quotes, as `to(n)` says; `None` when it cannot say.
fn replaced(sql: &str, mut to: impl FnMut(usize) -> Option<String>) -> Option<String> {
    let mut out = String::with_capacity(sql.len() + 32);
    let mut quoted = false;
    let mut rest = sql.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\'' {
            quoted = !quoted;
        }
        if c != '?' || quoted {
            out.push(c);
            continue;
        }
        let mut number = 0;
        while let Some(digit) = rest.peek().and_then(|d| d.to_digit(10)) {
            number = number * 10 + digit as usize;
            rest.next();
        }
        out.push_str(&to(number)?);
    }
    Some(out)
}

/// The parts of a list at its top level.
fn parts(list: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut begin) = (0i32, false, 0);
    let mut out = Vec::new();
    for (at, c) in list.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                out.push(list[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    out.push(list[begin..].trim());
    out
}

/// A bracketed list at the start of `text`, and what follows it.
fn bracketed(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('(')?;
    let (mut depth, mut quoted) = (0i32, false);
    for (at, c) in text.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted && depth == 0 => return Some((&text[..at], &text[at + 1..])),
            ')' if !quoted => depth -= 1,
            _ => {}
        }
    }
    None
}

fn parameter(item: &str) -> Option<usize> {
    item.strip_prefix('?')?.parse::<usize>().ok()?.checked_sub(1)
}

fn plain(item: &str) -> bool {
    !item.is_empty() && !item.contains(['?', '(', ')', '"'])
}

fn word(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn of_row(n: usize) -> Option<String> {
    Some(format!("x.p_{n}"))
}

/// What `sql` is, when several of it can go as one.
pub(crate) fn shape(sql: &str) -> Option<Shape> {
    if !sql.contains("?1") || ["SELECT", "RETURNING", "EXISTS"].iter().any(|word| sql.contains(word)) {
        return None;
    }
    let sql = sql.trim();
    if let Some(rest) = sql.strip_prefix("INSERT INTO ") {
        insert(rest)
    } else if let Some(rest) = sql.strip_prefix("UPDATE ") {
        update(rest)
    } else {
        delete(sql.strip_prefix("DELETE FROM ")?)
    }
}

fn insert(rest: &str) -> Option<Shape> {
    let open = rest.find('(')?;
    let table = rest[..open].trim();
    let (columns, rest) = bracketed(&rest[open..])?;
    let (items, tail) = bracketed(rest.trim_start().strip_prefix("VALUES")?)?;
    let (columns, items, tail) = (parts(columns), parts(items), tail.trim());
    if !word(table) || columns.len() != items.len() || !columns.iter().all(|c| word(c)) || !items.iter().all(|i| parameter(i).is_some() || plain(i)) {
        return None;
    }
    if !(tail.is_empty() || tail.starts_with("ON CONFLICT")) {
        return None;
    }
    let place = |column: &str| columns.iter().position(|c| *c == column).and_then(|at| parameter(items[at]));
    let target: Vec<&str> = tail.strip_prefix("ON CONFLICT").and_then(|t| bracketed(t)).map(|(list, _)| parts(list)).unwrap_or_default();
    let changes = tail.contains("DO UPDATE");
    // A new row has every value given; one that was there has only those it is known by.
    let names: Vec<&str> = if tail.is_empty() { columns.clone() } else { target };
    let known = names.iter().filter(|name| **name == "id" || name.ends_with("_id") || !tail.is_empty()).filter_map(|name| Some(((*name).to_owned(), place(name)?))).collect();
    let overwrites = changes
        .then(|| {
            let (_, set) = tail.split_once("DO UPDATE SET ")?;
            let keys: Vec<usize> = names.iter().map(|name| place(name)).collect::<Option<_>>()?;
            // Each column is set to what a new row would have there, by a parameter of its own.
            let set: Vec<usize> = parts(set).into_iter().map(|part| part.split_once('=').and_then(|(column, value)| Some((place(column.trim())?, parameter(value.trim())?))).and_then(|(own, given)| (own == given).then_some(own))).collect::<Option<_>>()?;
            let single = set.iter().all(|at| items.iter().filter(|item| parameter(item) == Some(*at)).count() == 1);
            single.then_some((keys, set))
        })
        .flatten();
    let tail = replaced(tail, |n| columns.iter().zip(&items).find(|(_, item)| parameter(item) == n.checked_sub(1)).map(|(column, _)| format!("EXCLUDED.{column}")))?;
    let values: Option<Vec<String>> = items.iter().map(|item| replaced(item, of_row)).collect();
    Some(Shape { table: table.to_owned(), known, repeats: !changes, overwrites, many: format!("INSERT INTO {table} ({}) SELECT {} FROM {{rows}} {tail}", columns.join(", "), values?.join(", ")) })
}

/// The columns that a condition holds to a parameter.
fn held(condition: &str) -> Vec<(String, usize)> {
    condition.split(" AND ").filter_map(|part| part.split_once('=').and_then(|(column, value)| Some((column.trim().to_owned(), parameter(value.trim())?)))).filter(|(column, _)| word(column)).collect()
}

fn update(rest: &str) -> Option<Shape> {
    let (table, rest) = rest.split_once(" SET ")?;
    let (table, (set, condition)) = (table.trim(), rest.rsplit_once(" WHERE ")?);
    if !word(table) || [" FROM ", " WHERE ", " OR "].iter().any(|word| set.contains(word) || condition.contains(word)) {
        return None;
    }
    let changed: Vec<&str> = parts(set).into_iter().filter_map(|part| part.split_once('=').map(|(column, _)| column.trim())).collect();
    let known: Vec<_> = held(condition).into_iter().filter(|(column, _)| !changed.contains(&column.as_str())).collect();
    if known.is_empty() {
        return None;
    }
    let keys: Vec<usize> = known.iter().map(|(_, at)| *at).collect();
    // Nothing but "this row gets these values".
    let plainly: Option<Vec<usize>> = parts(set).into_iter().map(|part| part.split_once('=').and_then(|(_, value)| parameter(value.trim()))).collect();
    let overwrites = plainly.filter(|set| condition.split(" AND ").count() == keys.len() && !set.iter().any(|at| keys.contains(at))).map(|set| (keys, set));
    Some(Shape { table: table.to_owned(), known, repeats: false, overwrites, many: format!("UPDATE {table} SET {} FROM {{rows}} WHERE {}", replaced(set, of_row)?, replaced(condition, of_row)?) })
}

fn delete(rest: &str) -> Option<Shape> {
    let (table, condition) = rest.split_once(" WHERE ")?;
    let (table, known) = (table.trim(), held(condition));
    if !word(table) || known.is_empty() || [" USING ", " OR "].iter().any(|word| condition.contains(word)) {
        return None;
    }
    Some(Shape { table: table.to_owned(), known, repeats: true, overwrites: None, many: format!("DELETE FROM {table} USING {{rows}} WHERE {}", replaced(condition, of_row)?) })
}

impl Shape {
    /// The text for many rows, when its parameters have these types.
    pub fn many(&self, types: &[Type]) -> String {
        let (arrays, names) = arrays(types);
        self.many.replace("{rows}", &format!("unnest({arrays}) AS x({names})"))
    }
}

/// Parameters as arrays of these types, and the names of their elements.
fn arrays(types: &[Type]) -> (String, String) {
    let arrays: Vec<String> = types.iter().enumerate().map(|(i, ty)| format!("${}::{}[]", i + 1, ty.name())).collect();
    let names: Vec<String> = (1..=types.len()).map(|n| format!("p_{n}")).collect();
    (arrays.join(", "), names.join(", "))
}

/// A query that answers many runs of `sql` at once: each row begins with the number of its run, from 1. `None` where the
/// order of rows counts, where rows are locked, and where there is nothing to run it with.
pub(crate) fn joint(sql: &str, types: &[Type]) -> Option<String> {
    let sql = sql.trim();
    if types.is_empty() || !sql.starts_with("SELECT ") || [" ORDER BY ", " FOR UPDATE", " FOR SHARE", " FOR NO KEY"].iter().any(|word| sql.contains(word)) {
        return None;
    }
    let (arrays, names) = arrays(types);
    Some(format!("SELECT x.run, q.* FROM unnest({arrays}) WITH ORDINALITY AS x({names}, run) CROSS JOIN LATERAL ({}) AS q", replaced(sql, of_row)?))
}

/// Rows of one shape, waiting.
pub(crate) struct Group {
    pub sql: String,
    pub prepared: Prepared,
    pub rows: Vec<Vec<Value>>,
    /// For each known column, the values there are.
    values: Vec<HashSet<u64>>,
    /// Where the row of a key lies, for shapes that overwrite.
    places: HashMap<u64, usize>,
}

fn hash(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match value {
        Value::Null => 0u8.hash(&mut hasher),
        Value::Int(v) => v.hash(&mut hasher),
        Value::Bool(v) => i64::from(*v).hash(&mut hasher),
        Value::Real(v) => v.to_bits().hash(&mut hasher),
        Value::Text(v) | Value::Json(v) => v.hash(&mut hasher),
        Value::Bytes(v) => v.hash(&mut hasher),
        Value::Id(v) => v.as_u128().hash(&mut hasher),
    }
    hasher.finish()
}

fn hash_of(keys: &[usize], params: &[Value]) -> u64 {
    keys.iter().fold(0, |sum, at| sum.rotate_left(7) ^ params.get(*at).map_or(0, hash))
}

fn size(value: &Value) -> usize {
    match value {
        Value::Text(v) | Value::Json(v) => v.len(),
        Value::Bytes(v) => v.len(),
        _ => 16,
    }
}

impl Group {
    /// Whether one of its rows may be a row that this statement touches.
    fn meets(&self, shape: &Shape, params: &[Value]) -> bool {
        self.prepared.shape.table == shape.table
            && !self.prepared.shape.known.iter().zip(&self.values).any(|((column, _), values)| {
                shape.known.iter().find(|(name, _)| name == column).and_then(|(_, at)| params.get(*at)).is_some_and(|value| !values.contains(&hash(value)))
            })
    }

    fn push(&mut self, params: &[Value]) {
        for ((_, at), values) in self.prepared.shape.known.iter().zip(&mut self.values) {
            values.insert(params.get(*at).map_or(0, hash));
        }
        if let Some((keys, _)) = &self.prepared.shape.overwrites {
            self.places.insert(hash_of(keys, params), self.rows.len());
        }
        self.rows.push(params.to_vec());
    }

    /// Lets these values stand in place of those of an earlier statement about the same row, if there is one.
    fn overwrite(&mut self, params: &[Value]) -> bool {
        let Some((keys, set)) = &self.prepared.shape.overwrites else { return false };
        let Some(row) = self.places.get(&hash_of(keys, params)).and_then(|at| self.rows.get_mut(*at)) else { return false };
        if keys.iter().any(|at| row.get(*at) != params.get(*at)) {
            return false;
        }
        for at in set {
            if let (Some(old), Some(new)) = (row.get_mut(*at), params.get(*at)) {
                old.clone_from(new);
            }
        }
        true
    }
}

/// What a transaction has gathered, in an order that keeps every row's own.
#[derive(Default)]
pub(crate) struct Gathered {
    groups: Vec<Group>,
    held: usize,
    bytes: usize,
}

impl Gathered {
    /// Takes a statement in; `true`: it is time to let go of all of it.
    pub fn take(&mut self, sql: &str, prepared: &Prepared, params: &[Value]) -> bool {
        let shape = &prepared.shape;
        // The last statement that touches the row is of the same text: it never happened.
        if shape.overwrites.is_some()
            && let Some(last) = self.groups.iter_mut().rev().find(|group| group.meets(shape, params))
            && last.sql == sql
            && last.overwrite(params)
        {
            return false;
        }
        let after = self.groups.iter().rposition(|group| group.meets(shape, params) && !(shape.repeats && group.sql == sql)).map_or(0, |at| at + 1);
        self.held += 1;
        self.bytes += params.iter().map(size).sum::<usize>();
        match self.groups[after..].iter_mut().find(|group| group.sql == sql && group.rows.len() < MOST_ROWS) {
            Some(group) => group.push(params),
            None => {
                let mut group = Group { sql: sql.to_owned(), prepared: prepared.clone(), rows: Vec::new(), values: vec![HashSet::new(); shape.known.len()], places: HashMap::new() };
                group.push(params);
                self.groups.push(group);
            }
        }
        self.held >= MOST_HELD || self.bytes >= MOST_BYTES
    }

    /// What has to be sent before `sql`: everything up to the last statement about a table it names.
    pub fn before(&mut self, sql: &str) -> Vec<Group> {
        match self.groups.iter().rposition(|group| sql.contains(group.prepared.shape.table.as_str())) {
            Some(last) => {
                let gone: Vec<Group> = self.groups.drain(..=last).collect();
                self.held -= gone.iter().map(|group| group.rows.len()).sum::<usize>();
                gone
            }
            None => Vec::new(),
        }
    }

    /// All of it.
    pub fn all(&mut self) -> Vec<Group> {
        (self.held, self.bytes) = (0, 0);
        std::mem::take(&mut self.groups)
    }

    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(sql: &str) -> Option<String> {
        shape(sql).map(|s| s.many)
    }

    #[test]
    fn statements_over_one_table_take_their_parameters_from_rows() {
        assert_eq!(
            many("INSERT INTO t (id, a, b) VALUES (?1, 'x', ?2) ON CONFLICT (id) DO UPDATE SET a = t.a + ?2").as_deref(),
            Some("INSERT INTO t (id, a, b) SELECT x.p_1, 'x', x.p_2 FROM {rows} ON CONFLICT (id) DO UPDATE SET a = t.a + EXCLUDED.b")
        );
        assert_eq!(many("UPDATE t SET a = ?2, n = n + 1 WHERE id = ?1 AND a IS NULL").as_deref(), Some("UPDATE t SET a = x.p_2, n = n + 1 FROM {rows} WHERE id = x.p_1 AND a IS NULL"));
        assert_eq!(many("DELETE FROM t WHERE id = ?1").as_deref(), Some("DELETE FROM t USING {rows} WHERE id = x.p_1"));
        for alone in [
            "INSERT INTO t (a, b) VALUES (?1, ?2), (?3, ?4)", "INSERT INTO t (a) VALUES (lower(?1))", "INSERT INTO t (a) VALUES (?1) ON CONFLICT (a) DO UPDATE SET a = ?2", "INSERT INTO t (a) VALUES (?1) RETURNING a",
            "UPDATE t SET a = ?1", "UPDATE t SET a = ?1 WHERE a = ?1", "UPDATE t SET a = ?1 WHERE id = ?2 OR b = ?1", "UPDATE t SET a = (SELECT 1) WHERE id = ?1", "DELETE FROM t", "DELETE FROM t WHERE at < ?1", "SELECT ?1",
        ] {
            assert_eq!(many(alone), None, "{alone}");
        }
    }

    #[test]
    fn many_runs_of_a_query_are_one_where_order_and_locks_do_not_count() {
        assert_eq!(
            joint("SELECT a FROM t WHERE id = ?1 AND b = ?2 AND c <> '?' LIMIT 1", &[Type::UUID, Type::TEXT]).as_deref(),
            Some("SELECT x.run, q.* FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS x(p_1, p_2, run) CROSS JOIN LATERAL (SELECT a FROM t WHERE id = x.p_1 AND b = x.p_2 AND c <> '?' LIMIT 1) AS q")
        );
        for alone in ["SELECT a FROM t WHERE b = ?1 ORDER BY a", "SELECT a FROM t WHERE b = ?1 FOR UPDATE", "INSERT INTO t (a) VALUES (?1) RETURNING a", "WITH q AS (SELECT ?1) SELECT * FROM q"] {
            assert_eq!(joint(alone, &[Type::INT8]), None, "{alone}");
        }
        assert_eq!(joint("SELECT 1", &[]), None);
    }

    #[test]
    fn what_may_be_the_same_row_is_told_by_common_columns() {
        let sql = "INSERT INTO t (id, a, n) VALUES (?1, ?2, ?3)";
        let (new, touch, by_other) = (shape(sql).unwrap(), shape("UPDATE t SET n = ?2 WHERE id = ?1").unwrap(), shape("UPDATE t SET n = ?2 WHERE a = ?1").unwrap());
        assert_eq!((new.known.len(), new.repeats, touch.repeats), (1, true, false));
        assert_eq!(touch.known, [("id".to_owned(), 0)]);
        assert_eq!(by_other.known, [("a".to_owned(), 0)]);
        // What comes later stands alone only where nothing of the first would be left.
        let over = |sql: &str| shape(sql).unwrap().overwrites;
        assert_eq!(over("UPDATE t SET a = ?2, b = ?3 WHERE id = ?1"), Some((vec![0], vec![1, 2])));
        assert_eq!(over("INSERT INTO t (id, a, b) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET b = ?3"), Some((vec![0], vec![2])));
        for sum in [
            "UPDATE t SET a = a + ?2 WHERE id = ?1", "UPDATE t SET a = ?2 WHERE id = ?1 AND a IS NULL", "INSERT INTO t (id, a) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET a = t.a + ?2",
            "INSERT INTO t (id, a, b) VALUES (?1, ?2, ?3) ON CONFLICT (id) DO UPDATE SET b = ?2", "INSERT INTO t (id, a, b) VALUES (?1, ?2, ?2) ON CONFLICT (id) DO UPDATE SET b = ?2", sql,
        ] {
            assert_eq!(over(sum), None, "{sum}");
        }
        // A column that the statement itself changes tells nothing.
        assert_eq!(shape("UPDATE t SET a = ?2 WHERE id = ?1 AND a = ?3").unwrap().known, [("id".to_owned(), 0)]);
    }
}
