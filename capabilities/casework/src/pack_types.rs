//! Case types as a part of packs: `case-types/*.toml`, one type a file.

use shouwen_kernel::{Problem, Result, WorkspaceId};
use shouwen_stages::{CaseType, Definition};
use shouwen_store::{Ctx, Tx};
use shouwen_web::{PackChange, PackDid, PackDoc, PackFault, PackFile, PackFiles, PackPart, pack_decision, read_toml};

use crate::{type_answers, type_change, type_store};

/// The part.
pub const PART: PackPart = PackPart { section: SECTION, files: &[FILES], check, install, export };
pub(crate) const SECTION: &str = "case-types";
const FILES: &str = "case-types/*.toml";

fn check(pack: &PackFiles) -> Vec<PackFault> {
    let mut faults = Vec::new();
    for file in pack.matching(FILES) {
        let (value, doc) = read_toml::<Definition>(file, &mut faults);
        let Some(definition) = value else { continue };
        if definition.key != file.stem() {
            faults.push(doc.fault("key", format!("the key is `{}`", shouwen_kernel::text::clip(&definition.key, 40)), format!("`{}`, as the file is called", file.stem())));
        }
        let fields = definition.form.iter().flat_map(|form| form.sections.iter().map(|section| section.fields.len())).collect();
        let blurred = Blurred::of(&doc, definition.stages.len(), definition.resolutions.len(), fields);
        for fault in CaseType::new(definition).err().unwrap_or_default() {
            if !blurred.explains(&fault) {
                faults.push(doc.fault(&fault.path, format!("`{}`: {}", fault.path, fault.wrong), fault.right));
            }
        }
    }
    faults
}

/// What the file says too badly to be referred to: a name that seems to lead nowhere may be one of these.
struct Blurred {
    stages: bool,
    ways: bool,
    resolutions: bool,
    fields: bool,
}

impl Blurred {
    fn of(doc: &PackDoc, stages: usize, resolutions: usize, fields: Vec<usize>) -> Self {
        let stage = |part: &str| (0..stages).any(|i| doc.told(&format!("stage[{i}].{part}")));
        let whole = doc.told("stage");
        let keys = whole || stage("key");
        Self {
            stages: keys,
            ways: keys || stage("to") || stage("status") || doc.told("first") || doc.told("working") || stage("approved") || stage("returned"),
            resolutions: doc.told("resolution") || (0..resolutions).any(|i| doc.told(&format!("resolution[{i}].key"))),
            fields: doc.told("form.section") || fields.iter().enumerate().any(|(s, count)| doc.told(&format!("form.section[{s}].field")) || (0..*count).any(|f| doc.told(&format!("form.section[{s}].field[{f}].key")))),
        }
    }
    /// Whether the fault may only follow from one that was told.
    fn explains(&self, fault: &shouwen_rules::Fault) -> bool {
        let says = |words: &[&str]| words.iter().any(|word| fault.wrong.contains(word));
        self.stages && says(&["there is no stage", "is no other stage"])
            || self.ways && says(&["no way leads", "no stage is closed", "the stage `"])
            || self.resolutions && says(&["there is no resolution"])
            || self.fields && says(&["the form has no field", "there is no field"])
    }
}

fn install(tx: &Tx<'_>, ctx: &Ctx, pack: &PackFiles, replace: bool) -> Result<Vec<PackChange>> {
    let mut changes = Vec::new();
    let mut brought = Vec::new();
    for file in pack.matching(FILES) {
        let (value, _) = read_toml::<Definition>(file, &mut Vec::new());
        let definition = value.ok_or_else(|| Problem::internal(format!("{} was not checked", file.path)))?;
        let wanted = type_store::mark_of(&definition)?;
        brought.push(definition.key.clone());
        let stored = type_store::stored(tx, ctx, &definition.key)?;
        let current = stored.as_ref().map(|s| type_store::mark_of(&s.definition)).transpose()?;
        let installed = stored.as_ref().and_then(|s| s.pack_mark.clone());
        // A pack that stands on another one changes its types; only what people edited is theirs.
        let did = pack_decision(installed.as_deref(), current.as_deref(), &wanted, replace);
        let mut change = PackChange::new(SECTION, definition.key.clone(), did);
        match did {
            PackDid::Created | PackDid::Updated => {
                let before = stored.as_ref().map(|s| (s.version, s.definition.form.clone()));
                let (version, moved) = type_change::change(tx, ctx, &definition, Some((&pack.key, &pack.version, &wanted)), ctx.actor.person_id())?;
                change = change.note(format!("version {version}"));
                if let (Some((old_version, Some(old))), Some(new)) = (before, &definition.form) {
                    changes.extend(type_answers::carry(tx, ctx, &definition.key, old_version, &old, new)?);
                }
                if moved > 0 {
                    changes.push(PackChange::new(SECTION, definition.key.clone(), PackDid::Moved).count(moved).note("cases go from stages that are gone to where `moved` says"));
                }
            }
            PackDid::Unchanged => {
                // What another pack brought alike stays that one's.
                if stored.as_ref().is_some_and(|s| s.pack.as_deref().is_none_or(|owner| owner == pack.key) && (s.pack.is_none() || s.pack_version.as_deref() != Some(&pack.version))) {
                    type_store::note_origin(tx, ctx, &definition.key, &pack.key, &pack.version, &wanted)?;
                }
            }
            _ => change = change.note("edited here; it stays as it is"),
        }
        changes.push(change);
    }
    // A type the pack no longer brings goes, unless somebody edited it or there are cases of it.
    for (key, stored) in type_store::all_stored(tx, ctx)? {
        if stored.pack.as_deref() != Some(&pack.key) || brought.contains(&key) || key == crate::intake::CASE_TYPE {
            continue;
        }
        let edited = stored.pack_mark.as_deref() != Some(type_store::mark_of(&stored.definition)?.as_str());
        if edited || type_change::is_used(tx, ctx.workspace, &key)? {
            type_store::release(tx, ctx, &key)?;
            let why = if edited { "the pack has it no longer; it was edited here" } else { "the pack has it no longer; there are cases of it" };
            changes.push(PackChange::new(SECTION, key, PackDid::Kept).note(why));
        } else {
            type_store::remove(tx, ctx, &key)?;
            changes.push(PackChange::new(SECTION, key, PackDid::Removed));
        }
    }
    Ok(changes)
}

fn export(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<Vec<PackFile>> {
    type_store::types(tx, workspace)?
        .0
        .iter()
        .map(|kind| {
            let text = toml::to_string_pretty(kind.definition()).map_err(|e| Problem::internal(format!("case type {}: {e}", kind.key())))?;
            Ok(PackFile::new(format!("case-types/{}.toml", kind.key()), text))
        })
        .collect()
}
