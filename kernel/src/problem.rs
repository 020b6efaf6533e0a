//! What went wrong, told so that the reader can mend it.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// `Result` with a [`Problem`].
pub type Result<T, E = Problem> = std::result::Result<T, E>;

/// The class of a problem; decides the HTTP status and whether a retry can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The input is wrong (400/422).
    Invalid,
    /// Nobody is signed in (401).
    Unauthenticated,
    /// The viewer may not (403).
    Forbidden,
    /// There is no such thing, or the viewer may not know of it (404).
    NotFound,
    /// The state has moved on since the caller looked (409).
    Conflict,
    /// Too much (413).
    TooLarge,
    /// Too often (429).
    TooMany,
    /// Something outside does not answer or refuses (502).
    Upstream,
    /// We cannot now, but may later (503).
    Unavailable,
    /// Our fault (500).
    Internal,
}

/// An error with a stable code (also the key of its translation), what was wrong, and what would be right.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Problem {
    /// The class.
    #[serde(skip, default = "internal")]
    pub kind: Kind,
    /// Stable snake_case code with dots, e.g. `case.already_closed`.
    pub code: Cow<'static, str>,
    /// One English sentence: what was wrong, naming the value.
    pub message: String,
    /// The field of the request that was wrong, as a path (`to[0].address`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What would have been right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Further facts for the reader (the other version at a conflict, the limit that was passed …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<serde_json::Value>,
}

fn internal() -> Kind {
    Kind::Internal
}

impl Problem {
    /// A problem of a given class.
    pub fn new(kind: Kind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into(), field: None, expected: None, detail: None }
    }
    /// The input field `field` is wrong; code `invalid.<field>`.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        let field = field.into();
        let mut problem = Self::new(Kind::Invalid, "invalid", message);
        problem.field = Some(field);
        problem
    }
    /// No such `what`.
    pub fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, "not_found", format!("there is no such {what}, or you may not see it"))
    }
    /// The viewer lacks `permission`.
    pub fn forbidden(permission: &str) -> Self {
        Self::new(Kind::Forbidden, "forbidden", format!("this needs the permission `{permission}`"))
            .expected("ask an administrator for a role with it")
    }
    /// Nobody is signed in.
    pub fn unauthenticated() -> Self {
        Self::new(Kind::Unauthenticated, "unauthenticated", "nobody is signed in").expected("sign in, or send `Authorization: Bearer <API token>`")
    }
    /// The state has moved on.
    pub fn conflict(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, code, message)
    }
    /// Our fault; the message goes to the log and, shortened, to the caller.
    pub fn internal(message: impl std::fmt::Display) -> Self {
        Self::new(Kind::Internal, "internal", message.to_string())
    }
    /// Adds what would have been right.
    #[must_use]
    pub fn expected(mut self, text: impl Into<String>) -> Self {
        self.expected = Some(text.into());
        self
    }
    /// Adds the field.
    #[must_use]
    pub fn field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }
    /// Sets a more telling code.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = code.into();
        self
    }
    /// Adds further facts.
    #[must_use]
    pub fn detail(mut self, detail: serde_json::Value) -> Self {
        self.detail = Some(detail);
        self
    }
    /// Whether the same call may succeed later without change.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Unavailable | Kind::Upstream | Kind::TooMany)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}", self.message)?;
        if let Some(expected) = &self.expected {
            write!(f, "; expected {expected}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(format!("JSON: {error}"))
    }
}
