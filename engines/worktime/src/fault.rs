//! What was wrong and what would be right, with the place it was found at.

use std::fmt;

/// Where a [`Fault`] was found. Every part is optional; what is known is shown as `file:line: field:`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file's name as the caller gave it.
    pub file: Option<String>,
    /// The line, counted from 1.
    pub line: Option<u32>,
    /// The field, as a path: `week.mon[1]`, `days.2026-10-01`, or a command-line option.
    pub field: Option<String>,
}

/// One thing that is wrong with an input, said so that its author can repair it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Stable name for programs and for translation, such as `bad_interval`.
    pub code: &'static str,
    pub place: Place,
    /// What was wrong, quoting the input.
    pub wrong: String,
    /// What would be right, with an example.
    pub right: String,
}

impl Fault {
    /// A fault with no place yet.
    pub fn new(code: &'static str, wrong: impl Into<String>, right: impl Into<String>) -> Fault {
        Fault {
            code,
            place: Place::default(),
            wrong: wrong.into(),
            right: right.into(),
        }
    }

    /// The same fault at `field`. A field already known stays inside the new one.
    pub fn at(mut self, field: impl Into<String>) -> Fault {
        let outer = field.into();
        self.place.field = Some(match self.place.field.take() {
            Some(inner) => format!("{outer}.{inner}"),
            None => outer,
        });
        self
    }

    /// The same fault on line `line`; 0 means the line is unknown.
    pub fn on_line(mut self, line: usize) -> Fault {
        if line > 0 {
            self.place.line = Some(u32::try_from(line).unwrap_or(u32::MAX));
        }
        self
    }

    /// The same fault in `file`, unless a file is already named.
    pub fn in_file(mut self, file: &str) -> Fault {
        if self.place.file.is_none() && !file.is_empty() {
            self.place.file = Some(file.to_owned());
        }
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place.file, self.place.line) {
            (Some(file), Some(line)) => write!(f, "{file}:{line}: ")?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(line)) => write!(f, "line {line}: ")?,
            (None, None) => {}
        }
        if let Some(field) = &self.place.field {
            write!(f, "{field}: ")?;
        }
        write!(f, "{}; {}", self.wrong, self.right)
    }
}

impl std::error::Error for Fault {}

/// Everything wrong with one calendar, in the order of its lines; never empty when returned as an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.0.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Faults {
        Faults(vec![fault])
    }
}

/// Input quoted in a message: control characters shown, long text cut.
pub(crate) fn quote(text: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = text
        .chars()
        .take(LONGEST)
        .flat_map(char::escape_debug)
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    format!("\"{shown}\"")
}

/// The candidate nearest to `given`, if it is near enough to be a slip of the finger.
pub(crate) fn nearest<'a>(
    given: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    let given = given.to_lowercase();
    if given.chars().count() > 64 {
        return None;
    }
    candidates
        .map(|c| (distance(&given, &c.to_lowercase()), c))
        .min_by_key(|(d, _)| *d)
        .filter(|(d, c)| *d <= 1 + c.chars().count() / 6)
        .map(|(_, c)| c)
}

/// Levenshtein distance in characters.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_says_where_what_and_what_instead() {
        let fault = Fault::new(
            "bad_interval",
            "\"9-12\" is no interval",
            "write \"09:00-12:00\"",
        )
        .at("week.mon[0]")
        .on_line(4)
        .in_file("desk.toml");
        assert_eq!(
            fault.to_string(),
            "desk.toml:4: week.mon[0]: \"9-12\" is no interval; write \"09:00-12:00\""
        );
    }

    #[test]
    fn slips_of_the_finger_are_recognised_and_strangers_are_not() {
        assert_eq!(
            nearest("Asia/Shangai", ["Asia/Shanghai", "Asia/Tokyo"].into_iter()),
            Some("Asia/Shanghai")
        );
        assert_eq!(nearest("moon", ["mon", "tue"].into_iter()), Some("mon"));
        assert_eq!(nearest("xyz", ["mon", "tue"].into_iter()), None);
    }
}
