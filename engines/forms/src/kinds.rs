//! Numbers and addresses with a shape of their own, read generously and written one way.

use shouwen_rules::Span;

/// Half-width, without blanks, dashes and brackets.
fn squeezed(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '！'..='～' => char::from_u32(c as u32 - 0xFEE0).unwrap_or(c),
            other => other,
        })
        .filter(|c| !c.is_whitespace() && !"-–—()·.•".contains(*c))
        .collect()
}

/// A telephone number: a Chinese mobile, a land line with area code, a service number, or an international one with `+`.
/// Written as digits, with `+` where it was given (`+86` of a mobile is left away).
pub fn phone(text: &str) -> Option<String> {
    let text = squeezed(text);
    let (plus, digits) = match text.strip_prefix('+') {
        Some(digits) => (true, digits),
        None => (false, text.as_str()),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mobile = |d: &str| d.len() == 11 && d.starts_with('1') && matches!(d.as_bytes()[1], b'3'..=b'9');
    if let Some(home) = digits.strip_prefix("86").filter(|d| mobile(d) && (plus || digits.len() == 13)) {
        return Some(home.to_owned());
    }
    if plus {
        return (7..=15).contains(&digits.len()).then(|| format!("+{digits}"));
    }
    let good = match digits.as_bytes() {
        [b'1', ..] if digits.len() == 11 => mobile(digits),
        [b'0', b'0', ..] => (9..=17).contains(&digits.len()),
        [b'0', ..] => (10..=12).contains(&digits.len()),
        [b'4' | b'8', b'0', b'0', ..] if digits.len() == 10 => true,
        // Service numbers (10086, 12315, 95588) and local land lines.
        _ => (5..=8).contains(&digits.len()),
    };
    good.then(|| digits.to_owned())
}

/// A mail address, its domain in small letters.
pub fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, domain) = text.rsplit_once('@')?;
    let local_good = !local.is_empty() && local.len() <= 64 && !local.starts_with('.') && !local.ends_with('.') && !local.contains("..") && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+/=?^_`{|}~.-".contains(c));
    let label = |l: &str| !l.is_empty() && l.len() <= 63 && !l.starts_with('-') && !l.ends_with('-') && l.chars().all(|c| c.is_alphanumeric() || c == '-');
    let domain_good = domain.len() <= 253 && domain.contains('.') && domain.split('.').all(label);
    (local_good && domain_good).then(|| format!("{local}@{}", domain.to_lowercase()))
}

/// A citizen identity number of 18 characters with its check character (GB 11643-1999), in capital letters.
pub fn id_number(text: &str) -> Option<String> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let text = squeezed(text).to_ascii_uppercase();
    let bytes = text.as_bytes();
    if bytes.len() != 18 || !bytes[..17].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let sum: u32 = WEIGHTS.iter().zip(bytes).map(|(w, b)| w * u32::from(b - b'0')).sum();
    let check = b"10X98765432"[(sum % 11) as usize];
    let born = format!("{}-{}-{}", &text[6..10], &text[10..12], &text[12..14]);
    // 9 stands for foreigners with permanent residence, 81 to 83 for residents of Hong Kong, Macao and Taiwan.
    let region = matches!(bytes[0], b'1'..=b'9');
    (check == bytes[17] && region && born.as_str() >= "1850" && is_date(&born)).then_some(text)
}

/// A vehicle plate (GA 36), new-energy forms included, without the dot.
pub fn plate(text: &str) -> Option<String> {
    const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";
    let text = squeezed(text).to_uppercase();
    let c: Vec<char> = text.chars().collect();
    let letter = |c: char| c.is_ascii_uppercase() && c != 'I' && c != 'O';
    let sign = |c: char| letter(c) || c.is_ascii_digit();
    let energy = |c: char| ('A'..='K').contains(&c) && letter(c);
    let digits = |part: &[char]| part.iter().all(char::is_ascii_digit);
    if !PROVINCES.contains(*c.first()?) || !letter(*c.get(1)?) {
        return None;
    }
    let tail = &c[2..];
    let good = match tail.len() {
        5 => tail[..4].iter().copied().all(sign) && (sign(tail[4]) || "挂学警港澳".contains(tail[4])),
        6 => (energy(tail[0]) && sign(tail[1]) && digits(&tail[2..])) || (digits(&tail[..5]) && energy(tail[5])),
        _ => false,
    };
    good.then_some(text)
}

/// Whether a text is a date `2026-10-01` that exists.
pub fn is_date(text: &str) -> bool {
    days(text).is_some()
}

/// Days since 1970-01-01 of a date text.
pub fn days(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    if b.len() != 10 || b[4] != b'-' || b[7] != b'-' || !b.iter().enumerate().all(|(i, b)| i == 4 || i == 7 || b.is_ascii_digit()) {
        return None;
    }
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=longest).contains(&day) {
        return None;
    }
    // Era arithmetic on 400-year cycles that begin in March.
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// A date bound: a date, or `today` with days added or taken (`today+30`, `today-1`, `today+2w`), as days since 1970.
pub fn date_bound(text: &str, today: i64) -> Option<i64> {
    let Some(rest) = text.strip_prefix("today") else { return days(text) };
    if rest.is_empty() {
        return Some(today);
    }
    let (sign, amount) = match rest.split_at(1) {
        ("+", amount) => (1, amount),
        ("-", amount) => (-1, amount),
        _ => return None,
    };
    let amount = match amount.parse::<i64>() {
        Ok(days) => days,
        Err(_) => amount.parse::<Span>().ok()?.seconds().filter(|s| s % 86_400 == 0)? / 86_400,
    };
    (0..=100_000).contains(&amount).then_some(today + sign * amount)
}

/// Digits of a currency's minor unit.
pub fn exponent(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" | "VND" | "CLP" | "ISK" => 0,
        "KWD" | "BHD" | "JOD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// An amount in major units as written (`1,234.50`) in minor units; `None`: not an amount, or finer than the currency.
pub fn minor_units(text: &str, currency: &str) -> Option<i64> {
    let text: String = text.trim().chars().filter(|c| *c != ',' && *c != '，').collect();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.as_str()),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = exponent(currency) as usize;
    let part = part.trim_end_matches('0');
    let good = (!whole.is_empty() || !part.is_empty()) && whole.bytes().chain(part.bytes()).all(|b| b.is_ascii_digit());
    if !good || part.len() > digits || whole.len() > 15 {
        return None;
    }
    let minor: i64 = format!("{whole}{part:0<digits$}").parse().ok()?;
    Some(if negative { -minor } else { minor })
}

/// Minor units as a plain decimal in major units: `123.40`.
pub fn major_text(minor: i64, currency: &str) -> String {
    let digits = exponent(currency);
    let scale = 10u64.pow(digits);
    let (sign, all) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    if digits == 0 { format!("{sign}{all}") } else { format!("{sign}{}.{:0width$}", all / scale, all % scale, width = digits as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_generously_and_written_one_way() {
        for (given, want) in [("138 0013 8000", Some("13800138000")), ("＋86-138-0013-8000", Some("13800138000")), ("8613800138000", Some("13800138000")), ("12800138000", None), ("(010) 6552-9988", Some("01065529988")), ("400-810-0000", Some("4008100000")), ("12315", Some("12315")), ("+1 202 555 0143", Some("+12025550143")), ("1234", None), ("手机", None), ("", None)] {
            assert_eq!(phone(given).as_deref(), want, "{given}");
        }
        for (given, want) in [("A.b+c@Example.COM", Some("A.b+c@example.com")), ("张三@例子.测试", Some("张三@例子.测试")), ("a@b", None), ("@b.example", None), ("a b@c.example", None), ("a@b..example", None), (".a@b.example", None)] {
            assert_eq!(email(given).as_deref(), want, "{given}");
        }
        for (given, want) in [("11010519491231002x", Some("11010519491231002X")), ("440524188001010014", Some("440524188001010014")), ("110105194912310021", None), ("110105194913310028", None), ("1101051949123100", None)] {
            assert_eq!(id_number(given).as_deref(), want, "{given}");
        }
        for (given, want) in [("京a·12345", Some("京A12345")), ("粤B D12345", Some("粤BD12345")), ("沪A12345D", Some("沪A12345D")), ("粤Z1234港", Some("粤Z1234港")), ("京I12345", None), ("AB12345", None), ("京A1234", None), ("京", None), ("", None)] {
            assert_eq!(plate(given).as_deref(), want, "{given}");
        }
    }

    #[test]
    fn amounts_and_dates() {
        assert_eq!(minor_units("1,234.5", "CNY"), Some(123_450));
        assert_eq!(minor_units("-0.01", "CNY"), Some(-1));
        assert_eq!((minor_units("1.005", "CNY"), minor_units("1.5", "JPY"), minor_units("1.005", "KWD"), minor_units(".", "CNY"), minor_units("1e3", "CNY")), (None, None, Some(1005), None, None));
        assert_eq!((major_text(-5, "CNY").as_str(), major_text(1200, "JPY").as_str()), ("-0.05", "1200"));
        assert_eq!(days("1970-01-01"), Some(0));
        assert_eq!(days("2026-02-29"), None);
        assert_eq!((date_bound("today+30", 100), date_bound("today-2w", 100), date_bound("today", 100), date_bound("todayy", 100), date_bound("2026", 1)), (Some(130), Some(86), Some(100), None, None));
    }
}
