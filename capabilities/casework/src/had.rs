//! What the answers of a case have been. A gate may ask for it (`had.risk contains any high`), so that what was answered once is
//! not passed over by answering otherwise; and whoever did is known to the review.

use serde_json::{Map, Value as Json};
use shouwen_contracts::casework::{CaseEvent, Edited};
use shouwen_kernel::{CaseId, PersonId, Result};
use shouwen_stages::Stage;
use shouwen_store::{Recorded, Tx, params};

use crate::case::Case;
use crate::kinds::Kind;

/// Before the key of a choice: every option that was ever chosen, the present ones among them.
pub const PREFIX: &str = "had.";

/// The fields whose past the conditions of a stage ask for.
fn asked<'a>(kind: &'a Kind, stages: &[&Stage]) -> Vec<&'a str> {
    let texts: Vec<&str> = stages.iter().flat_map(|stage| [stage.enter.as_deref(), stage.leave.as_deref()]).flatten().filter(|text| text.contains(PREFIX)).collect();
    if texts.is_empty() {
        return Vec::new();
    }
    let fields = kind.definition().form.iter().flat_map(|form| form.fields()).map(|(_, field)| field.key.as_str());
    fields.filter(|key| texts.iter().any(|text| names(text, key))).collect()
}

/// Whether a condition's text names `had.KEY`, and not a longer key.
fn names(text: &str, key: &str) -> bool {
    let wanted = format!("{PREFIX}{key}");
    text.match_indices(&wanted).any(|(at, _)| !text[at + wanted.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-'))
}

/// The edits of a case's answers, oldest first; those it was opened with are among them.
fn edits(tx: &Tx<'_>, case: CaseId) -> Result<Vec<(Option<PersonId>, Edited)>> {
    let told: Vec<Recorded> = tx.all("SELECT tx, seq, workspace_id, at, kind, subject, actor, access, payload FROM event WHERE subject = ?1 AND kind = ?2 ORDER BY seq", params![case.0, "case.edited"])?;
    let mut found = Vec::with_capacity(told.len());
    for recorded in told {
        if let Some(CaseEvent::Edited(edited)) = recorded.event::<CaseEvent>()? {
            found.push((recorded.actor()?.person_id(), edited));
        }
    }
    Ok(found)
}

fn add(to: &mut Vec<Json>, value: &Json) {
    match value {
        Json::Null => {}
        Json::Array(items) => items.iter().for_each(|item| add(to, item)),
        one if to.contains(one) => {}
        one => to.push(one.clone()),
    }
}

/// `had.KEY` of each field whose past the way from one stage to another asks for.
pub fn facts(tx: &Tx<'_>, kind: &Kind, case: &Case, target: &Stage) -> Result<Map<String, Json>> {
    let here = kind.machine.stage(&case.stage);
    let keys = asked(kind, &here.into_iter().chain([target]).collect::<Vec<_>>());
    if keys.is_empty() {
        return Ok(Map::new());
    }
    let edits = edits(tx, case.id)?;
    Ok(keys
        .into_iter()
        .map(|key| {
            let mut all = Vec::new();
            for (_, edited) in edits.iter().filter(|(_, edited)| edited.field.strip_prefix("fields.") == Some(key)) {
                add(&mut all, &edited.from);
                add(&mut all, &edited.to);
            }
            add(&mut all, case.fields.get(key).unwrap_or(&Json::Null));
            (format!("{PREFIX}{key}"), Json::Array(all))
        })
        .collect())
}

/// Whose judgement a review looks at, where the gate behind it asks for the past of answers: who gave the present ones, and
/// who took earlier ones back.
pub fn judged(tx: &Tx<'_>, kind: &Kind, case: &Case, approved: &str) -> Result<Vec<PersonId>> {
    let keys = kind.machine.stage(approved).map(|stage| asked(kind, &[stage])).unwrap_or_default();
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let edits = edits(tx, case.id)?;
    let mut people = Vec::new();
    for key in keys {
        let mut of_field = edits.iter().filter(|(_, edited)| edited.field.strip_prefix("fields.") == Some(key)).peekable();
        while let Some((by, edited)) = of_field.next() {
            let stands = of_field.peek().is_none();
            people.extend(by.filter(|_| stands || !edited.from.is_null()));
        }
    }
    people.sort_unstable();
    people.dedup();
    Ok(people)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_names_a_field_whole() {
        assert!(names("not (had.risk contains any medium, high)", "risk"));
        assert!(names("had.risk is not empty and had.risk_level is empty", "risk"));
        assert!(!names("had.risk_level contains high", "risk"));
        assert!(!names("fields.risk is low", "risk"));
    }
}
