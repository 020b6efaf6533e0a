//! A small print of a text by which two tellings of one matter are known: hashes of pairs of characters (Chinese) and of
//! words (Latin), the smallest hundred and twenty-eight of them. The text itself cannot be read from it.

use std::collections::BTreeSet;

use shouwen_contracts::message::Content;

/// Hashes kept of one text, smallest first.
pub const MOST: usize = 128;
/// Texts with fewer say too little to be called alike.
const FEWEST: usize = 6;
const LONGEST_TEXT: usize = 6_000;

/// Begins of subjects that were taken over from the letter that is answered.
const REPLIES: &[&str] = &["re:", "re：", "回复:", "回复：", "回覆:", "回覆：", "答复:", "答复：", "aw:", "sv:"];

/// The text of a message that is the customer's own: subject, and what stands above a quotation. The subject of an answer
/// is that of the letter it answers, and an answer that says nothing itself only quotes.
pub fn own_text(content: &Content) -> String {
    let subject = content.subject.trim().to_lowercase();
    let answers = REPLIES.iter().any(|begin| subject.starts_with(begin));
    let body = match content.reply_text.trim().is_empty() {
        true if answers => "",
        true => &content.text,
        false => &content.reply_text,
    };
    let mut text = if answers { String::new() } else { content.subject.clone() };
    text.push('\n');
    text.push_str(body);
    text
}

fn hash(parts: &[&str]) -> u32 {
    // FNV-1a.
    let mut h: u32 = 0x811c_9dc5;
    for byte in parts.iter().flat_map(|p| p.bytes().chain(std::iter::once(0xff))) {
        h = (h ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    // The low bits of FNV are weak for short input, and the smallest are kept.
    h ^= h >> 15;
    h = h.wrapping_mul(0x2c1b_3c6d);
    h ^ (h >> 12)
}

/// Words that every letter holds.
const EMPTY: &[&str] = &["the", "a", "an", "to", "and", "of", "i", "my", "is", "it", "in", "for", "on", "you", "your", "please", "re", "fw", "hi", "hello", "dear", "thanks", "thank", "regards", "this", "that", "was", "have", "has", "not", "be", "with"];
const EMPTY_ZH: &[char] = &['的', '了', '是', '我', '你', '您', '们', '在', '也', '就', '都', '和', '请', '好', '吗', '啊', '呢', '吧', '这', '那'];

/// The print of a text.
pub fn sketch(text: &str) -> Vec<u32> {
    let mut hashes = BTreeSet::new();
    let (mut word, mut last): (String, Option<char>) = (String::new(), None);
    let mut words: Vec<String> = Vec::new();
    for c in text.chars().take(LONGEST_TEXT).chain(std::iter::once(' ')) {
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
            last = None;
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_alphanumeric() && !EMPTY_ZH.contains(&c) {
            if let Some(before) = last {
                let mut buffer = [0; 8];
                let one = before.encode_utf8(&mut buffer).to_owned();
                let mut buffer = [0; 8];
                hashes.insert(hash(&[&one, c.encode_utf8(&mut buffer)]));
            }
            last = Some(c);
        } else {
            last = None;
        }
    }
    for word in words.iter().filter(|w| !EMPTY.contains(&w.as_str())) {
        hashes.insert(hash(&[word]));
    }
    hashes.into_iter().take(MOST).collect()
}

/// How much of the smaller one the other holds, in percent; estimated over the part of the hash space both cover.
pub fn likeness(a: &[u32], b: &[u32]) -> u32 {
    if a.len() < FEWEST || b.len() < FEWEST {
        return 0;
    }
    let edge = |s: &[u32]| if s.len() < MOST { u32::MAX } else { s.last().copied().unwrap_or(u32::MAX) };
    let limit = edge(a).min(edge(b));
    let within = |s: &[u32]| s.iter().take_while(|h| **h <= limit).count();
    let (in_a, in_b) = (within(a), within(b));
    let smaller = in_a.min(in_b);
    if smaller < FEWEST {
        return 0;
    }
    let shared = a[..in_a].iter().filter(|h| b[..in_b].binary_search(h).is_ok()).count();
    (shared * 100 / smaller) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_tellings_of_one_matter_are_alike_and_two_matters_are_not() {
        let one = sketch("宽带又断了，上周报修后师傅来过一次，路由器红灯一直亮，没有修好");
        let two = sketch("我家宽带又断了！路由器红灯一直亮，师傅来过一次没有修好，请尽快处理");
        let other = sketch("上个月账单多收了二十元流量费，请核实后退回到我的账户");
        assert!(likeness(&one, &two) >= 60, "{}", likeness(&one, &two));
        assert!(likeness(&one, &other) <= 15, "{}", likeness(&one, &other));
        let one = sketch("The gearbox makes a grinding noise after the repair in May, second visit did not help");
        let two = sketch("Gearbox still makes that grinding noise, second visit after the repair did not help at all");
        assert!(likeness(&one, &two) >= 50, "{}", likeness(&one, &two));
        assert_eq!(likeness(&sketch("退款"), &sketch("退款")), 0, "too little to tell");
        assert_eq!(likeness(&[], &one), 0);
    }

    #[test]
    fn long_texts_are_compared_by_a_bounded_print() {
        let long: String = (0..5000).map(|i| char::from_u32(0x4e00 + (i * 37) % 9000).unwrap_or('一')).collect();
        let print = sketch(&long);
        assert_eq!(print.len(), MOST);
        assert_eq!(likeness(&print, &print), 100);
        assert!(likeness(&print, &sketch(&long.chars().skip(300).collect::<String>())) > 70);
    }
}
