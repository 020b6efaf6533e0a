//! `model add`, `model list`, `model check`.

use super::args::Args;
use super::{Streams, files};
use crate::encoder::{Library, convert::convert};
use crate::problem::{Problem, Result};

/// `shouwen mind model add FILE`: takes the published archive (checksum pinned) or a file made by this command elsewhere.
pub fn add(args: &Args, file: &str, streams: &mut Streams<'_>) -> Result<()> {
    let data = files::bytes(file)?;
    let folder = args.encoder_folder();
    let ready = data.starts_with(crate::encoder::container::MAGIC);
    let bytes = if ready { data } else { convert(&data, args.has("--any")).map_err(|p| p.within(file))? };
    let path = Library::install(&folder, &bytes).map_err(|p| if p.code == "encoder.write" { p } else { p.within(file) })?;
    streams.line(&format!("{} ({} bytes)", path.display(), bytes.len()))
}

/// `shouwen mind model list` and `check`: what is installed; `check` reads every byte and compares checksums.
pub fn list(args: &Args, streams: &mut Streams<'_>, check: bool) -> Result<()> {
    let folder = args.encoder_folder();
    let library = Library::open(&folder);
    for problem in &library.problems {
        let _ = writeln!(streams.err, "{problem}");
    }
    if library.files().is_empty() {
        streams.line(&format!("no encoder in {}: the sparse tier is used", folder.display()))?;
    }
    for file in library.files() {
        let state = if check { file.verify().map(|()| " content checked").map_err(|p| p.within(&folder.display().to_string()))? } else { "" };
        let h = &file.header;
        streams.line(&format!("{}\t{}\t{}\t{} bytes\tsha256 {}{state}", h.family, h.title, h.licence, file.map().len(), h.content_sha256))?;
    }
    match library.problems.into_iter().next() {
        Some(problem) if check => Err(Problem { right: "add it again with `shouwen mind model add FILE`".into(), ..problem }),
        _ => Ok(()),
    }
}
