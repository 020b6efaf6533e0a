//! Which language a text is in: simplified Chinese, traditional Chinese, English.

use crate::normalise::simplify;
use crate::units::is_han;
use serde::Serialize;
use std::collections::HashSet;
use std::sync::OnceLock;

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

/// Common words of English.
const ENGLISH: &str = "the is are was were be been to of in on at for with and or but not no do does did can could will would should i you he she it we they me my \
your our their this that these those what how why when where which who please hi hello thanks thank have has had am if then than there here get got want need help \
order refund cancel account still yet cannot dont";
/// Common words of languages written in the same letters.
const OTHERS: &str = "le la les des du un une est sont vous je nous pour dans pas avec que qui mon ma mes votre bonjour merci el los las una por para mi su con como \
hola quiero gracias der die das ist ich nicht und mein meine zurück mit ein eine wie wo guten danke il per non di che mio grazie ciao o os uma não meu \
obrigado eu quero saya tidak yang untuk bagaimana xin tôi cho không van het een ik niet";

/// Characters that the traditional script writes otherwise and the simplified script has: 发, 货, 这. Those of both scripts (后, 里) among
/// them matter little: whoever writes traditional characters writes many.
fn is_new(c: char) -> bool {
    static NEW: OnceLock<HashSet<char>> = OnceLock::new();
    NEW.get_or_init(|| ('\u{3400}'..='\u{9fff}').filter(|c| simplify(*c) != *c).map(simplify).collect()).contains(&c)
}

/// The language and the share (0..=1) of letters that speak for it. Addresses and numbers with letters in them (`https://…`, `SF12345`)
/// speak for none.
pub fn detect(text: &str) -> (Language, f32) {
    let (mut han, mut old, mut new, mut kana, mut other) = (0u32, 0u32, 0u32, 0u32, 0u32);
    let (mut ascii, mut english, mut foreign) = (0u32, 0u32, 0u32);
    let text: String = text.chars().take(crate::normalise::MAX_CHARS).collect();
    for c in text.chars() {
        match c {
            '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' => kana += 1,
            c if is_han(c) => {
                han += 1;
                old += u32::from(simplify(c) != c);
                new += u32::from(is_new(c));
            }
            c if c.is_alphabetic() && !c.is_ascii() => other += 1,
            _ => {}
        }
    }
    // Runs without white space or Chinese characters; of an address or number nothing counts.
    let split = |c: char| c.is_whitespace() || is_han(c) || matches!(c, '，' | '。' | '？' | '！');
    for run in text.split(split).filter(|run| !run.contains("://") && !run.starts_with("www.") && !run.contains('@')) {
        for word in run.split(|c: char| !c.is_alphanumeric() && c != '\'').filter(|w| !w.bytes().any(|b| b.is_ascii_digit())) {
            ascii += word.chars().filter(char::is_ascii_alphabetic).count() as u32;
            let word = word.to_lowercase().replace('\'', "");
            english += u32::from(ENGLISH.split_whitespace().any(|w| w == word));
            foreign += u32::from(OTHERS.split_whitespace().any(|w| w == word));
        }
    }
    // A Chinese character says as much as about three letters of a word.
    let weighted = [3 * han, ascii, other, 3 * kana];
    let total: u32 = weighted.iter().sum();
    if total == 0 {
        return (Language::Unknown, 0.0);
    }
    let share = |part: u32| part as f32 / total as f32;
    // iPhone 15 Pro Max 多少钱: names in Latin letters make no English sentence.
    let chinese = han > 0 && (3 * han >= ascii || english == 0) && 3 * han >= other;
    if kana * 5 > han && kana > 0 {
        (Language::Unknown, share(3 * kana))
    } else if chinese {
        // One such character may be a name, as may several among simplified ones; a text in traditional script has many.
        let traditional = old >= 1 && old * 12 >= han && old >= new;
        (if traditional { Language::Traditional } else { Language::Chinese }, share(3 * han))
    } else if ascii > other * 4 && foreign <= english {
        (Language::English, share(ascii))
    } else {
        (Language::Unknown, share(other.max(ascii)))
    }
}
