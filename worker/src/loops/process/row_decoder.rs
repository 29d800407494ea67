//! From a record of the topic to a row: map, filter, write time.

use userstream_crds::model::{self, Pipeline};

use crate::delivery::dead_letter::{Poison, Stage};
use crate::delivery::write_time::{TimeOf, WriteTimes};
use crate::format::{Decoder, UnsupportedFormat};
use crate::loops::process::{Decode, Verdict};
use crate::mapping::{Filter, FilterError, MapContext, MappingError};
use crate::record::RecordRow;
use crate::runtime::clock::Clock;

/// Decodes the records of a pipeline's topic.
pub struct RowDecoder {
    values: Decoder,
    filter: Option<Filter>,
    write_times: WriteTimes,
}

/// Why there is no decoder for a pipeline.
#[derive(Debug, thiserror::Error)]
pub enum RowDecoderError {
    /// Records of the format cannot be read.
    #[error(transparent)]
    Format(#[from] UnsupportedFormat),
    /// The filter cannot be evaluated.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// A record without a value.
#[derive(Debug, thiserror::Error)]
#[error("it is a tombstone: it has no value that could become a row")]
struct Tombstone;

impl RowDecoder {
    /// The decoder of a pipeline.
    ///
    /// # Errors
    /// When its filter refers to something that is no field, or its format is not supported.
    pub fn new(pipeline: &Pipeline, clock: Clock) -> Result<Self, RowDecoderError> {
        let time_of = match pipeline.table.write_time {
            model::WriteTime::LogTimestamp => TimeOf::Log,
            model::WriteTime::Field(field) => TimeOf::Field(field),
        };
        Ok(Self {
            values: Decoder::new(pipeline)?,
            filter: Filter::new(pipeline)?,
            write_times: WriteTimes::new(time_of, clock),
        })
    }
}

impl Decode for RowDecoder {
    fn decode(&mut self, row: &mut RecordRow) -> Result<Verdict, Poison> {
        let RecordRow { origin, cells, .. } = row;
        let Some(value) = origin.record.value() else {
            return Err(Poison::new(Stage::ValueConverter, "tombstone", Tombstone));
        };
        let context = MapContext {
            fetched_at: origin.record.timestamp,
            key: origin.record.key(),
            offset: origin.offset,
            partition: origin.partition,
        };
        self.values.decode(value, &context, cells).map_err(|error| poison(Stage::ValueConverter, error))?;
        if let Some(filter) = &mut self.filter
            && !filter.keeps(cells, value).map_err(|error| poison(Stage::Transformation, error))?
        {
            return Ok(Verdict::LeaveOut);
        }
        self.write_times.set(row)?;
        Ok(Verdict::Write)
    }
}

/// A record that does not map is poison.
pub(crate) fn poison(stage: Stage, error: MappingError) -> Poison {
    Poison::new(stage, error.cause(), error)
}
