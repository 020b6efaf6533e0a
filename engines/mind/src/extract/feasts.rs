//! Feasts and dates of the traditional calendar: `国庆节`, `双十一`, `春节`, `腊月二十三`, `农历八月十五`.

use super::dates::Span;
use super::day::Day;
use super::numbers::number;
use super::{Text, lunar};

/// Month and day by the common calendar, longest word first.
const COMMON: [(&str, u32, u32); 24] = [
    ("国庆节", 10, 1), ("国庆", 10, 1), ("十一假期", 10, 1), ("十一长假", 10, 1), ("元旦节", 1, 1), ("元旦", 1, 1), ("五一劳动节", 5, 1), ("劳动节", 5, 1), ("五一节", 5, 1), ("五一假期", 5, 1), ("五一", 5, 1), ("儿童节", 6, 1),
    ("妇女节", 3, 8), ("三八节", 3, 8), ("情人节", 2, 14), ("教师节", 9, 10), ("六一八", 6, 18), ("双十一", 11, 11), ("双11", 11, 11),
    ("双十二", 12, 12), ("双12", 12, 12), ("平安夜", 12, 24), ("圣诞节", 12, 25), ("圣诞", 12, 25),
];

/// Month and day by the traditional calendar, longest word first. The last day of the year is told as day 30.
const TRADITIONAL: [(&str, u32, u32); 14] = [
    ("春节", 1, 1), ("大年初一", 1, 1), ("元宵节", 1, 15), ("端午节", 5, 5), ("端午", 5, 5), ("七夕", 7, 7), ("中秋节", 8, 15), ("中秋", 8, 15),
    ("重阳节", 9, 9), ("腊八", 12, 8), ("除夕夜", 12, 30), ("除夕", 12, 30), ("大年三十", 12, 30), ("年三十", 12, 30),
];

/// The feast or traditional date at `i`: of `year` when one was named, else the nearest to the message.
pub(super) fn find(text: &Text, i: usize, year: Option<i32>, today: Option<Day>) -> Option<(Span, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    let starts = |word: &str| word.chars().enumerate().all(|(k, c)| at(i + k) == c);
    let nearest = |day: &dyn Fn(i32) -> Option<Day>| match (year, today) {
        (Some(year), _) => day(year),
        (None, Some(today)) => {
            let now = today.civil().0;
            [now - 1, now, now + 1].into_iter().filter_map(day).min_by_key(|d| d.since(today).abs())
        }
        (None, None) => None,
    };
    if let Some((word, month, day)) = COMMON.iter().find(|(word, ..)| starts(word)) {
        let end = i + word.chars().count();
        // 五一路, 国庆街: a place.
        let street = matches!(at(end), '路' | '街' | '广' | '桥' | '村' | '大') || at(end).is_ascii_digit();
        return if street { None } else { nearest(&|year| Day::new(year, *month, *day)).map(|d| (d.into(), end)) };
    }
    if let Some((word, month, day)) = TRADITIONAL.iter().find(|(word, ..)| starts(word)) {
        // The last day of a traditional year lies in the next common one.
        let back = i32::from(*month == 12);
        return nearest(&|year| lunar::day(year - back, *month, *day)).map(|d| (d.into(), i + word.chars().count()));
    }
    let named = starts("农历") || starts("阴历");
    let from = if named { i + 2 } else { i };
    let (month, sure, end) = match at(from) {
        '正' => (1, true, from + 1),
        '冬' => (11, true, from + 1),
        '腊' => (12, true, from + 1),
        _ => number(text, from).filter(|(v, _)| v.fract() == 0.0 && (1.0..=12.0).contains(v)).map(|(v, end)| (v as u32, false, end))?,
    };
    if at(end) != '月' {
        return None;
    }
    let (day, marked, end) = match at(end + 1) {
        '初' => number(text, end + 2).filter(|(v, _)| (1.0..=10.0).contains(v)).map(|(v, end)| (v as u32, true, end))?,
        '廿' => match number(text, end + 2).filter(|(v, _)| (1.0..=9.0).contains(v)) {
            Some((v, end)) => (20 + v as u32, true, end),
            None => (20, true, end + 2),
        },
        _ => number(text, end + 1).filter(|(v, _)| v.fract() == 0.0 && (11.0..=30.0).contains(v)).map(|(v, end)| (v as u32, false, end))?,
    };
    if !(named || sure || marked) || (!named && matches!(at(end), '日' | '号')) {
        return None;
    }
    let back = i32::from(month >= 11 && year.is_none());
    nearest(&|year| lunar::day(year - back, month, day)).map(|d| (d.into(), end))
}
