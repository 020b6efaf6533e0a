//! Tokens into the tree.

use serde_json::{Map, Number, Value};

use super::lex::{Kind, Token, fault_at, place, tokens};
use crate::condition::{Condition, Fault, Op};
use crate::near;

/// Parentheses and `not` may nest so deep; validation allows less.
const DEEPEST: usize = 48;
/// A text longer than this is refused.
const LONGEST: usize = 64 * 1024;

/// An operator as written, longest first where one begins another.
#[rustfmt::skip]
pub(super) const OPERATORS: &[(&[&str], Op)] = &[
    (&["is", "not", "one", "of"], Op::NotIn), (&["is", "not", "empty"], Op::NotEmpty), (&["is", "not", "in"], Op::NotIn),
    (&["is", "one", "of"], Op::In), (&["is", "empty"], Op::Empty), (&["is", "in"], Op::In), (&["is", "not"], Op::Ne), (&["is"], Op::Eq),
    (&["not", "empty"], Op::NotEmpty), (&["empty"], Op::Empty), (&["not", "in"], Op::NotIn), (&["in"], Op::In),
    (&["contains", "any", "of"], Op::ContainsAny), (&["contains", "any"], Op::ContainsAny), (&["contains", "all", "of"], Op::ContainsAll), (&["contains", "all"], Op::ContainsAll), (&["contains"], Op::Contains),
    (&["has", "any", "of"], Op::ContainsAny), (&["has", "any"], Op::ContainsAny), (&["has", "all", "of"], Op::ContainsAll), (&["has", "all"], Op::ContainsAll), (&["has"], Op::Contains),
    (&["starts", "with"], Op::StartsWith), (&["within", "last"], Op::WithinLast), (&["within", "next"], Op::WithinNext), (&["older", "than"], Op::OlderThan),
    (&["changed"], Op::Changed), (&["was"], Op::Was),
    (&["不为空"], Op::NotEmpty), (&["为空"], Op::Empty), (&["不属于"], Op::NotIn), (&["属于"], Op::In), (&["不等于"], Op::Ne), (&["不是"], Op::Ne), (&["等于"], Op::Eq), (&["是"], Op::Eq), (&["为"], Op::Eq),
    (&["包含任一"], Op::ContainsAny), (&["包含全部"], Op::ContainsAll), (&["包含"], Op::Contains), (&["含有"], Op::Contains), (&["含"], Op::Contains), (&["开头是"], Op::StartsWith),
    (&["大于"], Op::Gt), (&["超过"], Op::Gt), (&["小于"], Op::Lt), (&["至少"], Op::Ge), (&["至多"], Op::Le),
    (&["在最近"], Op::WithinLast), (&["最近"], Op::WithinLast), (&["在未来"], Op::WithinNext), (&["未来"], Op::WithinNext), (&["早于"], Op::OlderThan),
    (&["变了"], Op::Changed), (&["变更"], Op::Changed), (&["原为"], Op::Was),
];
const AND: [&str; 4] = ["and", "且", "并且", "而且"];
const OR: [&str; 3] = ["or", "或", "或者"];
const NOT: [&str; 3] = ["not", "非", "不满足"];
const ALL: [&str; 2] = ["all", "全部"];
const ANY: [&str; 2] = ["any", "任一"];
const ALWAYS: [&str; 2] = ["always", "总是"];
const NEVER: [&str; 2] = ["never", "从不"];
const FROM: [&str; 2] = ["from", "从"];
const TO: [&str; 3] = ["to", "到", "变为"];

/// Whether a bare word has a meaning of its own, so that a field or text of that name must be quoted.
pub(super) fn reserved(word: &str) -> bool {
    let is = |known: &&str| known.eq_ignore_ascii_case(word);
    OPERATORS.iter().any(|(words, _)| words.iter().any(is))
        || [&AND[..], &OR[..], &NOT[..], &ALL[..], &ANY[..], &ALWAYS[..], &NEVER[..], &FROM[..], &TO[..], &["json", "true", "false", "null"][..]].iter().any(|set| set.iter().any(|w| is(&w)))
}

/// A tree and where its comparisons stand: field, operator, value as byte offsets, in reading order.
pub(super) struct Parsed {
    pub condition: Condition,
    places: Vec<[usize; 3]>,
}

impl Parsed {
    /// The faults with line and column of what they are about.
    pub fn place(&self, text: &str, mut faults: Vec<Fault>) -> Vec<Fault> {
        let paths = paths(&self.condition);
        for fault in &mut faults {
            let (leaf, what) = fault.path.rsplit_once('.').unwrap_or(("", fault.path.as_str()));
            let Some(found) = paths.iter().position(|path| path == leaf).and_then(|i| self.places.get(i)) else {
                (fault.line, fault.column) = (Some(1), Some(1));
                continue;
            };
            // An operator that does not fit is told at the operator, a value at the value.
            let at = if what == "field" { found[0] } else if fault.wrong.contains("the operator `") { found[1] } else { found[2] };
            let (line, column) = place(text, at);
            (fault.line, fault.column) = (Some(line), Some(column));
        }
        faults.sort_by_key(|fault| (fault.line, fault.column));
        faults
    }
}

/// The path of every comparison, in reading order, as [`Condition::faults`] names it without its last part.
pub(super) fn paths(condition: &Condition) -> Vec<String> {
    fn walk(condition: &Condition, path: String, out: &mut Vec<String>) {
        let join = |part: String| if path.is_empty() { part } else { format!("{path}.{part}") };
        match condition {
            Condition::All { all } => all.iter().enumerate().for_each(|(i, c)| walk(c, join(format!("all[{i}]")), out)),
            Condition::Any { any } => any.iter().enumerate().for_each(|(i, c)| walk(c, join(format!("any[{i}]")), out)),
            Condition::Not { not } => walk(not, join("not".into()), out),
            Condition::Compare { .. } => out.push(path),
        }
    }
    let mut out = Vec::new();
    walk(condition, String::new(), &mut out);
    out
}

/// Reads the text form. Fields are not checked: [`super::parse_checked`] and [`crate::Vocabulary::read`] do.
///
/// # Errors
/// The first fault, with line and column and what was expected there.
pub fn parse(text: &str) -> Result<Condition, Fault> {
    parse_placed(text).map(|parsed| parsed.condition)
}

/// As [`parse`], with the places.
pub(super) fn parse_placed(text: &str) -> Result<Parsed, Fault> {
    if text.len() > LONGEST {
        return Err(fault_at(text, 0, format!("the condition is {} bytes long", text.len()), format!("at most {LONGEST}")));
    }
    let tokens = tokens(text)?;
    let mut parser = Parser { text, tokens, next: 0, depth: 0, places: Vec::new() };
    if parser.kind() == &Kind::End {
        return Err(parser.fault("the condition is empty", "a comparison such as `priority is urgent`, or `always`"));
    }
    let condition = parser.either()?;
    if parser.kind() != &Kind::End {
        return Err(parser.unexpected_tail());
    }
    Ok(Parsed { condition, places: parser.places })
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    places: Vec<[usize; 3]>,
}

impl Parser<'_> {
    /// The token `ahead` of the next one; past the end: the end.
    fn token(&self, ahead: usize) -> &Token {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.next + ahead).min(last)]
    }

    fn kind(&self) -> &Kind {
        &self.token(0).kind
    }

    fn step(&mut self) {
        self.next += 1;
    }

    fn is_word(&self, ahead: usize, words: &[&str]) -> bool {
        matches!(&self.token(ahead).kind, Kind::Word(word) if words.iter().any(|w| w.eq_ignore_ascii_case(word)))
    }

    fn took(&mut self, words: &[&str]) -> bool {
        let is = self.is_word(0, words);
        self.next += usize::from(is);
        is
    }

    fn fault(&self, wrong: impl Into<String>, right: impl Into<String>) -> Fault {
        fault_at(self.text, self.token(0).start, wrong, right)
    }

    /// The next token as its author wrote it.
    fn shown(&self) -> String {
        let token = self.token(0);
        match &token.kind {
            Kind::End => "the end".to_owned(),
            _ => format!("`{}`", self.text[token.start..token.end].chars().take(40).collect::<String>()),
        }
    }

    fn unexpected_tail(&self) -> Fault {
        let found = self.shown();
        if self.kind() == &Kind::Close {
            return self.fault("this parenthesis closes nothing", "take it away, or open one before it");
        }
        if let Kind::Word(word) = self.kind() {
            if let Some(near) = near::nearest(word, AND.into_iter().chain(OR)) {
                return self.fault(format!("expected `and`, `or` or the end, found {found}"), format!("did you mean `{near}`?"));
            }
        }
        self.fault(format!("expected `and`, `or` or the end, found {found}"), "join conditions with `and` or `or`; a text of several words goes in \"quotes\"")
    }

    fn either(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.both()?];
        while self.took(&OR) {
            parts.push(self.both()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::Any { any: parts } })
    }

    fn both(&mut self) -> Result<Condition, Fault> {
        let mut parts = vec![self.one()?];
        while self.took(&AND) {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Condition::All { all: parts } })
    }

    fn one(&mut self) -> Result<Condition, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.fault("nested too deep", format!("at most {DEEPEST} levels")));
        }
        let out = self.one_inside();
        self.depth -= 1;
        out
    }

    fn one_inside(&mut self) -> Result<Condition, Fault> {
        if self.took(&NOT) {
            return Ok(Condition::Not { not: Box::new(self.one()?) });
        }
        if self.took(&ALWAYS) {
            return Ok(Condition::always());
        }
        if self.took(&NEVER) {
            return Ok(Condition::Any { any: Vec::new() });
        }
        let group = (self.is_word(0, &ALL), self.is_word(0, &ANY));
        if (group.0 || group.1) && self.token(1).kind == Kind::Open {
            self.step();
            let inside = vec![self.parenthesis()?];
            return Ok(if group.0 { Condition::All { all: inside } } else { Condition::Any { any: inside } });
        }
        if self.kind() == &Kind::Open {
            return self.parenthesis();
        }
        self.comparison()
    }

    fn parenthesis(&mut self) -> Result<Condition, Fault> {
        let opened = self.token(0).start;
        self.step();
        let inside = self.either()?;
        if self.kind() != &Kind::Close {
            if self.kind() == &Kind::End {
                return Err(fault_at(self.text, opened, "this parenthesis is never closed", "a `)` at the end of its group"));
            }
            return Err(Fault { right: "`and`, `or` or `)`".into(), ..self.unexpected_tail() });
        }
        self.step();
        Ok(inside)
    }

    fn comparison(&mut self) -> Result<Condition, Fault> {
        let field_at = self.token(0).start;
        let field = match self.kind() {
            Kind::Ticked(name) => name.clone(),
            Kind::Word(word) if !reserved(word) => word.clone(),
            Kind::Word(word) => {
                let right = if AND.iter().chain(&OR).any(|w| w.eq_ignore_ascii_case(word)) { "a condition between the joining words".to_owned() } else { format!("a field such as `priority`; one that is really called so goes in back-ticks: `{word}`") };
                return Err(self.fault(format!("expected a field, found the word {}", self.shown()), right));
            }
            Kind::Quoted(_) => return Err(self.fault(format!("expected a field, found the text {}", self.shown()), "a field's name without quotes, such as `title`")),
            _ => return Err(self.fault(format!("expected a field, found {}", self.shown()), "a comparison such as `priority is urgent`")),
        };
        self.step();
        let op_at = self.token(0).start;
        let op = self.operator(&field)?;
        let value_at = if self.kind() == &Kind::End { op_at } else { self.token(0).start };
        let index = self.places.len();
        self.places.push([field_at, op_at, value_at]);
        let value = self.operand(op)?;
        if matches!(op, Op::Empty | Op::NotEmpty) || (op == Op::Changed && value.is_null()) {
            self.places[index][2] = op_at;
        }
        Ok(Condition::Compare { field, op, value })
    }

    fn operator(&mut self, field: &str) -> Result<Op, Fault> {
        if let Kind::Sign(sign) = self.kind() {
            let op = match *sign {
                "=" => Op::Eq,
                "!=" => Op::Ne,
                "<" => Op::Lt,
                "<=" => Op::Le,
                ">" => Op::Gt,
                _ => Op::Ge,
            };
            self.step();
            return Ok(op);
        }
        for (words, op) in OPERATORS {
            if words.iter().enumerate().all(|(ahead, word)| self.is_word(ahead, &[word])) {
                self.next += words.len();
                return Ok(*op);
            }
        }
        let wrong = format!("expected an operator after `{field}`, found {}", self.shown());
        let all = "is, is not, in, not in, <, <=, >, >=, contains, contains any, contains all, starts with, is empty, is not empty, within last, within next, older than, changed, was";
        match self.kind() {
            Kind::Word(word) => match near::nearest(word, OPERATORS.iter().map(|(words, _)| words[0])) {
                Some(near) => Err(self.fault(wrong, format!("did you mean `{near}`?"))),
                None => Err(self.fault(wrong, format!("one of: {all}"))),
            },
            _ => Err(self.fault(wrong, format!("one of: {all}"))),
        }
    }

    fn operand(&mut self, op: Op) -> Result<Value, Fault> {
        match op {
            Op::Empty | Op::NotEmpty => Ok(Value::Null),
            Op::In | Op::NotIn | Op::ContainsAny | Op::ContainsAll | Op::Was => self.list(op),
            Op::Changed => {
                if let Kind::Json(value) = self.kind() {
                    let value = value.clone();
                    self.step();
                    return Ok(value);
                }
                let mut ends = Map::new();
                if self.took(&FROM) {
                    ends.insert("from".into(), self.value()?);
                }
                if self.took(&TO) {
                    ends.insert("to".into(), self.value()?);
                }
                Ok(if ends.is_empty() { Value::Null } else { Value::Object(ends) })
            }
            _ => self.value(),
        }
    }

    fn list(&mut self, op: Op) -> Result<Value, Fault> {
        if let Kind::Json(value) = self.kind() {
            let value = value.clone();
            self.step();
            return Ok(value);
        }
        if self.kind() == &Kind::Open {
            let opened = self.token(0).start;
            self.step();
            let mut items = Vec::new();
            while self.kind() != &Kind::Close {
                items.push(self.value()?);
                match self.kind() {
                    Kind::Comma => self.step(),
                    Kind::Close => {}
                    Kind::End => return Err(fault_at(self.text, opened, "this list is never closed", "a `)` after its last value")),
                    _ => return Err(self.fault(format!("expected `,` or `)` in the list, found {}", self.shown()), "values with commas between; a text of several words goes in \"quotes\"")),
                }
            }
            self.step();
            return Ok(Value::Array(items));
        }
        let alone = matches!(self.kind(), Kind::Word(word) if word.starts_with('@'));
        let mut items = vec![self.value()?];
        while self.kind() == &Kind::Comma {
            self.step();
            items.push(self.value()?);
        }
        // `team in @my_teams` stands for a list that is filled in later; `was` takes one value as well as several.
        if items.len() == 1 && (op == Op::Was || (alone && matches!(op, Op::In | Op::NotIn))) {
            return Ok(items.remove(0));
        }
        Ok(Value::Array(items))
    }

    fn value(&mut self) -> Result<Value, Fault> {
        let value = match self.kind() {
            Kind::Quoted(text) => Value::from(text.as_str()),
            Kind::Json(value) => value.clone(),
            Kind::Word(word) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                word if reserved(word) => return Err(self.fault(format!("expected a value, found the word {}", self.shown()), format!("a value; the text itself goes in quotes: \"{word}\""))),
                word => number(word).map_or_else(|| Value::from(span(word).unwrap_or_else(|| word.to_owned())), Value::Number),
            },
            Kind::Open => return Err(self.fault("a list has no place after this operator", "one value; for several use `in`, `contains any` or `contains all`")),
            _ => return Err(self.fault(format!("expected a value, found {}", self.shown()), "a word, a number, a \"text in quotes\", a span such as 2h, a date such as 2026-10-01, true or false")),
        };
        self.step();
        Ok(value)
    }
}

/// A bare word that is a JSON number.
pub(super) fn number(word: &str) -> Option<Number> {
    let body = word.strip_prefix('-').unwrap_or(word);
    if !body.starts_with(|c: char| c.is_ascii_digit()) || !word.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b)) {
        return None;
    }
    let whole = body.bytes().all(|b| b.is_ascii_digit());
    if body.len() > 1 && body.starts_with('0') && body.as_bytes()[1].is_ascii_digit() {
        return None; // 010 is a code, not a number
    }
    if whole {
        if word != "-0" {
            if let Some(small) = word.parse::<i64>().ok().map(Number::from).or_else(|| word.parse::<u64>().ok().map(Number::from)) {
                return Some(small);
            }
        }
    } else if word.matches('-').count() > 1 && !word.contains(['e', 'E']) {
        return None; // a date
    }
    word.parse::<f64>().ok().and_then(Number::from_f64)
}

/// A span in Chinese words: `3天`, `2小时`, `2个工作日`.
fn span(word: &str) -> Option<String> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match &word[digits..] {
        "秒" | "秒钟" => "s",
        "分" | "分钟" => "m",
        "小时" | "时" => "h",
        "天" | "日" => "d",
        "周" => "w",
        "个工作日" | "工作日" => "wd",
        _ => return None,
    };
    (digits > 0).then(|| format!("{}{unit}", &word[..digits]))
}
