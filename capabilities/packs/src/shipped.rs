//! The packs that come with the product, inside the binary.

use std::future::Future;
use std::pin::Pin;

use rust_embed::RustEmbed;
use shouwen_kernel::{Problem, Result};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{App, PackFile, PackFiles, PackPart, pack_path_fits};

use crate::check::trusted;
use crate::install::{Report, install};
use crate::{BASE, Manifest};

#[derive(RustEmbed)]
#[folder = "../../packs"]
struct Files;

/// Keys of the shipped packs, the one others stand on first.
pub fn shipped_keys() -> Vec<String> {
    let mut keys: Vec<String> = Files::iter().filter_map(|path| path.strip_suffix("/pack.toml").map(str::to_owned)).filter(|key| !key.contains('/')).collect();
    keys.sort_by_key(|key| (key != BASE, key.clone()));
    keys
}

/// A shipped pack.
pub fn shipped(key: &str) -> Option<(Manifest, PackFiles)> {
    if !shouwen_web::is_pack_key(key) {
        return None;
    }
    trusted(files_of(key))
}

/// The files of a shipped pack; none when there is no such pack.
pub fn files_of(key: &str) -> Vec<PackFile> {
    let prefix = format!("{key}/");
    Files::iter()
        .filter_map(|path| {
            let inner = path.strip_prefix(&prefix)?;
            let data = Files::get(&path)?.data;
            Some(PackFile::new(inner, String::from_utf8_lossy(&data).into_owned()))
        })
        .collect()
}

/// Those files of a shipped pack that this program's `parts` read: a program built with fewer of them takes what it can.
pub fn files_for(key: &str, parts: &[PackPart]) -> Vec<PackFile> {
    let claimed = |file: &PackFile| file.path == crate::manifest::FILE || parts.iter().any(|part| part.files.iter().any(|pattern| pack_path_fits(pattern, &file.path)));
    files_of(key).into_iter().filter(claimed).collect()
}

/// Installs a shipped pack and, before it, those it requires that are missing.
pub fn install_shipped(app: &App, tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<Vec<Report>> {
    let (manifest, _) = shipped(key).ok_or_else(|| Problem::not_found("pack").expected(shipped_keys().join(", ")))?;
    let mut reports = Vec::new();
    for requirement in manifest.requirements() {
        if !is_installed(tx, ctx, &requirement.key)? {
            reports.extend(install_shipped(app, tx, ctx, &requirement.key)?);
        }
    }
    reports.push(install(app, tx, ctx, files_for(key, app.pack_parts()), false)?);
    Ok(reports)
}

fn is_installed(tx: &Tx<'_>, ctx: &Ctx, key: &str) -> Result<bool> {
    Ok(tx.opt::<(i64,)>("SELECT files FROM pack_installed WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key])?.is_some())
}

/// A new workspace begins with the base pack. Should that fail, set-up goes on: the next start tries again.
pub fn found(app: &App, tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
    let ctx = Ctx { actor: shouwen_kernel::Actor::system("setup"), ..ctx.clone() };
    match tx.savepoint(|tx| install_shipped(app, tx, &ctx, BASE)) {
        Err(problem) if problem.is_transient() => Err(problem),
        Err(problem) => {
            tracing::error!(error = %problem, "the base pack could not be installed");
            Ok(())
        }
        Ok(_) => Ok(()),
    }
}

/// Workspaces from before there were packs get the base pack at the start; what they have stays as it is.
pub fn task(app: App) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        let own = app.clone();
        let outcome = app
            .db()
            .write(move |tx| {
                for workspace in tx.workspaces()? {
                    let ctx = Ctx::system(workspace.id, "packs");
                    // One that is not set up yet is prepared by set-up itself.
                    let settled = tx.opt::<(String,)>("SELECT name FROM subscription WHERE seq > 0 LIMIT 1", params![])?.is_some();
                    if settled && !is_installed(tx, &ctx, BASE)? {
                        let done = tx.savepoint(|tx| install_shipped(&own, tx, &ctx, BASE));
                        match done {
                            Ok(reports) => tracing::info!(workspace = %workspace.name, items = reports.iter().map(|r| r.changes.len()).sum::<usize>(), "the base pack was installed"),
                            Err(problem) => tracing::error!(workspace = %workspace.name, error = %problem, "the base pack could not be installed"),
                        }
                    }
                }
                Ok(())
            })
            .await;
        if let Err(problem) = outcome {
            tracing::error!(error = %problem, "the base pack could not be installed");
        }
    })
}
