//! Reading data and models, writing models: everything or nothing.

use crate::encoder::Library;
use crate::file::FILE_NAME;
use crate::mind::Mind;
use crate::problem::{Problem, Result};
use crate::rows::{Row, read_tsv};
use crate::units::is_han;
use std::io::Read;
use std::path::Path;

/// Largest data file that is read, in bytes.
const MOST_DATA: u64 = 1 << 30;

/// Reads a whole file.
pub fn bytes(path: &str) -> Result<Vec<u8>> {
    let failed = |e: std::io::Error| Problem::new("file.read", format!("cannot be read: {e}"), "a readable file").within(path);
    let mut data = Vec::new();
    // Not by the size it tells: a device or a pipe tells none and may never end.
    std::fs::File::open(path).and_then(|file| file.take(MOST_DATA + 1).read_to_end(&mut data)).map_err(failed)?;
    if data.len() as u64 > MOST_DATA {
        return Err(Problem::new("file.size", format!("more than {MOST_DATA} bytes"), format!("at most {MOST_DATA} bytes")).within(path));
    }
    Ok(data)
}

/// Rows with answers of several files, in order.
pub fn rows_with_answers(paths: &[String], answers: bool) -> Result<Vec<(Row, Option<String>)>> {
    let mut out = Vec::new();
    for path in paths {
        out.extend(read_tsv(&bytes(path)?, path, answers)?);
    }
    if out.is_empty() {
        let wrong = if paths.is_empty() { "--data is missing" } else { "no rows in the data" };
        return Err(Problem::new("data.empty", wrong, "--data FILE with lines label<TAB>text"));
    }
    Ok(out)
}

/// Rows of several files, in order.
pub fn rows(paths: &[String]) -> Result<Vec<Row>> {
    Ok(rows_with_answers(paths, false)?.into_iter().map(|r| r.0).collect())
}

/// Loads the model in `folder`.
pub fn model(folder: &str) -> Result<Mind> {
    let path = Path::new(folder).join(FILE_NAME);
    let path = path.to_string_lossy();
    let file = std::fs::File::open(&*path).map_err(|e| {
        Problem::new("file.read", format!("cannot be read: {e}"), "a folder made by `shouwen mind train` or `shouwen mind faq index`").within(&path)
    })?;
    Mind::read(file, &path)
}

/// Writes the model into `folder`: first beside, then renamed, so that a reader never sees half of it. Returns its size.
pub fn save(mind: &Mind, folder: &str) -> Result<usize> {
    let failed = |e: std::io::Error| Problem::new("file.write", format!("cannot be written: {e}"), "a folder that can be written to").within(folder);
    let data = mind.to_bytes()?;
    std::fs::create_dir_all(folder).map_err(failed)?;
    let draft = Path::new(folder).join(".model.new");
    std::fs::write(&draft, &data).map_err(failed)?;
    std::fs::rename(&draft, Path::new(folder).join(FILE_NAME)).map_err(failed)?;
    Ok(data.len())
}

/// True when most rows hold no Chinese character.
pub fn mostly_english(rows: &[Row]) -> bool {
    rows.iter().filter(|r| !r.text.chars().any(is_han)).count() * 2 > rows.len()
}

/// Opens the folder of encoders unless `tier` is `sparse`; what cannot be opened is told on `err`.
pub fn encoders(folder: &Path, tier: &str, err: &mut dyn std::io::Write) -> Result<Library> {
    match tier {
        "sparse" => return Ok(Library::default()),
        "auto" | "semantic" => {}
        other => return Err(Problem::new("args.tier", format!("--tier {other}"), "auto, sparse or semantic")),
    }
    let library = Library::open(folder);
    for problem in &library.problems {
        let _ = writeln!(err, "{problem}; going on without it");
    }
    if tier == "semantic" && library.is_empty() {
        return Err(Problem::new("encoder.absent", "no encoder is installed", "`shouwen mind model add FILE` first, or --tier auto")
            .within(&folder.display().to_string()));
    }
    Ok(library)
}
