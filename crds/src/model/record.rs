//! What a record is made of, and how it is encoded on the topic.

use crate::expression::Expression;
use crate::resource::record_schema::FieldType;
use crate::scalar::identifier::Identifier;
use crate::scalar::record_path::RecordPath;

/// How records are encoded on the topic.
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
    /// Where its value comes from.
    pub origin: Origin,
    /// Whether every record must have it.
    pub required: bool,
}

/// Where the value of a field comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A place in the source's record.
    Path(RecordPath),
    /// Something that is known about the record.
    Variable(Variable),
    /// An expression over the source's record.
    Expression(Expression),
}

/// What is known about a record beside its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variable {
    /// When it was fetched. Only with a source.
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
