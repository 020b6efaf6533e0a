//! Feeds the search index from the log. Its checkpoint lies inside the index, committed together with the texts.

use std::sync::Arc;
use std::time::Duration;

use shouwen_contracts::casework::CaseEvent;
use shouwen_contracts::customers::CustomerEvent;
use shouwen_contracts::message::Content;
use shouwen_kernel::{Access, Problem, Result};
use shouwen_search::{Doc, Index, Kind, Visibility};
use shouwen_store::{Db, Position, Recorded, Tx};
use shouwen_web::App;

use crate::{customers, index, live};

const BATCH: usize = 500;

/// One thing to do to the index.
enum Step {
    Put(Doc),
    Scope(String, String, Vec<Visibility>),
    Unscope(String, String),
}

/// Runs until the server stops.
pub async fn run(app: App) {
    let index = match index::of(&app) {
        Ok(index) => index,
        Err(problem) => {
            tracing::error!(error = %problem, "search is off");
            return;
        }
    };
    let stopping = app.stopping();
    let mut at: Position = index.position().and_then(|p| p.parse().ok()).unwrap_or_default();
    let mut waiting = 0usize;
    loop {
        if stopping.is_cancelled() {
            return;
        }
        let mut bell = app.db().doorbell();
        bell.mark_unchanged();
        match feed(app.db(), &index, at).await {
            Ok((next, read, steps, held)) => {
                at = next;
                waiting += steps;
                if read == BATCH && waiting < 2000 {
                    continue;
                }
                if waiting > 0 {
                    let (writer, position) = (index.clone(), at.to_string());
                    match tokio::task::spawn_blocking(move || writer.commit(&position)).await {
                        Ok(Ok(())) => waiting = 0,
                        other => {
                            tracing::error!(error = ?other.map(|r| r.map_err(|e| e.to_string())), "the search index cannot be written; reading again from its checkpoint");
                            at = index.position().and_then(|p| p.parse().ok()).unwrap_or_default();
                            waiting = 0;
                            tokio::time::sleep(Duration::from_secs(5)).await;
                        }
                    }
                    if read == BATCH {
                        continue;
                    }
                } else if !held {
                    index.rest();
                }
                if held {
                    // Nothing rings when the projection has caught up.
                    tokio::time::sleep(Duration::from_millis(30)).await;
                    continue;
                }
            }
            Err(problem) if problem.code == "store.stopped" => return,
            Err(problem) => {
                tracing::error!(error = %problem, "the search index cannot be fed");
                tokio::time::sleep(Duration::from_secs(2)).await;
            }
        }
        // A burst is gathered for a moment, so that one commit serves many messages; still well under a second.
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = tokio::time::timeout(Duration::from_secs(1), bell.changed()) => {}
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn feed(db: &Db, index: &Arc<Index>, at: Position) -> Result<(Position, usize, usize, bool)> {
    let (next, read, steps, held) = db
        .read(move |tx| {
            // Not further than the projection, or who may find what would be asked of rows that are not there yet.
            let done = live::checkpoint(tx)?;
            let mut events = tx.events_after(at, BATCH)?;
            let there = events.len();
            events.retain(|event| event.position <= done);
            let next = events.last().map_or(at, |e| e.position);
            let mut steps = Vec::new();
            for event in &events {
                // One event that cannot be read must not stop search for all the others.
                if let Err(problem) = digest(tx, event, &mut steps) {
                    tracing::error!(position = %event.position, error = %problem, "an event was left out of the search index");
                }
            }
            Ok((next, events.len(), steps, events.len() < there))
        })
        .await?;
    let count = steps.len();
    let index = index.clone();
    tokio::task::spawn_blocking(move || steps.into_iter().try_for_each(|step| apply(&index, step)))
        .await
        .map_err(Problem::internal)??;
    Ok((next, read, count, held))
}

fn apply(index: &Index, step: Step) -> Result<()> {
    match step {
        Step::Put(doc) => index.put(&doc),
        Step::Scope(workspace, case, ways) => index.scope_any(&workspace, &case, &ways),
        Step::Unscope(workspace, case) => index.unscope(&workspace, &case),
    }
}

fn visibility(access: &Access) -> Visibility {
    Visibility { org_unit: access.org_unit.map(|o| o.to_string()), team: access.team.map(|t| t.to_string()), people: access.people.iter().map(ToString::to_string).collect() }
}

fn digest(tx: &Tx<'_>, event: &Recorded, steps: &mut Vec<Step>) -> Result<()> {
    let workspace = event.workspace.to_string();
    if let Some(case_event) = event.event::<CaseEvent>()? {
        let Some(subject) = event.subject.map(shouwen_kernel::CaseId) else { return Ok(()) };
        let case = subject.to_string();
        if let Some(access) = event.access()? {
            steps.push(Step::Scope(workspace.clone(), case.clone(), vec![visibility(&current(tx, subject, access)?)]));
        }
        changed_sight(tx, &workspace, subject, &case_event, steps)?;
        match case_event {
            CaseEvent::Opened(o) => steps.push(Step::Put(case_doc(&workspace, &case, &o.title, &o.number, o.customer_name.as_deref(), &o.tags, o.opened_at.seconds()))),
            CaseEvent::Edited(e) if e.field == "title" => {
                let row: Option<(String, Option<String>, i64)> = tx.opt("SELECT number, customer_name, opened_at FROM desk_case WHERE case_id = ?1", shouwen_store::params![subject])?;
                if let Some((number, customer, opened_at)) = row {
                    steps.push(Step::Put(case_doc(&workspace, &case, e.to.as_str().unwrap_or_default(), &number, customer.as_deref(), &[], opened_at / 1_000_000)));
                }
            }
            CaseEvent::MessageAdded(m) => {
                let content: Content = match tx.blob(&m.content)? {
                    Some(bytes) => serde_json::from_slice(&bytes)?,
                    None => Content { text: m.preview.clone(), ..Content::default() },
                };
                let body = if content.reply_text.is_empty() { content.text } else { content.reply_text };
                steps.push(Step::Put(Doc { key: m.message_id.to_string(), kind: Kind::Message, case_id: case, workspace, title: content.subject, body: format!("{} {body}", m.author_name), number: String::new(), at: m.at.seconds() }));
            }
            _ => {}
        }
        return Ok(());
    }
    if let Some(customer) = event.event::<CustomerEvent>()? {
        let (id, name) = match customer {
            CustomerEvent::Saved(s) => (s.customer_id, s.name),
            CustomerEvent::Recognised(r) if r.created => (r.customer_id, r.name),
            CustomerEvent::Merged(m) => {
                steps.push(Step::Unscope(workspace.clone(), m.customer_id.to_string()));
                return scope_customer(tx, &workspace, customers::root(tx, m.into)?, steps);
            }
            CustomerEvent::Unmerged(m) => {
                scope_customer(tx, &workspace, customers::root(tx, m.customer_id)?, steps)?;
                return scope_customer(tx, &workspace, customers::root(tx, m.from)?, steps);
            }
            _ => return Ok(()),
        };
        let key = id.to_string();
        scope_customer(tx, &workspace, id, steps)?;
        steps.push(Step::Put(Doc { key: key.clone(), kind: Kind::Customer, case_id: key, workspace, title: name, body: String::new(), number: String::new(), at: event.at.seconds() }));
    }
    Ok(())
}

/// A case that changes hands, or gets its customer, changes who may find the customer.
fn changed_sight(tx: &Tx<'_>, workspace: &str, case: shouwen_kernel::CaseId, event: &CaseEvent, steps: &mut Vec<Step>) -> Result<()> {
    match event {
        CaseEvent::Opened(_) | CaseEvent::Assigned(_) | CaseEvent::Accountable(_) | CaseEvent::Watched(_) => {}
        CaseEvent::Edited(e) if e.field == "org_unit" => {}
        CaseEvent::CustomerSet(c) => {
            if let Some(before) = c.from {
                scope_customer(tx, workspace, customers::root(tx, before)?, steps)?;
            }
        }
        _ => return Ok(()),
    }
    match customers::of_case(tx, case)? {
        Some(customer) => scope_customer(tx, workspace, customer, steps),
        None => Ok(()),
    }
}

fn scope_customer(tx: &Tx<'_>, workspace: &str, customer: shouwen_kernel::CustomerId, steps: &mut Vec<Step>) -> Result<()> {
    let ways = customers::ways(tx, customer)?.iter().map(visibility).collect();
    steps.push(Step::Scope(workspace.to_owned(), customer.to_string(), ways));
    Ok(())
}

/// The case's access as it stands now, where the projection knows it: an event of a transfer also names who lost it.
fn current(tx: &Tx<'_>, case: shouwen_kernel::CaseId, of_event: Access) -> Result<Access> {
    type Row = (Option<shouwen_kernel::OrgUnitId>, Option<shouwen_kernel::TeamId>, Option<shouwen_kernel::PersonId>, Option<shouwen_kernel::PersonId>);
    let Some((org_unit, team, assignee, accountable)) = tx.opt::<Row>("SELECT org_unit_id, team_id, assignee_id, accountable_id FROM desk_case WHERE case_id = ?1", shouwen_store::params![case])? else {
        return Ok(of_event);
    };
    let watchers: Vec<(shouwen_kernel::PersonId,)> = tx.all("SELECT person_id FROM desk_watcher WHERE case_id = ?1", shouwen_store::params![case])?;
    Ok(Access { org_unit, team, people: assignee.into_iter().chain(accountable).chain(watchers.into_iter().map(|w| w.0)).collect() })
}

fn case_doc(workspace: &str, case: &str, title: &str, number: &str, customer: Option<&str>, tags: &[String], at: i64) -> Doc {
    let body = format!("{} {}", customer.unwrap_or_default(), tags.join(" "));
    Doc { key: case.to_owned(), kind: Kind::Case, case_id: case.to_owned(), workspace: workspace.to_owned(), title: title.to_owned(), body, number: number.to_owned(), at }
}
