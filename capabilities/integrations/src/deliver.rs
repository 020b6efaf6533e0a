//! Carries deliveries out: signed, to the address that was checked, without redirects, within ten seconds.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use shouwen_crypt::Keys;
use shouwen_kernel::{Kind, ObjectId, Problem, Result, Time, WebhookId};
use shouwen_store::{EffectHandler, EffectOutcome, OutboxItem, Tx, params};
use shouwen_web::App;

use crate::{guard, hooks, publish};

const PATIENCE: Duration = Duration::from_secs(10);
/// A receiver that fails for three days is switched off.
const GIVE_UP_S: i64 = 3 * 86_400;

/// The effect handlers of this module.
pub fn handlers(app: &App) -> Vec<EffectHandler> {
    let app = app.clone();
    vec![EffectHandler {
        kind: publish::OUTBOX,
        concurrency: 16,
        lease_s: 30,
        run: Arc::new(move |item| {
            let app = app.clone();
            Box::pin(async move { attempt(&app, &item).await.unwrap_or_else(|problem| outcome_of(&problem)) })
        }),
        settled,
    }]
}

fn outcome_of(problem: &Problem) -> EffectOutcome {
    match problem.kind {
        Kind::Forbidden | Kind::Invalid | Kind::NotFound => EffectOutcome::Dead { error: problem.to_string() },
        _ => EffectOutcome::Retry { error: problem.to_string(), after_s: None },
    }
}

struct Parcel {
    url: String,
    secret: String,
    body: String,
}

fn ids(item: &OutboxItem) -> Result<(ObjectId, WebhookId)> {
    Ok((serde_json::from_value(item.payload["delivery_id"].clone())?, serde_json::from_value(item.payload["hook_id"].clone())?))
}

fn parcel(tx: &Tx<'_>, delivery: ObjectId, hook: WebhookId) -> Result<Option<Parcel>> {
    let row: Option<(String, String, bool)> = tx.opt("SELECT url, secret, active FROM webhook_hook WHERE id = ?1", params![hook])?;
    let Some((url, sealed, true)) = row else { return Ok(None) };
    let Some((body,)) = tx.opt::<(String,)>("SELECT body FROM webhook_delivery WHERE id = ?1", params![delivery])? else { return Ok(None) };
    Ok(Some(Parcel { url, secret: tx.keys().open(hooks::SECRET, &sealed)?, body }))
}

/// `v1,<base64 of HMAC-SHA-256 over "id.timestamp.body">`, as Standard Webhooks has it.
pub fn signature(secret: &str, id: &str, timestamp: i64, body: &str) -> String {
    format!("v1,{}", STANDARD.encode(Keys::hmac(secret.as_bytes(), format!("{id}.{timestamp}.{body}").as_bytes())))
}

async fn attempt(app: &App, item: &OutboxItem) -> Result<EffectOutcome> {
    let (delivery, hook) = ids(item)?;
    let Some(parcel) = app.db().read(move |tx| parcel(tx, delivery, hook)).await? else {
        return Ok(EffectOutcome::Dead { error: "the webhook was removed or switched off".into() });
    };
    let url = guard::check_url(&parcel.url)?;
    let address = guard::resolve(&url, &app.config().allow_private_hosts).await?;
    let host = url.host_str().unwrap_or_default().to_owned();
    let client = reqwest::Client::builder()
        .resolve(&host, address)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .no_proxy()
        .build()
        .map_err(|e| Problem::internal(format!("no HTTP client: {e}")))?;
    let timestamp = app.clock().now().seconds();
    let id = delivery.to_string();
    let answer = client
        .post(url)
        .header("content-type", "application/json")
        .header("user-agent", concat!("Shouwen/", env!("CARGO_PKG_VERSION")))
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp.to_string())
        .header("webhook-signature", signature(&parcel.secret, &id, timestamp, &parcel.body))
        .body(parcel.body)
        .send()
        .await;
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(|s| format!(": {s}")).unwrap_or_default();
            return Ok(EffectOutcome::Retry { error: format!("no answer{}{cause}", if error.is_timeout() { " within 10 s" } else { "" }), after_s: None });
        }
    };
    let status = answer.status();
    // The first kilobytes tell an operator enough; the rest is not read.
    let mut said = Vec::new();
    while said.len() < 2048
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        said.extend_from_slice(&chunk);
    }
    let said = shouwen_kernel::text::clip(&String::from_utf8_lossy(&said), 500);
    if status.is_success() {
        return Ok(EffectOutcome::Done { detail: Some(format!("{} {said}", status.as_u16())) });
    }
    if status.as_u16() == 410 {
        return Ok(EffectOutcome::Dead { error: format!("410 {said}") });
    }
    let after_s = answer.headers().get("retry-after").and_then(|v| v.to_str().ok()?.parse().ok()).filter(|s| (1..=86_400).contains(s));
    Ok(EffectOutcome::Retry { error: format!("{} {said}", status.as_u16()), after_s })
}

/// Writes the delivery log, and switches a receiver off that has failed for days.
fn settled(tx: &Tx<'_>, item: &OutboxItem, outcome: &EffectOutcome, last: bool) -> Result<()> {
    let (delivery, hook) = ids(item)?;
    let (state, said) = match outcome {
        EffectOutcome::Done { detail } => ("delivered", detail.clone().unwrap_or_default()),
        EffectOutcome::Retry { error, .. } if !last => ("retrying", error.clone()),
        EffectOutcome::Retry { error, .. } | EffectOutcome::Dead { error } => ("failed", error.clone()),
    };
    let status: Option<i64> = said.split(' ').next().and_then(|word| word.parse().ok());
    tx.run(
        "UPDATE webhook_delivery SET state = ?2, attempts = ?3, status = ?4, answer = ?5, done_at = ?6 WHERE id = ?1",
        params![delivery, state, item.attempts + 1, status, said, tx.now()],
    )?;
    if state == "delivered" {
        tx.run("UPDATE webhook_hook SET failing_since = NULL, trouble = NULL WHERE id = ?1 AND failing_since IS NOT NULL", params![hook])?;
        return Ok(());
    }
    tx.run("UPDATE webhook_hook SET failing_since = coalesce(failing_since, ?2), trouble = ?3 WHERE id = ?1", params![hook, tx.now(), shouwen_kernel::text::clip(&said, 200)])?;
    let since: Option<(Option<Time>,)> = tx.opt("SELECT failing_since FROM webhook_hook WHERE id = ?1", params![hook])?;
    if since.and_then(|row| row.0).is_some_and(|since| tx.now().micros() - since.micros() > GIVE_UP_S * 1_000_000) {
        tx.run("UPDATE webhook_hook SET active = FALSE, trouble = ?2 WHERE id = ?1", params![hook, format!("switched off after failing for 3 days: {}", shouwen_kernel::text::clip(&said, 150))])?;
    }
    Ok(())
}
