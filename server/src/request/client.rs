//! Where a request comes from: the other end of the connection, or what the operator's own proxies say stood before them.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap, HeaderName};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Where a request comes from, as handlers find it among its extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The address of whoever asks, behind so many proxies of the operator's. Each of these adds at the end of the header
/// where its request came from; what stands before that anybody may have written.
pub fn client_address(headers: &HeaderMap, peer: IpAddr, trusted_proxies: usize) -> IpAddr {
    let told: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or_default().split(','))
        .collect();
    let place = told
        .len()
        .checked_sub(trusted_proxies)
        .filter(|_| trusted_proxies > 0);
    place
        .and_then(|place| parse(told.get(place)?.trim()))
        .unwrap_or(peer)
        .to_canonical()
}

/// The other end of the connection; no address at all when it is not known.
pub fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(Ipv6Addr::UNSPECIFIED.into(), |info| info.0.ip())
}

/// The part of an address that one client has to itself: of IPv6 the first 64 bits, as whoever has one address there
/// has them all.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
    }
}

/// An address, with or without a port.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn told(lines: &[&str], trusted_proxies: usize) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_str(line).unwrap());
        }
        client_address(&headers, [192, 0, 2, 1].into(), trusted_proxies).to_string()
    }

    #[test]
    fn only_what_trusted_proxies_wrote_is_believed() {
        let chain = ["203.0.113.9, 198.51.100.7", " 10.0.0.2"];
        assert_eq!(told(&chain, 0), "192.0.2.1", "nobody is trusted");
        assert_eq!(told(&chain, 1), "10.0.0.2");
        assert_eq!(told(&chain, 2), "198.51.100.7");
        assert_eq!(told(&chain, 3), "203.0.113.9");
        assert_eq!(told(&chain, 4), "192.0.2.1", "so many have not written");
        assert_eq!(told(&[], 1), "192.0.2.1");
    }

    #[test]
    fn garbage_is_the_peer() {
        for text in [
            "",
            "unknown",
            "_hidden",
            "1.2.3",
            "1.2.3.4.5",
            ",",
            "::1::",
            "é",
        ] {
            assert_eq!(told(&[text], 1), "192.0.2.1", "{text:?}");
        }
    }

    #[test]
    fn ports_and_brackets_are_read_past() {
        assert_eq!(told(&["198.51.100.7:4711"], 1), "198.51.100.7");
        assert_eq!(told(&["[2001:db8::1]:4711"], 1), "2001:db8::1");
        assert_eq!(told(&["[2001:db8::1]"], 1), "2001:db8::1");
        assert_eq!(told(&["::ffff:198.51.100.7"], 1), "198.51.100.7");
    }

    #[test]
    fn a_network_is_one_client() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2::"), of("2001:db8:1:2:ffff::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("198.51.100.7"), "198.51.100.7");
    }
}
