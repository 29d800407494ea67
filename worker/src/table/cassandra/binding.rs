//! Binds rows to the values of the statement: each cell is serialized directly into the request.

use scylla::cluster::metadata::{ColumnType, NativeType};
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::{CellWriter, RowWriter};
use userstream_crds::model::{CqlType, Table};

use crate::record::{Cell, RowRef};
use crate::table::column_value::{ColumnValue, ColumnValueError, column_value};

/// The field and type of each value of the statement.
#[derive(Debug, Clone)]
pub(super) struct Binding {
    columns: Vec<BoundColumn>,
}

#[derive(Debug, Clone, Copy)]
struct BoundColumn {
    field: usize,
    cql_type: CqlType,
    is_key: bool,
}

impl Binding {
    /// The binding of a table's columns, in their order.
    pub(super) fn of(table: &Table) -> Self {
        let columns = table.columns.iter().enumerate().map(|(index, column)| BoundColumn {
            field: column.field,
            cql_type: column.cql_type,
            is_key: table.primary_key().any(|key| key == index),
        });
        Self { columns: columns.collect() }
    }

    /// Whether the prepared statement has these values: one per column in order, then the write time.
    pub(super) fn fits<'a>(&self, values: impl Iterator<Item = &'a ColumnType<'a>>) -> bool {
        let types = self.columns.iter().map(|column| native(column.cql_type)).chain([NativeType::BigInt]);
        types.map(ColumnType::Native).eq(values.cloned())
    }
}

/// A row bound to the statement.
pub(super) struct Bound<'a> {
    pub(super) row: RowRef<'a>,
    pub(super) binding: &'a Binding,
}

impl SerializeRow for Bound<'_> {
    fn serialize(
        &self,
        _: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Result<(), SerializationError> {
        for column in &self.binding.columns {
            write_cell(self.row, *column, writer.make_cell_writer()).map_err(SerializationError::new)?;
        }
        set(writer.make_cell_writer(), &self.row.write_time.to_be_bytes()).map_err(SerializationError::new)
    }

    fn is_empty(&self) -> bool {
        false
    }
}

fn write_cell(row: RowRef<'_>, column: BoundColumn, cell: CellWriter<'_>) -> Result<(), ColumnValueError> {
    // The fast path for the most frequent type: a text cell is always UTF-8 and needs no conversion.
    if let (Cell::Text(span), CqlType::Text) = (row.cell(column.field), column.cql_type) {
        return set(cell, row.bytes(span));
    }
    match column_value(row, row.cell(column.field), column.cql_type)? {
        None if column.is_key => Err(ColumnValueError::AbsentKey),
        None => {
            cell.set_unset();
            Ok(())
        }
        Some(ColumnValue::Uuid(bytes)) => set(cell, &bytes),
        Some(ColumnValue::Text(text)) => set(cell, text.as_bytes()),
        Some(ColumnValue::Int(value)) => set(cell, &value.to_be_bytes()),
        Some(ColumnValue::BigInt(value) | ColumnValue::Timestamp(value)) => set(cell, &value.to_be_bytes()),
        Some(ColumnValue::VarInt(value)) => set(cell, shortest(&value.to_be_bytes())),
        Some(ColumnValue::Double(value)) => set(cell, &value.to_be_bytes()),
        Some(ColumnValue::Boolean(value)) => set(cell, &[u8::from(value)]),
        // Cassandra encodes the epoch as 2^31.
        Some(ColumnValue::Date(days)) => set(cell, &(days as u32 ^ (1 << 31)).to_be_bytes()),
        Some(ColumnValue::Blob(bytes)) => set(cell, bytes),
        Some(ColumnValue::Decimal { unscaled, scale }) => {
            let mut builder = cell.into_value_builder();
            builder.append_bytes(&scale.to_be_bytes());
            builder.append_bytes(shortest(&unscaled.to_be_bytes()));
            builder.finish().map(drop).map_err(|_| ColumnValueError::TooLarge)
        }
    }
}

fn set(cell: CellWriter<'_>, bytes: &[u8]) -> Result<(), ColumnValueError> {
    cell.set_value(bytes).map(drop).map_err(|_| ColumnValueError::TooLarge)
}

/// A big-endian two's complement number without redundant sign bytes.
fn shortest(bytes: &[u8]) -> &[u8] {
    let repeats = bytes
        .windows(2)
        .take_while(|pair| {
            matches!(pair, [0x00, next] if *next < 0x80) || matches!(pair, [0xff, next] if *next >= 0x80)
        })
        .count();
    bytes.get(repeats..).unwrap_or(bytes)
}

fn native(cql_type: CqlType) -> NativeType {
    match cql_type {
        CqlType::Uuid => NativeType::Uuid,
        CqlType::Text => NativeType::Text,
        CqlType::Ascii => NativeType::Ascii,
        CqlType::Int => NativeType::Int,
        CqlType::BigInt => NativeType::BigInt,
        CqlType::VarInt => NativeType::Varint,
        CqlType::Double => NativeType::Double,
        CqlType::Decimal => NativeType::Decimal,
        CqlType::Boolean => NativeType::Boolean,
        CqlType::Timestamp => NativeType::Timestamp,
        CqlType::Date => NativeType::Date,
        CqlType::Blob => NativeType::Blob,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use scylla::serialize::value::SerializeValue;
    use scylla::value::{CqlDate, CqlDecimal, CqlTimestamp, CqlVarint};

    use super::*;
    use crate::record::{AsRow, LogRecord, Record, RecordRow};

    /// The serialized form of a row with one cell.
    fn bound(row: &RecordRow, cql_type: CqlType) -> Result<Vec<u8>, SerializationError> {
        let binding = Binding { columns: vec![BoundColumn { field: 0, cql_type, is_key: false }] };
        let mut bytes = Vec::new();
        Bound { row: row.as_row(), binding: &binding }
            .serialize(&RowSerializationContext::empty(), &mut RowWriter::new(&mut bytes))?;
        Ok(bytes)
    }

    /// The driver's serialized form of the same value, followed by the write time.
    fn driver(value: &impl SerializeValue, cql_type: CqlType, write_time: i64) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut writer = RowWriter::new(&mut bytes);
        value.serialize(&ColumnType::Native(native(cql_type)), writer.make_cell_writer()).unwrap();
        write_time.serialize(&ColumnType::Native(NativeType::BigInt), writer.make_cell_writer()).unwrap();
        bytes
    }

    fn row(cell: Cell) -> RecordRow {
        let mut row = RecordRow { write_time: 1_700_000_000_000_123, ..RecordRow::default() };
        row.cells.reset(1, 0);
        row.cells.set(0, cell);
        row
    }

    fn with_bytes(bytes: &[u8], cell: impl FnOnce(crate::record::Span) -> Cell) -> RecordRow {
        let record = Record::new(Vec::new(), Some(bytes), 0);
        let mut row = RecordRow {
            origin: LogRecord { record, ..LogRecord::default() },
            write_time: -5,
            ..RecordRow::default()
        };
        row.cells.reset(1, bytes.len());
        let input = row.origin.record.value().unwrap();
        let span = row.cells.borrow(input, input).unwrap();
        row.cells.set(0, cell(span));
        row
    }

    fn same(row: &RecordRow, cql_type: CqlType, value: &impl SerializeValue) {
        assert_eq!(bound(row, cql_type).unwrap(), driver(value, cql_type, row.write_time), "{cql_type:?}");
    }

    #[test]
    fn absent_cell_is_unset_and_never_null() {
        let bytes = bound(&row(Cell::Absent), CqlType::Text).unwrap();
        assert_eq!(bytes.get(..4), Some(&(-2_i32).to_be_bytes()[..]));
    }

    #[test]
    fn absent_key_is_refused() {
        let binding =
            Binding { columns: vec![BoundColumn { field: 0, cql_type: CqlType::Uuid, is_key: true }] };
        let mut bytes = Vec::new();
        let row = row(Cell::Absent);
        let error = Bound { row: row.as_row(), binding: &binding }
            .serialize(&RowSerializationContext::empty(), &mut RowWriter::new(&mut bytes))
            .unwrap_err();
        assert_eq!(error.downcast_ref::<ColumnValueError>(), Some(&ColumnValueError::AbsentKey));
    }

    #[test]
    fn texts_and_bytes_serialize_as_in_the_driver() {
        same(&with_bytes("Nordenskiöldinkatu".as_bytes(), Cell::Text), CqlType::Text, &"Nordenskiöldinkatu");
        same(&with_bytes(b"plain", Cell::Text), CqlType::Ascii, &"plain");
        same(&with_bytes(b"", Cell::Text), CqlType::Text, &"");
        same(&with_bytes(b"\x00\xff", Cell::Bytes), CqlType::Blob, &&b"\x00\xff"[..]);
    }

    #[test]
    fn statement_with_other_types_does_not_fit() {
        let binding =
            Binding { columns: vec![BoundColumn { field: 0, cql_type: CqlType::Text, is_key: true }] };
        let (text, int, bigint) = (
            ColumnType::Native(NativeType::Text),
            ColumnType::Native(NativeType::Int),
            ColumnType::Native(NativeType::BigInt),
        );
        assert!(binding.fits([&text, &bigint].into_iter()));
        assert!(!binding.fits([&int, &bigint].into_iter()));
        assert!(!binding.fits([&text].into_iter()));
        assert!(!binding.fits([&text, &bigint, &bigint].into_iter()));
    }

    proptest! {
        #[test]
        fn numbers_serialize_as_in_the_driver(value: i32, long: i64, double: f64, boolean: bool) {
            same(&row(Cell::Int(value)), CqlType::Int, &value);
            same(&row(Cell::Int(value)), CqlType::BigInt, &i64::from(value));
            same(&row(Cell::Long(long)), CqlType::BigInt, &long);
            same(&row(Cell::Double(double)), CqlType::Double, &double);
            same(&row(Cell::Boolean(boolean)), CqlType::Boolean, &boolean);
            same(&row(Cell::Timestamp(long)), CqlType::Timestamp, &CqlTimestamp(long));
            same(&row(Cell::Timestamp(long)), CqlType::BigInt, &long);
        }

        #[test]
        fn dates_serialize_as_in_the_driver(days: i32) {
            let offset = u32::try_from(i64::from(days) + (1 << 31)).unwrap();
            same(&row(Cell::Date(days)), CqlType::Date, &CqlDate(offset));
        }

        #[test]
        fn uuids_serialize_as_in_the_driver(bytes: [u8; 16]) {
            same(&row(Cell::Uuid(bytes)), CqlType::Uuid, &uuid::Uuid::from_bytes(bytes));
        }

        #[test]
        fn varints_serialize_in_their_shortest_form(value in prop_oneof![any::<i64>(), -300_i64..300]) {
            let shortest = CqlVarint::from_signed_bytes_be(varint(value.into()));
            same(&row(Cell::Long(value)), CqlType::VarInt, &shortest);
        }

        #[test]
        fn decimals_serialize_exactly(unscaled in prop_oneof![any::<i128>(), -300_i128..300], scale: i32) {
            let expected = CqlDecimal::from_signed_be_bytes_and_exponent(varint(unscaled), scale);
            same(&row(Cell::Decimal { unscaled, scale }), CqlType::Decimal, &expected);
        }
    }

    /// The shortest two's complement form, by its definition.
    fn varint(value: i128) -> Vec<u8> {
        let length = (1..=16_usize)
            .find(|length| {
                let bits = (8 * length) as u32;
                bits == 128 || (-(1_i128 << (bits - 1))..(1_i128 << (bits - 1))).contains(&value)
            })
            .unwrap();
        value.to_be_bytes()[16 - length..].to_vec()
    }
}
