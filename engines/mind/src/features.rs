//! Sparse features: hashed n-grams of units, and of letters inside words.
//!
//! Chinese: n-grams of 1 to 4 units, of the text as written and of its folded form ([`crate::fold`]). Alphabetic text: words, word pairs, and 2 to 5 letters inside word borders.
//! Every n-gram is one 64-bit hash; the dictionary of a model keeps only hashes it has seen, so two features share a place
//! with a chance of about n²/2⁶⁵.

use crate::fold::fold;
use crate::units::{Kind, units};

/// One feature of one text: the hash of the n-gram and its weight in the text, (1 + ln count) × weight of its length.
pub type Counted = (u64, f32);

/// Longest run of units that makes one feature.
pub const MAX_UNITS: usize = 4;
/// Weight of a run of 1, 2, 3, 4 units: long runs are many and say much the same, so each says less.
const LENGTH_WEIGHT: [f32; MAX_UNITS] = [1.0, 0.8, 0.5, 0.3];

fn mix(state: u64, value: u64) -> u64 {
    let mut x = state.rotate_left(25) ^ value.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 29;
    x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x ^ (x >> 32)
}

fn hash_text(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01b3))
}

const DOMAIN_UNITS: u64 = 1;
const DOMAIN_LETTERS: u64 = 2;
const DOMAIN_EDGE: u64 = 3;

/// All features of already normalised `text`, sorted by hash, each once. An n-gram of both the text and its folded form counts
/// as often as in the richer of the two. Empty text has no features.
pub fn features(text: &str) -> Vec<Counted> {
    let mut out = counted(text);
    if let Some(folded) = fold(text) {
        out.extend(counted(&folded));
        out.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
        out.dedup_by_key(|f| f.0);
    }
    out
}

fn counted(text: &str) -> Vec<Counted> {
    let mut found: Vec<Counted> = Vec::with_capacity(text.len() * 2);
    each(text, |hash, weight, _| found.push((hash, weight)));
    found.sort_unstable_by_key(|f| f.0);
    let mut out: Vec<Counted> = Vec::with_capacity(found.len());
    let mut count = 1.0f32;
    for (hash, weight) in found {
        match out.last_mut() {
            Some(last) if last.0 == hash => {
                count += 1.0;
                last.1 = weight * (1.0 + count.ln());
            }
            _ => {
                count = 1.0;
                out.push((hash, weight));
            }
        }
    }
    out
}

/// Calls `visit(hash, weight, place)` for every n-gram of `text` as written; `weight` goes with its length, `place` is its byte range in
/// `text` (whole units). Used to show which words decided.
pub fn each(text: &str, mut visit: impl FnMut(u64, f32, (usize, usize))) {
    let units = units(text);
    let base = text.as_ptr() as usize;
    let place = |t: &str| {
        let start = t.as_ptr() as usize - base;
        (start, start + t.len())
    };
    let codes: Vec<u64> = units
        .iter()
        .map(|unit| match unit.kind {
            Kind::Number => 0x30,
            _ => hash_text(unit.text),
        })
        .collect();
    for (i, unit) in units.iter().enumerate() {
        let mut state = DOMAIN_UNITS;
        let mut has_han = false;
        let start = place(unit.text).0;
        for n in 0..MAX_UNITS {
            let Some(next) = units.get(i + n) else { break };
            has_han |= next.kind == Kind::Han;
            state = mix(state, codes[i + n]);
            // Runs of alphabetic words longer than two are rare and only fill the dictionary.
            if has_han || n < 2 {
                visit(state, if has_han { LENGTH_WEIGHT[n] } else { 1.0 }, (start, place(next.text).1));
            }
        }
        if unit.kind == Kind::Word {
            letters(unit.text, place(unit.text), &mut visit);
        }
    }
    // The first and the last unit weigh more in a short question than their neighbours.
    if let (Some(first), Some(last)) = (units.first(), units.last()) {
        visit(mix(mix(DOMAIN_EDGE, 1), codes[0]), 1.0, place(first.text));
        visit(mix(mix(DOMAIN_EDGE, 2), codes[codes.len() - 1]), 1.0, place(last.text));
    }
}

/// 2 to 5 letters inside the borders of one word, the borders counting as a letter.
fn letters(word: &str, place: (usize, usize), visit: &mut impl FnMut(u64, f32, (usize, usize))) {
    let mut chars: Vec<u64> = Vec::with_capacity(word.len() + 2);
    chars.push(0x20);
    // A "word" of hundreds of letters is a key or an attack; its head says enough.
    chars.extend(word.chars().take(40).map(|c| c as u64));
    chars.push(0x20);
    for i in 0..chars.len() {
        let mut state = DOMAIN_LETTERS;
        for n in 0..5 {
            let Some(&c) = chars.get(i + n) else { break };
            state = mix(state, c);
            if n >= 1 {
                visit(state, 1.0, place);
            }
        }
    }
}
