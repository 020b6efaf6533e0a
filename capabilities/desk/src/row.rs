//! A case as lists show it.

use serde::Serialize;
use shouwen_kernel::{CaseId, CustomerId, InboxId, OrgUnitId, PersonId, Result, TeamId, Time};
use shouwen_store::{FromRow, FromValue, Json, Row as DbRow};

/// An id with its name.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Named<T> {
    pub id: T,
    pub name: String,
}

/// The newest message.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct LastMessage {
    pub at: Time,
    /// `in`, `out`, `note`.
    pub direction: String,
    pub preview: String,
    pub author: String,
}

/// The clock that matters most now.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct RowClock {
    pub kind: String,
    /// `running`, `warned`, `breached`, `paused`, as of this answer.
    pub state: String,
    pub due_at: Option<Time>,
    pub warn_at: Option<Time>,
}

/// A row of a list.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CaseRow {
    pub case_id: CaseId,
    pub number: String,
    pub title: String,
    #[serde(rename = "type")]
    pub case_type: String,
    pub stage: String,
    pub status: String,
    pub priority: String,
    pub tags: Vec<String>,
    pub channel: String,
    pub inbox_id: Option<InboxId>,
    pub customer: Option<Named<CustomerId>>,
    pub team: Option<Named<TeamId>>,
    pub assignee: Option<Named<PersonId>>,
    pub accountable: Option<Named<PersonId>>,
    pub org_unit: Option<Named<OrgUnitId>>,
    pub last_message: Option<LastMessage>,
    pub messages: i64,
    /// The viewer has not opened it since the customer last wrote.
    pub unread: bool,
    pub clock: Option<RowClock>,
    pub opened_at: Time,
    pub updated_at: Time,
    pub snoozed_until: Option<Time>,
    pub version: i64,
    #[serde(skip)]
    pub due_sort: i64,
    #[serde(skip)]
    pub rank: i64,
}

/// What [`CaseRow`] reads; `?1` must be the viewer.
pub const SELECT: &str = "c.case_id, c.number, c.title, c.case_type, c.stage, c.status, c.priority, c.tags, c.channel, c.inbox_id, c.customer_id, c.customer_name, \
    c.team_id, nt.name, c.assignee_id, na.name, c.accountable_id, nb.name, c.org_unit_id, no.name, c.last_at, c.last_direction, c.last_preview, c.last_author, c.messages, \
    c.last_in_at, dr.at, c.clock_kind, c.clock_state, c.due_at, c.warn_at, c.opened_at, c.updated_at, c.snoozed_until, c.version, c.due_sort, c.rank";

/// The joins behind [`SELECT`].
pub const JOINS: &str = "LEFT JOIN desk_name nt ON nt.id = c.team_id LEFT JOIN desk_name na ON na.id = c.assignee_id LEFT JOIN desk_name nb ON nb.id = c.accountable_id \
    LEFT JOIN desk_name no ON no.id = c.org_unit_id LEFT JOIN desk_read dr ON dr.case_id = c.case_id AND dr.person_id = ?1";

fn named<T: FromValue>(row: &DbRow, id: usize, name: usize) -> Result<Option<Named<T>>> {
    Ok(match row.get::<Option<T>>(id)? {
        Some(id) => Some(Named { id, name: row.get::<Option<String>>(name)?.unwrap_or_default() }),
        None => None,
    })
}

impl FromRow for CaseRow {
    fn from_row(row: &DbRow) -> Result<Self> {
        let last_at: Option<Time> = row.get(20)?;
        let last_message = match last_at {
            Some(at) => Some(LastMessage {
                at,
                direction: row.get::<Option<String>>(21)?.unwrap_or_default(),
                preview: row.get::<Option<String>>(22)?.unwrap_or_default(),
                author: row.get::<Option<String>>(23)?.unwrap_or_default(),
            }),
            None => None,
        };
        let (last_in, read): (Option<Time>, Option<Time>) = (row.get(25)?, row.get(26)?);
        let clock = match row.get::<Option<String>>(27)? {
            Some(kind) => Some(RowClock { kind, state: row.get::<Option<String>>(28)?.unwrap_or_default(), due_at: row.get(29)?, warn_at: row.get(30)? }),
            None => None,
        };
        Ok(Self {
            case_id: row.get(0)?,
            number: row.get(1)?,
            title: row.get(2)?,
            case_type: row.get(3)?,
            stage: row.get(4)?,
            status: row.get(5)?,
            priority: row.get(6)?,
            tags: row.get::<Json<Vec<String>>>(7)?.0,
            channel: row.get(8)?,
            inbox_id: row.get(9)?,
            customer: named(row, 10, 11)?,
            team: named(row, 12, 13)?,
            assignee: named(row, 14, 15)?,
            accountable: named(row, 16, 17)?,
            org_unit: named(row, 18, 19)?,
            last_message,
            messages: row.get(24)?,
            unread: last_in.is_some_and(|at| read.is_none_or(|seen| seen < at)),
            clock,
            opened_at: row.get(31)?,
            updated_at: row.get(32)?,
            snoozed_until: row.get(33)?,
            version: row.get(34)?,
            due_sort: row.get(35)?,
            rank: row.get(36)?,
        })
    }
}

impl CaseRow {
    /// Says how the clock stands at `now`; the row holds only its instants, so that nothing has to run to keep it true.
    pub fn at(mut self, now: Time) -> Self {
        if let Some(clock) = self.clock.as_mut().filter(|c| c.state == "running") {
            if clock.due_at.is_some_and(|due| now > due) {
                clock.state = "breached".into();
            } else if clock.warn_at.is_some_and(|warn| now >= warn) {
                clock.state = "warned".into();
            }
        }
        self
    }
}
