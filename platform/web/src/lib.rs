//! HTTP, said once: the application handle, who is asking, problems as answers, commands with idempotency keys,
//! pages by keyset, the module every capability exports, and the router they make together.

mod answer;
mod app;
pub mod guard;
mod input;
mod metrics;
mod module;
mod pack;
mod page;
mod plain;
mod server;
mod shape;
mod viewer;

pub use answer::{Answer, Failure, request_id};
pub use app::{App, AppConfig, AppParts, Authenticator, Founding};
pub use input::{Id, Input, Params};
pub use metrics::Metrics;
pub use module::{Language, Module, PermissionInfo, Task};
pub use pack::{
    PACK_KEY_RULE, PackChange, PackDid, PackDoc, PackFault, PackFile, PackFiles, PackPart, PackText, is_pack_key, pack_decision, pack_fingerprint, pack_of_others, pack_path_fits, read_toml,
};
pub use page::{Page, PageParams, decode_cursor, encode_cursor, limit_of};
pub use plain::plain_page;
pub use server::{api_document, router};
pub use shape::{read_json, read_query};
pub use viewer::{Allowed, Client, Credentials, Once, SESSION_COOKIE, SignedIn, Viewer, session_cookie};

pub use axum;
pub use utoipa;
pub use utoipa_axum;
pub use utoipa_axum::{router::OpenApiRouter, routes};

/// Declares permissions: a marker type each, and `PERMISSIONS` for the module.
///
/// ```
/// shouwen_web::permissions! {
///     /// Read cases.
///     CaseRead = "case.read", "查看工单", "Read cases";
/// }
/// ```
#[macro_export]
macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $zh:literal, $en:literal;)*) => {
        $(
            $(#[$doc])*
            pub struct $name;
            impl shouwen_kernel::Permission for $name { const CODE: &'static str = $code; }
        )*
        /// Every permission declared here.
        pub const PERMISSIONS: &[$crate::PermissionInfo] = &[$($crate::PermissionInfo { code: $code, zh: $zh, en: $en }),*];
    };
}
