//! Definitions and answers: what is refused, what is cleaned, what is shown.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use shouwen_forms::{Checked, Context, FieldType, Form, Ready, check, facts, migrate, vocabulary};

const COMPLAINT: &str = r#"
key = "complaint"
version = 3
title = { zh = "投诉单", en = "Complaint sheet" }

[[section]]
key = "matter"
title = { zh = "事由", en = "Matter" }

[[section.field]]
key = "category"
type = "tree_choice"
label = { zh = "类别", en = "Category" }
required = true
[[section.field.option]]
key = "network"
label = { zh = "网络", en = "Network" }
option = [{ key = "broadband", label = { zh = "宽带", en = "Broadband" } }, { key = "mobile", label = { zh = "移动", en = "Mobile" } }]
[[section.field.option]]
key = "billing"
label = { zh = "资费", en = "Billing" }

[[section.field]]
key = "phone"
type = "phone"
label = { zh = "联系电话", en = "Telephone" }
personal = true

[[section.field]]
key = "happened_on"
type = "date"
label = { zh = "发生日期", en = "Happened on" }
min = "today-90"
max = "today"

[[section.field]]
key = "demand"
type = "choice"
label = { zh = "诉求", en = "Demand" }
default = "explain"
option = [{ key = "explain", label = { zh = "解释", en = "Explain" } }, { key = "refund", label = { zh = "退费", en = "Refund" } }, { key = "gift", label = { zh = "赠品", en = "Gift" }, retired = true }]

[[section]]
key = "money"
title = { zh = "退费", en = "Refund" }
show_if = "demand is refund"

[[section.field]]
key = "amount"
type = "money"
label = { zh = "金额", en = "Amount" }
max = 5000
require_if = "case.priority is urgent"

[[section.field]]
key = "reason"
type = "long_text"
label = { zh = "超额理由", en = "Why so much" }
show_if = "amount > 1000"
required = true
min_length = 5
hidden = "keep"

[[section]]
key = "parts"
[[section.field]]
key = "rows"
type = "table"
label = { zh = "配件", en = "Parts" }
max_length = 3
column = [
  { key = "part", type = "text", label = { zh = "配件", en = "Part" }, required = true, pattern = "[A-Z]{2}[0-9]{3}" },
  { key = "count", type = "number", label = { zh = "数量", en = "Count" }, min = 1, decimals = 0, default = 1 },
]
[[section.field]]
key = "summary"
type = "computed"
label = { zh = "摘要", en = "Summary" }
template = { zh = "{category}：{demand}（{case.number}）", en = "{category}: {demand}" }
"#;

fn form() -> Form {
    Form::read(COMPLAINT, "complaint.toml", &[]).unwrap_or_else(|faults| panic!("{faults:#?}"))
}

fn answers(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap()
}

fn checked(form: &Form, given: Value, priority: &str, complete: bool) -> Checked {
    let case = |field: &str| match field {
        "priority" => json!(priority),
        "number" => json!("2026-000001"),
        _ => Value::Null,
    };
    let context = Context { now: 0, today: "2026-11-21", case: &case, exists: &|_, id| id != "nobody", complete, keep_retired: false };
    check(form, &answers(given), &context)
}

fn codes(checked: &Checked) -> Vec<(&str, &str)> {
    checked.faults.iter().map(|f| (f.field.as_str(), f.code)).collect()
}

#[test]
fn good_answers_are_cleaned_completed_and_computed() {
    let out = checked(&form(), json!({"category": "network/broadband", "phone": "138 0013 8000", "rows": [{"part": "AB123"}, {}], "happened_on": "2026-11-20"}), "low", true);
    assert_eq!(codes(&out), []);
    let expected = json!({"category": ["network", "broadband"], "phone": "13800138000", "happened_on": "2026-11-20", "demand": "explain", "rows": [{"part": "AB123", "count": 1}], "summary": "network/broadband：explain（2026-000001）"});
    assert_eq!(Value::Object(out.answers), expected);
    assert_eq!(out.hidden, ["amount", "reason"]);
    assert_eq!(out.required, ["category"]);
}

#[test]
fn conditions_decide_what_is_shown_and_required_through_chains() {
    let form = form();
    let base = json!({"category": "billing", "demand": "refund"});
    assert_eq!(codes(&checked(&form, base.clone(), "low", true)), []);
    assert_eq!(codes(&checked(&form, base.clone(), "urgent", true)), [("amount", "required")]);
    assert_eq!(codes(&checked(&form, base.clone(), "urgent", false)), []);
    let mut big = base;
    big["amount"] = json!("1200.50");
    assert_eq!(codes(&checked(&form, big.clone(), "low", true)), [("reason", "required")]);
    big["reason"] = json!("多次断网造成损失");
    let out = checked(&form, big.clone(), "low", true);
    assert_eq!((codes(&out), &out.answers["amount"]), (vec![], &json!({"minor": 120_050, "currency": "CNY"})));
    // Back to no refund: the amount is dropped, what hangs on it is hidden too, and kept because it says so.
    big["demand"] = json!("explain");
    let out = checked(&form, big, "urgent", true);
    assert_eq!(codes(&out), []);
    assert!(!out.answers.contains_key("amount"));
    assert_eq!(out.answers["reason"], json!("多次断网造成损失"));
}

#[test]
fn every_fault_is_told_by_field_in_both_languages() {
    let out = checked(
        &form(),
        json!({"categry": 1, "category": "network", "phone": "12", "happened_on": "2026-12-01", "demand": "gift", "rows": [{"part": "x"}, {"count": 1.5}, {"colour": 1}, 5]}),
        "low",
        true,
    );
    assert_eq!(codes(&out), [("categry", "unknown_field"), ("category", "not_an_option"), ("phone", "bad_phone"), ("happened_on", "too_large"), ("demand", "retired_option"), ("rows", "too_many")]);
    assert!(out.faults[0].en.contains("did you mean `category`?"));
    assert!(out.faults.iter().all(|f| !f.zh.is_empty() && !f.en.is_empty() && f.zh.chars().any(|c| c > '\u{2e80}')));
    let out = checked(&form(), json!({"category": "billing", "rows": [{"part": "x"}, {"count": 1.5}, {"part": "AB123", "colour": 1}]}), "low", true);
    assert_eq!(codes(&out), [("rows[0].part", "pattern"), ("rows[1].part", "required"), ("rows[1].count", "too_precise"), ("rows[2].colour", "unknown_field")]);
}

/// One field of each type with a good and a bad answer.
#[test]
fn every_type_takes_its_answers_and_refuses_others() {
    let option = json!([{"key": "a", "label": "A"}, {"key": "b", "label": "B", "option": []}]);
    for (kind, more, good, cleaned, bad, code) in [
        ("text", json!({"max_length": 3}), json!(" a\nb "), json!("a b"), json!("abcd"), "too_long"),
        ("long_text", json!({}), json!("a\r\nb\u{0}"), json!("a\nb"), json!(5), "wrong_type"),
        ("number", json!({"min": 0, "unit": "km"}), json!("12.5"), json!(12.5), json!(-1), "too_small"),
        ("money", json!({"currencies": ["CNY", "USD"]}), json!({"minor": 5, "currency": "USD"}), json!({"minor": 5, "currency": "USD"}), json!({"minor": 5, "currency": "EUR"}), "bad_currency"),
        ("date", json!({}), json!("2026-02-28"), json!("2026-02-28"), json!("2026-02-30"), "bad_date"),
        ("datetime", json!({}), json!("2026-02-28T09:30:00+08:00"), json!("2026-02-28T09:30:00+08:00"), json!("2026-02-28 09:30"), "bad_datetime"),
        ("choice", json!({"option": option}), json!("a"), json!("a"), json!("c"), "not_an_option"),
        ("multi_choice", json!({"option": option, "max_length": 2}), json!(["b", "a", "b"]), json!(["b", "a"]), json!(["a", 1]), "wrong_type"),
        ("tree_choice", json!({"option": option}), json!("b"), json!(["b"]), json!("a/b"), "not_an_option"),
        ("person", json!({}), json!("per_1"), json!("per_1"), json!("nobody"), "unknown_reference"),
        ("case", json!({}), json!("cas_1"), json!("cas_1"), json!(7), "bad_reference"),
        ("file", json!({"max_length": 1}), json!("att_1"), json!(["att_1"]), json!(["a", "b"]), "too_many"),
        ("email", json!({}), json!("A@Example.com"), json!("A@example.com"), json!("a@b"), "bad_email"),
        ("id_number", json!({}), json!("11010519491231002x"), json!("11010519491231002X"), json!("110105194912310021"), "bad_id_number"),
        ("plate", json!({}), json!("京a·12345"), json!("京A12345"), json!("京O12345"), "bad_plate"),
        ("yes_no", json!({}), json!("是"), json!(true), json!("maybe"), "wrong_type"),
        ("rating", json!({"max": 10, "min": 0}), json!(0), json!(0), json!(11), "too_large"),
    ] {
        let mut field = json!({"key": "x", "type": kind, "label": {"zh": "题", "en": "Question"}});
        field.as_object_mut().unwrap().extend(answers(more));
        let form = Form::from_value(&json!({"key": "f", "section": [{"field": [field]}]}), &[]).unwrap_or_else(|f| panic!("{kind}: {f:?}"));
        let out = checked(&form, json!({"x": good}), "low", true);
        assert_eq!((codes(&out), out.answers.get("x")), (vec![], Some(&cleaned)), "{kind}");
        assert_eq!(codes(&checked(&form, json!({"x": bad}), "low", true)), [("x", code)], "{kind}");
        // What is clean stays clean.
        assert_eq!(checked(&form, json!({"x": cleaned}), "low", true).answers.get("x"), Some(&cleaned), "{kind}");
    }
    assert_eq!(FieldType::ALL.len(), 23);
}

#[test]
fn a_definition_with_a_fault_on_every_line_tells_them_all_with_places() {
    let bad = r#"key = "Bad Form"
[[section]]
shw_if = "a is b"
[[section.field]]
key = "a"
type = "chioce"
label = "A"
[[section.field]]
key = "b"
label = { zh = "乙", en = "B" }
show_if = "demand iss refund"
"#;
    let faults = Form::read(bad, "bad.toml", &[]).unwrap_err();
    assert_eq!(faults.iter().map(|f| (f.line, f.right.as_str())).collect::<Vec<_>>(), [(Some(3), "did you mean `show_if`?"), (Some(6), "did you mean `choice`?"), (Some(11), "did you mean `is`?")]);
    let bad = r#"key = "Bad Form"
[[section]]
show_if = "missing is 1"
[[section.field]]
key = "a"
type = "choice"
label = { zh = "甲", en = "" }
min = 3
[[section.field]]
key = "a"
label = "x"
pattern = "[a-"
min_length = 9
max_length = 3
show_if = "a is x and amnt > 5"
[[section.field]]
key = "amt"
type = "number"
label = "x"
min = 9
max = 3
default = "many"
[[section.field]]
key = "t"
type = "table"
label = "x"
column = [{ key = "u", type = "table", label = "x" }]
[[section.field]]
key = "c"
type = "computed"
label = "x"
required = true
template = "{p} {nobody}"
[[section.field]]
key = "p"
label = "x"
personal = true
show_if = "q is y"
[[section.field]]
key = "q"
label = "x"
show_if = "p is y and t changed"
"#;
    let faults = Form::read(bad, "bad.toml", &[]).unwrap_err();
    let lines: Vec<u32> = faults.iter().filter_map(|f| f.line).collect();
    for line in [1, 3, 4, 7, 8, 10, 12, 14, 15, 21, 22, 27, 32, 33, 34, 42] {
        assert!(lines.contains(&line), "no fault on line {line}: {faults:#?}");
    }
    assert!(faults.iter().any(|f| f.wrong.contains("p → q → p") || f.wrong.contains("q → p → q")), "{faults:#?}");
    assert!(faults.iter().any(|f| f.wrong.contains("`p` is personal")));
    let condition = faults.iter().find(|f| f.line == Some(15)).unwrap();
    assert_eq!((condition.column, condition.right.as_str()), (Some(23), "did you mean `amt`?"));
}

#[test]
fn a_form_survives_json_and_its_fields_are_a_vocabulary() {
    let form = form();
    assert_eq!(serde_json::from_value::<Form>(serde_json::to_value(&form).unwrap()).unwrap(), form);
    assert_eq!(Form::from_value(&serde_json::to_value(&form).unwrap(), &[]).as_ref(), Ok(&form));
    let mut words = shouwen_rules::Vocabulary::standard();
    vocabulary(&form, "fields.").into_iter().for_each(|field| words.add_field(field));
    words.open.clear();
    let condition = words.read(r#"fields.amount > 1000.5 and fields.category is "network/broadband" and 诉求 是 refund and fields.rows >= 1"#).unwrap();
    let out = checked(&form, json!({"category": "network/broadband", "demand": "refund", "amount": "1000.51", "reason": "理由充分", "rows": [{"part": "AB123"}]}), "low", false);
    let facts = facts(&form, &out.answers, "fields.");
    assert!(shouwen_rules::evaluate(&condition, &facts, 0), "{facts:?}");
    assert!(words.read("fields.demand is refnd").is_err());
}

#[test]
fn answers_move_to_the_next_version_and_it_is_said_what_became_of_them() {
    let old = form();
    let mut new = old.clone();
    new.version = 4;
    new.sections[0].fields.retain(|f| f.key != "phone");
    new.sections[1].fields[0].kind = FieldType::Text;
    new.sections[1].fields[0].max = Value::Null;
    new.sections[0].fields.push(serde_json::from_value(json!({"key": "source", "type": "choice", "label": "S", "default": "mail", "option": [{"key": "mail", "label": "M"}]})).unwrap());
    let demand = new.sections[0].fields.iter_mut().find(|f| f.key == "demand").unwrap();
    demand.options.retain(|o| o.key != "explain");
    let given = answers(json!({"category": ["billing"], "phone": "12345", "demand": "explain", "amount": {"minor": 1050, "currency": "CNY"}, "reason": "因为"}));
    let out = migrate(&old, &new, &given);
    assert_eq!(out.kept, ["category", "reason"]);
    assert_eq!(out.converted, [("amount".to_owned(), json!({"minor": 1050, "currency": "CNY"}))]);
    assert_eq!(out.answers["amount"], json!("10.5"));
    assert_eq!(out.dropped.iter().map(|d| d.0.as_str()).collect::<Vec<_>>(), ["demand", "phone"]);
    assert_eq!(out.defaulted, ["source"]);
    let again = migrate(&new, &new, &out.answers);
    assert_eq!(again.answers, out.answers);
}

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from), (-1e6..1e6f64).prop_map(Value::from), "\\PC{0,20}".prop_map(Value::from), prop::sample::select(vec!["refund", "network/broadband", "2026-11-20", "13800138000", "AB123", "today", "12.5", "", "2026-02-28T09:30:00+08:00"]).prop_map(Value::from)];
    scalar.prop_recursive(2, 10, 4, |inner| prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), prop::collection::hash_map("part|count|minor|currency|[a-z]{1,4}", inner, 0..3).prop_map(|m| Value::Object(m.into_iter().collect()))])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn any_answers_are_checked_without_panic_and_what_is_clean_stays_clean(given in prop::collection::hash_map(prop::sample::select(vec!["category", "phone", "happened_on", "demand", "amount", "reason", "rows", "summary", "x"]), any_value(), 0..9), complete in any::<bool>()) {
        let form = form();
        let given: Map<String, Value> = given.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let first = checked(&form, Value::Object(given.clone()), "urgent", complete);
        for fault in &first.faults {
            prop_assert!(!fault.zh.is_empty() && !fault.en.is_empty());
        }
        for key in first.answers.keys() {
            prop_assert!(form.field(key).is_some());
            prop_assert!(!first.hidden.contains(key) || key == "reason");
        }
        let again = checked(&form, Value::Object(first.answers.clone()), "urgent", false);
        if first.good() {
            prop_assert_eq!(codes(&again), vec![]);
        }
        // A refused answer leaves room for a default, which may change what is shown; a good set of answers stays.
        if first.good() {
            prop_assert_eq!(&again.answers, &first.answers);
        }
        // And any answers move to another version without panic, and once moved stay.
        let mut new = form.clone();
        new.sections.remove(1);
        let moved = migrate(&form, &new, &given);
        prop_assert_eq!(&migrate(&new, &new, &moved.answers).answers, &moved.answers);
        prop_assert!(moved.kept.len() + moved.converted.len() + moved.dropped.len() <= given.len());
    }

    #[test]
    fn any_data_is_a_form_or_a_list_of_faults(value in any_value(), key in prop::sample::select(vec!["key", "type", "label", "help", "required", "default", "personal", "show_if", "require_if", "hidden", "min", "max", "decimals", "min_length", "max_length", "pattern", "pattern_says", "unit", "currencies", "option", "any_level", "column", "template"]), kind in prop::sample::select(FieldType::ALL.to_vec()), text in "\\PC{0,80}") {
        let mut field = json!({"key": "x", "type": kind.1, "label": {"zh": "题", "en": "Q"}});
        field[key] = value;
        if let Ok(form) = Form::from_value(&json!({"key": "f", "section": [{"field": [field]}]}), &[]) {
            prop_assert_eq!(form.faults(&[]), vec![]);
            let _ = checked(&form, json!({"x": text.clone()}), "low", true);
        }
        let _ = (Form::read(&text, "x.toml", &[]), Form::read(&text, "x.json", &[]));
    }
}

#[test]
fn five_hundred_fields_are_checked_and_validated() {
    let fields: Vec<Value> = (0..500).map(|i| json!({"key": format!("f{i}"), "label": {"zh": "题", "en": "Q"}, "show_if": if i > 0 { format!("f{} is \"x\"", i - 1) } else { "always".into() }, "required": true})).collect();
    let form = Form::from_value(&json!({"key": "big", "section": [{"field": fields}]}), &[]).unwrap();
    let given: Map<String, Value> = (0..500).map(|i| (format!("f{i}"), json!("x"))).collect();
    let context = Context { now: 0, today: "2026-11-21", case: &|_: &str| Value::Null, exists: &|_, _| true, complete: true, keep_retired: false };
    let out = Ready::new(&form).check(&given, &context);
    assert_eq!((out.answers.len(), out.faults.len()), (500, 0));
    let mut broken = given;
    broken.insert("f250".into(), json!("y"));
    let out = Ready::new(&form).check(&broken, &context);
    assert_eq!((out.answers.len(), out.hidden.len()), (251, 249));
}
