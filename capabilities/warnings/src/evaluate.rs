//! A group has one case more: are they too many? Raises a warning, or a higher grade of the one that is open.

use serde_json::{Map, Value, json};
use shouwen_contracts::warnings::Raised;
use shouwen_contracts::wish::{CaseWish, WishEvent};
use shouwen_kernel::{CaseId, ObjectId, PersonId, Result, Time, WarningId, WorkspaceId};
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::PackText;

use crate::maths::{Grade, Said, Step, Verdict, band, judge, step, window_of};
use crate::threshold::{Group, Level, window_start};
use crate::thresholds::Stored;
use crate::warning::{self, StepRow, Warning};
use crate::{counts, hours, letters, people, regions, timers, wishes};

/// Cases linked to a warning's case.
const RELATED: usize = 20;
/// Weeks the band needs at least.
pub const LEAST_WEEKS: usize = 4;

/// Asks one group of a threshold.
pub fn group(tx: &Tx<'_>, workspace: WorkspaceId, stored: &Stored, grp: &str) -> Result<()> {
    let threshold = &stored.threshold;
    let now = tx.now();
    let window = window_of(now.seconds(), threshold.window_s(), threshold.step());
    let count = counts::sum(tx, stored.id, grp, window.0, window.1)?;
    // The band costs a look at every earlier week; below its minimum it says nothing anyway.
    let rise = match (&threshold.band, threshold.rise()) {
        (Some(rule), Some(rise)) if count >= rule.min_count => {
            let earlier = counts::earlier_weeks(tx, workspace, stored.id, grp, window, threshold.step(), rule.weeks)?;
            band(&earlier, rule.k, LEAST_WEEKS).map(|band| (rise, band))
        }
        _ => None,
    };
    let Some(verdict) = judge(count, &threshold.limits(), rise) else { return Ok(()) };
    let row: Option<(Option<uuid::Uuid>, String, Time)> = tx.opt("SELECT open_id, grade, raised_at FROM warning_group WHERE threshold_id = ?1 AND grp = ?2", params![stored.id, grp])?;
    let open = row.as_ref().and_then(|r| r.0).map(WarningId);
    let said = row.and_then(|(open, grade, at)| Some(Said { grade: Grade::of(&grade)?, at: at.seconds(), open: open.is_some() }));
    match (step(said, verdict.grade, now.seconds(), threshold.window_s()), open) {
        (Step::Raise, _) => raise(tx, workspace, stored, grp, verdict, count),
        (Step::Climb { from }, Some(id)) => climb(tx, workspace, stored, grp, id, from, verdict, count),
        (_, Some(id)) => tx.run("UPDATE warning_warning SET found = ?2, peak = CASE WHEN peak < ?2 THEN ?2 ELSE peak END WHERE id = ?1", params![id.0, count]),
        _ => Ok(()),
    }
}

fn remember(tx: &Tx<'_>, workspace: WorkspaceId, threshold: ObjectId, grp: &str, open: WarningId, grade: Grade) -> Result<()> {
    tx.run(
        "INSERT INTO warning_group (threshold_id, grp, workspace_id, open_id, grade, raised_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (threshold_id, grp) DO UPDATE SET open_id = ?4, grade = ?5, raised_at = ?6",
        params![threshold, grp, workspace, open.0, grade.word(), tx.now()],
    )
}

fn why(verdict: Verdict) -> &'static str {
    if verdict.rise { "band" } else { "count" }
}

/// The threshold's title, and what it is about this time.
fn titled(tx: &Tx<'_>, workspace: WorkspaceId, title: &PackText, group: &Group) -> Result<PackText> {
    let (mut zh, mut en) = (vec![title.zh.clone()], vec![title.en.clone()]);
    if let Some(region) = &group.region {
        let name = regions::title(tx, workspace, region)?;
        zh.push(name.zh);
        en.push(name.en);
    }
    if let Some(category) = &group.category {
        let named = warning::label(tx, workspace, "category", category)?.unwrap_or_else(|| PackText { zh: category.clone(), en: category.clone() });
        zh.push(named.zh);
        en.push(named.en);
    }
    if let Some(product) = &group.product {
        zh.push(product.clone());
        en.push(product.clone());
    }
    let joined = |parts: Vec<String>| shouwen_kernel::text::clip(&parts.join(" · "), 190);
    Ok(PackText { zh: joined(zh), en: joined(en) })
}

/// Everything a new warning begins with.
pub struct Birth {
    pub threshold_id: Option<ObjectId>,
    pub threshold: String,
    pub grp: String,
    pub title: PackText,
    pub grade: Grade,
    pub why: &'static str,
    pub group: Group,
    pub count: i64,
    pub limit: i64,
    pub window_s: i64,
    pub response: PackText,
    pub respond_by: Time,
    pub people: Vec<PersonId>,
    pub team_id: Option<shouwen_kernel::TeamId>,
    pub related: Vec<CaseId>,
}

fn raise(tx: &Tx<'_>, workspace: WorkspaceId, stored: &Stored, grp: &str, verdict: Verdict, count: i64) -> Result<()> {
    let threshold = &stored.threshold;
    let Some(level) = threshold.level_of(verdict.grade) else { return Ok(()) };
    let group = threshold.group_of(grp);
    let birth = Birth {
        threshold_id: Some(stored.id),
        threshold: threshold.key.clone(),
        grp: grp.to_owned(),
        title: titled(tx, workspace, &threshold.title, &group)?,
        grade: verdict.grade,
        why: why(verdict),
        count,
        limit: verdict.limit,
        window_s: threshold.window_s(),
        response: level.response.clone(),
        respond_by: hours::after(tx, workspace, level.calendar.as_deref(), tx.now(), level.within_hours)?,
        people: people::meant(tx, workspace, &level.to, group.region.as_deref())?,
        team_id: None,
        related: counts::newest(tx, stored.id, grp, window_start(tx.now(), threshold.window_s()), RELATED)?,
        group,
    };
    let id = bear(tx, workspace, &birth)?;
    remember(tx, workspace, stored.id, grp, id, verdict.grade)
}

/// Writes a new warning, tells of it, wishes its case.
pub fn bear(tx: &Tx<'_>, workspace: WorkspaceId, b: &Birth) -> Result<WarningId> {
    let id: WarningId = tx.id();
    let unit = regions::unit(tx, workspace, b.group.region.as_deref())?;
    tx.run(
        "INSERT INTO warning_warning (id, workspace_id, threshold_id, threshold, grp, title_zh, title_en, grade, why, category, region, product, found, peak, threshold_limit, window_s, response_zh, response_en,
         org_unit_id, team_id, state, live, raised_at, graded_at, respond_by, rung, late, version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13, ?14, ?15, ?16, ?17, ?18, ?19, 'open', ?20, ?21, ?21, ?22, 0, ?23, 1)",
        params![
            id.0, workspace, b.threshold_id, b.threshold, b.grp, b.title.zh, b.title.en, b.grade.word(), b.why, b.group.category, b.group.region, b.group.product, b.count, b.limit, b.window_s, b.response.zh,
            b.response.en, unit, b.team_id, true, tx.now(), b.respond_by, false
        ],
    )?;
    let Some(w) = Warning::load(tx, workspace, id)? else { return Ok(id) };
    w.tell(tx, &b.people)?;
    w.note(tx, &StepRow { kind: "raised", ..StepRow::default() })?;
    timers::await_answer(tx, &w)?;
    let ctx = house(workspace, id);
    w.emit(tx, &ctx, told(&w, None, &b.people, tx.now()))?;
    letters::raised(tx, &w, None, &b.people)?;
    let locale = letters::locale(tx, workspace)?;
    tx.emit::<WishEvent>(
        &ctx,
        None,
        None,
        CaseWish {
            source: format!("warning:{id}"),
            case_type: "warning".to_owned(),
            title: w.title_in(&locale).to_owned(),
            text: letters::account(&w, &locale),
            priority: Some(priority(b.grade).to_owned()),
            parent_id: None,
            customer_id: None,
            org_unit_id: unit,
            team_id: b.team_id,
            assignee_id: b.people.first().copied(),
            tags: Vec::new(),
            fields: fields(&w),
            related: b.related.clone(),
        },
    )?;
    tx.audit(&ctx, "warning.raised", "warning", Some(id.0), Some(json!({ "threshold": b.threshold, "grade": b.grade, "count": b.count, "limit": b.limit })))?;
    Ok(id)
}

#[expect(clippy::too_many_arguments, reason = "what is known of one moment")]
fn climb(tx: &Tx<'_>, workspace: WorkspaceId, stored: &Stored, grp: &str, id: WarningId, from: Grade, verdict: Verdict, count: i64) -> Result<()> {
    let Some(level) = stored.threshold.level_of(verdict.grade) else { return Ok(()) };
    let Some(before) = Warning::lock(tx, workspace, id)? else { return Ok(()) };
    let Level { response, within_hours, to, calendar, .. } = level;
    let respond_by = hours::after(tx, workspace, calendar.as_deref(), tx.now(), *within_hours)?;
    // An answer to a milder grade does not answer for this one.
    tx.run(
        "UPDATE warning_warning SET grade = ?2, why = ?3, found = ?4, peak = CASE WHEN peak < ?4 THEN ?4 ELSE peak END, threshold_limit = ?5, response_zh = ?6, response_en = ?7, state = 'open', live = ?8,
         graded_at = ?9, respond_by = ?10, overdue_at = NULL, rung = 0, version = version + 1 WHERE id = ?1",
        params![id.0, verdict.grade.word(), why(verdict), count, verdict.limit, response.zh, response.en, true, tx.now(), respond_by],
    )?;
    remember(tx, workspace, stored.id, grp, id, verdict.grade)?;
    let Some(w) = Warning::load(tx, workspace, id)? else { return Ok(()) };
    let people = people::meant(tx, workspace, to, before.region.as_deref())?;
    w.tell(tx, &people)?;
    w.note(tx, &StepRow { kind: "climbed", from: Some(from), ..StepRow::default() })?;
    timers::await_answer(tx, &w)?;
    let ctx = house(workspace, id);
    w.emit(tx, &ctx, told(&w, Some(from), &people, tx.now()))?;
    letters::raised(tx, &w, Some(from), &people)?;
    tx.audit(&ctx, "warning.climbed", "warning", Some(id.0), Some(json!({ "from": from, "to": verdict.grade, "count": count })))?;
    let locale = letters::locale(tx, workspace)?;
    wishes::climbed(tx, &ctx, &w, &letters::account(&w, &locale), &people)
}

/// The house acting for a warning: so the case it opens is known by who opened it.
pub fn house(workspace: WorkspaceId, id: WarningId) -> Ctx {
    Ctx::system(workspace, &format!("warning:{id}"))
}

/// Priority of a warning's case.
pub fn priority(grade: Grade) -> &'static str {
    match grade {
        Grade::Blue | Grade::Yellow => "normal",
        Grade::Orange => "high",
        Grade::Red => "urgent",
    }
}

fn told(w: &Warning, from: Option<Grade>, people: &[PersonId], at: Time) -> Raised {
    Raised {
        warning_id: w.id,
        threshold: w.threshold.clone(),
        title_zh: w.title.zh.clone(),
        title_en: w.title.en.clone(),
        grade: w.grade.word().to_owned(),
        from: from.map(|g| g.word().to_owned()),
        category: w.category.clone(),
        region: w.region.clone(),
        product: w.product.clone(),
        count: w.found,
        limit: w.limit,
        window_s: w.window_s,
        why: w.why.clone(),
        people: people.to_vec(),
        respond_by: w.respond_by,
        at,
    }
}

fn fields(w: &Warning) -> Value {
    let mut fields = Map::new();
    fields.insert("grade".to_owned(), json!(w.grade.word()));
    fields.insert("threshold".to_owned(), json!(w.threshold));
    fields.insert("found".to_owned(), json!(w.found));
    fields.insert("limit".to_owned(), json!(w.limit));
    for (key, value) in [("category", &w.category), ("region", &w.region), ("product", &w.product)] {
        if let Some(value) = value {
            fields.insert(key.to_owned(), json!(value));
        }
    }
    fields.insert("required".to_owned(), json!(w.response.zh));
    Value::Object(fields)
}
