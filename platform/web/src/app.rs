//! The application handle every handler gets.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use shouwen_kernel::{Clock, Ids, Problem, Result, Time};
use shouwen_store::{Ctx, Db, Remembered, Tx};
use tokio_util::sync::CancellationToken;

use crate::{Answer, Credentials, Metrics, Module, Once, PackPart, PermissionInfo, Viewer};

/// Finds who a credential belongs to; given by `identity`. `Ok(None)`: it is no (longer) valid.
pub type Authenticator = fn(&Tx<'_>, &Credentials) -> Result<Option<Viewer>>;

/// Prepares a new workspace (that of `Ctx`) within the transaction that sets it up.
pub type Founding = fn(&App, &Tx<'_>, &Ctx) -> Result<()>;

/// Settings of the web room.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// The address customers and staff reach us at, without a slash at the end (`https://desk.example.com`).
    pub base_url: String,
    /// Number of trusted proxies in front; that many entries of X-Forwarded-For are believed, from the right.
    pub trusted_proxies: usize,
    /// Where local things lie (search index, key file).
    pub data_dir: std::path::PathBuf,
    /// Hosts inside private networks that outbound calls (webhooks, mail) may reach although they are private.
    pub allow_private_hosts: Vec<String>,
}

impl AppConfig {
    /// Whether cookies are marked Secure.
    pub fn is_secure(&self) -> bool {
        self.base_url.starts_with("https://")
    }
}

/// What an [`App`] is made of.
pub struct AppParts {
    pub db: Db,
    pub config: AppConfig,
    pub authenticate: Authenticator,
    pub permissions: Vec<PermissionInfo>,
    /// Parts of packs, in the order they are installed.
    pub pack_parts: Vec<PackPart>,
    pub founding: Vec<Founding>,
}

impl AppParts {
    /// What `modules` bring along.
    pub fn of(db: Db, config: AppConfig, authenticate: Authenticator, modules: &[Module]) -> Self {
        Self {
            db,
            config,
            authenticate,
            permissions: modules.iter().flat_map(|m| m.permissions).copied().collect(),
            pack_parts: modules.iter().flat_map(|m| m.parts.clone()).collect(),
            founding: modules.iter().filter_map(|m| m.founding).collect(),
        }
    }
}

struct Inner {
    parts: AppParts,
    metrics: Metrics,
    stopping: CancellationToken,
    started_at: Time,
}

/// The application. Cheap to clone; the state of every route.
#[derive(Clone)]
pub struct App(Arc<Inner>);

impl App {
    pub fn new(parts: AppParts) -> Self {
        let started_at = parts.db.services().clock.now();
        Self(Arc::new(Inner { parts, metrics: Metrics::default(), stopping: CancellationToken::new(), started_at }))
    }
    /// The database.
    pub fn db(&self) -> &Db {
        &self.0.parts.db
    }
    pub fn config(&self) -> &AppConfig {
        &self.0.parts.config
    }
    pub fn clock(&self) -> &dyn Clock {
        &*self.0.parts.db.services().clock
    }
    pub fn ids(&self) -> &Ids {
        &self.0.parts.db.services().ids
    }
    pub fn keys(&self) -> &shouwen_crypt::Keys {
        &self.0.parts.db.services().keys
    }
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }
    /// Every permission of every module.
    pub fn permissions(&self) -> &[PermissionInfo] {
        &self.0.parts.permissions
    }
    /// Every part of packs of every module.
    pub fn pack_parts(&self) -> &[PackPart] {
        &self.0.parts.pack_parts
    }
    /// Prepares the new workspace of `ctx`; call it in the transaction that creates the workspace.
    pub fn found(&self, tx: &Tx<'_>, ctx: &Ctx) -> Result<()> {
        self.0.parts.founding.iter().try_for_each(|prepare| prepare(self, tx, ctx))
    }
    pub(crate) fn authenticate(&self) -> Authenticator {
        self.0.parts.authenticate
    }
    /// Who a credential belongs to now; `None` when it is no longer valid.
    pub async fn viewer_of(&self, credentials: Credentials) -> Result<Option<Viewer>> {
        let authenticate = self.authenticate();
        self.db().read(move |tx| authenticate(tx, &credentials)).await
    }
    /// Fires when the server is asked to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.0.stopping.clone()
    }
    pub fn started_at(&self) -> Time {
        self.0.started_at
    }

    /// Runs a command in one transaction and answers with its JSON. With an `Idempotency-Key`, the answer is stored in
    /// that transaction, and the same request gets the same answer for 72 hours.
    pub async fn command<T, F>(&self, once: Once, status: StatusCode, work: F) -> Answer<Response>
    where
        T: Serialize + Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (status, body) = self
            .db()
            .write(move |tx| {
                let Some(key) = &once.key else {
                    return Ok((status.as_u16(), serde_json::to_string(&work(tx)?)?));
                };
                if let Some(known) = tx.remembered(&once.principal, key, &once.hash)? {
                    return Ok((known.status, known.body));
                }
                let body = serde_json::to_string(&work(tx)?)?;
                tx.remember(&once.principal, key, &once.hash, &Remembered { status: status.as_u16(), body: body.clone() })?;
                Ok((status.as_u16(), body))
            })
            .await?;
        let status = StatusCode::from_u16(status).map_err(Problem::internal)?;
        if status == StatusCode::NO_CONTENT {
            return Ok(status.into_response());
        }
        Ok((status, [(axum::http::header::CONTENT_TYPE, "application/json")], body).into_response())
    }

    /// Runs a query in a snapshot and answers with its JSON.
    pub async fn query<T, F>(&self, work: F) -> Answer<axum::Json<T>>
    where
        T: Serialize + Send + 'static,
        F: Fn(&Tx<'_>) -> Result<T> + Send + 'static,
    {
        Ok(axum::Json(self.db().read(work).await?))
    }
}
