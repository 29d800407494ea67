//! Why a value does not become a cell. Never says which value it was.

use crate::record::text::decimal::DecimalError;
use crate::record::text::timestamp::TimestampError;

/// Why a value does not become a cell of its field's type. Its text never shows the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Values of this kind are not converted to the field's type.
    #[error("{0} is not converted to this type")]
    Kind(Kind),
    /// A number with a fraction or an exponent where an integer is wanted, whatever its value.
    #[error("a number with a fraction or an exponent is not an integer")]
    NotAnInteger,
    /// A number that the type cannot hold.
    #[error("a number outside of the range of this type")]
    OutOfRange,
    /// An expression's result that is NaN or infinite.
    #[error("a number that is not finite")]
    NotFinite,
    /// A text that is none of the four spellings of a UUID.
    #[error("not a UUID")]
    NotAUuid,
    /// A text that is neither a day nor a point in time.
    #[error("neither a date like 2018-10-21 nor an RFC 3339 timestamp")]
    NotADate,
    /// A text that is not base64.
    #[error("not base64")]
    NotBase64,
    /// A text or number that is no decimal number of the supported size.
    #[error(transparent)]
    Decimal(#[from] DecimalError),
    /// A text that is no point in time.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// An escape of half a character: no UTF-8 text can hold it.
    #[error("a \\u escape that is half of a surrogate pair")]
    LoneSurrogate,
    /// The key of the record is not text.
    #[error("the key is not UTF-8")]
    KeyNotUtf8,
    /// The record is too large for the offsets of its cells.
    #[error("the record is larger than 4 GiB")]
    TooLarge,
}

/// The kind of a value: those of JSON, and what else expressions result in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`
    Boolean,
    /// A number in JSON, or an integer in CEL.
    Number,
    /// A double in CEL.
    Double,
    /// Text.
    Text,
    /// A JSON object or a CEL map.
    Object,
    /// A JSON array or a CEL list.
    Array,
    /// Bytes in CEL.
    Bytes,
    /// A CEL timestamp.
    Timestamp,
    /// Any other CEL value: a duration, a function, an extension type.
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
            Self::Timestamp => "a CEL timestamp",
            Self::Other => "this kind of CEL value",
        })
    }
}
