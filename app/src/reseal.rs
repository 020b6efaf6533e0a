//! `shouwen admin keys reseal`: what older master keys sealed is sealed anew with the newest.
//!
//! The catalogue of the database names the tables, so that none can be forgotten: every text and JSON column is read, a
//! piece of each table at a time, and each sealed value in it is opened for the field it belongs to and sealed again. A
//! row is changed only if it still holds what was read, so a running server is not disturbed and an interrupted run
//! is simply begun again. It ends when a whole pass has found nothing older. The audit is left alone: it is never rewritten.

use std::time::{Duration, Instant};

use serde_json::Value as Json;
use shouwen_crypt::{ADDRESS_FIELD, Keys};
use shouwen_kernel::{CustomerId, Ids, Kind, Problem, Result, WorkspaceId};
use shouwen_store::{Db, Engine, Tx, Value, params};

use crate::config::Config;
use crate::instance::{self, KEYS_IN_USE};

/// Rows of SQLite or pages of PostgreSQL looked at in one go.
const ROWS: i64 = 2_000;
const PAGES: i64 = 64;
/// Rows a running server changed in between are met again in the next pass; it cannot go on for ever.
const MOST_PASSES: usize = 20;

/// The fields a sealed value can belong to, beside those of one customer.
const FIELDS: [&str; 10] = [
    ADDRESS_FIELD, "case.fields", "mail.incoming", "mail.outgoing", "mail.oauth.client_secret", "mail.oauth.refresh_token", "mail.oauth.access_token", "webhook.secret", "identity.totp", "key.canary",
];
const CUSTOMER_FIELDS: [&str; 2] = ["id_number", "address"];

/// What a run did.
#[derive(Debug, Default, PartialEq)]
pub struct Done {
    /// Values sealed anew.
    pub values: u64,
    /// Rows they stand in.
    pub rows: u64,
    /// What looks sealed with an older key but opens for no field: left as it is.
    pub strange: u64,
}

/// Runs the command; what to print. `alone`: the caller vouches that no server runs on this database.
pub fn run(config: Config, alone: bool) -> Result<String> {
    let stopped = alone || (config.database.is_none() && instance::nobody_serves(&config.data)?);
    let instance = instance::open(config, false)?;
    instance::open_keys(&instance.db, &instance.config)?;
    let newest = instance.db.services().keys.newest();
    may_begin(&instance.db, newest, stopped)?;
    let mut told = Instant::now();
    let done = reseal(&instance.db, &mut |table, part| {
        if told.elapsed() > Duration::from_secs(5) {
            told = Instant::now();
            eprintln!("{table}: {part} %");
        }
    });
    instance.db.close();
    let done = done?;
    let strange = if done.strange == 0 { String::new() } else { format!("{} values look sealed but open with no key of the file; they were left as they are\n", done.strange) };
    Ok(format!("{} values in {} rows were sealed anew with key {newest}; nothing older is left\n{strange}keep the older keys in keys.toml: look-ups, signed links and older backups need them\n", done.values, done.rows))
}

/// A server that was started before the newest key was added could not open what it seals.
fn may_begin(db: &Db, newest: u32, stopped: bool) -> Result<()> {
    let in_use = db.read_blocking(|tx| Ok(tx.setting::<u32>(WorkspaceId::NIL, KEYS_IN_USE)?.unwrap_or(0)))?;
    if stopped || in_use >= newest {
        return Ok(());
    }
    Err(Problem::conflict("keys.old_server", format!("the server was started before key {newest} was added and could not open what it seals")).expected("restart the server, then run this again (with --no-server when none runs on this database)"))
}

/// Seals anew until a whole pass finds nothing older. `tell` hears the table and the part of it done, in percent.
pub fn reseal(db: &Db, tell: &mut dyn FnMut(&str, i64)) -> Result<Done> {
    let tables = db.read_blocking(tables)?;
    let mut done = Done::default();
    for _ in 0..MOST_PASSES {
        let (mut met, mut strange) = (0, 0);
        for table in &tables {
            let end = db.read_blocking({ let table = table.clone(); move |tx| table.end(tx) })?;
            let mut from = 0;
            while from < end {
                let (found, next) = db.read_blocking({ let table = table.clone(); move |tx| table.piece(tx, from, end) })?;
                let mut changes = Vec::new();
                for row in found {
                    let (change, unopened) = row.anew(&db.services().keys, &db.services().ids)?;
                    strange += unopened;
                    changes.extend(change);
                }
                met += changes.len() as u64;
                if !changes.is_empty() {
                    let (rows, values) = db.write_blocking({ let table = table.clone(); move |tx| table.change(tx, &changes) })?;
                    done.rows += rows;
                    done.values += values;
                }
                from = next;
                tell(&table.name, from.min(end) * 100 / end.max(1));
            }
        }
        done.strange = strange;
        if met == 0 {
            return Ok(done);
        }
    }
    Err(Problem::new(Kind::Unavailable, "keys.busy", "rows kept changing while they were sealed anew; what was done stays done").expected("run it again, best while little is going on"))
}

/// A table with what can hold sealed values.
#[derive(Clone, Debug)]
struct Table {
    name: String,
    /// Name, and whether it is a JSON column of PostgreSQL.
    columns: Vec<(String, bool)>,
    /// Columns of ids: a customer's personal fields are bound to the customer.
    ids: Vec<String>,
}

fn tables(tx: &Tx<'_>) -> Result<Vec<Table>> {
    let rows: Vec<(String, String, String)> = tx.all(
        tx.dialect(
            "SELECT m.name, p.name, p.type FROM sqlite_master AS m, pragma_table_info(m.name) AS p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, p.cid",
            "SELECT c.relname::text, a.attname::text, a.atttypid::regtype::text FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
             WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 AND NOT a.attisdropped ORDER BY c.relname, a.attnum",
        ),
        params![],
    )?;
    let mut all: Vec<Table> = Vec::new();
    for (table, column, kind) in rows.into_iter().filter(|(table, ..)| table != "audit" && table != "migration") {
        if all.last().is_none_or(|last| last.name != table) {
            all.push(Table { name: table, columns: Vec::new(), ids: Vec::new() });
        }
        let Some(last) = all.last_mut() else { continue };
        match kind.as_str() {
            "TEXT" | "text" => last.columns.push((column, false)),
            "jsonb" => last.columns.push((column, true)),
            "BLOB" | "uuid" => last.ids.push(column),
            _ => {}
        }
    }
    all.retain(|table| !table.columns.is_empty());
    Ok(all)
}

/// A row that holds something that looks sealed.
struct Found {
    /// Its place: a rowid or a ctid.
    place: String,
    texts: Vec<Option<String>>,
    ids: Vec<uuid::Uuid>,
}

/// Old and new text of the columns that change, by their number, and the values in them.
struct Change {
    place: String,
    texts: Vec<(usize, String, String)>,
    values: u64,
}

impl Table {
    /// Where the table ends now: the highest rowid, or the number of pages.
    fn end(&self, tx: &Tx<'_>) -> Result<i64> {
        let sql = match tx.engine() {
            Engine::Sqlite => format!("SELECT coalesce(max(rowid), 0) FROM \"{}\"", self.name),
            Engine::Postgres => format!("SELECT pg_relation_size(format('%I', '{}')::regclass) / current_setting('block_size')::bigint", self.name),
        };
        tx.one::<(i64,)>(&sql, params![]).map(|row| row.0)
    }

    /// The rows of the piece after `from` that look as if they held something sealed, and where the next piece begins.
    fn piece(&self, tx: &Tx<'_>, from: i64, end: i64) -> Result<(Vec<Found>, i64)> {
        let (texts, ids) = match tx.engine() {
            Engine::Sqlite => (self.columns.iter().map(|(c, _)| format!("\"{c}\"")).collect::<Vec<_>>(), self.ids.iter().map(|c| format!("CASE WHEN typeof(\"{c}\") = 'blob' AND length(\"{c}\") = 16 THEN hex(\"{c}\") END")).collect::<Vec<_>>()),
            Engine::Postgres => (self.columns.iter().map(|(c, _)| format!("\"{c}\"::text")).collect(), self.ids.iter().map(|c| format!("\"{c}\"::text")).collect()),
        };
        let all = texts.iter().chain(&ids).cloned().collect::<Vec<_>>().join(", ");
        let (rows, next): (Vec<(String, String)>, i64) = match tx.engine() {
            Engine::Sqlite => {
                let (last,): (Option<i64>,) = tx.one(&format!("SELECT max(r) FROM (SELECT rowid AS r FROM \"{}\" WHERE rowid > ?1 ORDER BY rowid LIMIT ?2) AS piece", self.name), params![from, ROWS])?;
                let last = last.unwrap_or(end);
                let looks = texts.iter().map(|c| format!("instr({c}, 's1.') > 0")).collect::<Vec<_>>().join(" OR ");
                (tx.all(&format!("SELECT CAST(rowid AS TEXT), json_array({all}) FROM \"{}\" WHERE rowid > ?1 AND rowid <= ?2 AND ({looks})", self.name), params![from, last])?, last)
            }
            Engine::Postgres => {
                let next = from + PAGES;
                let looks = texts.iter().map(|c| format!("{c} LIKE '%s1.%'")).collect::<Vec<_>>().join(" OR ");
                (tx.all(&format!("SELECT ctid::text, jsonb_build_array({all})::text FROM \"{}\" WHERE ctid >= ?1::text::tid AND ctid < ?2::text::tid AND ({looks})", self.name), params![format!("({from},0)"), format!("({next},0)")])?, next)
            }
        };
        let mut found = Vec::with_capacity(rows.len());
        for (place, cells) in rows {
            let cells: Vec<Option<String>> = serde_json::from_str::<Vec<Json>>(&cells)?.into_iter().map(|cell| cell.as_str().map(str::to_owned)).collect();
            let (texts, ids) = cells.split_at(self.columns.len());
            found.push(Found { place, texts: texts.to_vec(), ids: ids.iter().flatten().filter_map(|id| uuid::Uuid::parse_str(id).ok()).collect() });
        }
        Ok((found, next))
    }

    /// Writes what still stands as it was read; rows and values changed.
    fn change(&self, tx: &Tx<'_>, changes: &[Change]) -> Result<(u64, u64)> {
        let (mut rows, mut values) = (0, 0);
        for change in changes {
            let mut given = vec![Value::Text(change.place.clone())];
            let (mut sets, mut asks) = (Vec::new(), Vec::new());
            for (column, old, new) in &change.texts {
                let Some((name, json)) = self.columns.get(*column) else { continue };
                for (text, parts, between) in [(new, &mut sets, " = "), (old, &mut asks, " = ")] {
                    given.push(if *json { Value::Json(text.clone()) } else { Value::Text(text.clone()) });
                    parts.push(format!("\"{name}\"{between}?{}", given.len()));
                }
            }
            let place = tx.dialect("rowid = CAST(?1 AS INTEGER)", "ctid = ?1::text::tid");
            let changed = tx.execute(&format!("UPDATE \"{}\" SET {} WHERE {place} AND {}", self.name, sets.join(", "), asks.join(" AND ")), &given)?;
            rows += changed;
            values += changed * change.values;
        }
        Ok((rows, values))
    }
}

impl Found {
    /// The row with its older sealed values sealed anew (`None`: there are none), and how many could not be opened.
    fn anew(&self, keys: &Keys, ids: &Ids) -> Result<(Option<Change>, u64)> {
        let (mut texts, mut values, mut strange) = (Vec::new(), 0, 0);
        for (column, text) in self.texts.iter().enumerate() {
            let Some(text) = text else { continue };
            let mut new = String::new();
            let mut rest = text.as_str();
            let mut changed = 0;
            while let Some(at) = rest.find("s1.") {
                new.push_str(&rest[..at]);
                rest = &rest[at..];
                let token = sealed(rest);
                if token.is_empty() || Keys::version_of(token).is_none_or(|version| version >= keys.newest()) {
                    new.push_str("s1.");
                    rest = &rest[3..];
                    continue;
                }
                match self.open(keys, text, token) {
                    Some((field, plain)) => {
                        new.push_str(&keys.seal(ids, &field, &plain)?);
                        changed += 1;
                    }
                    None => {
                        new.push_str(token);
                        strange += 1;
                    }
                }
                rest = &rest[token.len()..];
            }
            if changed > 0 {
                new.push_str(rest);
                values += changed;
                texts.push((column, text.clone(), new));
            }
        }
        Ok(((!texts.is_empty()).then(|| Change { place: self.place.clone(), texts, values }), strange))
    }

    /// The field a value opens for, and its words.
    fn open(&self, keys: &Keys, text: &str, token: &str) -> Option<(String, String)> {
        let customers = self.ids.iter().map(|id| CustomerId::from(*id)).chain(text.match_indices("cus_").filter_map(|(at, _)| text.get(at..at + 30).and_then(|id| id.parse().ok())));
        let personal = customers.flat_map(|customer| CUSTOMER_FIELDS.map(|name| format!("customer.{name}.{customer}")));
        FIELDS.iter().map(|field| (*field).to_owned()).chain(personal).find_map(|field| keys.open(&field, token).ok().map(|plain| (field, plain)))
    }
}

/// The sealed value `text` begins with; empty when it is none. A nonce and a seal have 40 bytes at least.
fn sealed(text: &str) -> &str {
    let letters = |from: usize, fits: fn(u8) -> bool| text.as_bytes().iter().skip(from).take_while(|byte| fits(**byte)).count();
    let version = letters(3, |byte| byte.is_ascii_digit());
    if version == 0 || text.as_bytes().get(3 + version) != Some(&b'.') {
        return "";
    }
    let body = letters(4 + version, |byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if body < 54 { "" } else { text.get(..4 + version + body).unwrap_or_default() }
}

#[cfg(test)]
#[path = "reseal_tests.rs"]
mod tests;
