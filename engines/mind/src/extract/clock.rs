//! Times of day: `15:30`, `下午3点半`, `晚8点`, `中午十二点`.

use super::Text;
use super::dates::{digits, whole};

/// Part of the day a time was said to be in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// Before noon.
    Morning,
    /// Around twelve.
    Noon,
    /// After noon.
    Afternoon,
    /// From five; past midnight up to four.
    Evening,
    /// From seven; past midnight up to six.
    Night,
}

const PARTS: [(&str, Part); 16] = [
    ("凌晨", Part::Night), ("半夜", Part::Night), ("深夜", Part::Night), ("午夜", Part::Night), ("夜里", Part::Night), ("夜晚", Part::Evening),
    ("清晨", Part::Morning), ("早上", Part::Morning), ("早晨", Part::Morning), ("上午", Part::Morning), ("中午", Part::Noon),
    ("下午", Part::Afternoon), ("午后", Part::Afternoon), ("傍晚", Part::Afternoon), ("晚上", Part::Evening), ("晚间", Part::Evening),
];

impl Part {
    /// The part a single character stands for: 今晚, 明早, 晚8点.
    pub fn of(c: char) -> Option<Part> {
        match c {
            '早' | '晨' => Some(Part::Morning),
            '晚' => Some(Part::Evening),
            '夜' => Some(Part::Night),
            _ => None,
        }
    }

    /// The hour 0..=23 that `hour` (0..=24) of this part is.
    fn hour(self, hour: u32) -> u32 {
        let later = |from: u32| if (from..12).contains(&hour) { hour + 12 } else { hour };
        let midnight = |hour: u32| if hour == 12 { 0 } else { hour };
        match self {
            Part::Morning => hour % 24,
            Part::Noon => if (1..=4).contains(&hour) { hour + 12 } else { hour % 24 },
            Part::Afternoon => later(1) % 24,
            Part::Evening => midnight(hour).max(if (5..12).contains(&hour) { hour + 12 } else { 0 }) % 24,
            Part::Night => midnight(hour).max(if (7..12).contains(&hour) { hour + 12 } else { 0 }) % 24,
        }
    }
}

/// The time at `i`; `said`: the part of the day the words before it named (今晚 八点).
pub(super) fn time(text: &Text, i: usize, said: Option<Part>) -> Option<(String, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    let two: String = text.chars[i..].iter().take(2).collect();
    let (part, from) = match PARTS.iter().find(|p| p.0 == two) {
        Some((_, part)) => (Some(*part), i + 2),
        None => match Part::of(at(i)) {
            Some(part) => (Some(part), i + 1),
            None => (said, i),
        },
    };
    let shift = |hour: u32| part.map_or(hour % 24, |part| part.hour(hour));
    if let Some((hour, end)) = digits(text, from, 1..=2)
        && at(end) == ':'
        && let Some((minute, end)) = digits(text, end + 1, 2..=2)
        && hour < 24
        && minute < 60
    {
        return Some((format!("{:02}:{minute:02}", shift(hour)), end));
    }
    let (hour, end) = whole(text, from, 0, 24).filter(|(_, end)| matches!(at(*end), '点' | '时'))?;
    let mut end = end + 1;
    let mut minute = 0;
    // 三点建议 is not a time: without a part of the day, minutes or 钟 must follow, or the number be written in digits.
    let mut sure = part.is_some() || (at(from).is_ascii_digit() && !"建意问要原说需疑注优缺理体补感".contains(at(end)));
    if at(end) == '半' {
        (minute, end, sure) = (30, end + 1, true);
    } else if at(end) == '钟' || at(end) == '整' {
        (end, sure) = (end + 1, true);
    } else if let Some((quarter, after)) = whole(text, end, 1, 3).filter(|(_, after)| at(*after) == '刻') {
        (minute, end, sure) = (quarter * 15, after + 1, true);
    } else if let Some((value, after)) = whole(text, end, 0, 59) {
        // 八点五折, 3点5公斤: a decimal number.
        if "折倍元块万亿%级星公斤米分".contains(at(after)) && (at(after) != '分' || "之钱".contains(at(after + 1))) {
            return None;
        }
        (minute, end, sure) = (value, after + usize::from(at(after) == '分'), true);
    }
    sure.then(|| (format!("{:02}:{minute:02}", shift(hour)), end))
}
