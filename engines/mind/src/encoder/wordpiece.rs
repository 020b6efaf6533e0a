//! WordPiece tokeniser (lower case, greedy longest match) over a list of pieces, one a line.

use std::collections::HashMap;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The pieces and their numbers.
#[derive(Debug)]
pub struct WordPiece {
    pieces: HashMap<String, u32>,
    unknown: u32,
    begin: u32,
    end: u32,
}

impl WordPiece {
    /// From the text of a vocabulary file; `None` when a mark it needs is missing.
    pub fn read(text: &str) -> Option<WordPiece> {
        let pieces: HashMap<String, u32> = text.lines().enumerate().map(|(id, piece)| (piece.to_string(), id as u32)).collect();
        let (unknown, begin, end) = (*pieces.get("[UNK]")?, *pieces.get("[CLS]")?, *pieces.get("[SEP]")?);
        Some(WordPiece { pieces, unknown, begin, end })
    }

    /// Piece numbers of `text`, at most `most`, between the marks for begin and end.
    pub fn encode(&self, text: &str, most: usize) -> Vec<u32> {
        let mut out = vec![self.begin];
        let mut word = String::new();
        for c in text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
            let alone = !c.is_alphanumeric() || crate::units::is_han(c);
            if alone || c.is_whitespace() {
                self.word(&word, &mut out);
                word.clear();
            }
            if c.is_whitespace() || c.is_control() {
                continue;
            }
            word.push(c);
            if alone {
                self.word(&word, &mut out);
                word.clear();
            }
            if out.len() >= most {
                break;
            }
        }
        self.word(&word, &mut out);
        out.truncate(most.saturating_sub(1).max(1));
        out.push(self.end);
        out
    }

    fn word(&self, word: &str, out: &mut Vec<u32>) {
        if word.is_empty() {
            return;
        }
        let start = out.len();
        let ends: Vec<usize> = word.char_indices().map(|(at, c)| at + c.len_utf8()).collect();
        if ends.len() > 100 {
            out.push(self.unknown);
            return;
        }
        let mut from = 0;
        let mut key = String::with_capacity(word.len() + 2);
        while from < word.len() {
            let found = ends.iter().rev().take_while(|end| **end > from).find_map(|end| {
                key.clear();
                if from > 0 {
                    key.push_str("##");
                }
                key.push_str(&word[from..*end]);
                self.pieces.get(&key).map(|id| (*id, *end))
            });
            match found {
                Some((id, end)) => {
                    out.push(id);
                    from = end;
                }
                None => {
                    out.truncate(start);
                    out.push(self.unknown);
                    return;
                }
            }
        }
    }
}
