//! Typed identifiers: UUIDv7 inside, `prefix_` + 26 Crockford characters outside (`cas_01kaj3…`).
//!
//! They sort by creation time, so the primary key is also a usable keyset cursor.

use std::sync::Mutex;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Clock, Problem, Time};

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// 26 lower-case Crockford base-32 characters of a 128-bit value.
pub fn encode_base32(value: u128) -> String {
    (0..26).map(|i| char::from(ALPHABET[((value >> ((25 - i) * 5)) & 31) as usize])).collect()
}

/// The value of 26 Crockford characters; `None` for another length, a foreign character or an overflow.
pub fn decode_base32(text: &str) -> Option<u128> {
    if text.len() != 26 {
        return None;
    }
    let mut value: u128 = 0;
    for (i, byte) in text.bytes().enumerate() {
        let digit = ALPHABET.iter().position(|c| *c == byte.to_ascii_lowercase())? as u128;
        if i == 0 && digit > 7 {
            return None;
        }
        value = (value << 5) | digit;
    }
    Some(value)
}

/// Makes ids from a clock and a random source, so that tests and simulations repeat exactly.
pub struct Ids {
    random: Box<dyn Fn(&mut [u8]) + Send + Sync>,
    last: Mutex<(i64, u16)>,
}

impl Ids {
    /// Ids from the operating system's random source.
    pub fn system() -> Self {
        Self::with_random(|buffer| {
            // Without randomness no id and no secret is safe; the process must not go on.
            getrandom::fill(buffer).expect("the operating system gives no random numbers")
        })
    }

    /// Ids from a given random source (tests: a seeded one).
    pub fn with_random(random: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self { random: Box::new(random), last: Mutex::new((0, 0)) }
    }

    /// A repeatable source for tests: SplitMix64 from `seed`.
    pub fn seeded(seed: u64) -> Self {
        let state = Mutex::new(seed);
        Self::with_random(move |buffer| {
            let mut s = state.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            for chunk in buffer.chunks_mut(8) {
                *s = s.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = *s;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                let bytes = (z ^ (z >> 31)).to_le_bytes();
                chunk.copy_from_slice(&bytes[..chunk.len()]);
            }
        })
    }

    /// A UUIDv7 for `at`, increasing within one process even inside a millisecond.
    pub fn uuid(&self, at: Time) -> Uuid {
        let mut random = [0u8; 10];
        (self.random)(&mut random);
        let mut last = self.last.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let millis = (at.micros() / 1000).max(0);
        // 12 bits after the milliseconds count within the millisecond; on overflow the millisecond is borrowed from the future.
        let (millis, count) = if millis > last.0 { (millis, u16::from(random[0])) } else if last.1 < 0xFFF { (last.0, last.1 + 1) } else { (last.0 + 1, 0) };
        *last = (millis, count);
        drop(last);
        let mut bytes = [0u8; 16];
        bytes[..6].copy_from_slice(&(millis as u64).to_be_bytes()[2..]);
        bytes[6] = 0x70 | (count >> 8) as u8;
        bytes[7] = (count & 0xFF) as u8;
        bytes[8] = 0x80 | (random[1] & 0x3F);
        bytes[9..].copy_from_slice(&random[2..9]);
        Uuid::from_bytes(bytes)
    }

    /// A new typed id at the clock's present time.
    pub fn next<T: From<Uuid>>(&self, clock: &dyn Clock) -> T {
        T::from(self.uuid(clock.now()))
    }

    /// `N` random bytes for secrets and tokens.
    pub fn secret<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        (self.random)(&mut bytes);
        bytes
    }
}

/// Declares typed ids: name, outside prefix, what it names.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the underscore in the outside form.
            pub const PREFIX: &'static str = $prefix;
            /// The id with all bits zero; sorts before every real one.
            pub const NIL: Self = Self(Uuid::nil());
        }
        impl From<Uuid> for $name {
            fn from(value: Uuid) -> Self { Self(value) }
        }
        impl From<$name> for Uuid {
            fn from(value: $name) -> Self { value.0 }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}_{}", $prefix, encode_base32(self.0.as_u128()))
            }
        }
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{self}") }
        }
        impl std::str::FromStr for $name {
            type Err = Problem;
            fn from_str(text: &str) -> Result<Self, Problem> {
                text.strip_prefix(concat!($prefix, "_"))
                    .and_then(decode_base32)
                    .map(|v| Self(Uuid::from_u128(v)))
                    .ok_or_else(|| Problem::invalid("id", format!("`{}` is not an id of this kind", crate::text::clip(text, 60)))
                        .expected(concat!("`", $prefix, "_` and 26 characters, as the API printed it")))
            }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                crate::schema::text(concat!("`", $prefix, "_` and 26 lower-case Crockford characters"), concat!($prefix, "_01kaj3sk3v7a0bq6m1x9y2z3w4"))
            }
        }
        impl utoipa::ToSchema for $name {}
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.collect_str(self) }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(d)?;
                text.parse().map_err(|p: Problem| serde::de::Error::custom(format!("{}; expected {}", p.message, p.expected.unwrap_or_default())))
            }
        }
    )*};
}

ids! {
    /// A tenant: brands and org units live inside it. Every row and event belongs to one.
    WorkspaceId = "wsp";
    /// A member of staff.
    PersonId = "per";
    /// A node of the organisation tree (region, branch, department).
    OrgUnitId = "org";
    /// A team or skill group that takes cases together.
    TeamId = "tea";
    /// A named set of permissions.
    RoleId = "rol";
    /// A signed-in browser.
    SessionId = "ses";
    /// An API token.
    TokenId = "tok";
    /// A customer: a person or an organisation we serve.
    CustomerId = "cus";
    /// One address of a customer on one channel.
    IdentityId = "idn";
    /// A configured way in (a mailbox, later a chat or a phone line).
    InboxId = "inb";
    /// A thread of messages with one customer on one channel.
    ConversationId = "con";
    /// One matter to bring to a verified end.
    CaseId = "cas";
    /// One utterance in or out, or an internal note.
    MessageId = "msg";
    /// A file that came or went with a message.
    AttachmentId = "att";
    /// A text an agent has begun and not sent.
    DraftId = "dra";
    /// A prepared answer.
    CannedId = "can";
    /// A saved list of cases.
    ViewId = "vie";
    /// A working calendar.
    CalendarId = "cal";
    /// A service level: targets for cases of some kind.
    ServiceLevelId = "slv";
    /// A question about satisfaction put to one customer about one case.
    SurveyId = "sur";
    /// An address that is told of events.
    WebhookId = "whk";
    /// A review of a solution, or an approval of an amount.
    ReviewId = "rvw";
    /// The file of a customer who is dissatisfied.
    CareFileId = "dsf";
    /// An early warning.
    WarningId = "wrn";
    /// A daily or weekly bulletin.
    BulletinId = "bul";
    /// One effect that must leave the house.
    OutboxId = "out";
    /// A notice to one person.
    NoticeId = "not";
    /// A job that reports progress (bulk change, import, export).
    JobId = "job";
    /// Anything else that needs an id of its own.
    ObjectId = "obj";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_sorts_like_time() {
        let ids = Ids::seeded(7);
        let early = CaseId(ids.uuid(Time::from_micros(1_700_000_000_000_000)));
        let late = CaseId(ids.uuid(Time::from_micros(1_800_000_000_000_000)));
        assert_eq!(early.to_string().parse::<CaseId>().unwrap(), early);
        assert!(early < late && early.to_string() < late.to_string());
        assert!("cus_".parse::<CaseId>().is_err());
        assert!("cas_zzzzzzzzzzzzzzzzzzzzzzzzzz".parse::<CaseId>().is_err());
    }

    #[test]
    fn ids_within_one_millisecond_still_increase() {
        let ids = Ids::seeded(1);
        let at = Time::from_micros(1_700_000_000_000_000);
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.uuid(at)).collect();
        assert!(made.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
