//! Checking a pack without a database.

use std::sync::Arc;

use shouwen_web::{PackDoc, PackFault, PackFile, PackFiles, PackPart, PermissionInfo, pack_path_fits};

use crate::manifest::{self, Manifest};
use crate::version::{Requirement, Version};

/// A pack has at most this many files.
pub const MOST_FILES: usize = 400;
/// Bytes of one file.
pub const LARGEST_FILE: usize = 256 * 1024;
/// Bytes of all files.
pub const LARGEST_PACK: usize = 4 * 1024 * 1024;

/// Files any pack may have that no part reads.
const FREE: &[&str] = &["README.md", "LICENSE", "NOTICE"];

/// Faults of the files themselves: paths, sizes, counts, and files nobody reads.
pub fn faults_of_files(files: &[PackFile], parts: &[PackPart]) -> Vec<PackFault> {
    let mut faults = Vec::new();
    let at = |file: &PackFile, wrong: String, expected: &str| PackFault { file: shouwen_kernel::text::clip(&file.path, 120), line: 1, wrong, expected: expected.to_owned() };
    if files.len() > MOST_FILES {
        faults.push(at(&PackFile::new(manifest::FILE, ""), format!("the pack has {} files", files.len()), &format!("at most {MOST_FILES}")));
    }
    let total: usize = files.iter().map(|f| f.text.len()).sum();
    if total > LARGEST_PACK {
        faults.push(at(&PackFile::new(manifest::FILE, ""), format!("the pack has {total} bytes"), &format!("at most {LARGEST_PACK}")));
    }
    let mut seen = std::collections::BTreeSet::new();
    for file in files.iter().take(MOST_FILES) {
        if !is_sound_path(&file.path) {
            faults.push(at(file, "this path cannot stand in a pack".into(), "names of letters, digits, `.`, `_` and `-` joined by `/`, at most three deep, e.g. rules/escalate.toml"));
            continue;
        }
        if !seen.insert(file.path.to_ascii_lowercase()) {
            faults.push(at(file, "this file stands in the pack twice".into(), "one file of a name; upper and lower case do not differ"));
        }
        if file.text.len() > LARGEST_FILE {
            faults.push(at(file, format!("the file has {} bytes", file.text.len()), &format!("at most {LARGEST_FILE}")));
        }
        let known = file.path == manifest::FILE || FREE.contains(&file.path.as_str()) || parts.iter().any(|part| part.files.iter().any(|pattern| pack_path_fits(pattern, &file.path)));
        if !known {
            let mut patterns: Vec<&str> = parts.iter().flat_map(|part| part.files.iter().copied()).collect();
            patterns.sort_unstable();
            patterns.dedup();
            faults.push(at(file, "nothing reads a file of this name".into(), &format!("one of pack.toml, {}", patterns.join(", "))));
        }
    }
    faults
}

/// A relative path that stays inside: no `..`, no hidden names, no other alphabet.
fn is_sound_path(path: &str) -> bool {
    let names: Vec<&str> = path.split('/').collect();
    names.len() <= 3
        && names.iter().all(|name| {
            (1..=80).contains(&name.len()) && !name.starts_with(['.', '-']) && !name.contains("..") && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        })
}

/// Finds a pack by its key.
pub type Find<'a> = dyn FnMut(&str) -> Option<(Manifest, PackFiles)> + 'a;

/// The packs that `manifest` requires, found by `find`, with those they require; a missing or too old one, and packs that
/// require each other, are faults of `pack.toml`.
fn resolve(manifest: &Manifest, doc: &PackDoc, find: &mut Find<'_>, faults: &mut Vec<PackFault>) -> Vec<Arc<PackFiles>> {
    let mut found = Vec::new();
    for (i, text) in manifest.requires.iter().enumerate() {
        let Ok(requirement) = text.parse::<Requirement>() else { continue };
        let mut tell = |wrong: String, expected: String| faults.push(doc.fault(&format!("requires[{i}]"), wrong, expected));
        if requirement.key == manifest.key {
            continue;
        }
        match find(&requirement.key) {
            None => tell(format!("the pack `{}` is required and not here", requirement.key), format!("the pack `{}` installed first, or beside this one when checking", requirement.key)),
            Some((other, _)) if other.number() < requirement.least => {
                tell(format!("`{}` {} is required, and {} is here", requirement.key, requirement.least, other.number()), format!("`{}` in version {} or newer", requirement.key, requirement.least));
            }
            Some((other, files)) => {
                let mut way = vec![manifest.key.clone(), requirement.key.clone()];
                match below(&other, files, find, &mut way) {
                    Ok(files) => found.push(Arc::new(files)),
                    Err(ring) => tell(format!("the packs require each other: {}", ring.join(" → ")), "packs that stand on each other one way only".to_owned()),
                }
            }
        }
    }
    found
}

/// `files` with the packs they stand on. `way`: the keys from the checked pack down to this one. A ring is the error.
fn below(manifest: &Manifest, mut files: PackFiles, find: &mut Find<'_>, way: &mut Vec<String>) -> Result<PackFiles, Vec<String>> {
    for requirement in manifest.requirements() {
        let round = way.contains(&requirement.key);
        way.push(requirement.key.clone());
        if round {
            return Err(way.clone());
        }
        // What is missing below was told when that pack was checked.
        if let Some((other, inner)) = find(&requirement.key) {
            files.required.push(Arc::new(below(&other, inner, find, way)?));
        }
        way.pop();
    }
    Ok(files)
}

/// Everything that is wrong with a pack, by file and line. `find` gives the packs it stands on.
/// The second value is there when nothing is.
pub fn check(files: Vec<PackFile>, parts: &[PackPart], permissions: &[PermissionInfo], find: &mut Find<'_>) -> (Vec<PackFault>, Option<(Manifest, PackFiles)>) {
    let mut faults = faults_of_files(&files, parts);
    let (manifest, doc) = Manifest::look(&files, &mut faults).unzip();
    // The parts are checked even when pack.toml is wrong: the author wants to hear everything at once.
    let mut pack = PackFiles::new(manifest.as_ref().map_or("", |m| &m.key), manifest.as_ref().map_or("", |m| &m.version), files).with_permissions(permissions);
    if let (Some(manifest), Some(doc)) = (&manifest, &doc) {
        pack.required = resolve(manifest, doc, find, &mut faults);
    }
    let too_large = pack.files.len() > MOST_FILES || pack.files.iter().map(|f| f.text.len()).sum::<usize>() > LARGEST_PACK;
    if !too_large {
        for part in parts {
            faults.extend((part.check)(&pack));
        }
    }
    faults.sort();
    faults.dedup();
    let sound = faults.is_empty();
    (faults, manifest.filter(|_| sound).map(|manifest| (manifest, pack)))
}

/// The manifest and files of a pack known to be sound (shipped, or installed before).
pub fn trusted(files: Vec<PackFile>) -> Option<(Manifest, PackFiles)> {
    let manifest = Manifest::read(&files, &mut Vec::new())?;
    let (key, version) = (manifest.key.clone(), manifest.version.clone());
    Some((manifest, PackFiles::new(&key, &version, files)))
}

/// Whether `version` is older than `other`.
pub fn is_older(version: &str, other: &str) -> bool {
    let number = |text: &str| text.parse::<Version>().unwrap_or(Version([0; 3]));
    number(version) < number(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_path_escapes() {
        for wrong in ["../x.toml", "/etc/passwd", "a/../b.toml", "rules//x.toml", "", "a/b/c/d.toml", ".git/config", "rules\\x.toml", "规则/x.toml", "C:x.toml", "a/.b", "x\0.toml", "a/b..toml"] {
            assert!(!is_sound_path(wrong), "{wrong}");
        }
        assert!(is_sound_path("case-types/complaint_2.toml"));
    }

    #[test]
    fn too_many_too_large_and_unread_files_are_faults() {
        let part = PackPart { section: "x", files: &["x/*.toml"], check: |_| Vec::new(), install: |_, _, _, _| Ok(Vec::new()), export: |_, _| Ok(Vec::new()) };
        let head = PackFile::new("pack.toml", "key = \"a\"\nversion = \"1.0\"\ntitle = { zh = \"甲\", en = \"A\" }\n");
        let none = &mut |_: &str| None;
        let told = |files: Vec<PackFile>| check(files, &[part], &[], &mut |_| None).0.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(check(vec![head.clone(), PackFile::new("x/a.toml", ""), PackFile::new("README.md", "# A")], &[part], &[], none).1.is_some());
        assert_eq!(told(vec![head.clone(), PackFile::new("y.toml", "")]), ["y.toml:1: nothing reads a file of this name; one of pack.toml, x/*.toml"]);
        assert!(told(vec![head.clone(), PackFile::new("x/a.toml", "#".repeat(LARGEST_FILE + 1))])[0].contains("bytes"));
        let many: Vec<PackFile> = (0..MOST_FILES).map(|i| PackFile::new(format!("x/{i}.toml"), "")).chain([head]).collect();
        assert!(told(many)[0].contains("401 files"));
        assert_eq!(told(vec![]), ["pack.toml:1: the pack has no file `pack.toml`; a `pack.toml` with key, version and title"]);
    }

    #[test]
    fn a_pack_toml_with_a_fault_on_every_line_tells_every_line() {
        let text = "key = \"A B\"\nversion = \"one\"\ntitle = { zh = \"\", en = \"x\" }\nrequires = [\n  \"ba se\",\n  \"zz\",\n  3,\n]\ncolour = 1\n";
        let faults = check(vec![PackFile::new("pack.toml", text)], &[], &[], &mut |_| None).0;
        assert_eq!(faults.iter().map(|f| f.line).collect::<Vec<_>>(), [1, 2, 3, 5, 6, 7, 9], "{faults:#?}");
    }

    fn pack(key: &str, requires: &str) -> Vec<PackFile> {
        vec![PackFile::new("pack.toml", format!("key = \"{key}\"\nversion = \"1.0\"\ntitle = {{ zh = \"甲\", en = \"A\" }}\nrequires = [{requires}]\n"))]
    }

    #[test]
    fn a_fault_of_shape_in_pack_toml_hides_no_fault_of_meaning() {
        let text = "key = \"Bad Key\"\nversion = \"1.x\"\ntitle = \"just text\"\nrequires = [\"base >= 9.0\", \"nothing\"]\n";
        let faults = check(vec![PackFile::new("pack.toml", text)], &[], &[], &mut |key| (key == "base").then(|| trusted(pack("base", "")).unwrap())).0;
        let told: Vec<String> = faults.iter().map(|f| format!("{} {}", f.line, f.wrong)).collect();
        assert_eq!(told, ["1 `Bad Key` cannot be the key of a pack", "2 `1.x` is no version", "3 `title`: the text \"just text\" does not belong here", "4 `base` 9.0.0 is required, and 1.0.0 is here", "4 the pack `nothing` is required and not here"]);
        assert_eq!(faults[2].expected, "{ zh = \"…\", en = \"…\" }");
    }

    #[test]
    fn packs_that_require_each_other_are_a_fault_and_what_lies_further_below_is_found() {
        let mut rings = |key: &str| trusted(match key {
            "b" => pack("b", "\"c\""),
            "c" => pack("c", "\"b\""),
            _ => return None,
        });
        let (faults, sound) = check(pack("a", "\"b\""), &[], &[], &mut rings);
        assert!(sound.is_none());
        assert_eq!(faults[0].to_string(), "pack.toml:4: the packs require each other: a → b → c → b; packs that stand on each other one way only");
        let mut straight = |key: &str| trusted(match key {
            "b" => pack("b", "\"c\""),
            "c" => [pack("c", ""), vec![PackFile::new("roles.toml", "")]].concat(),
            _ => return None,
        });
        let (_, sound) = check(pack("a", "\"b\""), &[], &[], &mut straight);
        assert_eq!(sound.unwrap().1.matching_required("roles.toml").len(), 1);
    }
}
