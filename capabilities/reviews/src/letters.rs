//! Letters to people of the house: a step waits for them, with a link that decides; an authority wants to be looked at.

use shouwen_contracts::message::Content;
use shouwen_contracts::wish::{LetterEvent, LetterWish};
use shouwen_crypt::Keys;
use shouwen_kernel::{ObjectId, Result, Time, WorkspaceId, decode_base32, encode_base32};
use shouwen_store::{Ctx, Tx, params};
use uuid::Uuid;

use crate::amount;
use crate::def::AuthorityDef;
use crate::people::Person;
use crate::review::{KnownCase, Review};

const PURPOSE: &str = "review.link";
/// The accent of the desk with white on it: it carries its own ground, so that a mail reader in the dark shows it as it is;
/// all other text keeps the reader's colours.
const LINK: &str = "display:inline-block;padding:8px 16px;border-radius:8px;background-color:#12606c;color:#ffffff;text-decoration:none";
/// A link decides this long.
const VALID_DAYS: i64 = 7;

/// The token of a link: 26 characters of its id, 26 of its signature.
pub fn token(keys: &Keys, id: ObjectId) -> String {
    format!("{}{}", encode_base32(id.0.as_u128()), encode_base32(u128::from_be_bytes(keys.sign(PURPOSE, id.0.as_bytes()))))
}

/// The link a token belongs to; `None` when it is not ours.
pub fn verify(keys: &Keys, token: &str) -> Option<ObjectId> {
    let (id, signature) = token.split_at_checked(26)?;
    let id = Uuid::from_u128(decode_base32(id)?);
    let signature = decode_base32(signature)?.to_be_bytes();
    keys.verify(PURPOSE, id.as_bytes(), &signature).then_some(ObjectId(id))
}

/// The address people reach us at; written by the server when it starts.
pub fn base_url(tx: &Tx<'_>) -> Result<String> {
    Ok(tx.setting(WorkspaceId::NIL, "base_url")?.unwrap_or_else(|| "http://127.0.0.1:8080".to_owned()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn put(tx: &Tx<'_>, subject: &str, text: String, html: String) -> Result<String> {
    let body = Content { subject: subject.to_owned(), reply_text: text.clone(), text, html: Some(html), remote_images: 0, problems: Vec::new() };
    tx.put_blob(&serde_json::to_vec(&body)?)
}

/// An instant as a letter says it, in the workspace's time.
pub fn local(tx: &Tx<'_>, workspace: WorkspaceId, at: Time) -> Result<String> {
    let zone = tx.workspaces()?.into_iter().find(|w| w.id == workspace).map_or_else(|| "UTC".to_owned(), |w| w.time_zone);
    let zoned = at.to_jiff().in_tz(&zone).unwrap_or_else(|_| at.to_jiff().to_zoned(jiff::tz::TimeZone::UTC));
    Ok(zoned.strftime("%Y-%m-%d %H:%M").to_string())
}

/// Asks one person to decide the present step; the link is theirs and this step's alone.
pub fn ask(tx: &Tx<'_>, ctx: &Ctx, review: &Review, person: &Person, due: Option<Time>) -> Result<()> {
    let chinese = person.locale.starts_with("zh");
    let say = |zh: &str, en: &str| if chinese { zh.to_owned() } else { en.to_owned() };
    let base = base_url(tx)?;
    let url = if review.plan.by_mail {
        let id: ObjectId = tx.id();
        tx.run(
            "INSERT INTO review_link (id, workspace_id, review_id, place, person_id, made_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![id, review.workspace, review.id.0, review.step, person.id, tx.now(), tx.now().plus_seconds(VALID_DAYS * 86_400)],
        )?;
        format!("{base}/r/{}", token(tx.keys(), id))
    } else {
        format!("{base}/reviews/{}", review.id)
    };
    let case = review.case_id.map(|id| KnownCase::load(tx, id)).transpose()?.flatten();
    let step = review.step_def().map(|def| if chinese { def.title.zh.clone() } else { def.title.en.clone() }).unwrap_or_default();
    let mut lines = vec![say(&format!("「{}」等待您审核：{step}（第 {} / {} 步）。", review.title, review.step, review.steps()), &format!("\"{}\" waits for your decision: {step} (step {} of {}).", review.title, review.step, review.steps()))];
    if let Some(case) = &case {
        lines.push(say(&format!("工单：{} {}", case.number, case.title), &format!("Case: {} {}", case.number, case.title)));
    }
    if let (Some(minor), Some(currency)) = (review.amount, &review.currency) {
        lines.push(say(&format!("金额：{} {currency}", amount::shown(minor, currency)), &format!("Amount: {} {currency}", amount::shown(minor, currency))));
    }
    if !review.reason.is_empty() {
        lines.push(say(&format!("理由：{}", review.reason), &format!("Reason: {}", review.reason)));
    }
    if let Some(due) = due {
        let at = local(tx, review.workspace, due)?;
        let late = due <= tx.now();
        lines.push(if late { say(&format!("时限 {at} 已过，请尽快处理。"), &format!("It was to be decided before {at} and is late.")) } else { say(&format!("请在 {at} 前处理。"), &format!("Please decide before {at}.")) });
    }
    let end = if review.plan.by_mail {
        say("打开页面即可查看并决定，无需登录。链接 7 天内有效，仅供您本人处理这一步，请勿转发。", "The page shows it and takes your decision without signing in. The link works for 7 days, for you and this step alone; please do not forward it.")
    } else {
        say("请登录后处理。", "Please sign in to decide.")
    };
    let label = say("查看并决定", "Look and decide");
    let subject = say(&format!("待审：{}", review.title), &format!("To review: {}", review.title));
    let text = format!("{}\n\n{url}\n\n{end}\n", lines.join("\n"));
    let html = format!("{}<p><a href=\"{url}\" style=\"{LINK}\">{label}</a></p><p><small>{end}</small></p>", lines.iter().map(|line| format!("<p>{}</p>", escape(line))).collect::<String>());
    let body = put(tx, &subject, text, html)?;
    // About the review, not the case: the timeline of a case shows what its events say.
    tx.emit::<LetterEvent>(ctx, Some(review.id.0), None, LetterWish { source: format!("review:{}:{}:{}:{}", review.id, review.step, person.id, tx.id::<ObjectId>()), people: vec![person.id], subject, body })
}

/// Reminds that an authority is to be looked at.
pub fn authority(tx: &Tx<'_>, ctx: &Ctx, id: ObjectId, def: &AuthorityDef, owners: &[Person]) -> Result<()> {
    let url = format!("{}/settings/review-flows", base_url(tx)?);
    for chinese in [true, false] {
        let people: Vec<_> = owners.iter().filter(|p| p.locale.starts_with("zh") == chinese).map(|p| p.id).collect();
        if people.is_empty() {
            continue;
        }
        let say = |zh: String, en: String| if chinese { zh } else { en };
        let subject = say(format!("审批权限到期复核：{}", def.title.zh), format!("Authority to be reviewed: {}", def.title.en));
        let text = say(format!("审批权限「{}」已到复核日期。请确认各档金额与审批人仍然合适，然后标记为已复核。\n\n{url}\n", def.title.zh), format!("The authority \"{}\" is due to be reviewed. Please see whether its amounts and people are still right, then mark it as reviewed.\n\n{url}\n", def.title.en));
        let html = format!("<p>{}</p>", escape(&text).replace("\n\n", "</p><p>"));
        let body = put(tx, &subject, text, html)?;
        let source = format!("review.authority:{id}:{}:{}", tx.now().seconds(), if chinese { "zh" } else { "en" });
        tx.emit::<LetterEvent>(ctx, Some(id.0), None, LetterWish { source, people, subject, body })?;
    }
    tracing::debug!(key = %def.key, owners = owners.len(), "an authority is due");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_links_open_a_review() {
        let keys = Keys::for_tests();
        let id = ObjectId(Uuid::from_u128(77));
        let good = token(&keys, id);
        assert_eq!(verify(&keys, &good), Some(id));
        for i in 0..good.len() {
            let mut bytes = good.clone().into_bytes();
            bytes[i] = if bytes[i] == b'3' { b'4' } else { b'3' };
            assert_eq!(String::from_utf8(bytes).ok().and_then(|t| verify(&keys, &t)), None, "changed at {i}");
        }
        assert_eq!(verify(&keys, "审核审核审核审核审核审核"), None);
    }

    #[test]
    fn letters_wear_the_accent_of_the_desk_on_a_ground_of_their_own() {
        let tokens = include_str!("../../../web/src/ui/tokens.css");
        let accent = tokens.lines().find_map(|line| line.trim().strip_prefix("--accent: ")).map(|value| value.trim_end_matches(';')).unwrap_or_default();
        for source in [include_str!("letters.rs"), include_str!("../../voice/src/ask.rs"), include_str!("../../casework/src/verify_ask.rs")] {
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            assert!(source.contains(&format!("background-color:{accent};color:#ffffff")), "{accent}");
            assert_eq!(source.matches("color:#").count(), 2, "no other colour: the reader's own is readable in the dark");
        }
    }
}
