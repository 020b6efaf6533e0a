//! What an audit row is about, in the form of ids people see.

use shouwen_kernel::{Problem, Result, decode_base32, encode_base32};
use uuid::Uuid;

/// Kinds of objects in audit rows, and the prefix of their ids.
const PREFIXES: &[(&str, &str)] = &[
    ("customer", "cus"), ("case", "cas"), ("person", "per"), ("team", "tea"), ("org_unit", "org"), ("role", "rol"), ("session", "ses"), ("token", "tok"), ("inbox", "inb"),
    ("conversation", "con"), ("message", "msg"), ("attachment", "att"), ("draft", "dra"), ("canned", "can"), ("view", "vie"), ("calendar", "cal"), ("service_level", "slv"),
    ("survey", "sur"), ("webhook", "whk"), ("outbox", "out"), ("notice", "not"), ("job", "job"), ("workspace", "wsp"),
];

/// `cus_…` for a customer; `obj_…` for what has no prefix of its own.
pub(crate) fn shown(object: &str, id: Uuid) -> String {
    let prefix = PREFIXES.iter().find(|(kind, _)| *kind == object).map_or("obj", |(_, prefix)| prefix);
    format!("{prefix}_{}", encode_base32(id.as_u128()))
}

/// What was asked for: one object by its id, or a kind of objects.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Wanted {
    One(Uuid),
    Kind(String),
}

impl Wanted {
    pub(crate) fn of(text: &str) -> Result<Self> {
        let text = text.trim();
        if let Some(id) = text.split_once('_').filter(|(prefix, _)| prefix.len() == 3).and_then(|(_, rest)| decode_base32(rest)) {
            return Ok(Self::One(Uuid::from_u128(id)));
        }
        if !text.is_empty() && text.len() <= 40 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            return Ok(Self::Kind(text.to_owned()));
        }
        Err(Problem::invalid("object", format!("`{}` is neither an id nor a kind of object", shouwen_kernel::text::clip(text, 40))).expected("an id like cus_…, or a kind like customer"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_and_kinds_are_words() {
        let id = Uuid::from_u128(7);
        assert_eq!(Wanted::of(&shown("customer", id)).unwrap(), Wanted::One(id));
        assert!(shown("setting", id).starts_with("obj_"));
        assert_eq!(Wanted::of("org_unit").unwrap(), Wanted::Kind("org_unit".into()));
        assert!(Wanted::of("'; --").is_err());
    }
}
