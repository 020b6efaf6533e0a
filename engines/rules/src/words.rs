//! Texts in Chinese and English, and texts with `{placeholders}`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::evaluate::Facts;

/// A text in both languages. In files either one text for both (`"VIP"`) or `{ zh = "…", en = "…" }`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Words {
    pub zh: String,
    pub en: String,
}

impl Words {
    /// Both languages.
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    /// The text for a locale such as `zh-CN` or `en`; the other one where it is missing.
    #[must_use]
    pub fn pick(&self, locale: &str) -> &str {
        let (first, second) = if locale.starts_with("zh") { (&self.zh, &self.en) } else { (&self.en, &self.zh) };
        if first.is_empty() { second } else { first }
    }

    /// Neither language says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.zh.is_empty() && self.en.is_empty()
    }

    /// Both languages with their placeholders filled; see [`render`].
    pub fn render(&self, facts: &(impl Facts + ?Sized)) -> Self {
        Self { zh: render(&self.zh, facts), en: render(&self.en, facts) }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self::new(text, text)
    }
}

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        if self.zh == self.en {
            return s.serialize_str(&self.zh);
        }
        let mut out = s.serialize_struct("Words", 2)?;
        out.serialize_field("zh", &self.zh)?;
        out.serialize_field("en", &self.en)?;
        out.end()
    }
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            One(String),
            Both(Both),
        }
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Both {
            #[serde(default)]
            zh: String,
            #[serde(default)]
            en: String,
        }
        Ok(match Form::deserialize(d)? {
            Form::One(text) => Self::new(text.clone(), text),
            Form::Both(both) => Self::new(both.zh, both.en),
        })
    }
}

/// A piece of a text: as it stands, or the field a placeholder names.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Field(&'a str),
}

/// `{name}` is a placeholder, `{{` and `}}` are braces; a brace that is neither stands for itself.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        if at > 0 {
            out.push(Piece::Text(&rest[..at]));
        }
        rest = &rest[at..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            out.push(Piece::Text(&rest[..1]));
            rest = &rest[2..];
            continue;
        }
        match rest.find('}').filter(|end| *end > 1 && !rest[1..*end].contains(['{', '\n'])) {
            Some(end) if rest.starts_with('{') => {
                out.push(Piece::Field(rest[1..end].trim()));
                rest = &rest[end + 1..];
            }
            _ => {
                out.push(Piece::Text(&rest[..1]));
                rest = &rest[1..];
            }
        }
    }
    if !rest.is_empty() {
        out.push(Piece::Text(rest));
    }
    out
}

/// The fields a text's placeholders name, in order.
pub fn placeholders(text: &str) -> Vec<&str> {
    pieces(text).into_iter().filter_map(|piece| match piece {
        Piece::Field(field) => Some(field),
        Piece::Text(_) => None,
    }).collect()
}

/// The text with its placeholders filled from the facts. Total: what is unknown or empty becomes `—`.
pub fn render(text: &str, facts: &(impl Facts + ?Sized)) -> String {
    pieces(text).into_iter().map(|piece| match piece {
        Piece::Text(text) => text.to_owned(),
        Piece::Field(field) => shown(&facts.look(field)),
    }).collect()
}

/// A value as a person reads it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) if text.is_empty() => "—".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "—".to_owned(),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn placeholders_are_filled_and_braces_survive() {
        let facts = |field: &str| match field {
            "number" => json!("2026-000001"),
            "tags" => json!(["a", "b"]),
            _ => Value::Null,
        };
        assert_eq!(render("工单 {number}（{ tags }）{{x}} {nothing} } { {} end", &facts), "工单 2026-000001（a, b）{x} — } { {} end");
        assert_eq!(placeholders("{a} {{b}} {c.d}"), ["a", "c.d"]);
    }

    #[test]
    fn one_text_serves_both_languages() {
        let words: Words = serde_json::from_value(json!("VIP")).unwrap();
        assert_eq!(serde_json::to_value(&words).unwrap(), json!("VIP"));
        let words: Words = serde_json::from_value(json!({"zh": "紧急"})).unwrap();
        assert_eq!((words.pick("en"), words.pick("zh-CN")), ("紧急", "紧急"));
        assert!(serde_json::from_value::<Words>(json!({"zh": "a", "de": "b"})).is_err());
    }
}
