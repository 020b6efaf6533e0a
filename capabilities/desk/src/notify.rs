//! Which event becomes a notice to whom. One event never tells one person twice, and nobody is told of their own deeds.

use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::identity::IdentityEvent;
use shouwen_contracts::service_levels::ClockEvent;
use shouwen_kernel::{CaseId, NoticeId, PersonId, Result};
use shouwen_store::{Recorded, Tx, params};

/// The events read. `person.saved` also tells who belongs to which team, which views need.
pub const KINDS: &[&str] = &["case.message_added", "case.message_state", "case.assigned", "case.accountable", "clock.warned", "clock.breached", "person.saved", "team.deleted"];

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if let Some(event) = recorded.event::<IdentityEvent>()? {
        return members(tx, event);
    }
    let own = recorded.actor()?.person_id();
    let tell = |person: Option<PersonId>, kind: &str, case: CaseId, text: &str| -> Result<()> {
        match person.filter(|p| Some(*p) != own) {
            Some(person) => write(tx, recorded, person, kind, case, text),
            None => Ok(()),
        }
    };
    if let Some(event) = recorded.event::<CaseEvent>()? {
        return match event {
            CaseEvent::MessageAdded(m) => {
                let mut told: Vec<PersonId> = Vec::new();
                for person in &m.mentions {
                    if !told.contains(person) {
                        told.push(*person);
                        tell(Some(*person), "mention", m.case_id, &m.preview)?;
                    }
                }
                let assignee = assignee(tx, m.case_id)?;
                if m.direction == "in" && !m.auto && assignee.is_some_and(|p| !told.contains(&p)) {
                    tell(assignee, "reply", m.case_id, &m.preview)?;
                }
                Ok(())
            }
            CaseEvent::MessageState(s) if s.state == "failed" => {
                let to = assignee(tx, s.case_id)?;
                write_if(tx, recorded, to, "delivery_failed", s.case_id, s.detail.as_deref().unwrap_or(""))
            }
            CaseEvent::Assigned(a) if a.to_person != a.from_person => tell(a.to_person, "assigned", a.case_id, &a.reason),
            CaseEvent::Accountable(a) => tell(a.to, "accountable", a.case_id, &a.reason),
            _ => Ok(()),
        };
    }
    if let Some(event) = recorded.event::<ClockEvent>()? {
        let (kind, case, clock) = match event {
            ClockEvent::Warned(w) => ("warned", w.case_id, w.clock),
            ClockEvent::Breached(b) => ("breached", b.case_id, b.clock),
            _ => return Ok(()),
        };
        let row: Option<(Option<PersonId>, Option<PersonId>)> = tx.opt("SELECT assignee_id, accountable_id FROM desk_case WHERE case_id = ?1", params![case])?;
        let (assignee, accountable) = row.unwrap_or_default();
        write_if(tx, recorded, assignee, kind, case, &clock)?;
        if accountable != assignee {
            write_if(tx, recorded, accountable, kind, case, &clock)?;
        }
    }
    Ok(())
}

fn assignee(tx: &Tx<'_>, case: CaseId) -> Result<Option<PersonId>> {
    Ok(tx.opt::<(Option<PersonId>,)>("SELECT assignee_id FROM desk_case WHERE case_id = ?1", params![case])?.and_then(|row| row.0))
}

fn write_if(tx: &Tx<'_>, recorded: &Recorded, person: Option<PersonId>, kind: &str, case: CaseId, text: &str) -> Result<()> {
    person.map_or(Ok(()), |person| write(tx, recorded, person, kind, case, text))
}

fn write(tx: &Tx<'_>, recorded: &Recorded, person: PersonId, kind: &str, case: CaseId, text: &str) -> Result<()> {
    let (number, title): (String, String) = tx.opt("SELECT number, title FROM desk_case WHERE case_id = ?1", params![case])?.unwrap_or_default();
    tx.run(
        "INSERT INTO desk_notice (id, workspace_id, person_id, kind, case_id, number, title, text, at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![tx.id::<NoticeId>(), recorded.workspace, person, kind, case, number, title, shouwen_kernel::text::clip(text, 200), recorded.at],
    )?;
    Ok(())
}

fn members(tx: &Tx<'_>, event: IdentityEvent) -> Result<()> {
    match event {
        IdentityEvent::PersonSaved(p) => {
            tx.run("DELETE FROM desk_member WHERE person_id = ?1", params![p.person_id])?;
            for team in &p.teams {
                tx.run("INSERT INTO desk_member (person_id, team_id) VALUES (?1, ?2) ON CONFLICT (person_id, team_id) DO NOTHING", params![p.person_id, team])?;
            }
            Ok(())
        }
        IdentityEvent::TeamDeleted(t) => tx.execute("DELETE FROM desk_member WHERE team_id = ?1", params![t.team_id]).map(|_| ()),
        _ => Ok(()),
    }
}
