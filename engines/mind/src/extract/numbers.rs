//! Runs of digits told apart: identity, card, phone, service; amounts; order numbers.

use super::ids::{is_identity, looks_like_identity, luhn};
use super::{FactKind, Text};

/// Runs of digits: start, end, the digits. Groups of at most four digits (138 0013 8000), an area code, in brackets or not, and its number,
/// and a country code and its number are one run; two whole numbers side by side are two.
fn runs(text: &Text) -> Vec<(usize, usize, String)> {
    let mut out: Vec<(usize, usize, String)> = Vec::new();
    let mut last_group = 0;
    let mut i = 0;
    while i < text.chars.len() {
        if !text.chars[i].is_ascii_digit() {
            i += 1;
            continue;
        }
        let start = i;
        while i < text.chars.len() && text.chars[i].is_ascii_digit() {
            i += 1;
        }
        let group = text.slice(start, i);
        let len = group.len();
        if let Some((begin, end, digits)) = out.last_mut() {
            let between = text.chars[*end..start].iter().take(3).collect::<String>();
            let bracket = matches!(between.as_str(), ")" | ") " | ")-") && *begin > 0 && text.chars[*begin - 1] == '(';
            let beside = matches!(between.as_str(), " " | "-");
            let abroad = *begin > 0 && text.chars[*begin - 1] == '+' && digits.starts_with("86") && matches!(digits.len(), 4 | 5);
            let code = abroad || (digits.starts_with('0') && matches!(digits.len(), 3 | 4));
            let small = beside && last_group <= 4 && len <= 4;
            let area = code && ((beside && matches!(len, 7 | 8)) || (bracket && matches!(len, 3 | 4 | 7 | 8)));
            let country = beside && digits == "86" && (len == 11 || len == 3);
            if small || area || country {
                *begin -= usize::from(bracket);
                digits.push_str(&group);
                *end = i;
                last_group = len;
                continue;
            }
        }
        last_group = len;
        out.push((start, i, group));
    }
    out
}

pub(super) fn hide(digits: &str, head: usize, tail: usize) -> String {
    let n = digits.chars().count();
    if n <= head + tail {
        return "*".repeat(n);
    }
    let shown: String = digits.chars().skip(n - tail).collect();
    format!("{}{}{shown}", digits.chars().take(head).collect::<String>(), "*".repeat(n - head - tail))
}

fn is_mobile(d: &str) -> bool {
    d.len() == 11 && d.starts_with('1') && matches!(d.as_bytes()[1], b'3'..=b'9')
}

fn is_service(d: &str) -> bool {
    let short = d.len() == 5 && (d.starts_with("95") || d.starts_with("96") || d.starts_with("12") || d.starts_with("100"));
    short || (d.len() == 10 && (d.starts_with("400") || d.starts_with("800"))) || matches!(d, "110" | "119" | "120" | "122")
}

fn is_fixed(d: &str) -> bool {
    let area = if d.starts_with("010") || d.starts_with("02") { 3 } else { 4 };
    d.starts_with('0') && d.len() > area && matches!(d.len() - area, 7 | 8) && matches!(d.as_bytes()[area], b'2'..=b'9')
        && d.as_bytes()[1] != b'0'
}

/// Words before an order number, before one and nothing else, and before numbers that are something else.
const ORDER: [&str; 10] = ["单号", "订单", "编号", "运单", "快递", "流水", "工单", "order", "no.", "tracking"];
const NUMBERED: [&str; 6] = ["单号", "编号", "流水", "no.", "number", "tracking"];
const PHONE: [&str; 10] = ["电话", "手机", "联系", "致电", "拨打", "来电", "微信", "tel", "phone", "mobile"];
const CARD: [&str; 6] = ["卡号", "银行卡", "储蓄卡", "信用卡", "账号", "card"];
const IDENTITY: [&str; 5] = ["身份", "证件", "证号", "id card", "id no"];

/// True when the word nearest before `start` says that an order number follows, not a phone, a card or an identity number.
fn said_order(text: &Text, start: usize) -> bool {
    let other = [&PHONE[..], &CARD, &IDENTITY].iter().filter_map(|words| text.gap(start, 8, words)).min();
    text.gap(start, 8, &ORDER).is_some_and(|order| other.is_none_or(|other| order < other))
}

/// True when a letter or digit hangs on the run by a hyphen: 112-3456789-7654321 is one number.
fn hyphened(text: &Text, start: usize, end: usize) -> bool {
    let sign = |j: usize| text.chars.get(j).is_some_and(|c| matches!(c, '-' | '_'));
    let letter = |j: usize| text.chars.get(j).is_some_and(char::is_ascii_alphanumeric);
    (start >= 2 && sign(start - 1) && letter(start - 2)) || (sign(end) && letter(end + 1))
}

pub(super) fn digit_runs(text: &mut Text) {
    for (start, end, digits) in runs(text) {
        if !text.is_free(start, end) {
            continue;
        }
        let glued = (start > 0 && text.chars[start - 1].is_ascii_alphabetic()) || text.chars.get(end).is_some_and(char::is_ascii_alphabetic);
        // An identity number may end in X, which ends the run of digits.
        if digits.len() == 17 && text.chars.get(end).is_some_and(|c| matches!(c, 'x' | 'X')) {
            let value = format!("{digits}X");
            if is_identity(&value) {
                let masked = hide(&value, 3, 4);
                text.add(FactKind::IdentityNumber, start, end + 1, value, masked);
                continue;
            }
        }
        if glued {
            continue;
        }
        if is_identity(&digits) && (digits.len() == 18 || text.near(start, 8, &[&IDENTITY[..], &["id"]].concat())) {
            let masked = hide(&digits, 3, 4);
            text.add(FactKind::IdentityNumber, start, end, digits, masked);
            continue;
        }
        // 快递电话138…, and 订单138… too, is a phone; 订单号138… is not.
        let phone = is_mobile(&digits) && !(said_order(text, start) && text.near(start, 6, &NUMBERED));
        if !phone && digits.len() >= 6 && said_order(text, start) && !hyphened(text, start, end) {
            let masked = if looks_like_identity(&digits) { hide(&digits, 3, 4) } else { digits.clone() };
            text.add(FactKind::OrderNumber, start, end, digits, masked);
            continue;
        }
        let card_word = text.near(start, 8, &CARD);
        if (13..=19).contains(&digits.len()) && luhn(&digits) && (card_word || (digits.starts_with("62") && digits.len() >= 16)) {
            let masked = hide(&digits, 4, 4);
            text.add(FactKind::BankCard, start, end, digits, masked);
            continue;
        }
        let plus = start > 0 && text.chars[start - 1] == '+';
        if plus && !digits.starts_with("86") && (8..=15).contains(&digits.len()) {
            let value = format!("+{digits}");
            let masked = hide(&value, 4, 2);
            text.add(FactKind::Phone, start - 1, end, value, masked);
        } else if let Some(local) = digits.strip_prefix("86").filter(|d| is_mobile(d)) {
            let from = if plus { start - 1 } else { start };
            text.add(FactKind::Mobile, from, end, local.to_string(), hide(local, 3, 4));
        } else if let Some(fixed) = digits.strip_prefix("86").filter(|_| plus).map(|rest| format!("0{}", rest.trim_start_matches('0'))).filter(|d| is_fixed(d)) {
            let masked = hide(&fixed, 3, 2);
            text.add(FactKind::Phone, start - 1, end, fixed, masked);
        } else if is_mobile(&digits) {
            let masked = hide(&digits, 3, 4);
            text.add(FactKind::Mobile, start, end, digits, masked);
        } else if is_service(&digits) && !plus && !followed_by_unit(text, end) && (digits.len() > 3 || called(text, start, end)) {
            text.add(FactKind::ServiceNumber, start, end, digits.clone(), digits);
        } else if is_fixed(&digits) {
            let area = if digits.starts_with("010") || digits.starts_with("02") { 3 } else { 4 };
            let masked = hide(&digits, area, 2);
            text.add(FactKind::Phone, start, end, digits, masked);
        }
    }
    spoken_mobile(text);
}

/// 12315元 is an amount, 10086年 is nothing.
fn followed_by_unit(text: &Text, end: usize) -> bool {
    text.chars.get(end).is_some_and(|c| "元块角分万亿年月日号点时个件次米平寸厘度斤克%.".contains(*c))
}

/// 110 and 120 are said to be called, or they are a number like any other.
fn called(text: &Text, start: usize, end: usize) -> bool {
    let rest: String = text.chars[end..].iter().take(2).collect();
    let alone = text.chars.iter().enumerate().all(|(i, c)| (start..end).contains(&i) || !c.is_alphanumeric());
    alone || text.near(start, 4, &["打", "拨", "叫", "报", "呼", "call", "dial"]) || ["报警", "急救", "火警", "救护", "电话", "求救", "出警"].contains(&rest.as_str())
}

/// 幺三八零零一三八零零零: a mobile number as speech recognition writes it.
fn spoken_mobile(text: &mut Text) {
    let digit = |c: char| "零一二三四五六七八九".chars().position(|d| d == c).or(match c {
        '〇' | '洞' => Some(0),
        '幺' => Some(1),
        '两' => Some(2),
        _ => None,
    });
    let mut i = 0;
    while i + 11 <= text.chars.len() {
        let value: Option<String> = (i..i + 11).map(|j| digit(text.chars[j]).map(|d| (b'0' + d as u8) as char)).collect();
        let edge = (i == 0 || digit(text.chars[i - 1]).is_none()) && text.chars.get(i + 11).is_none_or(|c| digit(*c).is_none());
        match value {
            Some(value) if edge && is_mobile(&value) && text.is_free(i, i + 11) => {
                let masked = hide(&value, 3, 4);
                text.add(FactKind::Mobile, i, i + 11, value, masked);
                i += 11;
            }
            _ => i += 1,
        }
    }
}

/// A Chinese digit, the forms of cheques too.
fn digit(c: char) -> Option<u32> {
    const FORMS: [&str; 10] = ["零〇", "一壹", "二贰两", "三叁", "四肆", "五伍", "六陆", "七柒", "八捌", "九玖"];
    (0..).zip(FORMS).find(|(_, forms)| forms.contains(c)).map(|(value, _)| value)
}

fn factor(c: char) -> Option<f64> {
    match c {
        '十' | '拾' => Some(10.0),
        '百' | '佰' => Some(100.0),
        '千' | '仟' => Some(1_000.0),
        '万' => Some(10_000.0),
        '亿' => Some(100_000_000.0),
        _ => None,
    }
}

/// A number in Arabic digits from `start`, with Chinese units: value, end, the last unit. `15`, `1,299.00`, `1.2万`.
fn arabic(text: &Text, start: usize) -> Option<(f64, usize, f64)> {
    let chars = &text.chars;
    let mut end = start;
    let mut plain = String::new();
    while let Some(c) = chars.get(end).filter(|c| c.is_ascii_digit() || (matches!(c, '.' | ',') && !plain.is_empty())) {
        if !c.is_ascii_digit() && !chars.get(end + 1).is_some_and(char::is_ascii_digit) {
            break;
        }
        if *c != ',' {
            plain.push(*c);
        }
        end += 1;
    }
    let mut value: f64 = plain.parse().ok()?;
    let mut last = 1.0;
    while let Some(f) = chars.get(end).and_then(|c| factor(*c)) {
        value *= f;
        last = f;
        end += 1;
    }
    Some((value, end, last))
}

/// A Chinese or Arabic number from `start`: value and end. `十五`, `三百二`, `两千`, `叁仟伍佰`, `15`, `1.2万`, `1万2千`, `二〇二六`.
/// `None` for what is no number or not one number: 三四百, 五六 (天), 百 (货).
pub(super) fn number(text: &Text, start: usize) -> Option<(f64, usize)> {
    let chars = &text.chars;
    let mut end = start;
    if chars.get(start).is_some_and(char::is_ascii_digit) {
        let (value, end, last) = arabic(text, start)?;
        // 1万2千, 1万2
        return Some(match arabic(text, end).filter(|(rest, ..)| last >= 1_000.0 && *rest < last) {
            Some((rest, after, _)) => (value + if rest < 10.0 { rest * last / 10.0 } else { rest }, after),
            None => (value, end),
        });
    }
    let row: Vec<u32> = chars[start.min(chars.len())..].iter().take(12).map_while(|c| digit(*c)).collect();
    if row.len() > 1 {
        // 二〇二六 is read digit by digit; 五六天, 三四百 are guesses.
        let read = (row.len() > 2 || row.contains(&0)) && chars.get(start + row.len()).is_none_or(|c| factor(*c).is_none());
        return read.then(|| (row.iter().fold(0.0, |n, d| n * 10.0 + f64::from(*d)), start + row.len()));
    }
    let (mut total, mut section, mut current, mut last) = (0.0, 0.0, None::<f64>, 1.0);
    while let Some(c) = chars.get(end) {
        if let Some(d) = digit(*c) {
            if current.is_some() {
                return None;
            }
            // 三百零二: what follows a zero is no shorter way of saying twenty.
            (current, last) = if d == 0 { (None, 1.0) } else { (Some(f64::from(d)), last) };
        } else if let Some(f) = factor(*c) {
            if current.is_none() && ((f != 10.0 && f < 10_000.0) || (f >= 10_000.0 && section + total == 0.0)) {
                break;
            }
            if f >= 100_000_000.0 {
                total = (total + section + current.unwrap_or(0.0)) * f;
                section = 0.0;
            } else if f >= 10_000.0 {
                total += (section + current.unwrap_or(0.0)) * f;
                section = 0.0;
            } else {
                section += current.unwrap_or(1.0) * f;
            }
            current = None;
            last = f;
        } else {
            break;
        }
        end += 1;
        if end - start > 20 {
            return None;
        }
    }
    if end == start {
        return None;
    }
    // 三百二 = 320, 一万二 = 12000
    let tail = current.unwrap_or(0.0) * if last > 10.0 { last / 10.0 } else { 1.0 };
    Some((total + section + tail, end))
}

/// Order numbers: 8 to 32 letters and digits with at least 6 digits, a word beside them or a shape no other number has.
pub(super) fn order_numbers(text: &mut Text) {
    let sign = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut i = 0;
    while i < text.chars.len() {
        if !text.chars[i].is_ascii_alphanumeric() || (i > 0 && sign(text.chars[i - 1])) {
            i += 1;
            continue;
        }
        let start = i;
        while i < text.chars.len() && sign(text.chars[i]) {
            i += 1;
        }
        let mut end = i;
        while end > start && !text.chars[end - 1].is_ascii_alphanumeric() {
            end -= 1;
        }
        let value = text.slice(start, end);
        let digits = value.bytes().filter(u8::is_ascii_digit).count();
        let word = said_order(text, start);
        let personal = !word && [&CARD[..], &IDENTITY].iter().any(|words| text.near(start, 8, words));
        let shape = (8..=32).contains(&value.len()) && digits >= 6;
        let lone = digits == value.len() && (15..=24).contains(&digits);
        let parcel = value.len() >= 12 && value.starts_with(|c: char| c.is_ascii_uppercase()) && digits + 4 >= value.len();
        if ((word && value.len() >= 6 && digits >= 4) || (shape && !personal && (lone || parcel))) && text.is_free(start, end) {
            let value = value.to_uppercase();
            let masked = if looks_like_identity(&value) { hide(&value, 3, 4) } else { value.clone() };
            text.add(FactKind::OrderNumber, start, end, value, masked);
        }
    }
}
