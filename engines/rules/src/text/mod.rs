//! The text form of the condition tree: what people write in packs and in the rule editor.
//!
//! ```text
//! priority is urgent and (title contains any "12315", "媒体" or customer.tier >= 4) and not tag contains "vip-handled" and age > 2h
//! 优先级 是 urgent 且 (标题 包含任一 "12315", "媒体" 或 客户星级 >= 4) 且 非 标签 包含 "vip-handled"
//! ```
//!
//! | written | 中文 | operator |
//! |---|---|---|
//! | `is`, `=` · `is not`, `!=` | 是 · 不是 | `eq` · `ne` |
//! | `in a, b` · `not in a, b` | 属于 · 不属于 | `in` · `not_in` |
//! | `<` `<=` `>` `>=` | 小于 至多 大于 至少 | `lt` `le` `gt` `ge` |
//! | `contains`, `has` · `contains any` · `contains all` | 包含 · 包含任一 · 包含全部 | `contains` · `contains_any` · `contains_all` |
//! | `starts with` | 开头是 | `starts_with` |
//! | `is empty` · `is not empty` | 为空 · 不为空 | `empty` · `not_empty` |
//! | `within last 7d` · `within next 2h` · `older than 3d` | 在最近 · 在未来 · 早于 | `within_last` · `within_next` · `older_than` |
//! | `changed`, `changed from a to b` · `was a` | 变了, 变了 从 a 到 b · 原为 a | `changed` · `was` |
//!
//! `and` 且, `or` 或, `not` 非, parentheses (also full width), `always` 总是, `never` 从不. `and` binds closer than `or`.
//! A word stands for itself; anything else goes in quotes (`"…"`, `'…'`, `“…”`, `「…」`). Numbers, `true`, `false`,
//! `null`, spans (`2h`, `2wd`, `3天`), dates and RFC 3339 times stand bare. A field of an odd name goes in back-ticks.
//! `json …` is any JSON value. `#` begins a comment. [`print`] gives the canonical text, and `parse(print(c)) == c`.

mod lex;
mod parse;
mod print;

use crate::condition::{Catalogue, Condition, Fault};
use crate::vocabulary::Vocabulary;
pub use parse::parse;
pub use print::{canonical, print, print_zh};

/// Reads a text and checks it against a catalogue as the condition of a rule; every fault with line and column.
///
/// # Errors
/// The first fault of grammar, or all faults of meaning.
pub fn parse_checked(text: &str, catalogue: Catalogue<'_>) -> Result<Condition, Vec<Fault>> {
    let parsed = parse::parse_placed(text).map_err(|fault| vec![fault])?;
    let faults = parsed.condition.rule_faults(catalogue);
    if faults.is_empty() { Ok(parsed.condition) } else { Err(parsed.place(text, faults)) }
}

impl Vocabulary {
    /// Reads a text as the condition of a rule: fields by name or by their label in either language, checked against
    /// the vocabulary, values of fields with few choices too.
    ///
    /// # Errors
    /// The first fault of grammar, or all faults of meaning, each with line and column.
    pub fn read(&self, text: &str) -> Result<Condition, Vec<Fault>> {
        let mut parsed = parse::parse_placed(text).map_err(|fault| vec![fault])?;
        self.unlabel(&mut parsed.condition);
        let faults = self.condition_faults(&parsed.condition);
        if faults.is_empty() { Ok(parsed.condition) } else { Err(parsed.place(text, faults)) }
    }

    /// The canonical text in Chinese words, fields by their labels; [`Vocabulary::read`] reads it back to the same tree.
    #[must_use]
    pub fn print_zh(&self, condition: &Condition) -> String {
        let mut labelled = condition.clone();
        self.label(&mut labelled);
        print_zh(&labelled)
    }

    fn label(&self, condition: &mut Condition) {
        match condition {
            Condition::All { all: parts } | Condition::Any { any: parts } => parts.iter_mut().for_each(|part| self.label(part)),
            Condition::Not { not } => self.label(not),
            Condition::Compare { field, .. } => {
                let Some(label) = self.field(field).map(|known| &known.label.zh).filter(|label| !label.is_empty()) else { return };
                // Only a label that leads back to this very field.
                let first = self.fields.iter().find(|known| known.label.zh == *label || known.label.en == *label);
                if first.is_some_and(|known| known.name == *field) && !self.has_field(label) {
                    field.clone_from(label);
                }
            }
        }
    }

    /// Every fault of a rule's condition, values of fields with few choices included.
    #[must_use]
    pub fn condition_faults(&self, condition: &Condition) -> Vec<Fault> {
        let mut faults = condition.rule_faults(&self.catalogue(condition));
        for (path, (field, op, value)) in parse::paths(condition).into_iter().zip(condition.leaves()) {
            let Some(choices) = self.field(field).map(|f| &f.choices).filter(|c| !c.is_empty()) else { continue };
            if op == crate::Op::Contains || op == crate::Op::StartsWith {
                continue;
            }
            let mut said = Vec::new();
            texts(value, &mut said);
            // Words such as `@mine` are filled in before a condition is used.
            for wrong in said.into_iter().filter(|text| !text.starts_with('@') && !choices.iter().any(|c| c == text)) {
                let path = if path.is_empty() { "value".to_owned() } else { format!("{path}.value") };
                faults.push(Fault::new(path, format!("`{field}` is never `{wrong}`"), crate::near::suggest(wrong, choices.iter().map(String::as_str))));
            }
        }
        faults
    }

    /// Labels become names.
    fn unlabel(&self, condition: &mut Condition) {
        match condition {
            Condition::All { all: parts } | Condition::Any { any: parts } => parts.iter_mut().for_each(|part| self.unlabel(part)),
            Condition::Not { not } => self.unlabel(not),
            Condition::Compare { field, .. } if !self.has_field(field) => {
                if let Some(named) = self.fields.iter().find(|f| f.label.zh == *field || f.label.en == *field) {
                    field.clone_from(&named.name);
                }
            }
            Condition::Compare { .. } => {}
        }
    }
}

/// The texts of a value, one level of list or object deep.
fn texts<'v>(value: &'v serde_json::Value, out: &mut Vec<&'v str>) {
    match value {
        serde_json::Value::String(text) => out.push(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| texts(item, out)),
        serde_json::Value::Object(ends) => ends.values().for_each(|item| texts(item, out)),
        _ => {}
    }
}
