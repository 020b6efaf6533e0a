//! Who may move a case out of a stage.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One way to be allowed. Any of a stage's list is enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Works on it now.
    Assignee,
    /// 首问责任人.
    Accountable,
    /// Helps with it.
    CoHandler,
    /// Any member of the case's team.
    Team,
    /// Holds this permission for the case.
    Permission(String),
    /// The product itself: reviews, rules, clocks.
    System,
}

impl Who {
    /// What an administrator writes.
    pub fn word(&self) -> String {
        match self {
            Self::Assignee => "assignee".into(),
            Self::Accountable => "accountable".into(),
            Self::CoHandler => "co_handler".into(),
            Self::Team => "team".into(),
            Self::System => "system".into(),
            Self::Permission(code) => format!("permission:{code}"),
        }
    }

    /// Reads what an administrator wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "assignee" => Self::Assignee,
            "accountable" => Self::Accountable,
            "co_handler" => Self::CoHandler,
            "team" => Self::Team,
            "system" => Self::System,
            other => {
                let code = other.strip_prefix("permission:")?;
                let fits = code.contains('.') && code.chars().all(|c| c.is_ascii_lowercase() || c == '.' || c == '_') && !code.starts_with('.') && !code.ends_with('.');
                fits.then(|| Self::Permission(code.to_owned()))?
            }
        })
    }
}

impl Serialize for Who {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.word())
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("there is no `{text}` among those who may move a case; expected assignee, accountable, co_handler, team, system or permission:CODE")))
    }
}
