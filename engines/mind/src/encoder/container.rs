//! The file an encoder is read from: named sections, each at a multiple of 64 bytes, mapped into memory and read in place.
//!
//! Layout: `SWENC001`, length of the header (u32 LE), header (JSON), padding, sections. Made by [`super::convert`].

use crate::problem::{Problem, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// First bytes of the file.
pub const MAGIC: &[u8; 8] = b"SWENC001";
const ALIGN: usize = 64;

/// Where a section lies and how its bytes are to be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Section {
    /// First byte, counted from the start of the sections.
    pub offset: usize,
    /// Length in bytes.
    pub len: usize,
    /// Lengths of the array, outermost first.
    pub shape: Vec<usize>,
    /// Value = scale × (byte − zero) for quantised sections.
    #[serde(default)]
    pub scale: f32,
    /// See `scale`.
    #[serde(default)]
    pub zero: f32,
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Which architecture: `use-m3`, `minilm-l6`.
    pub family: String,
    /// Human-readable name of the weights.
    pub title: String,
    /// Licence of the weights.
    pub licence: String,
    /// SHA-256 of the published file the weights were taken from.
    pub source_sha256: String,
    /// SHA-256 of all sections: the identity of the encoder.
    pub content_sha256: String,
    /// Sections by name.
    pub sections: BTreeMap<String, Section>,
}

/// An encoder file, mapped.
#[derive(Debug)]
pub struct Container {
    /// Its header.
    pub header: Header,
    map: memmap2::Mmap,
    start: usize,
}

fn damaged(path: &Path, what: &str) -> Problem {
    Problem::new("encoder.damaged", format!("the encoder file is damaged: {what}"), "add it again with `shouwen mind model add FILE`")
        .within(&path.display().to_string())
}

impl Container {
    /// Maps `path` and checks its layout. The checksum of the content is checked only by [`Container::verify`], because that reads all of it.
    pub fn open(path: &Path) -> Result<Container> {
        let file = std::fs::File::open(path).map_err(|e| {
            Problem::new("encoder.absent", format!("the encoder file cannot be opened: {e}"), "a file added with `shouwen mind model add FILE`")
                .within(&path.display().to_string())
        })?;
        // SAFETY: the map is read-only and private to this process. The file is written once under a temporary name and then renamed
        // (see `install`), never changed in place; truncating it from outside while it is mapped is the one thing that cannot be
        // defended against, as with every mapped file.
        #[allow(unsafe_code)]
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|e| damaged(path, &e.to_string()))?;
        let (header, start) = Self::header(&map).ok_or_else(|| damaged(path, "its header"))?;
        let inside = |s: &Section| start.checked_add(s.offset).and_then(|a| a.checked_add(s.len)).is_some_and(|end| end <= map.len());
        if let Some((name, _)) = header.sections.iter().find(|(_, s)| !inside(s)) {
            return Err(damaged(path, &format!("section {name} is cut off")));
        }
        Ok(Container { header, map, start })
    }

    fn header(data: &[u8]) -> Option<(Header, usize)> {
        if data.get(..8)? != MAGIC {
            return None;
        }
        let len = u32::from_le_bytes(data.get(8..12)?.try_into().ok()?) as usize;
        let header = serde_json::from_slice(data.get(12..12usize.checked_add(len)?)?).ok()?;
        Some((header, (12 + len).next_multiple_of(ALIGN)))
    }

    /// Compares the content with the checksum in the header. Reads the whole file.
    pub fn verify(&self) -> Result<()> {
        let found = hex(&Sha256::digest(&self.map[self.start..]));
        if found == self.header.content_sha256 {
            Ok(())
        } else {
            Err(Problem::new("encoder.checksum", format!("the encoder file is damaged: the SHA-256 of its content is {found}"),
                format!("{}, as its header says; add it again with `shouwen mind model add FILE`", self.header.content_sha256)))
        }
    }

    /// Bytes of a section; `len` is checked.
    pub fn bytes(&self, name: &str, len: usize) -> Result<(&[u8], &Section)> {
        let section = self.header.sections.get(name).filter(|s| s.len == len).ok_or_else(|| {
            Problem::new("encoder.damaged", format!("section {name} is missing or has the wrong length"), format!("{len} bytes"))
        })?;
        let at = self.start + section.offset;
        Ok((&self.map[at..at + len], section))
    }

    /// Place of a section in the mapping, for readers that keep the container.
    pub fn range(&self, name: &str) -> Result<std::ops::Range<usize>> {
        let section = self.header.sections.get(name)
            .ok_or_else(|| Problem::new("encoder.damaged", format!("section {name} is missing"), "a complete encoder file"))?;
        let at = self.start + section.offset;
        Ok(at..at + section.len)
    }

    /// The mapped bytes.
    pub fn map(&self) -> &[u8] {
        &self.map
    }

    /// A section of 32-bit floats, copied.
    pub fn floats(&self, name: &str, count: usize) -> Result<Vec<f32>> {
        let (bytes, _) = self.bytes(name, count * 4)?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }
}

/// Collects sections and lays them out.
#[derive(Debug, Default)]
pub struct Builder {
    body: Vec<u8>,
    sections: BTreeMap<String, Section>,
}

impl Builder {
    /// Adds a section.
    pub fn add(&mut self, name: &str, bytes: &[u8], shape: &[usize], scale: f32, zero: f32) {
        self.body.resize(self.body.len().next_multiple_of(ALIGN), 0);
        let section = Section { offset: self.body.len(), len: bytes.len(), shape: shape.to_vec(), scale, zero };
        self.body.extend_from_slice(bytes);
        self.sections.insert(name.to_string(), section);
    }

    /// Adds floats.
    pub fn add_floats(&mut self, name: &str, values: &[f32]) {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.add(name, &bytes, &[values.len()], 1.0, 0.0);
    }

    /// The finished file.
    pub fn finish(self, family: &str, title: &str, licence: &str, source_sha256: &str) -> Result<Vec<u8>> {
        let header = Header {
            family: family.into(),
            title: title.into(),
            licence: licence.into(),
            source_sha256: source_sha256.into(),
            content_sha256: hex(&Sha256::digest(&self.body)),
            sections: self.sections,
        };
        let json = serde_json::to_vec(&header).map_err(|e| Problem::new("encoder.header", e.to_string(), "a header that can be written"))?;
        let mut out = Vec::with_capacity(self.body.len() + json.len() + 128);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&(json.len() as u32).to_le_bytes());
        out.extend_from_slice(&json);
        out.resize(out.len().next_multiple_of(ALIGN), 0);
        out.extend_from_slice(&self.body);
        Ok(out)
    }
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
