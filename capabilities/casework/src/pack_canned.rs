//! Canned texts as a part of packs: `canned.toml` with `[[text]]`, each in both languages.

use serde::{Deserialize, Serialize};
use shouwen_kernel::{CannedId, Problem, Result, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::{PackChange, PackDid, PackFault, PackFile, PackFiles, PackPart, PackText, pack_decision, pack_fingerprint, pack_of_others, read_toml};

/// The part.
pub const PART: PackPart = PackPart { section: SECTION, files: &[FILE], check, install, export };
const SECTION: &str = "canned";
const FILE: &str = "canned.toml";
const MOST: usize = 1000;
const LANGUAGES: [&str; 2] = ["zh-CN", "en"];

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "text", skip_serializing_if = "Vec::is_empty")]
    texts: Vec<Text>,
}

/// A text; placeholders as in canned replies of the desk.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    shortcut: String,
    title: PackText,
    zh: String,
    en: String,
}

impl Text {
    fn of(&self, locale: &str) -> (&str, &str) {
        if locale == "en" { (&self.title.en, &self.en) } else { (&self.title.zh, &self.zh) }
    }
}

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let Some(file) = pack.file(FILE) else { return faults };
    let (value, doc) = read_toml::<File>(file, &mut faults);
    let Some(value) = value else { return faults };
    if value.texts.len() > MOST {
        faults.push(doc.fault(&format!("text[{MOST}]"), format!("{} texts", value.texts.len()), format!("at most {MOST}")));
    }
    for (i, text) in value.texts.iter().enumerate().take(MOST) {
        let at = |part: &str| format!("text[{i}].{part}");
        if text.shortcut.is_empty() || text.shortcut.chars().count() > 40 || text.shortcut.contains(char::is_whitespace) {
            faults.push(doc.fault(&at("shortcut"), format!("`{}` cannot be a shortcut", shouwen_kernel::text::clip(&text.shortcut, 40)), "what is typed after `/`: 1 to 40 characters without spaces"));
        }
        if value.texts[..i].iter().any(|other| other.shortcut == text.shortcut) {
            faults.push(doc.fault(&at("shortcut"), format!("the shortcut `{}` stands here twice", text.shortcut), "another shortcut"));
        }
        for (part, content, most) in [("title.zh", &text.title.zh, 100), ("title.en", &text.title.en, 100), ("zh", &text.zh, 20_000), ("en", &text.en, 20_000)] {
            if content.trim().is_empty() || content.chars().count() > most {
                faults.push(doc.fault(&at(part), "the text is empty or too long", format!("1 to {most} characters, in both languages")));
            }
        }
    }
    faults
}

fn print(title: &str, text: &str) -> Result<String> {
    pack_fingerprint(&(title, text))
}

struct Stored {
    id: CannedId,
    print: String,
    pack: Option<String>,
    installed: Option<String>,
    shortcut: String,
    locale: String,
}

fn stored(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<Stored>> {
    type Row = (CannedId, String, String, String, String, Option<String>, Option<String>);
    let rows: Vec<Row> = tx.all("SELECT id, title, text, shortcut, locale, pack, pack_mark FROM case_canned WHERE workspace_id = ?1 ORDER BY id", params![workspace])?;
    rows.into_iter().map(|(id, title, text, shortcut, locale, pack, installed)| Ok(Stored { id, print: print(&title, &text)?, pack, installed, shortcut, locale })).collect()
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    // A version without the file brings no texts: those of the one before go.
    let file = pack.file(FILE).cloned().unwrap_or_else(|| PackFile::new(FILE, ""));
    let value = read_toml::<File>(&file, &mut Vec::new()).0.ok_or_else(|| Problem::internal(format!("{FILE} was not checked")))?;
    let known = stored(tx, ctx.workspace)?;
    let mut changes = Vec::new();
    for text in &value.texts {
        for locale in LANGUAGES {
            let (title, body) = text.of(locale);
            let wanted = print(title, body)?;
            let there = known.iter().find(|s| s.shortcut == text.shortcut && s.locale == locale);
            let item = format!("{} ({locale})", text.shortcut);
            if let Some(change) = there.and_then(|s| pack_of_others(SECTION, &item, &pack.key, s.pack.as_deref(), s.print == wanted, replace)) {
                changes.push(change);
                continue;
            }
            let did = pack_decision(there.and_then(|s| s.installed.as_deref()), there.map(|s| s.print.as_str()), &wanted, replace);
            match (did, there) {
                (PackDid::Created, _) => {
                    tx.execute(
                        "INSERT INTO case_canned (id, workspace_id, title, shortcut, text, locale, version, updated_at, pack, pack_mark) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8, ?9)",
                        params![tx.id::<CannedId>(), ctx.workspace, title, text.shortcut, body, locale, tx.now(), pack.key, wanted],
                    )?;
                }
                (PackDid::Updated | PackDid::Unchanged, Some(s)) => {
                    tx.execute(
                        "UPDATE case_canned SET title = ?2, text = ?3, html = CASE WHEN text = ?3 THEN html ELSE NULL END, version = version + ?4, updated_at = ?5, pack = ?6, pack_mark = ?7 WHERE id = ?1",
                        params![s.id, title, body, i64::from(did == PackDid::Updated), tx.now(), pack.key, wanted],
                    )?;
                }
                _ => {}
            }
            let change = PackChange::new(SECTION, item, did);
            changes.push(if did == PackDid::Kept { change.note("edited here; it stays as it is") } else { change });
        }
    }
    let gone = known.iter().filter(|s| s.pack.as_deref() == Some(&pack.key) && !value.texts.iter().any(|t| t.shortcut == s.shortcut));
    for text in gone {
        let item = format!("{} ({})", text.shortcut, text.locale);
        if text.installed.as_deref() == Some(text.print.as_str()) {
            tx.execute("DELETE FROM case_canned WHERE id = ?1", params![text.id])?;
            changes.push(PackChange::new(SECTION, item, PackDid::Removed));
        } else {
            tx.execute("UPDATE case_canned SET pack = NULL, pack_mark = NULL WHERE id = ?1", params![text.id])?;
            changes.push(PackChange::new(SECTION, item, PackDid::Kept).note("the pack has it no longer; it was edited here"));
        }
    }
    Ok(changes)
}

/// Texts for everybody; what is a team's own stays here.
fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    let rows: Vec<(String, String, String, String)> =
        tx.all("SELECT shortcut, locale, title, text FROM case_canned WHERE workspace_id = ?1 AND team_id IS NULL ORDER BY shortcut, locale", params![workspace])?;
    let mut texts: Vec<Text> = Vec::new();
    for (shortcut, locale, title, body) in rows {
        if texts.last().is_none_or(|t| t.shortcut != shortcut) {
            texts.push(Text { shortcut, title: PackText { zh: title.clone(), en: title.clone() }, zh: body.clone(), en: body.clone() });
        }
        // Where a language is missing the other one stands in.
        if let Some(last) = texts.last_mut() {
            if locale == "en" {
                (last.title.en, last.en) = (title, body);
            } else {
                (last.title.zh, last.zh) = (title, body);
            }
        }
    }
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let text = toml::to_string_pretty(&File { texts }).map_err(|e| Problem::internal(format!("{FILE}: {e}")))?;
    Ok(vec![PackFile::new(FILE, text)])
}
