//! Is this mail written by a machine? (RFC 3834 and what programs really send.) Such mail never gets an automatic answer.

/// What the classifier looks at.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signs<'a> {
    /// Lower-case names and decoded values.
    pub headers: &'a [(String, String)],
    pub subject: &'a str,
    pub from: &'a str,
    /// `multipart/report`, `message/delivery-status`, … of the root part, with its report type.
    pub content_type: &'a str,
    pub report_type: &'a str,
    pub has_dsn: bool,
}

impl Signs<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, v)| v.trim())
    }
}

/// Subjects of absence notes, at their start.
const ABSENCE: [&str; 21] = [
    "自动回复", "自動回覆", "自动答复", "自動回復", "[自动回复]", "【自动回复】", "(自动回复)", "（自动回复）", "不在办公室", "外出自动回复", "out of office", "automatic reply",
    "auto reply", "autoreply", "auto-reply", "automatische antwort", "abwesenheitsnotiz", "réponse automatique", "respuesta automática", "risposta automatica", "自動応答",
];
/// Subjects of bounces.
const BOUNCE: [&str; 18] = [
    "系统退信", "退信通知", "邮件退回", "退信:", "退信：", "投递失败", "邮件投递失败", "邮件发送失败", "undelivered mail returned to sender", "undeliverable", "mail delivery failed", "delivery status notification (failure)",
    "delivery failure", "returned mail:", "failure notice", "mail delivery failure", "无法投递", "未送达",
];

/// Reason code such as `auto-submitted: auto-replied`, `bounce`, `list`, `bulk`; `None` for a person's mail.
/// The order is from the surest sign to the weakest.
pub fn classify(s: &Signs<'_>) -> Option<String> {
    if let Some(v) = s.get("auto-submitted") {
        let v = v.split([';', ' ', '(']).next().unwrap_or("").to_ascii_lowercase();
        if !v.is_empty() && v != "no" {
            if s.has_dsn || null_sender(s) && bounce_subject(s.subject) {
                return Some("bounce".into());
            }
            return Some(format!("auto-submitted: {v}"));
        }
    }
    let report = s.content_type == "multipart/report";
    if s.has_dsn || report && matches!(s.report_type, "delivery-status" | "") {
        return Some("bounce".into());
    }
    if report && s.report_type == "disposition-notification" {
        return Some("read receipt".into());
    }
    if report && s.report_type == "feedback-report" {
        return Some("feedback report".into());
    }
    if report {
        return Some(format!("report: {}", s.report_type));
    }
    let from = s.from.to_ascii_lowercase();
    let local = from.split('@').next().unwrap_or("");
    if matches!(local, "mailer-daemon" | "mail-daemon" | "postmaster") && (local != "postmaster" || bounce_subject(s.subject) || null_sender(s)) {
        return Some("bounce".into());
    }
    if s.get("x-failed-recipients").is_some() {
        return Some("bounce".into());
    }
    for (name, reason) in [("x-autoreply", "x-autoreply"), ("x-autorespond", "x-autorespond"), ("x-autoresponse", "x-autoresponse"), ("x-auto-reply-from", "x-autoreply"), ("x-mail-autoreply", "x-autoreply")] {
        if s.get(name).is_some_and(|v| !matches!(v.to_ascii_lowercase().as_str(), "no" | "false" | "0")) {
            return Some(reason.into());
        }
    }
    if s.get("precedence").is_some_and(|v| v.eq_ignore_ascii_case("auto_reply")) {
        return Some("auto-reply".into());
    }
    if starts(s.subject, &ABSENCE) {
        return Some("auto-reply subject".into());
    }
    if null_sender(s) {
        return Some(if bounce_subject(s.subject) { "bounce" } else { "null return path" }.into());
    }
    if bounce_subject(s.subject) && (local.contains("postmaster") || local.contains("daemon") || local.contains("noreply") || local.contains("no-reply")) {
        return Some("bounce".into());
    }
    if s.get("list-id").is_some() || s.get("list-post").is_some() || s.get("list-unsubscribe").is_some() || s.get("precedence").is_some_and(|v| v.eq_ignore_ascii_case("list")) || s.get("mailing-list").is_some() {
        return Some("list".into());
    }
    if let Some(p) = s.get("precedence").map(str::to_ascii_lowercase) {
        if matches!(p.as_str(), "bulk" | "junk") {
            return Some(p);
        }
    }
    if let Some(v) = s.get("x-auto-response-suppress") {
        let v = v.to_ascii_lowercase();
        // Exchange puts this on mail that must not be answered by machines, people's own included when they ask for no receipts (DR, RN).
        if v.split([',', ';', ' ']).any(|t| matches!(t, "all" | "oof" | "autoreply")) {
            return Some("auto-response-suppress".into());
        }
    }
    if matches!(local, "noreply" | "no-reply" | "donotreply" | "do-not-reply") && (s.get("feedback-id").is_some() || s.get("x-mailgun-sid").is_some()) {
        return Some("bulk".into());
    }
    None
}

fn null_sender(s: &Signs<'_>) -> bool {
    s.get("return-path").is_some_and(|v| v.split_whitespace().collect::<String>() == "<>")
}

fn starts(subject: &str, list: &[&str]) -> bool {
    let low = subject.trim().to_lowercase();
    list.iter().any(|p| low.starts_with(p))
}

fn bounce_subject(subject: &str) -> bool {
    starts(subject, &BOUNCE)
}
