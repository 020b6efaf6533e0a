//! What casework tells: conversations, messages, cases. The subject of each is the case.

use shouwen_kernel::{CaseId, ConversationId, CustomerId, InboxId, MessageId, ObjectId, OrgUnitId, PersonId, TeamId, Time};

events! {
    /// Events of cases and their conversations.
    pub enum CaseEvent {
        /// A matter was accepted.
        "case.opened" => Opened {
            case_id: CaseId,
            /// Human number, unique in the workspace: `2026-000123`.
            number: String,
            case_type: String,
            title: String,
            /// `low`, `normal`, `high`, `urgent`.
            priority: String,
            stage: String,
            /// `open`, `waiting`, `resolved`, `closed`.
            status: String,
            channel: String,
            inbox_id: Option<InboxId>,
            customer_id: Option<CustomerId>,
            customer_name: Option<String>,
            region: Option<String>,
            tier: Option<String>,
            org_unit_id: Option<OrgUnitId>,
            team_id: Option<TeamId>,
            assignee_id: Option<PersonId>,
            accountable_id: Option<PersonId>,
            tags: Vec<String>,
            language: Option<String>,
            opened_at: Time,
        },
        /// A message joined the case's conversation. Direction `in`, `out` or `note`.
        "case.message_added" => MessageAdded {
            case_id: CaseId,
            conversation_id: ConversationId,
            message_id: MessageId,
            direction: String,
            author_id: Option<PersonId>,
            author_name: String,
            /// At most 200 characters, one line.
            preview: String,
            /// Blob with the indexable text: [`crate::message::Content`].
            content: String,
            at: Time,
            /// Automatic mail neither starts nor stops a clock.
            auto: bool,
            /// From a verified participant.
            verified: bool,
            mentions: Vec<PersonId>,
            /// Names of the files that came with it; not of pictures shown within its text, nor of files we had sent ourselves.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            files: Vec<String>,
        },
        /// An outbound message changed state: queued, sending, sent, deferred, failed, cancelled.
        "case.message_state" => MessageState { case_id: CaseId, message_id: MessageId, state: String, detail: Option<String> },
        /// The assignee or the team changed. `reason` in words; `by` is `person`, `routing`, `undo` …
        "case.assigned" => Assigned { case_id: CaseId, from_person: Option<PersonId>, to_person: Option<PersonId>, from_team: Option<TeamId>, to_team: Option<TeamId>, org_unit_id: Option<OrgUnitId>, reason: String, by: String },
        /// The accountable person (首问责任人) was set or handed over.
        "case.accountable" => Accountable { case_id: CaseId, from: Option<PersonId>, to: Option<PersonId>, reason: String },
        "case.stage" => StageChanged { case_id: CaseId, from: String, to: String, from_status: String, to_status: String, reason: Option<String>, at: Time },
        /// It stands in a stage whose solution is reviewed by `flow`; approved leads to one stage, returned to another.
        "case.review_wanted" => ReviewWanted {
            case_id: CaseId,
            flow: String,
            stage: String,
            approved: String,
            returned: String,
            by: Option<PersonId>,
            /// Whose judgement is reviewed beside theirs (who lowered a risk): they decide nothing in it.
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            judged: Vec<PersonId>,
            at: Time,
        },
        /// Something was found out about its end. Way `customer`, `signature`, `callback`, `reason`; outcome `confirmed`,
        /// `rejected`, `unreachable`.
        "case.verified" => Verified { case_id: CaseId, way: String, outcome: String, text: Option<String>, by: Option<PersonId>, at: Time },
        /// The customer was asked whether it is solved.
        "case.verification_asked" => VerificationAsked { case_id: CaseId, way: String, by: Option<PersonId>, expires_at: Time, at: Time },
        /// It waits for a work order from now on; `again`: one that was done is open again. Subject: the parent.
        "case.child_opened" => ChildOpened {
            case_id: CaseId,
            child_id: CaseId,
            number: String,
            case_type: String,
            title: String,
            team_id: Option<TeamId>,
            org_unit_id: Option<OrgUnitId>,
            assignee_id: Option<PersonId>,
            due_at: Option<Time>,
            again: bool,
            at: Time,
        },
        /// A work order is done; the parent waited since `opened_at`. Subject: the parent.
        "case.child_closed" => ChildClosed {
            case_id: CaseId,
            child_id: CaseId,
            number: String,
            title: String,
            resolution: String,
            text: Option<String>,
            team_id: Option<TeamId>,
            org_unit_id: Option<OrgUnitId>,
            opened_at: Time,
            at: Time,
        },
        /// It became (or is no longer) a work order of another case, to be done by `due_at`. Subject: the work order.
        "case.parent" => ParentSet { case_id: CaseId, parent_id: Option<CaseId>, due_at: Option<Time> },
        /// 催办: somebody, or a rule, asks to get on with it.
        "case.reminded" => Reminded { case_id: CaseId, by: Option<PersonId>, text: String, to: Vec<PersonId>, count: i64, at: Time },
        /// Somebody works on it beside the assignee, or does no longer.
        "case.co_handler" => CoHandler { case_id: CaseId, person_id: PersonId, removed: bool },
        /// A hand-over of accountability: `offered`, `accepted`, `declined`, `withdrawn`, `expired`.
        "case.hand_over" => HandOver { case_id: CaseId, from: Option<PersonId>, to: PersonId, state: String, reason: String, expires_at: Option<Time> },
        /// A wish of a rule, a review or a warning could not be carried out.
        "case.wish_refused" => WishRefused { case_id: Option<CaseId>, source: String, reason: String, problem: serde_json::Value },
        /// One simple field changed: title, priority, type, language, org_unit or `fields.<key>`.
        "case.edited" => Edited { case_id: CaseId, field: String, from: serde_json::Value, to: serde_json::Value },
        "case.tagged" => Tagged { case_id: CaseId, added: Vec<String>, removed: Vec<String> },
        /// Reached its end; what the survey and the indicators need.
        "case.closed" => Closed { case_id: CaseId, resolution: String, text: Option<String>, by: Option<PersonId>, at: Time, conversation_id: Option<ConversationId>, ask: bool },
        "case.reopened" => Reopened { case_id: CaseId, reason: String, at: Time },
        "case.customer" => CustomerSet { case_id: CaseId, from: Option<CustomerId>, to: Option<CustomerId>, name: Option<String> },
        /// `case_id` went into `into`; its conversations moved.
        "case.merged" => Merged { case_id: CaseId, into: CaseId, conversations: Vec<ConversationId> },
        "case.unmerged" => Unmerged { case_id: CaseId, from: CaseId, conversations: Vec<ConversationId> },
        /// Messages left `case_id` for the new case.
        "case.split" => Split { case_id: CaseId, into: CaseId, messages: Vec<MessageId> },
        "case.linked" => Linked { case_id: CaseId, other: CaseId, link: String, removed: bool },
        "case.watched" => Watched { case_id: CaseId, person_id: PersonId, removed: bool },
        "case.snoozed" => Snoozed { case_id: CaseId, until: Option<Time>, reason: String },
        /// Somebody was named in a conversation who has not written themselves (a case made by hand, a first mail of ours, a
        /// participant added): one person with the addresses given. `customers` finds or creates them and tells
        /// `customer.matched`. The event's access is the case's.
        "case.participant_joined" => ParticipantJoined {
            case_id: CaseId,
            conversation_id: ConversationId,
            /// The name given; may be empty.
            name: String,
            addresses: Vec<ParticipantAddress>,
            inbox_id: Option<InboxId>,
            language: Option<String>,
        },
        /// A participant was accepted as who they say they are.
        "case.participant_verified" => ParticipantVerified { case_id: CaseId, conversation_id: ConversationId, by: PersonId },
    }
}

/// A stage of a case type, as others need it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TypeStage {
    pub key: String,
    pub title_zh: String,
    pub title_en: String,
    /// `open`, `waiting`, `resolved`, `closed`.
    pub status: String,
    /// Step of the closed loop.
    pub step: String,
    /// Kinds of clocks that rest here.
    pub pause: Vec<String>,
    /// Flow of reviews it asks for.
    pub review: Option<String>,
}

events! {
    /// Events of case types; no subject.
    pub enum CaseTypeEvent {
        /// A version of a type was saved, by a person or a pack.
        "case_type.saved" => TypeSaved {
            key: String,
            version: i64,
            pack: Option<String>,
            title_zh: String,
            title_en: String,
            stages: Vec<TypeStage>,
            /// The form of `fields`, as `shouwen-forms` reads it.
            form: Option<serde_json::Value>,
        },
        "case_type.removed" => TypeRemoved { key: String },
    }
}

/// One address of somebody who joined a conversation.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct ParticipantAddress {
    /// The row of the conversation's participants it stands in.
    pub participant_id: ObjectId,
    /// `email` or `phone`.
    pub kind: String,
    /// Sealed, with its blind index.
    pub party: crate::message::Party,
}
