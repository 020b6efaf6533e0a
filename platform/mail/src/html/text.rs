//! Sanitised HTML to readable text: blocks, lists, tables, links; and plain text to HTML.

use std::ops::Range;

use super::clean::QUOTE_CLASS;
use super::scan::{Tag, Token, escape, tokens, unescape};

/// Text made from HTML.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    pub text: String,
    /// Stretches of `text` inside containers that mail programs use for quoted history.
    pub quotes: Vec<Range<usize>>,
}

/// What a horizontal rule becomes; Outlook writes the same line in plain text.
pub const RULE: &str = "________________________________";

struct Open<'a> {
    name: &'a str,
    /// Where a quote container began in the output.
    quote_from: Option<usize>,
    href: Option<(String, usize)>,
    hidden: bool,
    ordered: Option<u32>,
    quote_depth: bool,
    pre: bool,
}

#[derive(Default)]
struct Writer {
    out: String,
    /// Pending white space or line breaks, written before the next text.
    space: bool,
    breaks: usize,
    depth: usize,
    /// Position where the current line's text starts (after quote marks).
    line_start: usize,
}

impl Writer {
    fn line_empty(&self) -> bool {
        self.out.len() == self.line_start || self.out.is_empty()
    }

    /// At least `n` line breaks before what follows.
    fn block(&mut self, n: usize) {
        self.space = false;
        if !self.out.is_empty() {
            let need = if self.line_empty() { n.saturating_sub(1) } else { n };
            self.breaks = self.breaks.max(need);
        }
    }

    fn hard_break(&mut self) {
        self.space = false;
        if self.out.is_empty() {
            return;
        }
        self.breaks += 1;
    }

    fn before_text(&mut self) {
        if self.breaks > 0 || self.out.is_empty() {
            for _ in 0..self.breaks.min(3) {
                self.newline();
            }
            self.breaks = 0;
            if self.out.is_empty() {
                self.marks();
            }
        } else if self.space && !self.line_empty() && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.space = false;
    }

    fn newline(&mut self) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
        self.marks();
    }

    fn marks(&mut self) {
        for _ in 0..self.depth.min(20) {
            self.out.push_str("> ");
        }
        self.line_start = self.out.len();
    }

    fn text(&mut self, t: &str) {
        for (i, word) in t.split([' ', '\t', '\n', '\r']).enumerate() {
            if i > 0 {
                self.space = true;
            }
            if !word.is_empty() {
                self.before_text();
                self.out.push_str(word);
            }
        }
    }

    fn verbatim(&mut self, t: &str) {
        for (i, line) in t.split('\n').enumerate() {
            if i > 0 {
                self.hard_break();
            }
            let line = line.trim_end_matches('\r');
            if !line.is_empty() {
                self.before_text();
                self.out.push_str(line);
            }
        }
    }
}

fn is_void(name: &str) -> bool {
    matches!(name, "br" | "hr" | "img" | "wbr" | "col")
}

fn block_breaks(name: &str) -> Option<usize> {
    Some(match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "ul" | "ol" | "dl" | "pre" | "table" => 2,
        "div" | "li" | "tr" | "dt" | "dd" | "address" | "article" | "aside" | "section" | "header" | "footer" | "main" | "center" | "caption" | "figure" | "figcaption" | "details"
        | "summary" | "thead" | "tbody" | "tfoot" => 1,
        _ => return None,
    })
}

fn is_hidden(tag: &Tag<'_>) -> bool {
    tag.attr("style").is_some_and(|s| s.split(';').any(|d| d == "display:none"))
}

fn is_quote(tag: &Tag<'_>) -> bool {
    tag.attr("class") == Some(QUOTE_CLASS) || tag.attr("id").is_some()
}

/// Turns sanitised HTML into text.
pub fn html_to_text(html: &str) -> Rendered {
    let mut w = Writer::default();
    let mut quotes: Vec<Range<usize>> = Vec::new();
    let mut stack: Vec<Open<'_>> = Vec::new();
    let mut hidden = 0usize;
    let mut pre = 0usize;
    let mut cell_in_row = false;
    for token in tokens(html) {
        match token {
            Token::Text(t) if hidden == 0 => {
                let t = unescape(t).replace('\u{a0}', " ");
                let t: String = t.chars().filter(|c| !matches!(c, '\u{200b}' | '\u{feff}' | '\u{ad}' | '\u{34f}')).collect();
                if pre > 0 { w.verbatim(&t) } else { w.text(&t) }
            }
            Token::Text(_) => {}
            Token::Open(tag) if is_void(tag.name) => {
                if hidden > 0 || is_hidden(&tag) {
                    continue;
                }
                match tag.name {
                    "br" => w.hard_break(),
                    "hr" => {
                        w.block(1);
                        w.text(RULE);
                        w.block(1);
                    }
                    "img" => {
                        if let Some(alt) = tag.attr("alt").map(unescape).map(|a| a.trim().to_owned()).filter(|a| !a.is_empty()) {
                            w.text(&format!("[{alt}]"));
                        }
                    }
                    _ => {}
                }
            }
            Token::Open(tag) => {
                let mut open = Open { name: tag.name, quote_from: None, href: None, hidden: is_hidden(&tag), ordered: None, quote_depth: false, pre: false };
                hidden += usize::from(open.hidden);
                if hidden == 0 {
                    if let Some(n) = block_breaks(tag.name) {
                        w.block(n);
                    }
                    if is_quote(&tag) {
                        w.block(1);
                        open.quote_from = Some(w.out.len());
                    }
                    match tag.name {
                        "tr" => cell_in_row = false,
                        "td" | "th" => {
                            if cell_in_row && !w.line_empty() && w.breaks == 0 {
                                w.space = false;
                                w.out.push_str(" | ");
                            } else if cell_in_row {
                                w.block(1);
                            }
                            cell_in_row = true;
                        }
                        "ol" => open.ordered = Some(tag.attr("start").and_then(|s| s.parse().ok()).unwrap_or(1)),
                        "li" => {
                            let mark = match stack.iter_mut().rev().find(|o| matches!(o.name, "ol" | "ul")) {
                                Some(Open { ordered: Some(n), .. }) => {
                                    *n = n.saturating_add(1);
                                    format!("{}.", n.saturating_sub(1))
                                }
                                _ => "-".to_owned(),
                            };
                            w.text(&mark);
                            w.space = true;
                        }
                        "pre" => {
                            open.pre = true;
                            pre += 1;
                        }
                        "blockquote" => {
                            open.quote_depth = true;
                            w.depth += 1;
                        }
                        "a" => open.href = tag.attr("href").map(|h| (unescape(h), w.out.len())),
                        _ => {}
                    }
                }
                stack.push(open);
            }
            Token::Close(name) => {
                // Sanitised HTML is balanced; anything else is closed as far as it was opened.
                let Some(at) = stack.iter().rposition(|o| o.name == name) else { continue };
                while stack.len() > at {
                    let Some(open) = stack.pop() else { break };
                    close(open, &mut w, &mut hidden, &mut pre, &mut quotes);
                }
            }
        }
    }
    while let Some(open) = stack.pop() {
        close(open, &mut w, &mut hidden, &mut pre, &mut quotes);
    }
    let text = w.out.trim_end().to_owned();
    quotes.retain_mut(|q| {
        q.end = q.end.min(text.len());
        q.start < q.end
    });
    Rendered { text, quotes }
}

fn close(open: Open<'_>, w: &mut Writer, hidden: &mut usize, pre: &mut usize, quotes: &mut Vec<Range<usize>>) {
    let was_hidden = *hidden > 0;
    *hidden -= usize::from(open.hidden);
    if was_hidden {
        return;
    }
    if let Some((href, from)) = open.href {
        let shown = w.out.get(from..).unwrap_or("").trim().to_owned();
        if worth_showing(&href, &shown) {
            w.space = true;
            w.text(&format!("<{}>", href.trim()));
        }
    }
    *pre -= usize::from(open.pre);
    if open.quote_depth {
        w.depth = w.depth.saturating_sub(1);
        w.block(2);
    }
    if let Some(n) = block_breaks(open.name) {
        w.block(n);
    }
    if let Some(from) = open.quote_from {
        w.block(1);
        if from < w.out.len() {
            quotes.push(from..w.out.len());
        }
    }
}

/// A link's address is written out unless the text already says it.
fn worth_showing(href: &str, shown: &str) -> bool {
    let bare = |s: &str| {
        let s = s.trim().trim_end_matches('/');
        let s = s.strip_prefix("https://").or_else(|| s.strip_prefix("http://")).or_else(|| s.strip_prefix("mailto:")).or_else(|| s.strip_prefix("tel:")).unwrap_or(s);
        s.to_ascii_lowercase()
    };
    let h = bare(href);
    !h.is_empty() && !shown.is_empty() && h != bare(shown) && !href.starts_with('#') && href.len() <= 2_000 && !href.contains(char::is_whitespace)
}

/// Plain text as HTML, for mails that mix both: escaped, line breaks kept.
pub fn text_to_html(text: &str) -> String {
    let mut out = String::from("<div>");
    for (i, line) in text.trim_end().split('\n').enumerate() {
        if i > 0 {
            out.push_str("<br>");
        }
        out.push_str(&escape(line));
    }
    out.push_str("</div>");
    out
}
