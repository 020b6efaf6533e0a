//! The rules that keep the house a house, checked on the sources: arrows point one way, and no statement touches a
//! table of another's room.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The crates under a folder: (folder name, path).
fn rooms(folder: &str) -> Vec<(String, PathBuf)> {
    let mut rooms: Vec<(String, PathBuf)> = std::fs::read_dir(root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("Cargo.toml").exists())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), path))
        .collect();
    rooms.sort();
    rooms
}

fn crate_name(path: &Path) -> String {
    let manifest: toml::Table = std::fs::read_to_string(path.join("Cargo.toml")).unwrap().parse().unwrap();
    manifest["package"]["name"].as_str().unwrap().to_owned()
}

/// What a crate's own code may use; what only its tests use does not count.
fn dependencies(path: &Path) -> Vec<String> {
    let manifest: toml::Table = std::fs::read_to_string(path.join("Cargo.toml")).unwrap().parse().unwrap();
    manifest.get("dependencies").and_then(|d| d.as_table()).map(|d| d.keys().cloned().collect()).unwrap_or_default()
}

fn sources(folder: &Path, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

#[test]
fn a_capability_never_imports_another_and_engines_stay_pure() {
    let owners: Vec<String> = rooms("capabilities").iter().chain(&rooms("channels")).map(|(_, path)| crate_name(path)).collect();
    assert!(owners.len() >= 11, "the rooms were found: {owners:?}");
    let mut wrong = Vec::new();
    for folder in ["capabilities", "channels", "platform", "engines"] {
        for (_, path) in rooms(folder) {
            let own = crate_name(&path);
            wrong.extend(dependencies(&path).into_iter().filter(|d| owners.contains(d) && *d != own).map(|d| format!("{own} uses {d}")));
        }
    }
    for (_, path) in rooms("engines") {
        let impure = ["tokio", "rusqlite", "postgres", "axum", "reqwest", "shouwen-store", "shouwen-web"];
        wrong.extend(dependencies(&path).into_iter().filter(|d| impure.contains(&d.as_str())).map(|d| format!("the engine {} uses {d}", crate_name(&path))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_statement_touches_a_table_of_another_room() {
    let mut owner_of: BTreeMap<String, String> = BTreeMap::new();
    let all: Vec<(String, PathBuf)> = rooms("capabilities").into_iter().chain(rooms("channels")).collect();
    for (name, path) in &all {
        for (_, sql) in sources(&path.join("migrations"), "sql") {
            for line in sql.lines().filter_map(|line| line.trim().strip_prefix("CREATE TABLE ")) {
                let table = line.split(|c: char| c.is_whitespace() || c == '(').next().unwrap_or_default();
                owner_of.insert(table.to_owned(), name.clone());
            }
        }
    }
    assert!(owner_of.len() > 40, "the tables were found: {}", owner_of.len());
    let mut wrong = Vec::new();
    for (name, path) in &all {
        for (file, text) in sources(&path.join("src"), "rs") {
            let words: Vec<&str> = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty()).collect();
            for pair in words.windows(2).filter(|pair| ["FROM", "JOIN", "INTO", "UPDATE"].contains(&pair[0])) {
                if let Some(owner) = owner_of.get(pair[1]).filter(|owner| *owner != name) {
                    wrong.push(format!("{}: {} {} belongs to {owner}", file.display(), pair[0], pair[1]));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_has_a_page_about_itself() {
    let missing: Vec<String> = rooms("capabilities").into_iter().chain(rooms("channels")).filter(|(_, path)| !path.join("README.md").exists()).map(|(name, _)| name).collect();
    assert!(missing.is_empty(), "no README.md: {missing:?}");
}
