//! The signed link a customer answers by: 26 characters of the request's id, 26 of its signature.

use shouwen_crypt::Keys;
use shouwen_kernel::{SurveyId, decode_base32, encode_base32};
use uuid::Uuid;

const PURPOSE: &str = "survey";

/// The token of a request.
pub fn token(keys: &Keys, id: SurveyId) -> String {
    let signature = u128::from_be_bytes(keys.sign(PURPOSE, id.0.as_bytes()));
    format!("{}{}", encode_base32(id.0.as_u128()), encode_base32(signature))
}

/// The request a token belongs to; `None` when it is not ours.
pub fn verify(keys: &Keys, token: &str) -> Option<SurveyId> {
    let (id, signature) = token.split_at_checked(26)?;
    let id = Uuid::from_u128(decode_base32(id)?);
    let signature = decode_base32(signature)?.to_be_bytes();
    keys.verify(PURPOSE, id.as_bytes(), &signature).then_some(SurveyId(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_open_a_request() {
        let keys = Keys::for_tests();
        let id = SurveyId(Uuid::from_u128(77));
        let good = token(&keys, id);
        assert_eq!(verify(&keys, &good), Some(id));
        for i in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[i] = if bytes[i] == b'3' { b'4' } else { b'3' };
            assert_eq!(verify(&keys, &String::from_utf8(bytes).unwrap()), None, "changed at {i}");
        }
        assert_eq!(verify(&keys, "问卷问卷问卷问卷问卷问卷"), None);
    }
}
