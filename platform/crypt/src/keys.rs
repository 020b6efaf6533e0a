//! The key ring and what is done with it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shouwen_kernel::{Ids, Problem, Result};

use crate::constant_time_eq;

/// Master keys by version. The highest version seals; every version opens.
#[derive(Clone)]
pub struct KeyRing {
    keys: BTreeMap<u32, [u8; 32]>,
}

impl KeyRing {
    /// A ring with one fresh key.
    pub fn generate(ids: &Ids) -> Self {
        Self { keys: BTreeMap::from([(1, ids.secret())]) }
    }

    /// Adds a fresh key of the next version, which seals from now on.
    pub fn rotate(&mut self, ids: &Ids) -> u32 {
        let version = self.keys.keys().next_back().copied().unwrap_or(0) + 1;
        self.keys.insert(version, ids.secret());
        version
    }

    /// Reads lines `<version> = "<base64>"`; `#` begins a comment.
    pub fn parse(text: &str) -> Result<Self> {
        let mut keys = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong = || {
                Problem::new(shouwen_kernel::Kind::Invalid, "keys.unreadable", format!("line {} of the key file is not a key", number + 1))
                    .expected("`1 = \"<44 characters of base64>\"`, as the server wrote it; restore the file from your backup")
            };
            let (version, value) = line.split_once('=').ok_or_else(wrong)?;
            let version: u32 = version.trim().parse().map_err(|_| wrong())?;
            let bytes = STANDARD.decode(value.trim().trim_matches('"')).map_err(|_| wrong())?;
            if keys.insert(version, bytes.try_into().map_err(|_| wrong())?).is_some() {
                return Err(wrong().expected(format!("one key of version {version}; the file names two")));
            }
        }
        if keys.is_empty() {
            return Err(Problem::new(shouwen_kernel::Kind::Invalid, "keys.empty", "the key file holds no key")
                .expected("the file the server wrote at its first start; without it sealed fields cannot be read"));
        }
        Ok(Self { keys })
    }

    /// The text form [`KeyRing::parse`] reads.
    pub fn to_text(&self) -> String {
        let mut text = String::from("# Master keys of this installation. Whoever has them and the database can read personal data.\n# Keep a copy apart from the database backup.\n");
        for (version, key) in &self.keys {
            text.push_str(&format!("{version} = \"{}\"\n", STANDARD.encode(key)));
        }
        text
    }

    /// Reads the ring at `path`, or creates it there (mode 0600, fsynced) when there is none.
    pub fn load_or_create(path: &Path, ids: &Ids) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let ring = Self::generate(ids);
                // Two first starts at once: one file wins, both use it. A key that was used and lost would be a disaster.
                if ring.place(path, false)? { Ok(ring) } else { Self::load_or_create(path, ids) }
            }
            Err(error) => Err(Problem::internal(format!("cannot read the key file {}: {error}", path.display()))),
        }
    }

    /// Writes the ring to `path` (mode 0600), replacing what is there: temporary file, fsync, rename, fsync of the folder.
    pub fn save(&self, path: &Path) -> Result<()> {
        self.place(path, true).map(|_| ())
    }

    /// `false`: there was a file already and `replace` did not allow to replace it.
    fn place(&self, path: &Path, replace: bool) -> Result<bool> {
        let failed = |error: std::io::Error| Problem::internal(format!("cannot write the key file {}: {error}", path.display()));
        let temporary = path.with_extension(format!("new-{:x}-{:?}", std::process::id(), std::thread::current().id()).replace(['(', ')'], ""));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary).map_err(failed)?;
        file.write_all(self.to_text().as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        if replace {
            std::fs::rename(&temporary, path).map_err(failed)?;
        } else {
            let linked = std::fs::hard_link(&temporary, path);
            std::fs::remove_file(&temporary).map_err(failed)?;
            match linked {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
                other => other.map_err(failed)?,
            }
        }
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|f| f.sync_all()).map_err(failed)?;
        Ok(true)
    }
}

/// The keys in use: derives, seals, opens, indexes, signs.
#[derive(Clone)]
pub struct Keys {
    ring: KeyRing,
    newest: u32,
}

impl Keys {
    /// Puts a ring to use.
    pub fn new(ring: KeyRing) -> Self {
        let newest = ring.keys.keys().next_back().copied().unwrap_or(1);
        Self { ring, newest }
    }

    /// Fresh keys for tests.
    pub fn for_tests() -> Self {
        Self::new(KeyRing::generate(&Ids::seeded(42)))
    }

    fn derive(&self, version: u32, purpose: &str) -> Option<[u8; 32]> {
        self.ring.keys.get(&version).map(|key| mac(key, purpose.as_bytes()))
    }

    /// The key that indexes and signs: of the oldest version, so that look-ups and links survive a rotation.
    fn steady(&self, purpose: &str) -> [u8; 32] {
        let oldest = self.ring.keys.keys().next().copied().unwrap_or(1);
        self.derive(oldest, purpose).unwrap_or([0; 32])
    }

    /// Seals `plain` for `field` (e.g. `customer.identity`).
    pub fn seal(&self, ids: &Ids, field: &str, plain: &str) -> Result<String> {
        let key = self.derive(self.newest, "seal").ok_or_else(|| Problem::internal("no key to seal with"))?;
        let nonce: [u8; 24] = ids.secret();
        let sealed = XChaCha20Poly1305::new(&Key::from(key))
            .encrypt(&XNonce::from(nonce), Payload { msg: plain.as_bytes(), aad: field.as_bytes() })
            .map_err(|_| Problem::internal("sealing failed"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed);
        Ok(format!("s1.{}.{}", self.newest, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Opens what [`Keys::seal`] made for the same `field`.
    pub fn open(&self, field: &str, sealed: &str) -> Result<String> {
        let wrong = |why: &str| Problem::internal(format!("a sealed value of `{field}` cannot be opened: {why}"));
        let mut parts = sealed.splitn(3, '.');
        let (Some("s1"), Some(version), Some(body)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong("it is not of the form s1.<key>.<text>"));
        };
        let version: u32 = version.parse().map_err(|_| wrong("its key version is not a number"))?;
        let key = self.derive(version, "seal").ok_or_else(|| wrong(&format!("key version {version} is not in the key file")))?;
        let bytes = URL_SAFE_NO_PAD.decode(body).map_err(|_| wrong("its text is damaged"))?;
        let (nonce, body) = bytes.split_at_checked(24).ok_or_else(|| wrong("its text is too short"))?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| wrong("its text is too short"))?;
        let plain = XChaCha20Poly1305::new(&Key::from(key))
            .decrypt(&XNonce::from(nonce), Payload { msg: body, aad: field.as_bytes() })
            .map_err(|_| wrong("the key does not fit or it was changed"))?;
        String::from_utf8(plain).map_err(|_| wrong("it holds no text"))
    }

    /// Key version of a sealed value, for rotation.
    pub fn version_of(sealed: &str) -> Option<u32> {
        sealed.strip_prefix("s1.")?.split('.').next()?.parse().ok()
    }

    /// The version that seals now.
    pub fn newest(&self) -> u32 {
        self.newest
    }

    /// Blind index of a normalised value: 32 hex digits; equal values of one `kind` have equal indexes, nothing else can be told.
    pub fn index(&self, kind: &str, normalised: &str) -> String {
        crate::hex(&mac(&self.steady(&format!("index:{kind}")), normalised.as_bytes())[..16])
    }

    /// A 16-byte signature over `message` for `purpose`.
    pub fn sign(&self, purpose: &str, message: &[u8]) -> [u8; 16] {
        let full = mac(&self.steady(&format!("sign:{purpose}")), message);
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        short
    }

    /// Whether `signature` is ours over `message` for `purpose`.
    pub fn verify(&self, purpose: &str, message: &[u8], signature: &[u8]) -> bool {
        constant_time_eq(&self.sign(purpose, message), signature)
    }

    /// HMAC-SHA-256 with a key of the caller's (webhook signatures): 32 bytes.
    pub fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
        mac(secret, message)
    }
}

fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    match <Hmac<Sha256> as KeyInit>::new_from_slice(key) {
        Ok(mut mac) => {
            mac.update(message);
            mac.finalize().into_bytes().into()
        }
        // HMAC takes keys of every length; the library only cannot say so in its type.
        Err(_) => unreachable!("HMAC takes keys of every length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_value_opens_only_for_its_field_and_survives_rotation() {
        let ids = Ids::seeded(1);
        let mut ring = KeyRing::generate(&ids);
        let old = Keys::new(ring.clone());
        let sealed = old.seal(&ids, "phone", "13800138000").unwrap();
        assert!(!sealed.contains("138"));
        assert_eq!(old.open("phone", &sealed).unwrap(), "13800138000");
        assert!(old.open("email", &sealed).is_err());
        ring.rotate(&ids);
        let new = Keys::new(KeyRing::parse(&ring.to_text()).unwrap());
        assert_eq!(new.open("phone", &sealed).unwrap(), "13800138000");
        assert_eq!(new.index("phone", "13800138000"), old.index("phone", "13800138000"));
        assert_eq!(Keys::version_of(&new.seal(&ids, "phone", "1").unwrap()), Some(2));
        let mut damaged = sealed.into_bytes();
        let last = damaged.len() - 3;
        damaged[last] ^= 1;
        assert!(old.open("phone", &String::from_utf8(damaged).unwrap()).is_err());
    }

    #[test]
    fn two_first_starts_agree_on_one_key_and_the_file_is_private() {
        let folder = std::env::temp_dir().join(format!("shouwen-keys-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("keys.toml");
        let _ = std::fs::remove_file(&path);
        let texts: Vec<String> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8u64).map(|seed| (seed, path.clone())).map(|(seed, path)| scope.spawn(move || KeyRing::load_or_create(&path, &Ids::seeded(seed)).unwrap().to_text())).collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(texts.windows(2).all(|pair| pair[0] == pair[1]));
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions()) & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1, "no temporary file is left");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_damaged_key_file_says_which_line() {
        let problem = KeyRing::parse("1 = \"abc\"").err().unwrap();
        assert!(problem.message.contains("line 1"));
    }
}
