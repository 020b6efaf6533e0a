//! A byte matrix inside a mapped encoder file.

use super::container::Container;
use super::gemm::Bytes;
use super::gemm8::Signed;
use crate::problem::Result;
use std::ops::Range;

/// Where the matrix lies, its shape and its steps.
#[derive(Debug)]
pub struct Weights {
    range: Range<usize>,
    /// Rows.
    pub inner: usize,
    /// Columns.
    pub outer: usize,
    scales: Vec<f32>,
    zero: f32,
}

impl Weights {
    /// Finds the matrix `name` of `inner × outer`; scales per column lie in the section `name.scales`, or one scale serves all columns.
    pub fn open(file: &Container, name: &str, inner: usize, outer: usize) -> Result<Weights> {
        let (_, section) = file.bytes(name, inner * outer)?;
        let columns = format!("{name}.scales");
        let scales = if file.header.sections.contains_key(&columns) { file.floats(&columns, outer)? } else { vec![section.scale; outer] };
        Ok(Weights { range: file.range(name)?, inner, outer, scales, zero: section.zero })
    }

    /// The matrix in `map`, the mapping of the file it was opened from.
    pub fn of<'a>(&'a self, map: &'a [u8]) -> Bytes<'a> {
        Bytes { data: &map[self.range.clone()], inner: self.inner, outer: self.outer, scales: &self.scales, zero: self.zero }
    }
}

/// A matrix of signed bytes inside a mapped encoder file.
#[derive(Debug)]
pub struct SignedWeights {
    range: Range<usize>,
    /// Rows.
    pub inner: usize,
    /// Columns.
    pub outer: usize,
    scales: Vec<f32>,
    sums: Vec<f32>,
}

impl SignedWeights {
    /// Finds the matrix `name.signed` of `inner × outer`, its scales `name.scales` and its sums `name.sums`.
    pub fn open(file: &Container, name: &str, inner: usize, outer: usize) -> Result<SignedWeights> {
        let matrix = format!("{name}.signed");
        file.bytes(&matrix, inner * outer)?;
        Ok(SignedWeights {
            range: file.range(&matrix)?,
            inner,
            outer,
            scales: file.floats(&format!("{name}.scales"), outer)?,
            sums: file.floats(&format!("{name}.sums"), outer)?,
        })
    }

    /// The matrix in `map`, the mapping of the file it was opened from.
    pub fn of<'a>(&'a self, map: &'a [u8]) -> Signed<'a> {
        Signed { data: &map[self.range.clone()], inner: self.inner, outer: self.outer, scales: &self.scales, sums: &self.sums }
    }
}
