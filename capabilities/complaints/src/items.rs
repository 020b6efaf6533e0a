//! Lists of data that packs bring and the settings pages edit whole: signals, regions, care plans.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shouwen_kernel::{Kind, Problem, Result, WorkspaceId, text::clip};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{PackText, pack_fingerprint};

use crate::words::{self, Word};

/// Items of one list.
const MOST: usize = 500;

/// Something wrong with an item: where, what, what would be right.
#[derive(Clone, Debug)]
pub struct Fault {
    pub path: String,
    pub wrong: String,
    pub right: String,
}

/// A fault.
pub fn fault(path: &str, wrong: impl Into<String>, right: impl Into<String>) -> Fault {
    Fault { path: path.to_owned(), wrong: wrong.into(), right: right.into() }
}

/// A title needs both languages, none too long.
pub fn titled(title: &PackText, found: &mut Vec<Fault>) {
    if [&title.zh, &title.en].iter().any(|text| text.trim().is_empty() || text.chars().count() > 80) {
        found.push(fault("title", "a title is empty or longer than 80 characters", "{ zh = \"…\", en = \"…\" }"));
    }
}

/// One entry of a list.
pub trait Item: Serialize + DeserializeOwned + Clone + Send + 'static {
    /// The list.
    const KIND: &'static str;
    fn key(&self) -> &str;
    /// Everything that is wrong with it.
    fn faults(&self) -> Vec<Fault>;
    /// What others are told of it.
    fn word(&self) -> Option<Word> {
        None
    }
}

/// An entry as stored.
#[derive(Clone, Debug)]
pub struct Stored<T> {
    pub item: T,
    pub pack: Option<String>,
    pub print: Option<String>,
}

/// The list in its order.
pub fn stored<T: Item>(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored<T>>> {
    let rows: Vec<(Json<T>, Option<String>, Option<String>)> =
        tx.all("SELECT content, pack, pack_print FROM complaint_item WHERE workspace_id = ?1 AND kind = ?2 ORDER BY place, key", params![workspace, T::KIND])?;
    Ok(rows.into_iter().map(|(Json(item), pack, print)| Stored { item, pack, print }).collect())
}

/// The entries alone, asked for once a transaction.
pub fn list<T: Item + Sync>(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<std::sync::Arc<Vec<T>>> {
    tx.known(&format!("complaints.{}.{workspace}", T::KIND), || Ok(std::sync::Arc::new(stored::<T>(tx, workspace)?.into_iter().map(|s| s.item).collect())))
}

/// The version of a list: changes with anything in it.
pub fn version<T: Item>(items: &[Stored<T>]) -> Result<String> {
    pack_fingerprint(&items.iter().map(|s| &s.item).collect::<Vec<_>>())
}

/// Everything wrong with a list, paths beginning with the number of the entry.
pub fn faults<T: Item>(items: &[T]) -> Vec<Fault> {
    let mut found = Vec::new();
    if items.len() > MOST {
        found.push(fault("items", format!("{} entries", items.len()), format!("at most {MOST}")));
    }
    for (i, item) in items.iter().enumerate() {
        found.extend(item.faults().into_iter().map(|f| Fault { path: format!("items[{i}].{}", f.path), ..f }));
        if items[..i].iter().any(|other| other.key() == item.key()) {
            found.push(fault(&format!("items[{i}].key"), format!("the key `{}` stands in the list twice", clip(item.key(), 60)), "another key"));
        }
    }
    found
}

/// A refusal that names the first fault at its field and carries all.
pub fn refusal(found: &[Fault]) -> Result<()> {
    let Some(first) = found.first() else { return Ok(()) };
    let all: Vec<Value> = found.iter().take(50).map(|f| json!({ "path": f.path, "wrong": f.wrong, "right": f.right })).collect();
    let mut problem = Problem::new(Kind::Invalid, "invalid", first.wrong.clone());
    problem.field = Some(first.path.clone());
    Err(problem.expected(first.right.clone()).detail(json!({ "faults": all })))
}

/// Writes one entry.
pub fn write<T: Item>(tx: &Tx<'_>, workspace: WorkspaceId, place: usize, item: &T, pack: Option<&str>, print: Option<&str>) -> Result<()> {
    if let Some(word) = item.word() {
        let before: Option<(Json<T>,)> = tx.opt("SELECT content FROM complaint_item WHERE workspace_id = ?1 AND kind = ?2 AND key = ?3", params![workspace, T::KIND, item.key()])?;
        if before.and_then(|(Json(before),)| before.word()).is_none_or(|before| before != word) {
            words::tell(tx, workspace, &word)?;
        }
    }
    tx.run(
        "INSERT INTO complaint_item (workspace_id, kind, key, place, content, pack, pack_print, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (workspace_id, kind, key) DO UPDATE SET place = ?4, content = ?5, pack = ?6, pack_print = ?7, updated_at = ?8",
        params![workspace, T::KIND, item.key(), place, Json(item), pack, print, tx.now()],
    )
}

/// Removes one entry.
pub fn remove<T: Item>(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<()> {
    let gone: Option<(Json<T>,)> = tx.opt("SELECT content FROM complaint_item WHERE workspace_id = ?1 AND kind = ?2 AND key = ?3", params![workspace, T::KIND, key])?;
    if let Some(word) = gone.and_then(|(Json(gone),)| gone.word()) {
        words::tell(tx, workspace, &Word { removed: true, ..word })?;
    }
    tx.run("DELETE FROM complaint_item WHERE workspace_id = ?1 AND kind = ?2 AND key = ?3", params![workspace, T::KIND, key])
}

/// Puts a whole list in place of what is there; `seen` is the version the caller looked at. Entries keep the pack they
/// came with, so that an upgrade still knows what was edited.
pub fn replace<T: Item>(tx: &Tx<'_>, ctx: &Ctx, items: &[T], seen: &str) -> Result<()> {
    refusal(&faults(items))?;
    let before = stored::<T>(tx, ctx.workspace)?;
    if version(&before)? != seen {
        return Err(Problem::conflict("version_conflict", "somebody changed the list since you looked").expected("look at it again, then change it"));
    }
    for gone in before.iter().filter(|old| !items.iter().any(|new| new.key() == old.item.key())) {
        remove::<T>(tx, ctx.workspace, gone.item.key())?;
    }
    for (place, item) in items.iter().enumerate() {
        let old = before.iter().find(|old| old.item.key() == item.key());
        write(tx, ctx.workspace, place, item, old.and_then(|o| o.pack.as_deref()), old.and_then(|o| o.print.as_deref()))?;
    }
    let keys = |items: &[&str]| json!(items);
    let old: Vec<&str> = before.iter().map(|s| s.item.key()).collect();
    let new: Vec<&str> = items.iter().map(Item::key).collect();
    tx.audit(ctx, "complaint.settings_saved", T::KIND, None, Some(json!({ "before": keys(&old), "after": keys(&new) })))
}
