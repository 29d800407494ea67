//! Prints the last rows of a table.

use serde_json::{Map, Value};
use userstream_worker::table::embedded::{TableReader, TableRow};

use super::{MAX_PER_POLL, POLL_INTERVAL, TailError};
use crate::arguments::OutputFormat;
use crate::terminal::columns::aligned;
use crate::terminal::print;

/// Prints rows of a table.
pub(super) struct Rows {
    table: TableReader,
    format: OutputFormat,
    width: usize,
}

impl Rows {
    pub(super) fn new(table: TableReader, format: OutputFormat, width: usize) -> Self {
        Self { table, format, width }
    }

    /// Prints the last rows; with `follow` also new ones, until standard output is closed.
    pub(super) fn print(&self, count: usize, follow: bool) -> Result<(), TailError> {
        let rows = self.table.last_rows(count)?;
        let mut last = rows.last().map_or(0, |row| row.number);
        print(&self.text(&rows, true))?;
        if !follow {
            return Ok(());
        }
        loop {
            std::thread::sleep(POLL_INTERVAL);
            let rows = self.table.rows_after(last, MAX_PER_POLL)?;
            last = rows.last().map_or(last, |row| row.number);
            print(&self.text(&rows, false))?;
        }
    }

    fn text(&self, rows: &[TableRow], with_header: bool) -> String {
        let columns = self.table.columns();
        match self.format {
            OutputFormat::Json => rows.iter().map(|row| json(columns, row)).collect(),
            OutputFormat::Human => {
                let value = |value: &Option<String>| value.clone().unwrap_or_default();
                let lines = rows.iter().map(|row| row.values.iter().map(value).collect());
                let names = with_header.then(|| columns.to_vec());
                aligned(names.into_iter().chain(lines).collect(), self.width)
            }
        }
    }
}

fn json(columns: &[String], row: &TableRow) -> String {
    let value = |value: &Option<String>| value.clone().map_or(Value::Null, Value::String);
    let object: Map<String, Value> = columns.iter().cloned().zip(row.values.iter().map(value)).collect();
    format!("{}\n", Value::Object(object))
}
