//! What people type and what they expect to find.

use shouwen_search::{Branch, Doc, Index, Kind, Query, Results, Visibility};

fn doc(key: &str, kind: Kind, case: &str, title: &str, body: &str) -> Doc {
    let number = if kind == Kind::Case { key.to_owned() } else { String::new() };
    Doc { key: key.into(), kind, case_id: case.into(), workspace: "w".into(), title: title.into(), body: body.into(), number, at: 1_700_000_000 }
}

fn ask(index: &Index, text: &str) -> Results {
    let query = Query { text: text.into(), workspace: "w".into(), kinds: vec![], scope: vec![Branch::All], limit: 20, one_per_case: false };
    index.search(&query).expect("no text makes a search fail")
}

fn keys(index: &Index, text: &str) -> Vec<String> {
    let results = ask(index, text);
    assert!(!results.partial || results.hits.is_empty(), "{text}: only a partial match");
    let mut keys: Vec<String> = results.hits.into_iter().map(|h| h.key).collect();
    keys.sort();
    keys
}

fn filled() -> (tempfile::TempDir, Index) {
    let dir = tempfile::tempdir().unwrap();
    let index = Index::open(dir.path(), "1").unwrap();
    for d in [
        doc("m1", Kind::Message, "c1", "", "您好，我的路由器坏了，申请退款，订单号SF1234567890。"),
        doc("m2", Kind::Message, "c2", "", "北京大学的宽带一直掉线，请尽快处理，联系 Wang.Li@example.com"),
        doc("m3", Kind::Message, "c3", "", "我們要求退費，發票還沒有收到"),
        doc("m4", Kind::Message, "c4", "", "产品和服务都不错"),
        doc("m5", Kind::Message, "c5", "", "想买一件和服"),
        doc("m6", Kind::Message, "c6", "", "The refund for my iPhone 15 Pro Max has not arrived; 尾号 5678 的手机 138-1234-5678"),
        doc("m7", Kind::Message, "c7", "", "ＶＩＰ会员积分兑换失败"),
        doc("2026-000123", Kind::Case, "c8", "宽带故障报修", "紧急"),
        doc("2026-000124", Kind::Case, "c9", "发票补开", ""),
        doc("cus_1", Kind::Customer, "cus_1", "欧阳娜娜", "海淀区"),
    ] {
        index.put(&d).unwrap();
    }
    index.commit("7").unwrap();
    (dir, index)
}

#[test]
fn chinese_of_one_to_four_characters() {
    let (_dir, index) = filled();
    assert_eq!(keys(&index, "坏"), ["m1"]);
    assert_eq!(keys(&index, "退"), ["m1", "m3"]);
    assert_eq!(keys(&index, "退款"), ["m1"]);
    assert_eq!(keys(&index, "路由器"), ["m1"]);
    assert_eq!(keys(&index, "北京大学"), ["m2"]);
    assert_eq!(keys(&index, "京大"), ["m2"], "whatever stands in the text is found by typing it");
    assert_eq!(keys(&index, "申请退款"), ["m1"]);
    assert_eq!(keys(&index, "欧阳娜娜"), ["cus_1"]);
    assert_eq!(keys(&index, "娜娜"), ["cus_1"]);
    for text in ["ouyangnana", "ouyang", "OYNN"] {
        assert_eq!(keys(&index, text), ["cus_1"], "{text}: a name as it is typed without a Chinese keyboard");
    }
    assert_eq!(keys(&index, "尽快处理"), ["m2"]);
}

#[test]
fn words_rank_above_chance_neighbours() {
    let (_dir, index) = filled();
    let hits = ask(&index, "和服").hits;
    assert_eq!(hits.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(), ["m5", "m4"]);
}

#[test]
fn traditional_and_simplified_width_and_case_are_one() {
    let (_dir, index) = filled();
    assert_eq!(keys(&index, "我们要求退费"), ["m3"]);
    assert_eq!(keys(&index, "退費"), ["m3"]);
    assert_eq!(keys(&index, "發票"), ["2026-000124", "m3"]);
    assert_eq!(keys(&index, "vip會員"), ["m7"]);
    assert_eq!(keys(&index, "VIP"), ["m7"]);
}

#[test]
fn english_mixed_and_beginnings_of_words() {
    let (_dir, index) = filled();
    assert_eq!(keys(&index, "refund"), ["m6"]);
    assert_eq!(keys(&index, "REFU"), ["m6"]);
    assert_eq!(keys(&index, "iphone 15 手机"), ["m6"]);
    assert_eq!(keys(&index, "iPhone手机"), ["m6"]);
    assert!(keys(&index, "efund").is_empty());
}

#[test]
fn ids_numbers_addresses() {
    let (_dir, index) = filled();
    for text in ["2026-000123", "000123", "123", "0123", "#2026-000123", "2026000123"] {
        assert_eq!(ask(&index, text).hits.first().map(|h| h.key.clone()).as_deref(), Some("2026-000123"), "{text}");
    }
    for text in ["SF1234567890", "sf1234567890", "1234567890", "567890"] {
        assert_eq!(keys(&index, text), ["m1"], "{text}");
    }
    for text in ["13812345678", "138-1234-5678", "5678"] {
        assert_eq!(keys(&index, text), ["m6"], "{text}");
    }
    for text in ["wang.li@example.com", "wang.li", "example.com", "WANG"] {
        assert_eq!(keys(&index, text), ["m2"], "{text}");
    }
}

#[test]
fn words_are_joined_by_and_then_by_most() {
    let (_dir, index) = filled();
    assert_eq!(keys(&index, "退款 路由器"), ["m1"]);
    let some = ask(&index, "退款 火星");
    assert!(some.partial);
    assert_eq!(some.hits.iter().map(|h| h.key.as_str()).collect::<Vec<_>>(), ["m1"]);
    assert!(ask(&index, "火星 木星").hits.is_empty());
}

#[test]
fn odd_input_never_fails() {
    let (_dir, index) = filled();
    let long = "退款 ".repeat(4_000);
    let binary: String = (0u8..=255).map(char::from).collect();
    for text in ["", " ", "\"", "\"退款", "退款 AND NOT (", "+-*/~^:[]{}\\", "title:退款^9", "a:b:c", "\0", "𠮷野家", "😀", "e\u{301}\u{301}", "' OR 1=1 --", &long, &binary, &"a".repeat(10_000), &"退".repeat(10_000), &"-.".repeat(5_000)] {
        ask(&index, text);
    }
    assert!(ask(&index, &long).hits.iter().any(|h| h.key == "m1"));
    assert_eq!(keys(&index, "\"退款\""), ["m1"], "quotes are no operators");
}

#[test]
fn kinds_limits_and_one_per_case() {
    let (_dir, index) = filled();
    index.put(&doc("m8", Kind::Message, "c1", "", "退款退款 路由器")).unwrap();
    index.commit("8").unwrap();
    let mut query = Query { text: "退款".into(), workspace: "w".into(), kinds: vec![Kind::Case], scope: vec![Branch::All], limit: 10, one_per_case: false };
    assert!(index.search(&query).unwrap().hits.is_empty());
    query.kinds = vec![Kind::Message];
    assert_eq!(index.search(&query).unwrap().hits.len(), 2);
    query.one_per_case = true;
    assert_eq!(index.search(&query).unwrap().hits.len(), 1);
    query.limit = 0;
    assert!(index.search(&query).unwrap().hits.is_empty());
    query.limit = 10;
    query.workspace = "another".into();
    assert!(index.search(&query).unwrap().hits.is_empty());
}

#[test]
fn snippets_show_why() {
    let (_dir, index) = filled();
    let hit = ask(&index, "退费").hits.remove(0);
    let marked: Vec<&str> = hit.snippet.pieces().into_iter().filter(|p| p.1).map(|p| p.0).collect();
    assert_eq!(marked, ["退費"], "marked as it is written, not as it was folded");
    let hit = ask(&index, "宽带故障").hits.remove(0);
    assert_eq!(hit.title, "宽带故障报修");
    assert_eq!(hit.snippet.text, "宽带故障报修", "from the title when the body does not have it");
}

#[test]
fn replacing_and_deleting() {
    let (_dir, index) = filled();
    index.put(&doc("m1", Kind::Message, "c1", "", "已经换货")).unwrap();
    index.delete("m5").unwrap();
    assert_eq!(keys(&index, "退款"), ["m1"], "nothing changes before the commit");
    index.commit("9").unwrap();
    assert!(keys(&index, "退款").is_empty());
    assert_eq!(keys(&index, "换货"), ["m1"]);
    assert_eq!(keys(&index, "和服"), ["m4"]);
    index.scope("w", "c1", &Visibility::default()).unwrap();
    index.delete("no such").unwrap();
    index.commit("10").unwrap();
}
