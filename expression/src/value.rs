//! The values of expressions.

mod map;
mod type_name;

use std::net::IpAddr;

use ipnet::IpNet;

use super::budget::Budget;
use super::evaluation_error::EvaluationErrorKind;
use super::kind::Kind;
use super::number::Number;
use super::time::Timestamp;

pub use map::Map;
pub use type_name::TypeName;

/// A value. It refers to the record, to the expression and to the region of its [`Budget`](super::Budget).
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// No value: a member that the record does not have, or what is computed from it.
    Absent,
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer of 64 bits without a sign.
    Uint(u64),
    /// A double.
    Double(f64),
    /// A number with all its digits, as JSON writes it.
    Decimal(&'a str),
    /// Text.
    String(&'a str),
    /// Bytes.
    Bytes(&'a [u8]),
    /// A list.
    List(&'a [Value<'a>]),
    /// A map.
    Map(Map<'a>),
    /// A point in time.
    Timestamp(Timestamp),
    /// A length of time, in nanoseconds.
    Duration(i64),
    /// A value that may be missing.
    Optional(Option<&'a Value<'a>>),
    /// A type.
    Type(TypeName),
    /// A URL, or an absolute path.
    Url(&'a str),
    /// An IP address.
    Ip(&'a IpAddr),
    /// A range of IP addresses.
    Cidr(&'a IpNet),
    /// A semantic version.
    Semver(&'a str),
    /// A quantity of Kubernetes, as a decimal.
    Quantity(&'a str),
}

impl<'a> Value<'a> {
    /// The kind of the value. What is absent has the kind of null.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Absent | Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Uint(_) => Kind::Uint,
            Self::Double(_) => Kind::Double,
            Self::Decimal(_) => Kind::Decimal,
            Self::String(_) => Kind::String,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Map(_) => Kind::Map,
            Self::Timestamp(_) => Kind::Timestamp,
            Self::Duration(_) => Kind::Duration,
            Self::Optional(_) => Kind::Optional,
            Self::Type(_) => Kind::Type,
            Self::Url(_) => Kind::Url,
            Self::Ip(_) => Kind::Ip,
            Self::Cidr(_) => Kind::Cidr,
            Self::Semver(_) => Kind::Semver,
            Self::Quantity(_) => Kind::Quantity,
        }
    }

    /// Whether it is absent or null: then what is computed from it is absent.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// A member of a map, or absent: also of what is absent or null.
    ///
    /// # Errors
    /// A value of another kind has no members.
    pub fn member(&self, name: &str) -> Result<Self, EvaluationErrorKind> {
        match self {
            Self::Map(map) => Ok(map.member(name).unwrap_or(Self::Absent)),
            Self::Absent | Self::Null => Ok(Self::Absent),
            other => Err(EvaluationErrorKind::NoMembers(other.kind())),
        }
    }

    /// The number that it is.
    pub(super) fn number(&self) -> Option<Number<'a>> {
        match *self {
            Self::Int(number) => Some(Number::Int(number)),
            Self::Uint(number) => Some(Number::Uint(number)),
            Self::Double(number) => Some(Number::Double(number)),
            Self::Decimal(text) => Some(Number::Decimal(text)),
            _ => None,
        }
    }

    /// Takes the steps for reading a key or a number, which may be a long text.
    pub(super) fn spend_text(&self, budget: &Budget) -> Result<(), EvaluationErrorKind> {
        match self {
            Self::String(text) | Self::Decimal(text) => budget.spend_bytes(text.len()),
            _ => Ok(()),
        }
    }
}
