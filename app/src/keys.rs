//! `shouwen admin keys`: which master keys there are, and a fresh one that seals from the next start on.

use std::path::Path;

use shouwen_crypt::{KeyRing, Keys};
use shouwen_kernel::{Ids, Kind, Problem, Result};

use crate::args::Args;
use crate::config::{Config, OPTIONS};

/// What `--help` prints.
pub const HELP: &str = "\
shouwen admin keys [--data DIR]          the versions in keys.toml; the newest seals
shouwen admin keys rotate [--data DIR]   adds a fresh key; it seals what is written after the next start
shouwen admin keys reseal [--data DIR]   seals anew, with the newest key, whatever older ones sealed; a running server
                                         that knows the newest key goes on working, and a run that was broken off is
                                         simply begun again. --no-server: no server runs on this PostgreSQL now

Every older key stays in the file, because what it sealed must be read: copy keys.toml to where you keep it.
";

/// Runs `shouwen admin keys <arguments>`; what to print.
pub fn run(arguments: &[String]) -> Result<String> {
    let (rotate, rest) = match arguments.first().map(String::as_str) {
        Some("rotate") => (true, &arguments[1..]),
        Some("reseal") => {
            let args = Args::read(&arguments[1..], OPTIONS, &["no-server"])?;
            return crate::reseal::run(Config::load(&args)?, args.has("no-server"));
        }
        Some(word) if !word.starts_with('-') => return Err(Problem::new(Kind::Invalid, "usage", format!("`keys {word}` is not a command")).expected("`shouwen admin keys`, `… keys rotate` or `… keys reseal`")),
        _ => (false, arguments),
    };
    let file = Config::load(&Args::read(rest, OPTIONS, &[])?)?.data.join("keys.toml");
    if rotate { rotated(&file) } else { listed(&file) }
}

/// A ring is never begun here: a misspelt folder is an error, not a second installation.
fn read(file: &Path) -> Result<KeyRing> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Problem::new(Kind::Invalid, "keys.missing", format!("cannot read {}: {e}", file.display())).expected("--data with the folder given to `shouwen serve`"))?;
    KeyRing::parse(&text)
}

fn listed(file: &Path) -> Result<String> {
    let ring = read(file)?;
    let versions: Vec<String> = ring.to_text().lines().filter_map(|line| line.split_once('=')).map(|(version, _)| version.trim().to_owned()).collect();
    Ok(format!("{}: versions {}; {} seals\n", file.display(), versions.join(", "), Keys::new(ring).newest()))
}

fn rotated(file: &Path) -> Result<String> {
    let mut ring = read(file)?;
    let version = ring.rotate(&Ids::system());
    ring.save(file)?;
    Ok(format!("{}: key {version} was added and seals what is written after the server's next start; every older key still opens what it sealed\nthen `shouwen admin keys reseal` seals anew what the older ones sealed\nkeep a copy of the file apart from the database\n", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_key_seals_and_the_old_one_still_opens() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("keys.toml");
        let ids = Ids::system();
        let before = Keys::new(KeyRing::load_or_create(&file, &ids).unwrap());
        let old = before.seal(&ids, "customer.identity", "13800000000").unwrap();
        let arguments = ["rotate", "--data", &folder.path().display().to_string()].map(str::to_owned);
        assert!(run(&arguments).unwrap().contains("key 2"));
        let after = Keys::new(KeyRing::load_or_create(&file, &ids).unwrap());
        assert_eq!(after.open("customer.identity", &old).unwrap(), "13800000000");
        let new = after.seal(&ids, "customer.identity", "13800000000").unwrap();
        assert_eq!(Keys::version_of(&new), Some(2));
        assert!(before.open("customer.identity", &new).is_err(), "the new key is another");
        assert_eq!(before.index("phone", "13800000000"), after.index("phone", "13800000000"), "look-ups survive");
        assert!(run(&arguments[1..]).unwrap().contains("versions 1, 2; 2 seals"));
    }

    #[test]
    fn a_wrong_folder_or_word_is_an_error_and_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().display().to_string();
        assert_eq!(run(&["rotate", "--data", &data].map(str::to_owned)).unwrap_err().code, "keys.missing");
        assert_eq!(run(&["turn".to_owned()]).unwrap_err().code, "usage");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
