//! An opened installation whose clock may be moved, with everything a server does in the background done by hand:
//! events digested, timers fired, mail "sent" without a network. Requests go through the real router.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::Value as Json;
use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound};
use shouwen_kernel::{Clock, Ids, Problem, Result};
use shouwen_store::{Blobs, Db, EffectHandler, EffectOutcome, Park, Services, Subscription, TimerHandler};
use shouwen_web::{App, AppConfig, AppParts};
use tower::ServiceExt;

use crate::config::Config;
use crate::instance::{self, Instance};
use crate::modules;

/// The installation.
pub struct House {
    pub db: Db,
    pub app: App,
    pub router: axum::Router,
    pub runtime: tokio::runtime::Runtime,
    pub subscriptions: Vec<Subscription>,
    timers: Vec<TimerHandler>,
    mail: Vec<EffectHandler>,
    /// Holds the lock of the data folder.
    instance: Instance,
}

impl House {
    /// Opens the data of `config` for this process alone, brings the schema up to date, and lets `clock` tell the time.
    pub fn open(config: Config, clock: Arc<dyn Clock>) -> Result<Self> {
        // Outbound handlers are built below, and those with TLS ask which cryptography to use.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let instance = instance::open_ready(config, true)?;
        let keys = instance.db.services().keys.clone();
        instance.db.close();
        let config = &instance.config;
        let services = Services { clock, ids: Arc::new(Ids::system()), keys, blobs: Blobs::at(&config.data.join("blobs"))? };
        let db = Db::open(&instance::location(config), services)?;
        let app_config = AppConfig { base_url: config.base_url.clone(), trusted_proxies: 0, data_dir: config.data.clone(), allow_private_hosts: Vec::new() };
        let app = App::new(AppParts::of(db.clone(), app_config, shouwen_identity::authenticate, &modules::all()));
        let router = shouwen_web::router(&app, modules::all(), axum::routing::any(|| async { axum::http::StatusCode::NOT_FOUND }));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(|e| Problem::internal(format!("cannot start the runtime: {e}")))?;
        let entered = runtime.enter();
        let mail = modules::all().iter().flat_map(|m| (m.effects)(&app)).filter(|h| h.kind == EMAIL_OUTBOX).collect();
        drop(entered);
        let subscriptions = modules::all().into_iter().flat_map(|m| m.subscriptions).collect();
        let timers = modules::all().into_iter().flat_map(|m| m.timers).collect();
        Ok(Self { db, app, router, runtime, subscriptions, timers, mail, instance })
    }

    /// The settings it was opened with.
    pub fn config(&self) -> &Config {
        &self.instance.config
    }

    /// Everything the background would do by now: due timers, outgoing mail noted as sent, events digested. Answers the
    /// texts of automatic mails that "left" (they hold the links customers answer by).
    pub fn turn(&self) -> Result<Vec<String>> {
        let mut left = Vec::new();
        loop {
            let (timers, mail, subscriptions) = (self.timers.clone(), self.mail.clone(), self.subscriptions.clone());
            let (did, texts) = self.db.write_blocking(move |tx| {
                let (mut total, mut texts) = (0, Vec::new());
                loop {
                    let mut did = tx.fire_timers(&timers, 500)?;
                    for handler in &mail {
                        for item in tx.claim_effects(handler.kind, 500, 60)? {
                            did += 1;
                            if let Ok(outbound) = serde_json::from_value::<Outbound>(item.payload.clone())
                                && outbound.automatic
                            {
                                texts.push(outbound.text);
                            }
                            tx.settle_effect(handler, &item, &EffectOutcome::Done { detail: Some("simulated".to_owned()) })?;
                        }
                    }
                    for subscription in &subscriptions {
                        did += subscription.step(tx, Park::No)?;
                    }
                    total += did;
                    if did == 0 {
                        return Ok((total, texts));
                    }
                }
            })?;
            left.extend(texts);
            if did == 0 {
                return Ok(left);
            }
        }
    }

    /// One request as the holder of `token`, answered with JSON.
    ///
    /// # Errors
    /// An answer of 4xx or 5xx.
    pub fn ask(&self, token: &str, method: Method, path: &str, body: Json) -> Result<Json> {
        self.runtime.block_on(ask(self.router.clone(), token, method, path, body))
    }

    /// Finishes and closes.
    pub fn close(self) {
        self.runtime.shutdown_timeout(std::time::Duration::from_secs(2));
        self.db.close();
    }
}

/// One request through the router.
pub async fn ask(router: axum::Router, token: &str, method: Method, path: &str, body: Json) -> Result<Json> {
    let mut request = Request::builder().method(method.clone()).uri(format!("/api/v1{path}"));
    if !token.is_empty() {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body.to_string())
    };
    let text = raw(router, request.body(body).map_err(Problem::internal)?, &format!("{method} {path}")).await?;
    if text.is_empty() { Ok(Json::Null) } else { Ok(serde_json::from_slice(&text)?) }
}

/// A request made by hand; the bytes of its answer.
pub async fn raw(router: axum::Router, request: Request<Body>, line: &str) -> Result<Vec<u8>> {
    let response = router.oneshot(request).await.map_err(Problem::internal)?;
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, 64 << 20).await.map_err(Problem::internal)?;
    if parts.status.is_success() {
        return Ok(bytes.to_vec());
    }
    Err(Problem::internal(format!("{line} answered {}: {}", parts.status, String::from_utf8_lossy(&bytes))))
}
