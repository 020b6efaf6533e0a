//! The part of a text that shows why it was found: plain text and where to mark it, never markup.

use serde::Serialize;

use crate::fold::fold;
use crate::tokens::{is_han, is_letter};

/// Characters shown.
const WIDTH: usize = 120;
/// Characters shown before the first mark.
const LEAD: usize = 24;

/// Plain text on one line with marked ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Snippet {
    /// One line; `…` where something was cut.
    pub text: String,
    /// Marked ranges in bytes of `text`, in order, apart from each other, on character boundaries.
    pub ranges: Vec<(usize, usize)>,
}

impl Snippet {
    /// The text in pieces; `true` for the marked ones. Made for templates, which escape each piece.
    pub fn pieces(&self) -> Vec<(&str, bool)> {
        let mut out = Vec::new();
        let mut from = 0;
        for (start, end) in &self.ranges {
            if from < *start {
                out.push((&self.text[from..*start], false));
            }
            out.push((&self.text[*start..*end], true));
            from = *end;
        }
        if from < self.text.len() {
            out.push((&self.text[from..], false));
        }
        out
    }

    /// The same ranges in UTF-16 units, as JavaScript counts.
    pub fn utf16_ranges(&self) -> Vec<(usize, usize)> {
        let units = |at: usize| self.text[..at].encode_utf16().count();
        self.ranges.iter().map(|(s, e)| (units(*s), units(*e))).collect()
    }
}

/// `None` when no needle occurs.
pub(crate) fn marked(text: &str, needles: &[String]) -> Option<Snippet> {
    let folded = fold(text);
    let mut spots: Vec<(usize, usize)> = Vec::new();
    for needle in needles {
        let needle: Vec<char> = needle.chars().collect();
        let whole_word = !is_han(*needle.first()?);
        let mut from = 0;
        while let Some(at) = find(&folded.chars, &needle, from) {
            from = at + needle.len();
            let inside_a_word = whole_word && at > 0 && is_letter(folded.chars[at - 1]) && !needle[0].is_ascii_digit();
            if !inside_a_word {
                spots.push((at, from));
            }
            if spots.len() > 500 {
                break;
            }
        }
    }
    spots.sort_unstable();
    let mut apart: Vec<(usize, usize)> = Vec::new();
    for (start, end) in spots {
        match apart.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => apart.push((start, end)),
        }
    }
    // The window that begins at a mark and shows the most of them.
    let best = (0..apart.len()).max_by_key(|i| (apart[*i..].iter().take_while(|m| m.1 <= apart[*i].0 + WIDTH - LEAD).count(), std::cmp::Reverse(*i)))?;
    let bytes: Vec<(usize, usize)> = apart[best..].iter().map(|(s, e)| (folded.spans[*s].0 as usize, folded.spans[*e - 1].1 as usize)).collect();
    Some(window(text, &bytes, Some(bytes[0].0)))
}

/// The beginning of a text, nothing marked.
pub(crate) fn beginning(text: &str) -> Snippet {
    window(text, &[], None)
}

fn find(chars: &[char], needle: &[char], from: usize) -> Option<usize> {
    let last = chars.len().checked_sub(needle.len())?;
    (from..=last).find(|at| chars[*at..*at + needle.len()] == *needle)
}

fn window(text: &str, marks: &[(usize, usize)], first: Option<usize>) -> Snippet {
    let start = first.map_or(0, |at| text[..at].char_indices().rev().nth(LEAD - 1).map_or(0, |(i, _)| i));
    let mut out = Snippet::default();
    if start > 0 {
        out.text.push('…');
    }
    let (mut shown, mut space, mut open) = (0, true, None);
    let mut marks = marks.iter().peekable();
    for (at, c) in text[start..].char_indices().map(|(i, c)| (i + start, c)) {
        if let (Some(from), Some(mark)) = (open, marks.peek())
            && at >= mark.1
        {
            out.ranges.push((from, out.text.len()));
            open = None;
            marks.next();
        }
        if shown >= WIDTH {
            out.text.push('…');
            break;
        }
        if open.is_none() && marks.peek().is_some_and(|m| at >= m.0 && at < m.1) {
            open = Some(out.text.len());
        }
        if c.is_whitespace() || c.is_control() {
            if !space {
                out.text.push(' ');
                shown += 1;
            }
            space = true;
        } else {
            out.text.push(c);
            shown += 1;
            space = false;
        }
    }
    if let Some(from) = open {
        let end = out.text.strip_suffix('…').map_or(out.text.len(), str::len);
        out.ranges.push((from, end.max(from)));
    }
    out.ranges.retain(|(s, e)| s < e);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_where_the_words_stand() {
        let long = format!("{}客戶要求退款，\n退 款 金額 REFUND 88 元{}", "前".repeat(200), "后".repeat(200));
        let s = marked(&long, &["退款".into(), "refund".into()]).unwrap();
        let hits: Vec<&str> = s.pieces().into_iter().filter(|p| p.1).map(|p| p.0).collect();
        assert_eq!(hits, ["退款", "REFUND"]);
        assert!(s.text.starts_with('…') && s.text.ends_with('…'));
        assert!(!s.text.contains('\n'));
        assert!(s.text.chars().count() <= WIDTH + 2);
    }

    #[test]
    fn a_word_inside_another_is_not_marked_but_a_number_tail_is() {
        assert!(marked("unfunded", &["fund".into()]).is_none());
        assert_eq!(marked("2026-000123", &["123".into()]).unwrap().ranges, [(8, 11)]);
        assert_eq!(beginning(" a \n b ").text, "a b ");
    }
}
