//! The request itself: a mail with five links, in the customer's language.

use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound, Party};
use shouwen_contracts::voice::{Requested, VoiceEvent};
use shouwen_kernel::{CaseId, ConversationId, InboxId, MessageId, Result, SurveyId};
use shouwen_store::{Ctx, Json, Timer, Tx, params};

use crate::{cases, link, settings};

/// Kind of the timer between closing and asking.
pub const TIMER: &str = "survey.ask";

/// The time to ask has come.
pub fn due(tx: &Tx<'_>, timer: &Timer) -> Result<()> {
    let case: CaseId = serde_json::from_value(timer.payload["case_id"].clone())?;
    let conversation: Option<ConversationId> = serde_json::from_value(timer.payload["conversation_id"].clone())?;
    let ctx = Ctx::system(timer.workspace, "voice");
    let Some(known) = cases::known(tx, case)? else { return Ok(()) };
    type Contact = (ConversationId, InboxId, Json<Party>, String, Option<String>, Option<String>);
    let contact: Option<Contact> = match conversation {
        Some(id) => tx.opt("SELECT conversation_id, inbox_id, party, subject, wire_id, language FROM survey_contact WHERE conversation_id = ?1", params![id])?,
        None => None,
    };
    let contact = match contact {
        Some(found) => Some(found),
        None => tx.opt("SELECT conversation_id, inbox_id, party, subject, wire_id, language FROM survey_contact WHERE case_id = ?1 LIMIT 1", params![case])?,
    };
    let Some((conversation, inbox, Json(party), subject, wire_id, language)) = contact else {
        return cases::skipped(tx, &ctx, case, "no address of the customer is known");
    };
    let settings = settings::of(tx, timer.workspace)?;
    let since = tx.now().plus_seconds(-settings.quiet_days * 86_400);
    let lately: Option<(SurveyId,)> = tx.opt(
        "SELECT id FROM survey_request WHERE workspace_id = ?1 AND contact = ?2 AND requested_at > ?3 LIMIT 1",
        params![timer.workspace, party.index, since],
    )?;
    if lately.is_some() && settings.quiet_days > 0 {
        return cases::skipped(tx, &ctx, case, "this person was asked lately");
    }
    let chinese = match language.as_deref() {
        Some(l) => l.starts_with("zh"),
        None => tx.workspaces()?.iter().find(|w| w.id == timer.workspace).is_none_or(|w| w.locale.starts_with("zh")),
    };
    let id: SurveyId = tx.id();
    let expires_at = tx.now().plus_seconds(settings.valid_days * 86_400);
    tx.run(
        "INSERT INTO survey_request (id, workspace_id, case_id, number, title, customer_id, contact, language, requested_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![id, timer.workspace, case, known.number, known.title, known.customer_id, party.index, if chinese { "zh" } else { "en" }, tx.now(), expires_at],
    )?;
    let url = format!("{}/s/{}", settings::base_url(tx)?, link::token(tx.keys(), id));
    let letter = Letter { chinese, url: &url, number: &known.number, title: &known.title, valid_days: settings.valid_days };
    let message_id: MessageId = tx.id();
    let outbound = Outbound {
        message_id,
        inbox_id: inbox,
        conversation_id: Some(conversation),
        to: vec![party],
        cc: vec![],
        bcc: vec![],
        subject: letter.subject(&subject),
        text: letter.text(),
        html: Some(letter.html()),
        attachments: vec![],
        references: wire_id.into_iter().collect(),
        from_name: tx.workspaces()?.into_iter().find(|w| w.id == timer.workspace).map(|w| w.name).unwrap_or_default(),
        automatic: true,
        queued_at: tx.now(),
    };
    tx.enqueue(timer.workspace, EMAIL_OUTBOX, &message_id.to_string(), &outbound, None)?;
    tx.emit::<VoiceEvent>(&ctx, Some(case.0), Some(&known.access), Requested { survey_id: id, case_id: case, customer_id: known.customer_id, expires_at, at: tx.now() })
}

struct Letter<'a> {
    chinese: bool,
    url: &'a str,
    number: &'a str,
    title: &'a str,
    valid_days: i64,
}

/// The accent of the desk with white on it: it carries its own ground, so that a mail reader in the dark shows it as it is;
/// all other text keeps the reader's colours. All five alike: none is suggested.
const LINK: &str = "display:inline-block;min-width:160px;padding:6px 16px;border-radius:8px;background-color:#12606c;color:#ffffff;text-decoration:none";

/// Labels of the five scores, best first.
pub const SCORES: [(u8, &str, &str); 5] = [(5, "非常满意", "Very satisfied"), (4, "满意", "Satisfied"), (3, "一般", "Neither"), (2, "不满意", "Dissatisfied"), (1, "非常不满意", "Very dissatisfied")];

impl Letter<'_> {
    fn label(&self, zh: &'static str, en: &'static str) -> &'static str {
        if self.chinese { zh } else { en }
    }

    /// Stays in the customer's thread.
    fn subject(&self, of_thread: &str) -> String {
        if of_thread.is_empty() { format!("{} {}", self.label("请评价我们的服务", "How did we do?"), self.number) } else { format!("Re: {}", of_thread.trim_start_matches("Re: ")) }
    }

    fn text(&self) -> String {
        let mut text = if self.chinese {
            format!("您好！\n\n您的事项「{}」（{}）已办结。请点击一项，告诉我们办得怎么样：\n\n", self.title, self.number)
        } else {
            format!("Hello,\n\nYour matter \"{}\" ({}) is closed. Please tell us how it went, one click is enough:\n\n", self.title, self.number)
        };
        for (score, zh, en) in SCORES {
            text.push_str(&format!("{}: {}?score={score}\n", self.label(zh, en), self.url));
        }
        text.push_str(&if self.chinese { format!("\n链接 {} 天内有效。如问题仍未解决，直接回复本邮件即可。\n", self.valid_days) } else { format!("\nThe links work for {} days. If it is not solved, simply answer this mail.\n", self.valid_days) });
        text
    }

    fn html(&self) -> String {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let intro = if self.chinese { format!("您的事项「{}」（{}）已办结。办得怎么样？", escape(self.title), self.number) } else { format!("Your matter “{}” ({}) is closed. How did it go?", escape(self.title), self.number) };
        let links: String = SCORES
            .iter()
            .map(|(score, zh, en)| format!("<p style=\"margin:6px 0\"><a href=\"{}?score={score}\" style=\"{LINK}\">{} {}</a></p>", self.url, "★".repeat(usize::from(*score)), self.label(zh, en)))
            .collect();
        let end = if self.chinese { format!("链接 {} 天内有效。如问题仍未解决，直接回复本邮件即可。", self.valid_days) } else { format!("The links work for {} days. If it is not solved, simply answer this mail.", self.valid_days) };
        format!("<p>{intro}</p>{links}<p><small>{end}</small></p>")
    }
}
