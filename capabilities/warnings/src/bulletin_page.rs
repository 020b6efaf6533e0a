//! A bulletin as a page: read in any browser, printed on A4, without scripts. Also the body of the letter.

use std::fmt::Write;

use shouwen_kernel::Lang;
use shouwen_web::PackText;

use crate::bulletin::{Line, Told};
use crate::bulletins::Bulletin;
use crate::letters::wall;
use crate::maths::Grade;

const STYLE: &str = "body{font:15px/1.6 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;color:#1d2126;max-width:46em;margin:2em auto;padding:0 1em}\
h1{font-size:1.5em;margin:0 0 .2em}h2{font-size:1.1em;margin:1.8em 0 .4em;border-bottom:1px solid #c9ced6;padding-bottom:.2em}\
p.sub{color:#565e69;margin:0 0 1em}table{border-collapse:collapse;width:100%;margin:.4em 0}\
th,td{text-align:left;padding:.35em .6em;border-bottom:1px solid #e3e6ea;vertical-align:top}th{color:#565e69;font-weight:500}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}\
.g{display:inline-block;padding:0 .5em;border:1.5px solid;border-radius:.3em;font-weight:600;white-space:nowrap}\
.blue{color:#1f5fbf}.yellow{color:#8a6500}.orange{color:#b4500b}.red{color:#b3261e}.late{color:#b3261e;font-weight:600}\
.sum{display:flex;flex-wrap:wrap;gap:.5em 2.2em;margin:1em 0}.sum b{display:block;font-size:1.6em;line-height:1.2}\
footer{margin-top:2.5em;color:#565e69;font-size:.85em}\
@media print{body{margin:0;max-width:none;font-size:11pt}h2{break-after:avoid}tr{break-inside:avoid}}";

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn pick<'a>(text: &'a PackText, lang: Lang) -> &'a str {
    text.of(lang.tag())
}

/// Local days of the period: `2026-03-02`, or the first and the last.
fn days(b: &Bulletin) -> String {
    let day = |at| wall(at, &b.zone).chars().take(10).collect::<String>();
    let (first, last) = (day(b.from), day(b.to.plus_micros(-1)));
    if first == last { first } else { format!("{first} – {last}") }
}

/// Its title with the days it is about.
pub fn title(b: &Bulletin, lang: Lang) -> String {
    let weekly = b.period == "weekly";
    match lang {
        Lang::Zh => format!("预警分析{} {}", if weekly { "周报" } else { "日报" }, days(b)),
        Lang::En => format!("{} early-warning bulletin {}", if weekly { "Weekly" } else { "Daily" }, days(b)),
    }
}

/// `12 (+3)`.
fn change(count: i64, before: i64) -> String {
    match count - before {
        0 => "±0".to_owned(),
        d if d > 0 => format!("+{d}"),
        d => d.to_string(),
    }
}

fn rate(in_time: i64, due: i64) -> String {
    if due == 0 { "–".to_owned() } else { format!("{} % ({in_time}/{due})", in_time * 100 / due) }
}

/// Two lines for the letter.
pub fn summary(b: &Bulletin, lang: Lang) -> String {
    let c = &b.content;
    match lang {
        Lang::Zh => format!("受理 {} 件（上期 {}）；预警 {} 条（上期 {}），按时答复 {}；目前超时未答复 {} 条。", c.cases, c.cases_before, c.raised, c.raised_before, rate(c.in_time, c.due), c.overdue.len()),
        Lang::En => format!(
            "{} cases (before: {}); {} warnings (before: {}), answered in time {}; overdue now: {}.",
            c.cases,
            c.cases_before,
            c.raised,
            c.raised_before,
            rate(c.in_time, c.due),
            c.overdue.len()
        ),
    }
}

fn badge(grade: Grade, lang: Lang) -> String {
    format!("<span class=\"g {}\">{}</span>", grade.word(), if lang == Lang::Zh { grade.zh() } else { grade.en() })
}

fn table(out: &mut String, heading: &str, first: &str, lines: &[Line], lang: Lang) {
    if lines.is_empty() {
        return;
    }
    let (now, before, diff) = if lang == Lang::Zh { ("本期", "上期", "变化") } else { ("Now", "Before", "Change") };
    let _ = write!(out, "<h2>{heading}</h2><table><thead><tr><th scope=\"col\">{first}</th><th scope=\"col\" class=\"n\">{now}</th><th scope=\"col\" class=\"n\">{before}</th><th scope=\"col\" class=\"n\">{diff}</th></tr></thead><tbody>");
    for line in lines {
        let name = match Grade::of(&line.key) {
            Some(grade) => badge(grade, lang),
            None => escape(pick(&line.title, lang)),
        };
        let _ = write!(out, "<tr><td>{name}</td><td class=\"n\">{}</td><td class=\"n\">{}</td><td class=\"n\">{}</td></tr>", line.count, line.before, change(line.count, line.before));
    }
    out.push_str("</tbody></table>");
}

fn warnings(out: &mut String, heading: &str, list: &[Told], b: &Bulletin, lang: Lang) {
    if list.is_empty() {
        return;
    }
    let zh = lang == Lang::Zh;
    let heads = if zh { ["等级", "预警", "发出", "件数/阈值", "答复"] } else { ["Grade", "Warning", "Raised", "Cases/limit", "Answer"] };
    let _ = write!(out, "<h2>{heading}</h2><table><thead><tr>");
    for head in heads {
        let _ = write!(out, "<th scope=\"col\">{head}</th>");
    }
    out.push_str("</tr></thead><tbody>");
    for w in list {
        let state = match (w.state.as_str(), w.late, zh) {
            ("open", true, true) => "超时未答复",
            ("open", true, false) => "overdue",
            ("open", false, true) => "待答复",
            ("open", false, false) => "waiting",
            (_, true, true) => "超时答复",
            (_, true, false) => "late",
            ("closed", _, true) => "已办结",
            ("closed", _, false) => "closed",
            (_, _, true) => "已答复",
            _ => "answered",
        };
        let number = w.number.as_deref().map(|n| format!("<br><small>{}</small>", escape(n))).unwrap_or_default();
        let _ = write!(
            out,
            "<tr><td>{}</td><td>{}{number}</td><td>{}</td><td>{} / {}</td><td{}>{state}</td></tr>",
            badge(w.grade, lang),
            escape(pick(&w.title, lang)),
            wall(w.raised_at, &b.zone),
            w.count,
            w.limit,
            if w.late { " class=\"late\"" } else { "" }
        );
    }
    out.push_str("</tbody></table>");
}

/// The whole page.
pub fn html(b: &Bulletin, workspace: &str, lang: Lang) -> String {
    let (c, zh) = (&b.content, lang == Lang::Zh);
    let t = |zh_text: &'static str, en_text: &'static str| if zh { zh_text } else { en_text };
    let title = title(b, lang);
    let mut out = format!("<!doctype html><html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>{}</title><style>{STYLE}</style></head><body>", lang.tag(), escape(&title));
    let _ = write!(out, "<h1>{}</h1><p class=\"sub\">{} · {} – {} ({})</p>", escape(&title), escape(workspace), wall(b.from, &b.zone), wall(b.to, &b.zone), escape(&b.zone));
    let _ = write!(
        out,
        "<div class=\"sum\"><div><b>{}</b>{} {}</div><div><b>{}</b>{} {}</div><div><b>{}</b>{}</div><div><b>{}</b>{}</div></div>",
        c.cases,
        t("受理量", "cases"),
        change(c.cases, c.cases_before),
        c.raised,
        t("预警", "warnings"),
        change(c.raised, c.raised_before),
        rate(c.in_time, c.due),
        t("按时答复", "answered in time"),
        c.overdue.len(),
        t("超时未答复", "overdue now")
    );
    if c.raised > 0 || c.raised_before > 0 {
        table(&mut out, t("预警等级", "Warnings by grade"), t("等级", "Grade"), &c.by_grade, lang);
    }
    warnings(&mut out, t("本期预警", "Warnings of the period"), &c.warnings, b, lang);
    warnings(&mut out, t("超时未答复", "Overdue now"), &c.overdue, b, lang);
    if !c.crises.is_empty() {
        let _ = write!(out, "<h2>{}</h2><ul>", t("应急响应", "Crises"));
        for crisis in &c.crises {
            let _ = write!(out, "<li>{}</li>", escape(crisis));
        }
        out.push_str("</ul>");
    }
    table(&mut out, t("上升最快的类别", "Categories that rose most"), t("类别", "Category"), &c.rises, lang);
    table(&mut out, t("按类别", "By category"), t("类别", "Category"), &c.by_category, lang);
    table(&mut out, t("按地区", "By region"), t("地区", "Region"), &c.by_region, lang);
    table(&mut out, t("按事项类型", "By type"), t("类型", "Type"), &c.by_type, lang);
    if c.cases == 0 && c.raised == 0 {
        let _ = write!(out, "<p>{}</p>", t("本期没有受理事项，也没有预警。", "No cases and no warnings in this period."));
    }
    let _ = write!(out, "<footer>{} {} · {}</footer></body></html>", t("生成于", "Made"), wall(b.made_at, &b.zone), t("由首问自动汇总；“变化”与上一个同长度时段相比。", "compiled by Shouwen; changes are against the period of the same length before."));
    out
}
