//! The events of every capability, and nothing else.
//!
//! Each `events.rs` lives in the folder of the capability that emits it and is compiled here by path, so that others
//! can react to it without importing the capability. Events are past tense, small, and carry no personal data in the
//! clear: addresses travel sealed, message bodies by blob reference.

/// What the log needs to know of a family of events.
pub trait Event: Clone + Send + Sync + 'static {
    /// Every kind of the family, e.g. `case.opened`.
    const KINDS: &'static [&'static str];
    /// The kind of this one.
    fn kind(&self) -> &'static str;
    /// The payload as JSON.
    fn payload(&self) -> serde_json::Result<serde_json::Value>;
    /// Reads one back; `None` when the kind belongs to another family.
    fn from_parts(kind: &str, payload: serde_json::Value) -> Option<serde_json::Result<Self>>;
    /// The payload as JSON text.
    fn text(&self) -> serde_json::Result<String> {
        serde_json::to_string(&self.payload()?)
    }
    /// Reads one back from text; `None` when the kind belongs to another family.
    fn from_text(kind: &str, payload: &str) -> Option<serde_json::Result<Self>> {
        match serde_json::from_str(payload) {
            Ok(payload) => Self::from_parts(kind, payload),
            Err(error) => Some(Err(error)),
        }
    }
}

/// Declares a family: `"kind.name" => Variant { field: Type, … }`.
macro_rules! events {
    ($(#[$doc:meta])* pub enum $family:ident { $($(#[$vdoc:meta])* $kind:literal => $variant:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? }),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $family { $($(#[$vdoc])* $variant($variant)),* }
        $(
            $(#[$vdoc])*
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
            pub struct $variant { $($(#[$fdoc])* pub $field: $ty),* }
            impl From<$variant> for $family { fn from(event: $variant) -> Self { Self::$variant(event) } }
        )*
        impl crate::Event for $family {
            const KINDS: &'static [&'static str] = &[$($kind),*];
            fn kind(&self) -> &'static str { match self { $(Self::$variant(_) => $kind),* } }
            fn payload(&self) -> serde_json::Result<serde_json::Value> {
                match self { $(Self::$variant(event) => serde_json::to_value(event)),* }
            }
            fn from_parts(kind: &str, payload: serde_json::Value) -> Option<serde_json::Result<Self>> {
                match kind { $($kind => Some(serde_json::from_value(payload).map(Self::$variant)),)* _ => None }
            }
            fn text(&self) -> serde_json::Result<String> {
                match self { $(Self::$variant(event) => serde_json::to_string(event)),* }
            }
            fn from_text(kind: &str, payload: &str) -> Option<serde_json::Result<Self>> {
                match kind { $($kind => Some(serde_json::from_str(payload).map(Self::$variant)),)* _ => None }
            }
        }
    };
}

/// Sealed personal text as `crypt` prints it; opened only where it is shown or used.
pub type Sealed = String;

#[path = "../../channels/events.rs"]
pub mod channel;
#[path = "../../capabilities/identity/events.rs"]
pub mod identity;
#[path = "../../capabilities/customers/events.rs"]
pub mod customers;
#[path = "../../capabilities/casework/events.rs"]
pub mod casework;
#[path = "../../capabilities/service_levels/events.rs"]
pub mod service_levels;
#[path = "../../capabilities/packs/events.rs"]
pub mod packs;
#[path = "../../capabilities/routing/events.rs"]
pub mod routing;
#[path = "../../capabilities/reviews/events.rs"]
pub mod reviews;
#[path = "../../capabilities/complaints/events.rs"]
pub mod complaints;
#[path = "../../capabilities/warnings/events.rs"]
pub mod warnings;
#[path = "../../capabilities/voice/events.rs"]
pub mod voice;

pub mod message;
pub mod wish;
