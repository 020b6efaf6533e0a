//! HTML of mails: made harmless, turned into text, its images let in when allowed.

pub mod clean;
pub mod images;
pub mod rough;
pub mod scan;
pub mod style;
pub mod text;

pub use clean::{Cleaned, RULES_VERSION, clean};
pub use images::rewrite_images;
pub use text::{html_to_text, text_to_html};
