//! What channels tell. Emitted by every adapter under `channels/`.

use shouwen_kernel::{ConversationId, InboxId, MessageId, OrgUnitId, TeamId, Time};

use crate::message::{AttachmentRef, Party};

events! {
    /// Events of the channels.
    pub enum ChannelEvent {
        /// A message came in, was stored and understood. Emitted once per stored message.
        "message.received" => Received {
            message_id: MessageId,
            inbox_id: InboxId,
            /// `email`, later `webchat`, `wechat` …
            channel: String,
            from: Party,
            reply_to: Option<Party>,
            to: Vec<Party>,
            cc: Vec<Party>,
            /// When it reached us.
            received_at: Time,
            /// What the sender's clock said.
            sent_at: Option<Time>,
            /// At most 200 characters, one line.
            preview: String,
            subject: String,
            /// SHA-256 of the JSON blob with [`crate::message::Content`].
            content: String,
            /// SHA-256 of the raw bytes.
            raw: String,
            attachments: Vec<AttachmentRef>,
            /// The wire's own ids, for threading: without angle brackets.
            wire_id: Option<String>,
            in_reply_to: Vec<String>,
            references: Vec<String>,
            /// The conversation whose signed token the message carried; the signature was checked.
            token: Option<ConversationId>,
            /// Why it is automatic (`auto-replied`, `bounce`, `list` …), or null. No automatic answer goes to an automatic message.
            auto: Option<String>,
            /// One of our own messages bounced: its wire id.
            bounce_of: Option<String>,
            /// `zh` or `en`, when it could be told.
            language: Option<String>,
        },
        /// What became of a message we sent. `state`: sending, sent, deferred, failed, bounced.
        "message.delivery" => Delivery {
            message_id: MessageId,
            state: String,
            /// The server's own words, or our reason.
            detail: Option<String>,
            /// The wire id it travels under, without angle brackets.
            wire_id: Option<String>,
            at: Time,
        },
        /// An inbox was created or changed. What others need of it; no secrets.
        "inbox.saved" => InboxSaved {
            inbox_id: InboxId,
            channel: String,
            name: String,
            /// Own address, plain: it is ours and public.
            address: String,
            active: bool,
            team_id: Option<TeamId>,
            org_unit_id: Option<OrgUnitId>,
            /// Appended to replies.
            signature: String,
            default_language: String,
        },
        /// An inbox was deleted.
        "inbox.deleted" => InboxDeleted { inbox_id: InboxId },
        /// A raw message could not be understood and waits in quarantine.
        "message.quarantined" => Quarantined { message_id: MessageId, inbox_id: InboxId, reason: String, at: Time },
    }
}
