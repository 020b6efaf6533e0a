//! One spelling for what people type: full width, case, traditional characters.

use std::sync::OnceLock;

use unicode_normalization::{UnicodeNormalization, char::canonical_combining_class, is_nfkc_quick, IsNormalized};

// One table for the whole product; derived from OpenCC (Apache-2.0), see its head.
static PAIRS: &str = include_str!("../../../engines/mind/data/t2s.txt");

/// The simplified form of a character; anything without one is returned as it is.
pub(crate) fn simplify(c: char) -> char {
    static MAP: OnceLock<Vec<(char, char)>> = OnceLock::new();
    if !('\u{3400}'..='\u{9fff}').contains(&c) {
        return c;
    }
    let map = MAP.get_or_init(|| {
        let mut pairs: Vec<(char, char)> = PAIRS
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
    map.binary_search_by_key(&c, |pair| pair.0).map_or(c, |at| map[at].1)
}

/// Folded text; `spans[i]` is where the i-th folded character came from, in bytes of the original.
pub(crate) struct Folded {
    pub chars: Vec<char>,
    pub spans: Vec<(u32, u32)>,
}

/// Folds and remembers where everything came from.
pub(crate) fn fold(text: &str) -> Folded {
    let mut out = Folded { chars: Vec::with_capacity(text.len() / 2), spans: Vec::with_capacity(text.len() / 2) };
    let mut rest = text.char_indices().peekable();
    let mut cluster = String::new();
    while let Some((start, c)) = rest.next() {
        let mut end = start + c.len_utf8();
        if c.is_ascii() && rest.peek().is_none_or(|(_, next)| next.is_ascii()) {
            push(&mut out, c.to_ascii_lowercase(), start, end);
            continue;
        }
        cluster.clear();
        cluster.push(c);
        // Marks belong to the letter before them: folding them alone would tear é apart.
        while let Some((at, mark)) = rest.next_if(|(_, next)| canonical_combining_class(*next) != 0) {
            cluster.push(mark);
            end = at + mark.len_utf8();
        }
        if is_nfkc_quick(cluster.chars()) == IsNormalized::Yes {
            cluster.chars().for_each(|c| lower(&mut out, c, start, end));
        } else {
            cluster.nfkc().for_each(|c| lower(&mut out, c, start, end));
        }
    }
    out
}

fn lower(out: &mut Folded, c: char, start: usize, end: usize) {
    // Zero-width characters and soft hyphens carry nothing and would hide a word.
    if matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}') {
        return;
    }
    for l in c.to_lowercase() {
        push(out, simplify(l), start, end);
    }
}

fn push(out: &mut Folded, c: char, start: usize, end: usize) {
    out.chars.push(c);
    out.spans.push((start as u32, end as u32));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_case_and_script_are_one_spelling() {
        let folded = |t: &str| fold(t).chars.into_iter().collect::<String>();
        assert_eq!(folded("ＶＩＰ會員退款"), "vip会员退款");
        assert_eq!(folded("Cafe\u{301}"), "café");
        assert_eq!(folded("re\u{200b}fund ﬁ ①"), "refund fi 1");
    }

    #[test]
    fn spans_point_into_the_original() {
        let text = "a退ﬁB";
        let folded = fold(text);
        let back: Vec<&str> = folded.spans.iter().map(|(s, e)| &text[*s as usize..*e as usize]).collect();
        assert_eq!(back, ["a", "退", "ﬁ", "ﬁ", "B"]);
    }
}
