//! Notices that rules, macros and others ask for: `wish.action` with `notify`. Roles and the owner of a rule arrive as
//! persons; parts in the case are looked up here.

use shouwen_contracts::wish::WishEvent;
use shouwen_kernel::{CaseId, NoticeId, PersonId, Result, TeamId};
use shouwen_store::{Recorded, Tx, params};

/// The events read.
pub const KINDS: &[&str] = &["wish.action"];
/// One wish tells at most so many people.
const MOST: usize = 200;

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(WishEvent::ActionWish(wish)) = recorded.event::<WishEvent>()? else { return Ok(()) };
    if wish.action["do"] != "notify" {
        return Ok(());
    }
    let Some((number, title, team, language)): Option<(String, String, Option<TeamId>, Option<String>)> =
        tx.opt("SELECT number, title, team_id, language FROM desk_case WHERE case_id = ?1 AND workspace_id = ?2", params![wish.case_id, recorded.workspace])?
    else {
        return Ok(());
    };
    let own = recorded.actor()?.person_id();
    let mut people: Vec<PersonId> = Vec::new();
    for party in wish.action["to"].as_array().into_iter().flatten().filter_map(|party| party.as_str()) {
        people.extend(behind(tx, wish.case_id, team, party)?);
    }
    people.sort_unstable();
    people.dedup();
    people.retain(|person| Some(*person) != own);
    let words = &wish.action["text"];
    let text = words.as_str().or_else(|| words[if language.as_deref() == Some("en") { "en" } else { "zh" }].as_str()).unwrap_or(&wish.reason);
    for person in people.into_iter().take(MOST) {
        tx.run(
            "INSERT INTO desk_notice (id, workspace_id, person_id, kind, case_id, number, title, text, at) VALUES (?1, ?2, ?3, 'rule', ?4, ?5, ?6, ?7, ?8)",
            params![tx.id::<NoticeId>(), recorded.workspace, person, wish.case_id, number, title, shouwen_kernel::text::clip(text, 200), recorded.at],
        )?;
    }
    Ok(())
}

/// The people behind a party.
fn behind(tx: &Tx<'_>, case: CaseId, team: Option<TeamId>, party: &str) -> Result<Vec<PersonId>> {
    let members = |team: TeamId| -> Result<Vec<PersonId>> { Ok(tx.all::<(PersonId,)>("SELECT person_id FROM desk_member WHERE team_id = ?1 LIMIT ?2", params![team, MOST])?.into_iter().map(|row| row.0).collect()) };
    Ok(match party.split_once(':') {
        Some(("person", id)) => id.parse().ok().into_iter().collect(),
        Some(("team", id)) => id.parse().ok().map(members).transpose()?.unwrap_or_default(),
        _ => match party {
            // Who leads a team is known to identity alone; its members stand in.
            "team" | "team_lead" => team.map(members).transpose()?.unwrap_or_default(),
            "watchers" => tx.all::<(PersonId,)>("SELECT person_id FROM desk_watcher WHERE case_id = ?1 LIMIT ?2", params![case, MOST])?.into_iter().map(|row| row.0).collect(),
            "assignee" | "accountable" => {
                let row: Option<(Option<PersonId>, Option<PersonId>)> = tx.opt("SELECT assignee_id, accountable_id FROM desk_case WHERE case_id = ?1", params![case])?;
                let (assignee, accountable) = row.unwrap_or_default();
                if party == "assignee" { assignee } else { accountable }.into_iter().collect()
            }
            _ => Vec::new(),
        },
    })
}
