//! Likeness of texts without training: nearest cases, near-duplicates, groups, names for groups.

use crate::dense::{dot, unit};
use crate::encoder::Encode;
use crate::features::features;
use crate::neighbours::MOST_EXAMPLES;
use crate::normalise::normalise;
use crate::segment::{is_empty_word, words};
use crate::units::{Kind, units};
use crate::vocab::{Sparse, Vocab};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Likeness at and above which two texts say the same (fused cosine).
pub const DUPLICATE: f32 = 0.85;
/// Features of more texts than this are skipped when candidates are looked up; they tell nothing apart.
const COMMON: usize = 400;

/// Texts prepared for comparing.
pub struct Collection {
    vocab: Vocab,
    sparse: Vec<Sparse>,
    dense: Vec<Vec<f32>>,
    postings: HashMap<u32, Vec<u32>>,
    exact: Vec<String>,
}

/// Two texts and how alike they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Like {
    /// Number of the text.
    pub index: usize,
    /// Fused likeness, 0..=1.
    pub likeness: f32,
}

/// A group of texts about one matter.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Topic {
    /// Words that name the group, most telling first.
    pub name: Vec<String>,
    /// Number of texts.
    pub size: usize,
    /// Numbers of the texts, most central first.
    pub members: Vec<usize>,
}

impl Collection {
    /// Prepares `texts`; with an encoder, meaning counts half.
    pub fn new(texts: &[String], encoder: Option<&dyn Encode>) -> Collection {
        let exact: Vec<String> = texts.iter().map(|t| plain(t)).collect();
        let counted: Vec<_> = exact.iter().map(|t| features(t)).collect();
        let vocab = Vocab::learn(counted.iter().map(Vec::as_slice), 1);
        let sparse: Vec<Sparse> = counted.iter().map(|c| vocab.vector(c).0).collect();
        let mut postings: HashMap<u32, Vec<u32>> = HashMap::new();
        for (row, vector) in sparse.iter().enumerate() {
            for (place, _) in vector {
                postings.entry(*place).or_default().push(row as u32);
            }
        }
        let dense = match encoder {
            Some(encoder) => exact.iter().map(|t| embed(t, encoder)).collect(),
            None => vec![Vec::new(); exact.len()],
        };
        Collection { vocab, sparse, dense, postings, exact }
    }

    /// Fused likeness of two texts of the collection, 0..=1.
    pub fn likeness(&self, a: usize, b: usize) -> f32 {
        if self.exact[a] == self.exact[b] {
            return 1.0;
        }
        fuse(sparse_dot(&self.sparse[a], &self.sparse[b]), dot(&self.dense[a], &self.dense[b]), !self.dense[a].is_empty())
    }

    /// The `k` texts most like `query`, best first.
    pub fn nearest(&self, query: &str, k: usize, encoder: Option<&dyn Encode>) -> Vec<Like> {
        let query = plain(query);
        let (sparse, _) = self.vocab.vector(&features(&query));
        let dense = encoder.filter(|_| self.dense.first().is_some_and(|d| !d.is_empty())).map(|e| embed(&query, e)).unwrap_or_default();
        let mut lexical: BTreeMap<usize, f32> = BTreeMap::new();
        for (place, value) in &sparse {
            for row in self.postings.get(place).into_iter().flatten() {
                let row = *row as usize;
                let other = self.sparse[row].binary_search_by_key(place, |f| f.0).map_or(0.0, |at| self.sparse[row][at].1);
                *lexical.entry(row).or_default() += value * other;
            }
        }
        let rows: Vec<usize> = if dense.is_empty() { lexical.keys().copied().collect() } else { (0..self.exact.len()).collect() };
        let mut out: Vec<Like> = rows
            .into_iter()
            .map(|row| {
                let semantic = if dense.is_empty() { 0.0 } else { dot(&dense, &self.dense[row]) };
                Like { index: row, likeness: fuse(lexical.get(&row).copied().unwrap_or(0.0), semantic, !dense.is_empty()) }
            })
            .filter(|l| l.likeness > 0.0)
            .collect();
        out.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then(a.index.cmp(&b.index)));
        out.truncate(k);
        out
    }

    /// Groups of texts that say the same, in order of their first text; every text is in exactly one group.
    /// A text joins the first earlier text it is like, not a chain of ever less like ones.
    pub fn duplicates(&self, level: f32) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut heads: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut same: HashMap<&str, usize> = HashMap::new();
        for row in 0..self.exact.len() {
            if let Some(group) = same.get(self.exact[row].as_str()) {
                groups[*group].push(row);
                continue;
            }
            let mut best: Option<(f32, usize)> = None;
            let mut seen = std::collections::HashSet::new();
            for (place, _) in self.sparse[row].iter().filter(|f| self.postings.get(&f.0).is_some_and(|p| p.len() <= COMMON)) {
                for group in heads.get(place).into_iter().flatten() {
                    if seen.insert(*group) {
                        let likeness = self.likeness(row, groups[*group][0]);
                        if likeness >= level && best.is_none_or(|b| likeness > b.0 || (likeness == b.0 && *group < b.1)) {
                            best = Some((likeness, *group));
                        }
                    }
                }
            }
            let group = match best {
                Some((_, group)) => {
                    groups[group].push(row);
                    group
                }
                None => {
                    groups.push(vec![row]);
                    for (place, _) in &self.sparse[row] {
                        heads.entry(*place).or_default().push(groups.len() - 1);
                    }
                    groups.len() - 1
                }
            };
            same.insert(&self.exact[row], group);
        }
        groups
    }

    /// The `k` largest groups of texts about one matter, named by their most telling words. At most [`MOST_EXAMPLES`] texts are grouped.
    /// Greedy: the text with the most like texts (at least `level`) founds a group, again and again.
    pub fn topics(&self, level: f32, k: usize) -> Vec<Topic> {
        let n = self.exact.len().min(MOST_EXAMPLES);
        let mut like: Vec<Vec<u32>> = vec![Vec::new(); n];
        for a in 0..n {
            let candidates: Vec<u32> = if self.dense[a].is_empty() {
                let mut found: Vec<u32> = self.sparse[a]
                    .iter()
                    .filter_map(|f| self.postings.get(&f.0))
                    .filter(|p| p.len() <= COMMON)
                    .flatten()
                    .copied()
                    .filter(|b| (*b as usize) > a && (*b as usize) < n)
                    .collect();
                found.sort_unstable();
                found.dedup();
                found
            } else {
                (a as u32 + 1..n as u32).collect()
            };
            for b in candidates {
                if self.likeness(a, b as usize) >= level {
                    like[a].push(b);
                    like[b as usize].push(a as u32);
                }
            }
        }
        let mut free = vec![true; n];
        let mut topics = Vec::new();
        while topics.len() < k {
            let size = |row: usize| like[row].iter().filter(|r| free[**r as usize]).count();
            let Some(centre) = (0..n).filter(|r| free[*r]).max_by_key(|r| (size(*r), std::cmp::Reverse(*r))) else { break };
            if size(centre) < 1 {
                break;
            }
            let mut members: Vec<usize> = like[centre].iter().map(|r| *r as usize).filter(|r| free[*r]).collect();
            members.sort_by(|a, b| self.likeness(centre, *b).total_cmp(&self.likeness(centre, *a)).then(a.cmp(b)));
            members.insert(0, centre);
            members.iter().for_each(|m| free[*m] = false);
            topics.push(Topic { name: Vec::new(), size: members.len(), members });
        }
        topics.sort_by(|a, b| b.size.cmp(&a.size).then(a.members.cmp(&b.members)));
        let groups: Vec<Vec<&str>> = topics.iter().map(|t| t.members.iter().map(|m| self.exact[*m].as_str()).collect()).collect();
        let all: Vec<&str> = self.exact.iter().map(String::as_str).collect();
        for (topic, name) in topics.iter_mut().zip(names(&groups, &all)) {
            topic.name = name;
        }
        topics
    }
}

/// The normal form without punctuation and emoji: a question mark makes no other question.
fn plain(text: &str) -> String {
    let normal = normalise(text);
    let mut out = String::with_capacity(normal.len());
    let mut last_is_letter = false;
    for unit in units(&normal).into_iter().filter(|u| u.kind != Kind::Mark) {
        let letter = unit.kind != Kind::Han;
        if letter && last_is_letter {
            out.push(' ');
        }
        out.push_str(unit.text);
        last_is_letter = letter;
    }
    if out.is_empty() { normal } else { out }
}

fn fuse(lexical: f32, semantic: f32, has_dense: bool) -> f32 {
    if has_dense { (0.5 * lexical + 0.5 * semantic).clamp(0.0, 1.0) } else { lexical.clamp(0.0, 1.0) }
}

fn embed(text: &str, encoder: &dyn Encode) -> Vec<f32> {
    let mut out = vec![0.0; encoder.dim()];
    encoder.encode(text, &mut out);
    unit(&mut out);
    out
}

fn sparse_dot(a: &Sparse, b: &Sparse) -> f32 {
    let (mut i, mut j, mut sum) = (0, 0, 0.0);
    while i < a.len() && j < b.len() {
        match a[i].0.cmp(&b[j].0) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                sum += a[i].1 * b[j].1;
                i += 1;
                j += 1;
            }
        }
    }
    sum
}

/// The words that tell each group from all texts (share inside × log of the lift), best first, at most four a group.
pub fn names(groups: &[Vec<&str>], all: &[&str]) -> Vec<Vec<String>> {
    let count = |texts: &[&str]| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for text in texts {
            let mut seen: Vec<String> = words(text).into_iter().filter(|w| !is_empty_word(w)).collect();
            seen.sort();
            seen.dedup();
            seen.into_iter().for_each(|w| *counts.entry(w).or_default() += 1);
        }
        counts
    };
    let background = count(all);
    groups
        .iter()
        .map(|group| {
            let mut scored: Vec<(f64, String)> = count(group)
                .into_iter()
                .filter(|(_, c)| *c * 4 >= group.len())
                .map(|(word, c)| {
                    let inside = c as f64 / group.len().max(1) as f64;
                    let outside = background.get(&word).copied().unwrap_or(c) as f64 / all.len().max(1) as f64;
                    (inside * (1.0 + (inside / outside.max(1e-9)).ln().max(0.0)), word)
                })
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            scored.into_iter().take(4).map(|s| s.1).collect()
        })
        .collect()
}

/// The phrases that carry a set of texts: words and pairs of neighbouring words, by number of texts × length, best first.
pub fn phrases(texts: &[String], k: usize) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for text in texts {
        let words = words(&normalise(text));
        let mut seen = std::collections::BTreeSet::new();
        for (at, word) in words.iter().enumerate() {
            if is_empty_word(word) {
                continue;
            }
            seen.insert(word.clone());
            if let Some(next) = words.get(at + 1).filter(|w| !is_empty_word(w)) {
                let gap = if word.is_ascii() && next.is_ascii() { " " } else { "" };
                seen.insert(format!("{word}{gap}{next}"));
            }
        }
        seen.into_iter().for_each(|w| *counts.entry(w).or_default() += 1);
    }
    let mut scored: Vec<(f64, String, usize)> = counts
        .into_iter()
        .map(|(phrase, n)| {
            let length = if phrase.is_ascii() { phrase.split(' ').count() as f64 * 2.0 } else { phrase.chars().count() as f64 };
            // One occurrence of a pair may be chance.
            (n as f64 * length.ln_1p() * if n == 1 && texts.len() > 3 { 0.3 } else { 1.0 }, phrase, n)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    // A word that stands only inside a better phrase adds nothing.
    let mut out: Vec<(String, usize)> = Vec::new();
    for (_, phrase, n) in scored {
        if out.len() == k {
            break;
        }
        if !out.iter().any(|(kept, m)| *m >= n && kept.contains(phrase.as_str())) {
            out.push((phrase, n));
        }
    }
    out
}
