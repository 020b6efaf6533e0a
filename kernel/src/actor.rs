//! Who did it. Stands in every event and every audit row.

use serde::{Deserialize, Serialize};

use crate::{CustomerId, PersonId, TokenId};

/// The one who acts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// A member of staff, in person or through an API token of theirs.
    Person { id: PersonId, #[serde(default, skip_serializing_if = "Option::is_none")] token: Option<TokenId> },
    /// A customer, through a message or a public page.
    Customer { id: Option<CustomerId> },
    /// A part of the product itself (`mail`, `clock`, `routing`, `cli` …).
    System { name: String },
}

impl Actor {
    /// A member of staff acting in person.
    pub fn person(id: PersonId) -> Self {
        Self::Person { id, token: None }
    }
    /// A part of the product.
    pub fn system(name: &str) -> Self {
        Self::System { name: name.to_owned() }
    }
    /// The member of staff, if it is one.
    pub fn person_id(&self) -> Option<PersonId> {
        match self {
            Self::Person { id, .. } => Some(*id),
            _ => None,
        }
    }
}
