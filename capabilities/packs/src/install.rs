//! Installing: all parts in one transaction, or nothing.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_contracts::packs::{PackEvent, PackInstalled};
use shouwen_kernel::{Kind, Problem, Result};
use shouwen_store::{Ctx, Json, Tx, params};
use shouwen_web::{App, PackChange, PackDid, PackFault, PackFile, PackFiles};

use crate::check::{check, is_older, trusted};
use crate::{named, titles};
use crate::manifest::Manifest;

/// What an installation did, or would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Report {
    pub key: String,
    pub version: String,
    /// The version before, if the pack was there.
    pub previous: Option<String>,
    /// Item by item; those that were so already are left out.
    pub changes: Vec<PackChange>,
    /// Items that were so already.
    pub unchanged: usize,
    /// Running cases that went to another stage.
    pub moved: u64,
}

impl Report {
    /// How many items were treated so.
    pub fn count(&self, did: PackDid) -> usize {
        self.changes.iter().filter(|change| change.did == did).count()
    }
}

/// The refusal of a pack with faults; they stand in its detail.
pub fn refusal(faults: &[PackFault]) -> Problem {
    let first = faults.first().map(ToString::to_string).unwrap_or_default();
    Problem::new(Kind::Invalid, "pack.faults", format!("the pack has {} faults; the first: {first}", faults.len())).field("files").expected("a pack that `shouwen pack check` accepts").detail(json!({ "faults": faults }))
}

/// The files of an installed pack.
pub fn installed(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<Option<(Manifest, PackFiles)>> {
    let row: Option<(String,)> = tx.opt("SELECT content FROM pack_installed WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key])?;
    let Some((content,)) = row else { return Ok(None) };
    let bytes = tx.blob(&content)?.ok_or_else(|| Problem::internal(format!("the files of pack `{key}` are gone")))?;
    Ok(trusted(serde_json::from_slice(&bytes)?))
}

/// Installs a pack into the workspace of `ctx`, or brings it to another version. Checked first; a fault installs nothing.
/// `replace`: items edited by hand take the pack's content, and an older version may follow a newer one.
pub fn install(app: &App, tx: &Tx<'_>, ctx: &Ctx, files: Vec<PackFile>, replace: bool) -> Result<Report> {
    let mut trouble = None;
    let mut find = |key: &str| {
        installed(tx, ctx, key).unwrap_or_else(|problem| {
            trouble = Some(problem);
            None
        })
    };
    let (faults, sound) = check(files, app.pack_parts(), app.permissions(), &mut find);
    if let Some(problem) = trouble {
        return Err(problem);
    }
    let Some((manifest, pack)) = sound else { return Err(refusal(&faults)) };
    let row: Option<(String, String)> =
        tx.opt(&format!("SELECT version, content FROM pack_installed WHERE workspace_id = ?1 AND key = ?2{}", tx.for_update()), params![ctx.workspace, manifest.key])?;
    let previous = row.as_ref().map(|row| row.0.clone());
    if let Some(before) = previous.as_ref().filter(|before| is_older(&manifest.version, before) && !replace) {
        return Err(Problem::conflict("pack.older", format!("version {before} of `{}` is installed, and this is {}", manifest.key, manifest.version)).field("files").expected("a newer version, or `replace` to go back"));
    }
    let mut changes = Vec::new();
    let before = if previous.is_some() { installed(tx, ctx, &manifest.key)?.map(|(_, files)| files) } else { None };
    if let Some(before) = &before {
        named::note(tx, ctx.workspace, app.pack_parts(), before, &pack)?;
    }
    let called: Vec<&PackFiles> = std::iter::once(&pack).chain(before.as_ref()).collect();
    for part in app.pack_parts() {
        let mut done = (part.install)(tx, ctx, &pack, replace).map_err(|problem| Problem { message: format!("{}: {}", part.section, problem.message), ..problem })?;
        titles::fill(&mut done, part, &called);
        changes.extend(done);
    }
    let content = tx.put_blob(serde_json::to_string(&pack.files)?.as_bytes())?;
    let unchanged = changes.iter().filter(|change| change.did == PackDid::Unchanged).count();
    changes.retain(|change| change.did != PackDid::Unchanged);
    let moved = changes.iter().filter(|change| change.did == PackDid::Moved).map(|change| change.count).sum();
    let report = Report { key: manifest.key.clone(), version: manifest.version.clone(), previous: previous.clone(), changes, unchanged, moved };
    let same = row.is_some_and(|(version, known)| version == manifest.version && known == content);
    if same && report.changes.iter().all(|change| change.did == PackDid::Kept) {
        return Ok(report);
    }
    tx.execute(
        "INSERT INTO pack_installed (workspace_id, key, version, title, requires, content, files, installed_at, installed_by, report) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (workspace_id, key) DO UPDATE SET version = ?3, title = ?4, requires = ?5, content = ?6, files = ?7, installed_at = ?8, installed_by = ?9, report = ?10",
        params![ctx.workspace, manifest.key, manifest.version, Json(&manifest.title), Json(&manifest.requires), content, pack.files.len(), tx.now(), Json(&ctx.actor), Json(&report)],
    )?;
    let count = |did| u32::try_from(report.count(did)).unwrap_or(u32::MAX);
    tx.emit::<PackEvent>(
        ctx,
        None,
        None,
        PackInstalled {
            key: manifest.key.clone(),
            version: manifest.version.clone(),
            previous,
            created: count(PackDid::Created),
            updated: count(PackDid::Updated),
            kept: count(PackDid::Kept),
            removed: count(PackDid::Removed),
            moved,
        },
    )?;
    tx.audit(ctx, "pack.installed", "pack", None, Some(serde_json::to_value(&report)?))?;
    Ok(report)
}

/// What installing would do: it is done and undone.
pub fn try_out(app: &App, tx: &Tx<'_>, ctx: &Ctx, files: Vec<PackFile>, replace: bool) -> Result<Report> {
    let mut files = Some(files);
    undone(tx, |tx| install(app, tx, ctx, files.take().unwrap_or_default(), replace))
}

/// Does something and takes it back; the report of it.
pub(crate) fn undone(tx: &Tx<'_>, mut work: impl FnMut(&Tx<'_>) -> Result<Report>) -> Result<Report> {
    const UNDO: &str = "pack.tried";
    let mut report = None;
    let outcome = tx.savepoint(|tx| {
        report = Some(work(tx)?);
        Err::<(), _>(Problem::conflict(UNDO, "tried out, and undone"))
    });
    match (outcome, report) {
        (Err(problem), Some(report)) if problem.code == UNDO => Ok(report),
        (Err(problem), _) => Err(problem),
        (Ok(()), _) => Err(Problem::internal("a trial was not undone")),
    }
}
