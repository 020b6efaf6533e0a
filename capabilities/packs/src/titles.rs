//! What the items of a report are called: the files of the pack say so, whichever part reads them.

use shouwen_web::{PackChange, PackFile, PackFiles, PackPart, PackText, pack_path_fits};

/// A title somewhere in a file: the list it stands in (`level`, `role`; empty: the file itself), its key, both languages.
struct Titled {
    list: String,
    key: String,
    title: PackText,
}

fn walk(list: &str, value: &toml::Value, found: &mut Vec<Titled>) {
    match value {
        toml::Value::Array(items) => items.iter().for_each(|item| walk(list, item, found)),
        toml::Value::Table(table) => {
            let text = |part: &str| table.get("title").and_then(|title| title.get(part)).and_then(toml::Value::as_str).map(str::to_owned);
            if let (Some(key), Some(zh), Some(en)) = (table.get("key").and_then(toml::Value::as_str), text("zh"), text("en")) {
                found.push(Titled { list: list.to_owned(), key: key.to_owned(), title: PackText { zh, en } });
            }
            table.iter().for_each(|(name, inner)| walk(name, inner, found));
        }
        _ => {}
    }
}

fn of_files<'a>(files: impl Iterator<Item = &'a PackFile>) -> Vec<Titled> {
    let mut found = Vec::new();
    for file in files {
        // A file that is no TOML was told as a fault.
        if let Ok(table) = file.text.parse::<toml::Table>() {
            walk("", &toml::Value::Table(table), &mut found);
        }
    }
    found
}

/// Whether a list of a file holds the items of a section: `level` those of `levels`, `clock` those of `regulatory-clocks`.
fn fits(list: &str, section: &str) -> bool {
    let stem = list.trim_end_matches('y');
    !stem.is_empty() && section.split('-').any(|word| word.starts_with(stem))
}

/// The title of an item. What a key stands for in two lists under two titles is told by neither, unless one fits the section.
fn of<'a>(known: &'a [Titled], section: &str, item: &str) -> Option<&'a PackText> {
    // `hi (zh-cn)`, `signal lawyer`, `complaint/handling`: the keys within.
    let words: Vec<&str> = item.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).filter(|word| !word.is_empty()).collect();
    let keys = [Some(item), words.last().copied(), words.first().copied()];
    keys.into_iter().flatten().find_map(|key| {
        let all: Vec<&Titled> = known.iter().filter(|one| one.key == key).collect();
        let own = all.iter().find(|one| fits(&one.list, section)).or_else(|| all.iter().find(|one| one.list.is_empty()));
        own.or_else(|| all.first().filter(|first| all.iter().all(|one| one.title == first.title))).map(|one| &one.title)
    })
}

/// Says what the items are called that `part` reports of, by the files of these packs, the first that knows.
pub fn fill(changes: &mut [PackChange], part: &PackPart, packs: &[&PackFiles]) {
    let known: Vec<Vec<Titled>> = packs.iter().map(|pack| of_files(pack.files.iter().filter(|file| part.files.iter().any(|pattern| pack_path_fits(pattern, &file.path))))).collect();
    for change in changes.iter_mut().filter(|change| change.title.is_none()) {
        change.title = known.iter().find_map(|known| of(known, &change.section, &change.item)).cloned();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use shouwen_web::PackDid;

    #[test]
    fn items_are_called_what_their_files_call_them() {
        let levels = PackFile::new("service-levels.toml", "[[level]]\nkey = \"standard\"\ntitle = { zh = \"标准服务\", en = \"Standard\" }\n[[clock]]\nkey = \"standard\"\ntitle = { zh = \"法定答复\", en = \"Answer by law\" }\n");
        let visit = PackFile::new("case-types/visit.toml", "key = \"visit\"\ntitle = { zh = \"上门\", en = \"Visit\" }\n[[stage]]\nkey = \"handling\"\ntitle = { zh = \"处理\", en = \"Handling\" }\n");
        let pack = PackFiles::new("x", "1.0", vec![levels, visit]);
        let old = PackFiles::new("x", "0.9", vec![PackFile::new("service-levels.toml", "[[level]]\nkey = \"gone\"\ntitle = { zh = \"旧的\", en = \"Old\" }\n")]);
        let part = PackPart { section: "all", files: &["service-levels.toml", "case-types/*.toml"], check: |_| Vec::new(), install: |_, _, _, _| Ok(Vec::new()), export: |_, _| Ok(Vec::new()) };
        let called = |section: &str, item: &str| {
            let mut changes = vec![PackChange::new(section, item, PackDid::Updated)];
            fill(&mut changes, &part, &[&pack, &old]);
            changes.remove(0).title.map(|title| title.en)
        };
        assert_eq!(called("levels", "standard").as_deref(), Some("Standard"));
        assert_eq!(called("regulatory-clocks", "standard").as_deref(), Some("Answer by law"));
        assert_eq!(called("case-types", "visit").as_deref(), Some("Visit"));
        assert_eq!(called("levels", "gone").as_deref(), Some("Old"), "what is removed is called as it was");
        assert_eq!(called("other", "standard"), None, "two titles, and nothing says which");
        assert_eq!(called("levels", "nothing"), None);
    }
}
