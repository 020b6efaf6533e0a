//! What goes in and what comes out.

use serde::{Deserialize, Serialize};

use crate::Snippet;

/// What a document stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A case: its number, title, tags, fields.
    Case,
    /// A message or note of a case.
    Message,
    /// A customer: the name and whatever else is not sealed.
    Customer,
}

impl Kind {
    pub(crate) fn code(self) -> u64 {
        match self {
            Self::Case => 1,
            Self::Message => 2,
            Self::Customer => 3,
        }
    }
    pub(crate) fn of(code: u64) -> Option<Self> {
        [Self::Case, Self::Message, Self::Customer].into_iter().find(|k| k.code() == code)
    }
}

/// Who may see a case or customer and everything that belongs to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visibility {
    /// The org unit it belongs to (the viewer's side brings the units above, already widened).
    pub org_unit: Option<String>,
    /// The team it lies with.
    pub team: Option<String>,
    /// Assignee, accountable person, watchers.
    pub people: Vec<String>,
}

/// One searchable thing. Putting a key again replaces what was there.
#[derive(Clone, Debug)]
pub struct Doc {
    /// Unique in the index; ids such as `msg_…` are.
    pub key: String,
    /// What it stands for.
    pub kind: Kind,
    /// The case it belongs to; for a customer, the customer's own id. Decides visibility, see [`crate::Index::scope`].
    pub case_id: String,
    /// The workspace it belongs to.
    pub workspace: String,
    /// Weighs more than the body.
    pub title: String,
    /// Everything else a person might type to find it.
    pub body: String,
    /// Case number (`2026-000123`), found whole and by its tail; empty when there is none.
    pub number: String,
    /// When it happened, seconds since 1970; newer wins between equals.
    pub at: i64,
}

/// One way in; mirrors the kernel's scope branches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Branch {
    /// Everything in the workspace.
    All,
    /// What this person has to do with.
    Person(String),
    /// What lies with this team.
    Team(String),
    /// What belongs to this org unit.
    OrgUnit(String),
}

impl From<shouwen_kernel::access::Branch> for Branch {
    fn from(branch: shouwen_kernel::access::Branch) -> Self {
        use shouwen_kernel::access::Branch as B;
        match branch {
            B::All => Self::All,
            B::Person(id) => Self::Person(id.to_string()),
            B::Team(id) => Self::Team(id.to_string()),
            B::OrgUnit(id) => Self::OrgUnit(id.to_string()),
        }
    }
}

/// What a viewer asks.
#[derive(Clone, Debug)]
pub struct Query {
    /// As typed. Words are joined by AND; when nothing has them all, what has most of them is returned, marked `partial`.
    pub text: String,
    /// The viewer's workspace.
    pub workspace: String,
    /// Kinds wanted; empty means all.
    pub kinds: Vec<Kind>,
    /// The viewer's scope. Empty sees nothing.
    pub scope: Vec<Branch>,
    /// At most this many hits (capped at 200).
    pub limit: usize,
    /// Of several hits in one case keep the best.
    pub one_per_case: bool,
}

/// One thing found.
#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    /// As put.
    pub key: String,
    /// As put.
    pub kind: Kind,
    /// As put.
    pub case_id: String,
    /// As put.
    pub title: String,
    /// As put, seconds since 1970.
    pub at: i64,
    /// Higher is better; comparable within one answer only.
    pub score: f32,
    /// The part of the body (else of the title) that shows why.
    pub snippet: Snippet,
}

/// The answer to one query.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Results {
    /// Best first.
    pub hits: Vec<Hit>,
    /// True when nothing had every word and these have some of them.
    pub partial: bool,
}
