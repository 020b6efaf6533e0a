//! Facts in a message: numbers that identify something, dates, amounts. With masks for display, and checksums checked.
//!
//! Rules after GB 11643 (identity number), GB 32100 (organisation number), GA 36 (plate) and the numbering plans; see `ids`.

mod amounts;
mod clock;
mod dates;
mod day;
mod feasts;
pub mod ids;
mod lunar;
pub mod numbers;

use crate::normalise::simplify;
pub use day::Day;
use serde::Serialize;
use unicode_normalization::UnicodeNormalization;

/// What a fact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactKind {
    /// Citizen identity number, 18 or 15 digits.
    IdentityNumber,
    /// Unified social credit code of an organisation.
    OrganisationNumber,
    /// Bank card, Luhn-valid and with a card's prefix or a word beside it.
    BankCard,
    /// Mobile number.
    Mobile,
    /// Fixed-line number with area code.
    Phone,
    /// A service's number (400…, 95…, 12315): not personal.
    ServiceNumber,
    /// Vehicle plate.
    Plate,
    /// Electronic mail address.
    Email,
    /// Order, case or parcel number.
    OrderNumber,
    /// Calendar day or span of days, resolved against the day of the message.
    Date,
    /// Time of day.
    Time,
    /// Sum of money.
    Amount,
}

/// One fact: where it stands, what it means, how to show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// Kind.
    pub kind: FactKind,
    /// As written.
    pub text: String,
    /// One spelling: digits only (a foreign phone number with its `+`), ISO date `2026-11-21` or span `2026-11-21/2026-11-22` (下周末,
    /// 上个月, 3天内), time `15:30`, amount in yuan `1200.00` or with its currency before it `USD 99.00`. Of a round amount (两百来块)
    /// the number said.
    pub value: String,
    /// With the personal part hidden; the value itself for kinds that are not personal.
    pub masked: String,
    /// First character, counted from 0.
    pub start: usize,
    /// Character after the last.
    pub end: usize,
}

/// The text being searched: one output character for one input character, so places can be told in the original.
pub(crate) struct Text {
    /// Characters as written.
    pub original: Vec<char>,
    /// Half width, simplified characters; case kept.
    pub chars: Vec<char>,
    taken: Vec<bool>,
    /// Facts so far.
    pub facts: Vec<Fact>,
}

impl Text {
    fn new(text: &str) -> Text {
        let original: Vec<char> = text.chars().take(crate::normalise::MAX_CHARS).collect();
        // Full-width forms to half width; a character whose normal form is longer stays as it is.
        let chars = original
            .iter()
            .map(|c| {
                let mut normal = std::iter::once(*c).nfkc();
                match (normal.next(), normal.next()) {
                    (Some(one), None) => simplify(one),
                    _ => *c,
                }
            })
            .collect();
        Text { taken: vec![false; original.len()], original, chars, facts: Vec::new() }
    }

    /// True when nothing was found in `start..end` yet.
    pub fn is_free(&self, start: usize, end: usize) -> bool {
        self.taken[start..end].iter().all(|t| !t)
    }

    /// Records a fact and takes its place.
    pub fn add(&mut self, kind: FactKind, start: usize, end: usize, value: String, masked: String) {
        self.taken[start..end].iter_mut().for_each(|t| *t = true);
        let text = self.original[start..end].iter().collect();
        self.facts.push(Fact { kind, text, value, masked, start, end });
    }

    /// The characters of `start..end` as text (half width).
    pub fn slice(&self, start: usize, end: usize) -> String {
        self.chars[start..end].iter().collect()
    }

    /// True when one of `words` stands within `reach` characters before `start`.
    pub fn near(&self, start: usize, reach: usize, words: &[&str]) -> bool {
        self.gap(start, reach, words).is_some()
    }

    /// Bytes between the nearest of `words` within `reach` characters before `start` and `start`.
    pub fn gap(&self, start: usize, reach: usize, words: &[&str]) -> Option<usize> {
        let window: String = self.chars[start.saturating_sub(reach)..start].iter().collect::<String>().to_lowercase();
        words.iter().filter_map(|w| window.rfind(w).map(|at| window.len() - at - w.len())).min()
    }

    /// True when the character before `i` is part of a number that nothing has read: what stands at `i` is its rest.
    pub fn inside_number(&self, i: usize) -> bool {
        i > 0 && !self.taken[i - 1] && (self.chars[i - 1].is_ascii_digit() || ".一二三四五六七八九十百千万亿两几〇零".contains(self.chars[i - 1]))
    }
}

/// Finds all facts in `text`, in order of place; facts do not overlap, the more specific one wins.
/// `today`: the day the message was written, for relative dates; without it they are left out.
pub fn extract(text: &str, today: Option<Day>) -> Vec<Fact> {
    let mut text = Text::new(text);
    ids::email(&mut text);
    ids::organisation(&mut text);
    ids::plate(&mut text);
    ids::spaced_identity(&mut text);
    numbers::digit_runs(&mut text);
    dates::find(&mut text, today);
    amounts::find(&mut text);
    numbers::order_numbers(&mut text);
    text.facts.sort_by_key(|f| f.start);
    text.facts
}
