//! Indicators: definitions that keep numerator and denominator, and percentiles from mergeable histograms. Pure.

mod definition;
mod histogram;

pub use definition::{DEFINITIONS, Definition, Direction, Shape, definition};
pub use histogram::{Spread, bucket_of, percentile, value_of};
