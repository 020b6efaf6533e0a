//! A case as the API shows it.

use serde::Serialize;
use shouwen_kernel::{CaseId, ConversationId, CustomerId, InboxId, ObjectId, OrgUnitId, PersonId, Result, TeamId, Time};
use shouwen_store::{Tx, params};
use shouwen_web::Viewer;
use utoipa::ToSchema;

use crate::case::Case;
use crate::children::{self, WaitingView};
use crate::conversation::{Conversation, participants};
use crate::hand_over::{self, HandOverView};
use crate::names::{self, Named};
use crate::steps::{self, LoopView};
use crate::verified::{self, VerificationView};

/// What a viewer may do to one case; shown so that a page offers only what will work.
pub const ON_A_CASE: &[&str] = &["case.read", "case.reply", "case.note", "case.edit", "case.assign", "case.close", "case.merge", "case.accountability"];

/// Somebody in a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParticipantView {
    pub id: ObjectId,
    pub name: String,
    /// `z***@example.com`
    pub address_masked: String,
    pub customer_id: Option<CustomerId>,
    /// `customer`, `cc`, or `phone` (known by number only).
    pub role: String,
    /// False: wrote into the thread without having been part of it. Answers to them carry nothing of the history.
    pub verified: bool,
}

/// A thread of messages on one channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationView {
    pub id: ConversationId,
    pub channel: String,
    pub inbox_id: Option<InboxId>,
    pub subject: String,
    pub participants: Vec<ParticipantView>,
}

/// Another case that has to do with this one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LinkView {
    pub case_id: CaseId,
    pub number: String,
    /// Empty when the viewer may not see that case.
    pub title: String,
    /// `related`, `duplicate`, `parent`, `child`.
    pub kind: String,
    pub status: String,
}

/// How it ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ResolutionView {
    pub code: String,
    pub text: Option<String>,
}

/// The case this one went into.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MergedView {
    pub id: CaseId,
    pub number: String,
}

/// The case that waits for this work order.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ParentView {
    pub id: CaseId,
    pub number: String,
    /// Empty when the viewer may not see that case.
    pub title: String,
    pub status: String,
}

/// A case.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CaseView {
    pub id: CaseId,
    pub number: String,
    #[serde(rename = "type")]
    pub case_type: String,
    pub title: String,
    pub stage: String,
    pub status: String,
    pub priority: String,
    pub tags: Vec<String>,
    #[schema(value_type = Object)]
    pub fields: serde_json::Map<String, serde_json::Value>,
    pub language: Option<String>,
    pub channel: String,
    pub inbox_id: Option<InboxId>,
    pub customer: Option<Named<CustomerId>>,
    pub org_unit: Option<Named<OrgUnitId>>,
    pub team: Option<Named<TeamId>>,
    pub assignee: Option<Named<PersonId>>,
    /// 首问责任人: owns the answer through every transfer.
    pub accountable: Option<Named<PersonId>>,
    pub watchers: Vec<Named<PersonId>>,
    pub conversations: Vec<ConversationView>,
    pub links: Vec<LinkView>,
    pub merged_into: Option<MergedView>,
    pub snoozed_until: Option<Time>,
    pub opened_at: Time,
    pub updated_at: Time,
    pub first_response_at: Option<Time>,
    pub last_in_at: Option<Time>,
    pub resolved_at: Option<Time>,
    pub closed_at: Option<Time>,
    pub closed_by: Option<Named<PersonId>>,
    pub resolution: Option<ResolutionView>,
    pub reopened_count: i64,
    pub version: i64,
    /// The case that waits for this work order.
    pub parent: Option<ParentView>,
    /// Its open work orders, oldest first.
    pub waiting_for: Vec<WaitingView>,
    /// Asked for by whoever opened the work order.
    pub due_at: Option<Time>,
    /// 催办: how often, and when last.
    pub reminders: i64,
    pub reminded_at: Option<Time>,
    /// Who works on it beside the assignee.
    pub co_handlers: Vec<Named<PersonId>>,
    /// The hand-over of accountability that waits for an answer.
    pub hand_over: Option<HandOverView>,
    /// The review of the present stage: `pending`, `approved`, `returned`.
    pub review: Option<String>,
    /// 受理→处理→审核→告知→回访→归档→改进, with times.
    #[serde(rename = "loop")]
    pub track: Vec<LoopView>,
    pub verification: VerificationView,
    /// What this viewer may do here.
    pub permissions: Vec<&'static str>,
}

/// A sealed address as everybody may see it.
pub fn masked(tx: &Tx<'_>, sealed: &str) -> String {
    match tx.keys().open_address(sealed) {
        Ok(address) if address.contains(['@', '＠']) => shouwen_crypt::mask_email(&shouwen_crypt::normal_email(&address)),
        Ok(number) => shouwen_crypt::mask_phone(&shouwen_crypt::normal_phone(&number).unwrap_or(number)),
        // A lost key must not hide the whole case.
        Err(_) => "***".to_owned(),
    }
}

/// The case as `viewer` sees it.
pub fn case(tx: &Tx<'_>, viewer: &Viewer, case: &Case) -> Result<CaseView> {
    let mut conversations = Vec::new();
    for c in Conversation::of_case(tx, case.id)? {
        let participants = participants(tx, c.id)?
            .into_iter()
            .map(|p| ParticipantView { id: p.id, address_masked: masked(tx, &p.address), name: p.name, customer_id: p.customer_id, role: p.role, verified: p.verified })
            .collect();
        conversations.push(ConversationView { id: c.id, channel: c.channel, inbox_id: c.inbox_id, subject: c.subject, participants });
    }
    let access = case.access();
    let watchers = case.watchers.iter().map(|id| Ok(Named { id: *id, name: names::person_name(tx, *id)? })).collect::<Result<Vec<_>>>()?;
    Ok(CaseView {
        id: case.id,
        number: case.number.clone(),
        case_type: case.case_type.clone(),
        title: case.title.clone(),
        stage: case.stage.clone(),
        status: case.status.clone(),
        priority: case.priority.clone(),
        tags: case.tags.clone(),
        fields: crate::fields::masked(&case.fields),
        language: case.language.clone(),
        channel: case.channel.clone(),
        inbox_id: case.inbox_id,
        customer: names::customer(tx, case.customer_id, case.customer_name.as_deref())?,
        org_unit: names::org_unit(tx, case.org_unit_id)?,
        team: names::team(tx, case.team_id)?,
        assignee: names::person(tx, case.assignee_id)?,
        accountable: names::person(tx, case.accountable_id)?,
        watchers,
        conversations,
        links: links(tx, viewer, case)?,
        merged_into: match case.merged_into {
            Some(id) => tx.opt::<(String,)>("SELECT number FROM case_case WHERE id = ?1", params![id])?.map(|row| MergedView { id, number: row.0 }),
            None => None,
        },
        snoozed_until: case.snoozed_until,
        opened_at: case.opened_at,
        updated_at: case.updated_at,
        first_response_at: case.first_response_at,
        last_in_at: case.last_in_at,
        resolved_at: case.resolved_at,
        closed_at: case.closed_at,
        closed_by: names::person(tx, case.closed_by)?,
        resolution: case.resolution_code.clone().map(|code| ResolutionView { code, text: case.resolution_text.clone() }),
        reopened_count: case.reopened_count,
        version: case.version,
        parent: match case.ties.parent_id {
            Some(id) => Case::load(tx, case.workspace, id)?.map(|parent| {
                let seen = crate::deed::may(viewer, "case.read", &parent);
                ParentView { id, number: parent.number, title: if seen { parent.title } else { String::new() }, status: parent.status }
            }),
            None => None,
        },
        waiting_for: children::waiting_for(tx, viewer, case)?,
        due_at: case.ties.due_at,
        reminders: case.ties.reminders,
        reminded_at: case.ties.reminded_at,
        co_handlers: case.ties.co_handlers.iter().map(|id| Ok(Named { id: *id, name: names::person_name(tx, *id)? })).collect::<Result<Vec<_>>>()?,
        hand_over: hand_over::pending(tx, case.id)?,
        review: case.ties.review.clone(),
        track: steps::view(tx, case)?,
        verification: verified::view(tx, case)?,
        permissions: ON_A_CASE.iter().copied().filter(|p| viewer.scope(p).is_some_and(|scope| scope.sees(&access))).collect(),
    })
}

fn links(tx: &Tx<'_>, viewer: &Viewer, case: &Case) -> Result<Vec<LinkView>> {
    let linked: Vec<(CaseId, String)> = tx.all("SELECT other_id, kind FROM case_link WHERE case_id = ?1 ORDER BY at, other_id LIMIT 200", params![case.id])?;
    let mut out = Vec::with_capacity(linked.len());
    for (id, kind) in linked {
        let Some(other) = Case::load(tx, case.workspace, id)? else { continue };
        let seen = crate::deed::may(viewer, "case.read", &other);
        out.push(LinkView { case_id: id, number: other.number, title: if seen { other.title } else { String::new() }, kind, status: other.status });
    }
    Ok(out)
}
