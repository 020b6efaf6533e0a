//! One answer against its field: cleaned, or what is wrong with it.

use regex::Regex;
use serde_json::{Map, Value, json};
use shouwen_rules::suggest;

use crate::check::Context;
use crate::definition::{Choice, Field, FieldType};
use crate::fault::{AnswerFault, Wrong};
use crate::kinds;

/// A text answer is at most so long where the field says nothing.
const LONGEST_TEXT: usize = 500;
const LONGEST_LONG_TEXT: usize = 20_000;
/// Entries and rows at most where the field says nothing.
const MOST_ENTRIES: usize = 200;
const MOST_ROWS: usize = 500;

/// Whether an answer counts as none.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(table) => table.is_empty(),
        _ => false,
    }
}

fn wrong_type(zh: &str, en: &str) -> Wrong {
    Wrong::new("wrong_type", format!("应为{zh}"), format!("should be {en}"))
}

/// The cleaned answer. `pattern` is the field's, ready. Tables are checked by [`rows`].
pub(crate) fn clean(field: &Field, value: &Value, pattern: Option<&Regex>, context: &Context<'_>) -> Result<Value, Wrong> {
    use FieldType as T;
    match field.kind {
        T::Text | T::LongText => text(field, value, pattern),
        T::Number => number(field, value),
        T::Rating => rating(field, value),
        T::Money => money(field, value),
        T::Date => date(field, value, context),
        T::Datetime => datetime(field, value, context),
        T::YesNo => match value {
            Value::Bool(_) => Ok(value.clone()),
            Value::String(word) if matches!(word.as_str(), "yes" | "true" | "是") => Ok(Value::Bool(true)),
            Value::String(word) if matches!(word.as_str(), "no" | "false" | "否") => Ok(Value::Bool(false)),
            _ => Err(wrong_type("是或否", "yes or no")),
        },
        T::Choice => {
            let key = value.as_str().ok_or_else(|| wrong_type("选项", "an option's key"))?;
            option(&field.options, key, context).map(|_| Value::from(key))
        }
        T::MultiChoice => multi_choice(field, value, context),
        T::TreeChoice => tree_choice(field, value, context),
        T::Phone => shaped(value, kinds::phone, "bad_phone", ("电话号码有误，例如 13800138000、010-65529988 或 +12025550143", "no telephone number; such as 13800138000, 010-65529988 or +12025550143")),
        T::Email => shaped(value, kinds::email, "bad_email", ("邮箱地址有误，例如 name@example.com", "no mail address; such as name@example.com")),
        T::IdNumber => shaped(value, kinds::id_number, "bad_id_number", ("身份证号有误：18 位，校验码须相符", "no identity number: 18 characters, the last one a check")),
        T::Plate => shaped(value, kinds::plate, "bad_plate", ("车牌号有误，例如 京A12345 或 粤BD12345", "no plate; such as 京A12345 or 粤BD12345")),
        T::Person | T::Team | T::OrgUnit | T::Customer | T::Case => {
            let id = value.as_str().map(str::trim).filter(|id| !id.is_empty() && id.len() <= 80).ok_or_else(|| Wrong::new("bad_reference", "应为编号", "should be an id"))?;
            reference(field.kind, id, context)?;
            Ok(Value::from(id))
        }
        T::File => files(field, value, context),
        T::Computed => Err(Wrong::new("computed", "此项自动生成，不可填写", "is filled in by itself and takes no answer")),
        T::Table => Err(wrong_type("表格", "a table")),
    }
}

fn length(field: &Field, count: usize, most: usize, unit: (&str, &str), codes: (&'static str, &'static str)) -> Result<(), Wrong> {
    let least = field.min_length.map_or(0, |n| n as usize);
    let most = field.max_length.map_or(most, |n| n as usize);
    if count < least {
        return Err(Wrong::new(codes.0, format!("至少 {least} {}，现为 {count}", unit.0), format!("at least {least} {}, there are {count}", unit.1)));
    }
    if count > most {
        return Err(Wrong::new(codes.1, format!("至多 {most} {}，现为 {count}", unit.0), format!("at most {most} {}, there are {count}", unit.1)));
    }
    Ok(())
}

fn text(field: &Field, value: &Value, pattern: Option<&Regex>) -> Result<Value, Wrong> {
    let given = value.as_str().ok_or_else(|| wrong_type("文本", "a text"))?;
    let long = field.kind == FieldType::LongText;
    // Control characters are no text; in one line, neither are line breaks.
    let cleaned: String = given.replace("\r\n", "\n").chars().filter(|c| !c.is_control() || *c == '\t' || *c == '\n').map(|c| if !long && (c == '\n' || c == '\t') { ' ' } else { c }).collect();
    let cleaned = cleaned.trim();
    length(field, cleaned.chars().count(), if long { LONGEST_LONG_TEXT } else { LONGEST_TEXT }, ("个字", "characters"), ("too_short", "too_long"))?;
    if let Some(pattern) = pattern {
        if !pattern.is_match(cleaned) {
            let says = &field.pattern_says;
            let (zh, en) = if says.is_empty() { ("格式不符".to_owned(), "does not have the wanted form".to_owned()) } else { (says.pick("zh").to_owned(), says.pick("en").to_owned()) };
            return Err(Wrong::new("pattern", zh, en));
        }
    }
    Ok(Value::from(cleaned))
}

/// A number given as such or as its text.
fn numeric(value: &Value) -> Option<serde_json::Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => {
            let text = text.trim();
            let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b"+-.".contains(&b));
            let whole = text.parse::<i64>().ok().filter(|_| plain).map(serde_json::Number::from);
            whole.or_else(|| text.parse::<f64>().ok().filter(|n| plain && n.is_finite()).and_then(serde_json::Number::from_f64))
        }
        _ => None,
    }
}

fn bounds(field: &Field, found: f64) -> Result<(), Wrong> {
    let unit = |locale: &str| if field.unit.is_empty() { String::new() } else { format!(" {}", field.unit.pick(locale)) };
    if let Some(least) = field.min.as_f64().filter(|least| found < *least) {
        return Err(Wrong::new("too_small", format!("不小于 {least}{}", unit("zh")), format!("at least {least}{}", unit("en"))));
    }
    if let Some(most) = field.max.as_f64().filter(|most| found > *most) {
        return Err(Wrong::new("too_large", format!("不大于 {most}{}", unit("zh")), format!("at most {most}{}", unit("en"))));
    }
    Ok(())
}

fn number(field: &Field, value: &Value) -> Result<Value, Wrong> {
    let number = numeric(value).ok_or_else(|| wrong_type("数字", "a number"))?;
    let found = number.as_f64().filter(|n| n.is_finite()).ok_or_else(|| wrong_type("数字", "a number"))?;
    bounds(field, found)?;
    if let Some(decimals) = field.decimals {
        let shown = number.to_string();
        let digits = if shown.contains(['e', 'E']) { if found.fract() == 0.0 { 0 } else { usize::MAX } } else { shown.split_once('.').map_or(0, |(_, part)| part.trim_end_matches('0').len()) };
        if digits > usize::from(decimals) {
            return Err(Wrong::new("too_precise", format!("小数至多 {decimals} 位"), format!("at most {decimals} digits after the point")));
        }
    }
    Ok(Value::Number(number))
}

fn rating(field: &Field, value: &Value) -> Result<Value, Wrong> {
    let most = field.max.as_i64().unwrap_or(5);
    let least = field.min.as_i64().unwrap_or(1);
    match numeric(value).and_then(|n| n.as_i64()) {
        Some(found) if (least..=most).contains(&found) => Ok(Value::from(found)),
        Some(_) => Err(Wrong::new("too_large", format!("{least} 至 {most} 分"), format!("from {least} to {most}"))),
        None => Err(wrong_type("整数评分", "a whole number")),
    }
}

fn money(field: &Field, value: &Value) -> Result<Value, Wrong> {
    let bad = || Wrong::new("bad_money", "金额有误，例如 123.45", "no amount; such as 123.45, or {\"minor\": 12345, \"currency\": \"CNY\"}");
    let usual = field.currencies.first().map_or("CNY", String::as_str);
    let (minor, currency) = match value {
        Value::Object(table) => {
            let currency = table.get("currency").map_or(Some(usual), Value::as_str).ok_or_else(bad)?;
            if table.keys().any(|key| key != "minor" && key != "currency") {
                return Err(bad());
            }
            (table.get("minor").and_then(Value::as_i64).ok_or_else(bad)?, currency)
        }
        Value::String(text) => (kinds::minor_units(text, usual).ok_or_else(bad)?, usual),
        Value::Number(number) => (kinds::minor_units(&number.to_string(), usual).ok_or_else(bad)?, usual),
        _ => return Err(bad()),
    };
    let known = if field.currencies.is_empty() { currency == "CNY" } else { field.currencies.iter().any(|c| c == currency) };
    if !known {
        let may = if field.currencies.is_empty() { "CNY".to_owned() } else { field.currencies.join(", ") };
        return Err(Wrong::new("bad_currency", format!("币种应为 {may}"), format!("the currency should be {may}")));
    }
    bounds(field, minor as f64 / 10f64.powi(kinds::exponent(currency) as i32))?;
    Ok(json!({ "minor": minor, "currency": currency }))
}

fn date(field: &Field, value: &Value, context: &Context<'_>) -> Result<Value, Wrong> {
    let bad = || Wrong::new("bad_date", "日期有误，例如 2026-10-01", "no date; such as 2026-10-01");
    let text = value.as_str().map(str::trim).ok_or_else(bad)?;
    let found = kinds::days(text).ok_or_else(bad)?;
    day_bounds(field, found, context)?;
    Ok(Value::from(text))
}

fn day_bounds(field: &Field, found: i64, context: &Context<'_>) -> Result<(), Wrong> {
    let today = kinds::days(context.today).unwrap_or(0);
    let bound = |value: &Value| value.as_str().and_then(|text| kinds::date_bound(text, today).map(|day| (day, text.to_owned())));
    let said = |text: &str| {
        let (zh, en) = (text.replacen("today", "今天", 1), text.to_owned());
        (zh, en)
    };
    if let Some((_, text)) = bound(&field.min).filter(|(day, _)| found < *day) {
        let (zh, en) = said(&text);
        return Err(Wrong::new("too_small", format!("不早于 {zh}"), format!("not before {en}")));
    }
    if let Some((_, text)) = bound(&field.max).filter(|(day, _)| found > *day) {
        let (zh, en) = said(&text);
        return Err(Wrong::new("too_large", format!("不晚于 {zh}"), format!("not after {en}")));
    }
    Ok(())
}

fn datetime(field: &Field, value: &Value, context: &Context<'_>) -> Result<Value, Wrong> {
    let bad = || Wrong::new("bad_datetime", "时间有误，例如 2026-10-01T09:30:00+08:00", "no time; RFC 3339 with a zone, such as 2026-10-01T09:30:00+08:00");
    let text = value.as_str().map(str::trim).ok_or_else(bad)?;
    // The tree's own reader decides, so that an answer that passes can be compared.
    let known = shouwen_rules::evaluate(&shouwen_rules::Condition::compare("t", shouwen_rules::Op::Ge, "0000-01-01T00:00:00Z"), &|_: &str| Value::from(text), 0);
    if !known {
        return Err(bad());
    }
    day_bounds(field, text.get(..10).and_then(kinds::days).ok_or_else(bad)?, context)?;
    Ok(Value::from(text))
}

fn option<'f>(options: &'f [Choice], key: &str, context: &Context<'_>) -> Result<&'f Choice, Wrong> {
    let Some(found) = options.iter().find(|choice| choice.key == key) else {
        let right = suggest(key, options.iter().filter(|c| !c.retired).map(|c| c.key.as_str()));
        return Err(Wrong::new("not_an_option", format!("没有选项「{key}」"), format!("there is no option `{key}`; {right}")));
    };
    if found.retired && !context.keep_retired {
        return Err(Wrong::new("retired_option", format!("选项「{}」已停用", found.label.pick("zh")), format!("the option `{key}` is no longer offered")));
    }
    Ok(found)
}

fn multi_choice(field: &Field, value: &Value, context: &Context<'_>) -> Result<Value, Wrong> {
    let items = value.as_array().ok_or_else(|| wrong_type("选项列表", "a list of options' keys"))?;
    let mut keys: Vec<&str> = Vec::new();
    for item in items {
        let key = item.as_str().ok_or_else(|| wrong_type("选项列表", "a list of options' keys"))?;
        option(&field.options, key, context)?;
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    length(field, keys.len(), MOST_ENTRIES, ("项", "entries"), ("too_few", "too_many"))?;
    Ok(Value::from(keys))
}

fn tree_choice(field: &Field, value: &Value, context: &Context<'_>) -> Result<Value, Wrong> {
    let bad = || wrong_type("类别路径", "a path of keys from the root");
    let path: Vec<&str> = match value {
        Value::String(text) => text.split('/').collect(),
        Value::Array(items) => items.iter().map(Value::as_str).collect::<Option<_>>().ok_or_else(bad)?,
        _ => return Err(bad()),
    };
    let mut level = field.options.as_slice();
    for key in &path {
        level = &option(level, key, context)?.options;
    }
    if !level.iter().all(|c| c.retired) && !field.any_level {
        return Err(Wrong::new("not_an_option", "请选到最末一级", format!("goes on below `{}`; choose one of: {}", path.join("/"), level.iter().map(|c| c.key.as_str()).collect::<Vec<_>>().join(", "))));
    }
    Ok(Value::from(path))
}

fn shaped(value: &Value, read: fn(&str) -> Option<String>, code: &'static str, says: (&str, &str)) -> Result<Value, Wrong> {
    value.as_str().filter(|text| text.len() <= 400).and_then(read).map(Value::from).ok_or_else(|| Wrong::new(code, says.0, says.1))
}

fn reference(kind: FieldType, id: &str, context: &Context<'_>) -> Result<(), Wrong> {
    if (context.exists)(kind, id) { Ok(()) } else { Err(Wrong::new("unknown_reference", format!("没有找到「{id}」"), format!("there is no {} `{id}`", kind.name().replace('_', " ")))) }
}

fn files(field: &Field, value: &Value, context: &Context<'_>) -> Result<Value, Wrong> {
    let one = [value.clone()];
    let items = match value {
        Value::Array(items) => items.as_slice(),
        Value::String(_) => &one,
        _ => return Err(wrong_type("附件列表", "a list of attachment ids")),
    };
    length(field, items.len(), MOST_ENTRIES, ("个附件", "files"), ("too_few", "too_many"))?;
    for item in items {
        let id = item.as_str().filter(|id| !id.is_empty() && id.len() <= 80).ok_or_else(|| wrong_type("附件列表", "a list of attachment ids"))?;
        reference(FieldType::File, id, context)?;
    }
    Ok(Value::from(items.to_vec()))
}

/// A table's rows, cleaned; faults go to `faults` with their place. Columns of a row are required as they say.
pub(crate) fn rows(field: &Field, value: &Value, patterns: &[Option<Regex>], context: &Context<'_>, faults: &mut Vec<AnswerFault>) -> Value {
    let Some(items) = value.as_array() else {
        faults.push(wrong_type("表格行的列表", "a list of rows").at(&field.key));
        return Value::Null;
    };
    if let Err(wrong) = length(field, items.len(), MOST_ROWS, ("行", "rows"), ("too_few", "too_many")) {
        faults.push(wrong.at(&field.key));
        return Value::Null;
    }
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let place = |key: &str| format!("{}[{i}].{key}", field.key);
        let Some(row) = item.as_object() else {
            faults.push(wrong_type("一行", "a row: a table of column keys and values").at(format!("{}[{i}]", field.key)));
            continue;
        };
        for key in row.keys().filter(|key| !field.columns.iter().any(|c| c.key == **key)) {
            faults.push(unknown(key, field.columns.iter().map(|c| c.key.as_str())).at(place(key)));
        }
        // A row nobody filled in is none, whatever its defaults.
        if row.values().all(is_empty) {
            continue;
        }
        let mut cleaned = Map::new();
        for (column, pattern) in field.columns.iter().zip(patterns) {
            let given = row.get(&column.key).filter(|v| !is_empty(v)).unwrap_or(&column.default);
            if is_empty(given) {
                if column.required && context.complete {
                    faults.push(required().at(place(&column.key)));
                }
                continue;
            }
            match clean(column, given, pattern.as_ref(), context) {
                Ok(value) => {
                    cleaned.insert(column.key.clone(), value);
                }
                Err(wrong) => faults.push(wrong.at(place(&column.key))),
            }
        }
        if !cleaned.is_empty() {
            out.push(Value::Object(cleaned));
        }
    }
    Value::Array(out)
}

pub(crate) fn required() -> Wrong {
    Wrong::new("required", "此项必填", "is required")
}

pub(crate) fn unknown<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> Wrong {
    let near = suggest(key, known);
    Wrong::new("unknown_field", format!("没有字段「{key}」"), format!("there is no field `{key}`; {near}"))
}
