//! What a check costs: `cargo run --release -p shouwen-forms --example forms_bench`.
//! A form of 500 fields of all types, 100 of them conditional, all answered. Figures depend on the machine.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Map, Value, json};
use shouwen_forms::{Context, Form, Ready, check, migrate};

const FIELDS: usize = 500;

fn main() {
    let kinds = ["text", "number", "money", "date", "choice", "multi_choice", "phone", "email", "yes_no", "rating"];
    let option: Vec<Value> = (0..20).map(|i| json!({"key": format!("o{i}"), "label": {"zh": "项", "en": "Option"}})).collect();
    let fields: Vec<Value> = (0..FIELDS)
        .map(|i| {
            let kind = kinds[i % kinds.len()];
            let mut field = json!({"key": format!("f{i}"), "type": kind, "label": {"zh": "题", "en": "Question"}, "required": true});
            match kind {
                "text" => field["pattern"] = json!("[A-Z]{2}[0-9]{6}"),
                "choice" | "multi_choice" => field["option"] = json!(option),
                "number" | "money" => (field["min"], field["max"]) = (json!(0), json!(100_000)),
                "date" => field["max"] = json!("today+30"),
                _ => {}
            }
            if i % 5 == 3 && i > 10 {
                field["show_if"] = json!(format!("f{} >= 3 and (f4 in o1, o2, o3 or case.priority is urgent)", (i / 10) * 10 - 1));
            }
            field
        })
        .collect();
    let definition = json!({"key": "big", "section": [{"field": fields}]});
    let began = Instant::now();
    let form = Form::from_value(&definition, &[]).unwrap_or_else(|faults| panic!("{faults:?}"));
    println!("reading and validating a form of {FIELDS} fields: {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
    let answers: Map<String, Value> = (0..FIELDS)
        .map(|i| {
            let answer = match kinds[i % kinds.len()] {
                "text" => json!("AB123456"),
                "number" => json!(i),
                "money" => json!("1234.50"),
                "date" => json!("2026-11-20"),
                "choice" => json!("o2"),
                "multi_choice" => json!(["o3", "o7", "o11"]),
                "phone" => json!("138 0013 8000"),
                "email" => json!("someone@example.com"),
                "yes_no" => json!(true),
                _ => json!(4),
            };
            (format!("f{i}"), answer)
        })
        .collect();
    let context = Context { now: 0, today: "2026-11-21", case: &|_: &str| Value::Null, exists: &|_, _| true, complete: true, keep_retired: false };
    let began = Instant::now();
    let ready = Ready::new(&form);
    println!("making it ready once (patterns, order): {:.2} ms", began.elapsed().as_secs_f64() * 1e3);
    let out = ready.check(&answers, &context);
    assert_eq!((out.faults.len(), out.answers.len()), (0, FIELDS), "{:?}", out.faults.first());
    report("check of 500 answers", 1.0, || black_box(ready.check(black_box(&answers), &context)).answers.len());
    report("check without a form made ready before", f64::INFINITY, || black_box(check(&form, black_box(&answers), &context)).answers.len());
    report("moving 500 answers to the next version", f64::INFINITY, || black_box(migrate(&form, &form, black_box(&out.answers))).answers.len());
}

fn report(name: &str, most_ms: f64, mut call: impl FnMut() -> usize) {
    const CALLS: u32 = 200;
    for _ in 0..10 {
        call();
    }
    let began = cpu_seconds();
    for _ in 0..CALLS {
        call();
    }
    let ms = (cpu_seconds() - began) * 1e3 / f64::from(CALLS);
    let verdict = if most_ms.is_infinite() { "" } else if ms <= most_ms { "; target ≤ 1 ms met" } else { "; OVER the target of 1 ms" };
    println!("{name}: {ms:.3} ms{verdict}");
}

/// Seconds this thread has had a core: what else the machine does is not counted. Elsewhere than on Linux: the clock.
fn cpu_seconds() -> f64 {
    static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    let on_core = std::fs::read_to_string("/proc/thread-self/schedstat").ok().and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    on_core.map_or_else(|| BEGAN.get_or_init(Instant::now).elapsed().as_secs_f64(), |nanoseconds| nanoseconds / 1e9)
}
