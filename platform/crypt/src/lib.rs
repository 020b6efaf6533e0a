//! Sealed fields, blind indexes, signatures, secrets.
//!
//! One master key per version lies in `keys.toml` in the data directory (mode 0600), never in the database. From it
//! each use derives its own key with HMAC-SHA-256. Personal fields are sealed with XChaCha20-Poly1305 (random 24-byte
//! nonce); the text `s1.<key version>.<base64url(nonce ‖ ciphertext)>` names the suite and the key, so keys rotate
//! while old rows stay readable. Associated data binds a sealed value to the field it belongs to.

mod contact;
mod keys;
mod secret;

pub use contact::{ADDRESS_FIELD, AddressKind, mask_email, mask_phone, normal_email, normal_phone};
pub use keys::{KeyRing, Keys};
pub use secret::{constant_time_eq, hex, new_token, sha256, sha256_hex, unhex};
