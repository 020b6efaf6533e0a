//! Rules, macros and files of them, checked part by part: every fault at once, each with its path and what would be right.

use serde_json::{Map, Value};

use crate::action::{Action, Party};
use crate::actions::{ACTIONS, ParamKind, ParamSpec};
use crate::condition::{Condition, Fault, FieldKind, scalar_fits, wanted};
use crate::cron::Cron;
use crate::near::suggest;
use crate::rule::{Macro, OncePer, Rule, RuleFile};
use crate::source::Source;
use crate::units::Span;
use crate::vocabulary::{Known, Vocabulary};
use crate::words::placeholders;

/// More actions in one rule are refused.
const MOST_ACTIONS: usize = 50;
/// A text for people is at most so long.
const LONGEST_TEXT: usize = 4000;

impl RuleFile {
    /// Reads and checks a file of rules and macros; `file` decides between TOML and JSON by the end of its name. Macros of
    /// the file are known to its rules.
    ///
    /// # Errors
    /// Every fault, with path, line and column.
    pub fn read(text: &str, file: &str, vocabulary: &Vocabulary) -> Result<Self, Vec<Fault>> {
        let source = Source::named(text, file).map_err(|fault| vec![fault])?;
        Self::from_value(&source.value, vocabulary).map_err(|faults| source.located(faults))
    }

    /// The same from JSON data.
    ///
    /// # Errors
    /// Every fault, with its path.
    pub fn from_value(value: &Value, vocabulary: &Vocabulary) -> Result<Self, Vec<Fault>> {
        let mut check = Check { vocabulary: std::borrow::Cow::Borrowed(vocabulary), faults: Vec::new() };
        check.file(value);
        if !check.faults.is_empty() {
            return Err(check.faults);
        }
        let mut file: Self = serde_json::from_value(value.clone()).map_err(|error| vec![Fault::new("", error.to_string(), "see the catalogue of rules and actions")])?;
        // Conditions are read once more with the vocabulary, which knows labels.
        for (i, rule) in file.rules.iter_mut().enumerate() {
            if let Some(Value::String(text)) = value.pointer(&format!("/rule/{i}/if")) {
                rule.condition = vocabulary.read(text)?;
            }
        }
        for (i, found) in file.macros.iter_mut().enumerate() {
            if let Some(Value::String(text)) = value.pointer(&format!("/macro/{i}/if")) {
                found.condition = vocabulary.read(text)?;
            }
        }
        Ok(file)
    }

    /// As TOML, conditions in their text form; [`RuleFile::read`] reads it back.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut value = serde_json::to_value(self).unwrap_or_default();
        for (list, conditions) in [("rule", self.rules.iter().map(|r| &r.condition).collect::<Vec<_>>()), ("macro", self.macros.iter().map(|m| &m.condition).collect())] {
            for (i, condition) in conditions.into_iter().enumerate() {
                if let Some(slot) = value.pointer_mut(&format!("/{list}/{i}/if")) {
                    *slot = Value::from(crate::text::print(condition));
                }
            }
        }
        toml::to_string(&value).unwrap_or_default()
    }
}

impl Rule {
    /// Every fault, with its path within the rule; none: it can be run.
    #[must_use]
    pub fn faults(&self, vocabulary: &Vocabulary) -> Vec<Fault> {
        let mut check = Check { vocabulary: std::borrow::Cow::Borrowed(vocabulary), faults: Vec::new() };
        check.rule(&serde_json::to_value(self).unwrap_or_default(), "");
        check.faults
    }

    /// Reads a rule from JSON data as a request brings it.
    ///
    /// # Errors
    /// Every fault, with its path within the rule.
    pub fn from_value(value: &Value, vocabulary: &Vocabulary) -> Result<Self, Vec<Fault>> {
        let mut check = Check { vocabulary: std::borrow::Cow::Borrowed(vocabulary), faults: Vec::new() };
        check.rule(value, "");
        if !check.faults.is_empty() {
            return Err(check.faults);
        }
        let mut rule: Self = serde_json::from_value(value.clone()).map_err(|error| vec![Fault::new("", error.to_string(), "see the catalogue of rules and actions")])?;
        if let Some(Value::String(text)) = value.get("if") {
            rule.condition = vocabulary.read(text)?;
        }
        Ok(rule)
    }
}

impl Macro {
    /// Every fault, with its path within the macro; none: it can be run.
    #[must_use]
    pub fn faults(&self, vocabulary: &Vocabulary) -> Vec<Fault> {
        let mut check = Check { vocabulary: std::borrow::Cow::Borrowed(vocabulary), faults: Vec::new() };
        check.a_macro(&serde_json::to_value(self).unwrap_or_default(), "");
        check.faults
    }
}

impl Action {
    /// Every fault of one action, with its path within it.
    #[must_use]
    pub fn faults(&self, vocabulary: &Vocabulary) -> Vec<Fault> {
        let mut check = Check { vocabulary: std::borrow::Cow::Borrowed(vocabulary), faults: Vec::new() };
        check.action(&serde_json::to_value(self).unwrap_or_default(), "");
        check.faults
    }
}

struct Check<'a> {
    vocabulary: std::borrow::Cow<'a, Vocabulary>,
    faults: Vec<Fault>,
}

fn join(path: &str, part: &str) -> String {
    if path.is_empty() { part.to_owned() } else { format!("{path}.{part}") }
}

/// The value's kind, for messages.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a table",
    }
}

impl Check<'_> {
    fn fault(&mut self, path: impl Into<String>, wrong: impl Into<String>, right: impl Into<String>) {
        self.faults.push(Fault::new(path, wrong, right));
    }

    /// A table that has no keys but these.
    fn table<'v>(&mut self, value: &'v Value, path: &str, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let Some(table) = value.as_object() else {
            self.fault(path, format!("{} stands where a table belongs", kind(value)), format!("a table with {}", known.join(", ")));
            return None;
        };
        for key in table.keys().filter(|key| !known.contains(&key.as_str())) {
            self.fault(join(path, key), format!("there is no `{key}` here"), suggest(key, known.iter().copied()));
        }
        Some(table)
    }

    fn list<'v>(&mut self, value: Option<&'v Value>, path: &str) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                self.fault(path, format!("{} stands where a list belongs", kind(other)), "a list; in TOML `[[…]]` tables or [brackets]");
                &[]
            }
        }
    }

    fn file(&mut self, value: &Value) {
        let Some(table) = self.table(value, "", &["rule", "macro"]) else { return };
        let macros = self.list(table.get("macro"), "macro");
        let own: Vec<String> = macros.iter().filter_map(|m| m.get("key")?.as_str().map(str::to_owned)).collect();
        let known = self.vocabulary.to_mut().known.entry(Known::Macro).or_default();
        known.extend(own);
        let rules = self.list(table.get("rule"), "rule");
        for (list, items) in [("rule", rules), ("macro", macros)] {
            let mut seen: Vec<&str> = Vec::new();
            for (i, item) in items.iter().enumerate() {
                let path = format!("{list}[{i}]");
                if list == "rule" { self.rule(item, &path) } else { self.a_macro(item, &path) }
                if let Some(key) = item.get("key").and_then(Value::as_str) {
                    if seen.contains(&key) {
                        self.fault(format!("{path}.key"), format!("the key `{key}` is taken by an earlier {list}"), "a key of its own for each");
                    }
                    seen.push(key);
                }
            }
        }
    }

    fn rule(&mut self, value: &Value, path: &str) {
        let keys = ["key", "title", "note", "when", "if", "then", "order", "stop", "enabled", "once_per", "owner"];
        let Some(table) = self.table(value, path, &keys) else { return };
        self.head(table, path);
        let at = |part: &str| join(path, part);
        match table.get("when") {
            None | Some(Value::Null) => self.fault(path, "it says not when", "when = { on = \"case.opened\" }, { every = \"1h\" }, { cron = \"0 9 * * mon-fri\" }, { after = \"2h\", stage = \"handling\" } or { before = \"2d\", of = \"fields.visit_at\" }"),
            Some(Value::Array(items)) if items.is_empty() => self.fault(at("when"), "it says not when", "at least one trigger"),
            Some(Value::Array(items)) => items.iter().enumerate().for_each(|(i, item)| self.trigger(item, &format!("{}[{i}]", at("when")))),
            Some(one) => self.trigger(one, &at("when")),
        }
        self.condition(table.get("if"), &at("if"));
        self.actions(table.get("then"), path);
        if let Some(order) = table.get("order").filter(|v| v.as_i64().is_none_or(|n| i32::try_from(n).is_err())) {
            self.fault(at("order"), format!("{order} is no order"), "a whole number; smaller comes first, 100 is usual");
        }
        for name in ["stop", "enabled"] {
            if let Some(other) = table.get(name).filter(|v| !v.is_boolean()) {
                self.fault(at(name), format!("{} stands where true or false belongs", kind(other)), "true or false");
            }
        }
        if let Some(given) = table.get("once_per").filter(|v| !v.is_null()) {
            let names = OncePer::ALL.map(|(_, name)| name);
            if given.as_str().is_none_or(|text| !names.contains(&text)) {
                self.fault(at("once_per"), format!("{given} bounds nothing"), suggest(given.as_str().unwrap_or_default(), names));
            }
        }
        self.owner(table, path);
    }

    fn a_macro(&mut self, value: &Value, path: &str) {
        let Some(table) = self.table(value, path, &["key", "title", "note", "if", "then", "owner"]) else { return };
        self.head(table, path);
        self.condition(table.get("if"), &join(path, "if"));
        self.actions(table.get("then"), path);
        self.owner(table, path);
        for (i, action) in table.get("then").and_then(Value::as_array).into_iter().flatten().enumerate() {
            if action.get("do").and_then(Value::as_str) == Some("run_macro") && action.get("macro") == table.get("key") {
                self.fault(format!("{}[{i}].macro", join(path, "then")), "the macro runs itself", "another macro, or the actions themselves");
            }
        }
    }

    /// Key, title and note.
    fn head(&mut self, table: &Map<String, Value>, path: &str) {
        let good = |key: &str| !key.is_empty() && key.len() <= 80 && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_.-".contains(&b));
        match table.get("key") {
            Some(Value::String(key)) if good(key) => {}
            Some(other) => self.fault(join(path, "key"), format!("{other} is no key"), "small letters a–z, digits, `_` `.` `-`, at most 80"),
            None => self.fault(path, "it has no key", "key = \"upgrade-signals\""),
        }
        match table.get("title") {
            None => self.fault(path, "it has no title", "title = { zh = \"…\", en = \"…\" }"),
            Some(title) => self.words(title, &join(path, "title"), false),
        }
        if let Some(note) = table.get("note") {
            self.words(note, &join(path, "note"), false);
        }
    }

    fn owner(&mut self, table: &Map<String, Value>, path: &str) {
        match table.get("owner") {
            None | Some(Value::Null) => {}
            Some(Value::String(owner)) => match owner.strip_prefix("role:") {
                Some(role) => self.name(role, Known::Role, &join(path, "owner")),
                None => self.name(owner, Known::Person, &join(path, "owner")),
            },
            Some(other) => self.fault(join(path, "owner"), format!("{} stands where an owner belongs", kind(other)), "a person's id, or `role:KEY`"),
        }
    }

    fn trigger(&mut self, value: &Value, path: &str) {
        let keys = ["on", "every", "cron", "zone", "after", "stage", "status", "since", "before", "of"];
        let Some(table) = self.table(value, path, &keys) else { return };
        let at = |part: &str| join(path, part);
        let heads: Vec<&str> = ["on", "every", "cron", "after", "before"].into_iter().filter(|key| table.contains_key(*key)).collect();
        let [head] = heads.as_slice() else {
            let wrong = if heads.is_empty() { "the trigger says not when".to_owned() } else { format!("the trigger mixes {}", heads.join(" and ")) };
            return self.fault(path, wrong, "one of: on, every, cron, after, before; several triggers go in a list");
        };
        let beside: &[&str] = match *head {
            "cron" => &["zone"],
            "after" => &["stage", "status", "since"],
            "before" => &["of"],
            _ => &[],
        };
        for key in table.keys().filter(|key| keys.contains(&key.as_str()) && key != head && !beside.contains(&key.as_str())) {
            self.fault(at(key), format!("`{key}` does not go with `{head}`"), if beside.is_empty() { format!("`{head}` stands alone") } else { format!("beside `{head}`: {}", beside.join(", ")) });
        }
        match *head {
            "on" => {
                let items: Vec<&Value> = table["on"].as_array().map_or_else(|| vec![&table["on"]], |items| items.iter().collect());
                if items.is_empty() {
                    self.fault(at("on"), "no event is named", "at least one, such as \"case.opened\"");
                }
                for item in items {
                    match item.as_str() {
                        Some(name) => self.event(name, &at("on")),
                        None => self.fault(at("on"), format!("{} stands where an event belongs", kind(item)), "a name such as \"case.opened\""),
                    }
                }
            }
            "cron" => match table["cron"].as_str().map(str::parse::<Cron>) {
                Some(Ok(_)) => {}
                Some(Err(why)) => self.fault(at("cron"), why, "minute hour day month weekday, such as `0 9 * * mon-fri`"),
                None => self.fault(at("cron"), format!("{} stands where a schedule belongs", kind(&table["cron"])), "a text such as \"0 9 * * mon-fri\""),
            },
            head => {
                self.span(&table[head], &at(head));
                if head == "every" && table[head].as_str().and_then(|t| t.parse::<Span>().ok()).is_some_and(|s| s.seconds().is_none_or(|s| s < 60)) {
                    self.fault(at(head), format!("{} is no interval", table[head]), "natural time of at least a minute, such as 5m or 1h");
                }
            }
        }
        if let Some(zone) = table.get("zone").filter(|v| v.as_str().is_none_or(|z| jiff::tz::TimeZone::get(z).is_err())) {
            self.fault(at("zone"), format!("{zone} is no time zone"), "an IANA name such as \"Asia/Shanghai\"");
        }
        if *head == "after" {
            let given: Vec<&str> = beside.iter().copied().filter(|key| table.contains_key(*key)).collect();
            if given.len() != 1 {
                self.fault(path, if given.is_empty() { "after what is not said".to_owned() } else { format!("it names {} at once", given.join(" and ")) }, "exactly one of stage = \"…\", status = \"…\", since = a time field");
            }
        }
        for (key, what) in [("stage", Known::Stage), ("status", Known::Status)] {
            if let Some(given) = table.get(key) {
                match given.as_str() {
                    Some(name) => self.name(name, what, &at(key)),
                    None => self.fault(at(key), format!("{} stands where a {key} belongs", kind(given)), "its key"),
                }
            }
        }
        for key in ["since", "of"] {
            if let Some(given) = table.get(key) {
                self.time_field(given, &at(key));
            }
        }
        if *head == "before" && !table.contains_key("of") {
            self.fault(path, "before what is not said", "of = a time field, such as \"due_at\"");
        }
    }

    fn time_field(&mut self, value: &Value, path: &str) {
        let Some(name) = value.as_str() else {
            return self.fault(path, format!("{} stands where a field belongs", kind(value)), "a time field such as \"closed_at\"");
        };
        let of_time = |kind: FieldKind| matches!(kind, FieldKind::Time | FieldKind::Date);
        match self.vocabulary.field(name).map(|f| f.kind) {
            Some(kind) if of_time(kind) => {}
            None if self.vocabulary.has_field(name) => {}
            found => {
                let names: Vec<String> = self.vocabulary.fields.iter().filter(|f| of_time(f.kind)).map(|f| f.name.clone()).collect();
                let wrong = if found.is_some() { format!("`{name}` is no time") } else { format!("there is no field `{name}`") };
                self.fault(path, wrong, suggest(name, names.iter().map(String::as_str)));
            }
        }
    }

    fn event(&mut self, name: &str, path: &str) {
        let events = &self.vocabulary.events;
        let found = events.is_empty() || events.iter().any(|e| e.name == name || name.strip_suffix('*').is_some_and(|prefix| e.name.starts_with(prefix)));
        if !found {
            let right = suggest(name, events.iter().map(|e| e.name.as_str()));
            self.fault(path, format!("there is no event `{name}`"), right);
        }
    }

    fn condition(&mut self, value: Option<&Value>, path: &str) {
        let faults = match value {
            None => return,
            Some(Value::String(text)) => match self.vocabulary.read(text) {
                Ok(_) => return,
                // The path is the text; the place within it is line and column.
                Err(faults) => faults.into_iter().map(|fault| Fault { path: path.to_owned(), ..fault }).collect(),
            },
            Some(tree) => match serde_json::from_value::<Condition>(tree.clone()) {
                Ok(condition) => self.vocabulary.condition_faults(&condition).into_iter().map(|fault| fault.within(path)).collect(),
                Err(_) => vec![Fault::new(path, format!("{} is no condition", kind(tree)), "a text such as `priority is urgent`, or {\"all\": […]}, {\"any\": […]}, {\"not\": …}, {\"field\": …, \"op\": …, \"value\": …}")],
            },
        };
        self.faults.extend(faults);
    }

    fn actions(&mut self, value: Option<&Value>, path: &str) {
        let at = join(path, "then");
        let items = self.list(value, &at);
        if items.is_empty() && value.is_none_or(|v| v.is_null() || v.is_array()) {
            self.fault(path, "it does nothing", "then = [{ do = \"tag\", tags = [\"…\"] }]");
        }
        if items.len() > MOST_ACTIONS {
            self.fault(&at, format!("{} actions", items.len()), format!("at most {MOST_ACTIONS}; a macro can hold some of them"));
        }
        for (i, item) in items.iter().enumerate() {
            self.action(item, &format!("{at}[{i}]"));
        }
    }

    fn action(&mut self, value: &Value, path: &str) {
        let names = || ACTIONS.iter().map(|spec| spec.name);
        let Some(table) = value.as_object() else {
            return self.fault(path, format!("{} stands where an action belongs", kind(value)), "a table such as { do = \"tag\", tags = [\"vip\"] }");
        };
        let Some(name) = table.get("do").and_then(Value::as_str) else {
            return self.fault(path, "the action says not what to do", suggest("", names()));
        };
        let Some(spec) = ACTIONS.iter().find(|spec| spec.name == name) else {
            return self.fault(join(path, "do"), format!("there is no action `{name}`"), suggest(name, names()));
        };
        for key in table.keys().filter(|key| *key != "do" && !spec.params.iter().any(|param| param.name == *key)) {
            self.fault(join(path, key), format!("`{name}` takes no `{key}`"), suggest(key, spec.params.iter().map(|param| param.name)));
        }
        for param in spec.params {
            match table.get(param.name).filter(|v| !v.is_null()) {
                Some(given) => self.param(*param, given, table, &join(path, param.name)),
                None if param.required && param.kind != ParamKind::Value => self.fault(path, format!("`{name}` needs `{}`", param.name), example(*param)),
                None if param.required && !table.contains_key(param.name) => self.fault(path, format!("`{name}` needs `{}`", param.name), example(*param)),
                None => {}
            }
        }
        let said = |key: &&str| table.get(*key).is_some_and(|v| !matches!(v, Value::Null | Value::Bool(false)) && v.as_array().is_none_or(|a| !a.is_empty()));
        if !spec.one_of.is_empty() && !spec.one_of.iter().any(said) {
            self.fault(path, format!("`{name}` says not to whom"), format!("at least one of: {}", spec.one_of.join(", ")));
        }
    }

    fn param(&mut self, param: ParamSpec, value: &Value, table: &Map<String, Value>, path: &str) {
        let misplaced = |check: &mut Self| check.fault(path, format!("{} does not fit `{}`", kind(value), param.name), example(param));
        match param.kind {
            ParamKind::Words => self.words(value, path, true),
            ParamKind::Text if value.is_string() => {}
            ParamKind::Bool if value.is_boolean() => {}
            ParamKind::Level if value.as_i64().is_some_and(|n| (1..=9).contains(&n)) => {}
            ParamKind::Span => self.span(value, path),
            ParamKind::Name(what) => match value.as_str() {
                Some(name) => self.name(name, what, path),
                None => misplaced(self),
            },
            ParamKind::Names(what) => {
                let items: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
                if items.is_empty() || items.iter().any(|item| !item.as_str().is_some_and(|t| !t.trim().is_empty() && t.chars().count() <= 60)) {
                    misplaced(self);
                } else {
                    items.iter().filter_map(|item| item.as_str()).for_each(|name| self.name(name, what, path));
                }
            }
            ParamKind::Parties => {
                let items: Vec<&Value> = value.as_array().map_or_else(|| vec![value], |items| items.iter().collect());
                for item in items {
                    match item.as_str().map(str::parse::<Party>) {
                        Some(Ok(Party::Person(id))) => self.name(&id, Known::Person, path),
                        Some(Ok(Party::Team(key))) => self.name(&key, Known::Team, path),
                        Some(Ok(Party::Role(key))) => self.name(&key, Known::Role, path),
                        Some(Ok(_)) => {}
                        Some(Err(why)) => {
                            let (wrong, right) = why.split_once("; ").unwrap_or((&why, ""));
                            self.fault(path, wrong, right);
                        }
                        None => misplaced(self),
                    }
                }
            }
            ParamKind::Field => match value.as_str() {
                Some(name) => self.writable(name, path),
                None => misplaced(self),
            },
            ParamKind::Value => {
                if let Some(field) = table.get("field").and_then(Value::as_str) {
                    self.value_for(field, value, path);
                }
            }
            ParamKind::Fields => match value.as_object() {
                Some(fields) => {
                    for (name, value) in fields {
                        self.value_for(name, value, &join(path, name));
                    }
                }
                None => misplaced(self),
            },
            _ => misplaced(self),
        }
    }

    fn writable(&mut self, name: &str, path: &str) {
        match self.vocabulary.field(name) {
            Some(field) if field.writable => {}
            None if self.vocabulary.has_field(name) => {}
            found => {
                let names: Vec<String> = self.vocabulary.fields.iter().filter(|f| f.writable).map(|f| f.name.clone()).collect();
                let wrong = if found.is_some() { format!("`{name}` cannot be set") } else { format!("there is no field `{name}`") };
                self.fault(path, wrong, suggest(name, names.iter().map(String::as_str)));
            }
        }
    }

    fn value_for(&mut self, field: &str, value: &Value, path: &str) {
        let Some(def) = self.vocabulary.field(field) else { return };
        let templated = value.as_str().is_some_and(|text| !placeholders(text).is_empty());
        if let (true, Some(text)) = (templated, value.as_str()) {
            return self.placeholders(text, path);
        }
        let choices = def.choices.clone();
        let fits = match def.kind {
            FieldKind::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            kind => scalar_fits(kind, value),
        };
        if !fits {
            let right = if def.kind == FieldKind::List { "a list of texts" } else { wanted(def.kind) };
            self.fault(path, format!("{} does not fit `{field}`", kind(value)), right);
        } else if let Some(text) = value.as_str().filter(|text| !choices.is_empty() && !choices.iter().any(|c| c == text)) {
            self.fault(path, format!("`{field}` is never `{text}`"), suggest(text, choices.iter().map(String::as_str)));
        }
    }

    fn name(&mut self, name: &str, what: Known, path: &str) {
        let Some(known) = self.vocabulary.known.get(&what) else { return };
        if !known.iter().any(|k| k == name) {
            let right = suggest(name, known.iter().map(String::as_str));
            self.fault(path, format!("there is no {} `{name}`", what.word()), right);
        }
    }

    fn span(&mut self, value: &Value, path: &str) {
        match value.as_str().map(str::parse::<Span>) {
            Some(Ok(_)) => {}
            _ => self.fault(path, format!("{value} is no span"), "30s, 30m, 2h, 1h30m, 3d, or working days such as 2wd"),
        }
    }

    fn words(&mut self, value: &Value, path: &str, with_fields: bool) {
        let texts: Vec<(String, &str)> = match value {
            Value::String(text) => vec![(path.to_owned(), text.as_str())],
            Value::Object(_) => {
                let Some(table) = self.table(value, path, &["zh", "en"]) else { return };
                let mut texts = Vec::new();
                for (key, value) in table {
                    match value.as_str() {
                        Some(text) => texts.push((join(path, key), text)),
                        None => self.fault(join(path, key), format!("{} stands where a text belongs", kind(value)), "a text"),
                    }
                }
                for key in ["zh", "en"].into_iter().filter(|key| !table.contains_key(*key)) {
                    self.fault(path, format!("the text lacks `{key}`"), "{ zh = \"…\", en = \"…\" }, or one text for both");
                }
                texts
            }
            other => return self.fault(path, format!("{} stands where a text belongs", kind(other)), "\"…\" for both languages, or { zh = \"…\", en = \"…\" }"),
        };
        for (path, text) in texts {
            if text.trim().is_empty() {
                self.fault(&path, "the text is empty", "a word or two");
            } else if text.chars().count() > LONGEST_TEXT {
                self.fault(&path, format!("the text has {} characters", text.chars().count()), format!("at most {LONGEST_TEXT}"));
            } else if with_fields {
                self.placeholders(text, &path);
            }
        }
    }

    fn placeholders(&mut self, text: &str, path: &str) {
        for name in placeholders(text) {
            if !self.vocabulary.fields.is_empty() && !self.vocabulary.has_field(name) {
                let right = suggest(name, self.vocabulary.fields.iter().map(|f| f.name.as_str()));
                self.fault(path, format!("there is no field `{name}` to fill in"), format!("{right} A brace itself is written {{{{"));
            }
        }
    }
}

/// What a parameter looks like.
fn example(param: ParamSpec) -> String {
    let value = match param.kind {
        ParamKind::Words => "{ zh = \"…\", en = \"…\" }",
        ParamKind::Text => "\"…\"",
        ParamKind::Field => "\"title\"",
        ParamKind::Value => "\"…\", 5, true or a [list]",
        ParamKind::Fields => "{ cause = \"…\" }",
        ParamKind::Name(Known::Priority) => "\"urgent\"",
        ParamKind::Name(Known::Grade) => "\"yellow\"",
        ParamKind::Name(_) => "its key as a text",
        ParamKind::Names(_) => "[\"…\"], each at most 60 characters",
        ParamKind::Parties => "[\"accountable\", \"role:manager\", \"team:complaints\"]",
        ParamKind::Span => "\"2h\"",
        ParamKind::Level => "a whole number from 1 to 9",
        ParamKind::Bool => "true",
    };
    format!("{} = {value}", param.name)
}
