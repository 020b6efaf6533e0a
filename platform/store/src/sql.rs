//! SQL is written once, with `?1 ?2 …` and a few type words; this file turns it into each engine's dialect.

/// Which engine a transaction speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// `?n` outside quotes becomes `$n`.
pub(crate) fn to_postgres(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 8);
    let mut quoted = false;
    for c in sql.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                out.push(c);
            }
            '?' if !quoted => out.push('$'),
            _ => out.push(c),
        }
    }
    out
}

/// Expands the type words of a migration. A line `);` ends a table and becomes STRICT on SQLite, so that a type which
/// PostgreSQL would refuse is refused there too. Text is compared by bytes on both.
pub fn expand_types(sql: &str, engine: Engine) -> String {
    let words: [(&str, &str, &str); 9] = [
        ("{id}", "BLOB", "uuid"),
        ("{int}", "INTEGER", "bigint"),
        ("{real}", "REAL", "double precision"),
        ("{bool}", "INTEGER", "boolean"),
        ("{text}", "TEXT", "text COLLATE \"C\""),
        ("{bytes}", "BLOB", "bytea"),
        ("{json}", "TEXT", "jsonb"),
        ("{seq}", "INTEGER PRIMARY KEY AUTOINCREMENT", "bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
        ("{txid}", "INTEGER NOT NULL DEFAULT 0", "xid8 NOT NULL DEFAULT pg_current_xact_id()"),
    ];
    let mut out = sql.to_owned();
    for (word, sqlite, postgres) in words {
        out = out.replace(word, if engine == Engine::Sqlite { sqlite } else { postgres });
    }
    if engine == Engine::Sqlite { out.replace("\n);", "\n) STRICT;") } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_renamed_outside_quotes_only() {
        assert_eq!(to_postgres("SELECT '?1', a FROM t WHERE b = ?2 AND c = ?10"), "SELECT '?1', a FROM t WHERE b = $2 AND c = $10");
    }
}
