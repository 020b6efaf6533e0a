//! Many bad shapes: each names its field, says what would be right, and never speaks of our types.
#![allow(dead_code)]

use serde::Deserialize;
use shouwen_kernel::{CalendarId, CaseId, Lang, Time};

use super::*;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Colour {
    Red,
    Green,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a budget like `4h`, or one for each priority")]
enum Budget {
    One(String),
    Many(std::collections::BTreeMap<String, String>),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Unsaid {
    One(String),
    Two(bool),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Party {
    address: String,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    until: Option<Time>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    title: String,
    #[serde(default)]
    to: Vec<Party>,
    #[serde(default)]
    calendar_id: Option<CalendarId>,
    #[serde(default, deserialize_with = "present")]
    parent: Option<Option<CaseId>>,
    #[serde(default)]
    port: Option<u16>,
    #[serde(default)]
    version: Option<i64>,
    #[serde(default)]
    share: Option<f64>,
    #[serde(default)]
    active: Option<bool>,
    #[serde(default)]
    colour: Option<Colour>,
    #[serde(default)]
    lang: Option<Lang>,
    #[serde(default)]
    budget: Option<Budget>,
    #[serde(default)]
    odd: Option<Unsaid>,
    #[serde(default)]
    pair: Option<(i64, i64)>,
    #[serde(default)]
    names: std::collections::BTreeMap<String, u8>,
    #[serde(default)]
    password: Option<String>,
}

fn present<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

fn wrong(body: &str) -> Problem {
    read_json::<Body>(body.as_bytes()).expect_err(body)
}

/// Nobody outside reads our types.
fn no_rust_in(problem: &Problem) {
    let all = format!("{} {}", problem.message, problem.expected.clone().unwrap_or_default());
    for word in ["struct", "enum", "Body", "Party", "Colour", "u16", "i64", "f64", "usize", "variant", "sequence", "untagged", "borrowed", "visitor", "Some(", "at line", "tuple"] {
        assert!(!all.contains(word), "`{word}` in: {all}");
    }
    assert!(problem.expected.as_ref().is_some_and(|e| !e.is_empty()), "{all}");
}

#[test]
fn every_wrong_shape_names_its_field_and_what_would_be_right() {
    let id = "cas_01m803szz5e18bfvhqa5kc9kkr";
    // body, field, part of the message, part of what would be right
    let cases: &[(&str, Option<&str>, &str, &str)] = &[
        ("[]", None, "the body is an empty list", "a JSON object"),
        ("5", None, "the body is the number 5", "a JSON object"),
        ("\"x\"", None, "the body is the text \"x\"", "a JSON object"),
        ("null", None, "the body is null", "a JSON object"),
        ("{}", Some("title"), "`title` is missing", "title"),
        (r#"{"title":5}"#, Some("title"), "`title` is the number 5", "a text in quotes"),
        (r#"{"title":null}"#, Some("title"), "`title` is null", "a text in quotes"),
        (r#"{"title":["a"]}"#, Some("title"), "`title` is a list of 1", "a text in quotes"),
        (r#"{"title":{"zh":"a"}}"#, Some("title"), "`title` is an object", "a text in quotes"),
        (r#"{"title":"a","colur":"red"}"#, Some("colur"), "no field `colur`", "`colour`"),
        (r#"{"title":"a","title":"b"}"#, Some("title"), "stands twice", "once"),
        (r#"{"title":"a","to":{}}"#, Some("to"), "`to` is an object", "a list"),
        (r#"{"title":"a","to":"x"}"#, Some("to"), "the text \"x\"", "a list"),
        (r#"{"title":"a","to":[{"address":"a"},{}]}"#, Some("to[1].address"), "`address` is missing in `to[1]`", "address"),
        (r#"{"title":"a","to":[{"address":"a"},7]}"#, Some("to[1]"), "`to[1]` is the number 7", "an object"),
        (r#"{"title":"a","to":[{"address":"a","nick":1}]}"#, Some("to[0].nick"), "no field `nick` in `to[0]`", "`address`"),
        (r#"{"title":"a","to":[{"address":"a","tags":["x",2]}]}"#, Some("to[0].tags[1]"), "the number 2", "a text"),
        (r#"{"title":"a","to":[{"address":"a","until":"9999-12-31"}]}"#, Some("to[0].until"), "`9999-12-31` is not an instant", "RFC 3339"),
        (r#"{"title":"a","to":[{"address":"a","until":1700000000}]}"#, Some("to[0].until"), "the number 1700000000", "a text"),
        (r#"{"title":"a","calendar_id":"cal_x"}"#, Some("calendar_id"), "`cal_x` is not an id of this kind", "`cal_` and 26 characters"),
        (r#"{"title":"a","calendar_id":"cas_01m803szz5e18bfvhqa5kc9kkr"}"#, Some("calendar_id"), "not an id of this kind", "`cal_`"),
        (r#"{"title":"a","calendar_id":12}"#, Some("calendar_id"), "the number 12", "a text"),
        (r#"{"title":"a","parent":"cas_"}"#, Some("parent"), "not an id of this kind", "`cas_` and 26"),
        (r#"{"title":"a","port":70000}"#, Some("port"), "the number 70000", "0 to 65535"),
        (r#"{"title":"a","port":-1}"#, Some("port"), "the number -1", "0 to 65535"),
        (r#"{"title":"a","port":"993"}"#, Some("port"), "the text \"993\"", "0 to 65535"),
        (r#"{"title":"a","port":1.5}"#, Some("port"), "the number 1.5", "whole number"),
        (r#"{"title":"a","version":1.5}"#, Some("version"), "the number 1.5", "a whole number"),
        (r#"{"title":"a","version":99999999999999999999}"#, Some("version"), "the number", "a whole number"),
        (r#"{"title":"a","share":"half"}"#, Some("share"), "the text \"half\"", "a number"),
        (r#"{"title":"a","active":"yes"}"#, Some("active"), "the text \"yes\"", "true or false"),
        (r#"{"title":"a","active":1}"#, Some("active"), "the number 1", "true or false"),
        (r#"{"title":"a","colour":"blue"}"#, Some("colour"), "the text \"blue\"", "one of `red`, `green`"),
        (r#"{"title":"a","colour":3}"#, Some("colour"), "the number 3", "a text"),
        (r#"{"title":"a","colour":{"x":1}}"#, Some("colour"), "an object", "`red`"),
        (r#"{"title":"a","colour":[]}"#, Some("colour"), "an empty list", "a text"),
        (r#"{"title":"a","lang":"fr"}"#, Some("lang"), "the text \"fr\"", "`zh-CN`"),
        (r#"{"title":"a","budget":5}"#, Some("budget"), "the number 5", "a budget like `4h`"),
        (r#"{"title":"a","budget":{"high":5}}"#, Some("budget"), "an object", "a budget like `4h`"),
        (r#"{"title":"a","odd":5}"#, Some("odd"), "the number 5", "one of the shapes"),
        (r#"{"title":"a","pair":[1]}"#, Some("pair"), "a list of 1", "a list"),
        (r#"{"title":"a","names":{"x":256}}"#, Some("names.x"), "the number 256", "0 to 255"),
        (r#"{"title":"a","names":[]}"#, Some("names"), "an empty list", "an object"),
        (r#"{"title":"a","password":12345678}"#, Some("password"), "`password` is a number", "a text"),
    ];
    for (body, field, message, expected) in cases {
        let problem = wrong(body);
        assert_eq!(problem.field.as_deref(), *field, "{body}: {problem}");
        assert!(problem.message.contains(message), "{body}: {problem}");
        assert!(problem.expected.as_deref().unwrap_or_default().contains(expected), "{body}: {problem}");
        assert_eq!(problem.code, "invalid", "{body}");
        no_rust_in(&problem);
    }
    assert!(!wrong(r#"{"title":"a","password":12345678}"#).to_string().contains("1234"), "a secret is not repeated");
    assert!(read_json::<Body>(format!(r#"{{"title":"a","parent":"{id}","port":993,"budget":{{"high":"1h"}},"pair":[1,2]}}"#).as_bytes()).is_ok());
}

#[test]
fn what_is_no_json_says_where() {
    for (body, part) in [("", "empty"), ("  ", "empty"), ("{", "line 1, column 1"), ("{\"title\":\"a\",}", "trailing comma"), ("{'title':1}", "column 2"), ("{\"title\":\"a\"} x", "trailing characters"), ("{\"title\":\n nope}", "line 2")] {
        let problem = wrong(body);
        assert_eq!((problem.code.as_ref(), problem.field.as_deref()), ("invalid.json", None), "{body}: {problem}");
        assert!(problem.message.contains(part), "{body}: {problem}");
        no_rust_in(&problem);
    }
    let problem = read_json::<Body>(b"{\"title\":\"\xff\"}").unwrap_err();
    assert!(problem.code == "invalid.json" && problem.expected.unwrap().contains("UTF-8"));
    let deep = "[".repeat(5000);
    assert_eq!(read_json::<Value>(deep.as_bytes()).unwrap_err().code, "invalid.json");
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[derive(Default)]
struct Asked {
    limit: Option<usize>,
    offset: Option<i64>,
    unread: Option<bool>,
    ratio: Option<f64>,
    case: Option<CaseId>,
    since: Option<Time>,
    colour: Option<Colour>,
    q: Option<String>,
}

#[test]
fn a_wrong_parameter_is_named() {
    for (query, field, expected) in [
        ("limit=abc", "limit", "1 to 200"),
        ("limit=", "limit", "whole number"),
        ("limit=-1", "limit", "whole number"),
        ("limit=99999999999999999999999", "limit", "whole number"),
        ("q=a&offset=1.5", "offset", "whole number"),
        ("unread=maybe", "unread", "true or false"),
        ("ratio=x", "ratio", "a number"),
        ("case=cas_x", "case", "`cas_` and 26"),
        ("since=yesterday", "since", "RFC 3339"),
        ("colour=blue", "colour", "`red`"),
        ("lmit=5", "lmit", "`limit`"),
        ("limit=1&limit=2", "limit", "once"),
    ] {
        let problem = read_query::<Asked>(query).expect_err(query);
        assert_eq!(problem.field.as_deref(), Some(field), "{query}: {problem}");
        assert!(problem.expected.as_deref().unwrap_or_default().contains(expected), "{query}: {problem}");
        no_rust_in(&problem);
    }
    assert_eq!(read_query::<Asked>("limit=5&q=%E9%80%80%E6%AC%BE&unread=true").unwrap().q.as_deref(), Some("退款"));
    assert_eq!(read_query::<Asked>("").unwrap().limit, None);
}
