//! Opens the data of one installation: folder, lock, keys, database, schema.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use shouwen_crypt::{KeyRing, Keys};
use shouwen_kernel::{Ids, Kind, Problem, Result, SystemClock};
use shouwen_store::{Blobs, Db, Location, Migration, Services, migrate, params};
use shouwen_web::{App, AppConfig, AppParts};

use crate::config::Config;
use crate::modules;

/// An open installation.
pub struct Instance {
    pub db: Db,
    pub app: App,
    pub config: Config,
    /// This start made the key file.
    fresh_keys: bool,
    /// Held as long as this process may write to a SQLite database.
    _lock: Option<File>,
}

/// Every schema step, the spine's first.
pub fn migrations() -> Vec<Migration> {
    shouwen_store::MIGRATIONS.iter().copied().chain(modules::all().iter().flat_map(|m| m.migrations.to_vec())).collect()
}

/// Where the database of `config` lies.
pub fn location(config: &Config) -> Location {
    match &config.database {
        Some(url) => Location::Postgres { url: url.clone(), schema: None },
        None => Location::Sqlite(config.data.join("shouwen.db")),
    }
}

/// Opens without migrating. `exclusive`: refuse while another process has the SQLite database open; only then may a new
/// installation be begun here, so that a misspelt folder is an error and not an empty house.
pub fn open(config: Config, exclusive: bool) -> Result<Instance> {
    let wanted = if config.database.is_none() { "shouwen.db" } else { "keys.toml" };
    if !exclusive && !config.data.join(wanted).exists() {
        return Err(Problem::new(Kind::Invalid, "data.none", format!("there is no Shouwen data in {}", config.data.display()))
            .field("data")
            .expected("the folder given to `shouwen serve --data`; serve creates it at its first start"));
    }
    crate::backup::private_folder(&config.data)
        .map_err(|e| Problem::new(Kind::Invalid, "data", format!("cannot create the data folder {}: {e}", config.data.display())).expected("--data with a folder this user may write to"))?;
    let location = location(&config);
    let lock = if matches!(location, Location::Sqlite(_)) { lock(&config.data, exclusive)? } else { None };
    let ids = Arc::new(Ids::system());
    let key_file = config.data.join("keys.toml");
    let had_keys = key_file.exists();
    let database_file = config.data.join("shouwen.db");
    if !had_keys && matches!(location, Location::Sqlite(_)) && database_file.exists() {
        return Err(missing_keys(&key_file));
    }
    let keys = Arc::new(Keys::new(KeyRing::load_or_create(&key_file, &ids)?));
    let services = Services { clock: Arc::new(SystemClock), ids, keys, blobs: Blobs::at(&config.data.join("blobs"))? };
    let db = Db::open(&location, services)?;
    let app_config = AppConfig {
        base_url: config.base_url.clone(),
        trusted_proxies: config.trusted_proxies,
        data_dir: config.data.clone(),
        allow_private_hosts: config.allow_private_hosts.clone(),
    };
    let app = App::new(AppParts::of(db.clone(), app_config, shouwen_identity::authenticate, &modules::all()));
    Ok(Instance { db, app, config, fresh_keys: !had_keys, _lock: lock })
}

/// Opens, applies what the schema lacks, and checks that the keys fit.
pub fn open_ready(config: Config, exclusive: bool) -> Result<Instance> {
    let instance = open(config, exclusive)?;
    for step in migrate::run(&instance.db, &migrations())? {
        tracing::debug!(step, "schema step applied");
    }
    let key_file = instance.config.data.join("keys.toml");
    check_keys(&instance.db, &key_file).inspect_err(|_| {
        // Keys that open nothing must not lie where somebody will take them for the right ones.
        if instance.fresh_keys {
            let _ = std::fs::remove_file(&key_file);
        }
    })?;
    if exclusive {
        // Links in mails are made inside transactions, far from the configuration.
        let (base_url, limits, days) = (instance.config.base_url.clone(), instance.config.mail_limits(), instance.config.unreferenced_days);
        instance.db.write_blocking(move |tx| {
            tx.set_setting(shouwen_kernel::WorkspaceId::NIL, "base_url", &base_url)?;
            tx.set_setting(shouwen_kernel::WorkspaceId::NIL, KEYS_IN_USE, &tx.keys().newest())?;
            tx.set_setting(shouwen_kernel::WorkspaceId::NIL, crate::blobs::DAYS, &days)?;
            shouwen_email::set_limits(tx, &limits)
        })?;
    }
    Ok(instance)
}

/// The setting that tells with which key version the server was last started.
pub const KEYS_IN_USE: &str = "keys_in_use";

const CANARY: &str = "the keys of this installation fit";

/// A sealed sentence in the database tells whether the key file belongs to it.
/// Checks that the key file of `config` belongs to the database.
pub fn open_keys(db: &Db, config: &Config) -> Result<()> {
    check_keys(db, &config.data.join("keys.toml"))
}

fn check_keys(db: &Db, key_file: &Path) -> Result<()> {
    let key_file = key_file.to_owned();
    db.write_blocking(move |tx| {
        let known: Option<(String,)> = tx.opt("SELECT value FROM setting WHERE workspace_id = ?1 AND name = 'key_canary'", params![shouwen_kernel::WorkspaceId::NIL])?;
        match known {
            None => {
                let sealed = tx.keys().seal(tx.ids(), "key.canary", CANARY)?;
                tx.set_setting(shouwen_kernel::WorkspaceId::NIL, "key_canary", &sealed)
            }
            Some((json,)) => {
                let sealed: String = serde_json::from_str(&json)?;
                tx.keys().open("key.canary", &sealed).map(|_| ()).map_err(|_| missing_keys(&key_file))
            }
        }
    })
}

fn missing_keys(key_file: &Path) -> Problem {
    Problem::new(Kind::Invalid, "keys.missing", format!("{} is not the key file of this database; personal data could not be read", key_file.display()))
        .expected("the keys.toml that was written when the database was created; restore it from your backup")
}

/// Whether no process serves the SQLite database of `data` at this moment.
pub fn nobody_serves(data: &Path) -> Result<bool> {
    if !data.join("shouwen.lock").exists() {
        return Ok(true);
    }
    lock(data, false).map(|free| free.is_some())
}

/// Two processes must not write one SQLite database; the lock goes when the process does.
fn lock(data: &Path, exclusive: bool) -> Result<Option<File>> {
    let path = data.join("shouwen.lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| {
        Problem::new(Kind::Invalid, "data", format!("cannot write to {}: {e}", path.display())).expected("the user that runs this must own the --data folder and everything in it")
    })?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        // Other commands may look at a running server's database; SQLite itself keeps their short writes apart.
        Err(_) if !exclusive => Ok(None),
        Err(_) => Err(Problem::new(Kind::Conflict, "data.locked", format!("another shouwen already serves {}", data.display())).expected("stop it first, or use another --data folder")),
    }
}
