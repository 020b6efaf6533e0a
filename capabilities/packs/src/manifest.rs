//! `pack.toml`: who the pack is.

use serde::{Deserialize, Serialize};
use shouwen_web::{PACK_KEY_RULE, PackDoc, PackFault, PackFile, PackText, is_pack_key, read_toml};

use crate::version::{Requirement, Version};

/// The file every pack has.
pub const FILE: &str = "pack.toml";

/// What `pack.toml` says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub key: String,
    /// `major.minor.patch`
    pub version: String,
    pub title: PackText,
    /// What it is for, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<PackText>,
    /// `base >= 1.0`
    #[serde(default)]
    pub requires: Vec<String>,
}

impl Manifest {
    /// Reads `pack.toml` among `files`; what is wrong goes to `faults`.
    pub fn read(files: &[PackFile], faults: &mut Vec<PackFault>) -> Option<Self> {
        let before = faults.len();
        let (manifest, _) = Self::look(files, faults)?;
        (faults.len() == before).then_some(manifest)
    }

    /// The same with its places, also when it has faults: then something stands in for what is wrong.
    pub(crate) fn look(files: &[PackFile], faults: &mut Vec<PackFault>) -> Option<(Self, PackDoc)> {
        let Some(file) = files.iter().find(|f| f.path == FILE) else {
            faults.push(PackFile::new(FILE, "").fault(1, "the pack has no file `pack.toml`", "a `pack.toml` with key, version and title"));
            return None;
        };
        let (manifest, doc) = read_toml::<Self>(file, faults);
        let manifest = manifest?;
        if !is_pack_key(&manifest.key) {
            faults.push(doc.fault("key", format!("`{}` cannot be the key of a pack", shouwen_kernel::text::clip(&manifest.key, 60)), PACK_KEY_RULE));
        }
        if manifest.version.parse::<Version>().is_err() {
            faults.push(doc.fault("version", format!("`{}` is no version", shouwen_kernel::text::clip(&manifest.version, 40)), "numbers with points, e.g. 1.2.0"));
        }
        for (i, text) in manifest.requires.iter().enumerate() {
            match text.parse::<Requirement>() {
                Err(()) => faults.push(doc.fault(&format!("requires[{i}]"), format!("`{}` names no pack", shouwen_kernel::text::clip(text, 60)), "the key of a pack, or e.g. \"base >= 1.0\"")),
                Ok(requirement) if requirement.key == manifest.key => faults.push(doc.fault(&format!("requires[{i}]"), "the pack requires itself", "the keys of other packs")),
                Ok(_) => {}
            }
        }
        for (name, text) in [("zh", &manifest.title.zh), ("en", &manifest.title.en)] {
            if text.trim().is_empty() || text.chars().count() > 80 {
                faults.push(doc.fault(&format!("title.{name}"), "the title is empty or longer than 80 characters", "the pack's name as people read it"));
            }
        }
        Some((manifest, doc))
    }

    /// The requirements; those that cannot be read were told as faults.
    pub fn requirements(&self) -> Vec<Requirement> {
        self.requires.iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Its version as a number.
    pub fn number(&self) -> Version {
        self.version.parse().unwrap_or(Version([0; 3]))
    }
}
