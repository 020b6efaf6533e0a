//! Letters to people of the house: serious warnings, the call of the rapid-response group, bulletins. Wished here, sent by
//! identity, which knows the addresses.

use shouwen_contracts::message::Content;
use shouwen_contracts::wish::{LetterEvent, LetterWish};
use shouwen_kernel::{PersonId, Result, Time, WorkspaceId};
use shouwen_store::{Ctx, ToValue, Tx, Value};

use crate::maths::Grade;
use crate::warning::Warning;

/// Locale of the workspace, `zh-CN` or `en`.
pub fn locale(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<String> {
    Ok(settings_of(tx, workspace)?.0)
}

/// Locale and time zone of the workspace.
pub fn settings_of(tx: &Tx<'_>, workspace: WorkspaceId) -> Result<(String, String)> {
    tx.known(&format!("warning.workspace.{workspace}"), || {
        Ok(tx.workspaces()?.into_iter().find(|w| w.id == workspace).map_or_else(|| ("zh-CN".to_owned(), "Asia/Shanghai".to_owned()), |w| (w.locale, w.time_zone)))
    })
}

/// The address of a page of the desk.
pub fn link(tx: &Tx<'_>, path: &str) -> Result<String> {
    let base: String = tx.setting(WorkspaceId::NIL, "base_url")?.unwrap_or_default();
    Ok(format!("{base}{path}"))
}

/// An instant on the wall clock of a zone: `2026-03-02 09:30`.
pub fn wall(at: Time, zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    at.to_jiff().to_zoned(zone).strftime("%Y-%m-%d %H:%M").to_string()
}

/// One letter in each language its readers use. `write` gives subject and text for a locale.
pub fn wish(tx: &Tx<'_>, ctx: &Ctx, source: &str, people: &[PersonId], write: impl Fn(&str) -> Result<(String, String, Option<String>)>) -> Result<()> {
    let mut by_language: [(&str, Vec<PersonId>); 2] = [("zh-CN", Vec::new()), ("en", Vec::new())];
    let places: Vec<String> = (1..=people.len()).map(|i| format!("?{i}")).collect();
    let readers: Vec<Value> = people.iter().map(ToValue::to_value).collect();
    let english: Vec<(PersonId,)> = match people.is_empty() {
        true => Vec::new(),
        false => tx.all(&format!("SELECT person_id FROM warning_staff WHERE person_id IN ({}) AND locale LIKE 'en%'", places.join(", ")), &readers)?,
    };
    for person in people {
        by_language[usize::from(english.iter().any(|(id,)| id == person))].1.push(*person);
    }
    for (locale, people) in by_language.into_iter().filter(|(_, people)| !people.is_empty()) {
        let (subject, text, html) = write(locale)?;
        let content = Content { subject: subject.clone(), reply_text: text.clone(), text, html, ..Content::default() };
        let body = tx.put_blob(&serde_json::to_vec(&content)?)?;
        tx.emit::<LetterEvent>(ctx, None, None, LetterWish { source: format!("{source}:{locale}"), people, subject, body })?;
    }
    Ok(())
}

/// Length of a window in words.
pub fn span(seconds: i64, locale: &str) -> String {
    let zh = locale.starts_with("zh");
    let (n, unit) = match seconds {
        s if s % 86_400 == 0 => (s / 86_400, if zh { "天" } else { "d" }),
        s if s % 3600 == 0 => (s / 3600, if zh { "小时" } else { "h" }),
        s => (s / 60, if zh { "分钟" } else { "min" }),
    };
    format!("{n} {unit}")
}

/// What happened, in a few lines: first note of the case, body of the letter.
pub fn account(w: &Warning, locale: &str) -> String {
    let window = span(w.window_s, locale);
    if locale.starts_with("zh") {
        let why = match w.why.as_str() {
            "band" => format!("近 {window}内 {} 件，明显高于往周同期（{} 件起视为突增）", w.found, w.limit),
            "rule" => "由自动化规则发起".to_owned(),
            _ => format!("近 {window}内 {} 件，达到{}阈值 {} 件", w.found, w.grade.zh(), w.limit),
        };
        format!("{}预警：{}\n{why}。\n要求：{}", w.grade.zh(), w.title.zh, w.response.zh)
    } else {
        let why = match w.why.as_str() {
            "band" => format!("{} cases in {window}, far above the same hour of earlier weeks (a rise from {} on)", w.found, w.limit),
            "rule" => "Opened by a rule".to_owned(),
            _ => format!("{} cases in {window}; the limit for {} is {}", w.found, w.grade.word(), w.limit),
        };
        format!("{} warning: {}\n{why}.\nRequired: {}", w.grade.en(), w.title.en, w.response.en)
    }
}

/// Orange and red warnings also go out by mail; the milder ones wait in the desk.
pub fn raised(tx: &Tx<'_>, w: &Warning, from: Option<Grade>, people: &[PersonId]) -> Result<()> {
    if w.grade < Grade::Orange || people.is_empty() {
        return Ok(());
    }
    let (_, zone) = settings_of(tx, w.workspace)?;
    let page = link(tx, &format!("/warnings?warning={}", w.id))?;
    let by = wall(w.respond_by, &zone);
    wish(tx, &crate::evaluate::house(w.workspace, w.id), &format!("warning:{}:{}", w.id, w.grade.word()), people, |locale| {
        let zh = locale.starts_with("zh");
        let subject = match (zh, from) {
            (true, Some(from)) => format!("【{}预警·由{}升级】{}", w.grade.zh(), from.zh(), w.title.zh),
            (true, None) => format!("【{}预警】{}", w.grade.zh(), w.title.zh),
            (false, Some(from)) => format!("[{} warning, was {}] {}", w.grade.en(), from.word(), w.title.en),
            (false, None) => format!("[{} warning] {}", w.grade.en(), w.title.en),
        };
        let end = if zh { format!("请于 {by} 前答复：{page}") } else { format!("Please answer by {by}: {page}") };
        Ok((subject, format!("{}\n\n{end}\n", account(w, locale)), None))
    })
}
