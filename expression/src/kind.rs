//! The kinds of values, and sets of them: the static types of expressions.

use std::fmt;
use std::ops::BitOr;

/// The kind of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`, and the value of what is absent.
    Null,
    /// `true` or `false`.
    Bool,
    /// An integer of 64 bits.
    Int,
    /// An integer of 64 bits without a sign.
    Uint,
    /// A floating-point number of 64 bits.
    Double,
    /// A number with all its digits: one of the record that is no 64-bit integer, or computed from such.
    Decimal,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A list.
    List,
    /// A map.
    Map,
    /// A point in time.
    Timestamp,
    /// A length of time.
    Duration,
    /// A value that may be missing.
    Optional,
    /// A type, as `type(x)` gives it.
    Type,
    /// A URL.
    Url,
    /// An IP address.
    Ip,
    /// A range of IP addresses.
    Cidr,
    /// A semantic version.
    Semver,
    /// A quantity of Kubernetes.
    Quantity,
}

impl Kind {
    const ALL: [Self; 19] = [
        Self::Null,
        Self::Bool,
        Self::Int,
        Self::Uint,
        Self::Double,
        Self::Decimal,
        Self::String,
        Self::Bytes,
        Self::List,
        Self::Map,
        Self::Timestamp,
        Self::Duration,
        Self::Optional,
        Self::Type,
        Self::Url,
        Self::Ip,
        Self::Cidr,
        Self::Semver,
        Self::Quantity,
    ];

    /// The name with its article.
    const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "a bool",
            Self::Int => "an int",
            Self::Uint => "a uint",
            Self::Double => "a double",
            Self::Decimal => "a decimal",
            Self::String => "a string",
            Self::Bytes => "bytes",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Timestamp => "a timestamp",
            Self::Duration => "a duration",
            Self::Optional => "an optional",
            Self::Type => "a type",
            Self::Url => "a URL",
            Self::Ip => "an IP address",
            Self::Cidr => "a CIDR range",
            Self::Semver => "a version",
            Self::Quantity => "a quantity",
        }
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ANY: Self = Self((1 << Kind::ALL.len()) - 1);
    /// `null`.
    pub const NULL: Self = Self(Kind::Null.bit());
    /// `true` and `false`.
    pub const BOOL: Self = Self(Kind::Bool.bit());
    /// Integers of 64 bits.
    pub const INT: Self = Self(Kind::Int.bit());
    /// Integers of 64 bits without a sign.
    pub const UINT: Self = Self(Kind::Uint.bit());
    /// Floating-point numbers.
    pub const DOUBLE: Self = Self(Kind::Double.bit());
    /// Numbers with all their digits.
    pub const DECIMAL: Self = Self(Kind::Decimal.bit());
    /// Text.
    pub const STRING: Self = Self(Kind::String.bit());
    /// Bytes.
    pub const BYTES: Self = Self(Kind::Bytes.bit());
    /// Lists.
    pub const LIST: Self = Self(Kind::List.bit());
    /// Maps.
    pub const MAP: Self = Self(Kind::Map.bit());
    /// Points in time.
    pub const TIMESTAMP: Self = Self(Kind::Timestamp.bit());
    /// Lengths of time.
    pub const DURATION: Self = Self(Kind::Duration.bit());
    /// Values that may be missing.
    pub const OPTIONAL: Self = Self(Kind::Optional.bit());
    /// Types.
    pub const TYPE: Self = Self(Kind::Type.bit());
    /// URLs.
    pub const URL: Self = Self(Kind::Url.bit());
    /// IP addresses.
    pub const IP: Self = Self(Kind::Ip.bit());
    /// Ranges of IP addresses.
    pub const CIDR: Self = Self(Kind::Cidr.bit());
    /// Semantic versions.
    pub const SEMVER: Self = Self(Kind::Semver.bit());
    /// Quantities of Kubernetes.
    pub const QUANTITY: Self = Self(Kind::Quantity.bit());
    /// Numbers of every kind.
    pub const NUMBER: Self = Self(Self::INT.0 | Self::UINT.0 | Self::DOUBLE.0 | Self::DECIMAL.0);
    /// What JSON has.
    pub const JSON: Self = Self(
        Self::NULL.0
            | Self::BOOL.0
            | Self::INT.0
            | Self::DECIMAL.0
            | Self::STRING.0
            | Self::LIST.0
            | Self::MAP.0,
    );
    /// What a key of a map can be.
    pub const KEY: Self = Self(Self::BOOL.0 | Self::INT.0 | Self::UINT.0 | Self::STRING.0);

    /// The kinds of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds that both sets have.
    #[must_use]
    pub const fn common(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The kinds of this set that the other does not have.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is a kind that both sets have.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether every kind of this set is in the other.
    #[must_use]
    pub const fn within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether a kind is in the set.
    #[must_use]
    pub const fn contains(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether there is no kind in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl From<Kind> for Kinds {
    fn from(kind: Kind) -> Self {
        Self(kind.bit())
    }
}

impl BitOr for Kinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.and(other)
    }
}

/// `a string, a list or a map`.
impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::ANY => return f.write_str("any value"),
            Self::JSON => return f.write_str("a member of a record"),
            Self::NUMBER => return f.write_str("a number"),
            _ => {}
        }
        let names: Vec<&str> =
            Kind::ALL.into_iter().filter(|kind| self.contains(*kind)).map(Kind::name).collect();
        match names.split_last() {
            None => f.write_str("nothing"),
            Some((last, [])) => f.write_str(last),
            Some((last, others)) => write!(f, "{} or {last}", others.join(", ")),
        }
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kinds({self})")
    }
}

/// The static type of an expression: the kinds that its value can have, unless it is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Type {
    /// The kinds of the value.
    pub(super) kinds: Kinds,
    /// The kinds of the elements of a list, the values of a map and the value of an optional.
    pub(super) element: Kinds,
}

impl Type {
    /// A member of a record.
    pub(super) const JSON: Self = Self { kinds: Kinds::JSON, element: Kinds::JSON };
    /// A type about which nothing is known.
    pub(super) const ANY: Self = Self::of(Kinds::ANY);

    /// Values of these kinds, with any elements.
    pub(super) const fn of(kinds: Kinds) -> Self {
        Self { kinds, element: Kinds::ANY }
    }

    /// A list of these elements.
    pub(super) const fn list(element: Kinds) -> Self {
        Self { kinds: Kinds::LIST, element }
    }

    /// The type of an element. What is in a list of lists is not known, unless all of it comes from a record.
    pub(super) fn of_element(self) -> Self {
        let inner = if self.element.within(Kinds::JSON) { Kinds::JSON } else { Kinds::ANY };
        Self { kinds: self.element, element: inner }
    }

    /// The kinds of the value, or of what an optional has.
    pub(super) fn given(self) -> Kinds {
        let inside = if self.kinds.overlaps(Kinds::OPTIONAL) { self.element } else { Kinds::NONE };
        self.kinds.without(Kinds::OPTIONAL) | inside
    }

    /// The type of what has one of two types.
    pub(super) fn or(self, other: Self) -> Self {
        let has_elements = |it: Self| it.kinds.overlaps(Kinds::LIST | Kinds::MAP | Kinds::OPTIONAL);
        let element = match (has_elements(self), has_elements(other)) {
            (true, true) => self.element | other.element,
            (true, false) => self.element,
            _ => other.element,
        };
        Self { kinds: self.kinds | other.kinds, element }
    }
}
