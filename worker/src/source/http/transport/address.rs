//! Which addresses a source may dial.
//!
//! The author of a pipeline chooses the host, so its addresses are untrusted: they must not reach the cluster's
//! networks, the machine itself or a cloud's metadata service. Public unicast addresses are allowed. All others need a
//! range on the worker's allow-list, and a few are always blocked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// The ranges that may be dialled in addition to public addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct AddressPolicy {
    allowed: Vec<IpNet>,
}

/// Why an address must not be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForbiddenAddress {
    /// It is not public, and no range on the allow-list contains it.
    #[error("{0} is not a public address, and not in a private range that the worker may dial")]
    Private(IpAddr),
    /// It is blocked regardless of the allow-list.
    #[error("{0} is a metadata, link-local or otherwise reserved address, which is always blocked")]
    Blocked(IpAddr),
}

impl AddressPolicy {
    /// A policy that allows these ranges in addition to public addresses.
    pub(crate) fn new(allowed: impl IntoIterator<Item = IpNet>) -> Self {
        Self { allowed: allowed.into_iter().collect() }
    }

    /// Whether a connection to this address may be opened.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), ForbiddenAddress> {
        // An IPv4-mapped address is dialled as its IPv4 address, so it is classified as that.
        let address = address.to_canonical();
        match classify(address) {
            AddressClass::Public => Ok(()),
            AddressClass::SpecialPurpose if self.allowed.iter().any(|range| range.contains(&address)) => {
                Ok(())
            }
            AddressClass::SpecialPurpose => Err(ForbiddenAddress::Private(address)),
            AddressClass::Blocked => Err(ForbiddenAddress::Blocked(address)),
        }
    }
}

/// The classes of addresses, the most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum AddressClass {
    Public,
    SpecialPurpose,
    Blocked,
}

fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

/// Cloud metadata services outside the link-local ranges, which issue credentials. Azure's has a public address.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 3] = [
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254),
    Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23),
    Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254),
];

/// By the special-purpose registry of IANA (RFC 6890 and its successors).
fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let [first, second, third, _] = address.octets();
    match (first, second, third) {
        _ if METADATA_V4.contains(&address) => AddressClass::Blocked,
        // "This network" (some systems dial it as loopback), link-local, multicast, reserved, broadcast.
        (0, ..) | (169, 254, _) | (224.., ..) => AddressClass::Blocked,
        // Loopback, private, shared between carriers.
        (127 | 10, ..) | (172, 16..=31, _) | (192, 168, _) | (100, 64..=127, _) => {
            AddressClass::SpecialPurpose
        }
        // Protocol assignments, documentation, 6to4 relays, benchmarking.
        (192, 0, 0 | 2) | (192, 88, 99) | (198, 18..=19, _) | (198, 51, 100) | (203, 0, 113) => {
            AddressClass::SpecialPurpose
        }
        _ => AddressClass::Public,
    }
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if METADATA_V6.contains(&address) {
        return AddressClass::Blocked;
    }
    let own = match address.segments() {
        // Unspecified, link-local and the former site-local, multicast.
        [0, 0, 0, 0, 0, 0, 0, 0] | [0xfe80..=0xfeff, ..] | [0xff00..=0xffff, ..] => AddressClass::Blocked,
        // NAT64, through which an IPv6-only network reaches public IPv4 addresses.
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => AddressClass::Public,
        // Protocol assignments with Teredo, documentation, 6to4.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] | [0x2002, ..] => {
            AddressClass::SpecialPurpose
        }
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        // Loopback, unique local, and all that is not assigned for public use.
        _ => AddressClass::SpecialPurpose,
    };
    embedded_v4(address).map_or(own, |embedded| own.max(classify_v4(embedded)))
}

/// The IPv4 address embedded in a translated or tunnelled IPv6 address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| Ipv4Addr::from_bits((u32::from(high) << 16) | u32::from(low));
    match address.segments() {
        // NAT64.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(from(high, low)),
        // IPv4-compatible, but not the unspecified and the loopback address.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(from(high, low)),
        // 6to4; Teredo, which stores the client's address inverted; ISATAP.
        [0x2002, high, low, ..] => Some(from(high, low)),
        [0x2001, 0, _, _, _, _, high, low] => Some(from(!high, !low)),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BLOCKED: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "169.254.0.23",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fe80::1",
        "fe80::5efe:8.8.8.8",
        "2001::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
        "::ffff:168.63.129.16",
        "::169.254.169.254",
        "64:ff9b::169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001:0:4136:e378:8000:63bf:5601:5601",
        "2001:db8::5efe:169.254.169.254",
    ];
    const SPECIAL_PURPOSE: &[&str] = &[
        "127.0.0.1",
        "127.255.255.255",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001:0:1:2:3:4:f7f7:f7f7",
        "2001:2::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "2a00::5efe:127.0.0.1",
    ];
    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.1",
        "192.167.255.255",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "::ffff:8.8.8.8",
        "64:ff9b::8.8.8.8",
        "2001:200::1",
        "2606:4700::1111",
        "2a00:1450::1",
    ];

    fn check(policy: &AddressPolicy, address: &str) -> Result<(), ForbiddenAddress> {
        policy.check(address.parse().unwrap())
    }

    fn everything() -> AddressPolicy {
        AddressPolicy::new(["0.0.0.0/0", "::/0"].map(|range| range.parse().unwrap()))
    }

    #[test]
    fn only_public_addresses_are_allowed_by_default() {
        let policy = AddressPolicy::default();
        for address in PUBLIC {
            assert_eq!(check(&policy, address), Ok(()), "{address}");
        }
        for address in SPECIAL_PURPOSE {
            assert!(matches!(check(&policy, address), Err(ForbiddenAddress::Private(_))), "{address}");
        }
        for address in BLOCKED {
            assert!(matches!(check(&policy, address), Err(ForbiddenAddress::Blocked(_))), "{address}");
        }
    }

    #[test]
    fn allow_list_of_everything_still_blocks_metadata_addresses() {
        for address in BLOCKED {
            assert!(matches!(check(&everything(), address), Err(ForbiddenAddress::Blocked(_))), "{address}");
        }
        for address in SPECIAL_PURPOSE.iter().chain(PUBLIC) {
            assert_eq!(check(&everything(), address), Ok(()), "{address}");
        }
    }

    #[test]
    fn allow_list_admits_its_ranges_alone() {
        let policy = AddressPolicy::new(["10.96.0.0/12".parse().unwrap(), "fd12::/16".parse().unwrap()]);
        for address in ["10.96.0.1", "10.111.255.255", "::ffff:10.96.0.1", "fd12::1"] {
            assert_eq!(check(&policy, address), Ok(()), "{address}");
        }
        for address in ["10.95.255.255", "10.112.0.0", "127.0.0.1", "fd13::1", "64:ff9b::10.96.0.1"] {
            assert!(check(&policy, address).is_err(), "{address}");
        }
    }

    proptest! {
        #[test]
        fn ipv4_mapped_address_is_classified_as_its_ipv4_address(bits in any::<u32>()) {
            let address = Ipv4Addr::from_bits(bits);
            for policy in [AddressPolicy::default(), everything()] {
                prop_assert_eq!(
                    policy.check(IpAddr::V6(address.to_ipv6_mapped())),
                    policy.check(IpAddr::V4(address))
                );
            }
        }

        #[test]
        fn embedded_address_is_never_trusted_more_than_its_ipv4(bits in any::<u32>()) {
            let embedded = Ipv4Addr::from_bits(bits);
            let [high, low] = [(bits >> 16) as u16, bits as u16];
            for address in [
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0x2001, 0, 1, 2, 3, 4, !high, !low),
                Ipv6Addr::new(0x2a00, 0, 0, 1, 0, 0x5efe, high, low),
            ] {
                let policy = AddressPolicy::default();
                if policy.check(IpAddr::V6(address)).is_ok() {
                    prop_assert_eq!(policy.check(IpAddr::V4(embedded)), Ok(()), "{}", address);
                }
            }
        }
    }
}
