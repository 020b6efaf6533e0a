//! Official holidays and make-up working days (放假与调休), as files of facts.

use std::collections::HashMap;

use jiff::civil::Date;
use serde_json::{Value as Json, json};

use crate::fault::{Fault, quote};
use crate::node::{self, Node, Value, date, wrong_kind};

/// One year's official calendar: which dates are off, which weekend dates are worked instead.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HolidayYear {
    /// The name a calendar refers to it by, such as `cn-2026.json`.
    pub name: Option<String>,
    pub year: Option<i64>,
    /// Region code, such as `CN`.
    pub region: Option<String>,
    /// Dates that are closed.
    pub off: Vec<Date>,
    /// Dates that are worked like the calendar's `makeup_like` weekday.
    pub work: Vec<Date>,
    /// Where the facts come from.
    pub source: Option<String>,
}

/// The State Council's arrangements, as published; the newest is the last.
const BUILT_IN: [(i16, &str, &str); 3] = [
    (2024, "cn-2024.json", include_str!("../data/cn-2024.json")),
    (2025, "cn-2025.json", include_str!("../data/cn-2025.json")),
    (2026, "cn-2026.json", include_str!("../data/cn-2026.json")),
];

/// The built-in holidays of mainland China for `year`; None for a year not yet announced or too old.
pub fn builtin_holidays(year: i16) -> Option<HolidayYear> {
    let (_, name, text) = BUILT_IN.iter().find(|(y, _, _)| *y == year)?;
    builtin_text(name, text).ok()
}

/// Resolves a holiday file's name to the built-in facts of that name. To be handed to
/// [`crate::Calendar::from_toml`] where there are no files to look at.
///
/// # Errors
/// None in practice; the signature is that of every resolver.
pub fn builtin(name: &str) -> Result<Option<HolidayYear>, Fault> {
    match BUILT_IN.iter().find(|(_, n, _)| *n == name) {
        Some((_, name, text)) => builtin_text(name, text).map(Some),
        None => Ok(None),
    }
}

fn builtin_text(name: &str, text: &str) -> Result<HolidayYear, Fault> {
    let mut year = HolidayYear::from_json(text, name)?;
    year.name = Some(name.to_owned());
    Ok(year)
}

/// The names [`builtin`] knows, for messages.
pub(crate) fn builtin_names() -> String {
    BUILT_IN.map(|(_, name, _)| name).join(", ")
}

impl HolidayYear {
    /// Reads a holiday file: `{"year": 2026, "region": "CN", "off": ["2026-10-01", …], "work": [...]}`.
    /// `file` is only named in messages. Fields not named here are ignored, so that other tools' files
    /// can be used.
    ///
    /// # Errors
    /// `bad_json` with its line, or what is wrong with which field.
    pub fn from_json(text: &str, file: &str) -> Result<HolidayYear, Fault> {
        let json: Json =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
                Fault::new(
                    "bad_json",
                    format!("this is not JSON: {error}"),
                    "see cn-2026.json for the form of a holiday file",
                )
                .on_line(error.line())
                .in_file(file)
            })?;
        from_node(&node::from_json(&json)).map_err(|fault| fault.in_file(file))
    }

    /// The JSON form, with the fields that are known.
    pub fn to_json(&self) -> Json {
        let dates = |list: &[Date]| list.iter().map(Date::to_string).collect::<Vec<_>>();
        let mut out = json!({ "off": dates(&self.off), "work": dates(&self.work) });
        if let Json::Object(fields) = &mut out {
            for (key, value) in [
                ("name", &self.name),
                ("region", &self.region),
                ("source", &self.source),
            ] {
                if let Some(text) = value {
                    fields.insert(key.to_owned(), json!(text));
                }
            }
            if let Some(year) = self.year {
                fields.insert("year".to_owned(), json!(year));
            }
        }
        out
    }
}

/// Reads one holiday table.
pub(crate) fn from_node(node: &Node) -> Result<HolidayYear, Fault> {
    let Value::Table(entries) = &node.value else {
        return Err(wrong_kind(
            node,
            "a table of holidays",
            "{\"year\": 2026, \"off\": [\"2026-10-01\"], \"work\": []}",
        ));
    };
    let mut out = HolidayYear::default();
    let mut said_anything = false;
    for entry in entries {
        let text = || match &entry.node.value {
            Value::Text(text) => Ok(Some(text.clone())),
            Value::Other("null") => Ok(None),
            _ => Err(wrong_kind(&entry.node, "a text", "it in double quotes").at(&entry.key)),
        };
        match entry.key.as_str() {
            "off" => (out.off, said_anything) = (dates(&entry.node, "off")?, true),
            "work" => (out.work, said_anything) = (dates(&entry.node, "work")?, true),
            "name" => out.name = text()?,
            "region" => out.region = text()?,
            "source" => out.source = text()?,
            "year" => {
                let Value::Whole(year) = entry.node.value else {
                    return Err(
                        wrong_kind(&entry.node, "a year", "a number such as 2026").at("year")
                    );
                };
                out.year = Some(year);
            }
            _ => {}
        }
    }
    if !said_anything {
        return Err(Fault::new(
            "bad_holidays",
            "there is neither \"off\" nor \"work\" in these holidays",
            "give \"off\": [dates] for closed days and \"work\": [dates] for make-up working days",
        ));
    }
    Ok(out)
}

fn dates(node: &Node, field: &str) -> Result<Vec<Date>, Fault> {
    let Value::List(items) = &node.value else {
        return Err(wrong_kind(node, "a list of dates", "[\"2026-10-01\"]").at(field));
    };
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        let at = format!("{field}[{i}]");
        let Value::Text(text) = &item.value else {
            return Err(wrong_kind(item, "a date", "\"2026-10-01\"").at(at));
        };
        out.push(date(text).map_err(|fault| fault.at(at))?);
    }
    Ok(out)
}

/// No date may be off and worked at once, in one file or across several.
pub(crate) fn consistent(years: &[HolidayYear]) -> Result<(), Fault> {
    let label = |year: &HolidayYear| {
        year.name
            .clone()
            .unwrap_or_else(|| "the holidays".to_owned())
    };
    let off: HashMap<Date, &HolidayYear> = years
        .iter()
        .flat_map(|y| y.off.iter().map(move |d| (*d, y)))
        .collect();
    for year in years {
        if let Some((date, closed)) = year
            .work
            .iter()
            .find_map(|date| Some((date, off.get(date)?)))
        {
            return Err(Fault::new(
                "holiday_conflict",
                format!(
                    "{} is off in {} and a working day in {}",
                    date,
                    quote(&label(closed)),
                    quote(&label(year))
                ),
                "keep it in one of the two lists, or overrule it under [days]",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_years_are_there_and_consistent() {
        for (year, off, work) in [(2024, 30, 8), (2025, 28, 5), (2026, 33, 6)] {
            let found = builtin_holidays(year).unwrap();
            assert_eq!((found.off.len(), found.work.len()), (off, work), "{year}");
            assert_eq!(found.year, Some(i64::from(year)));
            assert!(consistent(&[found]).is_ok());
        }
        assert!(builtin_holidays(2023).is_none() && builtin_holidays(2027).is_none());
    }

    #[test]
    fn bad_holiday_files_name_file_and_field() {
        for (text, part) in [
            (
                "{\"off\": [\"2026-13-01\"]}",
                "h.json: off[0]: \"2026-13-01\" is no date",
            ),
            (
                "{\"off\": \"2026-10-01\"}",
                "h.json: off: expected a list of dates, found a text",
            ),
            (
                "{\"work\": [20261001]}",
                "h.json: work[0]: expected a date, found a number",
            ),
            ("{\"days\": []}", "neither \"off\" nor \"work\""),
            ("[]", "expected a table of holidays, found a list"),
            ("{\"off\": [\n", "h.json:2: this is not JSON"),
        ] {
            let fault = HolidayYear::from_json(text, "h.json")
                .unwrap_err()
                .to_string();
            assert!(fault.contains(part), "{text}: {fault}");
        }
    }

    #[test]
    fn a_date_both_off_and_worked_is_refused() {
        let a = HolidayYear::from_json(r#"{"off":["2026-10-01"]}"#, "a").unwrap();
        let b = HolidayYear::from_json(r#"{"work":["2026-10-01"]}"#, "b").unwrap();
        assert!(
            consistent(&[a, b])
                .unwrap_err()
                .wrong
                .contains("2026-10-01 is off")
        );
    }
}
