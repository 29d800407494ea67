//! Which URLs a source may request, before anything is dialled.
//!
//! Applies to the configured URL, to every redirect and to every link to a next page. The resolver checks the addresses
//! of hosts that are names.

use std::net::IpAddr;

use url::Url;

use super::address::{AddressPolicy, ForbiddenAddress};

/// Why a URL must not be requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ForbiddenUrl {
    /// Neither http nor https.
    #[error("the URL has a scheme other than http and https")]
    Scheme,
    /// A user name or a password in the URL, which would be logged and saved.
    #[error("the URL contains a user name or password; use auth instead")]
    UserInfo,
    /// No host at all.
    #[error("the URL has no host")]
    Host,
    /// The host is a literal address that must not be dialled.
    #[error(transparent)]
    Address(#[from] ForbiddenAddress),
}

/// Checks everything about a URL that needs no name resolution.
///
/// The URL parser normalizes every spelling of an IPv4 address (decimal, octal, hexadecimal, shortened, with full-width
/// digits) to dotted decimal.
pub(crate) fn check(url: &Url, policy: &AddressPolicy) -> Result<(), ForbiddenUrl> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(ForbiddenUrl::Scheme);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(ForbiddenUrl::UserInfo);
    }
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(ForbiddenUrl::Host)?;
    if let Some(address) = literal_address(host) {
        policy.check(address)?;
    }
    Ok(())
}

/// The address of a host that is a literal. `None` for a name.
fn literal_address(host: &str) -> Option<IpAddr> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// Whether two URLs have the same scheme, host and port, so that credentials for one may be sent to the other.
pub(crate) fn same_origin(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host_str() == other.host_str()
        && one.port_or_known_default() == other.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The outcome of checking a configured URL.
    #[derive(Debug, PartialEq, Eq)]
    enum Outcome {
        /// The URL parser rejects it.
        Unparsable,
        Scheme,
        UserInfo,
        Private,
        Blocked,
        /// A name, which the resolver checks.
        Name,
        Allowed,
    }
    use Outcome::{Allowed, Blocked, Name, Private, Scheme, Unparsable, UserInfo};

    fn outcome(text: &str) -> Outcome {
        let Ok(url) = Url::parse(text) else { return Unparsable };
        match check(&url, &AddressPolicy::default()) {
            Ok(()) if url.host_str().and_then(literal_address).is_none() => Name,
            Ok(()) => Allowed,
            Err(ForbiddenUrl::Scheme) => Scheme,
            Err(ForbiddenUrl::UserInfo) => UserInfo,
            Err(ForbiddenUrl::Host) => Unparsable,
            Err(ForbiddenUrl::Address(ForbiddenAddress::Private(_))) => Private,
            Err(ForbiddenUrl::Address(ForbiddenAddress::Blocked(_))) => Blocked,
        }
    }

    #[test]
    fn hostile_spellings_of_addresses_are_recognised() {
        for (text, expected) in SPELLINGS {
            assert_eq!(outcome(text), *expected, "{text:?}");
        }
    }

    const SPELLINGS: &[(&str, Outcome)] = &[
        // Schemes.
        ("file:///etc/passwd", Scheme),
        ("ftp://example.com/", Scheme),
        ("gopher://127.0.0.1:11211/_stats", Scheme),
        ("dict://127.0.0.1:11211/stats", Scheme),
        ("ldap://127.0.0.1/", Scheme),
        ("ws://127.0.0.1/", Scheme),
        ("unix:/run/containerd/containerd.sock", Scheme),
        ("data:application/json,[]", Scheme),
        ("javascript:1", Scheme),
        ("jar:http://example.com/!/", Scheme),
        ("FILE:///etc/passwd", Scheme),
        // User info.
        ("http://user@example.com/", UserInfo),
        ("http://user:password@example.com/", UserInfo),
        ("http://:password@example.com/", UserInfo),
        ("http://example.com@127.0.0.1/", UserInfo),
        ("http://example.com%40evil@127.0.0.1/", UserInfo),
        ("http://127.0.0.1:80@example.com/", UserInfo),
        // Loopback in every spelling.
        ("http://127.0.0.1/", Private),
        ("http://127.0.0.1:10250/pods", Private),
        ("https://127.0.0.1:6443/api", Private),
        ("http://127.1/", Private),
        ("http://127.0.1/", Private),
        ("http://127.0.0.1./", Private),
        ("http://2130706433/", Private),
        ("http://017700000001/", Private),
        ("http://0177.0.0.1/", Private),
        ("http://0x7f000001/", Private),
        ("http://0x7F.0.0.0x1/", Private),
        ("http://0x7f.1/", Private),
        ("http://0000177.0.0.01/", Private),
        ("http://%31%32%37.0.0.1/", Private),
        ("http://①②⑦.⓪.⓪.①/", Private),
        ("http://１２７.０.０.１/", Private),
        ("http://127。0。0。1/", Private),
        ("http://127.0.0.1\\@example.com/", Private),
        ("http://127.0.0.1#@example.com/", Private),
        ("http://127.0.0.1?@example.com/", Private),
        ("http:127.0.0.1/", Private),
        ("http:/127.0.0.1/", Private),
        ("http:\\\\127.0.0.1\\", Private),
        ("http:///127.0.0.1/", Private),
        ("h\tt\ntp://127.0.0.1/", Private),
        ("http://127.\t0.0.1/", Private),
        ("http://[::1]/", Private),
        ("http://[0:0:0:0:0:0:0:1]/", Private),
        ("http://[::ffff:127.0.0.1]/", Private),
        ("http://[::ffff:7f00:1]/", Private),
        ("http://[0:0:0:0:0:FFFF:7F00:0001]/", Private),
        ("http://[::127.0.0.1]/", Private),
        // Private networks, the API server's usual address, the kubelet.
        ("https://10.96.0.1/", Private),
        ("http://10.0.0.1:10255/", Private),
        ("http://167772161/", Private),
        ("http://012.0.0.1/", Private),
        ("http://172.16.0.1/", Private),
        ("http://192.168.1.1/", Private),
        ("http://100.64.0.1/", Private),
        ("http://[fd00::1]/", Private),
        ("http://[64:ff9b::10.0.0.1]/", Private),
        // Unspecified, broadcast and multicast.
        ("http://0.0.0.0/", Blocked),
        ("http://0/", Blocked),
        ("http://0x0/", Blocked),
        ("http://[::]/", Blocked),
        ("http://255.255.255.255/", Blocked),
        ("http://224.0.0.1/", Blocked),
        // Metadata.
        ("http://169.254.169.254/latest/meta-data/", Blocked),
        ("http://2852039166/", Blocked),
        ("http://0xA9FEA9FE/", Blocked),
        ("http://0251.0376.0251.0376/", Blocked),
        ("http://0xa9.0xfe.0xa9.0xfe/", Blocked),
        ("http://169.254.43518/", Blocked),
        ("http://169.16689662/", Blocked),
        ("http://169.254.170.2/v2/credentials", Blocked),
        ("http://100.100.100.200/", Blocked),
        ("http://168.63.129.16/", Blocked),
        ("http://[fd00:ec2::254]/", Blocked),
        ("http://[FD00:0EC2:0:0:0:0:0:0254]/", Blocked),
        ("http://[::ffff:169.254.169.254]/", Blocked),
        ("http://[::ffff:a9fe:a9fe]/", Blocked),
        ("http://[64:ff9b::a9fe:a9fe]/", Blocked),
        ("http://[2002:a9fe:a9fe::]/", Blocked),
        ("http://[fe80::1]/", Blocked),
        // Not URLs.
        ("", Unparsable),
        ("example.com", Unparsable),
        ("//127.0.0.1/", Unparsable),
        ("http://", Unparsable),
        ("http://256.256.256.256/", Unparsable),
        ("http://127.0.0.0.1/", Unparsable),
        ("http://4294967296/", Unparsable),
        ("http://0x100000000/", Unparsable),
        ("http://[fe80::1%25eth0]/", Unparsable),
        ("http://[::1/", Unparsable),
        ("http://example.com:99999/", Unparsable),
        ("http://exa mple.com/", Unparsable),
        ("http://127.0.0.1%00.example.com/", Unparsable),
        // Names go to the resolver, whose answer is checked.
        ("http://localhost/", Name),
        ("http://localhost./", Name),
        ("http://127.0.0.1.nip.io/", Name),
        ("http://metadata.google.internal/", Name),
        ("http://kubernetes.default.svc/", Name),
        ("http://example.com/", Name),
        // Public addresses.
        ("http://8.8.8.8/", Allowed),
        ("https://[2606:4700::1111]/", Allowed),
        ("http://[64:ff9b::8.8.8.8]/", Allowed),
    ];

    #[test]
    fn origin_is_scheme_host_and_port() {
        let origin = |text: &str| Url::parse(text).unwrap();
        let base = origin("https://api.example.com/users");
        for same in
            ["https://api.example.com/", "https://API.example.com:443/x?y", "https://api.example.com:443"]
        {
            assert!(same_origin(&base, &origin(same)), "{same}");
        }
        for other in [
            "http://api.example.com/users",
            "https://example.com/users",
            "https://api.example.com:8443/users",
            "https://api.example.com.evil.example/users",
            "https://apiexample.com/users",
        ] {
            assert!(!same_origin(&base, &origin(other)), "{other}");
        }
    }
}
