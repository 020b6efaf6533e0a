//! The beginning of HTML that is too large to be sanitised, as text: one pass over the source, no tree, no promise of beauty.

use super::scan::unescape;

/// Elements whose content is no text of the mail.
const SILENT: [&str; 6] = ["script", "style", "head", "title", "template", "noscript"];

/// At most `most` characters of what the HTML says, and whether that is not all of it.
pub fn beginning(html: &str, most: usize) -> (String, bool) {
    let mut out = Out { text: String::new(), characters: 0, gap: Gap::None };
    let mut rest = html;
    // Elements that are opened and never closed: searching for their end again and again would take quadratic time.
    let mut endless: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        if out.characters >= most {
            return (out.text, true);
        }
        let Some(tag) = rest.strip_prefix('<') else {
            let end = rest.find('<').unwrap_or(rest.len());
            out.say(&unescape(&rest[..end]));
            rest = &rest[end..];
            continue;
        };
        if let Some(comment) = tag.strip_prefix("!--") {
            rest = comment.find("-->").map_or("", |at| &comment[at + 3..]);
            continue;
        }
        let (closes, named) = tag.strip_prefix('/').map_or((false, tag), |t| (true, t));
        let first = named.chars().next().unwrap_or(' ');
        if !first.is_ascii_alphabetic() && !matches!(first, '!' | '?') {
            out.say("<");
            rest = tag;
            continue;
        }
        let name = named[..named.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(named.len())].to_ascii_lowercase();
        let after = &tag[end_of_tag(tag)..];
        match name.as_str() {
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "table" | "ul" | "ol" | "pre" | "hr" => out.gap = out.gap.max(Gap::Paragraph),
            "br" | "div" | "li" | "tr" | "dt" | "dd" | "section" | "article" | "header" | "footer" | "center" | "tbody" | "body" => out.gap = out.gap.max(Gap::Line),
            "td" | "th" => out.gap = out.gap.max(Gap::Space),
            _ => {}
        }
        rest = after;
        if !closes && let Some(silent) = SILENT.iter().find(|s| **s == name && !endless.contains(*s)) {
            match close_of(after, silent) {
                Some(at) => rest = &after[at..],
                None => endless.push(silent),
            }
        }
    }
    if out.characters > most {
        let at = out.text.char_indices().nth(most).map_or(out.text.len(), |(at, _)| at);
        out.text.truncate(at);
        return (out.text, true);
    }
    (out.text, false)
}

/// Offset behind the `>` that ends a tag; one inside quotes does not, unless the quotes are never closed.
fn end_of_tag(tag: &str) -> usize {
    let mut quote = None;
    // A tag longer than this is none.
    for (at, byte) in tag.bytes().enumerate().take(64 << 10) {
        match (byte, quote) {
            (b'>', None) => return at + 1,
            (b'"' | b'\'', None) => quote = Some(byte),
            (b, Some(q)) if b == q => quote = None,
            _ => {}
        }
    }
    tag.find('>').map_or(tag.len(), |at| at + 1)
}

/// Offset of `</name` whatever its letter case.
fn close_of(html: &str, name: &str) -> Option<usize> {
    let bytes = html.as_bytes();
    let mut from = 0;
    while let Some(at) = html[from..].find("</").map(|at| from + at) {
        if bytes.get(at + 2..at + 2 + name.len()).is_some_and(|n| n.eq_ignore_ascii_case(name.as_bytes())) {
            return Some(at);
        }
        from = at + 2;
    }
    None
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Gap {
    None,
    Space,
    Line,
    Paragraph,
}

struct Out {
    text: String,
    characters: usize,
    /// What stands between the text so far and the next word.
    gap: Gap,
}

impl Out {
    fn say(&mut self, text: &str) {
        for c in text.chars() {
            if c.is_whitespace() {
                self.gap = self.gap.max(Gap::Space);
                continue;
            }
            if c.is_control() || matches!(c, '\u{200b}' | '\u{feff}' | '\u{ad}' | '\u{34f}') {
                continue;
            }
            if !self.text.is_empty() {
                let between = match self.gap {
                    Gap::None => "",
                    Gap::Space => " ",
                    Gap::Line => "\n",
                    Gap::Paragraph => "\n\n",
                };
                self.text.push_str(between);
                self.characters += between.len();
            }
            self.gap = Gap::None;
            self.text.push(c);
            self.characters += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::beginning;

    #[test]
    fn what_the_html_says_without_what_it_does() {
        let html = "<!DOCTYPE html><HTML><Head><title>t</title><style>p{a:b}</style></HEAD><body><!-- no <p> -->\n<P class='a>b'>您好&nbsp;&amp; 再见</P><script>alert('<p>')</script><table><tr><td>a</td><td>b</td></tr></table>1 < 2<br>x</body>";
        assert_eq!(beginning(html, 1000), ("您好 & 再见\n\na b\n\n1 < 2\nx".to_owned(), false));
        assert_eq!(beginning("<style>p{}<p>never closed", 10), ("p{}\n\nnever".to_owned(), true));
    }

    #[test]
    fn it_ends_at_the_limit_and_takes_linear_time_on_rubbish() {
        let (text, cut) = beginning(&"<p>字</p>".repeat(100_000), 200);
        assert!(cut && text.chars().count() >= 200 && text.chars().count() < 210);
        for rubbish in ["<style>", "<!--", "<p \"", "</", "<", "<a'>", "&"] {
            let begun = std::time::Instant::now();
            beginning(&rubbish.repeat(50_000), usize::MAX);
            assert!(begun.elapsed().as_secs() < 180, "{rubbish}");
        }
    }
}
