//! The roles that come with the product. They change with it and cannot be edited; a copy can.

use shouwen_kernel::{Result, RoleId};
use shouwen_store::{Ctx, Json, Tx, params};

/// Key of the role that holds every permission.
pub const ADMINISTRATOR: &str = "administrator";

const AGENT: &[&str] = &[
    "case.read", "case.create", "case.reply", "case.note", "case.edit", "case.assign", "case.close", "case.merge", "customer.read", "customer.edit", "customer.reveal", "quarantine.handle", "review.request", "complaint.read", "complaint.manage",
    "warning.read", "warning.answer",
];
const SUPERVISOR: &[&str] = &["case.accountability", "customer.merge", "canned.edit", "view.share", "insight.read", "insight.export", "survey.read", "complaint.approve", "review.lead", "review.emergency", "review.read", "crisis.declare"];
const MANAGER: &[&str] = &["case_type.manage", "target.manage", "team.manage", "calendar.manage", "service_level.manage", "outbox.manage", "routing.manage", "rule.manage", "survey.manage", "complaint.settings", "review.manage", "warning.manage"];
const QUALITY: &[&str] = &["case.read", "case.note", "customer.read", "survey.read", "insight.read", "insight.export", "complaint.read", "review.read", "warning.read"];
const AUDITOR: &[&str] = &["audit.read"];
const VIEWER: &[&str] = &["case.read", "customer.read", "insight.read", "survey.read", "complaint.read"];

/// Key, Chinese name, English name, the parts whose permissions it joins. An empty list: every permission there is.
type BuiltIn = (&'static str, &'static str, &'static str, &'static [&'static [&'static str]]);

const ROLES: [BuiltIn; 7] = [
    (ADMINISTRATOR, "系统管理员", "Administrator", &[]),
    ("manager", "客服经理", "Manager", &[AGENT, SUPERVISOR, MANAGER]),
    ("supervisor", "班组长", "Supervisor", &[AGENT, SUPERVISOR]),
    ("agent", "坐席", "Agent", &[AGENT]),
    ("quality", "质检员", "Quality inspector", &[QUALITY]),
    ("auditor", "审计员", "Auditor", &[AUDITOR]),
    ("viewer", "只读访客", "Viewer", &[VIEWER]),
];

/// Keys of the built-in roles.
pub(crate) fn keys() -> Vec<&'static str> {
    ROLES.iter().map(|role| role.0).collect()
}

/// The codes of a built-in role; `None` when there is none of that key. The administrator's depend on the program.
pub(crate) fn codes_of(key: &str) -> Option<Vec<&'static str>> {
    ROLES.iter().find(|role| role.0 == key && !role.3.is_empty()).map(|role| role.3.concat())
}

/// Every code that stands in a built-in role.
pub(crate) fn codes_of_all_parts() -> Vec<&'static str> {
    ROLES.iter().flat_map(|role| role.3.concat()).collect()
}

/// Creates the built-in roles of the workspace, or brings them to what this program says. `permissions` are all codes
/// there are; the administrator holds them all. Roles that changed are told in the audit.
pub fn ensure_built_in_roles(tx: &Tx<'_>, ctx: &Ctx, permissions: &[&str]) -> Result<()> {
    for (key, zh, en, parts) in ROLES {
        // The administrator holds whatever anybody else can be given, or could give nobody a role with it.
        let mut codes: Vec<&str> = if parts.is_empty() { [permissions, &codes_of_all_parts()].concat() } else { parts.concat() };
        codes.sort_unstable();
        codes.dedup();
        let found: Option<(RoleId, Json<Vec<String>>, String, String)> =
            tx.opt("SELECT id, permissions, name_zh, name_en FROM identity_role WHERE workspace_id = ?1 AND key = ?2", params![ctx.workspace, key])?;
        match found {
            Some((_, Json(old), old_zh, old_en)) if old == codes && old_zh == zh && old_en == en => {}
            Some((id, Json(old), ..)) => {
                tx.execute(
                    "UPDATE identity_role SET name_zh = ?2, name_en = ?3, permissions = ?4, built_in = ?5, version = version + 1 WHERE id = ?1",
                    params![id, zh, en, Json(&codes), true],
                )?;
                tx.audit(ctx, "role.updated_with_program", "role", Some(id.0), Some(serde_json::json!({ "key": key })))?;
                if old != codes {
                    crate::role::holders(tx, id)?.into_iter().try_for_each(|person| crate::assignment::changed(tx, ctx, person))?;
                }
            }
            None => {
                let id: RoleId = tx.id();
                tx.execute(
                    "INSERT INTO identity_role (id, workspace_id, key, name_zh, name_en, permissions, built_in, version, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 1, ?8)",
                    params![id, ctx.workspace, key, zh, en, Json(&codes), true, tx.now()],
                )?;
            }
        }
    }
    Ok(())
}
