//! Encoded words (RFC 2047) in header values, in all the ways they are got wrong.

use crate::charset;
use crate::mime::transfer::{decode_base64, decode_quoted_printable};

/// Bytes of one header value that are looked at.
const MOST_HEADER: usize = 64 << 10;

/// One encoded word found in a string.
struct Word<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a str,
    /// Offset after the word.
    end: usize,
}

/// Reads an encoded word at the start of `s`.
fn word_at(s: &str) -> Option<Word<'_>> {
    let rest = s.strip_prefix("=?")?;
    let q1 = rest.find('?')?;
    let charset = &rest[..q1];
    if charset.is_empty() || charset.len() > 60 || charset.contains(|c: char| c.is_whitespace() || c == '=' || c == '<' || c == '>') {
        return None;
    }
    let after = &rest[q1 + 1..];
    let base64 = match after.as_bytes().first()? {
        b'b' | b'B' => true,
        b'q' | b'Q' => false,
        _ => return None,
    };
    if after.as_bytes().get(1) != Some(&b'?') {
        return None;
    }
    let text_at = 2 + q1 + 1 + 2;
    let text_on = &s[text_at..];
    // Bounded: a header of nothing but openings must not be searched to its end each time.
    let near = &text_on[..text_on.floor_char_boundary(8_192)];
    let (text, end) = match near.find("?=") {
        Some(i) => (&text_on[..i], text_at + i + 2),
        // Cut off by a sender that counts badly: take what looks like the word's text.
        None => {
            let len = text_on.find(|c: char| c.is_whitespace() || c == '<' || c == '"' || c == ',').unwrap_or(text_on.len());
            let text = &text_on[..len];
            if text.len() < 4 {
                return None;
            }
            (text.trim_end_matches('?'), text_at + len)
        }
    };
    // Another word's start inside means the closing mark belongs to that one.
    if text.contains("=?") && base64 {
        return None;
    }
    Some(Word { charset, base64, text, end })
}

/// Length of the encoded word at the start of `s`, if there is one.
pub fn word_len(s: &str) -> Option<usize> {
    word_at(s).map(|w| w.end)
}

fn unpack(w: &Word<'_>) -> Vec<u8> {
    if w.base64 {
        decode_base64(w.text.as_bytes()).0
    } else {
        // White space is never meant at a line end here, so it must survive the decoder's trimming.
        let text: Vec<u8> = w.text.bytes().flat_map(|b| if b == b'_' || b == b' ' || b == b'\t' { b"=20".to_vec() } else { vec![b] }).collect();
        decode_quoted_printable(&text).0
    }
}

/// Bytes gathered from neighbouring words of one charset, decoded together:
/// many senders cut a multi-byte character in two.
#[derive(Default)]
struct Run {
    charset: String,
    bytes: Vec<u8>,
    /// Base64 text whose length is not a multiple of four and has no padding: the next word goes on with it.
    open64: String,
}

impl Run {
    fn push(&mut self, w: &Word<'_>) {
        if w.base64 {
            let text: String = w.text.chars().filter(|c| !c.is_whitespace()).collect();
            self.open64.push_str(&text);
            if self.open64.len() % 4 == 0 || self.open64.ends_with('=') {
                let (b, _) = decode_base64(self.open64.as_bytes());
                self.bytes.extend(b);
                self.open64.clear();
            }
        } else {
            self.settle();
            self.bytes.extend(unpack(w));
        }
    }

    fn settle(&mut self) {
        if !self.open64.is_empty() {
            let (b, _) = decode_base64(self.open64.as_bytes());
            self.bytes.extend(b);
            self.open64.clear();
        }
    }

    fn flush(&mut self, out: &mut String, hint: &str, problems: &mut Vec<String>) {
        self.settle();
        if !self.bytes.is_empty() {
            let d = charset::decode(&self.bytes, &self.charset, hint);
            out.push_str(&d.text);
            if let Some(p) = d.problem {
                problems.push(format!("encoded word: {p}"));
            }
        }
        self.bytes.clear();
        self.charset.clear();
    }
}

/// Decodes all encoded words of a header value that already is text.
pub fn decode_words(s: &str, hint: &str, problems: &mut Vec<String>) -> String {
    if !s.contains("=?") {
        return s.to_owned();
    }
    let mut out = String::with_capacity(s.len());
    let mut run = Run::default();
    let mut pos = 0;
    // White space seen since the last word: dropped if another word follows, kept otherwise.
    let mut gap = String::new();
    let mut after_word = false;
    while pos < s.len() {
        if let Some(w) = s[pos..].starts_with("=?").then(|| word_at(&s[pos..])).flatten() {
            let end = pos + w.end;
            if !after_word {
                out.push_str(&gap);
            }
            gap.clear();
            if after_word && !run.charset.eq_ignore_ascii_case(w.charset) {
                run.flush(&mut out, hint, problems);
            }
            run.charset = w.charset.to_owned();
            run.push(&w);
            after_word = true;
            pos = end;
            continue;
        }
        let c = s[pos..].chars().next().unwrap_or(' ');
        pos += c.len_utf8();
        if after_word && c.is_ascii_whitespace() {
            gap.push(c);
            continue;
        }
        if after_word {
            run.flush(&mut out, hint, problems);
            out.push_str(&gap);
            gap.clear();
            after_word = false;
        }
        out.push(c);
    }
    run.flush(&mut out, hint, problems);
    out
}

/// Raw header bytes to text: 8-bit bytes by detection (with the body's charset as hint), then encoded words.
pub fn decode_header(raw: &[u8], hint: &str, problems: &mut Vec<String>) -> String {
    let text = raw_text(raw, hint, problems);
    tidy(&decode_words(&text, hint, problems))
}

/// Raw header bytes to text without touching encoded words.
pub fn raw_text(raw: &[u8], hint: &str, problems: &mut Vec<String>) -> String {
    raw_text_of(raw, MOST_HEADER, hint, problems)
}

/// [`raw_text`] of at most `most` bytes.
pub fn raw_text_of(raw: &[u8], most: usize, hint: &str, problems: &mut Vec<String>) -> String {
    let raw = if raw.len() > most {
        problems.push(format!("a header of {} bytes is cut to {most}", raw.len()));
        &raw[..most]
    } else {
        raw
    };
    if raw.is_ascii() {
        // HZ in headers is always inside encoded words; bare "~{" there is literal.
        return String::from_utf8_lossy(raw).into_owned();
    }
    let d = charset::decode(raw, "", hint);
    if let Some(p) = d.problem {
        problems.push(format!("header: {p}"));
    }
    d.text
}

/// One line, no control characters, no white space at the ends; inner white space of folds becomes one space.
pub fn tidy(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for c in s.chars() {
        match c {
            '\r' | '\n' | '\t' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out.trim().to_owned()
}
