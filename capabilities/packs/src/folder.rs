//! Packs as folders on a disk; for the command line only.

use std::path::Path;

use shouwen_kernel::{Problem, Result};
use shouwen_web::{PackFault, PackFile};

use crate::check::{LARGEST_FILE, MOST_FILES};

/// Reads the folder of a pack. What cannot be read is a fault of that file. Links are not followed.
pub fn read(folder: &Path) -> (Vec<PackFile>, Vec<PackFault>) {
    let (mut files, mut faults) = (Vec::new(), Vec::new());
    walk(folder, "", 0, &mut files, &mut faults);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    (files, faults)
}

fn walk(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<PackFile>, faults: &mut Vec<PackFault>) {
    let shown = if prefix.is_empty() { folder.display().to_string() } else { prefix.trim_end_matches('/').to_owned() };
    let mut fault = |file: &str, line: usize, wrong: String, expected: &str| faults.push(PackFault { file: file.to_owned(), line, wrong, expected: expected.to_owned() });
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return fault(&shown, 1, format!("the folder cannot be read: {error}"), "the folder of a pack, with a pack.toml in it"),
    };
    let mut found: Vec<_> = entries.flatten().collect();
    found.sort_by_key(std::fs::DirEntry::file_name);
    let mut folders = Vec::new();
    for entry in found {
        let name = entry.file_name().to_string_lossy().into_owned();
        // Version control and editors keep hidden files; they are no part of the pack.
        if name.starts_with('.') || name.ends_with('~') || files.len() > MOST_FILES {
            continue;
        }
        let path = format!("{prefix}{name}");
        let Ok(meta) = entry.path().symlink_metadata() else { continue };
        if meta.is_symlink() {
            fault(&path, 1, "this is a link".into(), "the file itself");
        } else if meta.is_dir() && depth < 3 {
            folders.push((entry.path(), format!("{path}/")));
        } else if meta.is_dir() {
            fault(&path, 1, "this folder lies too deep".into(), "folders at most two deep");
        } else if meta.len() > LARGEST_FILE as u64 {
            fault(&path, 1, format!("the file has {} bytes", meta.len()), &format!("at most {LARGEST_FILE}"));
        } else {
            match std::fs::read(entry.path()).map(String::from_utf8) {
                Ok(Ok(text)) => files.push(PackFile::new(path, text)),
                Ok(Err(error)) => {
                    let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    fault(&path, good.iter().filter(|b| **b == b'\n').count() + 1, "this is not UTF-8 text".into(), "a text file saved as UTF-8");
                }
                Err(error) => fault(&path, 1, format!("the file cannot be read: {error}"), "a file this user may read"),
            }
        }
    }
    for (folder, prefix) in folders {
        walk(&folder, &prefix, depth + 1, files, faults);
    }
}

/// Writes a pack into a folder that is empty or not there yet.
pub fn write(folder: &Path, files: &[PackFile]) -> Result<()> {
    let refuse = |error: std::io::Error| Problem::invalid("DIR", format!("{} cannot be written: {error}", folder.display())).expected("a folder this user may write to");
    if folder.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Problem::conflict("pack.folder", format!("{} is not empty", folder.display())).field("DIR").expected("a new or empty folder"));
    }
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder)).map_err(refuse)?;
        std::fs::write(&path, &file.text).map_err(refuse)?;
    }
    Ok(())
}
