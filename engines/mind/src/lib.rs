//! Text understanding that is right, or says it does not know.
//!
//! A pure library: no network, no clock, no database. Files are read only by [`cli`] and by the encoder's memory map.
//!
//! ```
//! use shouwen_mind::{Mind, Purpose, Row, TrainOptions, Tuning};
//! let rows = vec![Row::new("refund", "怎么申请退款"), Row::new("refund", "我要退钱"), Row::new("invoice", "开发票"), Row::new("invoice", "发票怎么开")];
//! let mind = Mind::train(&rows, TrainOptions { purpose: Purpose::Intent, tuning: Tuning::default() }, &[])?;
//! let answer = mind.predict("请问如何退款", &[]);
//! assert_eq!(answer.label.as_deref(), Some("refund"));
//! assert!(!answer.accepted, "four examples are not enough to answer alone");
//! # Ok::<(), shouwen_mind::Problem>(())
//! ```

#![warn(missing_docs)]

pub mod calibrate;
pub mod cli;
pub mod contrast;
pub mod core;
pub mod dense;
pub mod encoder;
pub mod evaluate;
pub mod extract;
pub mod faq;
pub mod features;
pub mod file;
pub mod fold;
pub mod kernel;
pub mod language;
pub mod learning;
pub mod linear;
pub mod measure;
pub mod mind;
pub mod mood;
pub mod neighbours;
pub mod normalise;
pub mod problem;
pub mod radial;
pub mod random;
pub mod rows;
pub mod segment;
mod simd;
pub mod similar;
mod softmax;
pub mod svm;
pub mod trainer;
pub mod units;
pub mod vocab;

pub use mind::{Mind, Prediction, Purpose, TrainOptions};
pub use problem::{Problem, Result};
pub use rows::Row;
pub use trainer::Tuning;
