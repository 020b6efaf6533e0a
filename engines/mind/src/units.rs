//! Text as a row of units: one Chinese character, one Latin word, one run of digits, one mark.

/// What kind of unit stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// One Chinese (or kana, hangul) character.
    Han,
    /// A run of letters of any alphabet.
    Word,
    /// A run of digits; all numbers count as one unit, whatever their value.
    Number,
    /// Punctuation, symbols, emoji: one character.
    Mark,
}

/// One unit: its kind and its text (a slice of the normalised input).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit<'a> {
    /// Kind of the unit.
    pub kind: Kind,
    /// The text of the unit.
    pub text: &'a str,
}

/// True for characters written without spaces between words.
pub fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
        | '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}' | '\u{3007}')
}

fn kind_of(c: char) -> Option<Kind> {
    if c.is_whitespace() {
        None
    } else if is_han(c) {
        Some(Kind::Han)
    } else if c.is_numeric() {
        Some(Kind::Number)
    } else if c.is_alphabetic() || c == '\'' {
        Some(Kind::Word)
    } else {
        Some(Kind::Mark)
    }
}

/// Splits already normalised text into units. White space separates and is dropped.
pub fn units(text: &str) -> Vec<Unit<'_>> {
    let mut out = Vec::with_capacity(text.len() / 2 + 1);
    let mut open: Option<(usize, Kind)> = None;
    for (at, c) in text.char_indices() {
        let kind = kind_of(c);
        if let Some((start, running)) = open {
            if kind == Some(running) && matches!(running, Kind::Word | Kind::Number) {
                continue;
            }
            out.push(Unit { kind: running, text: &text[start..at] });
            open = None;
        }
        match kind {
            Some(kind @ (Kind::Word | Kind::Number)) => open = Some((at, kind)),
            Some(kind) => out.push(Unit { kind, text: &text[at..at + c.len_utf8()] }),
            None => {}
        }
    }
    if let Some((start, kind)) = open {
        out.push(Unit { kind, text: &text[start..] });
    }
    out
}
