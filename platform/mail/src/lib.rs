//! Mail as bytes: read, made harmless, understood, written. Pure functions; no network, no database, no clock.
//!
//! - [`parse`] turns any bytes into a [`Message`] or a [`Quarantine`]; [`parse_bounded`] does so within a time.
//! - [`html`] sanitises and shows HTML; [`quote`] folds history and signatures; [`auto`] tells machines from people.
//! - [`token`] proves threads; [`compose`] writes mails; [`source`] reads mail files; [`cli`] is `shouwen mail inspect`.

mod address;
mod attach;
pub mod auto;
mod body;
mod bounded;
pub mod calendar;
pub mod charset;
pub mod cli;
pub mod compose;
pub mod dates;
mod dsn;
pub mod html;
pub mod mime;
mod model;
mod params;
mod parse;
pub mod quote;
mod rtf;
pub mod source;
pub mod tnef;
pub mod token;
mod words;

pub use bounded::parse_bounded;
pub use compose::{Automatic, Outgoing, OutgoingFile, compose};
pub use html::rewrite_images;
pub use model::{Address, Attachment, AttachmentData, Dsn, Fold, FoldKind, Invite, Limits, Mail, Message, Parsed, Quarantine};
pub use parse::parse;
pub use source::{Entry, MailSource, Resume};
pub use token::{Token, find_token, make_token};
