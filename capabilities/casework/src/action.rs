//! One thing done to many cases, and its inverse for each of them.

use serde::{Deserialize, Serialize};
use serde_json::json;
use shouwen_kernel::{CaseId, PersonId, Problem, Result, TeamId, Time};
use shouwen_stages::Status;
use shouwen_store::Tx;
use utoipa::ToSchema;

use crate::change::Assignment;
use crate::close::{self, End, ResolutionBody};
use crate::deed::Deed;
use crate::input::reason;
use crate::{edit, kinds, snooze, tag};

/// What is done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    Assign(Assign),
    Stage(Stage),
    Close(Close),
    Tag(Tags),
    /// `low`, `normal`, `high`, `urgent`.
    Priority(String),
    Snooze(Snooze),
    /// Takes a closing back.
    Reopen(Reopen),
}

/// Who works on them. An absent side stays; null clears.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assign {
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::input::present")]
    #[schema(value_type = Option<PersonId>)]
    person_id: Option<Option<PersonId>>,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::input::present")]
    #[schema(value_type = Option<TeamId>)]
    team_id: Option<Option<TeamId>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Stage {
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Close {
    /// `solved` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resolution: Option<ResolutionBody>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tags {
    add: Vec<String>,
    remove: Vec<String>,
}

/// Until when; null brings them back.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Snooze {
    until: Option<Time>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Reopen {
    reason: Option<String>,
}

impl Action {
    /// The permission it needs on each case.
    pub fn permission(&self) -> &'static str {
        match self {
            Self::Assign(_) => "case.assign",
            Self::Close(_) | Self::Reopen(_) => "case.close",
            Self::Stage(_) | Self::Tag(_) | Self::Priority(_) | Self::Snooze(_) => "case.edit",
        }
    }

    /// Its name, for lists of jobs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assign(_) => "assign",
            Self::Stage(_) => "stage",
            Self::Close(_) => "close",
            Self::Tag(_) => "tag",
            Self::Priority(_) => "priority",
            Self::Snooze(_) => "snooze",
            Self::Reopen(_) => "reopen",
        }
    }

    /// What is wrong with it whatever the case.
    pub fn check(&self) -> Result<()> {
        match self {
            Self::Assign(a) if a.person_id.is_none() && a.team_id.is_none() => Err(Problem::invalid("action.assign", "neither a person nor a team was named").expected("`person_id`, `team_id` or both; null clears")),
            Self::Tag(t) => tag::checked(&t.add).map(|_| ()),
            Self::Priority(p) => kinds::check_priority(p),
            _ => Ok(()),
        }
    }

    /// Does it to one case; the number, and the inverse when something changed.
    pub fn apply(&self, tx: &Tx<'_>, deed: &Deed, id: CaseId) -> Result<(String, Option<Self>)> {
        let deed = deed.needing(self.permission());
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let inverse = match self {
            Self::Assign(a) => {
                let before = Assign { person_id: Some(case.assignee_id), team_id: Some(case.team_id), reason: Some("undo".to_owned()) };
                let wanted = Assignment { person: a.person_id, team: a.team_id, reason: reason(a.reason.as_deref()).unwrap_or_default(), by: "person" };
                if !case.assign(tx, &deed.ctx, &wanted)? {
                    return Ok((case.number, None));
                }
                case.save(tx)?;
                deed.audit(tx, "case.assigned", &case, Some(json!({ "person": case.assignee_id, "team": case.team_id })))?;
                Some(Self::Assign(before))
            }
            Self::Stage(s) => {
                let before = case.stage.clone();
                edit::move_to(tx, &deed, &mut case, &s.stage, reason(s.reason.as_deref()))?.map(|_| Self::Stage(Stage { stage: before, reason: Some("undo".to_owned()) }))
            }
            Self::Close(c) => {
                let end = End { resolution: c.resolution.clone(), reason: c.reason.clone(), ..End::default() };
                close::end(tx, &deed, &mut case, Status::Closed, &end)?;
                Some(Self::Reopen(Reopen { reason: Some("undo".to_owned()) }))
            }
            Self::Reopen(r) => {
                let before = ResolutionBody { code: case.resolution_code.clone().unwrap_or_else(|| "solved".to_owned()), text: case.resolution_text.clone() };
                case.reopen(tx, &deed.ctx, r.reason.as_deref().unwrap_or("reopened"))?;
                case.save(tx)?;
                deed.audit(tx, "case.reopened", &case, None)?;
                Some(Self::Close(Close { resolution: Some(before), reason: Some("undo".to_owned()) }))
            }
            Self::Tag(t) => {
                let (added, removed) = tag::change(tx, &deed, &mut case, &t.add, &t.remove)?;
                (!added.is_empty() || !removed.is_empty()).then_some(Self::Tag(Tags { add: removed, remove: added }))
            }
            Self::Priority(p) => {
                let before = case.priority.clone();
                let changed = edit::apply(tx, &deed, &mut case, vec![("priority".to_owned(), json!(p))])?;
                if changed.is_empty() {
                    return Ok((case.number, None));
                }
                case.save(tx)?;
                deed.audit(tx, "case.edited", &case, Some(json!({ "fields": ["priority"] })))?;
                Some(Self::Priority(before))
            }
            Self::Snooze(s) => {
                let before = case.snoozed_until;
                match s.until {
                    Some(until) => {
                        snooze::set(tx, &deed, &mut case, until)?;
                    }
                    None => {
                        if !case.unsnooze(tx, &deed.ctx, "brought back")? {
                            return Ok((case.number, None));
                        }
                        case.save(tx)?;
                        deed.audit(tx, "case.woken", &case, None)?;
                    }
                }
                Some(Self::Snooze(Snooze { until: before }))
            }
        };
        Ok((case.number, inverse))
    }
}
