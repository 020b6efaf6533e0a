//! `shouwen backup` and `shouwen restore`: everything an installation is, as one folder.
//!
//! The folder holds `shouwen.db` (copied through SQLite's own backup, while the server runs), `blobs/`, `audit-heads.log`, `keys.toml`
//! (unless `--without-keys`) and `MANIFEST.json` with the SHA-256 of every file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Kind, Problem, Result};
use shouwen_store::Location;

use crate::args::{Args, fail};
use crate::config::{Config, OPTIONS};
use crate::instance;

#[derive(Serialize, Deserialize)]
struct Manifest {
    version: String,
    created_at: shouwen_kernel::Time,
    /// Path within the folder → (bytes, SHA-256).
    files: BTreeMap<String, (u64, String)>,
}

const BACKUP_HELP: &str = "\
shouwen backup --data DIR --to FOLDER [--without-keys]

Copies the database (online, consistent), the blobs and the key file into a new folder, with checksums.
With PostgreSQL blobs and keys are copied; the database itself is left to pg_dump, and the command is printed.
`shouwen backup verify FOLDER` checks a backup without restoring it.
";

const RESTORE_HELP: &str = "\
shouwen restore FOLDER --data DIR [--dry-run] [--replace]

Checks every checksum, then puts the backup into DIR, which must be empty (or --replace: what is there is moved aside).
";

fn options(more: &[&'static str]) -> Vec<&'static str> {
    OPTIONS.iter().copied().chain(more.iter().copied()).collect()
}

/// `shouwen backup`
pub fn run_backup(arguments: &[String]) -> i32 {
    if arguments.iter().any(|a| a == "--help") {
        print!("{BACKUP_HELP}");
        return 0;
    }
    let run = || -> Result<()> {
        if arguments.first().is_some_and(|a| a == "verify") {
            let folder = arguments.get(1).ok_or_else(|| Problem::new(Kind::Invalid, "usage", "no folder is named").expected("shouwen backup verify FOLDER"))?;
            let manifest = verify(Path::new(folder))?;
            println!("{} files, all as written at {}", manifest.files.len(), manifest.created_at);
            return Ok(());
        }
        let args = Args::read(arguments, &options(&["to"]), &["without-keys"])?;
        let to = PathBuf::from(args.get("to").ok_or_else(|| Problem::new(Kind::Invalid, "usage", "no target is named").expected("--to FOLDER"))?);
        backup(Config::load(&args)?, &to, !args.has("without-keys"))
    };
    run().map_or_else(|p| fail(&p), |()| 0)
}

/// `shouwen restore`
pub fn run_restore(arguments: &[String]) -> i32 {
    if arguments.iter().any(|a| a == "--help") {
        print!("{RESTORE_HELP}");
        return 0;
    }
    let run = || -> Result<()> {
        let args = Args::read(arguments, OPTIONS, &["dry-run", "replace"])?;
        let from = args.rest.first().ok_or_else(|| Problem::new(Kind::Invalid, "usage", "no backup is named").expected("shouwen restore FOLDER --data DIR"))?;
        restore(Path::new(from), &Config::load(&args)?, args.has("dry-run"), args.has("replace"))
    };
    run().map_or_else(|p| fail(&p), |()| 0)
}

fn io(what: &str, path: &Path, error: std::io::Error) -> Problem {
    Problem::new(Kind::Unavailable, "backup.io", format!("cannot {what} {}: {error}", path.display()))
}

fn backup(config: Config, to: &Path, with_keys: bool) -> Result<()> {
    if to.exists() {
        return Err(Problem::new(Kind::Conflict, "backup.exists", format!("{} is there already", to.display())).expected("a new folder; nothing is overwritten"));
    }
    let data = config.data.clone();
    let in_postgres = matches!(instance::location(&config), Location::Postgres { .. });
    let url = config.database.clone().unwrap_or_default();
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(|e| io("remove", &partial, e))?;
    }
    let instance = instance::open(config, false)?;
    let manifest = private_folder(&partial).map_err(|e| io("create", &partial, e)).and_then(|()| fill(&instance, &data, &partial, in_postgres, with_keys));
    instance.db.close();
    let manifest = manifest.inspect_err(|_| {
        let _ = std::fs::remove_dir_all(&partial);
    })?;
    std::fs::rename(&partial, to).map_err(|e| io("rename", &partial, e))?;
    let bytes: u64 = manifest.files.values().map(|(size, _)| size).sum();
    println!("{} files, {} bytes in {}", manifest.files.len(), bytes, to.display());
    if in_postgres {
        println!("The database is PostgreSQL's own to copy, and before the blobs. If this has not run yet, run it and then back up again:");
        println!("  pg_dump --format=custom --file=shouwen.dump '{}'", redact(&url));
    }
    if !with_keys {
        println!("The key file is not in it: keep {} elsewhere, without it personal data cannot be read.", data.join("keys.toml").display());
    }
    Ok(())
}

/// Copies everything into `partial`; what is in it.
fn fill(instance: &instance::Instance, data: &Path, partial: &Path, in_postgres: bool, with_keys: bool) -> Result<Manifest> {
    // Signed heads of the audit: they show a database that was rolled back. Before the database: heads that are newer than
    // the copy would make the copy look rolled back.
    let heads = data.join("audit-heads.log");
    if heads.exists() {
        copy(&heads, &partial.join("audit-heads.log"))?;
    }
    // Until the end: what the copy of the database names must still be among the files when they are copied.
    let _hold = instance.db.services().blobs.hold()?;
    if !in_postgres {
        instance.db.backup_to(&partial.join("shouwen.db"))?;
    }
    // Blobs never change once named by a committed row, and none goes while they are copied; so copying them after the database misses nothing it names.
    copy_tree(&data.join("blobs"), &partial.join("blobs"))?;
    if with_keys {
        copy(&data.join("keys.toml"), &partial.join("keys.toml"))?;
    }
    let mut files = BTreeMap::new();
    list(partial, partial, &mut files)?;
    let manifest = Manifest { version: env!("CARGO_PKG_VERSION").into(), created_at: instance.app.clock().now(), files };
    let path = partial.join("MANIFEST.json");
    std::fs::write(&path, serde_json::to_vec_pretty(&manifest)?).map_err(|e| io("write", &path, e))?;
    Ok(manifest)
}

/// A folder only its owner may enter: it holds people's letters.
pub fn private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Copies a file and sees it onto the disk.
fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::copy(from, to).and_then(|_| std::fs::File::open(to)?.sync_all()).map_err(|e| io("copy", from, e))
}

/// Bytes and SHA-256 of a file of any size, a piece at a time.
fn sum(path: &Path) -> std::io::Result<(u64, String)> {
    use sha2::Digest;
    use std::io::Read;
    let (mut file, mut hash, mut size, mut piece) = (std::fs::File::open(path)?, sha2::Sha256::new(), 0u64, vec![0u8; 1 << 20]);
    loop {
        let read = file.read(&mut piece)?;
        if read == 0 {
            return Ok((size, shouwen_crypt::hex(&hash.finalize())));
        }
        hash.update(piece.get(..read).unwrap_or_default());
        size += read as u64;
    }
}

fn redact(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(from), Some(at)) if at > from => format!("{}://…{}", &url[..from], &url[at..]),
        _ => url.to_owned(),
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(|e| io("create", to, e))?;
    let Ok(entries) = std::fs::read_dir(from) else { return Ok(()) };
    for entry in entries {
        let entry = entry.map_err(|e| io("read", from, e))?;
        let name = entry.file_name();
        // Files still being written begin with a dot; no committed row names them.
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let (source, target) = (entry.path(), to.join(&name));
        if source.is_dir() {
            copy_tree(&source, &target)?;
        } else {
            copy(&source, &target)?;
        }
    }
    Ok(())
}

fn list(root: &Path, folder: &Path, files: &mut BTreeMap<String, (u64, String)>) -> Result<()> {
    for entry in std::fs::read_dir(folder).map_err(|e| io("read", folder, e))? {
        let path = entry.map_err(|e| io("read", folder, e))?.path();
        if path.is_dir() {
            list(root, &path, files)?;
        } else {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, sum(&path).map_err(|e| io("read", &path, e))?);
        }
    }
    Ok(())
}

/// Checks a backup against its manifest.
fn verify(folder: &Path) -> Result<Manifest> {
    let path = folder.join("MANIFEST.json");
    let text = std::fs::read(&path).map_err(|e| io("read", &path, e).expected("a folder that `shouwen backup` wrote"))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|e| Problem::new(Kind::Invalid, "backup.manifest", format!("{} cannot be read: {e}", path.display())).expected("the file as `shouwen backup` wrote it"))?;
    for (name, (size, sha256)) in &manifest.files {
        let path = folder.join(name);
        let found = sum(&path).map_err(|e| io("read", &path, e).expected("the whole folder, as `shouwen backup` wrote it"))?;
        if found != (*size, sha256.clone()) {
            return Err(Problem::new(Kind::Invalid, "backup.damaged", format!("{name} is not as it was written")).expected("an undamaged copy of this backup"));
        }
    }
    Ok(manifest)
}

fn restore(from: &Path, config: &Config, dry_run: bool, replace: bool) -> Result<()> {
    let manifest = verify(from)?;
    if !manifest.files.contains_key("keys.toml") && !config.data.join("keys.toml").exists() {
        return Err(Problem::new(Kind::Invalid, "restore.keys", "the backup has no key file").expected(format!("the installation's keys.toml placed in {} first", config.data.display())));
    }
    let database = config.data.join("shouwen.db");
    if !instance::nobody_serves(&config.data)? {
        return Err(Problem::new(Kind::Conflict, "data.locked", format!("a server is running on {}", config.data.display())).expected("stop it first, or restore into another --data folder"));
    }
    // With PostgreSQL the keys are what must not be lost.
    let other_keys = manifest.files.contains_key("keys.toml") && std::fs::read(config.data.join("keys.toml")).is_ok_and(|there| std::fs::read(from.join("keys.toml")).is_ok_and(|kept| kept != there));
    let there = database.exists() || other_keys;
    if there && !replace {
        return Err(Problem::new(Kind::Conflict, "restore.exists", format!("{} holds an installation already", config.data.display())).expected("an empty --data folder, or --replace to move it aside"));
    }
    println!("{} files of version {} from {}", manifest.files.len(), manifest.version, manifest.created_at);
    if dry_run {
        println!("Dry run: nothing was written.");
        return Ok(());
    }
    if there {
        let aside = config.data.with_extension(format!("before-restore-{}", manifest.created_at.seconds()));
        std::fs::rename(&config.data, &aside).map_err(|e| io("move aside", &config.data, e))?;
        println!("What was there is now in {}", aside.display());
    }
    private_folder(&config.data).map_err(|e| io("create", &config.data, e))?;
    for name in manifest.files.keys() {
        let target = config.data.join(name);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent).map_err(|e| io("create", parent, e))?;
        }
        // Under its own name only when it is whole: a restore that was cut off leaves no half database.
        let part = target.with_extension("part");
        copy(&from.join(name), &part)?;
        std::fs::rename(&part, &target).map_err(|e| io("write", &target, e))?;
    }
    let instance = instance::open_ready(config.clone(), true)?;
    if let Some(fault) = instance.db.integrity_check()?.first() {
        return Err(Problem::internal(format!("the restored database is damaged: {fault}")).expected("another backup"));
    }
    instance.db.close();
    println!("Restored into {} and checked.", config.data.display());
    Ok(())
}
