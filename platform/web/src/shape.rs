//! What is wrong with the shape of a body or query, in the words of whoever wrote it: the path of the field, what stands
//! there, what would be right. Names of types in our code are no help to anybody outside it.
//!
//! A type may say what it wants by `#[serde(expecting = "expected …")]` (untagged enums) or by an error of the form
//! `what is wrong; expected what would be right` (ids, times).

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use shouwen_kernel::{Kind, Problem, Result, text};

const DOCS: &str = "a JSON object as /api/v1/docs describes it";
/// More names than this are not listed.
const MOST_NAMES: usize = 40;

/// Reads a JSON body.
///
/// # Errors
/// `invalid.json`: it is no JSON, with line and column. `invalid`: it is JSON of another shape, with the path in `field`.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let mut track = serde_path_to_error::Track::new();
    let outcome = T::deserialize(serde_path_to_error::Deserializer::new(&mut reader, &mut track)).and_then(|value| reader.end().map(|()| value));
    // Only what failed is read a second time, to tell broken JSON from a wrong shape and to see what stands there.
    outcome.map_err(|error| match serde_json::from_slice::<Value>(bytes) {
        Err(broken) => no_json(bytes, &broken),
        Ok(whole) => wrong_shape(&whole, Path::of(&track.path()), &error.to_string()),
    })
}

/// Reads a query string (`a=1&b=2`).
///
/// # Errors
/// `invalid`, with the parameter in `field`.
pub fn read_query<T: DeserializeOwned>(query: &str) -> Result<T> {
    let pairs = || form_urlencoded::parse(query.as_bytes());
    serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs())).map_err(|error| {
        let path = Path::of(error.path());
        let given = pairs().find(|(name, _)| *name == path.text).map(|(_, value)| value.into_owned());
        wrong_parameter(path, given.as_deref(), &error.inner().to_string())
    })
}

/// Where something stands: `to[0].address`; empty: the whole.
#[derive(Clone)]
struct Path {
    text: String,
    steps: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl Path {
    fn of(found: &serde_path_to_error::Path) -> Self {
        let mut path = Self { text: String::new(), steps: Vec::new() };
        for segment in found {
            match segment {
                Segment::Seq { index } => path.push_index(*index),
                Segment::Map { key } => path.push(key),
                // The variant of an enum is not in the JSON path as people write it; beyond it nothing is known.
                Segment::Enum { .. } | Segment::Unknown => break,
            }
        }
        path
    }

    fn parent(&self) -> Self {
        let mut parent = Self { text: String::new(), steps: Vec::new() };
        for step in self.steps.iter().take(self.steps.len().saturating_sub(1)) {
            match step {
                Step::Key(key) => parent.push(key),
                Step::Index(index) => parent.push_index(*index),
            }
        }
        parent
    }

    fn push_index(&mut self, index: usize) {
        self.text.push_str(&format!("[{index}]"));
        self.steps.push(Step::Index(index));
    }

    fn push(&mut self, key: &str) {
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(&text::clip(key, 80));
        self.steps.push(Step::Key(key.to_owned()));
    }

    fn with(mut self, key: &str) -> Self {
        self.push(key);
        self
    }

    fn find<'v>(&self, whole: &'v Value) -> Option<&'v Value> {
        self.steps.iter().try_fold(whole, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Index(index) => value.get(index),
        })
    }

    /// Whether what stands there should not be repeated in an answer.
    fn is_secret(&self) -> bool {
        let last = self.steps.iter().rev().find_map(|s| if let Step::Key(key) = s { Some(key.to_ascii_lowercase()) } else { None }).unwrap_or_default();
        ["password", "secret", "token", "code", "key"].iter().any(|word| last.contains(word))
    }

    /// How a sentence begins that speaks of it.
    fn subject(&self) -> String {
        if self.text.is_empty() { "the body".to_owned() } else { format!("`{}`", self.text) }
    }
}

fn no_json(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let problem = |message: String| Problem::new(Kind::Invalid, "invalid.json", message);
    if bytes.trim_ascii().is_empty() {
        return problem("the body is empty".to_owned()).expected(DOCS);
    }
    let said = error.to_string();
    let why = said.split(" at line ").next().unwrap_or(&said).replace("EOF while parsing a", "it ends inside a");
    problem(format!("the body is not JSON: line {}, column {}: {why}", error.line(), error.column())).expected("JSON text in UTF-8, with quotes around texts and names")
}

/// The parts of a sentence of serde's in back quotes.
fn quoted(said: &str) -> Vec<&str> {
    said.split('`').skip(1).step_by(2).collect()
}

fn invalid(path: Path, message: String, expected: String) -> Problem {
    let mut problem = Problem::new(Kind::Invalid, "invalid", message).expected(expected);
    problem.field = Some(path.text).filter(|t| !t.is_empty());
    problem
}

fn names(list: &[&str]) -> String {
    let mut shown: Vec<String> = list.iter().take(MOST_NAMES).map(|n| format!("`{n}`")).collect();
    if list.len() > MOST_NAMES {
        shown.push("…".to_owned());
    }
    match shown.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        many => format!("one of {}", many.join(", ")),
    }
}

/// A value as its writer would call it.
fn describe(value: Option<&Value>, secret: bool) -> String {
    match value {
        None => "something else".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(b)) => b.to_string(),
        Some(Value::Number(_)) if secret => "a number".to_owned(),
        Some(Value::Number(n)) => format!("the number {n}"),
        Some(Value::String(_)) if secret => "a text".to_owned(),
        Some(Value::String(s)) => format!("the text \"{}\"", text::clip(&text::one_line(s), 60)),
        Some(Value::Array(list)) => if list.is_empty() { "an empty list".to_owned() } else { format!("a list of {}", list.len()) },
        Some(Value::Object(_)) => "an object".to_owned(),
    }
}

/// What would be right, from what serde says it wanted.
fn wanted(serde: &str) -> String {
    let plain = serde.trim_end_matches('.');
    let range = |from: &str, to: &str| format!("a whole number from {from} to {to}");
    match plain {
        "a string" | "a borrowed string" | "string" | "str" | "string or map" | "a character" | "variant identifier" | "identifier" => "a text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "u8" => range("0", "255"),
        "u16" => range("0", "65535"),
        "u32" => range("0", "4294967295"),
        "i8" => range("-128", "127"),
        "i16" => range("-32768", "32767"),
        "i32" => range("-2147483648", "2147483647"),
        "u64" | "usize" | "u128" => "a whole number, 0 or more".to_owned(),
        "i64" | "isize" | "i128" => "a whole number".to_owned(),
        "f64" | "f32" => "a number".to_owned(),
        "a sequence" | "sequence" => "a list: […]".to_owned(),
        "a map" | "map" => "an object: {…}".to_owned(),
        "unit" | "null" => "null".to_owned(),
        other => {
            if let Some(said) = other.strip_prefix("expected ") {
                return said.to_owned();
            }
            let mut words = other.split(' ');
            match (words.next(), words.next()) {
                (Some("struct"), _) | (Some("internally"), Some("tagged")) | (Some("adjacently"), Some("tagged")) | (Some("struct:"), _) => "an object: {…}, as /api/v1/docs describes it".to_owned(),
                (Some("a"), Some("tuple")) => format!("a list of {} entries", other.rsplit(' ').next().unwrap_or_default()),
                (Some("tuple"), _) => "a list: […], as /api/v1/docs describes it".to_owned(),
                (Some("an"), Some("array")) => format!("a list of {} entries", other.rsplit(' ').next().unwrap_or_default()),
                (Some("enum" | "newtype" | "option" | "any" | "field" | "variant" | "untagged"), _) => "what /api/v1/docs describes for this field".to_owned(),
                _ => other.to_owned(),
            }
        }
    }
}

fn wrong_shape(whole: &Value, path: Path, said: &str) -> Problem {
    // serde_json ends with the place; the path says it better.
    let said = said.rfind(" at line ").filter(|at| said[*at..].contains(" column ")).map_or(said, |at| &said[..at]);
    if let Some(problem) = by_name(&path, said) {
        return problem;
    }
    let given = describe(path.find(whole), path.is_secret());
    let subject = path.subject();
    let (message, expected) = of_value(said);
    let message = message.map_or_else(|| format!("{subject} is {given}"), |why| format!("{subject}: {why}"));
    let expected = if path.text.is_empty() && expected.starts_with("an object") { DOCS.to_owned() } else { expected };
    invalid(path, message, expected)
}

/// Fields that are unknown, missing or there twice, by the name serde quotes.
fn by_name(path: &Path, said: &str) -> Option<Problem> {
    let quotes = quoted(said);
    let name = quotes.first().copied().unwrap_or_default();
    // An unknown name is itself the last step already; of the others only the object around them is known.
    let owner = if said.starts_with("unknown field") { path.parent() } else { path.clone() };
    let at = |key: &str| owner.clone().with(key);
    let inside = if owner.text.is_empty() { String::new() } else { format!(" in `{}`", owner.text) };
    if said.starts_with("unknown field") {
        let known = names(quotes.get(1..).unwrap_or_default());
        return Some(invalid(at(name), format!("there is no field `{}`{inside}", text::clip(name, 80)), known));
    }
    if said.starts_with("missing field") {
        return Some(invalid(at(name), format!("the field `{name}` is missing{inside}"), format!("`{name}`, as /api/v1/docs describes it")));
    }
    if said.starts_with("duplicate field") {
        return Some(invalid(at(name), format!("the field `{name}` stands twice{inside}"), format!("`{name}` once")));
    }
    None
}

/// What serde says about a value: words of its own beside the value (or none) and what would be right.
fn of_value(said: &str) -> (Option<String>, String) {
    if said.starts_with("unknown variant") {
        return (None, names(quoted(said).get(1..).unwrap_or_default()));
    }
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        if let Some(rest) = said.strip_prefix(kind)
            && let Some((_, want)) = rest.rsplit_once(", expected ")
        {
            return (None, wanted(want));
        }
    }
    if let Some(want) = said.strip_prefix("expected ") {
        // An enum that got a number, a list or an object.
        return (None, if want == "value" { "a text in quotes: one of the values /api/v1/docs lists for this field".to_owned() } else { wanted(want) });
    }
    if said.starts_with("data did not match any variant") {
        return (None, "one of the shapes /api/v1/docs shows for this field".to_owned());
    }
    match said.split_once("; expected ") {
        Some((why, want)) => (Some(why.to_owned()), want.to_owned()),
        None => (Some(text::clip(said, 300)), "what /api/v1/docs describes for this field".to_owned()),
    }
}

fn wrong_parameter(path: Path, given: Option<&str>, said: &str) -> Problem {
    if let Some(mut problem) = by_name(&path, said) {
        problem.message = problem.message.replace("the field", "the parameter").replace("no field", "no parameter");
        return problem;
    }
    let expected = match said {
        s if s.contains("digit") || s.contains("parse integer") || s.contains("number too") => {
            if path.text == "limit" { "a whole number from 1 to 200".to_owned() } else { "a whole number".to_owned() }
        }
        s if s.contains("float") => "a number".to_owned(),
        s if s.contains("`true` or `false`") || s.contains("boolean") => "true or false".to_owned(),
        s => of_value(s).1.replace("a text in quotes", "a text"),
    };
    let subject = if path.text.is_empty() { "the query".to_owned() } else { format!("the parameter `{}`", path.text) };
    let message = match given {
        Some(given) => format!("{subject} is \"{}\"", text::clip(&text::one_line(given), 60)),
        None => format!("{subject} cannot be read"),
    };
    invalid(path, message, expected)
}

#[cfg(test)]
mod tests;
