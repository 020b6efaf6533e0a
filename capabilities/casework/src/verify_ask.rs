//! Asking the customer whether it is solved: a mail with a signed link to a page where they say yes or no, or sign.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
use shouwen_contracts::casework::VerificationAsked;
use shouwen_contracts::message::{EMAIL_OUTBOX, Outbound};
use shouwen_crypt::Keys;
use shouwen_kernel::{CaseId, MessageId, ObjectId, Problem, Result, WorkspaceId, decode_base32, encode_base32};
use shouwen_stages::Way;
use shouwen_store::{Tx, params};
use shouwen_web::{Allowed, Answer, App, Id, Input};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::case::Case;
use crate::conversation::{Participant, participants};
use crate::deed::{CaseAnswer, Deed};
use crate::{CaseReply, compose, kinds, send};

/// Routes of this verb.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(request))
}

const PURPOSE: &str = "case.verification";
/// The accent of the desk with white on it: it carries its own ground, so that a mail reader in the dark shows it as it is;
/// all other text keeps the reader's colours.
const LINK: &str = "display:inline-block;padding:8px 16px;border-radius:8px;background-color:#12606c;color:#ffffff;text-decoration:none";
/// A link works this long.
const VALID_DAYS: i64 = 30;
/// Questions about one case that may be unanswered at once.
const MOST_OPEN: i64 = 5;

/// The token of a request: 26 characters of its id, 26 of its signature.
pub fn token(keys: &Keys, id: ObjectId) -> String {
    let signature = u128::from_be_bytes(keys.sign(PURPOSE, id.0.as_bytes()));
    format!("{}{}", encode_base32(id.0.as_u128()), encode_base32(signature))
}

/// The request a token belongs to; `None` when it is not ours.
pub fn verify(keys: &Keys, token: &str) -> Option<ObjectId> {
    let (id, signature) = token.split_at_checked(26)?;
    let id = Uuid::from_u128(decode_base32(id)?);
    let signature = decode_base32(signature)?.to_be_bytes();
    keys.verify(PURPOSE, id.as_bytes(), &signature).then_some(ObjectId(id))
}

/// Whom to ask, and how.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerificationAsk {
    /// `customer` (when absent): yes or no. `signature`: a name, and a drawn signature where the device can.
    #[serde(default)]
    way: Option<String>,
    /// The customer of the case when absent.
    #[serde(default)]
    participant_id: Option<ObjectId>,
}

/// Asks the customer by mail whether the matter is solved. The answer verifies the end, or sets the case to work again.
#[utoipa::path(post, path = "/cases/{id}/verification-request", params(("id" = CaseId, Path)), request_body = VerificationAsk, responses((status = 200, body = CaseAnswer), (status = 409, description = "case.way_refused, case.no_address")), tag = "cases", extensions(("x-permission" = json!("case.reply"))))]
async fn request(State(app): State<App>, who: Allowed<CaseReply>, Id(id): Id<CaseId>, input: Input<VerificationAsk>) -> Answer<Response> {
    let (deed, once, body) = (Deed::of(&who), who.once(&input.hash), input.value);
    app.command(once, StatusCode::OK, move |tx| {
        let mut case = deed.open(tx, id)?;
        case.must_be_whole()?;
        let way = match body.way.as_deref() {
            None | Some("customer") => Way::Customer,
            Some("signature") => Way::Signature,
            Some(other) => return Err(Problem::invalid("way", format!("nobody can be asked for `{}`", shouwen_kernel::text::clip(other, 20))).expected("`customer` or `signature`")),
        };
        ask(tx, &deed, &mut case, way, body.participant_id)?;
        case.save(tx)?;
        deed.answer(tx, &case, None)
    })
    .await
}

fn ask(tx: &Tx<'_>, deed: &Deed, case: &mut Case, way: Way, participant: Option<ObjectId>) -> Result<()> {
    let kind = kinds::case_type(tx, case.workspace, &case.case_type)?;
    if !kind.machine.ways().contains(&way) {
        return Err(Problem::conflict("case.way_refused", format!("the end of cases of type `{}` is not verified by `{}`", kind.key(), way.word()))
            .field("way")
            .expected(kinds::keys(kind.machine.ways().iter().map(|w| w.word()))));
    }
    if case.status == "closed" {
        return Err(Problem::conflict("case.already_closed", format!("case {} is closed", case.number)).expected("a case that has not reached the archive"));
    }
    let (open,): (i64,) = tx.one("SELECT count(*) FROM case_verification_request WHERE case_id = ?1 AND answer IS NULL AND expires_at > ?2", params![case.id, tx.now()])?;
    if open >= MOST_OPEN {
        return Err(Problem::conflict("case.asked_enough", format!("{open} questions about this case are still unanswered")).expected("an answer to one of them, or a callback"));
    }
    let thread = send::thread_of(tx, case, None)?;
    let inbox = compose::sending_inbox(tx, case, &thread)?;
    let all = participants(tx, thread.id)?;
    let to = addressee(&all, case, participant)?;
    let chinese = case.language.as_deref().unwrap_or(&inbox.default_language).starts_with("zh");
    let id: ObjectId = tx.id();
    let expires_at = tx.now().plus_seconds(VALID_DAYS * 86_400);
    tx.execute(
        "INSERT INTO case_verification_request (id, workspace_id, case_id, way, language, contact, asked_by, asked_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![id, case.workspace, case.id, way.word(), if chinese { "zh" } else { "en" }, to.address_index, deed.viewer.person, tx.now(), expires_at],
    )?;
    let url = format!("{}/c/{}", base_url(tx)?, token(tx.keys(), id));
    let letter = Letter { chinese, signs: way == Way::Signature, url: &url, number: &case.number, title: &case.title, done: case.resolution_text.as_deref() };
    let message_id: MessageId = tx.id();
    let outbound = Outbound {
        message_id,
        inbox_id: inbox.id,
        conversation_id: Some(thread.id),
        to: vec![shouwen_contracts::message::Party { name: to.name.clone(), address: to.address.clone(), index: to.address_index.clone() }],
        cc: vec![],
        bcc: vec![],
        subject: compose::subject("Re: ", &thread, case),
        text: letter.text(),
        html: Some(letter.html()),
        attachments: vec![],
        references: vec![],
        from_name: deed.viewer.name.clone(),
        automatic: true,
        queued_at: tx.now(),
    };
    tx.enqueue(case.workspace, EMAIL_OUTBOX, &message_id.to_string(), &outbound, None)?;
    case.emit(tx, &deed.ctx, VerificationAsked { case_id: case.id, way: way.word().to_owned(), by: Some(deed.viewer.person), expires_at, at: tx.now() })?;
    deed.audit(tx, "case.verification_asked", case, Some(json!({ "way": way.word() })))
}

/// Only somebody known to be who they say can be asked to confirm.
fn addressee<'a>(all: &'a [Participant], case: &Case, named: Option<ObjectId>) -> Result<&'a Participant> {
    let known = |p: &&Participant| p.verified && p.role != compose::PHONE;
    let found = match named {
        Some(id) => all.iter().filter(known).find(|p| p.id == id),
        None => all.iter().filter(known).find(|p| p.customer_id.is_some() && p.customer_id == case.customer_id).or_else(|| all.iter().filter(known).find(|p| p.role == "customer")),
    };
    found.ok_or_else(|| {
        Problem::conflict("case.no_address", "no e-mail address of a known customer is in this case").field("participant_id").expected("a verified participant with an e-mail address; or record a callback")
    })
}

/// The address customers reach us at; written by the server when it starts.
fn base_url(tx: &Tx<'_>) -> Result<String> {
    Ok(tx.setting(WorkspaceId::NIL, "base_url")?.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()))
}

struct Letter<'a> {
    chinese: bool,
    signs: bool,
    url: &'a str,
    number: &'a str,
    title: &'a str,
    done: Option<&'a str>,
}

impl Letter<'_> {
    fn lines(&self) -> (String, String, &'static str, &'static str) {
        let done = self.done.unwrap_or_default();
        match (self.chinese, self.signs) {
            (true, signs) => (
                format!("您好！您的事项「{}」（{}）已处理完毕{}{done}", self.title, self.number, if done.is_empty() { "。" } else { "：" }),
                if signs { "请打开下面的页面签名确认；如未解决，也请在页面上告诉我们。" } else { "请打开下面的页面确认是否已解决；如未解决，我们会继续处理。" }.to_owned(),
                if signs { "签名确认" } else { "确认处理结果" },
                "链接 30 天内有效，请勿转发。",
            ),
            (false, signs) => (
                format!("Hello, we have finished your matter \"{}\" ({}){}{done}", self.title, self.number, if done.is_empty() { "." } else { ": " }),
                if signs { "Please open the page below to sign; if it is not solved, tell us there." } else { "Please open the page below to confirm that it is solved; if it is not, we go on." }.to_owned(),
                if signs { "Sign" } else { "Confirm the result" },
                "The link works for 30 days. Please do not forward it.",
            ),
        }
    }

    fn text(&self) -> String {
        let (what, ask, _, end) = self.lines();
        format!("{what}\n\n{ask}\n\n{}\n\n{end}\n", self.url)
    }

    fn html(&self) -> String {
        let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
        let (what, ask, label, end) = self.lines();
        format!("<p>{}</p><p>{ask}</p><p><a href=\"{}\" style=\"{LINK}\">{label}</a></p><p><small>{end}</small></p>", escape(&what), self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_open_a_request() {
        let keys = Keys::for_tests();
        let id = ObjectId(Uuid::from_u128(77));
        let good = token(&keys, id);
        assert_eq!(verify(&keys, &good), Some(id));
        for i in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[i] = if bytes[i] == b'3' { b'4' } else { b'3' };
            assert_eq!(String::from_utf8(bytes).ok().and_then(|t| verify(&keys, &t)), None, "changed at {i}");
        }
    }
}
