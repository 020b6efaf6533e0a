//! Fields that may be absent, null or a value; and small checks of what people type.

use serde::{Deserialize, Deserializer};
use shouwen_kernel::{Problem, Result};

/// For a field where null means something else than its absence: `#[serde(default, deserialize_with = "present")]`.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(d: D) -> std::result::Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(d).map(Some)
}

/// One line of at most `max` characters; empty is refused.
pub fn line(field: &str, text: &str, max: usize) -> Result<String> {
    let line = shouwen_kernel::text::one_line(text);
    if line.is_empty() {
        return Err(Problem::invalid(field, "the text is empty").expected(format!("1 to {max} characters")));
    }
    if line.chars().count() > max {
        return Err(Problem::invalid(field, format!("the text has {} characters", line.chars().count())).expected(format!("1 to {max} characters")));
    }
    Ok(line)
}

/// A reason in words: clipped, never refused.
pub fn reason(text: Option<&str>) -> Option<String> {
    text.map(|t| shouwen_kernel::text::clip(t.trim(), 500)).filter(|t| !t.is_empty())
}
