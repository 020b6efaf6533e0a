//! Mood, language, topics, duplicates and phrases on what is easily misread.

use shouwen_mind::language::{Language, detect};
use shouwen_mind::mood::{Urgency, read};
use shouwen_mind::similar::{Collection, DUPLICATE, phrases};

#[test]
fn a_word_inside_another_word_or_taken_back_is_no_signal() {
    for text in ["滚筒洗衣机", "滚动屏幕", "有病假吗", "贵公司", "你好", "好像不对", "好久没来了", "怎么退货", "燃气费怎么交", "账号被冻结了怎么办", "人工智能是什么", "急诊在哪", "12345元", "315号房", "自杀式降价", "别生气",
        "不投诉了", "不急", "不需要人工", "fire tv stick", "never mind", "my manager is on holiday"] {
        let mood = read(text);
        assert_eq!((mood.urgency, mood.angry, mood.wants_person), (Urgency::Normal, false, false), "{text}: {:?}", mood.signals);
        assert!(mood.label != "negative" && mood.sentiment <= 0.5, "{text}: {:?}", mood.signals);
    }
    assert_eq!((read("你好").label, read("好久没到").label, read("没有不满意").label, read("不满意").label), ("neutral", "neutral", "positive", "negative"));
    assert!(read("滚！你们有病吧").angry && read("还不转人工").wants_person);
    for text in ["燃气泄漏了", "煤气味很重", "没有爆炸", "the house is on fire"] {
        assert_eq!(read(text).urgency, Urgency::Danger, "{text}");
    }
    assert_eq!(read("再不处理我就投诉").urgency, Urgency::Escalation);
}

#[test]
fn languages_of_mixed_and_short_texts() {
    for (text, language) in [("我的名字叫張偉,想问下什么时候发货", Language::Chinese), ("iPhone 15 Pro Max 多少钱", Language::Chinese), ("订单号 ABC123456789XYZDEFGHIJK", Language::Chinese),
        ("https://www.example.com/a/b/c 打不开", Language::Chinese), ("我想问下 why is my order delayed so much can you check it please", Language::English),
        ("請問 iPhone 有貨嗎", Language::Traditional), ("皇后大道東", Language::Traditional), ("OK", Language::English), ("refund", Language::English), ("在吗", Language::Chinese),
        ("Bonjour je voudrais un remboursement", Language::Unknown), ("Hola, quiero devolver el producto", Language::Unknown), ("Ich möchte mein Geld zurück", Language::Unknown),
        ("SF1234567890123", Language::Unknown)] {
        assert_eq!(detect(text).0, language, "{text}");
    }
}

/// A thousand messages of which more than half ask one thing in three ways.
fn hot() -> Vec<String> {
    let many = |text: &str, n: usize| vec![text.to_string(); n];
    let other = (0..400).map(|i| format!("{}{}{}", ["安装", "发票", "快递", "会员", "保修"][i % 5], ["师傅", "抬头", "站点", "等级", "期限"][i / 5 % 5], ["几点来", "怎么改", "在哪", "怎么算", "多长"][i / 25 % 5]));
    let mut all: Vec<String> = many("退款怎么还没到账", 500).into_iter().chain(many("退款怎么还没到账呢", 60)).chain(many("退款怎么还没有到账", 40)).chain(other).collect();
    shouwen_mind::random::Sequence::new(3).shuffle(&mut all);
    all
}

#[test]
fn the_hottest_topic_is_found_however_hot_it_is() {
    let texts = hot();
    let all = Collection::new(&texts, None);
    let topics = all.topics(0.3, 3);
    assert!(topics[0].size >= 600 && topics[0].members.len() == topics[0].size, "{:?}", topics.iter().map(|t| (&t.name, t.size)).collect::<Vec<_>>());
    assert!(texts[topics[0].members[0]].starts_with("退款") && topics[0].name.iter().any(|w| w.contains("退款")));
    let most = all.duplicates(DUPLICATE).into_iter().max_by_key(Vec::len).expect("groups");
    assert!(most.len() >= 560, "one question asked in two ways is one: {}", most.len());
}

#[test]
fn looking_up_candidates_misses_no_duplicate() {
    let texts: Vec<String> = hot().into_iter().step_by(3).collect();
    let all = Collection::new(&texts, None);
    let groups = all.duplicates(DUPLICATE);
    let heads: Vec<usize> = groups.iter().map(|g| g[0]).collect();
    for (at, a) in heads.iter().enumerate() {
        assert!(heads[..at].iter().all(|b| all.likeness(*a, *b) < DUPLICATE), "two groups whose first texts say the same");
    }
}

#[test]
fn a_phrase_is_a_whole_word() {
    let texts: Vec<String> = ["微粒贷怎么还", "微粒贷利息", "开通微粒贷", "注销微粒贷", "微粒贷额度"].iter().map(|t| t.to_string()).collect();
    let found = phrases(&texts, 5);
    assert_eq!(found[0], ("微粒贷".to_string(), 5), "{found:?}");
}
