//! A calendar back as JSON (for the database and the web page) and as TOML (for a pack).

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value as Json, json};

use crate::calendar::Calendar;
use crate::holidays::{self, HolidayYear};
use crate::span::DaySpan;
use crate::spec::{DayRule, WEEKDAYS, weekday_name};

impl Calendar {
    /// The JSON form, holidays spelled out, so that it needs no other file. [`Calendar::from_json`] reads it back.
    pub fn to_json(&self) -> Json {
        let spec = self.spec();
        let week: Map<String, Json> = WEEKDAYS
            .iter()
            .filter(|(_, day)| !spec.weekday(*day).is_empty())
            .map(|(name, day)| ((*name).to_owned(), json!(texts(spec.weekday(*day)))))
            .collect();
        let days: Map<String, Json> = spec
            .days
            .iter()
            .map(|(date, rule)| {
                let value = match rule {
                    DayRule::Hours(spans) => json!(texts(spans)),
                    DayRule::Like(day) => json!(weekday_name(*day)),
                };
                (date.to_string(), value)
            })
            .collect();
        json!({
            "name": spec.name,
            "timezone": spec.timezone,
            "week": week,
            "days": days,
            "holidays": spec.holidays.iter().map(HolidayYear::to_json).collect::<Vec<_>>(),
            "makeup_like": weekday_name(spec.makeup_like),
        })
    }

    /// The TOML form of a calendar file. Built-in holidays are named, others are spelled out.
    pub fn to_toml(&self) -> String {
        let spec = self.spec();
        let mut out = String::new();
        let mut line = |text: String| {
            out += &text;
            out.push('\n');
        };
        if !spec.name.is_empty() {
            line(format!("name = {}", quoted(&spec.name)));
        }
        line(format!("timezone = {}", quoted(&spec.timezone)));
        if !spec.holidays.is_empty() {
            let years: Vec<String> = spec.holidays.iter().map(holiday_toml).collect();
            line(format!("holidays = [{}]", years.join(", ")));
        }
        line(format!(
            "makeup_like = \"{}\"",
            weekday_name(spec.makeup_like)
        ));
        line("\n[week]".to_owned());
        for (name, day) in WEEKDAYS {
            if !spec.weekday(day).is_empty() {
                line(format!("{name} = {}", list_toml(spec.weekday(day))));
            }
        }
        if !spec.days.is_empty() {
            line("\n[days]".to_owned());
        }
        for (date, rule) in &spec.days {
            line(match rule {
                DayRule::Hours(spans) => format!("\"{date}\" = {}", list_toml(spans)),
                DayRule::Like(day) => format!("\"{date}\" = \"{}\"", weekday_name(*day)),
            });
        }
        out
    }
}

fn texts(spans: &[DaySpan]) -> Vec<String> {
    spans.iter().map(DaySpan::to_string).collect()
}

/// A JSON string is a TOML basic string too, but for one control character, which TOML wants escaped.
fn quoted(text: &str) -> String {
    Json::from(text).to_string().replace('\u{7f}', "\\u007f")
}

fn list_toml(spans: &[DaySpan]) -> String {
    let items: Vec<String> = spans.iter().map(|span| format!("\"{span}\"")).collect();
    format!("[{}]", items.join(", "))
}

fn holiday_toml(year: &HolidayYear) -> String {
    if let Some(name) = &year.name
        && holidays::builtin(name).ok().flatten().as_ref() == Some(year)
    {
        return quoted(name);
    }
    let mut fields: Vec<String> = Vec::new();
    for (key, value) in [
        ("name", &year.name),
        ("region", &year.region),
        ("source", &year.source),
    ] {
        fields.extend(
            value
                .as_ref()
                .map(|text| format!("{key} = {}", quoted(text))),
        );
    }
    fields.extend(year.year.map(|y| format!("year = {y}")));
    for (key, dates) in [("off", &year.off), ("work", &year.work)] {
        let items: Vec<String> = dates.iter().map(|date| format!("\"{date}\"")).collect();
        fields.push(format!("{key} = [{}]", items.join(", ")));
    }
    format!("{{ {} }}", fields.join(", "))
}

impl Serialize for Calendar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Calendar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Calendar, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Calendar::from_json(&json).map_err(D::Error::custom)
    }
}
