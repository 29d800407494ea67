//! Rows: typed cells with the time they are written with.

use super::{Cell, Cells, LogRecord, Span};

/// A row that no single record became, such as the result of a window. Its cells refer to their own bytes alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// One cell for each column.
    pub cells: Cells,
    /// `USING TIMESTAMP`, microseconds since the Unix epoch.
    pub write_time: i64,
}

/// A row with the record it was decoded from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RecordRow {
    /// The record as it was read: cells refer into it, and a dead letter carries it.
    pub origin: LogRecord,
    /// One cell for each field of the schema.
    pub cells: Cells,
    /// `USING TIMESTAMP`, microseconds since the Unix epoch. See
    /// [`write_time`](crate::delivery::write_time::write_time).
    pub write_time: i64,
}

/// A borrowed row: what a table writes, whatever owns it.
#[derive(Debug, Clone, Copy)]
pub struct RowRef<'a> {
    /// The record that the row was decoded from, if it is of one.
    pub origin: Option<&'a LogRecord>,
    input: &'a [u8],
    cells: &'a Cells,
    /// `USING TIMESTAMP`, microseconds since the Unix epoch.
    pub write_time: i64,
}

/// What can be written to a table.
pub trait AsRow {
    /// The row.
    fn as_row(&self) -> RowRef<'_>;
}

impl AsRow for Row {
    fn as_row(&self) -> RowRef<'_> {
        RowRef { origin: None, input: &[], cells: &self.cells, write_time: self.write_time }
    }
}

impl AsRow for RecordRow {
    fn as_row(&self) -> RowRef<'_> {
        RowRef {
            origin: Some(&self.origin),
            input: self.origin.record.buffer(),
            cells: &self.cells,
            write_time: self.write_time,
        }
    }
}

impl<'a> RowRef<'a> {
    /// All cells.
    pub fn cells(self) -> &'a Cells {
        self.cells
    }

    /// The bytes that the cells refer to.
    pub fn input(self) -> &'a [u8] {
        self.input
    }

    /// The cell of a field.
    pub fn cell(self, field: usize) -> Cell {
        self.cells.get(field)
    }

    /// The bytes of a text or bytes cell.
    pub fn bytes(self, span: Span) -> &'a [u8] {
        self.cells.bytes(self.input, span)
    }

    /// The text of a text cell.
    pub fn text(self, span: Span) -> &'a str {
        self.cells.text(self.input, span)
    }

    /// A fingerprint of some cells, equal for equal values: rows of one partition key share it.
    pub fn fingerprint(self, fields: &[usize]) -> u64 {
        use std::hash::{Hash, Hasher};
        // SipHash with fixed keys: the same in every process, and rows are compared by it only within one batch.
        let mut hasher = std::hash::DefaultHasher::new();
        for field in fields {
            match self.cell(*field) {
                Cell::Absent => 0_u8.hash(&mut hasher),
                Cell::Boolean(value) => value.hash(&mut hasher),
                Cell::Int(value) | Cell::Date(value) => value.hash(&mut hasher),
                Cell::Long(value) | Cell::Timestamp(value) => value.hash(&mut hasher),
                Cell::Double(value) => value.to_bits().hash(&mut hasher),
                Cell::Decimal { unscaled, scale } => (unscaled, scale).hash(&mut hasher),
                Cell::Text(span) | Cell::Bytes(span) => self.bytes(span).hash(&mut hasher),
                Cell::Uuid(value) => value.hash(&mut hasher),
            }
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn record_row_and_row_of_equal_values_are_written_alike() {
        let record = Record::new(Vec::new(), Some(b"Ada"), 0);
        let mut of_record =
            RecordRow { origin: LogRecord { record, ..LogRecord::default() }, ..RecordRow::default() };
        of_record.cells.reset(1, 3);
        let input = of_record.origin.record.buffer();
        let borrowed = of_record.cells.borrow(input, input).unwrap();
        of_record.cells.set(0, Cell::Text(borrowed));
        let mut row = Row::default();
        row.cells.reset(1, 0);
        let made = row.cells.make(b"Ada").unwrap();
        row.cells.set(0, Cell::Text(made));
        assert_eq!((of_record.as_row().text(borrowed), row.as_row().text(made)), ("Ada", "Ada"));
        assert_eq!(of_record.as_row().fingerprint(&[0]), row.as_row().fingerprint(&[0]));
    }
}
