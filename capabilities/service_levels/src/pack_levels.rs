//! Service levels and regulatory clocks as a part of packs: `service-levels.toml` with `[[level]]` and `[[clock]]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{CalendarId, Problem, Result, ServiceLevelId, WorkspaceId};
use shouwen_rules::Condition;
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{PACK_KEY_RULE, PackChange, PackDid, PackDoc, PackFault, PackFile, PackFiles, PackPart, PackText, is_pack_key, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::calendars;
use crate::ladder::{PARTIES, Rung};
use crate::levels::{self, LevelInput, Mark, Target, two_languages};
use crate::pack_calendars::{export_key, key_of};
use crate::policies::{self, PolicyInput};

/// The part.
pub const PART: PackPart = PackPart { section: "service-levels", files: &[FILE], check, install, export };
const FILE: &str = "service-levels.toml";
/// Roles that come with the product.
const ROLES: [&str; 7] = ["administrator", "manager", "supervisor", "agent", "quality", "auditor", "viewer"];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    level: Vec<LevelDef>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    clock: Vec<ClockDef>,
}

/// A service level.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LevelDef {
    key: String,
    title: PackText,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    order: i64,
    /// Key of a calendar.
    calendar: String,
    /// A condition in its text form; absent: every case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    #[serde(default = "four_fifths")]
    warn_at: f64,
    #[serde(default = "waiting")]
    pause_when: Vec<String>,
    targets: BTreeMap<String, Target>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ladder: Vec<Rung>,
}

/// A regulatory clock.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ClockDef {
    key: String,
    title: PackText,
    regime: String,
    #[serde(default)]
    source: String,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    when: Option<String>,
    starts: String,
    ends: String,
    limit: i64,
    unit: String,
    calendar: String,
    #[serde(default)]
    pausable: bool,
    #[serde(default = "four_fifths")]
    warn_at: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ladder: Vec<Rung>,
}

fn yes() -> bool {
    true
}
fn four_fifths() -> f64 {
    0.8
}
fn waiting() -> Vec<String> {
    vec!["waiting".into()]
}

fn condition(when: Option<&str>) -> std::result::Result<Option<Condition>, Vec<shouwen_rules::Fault>> {
    when.map(|text| shouwen_rules::text::parse(text).map_err(|fault| vec![fault])).transpose()
}

impl LevelDef {
    fn input(&self, applies: Option<Condition>, calendar_id: CalendarId, locale: &str) -> LevelInput {
        LevelInput {
            name: self.title.of(locale).to_owned(),
            title: Some(self.title.clone()),
            active: self.active,
            order: self.order,
            applies,
            calendar_id,
            targets: self.targets.clone(),
            warn_at: self.warn_at,
            pause_when: self.pause_when.clone(),
            ladder: self.ladder.clone(),
            version: None,
        }
    }
}

impl ClockDef {
    fn input(&self, applies: Option<Condition>, calendar_id: CalendarId) -> PolicyInput {
        PolicyInput {
            key: self.key.clone(),
            title: self.title.clone(),
            regime: self.regime.clone(),
            source: self.source.clone(),
            active: self.active,
            applies,
            starts: self.starts.clone(),
            ends: self.ends.clone(),
            limit: self.limit,
            unit: self.unit.clone(),
            calendar_id,
            pausable: self.pausable,
            warn_at: self.warn_at,
            ladder: self.ladder.clone(),
            version: None,
        }
    }
}

/// Keys of the roles in `roles.toml` of a pack, `None` when it is no TOML; identity reads the rest of that file.
fn roles_in(file: &PackFile) -> Option<Vec<String>> {
    let table: toml::Table = file.text.parse().ok()?;
    let roles = table.get("role").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    Some(roles.iter().filter_map(|role| role.get("key").and_then(toml::Value::as_str).map(str::to_owned)).collect())
}

struct Known {
    calendars: Vec<String>,
    /// `None`: a file of roles cannot be read, so nobody knows.
    roles: Option<Vec<String>>,
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(value) = value else { return faults };
    let files = |pattern: &'static str| pack.matching(pattern).chain(pack.matching_required(pattern)).collect::<Vec<_>>();
    let known = Known {
        calendars: files("calendars/*.toml").into_iter().map(|file| file.stem().to_owned()).collect(),
        roles: files("roles.toml").into_iter().map(roles_in).collect::<Option<Vec<_>>>().map(|own| PARTIES.iter().chain(&ROLES).map(ToString::to_string).chain(own.into_iter().flatten()).collect()),
    };
    for (i, level) in value.level.iter().enumerate() {
        let at = format!("level[{i}]");
        let applies = reference_faults(&doc, &at, level.when.as_deref(), &level.calendar, &level.ladder, &known, &mut faults);
        if !is_pack_key(&level.key) {
            faults.push(doc.fault(&format!("{at}.key"), format!("`{}` cannot be a key", shouwen_kernel::text::clip(&level.key, 60)), PACK_KEY_RULE));
        }
        if !two_languages(&level.title) {
            faults.push(doc.fault(&format!("{at}.title"), "a title is empty or longer than 80 characters", "{ zh = \"…\", en = \"…\" }"));
        }
        if value.level[..i].iter().any(|other| other.key == level.key) {
            faults.push(doc.fault(&format!("{at}.key"), format!("the key `{}` stands here twice", level.key), "another key"));
        }
        tell(&doc, &at, levels::faults(&level.input(applies, CalendarId::NIL, "zh")), &["title"], &mut faults);
    }
    for (i, clock) in value.clock.iter().enumerate() {
        let at = format!("clock[{i}]");
        let applies = reference_faults(&doc, &at, clock.when.as_deref(), &clock.calendar, &clock.ladder, &known, &mut faults);
        if value.clock[..i].iter().any(|other| other.key == clock.key) {
            faults.push(doc.fault(&format!("{at}.key"), format!("the key `{}` stands here twice", clock.key), "another key"));
        }
        tell(&doc, &at, policies::faults(&clock.input(applies, CalendarId::NIL)), &[], &mut faults);
    }
    faults
}

/// Faults of the condition and of what is named elsewhere; the condition when it can be read.
fn reference_faults(doc: &PackDoc, at: &str, when: Option<&str>, calendar: &str, ladder: &[Rung], known: &Known, faults: &mut Vec<PackFault>) -> Option<Condition> {
    if !known.calendars.iter().any(|key| key == calendar) {
        let right = if known.calendars.is_empty() { "a calendar of this pack: calendars/<key>.toml".to_owned() } else { known.calendars.join(", ") };
        faults.push(doc.fault(&format!("{at}.calendar"), format!("there is no calendar `{}`", shouwen_kernel::text::clip(calendar, 60)), right));
    }
    for (i, rung) in ladder.iter().enumerate() {
        let Some(roles) = &known.roles else { break };
        for (j, to) in rung.to.iter().enumerate().filter(|(_, to)| is_pack_key(to) && !roles.contains(to)) {
            faults.push(doc.fault(&format!("{at}.ladder[{i}].to[{j}]"), format!("there is no role `{to}`"), roles.join(", ")));
        }
    }
    match condition(when) {
        Ok(condition) => condition,
        Err(found) => {
            faults.extend(found.into_iter().map(|fault| doc.fault(&format!("{at}.when"), fault.wrong, fault.right)));
            None
        }
    }
}

fn tell(doc: &PackDoc, at: &str, found: Vec<(String, String, String)>, skip: &[&str], faults: &mut Vec<PackFault>) {
    for (path, wrong, right) in found.into_iter().filter(|(path, ..)| !skip.contains(&path.as_str())) {
        // In a pack the condition is one text.
        let path = if path == "match" || path.starts_with("match.") { "when".to_owned() } else { path };
        faults.push(doc.fault(&format!("{at}.{path}"), wrong, right));
    }
}

fn calendar_ids(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<BTreeMap<String, CalendarId>> {
    Ok(calendars::all(tx, workspace)?.into_iter().filter_map(|view| Some((view.key?, view.id))).collect())
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let file = pack.file(FILE).cloned().unwrap_or_else(|| PackFile::new(FILE, ""));
    let value = read_toml::<File>(&file, &mut Vec::new()).0.ok_or_else(|| Problem::internal(format!("{FILE} was not checked")))?;
    let locale = tx.workspaces()?.into_iter().find(|w| w.id == ctx.workspace).map(|w| w.locale).unwrap_or_default();
    let calendars = calendar_ids(tx, ctx.workspace)?;
    let calendar = |key: &str| calendars.get(key).copied().ok_or_else(|| Problem::invalid("calendar", format!("this workspace has no calendar `{key}`")).expected("the pack that brings it, installed first"));
    let readable = |when: &Option<String>| condition(when.as_deref()).map_err(|_| Problem::internal(format!("{FILE} was not checked")));
    let mut changes = Vec::new();
    for level in &value.level {
        let wanted = level.input(readable(&level.when)?, calendar(&level.calendar)?, &locale);
        changes.push(install_level(tx, ctx, pack, &level.key, &level.title, &wanted, replace)?);
    }
    for clock in &value.clock {
        let wanted = clock.input(readable(&clock.when)?, calendar(&clock.calendar)?);
        changes.push(install_clock(tx, ctx, pack, &wanted, replace)?);
    }
    changes.extend(take_away(tx, ctx, pack, &value)?);
    Ok(changes)
}

fn level_print(level: &LevelInput) -> Result<String> {
    // With a title, the name only repeats it in the workspace's language.
    let name = if level.title.is_some() { String::new() } else { level.name.clone() };
    pack_fingerprint(&LevelInput { version: None, name, ..level.clone() })
}

fn policy_print(policy: &PolicyInput) -> Result<String> {
    pack_fingerprint(&PolicyInput { version: None, ..policy.clone() })
}

fn running(tx: &Tx<'_>, id: ServiceLevelId) -> Result<u64> {
    Ok(tx.one::<(i64,)>("SELECT COUNT(*) FROM clock_clock WHERE level_id = ?1 AND state IN ('running', 'paused')", params![id])?.0.unsigned_abs())
}

/// `moved`: the clocks that run by it are planned anew.
fn told(change: PackChange, moved: bool, running: u64) -> PackChange {
    match change.did {
        PackDid::Updated if moved && running > 0 => change.count(running).note("open clocks are planned anew"),
        PackDid::Kept => change.note("edited here; it stays as it is"),
        _ => change,
    }
}

fn install_level(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, key: &str, title: &PackText, wanted: &LevelInput, replace: bool) -> Result<PackChange> {
    let print = level_print(wanted)?;
    let all = levels::all(tx, ctx.workspace)?;
    let same_name = |level: &&levels::Level| level.key.is_none() && (level.level.name == title.zh || level.level.name == title.en);
    let Some(found) = all.iter().find(|level| level.key.as_deref() == Some(key)).or_else(|| all.iter().find(same_name)) else {
        levels::write(tx, ctx, None, wanted, Some(Mark { pack: &pack.key, key, print: Some(&print) }))?;
        return Ok(PackChange::new("levels", key, PackDid::Created));
    };
    let current = level_print(&found.level)?;
    if let Some(change) = pack_of_others("levels", key, &pack.key, found.pack.as_deref(), current == print, replace) {
        return Ok(change);
    }
    let did = pack_decision(found.pack_print.as_deref(), Some(&current), &print, replace);
    if did == PackDid::Updated {
        levels::write(tx, ctx, Some(found.id), wanted, Some(Mark { pack: &pack.key, key, print: Some(&print) }))?;
    } else {
        let kept = if did == PackDid::Kept { found.pack_print.clone() } else { Some(print) };
        tx.execute("UPDATE clock_level SET key = ?2, pack = ?3, pack_print = ?4 WHERE id = ?1", params![found.id, key, pack.key, kept])?;
    }
    Ok(told(PackChange::new("levels", key, did), levels::plan_of(&found.level) != levels::plan_of(wanted), running(tx, found.id)?))
}

fn install_clock(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, wanted: &PolicyInput, replace: bool) -> Result<PackChange> {
    let print = policy_print(wanted)?;
    let Some(found) = policies::all(tx, ctx.workspace)?.into_iter().find(|policy| policy.policy.key == wanted.key) else {
        policies::write(tx, ctx, None, wanted, Some((&pack.key, &print)))?;
        return Ok(PackChange::new("regulatory-clocks", &wanted.key, PackDid::Created));
    };
    let current = policy_print(&found.policy)?;
    if let Some(change) = pack_of_others("regulatory-clocks", &wanted.key, &pack.key, found.pack.as_deref(), current == print, replace) {
        return Ok(change);
    }
    let did = pack_decision(found.pack_print.as_deref(), Some(&current), &print, replace);
    if did == PackDid::Updated {
        policies::write(tx, ctx, Some(found.id), wanted, Some((&pack.key, &print)))?;
    } else {
        let kept = if did == PackDid::Kept { found.pack_print.clone() } else { Some(print) };
        tx.execute("UPDATE clock_policy SET pack = ?2, pack_print = ?3 WHERE id = ?1", params![found.id, pack.key, kept])?;
    }
    Ok(told(PackChange::new("regulatory-clocks", &wanted.key, did), policies::plan_of(&found.policy) != policies::plan_of(wanted), running(tx, found.id)?))
}

/// Items this pack brought and has no longer.
fn take_away(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, value: &File) -> Result<Vec<PackChange>> {
    let mut changes = Vec::new();
    let mut settle = |section: &str, table: &str, key: String, id: ServiceLevelId, edited: bool| -> Result<()> {
        let running = running(tx, id)?;
        let did = if edited || running > 0 {
            tx.execute(&format!("UPDATE {table} SET pack = NULL, pack_print = NULL WHERE id = ?1"), params![id])?;
            PackChange::new(section, key, PackDid::Kept).count(running).note(if edited { "the pack has it no longer; it was edited here" } else { "the pack has it no longer; open clocks run by it" })
        } else {
            tx.execute(&format!("DELETE FROM {table} WHERE id = ?1"), params![id])?;
            PackChange::new(section, key, PackDid::Removed)
        };
        changes.push(did);
        Ok(())
    };
    for level in levels::all(tx, ctx.workspace)?.into_iter().filter(|level| level.pack.as_deref() == Some(&pack.key)) {
        let key = level.key.clone().unwrap_or_default();
        if !value.level.iter().any(|own| own.key == key) {
            let edited = level.pack_print.as_deref() != Some(&level_print(&level.level)?);
            settle("levels", "clock_level", key, level.id, edited)?;
        }
    }
    for policy in policies::all(tx, ctx.workspace)?.into_iter().filter(|policy| policy.pack.as_deref() == Some(&pack.key)) {
        if !value.clock.iter().any(|own| own.key == policy.policy.key) {
            let edited = policy.pack_print.as_deref() != Some(&policy_print(&policy.policy)?);
            settle("regulatory-clocks", "clock_policy", policy.policy.key.clone(), policy.id, edited)?;
        }
    }
    Ok(changes)
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let calendars: BTreeMap<CalendarId, String> = calendars::all(tx, workspace)?.iter().enumerate().map(|(i, view)| (view.id, export_key(view, i))).collect();
    let calendar = |id: &CalendarId| calendars.get(id).cloned().unwrap_or_default();
    let mut file = File::default();
    for (i, level) in levels::all(tx, workspace)?.into_iter().enumerate() {
        let l = level.level;
        file.level.push(LevelDef {
            key: level.key.unwrap_or_else(|| key_of(&l.name, "level", i)),
            title: l.title.unwrap_or_else(|| PackText { zh: l.name.clone(), en: l.name }),
            active: l.active,
            order: l.order,
            calendar: calendar(&l.calendar_id),
            when: l.applies.as_ref().map(shouwen_rules::text::print),
            warn_at: l.warn_at,
            pause_when: l.pause_when,
            targets: l.targets,
            ladder: l.ladder,
        });
    }
    for policy in policies::all(tx, workspace)? {
        let p = policy.policy;
        file.clock.push(ClockDef {
            calendar: calendar(&p.calendar_id),
            when: p.applies.as_ref().map(shouwen_rules::text::print),
            key: p.key,
            title: p.title,
            regime: p.regime,
            source: p.source,
            active: p.active,
            starts: p.starts,
            ends: p.ends,
            limit: p.limit,
            unit: p.unit,
            pausable: p.pausable,
            warn_at: p.warn_at,
            ladder: p.ladder,
        });
    }
    if file.level.is_empty() && file.clock.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![PackFile::new(FILE, toml::to_string(&file).map_err(Problem::internal)?)])
}
