//! Where PostgreSQL is and what its certificate has to prove. The words are libpq's, because every guide uses them:
//!
//! | `sslmode=` | the line | the certificate |
//! |---|---|---|
//! | absent, `disable` | plain | |
//! | `prefer` | sealed where the server offers it | not looked at |
//! | `require` | sealed | not looked at, unless `sslrootcert` is given: then as `verify-ca` |
//! | `verify-ca` | sealed | from an authority of `sslrootcert`, or of the system when that is absent |
//! | `verify-full` | sealed | the same, and for this very host name |
//!
//! `sslrootcert` names a PEM file, or `system`. A certificate that lies in the file itself is accepted as it is: a
//! server with a certificate it made for itself is trusted by a copy of that certificate.
//!
//! `sslcert` and `sslkey` name PEM files with the certificate (and those between it and its authority) and the key by which
//! we prove to the server who we are. Both are read anew for each connection, so that a renewed certificate needs no restart.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use shouwen_kernel::{Kind, Problem, Result};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};

fn invalid(message: String, expected: &str) -> Problem {
    Problem::new(Kind::Invalid, "config", message).field("database").expected(expected)
}

/// Reads the address: the driver's settings without those of TLS, and what these ask for.
pub(crate) fn target(url: &str) -> Result<(Config, Sealing)> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut roots, mut own, mut key, mut rest) = (None, None, None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => roots = Some(decoded(value)),
            Some(("sslcert", value)) => own = Some(decoded(value)),
            Some(("sslkey", value)) => key = Some(decoded(value)),
            _ => rest.push(pair),
        }
    }
    let plain = if rest.is_empty() { place.to_owned() } else { format!("{place}?{}", rest.join("&")) };
    let mut config: Config = plain.parse().map_err(|e: tokio_postgres::Error| {
        let why = std::error::Error::source(&e).map(ToString::to_string).unwrap_or_default();
        invalid(format!("the database address cannot be read: {e} {why}").trim_end().to_owned(), "postgres://user:password@host:5432/name?sslmode=verify-full&sslrootcert=/path/ca.pem")
    })?;
    let (ssl, proof) = match mode.as_deref() {
        None | Some("disable") => (SslMode::Disable, Proof::Nothing),
        Some("prefer") => (SslMode::Prefer, Proof::Nothing),
        Some("require") if roots.is_none() => (SslMode::Require, Proof::Nothing),
        Some("require" | "verify-ca") => (SslMode::Require, Proof::Authority),
        Some("verify-full") => (SslMode::Require, Proof::Name),
        Some(other) => return Err(invalid(format!("`sslmode={other}` is not known"), "disable, prefer, require, verify-ca or verify-full")),
    };
    if roots.is_some() && matches!(proof, Proof::Nothing) {
        return Err(invalid("`sslrootcert` without an `sslmode` that looks at certificates proves nothing".into(), "sslmode=verify-full (or verify-ca) beside it"));
    }
    let proof_of_us = match (own, key) {
        (None, None) => None,
        (Some(_), Some(_)) if matches!(ssl, SslMode::Disable) => return Err(invalid("`sslcert` on a line that is not sealed proves nothing".into(), "sslmode=verify-full beside it")),
        (Some(own), Some(key)) => Some((chain("sslcert", &own)?, private_key(&key)?, own)),
        (Some(_), None) => return Err(invalid("`sslcert` without `sslkey`".into(), "sslkey=/path/client.key beside it: the key of that certificate")),
        (None, Some(_)) => return Err(invalid("`sslkey` without `sslcert`".into(), "sslcert=/path/client.crt beside it: the certificate of that key")),
    };
    config.ssl_mode(ssl);
    let file = roots.filter(|file| file != "system");
    let trusted = if matches!(proof, Proof::Nothing) { Vec::new() } else { certificates(file.as_deref())? };
    Ok((config, Sealing(Arc::new(client(proof, trusted, proof_of_us)?))))
}

/// Why no connection came about, in the words of whoever refused it, and what would help.
pub(crate) fn unreached(error: &tokio_postgres::Error) -> Problem {
    let mut why = error.to_string();
    let mut below = std::error::Error::source(error);
    while let Some(cause) = below {
        let words = cause.to_string();
        if !why.contains(&words) {
            why = format!("{why}: {words}");
        }
        below = cause.source();
    }
    let expected = if why.contains("peer certificate") {
        "a certificate for this host name (sslmode=verify-full; verify-ca asks for no name) from an authority in sslrootcert=/path/ca.pem"
    } else if why.contains("fatal alert") {
        "a client certificate (sslcert=, sslkey=) from an authority in the server's ssl_ca_file, not expired"
    } else if why.contains("valid client certificate") {
        "sslcert=/path/client.crt&sslkey=/path/client.key at the end of the address: this server asks for a client certificate"
    } else if why.contains("certificate authentication failed") || why.contains("client certificate") {
        "a client certificate (sslcert=) whose CN is the user of the address, or a line in the server's pg_ident.conf"
    } else if why.contains("does not support TLS") {
        "`ssl = on` at the server, or sslmode=disable on a line nobody can listen to"
    } else if why.contains("no encryption") || why.contains("SSL off") {
        "?sslmode=verify-full at the end of the address: this server takes sealed connections only"
    } else {
        "postgres://user:password@host:5432/database of a running server, version 15 or newer"
    };
    Problem::new(Kind::Unavailable, "store.connection", format!("cannot reach PostgreSQL: {why}")).expected(expected)
}

/// `%2F` and its like as what they stand for; anything else as it is.
fn decoded(text: &str) -> String {
    let (mut out, bytes, mut at) = (Vec::with_capacity(text.len()), text.as_bytes(), 0);
    while let Some(&byte) = bytes.get(at) {
        let hex = bytes.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok()).and_then(|two| u8::from_str_radix(two, 16).ok());
        match hex {
            Some(value) if byte == b'%' => (out.push(value), at += 3).1,
            _ => (out.push(byte), at += 1).1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The authorities of a PEM file, or the system's.
fn certificates(file: Option<&str>) -> Result<Vec<CertificateDer<'static>>> {
    let Some(file) = file else {
        let found = rustls_native_certs::load_native_certs();
        return if found.certs.is_empty() { Err(invalid("this system has no list of certificate authorities".into(), "the package ca-certificates, or sslrootcert=/path/ca.pem")) } else { Ok(found.certs) };
    };
    chain("sslrootcert", file)
}

/// The certificates of a PEM file, at least one.
fn chain(setting: &str, file: &str) -> Result<Vec<CertificateDer<'static>>> {
    let wrong = |why: String| invalid(format!("{setting}: {file}: {why}"), "a PEM file this user may read, with lines -----BEGIN CERTIFICATE-----");
    let found: Vec<_> = CertificateDer::pem_file_iter(file).and_then(Iterator::collect).map_err(|e| wrong(e.to_string()))?;
    if found.is_empty() { Err(wrong("there is no certificate in it".into())) } else { Ok(found) }
}

/// The key of a PEM file that nobody else may read: as libpq, which refuses others as well.
fn private_key(file: &str) -> Result<PrivateKeyDer<'static>> {
    let wrong = |why: String, expected: &str| invalid(format!("sslkey: {file}: {why}"), expected);
    const PEM: &str = "a PEM file this user may read, with lines -----BEGIN PRIVATE KEY-----";
    #[cfg(unix)]
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        let meta = std::fs::metadata(file).map_err(|e| wrong(e.to_string(), PEM))?;
        // A file of root may be read by a group: how system packages hand keys to a service.
        let others = if meta.uid() == 0 { 0o037 } else { 0o077 };
        if meta.permissions().mode() & others != 0 {
            return Err(wrong(format!("others may read it (mode {:o})", meta.permissions().mode() & 0o777), "mode 600 (chmod 600), or 640 where root owns it"));
        }
    }
    if std::fs::read_to_string(file).is_ok_and(|text| text.contains("ENCRYPTED")) {
        return Err(wrong("it is sealed with a passphrase".into(), "the key without passphrase: openssl pkey -in FILE -out OPEN"));
    }
    PrivateKeyDer::from_pem_file(file).map_err(|e| wrong(e.to_string(), PEM))
}

/// Our certificate with those that lead to its authority, its key, and the file it came from.
type ProofOfUs = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>, String);

fn client(proof: Proof, trusted: Vec<CertificateDer<'static>>, ours: Option<ProofOfUs>) -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    // What cannot be an authority may still be the server's own certificate.
    roots.add_parsable_certificates(trusted.iter().cloned());
    let judge = Arc::new(Judge { provider: provider.clone(), proof, roots, trusted });
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|e| Problem::internal(format!("TLS cannot be set up: {e}")))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(judge);
    match ours {
        None => Ok(builder.with_no_client_auth()),
        Some((certificates, key, file)) => {
            builder.with_client_auth_cert(certificates, key).map_err(|e| invalid(format!("sslcert: {file} and the file of sslkey do not belong together: {e}"), "the certificate of this very key"))
        }
    }
}

/// What a certificate must prove.
#[derive(Clone, Copy, Debug)]
enum Proof {
    Nothing,
    Authority,
    Name,
}

#[derive(Debug)]
struct Judge {
    provider: Arc<CryptoProvider>,
    proof: Proof,
    roots: RootCertStore,
    trusted: Vec<CertificateDer<'static>>,
}

type Judged<T> = std::result::Result<T, rustls::Error>;

impl ServerCertVerifier for Judge {
    fn verify_server_cert(&self, end: &CertificateDer<'_>, between: &[CertificateDer<'_>], name: &ServerName<'_>, _: &[u8], now: UnixTime) -> Judged<ServerCertVerified> {
        if !matches!(self.proof, Proof::Nothing) {
            let certificate = ParsedCertificate::try_from(end)?;
            if !self.trusted.iter().any(|known| known.as_ref() == end.as_ref()) {
                verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, between, now, self.provider.signature_verification_algorithms.all)?;
            }
            if matches!(self.proof, Proof::Name) {
                verify_server_name(&certificate, name)?;
            }
        }
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Judged<HandshakeSignatureValid> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }
    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Judged<HandshakeSignatureValid> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Makes connections of the kind an address asks for.
#[derive(Clone)]
pub(crate) struct Sealing(Arc<ClientConfig>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Sealing {
    type Stream = Sealed<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| io::Error::other(format!("`{host}` is no host name a certificate could be for")))?;
        Ok(Handshake(self.0.clone(), name))
    }
}

pub(crate) struct Handshake(Arc<ClientConfig>, ServerName<'static>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Sealed<S>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Sealed<S>>> + Send>>;

    fn connect(self, stream: S) -> Self::Future {
        Box::pin(async move { tokio_rustls::TlsConnector::from(self.0).connect(self.1, stream).await.map(Sealed) })
    }
}

pub(crate) struct Sealed<S>(tokio_rustls::client::TlsStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Sealed<S> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Sealed<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Sealed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str) -> String {
        target(url).err().map(|p| format!("{} / {}", p.message, p.expected.unwrap_or_default())).unwrap_or_default()
    }

    #[test]
    fn the_address_says_what_is_asked_of_the_certificate() {
        let (config, _) = target("postgres://shouwen@db.example/shouwen?connect_timeout=7").unwrap();
        assert_eq!((config.get_ssl_mode(), config.get_connect_timeout().map(std::time::Duration::as_secs)), (SslMode::Disable, Some(7)));
        for (word, mode) in [("disable", SslMode::Disable), ("prefer", SslMode::Prefer), ("require", SslMode::Require)] {
            assert_eq!(target(&format!("postgres://db.example/x?sslmode={word}&application_name=y")).unwrap().0.get_ssl_mode(), mode);
        }
        assert!(refused("postgres://db.example/x?sslmode=verify").contains("verify-full"));
        assert!(refused("postgres://db.example/x?sslrootcert=/ca.pem").contains("proves nothing"));
        assert!(refused("postgres://db.example/x?sslmode=verify-full&sslrootcert=%2Fno%2Fsuch.pem").contains("/no/such.pem"));
        assert!(refused("postgres://db.example/x?sslmod=require").contains("sslmod"));
        assert!(refused("postgres://db.example/x?sslmode=require&sslcert=/c.pem").contains("sslkey=/path"));
        assert!(refused("postgres://db.example/x?sslmode=require&sslkey=/k.pem").contains("sslcert=/path"));
        assert!(refused("postgres://db.example/x?sslcert=/c.pem&sslkey=/k.pem").contains("not sealed"));
        assert!(refused("postgres://db.example/x?sslmode=require&sslcert=%2Fno%2Fc.pem&sslkey=/k.pem").contains("/no/c.pem"));
    }
}
