//! Which language a text is in: simplified Chinese, traditional Chinese, English.

use crate::normalise::simplify;
use crate::units::is_han;
use serde::Serialize;

/// Languages told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Language {
    /// Simplified Chinese, or Chinese without a character that differs.
    #[serde(rename = "zh")]
    Chinese,
    /// Chinese with characters written only in the traditional form.
    #[serde(rename = "zh-TW")]
    Traditional,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Another language, or nothing to tell by.
    #[serde(rename = "und")]
    Unknown,
}

/// The language and the share (0..=1) of letters that speak for it.
pub fn detect(text: &str) -> (Language, f32) {
    let (mut han, mut old, mut kana, mut ascii, mut other) = (0u32, 0u32, 0u32, 0u32, 0u32);
    for c in text.chars().take(crate::normalise::MAX_CHARS) {
        match c {
            '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' => kana += 1,
            c if is_han(c) => {
                han += 1;
                old += u32::from(simplify(c) != c);
            }
            'a'..='z' | 'A'..='Z' => ascii += 1,
            c if c.is_alphabetic() => other += 1,
            _ => {}
        }
    }
    // A Chinese character says as much as about three letters of a word.
    let weighted = [3 * han, ascii, other, 3 * kana];
    let total: u32 = weighted.iter().sum();
    if total == 0 {
        return (Language::Unknown, 0.0);
    }
    let share = |part: u32| part as f32 / total as f32;
    if kana * 5 > han && kana > 0 {
        (Language::Unknown, share(3 * kana))
    } else if 3 * han >= ascii && 3 * han >= other {
        // One such character may be a name; a text in traditional script has many.
        let traditional = old >= 1 && old * 12 >= han;
        (if traditional { Language::Traditional } else { Language::Chinese }, share(3 * han))
    } else if ascii > other * 4 {
        (Language::English, share(ascii))
    } else {
        (Language::Unknown, share(other.max(ascii)))
    }
}
