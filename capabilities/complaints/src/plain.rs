//! A text in one form, and where each character stood: what people write to be read by people, and not by machines, is
//! found all the same. Pure.

use shouwen_mind::normalise::simplify;
use unicode_normalization::UnicodeNormalization;

/// A text in one form. Lower case, half width, simplified, without what shows nothing (zero width, the frame of a keycap),
/// Cyrillic and Greek look-alikes as Latin.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plain {
    pub text: String,
    /// Byte in `text` → character of the original.
    pub origin: Vec<u32>,
}

impl Plain {
    fn of(chars: &[(char, u32)]) -> Self {
        let mut out = Self { text: String::with_capacity(chars.len() * 3), origin: Vec::with_capacity(chars.len() * 3) };
        for (c, at) in chars {
            out.text.push(*c);
            out.origin.resize(out.text.len(), *at);
        }
        out
    }
}

/// Characters that show nothing, or only dress the one before them.
fn hidden(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{20E3}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Letters of other scripts that look like a Latin one.
fn look_alike(c: char) -> char {
    match c {
        'а' | 'α' => 'a',
        'с' | 'ϲ' => 'c',
        'ԁ' => 'd',
        'е' => 'e',
        'і' | 'ι' => 'i',
        'ј' => 'j',
        'о' | 'ο' => 'o',
        'р' | 'ρ' => 'p',
        'ѕ' => 's',
        'у' => 'y',
        'х' => 'x',
        'ԝ' => 'w',
        '\u{2019}' | '\u{2018}' | '`' => '\'',
        c => c,
    }
}

fn kept(text: &str, longest: usize) -> Vec<(char, u32)> {
    let mut out = Vec::with_capacity(text.len().min(longest * 4) / 2);
    for (i, c) in text.chars().take(longest).enumerate() {
        if c.is_ascii() {
            out.push((c.to_ascii_lowercase(), i as u32));
            continue;
        }
        // Most of what is not ASCII: no width, no case.
        if matches!(c, '\u{3400}'..='\u{9FFF}') {
            out.push((simplify(c), i as u32));
            continue;
        }
        if hidden(c) {
            continue;
        }
        for folded in std::iter::once(c).nfkc() {
            for lower in folded.to_lowercase().filter(|c| !hidden(*c)) {
                out.push((simplify(look_alike(lower)), i as u32));
            }
        }
    }
    out
}

/// The text in one form, as it stands and with what was pulled apart drawn together.
pub fn forms(text: &str, longest: usize) -> (Plain, Plain) {
    let chars = kept(text, longest);
    (Plain::of(&chars), drawn_together(chars))
}

/// Ends a clause: nothing is drawn together across it.
pub fn breaks(c: char) -> bool {
    matches!(c, '。' | '！' | '!' | '？' | '?' | ';' | '；' | '，' | ',' | '\n' | '：' | ':')
}

fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Most characters that stand between two that are drawn together.
const WIDEST_GAP: usize = 3;
/// Letters or digits that stand alone and are a word when drawn together: `1 2 3 1 5`, `l-a-w-y-e-r`.
const SPELT_OUT: usize = 4;

/// The same, with what was pulled apart drawn together: 律 师, 律.师, 律🔥师, 律⏎师 (a wrapped line), `1 2 3 1 5`, `l a w y e r`.
pub fn close(text: &str, longest: usize) -> Plain {
    drawn_together(kept(text, longest))
}

fn drawn_together(chars: Vec<(char, u32)>) -> Plain {
    let at = |i: usize| chars.get(i).map(|c| c.0);
    let mut skip = vec![false; chars.len()];
    let alone = |i: usize| at(i).is_some_and(|c| c.is_ascii_alphanumeric()) && !(i > 0 && at(i - 1).is_some_and(char::is_alphanumeric)) && !at(i + 1).is_some_and(char::is_alphanumeric);
    // Letters spelt out: the places of a chain, and the gaps in it.
    let (mut chain, mut gaps): (usize, Vec<(usize, usize)>) = (0, Vec::new());
    let mut drawn: Vec<(usize, usize)> = Vec::new();
    let mut i = 0;
    while i < chars.len() {
        let c = chars[i].0;
        let mut end = i + 1;
        while end < chars.len() && end - i <= WIDEST_GAP && at(end).is_some_and(|c| !c.is_alphanumeric()) {
            end += 1;
        }
        let gap = end - i - 1;
        let next = at(end).filter(|c| gap > 0 && gap <= WIDEST_GAP && c.is_alphanumeric());
        let between = || chars[i + 1..end].iter().map(|c| c.0);
        if is_han(c) && next.is_some_and(is_han) && between().filter(|c| *c == '\n').count() <= 1 && !between().any(|c| c != '\n' && (breaks(c) || c == '、')) {
            drawn.push((i + 1, end));
        }
        if alone(i) {
            chain += 1;
            if next.is_some() && alone(end) && !between().any(|c| breaks(c)) {
                gaps.push((i + 1, end));
            } else {
                if chain >= SPELT_OUT {
                    drawn.append(&mut gaps);
                }
                (chain, gaps) = (0, Vec::new());
            }
        }
        i += 1;
    }
    for (from, to) in drawn {
        skip[from..to].fill(true);
    }
    let mut skip = skip.into_iter();
    let left: Vec<(char, u32)> = chars.into_iter().filter(|_| !skip.next().unwrap_or_default()).collect();
    Plain::of(&left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_form_for_width_script_case_and_what_is_hidden() {
        let folded = |text: &str| forms(text, 1000).0.text;
        assert_eq!(folded("找律師，打１２３１５"), "找律师,打12315");
        assert_eq!(folded("1\u{FE0F}\u{20E3}2\u{FE0F}\u{20E3}③\u{200B}⑤"), "1235");
        assert_eq!(folded("Lаwyеr’s"), "lawyer's");
        assert_eq!(forms("ab", 1).0.text, "a");
    }

    #[test]
    fn what_was_pulled_apart_is_drawn_together_and_sentences_are_not() {
        let drawn = |text: &str| close(text, 1000).text;
        for text in ["律 师", "律.师", "律-师", "律🔥师", "律\n师", "律 * 师", "“律”师"] {
            assert!(drawn(text).contains("律师"), "{text}: {}", drawn(text));
        }
        assert_eq!(drawn("call 1 2 3 1 5 now, l a w y e r"), "call 12315 now, lawyer");
        assert_eq!(drawn("我去法院。见你"), "我去法院。见你");
        assert_eq!(drawn("法院\n\n见面"), "法院\n\n见面");
        assert_eq!(drawn("I am a b"), "i am a b");
        let place = close("您 好，律 师", 1000);
        assert_eq!(place.origin.last(), Some(&6), "the place is that of the text as written");
    }
}
