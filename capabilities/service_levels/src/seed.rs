//! What a new workspace begins with: office hours with the official holidays, and a service level for everybody.

use std::collections::BTreeMap;

use serde_json::json;
use shouwen_kernel::Result;
use shouwen_store::{Ctx, Tx, params};
use shouwen_web::PackText;

use crate::calendars::create_marked;
use crate::levels::{LevelInput, Target, create_level};

/// Keys of the two calendars every workspace begins with; packs refer to them.
pub const OFFICE: &str = "office";
pub const AROUND_THE_CLOCK: &str = "around-the-clock";

/// Creates the defaults when the workspace has no calendar yet. `zone`: IANA name.
pub fn ensure_defaults(tx: &Tx<'_>, ctx: &Ctx, zone: &str) -> Result<()> {
    if tx.opt::<(i64,)>("SELECT version FROM clock_calendar WHERE workspace_id = ?1 LIMIT 1", params![ctx.workspace])?.is_some() {
        return Ok(());
    }
    let day = json!(["09:00-12:00", "13:30-18:00"]);
    let holidays: Vec<&str> = if zone == "Asia/Shanghai" { vec!["cn-2024.json", "cn-2025.json", "cn-2026.json"] } else { Vec::new() };
    let office = create_marked(
        tx,
        ctx,
        &json!({
            "title": { "zh": "办公时间", "en": "Office hours" }, "timezone": zone,
            "week": { "mon": day, "tue": day, "wed": day, "thu": day, "fri": day }, "days": {}, "holidays": holidays, "makeup_like": "mon",
        }),
        Some(OFFICE),
        None,
    )?;
    let whole = json!(["00:00-24:00"]);
    create_marked(
        tx,
        ctx,
        &json!({ "title": { "zh": "全天候 7×24", "en": "Around the clock" }, "timezone": zone, "week": { "mon": whole, "tue": whole, "wed": whole, "thu": whole, "fri": whole, "sat": whole, "sun": whole }, "days": {} }),
        Some(AROUND_THE_CLOCK),
        None,
    )?;
    let by_priority = |urgent: &str, high: &str, normal: &str, low: &str| {
        Target::ByPriority(BTreeMap::from([("urgent".into(), urgent.into()), ("high".into(), high.into()), ("normal".into(), normal.into()), ("low".into(), low.into())]))
    };
    let level = create_level(
        tx,
        ctx,
        &LevelInput {
            name: String::new(),
            title: Some(PackText { zh: "标准服务".into(), en: "Standard".into() }),
            active: true,
            order: 100,
            applies: None,
            calendar_id: office.id,
            targets: BTreeMap::from([
                ("first_response".into(), by_priority("1h", "2h", "4h", "8h")),
                ("next_response".into(), by_priority("2h", "4h", "8h", "16h")),
                ("resolution".into(), by_priority("8h", "16h", "24h", "40h")),
            ]),
            warn_at: 0.8,
            pause_when: vec!["waiting".into()],
            ladder: Vec::new(),
            version: None,
        },
    )?;
    tx.execute("UPDATE clock_level SET key = 'standard' WHERE id = ?1", params![level.id])?;
    Ok(())
}

/// The first org unit of a workspace tells that it was set up.
pub fn on_org_unit(tx: &Tx<'_>, recorded: &shouwen_store::Recorded) -> Result<()> {
    let Some(workspace) = tx.workspaces()?.into_iter().find(|w| w.id == recorded.workspace) else { return Ok(()) };
    ensure_defaults(tx, &Ctx::system(workspace.id, "setup"), &workspace.time_zone)
}
