//! The MIME layer: lines, headers, transfer encodings, the tree of parts. Knows nothing of what parts mean.
//!
//! The splitting is our own, not mail-parser's: that one finds a boundary anywhere in a line and takes `--foobar` for the
//! boundary `foo`, does not read CR-only mails, and skips text lines in a header block instead of starting the body there.
//! Its charset tables are used, and it serves as a second opinion in the tests.

pub mod headers;
pub mod lines;
pub mod transfer;
pub mod tree;
