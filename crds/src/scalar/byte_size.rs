//! Sizes in bytes: `16Mi`, `500k`, `1048576`.

use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The pattern in the schema: Kubernetes' quantities that are a whole number of bytes.
pub const BYTE_SIZE_PATTERN: &str = "^[0-9]{1,15}(k|M|G|Ki|Mi|Gi)?$";

/// A number of bytes in the syntax of Kubernetes' quantities: a whole number, bare or with one of `k`, `M`, `G`
/// (powers of 1000) or `Ki`, `Mi`, `Gi` (powers of 1024).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize(u64);

/// Suffixes and their factors, largest first within each base.
const UNITS: [(&str, u64); 6] =
    [("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10), ("G", 1_000_000_000), ("M", 1_000_000), ("k", 1000)];

impl ByteSize {
    /// A size in bytes.
    #[must_use]
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// A size in mebibytes (1024 × 1024 bytes).
    #[must_use]
    pub const fn mebibytes(mebibytes: u32) -> Self {
        Self((mebibytes as u64) << 20)
    }

    /// The size in bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// Why a text is not a size in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// It does not start with a digit.
    #[error("expected a whole number of bytes such as 16Mi, 500k or 1048576")]
    MissingNumber,
    /// The number has an unknown suffix.
    #[error(
        "the suffixes of a size are Ki, Mi, Gi (powers of 1024) and k, M, G (powers of 1000), for example 16Mi"
    )]
    UnknownSuffix,
    /// It is out of range.
    #[error("the size is too large: at most 15 digits and 9223372036854775807 bytes")]
    TooLarge,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, suffix) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
        if number.is_empty() {
            return Err(ByteSizeError::MissingNumber);
        }
        if number.len() > 15 {
            return Err(ByteSizeError::TooLarge);
        }
        let number: u64 = number.parse().map_err(|_| ByteSizeError::TooLarge)?;
        let factor = match suffix {
            "" => 1,
            _ => UNITS
                .iter()
                .find(|(unit, _)| *unit == suffix)
                .map(|(_, factor)| *factor)
                .ok_or(ByteSizeError::UnknownSuffix)?,
        };
        number
            .checked_mul(factor)
            .filter(|bytes| i64::try_from(*bytes).is_ok())
            .map(Self)
            .ok_or(ByteSizeError::TooLarge)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0 != 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = ByteSize;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a size in bytes such as 16Mi")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ByteSize, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, bytes: u64) -> Result<ByteSize, E> {
                i64::try_from(bytes).map(|_| ByteSize(bytes)).map_err(|_| E::custom(ByteSizeError::TooLarge))
            }

            fn visit_i64<E: de::Error>(self, bytes: i64) -> Result<ByteSize, E> {
                u64::try_from(bytes).map(ByteSize).map_err(|_| E::custom(ByteSizeError::MissingNumber))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

impl JsonSchema for ByteSize {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ByteSize".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "minimum": 0,
            "pattern": BYTE_SIZE_PATTERN,
            "x-kubernetes-int-or-string": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn size_is_a_number_and_a_suffix() {
        for (text, bytes) in [
            ("0", 0),
            ("1048576", 1 << 20),
            ("16Mi", 16 << 20),
            ("1Ki", 1024),
            ("2Gi", 2 << 30),
            ("500k", 500_000),
            ("1M", 1_000_000),
            ("1G", 1_000_000_000),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize::bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn malformed_size_is_refused_with_the_reason() {
        for (text, error) in [
            ("", ByteSizeError::MissingNumber),
            ("Mi", ByteSizeError::MissingNumber),
            ("-1", ByteSizeError::MissingNumber),
            ("16MB", ByteSizeError::UnknownSuffix),
            ("1.5Mi", ByteSizeError::UnknownSuffix),
            ("16 Mi", ByteSizeError::UnknownSuffix),
            ("1000000000000000", ByteSizeError::TooLarge),
            ("999999999999999Gi", ByteSizeError::TooLarge),
        ] {
            assert_eq!(text.parse::<ByteSize>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn size_is_a_number_or_a_text_in_a_resource() {
        let read = |value| serde_json::from_value::<ByteSize>(value).ok();
        assert_eq!(read(json!(1024)), Some(ByteSize::bytes(1024)));
        assert_eq!(read(json!("1Ki")), Some(ByteSize::bytes(1024)));
        assert_eq!(read(json!(-1)), None);
        assert_eq!(read(json!(1.5)), None);
        assert_eq!(read(json!(u64::MAX)), None);
    }

    proptest! {
        #[test]
        fn printed_size_is_parsed_as_itself(number in 0_u64..1_000_000, shift in 0_u32..20) {
            let size = ByteSize::bytes(number << shift);
            prop_assert_eq!(size.to_string().parse(), Ok(size));
        }

        #[test]
        fn parser_and_schema_pattern_agree(text in ".{0,30}") {
            let pattern = regex::Regex::new(BYTE_SIZE_PATTERN).unwrap();
            // The pattern does not bound the size.
            let parsed = text.parse::<ByteSize>();
            prop_assert_eq!(pattern.is_match(&text), !matches!(parsed, Err(ByteSizeError::MissingNumber | ByteSizeError::UnknownSuffix)));
        }
    }
}
