//! A server with the real authentication, and browsers that keep their cookie.

use std::cell::RefCell;
use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use serde_json::{Value as Json, json};
use shouwen_identity::{authenticate, module, setup_token};
use shouwen_store::params;
use shouwen_testkit::{Reply, TestApp};
use shouwen_web::{App, AppConfig, AppParts, Module, PermissionInfo};
use tower::ServiceExt;

pub const PASSWORD: &str = "rain on the tin roof at dawn";
pub const ADMIN: &str = "lin.admin@example.com";

pub fn modules() -> Vec<Module> {
    vec![module()]
}

/// Runs a test on both databases with the real authentication.
pub fn on_both(test: impl Fn(House)) {
    shouwen_testkit::on_both(modules, |t| test(House::new(t, "http://127.0.0.1:8080")));
}

pub struct House {
    pub t: TestApp,
    pub app: App,
    router: Router,
    runtime: tokio::runtime::Runtime,
}

impl House {
    pub fn new(t: TestApp, base_url: &str) -> Self {
        let config = AppConfig { base_url: base_url.into(), trusted_proxies: 0, data_dir: t.folder().to_owned(), allow_private_hosts: Vec::new() };
        let mut permissions: Vec<PermissionInfo> = t.app.permissions().to_vec();
        // Those of capabilities that are not in this test, so that roles have something to give.
        permissions.extend(["case.read", "case.reply", "customer.read", "insight.read", "audit.read"].map(|code| PermissionInfo { code, zh: code, en: code }));
        let app = App::new(AppParts { db: t.db.clone(), config, authenticate, permissions, pack_parts: Vec::new(), founding: Vec::new() });
        let router = shouwen_web::router(&app, modules(), axum::routing::any(|| async { StatusCode::NOT_FOUND }));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { t, app, router, runtime }
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { house: self, cookie: RefCell::new(None), ip: "192.0.2.10" }
    }

    /// Sets up; the administrator's browser. With `demo`, nobody must have a second factor.
    pub fn set_up(&self, demo: bool) -> Browser<'_> {
        let browser = self.browser();
        browser.post("/setup", self.setup_body(demo)).expect(201);
        browser
    }

    pub fn setup_body(&self, demo: bool) -> Json {
        let token = setup_token(&self.t.db).unwrap().expect("set-up is needed");
        json!({ "token": token, "organisation": "南山水务", "locale": "zh-CN", "time_zone": "Asia/Shanghai", "name": "林管", "email": ADMIN, "password": PASSWORD, "demo": demo })
    }

    /// Creates a person with these roles and accepts their invitation; their id and browser.
    pub fn hire(&self, admin: &Browser<'_>, email: &str, roles: Json, more: Json) -> (String, Browser<'_>) {
        let mut body = json!({ "name": email.split('@').next(), "email": email, "roles": roles });
        for (key, value) in more.as_object().cloned().unwrap_or_default() {
            body[key] = value;
        }
        let person = admin.post("/people", body).expect(201);
        let id = person["id"].as_str().unwrap().to_owned();
        let token = self.invitation(admin, &id);
        let browser = self.browser();
        browser.post("/invitation", json!({ "token": token, "password": PASSWORD })).expect(200);
        (id, browser)
    }

    /// A fresh invitation token for a person.
    pub fn invitation(&self, admin: &Browser<'_>, id: &str) -> String {
        let answer = admin.post(&format!("/people/{id}/invitation"), Json::Null).expect(201);
        answer["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned()
    }

    /// The id of a built-in role.
    pub fn role(&self, admin: &Browser<'_>, key: &str) -> String {
        let roles = admin.get("/roles").expect(200);
        roles["items"].as_array().unwrap().iter().find(|r| r["key"] == key).unwrap()["id"].as_str().unwrap().to_owned()
    }

    /// How many audit rows there are of an action.
    pub fn audited(&self, action: &'static str) -> i64 {
        self.t.db.read_blocking(move |tx| Ok(tx.one::<(i64,)>("SELECT count(*) FROM audit WHERE action = ?1", params![action])?.0)).unwrap()
    }

    pub fn send(&self, request: Request<Body>) -> Reply {
        let router = self.router.clone();
        self.runtime.block_on(async move {
            let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
            let bytes = axum::body::to_bytes(body, 16 * 1024 * 1024).await.unwrap();
            Reply { status: parts.status, headers: parts.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
        })
    }

    /// Sends the same request `times` times at once from strangers' browsers; the statuses, sorted.
    pub fn at_once(&self, times: usize, path: &str, body: &Json) -> Vec<u16> {
        self.runtime.block_on(async {
            let mut running = Vec::new();
            for i in 0..times {
                let mut request = Request::builder().method(Method::POST).uri(format!("/api/v1{path}")).header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
                request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([198, 18, 0, i as u8], 5000))));
                running.push(tokio::spawn(self.router.clone().oneshot(request)));
            }
            let mut statuses = Vec::new();
            for one in running {
                statuses.push(one.await.unwrap().unwrap().status().as_u16());
            }
            statuses.sort_unstable();
            statuses
        })
    }

    /// Runs async work beside requests.
    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }
}

/// A browser: keeps its session cookie, sends the headers browsers send.
pub struct Browser<'a> {
    pub house: &'a House,
    pub cookie: RefCell<Option<String>>,
    pub ip: &'static str,
}

impl Browser<'_> {
    pub fn token(&self) -> String {
        self.cookie.borrow().clone().expect("signed in")
    }
    pub fn send(&self, method: Method, path: &str, body: Json, headers: &[(&str, &str)]) -> Reply {
        let secure = self.house.app.config().is_secure();
        let name = if secure { "__Host-shouwen_session" } else { "shouwen_session" };
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}")).header("host", "127.0.0.1:8080");
        if let Some(token) = &*self.cookie.borrow() {
            request = request.header("cookie", format!("other=1; {name}={token}"));
        }
        if !headers.iter().any(|(name, _)| *name == "sec-fetch-site" || *name == "origin") {
            request = request.header("sec-fetch-site", "same-origin");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() {
            Body::empty()
        } else {
            request = request.header("content-type", "application/json");
            Body::from(body.to_string())
        };
        let mut request = request.body(body).unwrap();
        let address: SocketAddr = format!("{}:5000", self.ip).parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(address));
        let reply = self.house.send(request);
        if let Some(set) = reply.headers.get("set-cookie").and_then(|v| v.to_str().ok()) {
            let (pair, _) = set.split_once(';').unwrap();
            let (found, value) = pair.split_once('=').unwrap();
            assert_eq!(found, name);
            *self.cookie.borrow_mut() = (!value.is_empty()).then(|| value.to_owned());
        }
        reply
    }
    pub fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, Json::Null, &[])
    }
    pub fn post(&self, path: &str, body: Json) -> Reply {
        self.send(Method::POST, path, body, &[])
    }
    pub fn put(&self, path: &str, body: Json) -> Reply {
        self.send(Method::PUT, path, body, &[])
    }
    pub fn patch(&self, path: &str, body: Json) -> Reply {
        self.send(Method::PATCH, path, body, &[])
    }
    pub fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, Json::Null, &[])
    }
    pub fn sign_in(&self, email: &str, password: &str) -> Reply {
        self.post("/session", json!({ "email": email, "password": password }))
    }
    /// A request with an API token instead of the cookie.
    pub fn as_program(&self, token: &str, method: Method, path: &str, body: Json) -> Reply {
        let program = Browser { house: self.house, cookie: RefCell::new(None), ip: self.ip };
        program.send(method, path, body, &[("authorization", &format!("Bearer {token}"))])
    }
}
