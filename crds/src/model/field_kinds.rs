//! What fields have to do with expressions: which results they take, and what they are in a filter.

use crate::resource::record_schema::FieldType;
use userstream_expression::Kinds;

/// The kinds of results that are converted to a field of a type. Others are refused, whatever their values.
#[must_use]
pub fn convertible_kinds(field_type: FieldType) -> Kinds {
    const WHOLE: Kinds = Kinds::INT.and(Kinds::UINT).and(Kinds::DECIMAL);
    match field_type {
        FieldType::Uuid | FieldType::Date => Kinds::STRING,
        FieldType::String => Kinds::STRING | Kinds::NUMBER | Kinds::BOOL,
        FieldType::Int | FieldType::Long => WHOLE,
        FieldType::Double => Kinds::NUMBER,
        FieldType::Decimal => WHOLE | Kinds::STRING,
        FieldType::Boolean => Kinds::BOOL,
        FieldType::Timestamp => WHOLE | Kinds::STRING | Kinds::TIMESTAMP,
        FieldType::Bytes => Kinds::BYTES | Kinds::STRING,
    }
}

/// The kind that a field of a type has in a filter. Any field may be absent, which is null.
#[must_use]
pub fn kinds(field_type: FieldType) -> Kinds {
    match field_type {
        FieldType::Uuid | FieldType::String => Kinds::STRING,
        FieldType::Int | FieldType::Long => Kinds::INT,
        FieldType::Double => Kinds::DOUBLE,
        FieldType::Decimal => Kinds::DECIMAL,
        FieldType::Boolean => Kinds::BOOL,
        FieldType::Timestamp | FieldType::Date => Kinds::TIMESTAMP,
        FieldType::Bytes => Kinds::BYTES,
    }
}
