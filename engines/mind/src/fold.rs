//! One word for what people say in many ways: 如何, 咋, 怎样 → 怎么; courtesy and filling dropped.
//!
//! With a handful of examples an entry, a model cannot learn that 销户 and 注销 are the same wish. The list in `data/fold.txt` knows it.
//! Features of the folded text stand beside those of the text as written, so nothing is lost where the difference matters.

use std::collections::HashMap;
use std::sync::OnceLock;

static WORDS: &str = include_str!("../data/fold.txt");

/// First character → words that begin with it and what stands for them, longest word first.
type Table = HashMap<char, Vec<(&'static str, &'static str)>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = Table::new();
        let mut add = |word: &'static str, stands: &'static str| {
            if let Some(first) = word.chars().next() {
                table.entry(first).or_default().push((word, stands));
            }
        };
        for line in WORDS.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(' ').filter(|w| !w.is_empty());
            match words.next() {
                Some("-") => words.for_each(|w| add(w, "")),
                Some("=") => words.for_each(|w| add(w, w)),
                Some(first) => {
                    add(first, first);
                    words.for_each(|w| add(w, first));
                }
                None => {}
            }
        }
        for words in table.values_mut() {
            words.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then(a.0.cmp(b.0)));
        }
        table
    })
}

/// The folded form of already normalised `text`, longest words first from left to right; `None` when it is the text itself.
pub fn fold(text: &str) -> Option<String> {
    let table = table();
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let known = table.get(&first).and_then(|words| words.iter().find(|(word, _)| rest.starts_with(word)));
        match known {
            Some((word, stands)) => {
                out.push_str(stands);
                rest = &rest[word.len()..];
            }
            None => {
                out.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    (out != text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_say_one_thing_fold_to_one() {
        assert_eq!(fold("请问咋注消").as_deref(), Some("怎么注销"));
        assert_eq!(fold("如何销户").as_deref(), Some("怎么注销"));
        assert_eq!(fold("未来怎么样").as_deref(), Some("未来怎么"), "a protected word stays whole");
        assert_eq!(fold("where is my card"), None);
    }

    #[test]
    fn no_word_is_listed_under_two_meanings() {
        for words in table().values() {
            for pair in words.windows(2) {
                assert!(pair[0].0 != pair[1].0, "{} is listed twice", pair[0].0);
            }
        }
    }
}
