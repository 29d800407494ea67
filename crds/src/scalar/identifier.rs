//! Names that are checked once, when they are parsed.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

/// The pattern of identifiers: names of fields, columns, keyspaces and tables.
pub const IDENTIFIER_PATTERN: &str = "^[a-z][a-z0-9_]{0,47}$";
/// The pattern of topic names, which is Kafka's.
pub const TOPIC_NAME_PATTERN: &str = "^[a-zA-Z0-9._-]{1,249}$";

macro_rules! checked_name {
    ($(#[$doc:meta])* $name:ident, $error:ident, $message:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        #[doc = concat!("A text is not a [`", stringify!($name), "`].")]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
        #[error($message)]
        pub struct $error;

        impl $name {
            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> bool = $check;
                if check(text) { Ok(Self(text.into())) } else { Err($error) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

checked_name!(
    /// The name of a field, a column, a keyspace or a table: `^[a-z][a-z0-9_]{0,47}$`.
    Identifier,
    IdentifierError,
    "an identifier must be a lower-case letter, then up to 47 lower-case letters, digits or underscores",
    |text| {
        let mut bytes = text.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_lowercase())
            && text.len() <= 48
            && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    }
);

impl Identifier {
    /// The identifier in CQL. It is quoted, so that reserved words are valid names. No character of it can end the
    /// quotes.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

checked_name!(
    /// The name of a Kafka topic: 1 to 249 letters, digits, dots, underscores or hyphens, and neither `.` nor `..`.
    TopicName,
    TopicNameError,
    "a topic name must have 1 to 249 letters, digits, dots, underscores or hyphens, and is neither . nor ..",
    |text| {
        (1..=249).contains(&text.len())
            && text != "."
            && text != ".."
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    }
);

checked_name!(
    /// The name of a Kafka consumer group: 1 to 249 printable ASCII characters without spaces.
    GroupId,
    GroupIdError,
    "a consumer group must have 1 to 249 printable ASCII characters and no spaces",
    |text| (1..=249).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
);

checked_name!(
    /// The name of a Secret: a DNS subdomain of RFC 1123, which is also a safe name of a directory.
    SecretName,
    SecretNameError,
    "a Secret's name must be a DNS subdomain: at most 253 lower-case letters, digits, hyphens and dots, with a letter or digit at either end of each part",
    |text| text.len() <= 253 && text.split('.').all(is_dns_1123_label)
);

checked_name!(
    /// The name of a pipeline: a DNS label of RFC 1035 with at most 40 characters, so that every derived name fits.
    PipelineName,
    PipelineNameError,
    "a pipeline's name must be a DNS-1035 label of at most 40 characters: a lower-case letter, then lower-case letters, digits or hyphens, not ending with a hyphen",
    |text| {
        text.len() <= 40 && text.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && is_dns_1123_label(text)
    }
);

checked_name!(
    /// The name of a namespace: a DNS label of RFC 1123.
    NamespaceName,
    NamespaceNameError,
    "a namespace's name must be a DNS label: at most 63 lower-case letters, digits or hyphens, with a letter or digit at either end",
    is_dns_1123_label
);

checked_name!(
    /// The name of a Cassandra datacenter: 1 to 48 letters, digits, dots, underscores or hyphens.
    DatacenterName,
    DatacenterNameError,
    "a datacenter's name must have 1 to 48 letters, digits, dots, underscores or hyphens",
    |text| {
        (1..=48).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    }
);

fn is_dns_1123_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && !text.starts_with('-')
        && !text.ends_with('-')
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// The address of a server: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    host: Box<str>,
    port: u16,
}

/// Why a text is not a host and a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostPortError {
    /// The host is missing or has invalid characters.
    #[error("expected host:port, for example kafka:9092")]
    Host,
    /// The port is missing and has no default.
    #[error("the port is missing: write host:port, for example kafka:9092")]
    MissingPort,
    /// The port is not a number from 1 to 65535.
    #[error("a port is a number from 1 to 65535")]
    Port,
}

impl HostPort {
    /// The host name or address; an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Parses `host:port`, or `host` where there is a default port.
    ///
    /// # Errors
    /// When the host or the port is invalid.
    pub fn parse(text: &str, default_port: Option<u16>) -> Result<Self, HostPortError> {
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, rest)) if host.parse::<std::net::Ipv6Addr>().is_ok() => {
                match rest.strip_prefix(':') {
                    Some(port) => (host, Some(port)),
                    None if rest.is_empty() => (host, None),
                    None => return Err(HostPortError::Host),
                }
            }
            Some(_) => return Err(HostPortError::Host),
            None => {
                let (host, port) =
                    text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
                if host.is_empty() || host.len() > 253 || !host.bytes().all(allowed) {
                    return Err(HostPortError::Host);
                }
                (host, port)
            }
        };
        let port = match port {
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => {
                port.parse().ok().filter(|port| *port != 0).ok_or(HostPortError::Port)?
            }
            Some(_) => return Err(HostPortError::Port),
            None => default_port.ok_or(HostPortError::MissingPort)?,
        };
        Ok(Self { host: host.to_ascii_lowercase().into(), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accepted<T: FromStr>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_ok(), "{text:?} is refused");
        }
    }

    fn refused<T: FromStr>(texts: &[&str]) {
        for text in texts {
            assert!(text.parse::<T>().is_err(), "{text:?} is accepted");
        }
    }

    #[test]
    fn names_follow_the_rules_of_the_systems_that_use_them() {
        let long = |length| "a".repeat(length);
        accepted::<Identifier>(&["a", "created_users", "a1_", &long(48)]);
        refused::<Identifier>(&["", "_a", "1a", "A", "a-b", "a b", "a\"", "\u{e4}", "a\n", &long(49)]);
        accepted::<TopicName>(&["a", "users_created.dlq", "A-1", &long(249)]);
        refused::<TopicName>(&["", ".", "..", "a b", "a/b", "\u{e4}", &long(250)]);
        accepted::<GroupId>(&["a", "demo.users", "{x}", &long(249)]);
        refused::<GroupId>(&["", "a b", "a\t", "\u{e4}", &long(250)]);
        accepted::<SecretName>(&["a", "users-kafka", "a.b-c.1", &long(63)]);
        refused::<SecretName>(&["", "..", "a/b", "../a", "A", "a_b", "-a", "a-", "a..b", &long(64)]);
        accepted::<PipelineName>(&["a", "users-1", &long(40)]);
        refused::<PipelineName>(&["", "1a", "a-", "a.b", "A", "a_b", &long(41)]);
        accepted::<NamespaceName>(&["a", "1", "demo-1", &long(63)]);
        refused::<NamespaceName>(&["", "-a", "a.b", &long(64)]);
        accepted::<DatacenterName>(&["dc1", "eu-west-1", "A.b_C", &long(48)]);
        refused::<DatacenterName>(&["", "dc 1", "dc'1", &long(49)]);
    }

    #[test]
    fn host_and_port_are_parsed() {
        let read = |text: &str, default| {
            HostPort::parse(text, default)
                .map(|address| (address.host().to_owned(), address.port(), address.to_string()))
        };
        let address = |host: &str, port, text: &str| Ok((host.to_owned(), port, text.to_owned()));
        assert_eq!(read("Kafka-0.kafka:9093", None), address("kafka-0.kafka", 9093, "kafka-0.kafka:9093"));
        assert_eq!(read("cassandra", Some(9042)), address("cassandra", 9042, "cassandra:9042"));
        assert_eq!(read("[::1]:9092", None), address("::1", 9092, "[::1]:9092"));
        assert_eq!(read("[::1]", Some(9042)), address("::1", 9042, "[::1]:9042"));
        assert_eq!(read("kafka", None), Err(HostPortError::MissingPort));
        for text in ["kafka:", "kafka:x", "kafka:0", "kafka:65536", "kafka:+1", "a:1:2"] {
            assert_eq!(read(text, None), Err(HostPortError::Port), "{text}");
        }
        for text in ["", ":9092", "ka fka:1", "http://kafka:1", "[::1", "[x]:1", "[::1]9092", "a@b:1"] {
            assert!(read(text, Some(1)).is_err(), "{text} is accepted");
        }
    }

    proptest! {
        #[test]
        fn identifier_matches_its_pattern_and_stays_in_its_quotes(text in "[a-zA-Z0-9_\"' ;]{0,50}") {
            let pattern = regex::Regex::new(IDENTIFIER_PATTERN).unwrap();
            let parsed = text.parse::<Identifier>();
            prop_assert_eq!(pattern.is_match(&text), parsed.is_ok());
            if let Ok(identifier) = parsed {
                prop_assert_eq!(identifier.quoted().matches('"').count(), 2);
            }
        }

        #[test]
        fn printed_host_and_port_are_parsed_as_themselves(host in "[a-z0-9][a-z0-9.-]{0,20}", port in 1_u16..) {
            let text = format!("{host}:{port}");
            prop_assert_eq!(HostPort::parse(&text, None).unwrap().to_string(), text);
        }
    }
}
