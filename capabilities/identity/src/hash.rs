//! Passwords as Argon2id hashes: 19 MiB, two passes, one lane. At most two are computed at once, so that a storm of
//! sign-ins cannot take the machine's memory; those who wait too long are told to come again.

use std::time::Duration;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use shouwen_kernel::{Ids, Kind, Problem, Result};
use tokio::sync::Semaphore;

/// KiB of memory, passes, lanes: the floor of OWASP's advice for Argon2id.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
const LANES: usize = 2;
const PATIENCE: Duration = Duration::from_secs(15);

static HASHING: Semaphore = Semaphore::const_new(LANES);

/// The PHC string of `password` with a fresh salt. Slow on purpose (tens of milliseconds); never call it on an async
/// thread or in a database transaction.
pub fn hash_password(ids: &Ids, password: &str) -> Result<String> {
    let salt: [u8; 16] = ids.secret();
    let out = derive(password, &salt, COST)?;
    let (m, t, p) = COST;
    Ok(format!("$argon2id$v=19$m={m},t={t},p={p}${}${}", STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(out)))
}

/// Whether `password` is the one behind `stored`. Without a stored hash the same work is done and the answer is no.
pub(crate) fn verify_password(stored: Option<&str>, password: &str) -> bool {
    let Some((cost, salt, hash)) = stored.and_then(parse) else {
        // Nobody has this hash; the time it takes must not tell that there is no such account.
        let _ = derive(password, b"no account, same", COST);
        return false;
    };
    derive(password, &salt, cost).is_ok_and(|found| shouwen_crypt::constant_time_eq(&found, &hash))
}

fn derive(password: &str, salt: &[u8], (m, t, p): (u32, u32, u32)) -> Result<[u8; 32]> {
    let params = Params::new(m, t, p, Some(32)).map_err(|e| Problem::internal(format!("Argon2 parameters: {e}")))?;
    let mut out = [0u8; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(crate::policy::normal(password).as_bytes(), salt, &mut out)
        .map_err(|e| Problem::internal(format!("Argon2: {e}")))?;
    Ok(out)
}

type Parsed = ((u32, u32, u32), Vec<u8>, Vec<u8>);

fn parse(phc: &str) -> Option<Parsed> {
    let mut parts = phc.strip_prefix("$argon2id$v=19$")?.split('$');
    let (costs, salt, hash) = (parts.next()?, parts.next()?, parts.next()?);
    let mut cost = costs.split(',').filter_map(|pair| pair.split_once('=')).filter_map(|(_, value)| value.parse().ok());
    Some(((cost.next()?, cost.next()?, cost.next()?), STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?))
}

/// Runs hashing work on a blocking thread, at most two at once.
async fn slowly<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let busy = || Problem::new(Kind::Unavailable, "session.busy", "too many people are signing in at this moment").expected("try again in a few seconds");
    let permit = tokio::time::timeout(PATIENCE, HASHING.acquire()).await.map_err(|_| busy())?.map_err(|_| busy())?;
    let outcome = tokio::task::spawn_blocking(work).await.map_err(|e| Problem::internal(format!("hashing: {e}")));
    drop(permit);
    outcome
}

/// [`hash_password`] off the async threads.
pub(crate) async fn hash(app: &shouwen_web::App, password: &str) -> Result<String> {
    let (app, password) = (app.clone(), password.to_owned());
    slowly(move || hash_password(app.ids(), &password)).await?
}

/// [`verify_password`] off the async threads.
pub(crate) async fn verify(stored: Option<String>, password: &str) -> Result<bool> {
    let password = password.to_owned();
    slowly(move || verify_password(stored.as_deref(), &password)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_fits_its_password_only_and_is_no_password_itself() {
        let ids = Ids::seeded(1);
        let hash = hash_password(&ids, "correct horse battery staple").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(verify_password(Some(&hash), "correct horse battery staple"));
        assert!(!verify_password(Some(&hash), "correct horse battery stapl"));
        // SEC-21: a stolen hash opens nothing.
        assert!(!verify_password(Some(&hash), &hash));
        assert!(!verify_password(None, "correct horse battery staple"));
        assert!(!verify_password(Some("plain"), "plain"));
        assert_ne!(hash, hash_password(&ids, "correct horse battery staple").unwrap());
    }

    #[test]
    fn the_same_password_in_another_unicode_form_is_the_same() {
        let hash = hash_password(&Ids::seeded(2), "caf\u{e9} und noch etwas").unwrap();
        assert!(verify_password(Some(&hash), "cafe\u{301} und noch etwas"));
    }
}
