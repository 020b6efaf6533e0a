//! Text as terms.
//!
//! Chinese is indexed twice: every character and every pair of neighbours, so that whatever stands in a text is found by
//! typing it; and the words a dictionary sees (marked by [`WORD`]), so that 和服 ranks the garment above 产品和服务.
//! Latin words, numbers and ids are kept whole and in parts: `wang.li@example.com`, `2026-000123`, `SF1234567890`.

use std::ops::Range;
use std::sync::OnceLock;

use jieba_rs::Jieba;

/// Stands before a dictionary word, so that it is another term than the pair of characters that spells it.
pub(crate) const WORD: char = '\u{2}';
/// Longer runs of letters and digits (base64, links) are kept in parts only.
const LONGEST: usize = 64;

static DICTIONARY: OnceLock<Jieba> = OnceLock::new();

fn dictionary() -> &'static Jieba {
    DICTIONARY.get_or_init(Jieba::new)
}

/// Loads the dictionary now instead of at the first Chinese text (it costs time and memory that an empty product saves).
pub fn warm() {
    dictionary();
}

/// True for characters written without spaces between words.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
        | '\u{3040}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{1100}'..='\u{11ff}' | '\u{ac00}'..='\u{d7af}' | '\u{3007}')
}

pub(crate) fn is_letter(c: char) -> bool {
    c.is_alphanumeric() && !is_han(c)
}

/// What holds the parts of one id, address or word together.
fn joins(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '@' | '/' | '+' | '#' | '\'' | '’')
}

/// A run of one script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// Chinese, Japanese or Korean characters.
    Han(Range<usize>),
    /// Letters and digits with joints inside; `parts` are the pieces between the joints.
    Letters { whole: Range<usize>, parts: Vec<Range<usize>> },
}

/// Splits folded characters into runs; everything else separates.
pub(crate) fn runs(chars: &[char]) -> Vec<Run> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let start = at;
        if is_han(chars[at]) {
            while at < chars.len() && is_han(chars[at]) {
                at += 1;
            }
            out.push(Run::Han(start..at));
        } else if is_letter(chars[at]) {
            let mut parts = Vec::new();
            let mut from = at;
            loop {
                while at < chars.len() && is_letter(chars[at]) {
                    at += 1;
                }
                parts.push(from..at);
                // One joint with a letter behind it goes on; a full stop at the end of a sentence does not.
                if at + 1 < chars.len() && joins(chars[at]) && is_letter(chars[at + 1]) {
                    at += 1;
                    from = at;
                } else {
                    break;
                }
            }
            out.push(Run::Letters { whole: start..at, parts });
        } else {
            at += 1;
        }
    }
    out
}

pub(crate) fn text(chars: &[char], range: &Range<usize>) -> String {
    chars[range.clone()].iter().collect()
}

/// The dictionary words of a run, of two characters or more.
pub(crate) fn words(run: &str) -> Vec<String> {
    let count = run.chars().count();
    if count < 2 {
        return Vec::new();
    }
    if count == 2 {
        return vec![run.to_owned()];
    }
    let mut found: Vec<String> =
        dictionary().cut_for_search(run, true).into_iter().filter(|t| t.word.chars().nth(1).is_some()).map(|t| t.word.to_owned()).collect();
    found.dedup();
    found
}

/// Every term of a text, as it is indexed. `wordy` leaves out single characters (for the title's own field).
pub(crate) fn terms(chars: &[char], wordy: bool, emit: &mut dyn FnMut(&str)) {
    let mut buffer = String::new();
    for run in runs(chars) {
        match run {
            Run::Han(range) => {
                let slice = &chars[range.clone()];
                for (i, c) in slice.iter().enumerate() {
                    buffer.clear();
                    buffer.push(*c);
                    if !wordy || slice.len() == 1 {
                        emit(&buffer);
                    }
                    if let Some(next) = slice.get(i + 1) {
                        buffer.push(*next);
                        emit(&buffer);
                    }
                }
                for word in words(&text(chars, &range)) {
                    buffer.clear();
                    buffer.push(WORD);
                    buffer.push_str(&word);
                    emit(&buffer);
                }
            }
            Run::Letters { whole, parts } => letters(chars, &whole, &parts, emit),
        }
    }
}

fn letters(chars: &[char], whole: &Range<usize>, parts: &[Range<usize>], emit: &mut dyn FnMut(&str)) {
    if parts.len() > 1 && whole.len() <= LONGEST {
        emit(&text(chars, whole));
        let joined: String = parts.iter().map(|p| text(chars, p)).collect();
        // 138-1234-5678 is also typed without the hyphens; sentences joined by slashes are not.
        if joined.chars().any(|c| c.is_ascii_digit()) {
            numbers(&joined, false, emit);
            emit(&joined);
        }
    }
    for part in parts {
        let part = text(chars, part);
        let part: String = part.chars().take(LONGEST).collect();
        numbers(&part, true, emit);
        emit(&part);
    }
}

/// The numbers inside a part (`sf1234567890` → `1234567890`), without leading zeros, and the tails people quote.
fn numbers(part: &str, inner: bool, emit: &mut dyn FnMut(&str)) {
    for digits in part.split(|c: char| !c.is_ascii_digit()).filter(|d| d.len() >= 3) {
        if inner && digits.len() < part.len() {
            emit(digits);
        }
        let bare = digits.trim_start_matches('0');
        if !bare.is_empty() && bare.len() < digits.len() {
            emit(bare);
        }
        if digits.len() >= 8 {
            emit(&digits[digits.len() - 4..]);
            emit(&digits[digits.len() - 6..]);
        }
    }
}

/// How a Chinese name is typed without a Chinese keyboard: whole (`zhangsan`) and by initials (`zs`).
pub(crate) fn spelt(chars: &[char], emit: &mut dyn FnMut(&str)) {
    use pinyin::ToPinyin;
    for run in runs(chars) {
        let Run::Han(range) = run else { continue };
        // Longer runs are sentences, not names.
        if range.len() > 8 {
            continue;
        }
        let syllables: Vec<&str> = chars[range].iter().filter_map(|c| c.to_pinyin().map(|p| p.plain())).collect();
        emit(&syllables.concat());
        emit(&syllables.iter().filter_map(|s| s.chars().next()).collect::<String>());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::fold;

    fn all(input: &str) -> Vec<String> {
        let mut out = Vec::new();
        terms(&fold(input).chars, false, &mut |t| out.push(t.to_owned()));
        out
    }

    #[test]
    fn chinese_gives_characters_pairs_and_words() {
        let got = all("申请退款");
        for want in ["申", "款", "申请", "请退", "退款", "\u{2}申请", "\u{2}退款"] {
            assert!(got.iter().any(|t| t == want), "{want} missing in {got:?}");
        }
    }

    #[test]
    fn ids_and_addresses_whole_and_in_parts() {
        let got = all("请回 Wang.Li@example.com，单号 2026-000123 / SF1234567890。");
        for want in ["wang.li@example.com", "wang", "example", "com", "2026-000123", "000123", "123", "2026000123", "sf1234567890", "1234567890", "7890", "567890"] {
            assert!(got.iter().any(|t| t == want), "{want} missing in {got:?}");
        }
    }

    #[test]
    fn a_sentence_end_joins_nothing() {
        assert_eq!(all("Refund me. Now"), ["refund", "me", "now"]);
        assert!(all("…!?「」--__").is_empty());
    }
}
