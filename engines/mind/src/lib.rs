//! Text understanding that is right, or says it does not know.
//!
//! Pure: no network, no clock, no database. Files are read only by [`cli`] and by the encoder's memory map.

pub mod calibrate;
pub mod core;
pub mod dense;
pub mod encoder;
pub mod evaluate;
pub mod features;
pub mod linear;
pub mod measure;
pub mod mind;
pub mod neighbours;
pub mod normalise;
pub mod problem;
pub mod random;
pub mod rows;
mod simd;
pub mod svm;
pub mod trainer;
pub mod units;
pub mod vocab;

pub use mind::{Mind, Prediction, Purpose, TrainOptions};
pub use problem::{Problem, Result};
pub use rows::Row;
pub use trainer::Tuning;
