//! Runs of digits told apart: identity, card, phone, service; amounts; order numbers.

use super::ids::{is_identity, luhn};
use super::{FactKind, Text};

/// Runs of digits: start, end, the digits. Groups of at most four digits (138 0013 8000), an area code and its number, and a country
/// code and its number are one run; two whole numbers side by side are two.
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
        if let Some((_, end, digits)) = out.last_mut()
            && *end + 1 == start
            && matches!(text.chars[*end], ' ' | '-')
        {
            let small = last_group <= 4 && len <= 4;
            let area = digits.starts_with('0') && matches!(digits.len(), 3 | 4) && matches!(len, 7 | 8);
            let country = digits == "86" && (len == 11 || len == 3);
            if small || area || country {
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

fn hide(digits: &str, head: usize, tail: usize) -> String {
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
        let order = text.near(start, 8, &["单号", "订单", "编号", "运单", "快递", "流水", "order", "no."]);
        if is_identity(&digits) && (digits.len() == 18 || text.near(start, 8, &["身份", "证件", "证号", "id"])) {
            let masked = hide(&digits, 3, 4);
            text.add(FactKind::IdentityNumber, start, end, digits, masked);
            continue;
        }
        if order && digits.len() >= 6 {
            text.add(FactKind::OrderNumber, start, end, digits.clone(), digits);
            continue;
        }
        let card_word = text.near(start, 8, &["卡号", "银行卡", "储蓄卡", "信用卡", "账号", "card"]);
        if (13..=19).contains(&digits.len()) && luhn(&digits) && (card_word || (digits.starts_with("62") && digits.len() >= 16)) {
            let masked = hide(&digits, 4, 4);
            text.add(FactKind::BankCard, start, end, digits, masked);
            continue;
        }
        let plus = start > 0 && text.chars[start - 1] == '+';
        if let Some(local) = digits.strip_prefix("86").filter(|d| is_mobile(d)) {
            let from = if plus { start - 1 } else { start };
            text.add(FactKind::Mobile, from, end, local.to_string(), hide(local, 3, 4));
        } else if is_mobile(&digits) {
            let masked = hide(&digits, 3, 4);
            text.add(FactKind::Mobile, start, end, digits, masked);
        } else if is_service(&digits) && !plus && !followed_by_unit(text, end) {
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
    text.chars.get(end).is_some_and(|c| "元块角分万亿年月日号点时个件次米斤克%.".contains(*c))
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

/// A Chinese or Arabic whole number below 10⁸ from `start`: value and end. `十五`, `三百二`, `两千`, `15`, `1.2万`.
pub(super) fn number(text: &Text, start: usize) -> Option<(f64, usize)> {
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
    let unit = |c: char| match c {
        '十' => Some(10.0),
        '百' => Some(100.0),
        '千' => Some(1_000.0),
        '万' => Some(10_000.0),
        '亿' => Some(100_000_000.0),
        _ => None,
    };
    if !plain.is_empty() {
        let mut value: f64 = plain.parse().ok()?;
        while let Some(factor) = chars.get(end).and_then(|c| unit(*c)) {
            value *= factor;
            end += 1;
        }
        return Some((value, end));
    }
    let digit = |c: char| "零一二三四五六七八九".chars().position(|d| d == c).or(match c {
        '〇' => Some(0),
        '两' => Some(2),
        _ => None,
    });
    let (mut total, mut section, mut current, mut last) = (0.0, 0.0, None::<f64>, 1.0);
    while let Some(c) = chars.get(end) {
        if let Some(d) = digit(*c) {
            // 二〇二六: digits in a row are read one by one.
            current = Some(match current { Some(v) if last == 1.0 => v * 10.0 + d as f64, _ => d as f64 });
            if d == 0 {
                last = 1.0;
            }
        } else if let Some(factor) = unit(*c) {
            if factor >= 10_000.0 {
                total = (total + section + current.unwrap_or(0.0)).max(1.0) * factor;
                section = 0.0;
            } else {
                section += current.unwrap_or(1.0) * factor;
            }
            current = None;
            last = factor;
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
    let tail = current.unwrap_or(0.0) * if last > 10.0 && current.is_some_and(|v| v < 10.0) { last / 10.0 } else { 1.0 };
    Some((total + section + tail, end))
}

pub(super) fn amounts(text: &mut Text) {
    let mut i = 0;
    while i < text.chars.len() {
        let sign = matches!(text.chars[i], '¥' | '￥' | '$');
        let from = if sign { i + 1 } else { i };
        let mid_number = !sign && i > 0 && (text.chars[i - 1].is_ascii_digit() || text.chars[i - 1] == '.');
        let Some((value, mut end)) = (!mid_number).then(|| number(text, from)).flatten() else {
            i += 1;
            continue;
        };
        let mut value = value;
        let word: String = text.chars[end..].iter().take(3).collect::<String>().to_lowercase();
        let unit = ["人民币", "元", "块钱", "块", "rmb", "cny", "圆"].iter().find(|u| word.starts_with(**u));
        if let Some(unit) = unit {
            end += unit.chars().count();
            // 三块五 = 3.50, 十二元八角
            if let Some((cents, after)) = number(text, end).filter(|(v, _)| *v < 10.0 && v.fract() == 0.0) {
                let stop = text.chars.get(after).copied();
                let spelled = matches!(stop, Some('角' | '毛'));
                if spelled || (stop.is_none_or(|c| !c.is_alphanumeric()) && *unit == "块") {
                    value += cents / 10.0;
                    end = after + usize::from(spelled);
                }
            }
        }
        if (sign || unit.is_some()) && end > from && text.is_free(i, end) && value.is_finite() && value < 1e12 {
            text.add(FactKind::Amount, i, end, format!("{value:.2}"), format!("{value:.2}"));
            i = end;
        } else {
            i = end.max(i + 1);
        }
    }
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
        let word = text.near(start, 8, &["单号", "订单", "编号", "运单", "快递", "流水", "工单", "order", "no.", "tracking"]);
        let shape = (8..=32).contains(&value.len()) && digits >= 6;
        let lone = digits == value.len() && (15..=24).contains(&digits);
        let parcel = value.len() >= 12 && value.starts_with(|c: char| c.is_ascii_uppercase()) && digits + 4 >= value.len();
        if ((word && value.len() >= 6 && digits >= 4) || (shape && (lone || parcel))) && text.is_free(start, end) {
            text.add(FactKind::OrderNumber, start, end, value.to_uppercase(), value.to_uppercase());
        }
    }
}
