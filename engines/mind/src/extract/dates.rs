//! Days and spans of days, absolute and relative, Chinese and ISO; the day of the message is an argument.

use super::clock::{Part, time};
use super::day::Day;
use super::feasts;
use super::numbers::number;
use super::{FactKind, Text};

/// What a text names: a day, or the first and the last day of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    from: Day,
    to: Day,
}

impl Span {
    pub fn new(from: Day, to: Day) -> Span {
        Span { from, to }
    }

    /// `2026-11-21`, or `2026-11-21/2026-11-22`.
    fn iso(self) -> String {
        if self.from == self.to { self.from.iso() } else { format!("{}/{}", self.from.iso(), self.to.iso()) }
    }
}

impl From<Day> for Span {
    fn from(day: Day) -> Span {
        Span { from: day, to: day }
    }
}

/// Words for a day relative to the message, longest first.
const RELATIVE: [(&str, i64); 28] = [
    ("大大前天", -4), ("大大后天", 4), ("大前天", -3), ("大后天", 3), ("前天", -2), ("前晚", -2), ("昨天", -1), ("昨日", -1), ("昨晚", -1),
    ("昨夜", -1), ("昨儿", -1), ("今天", 0), ("今日", 0), ("今早", 0), ("今晚", 0), ("今夜", 0), ("今儿", 0), ("明天", 1), ("明日", 1), ("明早", 1),
    ("明晚", 1), ("后天", 2), ("day before yesterday", -2), ("day after tomorrow", 2), ("yesterday", -1), ("today", 0), ("tonight", 0), ("tomorrow", 1),
];

/// Words for a year relative to the message.
const YEARS: [(&str, i32); 6] = [("大前年", -3), ("前年", -2), ("去年", -1), ("今年", 0), ("明年", 1), ("后年", 2)];

pub(super) fn find(text: &mut Text, today: Option<Day>) {
    let lower: Vec<char> = text.chars.iter().map(char::to_ascii_lowercase).collect();
    let mut i = 0;
    let mut said = None;
    while i < lower.len() {
        let inside = text.inside_number(i);
        let found = if inside { None } else { absolute(text, i, today) }
            .or_else(|| today.and_then(|today| relative(text, &lower, i, today)))
            .filter(|(_, end)| text.is_free(i, *end));
        if let Some((span, end)) = found {
            text.add(FactKind::Date, i, end, span.iso(), span.iso());
            said = Part::of(lower[end - 1]);
            i = end;
            continue;
        }
        if !inside
            && let Some((value, end)) = time(text, i, said).filter(|(_, end)| text.is_free(i, *end))
        {
            text.add(FactKind::Time, i, end, value.clone(), value);
            i = end;
            continue;
        }
        said = said.filter(|_| lower[i] == ' ');
        i += 1;
    }
}

pub(super) fn whole(text: &Text, at: usize, least: u32, most: u32) -> Option<(u32, usize)> {
    let (value, end) = number(text, at)?;
    let fits = value.fract() == 0.0 && value >= f64::from(least) && value <= f64::from(most);
    fits.then_some((value as u32, end))
}

pub(super) fn digits(text: &Text, at: usize, len: std::ops::RangeInclusive<usize>) -> Option<(u32, usize)> {
    let n = text.chars.get(at..)?.iter().take(5).take_while(|c| c.is_ascii_digit()).count();
    if !len.contains(&n) {
        return None;
    }
    text.slice(at, at + n).parse().ok().map(|v| (v, at + n))
}

/// `2026-11-21`, `2026/11/21`, `2026.11.21`, `2026年11月21日`, `去年3月5号`, `11月21号`, `11月底`, `二〇二六年三月五日`, `国庆节`, `腊月二十三`.
fn absolute(text: &Text, i: usize, today: Option<Day>) -> Option<(Span, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    if let Some((year, end)) = digits(text, i, 4..=4)
        && let mark @ ('-' | '/' | '.') = at(end)
        && let Some((month, end)) = digits(text, end + 1, 1..=2)
        && at(end) == mark
        && let Some((day, end)) = digits(text, end + 1, 1..=2)
    {
        return Some((Day::new(year as i32, month, day)?.into(), end));
    }
    let (year, from) = year(text, i, today);
    if let Some((span, end)) = feasts::find(text, from, year, today) {
        return Some((span, end));
    }
    // 年底, 去年年初; not 三年底薪, 周年初选.
    let lone = i == 0 || !"一二三四五六七八九十两几多百千每周历学成青少老童中晚当同整半零〇0123456789".contains(text.chars[i - 1]);
    if (year.is_some() || lone)
        && let (Some(now), Some(first)) = (year.or(today.map(|t| t.civil().0)), (at(from) == '年').then_some(from + 1).or(year.map(|_| from)))
        && let Some(day) = match at(first) { '初' if number(text, first + 1).is_none() => Day::new(now, 1, 1), '底' | '末' => Day::new(now, 12, 31), _ => None }
    {
        return Some((day.into(), first + 1));
    }
    let (month, mut end) = whole(text, from, 1, 12).filter(|(_, end)| at(*end) == '月')?;
    end += 1;
    let place = |year: i32| month_part(Day::new(year, month, 1)?, text, end);
    match (year, today) {
        (Some(year), _) => place(year),
        (None, Some(today)) => {
            // Without a year: the nearest such day to the message. 三月 alone may be the name of anything.
            let now = today.civil().0;
            let near = [now - 1, now, now + 1].into_iter().filter_map(place).filter(|(span, _)| span.from == span.to);
            near.min_by_key(|(span, _)| span.from.since(today).abs())
        }
        (None, None) => None,
    }
}

/// The year named at `i`, if one is, and where what follows it begins. `2026年`, `26年3月`, `去年`.
fn year(text: &Text, i: usize, today: Option<Day>) -> (Option<i32>, usize) {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    if let Some((value, end)) = whole(text, i, 1900, 2100).filter(|(_, end)| at(*end) == '年') {
        return (Some(value as i32), end + 1);
    }
    if let Some((value, end)) = digits(text, i, 2..=2).filter(|(_, end)| at(*end) == '年')
        && whole(text, end + 1, 1, 12).is_some_and(|(_, end)| at(end) == '月')
    {
        return (Some(2000 + value as i32), end + 1);
    }
    let known = YEARS.iter().find(|(word, _)| word.chars().enumerate().all(|(k, c)| at(i + k) == c));
    match (known, today) {
        (Some((word, years)), Some(today)) => {
            let end = i + word.chars().count();
            (Some(today.civil().0 + years), end + usize::from(at(end) == '的'))
        }
        _ => (None, i),
    }
}

/// What follows a month: a day of it, its beginning or end, or nothing: the whole month. `first`: its first day.
fn month_part(first: Day, text: &Text, end: usize) -> Option<(Span, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    if let Some((day, end)) = whole(text, end, 1, 31).filter(|(_, end)| matches!(at(*end), '日' | '号')) {
        return Some((first.of_month(0, day)?.into(), end + 1));
    }
    let last = first.month_end(0)?;
    match at(end) {
        '初' => Some((first.into(), end + 1)),
        '底' | '末' => Some((last.into(), end + 1)),
        _ => Some((Span::new(first, last), end)),
    }
}

/// `前天`, `上周三`, `下下周一`, `下周末`, `三天前`, `3天内`, `两个月后`, `上个月5号`, `月底`, `tomorrow`.
fn relative(text: &Text, lower: &[char], i: usize, today: Day) -> Option<(Span, usize)> {
    let starts = |j: usize, word: &str| word.chars().enumerate().all(|(k, c)| lower.get(j + k) == Some(&c));
    for (word, days) in RELATIVE {
        if starts(i, word) {
            let letters = word.is_ascii() && (lower.get(i + word.len()).is_some_and(char::is_ascii_alphabetic) || (i > 0 && lower[i - 1].is_ascii_alphabetic()));
            return (!letters).then(|| (today.plus(days).into(), i + word.chars().count()));
        }
    }
    let at = |j: usize| lower.get(j).copied().unwrap_or(' ');
    // 每周三, 每个月5号, 每月底 come again and again: no day of their own.
    if i > 0 && (lower[i - 1] == '每' || (lower[i - 1] == '个' && i > 1 && lower[i - 2] == '每')) {
        return None;
    }
    // (上|下|这|本)*周三
    let mut j = i;
    let mut steps = 0;
    while matches!(at(j), '上' | '下' | '这' | '本') && j - i < 3 {
        steps += match at(j) { '上' => -1, '下' => 1, _ => 0 };
        j += 1;
    }
    let after = if at(j) == '个' { j + 1 } else { j };
    for word in ["周", "星期", "礼拜"] {
        if starts(after, word) {
            let monday = today.plus(steps * 7 - today.weekday());
            let place = after + word.chars().count();
            if let Some(day) = "一二三四五六日".chars().position(|c| c == at(place)).or((at(place) == '天').then_some(6)) {
                return Some((monday.plus(day as i64).into(), place + 1));
            }
            if word == "周" && at(place) == '末' {
                return Some((Span::new(monday.plus(5), monday.plus(6)), place + 1));
            }
            return (j > i && at(place) != '年').then(|| (Span::new(monday, monday.plus(6)), place));
        }
    }
    if j > i && at(after) == '月' {
        return month_part(today.of_month(steps, 1)?, text, after + 1);
    }
    if j == i && at(i) == '月' && matches!(at(i + 1), '初' | '底' | '末') {
        return month_part(today.of_month(0, 1)?, text, i + 1);
    }
    if text.inside_number(i) { None } else { counted(text, i, today) }
}

/// 三天前, 两周后, 1个月以前, 半年后, 3天内, 48小时内.
fn counted(text: &Text, i: usize, today: Day) -> Option<(Span, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    let half = at(i) == '半';
    let (count, mut end) = if half { (1, i + 1) } else { whole(text, i, 1, 3_650)? };
    let count = i64::from(count);
    if at(end) == '个' {
        end += 1;
    }
    // Days, months, characters of the unit.
    let (days, months, len) = match (at(end), at(end + 1)) {
        ('月', _) if half => (15, 0, 1),
        ('年', _) if half => (0, 6, 1),
        _ if half => return None,
        ('半', '月') => (15, count, 2),
        ('天' | '日', _) => (count, 0, 1),
        ('周', _) => (count * 7, 0, 1),
        ('星', '期') | ('礼', '拜') => (count * 7, 0, 2),
        ('小', '时') => (count / 24 + i64::from(count % 24 > 0), 0, 2),
        ('月', _) => (0, count, 1),
        ('年', _) => (0, count * 12, 1),
        _ => return None,
    };
    let hours = at(end) == '小';
    end += len;
    if matches!(at(end), '以' | '之') {
        end += 1;
    }
    let sign = match at(end) { '前' => -1, '后' | '内' => 1, _ => return None };
    // 两小时前 may be yesterday: the time of the message is not known. Whole days are.
    if hours && (at(end) != '内' || count < 24) {
        return None;
    }
    let day = if months > 0 { today.plus_months(sign * months)? } else { today }.plus(sign * days);
    Some((if at(end) == '内' { Span::new(today, day) } else { day.into() }, end + 1))
}
