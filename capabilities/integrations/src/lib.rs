//! For other programs: signed webhooks with a delivery log and replay, and the outbox as operators see it.

mod deliver;
mod deliveries;
mod guard;
mod hooks;
mod on_wish;
mod outbox;
mod publish;

use shouwen_store::{Migration, Subscription};
use shouwen_web::{Module, OpenApiRouter, permissions, routes};

permissions! {
    /// Create and edit webhooks.
    WebhookManage = "webhook.manage", "管理 Webhook", "Manage webhooks";
    /// See and retry what leaves the house.
    OutboxManage = "outbox.manage", "管理发件箱队列", "Manage the outbox";
}

/// The capability.
pub fn module() -> Module {
    Module {
        migrations: &[
            Migration { capability: "integrations", version: 1, sql: include_str!("../migrations/0001_webhook.sql") },
            Migration { capability: "integrations", version: 2, sql: include_str!("../migrations/0002_rules.sql") },
        ],
        routes: OpenApiRouter::new()
            .routes(routes!(hooks::list, hooks::create))
            .routes(routes!(hooks::edit, hooks::remove))
            .routes(routes!(hooks::test))
            .routes(routes!(deliveries::list))
            .routes(routes!(deliveries::replay))
            .routes(routes!(outbox::list))
            .routes(routes!(outbox::retry)),
        permissions: PERMISSIONS,
        subscriptions: vec![
            Subscription { name: "integrations.webhooks", version: 1, reset: None, kinds: &[], handle: publish::handle },
            Subscription { name: "integrations.wishes", version: 1, reset: None, kinds: on_wish::KINDS, handle: on_wish::handle },
        ],
        effects: deliver::handlers,
        ..Module::new("integrations")
    }
}
