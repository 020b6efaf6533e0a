//! What a webhook's address may look like, and where it leads.

use std::net::SocketAddr;

use shouwen_kernel::{Problem, Result};

/// A URL a webhook may have: http or https, a host, no credentials.
pub fn check_url(text: &str) -> Result<reqwest::Url> {
    let wrong = |why: &str| Problem::invalid("url", format!("`{}` {why}", shouwen_kernel::text::clip(text, 120))).expected("https://erp.example.com/hooks/shouwen");
    let url = reqwest::Url::parse(text).map_err(|_| wrong("is not a web address"))?;
    if url.scheme() != "https" && url.scheme() != "http" {
        return Err(wrong("is neither https nor http"));
    }
    if url.host_str().is_none() || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has no host, or carries a password"));
    }
    Ok(url)
}

/// The address to connect to: looked up once, every address allowed ([`shouwen_web::guard`]), so that a second look-up
/// cannot lead elsewhere.
pub async fn resolve(url: &reqwest::Url, allowed_hosts: &[String]) -> Result<SocketAddr> {
    let port = url.port_or_known_default().unwrap_or(443);
    let found = shouwen_web::guard::resolve(url.host_str().unwrap_or_default(), port, allowed_hosts).await?;
    found.first().copied().ok_or_else(|| Problem::new(shouwen_kernel::Kind::Upstream, "host.unknown", "the host has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_urls_are_refused_with_what_would_be_right() {
        for text in ["", "ftp://a.example", "javascript:alert(1)", "https://user:pw@a.example/", "//a", "file:///etc/passwd"] {
            assert!(check_url(text).is_err(), "{text}");
        }
        assert!(check_url("https://erp.example.com/hook").is_ok());
    }
}
