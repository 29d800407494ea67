//! The types of columns, and which of them hold which type of field.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::resource::record_schema::FieldType;

/// The CQL types of columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CqlType {
    /// A UUID of any version.
    Uuid,
    /// UTF-8 text.
    Text,
    /// US-ASCII text.
    Ascii,
    /// A signed integer of 32 bits.
    Int,
    /// A signed integer of 64 bits.
    BigInt,
    /// A signed integer of any size.
    VarInt,
    /// A number of IEEE 754 double precision.
    Double,
    /// An exact decimal number of any size.
    Decimal,
    /// True or false.
    Boolean,
    /// A point in time, in milliseconds.
    Timestamp,
    /// A calendar day.
    Date,
    /// Bytes.
    Blob,
}

impl CqlType {
    /// The name of the type in CQL.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uuid => "uuid",
            Self::Text => "text",
            Self::Ascii => "ascii",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::VarInt => "varint",
            Self::Double => "double",
            Self::Decimal => "decimal",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp",
            Self::Date => "date",
            Self::Blob => "blob",
        }
    }
}

impl FieldType {
    /// The types of columns that hold this type as it is, the natural one first.
    #[must_use]
    pub const fn cql_types(self) -> &'static [CqlType] {
        match self {
            Self::Uuid => &[CqlType::Uuid],
            Self::String => &[CqlType::Text, CqlType::Ascii],
            Self::Int => &[CqlType::Int, CqlType::BigInt, CqlType::VarInt],
            Self::Long => &[CqlType::BigInt, CqlType::VarInt],
            Self::Double => &[CqlType::Double],
            Self::Decimal => &[CqlType::Decimal],
            Self::Boolean => &[CqlType::Boolean],
            Self::Timestamp => &[CqlType::Timestamp],
            Self::Date => &[CqlType::Date],
            Self::Bytes => &[CqlType::Blob],
        }
    }

    /// The type of a column that does not name one.
    #[must_use]
    pub const fn natural_cql_type(self) -> CqlType {
        match self {
            Self::Uuid => CqlType::Uuid,
            Self::String => CqlType::Text,
            Self::Int => CqlType::Int,
            Self::Long => CqlType::BigInt,
            Self::Double => CqlType::Double,
            Self::Decimal => CqlType::Decimal,
            Self::Boolean => CqlType::Boolean,
            Self::Timestamp => CqlType::Timestamp,
            Self::Date => CqlType::Date,
            Self::Bytes => CqlType::Blob,
        }
    }

    /// The types of columns that this type can be converted to with an explicit `cast`, beside its own.
    ///
    /// - everything but bytes to `text` and `ascii`, in its JSON spelling;
    /// - a string to every type but blob, read as the same text in a source's record would be;
    /// - int and long to `double` and `decimal`, long to `int` where it fits;
    /// - a timestamp to `date`, its day in UTC, and to `bigint`, its milliseconds since 1970.
    #[must_use]
    pub const fn castable_cql_types(self) -> &'static [CqlType] {
        match self {
            Self::String => &[
                CqlType::Uuid,
                CqlType::Int,
                CqlType::BigInt,
                CqlType::VarInt,
                CqlType::Double,
                CqlType::Decimal,
                CqlType::Boolean,
                CqlType::Timestamp,
                CqlType::Date,
            ],
            Self::Int => &[CqlType::Text, CqlType::Ascii, CqlType::Double, CqlType::Decimal],
            Self::Long => &[CqlType::Text, CqlType::Ascii, CqlType::Int, CqlType::Double, CqlType::Decimal],
            Self::Timestamp => &[CqlType::Text, CqlType::Ascii, CqlType::Date, CqlType::BigInt],
            Self::Uuid | Self::Double | Self::Decimal | Self::Boolean | Self::Date => {
                &[CqlType::Text, CqlType::Ascii]
            }
            Self::Bytes => &[],
        }
    }
}
