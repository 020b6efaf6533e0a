//! The words of a login (RFC 4616, and what Google and Microsoft call XOAUTH2).

/// `PLAIN`: authorisation id (empty), user, password, parted by NUL. Before base 64.
pub fn plain(user: &str, password: &str) -> Vec<u8> {
    format!("\0{user}\0{password}").into_bytes()
}

/// `XOAUTH2`: user and access token. Before base 64.
pub fn xoauth2(user: &str, token: &str) -> Vec<u8> {
    format!("user={user}\x01auth=Bearer {token}\x01\x01").into_bytes()
}

/// Says its piece once; to what the server asks after that (the JSON of an XOAUTH2 failure) the answer is empty, as the
/// protocol wants, and the server then says NO with the reason.
pub struct Once(Option<Vec<u8>>);

impl Once {
    pub fn new(piece: Vec<u8>) -> Self {
        Self(Some(piece))
    }
}

impl async_imap::Authenticator for Once {
    type Response = Vec<u8>;
    fn process(&mut self, _: &[u8]) -> Vec<u8> {
        self.0.take().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_imap::Authenticator;

    #[test]
    fn xoauth2_is_written_as_google_and_microsoft_document_it() {
        assert_eq!(xoauth2("someuser@example.com", "ya29.token"), b"user=someuser@example.com\x01auth=Bearer ya29.token\x01\x01");
    }

    #[test]
    fn plain_parts_user_and_password_by_nul() {
        assert_eq!(plain("用户", "口令"), "\0用户\0口令".as_bytes());
    }

    #[test]
    fn a_challenge_after_the_token_is_answered_with_nothing() {
        let mut once = Once::new(xoauth2("u", "t"));
        assert!(!once.process(b"").is_empty());
        assert!(once.process(b"{\"status\":\"401\"}").is_empty());
    }
}
