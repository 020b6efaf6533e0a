//! Content-addressed bytes. Small ones lie in the database and share its group commit; large ones in files that are
//! written, fsynced and renamed before the row that names them commits.

use std::io::Write;
use std::path::{Path, PathBuf};

use shouwen_kernel::{Problem, Result};

use crate::{Tx, Value, params};

/// Up to this many bytes lie in the database.
pub const INLINE_LIMIT: usize = 64 * 1024;

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
        // A file of another length is the leftover of a damaged disk or a hand; it is written anew.
        if std::fs::metadata(&path).is_ok_and(|m| m.len() == size) {
            // Whoever renamed it there may not have reached the fsync of the folder yet.
            let _ = path.parent().map(|folder| std::fs::File::open(folder).and_then(|f| f.sync_all()));
        } else {
            self.write_file(&path, bytes).map_err(|e| {
                let problem = Problem::new(shouwen_kernel::Kind::Unavailable, "store.blob", format!("cannot store {}: {e}", path.display()));
                if e.kind() == std::io::ErrorKind::StorageFull { problem.code("store.full").expected("free space, then try again") } else { problem }
            })?;
        }
        Ok(Prepared { sha256, size, inline: None })
    }

    fn write_file(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(&self.root);
        std::fs::create_dir_all(folder)?;
        let unique = format!("{:x}-{:?}", std::process::id(), std::thread::current().id());
        let temporary = folder.join(format!(".{unique}.part"));
        let mut file = std::fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)?;
        std::fs::File::open(folder)?.sync_all()?;
        std::fs::File::open(&self.root)?.sync_all()
    }
}

impl Tx<'_> {
    /// Records a prepared blob; doing it again is harmless.
    pub fn save_blob(&self, prepared: &Prepared) -> Result<()> {
        self.run(
            "INSERT INTO blob (sha256, size, data, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (sha256) DO NOTHING",
            params![prepared.sha256, prepared.size, prepared.inline, self.now()],
        )?;
        Ok(())
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
