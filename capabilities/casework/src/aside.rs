//! Putting a case aside (spam, a duplicate, not ours) is the one way to the archive that nobody confirms. It takes the
//! reason in words, and where the case type says so somebody who may: a second pair of eyes.

use serde_json::json;
use shouwen_kernel::{Kind as ProblemKind, Problem, Result};
use shouwen_stages::Who;
use shouwen_store::Tx;

use crate::case::Case;
use crate::gate::{self, Hand};
use crate::kinds::{self, Kind};
use crate::{type_store, verified};

/// Shortest reason that says something, in characters.
const SHORTEST: usize = 4;

/// How the end of a case is founded, as its closure keeps it: the way it was verified, else `aside`, `resolution` (the
/// resolution is the recorded reason), or `none` (its type asks for nothing).
pub fn ground(tx: &Tx<'_>, case: &Case, kind: &Kind, code: &str) -> Result<&'static str> {
    let asking = asking(tx, case, kind)?;
    if !asking {
        return Ok("none");
    }
    if let Some(way) = verified::confirmed(tx, case)?.last() {
        return Ok(way.word());
    }
    Ok(if verified::is_aside(kind, code) { "aside" } else { "resolution" })
}

/// Whether its type, or one it was or took in, asks for a verification.
fn asking(tx: &Tx<'_>, case: &Case, kind: &Kind) -> Result<bool> {
    if kind.asks_verification() || case.ties.former_types.is_empty() {
        return Ok(kind.asks_verification());
    }
    let types = type_store::types(tx, case.workspace)?;
    Ok(case.ties.former_types.iter().any(|key| types.find(key).is_none_or(|k| k.asks_verification())))
}

/// Refuses to put a case aside without a word, or by whoever the type does not let. What was verified may go.
pub fn allowed(tx: &Tx<'_>, hand: Hand<'_>, case: &Case, kind: &Kind, code: &str, text: Option<&str>) -> Result<()> {
    if !verified::is_aside(kind, code) || !asking(tx, case, kind)? || verified::is_enough(&verified::confirmed(tx, case)?, kind) {
        return Ok(());
    }
    let types = type_store::types(tx, case.workspace)?;
    let holds = gate::holder(tx, hand, case)?;
    let owed = case.ties.former_types.iter().filter_map(|key| types.find(key)).map(|k| k.as_ref());
    for of in std::iter::once(kind).chain(owed) {
        let who = &of.definition().verification.aside_by;
        if !who.is_empty() && !who.iter().any(&holds) {
            return Err(Problem::new(ProblemKind::Forbidden, "case.aside_refused", format!("a case of type `{}` is put aside by others, because nobody confirms such an end", of.key()))
                .field("resolution.code")
                .expected(format!("another resolution; or the same by one of: {}", kinds::keys(who.iter().map(Who::word).collect::<Vec<_>>().iter().map(String::as_str))))
                .detail(json!({ "who": who })));
        }
    }
    if text.is_none_or(|t| t.trim().chars().count() < SHORTEST) {
        return Err(Problem::invalid("resolution.text", "a case is put aside without a word").code("case.aside_reason").expected("why it is none of ours, spam or a duplicate, in words"));
    }
    Ok(())
}
