//! Counters of this process, in Prometheus text form. Gauges that live in the database come from the modules.

use std::collections::BTreeMap;
use std::sync::Mutex;

/// Named counters; a name may carry labels: `http_requests_total{status="200"}`.
#[derive(Default)]
pub struct Metrics(Mutex<BTreeMap<String, f64>>);

impl Metrics {
    /// Adds to a counter.
    pub fn add(&self, name: &str, value: f64) {
        let mut map = self.0.lock().unwrap_or_else(|p| p.into_inner());
        match map.get_mut(name) {
            Some(total) => *total += value,
            None => {
                map.insert(name.to_owned(), value);
            }
        }
    }
    /// Sets a gauge.
    pub fn set(&self, name: &str, value: f64) {
        self.0.lock().unwrap_or_else(|p| p.into_inner()).insert(name.to_owned(), value);
    }
    /// All of them, `name value` a line.
    pub fn text(&self) -> String {
        self.0.lock().unwrap_or_else(|p| p.into_inner()).iter().map(|(name, value)| format!("shouwen_{name} {value}\n")).collect()
    }
}
