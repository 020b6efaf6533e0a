//! Small checks that several requests share.

use serde::{Deserialize, Deserializer, Serialize};
use shouwen_kernel::{Kind, Problem, Result};
use shouwen_store::{Engine, ToValue, Tx, params};
use shouwen_web::{SignedIn, Viewer};

/// A name in both languages; a plain text stands for both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Localised {
    /// Simplified Chinese.
    pub zh: String,
    /// English.
    pub en: String,
}

impl<'de> Deserialize<'de> for Localised {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text, or {\"zh\": …, \"en\": …}")]
        enum Form {
            One(String),
            Both { zh: String, en: String },
        }
        Ok(match Form::deserialize(d)? {
            Form::One(text) => Self { zh: text.clone(), en: text },
            Form::Both { zh, en } => Self { zh, en },
        })
    }
}

/// Tells `null` from absent: absent is `None`, null is `Some(None)`.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

/// A name of 1 to `most` characters on one line.
pub(crate) fn name(field: &str, text: &str, most: usize) -> Result<String> {
    let plain = shouwen_kernel::text::one_line(text);
    let length = plain.chars().count();
    if length == 0 || length > most {
        return Err(Problem::invalid(field, format!("`{}` has {length} characters", shouwen_kernel::text::clip(&plain, 40))).expected(format!("1 to {most} characters")));
    }
    Ok(plain)
}

/// A language we speak.
pub(crate) fn locale(text: &str) -> Result<String> {
    match text {
        "zh-CN" | "en" => Ok(text.to_owned()),
        other => Err(Problem::invalid("locale", format!("`{}` is not a language of the desk", shouwen_kernel::text::clip(other, 20))).expected("`zh-CN` or `en`")),
    }
}

/// An IANA time zone.
pub(crate) fn time_zone(text: &str) -> Result<String> {
    jiff::tz::TimeZone::get(text)
        .map(|_| text.to_owned())
        .map_err(|_| Problem::invalid("time_zone", format!("`{}` is not a known time zone", shouwen_kernel::text::clip(text, 40))).expected("an IANA name like `Asia/Shanghai`"))
}

/// Locks a row until the end of the transaction, so that of two who edit it at once the second sees what the first did.
/// SQLite has one writer and needs none of it.
pub(crate) fn lock(tx: &Tx<'_>, table: &str, id: impl ToValue) -> Result<()> {
    if tx.engine() == Engine::Postgres {
        tx.opt::<(shouwen_store::Value,)>(&format!("SELECT id FROM {table} WHERE id = ?1 FOR UPDATE"), params![id])?;
    }
    Ok(())
}

/// A version the caller saw; the present one is in `detail.current` of the problem.
pub(crate) fn same_version<T: Serialize>(seen: i64, current_version: i64, current: &T) -> Result<()> {
    if seen == current_version {
        return Ok(());
    }
    Err(Problem::conflict("version_conflict", format!("version {seen} was edited by somebody else; it is version {current_version} now"))
        .expected("the newest version with your change put in again")
        .detail(serde_json::json!({ "current": serde_json::to_value(current)? })))
}

/// Refuses whoever still owes a second factor: only its enrolment answers them.
pub(crate) fn settled(viewer: &Viewer) -> Result<()> {
    if viewer.must_enrol {
        return Err(Problem::new(Kind::Forbidden, "session.must_enrol", "your role demands a second factor and you have none yet").expected("enrol one under Profile → Security"));
    }
    Ok(())
}

/// Refuses API tokens where a person must act: passwords, factors, tokens, sessions.
pub(crate) fn in_person(who: &SignedIn) -> Result<()> {
    if who.viewer.token.is_some() {
        return Err(Problem::new(Kind::Forbidden, "forbidden.token", "an API token may not do this").expected("a person signed in with a browser"));
    }
    Ok(())
}

/// `?1, ?2 …` for `count` values from parameter `from`.
pub(crate) fn places(from: usize, count: usize) -> String {
    (from..from + count).map(|i| format!("?{i}")).collect::<Vec<_>>().join(", ")
}
