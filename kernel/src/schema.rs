//! How the kernel's types look in the OpenAPI document.

use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::openapi::{RefOr, schema::SchemaType};

/// A string with a description and an example.
pub fn text(description: &str, example: &str) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).description(Some(description)).examples([serde_json::json!(example)]).into()
}
