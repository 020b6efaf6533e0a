//! The encoders found on this machine.

use super::Encode;
use super::container::Container;
use super::minilm::MiniLm;
use super::use_m3::UseM3;
use crate::problem::{Problem, Result};
use std::path::{Path, PathBuf};

/// Opened encoders by what they are for.
#[derive(Debug, Default)]
pub struct Library {
    multilingual: Option<UseM3>,
    english: Option<MiniLm>,
    /// What could not be opened, and why. The engine goes on without it.
    pub problems: Vec<Problem>,
}

/// File name of each family inside the folder of encoders.
pub fn file_name(family: &str) -> Option<&'static str> {
    match family {
        "use-m3" => Some("use-multilingual-v3.encoder"),
        "minilm-l6" => Some("minilm-l6-en.encoder"),
        _ => None,
    }
}

impl Library {
    /// Opens whatever lies in `folder`. An absent folder or file is no problem; a damaged file is listed in `problems`.
    pub fn open(folder: &Path) -> Library {
        let mut library = Library::default();
        for family in ["use-m3", "minilm-l6"] {
            let path = folder.join(file_name(family).unwrap_or_default());
            if !path.exists() {
                continue;
            }
            if let Err(problem) = library.add(&path) {
                library.problems.push(problem);
            }
        }
        library
    }

    /// Opens one encoder file.
    pub fn add(&mut self, path: &Path) -> Result<()> {
        let file = Container::open(path)?;
        let named = |p: Problem| p.within(&path.display().to_string());
        match file.header.family.as_str() {
            "use-m3" => self.multilingual = Some(UseM3::from(file).map_err(named)?),
            "minilm-l6" => self.english = Some(MiniLm::from(file).map_err(named)?),
            other => return Err(named(Problem::new("encoder.family", format!("unknown encoder {other}"), "use-m3 or minilm-l6"))),
        }
        Ok(())
    }

    /// True when nothing was opened.
    pub fn is_empty(&self) -> bool {
        self.multilingual.is_none() && self.english.is_none()
    }

    /// All opened files.
    pub fn files(&self) -> Vec<&Container> {
        self.multilingual.iter().map(UseM3::file).chain(self.english.iter().map(MiniLm::file)).collect()
    }

    /// The encoders for texts that are mostly Chinese or mostly English.
    pub fn choose(&self, english: bool) -> Vec<&dyn Encode> {
        let mut out: Vec<&dyn Encode> = Vec::new();
        if let Some(encoder) = &self.multilingual {
            out.push(encoder);
        }
        if english && let Some(encoder) = &self.english {
            out.push(encoder);
        }
        out
    }

    /// The encoders a model was trained with; empty when one of them is not here.
    pub fn matching(&self, fingerprints: &[String]) -> Vec<&dyn Encode> {
        let all = self.choose(true);
        let found: Vec<&dyn Encode> =
            fingerprints.iter().filter_map(|f| all.iter().find(|e| e.fingerprint() == f).copied()).collect();
        if found.len() == fingerprints.len() { found } else { Vec::new() }
    }

    /// Writes a converted encoder into `folder` under its name, at once or not at all. Returns the path.
    pub fn install(folder: &Path, bytes: &[u8]) -> Result<PathBuf> {
        let failed = |e: std::io::Error| Problem::new("encoder.write", format!("cannot write: {e}"), "a folder that can be written to, with 90 MB free")
            .within(&folder.display().to_string());
        std::fs::create_dir_all(folder).map_err(failed)?;
        let draft = folder.join(".new.encoder");
        std::fs::write(&draft, bytes).map_err(failed)?;
        let result = Container::open(&draft).and_then(|file| {
            file.verify()?;
            let name = file_name(&file.header.family).unwrap_or("other.encoder");
            let path = folder.join(name);
            drop(file);
            std::fs::rename(&draft, &path).map_err(failed)?;
            Ok(path)
        });
        if result.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        result
    }
}
