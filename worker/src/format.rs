//! How records of the declared schema are encoded on the topic.
//!
//! What [`Encoder`] writes, [`Mapper::canonical`](crate::mapping::Mapper::canonical) reads back as the same cells.

mod json;
mod key;

use userstream_crds::model::{Encoding, Pipeline};

use crate::record::row::Cells;

pub use json::JsonEncoder;
pub use key::key_of;

/// Encodes records.
#[derive(Debug)]
pub enum Encoder {
    /// One JSON object a record.
    Json(JsonEncoder),
}

/// The encodings that are built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Json,
}

/// Records of this encoding can neither be read nor written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("records in {format} are not supported yet: set spec.schema.format to Json")]
pub struct UnsupportedFormat {
    /// As it stands in a resource.
    pub format: &'static str,
}

/// The format of an encoding, when it is built in.
pub(crate) fn supported(encoding: &Encoding) -> Result<Format, UnsupportedFormat> {
    match encoding {
        Encoding::Json(_) => Ok(Format::Json),
        Encoding::Avro(_) => Err(UnsupportedFormat { format: "Avro" }),
        Encoding::Protobuf(_) => Err(UnsupportedFormat { format: "Protobuf" }),
    }
}

impl Encoder {
    /// The encoder of a pipeline.
    ///
    /// # Errors
    /// When the encoding is not supported.
    pub fn new(pipeline: &Pipeline) -> Result<Self, UnsupportedFormat> {
        Ok(match supported(&pipeline.encoding)? {
            Format::Json => Self::Json(JsonEncoder::new(&pipeline.fields)),
        })
    }

    /// Appends the record with these cells. `input` is what the cells were made over.
    pub fn encode(&self, cells: &Cells, input: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Json(encoder) => encoder.encode(cells, input, out),
        }
    }

    /// The media type, for the header `content-type`.
    pub fn content_type(&self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
        }
    }
}
