//! From a record of the topic to a row: decode, filter, write time.

use userstream_crds::model::{self, Pipeline};

use crate::delivery::dead_letter::{RecordError, Stage};
use crate::delivery::write_time::{WriteTimeSource, WriteTimes};
use crate::format::Decoder;
use crate::loops::dead_letters::mapping_error;
use crate::loops::process::{Decode, Decoded};
use crate::mapping::{Filter, MapContext};
use crate::record::RecordRow;
use crate::runtime::clock::Clock;

/// Decodes the records of a pipeline's topic into rows.
pub struct RowDecoder {
    values: Decoder,
    filter: Option<Filter>,
    write_times: WriteTimes,
}

/// A record without a value.
#[derive(Debug, thiserror::Error)]
#[error("the record is a tombstone: it has no value")]
struct Tombstone;

impl RowDecoder {
    /// The decoder of a pipeline.
    pub fn new(pipeline: &Pipeline, clock: Clock) -> Self {
        let write_time_source = match pipeline.table.write_time {
            model::WriteTime::LogTimestamp => WriteTimeSource::LogTimestamp,
            model::WriteTime::Field(field) => WriteTimeSource::Field(field),
        };
        Self {
            values: Decoder::new(pipeline),
            filter: Filter::new(pipeline),
            write_times: WriteTimes::new(write_time_source, clock),
        }
    }
}

impl Decode for RowDecoder {
    fn decode(&mut self, row: &mut RecordRow) -> Result<Decoded, RecordError> {
        let RecordRow { origin, cells, .. } = row;
        let Some(value) = origin.record.value() else {
            return Err(RecordError::new(Stage::ValueConverter, "tombstone", Tombstone));
        };
        let context = MapContext {
            fetched_at: origin.record.timestamp,
            key: origin.record.key(),
            offset: origin.offset,
            partition: origin.partition,
        };
        self.values.decode(value, &context, cells).map_err(mapping_error(Stage::ValueConverter))?;
        if let Some(filter) = &mut self.filter
            && !filter.keeps(cells, value).map_err(mapping_error(Stage::Transformation))?
        {
            return Ok(Decoded::Filtered);
        }
        self.write_times.set(row)?;
        Ok(Decoded::Row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Cell, LogRecord, Record};

    /// A fenced block of `docs/migration.md`, without its indentation.
    fn block(info: &str) -> String {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/migration.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, block) = page.split_once(&format!("```{info}\n")).unwrap();
        let lines = block.split("```").next().unwrap().lines();
        lines.map(|line| line.strip_prefix("   ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn migration_guide_compares_tables_without_dead_letters() {
        let file = userstream_crds::diagnostics::read("migration.md", &block("yaml comparison")).unwrap();
        let (_, pipeline) = &file.pipelines[0];
        let mut decoder = RowDecoder::new(pipeline, Clock::system());
        let record = Record::new(Vec::new(), Some(block("json record").as_bytes()), 1_700_000_000_000);
        let origin = LogRecord { partition: 0, offset: 7, record };
        let mut row = RecordRow { origin, ..RecordRow::default() };
        decoder.decode(&mut row).unwrap();
        let values: Vec<Cell> = (0..row.cells.len()).map(|field| row.cells.get(field)).collect();
        assert!(values.len() == 5 && !values.contains(&Cell::Absent), "{values:?}");
    }
}
