//! Full-text search in Chinese and English: one local index per node, fed by tailing the event log.
//!
//! ```text
//! log ──► subscriber ──► Index::put / scope / delete ──► Index::commit(position)
//!                                                            │
//! viewer's scope + text ──► Index::search ◄──────────────────┘   findable when commit returns
//! ```
//!
//! - The log position lives in the commit itself, so what a crash loses is exactly what the log still holds:
//!   after opening, feed from [`Index::position`] on. `None` means from the beginning.
//! - An index of another version, or one that cannot be read, is thrown away and built again; nothing in it is original.
//! - **Who may see what** is no field of a message. Every case (and customer) has one tiny access document; a message names
//!   its case. A search first turns the viewer's branches into the set of visible cases (kept until the next commit) and
//!   tests each candidate against it *while collecting*, before ranking cuts anything off. So a case that changes hands costs one small document however long its history is, and
//!   a text without an access document is seen by nobody but a viewer of everything.
//! - No call fails on odd text: there are no operators, so there is nothing to get wrong.
//!
//! Sealed personal fields do not belong in here: the index stores text as it is.

mod build;
mod collect;
mod doc;
mod fold;
mod index;
mod schema;
mod snippet;
mod tokens;
mod visible;

pub use doc::{Branch, Doc, Kind, Query, Results, Hit, Visibility};
pub use index::{Index, Stats};
pub use snippet::Snippet;
pub use tokens::warm;
