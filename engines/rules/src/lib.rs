//! The one condition tree: saved views, service levels, later rules, segments and reports.
//!
//! It is data (JSON), total (never fails once validated), explains itself, and compiles to SQL where its fields lie in
//! columns. No I/O, no clock: `now` is an argument.

mod compile;
mod condition;
mod evaluate;

pub use compile::{Column, Compiled, compile};
pub use condition::{Catalogue, Condition, Fault, FieldKind, Op};
pub use evaluate::{Facts, evaluate, explain};
