//! What was wrong with an input, where, and what would have been right.

use serde::Serialize;
use std::fmt;

/// An error of this engine. Never a panic: every input a person, a file or a network can bring ends here or in a result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Stable machine-readable name, for example `data.no_tab`.
    pub code: &'static str,
    /// What was wrong.
    pub wrong: String,
    /// What would be right.
    pub right: String,
    /// File or source name, when there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Line, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// Column in characters (bytes where the line is not UTF-8), counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
}

/// Shorthand used across the engine.
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem without a place.
    pub fn new(code: &'static str, wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Problem { code, wrong: wrong.into(), right: right.into(), source: None, line: None, column: None }
    }

    /// The same problem at `line`, `column` of `source`.
    pub fn at(mut self, source: &str, line: usize, column: usize) -> Self {
        self.source = Some(source.to_string());
        self.line = Some(line);
        self.column = Some(column);
        self
    }

    /// The same problem in `source`, place unknown.
    pub fn within(mut self, source: &str) -> Self {
        self.source = Some(source.to_string());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}:")?;
        }
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(column) = self.column {
            write!(f, "{column}:")?;
        }
        if self.source.is_some() || self.line.is_some() {
            f.write_str(" ")?;
        }
        write!(f, "{}; {} [{}]", self.wrong, self.right, self.code)
    }
}

impl std::error::Error for Problem {}
