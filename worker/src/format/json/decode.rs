//! From JSON objects to cells.

use userstream_crds::model::Pipeline;

use crate::mapping::{MapContext, Mapper, MappingError};
use crate::record::Cells;

/// Reads JSON objects of the topic.
pub struct JsonDecoder(Mapper);

impl JsonDecoder {
    /// The decoder of a pipeline. With a source, the records are of the declared schema; without one, other producers
    /// write them, and each field comes from its `from`.
    pub fn new(pipeline: &Pipeline) -> Self {
        Self(match pipeline.source {
            Some(_) => Mapper::canonical(&pipeline.fields),
            None => Mapper::compile(&pipeline.fields),
        })
    }

    /// Sets `cells` to the values of a record, one for each field, in the order of the schema.
    ///
    /// # Errors
    /// When the value is not a JSON object that maps to the schema.
    pub fn decode(
        &mut self,
        value: &[u8],
        context: &MapContext<'_>,
        cells: &mut Cells,
    ) -> Result<(), MappingError> {
        self.0.map(value, context, cells)
    }
}
