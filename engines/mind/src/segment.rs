//! Chinese words (jieba), for phrases and topics. The classifier does not use words: letters and characters do better on short, misspelt
//! chat, and the word dictionary costs about 60 MB of memory, so it is loaded only when it is asked for.

use crate::units::{Kind, units};
use jieba_rs::Jieba;
use std::sync::OnceLock;

fn jieba() -> &'static Jieba {
    static JIEBA: OnceLock<Jieba> = OnceLock::new();
    JIEBA.get_or_init(Jieba::new)
}

/// Words of already normalised text, in order: Chinese words, alphabetic words, numbers. Punctuation and white space are dropped.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut run = String::new();
    let flush = |run: &mut String, out: &mut Vec<String>| {
        if !run.is_empty() {
            out.extend(jieba().cut(run, true).into_iter().map(|t| t.word.to_string()));
            run.clear();
        }
    };
    for unit in units(text) {
        match unit.kind {
            Kind::Han => run.push_str(unit.text),
            Kind::Mark => flush(&mut run, &mut out),
            Kind::Word | Kind::Number => {
                flush(&mut run, &mut out);
                out.push(unit.text.to_string());
            }
        }
    }
    flush(&mut run, &mut out);
    out
}

/// Words that say nothing about the topic of a customer's message. Own list.
const EMPTY: &str = "的 了 是 我 你 您 他 她 它 们 我们 你们 他们 在 有 和 与 就 都 也 还 又 不 没 没有 很 太 吗 呢 吧 啊 呀 哦 嗯 么 把 被 给 让 \
对 从 到 去 来 说 要 会 能 可以 可 想 请 请问 麻烦 谢谢 你好 您好 什么 怎么 怎样 如何 为什么 为何 多少 几 哪 哪个 哪里 这 那 这个 那个 这样 那样 \
一个 一下 一直 已经 现在 今天 昨天 明天 时候 问题 情况 事情 东西 但 但是 因为 所以 如果 然后 而且 还是 或者 以及 之后 以后 以前 之前 上 下 里 中 \
the a an is are was were be been to of in on at for with and or but not no do does did can could will would should i you he she it we they me my \
your our their this that these those what how why when where which who please hi hello thanks thank have has had am so if then than there here";

/// True for a word that says nothing of its own.
pub fn is_function_word(word: &str) -> bool {
    static SET: OnceLock<std::collections::HashSet<&'static str>> = OnceLock::new();
    SET.get_or_init(|| EMPTY.split_whitespace().collect()).contains(word)
}

/// True for a word without a topic: function words, single Chinese characters, numbers.
pub fn is_empty_word(word: &str) -> bool {
    is_function_word(word) || word.chars().count() < 2 || word.chars().all(|c| c.is_numeric() || c == '.')
}
