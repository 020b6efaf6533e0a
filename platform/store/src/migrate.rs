//! Versioned migrations, run at start in one transaction on both engines. Forward only; a changed file is refused.

use shouwen_kernel::{Kind, Problem, Result};

use crate::{Db, Engine, Tx, expand_types, params};

/// One step of a capability's schema.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    pub capability: &'static str,
    /// From 1, without gaps.
    pub version: i64,
    /// One text for both engines; see [`crate::expand_types`].
    pub sql: &'static str,
}

/// Applies what is missing; the names of what was applied.
pub fn run(db: &Db, migrations: &[Migration]) -> Result<Vec<String>> {
    let migrations = migrations.to_vec();
    db.write_blocking(move |tx| apply(tx, &migrations))
}

/// What [`run`] would apply.
pub fn pending(db: &Db, migrations: &[Migration]) -> Result<Vec<String>> {
    let migrations = migrations.to_vec();
    db.read_blocking(move |tx| {
        let exists: Option<(i64,)> = tx.opt(
            tx.dialect("SELECT 1 FROM sqlite_master WHERE name = 'migration'", "SELECT 1::bigint FROM information_schema.tables WHERE table_name = 'migration' AND table_schema = current_schema()"),
            params![],
        )?;
        let mut names = Vec::new();
        for migration in &migrations {
            let done = match exists {
                None => None,
                Some(_) => tx.opt::<(String,)>("SELECT sha256 FROM migration WHERE capability = ?1 AND version = ?2", params![migration.capability, migration.version])?,
            };
            if done.is_none() {
                names.push(name(migration));
            }
        }
        Ok(names)
    })
}

fn name(migration: &Migration) -> String {
    format!("{} {:04}", migration.capability, migration.version)
}

fn apply(tx: &Tx<'_>, migrations: &[Migration]) -> Result<Vec<String>> {
    if tx.engine() == Engine::Postgres {
        // Several nodes may start at once; one migrates, the others wait and find it done.
        tx.batch("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(7300190045)")?;
    }
    tx.batch(&expand_types(
        "CREATE TABLE IF NOT EXISTS migration (capability {text} NOT NULL, version {int} NOT NULL, sha256 {text} NOT NULL, applied_at {int} NOT NULL, PRIMARY KEY (capability, version))",
        tx.engine(),
    ))?;
    let mut applied = Vec::new();
    let mut last: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for migration in migrations {
        let before = last.entry(migration.capability).or_insert(0);
        if migration.version != *before + 1 {
            return Err(Problem::internal(format!("migration {} follows {before:04}; versions count from 1 without gaps", name(migration))));
        }
        *before = migration.version;
        let sha256 = shouwen_crypt::sha256_hex(migration.sql.as_bytes());
        let done: Option<(String,)> = tx.opt("SELECT sha256 FROM migration WHERE capability = ?1 AND version = ?2", params![migration.capability, migration.version])?;
        match done {
            Some((known,)) if known == sha256 => continue,
            Some(_) => {
                return Err(Problem::new(Kind::Invalid, "migration.changed", format!("migration {} was applied in another form", name(migration)))
                    .expected("the program that created this database, or a newer one; restore a backup if it was edited by hand"));
            }
            None => {}
        }
        tx.batch(&expand_types(migration.sql, tx.engine())).map_err(|p| Problem::internal(format!("migration {} failed, nothing was changed: {}", name(migration), p.message)))?;
        tx.execute("INSERT INTO migration (capability, version, sha256, applied_at) VALUES (?1, ?2, ?3, ?4)", params![migration.capability, migration.version, sha256, tx.now()])?;
        applied.push(name(migration));
    }
    if migrations.iter().any(|m| m.capability == "store") {
        crate::upkeep::adopt_restored_log(tx)?;
    }
    let known: Vec<(String, i64)> = tx.all("SELECT capability, version FROM migration", params![])?;
    if let Some((capability, version)) = known.iter().find(|(c, v)| !migrations.iter().any(|m| m.capability == c && m.version == *v)) {
        return Err(Problem::new(Kind::Invalid, "migration.newer", format!("this database was written by a newer program (it has {capability} {version:04})"))
            .expected("that program or a newer one; going back is not supported, restore a backup instead"));
    }
    Ok(applied)
}
