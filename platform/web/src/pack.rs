//! Packs as every capability sees them: a folder of declarative files. A capability reads and installs its own part,
//! and gives it back when the workspace is exported. A pack is data: nothing in it is ever run.

mod toml;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, WorkspaceId};
use shouwen_store::{Ctx, Tx};

use crate::PermissionInfo;
pub use toml::{PackDoc, read_toml};

/// What a capability knows of packs: which files are its own, how to check, install and export them.
#[derive(Clone, Copy)]
pub struct PackPart {
    /// The word for it in reports, e.g. `calendars`.
    pub section: &'static str,
    /// The files it reads, as paths with at most one `*` within a name: `case-types/*.toml`, `roles.toml`.
    pub files: &'static [&'static str],
    /// Everything that is wrong with those files. No database: also run by `shouwen pack check`.
    pub check: fn(&PackFiles) -> Vec<PackFault>,
    /// Brings the workspace of `Ctx` to what the files say, within the caller's transaction. Doing it again changes
    /// nothing. Items an administrator edited are kept and reported, unless `replace`. Called only after `check` found
    /// nothing. Also called to find out what would change; then the transaction is rolled back.
    pub install: fn(&Tx<'_>, &Ctx, &PackFiles, replace: bool) -> Result<Vec<PackChange>>,
    /// The workspace's own items as files of a pack, those of packs included.
    pub export: fn(&Tx<'_>, WorkspaceId) -> Result<Vec<PackFile>>,
}

/// One file: its path inside the pack, with `/`, and its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackFile {
    pub path: String,
    pub text: String,
}

impl PackFile {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
    /// A fault in this file; `line` counts from 1.
    pub fn fault(&self, line: usize, wrong: impl Into<String>, expected: impl Into<String>) -> PackFault {
        PackFault { file: self.path.clone(), line: line.max(1), wrong: wrong.into(), expected: expected.into() }
    }
    /// The name without folder and ending: `calendars/office.toml` → `office`.
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// A pack: its files, and what it stands on.
#[derive(Clone, Debug, Default)]
pub struct PackFiles {
    /// The pack's key, e.g. `telecom`.
    pub key: String,
    /// `major.minor.patch`.
    pub version: String,
    /// Sorted by path.
    pub files: Vec<PackFile>,
    /// The packs it requires, so that references into them can be checked.
    pub required: Vec<Arc<PackFiles>>,
    /// Every permission code there is; empty when the caller does not know them.
    pub permissions: Vec<String>,
}

impl PackFiles {
    pub fn new(key: &str, version: &str, mut files: Vec<PackFile>) -> Self {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { key: key.to_owned(), version: version.to_owned(), files, ..Self::default() }
    }
    /// The same with the permission codes of `known`.
    #[must_use]
    pub fn with_permissions(mut self, known: &[PermissionInfo]) -> Self {
        self.permissions = known.iter().map(|p| p.code.to_owned()).collect();
        self
    }
    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&PackFile> {
        self.files.iter().find(|file| file.path == path)
    }
    /// This pack's files that fit `pattern` (`rules/*.toml`).
    pub fn matching<'a>(&'a self, pattern: &'a str) -> impl Iterator<Item = &'a PackFile> + 'a {
        self.files.iter().filter(move |file| pack_path_fits(pattern, &file.path))
    }
    /// The files that fit `pattern` of the packs it requires, theirs included: for checking references.
    pub fn matching_required(&self, pattern: &str) -> Vec<&PackFile> {
        let mut found: Vec<&PackFile> = Vec::new();
        for pack in &self.required {
            found.extend(pack.files.iter().filter(|file| pack_path_fits(pattern, &file.path)));
            found.extend(pack.matching_required(pattern));
        }
        found
    }
}

/// Whether a path fits a pattern with at most one `*`, which stands for anything within one name.
pub fn pack_path_fits(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, tail)) => path.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail)).is_some_and(|middle| !middle.is_empty() && !middle.contains('/')),
    }
}

/// One thing that is wrong with a pack. Shown as `FILE:LINE: what is wrong; what was expected`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct PackFault {
    /// Path inside the pack.
    pub file: String,
    /// Counts from 1.
    pub line: usize,
    pub wrong: String,
    pub expected: String,
}

impl std::fmt::Display for PackFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file, self.line, self.wrong, self.expected)
    }
}

/// What an installation did to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PackDid {
    Created,
    Updated,
    /// It was so already.
    Unchanged,
    /// An administrator had edited it; it stays as it is.
    Kept,
    /// The pack has it no longer, and nobody had edited it or needs it.
    Removed,
    /// Running cases went from a stage that is gone to another; `count` of them.
    Moved,
}

/// One line of an installation's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PackChange {
    pub section: String,
    /// The item's key.
    pub item: String,
    /// What the item is called, where its pack says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<PackText>,
    pub did: PackDid,
    /// Running cases (or other live things) it touched.
    #[serde(default)]
    pub count: u64,
    /// What else there is to say, in English.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl PackChange {
    pub fn new(section: &str, item: impl Into<String>, did: PackDid) -> Self {
        Self { section: section.to_owned(), item: item.into(), title: None, did, count: 0, note: None }
    }
    /// With a count of live things touched.
    #[must_use]
    pub fn count(mut self, count: u64) -> Self {
        self.count = count;
        self
    }
    /// With a remark.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }
}

/// A name in both languages, as pack files write it: `{ zh = "投诉", en = "Complaint" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PackText {
    pub zh: String,
    pub en: String,
}

impl PackText {
    /// The one for a workspace of this locale (`zh-CN`, `en`).
    pub fn of(&self, locale: &str) -> &str {
        let (first, second) = if locale.starts_with("zh") { (&self.zh, &self.en) } else { (&self.en, &self.zh) };
        if first.is_empty() { second } else { first }
    }
}

/// The fingerprint of an item's content. Kept beside the item as it was installed, it later tells whether somebody
/// edited the item: the fingerprint of what stands there now is another one.
pub fn pack_fingerprint(content: &impl Serialize) -> Result<String> {
    // Through `Value`, whose maps are sorted: the order of fields does not matter.
    Ok(shouwen_crypt::sha256_hex(serde_json::to_value(content)?.to_string().as_bytes())[..32].to_owned())
}

/// What to do with an item. `installed`: the fingerprint kept when a pack last wrote it (`None`: no pack did);
/// `current`: that of what stands there now (`None`: nothing); `wanted`: that of what the pack says.
pub fn pack_decision(installed: Option<&str>, current: Option<&str>, wanted: &str, replace: bool) -> PackDid {
    match current {
        None => PackDid::Created,
        Some(current) if current == wanted => PackDid::Unchanged,
        Some(current) if replace || installed == Some(current) => PackDid::Updated,
        Some(_) => PackDid::Kept,
    }
}

/// An item that belongs to another pack stays with that one; only `replace` brings a differing one under this pack.
/// `same`: what stands there is what this pack says. `None`: the item is nobody else's, decide by [`pack_decision`].
pub fn pack_of_others(section: &str, item: &str, pack: &str, owner: Option<&str>, same: bool, replace: bool) -> Option<PackChange> {
    let other = owner.filter(|other| *other != pack)?;
    match (same, replace) {
        (true, _) => Some(PackChange::new(section, item, PackDid::Unchanged)),
        (false, true) => None,
        (false, false) => Some(PackChange::new(section, item, PackDid::Kept).note(format!("it belongs to the pack `{other}`"))),
    }
}

/// Whether `key` may name an item of a pack: a lower-case letter, then letters, digits, `_` and `-`, at most 60.
pub fn is_pack_key(key: &str) -> bool {
    key.len() <= 60 && key.starts_with(|c: char| c.is_ascii_lowercase()) && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

/// What [`is_pack_key`] asks for, in words.
pub const PACK_KEY_RULE: &str = "a key of lower-case letters, digits, `_` and `-` that begins with a letter, at most 60 long";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_within_one_name_only() {
        assert!(pack_path_fits("rules/*.toml", "rules/escalate.toml"));
        assert!(!pack_path_fits("rules/*.toml", "rules/deep/escalate.toml"));
        assert!(!pack_path_fits("rules/*.toml", "rules/.toml"));
        assert!(pack_path_fits("roles.toml", "roles.toml"));
        assert_eq!(PackFile::new("calendars/office.toml", "").stem(), "office");
    }

    #[test]
    fn an_edited_item_is_kept_and_an_untouched_one_follows_its_pack() {
        let (a, b, c) = (pack_fingerprint(&1).unwrap(), pack_fingerprint(&2).unwrap(), pack_fingerprint(&3).unwrap());
        assert_eq!(pack_decision(None, None, &a, false), PackDid::Created);
        assert_eq!(pack_decision(Some(&a), Some(&a), &a, false), PackDid::Unchanged);
        assert_eq!(pack_decision(Some(&a), Some(&a), &b, false), PackDid::Updated);
        assert_eq!(pack_decision(Some(&a), Some(&c), &b, false), PackDid::Kept);
        assert_eq!(pack_decision(Some(&a), Some(&c), &b, true), PackDid::Updated);
        assert_eq!(pack_decision(None, Some(&c), &b, false), PackDid::Kept, "an item of one's own under the same key");
    }

    #[test]
    fn an_item_of_another_pack_stays_with_it_and_is_told_only_where_it_differs() {
        let did = |owner, same, replace| pack_of_others("x", "y", "mine", owner, same, replace).map(|change| (change.did, change.note));
        assert_eq!((did(None, false, false), did(Some("mine"), false, false)), (None, None));
        assert_eq!(did(Some("base"), true, true), Some((PackDid::Unchanged, None)));
        assert_eq!(did(Some("base"), false, false), Some((PackDid::Kept, Some("it belongs to the pack `base`".to_owned()))));
        assert_eq!(did(Some("base"), false, true), None, "`replace` takes it over");
    }

    #[test]
    fn keys_are_plain_words() {
        assert!(is_pack_key("base-2_x"));
        for wrong in ["", "2x", "Base", "a/b", "..", "投诉", &"x".repeat(61)] {
            assert!(!is_pack_key(wrong), "{wrong}");
        }
    }
}
