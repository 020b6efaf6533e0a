//! Message-IDs that prove their thread. The same message always gets the same one, so that a retry is no second mail.

use shouwen_crypt::Keys;
use shouwen_kernel::{ConversationId, MessageId};
use shouwen_mail::{Message, find_token, make_token, token};

const THREAD: &str = "mail.thread";
const NONCE: &str = "mail.nonce";

fn mac(keys: &Keys) -> impl Fn(&[u8]) -> Vec<u8> + '_ {
    |input| keys.sign(THREAD, input).to_vec()
}

/// Message-ID (without brackets) of our message: `c.{conversation}.{nonce}.{mac}@domain`, or `m.{nonce}@domain` without a thread.
pub fn wire_id(keys: &Keys, message: MessageId, conversation: Option<ConversationId>, domain: &str) -> String {
    let nonce = keys.sign(NONCE, message.0.as_bytes());
    match conversation {
        Some(conversation) => token::message_id(&make_token(conversation.0.as_bytes(), &nonce[..8], mac(keys)), domain),
        None => format!("m.{}@{domain}", shouwen_crypt::hex(&nonce)),
    }
}

/// `inbox+token@domain` for Reply-To; `None` when it would be longer than mail systems take (64 characters before the @).
pub fn reply_address(keys: &Keys, conversation: ConversationId, inbox: &str) -> Option<String> {
    let nonce = keys.sign(NONCE, conversation.0.as_bytes());
    let address = token::plus_address(inbox, &make_token(conversation.0.as_bytes(), &nonce[..2], mac(keys)))?;
    (address.rfind('@')? <= 64).then_some(address)
}

/// The conversation whose token a mail carries; checked.
pub fn conversation_of(keys: &Keys, message: &Message) -> Option<ConversationId> {
    let token = find_token(message, mac(keys))?;
    <[u8; 16]>::try_from(token.conversation.as_slice()).ok().map(|bytes| ConversationId(uuid::Uuid::from_bytes(bytes)))
}
