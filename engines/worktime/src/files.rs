//! The thin rim that reads files, for the command line and for packs. The engine itself reads none.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use crate::calendar::Calendar;
use crate::fault::{Fault, Faults, quote};
use crate::holidays::{self, HolidayYear};

/// A calendar or holiday file larger than this is surely something else.
const LARGEST: u64 = 1 << 20;

/// Reads a calendar file. Holiday files are looked for beside it, then among the built-in ones.
///
/// # Errors
/// Everything that is wrong with the file or its holiday files, with file and line.
pub fn load_calendar(path: &Path) -> Result<Calendar, Faults> {
    let text = read_text(path)?;
    let beside = path.parent().unwrap_or(Path::new(""));
    Calendar::from_toml(&text, &path.display().to_string(), &|name| {
        find_holidays(beside, name)
    })
}

/// Reads the calendar `key` of the pack in the folder `pack`: its file `calendars/<key>.toml`.
///
/// # Errors
/// Those of [`load_calendar`]; a key no calendar has names the keys there are.
pub fn load_calendar_of_pack(pack: &Path, key: &str) -> Result<Calendar, Faults> {
    let folder = pack.join("calendars");
    let plain = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let path = folder.join(format!("{key}.toml"));
    if plain && path.is_file() {
        return load_calendar(&path);
    }
    let mut known: Vec<String> = std::fs::read_dir(&folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().strip_suffix(".toml").map(str::to_owned))
        .collect();
    known.sort();
    let right = if known.is_empty() {
        format!("the folder of a pack with calendars; there are none in {}", folder.display())
    } else {
        format!("one of {}", known.join(", "))
    };
    Err(Fault::new("no_calendar", format!("the pack has no calendar {}", quote(key)), right).at("--calendar").into())
}

/// The holiday file `name` in the folder `beside` (or wherever an absolute name points), else the built-in one.
///
/// # Errors
/// What is wrong with the file that is there. `Ok(None)`: there is none.
pub fn find_holidays(beside: &Path, name: &str) -> Result<Option<HolidayYear>, Fault> {
    let path = beside.join(name);
    match path.try_exists() {
        Ok(true) => {
            HolidayYear::from_json(&read_text(&path)?, &path.display().to_string()).map(Some)
        }
        Ok(false) => holidays::builtin(name),
        Err(error) => Err(unreadable(&path, &error)),
    }
}

/// A small UTF-8 file.
fn read_text(path: &Path) -> Result<String, Fault> {
    let shown = path.display().to_string();
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        let fault = Fault::new(
            "too_large",
            "the file is larger than 1 MiB",
            "give a calendar or holiday file",
        );
        return Err(fault.in_file(&shown));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|b| **b == b'\n').count() + 1;
        Fault::new("not_utf8", "the file is not UTF-8 text", "save it as UTF-8")
            .on_line(line)
            .in_file(&shown)
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    let (wrong, right) = match error.kind() {
        ErrorKind::NotFound => (
            "there is no such file".to_owned(),
            "give the path of an existing file",
        ),
        ErrorKind::PermissionDenied => (
            "the file may not be read".to_owned(),
            "give this user the right to read it",
        ),
        ErrorKind::IsADirectory => ("this is a folder".to_owned(), "give the path of a file"),
        _ => (
            format!("the file cannot be read: {error}"),
            "give the path of a readable file",
        ),
    };
    let name = path.display().to_string();
    let name = if name.is_empty() { quote(&name) } else { name };
    Fault::new("unreadable", wrong, right).in_file(&name)
}
