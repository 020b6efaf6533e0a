//! Time-based one-time codes (RFC 6238): SHA-1, six digits, 30 seconds, one step of tolerance either way.

use qrcode::QrCode;
use qrcode::render::svg;
use shouwen_kernel::{Ids, Problem, Result, Time};
use shouwen_store::Tx;
use totp_rs::Builder;

/// The field name under which secrets are sealed.
const FIELD: &str = "identity.totp";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A fresh secret of 160 bits.
pub(crate) fn new_secret(ids: &Ids) -> [u8; 20] {
    ids.secret()
}

/// The secret as people type it: 32 base-32 characters.
pub(crate) fn to_text(secret: &[u8; 20]) -> String {
    secret
        .chunks(5)
        .flat_map(|chunk| {
            let value = chunk.iter().fold(0u64, |acc, b| (acc << 8) | u64::from(*b));
            (0..8).map(move |i| char::from(BASE32[((value >> ((7 - i) * 5)) & 31) as usize]))
        })
        .collect()
}

/// The `otpauth:` address that authenticator apps read.
pub(crate) fn uri(secret: &[u8; 20], organisation: &str, email: &str) -> String {
    let issuer = organisation.replace(':', " ");
    format!("otpauth://totp/{}:{}?secret={}&issuer={}", escape(&issuer), escape(email), to_text(secret), escape(&issuer))
}

fn escape(text: &str) -> String {
    text.bytes().map(|b| if b.is_ascii_alphanumeric() || b"-._~".contains(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// A QR code of `text` as an SVG image.
pub(crate) fn qr_svg(text: &str) -> Result<String> {
    let code = QrCode::new(text.as_bytes()).map_err(|e| Problem::internal(format!("QR code: {e}")))?;
    Ok(code.render::<svg::Color<'_>>().min_dimensions(200, 200).quiet_zone(true).build())
}

/// The step that `code` stands for, if it is right at `now`. The caller must refuse a step that was used before.
pub(crate) fn step_of(secret: &[u8; 20], code: &str, now: Time) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if code.len() != 6 || !code.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let totp = Builder::new().with_secret(*secret).build().ok()?;
    let seconds = u64::try_from(now.seconds()).ok()?;
    totp.check(&code, seconds).map(|step| step as i64)
}

/// Seals a secret for storage.
pub(crate) fn seal(tx: &Tx<'_>, secret: &[u8; 20]) -> Result<String> {
    tx.keys().seal(tx.ids(), FIELD, &shouwen_crypt::hex(secret))
}

/// Opens a stored secret.
pub(crate) fn open(tx: &Tx<'_>, sealed: &str) -> Result<[u8; 20]> {
    let text = tx.keys().open(FIELD, sealed)?;
    shouwen_crypt::unhex(&text).and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| Problem::internal("a TOTP secret has not 20 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_follow_rfc_6238_and_tolerate_one_step() {
        // Appendix B: the ASCII secret 12345678901234567890 at 59 s gives 94287082; six digits of it.
        let secret = *b"12345678901234567890";
        assert_eq!(to_text(&secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(step_of(&secret, "287082", Time::from_seconds(59)), Some(1));
        assert_eq!(step_of(&secret, "287 082", Time::from_seconds(89)), Some(1));
        assert_eq!(step_of(&secret, "287082", Time::from_seconds(29)), Some(1));
        assert_eq!(step_of(&secret, "287082", Time::from_seconds(90)), None);
        assert_eq!(step_of(&secret, "28708x", Time::from_seconds(59)), None);
        assert_eq!(step_of(&secret, "", Time::from_seconds(59)), None);
    }

    #[test]
    fn the_address_is_escaped_and_drawn() {
        let uri = uri(&[7; 20], "首问 A:B", "a+b@example.com");
        assert!(uri.starts_with("otpauth://totp/%E9%A6%96%E9%97%AE%20A%20B:a%2Bb%40example.com?secret=A4DQOB"), "{uri}");
        assert!(qr_svg(&uri).unwrap().contains("<svg"));
    }
}
