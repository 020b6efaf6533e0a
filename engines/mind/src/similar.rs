//! Likeness of texts without training: nearest cases, near-duplicates, groups, names for groups.

use crate::dense::{dot, unit};
use crate::encoder::Encode;
use crate::features::features;
use crate::neighbours::MOST_EXAMPLES;
use crate::normalise::normalise;
use crate::segment::{is_empty_word, is_function_word, words};
use crate::units::{Kind, units};
use crate::vocab::{Sparse, Vocab};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Likeness at and above which two texts say the same (fused cosine).
pub const DUPLICATE: f32 = 0.85;
/// Texts looked at for one text when candidates are looked up, counted once a shared feature; rarest features first.
const MOST_LOOKS: usize = 200_000;

/// Texts prepared for comparing. Texts that are equal but for punctuation and spelling are kept once.
pub struct Collection {
    vocab: Vocab,
    sparse: Vec<Sparse>,
    dense: Vec<Vec<f32>>,
    postings: HashMap<u32, Vec<u32>>,
    exact: Vec<String>,
    /// Of each different text the numbers of the texts given, in order.
    rows: Vec<Vec<usize>>,
    /// Of each text given, which different text it is.
    of: Vec<usize>,
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
        let (mut exact, mut rows, mut of) = (Vec::new(), Vec::<Vec<usize>>::new(), Vec::with_capacity(texts.len()));
        let mut known: HashMap<String, usize> = HashMap::new();
        for (row, text) in texts.iter().enumerate() {
            let text = plain(text);
            let at = *known.entry(text).or_insert_with_key(|text| {
                exact.push(text.clone());
                rows.push(Vec::new());
                rows.len() - 1
            });
            rows[at].push(row);
            of.push(at);
        }
        let counted: Vec<_> = exact.iter().map(|t| features(t)).collect();
        let vocab = Vocab::learn(counted.iter().map(Vec::as_slice), 1);
        let sparse: Vec<Sparse> = counted.iter().map(|c| vocab.vector(c).0).collect();
        let mut postings: HashMap<u32, Vec<u32>> = HashMap::new();
        for (at, vector) in sparse.iter().enumerate() {
            for (place, _) in vector {
                postings.entry(*place).or_default().push(at as u32);
            }
        }
        let dense = match encoder {
            Some(encoder) => exact.iter().map(|t| embed(t, encoder)).collect(),
            None => vec![Vec::new(); exact.len()],
        };
        Collection { vocab, sparse, dense, postings, exact, rows, of }
    }

    /// Fused likeness of two texts of the collection, 0..=1.
    pub fn likeness(&self, a: usize, b: usize) -> f32 {
        self.alike(self.of[a], self.of[b])
    }

    /// The same for two different texts.
    fn alike(&self, a: usize, b: usize) -> f32 {
        if a == b {
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
            for at in self.postings.get(place).into_iter().flatten() {
                let at = *at as usize;
                let other = self.sparse[at].binary_search_by_key(place, |f| f.0).map_or(0.0, |i| self.sparse[at][i].1);
                *lexical.entry(at).or_default() += value * other;
            }
        }
        let found: Vec<usize> = if dense.is_empty() { lexical.keys().copied().collect() } else { (0..self.exact.len()).collect() };
        let mut out: Vec<Like> = found
            .into_iter()
            .flat_map(|at| {
                let semantic = if dense.is_empty() { 0.0 } else { dot(&dense, &self.dense[at]) };
                let likeness = fuse(lexical.get(&at).copied().unwrap_or(0.0), semantic, !dense.is_empty());
                self.rows[at].iter().map(move |row| Like { index: *row, likeness })
            })
            .filter(|l| l.likeness > 0.0)
            .collect();
        out.sort_by(|a, b| b.likeness.total_cmp(&a.likeness).then(a.index.cmp(&b.index)));
        out.truncate(k);
        out
    }

    /// Least lexical likeness of two texts whose fused likeness is `level`.
    fn lexical(&self, level: f32) -> f32 {
        if self.dense.first().is_some_and(|d| !d.is_empty()) { 2.0 * level - 1.0 } else { level }
    }

    /// Different texts that may be as like text `at` as `level`, in ascending order, taken from `postings`. Rarest features first, until
    /// what is left of the text could not make a likeness of `level`: nothing is missed, unless [`MOST_LOOKS`] end the search.
    fn candidates(&self, at: usize, level: f32, postings: &HashMap<u32, Vec<u32>>) -> Vec<u32> {
        let mut parts: Vec<(usize, u32, f32)> = self.sparse[at].iter().map(|(place, value)| (postings.get(place).map_or(0, Vec::len), *place, *value)).collect();
        parts.sort_unstable_by_key(|p| (p.0, p.1));
        let least = self.lexical(level).max(0.0);
        let mut left: f32 = parts.iter().map(|p| p.2 * p.2).sum();
        let (mut out, mut looks) = (Vec::new(), 0);
        for (count, place, value) in parts {
            // Rounding must not lose a pair at the very level.
            if left < least * least - 1e-4 || looks + count > MOST_LOOKS {
                break;
            }
            out.extend(postings.get(&place).into_iter().flatten().copied());
            looks += count;
            left -= value * value;
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    /// Groups of texts that say the same, in order of their first text; every text is in exactly one group.
    /// A text joins the first earlier text it is like, not a chain of ever less like ones.
    pub fn duplicates(&self, level: f32) -> Vec<Vec<usize>> {
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut founders: Vec<usize> = Vec::new();
        let mut heads: HashMap<u32, Vec<u32>> = HashMap::new();
        for at in 0..self.exact.len() {
            let mut best: Option<(f32, usize)> = None;
            for group in self.candidates(at, level, &heads) {
                let group = group as usize;
                let likeness = self.alike(at, founders[group]);
                if likeness >= level && best.is_none_or(|b| likeness > b.0) {
                    best = Some((likeness, group));
                }
            }
            match best {
                Some((_, group)) => groups[group].extend(&self.rows[at]),
                None => {
                    for (place, _) in &self.sparse[at] {
                        heads.entry(*place).or_default().push(groups.len() as u32);
                    }
                    groups.push(self.rows[at].clone());
                    founders.push(at);
                }
            }
        }
        groups.iter_mut().for_each(|g| g.sort_unstable());
        groups
    }

    /// The `k` largest groups of texts about one matter, named by their most telling words. At most [`MOST_EXAMPLES`] different texts are
    /// grouped. Greedy: the text with the most like texts (at least `level`) founds a group, again and again.
    pub fn topics(&self, level: f32, k: usize) -> Vec<Topic> {
        let n = self.exact.len().min(MOST_EXAMPLES);
        let mut like: Vec<Vec<u32>> = vec![Vec::new(); n];
        for a in 0..n {
            let candidates = if self.dense[a].is_empty() { self.candidates(a, level, &self.postings) } else { (a as u32 + 1..n as u32).collect() };
            for b in candidates.into_iter().filter(|b| (a + 1..n).contains(&(*b as usize))) {
                if self.alike(a, b as usize) >= level {
                    like[a].push(b);
                    like[b as usize].push(a as u32);
                }
            }
        }
        let mut free = vec![true; n];
        let mut topics = Vec::new();
        while topics.len() < k {
            let size = |at: usize| self.rows[at].len() + like[at].iter().filter(|r| free[**r as usize]).map(|r| self.rows[*r as usize].len()).sum::<usize>();
            let Some((size, centre)) = (0..n).filter(|at| free[*at]).map(|at| (size(at), at)).max_by_key(|(size, at)| (*size, std::cmp::Reverse(*at))) else { break };
            if size < 2 {
                break;
            }
            let mut around: Vec<usize> = like[centre].iter().map(|r| *r as usize).filter(|r| free[*r]).collect();
            around.sort_by(|a, b| self.alike(centre, *b).total_cmp(&self.alike(centre, *a)).then(a.cmp(b)));
            around.insert(0, centre);
            around.iter().for_each(|m| free[*m] = false);
            let members = around.iter().flat_map(|m| self.rows[*m].iter().copied()).collect();
            topics.push(Topic { name: Vec::new(), size, members });
        }
        topics.sort_by(|a, b| b.size.cmp(&a.size).then(a.members.cmp(&b.members)));
        let groups: Vec<Vec<&str>> = topics.iter().map(|t| t.members.iter().map(|m| self.exact[self.of[*m]].as_str()).collect()).collect();
        let all: Vec<&str> = self.of.iter().map(|at| self.exact[*at].as_str()).collect();
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

/// The words of each text, words of which a part has its own meaning joined again: 微粒 and 贷, where one nearly always follows the other.
fn words_of(texts: &[&str]) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    let tail = |word: &str| word.chars().count() == 1 && word.chars().all(crate::units::is_han) && !is_function_word(word);
    let mut alone: HashMap<&str, usize> = HashMap::new();
    let mut pairs: HashMap<(&str, &str), usize> = HashMap::new();
    for words in &all {
        for (at, word) in words.iter().enumerate().filter(|(_, w)| !is_empty_word(w)) {
            *alone.entry(word).or_default() += 1;
            if let Some(next) = words.get(at + 1).filter(|w| tail(w)) {
                *pairs.entry((word, next)).or_default() += 1;
            }
        }
    }
    let joined: std::collections::HashSet<(String, String)> = pairs
        .into_iter()
        .filter(|(pair, n)| *n >= 3 && n * 5 >= alone.get(pair.0).copied().unwrap_or(0) * 3)
        .map(|(pair, _)| (pair.0.to_string(), pair.1.to_string()))
        .collect();
    for words in &mut all {
        let mut at = 0;
        while at + 1 < words.len() {
            if joined.contains(&(words[at].clone(), words[at + 1].clone())) {
                let next = words.remove(at + 1);
                words[at].push_str(&next);
            }
            at += 1;
        }
    }
    all
}

/// Of each word with a topic, how many of `texts` hold it; `cut`: the words of each text.
fn counts<'a>(texts: &[&'a str], cut: &'a HashMap<&str, Vec<String>>) -> BTreeMap<&'a str, usize> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts {
        let mut seen: Vec<&str> = cut.get(text).into_iter().flatten().map(String::as_str).filter(|w| !is_empty_word(w)).collect();
        seen.sort_unstable();
        seen.dedup();
        seen.into_iter().for_each(|w| *counts.entry(w).or_default() += 1);
    }
    counts
}

/// The words that tell each group from all texts (share inside × log of the lift), best first, at most four a group.
pub fn names(groups: &[Vec<&str>], all: &[&str]) -> Vec<Vec<String>> {
    // Joined as all texts together say, so that a word of a group is a word of all.
    let mut texts: Vec<&str> = all.iter().chain(groups.iter().flatten()).copied().collect();
    texts.sort_unstable();
    texts.dedup();
    let cut: HashMap<&str, Vec<String>> = texts.iter().copied().zip(words_of(&texts)).collect();
    let background = counts(all, &cut);
    groups
        .iter()
        .map(|group| {
            let mut scored: Vec<(f64, &str)> = counts(group, &cut)
                .into_iter()
                .filter(|(_, c)| *c * 4 >= group.len())
                .map(|(word, c)| {
                    let inside = c as f64 / group.len().max(1) as f64;
                    let outside = background.get(word).copied().unwrap_or(c) as f64 / all.len().max(1) as f64;
                    (inside * (1.0 + (inside / outside.max(1e-9)).ln().max(0.0)), word)
                })
                .collect();
            scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
            scored.into_iter().take(4).map(|s| s.1.to_string()).collect()
        })
        .collect()
}

/// The phrases that carry a set of texts: words and pairs of neighbouring words, by number of texts × length, best first.
pub fn phrases(texts: &[String], k: usize) -> Vec<(String, usize)> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let normal: Vec<String> = texts.iter().map(|text| normalise(text)).collect();
    for words in words_of(&normal.iter().map(String::as_str).collect::<Vec<_>>()) {
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
