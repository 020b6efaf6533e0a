//! From what a person typed to what the index is asked.

use std::collections::BTreeMap;

use tantivy::query::{BooleanQuery, BoostQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{Searcher, Term};

use crate::fold::fold;
use crate::schema::Fields;
use crate::tokens::{Run, WORD, runs, text, words};

/// Longer queries are cut: nobody means more, and a pasted page must not cost more.
const MAX_CHARS: usize = 400;
const MAX_RUNS: usize = 24;
/// A run of Chinese longer than this is asked by its first pairs; the rest still ranks.
const MAX_PAIRS: usize = 24;
/// How many longer words the beginning of a word stands for.
const LONGER_WORDS: usize = 16;

type Boxed = Box<dyn Query>;

/// A query in two strengths, and what to highlight.
pub(crate) struct Plan {
    /// Every word.
    pub strict: Boxed,
    /// Most words; `None` when it would ask the same.
    pub relaxed: Option<Boxed>,
    /// Folded pieces of text to mark in a snippet, the longest first.
    pub needles: Vec<String>,
}

/// `None` when the text holds nothing that could be searched.
pub(crate) fn plan(input: &str, fields: &Fields, searcher: &Searcher) -> tantivy::Result<Option<Plan>> {
    let folded: Vec<char> = fold(input.get(..cut(input, MAX_CHARS)).unwrap_or_default()).chars;
    let mut must: Vec<Boxed> = Vec::new();
    let mut should: Vec<Boxed> = Vec::new();
    let mut loose: Vec<Boxed> = Vec::new();
    let mut needles: Vec<String> = Vec::new();
    for run in runs(&folded).into_iter().take(MAX_RUNS) {
        match run {
            Run::Han(range) => han(&text(&folded, &range), fields, &mut must, &mut should, &mut loose, &mut needles),
            Run::Letters { whole, parts } => {
                let pieces: Vec<String> = parts.iter().take(MAX_RUNS).map(|p| text(&folded, p)).collect();
                let query = letters(&text(&folded, &whole), &pieces, fields, searcher)?;
                for piece in &pieces {
                    should.push(boost(term(fields.number, piece, false), 10.0));
                    should.push(boost(term(fields.title, piece, true), 2.0));
                }
                if pieces.len() > 1 {
                    should.push(boost(term(fields.number, &text(&folded, &whole), false), 40.0));
                }
                loose.push(query.box_clone());
                must.push(query);
                needles.extend(pieces);
            }
        }
    }
    if must.is_empty() {
        return Ok(None);
    }
    let relaxed = (must.len() > 1).then(|| {
        // Half of what was typed; one word of two, two of four.
        let least = loose.len().div_ceil(2).max(1);
        Box::new(BooleanQuery::union_with_minimum_required_clauses(loose, least)) as Boxed
    });
    let clauses = must.into_iter().map(|q| (Occur::Must, q)).chain(should.into_iter().map(|q| (Occur::Should, q)));
    needles.sort_by_key(|n| std::cmp::Reverse(n.chars().count()));
    needles.dedup();
    Ok(Some(Plan { strict: Box::new(BooleanQuery::new(clauses.collect())), relaxed, needles }))
}

fn cut(input: &str, max: usize) -> usize {
    input.char_indices().nth(max).map_or(input.len(), |(at, _)| at)
}

fn han(run: &str, fields: &Fields, must: &mut Vec<Boxed>, should: &mut Vec<Boxed>, loose: &mut Vec<Boxed>, needles: &mut Vec<String>) {
    let chars: Vec<char> = run.chars().collect();
    needles.push(run.to_owned());
    if let [only] = chars[..] {
        must.push(term(fields.text, &only.to_string(), true));
        loose.push(term(fields.text, &only.to_string(), true));
        should.push(boost(term(fields.title, &only.to_string(), true), 2.0));
        return;
    }
    let mut pairs: Vec<String> = chars.windows(2).map(|p| p.iter().collect()).collect();
    pairs.sort();
    pairs.dedup();
    for pair in pairs.iter().take(MAX_PAIRS) {
        must.push(term(fields.text, pair, true));
    }
    let words = words(run);
    for word in &words {
        let marked = format!("{WORD}{word}");
        should.push(boost(term(fields.text, &marked, true), 1.5));
        should.push(boost(term(fields.title, &marked, true), 2.0));
        loose.push(term(fields.text, &marked, true));
    }
    if words.is_empty() {
        pairs.iter().take(MAX_PAIRS).for_each(|pair| loose.push(term(fields.text, pair, true)));
    }
    needles.extend(words);
}

fn letters(whole: &str, pieces: &[String], fields: &Fields, searcher: &Searcher) -> tantivy::Result<Boxed> {
    let mut each: Vec<Boxed> = Vec::new();
    for piece in pieces {
        let mut ways = vec![term(fields.text, piece, true)];
        if piece.bytes().all(|b| b.is_ascii_digit()) {
            let bare = piece.trim_start_matches('0');
            if !bare.is_empty() && bare.len() < piece.len() {
                ways.push(term(fields.text, bare, true));
            }
        }
        for longer in longer_words(piece, fields, searcher)? {
            ways.push(boost(term(fields.text, &longer, true), 0.5));
        }
        each.push(any(ways));
    }
    if each.len() == 1 {
        return Ok(each.swap_remove(0));
    }
    let joined = pieces.concat();
    let all = Box::new(BooleanQuery::intersection(each)) as Boxed;
    Ok(any(vec![all, boost(term(fields.text, whole, true), 4.0), boost(term(fields.text, &joined, true), 2.0)]))
}

/// Words that begin with `piece`, the commonest first: `refu` finds refund and refunds.
fn longer_words(piece: &str, fields: &Fields, searcher: &Searcher) -> tantivy::Result<Vec<String>> {
    // Few digits are a tail or a whole number, not the beginning of one.
    let least = if piece.bytes().all(|b| b.is_ascii_digit()) { 6 } else { 3 };
    if piece.chars().count() < least {
        return Ok(Vec::new());
    }
    let mut end = piece.as_bytes().to_vec();
    end.push(0xff);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.text)?;
        let mut stream = index.terms().range().gt(piece.as_bytes()).lt(&end).into_stream()?;
        let mut seen = 0;
        while seen < 200 && stream.advance() {
            seen += 1;
            if let Ok(word) = std::str::from_utf8(stream.key()) {
                *found.entry(word.to_owned()).or_default() += u64::from(stream.value().doc_freq);
            }
        }
    }
    let mut by_count: Vec<(String, u64)> = found.into_iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(by_count.into_iter().take(LONGER_WORDS).map(|(word, _)| word).collect())
}

fn any(mut ways: Vec<Boxed>) -> Boxed {
    if ways.len() == 1 { ways.swap_remove(0) } else { Box::new(BooleanQuery::union(ways)) }
}

fn boost(query: Boxed, by: f32) -> Boxed {
    Box::new(BoostQuery::new(query, by))
}

fn term(field: Field, text: &str, counted: bool) -> Boxed {
    let record = if counted { IndexRecordOption::WithFreqs } else { IndexRecordOption::Basic };
    Box::new(TermQuery::new(Term::from_field_text(field, text), record))
}
