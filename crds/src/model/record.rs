//! The fields of a record, and its encoding on the topic.

use crate::resource::record_schema::FieldType;
use crate::scalar::identifier::Identifier;
use crate::scalar::record_path::RecordPath;
use userstream_expression::RecordExpression;

/// The encoding of records on the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// One JSON object a record.
    Json,
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name on the topic.
    pub name: Identifier,
    /// Its type.
    pub field_type: FieldType,
    /// The origin of its value.
    pub origin: Origin,
    /// Whether every record must have a value.
    pub required: bool,
}

/// The origin of a field's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A path in the record of the source, or of the topic where there is no source.
    Path(RecordPath),
    /// A property of the record beside its value.
    Variable(Variable),
    /// An expression over the record.
    Expression(RecordExpression),
}

/// A property of a record beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// The time of the fetch. Only with a source.
    FetchedAt,
    /// The key of the Kafka record. Only without a source.
    Key,
    /// The offset of the Kafka record. Only without a source.
    Offset,
    /// The partition of the Kafka record. Only without a source.
    Partition,
}

impl Variable {
    /// Every variable.
    pub const ALL: [Self; 4] = [Self::FetchedAt, Self::Key, Self::Offset, Self::Partition];

    /// The spelling in a resource.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::FetchedAt => "$fetchedAt",
            Self::Key => "$key",
            Self::Offset => "$offset",
            Self::Partition => "$partition",
        }
    }
}
