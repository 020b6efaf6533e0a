//! What a bulletin says (预警分析通报): the cases of a period, compared with the one before it; the warnings and how they
//! were answered. Kept as data, so that an old bulletin stays what it was.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shouwen_kernel::{Result, Time, WarningId, WorkspaceId};
use shouwen_store::{Tx, params};
use shouwen_web::PackText;

use crate::maths::Grade;
use crate::{regions, warning};

/// Rows of a table.
const MOST: usize = 20;

/// A line of a table: how many now, how many in the period before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BulletinLine)]
pub struct Line {
    /// Empty: not known.
    pub key: String,
    pub title: PackText,
    pub count: i64,
    pub before: i64,
}

/// A warning in a bulletin.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BulletinWarning)]
pub struct Told {
    pub id: WarningId,
    pub title: PackText,
    pub grade: Grade,
    pub number: Option<String>,
    pub raised_at: Time,
    pub respond_by: Time,
    pub count: i64,
    pub limit: i64,
    pub state: String,
    /// Answered after its time, or not at all although its time had passed.
    pub late: bool,
}

/// A bulletin's content.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[schema(as = BulletinContent)]
pub struct Content {
    /// Cases from customers.
    pub cases: i64,
    pub cases_before: i64,
    pub by_type: Vec<Line>,
    pub by_category: Vec<Line>,
    pub by_region: Vec<Line>,
    /// Categories with the largest rise.
    pub rises: Vec<Line>,
    /// Warnings raised, by their grade at the end.
    pub by_grade: Vec<Line>,
    pub raised: i64,
    pub raised_before: i64,
    /// Of the warnings raised whose time to answer is over or that were answered: in time, and all.
    pub in_time: i64,
    pub due: i64,
    pub warnings: Vec<Told>,
    /// Late and still without an answer when the bulletin was made, whenever raised.
    pub overdue: Vec<Told>,
    pub crises: Vec<String>,
}

struct Period<'a, 'b> {
    workspace: WorkspaceId,
    now: (Time, Time),
    before: (Time, Time),
    tx: &'a Tx<'b>,
}

impl Period<'_, '_> {
    fn counts(&self, column: &str, (from, to): (Time, Time)) -> Result<BTreeMap<String, i64>> {
        let rows: Vec<(Option<String>, i64)> = self.tx.all(
            &format!("SELECT {column}, count(*) FROM warning_fact WHERE workspace_id = ?1 AND opened_at >= ?2 AND opened_at < ?3 AND merged = ?4 AND aside = ?4 AND channel <> 'internal' GROUP BY {column}"),
            params![self.workspace, from, to, false],
        )?;
        Ok(rows.into_iter().map(|(key, n)| (key.unwrap_or_default(), n)).collect())
    }

    /// Most first.
    fn table(&self, column: &str, title: impl Fn(&str) -> Result<PackText>) -> Result<Vec<Line>> {
        let (now, before) = (self.counts(column, self.now)?, self.counts(column, self.before)?);
        let keys: std::collections::BTreeSet<&String> = now.keys().chain(before.keys()).collect();
        let mut lines = keys
            .into_iter()
            .map(|key| Ok(Line { key: key.clone(), title: title(key)?, count: now.get(key).copied().unwrap_or(0), before: before.get(key).copied().unwrap_or(0) }))
            .collect::<Result<Vec<_>>>()?;
        lines.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.key.cmp(&b.key)));
        Ok(lines)
    }
}

fn same(text: &str) -> PackText {
    PackText { zh: text.to_owned(), en: text.to_owned() }
}

/// Gathers the content for the time from `from` to `to`.
pub fn gather(tx: &Tx<'_>, workspace: WorkspaceId, from: Time, to: Time) -> Result<Content> {
    let length = to.micros() - from.micros();
    let before = (from.plus_micros(-length), from);
    let period = Period { workspace, now: (from, to), before, tx };
    let titled = |kind: &'static str| move |key: &str| -> Result<PackText> { Ok(if key.is_empty() { PackText { zh: "未分类".into(), en: "Not known".into() } } else { warning::label(tx, workspace, kind, key)?.unwrap_or_else(|| same(key)) }) };
    let by_type = period.table("case_type", titled("type"))?;
    let mut by_category = period.table("category", titled("category"))?;
    let mut by_region = period.table("region", |key| Ok(if key.is_empty() { PackText { zh: "地区不明".into(), en: "Not known".into() } } else { regions::title(tx, workspace, key)? }))?;
    let sum = |lines: &[Line], pick: fn(&Line) -> i64| lines.iter().map(pick).sum::<i64>();
    let (cases, cases_before) = (sum(&by_type, |l| l.count), sum(&by_type, |l| l.before));
    let mut rises: Vec<Line> = by_category.iter().filter(|l| !l.key.is_empty() && l.count >= 3 && l.count > l.before).cloned().collect();
    rises.sort_by(|a, b| (b.count - b.before).cmp(&(a.count - a.before)).then_with(|| a.key.cmp(&b.key)));
    rises.truncate(10);
    by_category.truncate(MOST);
    by_region.truncate(MOST);

    let raised = told(tx, "workspace_id = ?1 AND raised_at >= ?2 AND raised_at < ?3 ORDER BY raised_at, id LIMIT 500", workspace, from, to)?;
    let earlier = told(tx, "workspace_id = ?1 AND raised_at >= ?2 AND raised_at < ?3 ORDER BY raised_at, id LIMIT 500", workspace, before.0, before.1)?;
    let overdue = told(tx, "workspace_id = ?1 AND live = TRUE AND state = 'open' AND respond_by < ?3 AND raised_at >= ?2 ORDER BY respond_by, id LIMIT 50", workspace, Time::from_micros(0), to)?;
    let of_grade = |list: &[Told], grade: Grade| list.iter().filter(|w| w.grade == grade).count() as i64;
    let by_grade = Grade::ALL
        .into_iter()
        .rev()
        .map(|grade| Line { key: grade.word().to_owned(), title: PackText { zh: grade.zh().to_owned(), en: grade.en().to_owned() }, count: of_grade(&raised, grade), before: of_grade(&earlier, grade) })
        .collect();
    let due: Vec<&Told> = raised.iter().filter(|w| w.state != "open" || w.respond_by <= tx.now()).collect();
    let crises: Vec<(String,)> = tx.all("SELECT title FROM warning_crisis WHERE workspace_id = ?1 AND declared_at >= ?2 AND declared_at < ?3 ORDER BY declared_at, id LIMIT 20", params![workspace, from, to])?;
    Ok(Content {
        cases,
        cases_before,
        by_type,
        by_category,
        by_region,
        rises,
        by_grade,
        raised: raised.len() as i64,
        raised_before: earlier.len() as i64,
        in_time: due.iter().filter(|w| !w.late).count() as i64,
        due: due.len() as i64,
        overdue,
        warnings: raised.into_iter().take(100).collect(),
        crises: crises.into_iter().map(|row| row.0).collect(),
    })
}

fn told(tx: &Tx<'_>, condition: &str, workspace: WorkspaceId, from: Time, to: Time) -> Result<Vec<Told>> {
    let columns = "id, title_zh, title_en, grade, case_number, raised_at, respond_by, peak, threshold_limit, state, late";
    type Row = (uuid::Uuid, String, String, String, Option<String>, Time, Time, i64, i64, String, bool);
    let rows: Vec<Row> = tx.all(&format!("SELECT {columns} FROM warning_warning WHERE {condition}"), params![workspace, from, to])?;
    Ok(rows
        .into_iter()
        .filter_map(|(id, zh, en, grade, number, raised_at, respond_by, count, limit, state, late)| {
            let late = late || state == "open" && respond_by <= tx.now();
            Some(Told { id: WarningId(id), title: PackText { zh, en }, grade: Grade::of(&grade)?, number, raised_at, respond_by, count, limit, state, late })
        })
        .collect())
}
