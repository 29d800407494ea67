//! The time a row is written with: always the record's, so that replays and reordered writes change nothing.

use crate::delivery::dead_letter::{RecordError, Stage};
use crate::record::{AsRow, Cell, RecordRow};
use crate::runtime::clock::Clock;

/// How far a record's time may be ahead of this machine's clock, in milliseconds: one hour. A row that is written with
/// a later time cannot be changed until that time.
pub const MAX_AHEAD: i64 = 60 * 60 * 1000;

/// Where the write time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteTimeSource {
    /// The record's timestamp in the log.
    LogTimestamp,
    /// A field of type timestamp.
    Field(usize),
}

/// Sets the write times of rows.
#[derive(Debug, Clone)]
pub struct WriteTimes {
    source: WriteTimeSource,
    clock: Clock,
}

/// Why a record has no write time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteTimeError {
    /// The field has no value.
    #[error("the field that gives the write time has no value")]
    Absent,
    /// The time is beyond the range of write times.
    #[error("the record's time is out of range")]
    OutOfRange,
    /// The time is more than [`MAX_AHEAD`] in the future.
    #[error(
        "the record's time is more than an hour ahead: rows written with it could not be changed until then"
    )]
    TooFarAhead,
}

impl WriteTimes {
    /// Write times from this source, checked against this clock.
    pub fn new(source: WriteTimeSource, clock: Clock) -> Self {
        Self { source, clock }
    }

    /// Sets the write time of a row.
    ///
    /// # Errors
    /// When the record's time is missing or unusable.
    pub fn set(&self, row: &mut RecordRow) -> Result<(), RecordError> {
        row.write_time = self.of(row).map_err(|error| {
            let cause = match error {
                WriteTimeError::Absent => "no_write_time",
                WriteTimeError::OutOfRange | WriteTimeError::TooFarAhead => "time_out_of_bounds",
            };
            RecordError::new(Stage::ValueConverter, cause, error)
        })?;
        Ok(())
    }

    fn of(&self, row: &RecordRow) -> Result<i64, WriteTimeError> {
        let milliseconds = match self.source {
            WriteTimeSource::LogTimestamp => row.origin.record.timestamp,
            WriteTimeSource::Field(field) => match row.as_row().cell(field) {
                Cell::Timestamp(milliseconds) => milliseconds,
                _ => return Err(WriteTimeError::Absent),
            },
        };
        if milliseconds > self.clock.now().saturating_add(MAX_AHEAD) {
            return Err(WriteTimeError::TooFarAhead);
        }
        write_time(milliseconds, row.origin.offset).ok_or(WriteTimeError::OutOfRange)
    }
}

/// The write time of a record, in microseconds: its time in milliseconds × 1000 plus its offset modulo 1000.
///
/// Two versions of a row within one millisecond keep the order of the log, so that the later one wins in every column.
/// With equal write times, Cassandra would decide column by column and mix the two. None on overflow.
pub fn write_time(milliseconds: i64, offset: i64) -> Option<i64> {
    milliseconds.checked_mul(1000)?.checked_add(offset.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{LogRecord, Record};

    fn time_of(milliseconds: i64) -> Result<i64, WriteTimeError> {
        let record = Record::new(Vec::new(), None, milliseconds);
        let row =
            RecordRow { origin: LogRecord { partition: 0, offset: 1_234, record }, ..RecordRow::default() };
        WriteTimes::new(WriteTimeSource::LogTimestamp, Clock::new(|| 1_000_000)).of(&row)
    }

    #[test]
    fn row_is_written_with_the_time_of_its_record() {
        assert_eq!(time_of(7), Ok(7_234));
        assert_eq!(time_of(-7), Ok(-6_766));
    }

    #[test]
    fn time_too_far_ahead_is_an_error() {
        assert!(time_of(1_000_000 + MAX_AHEAD).is_ok());
        assert_eq!(time_of(1_000_001 + MAX_AHEAD), Err(WriteTimeError::TooFarAhead));
        assert_eq!(time_of(i64::MIN), Err(WriteTimeError::OutOfRange));
    }

    #[test]
    fn later_offset_within_one_millisecond_wins() {
        assert!(write_time(1_000, 7).unwrap() < write_time(1_000, 8).unwrap());
        assert!(write_time(1_000, 999).unwrap() < write_time(1_001, 1_000).unwrap());
        assert_eq!(write_time(i64::MAX, 0), None);
    }
}
