//! Which part of a text is the answer.

mod common;

use common::{fixture, reply};
use shouwen_mail::FoldKind;
use shouwen_mail::quote::fold;

/// Fixture and the answer in it; `None`: the filler paragraph at its start, `Some("*")`: all of it.
const DECIDED: [(&str, Option<&str>); 22] = [
    ("email_7", None),
    ("email_8", None),
    ("email_9", None),
    ("email_11", None),
    ("email_14", None),
    ("email_15", None),
    ("email_22", None),
    ("email_24", None),
    ("email_norwegian_gmail", None),
    ("email_outlook_split_line_from", None),
    ("email_customer_quote_header_3", Some("bonjour,\nje n'ai pas eu de retour sur ma précision..\nmerci d'avance")),
    ("email_emoji", Some("🎉")),
    ("email_not_a_signature", Some("*")),
    ("email_not_a_signature_2", Some("*")),
    ("email_sent_from_my_not_signature", Some("*")),
    ("email_sent_from", Some("Hi it can happen to any texts you type, as long as you type in between words or paragraphs.")),
    ("email_thread", Some("This is new email reply in thread from bellow.")),
    ("email_tricky_3_code_block", Some("*")),
    ("email_tricky_6_regards_in_sentence", Some("*")),
    ("email_tricky_7_multiple_dashes", Some("*")),
    ("email_tricky_11_double_signature", Some("Thanks for your help!")),
    ("email_unquoted_reply", Some("This is my reply.")),
];

fn squeezed(s: &str) -> String {
    s.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn fixtures_fold_as_decided() {
    for (name, want) in DECIDED {
        let text = String::from_utf8(fixture(&format!("quotes/{name}.txt"))).expect("UTF-8");
        let got = reply(&text);
        match want {
            None => assert!(got.starts_with("Fusce bibendum") && got.ends_with("aliquet nec nec nibh."), "{name}: {got}"),
            Some("*") => assert_eq!(squeezed(&got), squeezed(&text), "{name}"),
            Some(want) => assert_eq!(got, want, "{name}"),
        }
    }
}

#[test]
fn inline_answers_survive() {
    let text = String::from_utf8(fixture("quotes/email_tricky_18_inline_reply.txt")).expect("UTF-8");
    assert_eq!(reply(&text), "I think option A is great.\n\nOption B has some drawbacks.\n\nOption C is not suitable for our use case.");
    let text = String::from_utf8(fixture("quotes/email_2.txt")).expect("UTF-8");
    let got = reply(&text);
    assert!(got.starts_with("Hi,\n\nYou can list the keys") && got.ends_with("delete them all individually.\""), "{got}");
    assert!(reply(&String::from_utf8(fixture("quotes/email_reply_header.txt")).expect("UTF-8")).ends_with("Stranger"));
}

#[test]
fn chinese_clients() {
    let quoted = "请提供订单号。";
    for above in [
        "------------------ 原始邮件 ------------------\n发件人: \"客服\" <support@example.com>;\n发送时间: 2026年11月20日(星期五) 晚上6:03\n收件人: \"王\"<wxm@example.cn>;\n主题: 回复\n",
        "------------------&nbsp;原始邮件&nbsp;------------------".replace("&nbsp;", "\u{a0}").as_str(),
        "-----原始邮件-----\n发件人:\"客服\" <support@example.com>\n发送时间:2026-11-20 18:03:11 (星期五)\n收件人: wxm@example.cn\n主题: x\n",
        "发件人： 客服\n发送时间： 2026年11月20日 18:03\n收件人： 王小明\n主题： 回复: 维修\n",
        "在 2026-11-20 18:03:11，\"客服中心\" <support@example.com> 写道：\n",
        "在 2026年11月20日，下午6:03，客服 <support@example.com> 写道：\n",
        "客服 <support@example.com> 于2026年11月20日周五 18:03写道：\n",
        "客服 <support@example.com>\n于2026年11月20日周五 18:03写道：\n",
        "---- 回复的原邮件 ----\n| 发件人 | 客服<support@example.com> |\n| 日期 | 2026年11月20日 18:03 |\n| 收件人 | 王<wxm@example.cn> |\n| 主题 | 维修 |\n",
        "| 回复的原邮件 |\n",
        "------------------------------------------------------------------\n发件人：客服 <support@example.com>\n发送时间：2026年11月20日(星期五) 18:03\n收件人：王 <wxm@example.cn>\n主　题：回复\n",
        "---------- 转发的邮件 ----------\n发件人: a <a@example.com>\n日期: 2026-11-20 18:03\n主题: x\n",
        "________________________________\n发件人: 客服 <support@example.com>\n已发送: 2026 年 11 月 20 日 18:03\n收件人: 王 <wxm@example.cn>\n主题: 回复\n",
        "-------- 原始郵件 --------\n寄件者: a <a@example.com>\n日期: 2026/11/20 下午6:03 (GMT+08:00)\n收件者: b <b@example.com>\n主旨: x\n",
    ] {
        assert_eq!(reply(&format!("还是不行。\n\n{above}\n{quoted}\n")), "还是不行。", "{above}");
    }
    for device in ["发自我的iPhone", "发自我的华为手机", "从 Windows 版邮件发送", "來自我的 iPhone", "签名由 网易邮箱大师 定制", "发自我的小米手机", "从我的 iPhone 发送"] {
        assert_eq!(reply(&format!("好的，谢谢\n\n{device}\n")), "好的，谢谢", "{device}");
    }
}

#[test]
fn other_languages() {
    for above in [
        "On Tue, Nov 24, 2026 at 10:00 AM Anna <a@example.com> wrote:",
        "Le mar. 24 nov. 2026 à 10:00, Anna <a@example.com> a écrit :",
        "Am 24.11.2026 um 10:00 schrieb Anna:",
        "El mar, 24 nov 2026 a las 10:00, Anna (<a@example.com>) escribió:",
        "Em ter., 24 de nov. de 2026 às 10:00, Anna <a@example.com> escreveu:",
        "Il giorno mar 24 nov 2026 alle ore 10:00 Anna <a@example.com> ha scritto:",
        "Op di 24 nov. 2026 om 10:00 schreef Anna <a@example.com>:",
        "Den tis 24 nov. 2026 kl 10:00 skrev Anna <a@example.com>:",
        "wt., 24 lis 2026 o 10:00 Anna <a@example.com> napisał(a):",
        "вт, 24 нояб. 2026 г. в 10:00, Anna <a@example.com>:",
        "2026年11月24日(火) 10:00 Anna <a@example.com>:",
        "2026년 11월 24일 (화) 오전 10:00, Anna <a@example.com>님이 작성:",
    ] {
        assert_eq!(reply(&format!("ok\n\n{above}\n\n> hello\n> there\n")), "ok", "{above}");
        assert_eq!(reply(&format!("ok\n\n{above}\n\nhello\nthere\n")), "ok", "unquoted: {above}");
    }
}

#[test]
fn words_alone_fold_nothing() {
    for text in [
        "他在信里写道：你好\n我同意。",
        "请看原始邮件，谢谢。",
        "发件人：写错了，请改成李四\n谢谢",
        "On Monday I wrote: please call me.\nStill waiting.",
        "主题: 退款\n我要退款",
        "From: is a field name. To: is another.",
        "Regards the invoice, see below.\nThanks",
        "价格如下：\n----\n甲 100\n乙 200\n----\n请确认。",
    ] {
        assert_eq!(reply(text), text, "{text}");
    }
}

#[test]
fn everything_folded_means_keep_everything() {
    let forward = "---------- Forwarded message ---------\nFrom: a <a@example.com>\nDate: Mon, Nov 23, 2026\nSubject: x\nTo: b <b@example.com>\n\nhello";
    assert_eq!(reply(forward), forward);
    assert_eq!(reply("> a\n> b"), "> a\n> b");
    assert_eq!(reply("发自我的iPhone"), "发自我的iPhone");
    // Nothing but the phone's line above a quote: an empty answer was sent.
    assert_eq!(reply("发自我的iPhone\n\n> 在 2026年11月20日,18:03,客服 <s@example.com> 写道:\n> 你好"), "");
}

#[test]
fn folds_cover_what_is_missing() {
    let text = "ok\n\nOn Mon, Nov 23, 2026 at 10:00 A <a@example.com> wrote:\n> x\n\n-- \nme\n";
    let f = fold(text, &[]);
    assert_eq!(f.reply, "ok");
    let kinds: Vec<_> = f.folds.iter().map(|x| x.kind).collect();
    assert_eq!(kinds, [FoldKind::Quote, FoldKind::Signature]);
    assert!(text[f.folds[0].range.clone()].starts_with("On Mon") && text[f.folds[1].range.clone()].starts_with("-- "));
}
