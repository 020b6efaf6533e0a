//! What a password must be: long, not common, not made of the organisation's or the person's own words. No rules of
//! composition and no forced change by age (NIST SP 800-63B-4).

use shouwen_kernel::{Ids, Problem, Result};
use unicode_normalization::UnicodeNormalization;

/// How long a password must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// It is the only factor: at least 15 characters.
    Alone,
    /// A second factor is enrolled or demanded: at least 8 characters.
    WithSecondFactor,
}

impl Rule {
    /// The least number of characters.
    pub const fn least(self) -> usize {
        match self {
            Self::Alone => 15,
            Self::WithSecondFactor => 8,
        }
    }
}

/// The most characters taken; longer ones would only cost time.
pub const MOST: usize = 128;

const COMMON: &str = include_str!("../data/common_passwords.txt");

/// The form that is hashed: NFC, so that the same keys on two machines give the same password.
pub(crate) fn normal(password: &str) -> String {
    password.nfc().collect()
}

/// Accepts or refuses a new password. `words` are the organisation's name, the person's name and e-mail address.
pub fn check_password(password: &str, rule: Rule, words: &[&str]) -> Result<()> {
    let refuse = |message: String| {
        Err(Problem::invalid("password", message).code("password.refused").expected(format!("{} to {MOST} characters that nobody would guess; a sentence is good", rule.least())))
    };
    let password = normal(password);
    let length = password.chars().count();
    if length < rule.least() {
        return refuse(format!("the password has {length} characters"));
    }
    if length > MOST {
        return refuse(format!("the password has {length} characters"));
    }
    let plain = fold(&password);
    if plain.is_empty() || distinct(&plain) < 5 || is_run(&plain) {
        return refuse("the password repeats few characters or follows the keyboard".to_owned());
    }
    let mut rest = plain.clone();
    for word in own_words(words) {
        rest = rest.replace(&word, "");
    }
    if rest.chars().count() < rule.least() / 2 {
        return refuse("the password is made of the organisation's or your own name".to_owned());
    }
    if COMMON.lines().map(str::trim).filter(|w| !w.is_empty() && !w.starts_with('#')).any(|word| is_mostly(&plain, word)) {
        return refuse("the password is among the first that attackers try".to_owned());
    }
    Ok(())
}

/// Lower case with look-alike digits and without white space.
fn fold(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn distinct(text: &str) -> usize {
    text.chars().collect::<std::collections::BTreeSet<_>>().len()
}

/// `word` repeated, or `word` with a short head or tail.
fn is_mostly(plain: &str, word: &str) -> bool {
    let rest = plain.replace(word, "");
    rest.len() < plain.len() && rest.chars().count() <= 3
}

/// Whether it is one walk along the alphabet, the digits or a keyboard row, forwards or backwards.
fn is_run(plain: &str) -> bool {
    const WALKS: [&str; 3] = ["abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", "012345678901234567890123456789", "qwertyuiopasdfghjklzxcvbnmqwertyuiop"];
    WALKS.iter().any(|walk| {
        let back: String = walk.chars().rev().collect();
        walk.contains(plain) || back.contains(plain)
    })
}

/// The words that must not make up a password: names, the parts of the address, ours.
fn own_words(words: &[&str]) -> Vec<String> {
    let mut out: Vec<String> = words
        .iter()
        .flat_map(|w| std::iter::once(fold(w)).chain(w.split(|c: char| !c.is_alphanumeric()).map(fold)))
        .chain(["shouwen".to_owned(), "首问".to_owned()])
        .filter(|w| w.chars().count() >= 2 && (w.chars().count() >= 3 || !w.is_ascii()))
        .collect();
    out.sort_by_key(|w| std::cmp::Reverse(w.len()));
    out.dedup();
    out
}

/// A password for a person who will change it: 24 characters, 120 bits.
pub fn random_password(ids: &Ids) -> String {
    let bytes: [u8; 16] = ids.secret();
    let text = shouwen_kernel::encode_base32(u128::from_be_bytes(bytes));
    let body = &text[2..];
    [&body[..6], &body[6..12], &body[12..18], &body[18..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[&str] = &["Nanshan Water Works", "张晓明", "zhang.xiaoming@example.com"];

    #[test]
    fn long_unusual_passwords_are_taken_whatever_they_are_made_of() {
        for good in ["correct horse battery staple", "我家的猫昨天在屋顶上晒太阳唱歌呢", "x7#Kq9!vB2@mN4$zL", "four words about zhang and rain"] {
            check_password(good, Rule::Alone, WORDS).unwrap_or_else(|p| panic!("{good}: {p}"));
        }
        check_password("tU9-vexR", Rule::WithSecondFactor, WORDS).unwrap();
        check_password(&random_password(&Ids::seeded(1)), Rule::Alone, WORDS).unwrap();
    }

    #[test]
    fn short_common_and_own_words_are_refused_with_the_reason() {
        for (bad, why) in [
            ("fourteen-chars", "14 characters"),
            ("aaaaaaaaaaaaaaaaaaa", "repeats"),
            ("123456789012345", "keyboard"),
            ("qwertyuiopasdfgh", "keyboard"),
            ("zyxwvutsrqponmlk", "keyboard"),
            ("nanshanwaterworks", "organisation"),
            ("zhangxiaoming2026", "organisation"),
            ("passwordpassword1", "attackers"),
            ("iloveyouiloveyou", "attackers"),
            ("woaini1314woaini1314", "attackers"),
        ] {
            let problem = check_password(bad, Rule::Alone, WORDS).expect_err(bad);
            assert!(problem.message.contains(why), "{bad}: {problem}");
            assert!(problem.expected.is_some());
        }
        assert!(check_password(&"ab3".repeat(60), Rule::Alone, WORDS).is_err());
        assert!(check_password("short1!", Rule::WithSecondFactor, WORDS).is_err());
        assert!(check_password("password", Rule::WithSecondFactor, WORDS).is_err());
    }
}
