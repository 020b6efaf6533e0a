//! Delivery status notifications (RFC 3464).

use crate::address;
use crate::mime::headers::read_headers;
use crate::model::Dsn;
use crate::words;

/// Reads a `message/delivery-status` body: the recipient that fared worst is told.
pub fn read(body: &[u8]) -> Option<Dsn> {
    let text = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let mut worst: Option<Dsn> = None;
    for block in text.split("\n\n").take(500) {
        let block = block.trim_start_matches('\n');
        if block.trim().is_empty() {
            continue;
        }
        let (h, _) = read_headers(block.as_bytes(), false);
        let get = |n: &str| h.get(n).map(|v| words::decode_header(v, "", &mut Vec::new())).unwrap_or_default();
        let typed = |v: String| v.split_once(';').map_or(v.clone(), |(_, r)| r.trim().to_owned());
        let d = Dsn {
            status: get("status").split_whitespace().next().unwrap_or("").to_owned(),
            action: get("action").to_ascii_lowercase(),
            recipient: Some(typed(get("final-recipient"))).filter(|r| !r.is_empty()).unwrap_or_else(|| typed(get("original-recipient"))),
            diagnostic: typed(get("diagnostic-code")),
            original_message_id: None,
        };
        if d.action.is_empty() && d.status.is_empty() && d.recipient.is_empty() {
            continue;
        }
        let rank = |d: &Dsn| match d.action.as_str() {
            "failed" => 3,
            "delayed" => 2,
            "" => 0,
            _ => 1,
        };
        if worst.as_ref().is_none_or(|w| rank(&d) > rank(w)) {
            worst = Some(d);
        }
    }
    worst
}

/// Message-ID in the returned message or its headers.
pub fn returned_id(part: &[u8]) -> Option<String> {
    let (h, _) = read_headers(part, true);
    address::ids(h.get("message-id")?).into_iter().next()
}
