//! What a name is found by, and what is typed to find it.

use std::collections::BTreeSet;

use pinyin::ToPinyin;

/// Longest key and longest query, in characters.
const LONGEST: usize = 64;
/// Words of a name that are keys of their own.
const WORDS: usize = 6;

/// Family names that are read otherwise than the character usually is.
const FAMILY: &[(char, &str)] = &[
    ('单', "shan"), ('曾', "zeng"), ('解', "xie"), ('仇', "qiu"), ('任', "ren"), ('查', "zha"), ('盖', "ge"), ('区', "ou"), ('朴', "piao"), ('尉', "wei"), ('乐', "yue"),
    ('洗', "xian"), ('冼', "xian"), ('缪', "miao"), ('翟', "zhai"), ('覃', "qin"), ('华', "hua"), ('繁', "po"), ('员', "yun"), ('黑', "he"), ('种', "chong"), ('折', "she"), ('万', "wan"),
];

/// A name or query in the form that is compared: one line, lower case, full-width letters made plain.
pub fn fold(text: &str) -> String {
    let plain: String = text
        .chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            other => other,
        })
        .collect();
    shouwen_kernel::text::one_line(&plain).to_lowercase().chars().take(LONGEST).collect()
}

/// The keys of a name: itself, its later words, its pinyin joined, its initials. `张三` → `张三`, `zhangsan`, `zs`.
pub fn search_keys(name: &str) -> Vec<String> {
    let folded = fold(name);
    let mut keys = BTreeSet::new();
    for (i, word) in folded.split(' ').enumerate().take(WORDS) {
        if i > 0 {
            keys.insert(word.to_owned());
        }
    }
    let (mut whole, mut initials, mut chinese) = (String::new(), String::new(), false);
    for (i, c) in folded.chars().filter(|c| *c != ' ').enumerate() {
        let family = if i == 0 { FAMILY.iter().find(|(f, _)| *f == c).map(|(_, p)| *p) } else { None };
        match family.or_else(|| c.to_pinyin().map(|p| p.plain())) {
            Some(sound) => {
                chinese = true;
                // ü is typed v.
                whole.push_str(&sound.replace('ü', "v"));
                initials.extend(sound.chars().next());
            }
            None => {
                whole.push(c);
                initials.push(c);
            }
        }
    }
    if chinese {
        keys.insert(whole.chars().take(LONGEST).collect());
        keys.insert(initials.chars().take(LONGEST).collect());
    }
    keys.insert(folded);
    keys.remove("");
    keys.into_iter().collect()
}

/// The first text after everything that begins with `prefix`, in byte order.
pub fn after_prefix(prefix: &str) -> String {
    let mut chars: Vec<char> = prefix.chars().collect();
    while let Some(last) = chars.pop() {
        let next = (last as u32 + 1..=char::MAX as u32).find_map(char::from_u32);
        if let Some(next) = next {
            chars.push(next);
            return chars.into_iter().collect();
        }
    }
    String::from(char::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_by_characters_pinyin_and_initials() {
        assert_eq!(search_keys("张三"), ["zhangsan", "zs", "张三"]);
        assert_eq!(search_keys("单田芳"), ["shantianfang", "stf", "单田芳"]);
        assert_eq!(search_keys("吕 律"), ["ll", "lvlv", "吕 律", "律"]);
        assert_eq!(search_keys(" Ｌi  Lei "), ["lei", "li lei"]);
        assert_eq!(search_keys("A公司"), ["agongsi", "ags", "a公司"]);
        assert!(search_keys("  ").is_empty());
        assert!(search_keys(&"长".repeat(500)).iter().all(|k| k.chars().count() <= LONGEST));
    }

    #[test]
    fn a_prefix_has_an_upper_bound() {
        for (prefix, inside, outside) in [("张", "张三", "弡"), ("zh", "zhz", "zi"), ("a", "a\u{10ffff}", "b"), ("\u{d7ff}", "\u{d7ff}x", "\u{e000}")] {
            let bound = after_prefix(prefix);
            assert!(inside < bound.as_str() && outside >= bound.as_str(), "{prefix} {bound}");
        }
    }
}
