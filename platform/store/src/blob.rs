//! Content-addressed bytes. Small ones lie in the database and share its group commit; large ones in files that are
//! written, fsynced and renamed before the row that names them commits.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use shouwen_kernel::{Problem, Result};

use crate::{Tx, Value, params};

/// Up to this many bytes lie in the database.
pub const INLINE_LIMIT: usize = 64 * 1024;

/// In each folder of files: held together by those who rely on one of them, alone by who takes them away. Nobody holds it
/// longer than it takes to write a file.
const LOCK: &str = ".lock";
/// In the root: held by who copies the files; nothing is taken away meanwhile.
const HOLD: &str = ".hold";

/// The folder of large blobs: `<root>/ab/cdef…`.
#[derive(Clone, Debug)]
pub struct Blobs {
    root: PathBuf,
}

/// Bytes that are safe to refer to once [`Tx::save_blob`] has run.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Lower-case hex SHA-256 of the bytes.
    pub sha256: String,
    /// Bytes.
    pub size: u64,
    inline: Option<Vec<u8>>,
}

impl Blobs {
    /// Blobs under `root`, created when missing.
    pub fn at(root: &Path) -> Result<Self> {
        std::fs::create_dir_all(root).map_err(|e| Problem::internal(format!("cannot create {}: {e}", root.display())))?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The file of a large blob.
    pub fn path(&self, sha256: &str) -> PathBuf {
        let (head, tail) = sha256.split_at(sha256.len().min(2));
        self.root.join(head).join(tail)
    }

    /// Makes `bytes` durable (large ones: file written, fsynced, renamed, folder fsynced). Call outside a transaction.
    pub fn prepare(&self, bytes: &[u8]) -> Result<Prepared> {
        let sha256 = shouwen_crypt::sha256_hex(bytes);
        let size = bytes.len() as u64;
        if bytes.len() <= INLINE_LIMIT {
            return Ok(Prepared { sha256, size, inline: Some(bytes.to_vec()) });
        }
        let path = self.path(&sha256);
        self.keep_file(&path, size, bytes).map_err(|e| {
            let problem = Problem::new(shouwen_kernel::Kind::Unavailable, "store.blob", format!("cannot store {}: {e}", path.display()));
            if e.kind() == std::io::ErrorKind::StorageFull { problem.code("store.full").expected("free space, then try again") } else { problem }
        })?;
        Ok(Prepared { sha256, size, inline: None })
    }

    /// Sees to it that the file is there and counts as new: whoever takes files away leaves new ones alone, so there is
    /// time to commit the row that names it.
    fn keep_file(&self, path: &Path, size: u64, bytes: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder)?;
        let lock = lock_file(folder, LOCK)?;
        supported(lock.lock_shared())?;
        // A file of another length is the leftover of a damaged disk or a hand; it is written anew.
        if std::fs::metadata(path).is_ok_and(|m| m.len() == size) && File::open(path).and_then(|file| file.set_modified(moment(&lock, folder)?)).is_ok() {
            // Whoever renamed it there may not have reached the fsync of the folder yet.
            return File::open(folder)?.sync_all();
        }
        self.write_file(folder, path, bytes)
    }

    fn write_file(&self, folder: &Path, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let unique = format!("{:x}-{:?}", std::process::id(), std::thread::current().id());
        let temporary = folder.join(format!(".{unique}.part"));
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(folder)?.sync_all()?;
        std::fs::File::open(&self.root)?.sync_all()
    }

    /// Takes a file away that nobody has written or relied on for `age`; its bytes. `None`: it stays, or is not there.
    pub(crate) fn remove(&self, path: &Path, age: Duration) -> std::io::Result<Option<u64>> {
        let folder = path.parent().unwrap_or(&self.root);
        let lock = lock_file(folder, LOCK)?;
        // Where there are no locks nothing can be taken away safely; while somebody writes here it can wait.
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
        }
        match idle(path, moment(&lock, folder)?) {
            Some((idle, size)) if idle >= age => std::fs::remove_file(path).map(|()| Some(size)),
            _ => Ok(None),
        }
    }

    /// How long nobody has written or relied on a file, and its bytes; by the clock of the disk it lies on.
    pub(crate) fn idle(&self, path: &Path) -> Option<(Duration, u64)> {
        let folder = path.parent().unwrap_or(&self.root);
        let lock = lock_file(folder, LOCK).ok()?;
        idle(path, moment(&lock, folder).ok()?)
    }

    /// Keeps every file where it is until this is dropped: for who copies the folder.
    pub fn hold(&self) -> Result<Hold> {
        let failed = |e: std::io::Error| Problem::new(shouwen_kernel::Kind::Unavailable, "store.blob", format!("cannot hold {}: {e}", self.root.display()));
        let file = lock_file(&self.root, HOLD).map_err(failed)?;
        supported(file.lock_shared()).map_err(failed)?;
        Ok(Hold(file))
    }

    /// The same for who takes files away; `None` while somebody copies them.
    pub(crate) fn alone(&self) -> Option<Hold> {
        let file = lock_file(&self.root, HOLD).ok()?;
        file.try_lock().ok().map(|()| Hold(file))
    }
}

/// See [`Blobs::hold`].
#[derive(Debug)]
pub struct Hold(#[allow(dead_code, reason = "the lock goes when the file is closed")] File);

/// A file to lock. It belongs to whom its folder belongs to, so that a command run by root does not shut the server out.
fn lock_file(folder: &Path, name: &str) -> std::io::Result<File> {
    let path = folder.join(name);
    match File::options().create(true).truncate(false).write(true).open(&path) {
        Ok(file) => {
            #[cfg(unix)]
            {
                use std::os::unix::fs::MetadataExt;
                let (own, wanted) = (file.metadata()?, std::fs::metadata(folder)?);
                if (own.uid(), own.gid()) != (wanted.uid(), wanted.gid()) {
                    let _ = std::os::unix::fs::fchown(&file, Some(wanted.uid()), Some(wanted.gid()));
                }
            }
            Ok(file)
        }
        // Somebody else's: enough to lock it.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => File::open(&path),
        Err(error) => Err(error),
    }
}

/// Some disks of the network know no locks: then files are never taken away, and relying on them is safe.
fn supported(outcome: std::io::Result<()>) -> std::io::Result<()> {
    outcome.or_else(|e| if e.kind() == std::io::ErrorKind::Unsupported { Ok(()) } else { Err(e) })
}

/// What time it is for the disk the lock lies on: writing to a file tells.
fn moment(mut lock: &File, folder: &Path) -> std::io::Result<SystemTime> {
    use std::io::Seek;
    if lock.seek(std::io::SeekFrom::Start(0)).and_then(|_| lock.write_all(b"\n")).is_ok() {
        return lock.metadata()?.modified();
    }
    let probe = folder.join(format!(".{:x}-{:?}.part", std::process::id(), std::thread::current().id()));
    let time = File::create(&probe)?.metadata()?.modified();
    let _ = std::fs::remove_file(&probe);
    time
}

fn idle(path: &Path, now: SystemTime) -> Option<(Duration, u64)> {
    let meta = std::fs::metadata(path).ok()?;
    Some((now.duration_since(meta.modified().ok()?).unwrap_or_default(), meta.len()))
}

impl Tx<'_> {
    /// Records a prepared blob; doing it again is harmless. Whoever names a blob that no row names yet does this in the
    /// same transaction: it is what keeps the collector away (see [`crate::Collector`]).
    pub fn save_blob(&self, prepared: &Prepared) -> Result<()> {
        // Once a transaction: two statements about one row cannot go to PostgreSQL together.
        self.known(&format!("blob {}", prepared.sha256), || {
            // First, and in this order: when the row is about to be collected, this waits until it is gone or takes the mark
            // off, and only then it is known whether a row is needed.
            self.run("UPDATE blob SET loose_since = NULL, kept = NULL WHERE sha256 = ?1 AND loose_since IS NOT NULL", params![prepared.sha256])?;
            self.run(
                "INSERT INTO blob (sha256, size, data, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (sha256) DO NOTHING",
                params![prepared.sha256, prepared.size, prepared.inline, self.now()],
            )
        })
    }

    /// Stores small `bytes` within this transaction and gives their SHA-256. Larger ones go to a file (fsynced here).
    pub fn put_blob(&self, bytes: &[u8]) -> Result<String> {
        let prepared = self.blobs().prepare(bytes)?;
        self.save_blob(&prepared)?;
        Ok(prepared.sha256)
    }

    /// Those of the blobs that are small enough to lie in the database, in one way to it and back.
    pub fn small_blobs(&self, names: &[String]) -> Result<Vec<(String, Vec<u8>)>> {
        let runs: Vec<Vec<Value>> = names.iter().map(|name| params![name].to_vec()).collect();
        let found: Vec<Vec<(Option<Vec<u8>>,)>> = self.all_each("SELECT data FROM blob WHERE sha256 = ?1", &runs)?;
        Ok(names.iter().zip(found).filter_map(|(name, rows)| Some((name.clone(), rows.into_iter().next()?.0?))).collect())
    }

    /// The bytes of a blob; `None` when there is no such row.
    pub fn blob(&self, sha256: &str) -> Result<Option<Vec<u8>>> {
        let Some((data, size)) = self.opt::<(Option<Vec<u8>>, u64)>("SELECT data, size FROM blob WHERE sha256 = ?1", params![sha256])? else {
            return Ok(None);
        };
        if let Some(data) = data {
            return Ok(Some(data));
        }
        let path = self.blobs().path(sha256);
        let bytes = std::fs::read(&path).map_err(|e| Problem::internal(format!("blob {sha256} of {size} bytes cannot be read at {}: {e}", path.display())))?;
        Ok(Some(bytes))
    }
}
