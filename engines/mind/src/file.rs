//! A model as bytes: `SWMIND04`, sections (tag, length, content), SHA-256 of all before it. Little-endian.
//!
//! The same model gives the same bytes. Reading checks every length and every reference before use, so a damaged or hostile file
//! gives a [`Problem`], never a panic and never more memory than the file is long (fuzzed).

use crate::calibrate::{Calibrator, SIGNS};
use crate::core::{Core, FitOptions, Meaning};
use crate::linear::Linear;
use crate::mind::{Example, Mind, Purpose};
use crate::neighbours::{MOST_EXAMPLES, Neighbours};
use crate::problem::{Problem, Result};
use crate::trainer::Tier;
use crate::vocab::Vocab;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufReader, Read, Seek, SeekFrom};

/// First bytes of a model file.
pub const MAGIC: &[u8; 8] = b"SWMIND04";
/// Name of the file inside a model folder.
pub const FILE_NAME: &str = "model.mind";

#[derive(Serialize, Deserialize)]
struct Head {
    purpose: Purpose,
    labels: Vec<String>,
    answers: BTreeMap<String, String>,
    tiers: Vec<TierHead>,
}

#[derive(Serialize, Deserialize)]
struct TierHead {
    encoders: Vec<String>,
    blocks: Vec<u32>,
    /// Bits of the numbers, because decimal text does not bring every float back.
    options: [u32; 6],
    /// Written only when true: other models keep their bytes, and files from before it are read.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    contrast: bool,
    /// Likewise: a section with what each example adds by its likeness ends the tier.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    radial: bool,
    /// Bits of mean, spread and weight of each sign, then bias, threshold, target.
    calibrator: Vec<u64>,
    judged: usize,
    rows: usize,
    neighbour_dim: usize,
}

fn damaged(what: &str) -> Problem {
    Problem::new("model.damaged", format!("the model file is damaged: {what}"), "a file written by `shouwen mind train`; train again")
}

fn unreadable(error: std::io::Error) -> Problem {
    Problem::new("file.read", format!("cannot be read: {error}"), "a file that can be read and is not written to meanwhile")
}

struct Writer(Vec<u8>);

impl Writer {
    fn section(&mut self, bytes: impl IntoIterator<Item = u8>, len: usize) {
        self.0.extend_from_slice(&(len as u64).to_le_bytes());
        self.0.extend(bytes);
    }
    fn floats(&mut self, values: &[f32]) {
        self.section(values.iter().flat_map(|v| v.to_le_bytes()), values.len() * 4);
    }
    fn words(&mut self, values: &[u32]) {
        self.section(values.iter().flat_map(|v| v.to_le_bytes()), values.len() * 4);
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(len).ok_or_else(|| damaged("it ends too early"))?;
        self.0 = tail;
        Ok(head)
    }
    fn word(&mut self) -> Result<u32> {
        let b = self.take(4)?;
        Ok(u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    }
}

/// Sections read one after the other, so that a file need not be in memory beside the model that is made of it.
struct Sections<R> {
    from: R,
    /// Bytes that are left.
    left: u64,
}

impl<R: Read> Sections<R> {
    fn take(&mut self, len: u64) -> Result<Vec<u8>> {
        self.left = self.left.checked_sub(len).ok_or_else(|| damaged("it ends too early"))?;
        let mut out = vec![0u8; usize::try_from(len).map_err(|_| damaged("a length"))?];
        self.from.read_exact(&mut out).map_err(unreadable)?;
        Ok(out)
    }
    fn section(&mut self) -> Result<Vec<u8>> {
        let b = self.take(8)?;
        self.take(u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
    }
    fn signed(&mut self) -> Result<Vec<i8>> {
        Ok(self.section()?.into_iter().map(|b| b as i8).collect())
    }
    fn floats(&mut self) -> Result<Vec<f32>> {
        let out: Vec<f32> = self.section()?.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        if out.iter().all(|v| v.is_finite()) { Ok(out) } else { Err(damaged("a number that is not finite")) }
    }
    fn words(&mut self) -> Result<Vec<u32>> {
        Ok(self.section()?.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }
}

impl Mind {
    /// The model as bytes.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = Writer(MAGIC.to_vec());
        let none = Vec::new();
        let tiers: Vec<(&Tier, &Vec<String>)> =
            std::iter::once((&self.sparse, &none)).chain(self.semantic.iter().map(|s| (&s.0, &s.1))).collect();
        let head = Head {
            purpose: self.purpose,
            labels: self.labels.clone(),
            answers: self.answers.clone(),
            tiers: tiers.iter().map(|(tier, encoders)| tier_head(tier, encoders)).collect(),
        };
        let json = serde_json::to_vec(&head).map_err(|e| Problem::new("model.write", e.to_string(), "finite numbers"))?;
        let len = json.len();
        out.section(json, len);
        let mut body = Vec::new();
        for example in &self.examples {
            body.extend_from_slice(&example.class.unwrap_or(u32::MAX).to_le_bytes());
            body.extend_from_slice(&example.weight.to_le_bytes());
            body.extend_from_slice(&(example.text.len() as u32).to_le_bytes());
            body.extend_from_slice(example.text.as_bytes());
        }
        let len = body.len();
        out.section(body, len);
        for (tier, _) in tiers {
            write_core(&mut out, &tier.core);
        }
        let sum = Sha256::digest(&out.0);
        out.0.extend_from_slice(&sum);
        Ok(out.0)
    }

    /// Reads a model; `name` is used in messages. The checksum at the end must fit.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Mind> {
        Mind::read(std::io::Cursor::new(bytes), name)
    }

    /// As [`Mind::from_bytes`], section by section: no more of the file is in memory than its longest section.
    pub fn read(mut file: impl Read + Seek, name: &str) -> Result<Mind> {
        let named = |p: Problem| p.within(name);
        let length = file.seek(SeekFrom::End(0)).map_err(unreadable).map_err(named)?;
        let body = length.checked_sub(32).ok_or_else(|| named(damaged("it is too short")))?;
        file.rewind().map_err(unreadable).map_err(named)?;
        let (mut sum, mut part, mut left) = (Sha256::new(), vec![0u8; 1 << 16], body);
        while left > 0 {
            let take = left.min(part.len() as u64) as usize;
            file.read_exact(&mut part[..take]).map_err(unreadable).map_err(named)?;
            sum.update(&part[..take]);
            left -= take as u64;
        }
        let mut written = [0u8; 32];
        file.read_exact(&mut written).map_err(unreadable).map_err(named)?;
        if sum.finalize()[..] != written {
            return Err(named(damaged("its checksum does not fit")));
        }
        file.rewind().map_err(unreadable).map_err(named)?;
        Mind::from_sections(Sections { from: BufReader::new(file), left: body }).map_err(named)
    }

    /// Reads the part before the checksum. Public for fuzzing only: everything is checked, the checksum is not.
    pub fn parse(bytes: &[u8]) -> Result<Mind> {
        Mind::from_sections(Sections { from: bytes, left: bytes.len() as u64 })
    }

    fn from_sections(mut input: Sections<impl Read>) -> Result<Mind> {
        if input.take(8)? != MAGIC {
            return Err(Problem::new("model.version", "not a model file, or one of an earlier version", "a file that begins with SWMIND04; train again"));
        }
        let head: Head = serde_json::from_slice(&input.section()?).map_err(|_| damaged("its head"))?;
        let classes = head.labels.len();
        if classes == 0 || !head.labels.windows(2).all(|w| w[0] < w[1]) || head.tiers.is_empty() || head.tiers.len() > 2 {
            return Err(damaged("its labels"));
        }
        let mut examples = Vec::new();
        let section = input.section()?;
        let mut body = Reader(&section);
        while !body.0.is_empty() {
            let class = Some(body.word()?).filter(|c| *c != u32::MAX);
            let weight = f32::from_bits(body.word()?);
            let len = body.word()? as usize;
            let text = std::str::from_utf8(body.take(len)?).map_err(|_| damaged("an example"))?.to_string();
            if class.is_some_and(|c| c as usize >= classes) || !(weight > 0.0 && weight.is_finite()) {
                return Err(damaged("an example"));
            }
            examples.push(Example { class, text, weight });
        }
        drop(section);
        let mut tiers = Vec::new();
        for tier in head.tiers {
            tiers.push(read_tier(&mut input, tier, classes, examples.len())?);
        }
        let semantic = if tiers.len() == 2 { tiers.pop() } else { None };
        let (sparse, _) = tiers.pop().ok_or_else(|| damaged("its tiers"))?;
        Ok(Mind { purpose: head.purpose, labels: head.labels, answers: head.answers, examples, sparse, semantic })
    }
}

fn tier_head(tier: &Tier, encoders: &[String]) -> TierHead {
    let (o, c) = (tier.options, &tier.calibrator);
    TierHead {
        encoders: encoders.to_vec(),
        blocks: tier.core.blocks.clone(),
        options: [o.c, o.sparse_weight, o.neighbour_weight, o.min_rows as f32, o.tolerance, o.soft].map(f32::to_bits),
        contrast: o.contrast,
        radial: !tier.core.radial.is_empty(),
        calibrator: c.mean.iter().chain(&c.spread).chain(&c.weights).chain([&c.bias, &c.threshold, &c.target]).map(|v| v.to_bits()).collect(),
        judged: c.judged,
        rows: tier.core.vocab.parts().2,
        neighbour_dim: tier.core.neighbours.dense_dim,
    }
}

fn write_core(out: &mut Writer, core: &Core) {
    let (hashes, idf, _) = core.vocab.parts();
    out.section(hashes.iter().flat_map(|h| h.to_le_bytes()), hashes.len() * 8);
    out.floats(idf);
    out.section(core.linear.quantised.iter().map(|v| *v as u8), core.linear.quantised.len());
    out.floats(&core.linear.scales);
    out.floats(&core.linear.dense);
    out.floats(&core.linear.bias);
    let near = &core.neighbours;
    out.words(&near.class);
    out.words(&near.starts);
    out.section(near.rows.iter().flat_map(|v| v.to_le_bytes()), near.rows.len() * 2);
    out.section(near.values.iter().copied(), near.values.len());
    out.section(near.dense.iter().map(|v| *v as u8), near.dense.len());
    out.words(&core.example_row);
    out.floats(&core.mean);
    if !core.radial.is_empty() {
        out.floats(&core.radial);
    }
}

fn read_tier(input: &mut Sections<impl Read>, head: TierHead, classes: usize, examples: usize) -> Result<(Tier, Vec<String>)> {
    let hashes: Vec<u64> = input
        .section()?
        .chunks_exact(8)
        .map(|b| u64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]))
        .collect();
    let idf = input.floats()?;
    if idf.len() != hashes.len() || !hashes.windows(2).all(|w| w[0] < w[1]) {
        return Err(damaged("its dictionary"));
    }
    let features = hashes.len();
    let dim: usize = head.blocks.iter().map(|b| *b as usize).fold(0, usize::saturating_add);
    let linear = Linear {
        classes,
        quantised: input.signed()?,
        scales: input.floats()?,
        dense: input.floats()?,
        bias: input.floats()?,
    };
    let fits = features.checked_mul(classes) == Some(linear.quantised.len())
        && linear.scales.len() == features
        && dim.checked_mul(classes) == Some(linear.dense.len())
        && linear.bias.len() == classes;
    if !fits {
        return Err(damaged("its weights"));
    }
    let mut near = Neighbours::default();
    near.class = input.words()?;
    near.starts = input.words()?;
    near.rows = input.section()?.chunks_exact(2).map(|b| u16::from_le_bytes([b[0], b[1]])).collect();
    near.values = input.section()?;
    near.dense = input.signed()?;
    near.dense_dim = head.neighbour_dim;
    let count = near.class.len();
    let fits = count <= MOST_EXAMPLES
        && near.starts.len() == features + 1
        && near.starts.windows(2).all(|w| w[0] <= w[1])
        && near.starts.first() == Some(&0)
        && near.starts.last().is_some_and(|l| *l as usize == near.rows.len())
        && near.values.len() == near.rows.len()
        && near.rows.iter().all(|r| (*r as usize) < count)
        && near.class.iter().all(|c| (*c as usize) < classes || *c == u32::MAX)
        && (near.dense_dim == 0 || near.dense_dim == dim)
        && near.dense_dim.checked_mul(count) == Some(near.dense.len());
    if !fits {
        return Err(damaged("its examples"));
    }
    near.finish();
    let example_row = input.words()?;
    let mean = input.floats()?;
    if example_row.len() != count || example_row.iter().any(|r| *r as usize >= examples) || mean.len() != dim {
        return Err(damaged("its examples"));
    }
    let radial = if head.radial { input.floats()? } else { Vec::new() };
    if head.radial && (near.dense_dim == 0 || count.checked_mul(classes) != Some(radial.len())) {
        return Err(damaged("its examples"));
    }
    let meaning = if head.radial { Meaning::Likeness } else { Meaning::Plane };
    let numbers: Vec<f64> = head.calibrator.iter().map(|b| f64::from_bits(*b)).collect();
    let [c, sparse_weight, neighbour_weight, min_rows, tolerance, soft] = head.options.map(f32::from_bits);
    let finite = numbers.iter().all(|v| v.is_finite()) && [c, sparse_weight, neighbour_weight, tolerance, soft].iter().all(|v| v.is_finite());
    let (signs, rest) = numbers.split_at_checked(3 * SIGNS).ok_or_else(|| damaged("its calibration"))?;
    let ([bias, threshold, target], true) = (rest, finite) else { return Err(damaged("its calibration")) };
    let part = |at: usize| signs[at * SIGNS..(at + 1) * SIGNS].to_vec();
    let calibrator = Calibrator {
        mean: part(0),
        spread: part(1),
        weights: part(2),
        bias: *bias,
        threshold: *threshold,
        target: *target,
        judged: head.judged,
    };
    let options = FitOptions { c, sparse_weight, neighbour_weight, min_rows: min_rows as u32, threads: 1, tolerance, soft, contrast: head.contrast, meaning };
    let core = Core {
        vocab: Vocab::from_parts(hashes, idf, head.rows),
        linear,
        neighbours: near,
        example_row,
        mean,
        blocks: head.blocks,
        sparse_weight,
        neighbour_weight,
        radial,
    };
    Ok((Tier { core, calibrator, options }, head.encoders))
}
