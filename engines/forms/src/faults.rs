//! What is wrong with a form's definition, and reading one from a file.

use std::collections::{HashMap, HashSet};

use serde_json::Value;
use shouwen_rules::{Condition, Fault, FieldDef, FieldKind, Source, Vocabulary, Words, placeholders, suggest, text};

use crate::answer::clean;
use crate::check::{Context, reads, whole_pattern};
use crate::definition::{Choice, Field, FieldType, Form};
use crate::facts::{fact_kind, vocabulary};
use crate::kinds::date_bound;

/// More fields in one form are refused.
pub const MOST_FIELDS: usize = 1000;
/// More options in one field, all levels together, are refused.
const MOST_OPTIONS: usize = 5000;
const DEEPEST_TREE: usize = 6;

const FORM: [&str; 4] = ["key", "version", "title", "section"];
const SECTION: [&str; 4] = ["key", "title", "show_if", "field"];
const FIELD: [&str; 23] = [
    "key", "type", "label", "help", "required", "default", "personal", "show_if", "require_if", "hidden", "min", "max", "decimals", "min_length", "max_length", "pattern", "pattern_says", "unit", "currencies", "option", "any_level",
    "column", "template",
];
const CHOICE: [&str; 4] = ["key", "label", "retired", "option"];

impl Form {
    /// Reads and checks a form; `file` decides between TOML and JSON by the end of its name. `case` are the fields of the
    /// case that conditions may read as `case.…`; none given: any.
    ///
    /// # Errors
    /// Every fault, with path, line and column.
    pub fn read(text: &str, file: &str, case: &[FieldDef]) -> Result<Self, Vec<Fault>> {
        let source = Source::named(text, file).map_err(|fault| vec![fault])?;
        Self::from_value(&source.value, case).map_err(|faults| source.located(faults))
    }

    /// The same from JSON data.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn from_value(value: &Value, case: &[FieldDef]) -> Result<Self, Vec<Fault>> {
        let mut raw = Raw::default();
        raw.form(value);
        if !raw.faults.is_empty() {
            return Err(raw.faults);
        }
        let form: Self = serde_json::from_value(value.clone()).map_err(|error| vec![Fault::new("", error.to_string(), "see the types and bounds of fields")])?;
        let mut faults = form.faults(case);
        // Faults of a condition written as text are told with their place in the text.
        let words = vocabulary_of(&form, case);
        for (path, written) in &raw.conditions {
            let inside = format!("{path}.");
            let (mut about, others): (Vec<Fault>, Vec<Fault>) = std::mem::take(&mut faults).into_iter().partition(|fault| fault.path.starts_with(&inside));
            faults = others;
            if !about.is_empty() {
                if let Err(placed) = text::parse(written).map_err(|f| vec![f]).and_then(|c| text::parse_checked(written, &words.catalogue(&c))) {
                    about = placed.into_iter().map(|fault| Fault { path: path.clone(), ..fault }).collect();
                }
            }
            faults.extend(about);
        }
        if faults.is_empty() { Ok(form) } else { Err(faults) }
    }

    /// Every fault of the definition, with its path; none: answers can be checked against it. `case` as for [`Form::read`].
    #[must_use]
    pub fn faults(&self, case: &[FieldDef]) -> Vec<Fault> {
        let mut check = Check { faults: Vec::new(), words: vocabulary_of(self, case) };
        check.form(self);
        check.faults
    }
}

/// What the form's conditions may speak of.
fn vocabulary_of(form: &Form, case: &[FieldDef]) -> Vocabulary {
    let mut fields = vocabulary(form, "");
    fields.extend(case.iter().map(|field| FieldDef { name: format!("case.{}", field.name), ..field.clone() }));
    Vocabulary { fields, open: if case.is_empty() { vec!["case.".into()] } else { Vec::new() }, ..Vocabulary::default() }
}

/// The shape of the data before it is a form: unknown keys with their nearest known one, conditions that do not read.
#[derive(Default)]
struct Raw {
    faults: Vec<Fault>,
    conditions: Vec<(String, String)>,
}

impl Raw {
    fn table<'v>(&mut self, value: &'v Value, path: &str, known: &[&str]) -> Option<&'v serde_json::Map<String, Value>> {
        let Some(table) = value.as_object() else {
            self.faults.push(Fault::new(path, "a table belongs here", format!("a table with {}", known.join(", "))));
            return None;
        };
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            self.faults.push(Fault::new(at, format!("there is no `{key}` here"), suggest(key, known.iter().copied())));
        }
        Some(table)
    }

    fn each(&mut self, value: Option<&Value>, path: &str, one: impl Fn(&mut Self, &Value, &str)) {
        match value {
            None => {}
            Some(Value::Array(items)) => items.iter().enumerate().for_each(|(i, item)| one(self, item, &format!("{path}[{i}]"))),
            Some(_) => self.faults.push(Fault::new(path, "a list belongs here", "[[…]] tables in TOML, a list in JSON")),
        }
    }

    fn form(&mut self, value: &Value) {
        let Some(table) = self.table(value, "", &FORM) else { return };
        self.each(table.get("section"), "section", |raw, value, path| {
            let Some(table) = raw.table(value, path, &SECTION) else { return };
            raw.condition(table.get("show_if"), &format!("{path}.show_if"));
            raw.words(table.get("title"), &format!("{path}.title"));
            raw.each(table.get("field"), &format!("{path}.field"), |raw, value, path| raw.field(value, path));
        });
        self.words(table.get("title"), "title");
        if let Some(version) = table.get("version").filter(|v| v.as_u64().is_none_or(|n| n == 0 || n > u64::from(u32::MAX))) {
            self.faults.push(Fault::new("version", format!("{version} is no version"), "a whole number from 1"));
        }
    }

    fn field(&mut self, value: &Value, path: &str) {
        let Some(table) = self.table(value, path, &FIELD) else { return };
        let at = |key: &str| format!("{path}.{key}");
        let names = FieldType::ALL.map(|(_, name)| name);
        if let Some(kind) = table.get("type").filter(|kind| kind.as_str().is_none_or(|kind| !names.contains(&kind))) {
            self.faults.push(Fault::new(at("type"), format!("there is no type {kind}"), suggest(kind.as_str().unwrap_or_default(), names)));
        }
        for key in ["show_if", "require_if"] {
            self.condition(table.get(key), &at(key));
        }
        for key in ["label", "help", "pattern_says", "unit", "template"] {
            self.words(table.get(key), &at(key));
        }
        for key in ["required", "personal", "any_level"] {
            if table.get(key).is_some_and(|v| !v.is_boolean()) {
                self.faults.push(Fault::new(at(key), "true or false belongs here", format!("{key} = true")));
            }
        }
        for (key, most) in [("decimals", 12), ("min_length", u64::from(u32::MAX)), ("max_length", u64::from(u32::MAX))] {
            if table.get(key).is_some_and(|v| v.as_u64().is_none_or(|n| n > most)) {
                self.faults.push(Fault::new(at(key), "a whole number belongs here", format!("{key} = 2, from 0 to {most}")));
            }
        }
        for key in ["key", "pattern"] {
            if table.get(key).is_some_and(|v| !v.is_string()) {
                self.faults.push(Fault::new(at(key), "a text belongs here", format!("{key} = \"…\"")));
            }
        }
        if !table.contains_key("key") {
            self.faults.push(Fault::new(path, "the field has no key", "key = \"cause\""));
        }
        if table.get("hidden").is_some_and(|v| v != "drop" && v != "keep") {
            self.faults.push(Fault::new(at("hidden"), "that is not what can become of a hidden answer", "\"drop\" or \"keep\""));
        }
        if table.get("currencies").is_some_and(|v| v.as_array().is_none_or(|items| !items.iter().all(Value::is_string))) {
            self.faults.push(Fault::new(at("currencies"), "a list of currency codes belongs here", "[\"CNY\", \"USD\"]"));
        }
        self.each(table.get("option"), &at("option"), |raw, value, path| raw.choice(value, path, 1));
        self.each(table.get("column"), &at("column"), |raw, value, path| raw.field(value, path));
    }

    fn choice(&mut self, value: &Value, path: &str, depth: usize) {
        if depth > DEEPEST_TREE {
            return self.faults.push(Fault::new(path, "the tree is too deep", format!("at most {DEEPEST_TREE} levels")));
        }
        let Some(table) = self.table(value, path, &CHOICE) else { return };
        if !table.get("key").is_some_and(Value::is_string) {
            self.faults.push(Fault::new(path, "the option has no key", "key = \"network\""));
        }
        self.words(table.get("label"), &format!("{path}.label"));
        self.each(table.get("option"), &format!("{path}.option"), |raw, value, path| raw.choice(value, path, depth + 1));
    }

    fn words(&mut self, value: Option<&Value>, path: &str) {
        if value.is_some_and(|value| serde_json::from_value::<Words>(value.clone()).is_err()) {
            self.faults.push(Fault::new(path, "a text belongs here", "\"…\" for both languages, or { zh = \"…\", en = \"…\" }"));
        }
    }

    fn condition(&mut self, value: Option<&Value>, path: &str) {
        match value {
            None => {}
            Some(Value::String(written)) => match text::parse(written) {
                Ok(_) => self.conditions.push((path.to_owned(), written.clone())),
                Err(fault) => self.faults.push(Fault { path: path.to_owned(), ..fault }),
            },
            Some(tree) if serde_json::from_value::<Condition>(tree.clone()).is_ok() => {}
            Some(_) => self.faults.push(Fault::new(path, "a condition belongs here", "a text such as `cause is network`, or the tree")),
        }
    }
}

struct Check {
    faults: Vec<Fault>,
    words: Vocabulary,
}

fn good_key(key: &str) -> bool {
    !key.is_empty() && key.len() <= 60 && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

impl Check {
    fn fault(&mut self, path: impl Into<String>, wrong: impl Into<String>, right: impl Into<String>) {
        self.faults.push(Fault::new(path, wrong, right));
    }

    fn form(&mut self, form: &Form) {
        if !good_key(&form.key) {
            self.fault("key", format!("`{}` is no key", form.key), "small letters a–z, digits and `_`, at most 60");
        }
        let count = form.fields().count();
        if count == 0 {
            self.fault("section", "the form asks nothing", "at least one [[section]] with one [[section.field]]");
        }
        if count > MOST_FIELDS {
            self.fault("section", format!("{count} fields"), format!("at most {MOST_FIELDS}"));
        }
        let mut seen: HashSet<&str> = HashSet::new();
        for (s, section) in form.sections.iter().enumerate() {
            let path = format!("section[{s}]");
            if let Some(condition) = &section.show_if {
                self.condition(condition, &format!("{path}.show_if"));
            }
            for (f, field) in section.fields.iter().enumerate() {
                let path = format!("{path}.field[{f}]");
                if !seen.insert(&field.key) {
                    self.fault(format!("{path}.key"), format!("the key `{}` is taken by an earlier field", field.key), "a key of its own for each");
                }
                self.field(field, &path, false);
                for (key, condition) in [("show_if", &field.show_if), ("require_if", &field.require_if)] {
                    if let Some(condition) = condition {
                        self.condition(condition, &format!("{path}.{key}"));
                    }
                }
                self.template(form, field, &path);
            }
        }
        self.rings(form);
    }

    fn condition(&mut self, condition: &Condition, path: &str) {
        let found = condition.faults(&self.words.catalogue(condition));
        self.faults.extend(found.into_iter().map(|fault| fault.within(path)));
    }

    fn field(&mut self, field: &Field, path: &str, in_table: bool) {
        use FieldType as T;
        let at = |key: &str| format!("{path}.{key}");
        let kind = field.kind.name();
        if !good_key(&field.key) {
            self.fault(at("key"), format!("`{}` is no key", field.key), "small letters a–z, digits and `_`, at most 60");
        }
        if field.label.zh.trim().is_empty() || field.label.en.trim().is_empty() {
            self.fault(at("label"), "the label lacks a language", "label = { zh = \"…\", en = \"…\" }");
        }
        let chosen = matches!(field.kind, T::Choice | T::MultiChoice | T::TreeChoice);
        let counted = matches!(field.kind, T::Text | T::LongText | T::MultiChoice | T::File | T::Table);
        let bounded = matches!(field.kind, T::Number | T::Money | T::Rating | T::Date | T::Datetime);
        // What is given, whether it fits the type, where it belongs.
        for (key, given, fits, belongs) in [
            ("option", !field.options.is_empty(), chosen, "choice, multi_choice, tree_choice"),
            ("any_level", field.any_level, field.kind == T::TreeChoice, "tree_choice"),
            ("column", !field.columns.is_empty(), field.kind == T::Table && !in_table, "table"),
            ("template", !field.template.is_empty(), field.kind == T::Computed, "computed"),
            ("pattern", field.pattern.is_some(), matches!(field.kind, T::Text | T::LongText), "text, long_text"),
            ("decimals", field.decimals.is_some(), field.kind == T::Number, "number"),
            ("currencies", !field.currencies.is_empty(), field.kind == T::Money, "money"),
            ("unit", !field.unit.is_empty(), matches!(field.kind, T::Number | T::Money), "number"),
            ("min_length", field.min_length.is_some(), counted, "text, long_text, multi_choice, file, table"),
            ("max_length", field.max_length.is_some(), counted, "text, long_text, multi_choice, file, table"),
            ("min", !field.min.is_null(), bounded, "number, money, rating, date, datetime"),
            ("max", !field.max.is_null(), bounded, "number, money, rating, date, datetime"),
            ("required", field.required, field.kind != T::Computed, "fields that are answered"),
            ("default", !field.default.is_null(), field.kind != T::Computed, "fields that are answered"),
        ] {
            if given && !fits {
                self.fault(at(key), format!("`{key}` means nothing to a field of type {kind}"), format!("it belongs to {belongs}"));
            }
        }
        if chosen && field.options.is_empty() {
            self.fault(path, "there is nothing to choose", "[[…option]] tables with key and label");
        }
        if field.kind == T::Table && !in_table {
            if field.columns.is_empty() {
                self.fault(path, "the table has no columns", "[[…column]] tables, fields of a simple type");
            }
            let mut seen = HashSet::new();
            for (c, column) in field.columns.iter().enumerate() {
                let path = format!("{path}.column[{c}]");
                if matches!(column.kind, T::Table | T::Computed) {
                    self.fault(format!("{path}.type"), format!("a column cannot be a {}", column.kind.name()), "a simple type");
                    continue;
                }
                if column.show_if.is_some() || column.require_if.is_some() {
                    self.fault(&path, "a column cannot have conditions", "put the condition on the table, or make the columns optional");
                }
                if !seen.insert(&column.key) {
                    self.fault(format!("{path}.key"), format!("the key `{}` is taken by an earlier column", column.key), "a key of its own for each");
                }
                self.field(column, &path, true);
            }
        } else if field.kind == T::Table {
            self.fault(at("type"), "a table cannot stand in a table", "a simple type");
        }
        if field.kind == T::Computed && field.template.is_empty() {
            self.fault(path, "there is nothing to compute", "template = { zh = \"…{other}…\", en = \"…{other}…\" }");
        }
        self.bounds(field, path);
        let mut count = 0;
        self.options(&field.options, path, field.kind == T::TreeChoice, &mut count);
        if count > MOST_OPTIONS {
            self.fault(at("option"), format!("{count} options"), format!("at most {MOST_OPTIONS}"));
        }
        if let Some(pattern) = &field.pattern {
            if let Err(error) = whole_pattern(pattern) {
                let why = error.to_string().lines().last().unwrap_or_default().trim().trim_start_matches("error: ").to_owned();
                self.fault(at("pattern"), format!("`{pattern}` is no pattern: {why}"), "a regular expression for the whole text, such as [A-Z]{2}[0-9]{6}");
            }
        }
        for (i, currency) in field.currencies.iter().enumerate() {
            if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
                self.fault(format!("{path}.currencies[{i}]"), format!("`{currency}` is no currency"), "three capital letters, such as CNY");
            }
        }
        self.default(field, path);
    }

    fn bounds(&mut self, field: &Field, path: &str) {
        use FieldType as T;
        let dated = matches!(field.kind, T::Date | T::Datetime);
        let mut read = Vec::new();
        for (key, value) in [("min", &field.min), ("max", &field.max)] {
            if value.is_null() {
                continue;
            }
            let found = if dated { value.as_str().and_then(|text| date_bound(text, 20_000)).map(|day| day as f64) } else { value.as_f64() };
            match found {
                Some(found) => read.push((found, value.as_str().is_some_and(|t| t.starts_with("today")))),
                None => self.fault(format!("{path}.{key}"), format!("{value} is no bound of a {}", field.kind.name()), if dated { "a date such as \"2026-01-01\", or \"today\", \"today+30\", \"today-1\"" } else { "a number" }),
            }
        }
        // A date and a day counted from today cannot be compared here.
        if let [(least, from_today), (most, to_today)] = read.as_slice() {
            if from_today == to_today && least > most {
                self.fault(format!("{path}.max"), "the most is less than the least", format!("{} or more", field.min));
            }
        }
        if field.kind == T::Rating && (field.max.as_f64().is_some_and(|n| !(1.0..=100.0).contains(&n) || n.fract() != 0.0) || field.min.as_f64().is_some_and(|n| !(0.0..=99.0).contains(&n) || n.fract() != 0.0)) {
            self.fault(format!("{path}.max"), "that is no scale", "whole numbers, such as min = 1, max = 5 or min = 0, max = 10");
        }
        if let (Some(least), Some(most)) = (field.min_length, field.max_length) {
            if least > most {
                self.fault(format!("{path}.max_length"), "the longest is shorter than the shortest", format!("{least} or more"));
            }
        }
    }

    fn options(&mut self, options: &[Choice], path: &str, tree: bool, count: &mut usize) {
        let mut seen = HashSet::new();
        for (i, choice) in options.iter().enumerate() {
            *count += 1;
            let path = format!("{path}.option[{i}]");
            if choice.key.is_empty() || choice.key.len() > 60 || choice.key.contains(['/', '"', '\n']) || choice.key.trim() != choice.key {
                self.fault(format!("{path}.key"), format!("`{}` is no key", choice.key), "1 to 60 characters without `/`, quotes and outer blanks");
            }
            if choice.label.zh.trim().is_empty() || choice.label.en.trim().is_empty() {
                self.fault(format!("{path}.label"), "the label lacks a language", "label = { zh = \"…\", en = \"…\" }");
            }
            if !seen.insert(&choice.key) {
                self.fault(format!("{path}.key"), format!("the key `{}` is taken by an earlier option", choice.key), "a key of its own for each");
            }
            if !tree && !choice.options.is_empty() {
                self.fault(format!("{path}.option"), "options below options", "type = \"tree_choice\"");
            }
            self.options(&choice.options, &path, tree, count);
        }
    }

    fn default(&mut self, field: &Field, path: &str) {
        if field.default.is_null() || matches!(field.kind, FieldType::Computed | FieldType::Table) {
            if field.kind == FieldType::Table && !field.default.is_null() {
                self.fault(format!("{path}.default"), "a table has no default", "defaults of its columns");
            }
            return;
        }
        let nothing = |_: &str| Value::Null;
        let everything = |_: FieldType, _: &str| true;
        let context = Context { now: 0, today: "2024-10-04", case: &nothing, exists: &everything, complete: false, keep_retired: false };
        // A default is tried without bounds that count from today.
        let free = Field { min: untimed(&field.min), max: untimed(&field.max), ..field.clone() };
        let pattern = field.pattern.as_deref().and_then(|p| whole_pattern(p).ok());
        if let Err(wrong) = clean(&free, &field.default, pattern.as_ref(), &context) {
            self.fault(format!("{path}.default"), format!("the default is no good answer: {}", wrong.en), "a value that the field itself would take");
        }
    }

    fn template(&mut self, form: &Form, field: &Field, path: &str) {
        for (language, written) in [("zh", &field.template.zh), ("en", &field.template.en)] {
            let at = if field.template.zh == field.template.en { format!("{path}.template") } else { format!("{path}.template.{language}") };
            for name in placeholders(written) {
                if !self.words.has_field(name) {
                    let right = suggest(name, form.fields().map(|(_, f)| f.key.as_str()).filter(|key| *key != field.key));
                    self.fault(&at, format!("there is no field `{name}` to fill in"), right);
                } else if !field.personal && form.field(name).is_some_and(|other| other.personal) {
                    self.fault(&at, format!("`{name}` is personal, but `{}` which shows it is not", field.key), "personal = true");
                }
            }
        }
    }

    /// Fields whose being shown or required hangs on themselves.
    fn rings(&mut self, form: &Form) {
        let needs: HashMap<&str, (String, Vec<String>)> = form
            .sections
            .iter()
            .enumerate()
            .flat_map(|(s, section)| section.fields.iter().enumerate().map(move |(f, field)| (field.key.as_str(), (format!("section[{s}].field[{f}]"), reads(section.show_if.as_ref(), field)))))
            .collect();
        let mut told: HashSet<&str> = HashSet::new();
        for (_, field) in form.fields() {
            let mut way = vec![field.key.as_str()];
            let mut seen: HashSet<&str> = HashSet::new();
            let mut waiting: Vec<(&str, usize)> = vec![(field.key.as_str(), 0)];
            while let Some((at, depth)) = waiting.pop() {
                way.truncate(depth);
                way.push(at);
                let Some((_, reads)) = needs.get(at) else { continue };
                if reads.iter().any(|key| key == field.key.as_str()) {
                    if !way.iter().any(|key| told.contains(key)) {
                        let (path, _) = &needs[field.key.as_str()];
                        let shown = way.iter().chain([&field.key.as_str()]).copied().collect::<Vec<_>>().join(" → ");
                        self.faults.push(Fault::new(path.clone(), format!("it hangs on itself: {shown}"), "a condition that reads other fields only"));
                        told.extend(way.iter().copied());
                    }
                    break;
                }
                for key in reads.iter().filter_map(|key| needs.get_key_value(key.as_str()).map(|(key, _)| *key)) {
                    if seen.insert(key) {
                        waiting.push((key, depth + 1));
                    }
                }
            }
        }
    }
}

/// A bound, unless it counts from today.
fn untimed(bound: &Value) -> Value {
    if bound.as_str().is_some_and(|text| text.starts_with("today")) { Value::Null } else { bound.clone() }
}

/// The kind of facts a type gives, for who shows operators.
#[must_use]
pub fn kind_of(kind: FieldType) -> FieldKind {
    fact_kind(kind)
}
