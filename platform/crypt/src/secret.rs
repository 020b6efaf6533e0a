//! Hashes and tokens.

use sha2::{Digest, Sha256};
use shouwen_kernel::Ids;

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// SHA-256 of `bytes` as 64 lower-case hex digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&sha256(bytes))
}

/// Lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Bytes of a hex string; `None` when it is not one.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.bytes().all(|b| b.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).ok()).collect()
}

/// Whether two byte strings are equal, without telling by time where they differ.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y)) == 0
}

/// A fresh 256-bit secret as 52 Crockford characters behind `prefix` (`shw_`, `inv_` …). Store only its hash.
pub fn new_token(ids: &Ids, prefix: &str) -> String {
    let bytes: [u8; 32] = ids.secret();
    let (high, low) = bytes.split_at(16);
    let part = |half: &[u8]| half.iter().fold(0u128, |acc, b| (acc << 8) | u128::from(*b));
    format!("{prefix}{}{}", shouwen_kernel::encode_base32(part(high)), shouwen_kernel::encode_base32(part(low)))
}
