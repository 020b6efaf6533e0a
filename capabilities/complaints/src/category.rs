//! The category tree, as data: keys from the root down, in both languages, with who answers for a branch.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, TeamId, WorkspaceId, text::clip};
use shouwen_store::{Json, Tx, params};
use shouwen_web::{PACK_KEY_RULE, PackText, is_pack_key};

use crate::items::{Fault, fault, titled};
use crate::{grade, region, words};

/// Levels of the tree.
pub const DEEPEST: usize = 6;
/// Categories of a workspace.
pub const MOST: usize = 2000;
const MOST_PRODUCTS: usize = 100;

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ComplaintCategory)]
pub struct Category {
    pub key: String,
    /// Key of the node above; none at the top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    pub title: PackText,
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub active: bool,
    /// The team that handles it, by name or id; the nearest one up the tree counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// Or an org unit, by name or id: of its teams the one with a fitting skill, and of these the one with the fewest open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// A case of it has at least this grade: `minor`, `major`, `critical`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grade: Option<String>,
    /// Products it can be about, offered by the sheet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<String>,
}

fn yes() -> bool {
    true
}
// serde hands the field by reference.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_true(value: &bool) -> bool {
    *value
}

impl Category {
    /// What is wrong with it alone.
    pub fn faults(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        if !is_pack_key(&self.key) {
            found.push(fault("key", format!("`{}` cannot be a key", clip(&self.key, 60)), PACK_KEY_RULE));
        }
        titled(&self.title, &mut found);
        if let Some(grade) = self.grade.as_deref().filter(|g| !grade::is_grade(g)) {
            found.push(fault("grade", format!("there is no grade `{}`", clip(grade, 40)), grade::RULE));
        }
        for (field, text) in [("team", &self.team), ("unit", &self.unit)] {
            if text.as_deref().is_some_and(|t| t.trim().is_empty() || t.chars().count() > 120) {
                found.push(fault(field, "the name is empty or longer than 120 characters", "a name or an id; or nothing"));
            }
        }
        if self.products.len() > MOST_PRODUCTS || self.products.iter().any(|p| p.trim().is_empty() || p.chars().count() > 80) {
            found.push(fault("products", "a product is empty or longer than 80 characters, or there are too many", format!("at most {MOST_PRODUCTS} names of up to 80 characters")));
        }
        found
    }
}

/// A tree made ready for walking up.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    nodes: HashMap<String, Category>,
}

impl Tree {
    pub fn new(categories: Vec<Category>) -> Self {
        Self { nodes: categories.into_iter().map(|c| (c.key.clone(), c)).collect() }
    }

    pub fn get(&self, key: &str) -> Option<&Category> {
        self.nodes.get(key)
    }

    /// The node and those above it, the node first. A ring, which only a damaged table can hold, ends.
    pub fn up<'t>(&'t self, key: &str) -> Vec<&'t Category> {
        let mut found: Vec<&Category> = Vec::new();
        let mut next = self.nodes.get(key);
        while let Some(node) = next.filter(|_| found.len() < DEEPEST) {
            if found.iter().any(|seen| seen.key == node.key) {
                break;
            }
            found.push(node);
            next = node.parent.as_deref().and_then(|parent| self.nodes.get(parent));
        }
        found
    }

    /// Keys from the root down to `key`; the key alone when the tree does not hold it.
    pub fn path(&self, key: &str) -> Vec<String> {
        let mut path: Vec<String> = self.up(key).into_iter().map(|c| c.key.clone()).collect();
        path.reverse();
        if path.is_empty() { vec![key.to_owned()] } else { path }
    }

    /// The grade a case of it has at least: the nearest one up the tree.
    pub fn grade(&self, key: &str) -> Option<&str> {
        self.up(key).into_iter().find_map(|c| c.grade.as_deref())
    }

    /// The team that handles it: the nearest one up the tree.
    pub fn team(&self, tx: &Tx<'_>, workspace: WorkspaceId, key: &str, current: Option<TeamId>) -> Result<Option<TeamId>> {
        for node in self.up(key) {
            if node.team.is_some() || node.unit.is_some() {
                return region::responsible(tx, workspace, node.team.as_deref(), node.unit.as_deref(), &region::Wanted { current, path: &self.path(key) });
            }
        }
        Ok(None)
    }

    /// Whether `key` could stand under `parent`: no ring, not too deep.
    pub fn may_stand(&self, key: &str, parent: &str) -> bool {
        let above = self.up(parent);
        above.iter().all(|node| node.key != key) && above.len() + self.height(key, 0) <= DEEPEST
    }

    /// Levels from `key` down, itself included.
    fn height(&self, key: &str, depth: usize) -> usize {
        if depth > DEEPEST {
            return depth;
        }
        1 + self.children(key).map(|child| self.height(child, depth + 1)).max().unwrap_or(0)
    }

    /// Keys right below.
    pub fn children<'t>(&'t self, key: &'t str) -> impl Iterator<Item = &'t str> + 't {
        self.nodes.values().filter(move |c| c.parent.as_deref() == Some(key)).map(|c| c.key.as_str())
    }
}

/// A category as stored.
#[derive(Clone, Debug)]
pub struct Stored {
    pub category: Category,
    pub place: i64,
    pub pack: Option<String>,
    pub print: Option<String>,
    pub version: i64,
}

/// All of a workspace, in order.
pub fn stored(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    let rows: Vec<(Json<Category>, i64, Option<String>, Option<String>, i64)> =
        tx.all("SELECT content, place, pack, pack_print, version FROM complaint_category WHERE workspace_id = ?1 ORDER BY place, key", params![workspace])?;
    Ok(rows.into_iter().map(|(Json(category), place, pack, print, version)| Stored { category, place, pack, print, version }).collect())
}

/// The tree, asked for once a transaction.
pub fn tree(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Arc<Tree>> {
    tx.known(&format!("complaints.tree.{workspace}"), || Ok(Arc::new(Tree::new(stored(tx, workspace)?.into_iter().map(|s| s.category).collect()))))
}

/// Writes one; `pack` and its print stay as given.
pub fn write(tx: &Tx<'_>, workspace: WorkspaceId, place: i64, category: &Category, pack: Option<&str>, print: Option<&str>) -> Result<()> {
    let before: Option<(Json<Category>,)> = tx.opt("SELECT content FROM complaint_category WHERE workspace_id = ?1 AND key = ?2", params![workspace, category.key])?;
    if before.is_none_or(|(Json(before),)| before.title != category.title) {
        words::tell(tx, workspace, &words::of_category(category))?;
    }
    tx.run(
        "INSERT INTO complaint_category (workspace_id, key, place, content, pack, pack_print, updated_at, version) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1)
         ON CONFLICT (workspace_id, key) DO UPDATE SET place = ?3, content = ?4, pack = ?5, pack_print = ?6, updated_at = ?7, version = complaint_category.version + 1",
        params![workspace, category.key, place, Json(category), pack, print, tx.now()],
    )
}

/// Removes one.
pub fn remove(tx: &Tx<'_>, workspace: WorkspaceId, key: &str) -> Result<()> {
    words::tell(tx, workspace, &words::Word { removed: true, ..words::Word::new("category", key) })?;
    tx.run("DELETE FROM complaint_category WHERE workspace_id = ?1 AND key = ?2", params![workspace, key])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(key: &str, parent: Option<&str>, grade: Option<&str>) -> Category {
        Category { key: key.into(), parent: parent.map(Into::into), title: PackText { zh: key.into(), en: key.into() }, active: true, team: None, unit: None, grade: grade.map(Into::into), products: vec![] }
    }

    #[test]
    fn paths_and_grades_come_from_above_and_rings_end() {
        let tree = Tree::new(vec![node("billing", None, Some("minor")), node("wrong", Some("billing"), None), node("twice", Some("wrong"), Some("major")), node("a", Some("b"), None), node("b", Some("a"), None)]);
        assert_eq!(tree.path("twice"), ["billing", "wrong", "twice"]);
        assert_eq!((tree.grade("wrong"), tree.grade("twice")), (Some("minor"), Some("major")));
        assert_eq!(tree.path("unknown"), ["unknown"], "a key the tree lost still counts as itself");
        assert_eq!(tree.up("a").len(), 2, "a ring ends");
        assert!(!tree.may_stand("billing", "twice"), "no ring can be made");
        assert!(tree.may_stand("twice", "billing"));
    }
}
