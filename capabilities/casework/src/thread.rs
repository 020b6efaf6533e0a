//! Which conversation a message belongs to: by a verified token, by the wire's own ids, never by a number in a subject.

use shouwen_contracts::channel::Received;
use shouwen_kernel::{ConversationId, InboxId, MessageId, Result, WorkspaceId};
use shouwen_store::{Tx, Value, ToValue};

use crate::conversation::Conversation;

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    pub conversation: Conversation,
    /// The message of ours that bounced.
    pub bounced: Option<MessageId>,
}

/// At most this many ids of a References header are looked up, the newest first.
const MOST_REFERENCES: usize = 30;

struct Known {
    wire_id: String,
    message: MessageId,
    conversation: ConversationId,
    inbox: Option<InboxId>,
    out: bool,
}

/// The conversation a received message continues, if any.
pub fn find(tx: &Tx<'_>, workspace: WorkspaceId, received: &Received) -> Result<Option<Thread>> {
    let mut wanted: Vec<&str> = Vec::new();
    let ids = received.bounce_of.iter().chain(received.in_reply_to.iter()).chain(received.references.iter().rev());
    for id in ids {
        if !id.is_empty() && !wanted.contains(&id.as_str()) && wanted.len() < MOST_REFERENCES {
            wanted.push(id);
        }
    }
    let known = look_up(tx, workspace, &wanted)?;
    // Our own bounced message: only one we sent counts.
    if let Some(bounced) = received.bounce_of.as_ref().and_then(|id| known.iter().find(|k| k.out && &k.wire_id == id)) {
        return Ok(follow(tx, workspace, bounced.conversation)?.map(|conversation| Thread { conversation, bounced: Some(bounced.message) }));
    }
    // One mail that went to two of our inboxes has two conversations: the one of this inbox is meant.
    let referred = wanted.iter().find_map(|id| {
        let mut same: Vec<&Known> = known.iter().filter(|k| k.wire_id == *id).collect();
        same.sort_by_key(|k| (k.inbox != Some(received.inbox_id), std::cmp::Reverse(k.message)));
        same.first().map(|k| k.conversation)
    });
    let token = match received.token {
        Some(token) => Conversation::load(tx, workspace, token)?,
        None => None,
    };
    let start = match (token, referred) {
        // The part that was answered may have been split off since; the answer goes with it.
        (Some(token), Some(referred)) if referred != token.id => {
            let moved = Conversation::load(tx, workspace, referred)?.filter(|c| c.inbox_id == token.inbox_id && c.created_at >= token.created_at);
            Some(moved.map_or(token.id, |c| c.id))
        }
        (Some(token), _) => Some(token.id),
        (None, referred) => referred,
    };
    match start {
        Some(id) => Ok(follow(tx, workspace, id)?.map(|conversation| Thread { conversation, bounced: None })),
        None => Ok(None),
    }
}

fn look_up(tx: &Tx<'_>, workspace: WorkspaceId, ids: &[&str]) -> Result<Vec<Known>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<String> = (0..ids.len()).map(|i| format!("?{}", i + 2)).collect();
    let mut values: Vec<Value> = vec![workspace.to_value()];
    values.extend(ids.iter().map(|id| shouwen_kernel::text::clip(id, 500).to_value()));
    let rows: Vec<(String, MessageId, ConversationId, Option<InboxId>, String)> = tx.all(
        &format!("SELECT wire_id, message_id, conversation_id, inbox_id, direction FROM case_wire_id WHERE workspace_id = ?1 AND wire_id IN ({}) LIMIT 200", marks.join(", ")),
        &values,
    )?;
    Ok(rows.into_iter().map(|(wire_id, message, conversation, inbox, direction)| Known { wire_id, message, conversation, inbox, out: direction == "out" }).collect())
}

/// Follows a conversation to where it goes on.
fn follow(tx: &Tx<'_>, workspace: WorkspaceId, id: ConversationId) -> Result<Option<Conversation>> {
    let mut found = Conversation::load(tx, workspace, id)?;
    for _ in 0..20 {
        match found.as_ref().and_then(|c| c.continued_in) {
            Some(next) => found = Conversation::load(tx, workspace, next)?.or(found),
            None => break,
        }
    }
    Ok(found)
}

/// A subject without `Re:`, `Fwd:`, `回复：`, `转发：` and their like in front.
pub fn plain_subject(subject: &str) -> String {
    let mut rest = subject.trim();
    'again: loop {
        for mark in ["re", "fw", "fwd", "aw", "回复", "答复", "转发", "回覆", "轉寄", "轉發"] {
            let Some(head) = rest.get(..mark.len()) else { continue };
            if !head.eq_ignore_ascii_case(mark) {
                continue;
            }
            let tail = rest[mark.len()..].trim_start();
            // `Re[2]:` counts answers in some programs.
            let tail = tail.strip_prefix('[').and_then(|t| t.split_once(']')).filter(|(n, _)| n.chars().all(|c| c.is_ascii_digit())).map_or(tail, |(_, t)| t);
            if let Some(tail) = tail.strip_prefix([':', '：']) {
                rest = tail.trim_start();
                continue 'again;
            }
        }
        return rest.to_owned();
    }
}

/// `zh` or `en`, by the letters of a text; `None` when there are too few to tell.
pub fn guess_language(text: &str) -> Option<String> {
    let (mut han, mut latin) = (0usize, 0usize);
    for c in text.chars().take(2000) {
        match c {
            '\u{3400}'..='\u{9fff}' | '\u{20000}'..='\u{2ffff}' => han += 1,
            c if c.is_ascii_alphabetic() => latin += 1,
            _ => {}
        }
    }
    // A Chinese character says about as much as a short word.
    match (han, latin) {
        (h, l) if h >= 2 && h * 5 >= l => Some("zh".to_owned()),
        (_, l) if l >= 8 => Some("en".to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_marks_go_and_the_rest_of_the_subject_stays() {
        assert_eq!(plain_subject("Re: RE： 回复：Fwd: 发票问题"), "发票问题");
        assert_eq!(plain_subject("Re[3]: hello"), "hello");
        assert_eq!(plain_subject("回复率统计"), "回复率统计");
        assert_eq!(plain_subject("  "), "");
        assert_eq!(plain_subject("Re"), "Re");
        assert_eq!(plain_subject("é"), "é");
    }

    #[test]
    fn the_language_is_guessed_from_letters() {
        assert_eq!(guess_language("我的宽带断了 please help").as_deref(), Some("zh"));
        assert_eq!(guess_language("My line is down since noon").as_deref(), Some("en"));
        assert_eq!(guess_language("12345"), None);
    }
}
