//! Case templates as a part of packs: `templates.toml` with `[[template]]`, each in both languages. A workspace gets them
//! in its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use shouwen_forms::{Context, FieldType};
use shouwen_kernel::{ObjectId, PersonId, Problem, Result, WorkspaceId, text::clip};
use shouwen_stages::Definition;
use shouwen_store::{Ctx, Json as JsonColumn, Tx, params};
use shouwen_web::{PACK_KEY_RULE, PackChange, PackDid, PackDoc, PackFault, PackFile, PackFiles, PackPart, PackText, is_pack_key, pack_decision, pack_fingerprint, pack_of_others, read_toml};

use crate::kinds::PRIORITIES;
use crate::templates::Prepared;

/// The part.
pub const PART: PackPart = PackPart { section: SECTION, files: &[FILE], check, install, export };
const SECTION: &str = "templates";
const FILE: &str = "templates.toml";
const MOST: usize = 200;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "template", skip_serializing_if = "Vec::is_empty")]
    templates: Vec<Template>,
}

/// A case prepared beforehand. Team, unit and assignee are a house's own and stand in no pack.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    key: String,
    /// Its name in lists.
    title: PackText,
    #[serde(rename = "type")]
    case_type: String,
    /// Title of the case; `{date}` becomes the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    case_title: Option<PackText>,
    /// First note, or first mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<PackText>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    /// Answers to the form of the type.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    fields: Map<String, Json>,
}

impl Template {
    fn prepared(&self, locale: &str) -> Prepared {
        let of = |text: &Option<PackText>| text.as_ref().map(|text| text.of(locale).to_owned()).unwrap_or_default();
        Prepared {
            case_type: self.case_type.clone(),
            title: of(&self.case_title),
            text: of(&self.text),
            priority: self.priority.clone(),
            team_id: None,
            org_unit_id: None,
            assignee_id: None,
            tags: self.tags.clone(),
            fields: self.fields.clone(),
        }
    }
}

/// The case types of the pack and of those it requires; of one key the pack's own.
fn types(pack: &PackFiles) -> Vec<Definition> {
    let files = pack.matching("case-types/*.toml").chain(pack.matching_required("case-types/*.toml"));
    files.filter_map(|file| read_toml::<Definition>(file, &mut Vec::new()).0).collect()
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(value) = value else { return faults };
    let types = types(pack);
    if value.templates.len() > MOST {
        faults.push(doc.fault(&format!("template[{MOST}]"), format!("{} templates", value.templates.len()), format!("at most {MOST}")));
    }
    for (i, template) in value.templates.iter().enumerate().take(MOST) {
        let at = |part: &str| format!("template[{i}].{part}");
        if !is_pack_key(&template.key) {
            faults.push(doc.fault(&at("key"), format!("`{}` cannot be a key", clip(&template.key, 60)), PACK_KEY_RULE));
        } else if value.templates[..i].iter().any(|other| other.key == template.key) {
            faults.push(doc.fault(&at("key"), format!("the key `{}` stands here twice", template.key), "another key"));
        }
        if value.templates[..i].iter().any(|other| other.title.zh == template.title.zh || other.title.en == template.title.en) {
            faults.push(doc.fault(&at("title"), "an earlier template has this name", "a name of its own, in each language"));
        }
        let texts = [("title", Some(&template.title), 1, 100), ("case_title", template.case_title.as_ref(), 1, 200), ("text", template.text.as_ref(), 1, 20_000)];
        for (part, text, least, most) in texts {
            for (language, text) in text.into_iter().flat_map(|text| [("zh", &text.zh), ("en", &text.en)]) {
                let count = text.trim().chars().count();
                if count < least || count > most || part != "text" && text.contains('\n') {
                    faults.push(doc.fault(&at(&format!("{part}.{language}")), "the text is empty or too long", format!("1 to {most} characters, in both languages")));
                }
            }
        }
        if let Some(priority) = template.priority.as_deref().filter(|p| !PRIORITIES.contains(p)) {
            faults.push(doc.fault(&at("priority"), format!("there is no priority `{}`", clip(priority, 40)), PRIORITIES.join(", ")));
        }
        for (j, tag) in template.tags.iter().enumerate().filter(|(_, tag)| crate::tag::checked(std::slice::from_ref(*tag)).is_err()) {
            faults.push(doc.fault(&at(&format!("tags[{j}]")), format!("`{}` cannot be a tag", clip(tag, 40)), "1 to 50 characters, without `,` and `/`"));
        }
        match types.iter().find(|known| known.key == template.case_type) {
            None => {
                let known = types.iter().map(|known| known.key.clone()).collect::<BTreeSet<_>>();
                let right = if known.is_empty() { "a type of this pack, or of one it requires".to_owned() } else { known.into_iter().collect::<Vec<_>>().join(", ") };
                faults.push(doc.fault(&at("type"), format!("there is no case type `{}`", clip(&template.case_type, 40)), right));
            }
            Some(definition) => answers(&doc, &at("fields"), definition, &template.fields, &mut faults),
        }
    }
    faults
}

/// Answers the form of the type would not take.
fn answers(doc: &PackDoc, at: &str, definition: &Definition, given: &Map<String, Json>, faults: &mut Vec<PackFault>) {
    let keys: Vec<&str> = definition.form.iter().flat_map(|form| form.fields()).map(|(_, field)| field.key.as_str()).collect();
    for key in given.keys().filter(|key| !keys.contains(&key.as_str())) {
        let right = if keys.is_empty() { "a field of [form]; this type has none".to_owned() } else { keys.join(", ") };
        faults.push(doc.fault(&format!("{at}.{key}"), format!("the form has no field `{}`", clip(key, 40)), right));
    }
    let Some(form) = &definition.form else { return };
    let nothing = |_: &str| Json::Null;
    // People, teams and customers are a house's own.
    let exists = |_: FieldType, _: &str| false;
    let context = Context { now: 0, today: "2026-01-01", case: &nothing, exists: &exists, complete: false, keep_retired: false };
    for fault in shouwen_forms::check(form, given, &context).faults {
        let field = fault.field.split(['.', '[']).next().unwrap_or_default();
        if given.contains_key(field) && keys.contains(&field) {
            faults.push(doc.fault(&format!("{at}.{}", fault.field), format!("the answer to `{field}` cannot be taken: {}", fault.en), "an answer the field takes"));
        }
    }
}

fn mark(name: &str, content: &Prepared) -> Result<String> {
    pack_fingerprint(&(name, content))
}

struct Stored {
    id: ObjectId,
    name: String,
    print: String,
    key: Option<String>,
    pack: Option<String>,
    installed: Option<String>,
}

fn stored(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    type Row = (ObjectId, String, JsonColumn<Prepared>, Option<String>, Option<String>, Option<String>);
    let rows: Vec<Row> = tx.all("SELECT id, name, content, key, pack, pack_mark FROM case_template WHERE workspace_id = ?1 ORDER BY name", params![workspace])?;
    rows.into_iter().map(|(id, name, JsonColumn(content), key, pack, installed)| Ok(Stored { id, print: mark(&name, &content)?, name, key, pack, installed })).collect()
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let file = pack.file(FILE).cloned().unwrap_or_else(|| PackFile::new(FILE, ""));
    let value = read_toml::<File>(&file, &mut Vec::new()).0.ok_or_else(|| Problem::internal(format!("{FILE} was not checked")))?;
    let locale = tx.workspaces()?.into_iter().find(|w| w.id == ctx.workspace).map(|w| w.locale).unwrap_or_default();
    let known = stored(tx, ctx.workspace)?;
    let person = ctx.actor.person_id().unwrap_or(PersonId::NIL);
    let mut changes = Vec::new();
    for template in &value.templates {
        let content = template.prepared(&locale);
        let same_name = |s: &&Stored| s.key.is_none() && (s.name == template.title.zh || s.name == template.title.en);
        let found = known.iter().find(|s| s.key.as_deref() == Some(&template.key)).or_else(|| known.iter().find(same_name));
        let name = free(&known, template.title.of(&locale), found.map(|s| s.id));
        let wanted = mark(&name, &content)?;
        let Some(found) = found else {
            tx.execute(
                "INSERT INTO case_template (id, workspace_id, name, content, person_id, updated_at, version, key, pack, pack_mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9)",
                params![tx.id::<ObjectId>(), ctx.workspace, name, JsonColumn(&content), person, tx.now(), template.key, pack.key, wanted],
            )?;
            changes.push(PackChange::new(SECTION, &template.key, PackDid::Created));
            continue;
        };
        if let Some(change) = pack_of_others(SECTION, &template.key, &pack.key, found.pack.as_deref(), found.print == wanted, replace) {
            changes.push(change);
            continue;
        }
        let did = pack_decision(found.installed.as_deref(), Some(&found.print), &wanted, replace);
        let change = PackChange::new(SECTION, &template.key, did);
        if did == PackDid::Updated {
            tx.execute(
                "UPDATE case_template SET name = ?2, content = ?3, person_id = ?4, updated_at = ?5, version = version + 1, key = ?6, pack = ?7, pack_mark = ?8 WHERE id = ?1",
                params![found.id, name, JsonColumn(&content), person, tx.now(), template.key, pack.key, wanted],
            )?;
        } else {
            let kept = if did == PackDid::Kept { found.installed.clone() } else { Some(wanted) };
            tx.execute("UPDATE case_template SET key = ?2, pack = ?3, pack_mark = ?4 WHERE id = ?1", params![found.id, template.key, pack.key, kept])?;
        }
        changes.push(if did == PackDid::Kept { change.note("edited here; it stays as it is") } else { change });
    }
    for gone in known.iter().filter(|s| s.pack.as_deref() == Some(&pack.key) && !value.templates.iter().any(|t| s.key.as_deref() == Some(&t.key))) {
        let key = gone.key.clone().unwrap_or_default();
        if gone.installed.as_deref() == Some(gone.print.as_str()) {
            tx.execute("DELETE FROM case_template WHERE id = ?1", params![gone.id])?;
            changes.push(PackChange::new(SECTION, key, PackDid::Removed));
        } else {
            tx.execute("UPDATE case_template SET pack = NULL, pack_mark = NULL WHERE id = ?1", params![gone.id])?;
            changes.push(PackChange::new(SECTION, key, PackDid::Kept).note("the pack has it no longer; it was edited here"));
        }
    }
    Ok(changes)
}

/// The name, with a number behind it where another template has it: names are unique.
fn free(known: &[Stored], name: &str, own: Option<ObjectId>) -> String {
    let taken = |name: &str| known.iter().any(|s| s.name == name && Some(s.id) != own);
    if !taken(name) {
        return name.to_owned();
    }
    (2..).map(|n| format!("{name} {n}")).find(|name| !taken(name)).unwrap_or_default()
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let rows: Vec<(String, JsonColumn<Prepared>, Option<String>)> = tx.all("SELECT name, content, key FROM case_template WHERE workspace_id = ?1 ORDER BY name", params![workspace])?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let both = |text: String| PackText { zh: text.clone(), en: text };
    let said = |text: String| Some(text).filter(|text| !text.trim().is_empty()).map(both);
    let templates = rows
        .into_iter()
        .enumerate()
        .map(|(i, (name, JsonColumn(content), key))| Template {
            key: key.unwrap_or_else(|| format!("template-{}", i + 1)),
            title: both(name),
            case_type: content.case_type,
            case_title: said(content.title),
            text: said(content.text),
            priority: content.priority,
            tags: content.tags,
            // A null cannot be written in TOML, and says nothing.
            fields: content.fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        })
        .collect();
    let text = toml::to_string_pretty(&File { templates }).map_err(|e| Problem::internal(format!("{FILE}: {e}")))?;
    Ok(vec![PackFile::new(FILE, text)])
}
