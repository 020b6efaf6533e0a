//! The workspace as a pack.

use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::Tx;
use shouwen_web::{PackFile, PackPart, PackText, is_pack_key};

use crate::manifest::{self, Manifest};

/// Everything the parts give back, with a `pack.toml` under `key`.
pub fn export(tx: &Tx<'_>, workspace: WorkspaceId, parts: &[PackPart], key: &str) -> Result<Vec<PackFile>> {
    if !is_pack_key(key) {
        return Err(Problem::invalid("key", format!("`{}` cannot be the key of a pack", shouwen_kernel::text::clip(key, 60))).expected(shouwen_web::PACK_KEY_RULE));
    }
    let name = tx.workspaces()?.into_iter().find(|w| w.id == workspace).map(|w| w.name).unwrap_or_default();
    let title = shouwen_kernel::text::clip(&name, 79);
    let manifest = Manifest { key: key.to_owned(), version: "1.0.0".into(), title: PackText { zh: title.clone(), en: title }, about: None, requires: Vec::new() };
    let mut files = vec![PackFile::new(manifest::FILE, toml::to_string(&manifest).map_err(Problem::internal)?)];
    for part in parts {
        files.extend((part.export)(tx, workspace)?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}
