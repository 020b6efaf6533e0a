//! What rules and macros wish to be told to other programs: `wish.action` with `webhook`. Only to a webhook that an
//! administrator has registered, by its name or id; a rule cannot name an address.

use serde_json::json;
use shouwen_contracts::casework::{CaseEvent, WishRefused};
use shouwen_contracts::wish::{ActionWish, WishEvent};
use shouwen_kernel::{ObjectId, Problem, Result, WebhookId, text::clip};
use shouwen_store::{Ctx, Recorded, Tx, params};

use crate::publish;

/// The events read.
pub const KINDS: &[&str] = &["wish.action"];
/// Kind of the deliveries.
pub const FIRED: &str = "rule.fired";

/// Digests one event.
pub fn handle(tx: &Tx<'_>, recorded: &Recorded) -> Result<()> {
    let Some(WishEvent::ActionWish(wish)) = recorded.event::<WishEvent>()? else { return Ok(()) };
    if wish.action["do"] != "webhook" {
        return Ok(());
    }
    let fresh = tx.execute(
        "INSERT INTO webhook_wish (workspace_id, source, at) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, source) DO NOTHING",
        params![recorded.workspace, wish.source, tx.now()],
    )?;
    if fresh == 0 {
        return Ok(());
    }
    match tell(tx, recorded, &wish)? {
        Ok(delivery) => tx.run("UPDATE webhook_wish SET delivery_id = ?3 WHERE workspace_id = ?1 AND source = ?2", params![recorded.workspace, wish.source, delivery]),
        Err(problem) => {
            // Told as casework tells what it refuses, so that the rule's log and the timeline show it.
            let ctx = Ctx { actor: recorded.actor()?, ..Ctx::system(recorded.workspace, "rules") };
            let told = WishRefused { case_id: Some(wish.case_id), source: wish.source, reason: wish.reason, problem: serde_json::to_value(&problem)? };
            tx.emit::<CaseEvent>(&ctx, Some(wish.case_id.0), recorded.access()?.as_ref(), told)
        }
    }
}

fn tell(tx: &Tx<'_>, recorded: &Recorded, wish: &ActionWish) -> Result<std::result::Result<ObjectId, Problem>> {
    let named = wish.action["hook"].as_str().unwrap_or_default().trim();
    let hooks: Vec<(WebhookId, String, bool)> = tx.all("SELECT id, name, active FROM webhook_hook WHERE workspace_id = ?1 ORDER BY id", params![recorded.workspace])?;
    let found = hooks.iter().find(|(id, name, _)| id.to_string() == named || name.trim().eq_ignore_ascii_case(named));
    let Some((hook, name, active)) = found else {
        let known: Vec<&str> = hooks.iter().map(|row| row.1.as_str()).collect();
        return Ok(Err(Problem::invalid("hook", format!("there is no webhook `{}`", clip(named, 60))).expected(if known.is_empty() { "a webhook that an administrator has registered".to_owned() } else { known.join(", ") })));
    };
    if !active {
        return Ok(Err(Problem::conflict("webhook.off", format!("the webhook `{}` is switched off", clip(name, 60))).expected("a webhook that is active")));
    }
    let body = json!({
        "type": FIRED, "at": recorded.at, "workspace": recorded.workspace, "position": recorded.position, "subject": wish.case_id.to_string(), "actor": recorded.actor()?,
        "data": { "case_id": wish.case_id, "rule": wish.chain.last(), "reason": wish.reason, "source": wish.source },
    });
    publish::enqueue(tx, recorded.workspace, *hook, FIRED, &body).map(Ok)
}
