//! At display time: `cid:` images get an address we serve, remote ones are let in if the reader allowed it.

use super::clean::{percent_decoded, write_tag};
use super::scan::{Tag, Token, escape, tokens, unescape};

/// Rewrites the images of sanitised HTML.
///
/// `cid` gives the address of the attachment with that Content-ID, or `None` (the image then stays unresolved).
/// `remote` gives the address to load a remote image from (its own, or a proxy's); `None` keeps it held back.
pub fn rewrite_images(html: &str, cid: &dyn Fn(&str) -> Option<String>, remote: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(html.len() + 128);
    for token in tokens(html) {
        match token {
            Token::Open(tag) if tag.name == "img" => {
                let mut attrs: Vec<(String, String)> = Vec::with_capacity(tag.attrs.len());
                for (n, v) in &tag.attrs {
                    let is_cid = v.get(..4).is_some_and(|p| p.eq_ignore_ascii_case("cid:"));
                    if *n == "src" && is_cid {
                        let id = percent_decoded(&unescape(&v[4..]));
                        let new = cid(&id).map_or_else(|| (*v).to_owned(), |u| escape(&u));
                        attrs.push(("src".into(), new));
                    } else if *n == "data-remote-src" {
                        match remote(&unescape(v)) {
                            Some(u) => attrs.push(("src".into(), escape(&u))),
                            None => attrs.push(((*n).into(), (*v).into())),
                        }
                    } else {
                        attrs.push(((*n).into(), (*v).into()));
                    }
                }
                let attrs = attrs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                write_tag(&mut out, &Tag { name: "img", attrs });
            }
            Token::Open(tag) => write_tag(&mut out, &tag),
            Token::Close(name) => {
                out.push_str("</");
                out.push_str(name);
                out.push('>');
            }
            Token::Text(t) => out.push_str(t),
        }
    }
    out
}
