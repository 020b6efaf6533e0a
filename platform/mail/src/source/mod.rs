//! Mail in files: single messages, mbox, Maildir. One entry at a time, resumable, an error never ends the walk.

mod maildir;
mod mbox;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use maildir::Maildir;
pub use mbox::{Mbox, unquote};

/// Bytes of one mail that are read at most; what is longer is an error of that entry.
pub const MOST_BYTES: u64 = 200 << 20;

/// One entry: where it came from, and its bytes or why not.
#[derive(Debug)]
pub struct Entry {
    /// File it came from.
    pub path: PathBuf,
    /// Byte offset in the file at which the entry begins (0 for files that are one mail).
    pub offset: u64,
    /// Give this to [`MailSource::open`] to go on after this entry.
    pub resume: Resume,
    pub bytes: io::Result<Vec<u8>>,
}

/// Where to go on. Files of a directory are visited in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Resume {
    /// Last file touched; empty: from the start.
    pub path: String,
    /// Offset in it after the last entry taken; for files that are one mail any value above 0 means "done".
    pub offset: u64,
}

/// What a path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Eml,
    Mbox,
    Maildir,
    /// A directory of `.eml` and mbox files, walked recursively.
    Folder,
}

/// Finds out what a path holds.
///
/// # Errors
/// The path does not exist or cannot be read.
pub fn kind(path: &Path) -> io::Result<Kind> {
    let meta = std::fs::metadata(path)?;
    if meta.is_dir() {
        let maildir = ["cur", "new"].iter().all(|d| path.join(d).is_dir());
        return Ok(if maildir { Kind::Maildir } else { Kind::Folder });
    }
    let mut head = [0u8; 5];
    let n = File::open(path)?.read(&mut head)?;
    Ok(if &head[..n] == b"From " { Kind::Mbox } else { Kind::Eml })
}

/// Iterator over the mails under a path.
pub struct MailSource {
    /// Files still to visit, last first.
    todo: Vec<PathBuf>,
    current: Option<Mbox>,
    resume: Resume,
    /// Sum of the sizes of all files, for a progress bar.
    pub total_bytes: u64,
}

impl MailSource {
    /// Opens a path; `resume` goes on after an earlier entry.
    ///
    /// # Errors
    /// The path itself cannot be read. Trouble with single files comes as entries.
    pub fn open(path: &Path, resume: &Resume) -> io::Result<MailSource> {
        let mut files = match kind(path)? {
            Kind::Eml | Kind::Mbox => vec![path.to_owned()],
            Kind::Maildir => Maildir::files(path)?,
            Kind::Folder => folder(path, 0)?,
        };
        let total_bytes = files.iter().filter_map(|f| std::fs::metadata(f).ok()).map(|m| m.len()).sum();
        if !resume.path.is_empty() {
            if let Some(i) = files.iter().position(|f| f.to_string_lossy() == resume.path) {
                files.drain(..i);
            } else {
                // Renamed since (Maildir flags): files sorted before it are done.
                files.retain(|f| f.to_string_lossy().as_ref() > resume.path.as_str());
            }
        }
        files.reverse();
        Ok(MailSource { todo: files, current: None, resume: resume.clone(), total_bytes })
    }
}

fn folder(path: &Path, depth: usize) -> io::Result<Vec<PathBuf>> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(path)?.filter_map(|e| e.ok().map(|e| e.path())).collect();
    entries.sort();
    let mut out = Vec::new();
    for e in entries {
        let Ok(meta) = std::fs::symlink_metadata(&e) else { continue };
        if meta.is_dir() && depth < 16 {
            let inner = match kind(&e) {
                Ok(Kind::Maildir) => Maildir::files(&e),
                _ => folder(&e, depth + 1),
            };
            out.extend(inner.unwrap_or_default());
        } else if meta.is_file() {
            let name = e.file_name().map(|n| n.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
            let mail = name.ends_with(".eml") || name.ends_with(".msg.txt") || name.ends_with(".mbox") || name.ends_with(".mbx") || matches!(kind(&e), Ok(Kind::Mbox));
            if mail && !name.starts_with('.') {
                out.push(e);
            }
        }
    }
    Ok(out)
}

fn read_all(path: &Path) -> io::Result<Vec<u8>> {
    let mut f = File::open(path)?;
    let len = f.metadata()?.len();
    if len > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} has {len} bytes; a single mail may have at most {MOST_BYTES}", path.display())));
    }
    let mut out = Vec::with_capacity(len as usize);
    f.read_to_end(&mut out)?;
    Ok(out)
}

impl Iterator for MailSource {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        loop {
            if let Some(mbox) = &mut self.current {
                match mbox.next() {
                    Some(e) => return Some(e),
                    None => self.current = None,
                }
            }
            let path = self.todo.pop()?;
            let shown = path.to_string_lossy().into_owned();
            let from = if shown == self.resume.path { self.resume.offset } else { 0 };
            let is_mbox = kind(&path);
            match is_mbox {
                Ok(Kind::Mbox) => match Mbox::open(&path, from) {
                    Ok(m) => self.current = Some(m),
                    Err(e) => return Some(Entry { path, offset: from, resume: Resume { path: shown, offset: u64::MAX }, bytes: Err(e) }),
                },
                Ok(_) if from > 0 => {}
                Ok(_) => {
                    let bytes = read_all(&path);
                    return Some(Entry { path, offset: 0, resume: Resume { path: shown, offset: u64::MAX }, bytes });
                }
                Err(e) => return Some(Entry { path, offset: 0, resume: Resume { path: shown, offset: u64::MAX }, bytes: Err(e) }),
            }
        }
    }
}
