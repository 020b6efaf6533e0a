//! Maildir: one file a mail in `cur` and `new`, Maildir++ subfolders (`.Folder`) included.

use std::io;
use std::path::{Path, PathBuf};

/// A Maildir.
pub struct Maildir;

impl Maildir {
    /// All mail files, sorted, folder by folder; `tmp` is left alone.
    ///
    /// # Errors
    /// The directory cannot be listed.
    pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
        let mut out = Vec::new();
        collect(path, &mut out, 0)?;
        Ok(out)
    }
}

fn collect(path: &Path, out: &mut Vec<PathBuf>, depth: usize) -> io::Result<()> {
    for sub in ["cur", "new"] {
        let Ok(entries) = std::fs::read_dir(path.join(sub)) else { continue };
        let mut files: Vec<PathBuf> = entries
            .filter_map(Result::ok)
            .filter(|e| e.file_type().is_ok_and(|t| t.is_file()))
            .map(|e| e.path())
            .filter(|p| p.file_name().is_some_and(|n| !n.to_string_lossy().starts_with('.')))
            .collect();
        files.sort();
        out.extend(files);
    }
    if depth > 0 {
        return Ok(());
    }
    let mut folders: Vec<PathBuf> = std::fs::read_dir(path)?
        .filter_map(Result::ok)
        .map(|e| e.path())
        .filter(|p| p.is_dir() && p.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')))
        .collect();
    folders.sort();
    for f in folders {
        collect(&f, out, depth + 1)?;
    }
    Ok(())
}
