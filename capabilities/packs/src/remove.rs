//! Taking a pack away. What it brought goes if nobody edited it and nothing needs it; the rest stays and is the house's
//! own from then on.

use serde_json::json;
use shouwen_contracts::packs::{PackEvent, PackRemoved};
use shouwen_kernel::{Problem, Result};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{App, PackDid, PackFiles};

use crate::BASE;
use crate::install::{Report, installed};
use crate::manifest;

/// The packs that stand on `key`.
fn dependants(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<Vec<String>> {
    let keys: Vec<(String,)> = tx.all("SELECT key FROM pack_installed WHERE workspace_id = ?1 AND key <> ?2 ORDER BY key", params![ctx.workspace, key])?;
    let mut found = Vec::new();
    for (other,) in keys {
        if installed(tx, ctx, &other)?.is_some_and(|(manifest, _)| manifest.requirements().iter().any(|r| r.key == key)) {
            found.push(other);
        }
    }
    Ok(found)
}

/// Takes the pack `key` away from the workspace of `ctx`, in one transaction; what went and what stayed.
///
/// # Errors
/// There is no such pack; it is the base pack; another pack requires it.
pub fn remove(app: &App, tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<Report> {
    let (manifest, pack) = installed(tx, ctx, key)?.ok_or_else(|| Problem::not_found("pack"))?;
    if key == BASE {
        return Err(Problem::conflict("pack.needed", "every workspace stands on the base pack").expected("another pack; single items of this one are removed on their own pages"));
    }
    let others = dependants(tx, ctx, key)?;
    if !others.is_empty() {
        return Err(Problem::conflict("pack.required", format!("the pack `{key}` is required by {}", others.join(", "))).expected("those removed first").detail(json!({ "packs": others })));
    }
    // A version with nothing in it: every part lets go of what it may. What refers to others comes first.
    let rest = pack.files.iter().filter(|file| file.path == manifest::FILE).cloned().collect();
    let empty = PackFiles { required: pack.required.clone(), ..PackFiles::new(&manifest.key, &manifest.version, rest) };
    crate::named::note(tx, ctx.workspace, app.pack_parts(), &pack, &empty)?;
    let mut changes = Vec::new();
    for part in app.pack_parts().iter().rev() {
        let done = (part.install)(tx, ctx, &empty, false).map_err(|problem| Problem { message: format!("{}: {}", part.section, problem.message), ..problem })?;
        let mut done: Vec<_> = done.into_iter().filter(|change| change.did != PackDid::Unchanged).collect();
        crate::titles::fill(&mut done, part, &[&pack]);
        changes.extend(done);
    }
    tx.execute("DELETE FROM pack_installed WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key])?;
    let report = Report { key: manifest.key, version: manifest.version.clone(), previous: Some(manifest.version), changes, unchanged: 0, moved: 0 };
    let count = |did| u32::try_from(report.count(did)).unwrap_or(u32::MAX);
    tx.emit::<PackEvent>(ctx, None, None, PackRemoved { key: report.key.clone(), version: report.version.clone(), removed: count(PackDid::Removed), kept: count(PackDid::Kept) })?;
    tx.audit(ctx, "pack.removed", "pack", None, Some(serde_json::to_value(&report)?))?;
    Ok(report)
}

/// What removing would do: it is done and undone.
///
/// # Errors
/// As [`remove`].
pub fn try_removal(app: &App, tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<Report> {
    crate::install::undone(tx, |tx| remove(app, tx, ctx, key))
}
