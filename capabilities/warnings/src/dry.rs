//! What a threshold would have raised: the same counting and judging over past cases, nothing stored. And the figures behind
//! the chart of a warning.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use shouwen_kernel::{CaseId, Problem, Result, Time, WarningId, WorkspaceId};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Id, Input, PackText, axum};

use crate::evaluate::LEAST_WEEKS;
use crate::facts::{self, Fact};
use crate::maths::{Band, Grade, Said, Step, WEEK, band, bucket_of, judge, step, weeks_before, window_of};
use crate::threshold::Threshold;
use crate::warning::{Warning, label};
use crate::{WarningManage, WarningRead, counts, regions, thresholds};

/// Cases looked at most.
const MOST: usize = 400_000;
const PAGE: usize = 5000;
/// Raises told one by one.
const SHOWN: usize = 200;
/// Points of a chart.
const POINTS: i64 = 96;

/// A threshold to try.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[schema(as = ThresholdTrial)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    pub threshold: Threshold,
    /// How many days back, 1 to 90.
    #[serde(default = "ninety")]
    pub days: i64,
}

fn ninety() -> i64 {
    90
}

/// A raise there would have been.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct WouldRaise {
    pub at: Time,
    pub grade: Grade,
    /// A higher grade of a warning that was open.
    pub from: Option<Grade>,
    pub category: Option<String>,
    pub category_title: Option<PackText>,
    pub region: Option<String>,
    pub region_title: Option<PackText>,
    pub product: Option<String>,
    pub count: i64,
    pub limit: i64,
    /// `count` or `band`.
    pub why: &'static str,
}

/// A point of a chart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, utoipa::ToSchema)]
#[schema(as = WarningPoint)]
pub struct Point {
    pub at: Time,
    /// Cases in the window that ends there.
    pub count: i64,
    /// Above this it would be a sudden rise; null: not enough earlier weeks, or no band.
    pub upper: Option<f64>,
    pub median: Option<f64>,
}

/// Counts, band and limits over time.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WarningChart)]
pub struct Chart {
    pub points: Vec<Point>,
    pub limits: Vec<(Grade, i64)>,
}

/// What a threshold would have done.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ThresholdReport)]
pub struct TrialReport {
    pub days: i64,
    /// Cases it would have counted, of how many there were.
    pub counted: i64,
    pub cases: i64,
    /// Not all cases of the time were looked at: there are too many.
    pub cut: bool,
    /// Warnings it would have opened.
    pub raised: i64,
    /// Steps to a grade, climbs included.
    pub by_grade: BTreeMap<String, i64>,
    /// The newest first, at most 200.
    pub raises: Vec<WouldRaise>,
    /// Of the group with the most cases.
    pub chart: Chart,
    pub chart_group: PackText,
}

/// A group's cases, by bucket.
#[derive(Default)]
struct Past {
    buckets: BTreeMap<i64, i64>,
    total: i64,
}

impl Past {
    fn within(&self, (first, last): (i64, i64)) -> i64 {
        self.buckets.range(first..=last).map(|(_, n)| n).sum()
    }
    fn band(&self, threshold: &Threshold, zone: &TimeZone, window: (i64, i64), began: i64) -> Option<Band> {
        let rule = threshold.band.as_ref()?;
        let earlier: Vec<i64> = (1..=rule.weeks).map(|w| weeks_before(window, w, zone, threshold.step())).take_while(|w| w.0 >= began).map(|w| self.within(w)).collect();
        band(&earlier, rule.k, LEAST_WEEKS)
    }
}

/// Runs a threshold over the past. A warning is taken to be closed a window after its last case: nobody knows when people
/// would have closed it.
pub fn run(tx: &Tx<'_>, workspace: WorkspaceId, threshold: &Threshold, days: i64) -> Result<TrialReport> {
    let now = tx.now();
    let (window_s, size) = (threshold.window_s(), threshold.step());
    let since = now.plus_seconds(-days * 86_400);
    let weeks = threshold.band.as_ref().map_or(0, |b| b.weeks);
    let from = since.plus_seconds(-weeks * WEEK - window_s).max(now.plus_seconds(-facts::KEEP_DAYS * 86_400));
    let condition = threshold.reads();
    let zone = counts::zone(tx, workspace)?;
    let mut groups: HashMap<String, Past> = HashMap::new();
    let mut said: HashMap<String, (Said, i64)> = HashMap::new();
    let mut report = TrialReport { days, counted: 0, cases: 0, cut: false, raised: 0, by_grade: BTreeMap::new(), raises: Vec::new(), chart: Chart { points: Vec::new(), limits: threshold.limits() }, chart_group: PackText::default() };
    let mut raises: Vec<(String, WouldRaise)> = Vec::new();
    let mut after = (from, CaseId::NIL);
    let (mut looked, mut began) = (0, None);
    loop {
        let page: Vec<Fact> = facts::page(tx, workspace, after, now.plus_seconds(1), PAGE)?;
        for fact in &page {
            let at = fact.opened_at.seconds();
            let began = *began.get_or_insert(at);
            let current = fact.opened_at >= since;
            report.cases += i64::from(current);
            let Some((grp, bucket)) = threshold.place(fact, condition.as_ref()) else { continue };
            report.counted += i64::from(current);
            let past = groups.entry(grp.clone()).or_default();
            *past.buckets.entry(bucket).or_default() += 1;
            past.total += i64::from(current);
            if !current {
                continue;
            }
            let window = window_of(at, window_s, size);
            let count = past.within(window);
            let rise = threshold.rise().filter(|rise| count >= rise.min_count).and_then(|rise| past.band(threshold, &zone, window, began).map(|band| (rise, band)));
            let Some(verdict) = judge(count, &threshold.limits(), rise) else { continue };
            let before = said.get(&grp).map(|(said, last)| Said { open: at < last + window_s, ..*said });
            let came = step(before, verdict.grade, at, window_s);
            let from = match came {
                Step::Silent => {
                    if let Some(entry) = said.get_mut(&grp) {
                        entry.1 = at;
                    }
                    continue;
                }
                Step::Raise => None,
                Step::Climb { from } => Some(from),
            };
            said.insert(grp.clone(), (Said { grade: verdict.grade, at, open: true }, at));
            report.raised += i64::from(from.is_none());
            *report.by_grade.entry(verdict.grade.word().to_owned()).or_default() += 1;
            let group = threshold.group_of(&grp);
            raises.push((
                grp,
                WouldRaise {
                    at: fact.opened_at,
                    grade: verdict.grade,
                    from,
                    category_title: None,
                    category: group.category,
                    region_title: None,
                    region: group.region,
                    product: group.product,
                    count,
                    limit: verdict.limit,
                    why: if verdict.rise { "band" } else { "count" },
                },
            ));
        }
        looked += page.len();
        match page.last() {
            Some(last) if page.len() == PAGE && looked < MOST => after = (last.opened_at, last.case_id),
            last => {
                report.cut = last.is_some() && looked >= MOST;
                break;
            }
        }
    }
    for (_, raise) in raises.iter_mut().rev().take(SHOWN) {
        raise.category_title = raise.category.as_deref().map(|key| label(tx, workspace, "category", key)).transpose()?.flatten();
        raise.region_title = raise.region.as_deref().map(|r| regions::title(tx, workspace, r)).transpose()?;
    }
    // The chart shows the group that was raised last, else the largest.
    let shown = raises.last().map(|r| r.0.clone()).or_else(|| groups.iter().max_by_key(|(key, past)| (past.total, std::cmp::Reverse((*key).clone()))).map(|(key, _)| key.clone()));
    if let Some((key, past)) = shown.and_then(|key| groups.get(&key).map(|past| (key, past))) {
        let began = began.unwrap_or_default();
        let pace = ((now.seconds() - since.seconds()) / POINTS).max(size);
        let times: Vec<i64> = (0..=POINTS).map(|i| since.seconds() + i * pace).filter(|at| *at <= now.seconds()).collect();
        report.chart.points = points(past, threshold, &zone, &times, began);
        report.chart_group = named(tx, workspace, threshold, &key)?;
    }
    report.raises = raises.into_iter().rev().take(SHOWN).map(|r| r.1).collect();
    Ok(report)
}

/// A point for each of these instants: the most there were in a window since the point before, so that a burst between two
/// points is not overlooked.
fn points(past: &Past, threshold: &Threshold, zone: &TimeZone, times: &[i64], began: i64) -> Vec<Point> {
    let (window_s, size) = (threshold.window_s(), threshold.step());
    let mut points = Vec::with_capacity(times.len());
    let mut before = None;
    for at in times {
        let own = window_of(*at, window_s, size);
        let since = before.map_or(own.1, |before| bucket_of(before, size) + size);
        // It was highest just when a case came.
        let burst = past.buckets.range(since..own.1.max(since)).map(|(bucket, _)| window_of(*bucket, window_s, size)).map(|w| (past.within(w), w)).max_by_key(|(n, _)| *n);
        let (count, window) = burst.filter(|(n, _)| *n > past.within(own)).unwrap_or((past.within(own), own));
        let usual = past.band(threshold, zone, window, began);
        points.push(Point { at: Time::from_seconds(*at), count, upper: usual.map(|b| b.upper), median: usual.map(|b| b.median) });
        before = Some(*at);
    }
    points
}

fn named(tx: &Tx<'_>, workspace: WorkspaceId, threshold: &Threshold, grp: &str) -> Result<PackText> {
    let group = threshold.group_of(grp);
    let same = |text: String| PackText { zh: text.clone(), en: text };
    let mut parts: Vec<PackText> = Vec::new();
    if let Some(region) = &group.region {
        parts.push(regions::title(tx, workspace, region)?);
    }
    if let Some(category) = group.category {
        parts.push(label(tx, workspace, "category", &category)?.unwrap_or_else(|| same(category)));
    }
    parts.extend(group.product.map(same));
    let joined = |pick: fn(&PackText) -> &str| parts.iter().map(pick).collect::<Vec<_>>().join(" · ");
    Ok(PackText { zh: joined(|t| &t.zh), en: joined(|t| &t.en) })
}

#[utoipa::path(post, path = "/warning-thresholds/trial", request_body = Trial, responses((status = 200, body = TrialReport), (status = 422, description = "Every fault in `detail.faults`")), tag = "warnings", summary = "What a threshold would have raised; nothing is saved", extensions(("x-permission" = json!("warning.manage"))))]
pub async fn trial(State(app): State<App>, who: Allowed<WarningManage>, input: Input<Trial>) -> Answer<axum::Json<TrialReport>> {
    let (workspace, body) = (who.viewer.workspace, input.value);
    app.query(move |tx| {
        let faults = body.threshold.faults();
        if !faults.is_empty() {
            return Err(thresholds::refusal(&faults));
        }
        if !(1..=90).contains(&body.days) {
            return Err(Problem::invalid("days", format!("{} days", body.days)).expected("1 to 90"));
        }
        run(tx, workspace, &body.threshold, body.days)
    })
    .await
}

#[utoipa::path(get, path = "/warnings/{id}/chart", params(("id" = WarningId, Path)), responses((status = 200, body = Chart)), tag = "warnings", summary = "Counts, band and limits around a warning", extensions(("x-permission" = json!("warning.read"))))]
pub async fn chart(State(app): State<App>, who: Allowed<WarningRead>, Id(id): Id<WarningId>) -> Answer<axum::Json<Chart>> {
    let (workspace, scope) = (who.viewer.workspace, who.scope.clone());
    app.query(move |tx| {
        let w = Warning::load(tx, workspace, id)?.ok_or_else(|| Problem::not_found("warning"))?;
        w.must_be_seen(tx, &scope)?;
        let stored = w.threshold_id.map(|id| thresholds::find(tx, workspace, id)).transpose()?.flatten();
        let Some(stored) = stored else { return Ok(Chart { points: Vec::new(), limits: Vec::new() }) };
        let threshold = &stored.threshold;
        let (window_s, size) = (threshold.window_s(), threshold.step());
        // Five windows before it was raised, and what came after, up to three more.
        let end = w.closed_at.unwrap_or(tx.now()).min(w.raised_at.plus_seconds(3 * window_s).max(w.graded_at)).seconds();
        let begin = w.raised_at.seconds() - 5 * window_s;
        let pace = ((end - begin) / POINTS).max(size);
        let weeks = threshold.band.as_ref().map_or(0, |b| b.weeks);
        let mut past = Past::default();
        let rows: Vec<(i64, i64)> = tx.all(
            "SELECT bucket, n FROM warning_count WHERE threshold_id = ?1 AND grp = ?2 AND bucket >= ?3 AND bucket <= ?4",
            shouwen_store::params![stored.id, w.grp, begin - weeks * WEEK - window_s, end],
        )?;
        past.buckets.extend(rows);
        let began: Option<(Time,)> = tx.opt("SELECT opened_at FROM warning_fact WHERE workspace_id = ?1 ORDER BY opened_at, case_id LIMIT 1", shouwen_store::params![workspace])?;
        let began = began.map_or(i64::MAX, |b| b.0.seconds());
        let mut times: Vec<i64> = (0..).map(|i| begin + i * pace).take_while(|at| *at < end).collect();
        times.push(end);
        let points = points(&past, threshold, &counts::zone(tx, workspace)?, &times, began);
        Ok(Chart { points, limits: threshold.limits() })
    })
    .await
}
