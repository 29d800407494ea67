//! The time a row is written with: always the record's own, so that replays and reordered writes change nothing.

use crate::delivery::dead_letter::{Poison, Stage};
use crate::record::{AsRow, Cell, RecordRow};
use crate::runtime::clock::Clock;

/// How far ahead of this machine's clock a record's time may be, in milliseconds: one hour. A row written with a time
/// further ahead could not be changed until that time has come.
pub const MOST_AHEAD: i64 = 60 * 60 * 1000;

/// Where the write time comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeOf {
    /// The record's timestamp in the log.
    Log,
    /// A field of type timestamp.
    Field(usize),
}

/// Gives rows their write time.
#[derive(Debug, Clone)]
pub struct WriteTimes {
    time_of: TimeOf,
    clock: Clock,
}

/// Why a record has no write time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WriteTimeError {
    /// The field is absent.
    #[error("the field that gives the write time has no value")]
    Absent,
    /// The time is beyond what a write time can say.
    #[error("the record's time is out of range")]
    OutOfRange,
    /// The time is in the future.
    #[error(
        "the record's time is more than an hour ahead: rows written with it could not be changed until then"
    )]
    TooFarAhead,
}

impl WriteTimes {
    /// Times of this origin, judged by this clock.
    pub fn new(time_of: TimeOf, clock: Clock) -> Self {
        Self { time_of, clock }
    }

    /// Sets the row's write time.
    ///
    /// # Errors
    /// When the record has none that the table should take.
    pub fn set(&self, row: &mut RecordRow) -> Result<(), Poison> {
        row.write_time = self.of(row).map_err(|error| {
            let cause = match error {
                WriteTimeError::Absent => "no_write_time",
                WriteTimeError::OutOfRange | WriteTimeError::TooFarAhead => "time_out_of_bounds",
            };
            Poison::new(Stage::ValueConverter, cause, error)
        })?;
        Ok(())
    }

    fn of(&self, row: &RecordRow) -> Result<i64, WriteTimeError> {
        let milliseconds = match self.time_of {
            TimeOf::Log => row.origin.record.timestamp,
            TimeOf::Field(field) => match row.as_row().cell(field) {
                Cell::Timestamp(milliseconds) => milliseconds,
                _ => return Err(WriteTimeError::Absent),
            },
        };
        if milliseconds > self.clock.now().saturating_add(MOST_AHEAD) {
            return Err(WriteTimeError::TooFarAhead);
        }
        write_time(milliseconds, row.origin.offset).ok_or(WriteTimeError::OutOfRange)
    }
}

/// The write time of a record, in microseconds: its time in milliseconds × 1000 plus its offset modulo 1000.
///
/// Two versions of a row in one millisecond keep the order of the log, so that the later one wins in every column:
/// with equal write times Cassandra would decide column by column, and tear the row. None on overflow.
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
        WriteTimes::new(TimeOf::Log, Clock::new(|| 1_000_000)).of(&row)
    }

    #[test]
    fn a_record_is_written_with_its_own_time() {
        assert_eq!(time_of(7), Ok(7_234));
        assert_eq!(time_of(-7), Ok(-6_766));
    }

    #[test]
    fn a_time_too_far_ahead_is_poison() {
        assert!(time_of(1_000_000 + MOST_AHEAD).is_ok());
        assert_eq!(time_of(1_000_001 + MOST_AHEAD), Err(WriteTimeError::TooFarAhead));
        assert_eq!(time_of(i64::MIN), Err(WriteTimeError::OutOfRange));
    }

    #[test]
    fn a_later_offset_in_the_same_millisecond_wins() {
        assert!(write_time(1_000, 7).unwrap() < write_time(1_000, 8).unwrap());
        assert!(write_time(1_000, 999).unwrap() < write_time(1_001, 1_000).unwrap());
        assert_eq!(write_time(i64::MAX, 0), None);
    }
}
