//! From what a person typed to what the index is asked.
//!
//! Common words meet millions of texts. A plain union or intersection of terms lets the index skip whole blocks that cannot
//! reach the first page (block-max WAND); anything nested cannot. So one word is asked as a flat union, and several common
//! words as a flat intersection whose best few hundred are then scored in full.

use std::collections::BTreeMap;

use tantivy::query::{BooleanQuery, BoostQuery, ConstScoreQuery, Occur, Query, TermQuery};
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
/// Below this many candidates everything is scored in full at once.
const COMMON: u64 = 50_000;

type Boxed = Box<dyn Query>;

/// A query in two strengths, and what to highlight.
pub(crate) struct Plan {
    /// Every word.
    pub strict: Boxed,
    /// For common words: the same demand without what only ranks; `strict` then scores the best of it.
    pub quick: Option<Boxed>,
    /// Some of the words; `None` when it would ask the same.
    pub relaxed: Option<Boxed>,
    /// Folded pieces of text to mark in a snippet, the longest first.
    pub needles: Vec<String>,
}

impl Plan {
    /// The same, among customers only. They are few beside texts, and a common word would be looked up in all of those.
    pub(crate) fn among(self, fields: &Fields) -> Self {
        let narrow = |query: Boxed| {
            let customer = TermQuery::new(word(fields.grant, crate::schema::A_CUSTOMER), IndexRecordOption::Basic);
            Box::new(BooleanQuery::new(vec![(Occur::Must, query), (Occur::Must, Box::new(ConstScoreQuery::new(Box::new(customer), 0.0)) as Boxed)])) as Boxed
        };
        Self { strict: narrow(self.strict), quick: None, relaxed: self.relaxed.map(narrow), needles: self.needles }
    }
}

/// One thing that must occur: any of `ways`; the first is it itself, the others stand for it.
struct Demand {
    ways: Vec<(Term, f32)>,
    /// All of these together are a way, too (the parts of a joined id).
    parts: Vec<Demand>,
}

#[derive(Default)]
struct Gathered {
    must: Vec<Demand>,
    ranks: Vec<(Term, f32)>,
    loose: Vec<Term>,
    needles: Vec<String>,
}

/// `None` when the text holds nothing that could be searched.
pub(crate) fn plan(input: &str, fields: &Fields, searcher: &Searcher) -> tantivy::Result<Option<Plan>> {
    let end = input.char_indices().nth(MAX_CHARS).map_or(input.len(), |(at, _)| at);
    let folded = fold(&input[..end]).chars;
    let mut all = Gathered::default();
    for run in runs(&folded).into_iter().take(MAX_RUNS) {
        match run {
            Run::Han(range) => han(&text(&folded, &range), fields, &mut all),
            Run::Letters { whole, parts } => {
                let pieces: Vec<String> = parts.iter().take(MAX_RUNS).map(|p| text(&folded, p)).collect();
                letters(&text(&folded, &whole), &pieces, fields, searcher, &mut all)?;
            }
        }
    }
    if all.must.is_empty() {
        return Ok(None);
    }
    let mut quick = None;
    if all.must.iter().all(|d| d.parts.is_empty()) {
        let mut rarest = u64::MAX;
        for demand in &all.must {
            rarest = rarest.min(searcher.doc_freq(&demand.ways[0].0)?);
        }
        quick = (rarest > COMMON).then(|| match &all.must[..] {
            // Titles and numbers are short lists; the dictionary word is as long as the pair that spells it.
            [one] => Box::new(BooleanQuery::union(
                one.ways.iter().chain(all.ranks.iter().filter(|(t, _)| t.field() != fields.text)).map(|(t, b)| term(t, *b)).collect(),
            )) as Boxed,
            many => Box::new(BooleanQuery::intersection(many.iter().map(|d| term(&d.ways[0].0, 1.0)).collect())) as Boxed,
        });
    }
    let relaxed = (all.must.len() > 1).then(|| Box::new(BooleanQuery::union(all.loose.iter().map(|t| term(t, 1.0)).collect())) as Boxed);
    let strict: Boxed = match &all.must[..] {
        // What only ranks adds nothing that was not found: every such term stands in a text that has the demand.
        [one] if one.parts.is_empty() => Box::new(BooleanQuery::union(one.ways.iter().chain(&all.ranks).map(|(t, b)| term(t, *b)).collect())),
        many => Box::new(BooleanQuery::new(
            many.iter().map(|d| (Occur::Must, d.query())).chain(all.ranks.iter().map(|(t, b)| (Occur::Should, term(t, *b)))).collect(),
        )),
    };
    all.needles.sort_by_key(|n| std::cmp::Reverse(n.chars().count()));
    all.needles.dedup();
    Ok(Some(Plan { strict, quick, relaxed, needles: all.needles }))
}

impl Demand {
    fn one(term: Term) -> Self {
        Self { ways: vec![(term, 1.0)], parts: Vec::new() }
    }

    fn query(&self) -> Boxed {
        let mut ways: Vec<Boxed> = self.ways.iter().map(|(t, b)| term(t, *b)).collect();
        if !self.parts.is_empty() {
            ways.push(Box::new(BooleanQuery::intersection(self.parts.iter().map(Self::query).collect())));
        }
        if ways.len() == 1 { ways.swap_remove(0) } else { Box::new(BooleanQuery::union(ways)) }
    }
}

fn han(run: &str, fields: &Fields, all: &mut Gathered) {
    let chars: Vec<char> = run.chars().collect();
    all.needles.push(run.to_owned());
    if let [only] = chars[..] {
        let only = only.to_string();
        all.must.push(Demand::one(word(fields.text, &only)));
        all.loose.push(word(fields.text, &only));
        all.ranks.push((word(fields.title, &only), 2.0));
        return;
    }
    let mut pairs: Vec<String> = chars.windows(2).map(|p| p.iter().collect()).collect();
    pairs.sort();
    pairs.dedup();
    pairs.truncate(MAX_PAIRS);
    all.must.extend(pairs.iter().map(|pair| Demand::one(word(fields.text, pair))));
    let words = words(run);
    for found in &words {
        let marked = format!("{WORD}{found}");
        // A dictionary word longer than two characters may stand where its pairs do and rank alike.
        all.ranks.push((word(fields.text, &marked), 1.5));
        all.ranks.push((word(fields.title, &marked), 2.0));
        all.loose.push(word(fields.text, &marked));
    }
    if words.is_empty() {
        all.loose.extend(pairs.iter().map(|pair| word(fields.text, pair)));
    }
    all.needles.extend(words);
}

fn letters(whole: &str, pieces: &[String], fields: &Fields, searcher: &Searcher, all: &mut Gathered) -> tantivy::Result<()> {
    let mut parts = Vec::new();
    for piece in pieces {
        let mut demand = Demand::one(word(fields.text, piece));
        if piece.bytes().all(|b| b.is_ascii_digit()) {
            let bare = piece.trim_start_matches('0');
            if !bare.is_empty() && bare.len() < piece.len() {
                demand.ways.push((word(fields.text, bare), 1.0));
            }
        }
        for longer in longer_words(piece, fields, searcher)? {
            demand.ways.push((word(fields.text, &longer), 0.5));
        }
        parts.push(demand);
        all.loose.push(word(fields.text, piece));
        all.ranks.push((word(fields.number, piece), 10.0));
        all.ranks.push((word(fields.title, piece), 2.0));
    }
    if parts.len() == 1 {
        all.must.append(&mut parts);
    } else {
        all.ranks.push((word(fields.number, whole), 40.0));
        let ways = vec![(word(fields.text, whole), 4.0), (word(fields.text, &pieces.concat()), 2.0)];
        all.must.push(Demand { ways, parts });
    }
    all.needles.extend(pieces.iter().cloned());
    Ok(())
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
            if let Ok(longer) = std::str::from_utf8(stream.key()) {
                *found.entry(longer.to_owned()).or_default() += u64::from(stream.value().doc_freq);
            }
        }
    }
    let mut by_count: Vec<(String, u64)> = found.into_iter().collect();
    by_count.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(by_count.into_iter().take(LONGER_WORDS).map(|(longer, _)| longer).collect())
}

fn word(field: Field, text: &str) -> Term {
    Term::from_field_text(field, text)
}

fn term(term: &Term, boost: f32) -> Boxed {
    let query = TermQuery::new(term.clone(), IndexRecordOption::WithFreqs);
    if boost == 1.0 { Box::new(query) } else { Box::new(BoostQuery::new(Box::new(query), boost)) }
}
