//! What one capability asks casework to do. Whoever wishes (a rule, a review, an early warning) emits; casework carries
//! out, and tells with its own events what came of it. So nobody imports casework, and every change of a case goes
//! through its one door. Letters to people of the house are wished in the same way; identity, which knows their
//! addresses, sends them.

use shouwen_kernel::{CaseId, CustomerId, OrgUnitId, PersonId, TeamId};

events! {
    /// Wishes addressed to casework.
    pub enum WishEvent {
        /// A case is to be opened. Subject: the parent case, or nothing. One case per `source`: a wish told twice opens one.
        "wish.case" => CaseWish {
            /// Who wishes, and for what: unique in the workspace, e.g. `warning:01k…`.
            source: String,
            case_type: String,
            title: String,
            /// First internal note; may be empty.
            text: String,
            priority: Option<String>,
            parent_id: Option<CaseId>,
            customer_id: Option<CustomerId>,
            org_unit_id: Option<OrgUnitId>,
            team_id: Option<TeamId>,
            assignee_id: Option<PersonId>,
            tags: Vec<String>,
            /// Answers to the type's form.
            fields: serde_json::Value,
            /// Cases it concerns: linked as `related`.
            related: Vec<CaseId>,
        },
        /// Something is to be done to a case. Subject: the case. Refused wishes become `case.wish_refused`.
        "wish.action" => ActionWish {
            /// Who wishes, and for what: unique, so that a wish told twice is carried out once.
            source: String,
            case_id: CaseId,
            /// An action of `shouwen-rules`, as JSON.
            action: serde_json::Value,
            /// Shown in the timeline.
            reason: String,
            /// Keys of the rules that led here, oldest first: stops loops.
            chain: Vec<String>,
        },
    }
}

events! {
    /// Wishes addressed to identity.
    pub enum LetterEvent {
        /// Mail to people of the house. Once per `source` and person; whoever has no address or is not active gets none.
        "wish.letter" => LetterWish {
            /// Who wishes, and for what: unique in the workspace, e.g. `review:01k…:2`.
            source: String,
            people: Vec<PersonId>,
            subject: String,
            /// Blob with the text: [`crate::message::Content`] as JSON (`text`, `html`). Not in the event, because it may hold a link that is a key.
            body: String,
        },
    }
}
