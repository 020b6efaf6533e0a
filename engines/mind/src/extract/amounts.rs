//! Sums of money: `￥1,299.00`, `三千五百块`, `两百来块`, `十二块八毛五`, `1.2万元`, `99美元`.

use super::numbers::number;
use super::{FactKind, Text};

/// Units, longest first, and the currency they name.
const UNITS: [(&str, &str); 25] = [
    ("人民币", ""), ("块钱", ""), ("块", ""), ("元", ""), ("圆", ""), ("rmb", ""), ("cny", ""), ("美元", "USD"), ("美金", "USD"), ("usd", "USD"),
    ("港币", "HKD"), ("港元", "HKD"), ("港纸", "HKD"), ("hkd", "HKD"), ("新台币", "TWD"), ("台币", "TWD"), ("twd", "TWD"), ("欧元", "EUR"), ("eur", "EUR"),
    ("日元", "JPY"), ("日圆", "JPY"), ("jpy", "JPY"), ("英镑", "GBP"), ("gbp", "GBP"), ("韩元", "KRW"),
];

/// Words that make a bare number of hundreds a sum: 花了三千五.
const PAID: [&str; 18] = ["花", "付", "赔", "退", "价", "费", "钱", "扣", "充", "存", "借", "贷", "还了", "欠", "亏", "赚", "款", "额"];

/// What may follow 块 when it counts things, not money: 两块表, 三块电池.
const THINGS: &str = "表蛋砖屏板石肉布玻电豆地钢铁区牌香肥巧瓷木饼糖面显硬内腹冰金银玉匾";

/// The sign or code of a currency that ends at `i`, and where it begins.
fn before(text: &Text, i: usize) -> Option<(&'static str, usize)> {
    let gap = usize::from(i > 0 && text.chars[i - 1] == ' ');
    let end = i - gap;
    let head: String = text.chars[end.saturating_sub(4)..end].iter().collect::<String>().to_lowercase();
    const SIGNS: [(&str, &str); 21] = [
        ("新台币", "TWD"), ("台币", "TWD"), ("港币", "HKD"), ("美元", "USD"), ("美金", "USD"), ("欧元", "EUR"),
        ("人民币", ""), ("hk$", "HKD"), ("nt$", "TWD"), ("us$", "USD"), ("cny", ""), ("rmb", ""), ("usd", "USD"), ("hkd", "HKD"), ("twd", "TWD"), ("eur", "EUR"),
        ("gbp", "GBP"), ("$", "USD"), ("€", "EUR"), ("£", "GBP"), ("¥", ""),
    ];
    let (sign, currency) = SIGNS.iter().find(|(sign, _)| head.ends_with(sign))?;
    Some((currency, end - sign.chars().count()))
}

pub(super) fn find(text: &mut Text) {
    let mut i = 0;
    while i < text.chars.len() {
        let Some((said, mut end)) = (!text.inside_number(i)).then(|| number(text, i)).flatten() else {
            i += 1;
            continue;
        };
        let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
        let mut value = said;
        let thousands = match at(end).to_ascii_lowercase() {
            'k' => 1_000.0,
            'w' => 10_000.0,
            _ => 1.0,
        };
        if thousands > 1.0 && at(end - 1).is_ascii_digit() && !at(end + 1).is_ascii_alphanumeric() {
            value *= thousands;
            end += 1;
        }
        // 两百来块, 三十多元: the number said.
        let about = usize::from(matches!(at(end), '来' | '多' | '几' | '余'));
        let word: String = text.chars[(end + about).min(text.chars.len())..].iter().take(4).collect::<String>().to_lowercase();
        let unit = UNITS.iter().find(|(unit, _)| word.starts_with(unit));
        let sign = before(text, i);
        let mut currency = sign.map_or("", |s| s.0);
        let mut known = sign.is_some();
        if let Some((unit, of)) = unit {
            let after = end + about + unit.chars().count();
            let one = said == 1.0 && at(i) == '一' && at(after).is_alphabetic() && !"钱五六七八九二三四一两".contains(at(after));
            let no_sum = match *unit {
                "块" => one || THINGS.contains(at(after)),
                "元" => "素次桥方音化件组老旦宵宝首帅气".contains(at(after)) || (at(after) == '一' && at(after + 1) == '次') || (i > 0 && text.chars[i - 1] == '第'),
                _ => false,
            };
            if !no_sum {
                end = after;
                known = true;
                if !of.is_empty() && sign.is_none() {
                    currency = of;
                }
                (value, end) = cents(text, value, end, *unit == "块");
            }
        } else if let Some((part, after)) = small(text, value, end) {
            (value, end, known) = (part, after, true);
        } else if !known {
            // 花了1.2万, 赔我三千五
            let large = value >= 100.0 && (thousands > 1.0 || text.chars[i..end].iter().any(|c| "百千万亿".contains(*c)));
            known = large && text.near(i, 4, &PAID) && (!at(end).is_alphabetic() || "的了吧吗呢啊左右多".contains(at(end)));
        }
        let start = sign.map_or(i, |s| s.1);
        if known && text.is_free(start, end) && value.is_finite() && value < 1e12 {
            let value = if currency.is_empty() { format!("{value:.2}") } else { format!("{currency} {value:.2}") };
            text.add(FactKind::Amount, start, end, value.clone(), value);
            i = end;
        } else {
            i = end.max(i + 1);
        }
    }
}

/// 三块五, 三块五毛, 十二元八角五分: what follows the unit.
fn cents(text: &Text, value: f64, end: usize, block: bool) -> (f64, usize) {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    let Some((tenths, after)) = number(text, end).filter(|(v, _)| *v < 10.0 && v.fract() == 0.0) else { return (value, end) };
    if matches!(at(after), '角' | '毛') {
        let (value, end) = (value + tenths / 10.0, after + 1);
        return match number(text, end).filter(|(v, _)| *v < 10.0 && v.fract() == 0.0) {
            Some((hundredths, after)) => (value + hundredths / 100.0, after + usize::from(at(after) == '分')),
            None => (value, end),
        };
    }
    if block && !at(after).is_alphanumeric() { (value + tenths / 10.0, after) } else { (value, end) }
}

/// 五毛, 5毛钱, 八角, 一分钱.
fn small(text: &Text, value: f64, end: usize) -> Option<(f64, usize)> {
    let at = |j: usize| text.chars.get(j).copied().unwrap_or(' ');
    let money = at(end + 1) == '钱';
    let alone = !at(end + 1).is_alphanumeric();
    match at(end) {
        '毛' | '角' if value < 100.0 && (money || alone) => Some((value / 10.0, end + 1 + usize::from(money))),
        '分' if value < 100.0 && money => Some((value / 100.0, end + 2)),
        _ => None,
    }
}
