//! Connections to mail servers: name, port, TLS. Where they may lead is decided by [`shouwen_web::guard`], as for webhooks.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::trouble::{Trouble, Why};

/// Whatever bytes go over.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + std::fmt::Debug> Wire for T {}

/// Seconds to connect and to shake hands.
const CONNECT_S: u64 = 20;

/// Where and how to connect.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    pub host: &'a str,
    pub port: u16,
    pub allow_self_signed: bool,
    pub ca_pem: Option<&'a str>,
    /// Private hosts the operator allowed by name.
    pub allowed: &'a [String],
}

/// The addresses of a host that may be called; looked up once.
pub async fn addresses(host: &str, port: u16, allowed: &[String]) -> Result<Vec<std::net::SocketAddr>, Trouble> {
    match tokio::time::timeout(Duration::from_secs(CONNECT_S), shouwen_web::guard::resolve(host, port, allowed)).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(problem)) => {
            let why = if problem.code == "host.private" { Why::Private } else { Why::Host };
            let right = problem.expected.filter(|_| why == Why::Private).map(|e| format!("; expected {e}")).unwrap_or_default();
            Err(Trouble::new(why, format!("{}{right}", problem.message)))
        }
        Err(_) => Err(Trouble::timeout("name look-up", CONNECT_S)),
    }
}

/// A TCP connection within the time.
pub async fn tcp(target: &Target<'_>) -> Result<TcpStream, Trouble> {
    let limit = Duration::from_secs(CONNECT_S);
    let addresses = addresses(target.host, target.port, target.allowed).await?;
    let mut last = Trouble::new(Why::Host, format!("{}: the name has no address", target.host));
    for address in addresses {
        match tokio::time::timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => {
                last = Trouble::io(&error);
                last.words = format!("{address}: {}", last.words);
            }
            Err(_) => last = Trouble::timeout(&format!("connecting to {address}"), CONNECT_S),
        }
    }
    Err(last)
}

/// Shakes hands over `stream`.
pub async fn secure(stream: TcpStream, target: &Target<'_>) -> Result<Box<dyn Wire>, Trouble> {
    let config = client_config(target.allow_self_signed, target.ca_pem)?;
    let name = ServerName::try_from(target.host.to_owned()).map_err(|e| Trouble::new(Why::Host, format!("{}: {e}", target.host)))?;
    match tokio::time::timeout(Duration::from_secs(CONNECT_S), TlsConnector::from(config).connect(name, stream)).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => {
            let trouble = Trouble::io(&error);
            // A server that hangs up during the handshake most likely does not speak TLS here.
            Err(if trouble.why == Why::Lost { Trouble::new(Why::TlsMismatch, trouble.words) } else { trouble })
        }
        Err(_) => Err(Trouble::new(Why::TlsMismatch, format!("no TLS handshake within {CONNECT_S} s"))),
    }
}

/// One line of a server, without its end; read byte by byte so that nothing is read ahead of an upgrade to TLS.
pub async fn read_line(stream: &mut (impl AsyncRead + Unpin), seconds: u64) -> Result<String, Trouble> {
    let mut line = Vec::new();
    let read = async {
        loop {
            let byte = stream.read_u8().await?;
            if byte == b'\n' {
                return Ok::<(), std::io::Error>(());
            }
            if line.len() >= 8192 {
                return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "a line of more than 8 KiB"));
            }
            line.push(byte);
        }
    };
    match tokio::time::timeout(Duration::from_secs(seconds), read).await {
        Ok(Ok(())) => Ok(String::from_utf8_lossy(&line).trim_end().to_owned()),
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => Err(Trouble::new(Why::Protocol, format!("{error}: {}", String::from_utf8_lossy(&line[..line.len().min(80)])))),
        Ok(Err(error)) => Err(Trouble::io(&error)),
        // A TLS port waits for our handshake and says nothing.
        Err(_) => Err(Trouble::new(Why::Timeout, format!("the server said nothing within {seconds} s; a TLS port does that to who speaks in the clear"))),
    }
}

/// Sends one line.
pub async fn write_line(stream: &mut (impl AsyncWrite + Unpin), line: &str) -> Result<(), Trouble> {
    let write = async {
        stream.write_all(format!("{line}\r\n").as_bytes()).await?;
        stream.flush().await
    };
    match tokio::time::timeout(Duration::from_secs(30), write).await {
        Ok(outcome) => outcome.map_err(|e| Trouble::io(&e)),
        Err(_) => Err(Trouble::timeout("sending", 30)),
    }
}

/// Certificates out of PEM; the reason when there are none.
pub fn authorities(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match all {
        Ok(list) if list.is_empty() => Err("it holds no certificate".to_owned()),
        Ok(list) => {
            let mut store = RootCertStore::empty();
            for certificate in &list {
                store.add(certificate.clone()).map_err(|e| format!("it holds a certificate that cannot be used: {e}"))?;
            }
            Ok(list)
        }
        Err(error) => Err(format!("it cannot be read: {error}")),
    }
}

/// The system's authorities; read once, because a read takes milliseconds and every connection asks.
fn system_roots() -> &'static RootCertStore {
    static ROOTS: std::sync::OnceLock<RootCertStore> = std::sync::OnceLock::new();
    ROOTS.get_or_init(|| {
        let mut store = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "some of the system's certificate authorities cannot be read");
        }
        store.add_parsable_certificates(found.certs);
        store
    })
}

fn client_config(allow_self_signed: bool, ca_pem: Option<&str>) -> Result<Arc<ClientConfig>, Trouble> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(|e| Trouble::tls(&e))?;
    if allow_self_signed {
        let config = builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider))).with_no_client_auth();
        return Ok(Arc::new(config));
    }
    let mut roots = system_roots().clone();
    if let Some(pem) = ca_pem {
        for certificate in authorities(pem).map_err(|why| Trouble::new(Why::Certificate, why))? {
            roots.add(certificate).map_err(|e| Trouble::tls(&e))?;
        }
    }
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// The explicit exception of an inbox: whatever certificate, but the handshake itself is still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: &ServerName<'_>, _: &[u8], _: UnixTime) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn verify_tls13_signature(&self, message: &[u8], cert: &CertificateDer<'_>, dss: &DigitallySignedStruct) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
