//! How records of the declared schema are represented on the topic.
//!
//! What an [`Encoder`] writes, the [`Decoder`] of the same format reads back as the same cells.

mod json;
mod key;

use userstream_crds::model::{Encoding, Pipeline};

use crate::mapping::{MapContext, MappingError};
use crate::record::Cells;

pub use json::{JsonDecoder, JsonEncoder};
pub use key::encode_key;

/// Encodes cells into values of the topic.
#[derive(Debug)]
pub enum Encoder {
    /// One JSON object a record.
    Json(JsonEncoder),
}

impl Encoder {
    /// The encoder of a pipeline.
    pub fn new(pipeline: &Pipeline) -> Self {
        match pipeline.encoding {
            Encoding::Json => Self::Json(JsonEncoder::new(&pipeline.fields)),
        }
    }

    /// Appends the value with these cells. `input` is the bytes that the cells refer to.
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

/// Decodes values of the topic into cells.
pub enum Decoder {
    /// One JSON object a record.
    Json(JsonDecoder),
}

impl Decoder {
    /// The decoder of a pipeline.
    pub fn new(pipeline: &Pipeline) -> Self {
        match pipeline.encoding {
            Encoding::Json => Self::Json(JsonDecoder::new(pipeline)),
        }
    }

    /// Sets `cells` to the values of a record, one for each field, in the order of the schema.
    ///
    /// # Errors
    /// When the value does not decode into the schema. The same value always fails in the same way.
    pub fn decode(
        &mut self,
        value: &[u8],
        context: &MapContext<'_>,
        cells: &mut Cells,
    ) -> Result<(), MappingError> {
        match self {
            Self::Json(decoder) => decoder.decode(value, context, cells),
        }
    }
}
