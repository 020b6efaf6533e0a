//! Collecting blobs that nothing names any more: uploads never sent, former versions of packs, files of a transaction that
//! never committed.
//!
//! A blob goes only after all of this, each step in small batches:
//!
//! 1. **marked**: it is older than a day, and no column that names blobs ([`BlobUse`]) names it;
//! 2. **the log was asked**: no event names it. Projections are rebuilt from the log, so an event keeps its blobs for ever;
//! 3. **the days of grace are over**, and the columns, read anew, still do not name it: its row goes;
//! 4. **its file** goes when nobody has written or relied on it for a day; files without a row after the days of grace.
//!
//! Why nothing is lost that is about to be named: whoever names a blob that no row names runs [`Tx::save_blob`] in the same
//! transaction, which takes the mark off (and waits where the row is just going). The log is read when every transaction
//! that was open at the marking has ended. A file is made new by [`Blobs::prepare`] and taken away under the same lock, so
//! between preparing and committing there is a day. A round may be cut off anywhere: what is left is a row with its file, or
//! a file without a row, which the next one finds. Several servers may do it at once; a lease only spares the work.
//!
//! The columns have no index for this: they are read through in the order of their keys, and what they name goes into a
//! [`Names`] of a few MiB, which may take a name for known that is not, never the other way round.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, Time, WorkspaceId};
use uuid::Uuid;

use crate::{Blobs, Db, Engine, Tx, Value, params};

/// A column that names blobs: a name, or a text that holds names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobUse {
    pub table: &'static str,
    pub column: &'static str,
    /// The `{id}` that is the table's primary key, by which it is read in steps; empty: a small table, read at once.
    pub key: &'static str,
    /// A condition on the row; rows that do not meet it name nothing. Empty: every row does.
    pub only: &'static str,
}

/// Blobs looked at in one step, rows of a table or the log read in one step, and blobs taken away in one step.
const LOOK: usize = 500;
const READ: usize = 500;
const TAKE: usize = 100;
/// Marked blobs the log is asked about at once.
const ASK: usize = 50_000;
/// Nothing younger is looked at, no file that somebody relied on later is taken away.
const DAY_S: i64 = 86_400;
/// How often one waits for transactions to end before the next round has to do it.
const PATIENCE: usize = 3000;
const LEASE: &str = "blobs.collect";
const LEASE_S: i64 = 300;
const PROGRESS: &str = "blobs";

/// What a round did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Round {
    /// Blobs looked at.
    pub looked: u64,
    /// Blobs that were found to be named by nothing, for the first time.
    pub marked: u64,
    /// Of those asked about, the ones that an event names: they stay.
    pub spared: u64,
    /// Blobs that went, and their bytes.
    pub collected: u64,
    pub bytes: u64,
    /// Files without a row that went, and their bytes.
    pub files: u64,
    pub file_bytes: u64,
    /// It came to its end; otherwise it was stopped, or somebody else is at it.
    pub finished: bool,
}

/// What there is; see [`Collector::look`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Inventory {
    /// Blobs in all.
    pub blobs: u64,
    /// Blobs that no column names, and their bytes …
    pub unnamed: u64,
    pub unnamed_bytes: u64,
    /// … those among them that an event names, which stay …
    pub by_log: u64,
    pub by_log_bytes: u64,
    /// … and those that wait for the end of their days of grace, or for a round to find them.
    pub loose: u64,
    pub loose_bytes: u64,
    /// Those among them whose days are over: the next round takes them.
    pub due: u64,
    pub due_bytes: u64,
    /// Since when the oldest of them waits.
    pub since: Option<Time>,
    /// Files that no row names and nobody relied on for the days of grace, and their bytes.
    pub files: u64,
    pub file_bytes: u64,
}

/// What is known of rounds; in the settings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Progress {
    /// The last one that came to its end.
    last: Round,
    finished_at: Option<Time>,
}

/// Called after each small step; `false`: enough for now.
pub type Pause<'a> = dyn FnMut() -> bool + 'a;

/// Finds and takes away what nothing names.
#[derive(Clone, Debug)]
pub struct Collector {
    uses: Vec<BlobUse>,
    grace_s: i64,
}

impl Collector {
    /// `uses`: every column that names blobs. `days` of grace, at least one.
    pub fn new(uses: Vec<BlobUse>, days: u32) -> Self {
        Self { uses, grace_s: i64::from(days.max(1)) * DAY_S }
    }

    /// Whether it is time for a round: the last one ended a day ago.
    pub fn is_due(&self, db: &Db) -> Result<bool> {
        db.read_blocking(|tx| Ok(progress(tx)?.finished_at.is_none_or(|at| at.plus_seconds(DAY_S) <= tx.now())))
    }

    /// Makes a round. Blocks; not for a thread that serves requests.
    pub fn run(&self, db: &Db, pause: &mut Pause<'_>) -> Result<Round> {
        let holder = db.services().ids.uuid(db.services().clock.now()).to_string();
        let mut turn = Turn { db, holder, until: None, pause };
        let outcome = self.go(&mut turn);
        let holder = turn.holder;
        db.write_blocking(move |tx| tx.release_lease(LEASE, &holder))?;
        outcome
    }

    fn go(&self, turn: &mut Turn<'_, '_>) -> Result<Round> {
        let (db, mut round) = (turn.db, Round::default());
        if !turn.is_ours()? {
            return Ok(round);
        }
        let begun = db.services().clock.now();
        let Some(named) = self.named(db, &mut || turn.goes_on())? else { return Ok(round) };
        if !(self.mark(turn, &named, &mut round)? && self.ask(turn, &mut round)? && self.take(turn, &named, begun, &mut round)? && self.sweep_files(turn, &mut round)?) {
            return Ok(round);
        }
        round.finished = true;
        let done = Progress { last: round, finished_at: Some(db.services().clock.now()) };
        db.write_blocking(move |tx| tx.set_setting(WorkspaceId::NIL, PROGRESS, &done))?;
        Ok(round)
    }

    /// Everything that the columns name. `None`: stopped.
    fn named(&self, db: &Db, go_on: &mut GoOn<'_>) -> Result<Option<Names>> {
        let mut names = Names::new(db.services().ids.uuid(db.services().clock.now()).as_u128());
        for BlobUse { table, column, key, only } in self.uses.iter().copied() {
            let (and, mut after) = (if only.is_empty() { String::new() } else { format!(" AND ({only})") }, Uuid::nil());
            loop {
                let (stepwise, and) = (!key.is_empty(), and.clone());
                let rows: Vec<(Option<Uuid>, Option<String>)> = db.read_blocking(move |tx| {
                    let text = if tx.engine() == Engine::Postgres { format!("{column}::text") } else { column.to_owned() };
                    if stepwise {
                        tx.all(&format!("SELECT {key}, {text} FROM {table} WHERE {key} > ?1{and} ORDER BY {key} LIMIT ?2"), params![after, READ])
                    } else {
                        Ok(tx.all::<(Option<String>,)>(&format!("SELECT {text} FROM {table} WHERE {column} IS NOT NULL{and}"), params![])?.into_iter().map(|row| (None, row.0)).collect())
                    }
                })?;
                rows.iter().filter_map(|(_, text)| text.as_deref()).flat_map(words).for_each(|name| names.add(name));
                if !go_on()? {
                    return Ok(None);
                }
                match rows.last() {
                    Some((Some(last), _)) if rows.len() == READ => after = *last,
                    _ => break,
                }
            }
        }
        Ok(Some(names))
    }

    /// Marks what nothing names. `false`: stopped.
    fn mark(&self, turn: &mut Turn<'_, '_>, named: &Names, round: &mut Round) -> Result<bool> {
        let db = turn.db;
        let mut after = String::new();
        loop {
            let from = after.clone();
            let names = db.read_blocking(move |tx| names_after(tx, &from))?;
            let loose: Vec<String> = names.iter().filter(|name| !named.has(name)).cloned().collect();
            if !loose.is_empty() {
                round.marked += db.write_blocking(move |tx| {
                    let runs: Vec<Vec<Value>> = loose.iter().map(|name| params![name, tx.now().plus_seconds(-DAY_S)].to_vec()).collect();
                    let found: Vec<Vec<(String,)>> = tx.all_each("SELECT sha256 FROM blob WHERE sha256 = ?1 AND loose_since IS NULL AND kept IS NULL AND created_at <= ?2", &runs)?;
                    let fresh: Vec<String> = found.into_iter().flatten().map(|row| row.0).collect();
                    fresh.iter().try_for_each(|name| tx.run("UPDATE blob SET loose_since = ?2 WHERE sha256 = ?1 AND loose_since IS NULL AND kept IS NULL", params![name, tx.now()]))?;
                    Ok(fresh.len() as u64)
                })?;
            }
            round.looked += names.len() as u64;
            if !turn.goes_on()? {
                return Ok(false);
            }
            match names.into_iter().next_back() {
                Some(last) => after = last,
                None => return Ok(true),
            }
        }
    }

    /// Asks the log about everything marked, when the days of something marked are over. `false`: stopped.
    fn ask(&self, turn: &mut Turn<'_, '_>, round: &mut Round) -> Result<bool> {
        let (db, grace) = (turn.db, self.grace_s);
        loop {
            let marked: HashMap<String, Time> = db.read_blocking(move |tx| {
                let due: Option<(String,)> =
                    tx.opt("SELECT sha256 FROM blob WHERE loose_since IS NOT NULL AND loose_since <= ?1 AND kept IS NULL ORDER BY loose_since LIMIT 1", params![tx.now().plus_seconds(-grace)])?;
                if due.is_none() {
                    return Ok(HashMap::new());
                }
                let rows: Vec<(String, Time)> = tx.all("SELECT sha256, loose_since FROM blob WHERE loose_since IS NOT NULL AND kept IS NULL ORDER BY loose_since LIMIT ?1", params![ASK])?;
                Ok(rows.into_iter().collect())
            })?;
            if marked.is_empty() {
                return Ok(true);
            }
            let asked: HashSet<String> = marked.keys().cloned().collect();
            if !others_have_ended(db, &mut || turn.goes_on())? {
                return Ok(false);
            }
            let Some(named) = named_by_log(db, &asked, &mut || turn.goes_on())? else { return Ok(false) };
            round.spared += named.len() as u64;
            let verdicts: Vec<(String, Time, bool)> = marked.into_iter().map(|(name, since)| (named.contains(&name), name, since)).map(|(kept, name, since)| (name, since, kept)).collect();
            for some in verdicts.chunks(LOOK) {
                let some = some.to_vec();
                db.write_blocking(move |tx| {
                    some.iter().try_for_each(|(name, since, kept)| {
                        // Named anew since then: it is marked no more, or with another time.
                        if *kept {
                            tx.run("UPDATE blob SET loose_since = NULL, kept = ?2 WHERE sha256 = ?1", params![name, true])
                        } else {
                            tx.run("UPDATE blob SET kept = ?3 WHERE sha256 = ?1 AND loose_since = ?2", params![name, since, false])
                        }
                    })
                })?;
            }
        }
    }

    /// Takes away whose days are over, and what the columns did not name when they were read after that. `false`: stopped.
    fn take(&self, turn: &mut Turn<'_, '_>, named: &Names, begun: Time, round: &mut Round) -> Result<bool> {
        let db = turn.db;
        let blobs = &db.services().blobs;
        let over = begun.plus_seconds(-self.grace_s);
        loop {
            // Somebody copies the files to go with a copy of the rows: another day.
            let Some(_hold) = blobs.alone() else { return Ok(true) };
            let due: Vec<(String, u64, Time, bool)> = db.read_blocking(move |tx| {
                tx.all(
                    "SELECT sha256, size, loose_since, data IS NULL FROM blob WHERE loose_since IS NOT NULL AND loose_since <= ?1 AND kept = ?2 ORDER BY loose_since LIMIT ?3",
                    params![over, false, TAKE],
                )
            })?;
            let seen = due.len();
            let due: Vec<_> = due.into_iter().map(|row| (named.has(&row.0), row)).collect();
            let gone = db.write_blocking(move |tx| {
                let mut gone = Vec::new();
                for (named, (name, size, since, in_file)) in &due {
                    if *named {
                        // Or taken for named: then it is marked again in the next round, by other numbers.
                        tx.execute("UPDATE blob SET loose_since = NULL, kept = NULL WHERE sha256 = ?1 AND loose_since = ?2", params![name, since])?;
                    } else if tx.execute("DELETE FROM blob WHERE sha256 = ?1 AND loose_since = ?2", params![name, since])? > 0 {
                        gone.push((name.clone(), *size, *in_file));
                    }
                }
                Ok(gone)
            })?;
            for (name, size, in_file) in gone {
                round.collected += 1;
                round.bytes += size;
                if in_file {
                    removed(blobs, &blobs.path(&name), Duration::from_secs(DAY_S.unsigned_abs()));
                }
            }
            if !turn.goes_on()? {
                return Ok(false);
            }
            if seen < TAKE {
                return Ok(true);
            }
        }
    }

    /// Goes through the files, folder by folder. `false`: stopped.
    fn sweep_files(&self, turn: &mut Turn<'_, '_>, round: &mut Round) -> Result<bool> {
        let db = turn.db;
        let blobs = &db.services().blobs;
        for folder in folders() {
            let Some(_hold) = blobs.alone() else { return Ok(true) };
            let strays = self.strays(db, &folder)?;
            if strays.is_empty() {
                continue;
            }
            for (path, least) in strays {
                if let Some(size) = removed(blobs, &path, least) {
                    round.files += 1;
                    round.file_bytes += size;
                }
            }
            if !turn.goes_on()? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The files of a folder that no row names, old enough to go, each with how long it must have lain idle.
    fn strays(&self, db: &Db, folder: &str) -> Result<Vec<(PathBuf, Duration)>> {
        let blobs = &db.services().blobs;
        let Ok(entries) = std::fs::read_dir(blobs.root().join(folder)) else { return Ok(Vec::new()) };
        let (mut names, mut out) = (Vec::new(), Vec::new());
        let day = Duration::from_secs(DAY_S.unsigned_abs());
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') && name.ends_with(".part") {
                // Cut off while it was written.
                if blobs.idle(&entry.path()).is_some_and(|(idle, _)| idle >= day) {
                    out.push((entry.path(), day));
                }
            } else if name.len() == 62 && is_hex(&name) {
                names.push(format!("{folder}{name}"));
            }
        }
        let grace = Duration::from_secs(self.grace_s.unsigned_abs());
        // Files that are older than the database are not its own to judge: another one may have been put here for a moment.
        let age = db.read_blocking(|tx| {
            let since: Option<(Time,)> = tx.opt("SELECT applied_at FROM migration WHERE capability = 'store' AND version = 1", params![])?;
            Ok(since.map_or(0, |(since,)| tx.now().seconds() - since.seconds()))
        })?;
        let age = Duration::from_secs(u64::try_from(age).unwrap_or(0));
        for some in names.chunks(LOOK) {
            let some = some.to_vec();
            let without_row = db.read_blocking(move |tx| {
                let runs: Vec<Vec<Value>> = some.iter().map(|name| params![name].to_vec()).collect();
                let found: Vec<Vec<(i64,)>> = tx.all_each("SELECT size FROM blob WHERE sha256 = ?1", &runs)?;
                Ok(some.iter().zip(found).filter(|(_, rows)| rows.is_empty()).map(|(name, _)| name.clone()).collect::<Vec<String>>())
            })?;
            out.extend(without_row.into_iter().map(|name| blobs.path(&name)).filter(|path| blobs.idle(path).is_some_and(|(idle, _)| idle >= grace && idle <= age)).map(|path| (path, grace)));
        }
        Ok(out)
    }

    /// What there is, without changing anything. `None`: `pause` said that it is enough.
    pub fn look(&self, db: &Db, pause: &mut Pause<'_>) -> Result<Option<Inventory>> {
        type Row = (u64, Option<Time>, Option<bool>);
        let Some(columns) = self.named(db, &mut || Ok(pause()))? else { return Ok(None) };
        let (mut out, mut after) = (Inventory::default(), String::new());
        let mut loose: HashMap<String, (u64, Option<Time>, bool)> = HashMap::new();
        let mut seen = LOOK;
        while seen == LOOK {
            let from = after.clone();
            let names = db.read_blocking(move |tx| names_after(tx, &from))?;
            let unnamed: Vec<String> = names.iter().filter(|name| !columns.has(name)).cloned().collect();
            let rows = db.read_blocking(move |tx| {
                let runs: Vec<Vec<Value>> = unnamed.iter().map(|name| params![name].to_vec()).collect();
                let found: Vec<Vec<Row>> = tx.all_each("SELECT size, loose_since, kept FROM blob WHERE sha256 = ?1", &runs)?;
                Ok(unnamed.iter().cloned().zip(found).filter_map(|(name, rows)| Some((name, rows.into_iter().next()?))).collect::<Vec<_>>())
            })?;
            seen = names.len();
            out.blobs += seen as u64;
            for (name, (size, since, kept)) in rows {
                (out.unnamed, out.unnamed_bytes) = (out.unnamed + 1, out.unnamed_bytes + size);
                if kept == Some(true) {
                    (out.by_log, out.by_log_bytes) = (out.by_log + 1, out.by_log_bytes + size);
                } else {
                    loose.insert(name, (size, since, kept == Some(false)));
                }
            }
            after = names.into_iter().last().unwrap_or_default();
            if !pause() {
                return Ok(None);
            }
        }
        let asked: HashSet<String> = loose.iter().filter(|(_, (.., known))| !known).map(|(name, _)| name.clone()).collect();
        let named = if asked.is_empty() { Some(HashSet::new()) } else { named_by_log(db, &asked, &mut || Ok(pause()))? };
        let Some(named) = named else { return Ok(None) };
        let over = db.services().clock.now().plus_seconds(-self.grace_s);
        for (name, (size, since, _)) in loose {
            if named.contains(&name) {
                (out.by_log, out.by_log_bytes) = (out.by_log + 1, out.by_log_bytes + size);
                continue;
            }
            (out.loose, out.loose_bytes) = (out.loose + 1, out.loose_bytes + size);
            out.since = out.since.into_iter().chain(since).min();
            if since.is_some_and(|since| since <= over) {
                (out.due, out.due_bytes) = (out.due + 1, out.due_bytes + size);
            }
        }
        for folder in folders() {
            for (path, _) in self.strays(db, &folder)? {
                (out.files, out.file_bytes) = (out.files + 1, out.file_bytes + std::fs::metadata(&path).map_or(0, |m| m.len()));
            }
        }
        Ok(Some(out))
    }
}

/// Whose turn it is.
struct Turn<'a, 'p> {
    db: &'a Db,
    holder: String,
    until: Option<Time>,
    pause: &'a mut Pause<'p>,
}

impl Turn<'_, '_> {
    fn is_ours(&mut self) -> Result<bool> {
        let now = self.db.services().clock.now();
        if self.until.is_some_and(|until| now.plus_seconds(LEASE_S / 2) < until) {
            return Ok(true);
        }
        let holder = self.holder.clone();
        let ours = self.db.write_blocking(move |tx| tx.lease(LEASE, &holder, LEASE_S))?.is_some();
        self.until = ours.then(|| now.plus_seconds(LEASE_S));
        Ok(ours)
    }

    /// Between two steps.
    fn goes_on(&mut self) -> Result<bool> {
        Ok((self.pause)() && self.is_ours()?)
    }
}

/// A set of names in little memory (a Bloom filter): what was added is in it; of others, one in some hundred seems to be when
/// there are three million, and others each time, because the numbers are other ones.
struct Names {
    bits: Vec<u64>,
    numbers: [u64; 2],
}

/// Bits of the set, a power of two; and how many of them a name sets.
const BITS: u64 = 1 << 25;
const SET: u64 = 7;

impl Names {
    fn new(random: u128) -> Self {
        Self { bits: vec![0; (BITS / 64) as usize], numbers: [random as u64, (random >> 64) as u64] }
    }

    fn places(&self, name: &str) -> impl Iterator<Item = (usize, u64)> + use<> {
        let part = |from: usize, number: u64| {
            let part = name.get(from..from + 16).and_then(|text| u64::from_str_radix(text, 16).ok()).unwrap_or_default() ^ number;
            let part = (part ^ (part >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            (part ^ (part >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
        };
        let (first, step) = (part(0, self.numbers[0]), part(16, self.numbers[1]) | 1);
        (0..SET).map(move |n| (first.wrapping_add(n.wrapping_mul(step)) >> 39) & (BITS - 1)).map(|bit| ((bit / 64) as usize, 1 << (bit % 64)))
    }

    fn add(&mut self, name: &str) {
        for (word, bit) in self.places(name) {
            if let Some(word) = self.bits.get_mut(word) {
                *word |= bit;
            }
        }
    }

    fn has(&self, name: &str) -> bool {
        self.places(name).all(|(word, bit)| self.bits.get(word).is_some_and(|word| word & bit != 0))
    }
}

/// What could be names in a text: sixty-four hexadecimal digits.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 64)
}

fn folders() -> impl Iterator<Item = String> {
    (0..=255).map(|n: u8| format!("{n:02x}"))
}

fn progress(tx: &Tx<'_>) -> Result<Progress> {
    Ok(tx.setting(WorkspaceId::NIL, PROGRESS)?.unwrap_or_default())
}

fn names_after(tx: &Tx<'_>, after: &str) -> Result<Vec<String>> {
    Ok(tx.all::<(String,)>("SELECT sha256 FROM blob WHERE sha256 > ?1 ORDER BY sha256 LIMIT ?2", params![after, LOOK])?.into_iter().map(|row| row.0).collect())
}

type GoOn<'a> = dyn FnMut() -> Result<bool> + 'a;

/// Waits until every transaction that is open now has ended: one that had looked at a blob before it was marked may be about
/// to name it. One that has written nothing yet has no number of its own in PostgreSQL, so they are told by their locks.
fn others_have_ended(db: &Db, go_on: &mut GoOn<'_>) -> Result<bool> {
    if db.engine() == Engine::Sqlite {
        return Ok(true);
    }
    let open = || -> Result<HashSet<String>> {
        let sql = "SELECT l.virtualxid FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.locktype = 'virtualxid' AND l.granted AND a.datname = current_database() AND l.pid <> pg_backend_pid()";
        Ok(db.read_blocking(move |tx| tx.all::<(String,)>(sql, params![]))?.into_iter().map(|row| row.0).collect())
    };
    let mut waiting = open()?;
    for _ in 0..PATIENCE {
        if waiting.is_empty() {
            return Ok(true);
        }
        if !go_on()? {
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(20));
        let still = open()?;
        waiting.retain(|one| still.contains(one));
    }
    Ok(false)
}

/// Which of the blobs some event names. `None`: stopped before the end of the log.
fn named_by_log(db: &Db, asked: &HashSet<String>, go_on: &mut GoOn<'_>) -> Result<Option<HashSet<String>>> {
    let (mut named, mut after) = (HashSet::new(), 0i64);
    loop {
        let rows: Vec<(i64, String)> = db.read_blocking(move |tx| {
            let payload = tx.dialect("payload", "payload::text");
            tx.all(&format!("SELECT seq, {payload} FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2"), params![after, READ])
        })?;
        for (_, payload) in &rows {
            // Whatever an event is about.
            named.extend(words(payload).filter(|word| asked.contains(*word)).map(str::to_owned));
        }
        let Some((last, _)) = rows.last().filter(|_| rows.len() == READ) else { return Ok(Some(named)) };
        after = *last;
        if !go_on()? {
            return Ok(None);
        }
    }
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Takes a file away if nobody relied on it for so long; its bytes.
fn removed(blobs: &Blobs, path: &std::path::Path, least: Duration) -> Option<u64> {
    blobs.remove(path, least).unwrap_or_else(|error| {
        tracing::warn!(path = %path.display(), %error, "a file that nothing names cannot be taken away");
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_known_and_hardly_anything_else_seems_to_be() {
        let name = |n: u32| shouwen_crypt::sha256_hex(&n.to_be_bytes());
        for random in [0, 1, u128::MAX, 0x1234_5678_9abc_def0_0fed_cba9_8765_4321] {
            let mut names = Names::new(random);
            (0..20_000).for_each(|n| names.add(&name(n)));
            assert!((0..20_000).all(|n| names.has(&name(n))));
            assert_eq!((20_000..40_000).filter(|n| names.has(&name(*n))).count(), 0);
        }
    }

    #[test]
    fn names_are_found_in_any_text() {
        let name = shouwen_crypt::sha256_hex(b"x");
        assert_eq!(words(&format!("{{\"a\":[\"{name}\",\"{name}0\",7],\"b\":\"sha256:{name}\"}}")).collect::<Vec<_>>(), [&name, &name]);
    }
}
