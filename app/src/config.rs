//! Settings: defaults < file < environment (`SHOUWEN_DATA`, `SHOUWEN_DATABASE_FILE` for secrets) < command line.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Kind, Problem, Result};

use crate::args::{Args, nearest};

/// The options every command that opens the data takes.
pub const OPTIONS: &[&str] = &[
    "config", "data", "database", "listen", "base-url", "trusted-proxies", "allow-private-host", "log", "log-format", "mail-max-mib", "mail-max-parts", "mail-max-depth",
    "mail-max-header-lines", "mail-max-recipients", "unreferenced-days",
];

/// The settings in force.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// Folder of the database, blobs, search index and key file.
    pub data: PathBuf,
    /// `postgres://…`; none: SQLite in the data folder.
    pub database: Option<String>,
    /// Address and port to listen on.
    pub listen: String,
    /// How customers and staff reach us, e.g. `https://desk.example.com`.
    pub base_url: String,
    pub trusted_proxies: usize,
    pub allow_private_hosts: Vec<String>,
    /// `info`, `debug`, `warn`, or per module `shouwen_email=debug`.
    pub log: String,
    /// `text` or `json`.
    pub log_format: String,
    /// Above these a mail waits in quarantine; see [`Config::mail_limits`].
    pub mail_max_mib: usize,
    pub mail_max_parts: usize,
    pub mail_max_depth: usize,
    pub mail_max_header_lines: usize,
    pub mail_max_recipients: usize,
    /// Days that bytes which nothing refers to are kept before they are collected.
    pub unreferenced_days: usize,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    data: Option<PathBuf>,
    database: Option<String>,
    listen: Option<String>,
    base_url: Option<String>,
    trusted_proxies: Option<usize>,
    #[serde(default, alias = "allow-private-host")]
    allow_private_hosts: Vec<String>,
    log: Option<String>,
    log_format: Option<String>,
    mail_max_mib: Option<usize>,
    mail_max_parts: Option<usize>,
    mail_max_depth: Option<usize>,
    mail_max_header_lines: Option<usize>,
    mail_max_recipients: Option<usize>,
    unreferenced_days: Option<usize>,
}

impl Config {
    /// Puts the sources together.
    pub fn load(args: &Args) -> Result<Self> {
        let file = match args.get("config").map(PathBuf::from).or_else(|| env("SHOUWEN_CONFIG").map(PathBuf::from)) {
            Some(path) => read_file(&path)?,
            None => File::default(),
        };
        for (name, _) in std::env::vars() {
            if let Some(known) = name.strip_prefix("SHOUWEN_") {
                check_env(&name, known)?;
            }
        }
        let pick = |option: &str, variable: &str, file: Option<String>| -> Result<Option<String>> {
            Ok(match args.get(option) {
                Some(value) => Some(value.to_owned()),
                None => secret_env(variable)?.or(file),
            })
        };
        let listen = pick("listen", "SHOUWEN_LISTEN", file.listen)?.unwrap_or_else(|| "127.0.0.1:8080".into());
        if listen.parse::<std::net::SocketAddr>().is_err() {
            return Err(invalid("listen", format!("`{listen}` is not an address to listen on")).expected("IP:port, like 127.0.0.1:8080 or 0.0.0.0:8080"));
        }
        let base_url = pick("base-url", "SHOUWEN_BASE_URL", file.base_url)?.unwrap_or_else(|| format!("http://{listen}"));
        if !(base_url.starts_with("http://") || base_url.starts_with("https://")) {
            return Err(invalid("base-url", format!("`{base_url}` is not a web address")).expected("https://desk.example.com"));
        }
        let database = pick("database", "SHOUWEN_DATABASE", file.database)?;
        if let Some(url) = &database
            && !(url.starts_with("postgres://") || url.starts_with("postgresql://"))
        {
            return Err(invalid("database", "this is not a PostgreSQL address".into()).expected("postgres://user:password@host:5432/name; leave it out for SQLite in the data folder"));
        }
        let log = pick("log", "SHOUWEN_LOG", file.log)?.unwrap_or_else(|| "info".into());
        // A word alone would be taken for the name of a part, and everything else be silent.
        let word = log.split(',').find(|part| !part.contains(['=', '[']) && part.trim().parse::<tracing_subscriber::filter::LevelFilter>().is_err());
        if let Some(error) = word.map(str::to_owned).or_else(|| tracing_subscriber::EnvFilter::try_new(&log).err().map(|e| e.to_string())) {
            return Err(invalid("log", format!("`{log}` is not a log level: {error}")).expected("info, debug, warn, error, trace, or per part: info,shouwen_email=debug"));
        }
        let log_format = pick("log-format", "SHOUWEN_LOG_FORMAT", file.log_format)?.unwrap_or_else(|| "text".into());
        if log_format != "text" && log_format != "json" {
            return Err(invalid("log-format", format!("`{log_format}` is not a format")).expected("text or json"));
        }
        let proxies = pick("trusted-proxies", "SHOUWEN_TRUSTED_PROXIES", file.trusted_proxies.map(|n| n.to_string()))?.unwrap_or_else(|| "0".into());
        let number = |option: &str, variable: &str, file: Option<usize>, usual: usize, most: usize| -> Result<usize> {
            let Some(text) = pick(option, variable, file.map(|n| n.to_string()))? else { return Ok(usual) };
            text.parse::<usize>().ok().filter(|n| (1..=most).contains(n)).ok_or_else(|| invalid(option, format!("`{text}` is out of range")).expected(format!("a whole number from 1 to {most}; {usual} when absent")))
        };
        let usual = shouwen_email::Limits::default();
        let mail_max_mib = number("mail-max-mib", "SHOUWEN_MAIL_MAX_MIB", file.mail_max_mib, usual.raw_bytes >> 20, 250)?;
        let mail_max_parts = number("mail-max-parts", "SHOUWEN_MAIL_MAX_PARTS", file.mail_max_parts, usual.parts, 10_000)?;
        let mail_max_depth = number("mail-max-depth", "SHOUWEN_MAIL_MAX_DEPTH", file.mail_max_depth, usual.depth, shouwen_email::MOST_DEPTH)?;
        let mail_max_header_lines = number("mail-max-header-lines", "SHOUWEN_MAIL_MAX_HEADER_LINES", file.mail_max_header_lines, usual.header_lines, 100_000)?;
        let mail_max_recipients = number("mail-max-recipients", "SHOUWEN_MAIL_MAX_RECIPIENTS", file.mail_max_recipients, usual.recipients, 20_000)?;
        let unreferenced_days = number("unreferenced-days", "SHOUWEN_UNREFERENCED_DAYS", file.unreferenced_days, 30, 3650)?;
        let mut allow_private_hosts = file.allow_private_hosts;
        allow_private_hosts.extend(env("SHOUWEN_ALLOW_PRIVATE_HOSTS").iter().flat_map(|v| v.split(',')).map(|h| h.trim().to_owned()).filter(|h| !h.is_empty()));
        allow_private_hosts.extend(args.all("allow-private-host").map(str::to_owned));
        Ok(Self {
            data: pick("data", "SHOUWEN_DATA", file.data.map(|p| p.display().to_string()))?.unwrap_or_else(|| "./data".into()).into(),
            database,
            base_url: base_url.trim_end_matches('/').to_owned(),
            listen,
            trusted_proxies: proxies.parse().map_err(|_| invalid("trusted-proxies", format!("`{proxies}` is not a number")).expected("0, 1, 2 …"))?,
            allow_private_hosts,
            log,
            log_format,
            mail_max_mib,
            mail_max_parts,
            mail_max_depth,
            mail_max_header_lines,
            mail_max_recipients,
            unreferenced_days,
        })
    }

    /// The limits above which a mail waits in quarantine.
    pub fn mail_limits(&self) -> shouwen_email::Limits {
        shouwen_email::Limits {
            raw_bytes: self.mail_max_mib << 20,
            parts: self.mail_max_parts,
            depth: self.mail_max_depth,
            header_lines: self.mail_max_header_lines,
            recipients: self.mail_max_recipients,
            ..shouwen_email::Limits::default()
        }
    }

    /// The settings as text, without secrets.
    pub fn redacted(&self) -> String {
        let mut shown = self.clone();
        shown.database = shown.database.map(|url| match (url.find("://"), url.rfind('@')) {
            (Some(from), Some(at)) if at > from => format!("{}://…{}", &url[..from], &url[at..]),
            _ => url,
        });
        serde_json::to_string_pretty(&shown).unwrap_or_default()
    }
}

fn invalid(field: &str, message: String) -> Problem {
    Problem::new(Kind::Invalid, "config", message).field(field)
}

const VARIABLES: &[&str] = &["CONFIG", "DATA", "DATABASE", "LISTEN", "BASE_URL", "TRUSTED_PROXIES", "ALLOW_PRIVATE_HOSTS", "LOG", "LOG_FORMAT", "MAIL_MAX_MIB", "MAIL_MAX_PARTS", "MAIL_MAX_DEPTH", "MAIL_MAX_HEADER_LINES", "MAIL_MAX_RECIPIENTS", "UNREFERENCED_DAYS"];

/// A misspelt setting is an error; variables of tests and tools (`SHOUWEN_TEST_…`, `SHOUWEN_SHARED`, `SHOUWEN_ADMIN_…`, `SHOUWEN_PASSWORD` for new passwords) pass.
fn check_env(name: &str, known: &str) -> Result<()> {
    let plain = known.strip_suffix("_FILE").unwrap_or(known);
    if VARIABLES.contains(&plain) || ["TEST_", "E2E_", "BENCH_", "ADMIN_", "PASSWORD", "SHARED", "DEMO", "CRASH_"].iter().any(|p| plain.starts_with(p)) {
        return Ok(());
    }
    let names: Vec<String> = VARIABLES.iter().map(|v| format!("SHOUWEN_{v}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    Err(invalid(name, "this environment variable is not a setting".into()).expected(nearest(name, &names).replace("--", "")))
}

fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|v| !v.is_empty())
}

fn secret_env(name: &str) -> Result<Option<String>> {
    match env(&format!("{name}_FILE")) {
        Some(path) => std::fs::read_to_string(&path)
            .map(|text| Some(text.trim().to_owned()))
            .map_err(|e| invalid(&format!("{name}_FILE"), format!("cannot read {path}: {e}")).expected("a file this user may read")),
        None => Ok(env(name)),
    }
}

fn read_file(path: &Path) -> Result<File> {
    let text = std::fs::read_to_string(path).map_err(|e| invalid("config", format!("cannot read {}: {e}", path.display())).expected("a TOML file this user may read"))?;
    toml::from_str(&text).map_err(|e| {
        let line = e.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
        // The reader's own list of names follows below, shorter.
        let message = e.message().split(", expected one of").next().unwrap_or_default();
        invalid("config", format!("{}:{line}: {message}", path.display())).expected("data, database, listen, base-url, trusted-proxies, allow-private-hosts, log, log-format, mail-max-mib, mail-max-parts, mail-max-depth, mail-max-header-lines, mail-max-recipients, unreferenced-days")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(arguments: &[&str]) -> Result<Config> {
        Config::load(&Args::read(&arguments.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>(), OPTIONS, &[])?)
    }

    #[test]
    fn limits_of_the_quarantine_come_from_file_and_command_line_and_are_shown() {
        let folder = std::env::temp_dir().join(format!("shouwen-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("shouwen.toml");
        std::fs::write(&file, "mail-max-recipients = 500\nmail-max-depth = 50\nallow-private-hosts = [\"mail.corp.example\"]\n").unwrap();
        let config = load(&["--config", file.to_str().unwrap(), "--mail-max-recipients", "700"]).unwrap();
        let limits = config.mail_limits();
        assert_eq!((limits.recipients, limits.depth, limits.parts, limits.raw_bytes), (700, 50, 200, 50 << 20));
        let shown = config.redacted();
        for line in ["\"mail_max_recipients\": 700", "\"mail_max_depth\": 50", "\"mail_max_mib\": 50", "mail.corp.example"] {
            assert!(shown.contains(line), "{line} in {shown}");
        }
        assert_eq!(load(&[]).unwrap().mail_limits(), shouwen_email::Limits::default());
        assert_eq!((load(&[]).unwrap().unreferenced_days, load(&["--unreferenced-days", "7"]).unwrap().unreferenced_days), (30, 7));
        for (option, value) in [("--mail-max-depth", "201"), ("--mail-max-recipients", "0"), ("--mail-max-mib", "many"), ("--mail-max-parts", "-1"), ("--unreferenced-days", "0")] {
            let problem = load(&[option, value]).unwrap_err();
            assert_eq!(problem.field.as_deref(), Some(&option[2..]), "{problem}");
            assert!(problem.expected.unwrap().contains("whole number from 1 to"));
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_wrong_line_or_level_is_named_where_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("shouwen.toml");
        std::fs::write(&file, "data = \"./d\"\n\nlistn = \"x\"\n").unwrap();
        let problem = load(&["--config", file.to_str().unwrap()]).unwrap_err();
        assert!(problem.message.ends_with("shouwen.toml:3: unknown field `listn`"), "{problem}");
        for wrong in ["loud", "info,chatty", "shouwen_email=loud"] {
            assert_eq!(load(&["--log", wrong]).unwrap_err().field.as_deref(), Some("log"), "{wrong}");
        }
        for right in ["info", "WARN", "info,shouwen_email=debug", "off"] {
            load(&["--log", right]).unwrap();
        }
    }
}
