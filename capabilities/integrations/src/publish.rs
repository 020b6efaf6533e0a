//! Events → deliveries.

use serde_json::{Value, json};
use shouwen_contracts::Event;
use shouwen_contracts::casework::CaseEvent;
use shouwen_kernel::{ObjectId, Result, WebhookId, WorkspaceId};
use shouwen_store::{Json, Recorded, Tx, params};

/// The outbox kind of a delivery.
pub const OUTBOX: &str = "webhook.send";

/// Every kind a webhook may ask for.
pub fn kinds() -> Vec<&'static str> {
    use shouwen_contracts::{channel::ChannelEvent, complaints::ComplaintEvent, customers::CustomerEvent, identity::IdentityEvent};
    use shouwen_contracts::{reviews::ReviewEvent, routing::RoutingEvent, service_levels::ClockEvent, voice::VoiceEvent, warnings::WarningEvent};
    [
        CaseEvent::KINDS,
        ChannelEvent::KINDS,
        ComplaintEvent::KINDS,
        CustomerEvent::KINDS,
        IdentityEvent::KINDS,
        ReviewEvent::KINDS,
        RoutingEvent::KINDS,
        ClockEvent::KINDS,
        VoiceEvent::KINDS,
        WarningEvent::KINDS,
    ]
    .concat()
}

fn wants(kinds: &[String], kind: &str) -> bool {
    kinds.iter().any(|k| k == "*" || k == kind || k.strip_suffix('*').is_some_and(|prefix| !prefix.is_empty() && kind.starts_with(prefix)))
}

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    if recorded.kind == "case.message_added"
        && let Some(CaseEvent::MessageAdded(message)) = recorded.event::<CaseEvent>()?
        && message.direction == "out"
    {
        tx.run(
            "INSERT INTO webhook_sent (message_id, workspace_id, case_id) VALUES (?1, ?2, ?3) ON CONFLICT (message_id) DO NOTHING",
            params![message.message_id, recorded.workspace, message.case_id],
        )?;
    }
    let hooks: Vec<(WebhookId, Vec<String>)> = tx.known(&format!("webhook_hook/{}", recorded.workspace), || {
        let rows: Vec<(WebhookId, Json<Vec<String>>)> = tx.all("SELECT id, kinds FROM webhook_hook WHERE workspace_id = ?1 AND active ORDER BY id", params![recorded.workspace])?;
        Ok(rows.into_iter().map(|(id, kinds)| (id, kinds.0)).collect())
    })?;
    if hooks.is_empty() {
        return Ok(());
    }
    for (hook, kinds) in hooks {
        if wants(&kinds, &recorded.kind) {
            let subject = recorded.subject.map(|id| match recorded.kind.split('.').next() {
                Some("person") => shouwen_kernel::PersonId(id).to_string(),
                Some("customer") => shouwen_kernel::CustomerId(id).to_string(),
                Some("team") => shouwen_kernel::TeamId(id).to_string(),
                Some("org_unit") => shouwen_kernel::OrgUnitId(id).to_string(),
                Some("inbox") => shouwen_kernel::InboxId(id).to_string(),
                Some("message") => shouwen_kernel::MessageId(id).to_string(),
                // About a case, or about something of its own whose id stands in the data.
                Some("review" | "complaint" | "warning" | "bulletin" | "crisis") => recorded.payload().ok().and_then(|data| data["case_id"].as_str().map(str::to_owned)).unwrap_or_default(),
                _ => shouwen_kernel::CaseId(id).to_string(),
            });
            let subject = subject.filter(|id| !id.is_empty());
            let body = json!({ "type": recorded.kind, "at": recorded.at, "workspace": recorded.workspace, "position": recorded.position, "subject": subject, "actor": recorded.actor()?, "data": recorded.payload()? });
            enqueue(tx, recorded.workspace, hook, &recorded.kind, &body)?;
        }
    }
    Ok(())
}

/// Notes a delivery and puts it into the outbox; its id travels as `webhook-id`, so the other side can tell a repeat.
pub fn enqueue(tx: &Tx<'_>, workspace: WorkspaceId, hook: WebhookId, kind: &str, body: &Value) -> Result<ObjectId> {
    let id: ObjectId = tx.id();
    let mut body = body.clone();
    body["id"] = json!(id);
    let text = body.to_string();
    tx.run(
        "INSERT INTO webhook_delivery (id, workspace_id, hook_id, kind, body, state, attempts, at) VALUES (?1, ?2, ?3, ?4, ?5, 'pending', 0, ?6)",
        params![id, workspace, hook, kind, text, tx.now()],
    )?;
    tx.enqueue(workspace, OUTBOX, &id.to_string(), &json!({ "delivery_id": id, "hook_id": hook }), None)?;
    Ok(id)
}
