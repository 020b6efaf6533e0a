//! Lists: what waits for me, what I asked for, what I decided, all I may see; one review; those of a case.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, PersonId, Problem, Result, ReviewId};
use shouwen_store::{Tx, Value, params};
use shouwen_web::{Allowed, Answer, App, Id, Page, Params, SignedIn, Viewer, axum, decode_cursor, limit_of};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::people;
use crate::review::{COLUMNS, KnownCase, Review};
use crate::view::{self, ReviewView};
use crate::{CaseRead, course, stand_in};

/// Rows are checked one by one against the viewer's reach; a narrow one reads on, within this many pages.
const READ_ON: usize = 20;
/// Counts beyond this are said as `capped`.
const MOST_COUNTED: usize = 100;

/// Which reviews.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewQuery {
    /// `waiting` (for my decision; the default, longest waiting first), `asked` (by me), `decided` (by me), `all` (I may see); newest first.
    show: Option<String>,
    /// Of `all`: `open`, `approved`, `returned`, `withdrawn`, `write_up`.
    state: Option<String>,
    /// Rows a page, 1–200; 50 when absent.
    limit: Option<usize>,
    /// `next` of the page before.
    after: Option<String>,
}

const STATES: [&str; 5] = ["open", "approved", "returned", "withdrawn", "write_up"];

#[utoipa::path(get, path = "/reviews", params(ReviewQuery), responses((status = 200, body = Page<ReviewView>)), tag = "reviews", summary = "Reviews that wait for me, that I asked for or decided, or all I may see", extensions(("x-permission" = json!("signed_in"))))]
pub async fn list(State(app): State<App>, who: SignedIn, Params(query): Params<ReviewQuery>) -> Answer<axum::Json<Page<ReviewView>>> {
    view::admitted(&who.viewer)?;
    let limit = limit_of(query.limit)?;
    let viewer = who.viewer.clone();
    if let Some(state) = query.state.as_deref().filter(|state| !STATES.contains(state)) {
        return Err(Problem::invalid("state", format!("`{}` is no state of a review", shouwen_kernel::text::clip(state, 20))).expected(STATES.join(", ")).into());
    }
    let after = decode_cursor::<ReviewId>(query.after.as_deref())?.map(|id| id.0);
    app.query(move |tx| {
        let found = match query.show.as_deref() {
            None | Some("waiting") => waiting(tx, &viewer, after, limit + 1)?,
            Some("asked") => below(tx, "r.requester_id = ?2", &viewer, after, limit + 1)?,
            Some("decided") => decided(tx, &viewer, after, limit + 1)?,
            Some("all") => all(tx, &viewer, query.state.as_deref(), after, limit + 1)?,
            Some(other) => return Err(Problem::invalid("show", format!("`{}` is no list", shouwen_kernel::text::clip(other, 20))).expected("waiting, asked, decided or all")),
        };
        let views = found.iter().map(|review| view::of(tx, review, &viewer, false)).collect::<Result<Vec<_>>>()?;
        Ok(Page::from_rows(views, limit, |v| v.id))
    })
    .await
}

/// What waits for somebody, in their own place or another's, longest waiting first.
fn waiting(tx: &Tx<'_>, viewer: &Viewer, after: Option<Uuid>, limit: usize) -> Result<Vec<Review>> {
    let away = stand_in::now(tx, viewer.workspace)?;
    let mut people: Vec<PersonId> = vec![viewer.person];
    // Any kind at first; each review is looked at by its own kind below.
    let any: Vec<stand_in::Away> = away.iter().map(|a| stand_in::Away { kinds: Vec::new(), ..a.clone() }).collect();
    people.extend(stand_in::principals(&any, viewer.person, "", ""));
    let mut found: Vec<Review> = Vec::new();
    for person in people {
        let mut cursor = after.unwrap_or(Uuid::nil());
        let mut taken = 0;
        for _ in 0..READ_ON {
            let rows: Vec<Review> = tx.all(
                &format!("SELECT {COLUMNS} FROM review_seat s JOIN review_review r ON r.id = s.review_id WHERE s.workspace_id = ?1 AND s.person_id = ?2 AND s.state = 'waiting' AND s.review_id > ?3 ORDER BY s.review_id LIMIT ?4"),
                params![viewer.workspace, person, cursor, limit],
            )?;
            let last = rows.len() < limit;
            for review in rows {
                cursor = review.id.0;
                if !course::places(tx, &review, viewer.person)?.is_empty() {
                    taken += 1;
                    found.push(review);
                }
            }
            if last || taken >= limit {
                break;
            }
        }
    }
    found.sort_by_key(|review| review.id.0);
    found.dedup_by_key(|review| review.id.0);
    found.truncate(limit);
    Ok(found)
}

fn below(tx: &Tx<'_>, condition: &str, viewer: &Viewer, after: Option<Uuid>, limit: usize) -> Result<Vec<Review>> {
    tx.all(
        &format!("SELECT {COLUMNS} FROM review_review r WHERE r.workspace_id = ?1 AND {condition} AND r.id < ?3 ORDER BY r.id DESC LIMIT ?4"),
        params![viewer.workspace, viewer.person, after.unwrap_or(Uuid::max()), limit],
    )
}

fn decided(tx: &Tx<'_>, viewer: &Viewer, after: Option<Uuid>, limit: usize) -> Result<Vec<Review>> {
    tx.all(
        &format!(
            "SELECT {COLUMNS} FROM review_review r WHERE r.id IN (SELECT s.review_id FROM review_seat s WHERE s.workspace_id = ?1 AND s.decided_by = ?2 AND s.review_id < ?3 ORDER BY s.review_id DESC LIMIT ?5) ORDER BY r.id DESC LIMIT ?4"
        ),
        // Somebody may have decided several steps of one review.
        params![viewer.workspace, viewer.person, after.unwrap_or(Uuid::max()), limit, limit * 4],
    )
}

fn all(tx: &Tx<'_>, viewer: &Viewer, state: Option<&str>, after: Option<Uuid>, limit: usize) -> Result<Vec<Review>> {
    let mut cursor = after.unwrap_or(Uuid::max());
    let mut found = Vec::new();
    for _ in 0..READ_ON {
        let mut values = params![viewer.workspace, cursor, limit].to_vec();
        let narrow = match state {
            Some(state) => {
                values.push(Value::Text(state.to_owned()));
                "AND r.state = ?4"
            }
            None => "",
        };
        let rows: Vec<Review> = tx.all(&format!("SELECT {COLUMNS} FROM review_review r WHERE r.workspace_id = ?1 AND r.id < ?2 {narrow} ORDER BY r.id DESC LIMIT ?3"), &values)?;
        let last = rows.len() < limit;
        for review in rows {
            cursor = review.id.0;
            if found.len() < limit && view::may_see(tx, &review, viewer)? {
                found.push(review);
            }
        }
        if last || found.len() >= limit {
            break;
        }
    }
    Ok(found)
}

/// How many wait.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewCounts {
    /// For my decision.
    pub waiting: usize,
    /// Emergencies of mine that wait to be written up.
    pub write_ups: usize,
    /// There are more than were counted.
    pub capped: bool,
}

#[utoipa::path(get, path = "/reviews/counts", responses((status = 200, body = ReviewCounts)), tag = "reviews", summary = "How many wait for me", extensions(("x-permission" = json!("signed_in"))))]
pub async fn counts(State(app): State<App>, who: SignedIn) -> Answer<axum::Json<ReviewCounts>> {
    view::admitted(&who.viewer)?;
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        let waiting = waiting(tx, &viewer, None, MOST_COUNTED)?.len();
        let (write_ups,): (i64,) = tx.one("SELECT count(*) FROM review_review WHERE workspace_id = ?1 AND requester_id = ?2 AND state = 'write_up'", params![viewer.workspace, viewer.person])?;
        Ok(ReviewCounts { waiting, write_ups: usize::try_from(write_ups).unwrap_or_default(), capped: waiting >= MOST_COUNTED })
    })
    .await
}

#[utoipa::path(get, path = "/reviews/{id}", params(("id" = String, Path)), responses((status = 200, body = ReviewView), (status = 404)), tag = "reviews", summary = "A review with its steps and who decided what", extensions(("x-permission" = json!("signed_in"))))]
pub async fn show(State(app): State<App>, who: SignedIn, Id(id): Id<ReviewId>) -> Answer<axum::Json<ReviewView>> {
    view::admitted(&who.viewer)?;
    let viewer = who.viewer.clone();
    app.query(move |tx| {
        let review = Review::load(tx, id)?.ok_or_else(|| Problem::not_found("review"))?;
        if !view::may_see(tx, &review, &viewer)? {
            return Err(Problem::not_found("review"));
        }
        view::of(tx, &review, &viewer, true)
    })
    .await
}

#[utoipa::path(get, path = "/cases/{id}/reviews", params(("id" = CaseId, Path)), responses((status = 200, body = Vec<ReviewView>), (status = 404)), tag = "reviews", summary = "The reviews of a case, newest first, at most 100", extensions(("x-permission" = json!("case.read"))))]
pub async fn of_case(State(app): State<App>, who: Allowed<CaseRead>, Id(id): Id<CaseId>) -> Answer<axum::Json<Vec<ReviewView>>> {
    let (viewer, scope) = (who.viewer.clone(), who.scope.clone());
    app.query(move |tx| {
        let case = KnownCase::load(tx, id)?.filter(|case| case.workspace == viewer.workspace && scope.sees(&case.access)).ok_or_else(|| Problem::not_found("case"))?;
        let rows: Vec<Review> = tx.all(&format!("SELECT {COLUMNS} FROM review_review r WHERE r.case_id = ?1 ORDER BY r.id DESC LIMIT 100"), params![case.id])?;
        rows.iter().map(|review| view::of(tx, review, &viewer, true)).collect()
    })
    .await
}

/// Somebody of the workspace who is active, for delegation.
pub(crate) fn active(tx: &Tx<'_>, viewer: &Viewer, id: PersonId, field: &str) -> Result<people::Person> {
    let (known,): (i64,) = tx.one("SELECT count(*) FROM review_person WHERE person_id = ?1 AND workspace_id = ?2 AND active", params![id, viewer.workspace])?;
    people::Person::load(tx, id)?.filter(|_| known > 0).ok_or_else(|| Problem::invalid(field, "there is no such active person").expected("somebody of GET /directory"))
}
