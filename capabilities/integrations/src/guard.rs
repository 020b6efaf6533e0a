//! Where an outbound call may go: not into our own network, unless the operator allowed that host by name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use shouwen_kernel::{Kind, Problem, Result};

/// Whether an address is on the public internet.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public_v4(v4),
            None => is_public_v6(v6),
        },
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_unspecified()
        || ip.is_multicast()
        || a == 0
        || (a == 100 && (64..128).contains(&b)) // carrier-grade NAT
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (18..20).contains(&b))
        || a >= 240)
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let embeds_v4 = (a == 0x64 && b == 0xFF9B) || a == 0x2002 || (a == 0x2001 && b == 0);
    !(ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || (a & 0xFE00) == 0xFC00 || (a & 0xFFC0) == 0xFE80 || a == 0 || embeds_v4 || (a == 0x2001 && b == 0xDB8))
}

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

/// Looks the host up once and gives the address to connect to; every address must be allowed, and the connection is
/// made to the one checked, so that a second look-up cannot lead elsewhere.
pub async fn resolve(url: &reqwest::Url, allowed_hosts: &[String]) -> Result<SocketAddr> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = url.port_or_known_default().unwrap_or(443);
    let upstream = |why: String| Problem::new(Kind::Upstream, "webhook.unreachable", why);
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), port)).await.map_err(|e| upstream(format!("{host} cannot be found: {e}")))?.collect();
    let first = found.first().copied().ok_or_else(|| upstream(format!("{host} has no address")))?;
    if allowed_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(&host)) {
        return Ok(first);
    }
    match found.iter().find(|address| !is_public(address.ip())) {
        Some(private) => Err(Problem::new(Kind::Forbidden, "webhook.private", format!("{host} leads to {}, inside a private network", private.ip())).expected(format!("a public host, or start the server with --allow-private-host {host}"))),
        None => Ok(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_private_and_disguised_addresses_are_not_public() {
        for text in ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255", "::1", "::", "fc00::1", "fe80::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "2001:db8::1"] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in ["1.1.1.1", "203.119.1.1", "2606:4700::1111"] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn odd_urls_are_refused_with_what_would_be_right() {
        for text in ["", "ftp://a.example", "javascript:alert(1)", "https://user:pw@a.example/", "//a", "file:///etc/passwd"] {
            assert!(check_url(text).is_err(), "{text}");
        }
        assert!(check_url("https://erp.example.com/hook").is_ok());
    }
}
