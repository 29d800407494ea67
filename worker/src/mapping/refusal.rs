//! Why a value does not convert to a cell. Never names the value.

use crate::record::text::decimal::DecimalError;
use crate::record::text::timestamp::TimestampError;

/// Why a value does not convert to the type of its field. The message never shows the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Values of this kind are not converted to the field's type.
    #[error("{0} is not converted to this type")]
    Kind(Kind),
    /// A number with a fraction or an exponent for an integer field, whatever its value.
    #[error("a number with a fraction or an exponent is not an integer")]
    NotAnInteger,
    /// A number outside of the range of the type.
    #[error("a number outside of the range of this type")]
    OutOfRange,
    /// The result of an expression is NaN or infinite.
    #[error("a number that is not finite")]
    NotFinite,
    /// Text that is not a UUID in one of its four forms.
    #[error("not a UUID")]
    NotAUuid,
    /// Text that is neither a date nor a timestamp.
    #[error("neither a date like 2018-10-21 nor an RFC 3339 timestamp")]
    NotADate,
    /// Text that is not base64.
    #[error("not base64")]
    NotBase64,
    /// Text or a number that is not a decimal of the supported size.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// Text that is not a timestamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// A lone surrogate, which UTF-8 cannot represent.
    #[error("a \\u escape that is half of a surrogate pair")]
    LoneSurrogate,
    /// The key of the record is not text.
    #[error("the key is not UTF-8")]
    KeyNotUtf8,
    /// The record is too large for the offsets of cells.
    #[error("the record is larger than 4 GiB")]
    TooLarge,
}

/// The kind of a value, of JSON or of CEL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`
    Boolean,
    /// A number in JSON, or a computed integer or decimal.
    Number,
    /// A computed double.
    Double,
    /// Text.
    Text,
    /// A JSON object or a computed map.
    Object,
    /// A JSON array or a computed list.
    Array,
    /// Computed bytes.
    Bytes,
    /// A computed timestamp.
    Timestamp,
    /// Any other computed value: a duration, a type, a URL and the like.
    Other,
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Double => "a computed double",
            Self::Text => "a string",
            Self::Object => "an object",
            Self::Array => "an array",
            Self::Bytes => "a sequence of bytes",
            Self::Timestamp => "a computed timestamp",
            Self::Other => "this kind of computed value",
        })
    }
}
