//! The multilingual Universal Sentence Encoder, version 3 (Yang et al. 2019, convolutional): word pieces, three convolution branches,
//! mean, three dense layers. 16 languages, among them Chinese (both scripts) and English; 512 numbers a sentence.

use super::{Encode, batches};
use super::container::Container;
use super::gemm::multiply;
use super::gemm8::{self, Rounded};
use super::weights::{SignedWeights, Weights};
use super::tokens::Tokeniser;
use crate::dense::{dot, total, unit};
use crate::problem::Result;
use crate::simd::widest;
use std::ops::Range;
use std::path::Path;

const DIM: usize = 512;
const BRANCH: usize = 256;
/// Length of an n-gram and how many pieces to the left it begins.
const BRANCHES: [(usize, usize, &str); 3] = [(2, 0, "2"), (3, 1, "3"), (5, 2, "5")];
/// A word and its n-grams side by side.
const WIDE: usize = DIM + BRANCHES.len() * BRANCH;
/// Pieces read from one text: the first and the last ones of a longer text.
const HEAD: usize = 48;
const TAIL: usize = 16;

#[derive(Debug)]
struct Branch {
    project: SignedWeights,
    project_bias: Vec<f32>,
    first: SignedWeights,
    first_bias: Vec<f32>,
    second: SignedWeights,
    second_bias: Vec<f32>,
}

/// The encoder, mapped from its file.
#[derive(Debug)]
pub struct UseM3 {
    file: Container,
    tokeniser: Tokeniser,
    table: Range<usize>,
    scale: Vec<f32>,
    low: Vec<f32>,
    branches: Vec<Branch>,
    branch_gain: Vec<f32>,
    branch_shift: Vec<f32>,
    gain: Vec<f32>,
    shift: Vec<f32>,
    out: Weights,
    out_bias: Vec<f32>,
    layers: [Weights; 6],
    epsilon: f32,
}

impl UseM3 {
    /// Maps `path` and checks that every part is there.
    pub fn open(path: &Path) -> Result<UseM3> {
        Self::from(Container::open(path)?)
    }

    /// As [`UseM3::open`], from a mapped file.
    pub fn from(file: Container) -> Result<UseM3> {
        let branches = BRANCHES
            .iter()
            .map(|(n, _, key)| {
                Ok(Branch {
                    project: SignedWeights::reorder(&file, &format!("proj{key}"), DIM, BRANCH)?,
                    project_bias: file.floats(&format!("proj_b{key}"), BRANCH)?,
                    first: SignedWeights::reorder(&file, &format!("w1_{key}"), n * BRANCH, BRANCH)?,
                    first_bias: file.floats(&format!("b1_{key}"), BRANCH)?,
                    second: SignedWeights::reorder(&file, &format!("w2_{key}"), n * BRANCH, BRANCH)?,
                    second_bias: file.floats(&format!("b2_{key}"), BRANCH)?,
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let side_by_side = |name: &str| -> Result<Vec<f32>> {
            let parts = BRANCHES.iter().map(|(_, _, key)| file.floats(&format!("{name}{key}"), BRANCH));
            Ok(parts.collect::<Result<Vec<_>>>()?.concat())
        };
        let layers = [
            Weights::open(&file, "d0", DIM, 320)?,
            Weights::open(&file, "p1", DIM, 320)?,
            Weights::open(&file, "d1", 320, 320)?,
            Weights::open(&file, "d2", 320, DIM)?,
            Weights::open(&file, "p3", 320, DIM)?,
            Weights::open(&file, "d3", DIM, DIM)?,
        ];
        Ok(UseM3 {
            tokeniser: Tokeniser::open(&file)?,
            table: file.range("table")?,
            scale: file.floats("scale", 17)?,
            low: file.floats("lo", 17)?,
            branches,
            branch_gain: side_by_side("ln_g")?,
            branch_shift: side_by_side("ln_b")?,
            gain: file.floats("ln_g", WIDE)?,
            shift: file.floats("ln_b", WIDE)?,
            out: Weights::open(&file, "cnn_W", WIDE, DIM)?,
            out_bias: file.floats("cnn_b", DIM)?,
            layers,
            epsilon: file.floats("eps", 1)?[0],
            file,
        })
    }

    /// The mapped file.
    pub fn file(&self) -> &Container {
        &self.file
    }
}

widest! {
    /// Scales a row to mean 0 and variance 1, then by `gain`, plus `shift`.
    pub(super) fn layer_norm(row: &mut [f32], gain: &[f32], shift: &[f32], epsilon: f32) = layer_norm_inner, layer_norm_inner
}

#[inline(always)]
fn layer_norm_inner(row: &mut [f32], gain: &[f32], shift: &[f32], epsilon: f32) {
    let n = row.len() as f32;
    let mean = total(row) / n;
    row.iter_mut().for_each(|x| *x -= mean);
    let factor = (dot(row, row) / n + epsilon).sqrt().recip();
    for ((x, g), s) in row.iter_mut().zip(gain).zip(shift) {
        *x = *x * factor * g + s;
    }
}

/// The rows of `x` (width [`BRANCH`]) around each row, side by side; zeros beyond the ends of its text. `pieces`: rows of each text.
fn windows(x: &[f32], pieces: &[usize], n: usize, left: usize) -> Vec<f32> {
    let mut out = vec![0.0f32; x.len() * n];
    let mut first = 0;
    for rows in pieces {
        for row in 0..*rows {
            for slot in 0..n {
                let Some(source) = (row + slot).checked_sub(left).filter(|s| s < rows) else { continue };
                let (from, at) = ((first + source) * BRANCH, ((first + row) * n + slot) * BRANCH);
                out[at..at + BRANCH].copy_from_slice(&x[from..from + BRANCH]);
            }
        }
        first += rows;
    }
    out
}

/// Copies rows of `width` numbers into rows of `wide` numbers, from column `at` on.
fn copy_columns(from: &[f32], width: usize, to: &mut [f32], wide: usize, at: usize) {
    for (row, part) in to.chunks_exact_mut(wide).zip(from.chunks_exact(width)) {
        row[at..at + width].copy_from_slice(part);
    }
}

fn rectify_add(values: &mut [f32], add: &[f32]) {
    values.iter_mut().zip(add).for_each(|(v, a)| *v = v.max(0.0) + a);
}

impl UseM3 {
    /// Numbers of the word pieces read from `text`; none for an empty one.
    fn ids(&self, text: &str) -> Vec<u32> {
        let mut ids = self.tokeniser.encode(self.file.map(), text);
        if ids.len() <= 3 && text.trim().is_empty() {
            return Vec::new();
        }
        if ids.len() > HEAD + TAIL {
            ids.drain(HEAD..ids.len() - TAIL);
        }
        ids
    }

    /// The normalised word and n-gram vectors of each text, given as pieces, summed into its part of `sums` (length [`WIDE`] a text).
    fn sum_up(&self, texts: &[Vec<u32>], sums: &mut [f32]) {
        let map = self.file.map();
        let pieces: Vec<usize> = texts.iter().map(Vec::len).collect();
        let n: usize = pieces.iter().sum();
        let table = &map[self.table.clone()];
        let mut words = vec![0.0f32; n * DIM];
        for (row, id) in words.chunks_exact_mut(DIM).zip(texts.iter().flatten()) {
            let at = *id as usize * DIM;
            let Some(bytes) = table.get(at..at + DIM) else { continue };
            let (scale, low) = (self.scale[*id as usize % 17], self.low[*id as usize % 17]);
            row.iter_mut().zip(bytes).for_each(|(x, b)| *x = f32::from(*b) * scale + low);
        }
        let mut all = vec![0.0f32; n * WIDE];
        copy_columns(&words, DIM, &mut all, WIDE, 0);
        // All branches are projected first: the normalisation runs over the three together.
        let width = BRANCHES.len() * BRANCH;
        let mut projected = vec![0.0f32; n * width];
        let mut x = vec![0.0f32; n * BRANCH];
        let rounded = Rounded::new(&words, DIM);
        for (b, branch) in self.branches.iter().enumerate() {
            gemm8::multiply(&rounded, &branch.project.of(map), &branch.project_bias, &mut x);
            copy_columns(&x, BRANCH, &mut projected, width, b * BRANCH);
        }
        projected.chunks_exact_mut(width).for_each(|row| layer_norm(row, &self.branch_gain, &self.branch_shift, self.epsilon));
        for (b, (branch, (size, left, _))) in self.branches.iter().zip(BRANCHES).enumerate() {
            for (row, part) in x.chunks_exact_mut(BRANCH).zip(projected.chunks_exact(width)) {
                row.copy_from_slice(&part[b * BRANCH..(b + 1) * BRANCH]);
            }
            let mut first = vec![0.0f32; n * BRANCH];
            let around = Rounded::new(&windows(&x, &pieces, size, left), size * BRANCH);
            gemm8::multiply(&around, &branch.first.of(map), &branch.first_bias, &mut first);
            rectify_add(&mut first, &x);
            let mut second = vec![0.0f32; n * BRANCH];
            let around = Rounded::new(&windows(&first, &pieces, size, left), size * BRANCH);
            gemm8::multiply(&around, &branch.second.of(map), &branch.second_bias, &mut second);
            rectify_add(&mut second, &first);
            copy_columns(&second, BRANCH, &mut all, WIDE, DIM + b * BRANCH);
        }
        let mut rows = all.chunks_exact_mut(WIDE);
        for (sum, n) in sums.chunks_exact_mut(WIDE).zip(&pieces) {
            for row in rows.by_ref().take(*n) {
                layer_norm(row, &self.gain, &self.shift, self.epsilon);
                sum.iter_mut().zip(row.iter()).for_each(|(s, x)| *s += x);
            }
        }
    }

    /// The layers after the mean, for several texts at once: unpacking their weights costs more than the products of one text.
    fn finish(&self, sums: &[f32], pieces: &[usize], out: &mut [f32]) {
        let map = self.file.map();
        let through = |x: &[f32], w: &Weights| {
            let mut y = vec![0.0f32; pieces.len() * w.outer];
            multiply(x, &w.of(map), None, &mut y);
            y
        };
        let plus = |mut a: Vec<f32>, b: &[f32]| {
            a.iter_mut().zip(b).for_each(|(x, y)| *x += y);
            a
        };
        let positive = |mut a: Vec<f32>| {
            a.iter_mut().for_each(|x| *x = x.max(0.0));
            a
        };
        let mut mean = through(sums, &self.out);
        for (mean, n) in mean.chunks_exact_mut(DIM).zip(pieces) {
            let root = (*n as f32).sqrt();
            mean.iter_mut().zip(&self.out_bias).for_each(|(m, b)| *m = (*m + *n as f32 * b) / root);
        }
        let [d0, p1, d1, d2, p3, d3] = &self.layers;
        let y0 = positive(through(&mean, d0));
        let y1 = positive(plus(through(&mean, p1), &through(&y0, d1)));
        let y2 = positive(through(&y1, d2));
        let z = plus(through(&y1, p3), &through(&y2, d3));
        for (out, z) in out.chunks_exact_mut(DIM).zip(z.chunks_exact(DIM)) {
            out.iter_mut().zip(z).for_each(|(o, z)| *o = z.tanh());
            unit(out);
        }
    }
}

impl Encode for UseM3 {
    fn fingerprint(&self) -> &str {
        &self.file.header.content_sha256
    }

    fn dim(&self) -> usize {
        DIM
    }

    fn encode(&self, text: &str, out: &mut [f32]) {
        self.encode_all(&[text], out);
    }

    fn encode_all(&self, texts: &[&str], out: &mut [f32]) {
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| self.ids(text)).collect();
        let pieces: Vec<usize> = ids.iter().map(Vec::len).collect();
        let mut sums = vec![0.0f32; texts.len() * WIDE];
        for batch in batches(&pieces) {
            self.sum_up(&ids[batch.clone()], &mut sums[batch.start * WIDE..batch.end * WIDE]);
        }
        self.finish(&sums, &pieces, out);
        out.chunks_exact_mut(DIM).zip(&pieces).filter(|(_, n)| **n == 0).for_each(|(out, _)| out.fill(0.0));
    }
}
