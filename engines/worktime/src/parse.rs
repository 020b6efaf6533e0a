//! From a tree of values to a [`CalendarSpec`], collecting every fault on the way.

use jiff::civil::Weekday;

use crate::fault::{Fault, Faults, nearest, quote};
use crate::holidays::{self, HolidayYear};
use crate::node::{Entry, Node, Value, date, wrong_kind};
use crate::span::DaySpan;
use crate::spec::{CalendarSpec, DayRule, WEEKDAYS, weekday_from_name, weekday_index};

/// Finds a holiday file by the name a calendar gives it. `Ok(None)`: there is no such file.
pub(crate) type Resolve<'a> = &'a dyn Fn(&str) -> Result<Option<HolidayYear>, Fault>;

const TOP: [&str; 6] = [
    "name",
    "timezone",
    "week",
    "days",
    "holidays",
    "makeup_like",
];
const DAY_NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Reads a whole calendar.
///
/// # Errors
/// All faults found, by line; the list is never empty.
pub(crate) fn calendar(root: &Node, resolve: Resolve<'_>) -> Result<CalendarSpec, Faults> {
    let mut reader = Reader {
        resolve,
        faults: Vec::new(),
    };
    let spec = reader.calendar(root);
    if reader.faults.is_empty() {
        return Ok(spec);
    }
    reader
        .faults
        .sort_by_key(|fault| fault.place.line.unwrap_or(0));
    Err(Faults(reader.faults))
}

struct Reader<'a> {
    resolve: Resolve<'a>,
    faults: Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, node_line: usize, field: &str, fault: Fault) {
        self.faults.push(fault.at(field).on_line(node_line));
    }

    fn calendar(&mut self, root: &Node) -> CalendarSpec {
        let mut spec = CalendarSpec::empty("", "");
        let Value::Table(entries) = &root.value else {
            let wrong = format!("a calendar is a table, this is {}", root.kind());
            self.faults.push(Fault::new(
                "bad_calendar",
                wrong,
                "give name, timezone and week",
            ));
            return spec;
        };
        let mut has_zone = false;
        // TOML puts a key that stands below a [header] into that table. People write `holidays` and
        // `makeup_like` last, below [days]; there they can mean nothing else, so they are read as meant.
        let mut strayed: Vec<&Entry> = Vec::new();
        for entry in entries {
            match entry.key.as_str() {
                "name" => spec.name = self.text(&entry.node, "name").unwrap_or_default(),
                "timezone" => {
                    has_zone = true;
                    if let Some(zone) = self.text(&entry.node, "timezone") {
                        if let Err(fault) = crate::zone::find(&zone) {
                            self.fault(entry.node.line, "timezone", fault);
                        }
                        spec.timezone = zone;
                    }
                }
                "week" => strayed.extend(self.week(&entry.node, &mut spec)),
                "days" => strayed.extend(self.days(&entry.node, &mut spec)),
                "holidays" => self.holidays(&entry.node, &mut spec),
                "makeup_like" => self.makeup_like(&entry.node, &mut spec),
                // What a calendar of a pack says besides; the pack's own check looks at it.
                "key" | "title" | "adapt" => {}
                _ => self.unknown_key(entry, "", &TOP),
            }
        }
        for entry in strayed {
            if entries.iter().any(|top| top.key == entry.key) {
                let wrong = format!("{} is given twice", entry.key);
                self.fault(
                    entry.line,
                    &entry.key,
                    Fault::new("twice", wrong, "keep the one above the first [table]"),
                );
            } else if entry.key == "holidays" {
                self.holidays(&entry.node, &mut spec);
            } else {
                self.makeup_like(&entry.node, &mut spec);
            }
        }
        if !has_zone {
            let fault = Fault::new(
                "missing",
                "the time zone is missing",
                "write timezone = \"Asia/Shanghai\" (an IANA name)",
            );
            self.fault(0, "timezone", fault);
        }
        if let Err(fault) = holidays::consistent(&spec.holidays) {
            self.fault(0, "holidays", fault);
        }
        spec
    }

    fn week<'n>(&mut self, node: &'n Node, spec: &mut CalendarSpec) -> Vec<&'n Entry> {
        let mut strayed = Vec::new();
        for entry in self.table(
            node,
            "week",
            "[week] with mon = [\"09:00-18:00\"] and so on",
        ) {
            let field = format!("week.{}", entry.key);
            if let Some(day) = weekday_from_name(&entry.key) {
                spec.week[weekday_index(day)] = self.spans(&entry.node, &field);
            } else if is_stray(entry) {
                strayed.push(entry);
            } else {
                self.unknown_key(entry, "week", &DAY_NAMES);
            }
        }
        strayed
    }

    fn days<'n>(&mut self, node: &'n Node, spec: &mut CalendarSpec) -> Vec<&'n Entry> {
        let mut strayed = Vec::new();
        for entry in self.table(node, "days", "[days] with \"2026-10-01\" = [] and so on") {
            let field = format!("days.{}", entry.key);
            if is_stray(entry) {
                strayed.push(entry);
                continue;
            }
            let date = match date(&entry.key) {
                Ok(date) => date,
                Err(fault) => {
                    self.fault(entry.line, &field, fault);
                    continue;
                }
            };
            let rule = match &entry.node.value {
                Value::Text(_) => match self.weekday(&entry.node, &field) {
                    Some(day) => DayRule::Like(day),
                    None => continue,
                },
                _ => DayRule::Hours(self.spans(&entry.node, &field)),
            };
            if spec.days.insert(date, rule).is_some() {
                let fault = Fault::new(
                    "twice",
                    format!("{date} is given twice"),
                    "keep one entry for a date",
                );
                self.fault(entry.line, &field, fault);
            }
        }
        strayed
    }

    fn holidays(&mut self, node: &Node, spec: &mut CalendarSpec) {
        let Value::List(items) = &node.value else {
            let fault = wrong_kind(
                node,
                "a list of holiday files",
                "holidays = [\"cn-2026.json\"]",
            );
            return self.fault(node.line, "holidays", fault);
        };
        for (i, item) in items.iter().enumerate() {
            let field = format!("holidays[{i}]");
            let found = match &item.value {
                Value::Text(name) => self.holiday_file(name),
                Value::Table(_) => holidays::from_node(item),
                _ => Err(wrong_kind(
                    item,
                    "the name of a holiday file",
                    "\"cn-2026.json\"",
                )),
            };
            match found {
                Ok(year) => spec.holidays.push(year),
                // A fault inside another file keeps that file's own place.
                Err(fault) if fault.place.file.is_some() => self.faults.push(fault),
                Err(fault) => self.fault(item.line, &field, fault),
            }
        }
    }

    fn holiday_file(&self, name: &str) -> Result<HolidayYear, Fault> {
        let mut year = (self.resolve)(name)?.ok_or_else(|| {
            Fault::new(
                "no_holiday_file",
                format!(
                    "there is no holiday file {} and none of that name is built in",
                    quote(name)
                ),
                format!(
                    "put it beside the calendar, or use one of the built-in {}",
                    holidays::builtin_names()
                ),
            )
        })?;
        year.name = Some(name.to_owned());
        Ok(year)
    }

    fn makeup_like(&mut self, node: &Node, spec: &mut CalendarSpec) {
        if let Some(day) = self.weekday(node, "makeup_like") {
            spec.makeup_like = day;
        }
    }

    fn weekday(&mut self, node: &Node, field: &str) -> Option<Weekday> {
        let text = self.text(node, field)?;
        let found = weekday_from_name(&text);
        if found.is_none() {
            let hint = nearest(&text, WEEKDAYS.iter().map(|(name, _)| *name));
            let right = match hint {
                Some(name) => format!("did you mean \"{name}\"?"),
                None => {
                    "write mon, tue, wed, thu, fri, sat or sun, or a list of intervals".to_owned()
                }
            };
            self.fault(
                node.line,
                field,
                Fault::new(
                    "bad_weekday",
                    format!("{} is no weekday", quote(&text)),
                    right,
                ),
            );
        }
        found
    }

    fn spans(&mut self, node: &Node, field: &str) -> Vec<DaySpan> {
        let Value::List(items) = &node.value else {
            let fault = wrong_kind(
                node,
                "a list of intervals",
                "[\"09:00-12:00\", \"13:30-18:00\"], or [] for closed",
            );
            self.fault(node.line, field, fault);
            return Vec::new();
        };
        let mut spans = Vec::with_capacity(items.len());
        for (i, item) in items.iter().enumerate() {
            let at = format!("{field}[{i}]");
            if let Some(text) = self.text(item, &at) {
                match text.parse() {
                    Ok(span) => spans.push(span),
                    Err(fault) => self.fault(item.line, &at, fault),
                }
            }
        }
        spans
    }

    fn text(&mut self, node: &Node, field: &str) -> Option<String> {
        if let Value::Text(text) = &node.value {
            return Some(text.clone());
        }
        self.fault(
            node.line,
            field,
            wrong_kind(node, "a text", "it in double quotes"),
        );
        None
    }

    fn table<'n>(&mut self, node: &'n Node, field: &str, right: &str) -> &'n [Entry] {
        if let Value::Table(entries) = &node.value {
            return entries;
        }
        self.fault(node.line, field, wrong_kind(node, "a table", right));
        &[]
    }

    fn unknown_key(&mut self, entry: &Entry, table: &str, known: &[&str]) {
        let right = match nearest(&entry.key, known.iter().copied()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("known here: {}", known.join(", ")),
        };
        let field = if table.is_empty() {
            entry.key.clone()
        } else {
            format!("{table}.{}", entry.key)
        };
        let wrong = format!("{} is not known here", quote(&entry.key));
        self.fault(entry.line, &field, Fault::new("unknown_key", wrong, right));
    }
}

fn is_stray(entry: &Entry) -> bool {
    entry.line > 0 && matches!(entry.key.as_str(), "holidays" | "makeup_like")
}
