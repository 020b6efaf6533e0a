//! A byte matrix inside a mapped encoder file.

use super::container::Container;
use super::gemm::{Bytes, PANEL};
use super::gemm8::{self, Signed};
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

/// A matrix of signed bytes inside a mapped encoder file, or made from a matrix of bytes in it.
#[derive(Debug)]
pub struct SignedWeights {
    place: Place,
    /// Rows.
    pub inner: usize,
    /// Columns.
    pub outer: usize,
    scales: Vec<f32>,
    sums: Vec<f32>,
    zero: i32,
}

#[derive(Debug)]
enum Place {
    Mapped(Range<usize>),
    Own(Vec<u8>),
}

impl SignedWeights {
    /// Finds the matrix `name.signed` of `inner × outer`, its scales `name.scales` and its sums `name.sums`.
    pub fn open(file: &Container, name: &str, inner: usize, outer: usize) -> Result<SignedWeights> {
        let matrix = format!("{name}.signed");
        file.bytes(&matrix, inner * outer)?;
        Ok(SignedWeights {
            place: Place::Mapped(file.range(&matrix)?),
            inner,
            outer,
            scales: file.floats(&format!("{name}.scales"), outer)?,
            sums: file.floats(&format!("{name}.sums"), outer)?,
            zero: 0,
        })
    }

    /// The matrix that [`Weights::open`] finds under `name`, reordered for products in whole numbers; exact, and a copy in memory.
    /// `inner` is a multiple of 4.
    pub fn reorder(file: &Container, name: &str, inner: usize, outer: usize) -> Result<SignedWeights> {
        let found = Weights::open(file, name, inner, outer)?;
        let bytes = &file.map()[found.range.clone()];
        let mut row_major = vec![0i8; inner * outer];
        for (panel, part) in bytes.chunks_exact(inner * PANEL).enumerate() {
            for (k, line) in part.chunks_exact(PANEL).enumerate() {
                let at = k * outer + panel * PANEL;
                row_major[at..at + PANEL].iter_mut().zip(line).for_each(|(to, byte)| *to = byte.wrapping_sub(128) as i8);
            }
        }
        let (data, sums) = gemm8::panels(&row_major, inner, outer);
        Ok(SignedWeights { place: Place::Own(data), inner, outer, scales: found.scales, sums, zero: found.zero.round() as i32 - 128 })
    }

    /// The matrix in `map`, the mapping of the file it was opened from.
    pub fn of<'a>(&'a self, map: &'a [u8]) -> Signed<'a> {
        let data = match &self.place {
            Place::Mapped(range) => &map[range.clone()],
            Place::Own(data) => data,
        };
        Signed { data, inner: self.inner, outer: self.outer, scales: &self.scales, sums: &self.sums, zero: self.zero }
    }
}
