//! Which IP addresses a request may go to.
//!
//! Invariant: an address is public only if the IANA special-purpose registries (RFC 6890, as of
//! 2026) leave it to the public internet; what carries an IPv4 address inside is judged by that
//! one, or refused.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
};

/// A block of addresses, as CIDR notation writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotANetwork {
    #[error("`{0}` is no network: write an address or a CIDR block, such as 10.0.0.0/8")]
    Malformed(String),
    #[error("`{given}` has bits set beyond its prefix: did you mean {meant}?")]
    HostBits { given: String, meant: Network },
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Network {
    Network { base: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Network {
    Network { base: IpAddr::V6(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0)), prefix }
}

const REFUSED_V4: [Network; 17] = [
    v4(0, 0, 0, 0, 8),          // this network, and unspecified
    v4(10, 0, 0, 0, 8),         // private
    v4(100, 64, 0, 0, 10),      // carrier-grade NAT
    v4(127, 0, 0, 0, 8),        // loopback
    v4(168, 63, 129, 16, 32),   // Azure's host agent: a public address that every guest reaches
    v4(169, 254, 0, 0, 16),     // link-local, and most clouds' metadata
    v4(172, 16, 0, 0, 12),      // private
    v4(192, 0, 0, 0, 24),       // protocol assignments
    v4(192, 0, 2, 0, 24),       // documentation
    v4(192, 88, 99, 0, 24),     // 6to4 relays
    v4(192, 168, 0, 0, 16),     // private
    v4(198, 18, 0, 0, 15),      // benchmarking
    v4(198, 51, 100, 0, 24),    // documentation
    v4(203, 0, 113, 0, 24),     // documentation
    v4(224, 0, 0, 0, 4),        // multicast
    v4(240, 0, 0, 0, 4),        // reserved
    v4(255, 255, 255, 255, 32), // broadcast
];

/// All that is routed publicly; ULA, link-local, multicast, discard and IPv4-compatible lie outside.
const GLOBAL_V6: Network = v6(0x2000, 0, 0, 3);
const NAT64: Network = v6(0x64, 0xff9b, 0, 96);
const SIX_TO_FOUR: Network = v6(0x2002, 0, 0, 16);

const REFUSED_V6: [Network; 3] = [
    v6(0x2001, 0, 0, 23),     // protocol assignments: Teredo, benchmarking, ORCHID
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x3fff, 0, 0, 20),     // documentation
];

impl Network {
    /// What an IPv4 block or IPv6 block names; an address alone is a block of one.
    pub fn parse(text: &str) -> Result<Self, NotANetwork> {
        let malformed = || NotANetwork::Malformed(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| malformed())?;
        let bits: u8 = if base.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            None => bits,
            Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|prefix| *prefix <= bits).ok_or_else(malformed)?
            }
            Some(_) => return Err(malformed()),
        };
        // A mapped block is the IPv4 block inside it: addresses are judged in that form.
        let (base, prefix) = match base.to_canonical() {
            IpAddr::V4(inner) if base.is_ipv6() => (IpAddr::V4(inner), prefix.checked_sub(96).ok_or_else(malformed)?),
            same => (same, prefix),
        };
        let network = Self { base: masked(base, prefix), prefix };
        if network.base == base {
            Ok(network)
        } else {
            Err(NotANetwork::HostBits { given: text.to_owned(), meant: network })
        }
    }

    /// This machine's own addresses, of both families.
    #[must_use]
    pub fn loopback() -> [Self; 2] {
        [v4(127, 0, 0, 0, 8), Self { base: IpAddr::V6(Ipv6Addr::LOCALHOST), prefix: 128 }]
    }

    /// An IPv4 address mapped into IPv6 is the IPv4 address.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && masked(address, self.prefix) == self.base
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        Self::parse(text)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let prefix = u32::from(prefix);
    match address {
        IpAddr::V4(a) => IpAddr::V4(Ipv4Addr::from_bits(a.to_bits() & !u32::MAX.checked_shr(prefix).unwrap_or(0))),
        IpAddr::V6(a) => IpAddr::V6(Ipv6Addr::from_bits(a.to_bits() & !u128::MAX.checked_shr(prefix).unwrap_or(0))),
    }
}

/// Whether a request may go there: the address is public, or one of `allowed` opens it.
#[must_use]
pub fn is_open(address: IpAddr, allowed: &[Network]) -> bool {
    is_public(address) || allowed.iter().any(|network| network.contains(address))
}

/// Whether the address is on the public internet, by the registries alone.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        address @ IpAddr::V4(_) => !REFUSED_V4.iter().any(|network| network.contains(address)),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [_, one, two, _, _, _, six, seven] = address.segments();
    let whole = IpAddr::V6(address);
    if NAT64.contains(whole) {
        return is_public(IpAddr::V4(embedded(six, seven)));
    }
    if SIX_TO_FOUR.contains(whole) {
        return is_public(IpAddr::V4(embedded(one, two)));
    }
    GLOBAL_V6.contains(whole) && !REFUSED_V6.iter().any(|network| network.contains(whole))
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low))
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
