//! A condition as SQL, for lists. Parameters only; a field that is not in the catalogue does not compile.

use serde_json::Value;

use crate::condition::{Condition, FieldKind, Op};
use crate::units::{span_micros, time_micros};

/// How a field lies in the database.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// A column (or expression) of the row.
    Plain(&'a str),
    /// A set beside the row; `{}` stands for the test on an element, e.g.
    /// `EXISTS (SELECT 1 FROM desk_tag t WHERE t.case_id = c.case_id AND t.tag {})`.
    Set(&'a str),
    /// A time column whose age is asked: `age > 2h` is `column < now - 2h`. For fields of kind `Span`.
    Age(&'a str),
}

/// SQL with `?n` parameters from the given first number, and their values in order. Times are microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    pub sql: String,
    pub params: Vec<(FieldKind, Value)>,
}

/// Compiles a validated condition. `column` maps a field to its kind and place; `None` makes the comparison false.
pub fn compile<'a>(condition: &Condition, now: i64, first: usize, column: &impl Fn(&str) -> Option<(FieldKind, Column<'a>)>) -> Compiled {
    let mut out = Compiled { sql: String::new(), params: Vec::new() };
    out.sql = walk(condition, now, first, column, &mut out.params);
    out
}

fn walk<'a>(condition: &Condition, now: i64, first: usize, column: &impl Fn(&str) -> Option<(FieldKind, Column<'a>)>, params: &mut Vec<(FieldKind, Value)>) -> String {
    let mut group = |parts: &[Condition], word: &str, none: &str| {
        if parts.is_empty() {
            return none.to_owned();
        }
        let parts: Vec<String> = parts.iter().map(|part| walk(part, now, first, column, params)).collect();
        format!("({})", parts.join(word))
    };
    match condition {
        Condition::All { all } => group(all, " AND ", "1 = 1"),
        Condition::Any { any } => group(any, " OR ", "1 = 0"),
        // A comparison with NULL is neither true nor false in SQL; here it is simply not true.
        Condition::Not { not } => format!("NOT coalesce({}, FALSE)", walk(not, now, first, column, params)),
        Condition::Compare { field, op, value } => match column(field) {
            None => "1 = 0".to_owned(),
            Some((kind, place)) => compare(kind, place, *op, value, now, first, params),
        },
    }
}

fn compare(kind: FieldKind, place: Column<'_>, op: Op, value: &Value, now: i64, first: usize, params: &mut Vec<(FieldKind, Value)>) -> String {
    let element = match kind {
        FieldKind::List => FieldKind::Text,
        other => other,
    };
    let mut bind = |value: &Value| {
        let value = match element {
            FieldKind::Time => Value::from(value.as_i64().or_else(|| value.as_str().and_then(time_micros))),
            _ => value.clone(),
        };
        params.push((element, value));
        format!("?{}", first + params.len() - 1)
    };
    match place {
        Column::Set(pattern) => match op {
            Op::Empty => format!("NOT {}", pattern.replace("{}", "IS NOT NULL")),
            Op::NotEmpty => pattern.replace("{}", "IS NOT NULL"),
            Op::Contains | Op::Eq => {
                let at = bind(value);
                pattern.replace("{}", &format!("= {at}"))
            }
            Op::In | Op::NotIn => {
                let list: Vec<String> = value.as_array().into_iter().flatten().map(&mut bind).collect();
                let test = if list.is_empty() { "1 = 0".to_owned() } else { pattern.replace("{}", &format!("IN ({})", list.join(", "))) };
                if op == Op::In { test } else { format!("NOT {test}") }
            }
            Op::ContainsAny | Op::ContainsAll => {
                let (word, none) = if op == Op::ContainsAny { (" OR ", "1 = 0") } else { (" AND ", "1 = 1") };
                let tests: Vec<String> = value.as_array().into_iter().flatten().map(|item| pattern.replace("{}", &format!("= {}", bind(item)))).collect();
                if tests.is_empty() { none.to_owned() } else { format!("({})", tests.join(word)) }
            }
            _ => "1 = 0".to_owned(),
        },
        Column::Age(column) => {
            let span = value.as_str().and_then(span_micros);
            // An older row has a smaller time, so the comparison turns around.
            let sign = match op {
                Op::Empty => return format!("({column} IS NULL)"),
                Op::NotEmpty => return format!("({column} IS NOT NULL)"),
                Op::Lt => ">",
                Op::Le => ">=",
                Op::Gt => "<",
                Op::Ge => "<=",
                _ => return "1 = 0".to_owned(),
            };
            match span {
                None => "1 = 0".to_owned(),
                Some(span) => {
                    params.push((FieldKind::Time, Value::from(now.saturating_sub(span))));
                    format!("{column} {sign} ?{}", first + params.len() - 1)
                }
            }
        }
        Column::Plain(column) => match op {
            Op::Empty => empty(column, kind),
            Op::NotEmpty => format!("NOT {}", empty(column, kind)),
            Op::Eq if value.is_null() => empty(column, kind),
            Op::Ne if value.is_null() => format!("NOT {}", empty(column, kind)),
            Op::Eq => format!("{column} = {}", bind(value)),
            Op::Ne => format!("({column} IS NULL OR {column} <> {})", bind(value)),
            Op::Lt => format!("{column} < {}", bind(value)),
            Op::Le => format!("{column} <= {}", bind(value)),
            Op::Gt => format!("{column} > {}", bind(value)),
            Op::Ge => format!("{column} >= {}", bind(value)),
            // A column that is no text (an id) holds no part of one; asking would be a type error on PostgreSQL.
            Op::Contains | Op::StartsWith | Op::ContainsAny | Op::ContainsAll if kind != FieldKind::Text => "1 = 0".to_owned(),
            Op::Contains => holds_part(column, "%", value, &mut bind),
            Op::StartsWith => holds_part(column, "", value, &mut bind),
            Op::ContainsAny | Op::ContainsAll => {
                let (word, none) = if op == Op::ContainsAny { (" OR ", "1 = 0") } else { (" AND ", "1 = 1") };
                let tests: Vec<String> = value.as_array().into_iter().flatten().map(|item| holds_part(column, "%", item, &mut bind)).collect();
                if tests.is_empty() { none.to_owned() } else { format!("({})", tests.join(word)) }
            }
            Op::In | Op::NotIn => {
                let list: Vec<String> = value.as_array().into_iter().flatten().map(&mut bind).collect();
                let test = if list.is_empty() { "1 = 0".to_owned() } else { format!("{column} IN ({})", list.join(", ")) };
                if op == Op::In { test } else { format!("({column} IS NULL OR NOT {test})") }
            }
            Op::WithinLast | Op::WithinNext => {
                let span = value.as_str().and_then(span_micros).unwrap_or(0);
                let (from, to) = if op == Op::WithinLast { (now.saturating_sub(span), now) } else { (now, now.saturating_add(span)) };
                format!("{column} BETWEEN {} AND {}", bind(&Value::from(from)), bind(&Value::from(to)))
            }
            Op::OlderThan => {
                let span = value.as_str().and_then(span_micros).unwrap_or(0);
                format!("{column} < {}", bind(&Value::from(now.saturating_sub(span))))
            }
            // A row knows the present only; validation refuses these before.
            Op::Changed | Op::Was => "1 = 0".to_owned(),
        },
    }
}

/// Whether a text column holds the value (or begins with it), letter case ignored. Both databases know the small form of
/// the letters A to Z only; that of others in the value (É, Ж) is brought about here.
fn holds_part(column: &str, before: &str, value: &Value, bind: &mut impl FnMut(&Value) -> String) -> String {
    let text = value.as_str().unwrap_or_default().to_lowercase();
    let mut small = format!("lower({column})");
    let mut letters: Vec<char> = text.chars().filter(|c| !c.is_ascii()).collect();
    letters.sort_unstable();
    letters.dedup();
    for letter in letters {
        let mut large = letter.to_uppercase();
        if let (Some(large), None) = (large.next(), large.next())
            && large != letter
        {
            small = format!("replace({small}, {}, {})", bind(&Value::from(large.to_string())), bind(&Value::from(letter.to_string())));
        }
    }
    let literal: String = text.chars().flat_map(|c| matches!(c, '%' | '_' | '\\').then_some('\\').into_iter().chain([c])).collect();
    format!("{small} LIKE {} ESCAPE '\\'", bind(&Value::from(format!("{before}{literal}%"))))
}

fn empty(column: &str, kind: FieldKind) -> String {
    if kind == FieldKind::Text { format!("({column} IS NULL OR {column} = '')") } else { format!("({column} IS NULL)") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_travel_as_parameters() {
        let tree: Condition = serde_json::from_value(json!({"all": [
            {"field": "priority", "op": "eq", "value": "x' OR 1=1 --"},
            {"not": {"field": "tag", "op": "in", "value": ["a", "b"]}},
            {"field": "unknown", "op": "eq", "value": "x"},
        ]})).unwrap();
        let out = compile(&tree, 0, 3, &|field: &str| match field {
            "priority" => Some((FieldKind::Text, Column::Plain("c.priority"))),
            "tag" => Some((FieldKind::List, Column::Set("EXISTS (SELECT 1 FROM t WHERE t.tag {})"))),
            _ => None,
        });
        assert_eq!(out.sql, "(c.priority = ?3 AND NOT coalesce(EXISTS (SELECT 1 FROM t WHERE t.tag IN (?4, ?5)), FALSE) AND 1 = 0)");
        assert_eq!(out.params.len(), 3);
    }
}
