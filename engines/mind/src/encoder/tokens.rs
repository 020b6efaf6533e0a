//! SentencePiece unigram tokeniser: character map, then the most probable split into pieces (Viterbi).

use super::container::{Builder, Container};
use crate::problem::{Problem, Result};
use std::collections::BTreeMap;
use std::ops::Range;

const UNKNOWN: u32 = 0;
const BEGIN: u32 = 1;
const END: u32 = 2;
/// Bytes of one slot of the piece table: hash (8), piece number + 1 or 0 for a mere prefix (4).
const SLOT: usize = 12;
const SPACE: char = '\u{2581}';

fn step(state: u64, c: char) -> u64 {
    let mut x = (state ^ u64::from(u32::from(c))).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x ^= x >> 31;
    x.wrapping_mul(0xd6e8_feb8_6659_fd93) | 1
}

fn hash(text: &str) -> u64 {
    text.chars().fold(7, step)
}

/// One field of a protocol buffer message.
enum Field<'a> {
    Bytes(&'a [u8]),
    Fixed(u32),
    Other,
}

fn fields(data: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut at = 0;
    let varint = |at: &mut usize| -> Option<u64> {
        let mut out = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = *data.get(*at)?;
            *at += 1;
            out |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(out);
            }
        }
        None
    };
    let mut out = Vec::new();
    while at < data.len() {
        let tag = varint(&mut at)?;
        let field = match tag & 7 {
            0 => {
                varint(&mut at)?;
                Field::Other
            }
            1 => {
                at = at.checked_add(8)?;
                Field::Other
            }
            2 => {
                let len = usize::try_from(varint(&mut at)?).ok()?;
                let bytes = data.get(at..at.checked_add(len)?)?;
                at += len;
                Field::Bytes(bytes)
            }
            5 => {
                let value = u32::from_le_bytes(data.get(at..at + 4)?.try_into().ok()?);
                at += 4;
                Field::Fixed(value)
            }
            _ => return None,
        };
        out.push((tag >> 3, field));
    }
    Some(out)
}

fn damaged() -> Problem {
    Problem::new("encoder.archive", "the list of word pieces cannot be read", "a SentencePiece unigram model")
}

/// Writes pieces, their scores and the character map of a SentencePiece model into `out`.
pub fn convert(model: &[u8], out: &mut Builder) -> Result<()> {
    let mut pieces: Vec<(&str, f32)> = Vec::new();
    let mut charsmap: &[u8] = &[];
    for (number, field) in fields(model).ok_or_else(damaged)? {
        let Field::Bytes(bytes) = field else { continue };
        if number == 1 {
            let (mut text, mut score) = ("", 0.0);
            for (number, field) in fields(bytes).ok_or_else(damaged)? {
                match (number, field) {
                    (1, Field::Bytes(b)) => text = std::str::from_utf8(b).map_err(|_| damaged())?,
                    (2, Field::Fixed(v)) => score = f32::from_bits(v),
                    _ => {}
                }
            }
            pieces.push((text, score));
        } else if number == 3 {
            for (number, field) in fields(bytes).ok_or_else(damaged)? {
                if let (2, Field::Bytes(b)) = (number, field)
                    && b.len() > charsmap.len()
                {
                    charsmap = b;
                }
            }
        }
    }
    let mut table: BTreeMap<u64, (String, u32)> = BTreeMap::new();
    for (id, (piece, _)) in pieces.iter().enumerate() {
        for (at, c) in piece.char_indices() {
            let prefix = &piece[..at + c.len_utf8()];
            let whole = prefix.len() == piece.len();
            let entry = table.entry(hash(prefix)).or_insert_with(|| (prefix.to_string(), 0));
            if entry.0 != prefix {
                return Err(Problem::new("encoder.archive", "two word pieces share a hash", "another hash function"));
            }
            if whole {
                entry.1 = id as u32 + 1;
            }
        }
    }
    let size = (table.len() * 2).next_power_of_two();
    let mut slots = vec![0u8; size * SLOT];
    for (hash, (_, value)) in &table {
        let mut slot = *hash as usize >> 1 & (size - 1);
        while slots[slot * SLOT] != 0 || slots[slot * SLOT..slot * SLOT + 8] != [0; 8] {
            slot = (slot + 1) & (size - 1);
        }
        slots[slot * SLOT..slot * SLOT + 8].copy_from_slice(&hash.to_le_bytes());
        slots[slot * SLOT + 8..slot * SLOT + 12].copy_from_slice(&value.to_le_bytes());
    }
    let longest = pieces.iter().map(|p| p.0.chars().count()).max().unwrap_or(1);
    out.add("pieces", &slots, &[size, longest], 1.0, 0.0);
    out.add_floats("piece_scores", &pieces.iter().map(|p| p.1).collect::<Vec<_>>());
    out.add("charsmap", charsmap, &[charsmap.len()], 1.0, 0.0);
    Ok(())
}

/// The tokeniser of a mapped encoder file.
#[derive(Debug)]
pub struct Tokeniser {
    slots: Range<usize>,
    slot_count: usize,
    longest: usize,
    scores: Vec<f32>,
    unknown_score: f32,
    units: Vec<u32>,
    replacements: Vec<u8>,
}

impl Tokeniser {
    /// Reads the tokeniser's sections.
    pub fn open(file: &Container) -> Result<Tokeniser> {
        let slots = file.range("pieces")?;
        let (slot_count, longest) = match file.header.sections["pieces"].shape[..] {
            [count, longest] if count.is_power_of_two() && count * SLOT == slots.len() => (count, longest.clamp(1, 64)),
            _ => return Err(damaged()),
        };
        let count = file.range("piece_scores")?.len() / 4;
        let scores = file.floats("piece_scores", count)?;
        let unknown_score = scores.iter().fold(0.0f32, |m, s| m.min(*s)) - 10.0;
        let map = &file.map()[file.range("charsmap")?];
        let trie = map.get(..4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
        let body = map.get(4..4 + trie).ok_or_else(damaged)?;
        let units = body.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        Ok(Tokeniser { slots, slot_count, longest, scores, unknown_score, units, replacements: map[4 + trie..].to_vec() })
    }

    /// The replacement of the longest known prefix of `bytes`, and how many bytes it covers.
    fn prefix<'a>(&'a self, bytes: &'a [u8]) -> (&'a [u8], usize) {
        let (mut best, mut value) = (0, 0);
        let offset = |unit: u32| ((unit >> 10) << ((unit & 0x200) >> 6)) as usize;
        if let Some(root) = self.units.first() {
            let mut place = offset(*root);
            for (i, byte) in bytes.iter().enumerate() {
                place ^= *byte as usize;
                let Some(unit) = self.units.get(place).copied() else { break };
                if unit & 0x8000_00ff != u32::from(*byte) {
                    break;
                }
                place ^= offset(unit);
                if unit & 0x100 != 0 {
                    let Some(leaf) = self.units.get(place) else { break };
                    best = i + 1;
                    value = (leaf & 0x7fff_ffff) as usize;
                }
            }
        }
        if best > 0 && value < self.replacements.len() {
            let tail = &self.replacements[value..];
            let end = tail.iter().position(|b| *b == 0).unwrap_or(tail.len());
            return (&tail[..end], best);
        }
        let len = match bytes.first() {
            Some(b) if *b >= 0xf0 => 4,
            Some(b) if *b >= 0xe0 => 3,
            Some(b) if *b >= 0xc0 => 2,
            _ => 1,
        };
        let len = len.min(bytes.len());
        (&bytes[..len], len)
    }

    fn normalise(&self, text: &str) -> Vec<char> {
        let raw = text.as_bytes();
        let mut at = 0;
        let mut out = Vec::with_capacity(raw.len() + 3);
        let mut after_space = true;
        while at < raw.len() {
            let (mut piece, used) = self.prefix(&raw[at..]);
            at += used.max(1);
            while after_space && piece.first() == Some(&b' ') {
                piece = &piece[1..];
            }
            if let Some(last) = piece.last() {
                after_space = *last == b' ';
                out.extend_from_slice(piece);
            }
        }
        let text = String::from_utf8_lossy(&out);
        let text = text.trim_end_matches(' ');
        if text.is_empty() {
            return Vec::new();
        }
        std::iter::once(SPACE).chain(text.chars().map(|c| if c == ' ' { SPACE } else { c })).collect()
    }

    fn lookup(&self, map: &[u8], hash: u64) -> Option<u32> {
        let table = &map[self.slots.clone()];
        let mut slot = hash as usize >> 1 & (self.slot_count - 1);
        for _ in 0..self.slot_count {
            let entry = &table[slot * SLOT..(slot + 1) * SLOT];
            let found = u64::from_le_bytes([entry[0], entry[1], entry[2], entry[3], entry[4], entry[5], entry[6], entry[7]]);
            if found == hash {
                return Some(u32::from_le_bytes([entry[8], entry[9], entry[10], entry[11]]));
            }
            if found == 0 {
                return None;
            }
            slot = (slot + 1) & (self.slot_count - 1);
        }
        None
    }

    /// Piece numbers of `text` between the marks for begin and end. `map` is the mapping of the file the tokeniser was opened from.
    pub fn encode(&self, map: &[u8], text: &str) -> Vec<u32> {
        let chars = self.normalise(text);
        let n = chars.len();
        let mut best = vec![f32::NEG_INFINITY; n + 1];
        let mut from = vec![(0usize, UNKNOWN); n + 1];
        best[0] = 0.0;
        for i in 0..n {
            let base = best[i];
            let mut single = false;
            let mut state = 7;
            for (j, c) in chars.iter().enumerate().skip(i).take(self.longest) {
                state = step(state, *c);
                let Some(value) = self.lookup(map, state) else { break };
                if let Some(id) = value.checked_sub(1) {
                    let score = base + self.scores.get(id as usize).copied().unwrap_or(self.unknown_score);
                    if score > best[j + 1] {
                        best[j + 1] = score;
                        from[j + 1] = (i, id);
                    }
                    single |= j == i;
                }
            }
            if !single && base + self.unknown_score > best[i + 1] {
                best[i + 1] = base + self.unknown_score;
                from[i + 1] = (i, UNKNOWN);
            }
        }
        let mut out = vec![END];
        let mut at = n;
        while at > 0 {
            out.push(from[at].1);
            at = from[at].0;
        }
        if n == 0 {
            out.push(UNKNOWN);
        }
        out.push(BEGIN);
        out.reverse();
        out
    }
}
