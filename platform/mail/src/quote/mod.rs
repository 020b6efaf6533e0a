//! Folding: which lines of a text are the answer, which are quoted history, which are a signature.
//!
//! Careful in one direction: when in doubt a line is kept. A reply shown with a line too many is a nuisance, a lost sentence is a lost mail.

mod attribution;
mod headers;
mod lines;
mod signature;

use std::ops::Range;

use crate::model::{Fold, FoldKind};
use lines::Line;

/// Texts above this size are not folded.
const MOST_BYTES: usize = 512 << 10;

/// The answer and what was folded away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    pub reply: String,
    pub folds: Vec<Fold>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Mark {
    Keep,
    Quote,
    Signature,
}

/// Folds a text. `containers` are stretches the HTML marked as quoted (may be empty).
pub fn fold(text: &str, containers: &[Range<usize>]) -> Folded {
    let keep_all = || Folded { reply: text.trim().to_owned(), folds: Vec::new() };
    if text.len() > MOST_BYTES {
        return keep_all();
    }
    let lines = lines::split(text);
    let mut marks = vec![Mark::Keep; lines.len()];
    quotes(&lines, &mut marks);
    from_containers(&lines, containers, &mut marks);
    let device = signature::mark(&lines, &mut marks);
    let kept = |m: &[Mark]| lines.iter().zip(m).any(|(l, k)| *k == Mark::Keep && !l.text.trim().is_empty());
    if !kept(&marks) {
        let quoted = marks.contains(&Mark::Quote);
        // "Sent from my phone" above a quote and nothing else: the sender did send an empty answer.
        // Otherwise there is only history (a forward without a word) or only a signature: that is then what was said.
        if !(quoted && device) {
            return keep_all();
        }
    }
    render(text, &lines, &marks)
}

/// Marks quoted history.
fn quotes(lines: &[Line<'_>], marks: &mut [Mark]) {
    let mut i = 0;
    while i < lines.len() {
        if marks[i] != Mark::Keep {
            i += 1;
            continue;
        }
        if let Some(cut) = headers::at(lines, i) {
            let end = quote_end(lines, cut.end, cut.takes_rest);
            marks[cut.start.min(i)..end].fill(Mark::Quote);
            mark_separator_above(lines, marks, cut.start.min(i));
            i = end;
        } else if let Some(end) = attribution::at(lines, i) {
            let end = quote_end(lines, end, true);
            marks[i..end].fill(Mark::Quote);
            mark_separator_above(lines, marks, i);
            i = end;
        } else if lines[i].depth > 0 {
            let end = angle_block_end(lines, i);
            marks[i..end].fill(Mark::Quote);
            i = end;
        } else {
            i += 1;
        }
    }
}

/// Where the quote that begins at `from` (after its header) ends: `>` lines end with the last of them,
/// anything else runs to the end of the text if `rest` allows.
fn quote_end(lines: &[Line<'_>], from: usize, rest: bool) -> usize {
    let next = (from..lines.len()).find(|&i| !lines[i].text.trim().is_empty());
    match next {
        Some(n) if lines[n].depth > 0 => angle_block_end(lines, n),
        _ if rest => lines.len(),
        _ => from,
    }
}

/// End of a block of `>` lines starting at `i`. Lines a mail program broke off a long quoted line belong to it, and so do
/// the blank lines between two stretches of quote.
fn angle_block_end(lines: &[Line<'_>], i: usize) -> usize {
    let mut end = i;
    let mut k = i;
    while k < lines.len() {
        if lines[k].depth > 0 {
            k += 1;
            end = k;
        } else if lines[k].text.trim().is_empty() {
            k += 1;
        } else if k == end && broken_off(lines, k) {
            k += 1;
            end = k;
        } else {
            break;
        }
    }
    end
}

/// Is line `k` the tail of the quoted line above it?
fn broken_off(lines: &[Line<'_>], k: usize) -> bool {
    let above = lines[k - 1].text;
    let next_quoted = lines.get(k + 1).is_none_or(|l| l.depth > 0);
    let small = lines[k].text.trim_start().chars().next().is_some_and(|c| c.is_lowercase() || c == '>');
    lines[k - 1].depth > 0 && next_quoted && small && above.chars().count() >= 60
}

/// A rule of dashes or underscores right above a quote belongs to it.
fn mark_separator_above(lines: &[Line<'_>], marks: &mut [Mark], start: usize) {
    let mut i = start;
    let mut blanks = 0;
    while i > 0 && blanks <= 2 {
        i -= 1;
        let t = lines[i].text.trim();
        if t.is_empty() {
            blanks += 1;
            continue;
        }
        let bar = lines::is_rule(t) && t.chars().count() >= 3;
        if bar && marks[i] == Mark::Keep {
            marks[i..start].fill(Mark::Quote);
        }
        return;
    }
}

/// Uses what the HTML said, unless somebody answered inside the container.
fn from_containers(lines: &[Line<'_>], containers: &[Range<usize>], marks: &mut [Mark]) {
    for c in containers.iter().take(50) {
        let inside: Vec<usize> = (0..lines.len()).filter(|&i| lines[i].start >= c.start && lines[i].end <= c.end && lines[i].end > lines[i].start).collect();
        let (Some(&first), Some(&last)) = (inside.first(), inside.last()) else { continue };
        let first_quoted = inside.iter().position(|&i| lines[i].depth > 0);
        let answered = first_quoted.is_some_and(|f| inside[f..].iter().any(|&i| lines[i].depth == 0 && !lines[i].text.trim().is_empty() && marks[i] == Mark::Keep));
        if !answered {
            marks[first..=last].fill(Mark::Quote);
        }
    }
}

fn render(text: &str, lines: &[Line<'_>], marks: &[Mark]) -> Folded {
    let mut folds: Vec<Fold> = Vec::new();
    let mut reply = String::new();
    let mut blank = false;
    for (i, (line, mark)) in lines.iter().zip(marks).enumerate() {
        if *mark == Mark::Keep {
            // Where a quote was taken out of the middle one blank line is enough.
            let folded_above = i > 0 && marks[i - 1] != Mark::Keep;
            let empty = line.text.trim().is_empty();
            if empty && (blank && folded_above || reply.is_empty()) {
                continue;
            }
            if folded_above && !empty && !blank && !reply.is_empty() {
                reply.push('\n');
            }
            blank = empty;
            reply.push_str(line.text.trim_end());
            reply.push('\n');
            continue;
        }
        let kind = if *mark == Mark::Quote { FoldKind::Quote } else { FoldKind::Signature };
        let end = line.next.min(text.len());
        match folds.last_mut() {
            Some(f) if f.kind == kind && f.range.end == line.start => f.range.end = end,
            _ => folds.push(Fold { kind, range: line.start..end }),
        }
    }
    folds.retain(|f| !text[f.range.clone()].trim().is_empty());
    Folded { reply: reply.trim().to_owned(), folds }
}
