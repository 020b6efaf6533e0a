//! One spelling for what people type: full width, case, traditional characters, invisible characters.

use std::sync::OnceLock;
use unicode_normalization::{UnicodeNormalization, is_nfkc_quick, IsNormalized};

/// Text longer than this many characters is cut before it is understood; a chat message is far shorter.
pub const MAX_CHARS: usize = 4_000;

static T2S_TABLE: &str = include_str!("../data/t2s.txt");

/// Traditional → simplified for one character of the Basic Multilingual Plane; anything else is returned as it is.
/// Table derived from OpenCC (Apache-2.0), see `data/t2s.txt`.
pub fn simplify(c: char) -> char {
    static MAP: OnceLock<Vec<(char, char)>> = OnceLock::new();
    if !('\u{3400}'..='\u{9fff}').contains(&c) {
        return c;
    }
    let map = MAP.get_or_init(|| {
        let mut pairs: Vec<(char, char)> = T2S_TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| {
                let mut chars = line.chars();
                Some((chars.next()?, chars.next()?))
            })
            .collect();
        pairs.sort_unstable();
        pairs
    });
    match map.binary_search_by_key(&c, |pair| pair.0) {
        Ok(at) => map[at].1,
        Err(_) => c,
    }
}

/// True when `c` is written in the traditional form only.
pub fn is_traditional(c: char) -> bool {
    simplify(c) != c
}

/// Characters that carry no meaning but break matching: zero width, direction marks, soft hyphen, variation selectors,
/// tags, controls other than line breaks and tabs.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

fn pass(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut space = true;
    let mut push = |c: char, out: &mut String| {
        if is_invisible(c) {
            return;
        }
        if c.is_whitespace() {
            if !space {
                out.push(' ');
                space = true;
            }
            return;
        }
        space = false;
        for lower in c.to_lowercase() {
            out.push(simplify(lower));
        }
    };
    if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
        text.chars().for_each(|c| push(c, &mut out));
    } else {
        text.nfkc().for_each(|c| push(c, &mut out));
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// The readable normal form: NFKC, lower case, simplified characters, invisible characters removed, white space collapsed.
///
/// Idempotent: `normalise(normalise(x)) == normalise(x)` (property test). Input longer than [`MAX_CHARS`] characters is cut.
/// A run of combining marks is limited to what fits; the result is never longer than 18 × [`MAX_CHARS`] characters
/// (the longest NFKC expansion).
pub fn normalise(text: &str) -> String {
    let cut = match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => &text[..at],
        None => text,
    };
    let mut now = pass(cut);
    // Lower-casing or removing an invisible character can make two marks meet that NFKC then composes.
    for _ in 0..4 {
        let next = pass(&now);
        if next == now {
            break;
        }
        now = next;
    }
    match now.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => now[..at].trim_end().to_string(),
        None => now,
    }
}
