//! Days and times, absolute and relative, Chinese and ISO; the day of the message is an argument.

use super::numbers::number;
use super::{FactKind, Text};

/// A day of the Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// Days since 1970-01-01.
    number: i64,
}

impl Day {
    /// A day; `None` when there is no such day, or outside the years 1 to 9999.
    pub fn new(year: i32, month: u32, day: u32) -> Option<Day> {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        let most = *lengths.get(month.checked_sub(1)? as usize)?;
        if !(1..=9999).contains(&year) || day == 0 || day > most {
            return None;
        }
        // Days from civil (Howard Hinnant's method).
        let y = i64::from(year) - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let yoe = y - era * 400;
        let m = i64::from(month);
        let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + i64::from(day) - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        Some(Day { number: era * 146_097 + doe - 719_468 })
    }

    /// Reads `2026-11-21`.
    pub fn parse(text: &str) -> Option<Day> {
        let mut parts = text.split('-');
        let day = Day::new(parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        day.filter(|_| parts.next().is_none())
    }

    /// Year, month, day.
    pub fn civil(self) -> (i32, u32, u32) {
        let z = self.number + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z - era * 146_097;
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        ((yoe + era * 400 + i64::from(month <= 2)) as i32, month as u32, (doy - (153 * mp + 2) / 5 + 1) as u32)
    }

    /// Days later (earlier when negative).
    pub fn plus(self, days: i64) -> Day {
        Day { number: self.number.saturating_add(days).clamp(-719_162, 2_932_896) }
    }

    /// Monday = 0 … Sunday = 6.
    pub fn weekday(self) -> i64 {
        (self.number + 3).rem_euclid(7)
    }

    /// ISO text.
    pub fn iso(self) -> String {
        let (y, m, d) = self.civil();
        format!("{y:04}-{m:02}-{d:02}")
    }

    /// The same day of the month `months` later, or the last one of that month.
    fn plus_months(self, months: i64) -> Option<Day> {
        let (y, m, d) = self.civil();
        let count = i64::from(y) * 12 + i64::from(m) - 1 + months;
        let (y, m) = (count.div_euclid(12) as i32, count.rem_euclid(12) as u32 + 1);
        (d.min(28)..=d).rev().find_map(|d| Day::new(y, m, d))
    }
}

/// Words for a day relative to the message, longest first.
const RELATIVE: [(&str, i64); 22] = [
    ("大前天", -3), ("大后天", 3), ("前天", -2), ("昨天", -1), ("昨日", -1), ("昨晚", -1), ("今天", 0), ("今日", 0), ("今早", 0), ("今晚", 0),
    ("当天", 0), ("明天", 1), ("明日", 1), ("明早", 1), ("明晚", 1), ("后天", 2), ("day before yesterday", -2), ("day after tomorrow", 2),
    ("yesterday", -1), ("today", 0), ("tonight", 0), ("tomorrow", 1),
];

pub(super) fn find(text: &mut Text, today: Option<Day>) {
    let lower: Vec<char> = text.chars.iter().map(char::to_ascii_lowercase).collect();
    let mut i = 0;
    while i < lower.len() {
        let digit_before = i > 0 && (lower[i - 1].is_ascii_digit() || lower[i - 1] == '.');
        let found = if digit_before { None } else { absolute(text, i, today) }
            .or_else(|| today.and_then(|today| relative(text, &lower, i, today)))
            .filter(|(_, end)| text.is_free(i, *end));
        if let Some((day, end)) = found {
            text.add(FactKind::Date, i, end, day.iso(), day.iso());
            i = end;
            continue;
        }
        if !digit_before
            && let Some((value, end)) = time(text, i).filter(|(_, end)| text.is_free(i, *end))
        {
            text.add(FactKind::Time, i, end, value.clone(), value);
            i = end;
            continue;
        }
        i += 1;
    }
}

fn whole(text: &Text, at: usize, least: u32, most: u32) -> Option<(u32, usize)> {
    let (value, end) = number(text, at)?;
    let fits = value.fract() == 0.0 && value >= f64::from(least) && value <= f64::from(most);
    fits.then_some((value as u32, end))
}

fn digits(text: &Text, at: usize, len: std::ops::RangeInclusive<usize>) -> Option<(u32, usize)> {
    let n = text.chars[at..].iter().take(5).take_while(|c| c.is_ascii_digit()).count();
    if !len.contains(&n) {
        return None;
    }
    text.slice(at, at + n).parse().ok().map(|v| (v, at + n))
}

/// `2026-11-21`, `2026/11/21`, `2026.11.21`, `2026年11月21日`, `11月21号`, `二〇二六年三月五日`.
fn absolute(text: &Text, i: usize, today: Option<Day>) -> Option<(Day, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    if let Some((year, end)) = digits(text, i, 4..=4)
        && let mark @ ('-' | '/' | '.') = at(end)
        && let Some((month, end)) = digits(text, end + 1, 1..=2)
        && at(end) == mark
        && let Some((day, end)) = digits(text, end + 1, 1..=2)
    {
        return Some((Day::new(year as i32, month, day)?, end));
    }
    let (mut year, mut from) = (None, i);
    if let Some((value, end)) = whole(text, i, 1900, 2100).filter(|(_, end)| at(*end) == '年') {
        year = Some(value as i32);
        from = end + 1;
    }
    let (month, end) = whole(text, from, 1, 12).filter(|(_, end)| at(*end) == '月')?;
    let (day, end) = whole(text, end + 1, 1, 31).filter(|(_, end)| matches!(at(*end), '日' | '号'))?;
    match (year, today) {
        (Some(year), _) => Some((Day::new(year, month, day)?, end + 1)),
        (None, Some(today)) => {
            // Without a year: the nearest such day to the message.
            let now = today.civil().0;
            let near = [now - 1, now, now + 1].into_iter().filter_map(|y| Day::new(y, month, day));
            near.min_by_key(|d| (d.number - today.number).abs()).map(|d| (d, end + 1))
        }
        (None, None) => None,
    }
}

/// `前天`, `上周三`, `下下周一`, `三天前`, `两个月后`, `上个月5号`, `tomorrow`.
fn relative(text: &Text, lower: &[char], i: usize, today: Day) -> Option<(Day, usize)> {
    let starts = |j: usize, word: &str| word.chars().enumerate().all(|(k, c)| lower.get(j + k) == Some(&c));
    for (word, days) in RELATIVE {
        if starts(i, word) {
            let letters_go_on = word.is_ascii() && lower.get(i + word.len()).is_some_and(char::is_ascii_alphabetic);
            return (!letters_go_on).then(|| (today.plus(days), i + word.chars().count()));
        }
    }
    let at = |j: usize| lower.get(j).copied().unwrap_or(' ');
    // (上|下|这|本)*周三
    let mut j = i;
    let mut weeks = 0;
    while matches!(at(j), '上' | '下' | '这' | '本') && j - i < 3 {
        weeks += match at(j) { '上' => -1, '下' => 1, _ => 0 };
        j += 1;
    }
    let after = if at(j) == '个' { j + 1 } else { j };
    for word in ["周", "星期", "礼拜"] {
        if starts(after, word) {
            let place = after + word.chars().count();
            if let Some(day) = "一二三四五六日".chars().position(|c| c == at(place)).or((at(place) == '天').then_some(6)) {
                return Some((today.plus(weeks * 7 + day as i64 - today.weekday()), place + 1));
            }
        }
    }
    if j > i && after > j && at(after) == '月' {
        let (day, end) = whole(text, after + 1, 1, 31).filter(|(_, end)| matches!(at(*end), '日' | '号'))?;
        let (y, m, _) = Day { number: today.number }.civil();
        let count = i64::from(y) * 12 + i64::from(m) - 1 + weeks;
        return Day::new(count.div_euclid(12) as i32, count.rem_euclid(12) as u32 + 1, day).map(|d| (d, end + 1));
    }
    // 三天前, 两周后, 1个月以前
    let (count, mut end) = whole(text, i, 1, 3_650)?;
    let count = i64::from(count);
    if at(end) == '个' {
        end += 1;
    }
    let (scale, months, len) = match (at(end), at(end + 1)) {
        ('天' | '日', _) => (1, 0, 1),
        ('周', _) => (7, 0, 1),
        ('星', '期') | ('礼', '拜') => (7, 0, 2),
        ('月', _) => (0, 1, 1),
        ('年', _) => (0, 12, 1),
        _ => return None,
    };
    end += len;
    if matches!(at(end), '以' | '之') {
        end += 1;
    }
    let sign = match at(end) { '前' => -1, '后' => 1, _ => return None };
    let day = if months > 0 { today.plus_months(sign * count * months)? } else { today.plus(sign * count * scale) };
    Some((day, end + 1))
}

/// `15:30`, `下午3点半`, `八点二十`, `3点一刻`.
fn time(text: &Text, i: usize) -> Option<(String, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    let two: String = text.chars[i..].iter().take(2).collect();
    let (shift, from) = match two.as_str() {
        "下午" | "晚上" | "傍晚" => (12, i + 2),
        "中午" => (12, i + 2),
        "上午" | "早上" | "凌晨" | "早晨" => (0, i + 2),
        _ => (-1, i),
    };
    if let Some((hour, end)) = digits(text, from, 1..=2)
        && at(end) == ':'
        && let Some((minute, end)) = digits(text, end + 1, 2..=2)
        && hour < 24
        && minute < 60
    {
        let hour = if shift == 12 && hour < 12 { hour + 12 } else { hour };
        return Some((format!("{hour:02}:{minute:02}"), end));
    }
    let (hour, end) = whole(text, from, 0, 24).filter(|(_, end)| matches!(at(*end), '点' | '时'))?;
    // 三点建议 is not a time: without a part of the day, minutes or 钟 must follow, or the number be written in digits.
    let mut end = end + 1;
    let mut sure = shift >= 0 || at(from).is_ascii_digit();
    let mut minute = 0;
    if at(end) == '半' {
        (minute, end, sure) = (30, end + 1, true);
    } else if at(end) == '钟' || at(end) == '整' {
        (end, sure) = (end + 1, true);
    } else if let Some((quarter, after)) = whole(text, end, 1, 3).filter(|(_, after)| at(*after) == '刻') {
        (minute, end, sure) = (quarter * 15, after + 1, true);
    } else if let Some((value, after)) = whole(text, end, 1, 59) {
        (minute, end, sure) = (value, after + usize::from(at(after) == '分'), true);
    }
    let hour = if shift == 12 && hour < 12 { hour + 12 } else { hour % 24 };
    sure.then(|| (format!("{hour:02}:{minute:02}"), end))
}
