//! What the complaint sheet shows beside the form: grade with its reason, signals, earlier complaints, the file.

use axum::extract::State as AppState;
use serde::Serialize;
use shouwen_kernel::{CareFileId, CaseId, MessageId, PersonId, Problem, Result, Time};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Viewer, axum};

use crate::cases::{ComplaintRow, Title, category_title, customer_name};
use crate::file::File;
use crate::signal::Signal;
use crate::{CaseRead, category, items, names, region, settings, store};

/// A signal that raised the grade.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SignalSeen {
    pub signal: String,
    pub title: Option<Title>,
    pub grade: String,
    /// The message it stood in; none when it stood in the title or the demand.
    pub message_id: Option<MessageId>,
    pub at: Time,
}

/// The customer's open file, in short.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FileInShort {
    pub id: CareFileId,
    pub reason: String,
    pub owner_id: Option<PersonId>,
    pub owner_name: Option<String>,
    pub opened_at: Time,
    pub next_due_at: Option<Time>,
    pub overdue: bool,
    /// The viewer may open it.
    pub may_open: bool,
}

/// The sheet of one case.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ComplaintSheet {
    pub case_id: CaseId,
    /// Cases of this type are complaints here.
    pub watched: bool,
    pub category: Option<String>,
    pub path: Vec<String>,
    pub category_title: Option<Title>,
    /// Region that handles it, and whether it was said in the form or is the customer's.
    pub region: Option<String>,
    pub region_title: Option<Title>,
    pub region_said: bool,
    /// The team that answers for the category or region, when it is another one than the case's.
    pub responsible_team: Option<String>,
    pub grade: Option<String>,
    /// `edited`, `repeat`, `signal:KEY`, `category:KEY`.
    pub grade_reason: Option<String>,
    pub signals: Vec<SignalSeen>,
    /// Earlier complaints the viewer may see.
    pub earlier: Vec<ComplaintRow>,
    /// Those they may not.
    pub earlier_hidden: usize,
    pub repeat_days: i64,
    pub file: Option<FileInShort>,
}

/// The open file of a customer as a line.
pub fn file_in_short(tx: &Tx<'_>, viewer: &Viewer, customer: Option<shouwen_kernel::CustomerId>) -> Result<Option<FileInShort>> {
    let Some(customer) = customer else { return Ok(None) };
    let Some(file) = File::open_of(tx, viewer.workspace, names::root(tx, customer)?)? else { return Ok(None) };
    let may_open = match viewer.scope("complaint.read") {
        Some(scope) => scope.sees(&file.access(tx)?),
        None => false,
    };
    let owner_name = file.owner.map(|id| names::person(tx, viewer.workspace, id)).transpose()?.flatten().map(|row| row.0);
    Ok(Some(FileInShort { id: file.id, reason: file.reason, owner_id: file.owner, owner_name, opened_at: file.opened_at, next_due_at: file.next_due_at, overdue: file.overdue, may_open }))
}

#[utoipa::path(get, path = "/complaints/cases/{id}", params(("id" = CaseId, Path)), responses((status = 200, body = ComplaintSheet)), tag = "complaints", summary = "The complaint sheet of a case", extensions(("x-permission" = json!("case.read"))))]
pub async fn show(AppState(app): AppState<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<axum::Json<ComplaintSheet>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let workspace = viewer.workspace;
        let state = store::load(tx, workspace, id)?.filter(|state| scope.sees(&state.access())).ok_or_else(|| Problem::not_found("case"))?;
        let tree = category::tree(tx, workspace)?;
        let settings = settings::of(tx, workspace)?;
        let table = items::list::<Signal>(tx, workspace)?;
        let title = |key: &str| table.iter().find(|s| s.key == key).map(|s| Title { zh: s.title.zh.clone(), en: s.title.en.clone() });
        let signals = state.signals.iter().map(|s| SignalSeen { title: title(&s.signal), signal: s.signal.clone(), grade: s.grade.clone(), message_id: s.message_id, at: s.at }).collect();
        let regions = items::list::<region::Region>(tx, workspace)?;
        let (mut earlier, mut earlier_hidden) = (Vec::new(), 0);
        for other in &state.earlier {
            match store::load(tx, workspace, *other)? {
                Some(seen) if scope.sees(&seen.access()) => {
                    let name = customer_name(tx, seen.customer)?;
                    earlier.push(ComplaintRow::of(&tree, &regions, *other, seen, name));
                }
                _ => earlier_hidden += 1,
            }
        }
        earlier.sort_by(|a, b| b.opened_at.cmp(&a.opened_at));
        let region = state.told.as_ref().and_then(|t| t.region.clone());
        let found = region.as_deref().map(|r| region::find(tx, workspace, r)).transpose()?.flatten();
        let by_category = state.field("category").map(|key| tree.team(tx, workspace, key, state.team)).transpose()?.flatten();
        let responsible = match (by_category, &found) {
            (Some(team), _) => Some(team),
            (None, Some(found)) => found.team(tx, workspace, &region::Wanted { current: state.team, path: state.path() })?,
            (None, None) => None,
        };
        let responsible_team = responsible.filter(|team| state.team != Some(*team)).map(|team| names::team_name(tx, team)).transpose()?.flatten();
        Ok(ComplaintSheet {
            case_id: id,
            watched: settings.watches(&state.case_type),
            category: state.field("category").map(str::to_owned),
            path: state.path().to_vec(),
            category_title: category_title(&tree, state.path()),
            region_title: found.map(|r| Title { zh: r.title.zh, en: r.title.en }),
            region,
            region_said: state.field("region").is_some(),
            responsible_team,
            grade: state.grade.clone(),
            grade_reason: state.grade_reason.clone(),
            signals,
            earlier,
            earlier_hidden,
            repeat_days: settings.repeat_days,
            file: file_in_short(tx, &viewer, state.customer)?,
        })
    })
    .await
}
