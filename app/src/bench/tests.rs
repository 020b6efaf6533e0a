use std::sync::Arc;

use axum::http::Method;
use serde_json::Value as Json;
use shouwen_kernel::SystemClock;

use crate::args::Args;
use crate::config::{Config, OPTIONS};
use crate::demo::house::House;

#[test]
fn generated_cases_are_listed_shown_searched_and_counted_and_no_projection_reads_them_again() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = vec!["--data".to_owned(), folder.path().display().to_string()];
    let config = || Config::load(&Args::read(&arguments, OPTIONS, &[]).unwrap()).unwrap();
    let house = House::open(config(), Arc::new(SystemClock)).unwrap();
    super::generate::generate(&house, 600, 3, true).unwrap();
    house.close();
    let house = House::open(config(), Arc::new(SystemClock)).unwrap();
    let (token, cases) = super::measure::viewer(&house).unwrap();
    assert_eq!(cases, 600);
    let get = |path: &str| house.ask(&token, Method::GET, path, Json::Null).unwrap_or_else(|p| panic!("{path}: {p}"));
    let page = get("/desk/cases?view=closed&limit=5");
    let row = &page["items"][0];
    let id = row["case_id"].as_str().unwrap();
    let case = get(&format!("/cases/{id}"));
    assert_eq!(case["number"], row["number"]);
    let timeline = get(&format!("/cases/{id}/timeline"));
    let entries = timeline["items"].as_array().unwrap();
    assert_eq!(entries.iter().filter(|e| e["kind"] == "message").count() as i64, row["messages"].as_i64().unwrap());
    assert!(entries.iter().any(|e| e["type"] == "case.closed"));
    let found = get("/search?q=%E5%AE%BD%E5%B8%A6");
    assert!(!found["cases"].as_array().unwrap().is_empty());
    let board = get("/insight/board");
    assert!(board["tiles"].as_array().unwrap().iter().any(|t| t["indicator"] == "closed" && t["value"].as_f64().unwrap_or_default() > 0.0), "{board}");
    let before = cases;
    house.turn().unwrap();
    assert_eq!(super::measure::viewer(&house).unwrap().1, before);
    house.close();
}
