use super::*;

fn public(address: &str) -> bool {
    is_public(address.parse().expect("an address"))
}

/// The first, some middle and the last address of every range that is refused.
#[test]
fn what_is_not_on_the_public_internet_is_refused() {
    for address in [
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.0",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.0.0",
        "169.254.169.254",
        "169.254.255.255",
        "172.16.0.0",
        "172.31.255.255",
        "192.0.0.0",
        "192.0.0.192",
        "192.0.0.255",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.0",
        "192.168.255.255",
        "198.18.0.0",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        // IPv6: unspecified, loopback, compatible, translated, discard, ULA, link- and site-local, multicast.
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:0:127.0.0.1",
        "100::1",
        "100:0:0:1::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
        "4000::1",
        "1fff::1",
        // Documentation, Teredo, benchmarking, ORCHID.
        "2001:db8::1",
        "2001:db8:ffff::1",
        "3fff::1",
        "3fff:fff:ffff::1",
        "2001::1",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:2::1",
        "2001:20::1",
        "2001:1ff::1",
        // IPv4 inside IPv6.
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::10.1.2.3",
        "64:ff9b:1::8.8.8.8",
        "64:ff9b:1:ffff::1",
        "64:ff9b:0:1::1",
        "2002:7f00:1::",
        "2002:0a00:0001::1",
        "2002:c0a8:0101:1::1",
    ] {
        assert!(!public(address), "{address}");
    }
}

/// The neighbours of those ranges.
#[test]
fn what_is_on_the_public_internet_is_open() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "203.0.112.255",
        "223.255.255.255",
        "2000::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2001:db7::1",
        "2001:db9::1",
        "2606:4700::1111",
        "3ffe::1",
        "3fff:1000::1",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2002:0808:0808::1",
    ] {
        assert!(public(address), "{address}");
    }
}

#[test]
fn an_allowed_network_opens_its_own_addresses_and_no_others() {
    let allowed = ["127.0.0.0/8", "fd12:3456::/32", "10.1.2.3"].map(|text| Network::parse(text).expect("a network"));
    for (address, open) in [
        ("127.0.0.1", true),
        ("127.255.0.9", true),
        ("::ffff:127.0.0.1", true),
        ("::1", false),
        ("10.1.2.3", true),
        ("10.1.2.4", false),
        ("fd12:3456:7::1", true),
        ("fd12:3457::1", false),
        ("2002:7f00:1::", false),
        ("64:ff9b::127.0.0.1", false),
        ("8.8.8.8", true),
    ] {
        assert_eq!(is_open(address.parse().expect("an address"), &allowed), open, "{address}");
    }
    let loopback = Network::loopback();
    assert!(is_open(IpAddr::V6(Ipv6Addr::LOCALHOST), &loopback) && is_open(Ipv4Addr::LOCALHOST.into(), &loopback));
}

#[test]
fn a_network_is_read_and_written_as_cidr() {
    for text in ["0.0.0.0/0", "::/0", "10.0.0.0/8", "192.168.1.7/32", "fd00::/8", "::1/128"] {
        assert_eq!(Network::parse(text).expect("a network").to_string(), text);
    }
    assert_eq!(Network::parse("::ffff:10.0.0.0/104"), Network::parse("10.0.0.0/8"));
    assert!(Network::parse("0.0.0.0/0").expect("a network").contains(Ipv4Addr::BROADCAST.into()));
    for text in [
        "",
        "/8",
        "10.0.0.0/",
        "10.0.0.0/33",
        "::/129",
        "10.0.0.0/+8",
        "10.0.0.0/-1",
        "10.0/8",
        "a/8",
        "::ffff:0.0.0.0/90",
    ] {
        assert!(matches!(Network::parse(text), Err(NotANetwork::Malformed(_))), "{text}");
    }
    let refused = Network::parse("10.0.0.1/8").expect_err("host bits").to_string();
    assert_eq!(refused, "`10.0.0.1/8` has bits set beyond its prefix: did you mean 10.0.0.0/8?");
}
