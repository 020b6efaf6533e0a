//! Threading tokens: proof, in a Message-ID or a plus-address, that a mail answers one of ours.
//!
//! `c.{conversation}.{nonce}.{mac}` — the first two in lower-case base 32, the mac too. The MAC itself (HMAC) is made by the caller,
//! who holds the key. A token proves the thread, never who the sender is.

use crate::model::Message;

/// A parsed, not yet verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub conversation: Vec<u8>,
    pub nonce: Vec<u8>,
    pub mac: Vec<u8>,
}

/// Bytes of a MAC that are written out: 80 bits, so that a plus-address keeps below 64 characters.
pub const MAC_BYTES: usize = 10;
const MOST_ID: usize = 32;

const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Lower-case base 32 without padding: mail systems may change the case of a local part, so base 64 would not survive.
fn base32(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 8 / 5 + 1);
    let (mut acc, mut bits) = (0u32, 0);
    for &b in bytes {
        acc = acc << 8 | u32::from(b);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(ALPHABET[(acc >> bits & 31) as usize] as char);
        }
    }
    if bits > 0 {
        out.push(ALPHABET[(acc << (5 - bits) & 31) as usize] as char);
    }
    out
}

fn unbase32(s: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(s.len() * 5 / 8);
    let (mut acc, mut bits) = (0u32, 0);
    for c in s.bytes() {
        let v = ALPHABET.iter().position(|&a| a == c.to_ascii_lowercase())? as u32;
        acc = acc << 5 | v;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push((acc >> bits) as u8);
            acc &= (1 << bits) - 1;
        }
    }
    Some(out)
}

/// The bytes a MAC is made over.
pub fn mac_input(conversation: &[u8], nonce: &[u8]) -> Vec<u8> {
    let mut out = b"shouwen mail token 1\0".to_vec();
    out.extend((conversation.len() as u32).to_be_bytes());
    out.extend(conversation);
    out.extend(nonce);
    out
}

/// Makes a token, e.g. `c.mfrgg.nbswy3dp.…`. `mac` gets [`mac_input`] and returns at least [`MAC_BYTES`] bytes.
/// `conversation` 1–32 bytes, `nonce` 1–32 bytes; longer ones are cut.
pub fn make_token(conversation: &[u8], nonce: &[u8], mac: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let c = &conversation[..conversation.len().min(MOST_ID)];
    let n = &nonce[..nonce.len().min(MOST_ID)];
    let mut m = mac(&mac_input(c, n));
    m.truncate(MAC_BYTES);
    format!("c.{}.{}.{}", base32(c), base32(n), base32(&m))
}

/// `token@domain`, for a Message-ID (without brackets).
pub fn message_id(token: &str, domain: &str) -> String {
    format!("{token}@{domain}")
}

/// `inbox+token@domain` for Reply-To; `None` if `inbox` is no address.
pub fn plus_address(inbox: &str, token: &str) -> Option<String> {
    let (local, domain) = inbox.rsplit_once('@')?;
    Some(format!("{local}+{token}@{domain}"))
}

/// Reads a token at the start of a Message-ID or after the plus of an address.
pub fn parse_token(id: &str) -> Option<Token> {
    let id = id.trim().trim_matches(['<', '>']);
    let local = id.rsplit_once('@').map_or(id, |(l, _)| l);
    let local = local.rsplit_once('+').map_or(local, |(_, t)| t);
    let mut parts = local.split('.');
    if !parts.next()?.eq_ignore_ascii_case("c") {
        return None;
    }
    let (c, n, m) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [c, n, m].iter().any(|p| p.is_empty() || p.len() > 60) {
        return None;
    }
    let t = Token { conversation: unbase32(c)?, nonce: unbase32(n)?, mac: unbase32(m)? };
    // A shortened MAC is no MAC.
    (t.mac.len() == MAC_BYTES && !t.conversation.is_empty() && t.conversation.len() <= MOST_ID).then_some(t)
}

impl Token {
    /// Checks the MAC in constant time.
    pub fn verify(&self, mac: impl Fn(&[u8]) -> Vec<u8>) -> bool {
        let right = mac(&mac_input(&self.conversation, &self.nonce));
        right.len() >= MAC_BYTES && same(&self.mac, &right[..MAC_BYTES])
    }
}

/// Equality whose time does not depend on where the first difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && std::hint::black_box(a.iter().zip(b).fold(0u8, |d, (x, y)| d | (x ^ y))) == 0
}

/// Finds the verified token of a mail: In-Reply-To, then References from the newest, then the addresses it was sent to.
/// Anything without a valid MAC is passed over; a bare number never matches.
pub fn find_token(message: &Message, mac: impl Fn(&[u8]) -> Vec<u8>) -> Option<Token> {
    let m = &message.mail;
    let ids = m.in_reply_to.iter().chain(m.references.iter().rev()).map(String::as_str);
    let to = m.to.iter().chain(&m.cc).map(|a| a.address.as_str());
    let delivered: Vec<String> = ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-forwarded-to"]
        .iter()
        .flat_map(|h| message.header_all(h))
        .flat_map(|v| v.split([',', ' ']).map(|a| a.trim_matches(['<', '>', ' ']).to_owned()).collect::<Vec<_>>())
        .collect();
    ids.map(parse_token)
        .chain(to.filter(|a| a.contains('+')).map(parse_token))
        .chain(delivered.iter().filter(|a| a.contains('+')).map(|a| parse_token(a)))
        .flatten()
        .take(200)
        .find(|t| t.verify(&mac))
}
