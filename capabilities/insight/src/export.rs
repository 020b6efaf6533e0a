//! Figures as CSV or XLSX.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use rust_xlsxwriter::{Format, Workbook};
use shouwen_kernel::{Lang, Problem, Result, WorkspaceId};
use shouwen_store::Tx;
use shouwen_web::{Allowed, Answer, App, Params, axum};

use crate::range::{Asked, Range, show_day};
use crate::{InsightExport, board, breakdown, drill, project};

/// Rows of the cases table taken out at once.
const MOST: usize = 20_000;

/// A table on its way out.
struct Table {
    name: String,
    head: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone)]
enum Cell {
    Text(String),
    Number(f64),
    Empty,
}

#[utoipa::path(get, path = "/insight/export", params(Asked), responses((status = 200, description = "text/csv (UTF-8 with byte order mark) or XLSX", content_type = "application/octet-stream")), tag = "insight", summary = "Board, breakdown or cases as CSV or XLSX", extensions(("x-permission" = json!("insight.export"))))]
pub async fn export(State(app): State<App>, who: Allowed<InsightExport>, Params(asked): Params<Asked>) -> Answer<Response> {
    let format = asked.format.clone().unwrap_or_else(|| "csv".into());
    if format != "csv" && format != "xlsx" {
        return Err(Problem::invalid("format", format!("`{format}` is not a format figures come in")).expected("csv or xlsx").into());
    }
    let (workspace, scope, lang, ctx) = (who.viewer.workspace, who.scope.clone(), who.viewer.lang, who.ctx());
    let table = app
        .db()
        .write(move |tx| {
            let range = Range::read(&asked, &scope, tx.now(), &project::zone_of(tx, workspace)?)?;
            // Figures leaving the house are an event the audit keeps.
            tx.audit(&ctx, "insight.exported", "insight", None, Some(serde_json::json!({ "table": asked.table, "indicator": asked.indicator, "from": show_day(range.from), "to": show_day(range.to) })))?;
            table(tx, workspace, &asked, &range, lang)
        })
        .await?;
    let (bytes, kind) = if format == "csv" { (csv(&table)?, "text/csv; charset=utf-8") } else { (xlsx(&table)?, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet") };
    let disposition = format!("attachment; filename=\"{}.{format}\"", table.name);
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], bytes).into_response())
}

fn table(tx: &Tx<'_>, workspace: WorkspaceId, asked: &Asked, range: &Range, lang: Lang) -> Result<Table> {
    let say = |zh: &str, en: &str| if lang == Lang::Zh { zh.to_owned() } else { en.to_owned() };
    let text = |t: &str| Cell::Text(t.to_owned());
    let number = |n: i64| Cell::Number(n as f64);
    let optional = |v: Option<f64>| v.map_or(Cell::Empty, Cell::Number);
    let days = format!("{}-{}", show_day(range.from), show_day(range.to));
    Ok(match asked.table.as_deref().unwrap_or("board") {
        "board" => Table {
            name: format!("board-{days}"),
            head: vec![say("指标", "Indicator"), say("单位", "Unit"), say("数值", "Value"), say("分子", "Numerator"), say("分母", "Denominator"), say("目标", "Target"), say("上期", "Previous")],
            rows: board::tiles(tx, workspace, range, true)?
                .into_iter()
                .map(|t| vec![text(if lang == Lang::Zh { &t.name.zh } else { &t.name.en }), text(&t.unit), optional(t.figure.value), number(t.figure.numerator), number(t.figure.denominator), optional(t.target), optional(t.previous)])
                .collect(),
        },
        "breakdown" => {
            let definition = breakdown::wanted(asked)?;
            let by = asked.by.clone().unwrap_or_else(|| "team".into());
            Table {
                name: format!("{}-by-{by}-{days}", definition.key),
                head: vec![by.clone(), say("名称", "Name"), say("数值", "Value"), say("分子", "Numerator"), say("分母", "Denominator"), say("工单数", "Cases")],
                rows: breakdown::groups(tx, workspace, definition, range, &by)?
                    .into_iter()
                    .map(|g| vec![g.key.map_or(Cell::Empty, Cell::Text), Cell::Text(g.name), optional(g.figure.value), number(g.figure.numerator), number(g.figure.denominator), number(g.figure.n)])
                    .collect(),
            }
        }
        "cases" => {
            let definition = breakdown::wanted(asked)?;
            let page = drill::page(tx, workspace, definition, range, asked.part.as_deref().unwrap_or_default(), MOST, None)?;
            Table {
                name: format!("{}-cases-{days}", definition.key),
                head: vec![say("工单号", "Number"), say("标题", "Title"), say("分子", "Numerator"), say("分母", "Denominator"), say("工作秒数", "Working seconds"), say("时间", "At")],
                rows: page.items.into_iter().map(|r| vec![Cell::Text(r.number), Cell::Text(r.title), number(r.numerator), number(r.denominator), optional(r.value.map(|v| v as f64)), Cell::Text(r.at.to_string())]).collect(),
            }
        }
        other => return Err(Problem::invalid("table", format!("there is no table `{other}`")).expected("board, breakdown, cases")),
    })
}

/// A text that a spreadsheet would take for a formula gets a quote in front (CVE-2019-14749).
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

fn csv(table: &Table) -> Result<Vec<u8>> {
    // The byte order mark lets Excel read Chinese.
    let mut writer = csv::Writer::from_writer(b"\xEF\xBB\xBF".to_vec());
    let failed = |e: csv::Error| Problem::internal(format!("CSV: {e}"));
    writer.write_record(&table.head).map_err(failed)?;
    for row in &table.rows {
        let cells: Vec<String> = row
            .iter()
            .map(|cell| match cell {
                Cell::Text(text) => harmless(text),
                Cell::Number(number) => number.to_string(),
                Cell::Empty => String::new(),
            })
            .collect();
        writer.write_record(&cells).map_err(failed)?;
    }
    writer.into_inner().map_err(|e| Problem::internal(format!("CSV: {e}")))
}

fn xlsx(table: &Table) -> Result<Vec<u8>> {
    let failed = |e: rust_xlsxwriter::XlsxError| Problem::internal(format!("XLSX: {e}"));
    let mut book = Workbook::new();
    let sheet = book.add_worksheet();
    let bold = Format::new().set_bold();
    for (column, head) in (0u16..).zip(&table.head) {
        sheet.write_with_format(0, column, head, &bold).map_err(failed)?;
    }
    for (line, row) in (1u32..).zip(&table.rows) {
        for (column, cell) in (0u16..).zip(row) {
            match cell {
                Cell::Text(text) => sheet.write_string(line, column, harmless(text)).map(|_| ()).map_err(failed)?,
                Cell::Number(number) => sheet.write_number(line, column, *number).map(|_| ()).map_err(failed)?,
                Cell::Empty => {}
            }
        }
    }
    sheet.set_freeze_panes(1, 0).map_err(failed)?;
    sheet.autofit();
    book.save_to_buffer().map_err(failed)
}
