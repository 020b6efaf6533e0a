//! The words every room shares: ids, time, who acts, what went wrong, what a person may see.
//!
//! No I/O. Tiny and boring on purpose: an edit here rebuilds the world.

pub mod access;
pub mod actor;
pub mod clock;
pub mod id;
pub mod lang;
pub mod problem;
pub mod schema;
pub mod text;

pub use access::{Access, Grant, Permission, Reach, Scope};
pub use actor::Actor;
pub use clock::{Clock, ManualClock, SystemClock, Time};
pub use id::*;
pub use lang::Lang;
pub use problem::{Kind, Problem, Result};
