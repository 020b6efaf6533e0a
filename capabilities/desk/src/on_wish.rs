//! Notices that rules, macros and others ask for: `wish.action` with `notify`. Roles and the owner of a rule mostly arrive
//! as persons; parts in the case are looked up here.

use shouwen_contracts::wish::WishEvent;
use shouwen_kernel::{PersonId, Result};
use shouwen_store::{Recorded, Tx};

use crate::notify::Notice;
use crate::parties;

/// The events read.
pub const KINDS: &[&str] = &["wish.action"];

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(WishEvent::ActionWish(wish)) = recorded.event::<WishEvent>()? else { return Ok(()) };
    if wish.action["do"] != "notify" {
        return Ok(());
    }
    let Some(place) = parties::place(tx, recorded.workspace, wish.case_id)? else { return Ok(()) };
    let mut people: Vec<PersonId> = Vec::new();
    for party in wish.action["to"].as_array().into_iter().flatten().filter_map(|party| party.as_str()) {
        people.extend(parties::behind(tx, recorded.workspace, &place, party)?);
    }
    let words = &wish.action["text"];
    let text = words.as_str().or_else(|| words[if place.language.as_deref() == Some("en") { "en" } else { "zh" }].as_str()).unwrap_or(&wish.reason);
    Notice::of("rule").about(&place).saying(text).to(tx, recorded, people)
}
