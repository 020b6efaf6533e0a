//! What the customer register tells.

use shouwen_kernel::{CaseId, ConversationId, CustomerId, IdentityId, MessageId, ObjectId, OrgUnitId};

events! {
    /// Events of customers.
    pub enum CustomerEvent {
        /// The sender of an inbound message was found or created. Exactly one for each `message.received`
        /// (also for automatic mail); `casework` opens or continues the conversation on it.
        "customer.recognised" => Recognised {
            message_id: MessageId,
            customer_id: CustomerId,
            identity_id: IdentityId,
            name: String,
            /// First contact ever.
            created: bool,
            language: Option<String>,
            region: Option<String>,
            tier: Option<String>,
            org_unit_id: Option<OrgUnitId>,
            /// The `message.received` payload travels along, so that who reacts needs no look-up.
            received: crate::channel::Received,
        },
        /// Created or changed by a person or import.
        "customer.saved" => Saved { customer_id: CustomerId, name: String, language: Option<String>, region: Option<String>, tier: Option<String>, org_unit_id: Option<OrgUnitId> },
        /// A participant of `case.participant_joined` was found in the register, or put there. One for each address.
        "customer.matched" => Matched { case_id: CaseId, conversation_id: ConversationId, participant_id: ObjectId, customer_id: CustomerId, name: String },
        /// `customer_id` is now part of `into`.
        "customer.merged" => Merged { customer_id: CustomerId, into: CustomerId },
        "customer.unmerged" => Unmerged { customer_id: CustomerId, from: CustomerId },
    }
}
