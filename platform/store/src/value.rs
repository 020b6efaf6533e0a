//! Values at the border between Rust and the two databases.
//!
//! Ids are `Uuid` (BLOB / uuid), time is microseconds (INTEGER / bigint), JSON is TEXT / jsonb. There are no native
//! timestamp columns: that is where engines drift apart.

use serde::de::DeserializeOwned;
use shouwen_kernel::*;
use uuid::Uuid;

/// A value sent to or read from a database.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Int(i64),
    Real(f64),
    Bool(bool),
    Text(String),
    Bytes(Vec<u8>),
    Id(Uuid),
    /// JSON text.
    Json(String),
}

/// What can be a parameter.
pub trait ToValue {
    /// The value to send.
    fn to_value(&self) -> Value;
}

/// What can be read from a column.
pub trait FromValue: Sized {
    /// The value read, or a problem that names both types.
    fn from_value(value: &Value) -> Result<Self>;
}

/// Wraps anything serialisable as a JSON column.
pub struct Json<T>(pub T);

impl<T: serde::Serialize> ToValue for Json<T> {
    fn to_value(&self) -> Value {
        // Our own types always serialise; a map with non-text keys would be a mistake in the type itself.
        Value::Json(serde_json::to_string(&self.0).unwrap_or_else(|_| "null".to_owned()))
    }
}

impl<T: DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: &Value) -> Result<Self> {
        match value {
            Value::Json(text) | Value::Text(text) => serde_json::from_str(text)
                .map(Json)
                .map_err(|e| Problem::internal(format!("a JSON column does not hold what the program expects: {e}"))),
            other => Err(mismatch("JSON", other)),
        }
    }
}

fn mismatch(wanted: &str, found: &Value) -> Problem {
    let found = match found {
        Value::Null => "null",
        Value::Int(_) => "an integer",
        Value::Real(_) => "a real",
        Value::Bool(_) => "a boolean",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Id(_) => "an id",
        Value::Json(_) => "JSON",
    };
    Problem::internal(format!("a column holds {found} where {wanted} was expected"))
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}
impl FromValue for Value {
    fn from_value(value: &Value) -> Result<Self> {
        Ok(value.clone())
    }
}

macro_rules! plain {
    ($($ty:ty => |$s:ident| $to:expr, $wanted:literal, $($pattern:pat $(if $guard:expr)? => $from:expr),+;)*) => {$(
        impl ToValue for $ty { fn to_value(&self) -> Value { let $s = self; $to } }
        impl FromValue for $ty {
            fn from_value(value: &Value) -> Result<Self> {
                match value { $($pattern $(if $guard)? => Ok($from),)+ other => Err(mismatch($wanted, other)) }
            }
        }
    )*};
}

plain! {
    i64 => |s| Value::Int(*s), "an integer", Value::Int(v) => *v, Value::Bool(v) => i64::from(*v), Value::Real(v) => *v as i64;
    i32 => |s| Value::Int(i64::from(*s)), "an integer of 32 bits", Value::Int(v) if i32::try_from(*v).is_ok() => *v as i32;
    u32 => |s| Value::Int(i64::from(*s)), "a whole number of 32 bits", Value::Int(v) if u32::try_from(*v).is_ok() => *v as u32;
    u64 => |s| Value::Int(*s as i64), "a whole number", Value::Int(v) if *v >= 0 => *v as u64;
    usize => |s| Value::Int(*s as i64), "a whole number", Value::Int(v) if *v >= 0 => *v as usize;
    u8 => |s| Value::Int(i64::from(*s)), "a whole number of 8 bits", Value::Int(v) if u8::try_from(*v).is_ok() => *v as u8;
    f64 => |s| Value::Real(*s), "a real", Value::Real(v) => *v, Value::Int(v) => *v as f64;
    bool => |s| Value::Bool(*s), "a boolean", Value::Bool(v) => *v, Value::Int(v) => *v != 0;
    String => |s| Value::Text(s.clone()), "text", Value::Text(v) => v.clone(), Value::Json(v) => v.clone();
    Vec<u8> => |s| Value::Bytes(s.clone()), "bytes", Value::Bytes(v) => v.clone();
    Uuid => |s| Value::Id(*s), "an id", Value::Id(v) => *v, Value::Bytes(v) if v.len() == 16 => Uuid::from_slice(v).unwrap_or_default();
    Time => |s| Value::Int(s.micros()), "an instant", Value::Int(v) => Time::from_micros(*v);
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}
impl ToValue for [u8] {
    fn to_value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }
}
impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}
impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}
impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Result<Self> {
        if matches!(value, Value::Null) { Ok(None) } else { T::from_value(value).map(Some) }
    }
}
impl ToValue for serde_json::Value {
    fn to_value(&self) -> Value {
        Value::Json(self.to_string())
    }
}
impl FromValue for serde_json::Value {
    fn from_value(value: &Value) -> Result<Self> {
        Json::<serde_json::Value>::from_value(value).map(|json| json.0)
    }
}

macro_rules! ids {
    ($($ty:ty),*) => {$(
        impl ToValue for $ty { fn to_value(&self) -> Value { Value::Id(self.0) } }
        impl FromValue for $ty { fn from_value(value: &Value) -> Result<Self> { Uuid::from_value(value).map(Self) } }
    )*};
}
ids!(
    WorkspaceId, PersonId, OrgUnitId, TeamId, RoleId, SessionId, TokenId, CustomerId, IdentityId, InboxId, ConversationId, CaseId, MessageId,
    AttachmentId, DraftId, CannedId, ViewId, CalendarId, ServiceLevelId, SurveyId, WebhookId, OutboxId, NoticeId, JobId, ObjectId
);

/// One row of a result.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Column `index` (from 0) as `T`.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T> {
        let value = self.0.get(index).ok_or_else(|| Problem::internal(format!("a row has {} columns, number {index} was asked for", self.0.len())))?;
        T::from_value(value).map_err(|p| Problem::internal(format!("column {index}: {}", p.message)))
    }
}

/// What a whole row can become: a tuple of column types, or a single one.
pub trait FromRow: Sized {
    /// Reads the row.
    fn from_row(row: &Row) -> Result<Self>;
}

impl FromRow for Row {
    fn from_row(row: &Row) -> Result<Self> {
        Ok(row.clone())
    }
}

macro_rules! tuples {
    ($($($name:ident $index:tt),+;)*) => {$(
        impl<$($name: FromValue),+> FromRow for ($($name,)+) {
            fn from_row(row: &Row) -> Result<Self> { Ok(($(row.get::<$name>($index)?,)+)) }
        }
    )*};
}
tuples! {
    A 0;
    A 0, B 1;
    A 0, B 1, C 2;
    A 0, B 1, C 2, D 3;
    A 0, B 1, C 2, D 3, E 4;
    A 0, B 1, C 2, D 3, E 4, F 5;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10;
    A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11;
}

/// The parameters of a statement: `params![case_id, now, Json(tags)]`; `?1` is the first.
#[macro_export]
macro_rules! params {
    () => { &[] as &[$crate::Value] };
    ($($value:expr),+ $(,)?) => { &[$($crate::ToValue::to_value(&$value)),+] as &[$crate::Value] };
}
