//! HTML of strangers: nothing active survives, cleaning is idempotent, text stays readable.

mod common;

use common::message;
use shouwen_mail::html::{clean, html_to_text, rewrite_images};

fn c(s: &str) -> String {
    clean(s).html
}

#[test]
fn nothing_active_survives() {
    for bad in [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<a href=\"java\nscript:alert(1)\">x</a>",
        "<a href=\"data:text/html,<script>1</script>\">x</a>",
        "<svg onload=alert(1)><a xlink:href=javascript:1></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></table></mtext></math>",
        "<iframe src=http://evil.example></iframe><object data=x></object><embed src=x>",
        "<form action=http://evil.example><input name=p><button>x</button></form>",
        "<base href=http://evil.example><meta http-equiv=refresh content=0><link rel=stylesheet href=x>",
        "<style>@import url(http://evil.example)</style>",
        "<p style=\"background:url(http://evil.example/x)\">x</p>",
        "<p style=\"background-image:url(x);position:fixed;width:expression(alert(1))\">x</p>",
        "<p style=\"color:red;behavior:url(x)\">x</p>",
        "<p style=\"c\\6flor:red\">x</p>",
        "<table background=\"http://evil.example/x.gif\"><tr><td>x</table>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
        "<img srcset=\"http://evil.example/x 1x\">",
        "<img src=\"//evil.example/x\"><img src=\"/api/v1/x\"><img src=\"data:image/svg+xml,x\">",
        "<video src=http://evil.example/x poster=http://evil.example/y></video><audio src=x>",
        "<div style=\"margin-left:-9999px\">x</div><div style=\"position:absolute;top:0;z-index:9\">y</div>",
    ] {
        let out = c(bad);
        let low = out.to_lowercase();
        for word in ["<script", "onerror", "onload", "javascript:", "data:", "<svg", "<math", "<iframe", "<object", "<embed", "<form", "<input", "<base", "<meta", "<link", "<style", "url(", "expression", "position", "behavior", "background=", "srcset", "<video", "<audio", " src=\"h", " src=\"/", "-9999"] {
            assert!(!low.contains(word), "{bad}\n→ {out}\ncontains {word}");
        }
        assert_eq!(c(&out), out, "{bad}");
    }
}

#[test]
fn what_is_harmless_stays() {
    let out = c("<p style=\"COLOR: red; font-size: 12px\"><b>粗</b> <a href=\"https://example.com/?a=1&amp;b=2\">链接</a></p><table border=1 width=\"100%\"><tr><td colspan=2 bgcolor=\"#eee\">x</td></tr></table>");
    assert!(out.contains("style=\"color:red;font-size:12px\"") && out.contains("<b>粗</b>") && out.contains("href=\"https://example.com/?a=1&amp;b=2\""), "{out}");
    assert!(out.contains("rel=\"noopener noreferrer ugc\"") && out.contains("target=\"_blank\""), "{out}");
    assert!(out.contains("colspan=\"2\"") && out.contains("width=\"100%\""), "{out}");
}

#[test]
fn images_wait_until_allowed() {
    let r = clean("<img src=\"https://t.example/p.gif?u=1&amp;v=2\" width=1><img src=\"CID:a%40b\" alt=x><img src=http://t.example/2>");
    assert_eq!((r.remote_images, r.content_ids.as_slice()), (2, ["a@b".to_owned()].as_slice()));
    assert!(!r.html.contains(" src=\"http"), "{}", r.html);
    let held = rewrite_images(&r.html, &|id| (id == "a@b").then(|| "/f/1?x=\"&y".to_owned()), &|_| None);
    assert!(held.contains("src=\"/f/1?x=&quot;&amp;y\"") && held.contains("data-remote-src"), "{held}");
    let shown = rewrite_images(&r.html, &|_| None, &|u| Some(u.to_owned()));
    assert!(shown.contains("src=\"https://t.example/p.gif?u=1&amp;v=2\"") && shown.contains("cid:a%40b") || shown.contains("CID:a%40b"), "{shown}");
    assert!(!shown.contains("data-remote-src"), "{shown}");
}

#[test]
fn text_of_html() {
    let t = |h: &str| html_to_text(&c(h)).text;
    assert_eq!(t("<p>一</p><p>二<br>三</p>"), "一\n\n二\n三");
    assert_eq!(t("<div>a</div><div>b</div>"), "a\nb");
    assert_eq!(t("<div>a</div><div><br></div><div>b</div>"), "a\n\nb");
    assert_eq!(t("<ul><li>x</li><li>y</li></ul><ol start=3><li>z</li></ol>"), "- x\n- y\n\n3. z");
    assert_eq!(t("<a href=\"https://example.com/x\">here</a>, <a href=\"https://example.com/\">example.com</a>"), "here <https://example.com/x>, example.com");
    assert_eq!(t("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td><td>d</td></tr></table>"), "a | b\nc | d");
    assert_eq!(t("<blockquote>q<blockquote>r</blockquote></blockquote>s"), "> q\n> >\n> > r\n\ns");
    assert_eq!(t("<pre>a  b\n c</pre>"), "a  b\n c");
    assert_eq!(t("a<script>x</script><style>y</style><title>z</title>b"), "ab");
    assert_eq!(t("<div style=\"display:none\">preheader</div>hello &lt;world&gt; &amp; co"), "hello <world> & co");
    assert_eq!(t("x <img src=cid:1 alt=\"logo\">"), "x [logo]");
}

#[test]
fn html_only_replies_are_folded() {
    let reply = |html: &str| message(format!("Content-Type: text/html; charset=utf-8\n\n{html}").as_bytes()).mail.reply_text;
    assert_eq!(reply("<div>好的</div><div class=\"gmail_quote\"><div>客服 &lt;s@example.com&gt; 于2026年11月20日周五 写道：<br></div><blockquote class=\"gmail_quote\">原文</blockquote></div>"), "好的");
    assert_eq!(reply("<p>ok</p><blockquote type=\"cite\"><p>old</p></blockquote>"), "ok");
    assert_eq!(reply("<p>ok</p><hr><div id=\"divRplyFwdMsg\"><b>From:</b> A &lt;a@example.com&gt;<br><b>Sent:</b> Monday, November 23, 2026<br><b>To:</b> b<br><b>Subject:</b> x</div><div>old</div>"), "ok");
    assert_eq!(reply("<div>还是不行</div><div><includetail><div style=\"font-size: 12px\">------------------&nbsp;原始邮件&nbsp;------------------</div><div>发件人: x</div><div>旧</div></includetail></div>"), "还是不行");
    assert_eq!(reply("<div>收到</div><div id=\"isReplyContent\">旧文</div>"), "收到");
    // Answers between the quotes of one container stay.
    assert_eq!(reply("<div class=\"gmail_quote\">On Mon, Nov 23, 2026 at 1:00 PM A &lt;a@example.com&gt; wrote:<blockquote>q1</blockquote><div>a1</div><blockquote>q2</blockquote><div>a2</div></div>"), "a1\n\na2");
}
