//! TOML of a pack into typed values, with every fault at its line. serde stops at the first fault it meets; here the
//! entry that holds it is noted and something else stands in for it, and the file is read again, until nothing more is
//! wrong. So the meaning of everything else can be checked in the same run.

mod tree;
mod words;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeFloat, DeInteger, DeTable, DeValue, Deserializer};

use super::{PackFault, PackFile};
use tree::{Step, entry_at, index, put, shown, table_with, take_out, within};
use words::{ANY, Kind, kind, reworded, split};

/// More faults in one file than this are not told.
const MOST: usize = 200;
/// Readings of one file: each fault needs up to three.
const ROUNDS: usize = 3 * MOST;

/// Where the parts of a file stand.
#[derive(Clone, Debug)]
pub struct PackDoc {
    file: String,
    /// Path (`stage[2].title.zh`) → line.
    lines: HashMap<String, usize>,
    /// Entries something else stands in for, with the fault told of them.
    told: BTreeMap<String, PackFault>,
    /// Lines that are no TOML, with what was told of them.
    broken: BTreeMap<usize, PackFault>,
    /// Nothing was wrong so far. Otherwise something stands in for an entry, and a reference to it may prove nothing.
    pub clean: bool,
}

impl PackDoc {
    /// The line of the entry at `path`, or of the nearest one around it.
    pub fn line(&self, path: &str) -> usize {
        around(path).find_map(|path| self.lines.get(path)).copied().unwrap_or(1)
    }
    /// A fault at the entry `path`, e.g. `stage[0].to[1]`. Where something stands in for that entry, the fault told of it
    /// before: what follows from it is no fault of its own.
    pub fn fault(&self, path: &str, wrong: impl Into<String>, expected: impl Into<String>) -> PackFault {
        let line = self.line(path);
        match self.told_of(path).or_else(|| self.broken.get(&line)) {
            Some(told) => told.clone(),
            None => PackFault { file: self.file.clone(), line, wrong: wrong.into(), expected: expected.into() },
        }
    }
    /// Whether a fault of the shape was told of the entry at `path`, of one around it, or of one directly in it.
    pub fn told(&self, path: &str) -> bool {
        self.told_of(path).is_some() || self.broken.contains_key(&self.line(path))
    }

    fn told_of(&self, path: &str) -> Option<&PackFault> {
        if let Some(told) = around(path).find_map(|path| self.told.get(path)) {
            return Some(told);
        }
        // `title` is as good as told when `title.en` was; an item of a list is more than one of its entries.
        let inner = format!("{path}.");
        let mut within = self.told.range(inner.clone()..).take_while(|(path, _)| path.starts_with(&inner));
        if path.ends_with(']') { None } else { within.find(|(path, _)| !path[inner.len()..].contains(['.', '['])).map(|(_, fault)| fault) }
    }
}

/// A path and those of the entries around it, from within.
fn around(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |path| path.rfind(['.', '[']).map(|at| &path[..at]))
}

/// Reads `file`, adding everything that is wrong to `faults`. In the value something stands in for the entries that are
/// missing or of another kind, so that the meaning of the others can be checked as well; faults that [`PackDoc::fault`]
/// makes of those are the ones told before. `None` when too little is left. Use `deny_unknown_fields` on `T`, or a misspelt
/// key goes unnoticed.
pub fn read_toml<T: DeserializeOwned>(file: &PackFile, faults: &mut Vec<PackFault>) -> (Option<T>, PackDoc) {
    let mut reading = Reading::new(file);
    let mut value = None;
    for _ in 0..ROUNDS {
        match T::deserialize(Deserializer::from(reading.root.clone())) {
            Ok(read) => {
                value = Some(read);
                break;
            }
            Err(error) if !reading.mend(&error) || reading.faults.len() >= MOST => break,
            Err(_) => {}
        }
    }
    let doc = reading.doc();
    reading.faults.sort_by_key(|fault| fault.line);
    faults.extend(reading.faults);
    (value, doc)
}

struct Reading<'t> {
    file: &'t PackFile,
    /// Byte at which each line begins.
    starts: Vec<usize>,
    root: Spanned<DeTable<'t>>,
    faults: Vec<PackFault>,
    broken: BTreeMap<usize, PackFault>,
    told: BTreeMap<String, PackFault>,
    /// What was tried for an entry.
    tried: HashMap<String, Vec<StandIn>>,
    /// Places behind the text, so that errors about what stands in can be told apart.
    beyond: usize,
}

impl<'t> Reading<'t> {
    fn new(file: &'t PackFile) -> Self {
        let (root, errors) = DeTable::parse_recoverable(&file.text);
        let starts = std::iter::once(0).chain(file.text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut own = Self { file, starts, root, faults: Vec::new(), broken: BTreeMap::new(), told: BTreeMap::new(), tried: HashMap::new(), beyond: file.text.len() + 1 };
        for error in errors.iter().take(MOST) {
            let line = error.span().map_or(1, |span| own.line_at(span.start));
            // One slip makes the parser stumble several times in its line; the first says it best.
            if !own.broken.contains_key(&line) {
                let (wrong, expected) = reworded(error.message(), "TOML: `key = \"text\"`, `[table]` or `[[list]]`");
                let fault = file.fault(line, format!("this is not TOML: {wrong}"), expected);
                own.faults.push(fault.clone());
                own.broken.insert(line, fault);
            }
        }
        own
    }

    fn line_at(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at).max(1)
    }

    /// Tells what serde stumbled over, once, and puts something else there. `false`: nothing can be put there.
    fn mend(&mut self, error: &toml::de::Error) -> bool {
        let span = error.span().unwrap_or(0..0);
        let message = error.message();
        let word = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(str::to_owned);
        let missing = word("missing field `");
        let found = if missing.is_some() { table_with(self.root.get_ref(), &span) } else { entry_at(self.root.get_ref(), span.start) };
        let (mut steps, at) = found.unwrap_or_default();
        let around = shown(&steps);
        let line = if steps.is_empty() { self.line_at(span.start) } else { self.line_at(at) };
        if let Some(field) = &missing {
            steps.push(Step::Key(field.clone()));
        }
        if steps.is_empty() {
            // Nothing is known but that the file as a whole is wrong; where it is no TOML, that has been told.
            if self.broken.is_empty() {
                let (wrong, expected) = reworded(message, ANY);
                self.faults.push(self.file.fault(line, wrong, expected));
            }
            return false;
        }
        let path = shown(&steps);
        let again = self.told_around(&path).cloned();
        if again.is_none() {
            let fault = match self.broken.get(&line) {
                // Broken TOML reads as anything; its line has been told.
                Some(told) => told.clone(),
                None => {
                    let (wrong, expected) = match &missing {
                        Some(field) => (format!("`{field}` is missing{}", within(&around)), format!("a line `{field} = …`")),
                        None => {
                            let (wrong, expected) = reworded(message, ANY);
                            (format!("`{path}`: {wrong}"), expected)
                        }
                    };
                    let fault = self.file.fault(line, wrong, expected);
                    self.faults.push(fault.clone());
                    fault
                }
            };
            if word("unknown field `").is_some() || message.starts_with("duplicate field") {
                return take_out(self.root.get_mut(), &steps);
            }
            self.told.insert(path.clone(), fault);
            // What may be left away is as if it had not been written.
            if missing.is_none() && matches!(steps.last(), Some(Step::Key(_))) {
                return take_out(self.root.get_mut(), &steps);
            }
        } else if word("unknown field `").is_some() {
            return take_out(self.root.get_mut(), &steps);
        }
        self.stand_in(steps, message)
    }

    fn told_around(&self, path: &str) -> Option<&PackFault> {
        around(path).find_map(|path| self.told.get(path))
    }

    /// Puts something at `steps` that was not tried there; else at the entry around it.
    fn stand_in(&mut self, mut steps: Vec<Step>, message: &str) -> bool {
        let mut hint = StandIn::hinted(message);
        while !steps.is_empty() {
            let tried = self.tried.entry(shown(&steps)).or_default();
            if let Some(next) = hint.take().into_iter().chain(StandIn::ANY).find(|one| !tried.contains(one)) {
                tried.push(next.clone());
                self.beyond += 2;
                return put(self.root.get_mut(), &steps, Spanned::new(self.beyond..self.beyond + 1, next.value()));
            }
            let told = self.told_around(&shown(&steps)).cloned();
            steps.pop();
            // What stands in for the whole follows from the same fault.
            if let Some(told) = told {
                self.told.insert(shown(&steps), told);
            }
        }
        false
    }

    fn doc(&self) -> PackDoc {
        let mut lines = HashMap::new();
        let end = self.file.text.len();
        index(self.root.get_ref(), "", &|at| (at <= end).then(|| self.line_at(at)), &mut lines);
        PackDoc { file: self.file.path.clone(), lines, told: self.told.clone(), broken: self.broken.clone(), clean: self.faults.is_empty() }
    }
}

/// What can be put in the place of a value.
#[derive(Clone, Debug, PartialEq)]
enum StandIn {
    Text(Cow<'static, str>),
    Whole,
    Number,
    Switch,
    List,
    Table,
}

impl StandIn {
    /// Tried one after the other where nothing else is known.
    const ANY: [Self; 8] = [Self::Text(Cow::Borrowed("")), Self::Text(Cow::Borrowed("x")), Self::Whole, Self::Number, Self::Switch, Self::List, Self::Table, Self::Text(Cow::Borrowed("1h"))];

    /// What the message asks for.
    fn hinted(message: &str) -> Option<Self> {
        let expected = split(message).1?;
        Some(match kind(expected) {
            Some(Kind::Text) => Self::Text(Cow::Borrowed("")),
            Some(Kind::Whole) => Self::Whole,
            Some(Kind::Number) => Self::Number,
            Some(Kind::Switch) => Self::Switch,
            Some(Kind::List) => Self::List,
            Some(Kind::Table | Kind::Both) => Self::Table,
            // The first of the words that may stand there.
            None => Self::Text(Cow::Owned(expected.split('`').nth(1)?.to_owned())),
        })
    }

    fn value(self) -> DeValue<'static> {
        match self {
            Self::Text(text) => DeValue::String(text),
            Self::Whole => DeValue::Integer(DeInteger::default()),
            Self::Number => DeValue::Float(DeFloat::default()),
            Self::Switch => DeValue::Boolean(false),
            Self::List => DeValue::Array(DeArray::new()),
            Self::Table => DeValue::Table(DeTable::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Sheet {
        #[allow(dead_code)]
        key: String,
        #[serde(default)]
        stage: Vec<Stage>,
        #[serde(default)]
        #[allow(dead_code)]
        limits: std::collections::BTreeMap<String, i64>,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Stage {
        key: String,
        #[serde(default)]
        to: Vec<String>,
        #[serde(default)]
        open: bool,
        title: Option<super::super::PackText>,
    }

    fn read(text: &str) -> (Option<Sheet>, PackDoc, Vec<String>) {
        let mut faults = Vec::new();
        let (value, doc) = read_toml(&PackFile::new("a.toml", text), &mut faults);
        (value, doc, faults.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_sound_file_is_read_and_knows_its_lines() {
        let (value, doc, faults) = read("key = \"x\"\n[[stage]]\nkey = \"a\"\nto = [\n  \"b\",\n  \"c\",\n]\n[[stage]]\nkey = \"b\"\ntitle = { zh = \"乙\", en = \"B\" }\n");
        assert!(faults.is_empty(), "{faults:?}");
        assert!(doc.clean);
        assert_eq!(value.unwrap().stage.len(), 2);
        assert_eq!((doc.line("stage[0].to[1]"), doc.line("stage[1]"), doc.line("stage[1].title.en"), doc.line("stage[1].nothing.here"), doc.line("nowhere")), (6, 8, 10, 8, 1));
        assert_eq!(doc.fault("stage[1].key", "wrong", "right").to_string(), "a.toml:9: wrong; right");
    }

    #[test]
    fn every_faulty_line_is_told_once_not_only_the_first() {
        let (value, _, faults) = read("key = 7\ncolour = \"red\"\n[[stage]]\nkey = 1\n[[stage]]\nkey = \"b\"\nopen = \"yes\"\nto = [\"c\", 3]\ntitel = 1\ntitle = { zh = 1, en = \"x\" }\n[[stage]]\nopen = true\n[limits]\na = \"many\"\nb = 2\n");
        let lines: Vec<usize> = faults.iter().map(|f| f.split(':').nth(1).unwrap().parse().unwrap()).collect();
        let mut sorted = lines.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, [1, 2, 4, 7, 8, 9, 10, 11, 14], "{faults:#?}");
        let value = value.unwrap();
        assert_eq!((value.key.as_str(), value.stage.len(), value.limits["b"]), ("", 3, 2), "something stands in for what is wrong");
        assert!(faults.iter().any(|f| f.contains("the key `colour` is not known here; one of")), "{faults:#?}");
    }

    #[test]
    fn what_is_left_can_still_be_checked() {
        let (value, doc, faults) = read("key = \"x\"\n[[stage]]\nkey = 1\n[[stage]]\nkey = \"b\"\n");
        assert_eq!(faults, ["a.toml:3: `stage[0].key`: the number 1 does not belong here; a text in quotes, e.g. \"…\""]);
        assert!(!doc.clean);
        let value = value.unwrap();
        assert_eq!((value.stage[0].key.as_str(), value.stage[1].key.as_str(), doc.line("stage[1].key")), ("", "b", 5), "nothing moves up");
    }

    #[test]
    fn what_follows_from_a_fault_is_no_fault_of_its_own() {
        let (value, doc, faults) = read("key = 7\n[[stage]]\nkey = \"a\"\ntitle = \"just text\"\nto = \"b\"\n[[stage]]\nkey = \"b\"\ntitle = { zh = \"乙\" }\nto = [\"x\", 3]\n");
        assert_eq!(
            faults,
            [
                "a.toml:1: `key`: the number 7 does not belong here; a text in quotes, e.g. \"…\"",
                "a.toml:4: `stage[0].title`: the text \"just text\" does not belong here; { zh = \"…\", en = \"…\" }",
                "a.toml:5: `stage[0].to`: the text \"b\" does not belong here; a list, e.g. [\"a\", \"b\"]",
                "a.toml:8: `en` is missing in `stage[1].title`; a line `en = …`",
                "a.toml:9: `stage[1].to[1]`: the number 3 does not belong here; a text in quotes, e.g. \"…\"",
            ]
        );
        assert_eq!(value.unwrap().stage[1].to, ["x", ""]);
        for (path, line) in [("key", 1), ("stage[0].title.en", 4), ("stage[0].to", 5), ("stage[1].title", 8), ("stage[1].to[1]", 9)] {
            let told = doc.fault(path, "it follows", "nothing");
            assert!(told.line == line && faults.contains(&told.to_string()), "{path}: {told}");
        }
        for path in ["stage[0].key", "stage[1].to[0]", "stage[1]"] {
            assert_eq!(doc.fault(path, "its own", "right").wrong, "its own", "{path}");
        }
    }

    #[test]
    fn a_list_that_is_no_list_and_a_table_that_is_none_leave_the_rest_to_be_read() {
        let (value, _, faults) = read("key = \"x\"\nstage = [1, { key = \"b\" }]\nlimits = 3\n");
        assert_eq!(faults.len(), 2, "{faults:#?}");
        let value = value.unwrap();
        assert_eq!((value.key.as_str(), value.stage.len(), value.stage[1].key.as_str()), ("x", 2, "b"));
    }

    #[test]
    fn broken_toml_is_told_for_every_line_it_breaks() {
        let (_, doc, faults) = read("key = \"x\nstage = = 2\n]\n[limits\nb 3\n\u{0}\n");
        assert!(!doc.clean);
        assert!(faults.len() >= 4, "{faults:#?}");
        assert!(faults.iter().all(|f| f.contains("this is not TOML")), "{faults:#?}");
    }

    #[test]
    fn a_file_with_thousands_of_faults_ends() {
        let text: String = (0..5000).map(|i| format!("k{i} = 1\n")).collect();
        assert_eq!(read(&text).2.len(), MOST);
        let deep = format!("key = {}", "[".repeat(5000));
        assert!(!read(&deep).2.is_empty());
    }
}
