//! Where the house may call out to, for webhooks and mail servers alike: not into our own network, unless the operator
//! allowed that host by name, and never to link-local addresses, where cloud machines keep their secrets.

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

/// 169.254/16 and fe80::/10, also where the former is written inside a v6 address.
pub fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => (v6.segments()[0] & 0xFFC0) == 0xFE80 || embedded_v4(v6).is_some_and(|v4| v4.is_link_local()),
    }
}

/// The v4 address inside a mapped, NAT64 or 6to4 address.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0xFFFF | 0, high, low] => Some(of(high, low)),
        [0x64, 0xFF9B, .., high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
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

fn bare(host: &str) -> &str {
    host.trim_matches(['[', ']']).trim_end_matches('.')
}

fn is_allowed(host: &str, allowed: &[String]) -> bool {
    allowed.iter().any(|name| bare(name).eq_ignore_ascii_case(host))
}

/// Whether a host may be named at all, as far as can be told without a look-up: an address, or `localhost`.
///
/// # Errors
/// `host.private` with what would be right; the caller adds the field.
pub fn check_name(host: &str, allowed: &[String]) -> Result<()> {
    let host = bare(host);
    match host.parse::<IpAddr>() {
        Ok(ip) => check_address(host, ip, allowed),
        Err(_) if host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost") => check_address(host, IpAddr::V4(Ipv4Addr::LOCALHOST), allowed),
        Err(_) => Ok(()),
    }
}

fn check_address(host: &str, ip: IpAddr, allowed: &[String]) -> Result<()> {
    let refused = |message: String| Problem::new(Kind::Forbidden, "host.private", message);
    if is_link_local(ip) {
        return Err(refused(format!("{host} leads to {ip}, a link-local address inside a private network; those are never called")).expected("a host with an address of its own"));
    }
    if is_public(ip) || is_allowed(host, allowed) {
        return Ok(());
    }
    Err(refused(format!("{host} leads to {ip}, inside a private network")).expected(format!("a public host, or start the server with --allow-private-host {host}")))
}

/// Looks a host up once and gives the addresses to connect to. Every one of them must be allowed, and the connection is to
/// be made to one of those, so that a second look-up cannot lead elsewhere.
///
/// # Errors
/// `host.unknown` when the name leads nowhere, `host.private` when it leads inside.
pub async fn resolve(host: &str, port: u16, allowed: &[String]) -> Result<Vec<SocketAddr>> {
    let host = bare(host);
    let unknown = |why: String| Problem::new(Kind::Upstream, "host.unknown", why).expected("a host name that can be looked up from this machine");
    let found: Vec<SocketAddr> = tokio::net::lookup_host((host, port)).await.map_err(|e| unknown(format!("{host} cannot be found: {e}")))?.collect();
    if found.is_empty() {
        return Err(unknown(format!("{host} has no address")));
    }
    found.iter().try_for_each(|address| check_address(host, address.ip(), allowed))?;
    Ok(found)
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
    fn sec_link_local_is_refused_even_when_allowed_by_name() {
        let allowed = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "127.0.0.1", "localhost", "10.0.0.5"].map(str::to_owned);
        for host in &allowed[..5] {
            let refused = check_name(host, &allowed).unwrap_err();
            assert!(refused.code == "host.private" && refused.message.contains("link-local"), "{refused}");
        }
        for host in ["127.0.0.1", "localhost", "LOCALHOST.", "10.0.0.5", "mail.example.com", "1.1.1.1"] {
            assert!(check_name(host, &allowed).is_ok(), "{host}");
        }
        for host in ["127.0.0.1", "localhost", "box.localhost", "[::1]", "10.0.0.5", "0.0.0.0"] {
            let refused = check_name(host, &[]).unwrap_err();
            assert!(refused.expected.unwrap().contains("--allow-private-host"), "{host}");
        }
    }

    #[tokio::test]
    async fn sec_a_name_that_leads_inside_is_refused_unless_allowed() {
        assert_eq!(resolve("localhost", 25, &[]).await.unwrap_err().code, "host.private");
        assert!(resolve("localhost", 25, &["localhost".to_owned()]).await.unwrap().iter().all(|a| a.ip().is_loopback()));
        assert_eq!(resolve("no-such-host.invalid", 25, &[]).await.unwrap_err().code, "host.unknown");
    }
}
