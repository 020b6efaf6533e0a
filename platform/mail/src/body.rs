//! Which parts are the body and which are attachments: the algorithm of RFC 8621 section 4.1.4, which mail clients agree on.

use crate::mime::tree::Part;

/// Leaves of the tree, sorted.
#[derive(Default)]
pub struct Chosen<'t, 'a> {
    /// Parts to be shown as text.
    pub text: Vec<&'t Part<'a>>,
    /// Parts to be shown as HTML.
    pub html: Vec<&'t Part<'a>>,
    /// Everything else, and inline media; with whether the parent was a multipart/related.
    pub attachments: Vec<(&'t Part<'a>, bool)>,
    /// Calendar parts, whether or not they are listed as attachments too.
    pub calendars: Vec<&'t Part<'a>>,
}

/// Walks the tree.
pub fn choose<'t, 'a>(root: &'t Part<'a>) -> Chosen<'t, 'a> {
    let mut out = Chosen::default();
    walk(std::slice::from_ref(root), "mixed", false, Some(Lists { text: true, html: true }), &mut out);
    out
}

#[derive(Clone, Copy)]
struct Lists {
    text: bool,
    html: bool,
}

fn is_media(p: &Part<'_>) -> bool {
    matches!(p.main_type(), "image" | "audio" | "video")
}

fn is_attached(p: &Part<'_>) -> bool {
    p.disposition.as_ref().is_some_and(|d| d.value == "attachment" || !matches!(d.value.as_str(), "" | "inline") && d.raw("filename").is_some())
}

/// The part of a multipart/related that is its text: named by `start`, else the first, else the first of the announced type.
fn related_root(p: &Part<'_>) -> usize {
    if let Some(start) = p.content_type.raw("start") {
        let id = start.trim_matches(['<', '>', ' ']);
        if let Some(i) = p.children.iter().position(|c| c.content_id().is_some_and(|c| c == id)) {
            return i;
        }
    }
    let shows = |c: &Part<'_>| c.main_type() == "text" || c.is_multipart();
    if p.children.first().is_some_and(shows) {
        return 0;
    }
    let wanted = p.content_type.raw("type").unwrap_or("").to_ascii_lowercase();
    p.children.iter().position(|c| shows(c) && (c.content_type.value == wanted || c.is("text/html") || c.is_multipart())).unwrap_or(0)
}

fn walk<'t, 'a>(parts: &'t [Part<'a>], parent: &str, in_alternative: bool, lists: Option<Lists>, out: &mut Chosen<'t, 'a>) {
    let (text_before, html_before) = (out.text.len(), out.html.len());
    let mut lists = lists.unwrap_or(Lists { text: false, html: false });
    for (i, p) in parts.iter().enumerate() {
        if p.is_multipart() {
            let sub = p.content_type.value.split('/').nth(1).unwrap_or("mixed").to_owned();
            // A signed or encrypted multipart is shown like a mixed one.
            let root = if sub == "related" { related_root(p) } else { 0 };
            if root > 0 {
                walk(std::slice::from_ref(&p.children[root]), &sub, in_alternative, Some(lists), out);
                for (k, c) in p.children.iter().enumerate() {
                    if k != root {
                        if c.is_multipart() {
                            walk(&c.children, "mixed", in_alternative, None, out);
                        } else {
                            out.attachments.push((c, true));
                        }
                    }
                }
                continue;
            }
            walk(&p.children, &sub, in_alternative || sub == "alternative", Some(lists), out);
            continue;
        }
        if p.is("text/calendar") {
            out.calendars.push(p);
        }
        let text_type = p.is("text/plain") || p.is("text/html");
        let named = p.content_type.raw("name").is_some() || p.content_type.raw("name*").is_some() || p.content_type.raw("name*0").is_some() || p.content_type.raw("name*0*").is_some() || p.disposition.as_ref().is_some_and(|d| d.raw("filename").is_some() || d.raw("filename*").is_some() || d.raw("filename*0*").is_some());
        let inline = !is_attached(p) && (text_type || is_media(p)) && (i == 0 || parent != "related" && (is_media(p) || !named));
        if !inline {
            out.attachments.push((p, parent == "related"));
            continue;
        }
        if parent == "alternative" {
            if p.is("text/plain") {
                push_if(lists.text, &mut out.text, p);
            } else if p.is("text/html") {
                push_if(lists.html, &mut out.html, p);
            } else {
                out.attachments.push((p, false));
            }
            continue;
        }
        if in_alternative {
            // text in the middle of an alternative's branch settles which of the two it belongs to
            if p.is("text/plain") {
                lists.html = false;
            } else if p.is("text/html") {
                lists.text = false;
            }
        }
        if is_media(p) {
            out.attachments.push((p, parent == "related"));
        } else {
            push_if(lists.text, &mut out.text, p);
            push_if(lists.html, &mut out.html, p);
        }
    }
    if parent == "alternative" {
        // Only one of the two was given: it serves for both.
        if out.text.len() == text_before && out.html.len() > html_before {
            let add: Vec<_> = out.html[html_before..].to_vec();
            out.text.extend(add);
        } else if out.html.len() == html_before && out.text.len() > text_before {
            let add: Vec<_> = out.text[text_before..].to_vec();
            out.html.extend(add);
        }
    }
}

fn push_if<'t, 'a>(yes: bool, list: &mut Vec<&'t Part<'a>>, p: &'t Part<'a>) {
    if yes {
        list.push(p);
    }
}
