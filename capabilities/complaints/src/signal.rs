//! Words that raise the grade at once (升级信号), found in one pass over a text. Pure: no I/O.
//!
//! A match is *cleared* when a plain negation stands right before it in the same clause ("不是要投诉12315", "not going to
//! call a lawyer", "I do not want a lawyer"), with nothing between but small verbs, and the rest of the sentence takes
//! nothing back ("but", "否则"). Whatever is less plain than that raises: a false alarm costs a look, a missed one costs
//! more. Signals of safety (`always`) are never cleared. A match within a phrase of `except` is none at all.

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use shouwen_web::{PACK_KEY_RULE, PackText, is_pack_key};

use crate::grade;
use crate::items::{Fault, Item, fault, titled};
use crate::plain::{self, Plain, close, forms};

/// A text is looked through so far, in characters: whoever hides a word behind a book is found by people.
pub const LONGEST_TEXT: usize = 20_000;
/// Words and patterns of one signal.
const MOST_WORDS: usize = 400;
const LONGEST_WORD: usize = 60;
const LONGEST_PATTERN: usize = 200;
/// Memory of one compiled pattern, in bytes.
const PATTERN_SIZE: usize = 1 << 19;
/// Matches looked at in one text; the rest says nothing new.
const MOST_MATCHES: usize = 300;

/// One kind of words, as packs and the settings page write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpgradeSignal)]
pub struct Signal {
    pub key: String,
    pub title: PackText,
    /// `minor`, `major` or `critical`: the case has at least this grade from then on.
    pub grade: String,
    /// Found wherever they stand; upper and lower case, full and half width, simplified and traditional are the same, and
    /// what was pulled apart (律 师) is drawn together. Latin words and numbers only whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<String>,
    /// Regular expressions (linear time, no look-around), over the text in lower case, half width and simplified characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// Longer phrases in which a word means something else: 律师事务所 of a customer, 住院部.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<String>,
    /// Never cleared by a negation before it: safety of people.
    #[serde(default)]
    pub always: bool,
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

impl Item for Signal {
    const KIND: &'static str = "signal";
    fn key(&self) -> &str {
        &self.key
    }
    fn faults(&self) -> Vec<Fault> {
        let mut found = Vec::new();
        if !is_pack_key(&self.key) {
            found.push(fault("key", format!("`{}` cannot be a key", shouwen_kernel::text::clip(&self.key, 60)), PACK_KEY_RULE));
        }
        titled(&self.title, &mut found);
        if !grade::is_grade(&self.grade) {
            found.push(fault("grade", format!("there is no grade `{}`", shouwen_kernel::text::clip(&self.grade, 40)), grade::RULE));
        }
        if self.words.is_empty() && self.patterns.is_empty() {
            found.push(fault("words", "neither words nor patterns", "words = [\"…\"], or patterns = [\"…\"]"));
        }
        let all = self.words.len() + self.patterns.len() + self.except.len();
        if all > MOST_WORDS {
            found.push(fault("words", format!("{all} words, patterns and exceptions"), format!("at most {MOST_WORDS} in one signal")));
        }
        for (list, words) in [("words", &self.words), ("except", &self.except)] {
            for (i, word) in words.iter().enumerate() {
                let length = word.trim().chars().count();
                if length < 2 || length > LONGEST_WORD {
                    found.push(fault(&format!("{list}[{i}]"), format!("`{}` is too short or too long", shouwen_kernel::text::clip(word, 80)), format!("2 to {LONGEST_WORD} characters")));
                }
            }
        }
        for (i, pattern) in self.patterns.iter().enumerate() {
            match compile(pattern) {
                Err(why) => found.push(fault(&format!("patterns[{i}]"), why, "a regular expression such as 1\\s*2\\s*3\\s*1\\s*5; no look-around, no back reference")),
                Ok(found_regex) if found_regex.is_match("") => found.push(fault(&format!("patterns[{i}]"), "it is found in an empty text, so in every text", "a pattern with at least one character that must be there")),
                Ok(_) => {}
            }
        }
        found
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.chars().count() > LONGEST_PATTERN {
        return Err(format!("the pattern is longer than {LONGEST_PATTERN} characters"));
    }
    RegexBuilder::new(pattern).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).nest_limit(20).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => "the pattern grows too large".to_owned(),
        other => format!("it cannot be read: {}", shouwen_kernel::text::one_line(&other.to_string())),
    })
}

/// A match in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = SignalHit)]
pub struct Hit {
    /// Key of the signal.
    pub signal: String,
    pub grade: String,
    /// Place in the text and length, in characters.
    pub at: usize,
    pub len: usize,
    /// As it stands in the text.
    pub text: String,
    /// The negation that clears it; null: it raises.
    pub cleared_by: Option<String>,
}

/// Signals made ready for looking through texts.
pub struct Matcher {
    signals: Vec<Signal>,
    /// Words and, after them, exceptions.
    words: Option<AhoCorasick>,
    /// Of each word: its signal, and whether it is an exception.
    owners: Vec<(usize, bool)>,
    patterns: Vec<(usize, Regex)>,
}

impl Matcher {
    /// Those that are active and without fault.
    pub fn new(signals: &[Signal]) -> Self {
        let signals: Vec<Signal> = signals.iter().filter(|s| s.active).cloned().collect();
        let (mut words, mut owners, mut patterns) = (Vec::new(), Vec::new(), Vec::new());
        for (i, signal) in signals.iter().enumerate() {
            for (list, except) in [(&signal.words, false), (&signal.except, true)] {
                for word in list.iter().filter(|w| w.chars().count() >= 2) {
                    words.push(close(word.trim(), LONGEST_WORD).text);
                    owners.push((i, except));
                }
            }
            patterns.extend(signal.patterns.iter().filter_map(|p| compile(p).ok()).map(|p| (i, p)));
        }
        // Building fails only beyond 2^31 states; then patterns alone are looked for.
        let words = AhoCorasickBuilder::new().match_kind(MatchKind::Standard).build(&words).ok();
        Self { signals, words, owners, patterns }
    }

    /// Every match, in the order of the text.
    pub fn scan(&self, text: &str) -> Vec<Hit> {
        let (loose, close) = forms(text, LONGEST_TEXT);
        let mut spans: Vec<Span> = Vec::new();
        let mut excepted: Vec<(usize, usize, usize)> = Vec::new();
        if let Some(words) = &self.words {
            for m in words.find_overlapping_iter(close.text.as_str()).take(MOST_MATCHES) {
                let Some((owner, except)) = self.owners.get(m.pattern().as_usize()).copied() else { continue };
                let Some(end) = whole(&close.text, m.start(), m.end()) else { continue };
                if except {
                    excepted.push((owner, m.start(), end));
                } else {
                    spans.push(Span { owner, start: m.start(), end, of: &close });
                }
            }
        }
        // A pattern may mean the gaps, or not: it is looked for with them and without.
        for of in [Some(&close), Some(&loose).filter(|loose| loose.text != close.text)].into_iter().flatten() {
            for (owner, pattern) in &self.patterns {
                spans.extend(pattern.find_iter(&of.text).take(20).filter(|m| !m.is_empty()).map(|m| Span { owner: *owner, start: m.start(), end: m.end(), of }));
            }
        }
        spans.retain(|s| !(std::ptr::eq(s.of, &close) && excepted.iter().any(|(owner, start, end)| *owner == s.owner && *start <= s.start && s.end <= *end)));
        let mut spans: Vec<(usize, usize, Span)> = spans.into_iter().map(|s| (s.first(), s.last(), s)).collect();
        spans.sort_by_key(|(first, last, s)| (*first, usize::MAX - *last, s.owner));
        let chars: Vec<char> = text.chars().take(LONGEST_TEXT).collect();
        let mut hits: Vec<Hit> = Vec::new();
        for (at, last, Span { owner, start, end, of }) in spans {
            let Some(signal) = self.signals.get(owner) else { continue };
            // 媒体 within 自媒体: of one signal, the longer one stands.
            if hits.iter().any(|h| h.signal == signal.key && h.at <= at && last < h.at + h.len) {
                continue;
            }
            let cleared_by = if signal.always { None } else { negation(&of.text, start, end) };
            hits.push(Hit { signal: signal.key.clone(), grade: signal.grade.clone(), at, len: last + 1 - at.min(last), text: chars.get(at..=last).map(|c| c.iter().collect()).unwrap_or_default(), cleared_by });
        }
        hits
    }
}

/// Where a word or pattern was found.
struct Span<'a> {
    owner: usize,
    start: usize,
    end: usize,
    of: &'a Plain,
}

impl Span<'_> {
    fn first(&self) -> usize {
        self.of.origin.get(self.start).copied().unwrap_or(0) as usize
    }
    fn last(&self) -> usize {
        self.of.origin.get(self.end.saturating_sub(1)).copied().unwrap_or(0) as usize
    }
}

/// Where a word ends, if it stands whole: no digit beside a digit, no Latin letter beside a letter, but for a plural.
fn whole(text: &str, start: usize, end: usize) -> Option<usize> {
    let class = |c: char| if c.is_ascii_digit() { 1 } else if c.is_ascii_alphabetic() { 2 } else { 0 };
    let touches = |a: Option<char>, b: Option<char>| matches!((a, b), (Some(a), Some(b)) if class(a) != 0 && class(a) == class(b));
    let (word, before, after) = (text.get(start..end)?, text.get(..start)?, text.get(end..)?);
    if touches(before.chars().next_back(), word.chars().next()) {
        return None;
    }
    if !touches(word.chars().next_back(), after.chars().next()) {
        return Some(end);
    }
    // lawyer, lawyers
    let mut rest = after.chars();
    (rest.next() == Some('s') && !rest.next().is_some_and(|c| c.is_ascii_alphabetic())).then_some(end + 1)
}

/// Negations that clear what follows them.
const NOT_ZH: &[&str] = &[
    "不是要", "不是想", "不是来", "并不是", "并非", "不想", "不打算", "没打算", "没有打算", "不准备", "没准备", "不会", "没想", "没有想", "没要", "没有要", "没说", "没有说", "无意", "不用", "不需要", "不必", "不考虑", "暂不",
    "撤回", "撤销", "放弃", "取消",
];
const NOT_EN: &[&str] = &[
    "not going to", "will not", "won't", "wont", "do not want to", "don't want to", "did not", "didn't", "do not intend to", "don't intend to", "no intention of", "no intention to", "not planning to", "no need to", "no need for", "never said", "not want to",
    "withdraw", "withdrawing", "withdrew", "instead of", "rather than", "do not want", "don't want", "dont want", "do not need", "don't need", "dont need", "not asking for", "not looking for", "without",
];
/// What may stand between a negation and the word.
const LIGHT_ZH: &[&str] = &["投诉", "举报", "反映", "起诉", "拨打", "联系", "通过", "电话", "任何", "说要", "要", "想", "去", "到", "打", "拨", "找", "请", "来", "向", "给", "跟", "和", "告", "上", "走", "提", "的", "对", "在", "过"];
const LIGHT_EN: &[&str] = &[
    "call", "calling", "contact", "contacting", "to", "a", "an", "the", "any", "my", "our", "complain", "complaining", "complaint", "go", "going", "file", "filing", "with", "involve", "involving", "hire", "see", "report", "reporting", "this", "it", "about", "get", "talk", "speak",
    "at", "from",
];
/// A clause with one of these may mean the opposite of what it says: nothing is cleared in it.
const DOUBT: &[&str] = &["也得", "也要", "也会", "只好", "只能", "都得", "以为", "难道", "是不是", "要不是", "除非", "别逼", "不得不", "不会不", "不是不", "不排除", "吗", "hesitate", "unless", "don't think", "do not think", "if you", "wait"];
/// And these in what follows of the sentence take the negation back: “不想找律师，但你们逼我”, “I do not want a lawyer, but I will”.
const TAKEN_BACK: &[&str] = &["但", "可是", "不过", "然而", "否则", "不然", "逼", "如果", "要是", "再不", "除非", "只好", "只能", "不得不", "but", "however", "or else", "otherwise", "unless", "if you", "if this", "if it"];

/// The negation right before a match, within its clause.
fn negation(text: &str, start: usize, end: usize) -> Option<String> {
    let breaks = |c: char| plain::breaks(c) || c == '.';
    let (head, tail) = (text.get(..start)?, text.get(end..)?);
    let from = head.rfind(breaks).map_or(0, |at| at + head[at..].chars().next().map_or(1, char::len_utf8));
    let head = &head[from..];
    let stop = tail.find(|c: char| breaks(c) && c != '?' && c != '？').unwrap_or(tail.len());
    let clause_tail = &tail[..stop];
    let sentence = tail.split(['。', '！', '!', '？', '?', '.', '\n']).next().unwrap_or(tail);
    if TAKEN_BACK.iter().any(|word| sentence.match_indices(word).any(|(at, _)| !word.is_ascii() || edge(sentence, at, word.len()))) {
        return None;
    }
    // A question asks nothing away.
    if DOUBT.iter().any(|word| head.contains(word) || clause_tail.contains(word)) || clause_tail.contains(['?', '？']) {
        return None;
    }
    let zh = NOT_ZH.iter().filter_map(|word| head.rfind(word).map(|at| (at, *word))).max_by_key(|(at, word)| at + word.len());
    if let Some((at, word)) = zh
        && light_zh(&head[at + word.len()..])
    {
        return Some(word.to_owned());
    }
    let en = NOT_EN.iter().filter_map(|word| head.rfind(word).filter(|at| edge(head, *at, word.len())).map(|at| (at, *word))).max_by_key(|(at, word)| at + word.len());
    en.filter(|(at, word)| head[at + word.len()..].split_whitespace().all(|w| LIGHT_EN.contains(&w.trim_matches(|c: char| !c.is_alphanumeric())))).map(|(_, word)| word.to_owned())
}

fn light_zh(mut rest: &str) -> bool {
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return true;
        }
        match LIGHT_ZH.iter().find_map(|word| rest.strip_prefix(word)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
}

fn edge(text: &str, at: usize, len: usize) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    !letter(text[..at].chars().next_back()) && !letter(text[at + len..].chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher() -> Matcher {
        let signal = |key: &str, grade: &str, words: &[&str], patterns: &[&str], always: bool| Signal {
            key: key.into(),
            title: PackText { zh: key.into(), en: key.into() },
            grade: grade.into(),
            words: words.iter().map(ToString::to_string).collect(),
            patterns: patterns.iter().map(ToString::to_string).collect(),
            except: if key == "lawyer" { vec!["律师事务所".into()] } else { vec![] },
            always,
            active: true,
        };
        Matcher::new(&[
            signal("regulator", "critical", &["12315", "工信部", "ombudsman"], &[r"1[\s\-]{1,3}2[\s\-]{1,3}3[\s\-]{1,3}1[\s\-]{1,3}5"], false),
            signal("lawyer", "major", &["律师", "起诉", "lawyer", "sue you"], &[], false),
            signal("media", "major", &["媒体", "自媒体", "journalist"], &[], false),
            signal("self_harm", "critical", &["自杀", "不想活", "kill myself"], &[], true),
        ])
    }

    fn raised(text: &str) -> Vec<String> {
        matcher().scan(text).into_iter().filter(|h| h.cleared_by.is_none()).map(|h| h.signal).collect()
    }

    #[test]
    fn signals_are_found_in_both_languages_whatever_their_form() {
        assert_eq!(raised("再不处理我就打12315！"), ["regulator"]);
        assert_eq!(raised("我要打１２３１５"), ["regulator"], "full width");
        assert_eq!(raised("我要打 1 2 3 1 5 投诉"), ["regulator"], "spaced out");
        assert_eq!(raised("找自媒体曝光"), ["media"], "one match of one signal");
        assert_eq!(raised("I will talk to my LAWYERS and a journalist."), ["lawyer", "media"]);
        assert_eq!(raised("工\u{200B}信部见"), ["regulator"], "hidden characters hide nothing");
        let hit = &matcher().scan("您好，１２３１５见")[0];
        assert_eq!((hit.at, hit.len, hit.text.as_str()), (3, 5, "１２３１５"), "the place is that of the text as written");
    }

    #[test]
    fn traditional_pulled_apart_and_dressed_up_words_are_found() {
        for text in ["我要找律師", "律 师函", "律-師", "律🔥师", "找律\n师", "起訴你們", "my l a w y e r", "my lаwyеr"] {
            assert_eq!(raised(text), ["lawyer"], "{text}");
        }
        for text in ["1️⃣2️⃣3️⃣1️⃣5️⃣", "①②③①⑤", "1·2·3·1·5", "12315😡"] {
            assert_eq!(raised(text), ["regulator"], "{text}");
        }
        assert_eq!(raised("自殺"), ["self_harm"]);
        assert!(raised("应付 12,315 元").is_empty(), "an amount");
        assert!(raised("请修好我们律师事务所的专线").is_empty(), "a customer that is a law firm");
        assert_eq!(raised("我们律师事务所会起诉"), ["lawyer"], "and sues");
    }

    #[test]
    fn not_wanting_a_lawyer_is_no_threat_unless_it_is_taken_back() {
        for text in ["I do not want a lawyer", "I don't need a lawyer, I need a refund", "沒有要找律師", "我不想找律師，我想退款", "We can settle this without a lawyer."] {
            assert!(raised(text).is_empty(), "{text}");
            assert!(!matcher().scan(text).is_empty(), "{text}: still shown");
        }
        for text in ["I do not want a lawyer, but I will get one", "我不想找律师，但你们逼我", "不想找律师也得找", "I don't want to have to call my lawyer", "我不想打12315，否则早打了", "不想起诉，如果三天内解决"] {
            assert!(!raised(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn numbers_and_latin_words_count_only_whole() {
        assert!(raised("订单号 9912315004").is_empty());
        assert!(raised("call 123155").is_empty());
        assert!(raised("lawyerly prose").is_empty());
        assert_eq!(raised("tel12315"), ["regulator"]);
    }

    #[test]
    fn a_plain_negation_clears_and_a_doubtful_one_does_not() {
        for text in ["我不是要投诉12315，只想退款", "不打算找律师", "没有说要起诉", "我已撤回向工信部的投诉", "I am not going to call a lawyer.", "I don't want to involve the ombudsman, just fix it"] {
            assert!(raised(text).is_empty(), "{text}");
            assert!(!matcher().scan(text).is_empty(), "{text}: still shown, with what cleared it");
        }
        for text in [
            "你们不处理我就打12315", "别以为我不会打12315", "我不会放过你们，12315见", "不会给你们机会了12315", "不要逼我打12315", "是不是不想我打12315", "我不排除找律师", "I will not hesitate to contact my lawyer", "If you do not refund I will call my lawyer",
            "不是要投诉别人，是要投诉你们到12315", "不用12315你们就不怕吗？",
        ] {
            assert!(!raised(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn safety_is_never_negated() {
        assert_eq!(raised("我没有说要自杀"), ["self_harm"]);
        assert_eq!(raised("I did not say I would kill myself"), ["self_harm"]);
    }

    #[test]
    fn a_hostile_text_costs_little_and_breaks_nothing() {
        let begun = std::time::Instant::now();
        let matcher = matcher();
        for text in ["1 ".repeat(200_000), "律师".repeat(100_000), "\u{200B}".repeat(100_000), "不想".repeat(50_000) + "12315", "ＡＢ".repeat(10_000), String::new()] {
            let hits = matcher.scan(&text);
            assert!(hits.len() <= MOST_MATCHES + 100);
        }
        println!("six hostile texts in {:?}", begun.elapsed());
    }

    #[test]
    fn faults_of_a_signal_are_named() {
        let mut signal = Signal { key: "Bad Key".into(), title: PackText::default(), grade: "huge".into(), words: vec!["x".into()], patterns: vec!["(".into(), "a*".into(), "x{1000}{1000}".into(), "y".repeat(300)], except: vec!["z".into()], always: false, active: true };
        let paths: Vec<String> = signal.faults().into_iter().map(|f| f.path).collect();
        assert_eq!(paths, ["key", "title", "grade", "words[0]", "except[0]", "patterns[0]", "patterns[1]", "patterns[2]", "patterns[3]"]);
        signal.words.clear();
        signal.patterns.clear();
        assert!(signal.faults().iter().any(|f| f.path == "words"));
    }
}
