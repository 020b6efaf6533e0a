//! The sanitiser: ammonia with our allow-list, then remote images taken out of `src`.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::scan::{Tag, Token, tokens};
use super::style;

/// Raised with every change of the rules, so that stored HTML can be cleaned again when it is older.
pub const RULES_VERSION: u32 = 1;

/// Class put on whatever a mail program uses to wrap quoted history; folding and display look for it.
pub const QUOTE_CLASS: &str = "mail-quote";

/// Sanitised HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleaned {
    pub html: String,
    /// Images that would have been loaded from elsewhere.
    pub remote_images: usize,
    /// Content-IDs the HTML shows.
    pub content_ids: Vec<String>,
}

const TAGS: [&str; 66] = [
    "a", "abbr", "acronym", "address", "article", "aside", "b", "bdi", "bdo", "big", "blockquote", "br", "caption", "center", "cite", "code", "col",
    "colgroup", "dd", "del", "details", "dfn", "div", "dl", "dt", "em", "figcaption", "figure", "font", "footer", "h1", "h2", "h3", "h4", "h5", "h6",
    "header", "hr", "i", "img", "ins", "kbd", "li", "main", "mark", "ol", "p", "pre", "q", "s", "samp", "section", "small", "span", "strike", "strong",
    "sub", "summary", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
];
const MORE_TAGS: [&str; 5] = ["tt", "u", "ul", "var", "wbr"];

/// Elements dropped together with what is in them.
const WITH_CONTENT: [&str; 16] = [
    "script", "style", "svg", "math", "iframe", "object", "embed", "applet", "noscript", "template", "title", "head", "xml", "audio", "video", "select",
];

/// Classes and ids by which mail programs mark quoted history.
const QUOTE_MARKS: [&str; 21] = [
    QUOTE_CLASS, "gmail_quote", "gmail_quote_container", "yahoo_quoted", "moz-cite-prefix", "moz-forward-container", "divrplyfwdmsg", "isreplycontent",
    "ntes-mailmaster-quote", "mail_quote", "protonmail_quote", "tutanota_quote", "zmail_extra", "zmail_extra_hr", "outlookmessageheader", "ms-outlook-mobile-reference-message",
    "includetail", "qqmail_quote", "appendonsend", "mailquote", "history-quote-wrapper",
];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut b = Builder::empty();
    let tags: HashSet<&str> = TAGS.into_iter().chain(MORE_TAGS).collect();
    let generic: HashSet<&str> = ["style", "dir", "lang", "title", "align", "valign", "bgcolor", "class", "id", "width", "height"].into_iter().collect();
    let mut attrs: HashMap<&str, HashSet<&str>> = HashMap::new();
    attrs.insert("a", ["href", "name"].into());
    attrs.insert("img", ["src", "alt", "data-remote-src", "border", "hspace", "vspace"].into());
    attrs.insert("font", ["color", "face", "size"].into());
    attrs.insert("table", ["border", "cellpadding", "cellspacing", "frame", "rules", "summary"].into());
    attrs.insert("td", ["colspan", "rowspan", "nowrap", "headers", "scope"].into());
    attrs.insert("th", ["colspan", "rowspan", "nowrap", "headers", "scope"].into());
    attrs.insert("col", ["span"].into());
    attrs.insert("colgroup", ["span"].into());
    attrs.insert("ol", ["start", "type", "reversed"].into());
    attrs.insert("ul", ["type"].into());
    attrs.insert("li", ["value", "type"].into());
    attrs.insert("blockquote", ["type", "cite"].into());
    attrs.insert("q", ["cite"].into());
    attrs.insert("details", ["open"].into());
    b.tags(tags)
        .clean_content_tags(WITH_CONTENT.into_iter().collect())
        .generic_attributes(generic)
        .tag_attributes(attrs)
        .url_schemes(["http", "https", "mailto", "tel", "sms", "cid", "ftp"].into_iter().collect())
        .url_relative(UrlRelative::Deny)
        .link_rel(Some("noopener noreferrer ugc"))
        .set_tag_attribute_value("a", "target", "_blank")
        .strip_comments(true)
        .attribute_filter(filter_attribute);
    b
});

fn is_remote(url: &str) -> bool {
    let u = url.trim_start();
    u.get(..7).is_some_and(|p| p.eq_ignore_ascii_case("http://")) || u.get(..8).is_some_and(|p| p.eq_ignore_ascii_case("https://"))
}

fn is_cid(url: &str) -> bool {
    url.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("cid:"))
}

fn filter_attribute<'v>(element: &str, attribute: &str, value: &'v str) -> Option<Cow<'v, str>> {
    match (element, attribute) {
        (_, "style") => style::filter(value).map(Cow::Owned),
        // Classes and ids mean nothing without a style sheet, except that they tell quoted history apart.
        (_, "class") => quote_mark(value).then_some(Cow::Borrowed(QUOTE_CLASS)),
        (_, "id") => quote_mark(value).then(|| Cow::Borrowed(value)),
        ("img", "src") => {
            let v = value.trim();
            (is_cid(v) || is_remote(v)).then(|| Cow::Owned(v.to_owned()))
        }
        ("img", "data-remote-src") => is_remote(value).then(|| Cow::Owned(value.trim().to_owned())),
        ("a", "href") => (!is_cid(value.trim())).then_some(Cow::Borrowed(value)),
        (_, "width" | "height" | "border" | "cellpadding" | "cellspacing" | "colspan" | "rowspan" | "span" | "hspace" | "vspace" | "start" | "value" | "size") => {
            let v = value.trim();
            let ok = !v.is_empty() && v.len() <= 8 && v.chars().all(|c| c.is_ascii_digit() || matches!(c, '%' | '.' | '+' | '-' | '*') || c.is_ascii_alphabetic());
            ok.then_some(Cow::Borrowed(value))
        }
        _ => Some(Cow::Borrowed(value)),
    }
}

fn quote_mark(value: &str) -> bool {
    value.split_ascii_whitespace().any(|c| {
        let low = c.to_ascii_lowercase();
        QUOTE_MARKS.contains(&low.as_str()) || low.starts_with("x_divrplyfwdmsg") || low.starts_with("x_gmail_quote") || low.starts_with("x_x_divrplyfwdmsg")
    })
}

/// Makes the HTML of a mail harmless. Idempotent: cleaning the result again changes nothing.
///
/// Allowed are text, tables, lists, links (opened apart, with `rel`) and `cid:` images; scripts, styles sheets, forms, frames and
/// anything that loads by itself is gone. Remote images keep their address in `data-remote-src` and are counted.
pub fn clean(html: &str) -> Cleaned {
    // Twice: dropping elements can make the parser see the remains differently (foster parenting in tables);
    // the second pass reaches the fixed point in practice, a third is taken where it does not.
    let html = limit_depth(html);
    let mut out = SANITISER.clean(&html).to_string();
    for _ in 0..3 {
        let again = SANITISER.clean(&out).to_string();
        if again == out {
            break;
        }
        out = again;
    }
    hold_images(&out)
}

/// Elements nested deeper than this lose their tags (not their text): the HTML parser looks through all open elements at every
/// tag, so that a megabyte of `<div>` would take minutes. Browsers cap at 512.
const MOST_DEPTH: usize = 300;

fn limit_depth(html: &str) -> Cow<'_, str> {
    // Elements whose end is implied do not pile up when left open.
    let counts = |name: &str| {
        let n = name.to_ascii_lowercase();
        !matches!(n.as_str(), "p" | "li" | "td" | "th" | "tr" | "dt" | "dd" | "tbody" | "thead" | "option" | "br" | "hr" | "img" | "wbr" | "col" | "input" | "meta" | "link" | "base" | "area" | "embed" | "source" | "html" | "head" | "body")
    };
    let mut depth = 0usize;
    let mut too_deep = false;
    for t in tokens(html) {
        match t {
            Token::Open(tag) if counts(tag.name) => depth += 1,
            Token::Close(name) if counts(name) => depth = depth.saturating_sub(1),
            _ => {}
        }
        too_deep |= depth > MOST_DEPTH;
    }
    if !too_deep {
        return Cow::Borrowed(html);
    }
    let mut out = String::with_capacity(html.len());
    let (mut depth, mut dropped) = (0usize, 0usize);
    for t in tokens(html) {
        match t {
            Token::Open(tag) if counts(tag.name) => {
                if depth >= MOST_DEPTH {
                    dropped += 1;
                } else {
                    depth += 1;
                    write_raw_tag(&mut out, &tag);
                }
            }
            Token::Open(tag) => write_raw_tag(&mut out, &tag),
            Token::Close(name) if counts(name) && dropped > 0 => dropped -= 1,
            Token::Close(name) => {
                if counts(name) {
                    depth = depth.saturating_sub(1);
                }
                out.push_str("</");
                out.push_str(name);
                out.push('>');
            }
            Token::Text(t) => out.push_str(t),
        }
    }
    Cow::Owned(out)
}

/// Writes a tag of unsanitised HTML again; the sanitiser still comes after it.
fn write_raw_tag(out: &mut String, tag: &Tag<'_>) {
    out.push('<');
    out.push_str(tag.name);
    for (n, v) in &tag.attrs {
        let v = v.trim_matches(['\'', '"']);
        out.push_str(&format!(" {n}=\"{}\"", v.replace('"', "&quot;")));
    }
    out.push('>');
}

/// Moves remote `src` into `data-remote-src`.
fn hold_images(html: &str) -> Cleaned {
    let mut out = Cleaned::default();
    out.html.reserve(html.len() + 64);
    for token in tokens(html) {
        match token {
            Token::Open(tag) if tag.name == "img" => {
                let src = tag.attr("src");
                if let Some(id) = src.filter(|s| is_cid(s)) {
                    let id = super::scan::unescape(&id[4..]);
                    let id = percent_decoded(&id);
                    if !out.content_ids.contains(&id) {
                        out.content_ids.push(id);
                    }
                }
                let held: Vec<(&str, &str)> = match src {
                    Some(s) if is_remote(s) => tag.attrs.iter().filter(|(n, _)| *n != "data-remote-src").map(|(n, v)| (if *n == "src" { "data-remote-src" } else { *n }, *v)).collect(),
                    _ => tag.attrs.clone(),
                };
                if held.iter().any(|(n, _)| *n == "data-remote-src") {
                    out.remote_images += 1;
                }
                write_tag(&mut out.html, &Tag { name: "img", attrs: held });
            }
            Token::Open(tag) => write_tag(&mut out.html, &tag),
            Token::Close(name) => {
                out.html.push_str("</");
                out.html.push_str(name);
                out.html.push('>');
            }
            Token::Text(t) => out.html.push_str(t),
        }
    }
    out
}

/// `cid:` URLs may be percent-encoded (RFC 2392).
pub(super) fn percent_decoded(s: &str) -> String {
    if !s.contains('%') {
        return s.to_owned();
    }
    let b = s.as_bytes();
    let mut out = Vec::with_capacity(b.len());
    let mut i = 0;
    while i < b.len() {
        let hex = |k: usize| b.get(k).and_then(|c| (*c as char).to_digit(16));
        if let (b'%', Some(h), Some(l)) = (b[i], hex(i + 1), hex(i + 2)) {
            out.push((h << 4 | l) as u8);
            i += 3;
        } else {
            out.push(b[i]);
            i += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| s.to_owned())
}

/// Writes a tag whose raw values are already escaped.
pub(super) fn write_tag(out: &mut String, tag: &Tag<'_>) {
    out.push('<');
    out.push_str(tag.name);
    for (n, v) in &tag.attrs {
        out.push(' ');
        out.push_str(n);
        out.push_str("=\"");
        out.push_str(v);
        out.push('"');
    }
    out.push('>');
}
