//! serde's words into those of people who write packs: what is wrong, and what was expected, with an example.

/// A text in both languages, as files write it.
const BOTH: &str = "{ zh = \"…\", en = \"…\" }";
const WHOLE: &str = "a whole number, e.g. 3";
const NUMBER: &str = "a number, e.g. 0.8";
const TEXT: &str = "a text in quotes, e.g. \"…\"";
const SWITCH: &str = "true or false, without quotes";
const LIST: &str = "a list, e.g. [\"a\", \"b\"]";
const TABLE: &str = "a table, e.g. { key = \"…\" }";
/// When nothing better is known.
pub(super) const ANY: &str = "a value of the kind the format describes";

/// What is wrong, and what was expected; `otherwise` when the message does not say.
pub(super) fn reworded(message: &str, otherwise: &str) -> (String, String) {
    let message = message.replace('\n', ", ");
    let (wrong, expected) = split(&message);
    let wrong = if let Some(rest) = wrong.strip_prefix("unknown field ") {
        format!("the key {rest} is not known here")
    } else if let Some(rest) = wrong.strip_prefix("unknown variant ") {
        format!("{rest} is not known here")
    } else if let Some(rest) = wrong.strip_prefix("invalid type: ") {
        format!("{} does not belong here", named(rest))
    } else if let Some(rest) = wrong.strip_prefix("invalid value: ") {
        format!("{} cannot stand here", named(rest))
    } else if let Some(rest) = wrong.strip_prefix("invalid length ") {
        format!("{rest} entries cannot stand here")
    } else if let Some(rest) = wrong.strip_prefix("duplicate field ") {
        format!("the key {rest} stands here twice")
    } else if wrong.starts_with("data did not match any variant") {
        "this does not belong here".to_owned()
    } else {
        wrong.to_owned()
    };
    (wrong, expected.map_or_else(|| otherwise.to_owned(), |text| wanted(text).to_owned()))
}

/// The message before and after what it says was expected.
pub(super) fn split(message: &str) -> (&str, Option<&str>) {
    let (wrong, expected) = message.split_once("; expected ").or_else(|| message.split_once(", expected ")).map_or((message, None), |(a, b)| (a, Some(b)));
    (wrong, expected.filter(|text| !text.is_empty()))
}

/// What stands there, without the names of the program's types.
fn named(what: &str) -> String {
    let inner = |what: &str| what.split_once('`').and_then(|(_, rest)| rest.split_once('`')).map(|(value, _)| value.to_owned()).unwrap_or_default();
    if what.starts_with("string ") {
        format!("the text {}", what.trim_start_matches("string "))
    } else if what.starts_with("integer ") || what.starts_with("floating point ") {
        format!("the number {}", inner(what))
    } else if what.starts_with("boolean ") {
        format!("`{}`", inner(what))
    } else if what.starts_with("sequence") {
        "a list".to_owned()
    } else if what.starts_with("map") || what.starts_with("struct") {
        "a table".to_owned()
    } else {
        what.to_owned()
    }
}

/// What was expected, in plain words with an example.
fn wanted(expected: &str) -> &str {
    match kind(expected) {
        Some(Kind::Whole) => WHOLE,
        Some(Kind::Number) => NUMBER,
        Some(Kind::Switch) => SWITCH,
        Some(Kind::List) => LIST,
        Some(Kind::Both) => BOTH,
        Some(Kind::Table) => TABLE,
        Some(Kind::Text) => TEXT,
        None if ["enum ", "variant", "tuple", "newtype", "unit"].iter().any(|word| expected.contains(word)) => ANY,
        None => expected,
    }
}

/// The kinds of values serde may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Whole,
    Number,
    Switch,
    List,
    Table,
    /// A text in both languages.
    Both,
}

/// The kind of value that serde's `expected …` speaks of.
pub(super) fn kind(expected: &str) -> Option<Kind> {
    let expected = expected.trim_start_matches("a ").trim_start_matches("an ");
    Some(match expected {
        "i8" | "i16" | "i32" | "i64" | "i128" | "isize" | "u8" | "u16" | "u32" | "u64" | "u128" | "usize" | "integer" => Kind::Whole,
        _ if expected.starts_with("nonzero") => Kind::Whole,
        "f32" | "f64" | "floating point number" => Kind::Number,
        "boolean" => Kind::Switch,
        "string" | "str" | "borrowed string" | "character" => Kind::Text,
        "sequence" | "array" | "list" => Kind::List,
        "struct PackText" | "struct Title" | "struct Words" => Kind::Both,
        "map" | "table" => Kind::Table,
        _ if expected.starts_with("struct ") => Kind::Table,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_a_type_of_the_program_is_told() {
        for (message, wrong, expected) in [
            ("invalid type: string \"just text\", expected struct PackText", "the text \"just text\" does not belong here", BOTH),
            ("invalid type: string \"first\", expected i64", "the text \"first\" does not belong here", WHOLE),
            ("invalid type: integer `7`, expected a string", "the number 7 does not belong here", TEXT),
            ("invalid type: floating point `1.5`, expected u8", "the number 1.5 does not belong here", WHOLE),
            ("invalid value: integer `-1`, expected u32", "the number -1 cannot stand here", WHOLE),
            ("invalid type: integer `99999999999999999999` as i128, expected i64", "the number 99999999999999999999 does not belong here", WHOLE),
            ("invalid type: sequence, expected struct Level", "a list does not belong here", TABLE),
            ("invalid type: map, expected a sequence", "a table does not belong here", LIST),
            ("invalid type: boolean `true`, expected f64", "`true` does not belong here", NUMBER),
            ("unknown variant `opn`, expected one of `open`, `closed`", "`opn` is not known here", "one of `open`, `closed`"),
            ("unknown field `colour`, expected `key` or `title`", "the key `colour` is not known here", "`key` or `title`"),
            ("data did not match any variant of untagged enum Targets", "this does not belong here", ANY),
            ("invalid length 2, expected tuple struct X with 3 elements", "2 entries cannot stand here", ANY),
        ] {
            assert_eq!(reworded(message, ANY), (wrong.to_owned(), expected.to_owned()), "{message}");
        }
    }
}
