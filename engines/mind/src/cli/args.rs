//! The words after `shouwen mind`.

use crate::problem::{Problem, Result};
use crate::trainer::Tuning;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Options that take a value, and what the value is.
const VALUED: [&str; 20] = [
    "--data", "--dev", "--model", "--encoders", "--tier", "--precision", "--threads", "--against", "--locked", "--queries", "--start",
    "--pool", "--step", "--steps", "--today", "--limit", "--checked", "--shared", "--minutes", "--only",
];
const PLAIN: [&str; 5] = ["--json", "--why", "--any", "--quick", "--help"];

/// Verbs and options.
#[derive(Debug, Default)]
pub struct Args {
    /// Words that are not options.
    pub words: Vec<String>,
    valued: BTreeMap<String, Vec<String>>,
    plain: Vec<String>,
}

impl Args {
    /// Splits the arguments; an unknown option or a missing value is an error that lists what is known.
    pub fn read(args: &[String]) -> Result<Args> {
        let mut out = Args::default();
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let (name, inline) = match arg.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_string())),
                _ => (arg.as_str(), None),
            };
            if VALUED.contains(&name) {
                let value = inline.or_else(|| rest.next().cloned());
                let value = value.ok_or_else(|| Problem::new("args.value", format!("{name} without a value"), format!("{name} VALUE")))?;
                out.valued.entry(name.to_string()).or_default().push(value);
            } else if PLAIN.contains(&name) {
                out.plain.push(name.to_string());
            } else if name.starts_with("--") {
                return Err(Problem::new("args.unknown", format!("unknown option {name}"), [&VALUED[..], &PLAIN[..]].concat().join(" ")));
            } else {
                out.words.push(arg.clone());
            }
        }
        Ok(out)
    }

    /// All values of an option, in order.
    pub fn all(&self, name: &str) -> &[String] {
        self.valued.get(name).map_or(&[], Vec::as_slice)
    }

    /// Last value of an option.
    pub fn one(&self, name: &str) -> Option<&str> {
        self.all(name).last().map(String::as_str)
    }

    /// A value that must be given.
    pub fn need(&self, name: &str) -> Result<&str> {
        self.one(name).ok_or_else(|| Problem::new("args.missing", format!("{name} is missing"), format!("{name} VALUE")))
    }

    /// A number, or `default`.
    pub fn number<T: std::str::FromStr>(&self, name: &str, default: T) -> Result<T> {
        match self.one(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| Problem::new("args.number", format!("{name} {text}"), "a number")),
        }
    }

    /// `--precision`, or `default`: a share above 0, at most 1.
    pub fn precision(&self, default: f64) -> Result<f64> {
        let asked: f64 = self.number("--precision", default)?;
        if asked > 0.0 && asked <= 1.0 {
            Ok(asked)
        } else {
            Err(Problem::new("args.number", format!("--precision {asked}"), "a share above 0, at most 1, for example 0.95"))
        }
    }

    /// True when a plain option was given.
    pub fn has(&self, name: &str) -> bool {
        self.plain.iter().any(|p| p == name)
    }

    /// Folder of encoders: `--encoders`, else `SHOUWEN_ENCODERS`, else the user's data folder.
    pub fn encoder_folder(&self) -> PathBuf {
        if let Some(folder) = self.one("--encoders") {
            return folder.into();
        }
        if let Some(folder) = std::env::var_os("SHOUWEN_ENCODERS") {
            return folder.into();
        }
        let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
        let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share"));
        data.or_else(home).unwrap_or_else(|| PathBuf::from(".")).join("shouwen/encoders")
    }

    /// What the trainer is told.
    pub fn tuning(&self) -> Result<Tuning> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let target = self.precision(0.95)?;
        // More would not be quicker, and a system refuses to start some number of them.
        let threads = self.number("--threads", cores)?.clamp(1, 256);
        Ok(Tuning { target, threads, ..Tuning::default() })
    }
}
