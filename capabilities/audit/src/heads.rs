//! Heads kept outside the database: one line each in `audit-heads.log` in the data directory, and in the server's log.
//! Whoever rolls the whole database back, head and all, is found by them. Ship the file off the machine.

use std::io::Write;
use std::path::{Path, PathBuf};

use shouwen_kernel::{Problem, Result};

use crate::Head;

/// Where the heads of the installation in `data_dir` stand.
pub fn heads_path(data_dir: &Path) -> PathBuf {
    data_dir.join("audit-heads.log")
}

/// The file of heads.
#[derive(Clone, Debug)]
pub struct Heads(PathBuf);

impl Heads {
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Adds a head, durably.
    pub fn add(&self, head: &Head) -> Result<()> {
        let failed = |e: std::io::Error| Problem::internal(format!("cannot write {}: {e}", self.0.display()));
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&self.0).map_err(failed)?;
        file.write_all(format!("{}\n", serde_json::to_string(head)?).as_bytes()).map_err(failed)?;
        file.sync_data().map_err(failed)
    }

    /// The heads in the file, oldest first; none when there is no file. A line that is none is given as it stands.
    pub fn read(&self) -> Result<Vec<std::result::Result<Head, String>>> {
        match std::fs::read_to_string(&self.0) {
            Ok(text) => Ok(text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).map_err(|_| line.to_owned())).collect()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(Problem::internal(format!("cannot read {}: {error}", self.0.display()))),
        }
    }
}
