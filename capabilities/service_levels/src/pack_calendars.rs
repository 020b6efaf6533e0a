//! Calendars as a part of packs: `calendars/<key>.toml`, the calendar format with `key`, `title` and `adapt`, and holiday
//! files beside them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{PACK_KEY_RULE, PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, PackText, is_pack_key, pack_decision, pack_fingerprint, pack_of_others, read_toml};
use shouwen_worktime::{Calendar, Fault, HolidayYear, holidays};

use crate::calendars::{self, CalendarView, create_marked, rewrite};
use crate::levels::two_languages;

/// The part.
pub const PART: PackPart = PackPart { section: "calendars", files: &["calendars/*.toml", "calendars/*.json"], check, install, export };
const FILES: &str = "calendars/*.toml";

/// What a calendar of a pack says besides the calendar format.
#[derive(Debug, Deserialize, Serialize)]
struct Head {
    key: String,
    #[serde(default)]
    title: Option<PackText>,
    #[serde(default)]
    name: Option<String>,
    /// At installation the workspace's time zone takes the place of the written one; where they differ, the holiday files
    /// are left out, for they belong to the written one.
    #[serde(default)]
    adapt: bool,
}

/// The calendar a file describes; holiday files are found in the pack, then among the built-in ones.
fn parse(file: &PackFile, pack: &PackFiles) -> std::result::Result<Calendar, shouwen_worktime::Faults> {
    let find = |name: &str| -> std::result::Result<Option<HolidayYear>, Fault> {
        match pack.file(&format!("calendars/{name}")) {
            Some(own) => HolidayYear::from_json(&own.text, &own.path).map(Some),
            None => holidays::builtin(name),
        }
    };
    Calendar::from_toml(&file.text, &file.path, &find)
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    for file in pack.matching("calendars/*.json") {
        if let Err(fault) = HolidayYear::from_json(&file.text, &file.path) {
            faults.push(file.fault(fault.place.line.unwrap_or(1) as usize, fault.wrong, fault.right));
        }
    }
    for file in pack.matching(FILES) {
        if let Err(found) = parse(file, pack) {
            for fault in found.0 {
                // A fault inside a holiday file has been told above.
                if fault.place.file.as_deref().is_none_or(|name| name == file.path) {
                    let field = fault.place.field.as_ref().map(|field| format!("`{field}`: ")).unwrap_or_default();
                    faults.push(file.fault(fault.place.line.unwrap_or(1) as usize, format!("{field}{}", fault.wrong), fault.right));
                }
            }
        }
        let (head, doc) = read_toml::<Head>(file, &mut faults);
        // What is no TOML has been told by the calendar's reader.
        let Some(head) = head else { continue };
        if doc.told("key") {
            // Told already.
        } else if !is_pack_key(&head.key) {
            faults.push(doc.fault("key", format!("`{}` cannot be a key", shouwen_kernel::text::clip(&head.key, 60)), PACK_KEY_RULE));
        } else if head.key != file.stem() {
            faults.push(doc.fault("key", format!("the key is `{}` and the file is named `{}`", head.key, file.stem()), format!("the file calendars/{}.toml", head.key)));
        }
        match &head.title {
            Some(title) if !two_languages(title) => faults.push(doc.fault("title", "a title is empty or longer than 80 characters", "{ zh = \"…\", en = \"…\" }")),
            // One name is one language: half of the readers would not understand it.
            None if !doc.told("title") => faults.push(doc.fault(if head.name.is_some() { "name" } else { "key" }, "the calendar has no `title`", "title = { zh = \"…\", en = \"…\" }")),
            _ => {}
        }
    }
    // Two readers may tell the same line of broken TOML.
    faults.sort();
    faults.dedup_by(|a, b| a.file == b.file && a.line == b.line);
    faults
}

/// The calendar as the workspace keeps it.
fn spec(file: &PackFile, pack: &PackFiles, zone: &str, locale: &str) -> Result<(Head, Value)> {
    let mut faults = Vec::new();
    let head = read_toml::<Head>(file, &mut faults).0.ok_or_else(|| Problem::internal(format!("{} was not checked", file.path)))?;
    let calendar = parse(file, pack).map_err(|faults| Problem::internal(faults.to_string()))?;
    let mut json = calendar.to_json();
    let years: Vec<Value> = calendar
        .spec()
        .holidays
        .iter()
        .map(|year| match &year.name {
            Some(name) if holidays::builtin(name).ok().flatten().as_ref() == Some(year) => json!(name),
            _ => year.to_json(),
        })
        .collect();
    json["holidays"] = Value::Array(years);
    let name = head.title.as_ref().map(|title| title.of(locale).to_owned()).or_else(|| head.name.clone()).unwrap_or_else(|| head.key.clone());
    json["name"] = json!(name);
    if let Some(title) = &head.title {
        json["title"] = json!(title);
    }
    if head.adapt && json["timezone"] != zone {
        json["timezone"] = json!(zone);
        json["holidays"] = json!([]);
    }
    Ok((head, json))
}

/// The calendar as data of its own, whatever order or spelling it was stored in. With a title, the name only repeats it in
/// the workspace's language.
fn print(spec: &Value, title: Option<&PackText>) -> Result<String> {
    let mut plain = spec.clone();
    if let Some(fields) = plain.as_object_mut() {
        fields.remove("title");
    }
    let mut json = crate::engine::calendar_from(&plain)?.to_json();
    if let (Some(title), Some(fields)) = (title, json.as_object_mut()) {
        fields.remove("name");
        fields.insert("title".into(), json!(title));
    }
    pack_fingerprint(&json)
}

/// The calendar with this key; else one without a key that has the same name in either language.
fn counterpart<'a>(known: &'a [CalendarView], head: &Head, name: &str) -> Option<&'a CalendarView> {
    let named = |view: &&CalendarView| {
        let own = view.spec["name"].as_str().unwrap_or_default();
        view.key.is_none() && (own == name || head.title.as_ref().is_some_and(|title| own == title.zh || own == title.en))
    };
    known.iter().find(|view| view.key.as_deref() == Some(&head.key)).or_else(|| known.iter().find(named))
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let workspace = tx.workspaces()?.into_iter().find(|w| w.id == ctx.workspace).ok_or_else(|| Problem::not_found("workspace"))?;
    let mut changes = Vec::new();
    let mut keys = Vec::new();
    for file in pack.matching(FILES) {
        let (head, wanted) = spec(file, pack, &workspace.time_zone, &workspace.locale)?;
        keys.push(head.key.clone());
        let known = calendars::all(tx, ctx.workspace)?;
        let print_wanted = print(&wanted, head.title.as_ref())?;
        let Some(found) = counterpart(&known, &head, wanted["name"].as_str().unwrap_or_default()) else {
            create_marked(tx, ctx, &wanted, Some(&head.key), Some((&pack.key, &print_wanted)))?;
            changes.push(PackChange::new(PART.section, head.key, PackDid::Created));
            continue;
        };
        let current = print(&found.spec, found.title.as_ref())?;
        if let Some(change) = pack_of_others(PART.section, &head.key, &pack.key, found.pack.as_deref(), current == print_wanted, replace) {
            changes.push(change);
            continue;
        }
        let did = pack_decision(found.pack_print.as_deref(), Some(&current), &print_wanted, replace);
        let running: (i64,) = tx.one("SELECT COUNT(*) FROM clock_clock WHERE calendar_id = ?1 AND state IN ('running', 'paused')", params![found.id])?;
        let mut change = PackChange::new(PART.section, head.key.clone(), did);
        match did {
            PackDid::Updated => {
                let hours = |spec: &Value| spec.as_object().map(|fields| fields.iter().filter(|(key, _)| !["name", "title"].contains(&key.as_str())).map(|(key, value)| (key.clone(), value.clone())).collect::<std::collections::BTreeMap<_, _>>());
                let moves = hours(&found.spec) != hours(&wanted) && running.0 > 0;
                rewrite(tx, ctx, found, &wanted)?;
                if moves {
                    change = change.count(running.0.unsigned_abs());
                    change = change.note("open clocks are planned anew");
                }
            }
            PackDid::Kept => change = change.note("edited here; it stays as it is"),
            _ => {}
        }
        // A kept item has no fingerprint of this version: it is not what the pack wrote.
        let keep_print = (did != PackDid::Kept).then_some(print_wanted).or_else(|| found.pack_print.clone());
        tx.execute("UPDATE clock_calendar SET key = ?2, pack = ?3, pack_print = ?4 WHERE id = ?1", params![found.id, head.key, pack.key, keep_print])?;
        changes.push(change);
    }
    for gone in calendars::all(tx, ctx.workspace)?.into_iter().filter(|view| view.pack.as_deref() == Some(&pack.key) && view.key.as_ref().is_some_and(|key| !keys.contains(key))) {
        let key = gone.key.clone().unwrap_or_default();
        let used: Option<(i64,)> = tx.opt(
            "SELECT 1 FROM clock_level WHERE calendar_id = ?1 UNION ALL SELECT 1 FROM clock_policy WHERE calendar_id = ?1 UNION ALL SELECT 1 FROM clock_clock WHERE calendar_id = ?1 AND state IN ('running', 'paused') LIMIT 1",
            params![gone.id],
        )?;
        let edited = gone.pack_print.as_deref() != Some(&print(&gone.spec, gone.title.as_ref())?);
        if used.is_some() || edited {
            let why = if used.is_some() { "the pack has it no longer; it is still in use" } else { "the pack has it no longer; it was edited here" };
            tx.execute("UPDATE clock_calendar SET pack = NULL, pack_print = NULL WHERE id = ?1", params![gone.id])?;
            changes.push(PackChange::new(PART.section, key, PackDid::Kept).note(why));
        } else {
            tx.execute("DELETE FROM clock_calendar WHERE id = ?1", params![gone.id])?;
            changes.push(PackChange::new(PART.section, key, PackDid::Removed));
        }
    }
    Ok(changes)
}

/// Keys for calendars that have none: from the name where it is made of Latin letters, else by number.
pub fn export_key(view: &CalendarView, position: usize) -> String {
    view.key.clone().unwrap_or_else(|| key_of(view.spec["name"].as_str().unwrap_or_default(), "calendar", position))
}

/// A key made of a name.
pub fn key_of(name: &str, otherwise: &str, position: usize) -> String {
    let key: String = name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let key = key.trim_matches('-').to_owned();
    if is_pack_key(&key) && name.is_ascii() { key } else { format!("{otherwise}-{}", position + 1) }
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let mut files = Vec::new();
    for (i, view) in calendars::all(tx, workspace)?.iter().enumerate() {
        let key = export_key(view, i);
        let calendar = crate::engine::calendar_from(&view.spec)?;
        let title = view.title.clone().unwrap_or_else(|| PackText { zh: calendar.name().to_owned(), en: calendar.name().to_owned() });
        let text = |text: String| toml::Value::String(text);
        // A table would swallow the keys of the calendar: an inline one keeps the file flat.
        let head = format!("key = {}\ntitle = {{ zh = {}, en = {} }}\n", text(key.clone()), text(title.zh), text(title.en));
        files.push(PackFile::new(format!("calendars/{key}.toml"), format!("{head}{}", calendar.to_toml())));
    }
    Ok(files)
}
