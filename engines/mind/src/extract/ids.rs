//! Identity numbers, organisation numbers, plates, mail addresses.

use super::day::Day;
use super::numbers::hide;
use super::{FactKind, Text};

const REGIONS: &str = "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82";

/// True for a valid citizen identity number (GB 11643-1999): region, date, and the check character of the 18-digit form.
pub fn is_identity(text: &str) -> bool {
    let c: Vec<u32> = text.chars().map(|c| if c == 'x' || c == 'X' { 10 } else { c.to_digit(10).unwrap_or(99) }).collect();
    if !c.iter().take(c.len().saturating_sub(1)).all(|d| *d < 10) || !REGIONS.contains(&text.chars().take(2).collect::<String>()) {
        return false;
    }
    let number = |range: std::ops::Range<usize>| c[range].iter().fold(0, |n, d| n * 10 + d);
    let day = |year: u32, month: u32, day: u32| (1850..2100).contains(&year) && Day::new(year as i32, month, day).is_some();
    match c.len() {
        18 => {
            const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
            const CHECK: [u32; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];
            let sum: u32 = WEIGHTS.iter().zip(&c).map(|(w, d)| w * d).sum();
            c[17] == CHECK[(sum % 11) as usize] && day(number(6..10), number(10..12), number(12..14))
        }
        15 => c[14] < 10 && day(1900 + number(6..8), number(8..10), number(10..12)),
        _ => false,
    }
}

/// True for 18 digits with the region and the birthday of a citizen identity number, whatever its check character says: a slip of the
/// pen is as personal as the number itself.
pub(super) fn looks_like_identity(digits: &str) -> bool {
    let part = |range: std::ops::Range<usize>| digits.get(range).and_then(|d| d.parse::<u32>().ok());
    digits.len() == 18
        && digits.get(..2).is_some_and(|region| REGIONS.split(' ').any(|r| r == region))
        && part(6..10).filter(|y| (1900..2100).contains(y)).and_then(|y| Day::new(y as i32, part(10..12)?, part(12..14)?)).is_some()
}

/// An identity number written in groups: `110105 19491231 002X`.
pub(super) fn spaced_identity(text: &mut Text) {
    let digits = |t: &Text, from: usize, to: usize| t.chars.get(from..to).is_some_and(|c| c.iter().all(char::is_ascii_digit));
    for start in 0..text.chars.len().saturating_sub(19) {
        let edge = start > 0 && text.chars[start - 1].is_ascii_alphanumeric();
        let gap = text.chars[start + 6];
        if edge || !matches!(gap, ' ' | '-') || text.chars[start + 15] != gap || text.chars.get(start + 20).is_some_and(char::is_ascii_alphanumeric) {
            continue;
        }
        let end = start + 20;
        let value: String = text.slice(start, end).chars().filter(|c| *c != gap).collect::<String>().to_uppercase();
        if digits(text, start, start + 6) && is_identity(&value) && text.is_free(start, end) {
            let masked = hide(&value, 3, 4);
            text.add(FactKind::IdentityNumber, start, end, value, masked);
        }
    }
}

/// True for a valid unified social credit code (GB 32100-2015).
pub fn is_organisation(text: &str) -> bool {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    const WEIGHTS: [usize; 17] = [1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28];
    let digits: Vec<usize> = text.chars().filter_map(|c| ALPHABET.find(c)).collect();
    if digits.len() != 18 || text.chars().count() != 18 {
        return false;
    }
    let sum: usize = WEIGHTS.iter().zip(&digits).map(|(w, d)| w * d).sum();
    digits[17] == (31 - sum % 31) % 31
}

/// True when the digits pass the Luhn check.
pub fn luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = u32::from(b.wrapping_sub(b'0'));
            if i % 2 == 0 { d } else if d > 4 { d * 2 - 9 } else { d * 2 }
        })
        .sum();
    sum.is_multiple_of(10)
}

pub(super) fn organisation(text: &mut Text) {
    let n = text.chars.len();
    let alnum = |t: &Text, i: usize| t.chars.get(i).is_some_and(char::is_ascii_alphanumeric);
    for start in 0..n.saturating_sub(17) {
        let edge = (start == 0 || !alnum(text, start - 1)) && !alnum(text, start + 18);
        if !edge || !(start..start + 18).all(|i| alnum(text, i)) {
            continue;
        }
        let value = text.slice(start, start + 18).to_uppercase();
        // Eighteen digits are an identity number or an order number unless the code checks and the identity number does not.
        if is_organisation(&value) && !is_identity(&value) && value.starts_with(['1', '5', '9', 'Y', 'A', 'N', '2', '3', '4', '6', '7', '8']) {
            text.add(FactKind::OrganisationNumber, start, start + 18, value.clone(), value);
        }
    }
}

const PROVINCES: &str = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼";

/// Length of the plate's tail after province and city letter, new-energy forms first (GA 36).
fn plate_tail(tail: &[char]) -> Option<usize> {
    let letter = |c: &char| c.is_ascii_uppercase() && !matches!(c, 'I' | 'O');
    let sign = |c: &char| letter(c) || c.is_ascii_digit();
    let energy = |c: &char| matches!(c, 'A'..='H' | 'J' | 'K');
    let ends = |len: usize| !tail.get(len).is_some_and(char::is_ascii_alphanumeric);
    if tail.len() >= 6 && ends(6) {
        let small = energy(&tail[0]) && sign(&tail[1]) && tail[2..6].iter().all(char::is_ascii_digit);
        let large = tail[..5].iter().all(char::is_ascii_digit) && energy(&tail[5]);
        if small || large {
            return Some(6);
        }
    }
    if tail.len() >= 6 && tail[4] == '应' && tail[5] == '急' && tail[..4].iter().all(sign) {
        return Some(6);
    }
    let five = tail.len() >= 5 && tail[..4].iter().all(sign) && (sign(&tail[4]) || "挂学警港澳使领".contains(tail[4]));
    (five && ends(5) && tail[..5].iter().any(char::is_ascii_digit)).then_some(5)
}

pub(super) fn plate(text: &mut Text) {
    let upper: Vec<char> = text.chars.iter().map(char::to_ascii_uppercase).collect();
    for start in 0..upper.len() {
        police(text, &upper, start);
        let head = PROVINCES.contains(upper[start]) && upper.get(start + 1).is_some_and(|c| c.is_ascii_uppercase() && !matches!(c, 'I' | 'O'));
        if !head {
            continue;
        }
        let gap = usize::from(upper.get(start + 2).is_some_and(|c| matches!(c, '·' | '.' | ' ' | '-' | '•')));
        let Some(len) = plate_tail(&upper[start + 2 + gap..]) else { continue };
        let end = start + 2 + gap + len;
        if text.is_free(start, end) {
            let tail: String = upper[start + 2 + gap..end].iter().collect();
            let head: String = upper[start..start + 2].iter().collect();
            let shown: String = tail.chars().skip(len - 2).collect();
            text.add(FactKind::Plate, start, end, format!("{head}{tail}"), format!("{head}·{}{shown}", "*".repeat(len - 2)));
        }
    }
}

/// The armed police: `WJ京01234`, `WJ粤·0123X`.
fn police(text: &mut Text, upper: &[char], start: usize) {
    let edge = start > 0 && upper[start - 1].is_ascii_alphanumeric();
    if edge || upper.get(start..start + 2) != Some(&['W', 'J']) || !upper.get(start + 2).is_some_and(|c| PROVINCES.contains(*c)) {
        return;
    }
    let from = start + 3 + usize::from(upper.get(start + 3).is_some_and(|c| matches!(c, '·' | '.' | ' ' | '-' | '•')));
    let Some(tail) = upper.get(from..from + 5) else { return };
    let shaped = tail[..4].iter().all(char::is_ascii_digit) && tail[4].is_ascii_alphanumeric() && !upper.get(from + 5).is_some_and(char::is_ascii_alphanumeric);
    if shaped && text.is_free(start, from + 5) {
        let head: String = upper[start..start + 3].iter().collect();
        let tail: String = tail.iter().collect();
        text.add(FactKind::Plate, start, from + 5, format!("{head}{tail}"), format!("{head}·***{}", &tail[3..]));
    }
}

pub(super) fn email(text: &mut Text) {
    let local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
    for at in 0..text.chars.len() {
        if text.chars[at] != '@' {
            continue;
        }
        let mut start = at;
        while start > 0 && at - start < 64 && local(text.chars[start - 1]) {
            start -= 1;
        }
        let mut end = at + 1;
        while end < text.chars.len() && end - at < 255 && (text.chars[end].is_ascii_alphanumeric() || matches!(text.chars[end], '.' | '-')) {
            end += 1;
        }
        while end > at + 1 && matches!(text.chars[end - 1], '.' | '-') {
            end -= 1;
        }
        let domain = text.slice(at + 1, end);
        let sound = domain.contains('.') && domain.split('.').all(|l| !l.is_empty());
        if start < at && sound && text.is_free(start, end) {
            let value = text.slice(start, end);
            let masked = format!("{}***@{domain}", text.chars[start]);
            text.add(FactKind::Email, start, end, value, masked);
        }
    }
}
