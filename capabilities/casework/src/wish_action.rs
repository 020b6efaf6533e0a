//! The actions of rules, macros and reviews that change a case. They go the same ways as a person's commands: what the
//! type refuses to a person, it refuses to a rule.

use serde_json::{Map, Value as Json, json};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{PersonId, Problem, Result, TeamId, text::clip};
use shouwen_rules::{Action, Party, Words};
use shouwen_store::{Ctx, Tx, params};

use crate::case::Case;
use crate::change::Assignment;
use crate::deed::Deed;
use crate::work_order::{self, Opening};
use crate::{canned, edit, fields, input, kinds, names, note, remind, render, send, tag};

/// The clock of a work order.
const DUE: &str = "due";

/// Whether casework carries it out. Notices, clocks, webhooks and warnings belong to others, who hear the same wish.
pub fn is_ours(action: &Action) -> bool {
    !matches!(
        action,
        Action::Notify { .. } | Action::StartClock { .. } | Action::StopClock { .. } | Action::Webhook { .. } | Action::RunMacro { .. } | Action::OpenWarning { .. }
    )
}

/// Does it. Texts come with their placeholders filled.
pub fn carry_out(tx: &Tx<'_>, ctx: &Ctx, case: &mut Case, action: &Action, why: &str) -> Result<()> {
    let deed = Deed::of_house(ctx);
    let reason = input::reason(Some(why));
    match action {
        Action::Assign { person, team, routing } => {
            let person = match person {
                Some(named) => Some(Some(person_of(tx, case, named)?)),
                // Nobody's again, so that routing chooses.
                None if *routing => Some(None),
                None => None,
            };
            let team = team.as_deref().map(|named| team_of(tx, case, named)).transpose()?.map(Some);
            case.assign(tx, ctx, &Assignment { person, team, reason: why.to_owned(), by: "rule" })?;
            case.save(tx)
        }
        Action::SetField { field, value } => {
            let wanted = wanted(tx, case, field, value)?;
            if !edit::apply(tx, &deed, case, wanted)?.is_empty() {
                case.save(tx)?;
            }
            Ok(())
        }
        Action::SetPriority { priority } => {
            kinds::check_priority(priority)?;
            if !edit::apply(tx, &deed, case, vec![("priority".to_owned(), json!(priority))])?.is_empty() {
                case.save(tx)?;
            }
            Ok(())
        }
        Action::Tag { tags } => tag::change(tx, &deed, case, tags, &[]).map(|_| ()),
        Action::Untag { tags } => tag::change(tx, &deed, case, &[], tags).map(|_| ()),
        Action::MoveStage { stage, reason: said } => {
            let said = said.as_ref().map(|w| in_language(case, w)).or(reason);
            edit::move_to(tx, &deed, case, stage, said).map(|_| ())
        }
        Action::Watch { who } => {
            for person in people(tx, case, who)? {
                work_order::watch(tx, ctx, case, person)?;
            }
            case.save(tx)
        }
        Action::Escalate { to, reason: said, .. } => {
            for person in people(tx, case, to)? {
                work_order::watch(tx, ctx, case, person)?;
            }
            let text = in_language(case, said);
            remind::send(tx, ctx, case, if text.is_empty() { why } else { &text })?;
            case.save(tx)
        }
        Action::OpenChild { case_type, title, team, person, priority, target, fields } => {
            let wanted = Opening {
                case_type: case_type.clone(),
                title: input::line("title", &in_language(case, title), 200)?,
                priority: priority.clone().unwrap_or_else(|| case.priority.clone()),
                team_id: team.as_deref().map(|named| team_of(tx, case, named)).transpose()?.or(case.team_id.filter(|_| team.is_none() && person.is_none())),
                org_unit_id: None,
                assignee_id: person.as_deref().map(|named| person_of(tx, case, named)).transpose()?,
                accountable_id: None,
                customer: case.customer_id.map(|id| (id, case.customer_name.clone().unwrap_or_default())),
                language: case.language.clone(),
                tags: Vec::new(),
                fields: fields.iter().map(|(k, v)| (k.clone(), v.clone())).collect(),
                due_at: None,
                parent: Some(case.id),
            };
            let mut child = work_order::open(tx, ctx, &wanted)?;
            work_order::tie(tx, ctx, case, &mut child)?;
            if !why.trim().is_empty() {
                note::write(tx, &deed, &mut child, why, None, &[], &[], None)?;
            }
            child.store(tx)?;
            if let Some(target) = target {
                // Working time is counted by the service levels; they hear the wish.
                let action = Action::StartClock { clock: DUE.to_owned(), target: Some(*target), calendar: None };
                let wish = ActionWish { source: format!("child:{}", child.id), case_id: child.id, action: serde_json::to_value(action)?, reason: why.to_owned(), chain: Vec::new() };
                tx.emit::<WishEvent>(ctx, Some(child.id.0), Some(&child.access()), wish)?;
            }
            case.save(tx)
        }
        Action::AddNote { text } => {
            note::write(tx, &deed, case, &in_language(case, text), None, &[], &[], None)?;
            case.store(tx)
        }
        Action::SendTemplate { template } => {
            let text = canned::for_everybody(tx, case.workspace, template, if case.language.as_deref() == Some("en") { "en" } else { "zh-CN" })?;
            let (text, open) = render::filled(tx, &deed, case, &text)?;
            if !open.is_empty() {
                return Err(Problem::conflict("template.unresolved", format!("nothing is known for {}", open.join(", "))).expected("a text whose placeholders can all be filled"));
            }
            let draft = send::Draft { text, ..send::Draft::default() };
            send::write(tx, &deed, case, &draft)?;
            case.save(tx)
        }
        Action::Notify { .. } | Action::StartClock { .. } | Action::StopClock { .. } | Action::Webhook { .. } | Action::RunMacro { .. } | Action::OpenWarning { .. } => Ok(()),
    }
}

fn in_language(case: &Case, words: &Words) -> String {
    words.pick(case.language.as_deref().unwrap_or("zh")).to_owned()
}

/// The fields a rule may set, checked as a person's are.
fn wanted(tx: &Tx<'_>, case: &Case, field: &str, value: &Json) -> Result<Vec<(String, Json)>> {
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    if let Some(key) = field.strip_prefix("fields.") {
        let given = Map::from_iter([(key.to_owned(), value.clone())]);
        return Ok(fields::taken(tx, &kind, case.workspace, Some(case), &given)?.into_iter().map(|(key, value)| (format!("fields.{key}"), value)).collect());
    }
    let text = || value.as_str().ok_or_else(|| Problem::invalid(field, "the value is no text").expected("a text"));
    let checked = match field {
        "title" => json!(input::line("title", text()?, 200)?),
        "priority" => {
            kinds::check_priority(text()?)?;
            value.clone()
        }
        "type" => {
            kinds::case_type(tx, case.workspace, text()?)?;
            value.clone()
        }
        "language" if value.is_null() || matches!(value.as_str(), Some("zh" | "en")) => value.clone(),
        other => return Err(Problem::invalid("field", format!("`{}` cannot be set by a rule", clip(other, 40))).expected("`title`, `priority`, `type`, `language` (`zh`, `en`) or `fields.KEY`")),
    };
    Ok(vec![(field.to_owned(), checked)])
}

/// A person by id, or by their part in the case.
fn person_of(tx: &Tx<'_>, case: &Case, named: &str) -> Result<PersonId> {
    let found = match named {
        "accountable" => case.accountable_id,
        "assignee" => case.assignee_id,
        id => id.strip_prefix("person:").unwrap_or(id).parse().ok(),
    };
    let person = found.ok_or_else(|| Problem::invalid("person", format!("there is nobody behind `{}`", clip(named, 60))).expected("a person's id, `accountable` or `assignee`"))?;
    names::must_be_active(tx, case.workspace, person, "person").map(|_| person)
}

/// A team by id or name.
fn team_of(tx: &Tx<'_>, case: &Case, named: &str) -> Result<TeamId> {
    let named = named.strip_prefix("team:").unwrap_or(named);
    if let Ok(id) = named.parse() {
        return names::must_be_team(tx, case.workspace, id).map(|_| id);
    }
    let found: Option<(TeamId,)> = tx.opt("SELECT id FROM case_team WHERE workspace_id = ?1 AND name = ?2 ORDER BY id LIMIT 1", params![case.workspace, named])?;
    found.map(|row| row.0).ok_or_else(|| Problem::invalid("team", format!("there is no team `{}`", clip(named, 60))).expected("a team's id or name"))
}

/// The people behind parties. Roles are known to whoever wished and come as people; unknown ones are nobody.
fn people(tx: &Tx<'_>, case: &Case, parties: &[Party]) -> Result<Vec<PersonId>> {
    let mut out = Vec::new();
    for party in parties {
        match party {
            Party::Person(id) => out.push(person_of(tx, case, id)?),
            Party::Team(named) => out.extend(names::members(tx, team_of(tx, case, named)?)?),
            Party::Assignee => out.extend(case.assignee_id),
            Party::Accountable => out.extend(case.accountable_id),
            Party::Watchers => out.extend(case.watchers.iter().copied()),
            Party::CaseTeam => out.extend(case.team_id.map(|team| names::members(tx, team)).transpose()?.unwrap_or_default()),
            Party::Role(_) | Party::TeamLead | Party::Owner => {}
        }
    }
    out.sort_unstable();
    out.dedup();
    Ok(out)
}
