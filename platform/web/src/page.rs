//! Lists by keyset: a page, and an opaque cursor to the next.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use shouwen_kernel::{Problem, Result};

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Pass as `after` to go on; null at the end.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Makes a page from up to `limit + 1` rows; `cursor` gives a row's place.
    pub fn from_rows<C: Serialize>(mut rows: Vec<T>, limit: usize, cursor: impl Fn(&T) -> C) -> Self {
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|row| encode_cursor(&cursor(row))) } else { None };
        Self { items: rows, next }
    }
}

/// `?limit=&after=`.
#[derive(Clone, Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default)]
pub struct PageParams {
    /// Rows a page, 1–200; 50 when absent.
    pub limit: Option<usize>,
    /// `next` of the page before.
    pub after: Option<String>,
}

/// The page size asked for, within 1–200.
pub fn limit_of(limit: Option<usize>) -> Result<usize> {
    match limit {
        None => Ok(50),
        Some(n) if (1..=200).contains(&n) => Ok(n),
        Some(n) => Err(Problem::invalid("limit", format!("{n} rows a page")).expected("1 to 200")),
    }
}

/// The opaque form of a place in a list.
pub fn encode_cursor<C: Serialize>(cursor: &C) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

/// Reads a cursor; a foreign text is a clear problem.
pub fn decode_cursor<C: DeserializeOwned>(text: Option<&str>) -> Result<Option<C>> {
    text.filter(|t| !t.is_empty())
        .map(|text| {
            URL_SAFE_NO_PAD
                .decode(text)
                .ok()
                .and_then(|bytes| serde_json::from_slice(&bytes).ok())
                .ok_or_else(|| Problem::invalid("after", "this is not a cursor of this list").expected("`next` of the page before, unchanged, with the same sort"))
        })
        .transpose()
}
