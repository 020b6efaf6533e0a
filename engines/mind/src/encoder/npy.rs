//! Arrays as numpy stores them.

use crate::problem::{Problem, Result};

/// One array: element type, shape, raw little-endian bytes.
#[derive(Debug, Clone)]
pub struct Array {
    /// `|u1`, `<f4`, …
    pub kind: String,
    /// Lengths, outermost first.
    pub shape: Vec<usize>,
    /// Elements, row-major.
    pub bytes: Vec<u8>,
}

impl Array {
    /// Reads one `.npy` member.
    pub fn read(data: &[u8]) -> Result<Array> {
        let parse = || -> Option<Array> {
            if data.get(..6)? != b"\x93NUMPY" {
                return None;
            }
            let (len, start) = match data.get(6)? {
                1 => (u16::from_le_bytes(data.get(8..10)?.try_into().ok()?) as usize, 10),
                _ => (u32::from_le_bytes(data.get(8..12)?.try_into().ok()?) as usize, 12),
            };
            let header = std::str::from_utf8(data.get(start..start + len)?).ok()?;
            let kind = header.split("'descr':").nth(1)?.split('\'').nth(1)?.to_string();
            if header.split("'fortran_order':").nth(1)?.trim_start().starts_with("True") {
                return None;
            }
            let shape = header.split("'shape':").nth(1)?.split('(').nth(1)?.split(')').next()?;
            let shape: Vec<usize> =
                shape.split(',').map(str::trim).filter(|s| !s.is_empty()).map(|s| s.parse().ok()).collect::<Option<_>>()?;
            let width = kind.get(2..)?.parse::<usize>().ok()?;
            let bytes = data.get(start + len..)?.to_vec();
            let size = shape.iter().try_fold(width, |a, b| a.checked_mul(*b))?;
            (size == bytes.len()).then_some(Array { kind, shape, bytes })
        };
        parse().ok_or_else(|| Problem::new("encoder.array", "an array that could not be read", "a numpy array, version 1 or 2, row-major"))
    }

    /// The elements as 32-bit floats.
    pub fn floats(&self) -> Result<Vec<f32>> {
        match self.kind.as_str() {
            "<f4" => Ok(self.bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()),
            "<f8" => Ok(self
                .bytes
                .chunks_exact(8)
                .map(|b| f64::from_le_bytes([b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]]) as f32)
                .collect()),
            other => Err(Problem::new("encoder.array", format!("elements of type {other}"), "<f4 or <f8")),
        }
    }
}
