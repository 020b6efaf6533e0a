//! What a capability or channel exports. The binary is a list of these.

use std::future::Future;
use std::pin::Pin;

use shouwen_store::{BlobUse, EffectHandler, Migration, Subscription, TimerHandler};
use utoipa_axum::router::OpenApiRouter;

use crate::{App, Founding, PackPart};

/// A permission as roles and documents show it.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct PermissionInfo {
    pub code: &'static str,
    pub zh: &'static str,
    pub en: &'static str,
}

/// A name in both languages.
#[derive(Clone, Copy, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Language {
    pub zh: &'static str,
    pub en: &'static str,
}

/// Work that runs as long as the server does (pollers, sealers). It must end soon after `app.stopping()` fires.
pub type Task = fn(App) -> Pin<Box<dyn Future<Output = ()> + Send>>;

/// A capability or channel.
pub struct Module {
    pub name: &'static str,
    pub migrations: &'static [Migration],
    /// Routes under `/api/v1`, documented.
    pub routes: OpenApiRouter<App>,
    /// Routes outside the API (public pages), from the root.
    pub pages: axum::Router<App>,
    pub permissions: &'static [PermissionInfo],
    pub subscriptions: Vec<Subscription>,
    pub timers: Vec<TimerHandler>,
    pub effects: fn(&App) -> Vec<EffectHandler>,
    pub tasks: Vec<Task>,
    /// Every column that names blobs: what stands in none of them and in no event is collected.
    pub blobs: &'static [BlobUse],
    /// Its parts of packs.
    pub parts: Vec<PackPart>,
    /// What a new workspace needs of it before anybody works there; runs in the transaction that sets it up.
    pub founding: Option<Founding>,
}

impl Module {
    /// A module with nothing in it; fill in what it has.
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            migrations: &[],
            routes: OpenApiRouter::new(),
            pages: axum::Router::new(),
            permissions: &[],
            subscriptions: Vec::new(),
            timers: Vec::new(),
            effects: |_| Vec::new(),
            tasks: Vec::new(),
            blobs: &[],
            parts: Vec::new(),
            founding: None,
        }
    }
}
