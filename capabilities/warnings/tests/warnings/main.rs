//! Early warnings against the HTTP API and the log, on both databases.

mod bulletins;
mod common;
mod crises;
mod hard;
mod raising;
mod settings;
