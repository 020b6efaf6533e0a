//! Command-line options, read strictly: an unknown one is an error that names the nearest known one.

use shouwen_kernel::{Kind, Problem, Result};

/// Options (`--name value` or `--name=value`), switches (`--name`) and the rest.
#[derive(Debug, Default)]
pub struct Args {
    options: Vec<(String, String)>,
    switches: Vec<String>,
    pub rest: Vec<String>,
}

impl Args {
    /// Reads `arguments`; `options` take a value, `switches` do not.
    pub fn read(arguments: &[String], options: &[&str], switches: &[&str]) -> Result<Self> {
        let mut out = Self::default();
        let mut waiting = arguments.iter();
        while let Some(argument) = waiting.next() {
            let Some(name) = argument.strip_prefix("--") else {
                out.rest.push(argument.clone());
                continue;
            };
            let (name, inline) = match name.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (name, None),
            };
            if switches.contains(&name) && inline.is_none() {
                out.switches.push(name.to_owned());
            } else if options.contains(&name) {
                let value = match inline {
                    Some(value) => value,
                    None => waiting.next().cloned().ok_or_else(|| wrong(format!("`--{name}` stands without a value")).expected(format!("--{name} VALUE")))?,
                };
                out.options.push((name.to_owned(), value));
            } else {
                let known: Vec<&str> = options.iter().chain(switches).copied().collect();
                return Err(wrong(format!("there is no option `--{name}`")).expected(nearest(name, &known)));
            }
        }
        Ok(out)
    }

    /// The last value given for an option.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// Every value given for an option.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.options.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }
    /// Whether a switch was given.
    pub fn has(&self, name: &str) -> bool {
        self.switches.iter().any(|s| s == name)
    }
}

fn wrong(message: String) -> Problem {
    Problem::new(Kind::Invalid, "usage", message)
}

/// "`--data`, …" with the most similar first.
pub fn nearest(name: &str, known: &[&str]) -> String {
    let mut ranked: Vec<&str> = known.to_vec();
    ranked.sort_by_key(|k| distance(name, k));
    match ranked.first() {
        Some(best) if distance(name, best) <= 3 => format!("perhaps `--{best}`; known are: {}", list(known)),
        _ => format!("one of: {}", list(known)),
    }
}

fn list(known: &[&str]) -> String {
    known.iter().map(|k| format!("--{k}")).collect::<Vec<_>>().join(", ")
}

/// Edit distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

/// Prints a problem the way every command does and gives the exit code.
pub fn fail(problem: &Problem) -> i32 {
    eprintln!("shouwen: {problem}");
    if problem.code == "usage" { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_option_names_the_nearest() {
        let problem = Args::read(&["--dta".into(), "x".into()], &["data", "listen"], &["json"]).unwrap_err();
        assert!(problem.to_string().contains("perhaps `--data`"));
        let args = Args::read(&["--data=a".into(), "file".into(), "--json".into()], &["data"], &["json"]).unwrap();
        assert_eq!((args.get("data"), args.has("json"), args.rest.len()), (Some("a"), true, 1));
    }
}
