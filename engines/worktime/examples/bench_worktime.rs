//! What the engine costs: `cargo run --release -p shouwen-worktime --example bench_worktime`.
//! Prints nanoseconds per call on realistic calendars, the first call on a fresh calendar, and the time to
//! plan 10,000 clocks. Figures depend on the machine and on what else it does.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use shouwen_worktime::{Budget, Calendar, Clock, HOUR, MINUTE, Pause, holidays, instant};

const DESK: &str = r#"
timezone = "Asia/Shanghai"
holidays = ["cn-2024.json", "cn-2025.json", "cn-2026.json"]
[week]
mon = ["09:00-12:00", "13:30-18:00"]
tue = ["09:00-12:00", "13:30-18:00"]
wed = ["09:00-12:00", "13:30-18:00"]
thu = ["09:00-12:00", "13:30-18:00"]
fri = ["09:00-12:00", "13:30-18:00"]
"#;
const NIGHT: &str = r#"
timezone = "America/New_York"
[week]
mon = ["22:00-06:00"]
tue = ["22:00-06:00"]
wed = ["22:00-06:00"]
thu = ["22:00-06:00"]
fri = ["22:00-06:00"]
"#;
const ALWAYS: &str = r#"
timezone = "Asia/Shanghai"
[week]
mon = ["00:00-24:00"]
tue = ["00:00-24:00"]
wed = ["00:00-24:00"]
thu = ["00:00-24:00"]
fri = ["00:00-24:00"]
sat = ["00:00-24:00"]
sun = ["00:00-24:00"]
"#;
const CLOCKS: i64 = 10_000;

fn main() -> Result<(), Box<dyn Error>> {
    let first = instant::parse("2025-01-01T00:00:00Z")?;
    for (name, toml) in [
        ("desk with holidays", DESK),
        ("night shift, New York", NIGHT),
        ("7×24", ALWAYS),
    ] {
        let calendar = || Calendar::from_toml(toml, "bench.toml", &holidays::builtin);
        let fresh = calendar()?;
        let (cold, _) = timed(|| fresh.due(first, Budget::hours(72), &[]));
        println!(
            "{name}: first due(72h) on a fresh calendar {} µs",
            cold.as_micros()
        );
        for budget in ["30s", "8h", "72h", "10wd", "20000h"] {
            let budget: Budget = budget.parse()?;
            report(&format!("  due({budget})"), first, |start| {
                Ok(fresh.due(start, budget, &[])?.unwrap_or(0))
            })?;
        }
        report("  due(72h) with 3 pauses", first, |start| {
            Ok(fresh
                .due(start, Budget::hours(72), &pauses(start))?
                .unwrap_or(0))
        })?;
        report("  elapsed over 90 days", first, |start| {
            Ok(fresh.elapsed(start, start + 90 * 24 * HOUR, &[])?)
        })?;
        for (what, hours) in [("72 h", 72), ("20,000 h (years long)", 20_000)] {
            let edited = calendar()?;
            let (took, planned) = timed(|| plan_all(&edited, first, hours));
            println!(
                "  planning 10,000 clocks of {what} with 1 pause on a calendar just edited: {:.1} ms ({} due)",
                ms(took),
                planned?
            );
        }
    }
    Ok(())
}

/// Due, elapsed, remaining and two warnings for each clock, as a re-plan does.
fn plan_all(calendar: &Calendar, first: i64, hours: i32) -> Result<usize, Box<dyn Error>> {
    let mut planned = 0;
    for i in 0..CLOCKS {
        let start = first + i * 37 * MINUTE;
        let clock = Clock::new(
            calendar,
            start,
            Budget::hours(hours),
            vec![Pause::new(start + HOUR, start + 9 * HOUR)],
        )?;
        planned += usize::from(clock.plan(start + 30 * HOUR)?.due.is_some());
        black_box((clock.warn_at(0.5)?, clock.warn_at(0.8)?));
    }
    Ok(planned)
}

fn pauses(start: i64) -> [Pause; 3] {
    [1, 20, 40].map(|hour| Pause::new(start + hour * HOUR, start + (hour + 3) * HOUR))
}

fn report(
    name: &str,
    first: i64,
    mut call: impl FnMut(i64) -> Result<i64, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    const CALLS: i64 = 100_000;
    for i in 0..1_000 {
        black_box(call(first + i * 7 * MINUTE)?);
    }
    let began = Instant::now();
    for i in 0..CALLS {
        black_box(call(black_box(first + i * 7 * MINUTE))?);
    }
    println!(
        "{name}: {:.0} ns",
        began.elapsed().as_nanos() as f64 / CALLS as f64
    );
    Ok(())
}

fn timed<T>(call: impl FnOnce() -> T) -> (Duration, T) {
    let began = Instant::now();
    let out = call();
    (began.elapsed(), out)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
